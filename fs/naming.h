/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * naming: enforce and warn (SPEC section 11, "Names"): names of what is made in, or moved into, a directory. Transient names and empty
 * "New ..." entries pass until they are renamed. Under the tree lock.
 */
#ifndef FS_NAMING_H
#define FS_NAMING_H

#include <stdbool.h>

#include "acl/acl.h"

struct node;
struct op;

/* May an entry get that name in dir? 0, or -EINVAL with the part that failed in last-error. 'empty': it holds nothing yet. */
int naming_check(struct op *op, enum acl_op what, struct node *dir, const char *name, bool is_dir, bool empty);
/*
 * A folder is about to be moved to 'name' in dir: its name, and those of all files and folders below it ('name_now' in from_fd), by the
 * rule of the place they get to. All or nothing; last-error lists the offenders.
 */
int naming_check_tree(struct op *op, struct node *dir, const char *name, int from_fd, const char *name_now);
/* "New ..." in a place that enforces names: it is empty, and stays so until it has its name. */
bool naming_is_pending(struct node *dir, const char *name, bool is_dir);
int naming_refuse_pending(struct op *op, enum acl_op what, struct node *dir, const char *name);
/* The same for a new entry in 'dir', whose own name is still to be given. */
int naming_check_dir_named(struct op *op, enum acl_op what, struct node *dir);

#endif
