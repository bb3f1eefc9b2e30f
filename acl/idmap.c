/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identities.yaml: names and uids to e-mail addresses. */
#include "acl/idmap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/ynode.h"

struct who {
	const char *name; /* NULL: by uid */
	unsigned long uid;
	const char *email;
};

struct retired {
	const char *email, *heir;
};

struct idmap {
	struct arena arena;
	struct who *v;
	size_t n;
	struct retired *retired;
	size_t n_retired;
};

enum { EMAIL_MAX = 254 };
static const unsigned long UID_LIMIT = 4294967294ul; /* (uid_t)-1 means "no change" to the kernel: nobody has it */

/* What an address may not hold: what patterns, roles, YAML keys and lists give a meaning to. */
static bool email_byte_ok(unsigned char c)
{
	return c > ' ' && c != 0x7f && !strchr("*:,;\"'<>()[]{}\\/#&!|%", c);
}

bool idmap_email_ok(const char *s)
{
	size_t n = strlen(s);
	const char *at = strchr(s, '@');

	if (!at || at == s || !at[1] || strchr(at + 1, '@') || n > EMAIL_MAX || !str_utf8_valid(s, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!email_byte_ok((unsigned char)s[i]))
			return false;
	return true;
}

/* A key of digits only is a uid, quoted or not. */
static bool key_is_uid(const char *s)
{
	if (!*s)
		return false;
	return s[strspn(s, "0123456789")] == '\0';
}

static bool key_name_ok(const struct ynode *key)
{
	if (!key->len || strlen(key->text) != key->len)
		return false;
	for (size_t i = 0; i < key->len; i++)
		if ((unsigned char)key->text[i] <= ' ' || key->text[i] == 0x7f || key->text[i] == ':' || key->text[i] == '/')
			return false;
	return true;
}

/* Name or uid from the key; false with the error in d. */
static bool parse_key(const struct ynode *key, const char *file, struct diags *d, struct who *w)
{
	if (!key_is_uid(key->text)) {
		w->name = key->text;
		if (key_name_ok(key))
			return true;
		diag_add(d, DIAG_ERROR, file, key->line, key->col, "\"%s\" is no user name", key->text);
		return false;
	}
	errno = 0;
	w->uid = strtoul(key->text, NULL, 10);
	/* one spelling for each number, so that the duplicate keys of YAML are all there are */
	if (!errno && w->uid <= UID_LIMIT && (key->text[0] != '0' || !key->text[1]))
		return true;
	diag_add(d, DIAG_ERROR, file, key->line, key->col, "%s is no uid: write a number up to %lu without leading zeros", key->text,
		 UID_LIMIT);
	return false;
}

/* Folded; NULL with the error in d. */
static const char *parse_email(struct idmap *m, const struct ynode *value, const char *file, struct diags *d)
{
	char *email;

	if (value->kind != Y_SCALAR || strlen(value->text) != value->len || !idmap_email_ok(value->text)) {
		diag_add(d, DIAG_ERROR, file, value->line, value->col,
			 "%s is not an e-mail address; write one, like alice@example.com",
			 value->kind == Y_SCALAR ? value->text : "this");
		return NULL;
	}
	email = arena_strndup(&m->arena, value->text, value->len);
	str_lower(email);
	return email;
}

static void parse_member(struct idmap *m, const struct ynode *value, const char *file, struct diags *d)
{
	struct who w = {0};
	bool ok = parse_key(value->key, file, d, &w);

	w.email = parse_email(m, value, file, d);
	if (w.email && ok)
		m->v[m->n++] = w;
}

static bool is_null(const struct ynode *n) { return n->kind == Y_SCALAR && n->type == Y_NULL; }

static void parse_retired(struct idmap *m, const struct ynode *value, const char *file, struct diags *d)
{
	struct retired r = {.email = parse_email(m, value->key, file, d)};
	bool heir = !is_null(value);

	if (heir)
		r.heir = parse_email(m, value, file, d);
	if (r.email && (r.heir || !heir))
		m->retired[m->n_retired++] = r;
}

/* The map under 'key', or NULL if there is nothing under it (or no map: said in d). */
static const struct ynode *section(const struct ynode *top, const char *key, const char *what, const char *file, struct diags *d)
{
	const struct ynode *map = ynode_get(top, key);

	if (!map || is_null(map))
		return NULL;
	if (map->kind == Y_MAP)
		return map;
	diag_add(d, DIAG_ERROR, file, map->line, map->col, "\"%s\" must be a map of %s", key, what);
	return NULL;
}

static void parse_map(struct idmap *m, const struct ynode *top, const char *file, struct diags *d)
{
	const struct ynode *who = section(top, "identities", "user name or uid to e-mail", file, d);
	const struct ynode *retired = section(top, "retired", "e-mail to the heir's e-mail, or null", file, d);

	ynode_each(it, top)
		if (strcmp(it->key->text, "identities") != 0 && strcmp(it->key->text, "retired") != 0)
			diag_add(d, DIAG_ERROR, file, it->key->line, it->key->col,
				 "unknown key \"%s\"; only \"identities\" and \"retired\" are known here", it->key->text);
	m->v = arena_array(&m->arena, struct who, who ? who->n + 1 : 1);
	m->retired = arena_array(&m->arena, struct retired, retired ? retired->n + 1 : 1);
	ynode_each(it, who)
		parse_member(m, it, file, d);
	ynode_each(it, retired)
		parse_retired(m, it, file, d);
}

int idmap_parse(const char *file, const char *text, size_t len, struct diags *d, struct idmap **out)
{
	struct arena first = ARENA_INIT;
	struct idmap *m = arena_new(&first, struct idmap);
	struct ynode *top;
	size_t before = d->errors;

	m->arena = first; /* it holds the map itself as well */
	if (!ynode_parse(&m->arena, file, text, len, d, &top)) {
		if (top->kind == Y_MAP)
			parse_map(m, top, file, d);
		else
			diag_add(d, DIAG_ERROR, file, top->line, top->col, "must be a map with the key \"identities\"");
	}
	if (d->errors == before) {
		*out = m;
		return 0;
	}
	diags_sort(d);
	idmap_free(m);
	return -EINVAL;
}

void idmap_free(struct idmap *m)
{
	struct arena all;

	if (!m)
		return;
	all = m->arena;
	arena_free(&all);
}

const char *idmap_find(const struct idmap *m, const char *unix_name, unsigned long uid, bool *conflict)
{
	const char *by_name = NULL, *by_uid = NULL;
	bool differ;

	for (size_t i = 0; m && i < m->n; i++) {
		if (!m->v[i].name && m->v[i].uid == uid)
			by_uid = m->v[i].email;
		if (m->v[i].name && unix_name && !strcmp(m->v[i].name, unix_name))
			by_name = m->v[i].email;
	}
	differ = by_name && by_uid && strcmp(by_name, by_uid);
	if (conflict)
		*conflict = differ;
	if (differ)
		return NULL;
	return by_uid ? by_uid : by_name;
}

size_t idmap_count(const struct idmap *m) { return m ? m->n : 0; }

bool idmap_retired(const struct idmap *m, const char *email, const char **heir)
{
	for (size_t i = 0; m && i < m->n_retired; i++)
		if (str_ieq(m->retired[i].email, email)) {
			if (heir)
				*heir = m->retired[i].heir;
			return true;
		}
	return false;
}

void idmap_each(const struct idmap *m, void (*user)(void *arg, const char *user, unsigned long uid, const char *email),
		void (*retired)(void *arg, const char *email, const char *heir), void *arg)
{
	for (size_t i = 0; m && user && i < m->n; i++)
		user(arg, m->v[i].name, m->v[i].uid, m->v[i].email);
	for (size_t i = 0; m && retired && i < m->n_retired; i++)
		retired(arg, m->retired[i].email, m->retired[i].heir);
}

bool idmap_user_ok(const char *user)
{
	struct ynode key = {.kind = Y_SCALAR, .text = user, .len = strlen(user)};
	AUTO_DIAGS d = DIAGS_INIT;
	struct who w = {0};

	return parse_key(&key, "", &d, &w);
}
