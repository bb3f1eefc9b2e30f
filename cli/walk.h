/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every directory of a tree, in the order of names, so that two runs say the same. Shows progress on a terminal. */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include <stdbool.h>

struct tree;

/* Any of them may be NULL. 'dir' is relative to the root, "" for the root itself. */
struct walk {
	void (*dir)(void *arg, const char *dir); /* first */
	void (*entry)(void *arg, const char *dir, const char *name, bool is_dir); /* then for each entry, in no order */
	void (*listed)(void *arg, const char *dir, int err); /* then, 0 or why it could not be listed (-errno); then what is below */
	void *arg;
};

/* At and below 'dir', LIMIT_DIR_DEPTH levels at most. */
void walk_tree(struct tree *t, const char *dir, const struct walk *w);

#endif
