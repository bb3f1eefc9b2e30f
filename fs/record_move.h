/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Renames onto, of and between records (SPEC section 10). 0 or -errno. */
#ifndef FS_RECORD_MOVE_H
#define FS_RECORD_MOVE_H

#include <stdbool.h>

struct node;
struct op;

/*
 * False: the rename has nothing to do with records, or is an ordinary one of a record. Else it has been done or refused, and *result is the
 * answer. The caller has seen that both names may be known; takes tree_lock itself.
 */
bool record_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags, int *result);

#endif
