/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/back.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/back_private.h"

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
int back_open_at(int dirfd, const char *name, int flags, mode_t mode)
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
	AUTO_CLOSE int fd = back_open_at(dirfd, name, flags, mode);
	if (fd < 0)
		return fd;
	r = back_fstat(fd, &st);
	if (r < 0)
		return r;
	return good_kind(&st) ? steal_fd(&fd) : -ENOENT;
}

int back_opendir(int dirfd, const char *name)
{
	return back_open_at(dirfd, *name ? name : ".", O_RDONLY | O_DIRECTORY, 0);
}

int back_handle_of(int dirfd, const char *name, struct back_ref *ref)
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
		back_handle_of(dirfd, name, ref);
	return 0;
}

int back_open_handle(const struct back_ref *ref)
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

/* ------------------------------------------------------------------------------------------------ changing names */

mode_t back_file_mode(mode_t mode)
{
	return (mode & 0777) | 0600;
}

/* Ours until here, the caller's from here on: quotas count and ls -l is right. Set-id bits never. */
int back_hand_over(int fd, mode_t mode, uid_t uid, gid_t gid)
{
	if (back.root && fchown(fd, uid, gid) < 0)
		return -errno;
	return back_err(fchmod(fd, mode));
}

int back_create(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid, int flags)
{
	int keep = flags & (O_ACCMODE | O_SYNC | O_DSYNC);
	AUTO_CLOSE int fd = back_open_at(dirfd, name, keep | O_CREAT | O_EXCL | O_NOCTTY, 0600);
	int r;

	if (fd < 0)
		return fd;
	r = back_hand_over(fd, back_file_mode(mode), uid, gid);
	if (r < 0) {
		unlinkat(dirfd, name, 0);
		return r;
	}
	return steal_fd(&fd);
}

int back_mkdir(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	if (mkdirat(dirfd, name, 0700) < 0)
		return -errno;
	AUTO_CLOSE int fd = back_opendir(dirfd, name);
	int r = fd < 0 ? fd : back_hand_over(fd, (mode & 0777) | 0700, uid, gid);

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
	return back_err(unlinkat(dirfd, name, 0));
}

int back_rmdir(int dirfd, const char *name)
{
	return back_err(unlinkat(dirfd, name, AT_REMOVEDIR));
}

int back_link(int from_fd, const char *from, int to_fd, const char *to)
{
	return back_err(linkat(from_fd, from, to_fd, to, 0));
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
	return back_err(renameat(from_fd, from, to_fd, to));
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
	return back_err(fchmod(fd, mode & 0777));
}

int back_utimens(int dirfd, const char *name, const struct timespec ts[2])
{
	return back_err(utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW));
}

int back_futimens(int fd, const struct timespec ts[2])
{
	return back_err(futimens(fd, ts));
}

int back_truncate(int fd, off_t size)
{
	return back_err(ftruncate(fd, size));
}

int back_fsync(int fd, bool datasync)
{
	return to_disk(back_err(datasync ? fdatasync(fd) : fsync(fd)));
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
	return back_err(fallocate(fd, mode, off, len));
}

int back_clone(int in, int out)
{
	return back_err(ioctl(out, FICLONE, in));
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
	return back_err(fstatvfs(back.rd, out));
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

	return fd < 0 ? fd : back_err(fsetxattr(fd, attr, value, size, flags));
}

ssize_t back_fgetxattr(int fd, const char *attr, void *value, size_t size)
{
	ssize_t n = fgetxattr(fd, attr, value, size);

	return n < 0 ? -errno : n;
}

int back_fsetxattr(int fd, const char *attr, const void *value, size_t size)
{
	return back_err(fsetxattr(fd, attr, value, size, 0));
}

int back_set_immutable(int fd, bool on)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return -errno;
	if (!!(flags & FS_IMMUTABLE_FL) == on)
		return 0;
	flags ^= FS_IMMUTABLE_FL;
	return back_err(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

bool back_is_immutable(int fd)
{
	int flags;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
}

int back_removexattr(int dirfd, const char *name, const char *attr)
{
	AUTO_CLOSE int fd = back_open(dirfd, *name ? name : ".", O_RDONLY, 0);

	return fd < 0 ? fd : back_err(fremovexattr(fd, attr));
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

	return fd < 0 ? fd : back_read_fd(fd, out, most);
}

int back_read_fd(int fd, struct buf *out, size_t most)
{
	struct stat st;
	int r = back_fstat(fd, &st);

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
		out->data[out->len] = '\0';
		if (out->len > most)
			return -EFBIG;
		if ((size_t)n < room && out->len >= (size_t)st.st_size)
			return 0; /* all that was there, and nothing behind it */
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

int back_clear(int dirfd)
{
	struct rm_arg a = {.fd = dirfd};
	int r = back_list(dirfd, "", rm_one, &a);

	return r < 0 ? r : a.err;
}

int back_rmtree(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, name);
	int r = fd < 0 ? fd : back_clear(fd);

	return r < 0 ? r : back_rmdir(dirfd, name);
}
