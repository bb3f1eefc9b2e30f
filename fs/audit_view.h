/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .zddc.d/audit.jsonl: the lines of all chains that are about what lies at or below a directory, as far as this reader may know of it by
 * today's policy: what happened in directories they read or administer, or where they are auditors. What has no path (mounts, sessions)
 * is for whoever sees all of the archive. Sources in policy files that they cannot read, and the other end of a move where they may not
 * know of it, are "(hidden)": such a line's hash is that of the line as it is stored.
 *
 * Read as a stream: nothing is held but a window, and at its end it goes on as lines are written. Any thread, one reader at a time waits
 * for another. No lock may be held.
 */
#ifndef FS_AUDIT_VIEW_H
#define FS_AUDIT_VIEW_H

#include <stdbool.h>
#include <sys/types.h>

struct audit_view;
struct identity;

/* 'dir' is a path; 'all': also what has no path. Never NULL. */
struct audit_view *audit_view_new(struct identity *who, const char *dir, bool all);
void audit_view_free(struct audit_view *v); /* NULL is fine */
/* Bytes at 'off' of the stream; 0 where there are none yet; -errno. */
ssize_t audit_view_read(struct audit_view *v, void *data, size_t size, off_t off);

#endif
