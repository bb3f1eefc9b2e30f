/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only system calls on the backing tree. Everything is reached from a directory descriptor by one component, or by file handle:
 * never by a path with a slash, never through a symlink, never to another filesystem (openat2 with RESOLVE_BENEATH,
 * RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV; THREATS 1 and 2). 0 or -errno everywhere; descriptors are O_CLOEXEC.
 *
 * Directory descriptors live in an LRU (bounded by the descriptor limit); a directory is opened again by its file handle, or by
 * parent and name where the filesystem (or an ordinary user) has none, and its inode number is checked.
 */
#ifndef FS_BACK_H
#define FS_BACK_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct buf;
struct node;

/* Identity of a backing object: inode number and, where there is one, the file handle. */
struct back_ref {
	uint64_t ino;
	uint32_t gen; /* 0 if unknown */
	uint8_t handle_len; /* 0: none, use parent and name */
	int16_t handle_type;
	unsigned char handle[40];
};

/* Opens the archive; refuses what SPEC 14 says (not a directory, inside the mount point, ...) with a logged sentence. */
int back_init(const char *archive, const char *mountpoint);
void back_exit(void);
/* True if we run as root and the filesystem gives file handles. */
bool back_has_handles(void);
uint64_t back_open_dirs(void); /* live directory descriptors, for status */

/* The archive root: its identity for nodes_init. */
int back_root_ref(struct back_ref *ref, struct stat *st);
/* The absolute path of the archive, as opened. */
const char *back_archive(void);
/* Raises the descriptor limit and remembers a quarter of it for directories; returns the limit. Before CAP_SYS_RESOURCE goes. */
size_t back_raise_limits(void);
/* The node is being freed, or its directory is gone: its descriptor is closed when nobody holds it. */
void back_dir_drop(struct node *dir);

/*
 * A write or fsync here has failed with EIO. What is on disk is no longer what was acknowledged, and a later fsync would say that all is
 * well (THREATS 29): nothing is changed any more until the archive is mounted anew.
 */
bool back_is_broken(void);

/* A directory descriptor (O_PATH) for as long as it is held; from the LRU. */
int back_dir_get(struct node *dir, int *fd); /* under tree_lock */
void back_dir_put(struct node *dir, int fd);
/* Appends a whole document of that directory, at most 1 MiB (-EFBIG). -ENOENT where there is none, and in a slot. Under tree_lock. */
int back_dir_read(struct node *dir, const char *name, struct buf *out);

/* Everything below works in a directory held by fd, on one name without a slash. */
int back_stat(int dirfd, const char *name, struct stat *st); /* never follows */
int back_fstat(int fd, struct stat *st);
int back_ref_of(int dirfd, const char *name, struct back_ref *ref, struct stat *st);
int back_open(int dirfd, const char *name, int flags, mode_t mode); /* fd or -errno; O_NOFOLLOW, regular files and directories only */
int back_opendir(int dirfd, const char *name); /* readable directory descriptor; name "" or "." is dirfd itself */
int back_create(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, int flags); /* O_EXCL; 0600 then fchown, fchmod; fd or -errno */
/* The same in <root>/.zddc.d/tmp, for a file that is renamed into its place when it is complete; 'tmp' as back_tmp_file. */
int back_create_tmp(mode_t mode, uid_t uid, gid_t gid, int flags, char *tmp, int *tmp_dirfd);
int back_mkdir(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid);
int back_symlink(const char *target, int dirfd, const char *name, uid_t uid, gid_t gid);
int back_unlink(int dirfd, const char *name);
int back_rmdir(int dirfd, const char *name);
int back_link(int from_fd, const char *from, int to_fd, const char *to); /* -EEXIST if 'to' is there: exclusive on every filesystem */
int back_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int back_readlink(int dirfd, const char *name, struct buf *out);
int back_chmod(int dirfd, const char *name, mode_t mode);
int back_utimens(int dirfd, const char *name, const struct timespec ts[2]);
int back_futimens(int fd, const struct timespec ts[2]);
int back_fchmod(int fd, mode_t mode);
int back_truncate(int fd, off_t size);
int back_fsync(int fd, bool datasync);
ssize_t back_pread(int fd, void *data, size_t n, off_t off);
ssize_t back_pwrite(int fd, const void *data, size_t n, off_t off);
ssize_t back_append(int fd, const void *data, size_t n); /* at the end, whole, whatever other writers do */
int back_fallocate(int fd, int mode, off_t off, off_t len);
int back_clone(int in, int out); /* the whole file, by reflink; -EOPNOTSUPP or the like where there is none */
ssize_t back_copy_range(int in, off_t off_in, int out, off_t off_out, size_t len);
off_t back_lseek(int fd, off_t off, int whence);
int back_statvfs(struct statvfs *out);
/* user.* only reaches these; through the file itself (its descriptor opened O_PATH|O_NOFOLLOW is resolved without a path). */
ssize_t back_getxattr(int dirfd, const char *name, const char *attr, void *value, size_t size);
ssize_t back_listxattr(int dirfd, const char *name, char *list, size_t size);
int back_setxattr(int dirfd, const char *name, const char *attr, const void *value, size_t size, int flags);
ssize_t back_fgetxattr(int fd, const char *attr, void *value, size_t size);
int back_fsetxattr(int fd, const char *attr, const void *value, size_t size);
/* FS_IMMUTABLE_FL: not even root changes it, whether or not we are mounted. -EOPNOTSUPP or -ENOTTY where there is none. */
int back_set_immutable(int fd, bool on);
bool back_is_immutable(int fd);
int back_removexattr(int dirfd, const char *name, const char *attr);

/* By path from the archive root, for documents and the daemon's own files only ("" is the root): walks component by component, beneath. */
int back_path_dir(const char *path, int *fd); /* O_PATH; caller closes */
int back_path_read(const char *path, struct buf *out, size_t most); /* whole regular file; -EFBIG over 'most', -ELOOP for a symlink */
int back_path_stat(const char *path, struct stat *st);
int back_path_open(const char *path, int flags); /* fd or -errno, as back_open */
/* The daemon's own store: <root>/.zddc.d/<name>, made 0700 on the way. */
int back_store_dir(const char *name, int *fd); /* O_PATH; caller closes */
/* Writes <root>/.zddc.d/<dir>/<name> atomically (temp, fsync, rename, fsync of the directory). */
int back_store_write(const char *dir, const char *name, const void *data, size_t n);
/* A new private file in <root>/.zddc.d/tmp, named in 'name' (at least 40 bytes); fd or -errno. *tmp_dirfd is borrowed: never close it. */
int back_tmp_file(char *name, int *tmp_dirfd);
/* A new empty private directory there; *tmp_dirfd borrowed as well. */
#define BACK_TMP_NAME 40
int back_tmp_dir(char *name, int *tmp_dirfd);
/*
 * Puts a new inode with these bytes in place of 'name' (or makes it): temporary file in the store, fsync, rename over, fsync of the
 * directory. 'uid' owns it where we run as root.
 */
int back_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode, uid_t uid, gid_t gid);
/*
 * The first half of that: a complete file in <root>/.zddc.d/tmp, on disk, to be renamed or linked into its place. 'tmp' and *tmp_dirfd as
 * back_tmp_file.
 */
int back_tmp_write(const void *data, size_t n, mode_t mode, uid_t uid, gid_t gid, char *tmp, int *tmp_dirfd);
/* The entries of a directory (O_PATH will do) to disk. */
int back_sync_dir(int dirfd);
/* A private directory of the daemon in dirfd, made 0700 if it is not there; *fd (O_PATH) is the caller's to close. */
int back_own_subdir(int dirfd, const char *name, int *fd);
/* A whole regular file of that directory; -EFBIG over 'most', -ELOOP for a symlink. */
int back_read_all(int dirfd, const char *name, struct buf *out, size_t most);
/* The same of an open file. */
int back_read_fd(int fd, struct buf *out, size_t most);
/* Removes a directory and all in it (the daemon's own .zddc.d of a removed directory); never follows, never leaves. */
int back_rmtree(int dirfd, const char *name);
/* Calls each() for every entry but "." and ".." until it returns false; type is a DT_ value (DT_UNKNOWN is resolved). */
int back_list(int dirfd, const char *name, bool (*each)(void *arg, const char *name, unsigned char type, uint64_t ino), void *arg);
/* Empties <root>/.zddc.d/tmp at start: what a killed daemon left. */
int back_tmp_clean(void);

/* Archive-relative path of a directory by its struct file_handle, malloc()ed: -ESTALE if it is gone, -EXDEV if not in the archive. */
int back_handle_path(const void *file_handle, char **path);
/* A readable descriptor of the archive root, borrowed (fanotify). */
int back_root_fd(void);

#endif
