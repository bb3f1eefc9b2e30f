/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/walk.h"

#include "base/buf.h"
#include "base/limits.h"
#include "cli/out.h"
#include "cli/tree.h"
#include "cli/vec.h"

struct level {
	struct tree *t;
	const struct walk *w;
	const char *dir;
	unsigned depth;
	char **names; /* of its sub-directories */
	size_t n;
};

static bool remember(void *arg, const char *name, bool is_dir)
{
	struct level *l = arg;

	if (l->w->entry)
		l->w->entry(l->w->arg, l->dir, name, is_dir);
	if (!is_dir || l->depth >= LIMIT_DIR_DEPTH)
		return true;
	l->names = vec_room(l->names, l->n, sizeof *l->names);
	l->names[l->n++] = vec_str(name);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void visit(struct tree *t, const char *dir, unsigned depth, const struct walk *w)
{
	struct level l = {t, w, dir, depth, NULL, 0};
	int err;

	out_progress("directories");
	if (w->dir)
		w->dir(w->arg, dir);
	err = tree_list(t, dir, remember, &l);
	if (w->listed)
		w->listed(w->arg, dir, err);
	if (l.n)
		qsort(l.names, l.n, sizeof *l.names, by_name);
	for (size_t i = 0; i < l.n; i++) {
		AUTO_BUF sub = BUF_INIT;

		tree_join(&sub, dir, l.names[i]);
		visit(t, buf_str(&sub), depth + 1, w);
		free(l.names[i]);
	}
	free(l.names);
}

void walk_tree(struct tree *t, const char *dir, const struct walk *w)
{
	visit(t, dir, 0, w);
}
