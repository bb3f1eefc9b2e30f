/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of fs/back*.c share, and nobody else: the descriptors of the archive, and the few calls that all of them stand on.
 * back.c: one name in one directory. back_dir.c: live directory descriptors. back_store.c: paths and the daemon's own store.
 * back_start.c: opening and closing the archive, descriptor to path.
 */
#ifndef FS_BACK_PRIVATE_H
#define FS_BACK_PRIVATE_H

#include <errno.h>
#include <limits.h>

#include "fs/back.h"

#define BACK_STORE ".zddc.d"

struct back_state {
	char path[PATH_MAX];
	int fd; /* the archive root, O_PATH */
	int rd; /* the same, readable: file handles and fanotify want it */
	int lease; /* .zddc.d, locked for as long as we live */
	int tmp; /* .zddc.d/tmp, readable */
	int proc; /* /proc/self/fd, so that a descriptor's path is asked for without a slash */
	uint64_t mnt_id, dev;
	bool root; /* we run as root: chown, file handles */
	bool handles;
};
/* Written by back_init() and back_exit(), and 'tmp' once under a lock of its own; read by everybody. */
extern struct back_state back;

static inline int back_err(int r)
{
	return r < 0 ? -errno : r;
}

/* One component, beneath, no symlink, no other filesystem; fd or -errno. */
int back_open_at(int dirfd, const char *name, int flags, mode_t mode);
/* The file handle of one name ("": the descriptor itself) into ref. */
int back_handle_of(int dirfd, const char *name, struct back_ref *ref);
/* The directory of a file handle, O_PATH; -EPERM if the filesystem gives none. */
int back_open_handle(const struct back_ref *ref);
/* Permission bits of a file as it is stored: never set-id, always ours to read. */
mode_t back_file_mode(mode_t mode);
/* Ours until here, the caller's from here on: quotas count and ls -l is right. Set-id bits never. */
int back_hand_over(int fd, mode_t mode, uid_t uid, gid_t gid);
/* A private directory of the daemon, made if it is not there; fd or -errno. */
int back_own_dir(int dirfd, const char *name, int flags);
/* The directory for things that are being made; kept open once it is there. Borrowed. */
int back_open_tmp(bool make);
/* Removes all that is in a directory, never following, never leaving. */
int back_clear(int dirfd);

#endif
