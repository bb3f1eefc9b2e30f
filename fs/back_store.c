/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/back.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/back_private.h"

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
	AUTO_CLOSE int fd = back_open_at(back.fd, ".", O_PATH | O_DIRECTORY, 0);

	while (fd >= 0 && next_part(&path, part)) {
		int next = *part ? back_open_at(fd, part, O_PATH | O_DIRECTORY, 0) : -ENAMETOOLONG;

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

int back_path_open(const char *path, int flags)
{
	AUTO_CLOSE int fd = -1;
	const char *name;
	int r = path_parent(path, &fd, &name);

	return r < 0 ? r : back_open(fd, name, flags, 0);
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
int back_own_dir(int dirfd, const char *name, int flags)
{
	int fd = back_open_at(dirfd, name, flags | O_DIRECTORY, 0);

	if (fd != -ENOENT)
		return fd;
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return back_open_at(dirfd, name, flags | O_DIRECTORY, 0);
}

int back_store_dir(const char *name, int *out)
{
	AUTO_CLOSE int store = back_own_dir(back.fd, BACK_STORE, O_PATH);
	int fd = store < 0 ? store : *name ? back_own_dir(store, name, O_PATH) : steal_fd(&store);

	if (fd < 0)
		return fd;
	*out = fd;
	return 0;
}

#define TMP "tmp"

static void tmp_name(char *name)
{
	static unsigned counter;
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint64_t)getpid();
	snprintf(name, BACK_TMP_NAME, "%016llx-%x", (unsigned long long)r, __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
}

/* The directory for things that are being made; kept open once it is there. */
int back_open_tmp(bool make)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	AUTO_CLOSE int store = -1;

	WITH_MUTEX(&lock);
	if (back.tmp >= 0)
		return back.tmp;
	store = make ? back_own_dir(back.fd, BACK_STORE, O_PATH) : back_open_at(back.fd, BACK_STORE, O_PATH | O_DIRECTORY, 0);
	if (store < 0)
		return store;
	back.tmp = make ? back_own_dir(store, TMP, O_RDONLY) : back_open_at(store, TMP, O_RDONLY | O_DIRECTORY, 0);
	return back.tmp;
}

int back_create_tmp(mode_t mode, uid_t uid, gid_t gid, int flags, char *tmp, int *tmp_dirfd)
{
	*tmp_dirfd = back_open_tmp(true);
	tmp_name(tmp);
	return *tmp_dirfd < 0 ? *tmp_dirfd : back_create(*tmp_dirfd, tmp, mode, uid, gid, flags);
}

int back_tmp_file(char *name, int *tmp_dirfd)
{
	*tmp_dirfd = back_open_tmp(true);
	tmp_name(name);
	return *tmp_dirfd < 0 ? *tmp_dirfd : back_open_at(*tmp_dirfd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
}

int back_tmp_dir(char *name, int *tmp_dirfd)
{
	*tmp_dirfd = back_open_tmp(true);
	tmp_name(name);
	return *tmp_dirfd < 0 ? *tmp_dirfd : back_err(mkdirat(*tmp_dirfd, name, 0700));
}

static int write_and_sync(int fd, const void *data, size_t n)
{
	ssize_t w = back_pwrite(fd, data, n, 0);

	if (w < 0)
		return (int)w;
	return (size_t)w == n ? back_fsync(fd, false) : -ENOSPC;
}

/* A directory's own entries to disk; O_PATH descriptors cannot be synced, so it is opened. */
int back_sync_dir(int dirfd)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, "");

	return fd < 0 ? fd : back_fsync(fd, false);
}

int back_tmp_write(const void *data, size_t n, mode_t mode, uid_t uid, gid_t gid, char *tmp, int *tmp_dirfd)
{
	AUTO_CLOSE int fd = back_tmp_file(tmp, tmp_dirfd);
	int r = fd < 0 ? fd : write_and_sync(fd, data, n);

	if (fd < 0)
		return r;
	if (r == 0)
		r = back_hand_over(fd, back_file_mode(mode), uid, gid);
	if (r < 0)
		back_unlink(*tmp_dirfd, tmp);
	return r;
}

int back_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode, uid_t uid, gid_t gid)
{
	char tmp[BACK_TMP_NAME];
	int tmp_dir, r = back_tmp_write(data, n, mode, uid, gid, tmp, &tmp_dir);

	if (r < 0)
		return r;
	r = back_rename(tmp_dir, tmp, dirfd, name, 0);
	if (r < 0) {
		back_unlink(tmp_dir, tmp);
		return r;
	}
	return back_sync_dir(dirfd);
}

int back_own_subdir(int dirfd, const char *name, int *out)
{
	int fd = back_own_dir(dirfd, name, O_PATH);

	if (fd < 0)
		return fd;
	*out = fd;
	return 0;
}

int back_store_write(const char *dir, const char *name, const void *data, size_t n)
{
	AUTO_CLOSE int fd = -1;
	int r = back_store_dir(dir, &fd);

	return r < 0 ? r : back_replace(fd, name, data, n, 0600, geteuid(), getegid());
}

int back_tmp_clean(void)
{
	return back_clear(back.tmp);
}
