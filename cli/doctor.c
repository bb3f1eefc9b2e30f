/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/vec.h"

/* Each gets the scratch directory. */

static int make(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int put(int dir, const char *name)
{
	AUTO_CLOSE int fd = make(dir, name);

	if (fd < 0)
		return -fd;
	return write(fd, "x", 1) == 1 ? 0 : errno ? errno : EIO;
}

/* A second time it must fail with EEXIST. */
static int twice(int result)
{
	if (result == 0)
		return ENOTUNIQ;
	return errno == EEXIST ? 0 : errno;
}

static int try_beneath(int dir)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	AUTO_CLOSE int fd = (int)syscall(SYS_openat2, dir, ".", &how, sizeof how);

	if (fd < 0)
		return errno;
	AUTO_CLOSE int out = (int)syscall(SYS_openat2, dir, "..", &how, sizeof how);
	return out < 0 ? 0 : EXDEV;
}

static int try_excl(int dir)
{
	int err = put(dir, "excl");

	return err ? err : make(dir, "excl") == -EEXIST ? 0 : ENOTUNIQ;
}

static int try_mkdir(int dir)
{
	if (mkdirat(dir, "dir", 0700) < 0)
		return errno;
	return twice(mkdirat(dir, "dir", 0700));
}

static int try_link(int dir)
{
	int err = put(dir, "linked");

	if (err || linkat(dir, "linked", dir, "link", 0) < 0)
		return err ? err : errno;
	return twice(linkat(dir, "linked", dir, "link", 0));
}

static int try_rename(int dir)
{
	int err = put(dir, "from");

	if (!err)
		err = put(dir, "to");
	return err ? err : renameat(dir, "from", dir, "to") < 0 ? errno : 0;
}

static int try_sync(int dir)
{
	AUTO_CLOSE int fd = make(dir, "synced");

	if (fd < 0)
		return -fd;
	return fsync(fd) < 0 || fsync(dir) < 0 ? errno : 0;
}

static int try_xattr(int dir)
{
	AUTO_CLOSE int fd = make(dir, "xattr");
	char value[2048];

	if (fd < 0)
		return -fd;
	memset(value, 'x', sizeof value);
	if (fsetxattr(fd, "user.zddc-doctor", value, sizeof value, 0) < 0)
		return errno;
	return fgetxattr(fd, "user.zddc-doctor", value, sizeof value) == (ssize_t)sizeof value ? 0 : EIO;
}

static int try_names(int dir)
{
	char name[256];

	memset(name, 'n', 255);
	memcpy(name, "\xff\x01 ", 3);
	name[255] = 0;
	return put(dir, name);
}

static int try_case(int dir)
{
	int err = put(dir, "case");

	return err ? err : put(dir, "CASE");
}

static int try_noreplace(int dir)
{
	int err = put(dir, "n1");

	if (!err)
		err = put(dir, "n2");
	return err ? err : twice(renameat2(dir, "n1", dir, "n2", RENAME_NOREPLACE));
}

static int try_exchange(int dir)
{
	int err = put(dir, "e1");

	if (!err)
		err = put(dir, "e2");
	return err ? err : renameat2(dir, "e1", dir, "e2", RENAME_EXCHANGE) < 0 ? errno : 0;
}

static int try_tmpfile(int dir)
{
	AUTO_CLOSE int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int try_handles(int dir)
{
	struct {
		struct file_handle h;
		unsigned char room[MAX_HANDLE_SZ];
	} handle = {.h = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount;

	return name_to_handle_at(dir, "", &handle.h, &mount, AT_EMPTY_PATH) < 0 ? errno : 0;
}

static int try_times(int dir)
{
	struct timespec exact[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789}, {.tv_sec = 1000000000, .tv_nsec = 123456789}};
	AUTO_CLOSE int fd = make(dir, "times");
	struct stat st;

	if (fd < 0)
		return -fd;
	if (futimens(fd, exact) < 0 || fstat(fd, &st) < 0)
		return errno;
	return st.st_mtim.tv_nsec / 1000 == 123456 ? 0 : ENOTSUP;
}

static int try_clone(int dir)
{
	AUTO_CLOSE int from = make(dir, "clone1");
	AUTO_CLOSE int to = make(dir, "clone2");
	char block[4096] = "x";

	if (from < 0 || to < 0)
		return from < 0 ? -from : -to;
	if (write(from, block, sizeof block) < 0)
		return errno;
	return ioctl(to, FICLONE, from) < 0 ? errno : 0;
}

static int try_hole(int dir)
{
	AUTO_CLOSE int fd = make(dir, "hole");

	if (fd < 0)
		return -fd;
	if (ftruncate(fd, 1 << 20) < 0)
		return errno;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0 ? errno : 0;
}

static const struct {
	const char *name;
	int (*attempt)(int dir);
	bool must;
	const char *what_for;
} promises[DOCTOR_ROWS] = {
#define MUST true
#define SHOULD false
#define PROMISE(name, function, need, what_for) {name, function, need, what_for},
#include "cli/doctor.def"
#undef PROMISE
};

static void clear(int dir)
{
	static const char *const made[] = {"excl", "linked", "link", "from", "to",     "synced", "xattr",  "case", "CASE",
					   "n1",   "n2",     "e1",   "e2",   "times", "clone1", "clone2", "hole"};
	char name[256];

	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		unlinkat(dir, made[i], 0);
	unlinkat(dir, "dir", AT_REMOVEDIR);
	memset(name, 'n', 255);
	memcpy(name, "\xff\x01 ", 3);
	name[255] = 0;
	unlinkat(dir, name, 0);
}

int doctor_examine(const char *dir, struct doctor_row out[DOCTOR_ROWS])
{
	AUTO_BUF name = BUF_INIT;

	buf_addf(&name, "%s/.zddc-doctor-XXXXXX", dir);
	if (!mkdtemp(name.data))
		return -errno;
	AUTO_CLOSE int fd = open(name.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;
	for (int i = 0; i < DOCTOR_ROWS && !err; i++)
		out[i] = (struct doctor_row){promises[i].name, promises[i].what_for, promises[i].must, promises[i].attempt(fd)};
	if (!err)
		clear(fd);
	rmdir(name.data);
	return err;
}
