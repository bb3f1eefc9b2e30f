/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Declared slots: directories that paths: declares and that come into being on the first allowed write below (SPEC section 8). */
#ifndef FS_LAZY_H
#define FS_LAZY_H

#include <stdbool.h>

struct op;
struct node;

/* The spelling under which 'name' is declared below dir, and no entry of any spelling is on disk: malloc()ed; else NULL. */
char *lazy_declared(struct node *dir, const char *name);
/* The same, also when one is on disk: its spelling there. */
char *lazy_spelling(struct node *dir, const char *name);
/*
 * Calls each() for every declared slot of dir that is not on disk (in any case). 'on_disk' says whether a spelling exists there.
 */
void lazy_each(struct node *dir, bool (*on_disk)(void *arg, const char *name), bool (*each)(void *arg, const char *name), void *arg);
/*
 * Makes slot (and slots above it) real, with auto-own where declared, reusing an existing spelling; the node becomes NODE_DIR. The
 * caller has passed the gate for what they want to do below. -EPERM for virtual directories. tree_lock held for writing.
 */
int lazy_materialise(struct op *op, struct node *slot);
/* True if creating 'name' in dir would differ only in case from a declared slot (EEXIST). */
bool lazy_collides(struct node *dir, const char *name);

#endif
