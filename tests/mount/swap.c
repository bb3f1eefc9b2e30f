/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THREATS row 1: while directories and files of the backing tree are exchanged with symlinks that lead outside, four clients work on
 * the same names through the mount. Nothing outside may be touched or read.
 *
 *   swap MOUNT BACK OUTSIDE OPERATIONS UID...
 *
 * MOUNT and BACK are the same directory, through the mount and behind it: it holds d/ (a directory with "canary" and "f"),
 * l (a symlink to OUTSIDE), f (a file) and g (a symlink to OUTSIDE/canary). OUTSIDE is closed to the uids, so that only the daemon
 * could get there. Prints "operations N, done N, refused N, swaps N, escapes N" and ends with 1 if there was an escape.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SECRET "outside"

struct shared {
	_Atomic uint64_t operations, done, refused, swaps, escapes;
	_Atomic int stop;
};

static struct shared *shared;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static void count(int r)
{
	atomic_fetch_add(&shared->operations, 1);
	atomic_fetch_add(r < 0 ? &shared->refused : &shared->done, 1);
}

/* ------------------------------------------------------------------ behind the mount */

static void swapper(const char *back)
{
	static const char *const pairs[][2] = {{"d", "l"}, {"f", "g"}};
	if (chdir(back) < 0)
		die(back);
	for (unsigned i = 0; !atomic_load(&shared->stop); i++) {
		const char *const *p = pairs[i & 1];
		if (renameat2(AT_FDCWD, p[0], AT_FDCWD, p[1], RENAME_EXCHANGE) < 0)
			die("renameat2 behind the mount");
		atomic_fetch_add(&shared->swaps, 1);
	}
	_exit(0);
}

/* ------------------------------------------------------------------ one client */

static void read_back(int fd)
{
	char text[64] = "";
	ssize_t n = read(fd, text, sizeof text - 1);
	if (n > 0 && strstr(text, SECRET))
		atomic_fetch_add(&shared->escapes, 1);
}

static void try_open(const char *name, int flags)
{
	int fd = open(name, flags, 0644);
	count(fd);
	if (fd < 0)
		return;
	if ((flags & O_ACCMODE) == O_RDONLY)
		read_back(fd);
	else if (write(fd, "written\n", 8) < 0)
		atomic_fetch_add(&shared->refused, 1);
	close(fd);
}

static void try_getxattr(const char *name)
{
	char value[64] = "";
	ssize_t n = lgetxattr(name, "user.secret", value, sizeof value - 1);
	count((int)n);
	if (n > 0 && strstr(value, SECRET))
		atomic_fetch_add(&shared->escapes, 1);
}

static void one(unsigned kind, unsigned n, const char *name)
{
	char made[64];
	snprintf(made, sizeof made, "d/%s%u", name, n % 64);
	switch (kind) {
	case 0: try_open("d/canary", O_RDONLY); break;
	case 1: try_open("d/canary", O_WRONLY); break;
	case 2: try_open(made, O_WRONLY | O_CREAT | O_TRUNC); break;
	case 3: count(unlink(made)); break;
	case 4: count(chmod("d/canary", n & 1 ? 0755 : 0644)); break;
	case 5: count(setxattr("d/canary", "user.x", "1", 1, 0)); break;
	case 6: count(mkdir(made, 0755)); break;
	case 7: count(rmdir(made)); break;
	case 8: count(truncate("d/canary", (off_t)(n % 9))); break;
	case 9: count(n & 1 ? rename("d/canary", "d/canary2") : rename("d/canary2", "d/canary")); break;
	case 10: try_open("f", O_RDONLY); break;
	case 11: try_open("f", O_WRONLY | O_TRUNC); break;
	case 12: count(utimensat(AT_FDCWD, "f", NULL, AT_SYMLINK_NOFOLLOW)); break;
	case 13: try_getxattr("d/canary"); break;
	case 14: count(symlink("target", made)); break;
	case 15: count((int)removexattr("d/canary", "user.secret")); break;
	case 16: count(lsetxattr("f", "user.x", "1", 1, 0)); break;
	case 17: count(truncate("f", 9)); break;
	case 18: count(chmod("f", n & 1 ? 0755 : 0644)); break;
	case 19: try_getxattr("f"); break;
	}
}

static void client(const char *mount, uid_t uid, unsigned operations)
{
	char name[16];
	unsigned seed = uid;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		die("setresuid");
	if (chdir(mount) < 0)
		die(mount);
	snprintf(name, sizeof name, "n%u-", uid);
	for (unsigned i = 0; i < operations; i++)
		one((unsigned)rand_r(&seed) % 20, i, name);
	_exit(0);
}

static pid_t start(void (*work)(const char *, uid_t, unsigned), const char *mount, uid_t uid, unsigned operations)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		work(mount, uid, operations);
	return pid;
}

/* ------------------------------------------------------------------ outside */

struct outside {
	struct stat dir, canary;
};

static void look(const char *path, struct outside *o)
{
	char name[4096];
	snprintf(name, sizeof name, "%s/canary", path);
	if (stat(path, &o->dir) < 0 || stat(name, &o->canary) < 0)
		die(path);
}

static int same(const struct stat *a, const struct stat *b)
{
	return a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_nlink == b->st_nlink && a->st_ino == b->st_ino;
}

static int report(const char *path, const struct outside *before)
{
	struct outside after;
	look(path, &after);
	if (!same(&before->dir, &after.dir) || !same(&before->canary, &after.canary))
		atomic_fetch_add(&shared->escapes, 1);
	printf("operations %llu, done %llu, refused %llu, swaps %llu, escapes %llu\n", (unsigned long long)shared->operations,
	       (unsigned long long)shared->done, (unsigned long long)shared->refused, (unsigned long long)shared->swaps,
	       (unsigned long long)shared->escapes);
	return shared->escapes ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 6) {
		fprintf(stderr, "usage: swap MOUNT BACK OUTSIDE OPERATIONS UID...\n");
		return 2;
	}
	int clients = argc - 5, failed = 0;
	unsigned each = (unsigned)atoi(argv[4]) / (unsigned)clients;
	struct outside before;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	look(argv[3], &before);
	pid_t swap = fork();
	if (swap == 0)
		swapper(argv[2]);
	for (int i = 0; i < clients; i++)
		start(client, argv[1], (uid_t)atoi(argv[5 + i]), each);
	for (int i = 0, status; i < clients; i++)
		failed |= wait(&status) < 0 || status;
	atomic_store(&shared->stop, 1);
	waitpid(swap, NULL, 0);
	return report(argv[3], &before) || failed;
}
