/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/who.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl/idmap.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/tree.h"

#define IDENTITIES ".zddc.d/identities.yaml"

static char *lower_copy(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	str_lower(copy);
	return copy;
}

struct who_map {
	struct buf text;
	struct arena arena;
	struct ynode *doc; /* of the text; NULL: none, or invalid */
	struct idmap *map; /* NULL: the same */
};

/* Loads identities.yaml: 0, -ENOENT (then everything is NULL) or another -errno, with what is wrong in d. */
static int load(struct tree *t, struct who_map *m, struct diags *d)
{
	AUTO_DIAGS ignored = DIAGS_INIT;
	int err = tree_read(t, IDENTITIES, LIMIT_DOC_BYTES, &m->text);

	*m = (struct who_map){.text = m->text, .arena = ARENA_INIT};
	if (err == -ENOENT || err == -ENOTDIR)
		return -ENOENT;
	if (err) {
		diag_add(d, DIAG_ERROR, IDENTITIES, 0, 0, "cannot be read: %s", strerror(-err));
		return err;
	}
	if (ynode_parse(&m->arena, IDENTITIES, buf_str(&m->text), m->text.len, &ignored, &m->doc) < 0)
		m->doc = NULL;
	return idmap_parse(IDENTITIES, buf_str(&m->text), m->text.len, d, &m->map);
}

static void unload(struct who_map *m)
{
	idmap_free(m->map);
	arena_free(&m->arena);
	buf_free(&m->text);
}

#define AUTO_MAP __attribute__((cleanup(unload))) struct who_map

int who_check_identities(struct tree *t, struct diags *d)
{
	AUTO_MAP m = {0};

	return load(t, &m, d);
}

struct who_map *who_map_open(struct tree *t)
{
	struct who_map *m = calloc(1, sizeof *m);
	AUTO_DIAGS ignored = DIAGS_INIT;

	if (!m)
		abort();
	if (t)
		load(t, m, &ignored);
	return m;
}

void who_map_free(struct who_map *m)
{
	if (!m)
		return;
	unload(m);
	free(m);
}

/* The Unix user with that address, or NULL. */
static struct passwd *user_of(const struct who_map *m, const char *email)
{
	ynode_each(e, ynode_get(m->doc, "identities")) {
		char *end;
		unsigned long uid = strtoul(e->key->text, &end, 10);

		if (e->kind == Y_SCALAR && str_ieq(e->text, email))
			return *end ? getpwnam(e->key->text) : getpwuid((uid_t)uid);
	}
	return NULL;
}

static void add_group(struct who *w, const char *name, size_t len)
{
	w->groups = realloc(w->groups, (w->p.n_groups + 1) * sizeof *w->groups);
	if (!w->groups)
		abort();
	w->groups[w->p.n_groups] = strndup(name, len);
	str_lower(w->groups[w->p.n_groups]);
	w->p.n_groups++;
}

static void named_groups(struct who *w, const char *list)
{
	for (size_t n; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (n)
			add_group(w, list, n);
	}
}

/* Groups as the name service reports them; a failure means none. */
static void unix_groups(struct who *w, const struct passwd *user)
{
	AUTO_FREE gid_t *ids = NULL;
	int n = 64;

	do {
		free(ids);
		ids = calloc((size_t)n, sizeof *ids);
		if (!ids)
			abort();
	} while (getgrouplist(user->pw_name, user->pw_gid, ids, &n) < 0 && n <= 65536);
	for (int i = 0; i < n && n <= 65536; i++) {
		const struct group *g = getgrgid(ids[i]);

		if (g)
			add_group(w, g->gr_name, strlen(g->gr_name));
	}
}

static void use_groups(struct who *w, const char *groups, const struct passwd *user)
{
	if (groups)
		named_groups(w, groups);
	else if (user)
		unix_groups(w, user);
	w->p.email = w->email;
	w->p.groups = (const char *const *)w->groups;
}

/* malloc()ed, lower case; NULL, anonymous, if the address is retired (or NULL). */
static char *address(const struct who_map *m, const char *email)
{
	return email && !idmap_retired(m->map, email, NULL) ? lower_copy(email) : NULL;
}

void who_of(const struct who_map *m, const char *email, struct who *out)
{
	*out = (struct who){.email = address(m, email)};
	use_groups(out, NULL, user_of(m, email));
}

static void fill(struct who *w, const struct who_map *m, const char *as, const char *groups)
{
	struct passwd *user = NULL;

	if (!as) {
		user = getpwuid(getuid());
		const char *email = m->map ? idmap_find(m->map, user ? user->pw_name : NULL, getuid(), NULL) : NULL;
		w->email = address(m, email);
	} else if (!str_ieq(as, "anonymous")) {
		w->email = address(m, as);
		user = user_of(m, as);
	}
	use_groups(w, groups, user);
}

int who_find(struct tree *t, const char *as, const char *groups, struct who *out)
{
	AUTO_MAP m = {0};
	AUTO_DIAGS d = DIAGS_INIT;
	int err;

	*out = (struct who){0};
	if (as && !str_ieq(as, "anonymous") && !idmap_email_ok(as))
		return out_fail(ZDDC_USAGE, "--as %s: give an e-mail address, or \"anonymous\"", as);
	err = load(t, &m, &d);
	if (err && err != -ENOENT && !as) {
		out_diags(&d);
		return ZDDC_POLICY;
	}
	fill(out, &m, as, groups);
	return ZDDC_YES;
}

void who_free(struct who *w)
{
	for (size_t i = 0; i < w->p.n_groups; i++)
		free(w->groups[i]);
	free(w->groups);
	free(w->email);
}
