/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/back.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/node.h"

#define STORE ".zddc.d"
#define TMP "tmp"

static struct {
	char path[PATH_MAX];
	int fd; /* the archive root, O_PATH */
	int rd; /* the same, readable: file handles and fanotify want it */
	int lease; /* .zddc.d, locked for as long as we live */
	int tmp; /* .zddc.d/tmp, readable */
	int proc; /* /proc/self/fd, so that a descriptor's path is asked for without a slash */
	uint64_t mnt_id, dev;
	bool root; /* we run as root: chown, file handles */
	bool handles;
} back = {.fd = -1, .rd = -1, .lease = -1, .tmp = -1, .proc = -1};

static int err_of(int r)
{
	return r < 0 ? -errno : r;
}

static bool broken; /* atomic: a write or fsync has failed with EIO */

bool back_is_broken(void)
{
	return __atomic_load_n(&broken, __ATOMIC_ACQUIRE);
}

/* The result of something that had to reach the disk. */
static int to_disk(int r)
{
	if (r == -EIO && !__atomic_exchange_n(&broken, true, __ATOMIC_ACQ_REL))
		log_err("the disk under %s failed (EIO): nothing is changed any more until it is mounted anew; check the disk first", back.path);
	return r;
}

/* ------------------------------------------------------------------------------------------------ looking */

static void stat_of_statx(const struct statx *sx, struct stat *st)
{
	*st = (struct stat){
		.st_dev = makedev(sx->stx_dev_major, sx->stx_dev_minor),
		.st_ino = sx->stx_ino,
		.st_mode = sx->stx_mode,
		.st_nlink = sx->stx_nlink,
		.st_uid = sx->stx_uid,
		.st_gid = sx->stx_gid,
		.st_size = (off_t)sx->stx_size,
		.st_blksize = sx->stx_blksize,
		.st_blocks = (blkcnt_t)sx->stx_blocks,
		.st_atim = {sx->stx_atime.tv_sec, sx->stx_atime.tv_nsec},
		.st_mtim = {sx->stx_mtime.tv_sec, sx->stx_mtime.tv_nsec},
		.st_ctim = {sx->stx_ctime.tv_sec, sx->stx_ctime.tv_nsec},
	};
}

/* Whatever is mounted inside the archive is another filesystem, and looks absent. */
static bool elsewhere(const struct statx *sx)
{
	if (sx->stx_mask & STATX_MNT_ID)
		return sx->stx_mnt_id != back.mnt_id;
	return makedev(sx->stx_dev_major, sx->stx_dev_minor) != back.dev;
}

static int stat_at(int dirfd, const char *name, int flags, struct stat *st)
{
	struct statx sx;

	if (statx(dirfd, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (elsewhere(&sx))
		return -ENOENT;
	stat_of_statx(&sx, st);
	return 0;
}

int back_stat(int dirfd, const char *name, struct stat *st)
{
	return stat_at(dirfd, name, *name ? 0 : AT_EMPTY_PATH, st);
}

int back_fstat(int fd, struct stat *st)
{
	return stat_at(fd, "", AT_EMPTY_PATH, st);
}

/* One component, beneath, no symlink, no other filesystem. */
static int open_at(int dirfd, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0)
		return errno == EXDEV ? -ENOENT : -errno;
	return (int)fd;
}

static bool good_kind(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

/* The kind is looked at before (opening a device may do things) and after (it may have been exchanged). */
int back_open(int dirfd, const char *name, int flags, mode_t mode)
{
	struct stat st;
	int r = flags & O_CREAT ? 0 : back_stat(dirfd, name, &st);

	if (r < 0)
		return r;
	if (!(flags & O_CREAT) && !good_kind(&st))
		return S_ISLNK(st.st_mode) ? -ELOOP : -ENOENT;
	if (!(flags & O_PATH))
		flags |= O_NONBLOCK | O_NOCTTY;
	AUTO_CLOSE int fd = open_at(dirfd, name, flags, mode);
	if (fd < 0)
		return fd;
	r = back_fstat(fd, &st);
	if (r < 0)
		return r;
	return good_kind(&st) ? steal_fd(&fd) : -ENOENT;
}

int back_opendir(int dirfd, const char *name)
{
	return open_at(dirfd, *name ? name : ".", O_RDONLY | O_DIRECTORY, 0);
}

static int handle_of(int dirfd, const char *name, struct back_ref *ref)
{
	union {
		struct file_handle h;
		unsigned char room[sizeof(struct file_handle) + sizeof(ref->handle)];
	} u = {.h.handle_bytes = sizeof(ref->handle)};
	int mount_id;

	if (name_to_handle_at(dirfd, name, &u.h, &mount_id, *name ? 0 : AT_EMPTY_PATH) < 0)
		return -errno;
	ref->handle_len = (uint8_t)u.h.handle_bytes;
	ref->handle_type = (int16_t)u.h.handle_type;
	memcpy(ref->handle, u.h.f_handle, u.h.handle_bytes);
	return 0;
}

/* Only directories get a file handle: files are always opened by name in theirs. */
int back_ref_of(int dirfd, const char *name, struct back_ref *ref, struct stat *st)
{
	int r = back_stat(dirfd, name, st);

	*ref = (struct back_ref){0};
	if (r < 0)
		return r;
	ref->ino = st->st_ino;
	if (back.handles && S_ISDIR(st->st_mode))
		handle_of(dirfd, name, ref);
	return 0;
}

static int open_handle(const struct back_ref *ref)
{
	union {
		struct file_handle h;
		unsigned char room[sizeof(struct file_handle) + sizeof(ref->handle)];
	} u = {.h.handle_bytes = ref->handle_len};

	u.h.handle_type = ref->handle_type;
	memcpy(u.h.f_handle, ref->handle, ref->handle_len);
	int fd = open_by_handle_at(back.rd, &u.h, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ------------------------------------------------------------------------------------------------ live directories */

struct back_dir {
	int fd;
	unsigned users;
	bool dropped; /* not in the list any more; freed by the last user */
	struct node *node;
	struct back_dir *prev, *next;
};

static pthread_mutex_t lru_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct back_dir head; /* of a ring, the latest used first */
	size_t count, most;
} lru = {.head = {.fd = -1, .prev = &lru.head, .next = &lru.head}, .most = 64};

static void ring_out(struct back_dir *d)
{
	d->prev->next = d->next;
	d->next->prev = d->prev;
	lru.count--;
}

static void ring_in(struct back_dir *d)
{
	d->next = lru.head.next;
	d->prev = &lru.head;
	d->next->prev = d;
	lru.head.next = d;
	lru.count++;
}

static void dir_free(struct back_dir *d)
{
	d->node->dir = NULL;
	close(d->fd);
	free(d);
}

/* lru_lock held. Those in use stay, whatever the bound. */
static void evict(void)
{
	struct back_dir *d = lru.head.prev, *prev;

	for (; lru.count > lru.most && d != &lru.head; d = prev) {
		prev = d->prev;
		if (d->users)
			continue;
		ring_out(d);
		dir_free(d);
	}
}

/* The live descriptor, one more user; -1 if there is none. */
static int dir_take(struct node *dir)
{
	WITH_MUTEX(&lru_lock);
	struct back_dir *d = dir->dir;

	if (!d)
		return -1;
	d->users++;
	if (!d->dropped) {
		ring_out(d);
		ring_in(d);
	}
	return d->fd;
}

static int open_by_parent(struct node *dir)
{
	int pfd, fd, r = back_dir_get(dir->parent, &pfd);

	if (r < 0)
		return r;
	fd = open_at(pfd, dir->name, O_PATH | O_DIRECTORY, 0);
	back_dir_put(dir->parent, pfd);
	return fd;
}

static int open_node(struct node *dir)
{
	AUTO_CLOSE int fd = dir->ref.handle_len ? open_handle(&dir->ref) : -EPERM;
	struct stat st;

	if (fd == -EPERM || fd == -EOPNOTSUPP)
		fd = open_by_parent(dir);
	if (fd < 0)
		return fd == -ESTALE || fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
	int r = back_fstat(fd, &st);
	if (r < 0)
		return r;
	return st.st_ino == dir->ref.ino && st.st_nlink ? steal_fd(&fd) : -ENOENT;
}

int back_dir_get(struct node *dir, int *fd)
{
	if (!dir->parent) {
		*fd = back.fd;
		return 0;
	}
	*fd = dir_take(dir);
	if (*fd >= 0)
		return 0;
	AUTO_CLOSE int fresh = open_node(dir);
	if (fresh < 0)
		return fresh;
	AUTO_FREE struct back_dir *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	WITH_MUTEX(&lru_lock);
	if (dir->dir) { /* another thread was faster */
		dir->dir->users++;
		*fd = dir->dir->fd;
		return 0;
	}
	*d = (struct back_dir){.fd = steal_fd(&fresh), .users = 1, .node = dir};
	ring_in(d);
	*fd = d->fd;
	dir->dir = steal_ptr(d);
	evict();
	return 0;
}

void back_dir_put(struct node *dir, int fd)
{
	if (fd == back.fd)
		return;
	WITH_MUTEX(&lru_lock);
	struct back_dir *d = dir->dir;

	if (--d->users == 0 && d->dropped)
		dir_free(d);
}

void back_dir_drop(struct node *dir)
{
	WITH_MUTEX(&lru_lock);
	struct back_dir *d = dir->dir;

	if (!d || d->dropped)
		return;
	ring_out(d);
	d->dropped = true;
	if (!d->users)
		dir_free(d);
}

uint64_t back_open_dirs(void)
{
	WITH_MUTEX(&lru_lock);
	return lru.count;
}

size_t back_raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 1024;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		getrlimit(RLIMIT_NOFILE, &rl);
	size_t n = rl.rlim_cur > 1u << 20 ? 1u << 20 : (size_t)rl.rlim_cur;

	lru.most = n / 4 > 4096 ? 4096 : n / 4;
	return n;
}

/* ------------------------------------------------------------------------------------------------ changing names */

static mode_t file_mode(mode_t mode)
{
	return (mode & 0777) | 0600;
}

/* Ours until here, the caller's from here on: quotas count and ls -l is right. Set-id bits never. */
static int hand_over(int fd, mode_t mode, uid_t uid, gid_t gid)
{
	if (back.root && fchown(fd, uid, gid) < 0)
		return -errno;
	return err_of(fchmod(fd, mode));
}

int back_create(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, int flags)
{
	int keep = flags & (O_ACCMODE | O_SYNC | O_DSYNC);
	AUTO_CLOSE int fd = open_at(dirfd, name, keep | O_CREAT | O_EXCL | O_NOCTTY, 0600);
	int r;

	if (fd < 0)
		return fd;
	r = hand_over(fd, file_mode(mode), uid, gid);
	if (r < 0) {
		unlinkat(dirfd, name, 0);
		return r;
	}
	return steal_fd(&fd);
}

static void tmp_name(char *name);
static int open_tmp(bool make);

int back_create_tmp(mode_t mode, uid_t uid, gid_t gid, int flags, char *tmp, int *tmp_dirfd)
{
	*tmp_dirfd = open_tmp(true);
	tmp_name(tmp);
	return *tmp_dirfd < 0 ? *tmp_dirfd : back_create(*tmp_dirfd, tmp, mode, uid, gid, flags);
}

int back_mkdir(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	if (mkdirat(dirfd, name, 0700) < 0)
		return -errno;
	AUTO_CLOSE int fd = back_opendir(dirfd, name);
	int r = fd < 0 ? fd : hand_over(fd, (mode & 0777) | 0700, uid, gid);

	if (r < 0)
		unlinkat(dirfd, name, AT_REMOVEDIR);
	return r;
}

int back_symlink(const char *target, int dirfd, const char *name, uid_t uid, gid_t gid)
{
	if (symlinkat(target, dirfd, name) < 0)
		return -errno;
	if (back.root && fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
		int r = -errno;

		unlinkat(dirfd, name, 0);
		return r;
	}
	return 0;
}

int back_unlink(int dirfd, const char *name)
{
	return err_of(unlinkat(dirfd, name, 0));
}

int back_rmdir(int dirfd, const char *name)
{
	return err_of(unlinkat(dirfd, name, AT_REMOVEDIR));
}

int back_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	struct stat st;

	if (renameat2(from_fd, from, to_fd, to, flags) == 0)
		return 0;
	if (errno != EINVAL || flags != RENAME_NOREPLACE)
		return -errno;
	/* the filesystem has no such flag: the tree lock keeps our own clients out meanwhile */
	if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return err_of(renameat(from_fd, from, to_fd, to));
}

int back_readlink(int dirfd, const char *name, struct buf *out)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text));

	if (n < 0)
		return -errno;
	buf_add(out, text, (size_t)n);
	return 0;
}

/* ------------------------------------------------------------------------------------------------ attributes and bytes */

int back_chmod(int dirfd, const char *name, mode_t mode)
{
	AUTO_CLOSE int fd = back_open(dirfd, name, O_RDONLY, 0);

	return fd < 0 ? fd : back_fchmod(fd, mode);
}

int back_fchmod(int fd, mode_t mode)
{
	return err_of(fchmod(fd, mode & 0777));
}

int back_utimens(int dirfd, const char *name, const struct timespec ts[2])
{
	return err_of(utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW));
}

int back_futimens(int fd, const struct timespec ts[2])
{
	return err_of(futimens(fd, ts));
}

int back_truncate(int fd, off_t size)
{
	return err_of(ftruncate(fd, size));
}

int back_fsync(int fd, bool datasync)
{
	return to_disk(err_of(datasync ? fdatasync(fd) : fsync(fd)));
}

ssize_t back_pread(int fd, void *data, size_t n, off_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *)data + done, n - done, off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return done ? (ssize_t)done : -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/* Appending, the kernel places the bytes: 'off' is then not used. */
static ssize_t write_all(int fd, const void *data, size_t n, off_t off, int rwf)
{
	size_t done = 0;

	while (done < n) {
		struct iovec v = {(char *)(uintptr_t)data + done, n - done};
		ssize_t r = pwritev2(fd, &v, 1, off + (off_t)done, rwf);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			int e = to_disk(-errno);

			return e == -EIO || !done ? e : (ssize_t)done;
		}
		done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t back_pwrite(int fd, const void *data, size_t n, off_t off)
{
	return write_all(fd, data, n, off, 0);
}

ssize_t back_append(int fd, const void *data, size_t n)
{
	return write_all(fd, data, n, 0, RWF_APPEND);
}

int back_fallocate(int fd, int mode, off_t off, off_t len)
{
	return err_of(fallocate(fd, mode, off, len));
}

ssize_t back_copy_range(int in, off_t off_in, int out, off_t off_out, size_t len)
{
	ssize_t n = copy_file_range(in, &off_in, out, &off_out, len, 0);

	return n < 0 ? -errno : n;
}

off_t back_lseek(int fd, off_t off, int whence)
{
	off_t r = lseek(fd, off, whence);

	return r < 0 ? -errno : r;
}

int back_statvfs(struct statvfs *out)
{
	return err_of(fstatvfs(back.rd, out));
}

/* The object itself is opened: no detour over a path in /proc. */
ssize_t back_getxattr(int dirfd, const char *name, const char *attr, void *value, size_t size)
{
	AUTO_CLOSE int fd = back_open(dirfd, *name ? name : ".", O_RDONLY, 0);
	ssize_t n = fd < 0 ? fd : fgetxattr(fd, attr, value, size);

	return n < 0 && fd >= 0 ? -errno : n;
}

ssize_t back_listxattr(int dirfd, const char *name, char *list, size_t size)
{
	AUTO_CLOSE int fd = back_open(dirfd, *name ? name : ".", O_RDONLY, 0);
	ssize_t n = fd < 0 ? fd : flistxattr(fd, list, size);

	return n < 0 && fd >= 0 ? -errno : n;
}

int back_setxattr(int dirfd, const char *name, const char *attr, const void *value, size_t size, int flags)
{
	AUTO_CLOSE int fd = back_open(dirfd, *name ? name : ".", O_RDONLY, 0);

	return fd < 0 ? fd : err_of(fsetxattr(fd, attr, value, size, flags));
}

ssize_t back_fgetxattr(int fd, const char *attr, void *value, size_t size)
{
	ssize_t n = fgetxattr(fd, attr, value, size);

	return n < 0 ? -errno : n;
}

int back_fsetxattr(int fd, const char *attr, const void *value, size_t size)
{
	return err_of(fsetxattr(fd, attr, value, size, 0));
}

int back_set_immutable(int fd, bool on)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return -errno;
	if (!!(flags & FS_IMMUTABLE_FL) == on)
		return 0;
	flags ^= FS_IMMUTABLE_FL;
	return err_of(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

bool back_is_immutable(int fd)
{
	int flags;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
}

int back_removexattr(int dirfd, const char *name, const char *attr)
{
	AUTO_CLOSE int fd = back_open(dirfd, *name ? name : ".", O_RDONLY, 0);

	return fd < 0 ? fd : err_of(fremovexattr(fd, attr));
}

/* ------------------------------------------------------------------------------------------------ listings and whole files */

static unsigned char kind_of(int dirfd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type;
	return back_stat(dirfd, e->d_name, &st) < 0 ? DT_UNKNOWN : IFTODT(st.st_mode);
}

int back_list(int dirfd, const char *name, bool (*each)(void *arg, const char *name, unsigned char type, uint64_t ino), void *arg)
{
	int fd = back_opendir(dirfd, name);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return fd < 0 ? fd : -errno;
	while (errno = 0, (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (!each(arg, e->d_name, kind_of(fd, e), e->d_ino))
			break;
	}
	if (!e)
		r = -errno;
	closedir(dir);
	return r;
}

int back_read_all(int dirfd, const char *name, struct buf *out, size_t most)
{
	AUTO_CLOSE int fd = back_open(dirfd, name, O_RDONLY, 0);
	struct stat st;
	int r = fd < 0 ? fd : back_fstat(fd, &st);

	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if ((uint64_t)st.st_size > most)
		return -EFBIG;
	for (;;) {
		size_t room = out->len < (size_t)st.st_size ? (size_t)st.st_size - out->len + 1 : 4096;

		buf_reserve(out, room);
		ssize_t n = back_pread(fd, out->data + out->len, room, (off_t)out->len);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
		if (out->len > most)
			return -EFBIG;
	}
}

struct rm_arg {
	int fd;
	int err;
};

static bool rm_one(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct rm_arg *a = arg;

	(void)ino;
	a->err = type == DT_DIR ? back_rmtree(a->fd, name) : back_unlink(a->fd, name);
	return a->err == 0;
}

int back_rmtree(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, name);
	struct rm_arg a = {.fd = fd};
	int r = fd < 0 ? fd : back_list(fd, "", rm_one, &a);

	if (r < 0 || a.err < 0)
		return r < 0 ? r : a.err;
	return back_rmdir(dirfd, name);
}

/* ------------------------------------------------------------------------------------------------ by path, for the daemon's own files */

/* The next component of *path into 'part'; false at the end; -ENAMETOOLONG as an empty part. */
static bool next_part(const char **path, char part[NAME_MAX + 1])
{
	size_t n;

	while (**path == '/')
		(*path)++;
	n = strcspn(*path, "/");
	if (!n)
		return false;
	memcpy(part, *path, n > NAME_MAX ? 0 : n);
	part[n > NAME_MAX ? 0 : n] = 0;
	*path += n;
	return true;
}

int back_path_dir(const char *path, int *out)
{
	char part[NAME_MAX + 1];
	AUTO_CLOSE int fd = open_at(back.fd, ".", O_PATH | O_DIRECTORY, 0);

	while (fd >= 0 && next_part(&path, part)) {
		int next = *part ? open_at(fd, part, O_PATH | O_DIRECTORY, 0) : -ENAMETOOLONG;

		close(fd);
		fd = next;
	}
	if (fd < 0)
		return fd;
	*out = steal_fd(&fd);
	return 0;
}

/* The directory of the last component; *name points to that. */
static int path_parent(const char *path, int *fd, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	AUTO_FREE char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);
	return dir ? back_path_dir(dir, fd) : -ENOMEM;
}

int back_path_read(const char *path, struct buf *out, size_t most)
{
	AUTO_CLOSE int fd = -1;
	const char *name;
	int r = path_parent(path, &fd, &name);

	if (r < 0)
		return r;
	return *name ? back_read_all(fd, name, out, most) : -EISDIR;
}

int back_path_stat(const char *path, struct stat *st)
{
	AUTO_CLOSE int fd = -1;
	const char *name;
	int r = path_parent(path, &fd, &name);

	return r < 0 ? r : back_stat(fd, name, st);
}

/* ------------------------------------------------------------------------------------------------ the store */

/* A private directory of the daemon, made if it is not there. */
static int own_dir(int dirfd, const char *name, int flags)
{
	int fd = open_at(dirfd, name, flags | O_DIRECTORY, 0);

	if (fd != -ENOENT)
		return fd;
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_at(dirfd, name, flags | O_DIRECTORY, 0);
}

int back_store_dir(const char *name, int *out)
{
	AUTO_CLOSE int store = own_dir(back.fd, STORE, O_PATH);
	int fd = store < 0 ? store : *name ? own_dir(store, name, O_PATH) : steal_fd(&store);

	if (fd < 0)
		return fd;
	*out = fd;
	return 0;
}

static void tmp_name(char *name)
{
	static unsigned counter;
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint64_t)getpid();
	snprintf(name, BACK_TMP_NAME, "%016llx-%x", (unsigned long long)r, __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
}

/* The directory for things that are being made; kept open once it is there. */
static int open_tmp(bool make)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	AUTO_CLOSE int store = -1;

	WITH_MUTEX(&lock);
	if (back.tmp >= 0)
		return back.tmp;
	store = make ? own_dir(back.fd, STORE, O_PATH) : open_at(back.fd, STORE, O_PATH | O_DIRECTORY, 0);
	if (store < 0)
		return store;
	back.tmp = make ? own_dir(store, TMP, O_RDONLY) : open_at(store, TMP, O_RDONLY | O_DIRECTORY, 0);
	return back.tmp;
}

int back_tmp_file(char *name, int *tmp_dirfd)
{
	*tmp_dirfd = open_tmp(true);
	tmp_name(name);
	return *tmp_dirfd < 0 ? *tmp_dirfd : open_at(*tmp_dirfd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
}

int back_tmp_dir(char *name, int *tmp_dirfd)
{
	*tmp_dirfd = open_tmp(true);
	tmp_name(name);
	return *tmp_dirfd < 0 ? *tmp_dirfd : err_of(mkdirat(*tmp_dirfd, name, 0700));
}

static int write_and_sync(int fd, const void *data, size_t n)
{
	ssize_t w = back_pwrite(fd, data, n, 0);

	if (w < 0)
		return (int)w;
	return (size_t)w == n ? back_fsync(fd, false) : -ENOSPC;
}

/* A directory's own entries to disk; O_PATH descriptors cannot be synced, so it is opened. */
static int sync_dir(int dirfd)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, "");

	return fd < 0 ? fd : back_fsync(fd, false);
}

int back_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode, uid_t uid, gid_t gid)
{
	char tmp[BACK_TMP_NAME];
	int tmp_dir;
	AUTO_CLOSE int fd = back_tmp_file(tmp, &tmp_dir);
	int r = fd < 0 ? fd : write_and_sync(fd, data, n);

	if (fd < 0)
		return r;
	if (r == 0)
		r = hand_over(fd, file_mode(mode), uid, gid);
	if (r == 0)
		r = back_rename(tmp_dir, tmp, dirfd, name, 0);
	if (r < 0) {
		back_unlink(tmp_dir, tmp);
		return r;
	}
	return sync_dir(dirfd);
}

int back_store_write(const char *dir, const char *name, const void *data, size_t n)
{
	AUTO_CLOSE int fd = -1;
	int r = back_store_dir(dir, &fd);

	return r < 0 ? r : back_replace(fd, name, data, n, 0600, geteuid(), getegid());
}

int back_tmp_clean(void)
{
	struct rm_arg a = {.fd = back.tmp};
	int r = back_list(back.tmp, "", rm_one, &a);

	return r < 0 ? r : a.err;
}

/* ------------------------------------------------------------------------------------------------ start and end */

/* True if 'inner' is 'outer' or lies below it, through whatever bind mounts: walks up by "..". */
static bool lies_in(int inner, int outer)
{
	struct stat want, st, up;
	AUTO_CLOSE int fd = openat(inner, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(outer, &want) < 0 || fstat(fd, &st) < 0)
		return false;
	for (;;) {
		if (st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return true;
		int next = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (next < 0)
			return false;
		close(fd);
		fd = next;
		if (fstat(fd, &up) < 0 || (up.st_dev == st.st_dev && up.st_ino == st.st_ino))
			return false;
		st = up;
	}
}

static int check_places(const char *archive, const char *mountpoint)
{
	AUTO_CLOSE int mnt = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mnt < 0) {
		log_err("mount point %s: %s", mountpoint, strerror(errno));
		return -errno;
	}
	if (lies_in(back.rd, mnt)) {
		log_err("the archive %s lies inside the mount point %s: mount it somewhere else", archive, mountpoint);
		return -EINVAL;
	}
	if (lies_in(mnt, back.rd)) {
		log_err("the mount point %s lies inside the archive %s: mount it somewhere else", mountpoint, archive);
		return -EINVAL;
	}
	return 0;
}

/* Others can reach the archive if they may pass every directory above it and the archive itself. */
static void warn_if_reachable(void)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s", back.path);
	if (stat(path, &st) < 0 || !(st.st_mode & 0005))
		return;
	for (char *slash; (slash = strrchr(path, '/')) && slash != path;) {
		*slash = 0;
		if (stat(path, &st) < 0 || !(st.st_mode & 0001))
			return;
	}
	log_warn("every user of this machine can reach %s directly, past all policy: chmod 0700 it, or a directory above it", back.path);
}

static int open_root(const char *archive)
{
	struct statx sx;

	if (!realpath(archive, back.path)) {
		log_err("archive %s: %s", archive, strerror(errno));
		return -errno;
	}
	back.rd = open(back.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (back.rd < 0) {
		log_err("archive %s: %s", back.path, strerror(errno));
		return -errno;
	}
	back.fd = openat(back.rd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	back.proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (back.fd < 0 || statx(back.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &sx) < 0)
		return -errno;
	back.mnt_id = sx.stx_mnt_id;
	back.dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	back.root = geteuid() == 0;
	return 0;
}

/* File handles need root and a filesystem that gives them: tried once, on the root. */
static void probe_handles(void)
{
	struct back_ref ref = {0};

	if (!back.root || handle_of(back.fd, "", &ref) < 0)
		return;
	int fd = open_handle(&ref);

	back.handles = fd >= 0;
	if (fd >= 0)
		close(fd);
}

/* The store is made at the first start of an archive; a directory without policy gets none, for it is about to be refused. */
static int open_lease(void)
{
	struct stat st;
	bool archive = back_stat(back.fd, ".zddc", &st) == 0;
	int fd = archive ? own_dir(back.fd, STORE, O_RDONLY) : open_at(back.fd, STORE, O_RDONLY | O_DIRECTORY, 0);

	return fd == -EROFS || fd == -ENOENT ? fcntl(back.rd, F_DUPFD_CLOEXEC, 0) : fd;
}

#define LEASE_TRIES 50 /* of 100 ms: umount(8) returns before the daemon it ends has gone */

static int take_lease(void)
{
	back.lease = open_lease();
	if (back.lease < 0) {
		log_err("%s/%s: %s: the daemon keeps its own files there", back.path, STORE, strerror(-back.lease));
		return back.lease;
	}
	for (int i = 0; flock(back.lease, LOCK_EX | LOCK_NB) < 0; i++) {
		if (i == LEASE_TRIES) {
			log_err("%s is mounted already by another zddcfs; unmount that first", back.path);
			return -EBUSY;
		}
		usleep(100000);
	}
	return 0;
}

int back_init(const char *archive, const char *mountpoint)
{
	int r = open_root(archive);

	if (r == 0)
		r = check_places(archive, mountpoint);
	if (r == 0)
		r = take_lease();
	if (r < 0) {
		back_exit();
		return r;
	}
	probe_handles();
	warn_if_reachable();
	if (open_tmp(false) >= 0)
		back_tmp_clean();
	return 0;
}

void back_exit(void)
{
	int *const all[] = {&back.fd, &back.rd, &back.lease, &back.tmp, &back.proc};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		cleanup_close(all[i]);
		*all[i] = -1;
	}
}

bool back_has_handles(void)
{
	return back.handles;
}

const char *back_archive(void)
{
	return back.path;
}

int back_root_fd(void)
{
	return back.rd;
}

int back_root_ref(struct back_ref *ref, struct stat *st)
{
	return back_ref_of(back.fd, "", ref, st);
}

static int fd_path(int fd, char path[PATH_MAX])
{
	char name[16];
	ssize_t n;

	snprintf(name, sizeof(name), "%d", fd);
	n = readlinkat(back.proc, name, path, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	path[n] = 0;
	return 0;
}

int back_handle_path(const void *file_handle, char **out)
{
	char path[PATH_MAX], top[PATH_MAX];
	AUTO_CLOSE int fd = open_by_handle_at(back.rd, (struct file_handle *)(uintptr_t)file_handle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !st.st_nlink)
		return -ESTALE;
	int r = fd_path(fd, path);
	if (r == 0)
		r = fd_path(back.rd, top);
	if (r < 0)
		return r;
	size_t n = strcmp(top, "/") ? strlen(top) : 0;
	if (strncmp(path, top, n) != 0 || (path[n] && path[n] != '/'))
		return -EXDEV;
	*out = strdup(path[n] == '/' ? path + n + 1 : "");
	return *out ? 0 : -ENOMEM;
}
