/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing identities.yaml. A line of the usual form is changed where it stands, so that what people wrote beside it stays; what that
 * makes is read again, and if it is not the change that was wanted, the whole file is written anew.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "acl/idmap.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"

enum { EMAIL_BYTES = 256 };

/* The change as it stands in the file: one member of one section. */
struct member {
	const char *section, *key;
	char value[EMAIL_BYTES]; /* "" with 'set': null */
	bool set; /* else it is removed */
};

/* ---- what is wrong with it ---- */

static int wrong(struct diags *d, const char *file, const char *what, const char *why)
{
	diag_add(d, DIAG_ERROR, file, 0, 0, "%s %s", what, why);
	return -EINVAL;
}

static int check_email(const char *email, const struct idmap *m, struct diags *d, const char *file)
{
	if (!idmap_email_ok(email))
		return wrong(d, file, email, "is not an e-mail address");
	return idmap_retired(m, email, NULL) ? wrong(d, file, email, "is retired: it is nobody's any more") : 0;
}

static int check(const struct idmap_edit *e, const struct idmap *m, struct diags *d, const char *file)
{
	int r = 0;

	if (e->user && !idmap_user_ok(e->user))
		return wrong(d, file, e->user, "is no user name and no uid");
	if (e->user)
		return e->email ? check_email(e->email, m, d, file) : 0;
	r = check_email(e->retire, m, d, file);
	if (r == 0 && e->heir)
		r = check_email(e->heir, m, d, file);
	if (r == 0 && e->heir && str_ieq(e->heir, e->retire))
		r = wrong(d, file, e->heir, "cannot be its own heir");
	return r;
}

static void make_member(const struct idmap_edit *e, struct member *m)
{
	const char *value = e->user ? e->email : e->heir;

	*m = (struct member){.section = e->user ? "identities" : "retired", .key = e->user ? e->user : e->retire, .set = !e->user || e->email};
	snprintf(m->value, sizeof(m->value), "%s", value ? value : "");
	str_lower(m->value);
}

/* ---- lines ---- */

static void add_member(struct buf *out, unsigned indent, const struct member *m)
{
	buf_addf(out, "%*s", (int)indent, "");
	if (m->key[strspn(m->key, "0123456789")])
		yemit_key(out, m->key, indent);
	else
		buf_addf(out, "%s:", m->key); /* a number is a uid, quoted or not */
	buf_addc(out, ' ');
	if (*m->value)
		yemit_scalar(out, m->value);
	else
		buf_adds(out, "null");
	buf_addc(out, '\n');
}

/* Where line n (from 1) begins. */
static const char *line_at(const char *text, uint32_t n)
{
	const char *at = text;

	while (at && --n)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	return at;
}

/* Takes the lines from 'first' to before 'next' out, puts the member in. */
static void splice(const char *text, uint32_t first, uint32_t next, unsigned indent, const struct member *m, struct buf *out)
{
	const char *from = line_at(text, first), *to = line_at(text, next);

	from = from ? from : text + strlen(text);
	buf_add(out, text, (size_t)(from - text));
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	if (m->set)
		add_member(out, indent, m);
	buf_adds(out, to ? to : "");
}

/* Unix names have a case, addresses have none. */
static const struct ynode *member_of(const struct ynode *section, const struct member *m)
{
	return !strcmp(m->section, "retired") ? ynode_geti(section, m->key) : ynode_get(section, m->key);
}

/* In place, as if every member had a line of its own. */
static void edit_lines(const char *text, const struct ynode *top, const struct member *m, struct buf *out)
{
	const struct ynode *section = ynode_get(top, m->section), *is = member_of(section, m), *last = NULL;

	ynode_each(it, section)
		last = it;
	if (is) {
		splice(text, is->key->line, is->key->line + 1, is->key->col - 1, m, out);
	} else if (last) {
		splice(text, last->key->line + 1, last->key->line + 1, last->key->col - 1, m, out);
	} else if (!section) {
		buf_adds(out, text);
		if (out->len && out->data[out->len - 1] != '\n')
			buf_addc(out, '\n');
		buf_addf(out, "%s:\n", m->section);
		add_member(out, 2, m);
	}
}

/* ---- what it shall mean ---- */

static struct ynode *text_node(struct arena *a, const char *text)
{
	struct ynode *n = arena_new(a, struct ynode);

	*n = (struct ynode){.kind = Y_SCALAR, .type = *text ? Y_STR : Y_NULL, .text = *text ? text : "null", .len = *text ? strlen(text) : 4};
	return n;
}

/* Members as they were, the one that changes replaced, removed or added. */
static struct ynode *section_after(struct arena *a, const struct ynode *top, const char *name, const struct member *m)
{
	const struct ynode *before = ynode_get(top, name), *is = !strcmp(name, m->section) ? member_of(before, m) : NULL;
	struct ynode *map = arena_new(a, struct ynode), **at = &map->child;
	bool mine = !strcmp(name, m->section);

	*map = (struct ynode){.kind = Y_MAP, .key = text_node(a, name)};
	ynode_each(it, before) {
		if (it == is && !m->set)
			continue;
		*at = arena_new(a, struct ynode);
		**at = it == is ? *text_node(a, m->value) : *it;
		(*at)->key = it->key;
		(*at)->next = NULL;
		at = &(*at)->next;
		map->n++;
	}
	if (mine && !is && m->set) {
		*at = text_node(a, m->value);
		(*at)->key = text_node(a, m->key);
		map->n++;
	}
	return map;
}

static struct ynode *tree_after(struct arena *a, const struct ynode *top, const struct member *m)
{
	struct ynode *all = arena_new(a, struct ynode), *who = section_after(a, top, "identities", m), *retired = section_after(a, top, "retired", m);

	*all = (struct ynode){.kind = Y_MAP, .child = who, .n = retired->n ? 2 : 1};
	if (retired->n)
		who->next = retired;
	return all;
}

/* ---- doing it ---- */

/* The text says that as well, whether by an empty section or by none. */
static bool means(struct arena *a, const struct buf *text, const struct ynode *want)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *is;

	if (!text->len || ynode_parse(a, "", text->data, text->len, &d, &is) || is->kind != Y_MAP)
		return false;
	ynode_each(section, want)
		if (section->child && (!ynode_get(is, section->key->text) || !ynode_equal(section, ynode_get(is, section->key->text))))
			return false;
	return true;
}

static void write_edited(struct arena *a, const char *text, const struct ynode *top, const struct member *m, struct buf *out)
{
	struct ynode *want = tree_after(a, top, m);

	edit_lines(text, top, m, out);
	if (means(a, out, want))
		return;
	buf_reset(out);
	yemit_node(out, want, 0);
}

int idmap_edit(const char *file, const char *text, size_t len, const struct idmap_edit *e, struct diags *d, struct buf *out)
{
	struct arena a = ARENA_INIT;
	struct idmap *map = NULL;
	struct member m;
	struct ynode *top;
	int r = idmap_parse(file, text, len, d, &map);

	if (r == 0)
		r = check(e, map, d, file);
	if (r == 0 && ynode_parse(&a, file, text, len, d, &top) == 0) {
		make_member(e, &m);
		if (!m.set && !member_of(ynode_get(top, m.section), &m))
			r = -ENOENT;
		else
			write_edited(&a, arena_strndup(&a, text, len), top, &m, out);
	}
	idmap_free(map);
	arena_free(&a);
	return r;
}
