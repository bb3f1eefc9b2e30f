/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telling the kernel that it should forget. Always by a thread of its own: a notice about a directory that the running request holds
 * locked in the kernel would hang the daemon (THREATS 33). Notices go out in the order in which they were asked for.
 *
 * With all timeouts 0 the kernel keeps no name and no attribute beyond a request, so that only cached pages are left to drop; names with
 * classes (SPEC section 15) will need the others.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct fuse_session;

int notify_start(struct fuse_session *se);
/* No notice goes out any more. False if the kernel still holds one up after a second: then 'se' must not be freed. */
bool notify_stop(void);
/* Forget the name (it goes away under a user's feet), or only look it up again before it is next used. */
void notify_entry_gone(uint64_t parent, const char *name);
void notify_entry_expire(uint64_t parent, const char *name);
/* Forget attributes and cached pages or listing of an inode. */
void notify_inode(uint64_t id);
struct node;
/* Forget the cached pages of a file, some of which were refused. n->tainted is raised until the kernel has done so. */
void notify_pages(struct node *n);
/* Sent and waiting, for status. */
uint64_t notify_sent(void);
uint64_t notify_pending(void);

#endif
