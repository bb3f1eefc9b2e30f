/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control directory .zddc.d, by name in every directory, never listed in it (SPEC section 8). Rows of virt.def: name, what makes its
 * text, who may read it. Texts are made when opened, for the opener, and read from the handle. Nothing here is stored.
 */
#ifndef FS_VIRT_CTL_H
#define FS_VIRT_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct op;
struct node;
struct buf;
struct entry;
struct ctl_row;

/* Look-up of 'name' in a NODE_CTL_DIR (or of .zddc.d itself in a directory). 0 or -ENOENT. Counts a look-up in out. */
int ctl_lookup(struct op *op, struct node *dir, const char *name, struct entry *out);
int ctl_getattr(struct op *op, struct node *node, struct stat *out);
/* The whole text for this caller; 0 or -errno. */
int ctl_text(struct op *op, struct node *node, struct buf *out);
/* Is it (in) one of the directories that show earlier versions (virt_kept.h)? Nothing there can be changed: EROFS. */
bool ctl_is_kept(const struct node *node);
/* Does a look-up in that directory ask for an earlier day (past.h)? No lock needed. */
bool ctl_is_past(const struct node *dir);
/* 1 and its text: it is a pointer (virt_kept.h); 0: it is not; -errno. */
int ctl_kept_pointer(struct op *op, struct node *node, struct buf *out);
/* A version, to be read: a descriptor of the caller, or -errno. */
int ctl_open_kept(struct op *op, struct node *node);
struct audit_view;
/* Is it read as a stream? Then the stream for this caller: 0 or -errno (and NULL). */
bool ctl_is_stream(const struct node *node);
int ctl_stream(struct op *op, struct node *node, struct audit_view **out);
/* Is it the control file that runs what is written into it (command.h)? */
bool ctl_is_command(const struct node *node);
/* Names in a control directory that this caller may see, until each() returns false. */
int ctl_list(struct op *op, struct node *dir, bool (*each)(void *arg, const char *name, mode_t type), void *arg);
/* The xattrs user.zddc.* (never in listxattr): 0 with the value, -ENODATA if there is no such name. */
int ctl_xattr(struct op *op, struct node *node, const char *name, struct buf *out);

#endif
