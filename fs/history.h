/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Earlier versions of files (SPEC section 11): where history: true holds, every version that is replaced, overwritten, removed or moved
 * away is kept. In the directory's own .zddc.d:
 *
 *   history/NAME/TIME-REVISION-SHA8-EMAIL   versions of the file that has the name now; moved-from says where it came from
 *   ended/NAME/TIME-EMAIL/                  the same of a file that was removed (or moved: moved-to) then, by that person
 *   removed/TIME-NAME-EMAIL/                all that of a directory that was removed
 *
 * A version is the very inode that lost its name, where nobody can write to it any more; else a copy, by reflink where the filesystem can.
 * Large files are read before any lock is taken (history_read), and the result is used if the file is still the same.
 */
#ifndef FS_HISTORY_H
#define FS_HISTORY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "fs/back.h"

struct handle;
struct identity;
struct node;
struct op;

/* Are versions of 'name' in dir kept? Not of temporary names; and an empty file is no version. Under tree_lock. */
bool history_keeps(struct node *dir, const char *name);

enum history_how {
	HISTORY_GOES, /* the inode loses this name: it may become the version itself */
	HISTORY_STAYS, /* it lives on, and may be written: the version is a copy */
};

/* A version read beforehand. Zero it; history_read_drop when done. */
struct history_version {
	bool read;
	struct stat st; /* of the file then */
	char sha256[SHA256_HEX];
	bool copied; /* a copy lies ready: */
	int tmp_dir;
	char tmp[BACK_TMP_NAME];
};

/* Reads what history_keep will want, if it will want anything. No lock held; takes tree_lock for a moment. Never fails: it is only sooner. */
void history_read(struct node *dir, const char *name, enum history_how how, struct history_version *v);
void history_read_drop(struct history_version *v);

/*
 * The file 'name' of dir (descriptor dirfd) is kept as a version of itself; bytes that are the last version's add nothing. 0 (also where
 * nothing is kept), or -errno: then it must not be changed. 'v' may be NULL. Under tree_lock.
 */
int history_keep(struct node *dir, int dirfd, const char *name, enum history_how how, struct history_version *v);
/* The same before the first change through a handle, which then counts as who wrote the file. No lock held. */
int history_before_write(struct handle *h);
/* When the bytes that a file has now were written, as far as is known: seconds since 1970. Under tree_lock. */
long long history_written_at(struct node *dir, int dirfd, const char *name, const struct stat *st);
/* The versions kept of that name to disk. */
int history_sync(int dirfd, const char *name);
/* The file has been made or is open for writing through h: what is to be done about history is remembered in it. Under tree_lock. */
void history_opened(struct handle *h, bool created);
/* Its last bytes are written: when, and by whom. */
void history_written(struct handle *h);

/* It has been removed: its versions are those of an ended chain. Under tree_lock for writing, as all below. */
void history_removed(const struct identity *who, struct node *dir, int dirfd, const char *name);
/* It has another name in the same directory. 'over': that name was another file's, whose versions it goes on with. */
void history_renamed(const struct identity *who, struct node *dir, int dirfd, const char *name, const char *new_name, bool over);
void history_exchanged(struct node *dir, int dirfd, const char *name, const char *other);
/* It is in another directory: a pointer in each, and its versions here have ended. */
void history_moved(const struct identity *who, struct node *from, int from_fd, const char *name, struct node *to, int to_fd, const char *new_name);
/*
 * A directory is being removed; its own .zddc.d is in 'fd', its parent's descriptor is parent_fd. What versions it holds go to the parent's
 * removed/. 0 or -errno.
 */
int history_dir_removed(const struct identity *who, int fd, int parent_fd, const char *name);

/* Every version kept in a directory, of whatever chain: calls each() with an open file, until it returns false. */
int history_each(int dirfd, bool (*each)(void *arg, int fd), void *arg);
/* The same of directories called 'name' that have been removed from it (and of what was removed in those). */
int history_each_removed(int dirfd, const char *name, bool (*each)(void *arg, int fd), void *arg);

#endif
