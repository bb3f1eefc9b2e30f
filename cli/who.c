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

/* The text and the map of identities.yaml: 0, -ENOENT (then *map is NULL) or another -errno, with what is wrong in d. */
static int identities(struct tree *t, struct buf *text, struct diags *d, struct idmap **map)
{
	int err = tree_read(t, IDENTITIES, LIMIT_DOC_BYTES, text);

	*map = NULL;
	if (err == -ENOENT || err == -ENOTDIR)
		return -ENOENT;
	if (err) {
		diag_add(d, DIAG_ERROR, IDENTITIES, 0, 0, "cannot be read: %s", strerror(-err));
		return err;
	}
	return idmap_parse(IDENTITIES, buf_str(text), text->len, d, map);
}

int who_check_identities(struct tree *t, struct diags *d)
{
	AUTO_BUF text = BUF_INIT;
	struct idmap *map;
	int err = identities(t, &text, d, &map);

	idmap_free(map);
	return err;
}

/* The Unix user with that address, by the keys of the map's text, or NULL. */
static struct passwd *user_of(const struct buf *text, const char *email)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct ynode *doc;
	struct passwd *user = NULL;

	if (ynode_parse(&a, IDENTITIES, buf_str(text), text->len, &ignored, &doc) == 0)
		ynode_each(e, ynode_get(doc, "identities")) {
			char *end;
			unsigned long uid = strtoul(e->key->text, &end, 10);

			if (!user && e->kind == Y_SCALAR && str_ieq(e->text, email))
				user = *end ? getpwnam(e->key->text) : getpwuid((uid_t)uid);
		}
	arena_free(&a);
	return user;
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

static void fill(struct who *w, const struct idmap *map, const struct buf *text, const char *as, const char *groups)
{
	struct passwd *user = NULL;

	if (!as) {
		user = getpwuid(getuid());
		const char *email = map ? idmap_find(map, user ? user->pw_name : NULL, getuid(), NULL) : NULL;
		w->email = email ? lower_copy(email) : NULL;
	} else if (!str_ieq(as, "anonymous")) {
		w->email = lower_copy(as);
		user = user_of(text, as);
	}
	if (groups)
		named_groups(w, groups);
	else if (user)
		unix_groups(w, user);
	w->p.email = w->email;
	w->p.groups = (const char *const *)w->groups;
}

int who_find(struct tree *t, const char *as, const char *groups, struct who *out)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct idmap *map;
	int err;

	*out = (struct who){0};
	if (as && !str_ieq(as, "anonymous") && !idmap_email_ok(as))
		return out_fail(ZDDC_USAGE, "--as %s: give an e-mail address, or \"anonymous\"", as);
	err = identities(t, &text, &d, &map);
	if (err && err != -ENOENT && !as) {
		out_diags(&d);
		return ZDDC_POLICY;
	}
	fill(out, map, &text, as, groups);
	idmap_free(map);
	return ZDDC_YES;
}

void who_free(struct who *w)
{
	for (size_t i = 0; i < w->p.n_groups; i++)
		free(w->groups[i]);
	free(w->groups);
	free(w->email);
}
