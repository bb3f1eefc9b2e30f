/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .zddc.d/at/DATE/: the files of a directory as they were at a time (SPEC section 11): versions that are kept, and files that have not
 * changed since. A file shows to whoever may read it today, and might then. Under tree_lock for reading.
 */
#ifndef FS_VIRT_AT_H
#define FS_VIRT_AT_H

#include <stdbool.h>
#include <sys/stat.h>

struct buf;
struct identity;
struct node;

/* "2026-01-31" (its end is meant) or "2026-01-31T12:00:00Z", not in the future, where versions are or were kept. False: no such DATE. */
bool at_moment(struct node *dir, const char *date, long long *at);
/* Appends the path (from the archive root) of what 'name' was then. False if there was no such file, or not for this person. */
bool at_path(const struct identity *who, struct node *dir, const char *name, long long at, struct buf *out);
/* The names of all that was there then for this person, until each() returns false. 0 or -errno. */
int at_list(const struct identity *who, struct node *dir, long long at, bool (*each)(void *arg, const char *name, mode_t type), void *arg);

#endif
