/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/places.h"

#include <errno.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "cli/engine.h"
#include "cli/out.h"
#include "cli/tree.h"
#include "cli/vec.h"

struct child {
	char *name;
	enum places_how how;
};

struct level {
	struct child *v;
	size_t n;
};

static void add(struct level *l, const char *name, enum places_how how)
{
	l->v = vec_room(l->v, l->n, sizeof *l->v);
	l->v[l->n++] = (struct child){vec_str(name), how};
}

static bool on_disk(void *arg, const char *name)
{
	add(arg, name, PLACE_ON_DISK);
	return true;
}

static bool declared(void *arg, const char *segment)
{
	struct level *l = arg;

	for (size_t i = 0; i < l->n; i++)
		if (str_ieq(l->v[i].name, segment))
			return true;
	add(l, segment, PLACE_DECLARED);
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct child *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->how - (int)y->how;
}

static bool known(const struct level *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return true;
	return false;
}

/* What one engine knows below dir. */
static int children(const struct places *w, const struct engine *e, const char *dir, struct level *l)
{
	struct acl_policy *p = acl_snap_policy(e->snap, dir);
	int err = e->source->subdirs(e->source->ctx, dir, on_disk, l);

	acl_slots(p, declared, l);
	if (w->any && acl_names_any(p) && !known(l, "*"))
		add(l, "*", PLACE_ANY);
	acl_policy_unref(p);
	return err == -ENOENT ? 0 : err;
}

static int visit(const struct places *w, const struct place_found *at)
{
	struct level l = {0};
	int err = 0;

	out_progress("directories");
	if (!w->each(w->arg, at))
		return 0;
	for (size_t i = 0; i < 2 && w->e[i] && at->depth < LIMIT_DIR_DEPTH; i++) {
		int e = children(w, w->e[i], at->path, &l);
		err = err ? err : e;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_name);
	for (size_t i = 0; i < l.n; i++) {
		AUTO_BUF path = BUF_INIT;
		int e = 0;

		tree_join(&path, at->path, l.v[i].name);
		if (!i || strcmp(l.v[i - 1].name, l.v[i].name) != 0)
			e = visit(w, &(struct place_found){buf_str(&path), l.v[i].name, l.v[i].how, at->depth + 1});
		err = err ? err : e;
	}
	for (size_t i = 0; i < l.n; i++)
		free(l.v[i].name);
	free(l.v);
	if (w->done)
		w->done(w->arg, at);
	return err;
}

int places_walk(const struct places *w, const char *dir)
{
	return visit(w, &(struct place_found){.path = dir, .name = "", .how = PLACE_ON_DISK});
}
