/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders that belong to whoever makes them (SPEC section 7). */
#ifndef FS_AUTOOWN_H
#define FS_AUTOOWN_H

#include <sys/types.h>

struct op;
struct node;

/*
 * Makes 'name' in 'dir' for the caller, with its generated .zddc where the new directory's level says auto_own: made in the daemon's
 * tmp, given its .zddc, renamed into place without replacing: it appears complete or not at all. The caller has passed the gate for
 * mkdir. -EEXIST, -EACCES (anonymous), or -errno of the backing tree. Raises the policy generation. tree_lock held for writing.
 */
int autoown_mkdir(struct op *op, struct node *dir, const char *name, mode_t mode);
/* The same with what 'fill' writes into it (its descriptor; 0 or -errno, synced): all of it appears in one step, or nothing does. */
typedef int (*autoown_fill)(void *arg, int dirfd);
int autoown_mkdir_with(struct op *op, struct node *dir, const char *name, mode_t mode, autoown_fill fill, void *arg);
/*
 * A directory is about to be renamed to 'name' in 'to' and has no .zddc: writes one into it first (at 'from_fd', 'from_name') when its
 * new level says auto_own. *wrote tells; the rename's failure must take it back (autoown_undo).
 */
int autoown_before_rename(struct op *op, int from_fd, const char *from_name, struct node *to, const char *name, int *wrote);
void autoown_undo(int dirfd, const char *name);

#endif
