/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/back.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/back_private.h"

struct back_state back = {.fd = -1, .rd = -1, .lease = -1, .tmp = -1, .proc = -1};

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

	if (!back.root || back_handle_of(back.fd, "", &ref) < 0)
		return;
	int fd = back_open_handle(&ref);

	back.handles = fd >= 0;
	if (fd >= 0)
		close(fd);
}

/* The store is made at the first start of an archive; a directory without policy gets none, for it is about to be refused. */
static int open_lease(void)
{
	struct stat st;
	bool archive = back_stat(back.fd, ".zddc", &st) == 0;
	int fd = archive ? back_own_dir(back.fd, BACK_STORE, O_RDONLY) : back_open_at(back.fd, BACK_STORE, O_RDONLY | O_DIRECTORY, 0);

	return fd == -EROFS || fd == -ENOENT ? fcntl(back.rd, F_DUPFD_CLOEXEC, 0) : fd;
}

#define LEASE_TRIES 50 /* of 100 ms: umount(8) returns before the daemon it ends has gone */

static int take_lease(void)
{
	back.lease = open_lease();
	if (back.lease < 0) {
		log_err("%s/%s: %s: the daemon keeps its own files there", back.path, BACK_STORE, strerror(-back.lease));
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
	if (back_open_tmp(false) >= 0)
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
