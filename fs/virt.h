/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Virtual directories (SPEC section 9): tables over the parties of a project, and links to their folders. Which directory is one, of what
 * kind and from where, is policy (acl_virtual); nothing here knows a name, and nothing is on disk. Every row is decided by the gate at
 * the directory in which its record lies, under the record's own name, so that explanations name that file.
 *
 * What such a directory shows are nodes of kind NODE_VIRT. They carry nothing but their name: each request finds out anew what is
 * behind it, for this caller. "no lock": the function takes the tree lock itself; "under tree_lock": the caller holds it.
 * The writing half is in virt_edit.c.
 */
#ifndef FS_VIRT_H
#define FS_VIRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/op.h"

struct buf;
struct virt_rows;

/* Is the directory a virtual one? Under tree_lock. */
bool virt_is(struct node *dir);
/* The same; no lock. */
bool virt_here(struct node *dir);

/* Look-up in a virtual directory, of what is not .zddc or .zddc.d. Counts a look-up. Under tree_lock. 0 or -ENOENT. */
int virt_lookup(struct op *op, struct node *dir, const char *name, struct entry *out);
/* Of NODE_VIRT; no lock. What the caller may not see is -ENOENT. */
int virt_getattr(struct op *op, struct node *node, struct stat *out);
int virt_access(struct op *op, struct node *node, int mask);
int virt_open(struct op *op, struct node *node, int flags, struct handle **out);
int virt_readlink(struct op *op, struct node *node, char **out);
/*
 * The directory and the name in it that 'name' of a virtual directory stands for: *dir is counted, *file malloc()ed. -ENOENT if it
 * stands for nothing that this caller may know of. Under tree_lock.
 */
int virt_canonical(const struct identity *who, struct node *virt, const char *name, struct node **dir, char **file);

/* ------------------------------------------------------------------------------------------------ changing (virt_edit.c) */

/* What nobody may do there: -EPERM, explained. Under tree_lock. */
int virt_refuse(struct op *op, enum acl_op what, struct node *dir, const char *name);
/* As op.h has them; no lock. At least one directory of a rename is virtual. */
int virt_create(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out);
int virt_unlink(struct op *op, struct node *dir, const char *name);
int virt_rmdir(struct op *op, struct node *dir, const char *name);
int virt_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags);
int virt_setattr(struct op *op, struct node *n, struct handle *h, const struct attr_change *c, struct stat *out);

/* ------------------------------------------------------------------------------------------------ listing (virt_rows.c) */

/*
 * The rows as they are now, of everybody: a snapshot that never changes, shared and counted. Costs what has changed since the last one;
 * no lock. NULL if the directory is no virtual one.
 */
struct virt_rows *virt_rows_get(struct op *op, struct node *dir);
void virt_rows_put(struct virt_rows *rows);
size_t virt_rows_count(const struct virt_rows *rows);
/*
 * Calls each() for the rows from 'first' on that 'who' may see now, until it returns false. 'at' is the number of the row. 0 at the end, 1
 * if each() has had enough, or -errno: it cannot be said who sees the next. Under tree_lock.
 */
typedef bool (*virt_each)(void *arg, const char *name, mode_t type, uint64_t ino, size_t at);
int virt_rows_each(const struct identity *who, struct node *dir, const struct virt_rows *rows, size_t first, virt_each each, void *arg);
/* Calls each() for the other names of the directory that this caller sees, until it returns false. Under tree_lock. */
void virt_names_each(struct op *op, struct node *dir, bool (*each)(void *arg, const char *name, mode_t type), void *arg);
/* Now and then: what is only kept for speed, or too old, is forgotten. */
void virt_age(void);
/* Before the nodes go. */
void virt_exit(void);

#endif
