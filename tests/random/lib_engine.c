/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/random/lib_engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/random/lib_naive.h"

static int find_dir(const struct engine *e, const char *path)
{
	for (int i = 0; i < e->w->n_dirs; i++)
		if (strcmp(e->path[i], path) == 0)
			return i;
	return -1;
}

static int read_doc(void *ctx, const char *path, struct buf *text)
{
	const struct engine *e = ctx;
	int i = find_dir(e, path);
	if (i < 0 || !e->w->dir[i].doc.present)
		return -ENOENT;
	buf_adds(text, e->w->dir[i].doc.text);
	return 0;
}

static int list_dirs(void *ctx, const char *path, bool (*each)(void *arg, const char *name), void *arg)
{
	const struct engine *e = ctx;
	int at = find_dir(e, path);
	if (at < 0)
		return -ENOENT;
	for (int i = 1; i < e->w->n_dirs; i++)
		if (e->w->dir[i].parent == at && !each(arg, e->w->dir[i].name))
			return 0;
	return 0;
}

static bool has_policy_below(const struct world *w, int dir)
{
	if (w->dir[dir].doc.present)
		return true;
	for (int i = 1; i < w->n_dirs; i++)
		if (w->dir[i].parent == dir && has_policy_below(w, i))
			return true;
	return false;
}

static int list_policy_dirs(void *ctx, const char *path, bool (*each)(void *arg, const char *name), void *arg)
{
	const struct engine *e = ctx;
	int at = find_dir(e, path);
	if (at < 0)
		return -ENOENT;
	for (int i = 1; i < e->w->n_dirs; i++)
		if (e->w->dir[i].parent == at && has_policy_below(e->w, i) && !each(arg, e->w->dir[i].name))
			return 0;
	return 0;
}

static int read_last_root(void *ctx, struct buf *text)
{
	const struct engine *e = ctx;
	if (!e->w->last_root.present)
		return -ENOENT;
	buf_adds(text, e->w->last_root.text);
	return 0;
}

struct zddc_doc *engine_defaults(const struct world *w, char *why, size_t size)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	if (w->defaults.present && zddc_parse("defaults", w->defaults.text, strlen(w->defaults.text), false, &d, &doc) < 0)
		snprintf(why, size, "the engine refuses the defaults: line %u: %s", d.n ? d.v[0].line : 0,
			d.n ? d.v[0].text : "(it does not say why)");
	return doc;
}

void engine_repath(struct engine *e)
{
	for (int i = 0; i < e->w->n_dirs; i++)
		place_path(e->w, &(struct place){.dir = i}, e->path[i], sizeof(e->path[i]));
}

void engine_open_with(struct engine *e, struct world *w, struct acl *acl)
{
	*e = (struct engine){.w = w, .acl = acl};
	engine_repath(e);
	/* Every other world leaves out the index of policies, which must not change any answer. */
	struct zddc_source source = {
		.read = read_doc,
		.subdirs = list_dirs,
		.last_root = read_last_root,
		.ctx = e,
		.policy_below = w->n_dirs % 2 ? list_policy_dirs : NULL,
	};
	e->snap = acl_snap_new(acl, &source);
}

bool engine_open(struct engine *e, struct world *w, char *why, size_t size)
{
	struct zddc_doc *defaults = engine_defaults(w, why, size);
	*e = (struct engine){.w = w};
	if (w->defaults.present && !defaults)
		return false;
	engine_open_with(e, w, acl_new(defaults, w->strict));
	e->owns_acl = true;
	zddc_unref(defaults);
	return true;
}

void engine_close(struct engine *e)
{
	if (e->snap)
		acl_snap_free(e->snap);
	if (e->owns_acl)
		acl_free(e->acl);
}

void engine_change(struct engine *e, struct rng *r)
{
	int a = rng_below(r, e->w->n_dirs), b = rng_below(r, e->w->n_dirs);
	struct doc swap = e->w->dir[a].doc;
	e->w->dir[a].doc = rng_chance(r, 50) ? (struct doc){0} : e->w->dir[b].doc;
	if (e->w->dir[a].doc.present)
		e->w->dir[b].doc = swap;
	acl_snap_forget(e->snap, e->path[a]);
	acl_snap_forget(e->snap, e->path[b]);
}

struct acl_principal engine_principal(const struct principal *who)
{
	return (struct acl_principal){.email = who->email, .groups = (const char *const *)who->group, .n_groups = (size_t)who->n_groups};
}

struct acl_attrs engine_attrs(const struct world *w)
{
	return (struct acl_attrs){
		.now = w->now, .environment = w->attrs.environment, .provenance = w->attrs.provenance, .risk_score = w->attrs.risk};
}

void engine_file(const struct world *w, const struct place *at, int src, char *buf, size_t size)
{
	if (src == SRC_DEFAULTS) {
		snprintf(buf, size, "defaults");
		return;
	}
	char path[256];
	place_path(w, &(struct place){.dir = place_dir(w, at, src)}, path, sizeof(path));
	snprintf(buf, size, "%s%s.zddc", path, *path ? "/" : "");
}
