/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything below one directory of the backing tree, the daemon's own files (.zddc, .zddc.d) apart. Never follows, never leaves. */
#ifndef FS_BACK_WALK_H
#define FS_BACK_WALK_H

#include <stdint.h>

/* Where a walk stands. All of it is borrowed until each() returns. */
struct walked {
	const char *path; /* of the entry, from the top */
	const char *name; /* its last part, */
	int dirfd; /* in this directory */
	unsigned depth; /* of that directory: 0 is the top */
	unsigned char type; /* DT_ */
	uint64_t ino;
};

enum walk_on {
	WALK_ON,
	WALK_PAST, /* not into this directory */
	WALK_END,
};

/*
 * Calls each() for every entry below the directory 'name' of dirfd, a directory before what it holds. 0, also when it was ended; -errno of
 * the first directory that cannot be read (the others are), -ELOOP for what lies below LIMIT_DIR_DEPTH levels.
 */
int back_walk(int dirfd, const char *name, enum walk_on (*each)(void *arg, const struct walked *at), void *arg);

#endif
