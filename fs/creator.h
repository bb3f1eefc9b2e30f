/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who made an entry through the mount (SPEC section 1, "creator"): principal and uid, kept with the time in the xattr
 * user.zddc.creator of the backing entry, which nobody can read or set through the mount. What was put there behind the mount, and
 * symlinks (which have no xattrs), have no creator.
 */
#ifndef FS_CREATOR_H
#define FS_CREATOR_H

#include <stdbool.h>
#include <stddef.h>

struct identity;

/* Marks 'name' in dirfd as made by 'who' now. A filesystem without xattrs simply has no creators. */
void creator_mark(int dirfd, const char *name, const struct identity *who);
/* Did this very principal, under this uid, make it? *made_at (may be NULL) is when, in seconds since 1970. */
bool creator_is(int dirfd, const char *name, const struct identity *who, long long *made_at);

/*
 * Who wrote the bytes of a file last, for its history (SPEC section 11): the xattr user.zddc.writer, set while it is written. By descriptor.
 */
void writer_mark(int fd, const struct identity *who);
/* False if nobody wrote it through the mount. 'email' holds most + 1 bytes; *at is in seconds since 1970. */
bool writer_read(int dirfd, const char *name, char *email, size_t most, long long *at);

#endif
