/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One operation, many times, timed: bench_ops OPERATION DIRECTORY COUNT MILLISECONDS
 *
 * Names are relative to DIRECTORY and counted: f000000, f000001, ... What leaves the directory as it was (stat, stat_abs, open, list,
 * list_l) is done once over all COUNT names, or again and again until MILLISECONDS have passed. What changes it is done once.
 * fill and tree lay down what the others need. Prints "NANOSECONDS OPERATIONS".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, PER_FOLDER = 100 };

static char block[BLOCK];
static const char *top;

static void die(const char *what)
{
	fprintf(stderr, "bench_ops: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static const char *name(char kind, unsigned n)
{
	static char text[2][16];
	static unsigned turn;

	turn ^= 1;
	snprintf(text[turn], sizeof text[turn], "%c%06u", kind, n);
	return text[turn];
}

/* ------------------------------------------------------------------------------------------------ one name */

static void do_stat(unsigned n)
{
	struct stat st;

	if (stat(name('f', n), &st))
		die(name('f', n));
}

static void do_stat_abs(unsigned n)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", top, name('f', n));
	if (stat(path, &st))
		die(path);
}

static void do_open(unsigned n)
{
	int fd = open(name('f', n), O_RDONLY);

	if (fd < 0 || read(fd, block, BLOCK) < 0 || close(fd))
		die(name('f', n));
}

static void write_new(const char *path, size_t bytes)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);

	if (fd < 0 || (bytes && write(fd, block, bytes) != (ssize_t)bytes) || close(fd))
		die(path);
}

static void do_create(unsigned n) { write_new(name('c', n), BLOCK); }

static void do_rename(unsigned n)
{
	if (rename(name('c', n), name('r', n)))
		die(name('c', n));
}

static void do_unlink(unsigned n)
{
	if (unlink(name('r', n)))
		die(name('r', n));
}

static void do_mkdir(unsigned n)
{
	if (mkdir(name('d', n), 0755))
		die(name('d', n));
}

static void do_rmdir(unsigned n)
{
	if (rmdir(name('d', n)))
		die(name('d', n));
}

static void do_fill(unsigned n) { write_new(name('f', n), BLOCK); }
static void do_empty(unsigned n) { write_new(name('f', n), 0); }

/* Empty files, PER_FOLDER in each folder. */
static void do_tree(unsigned n)
{
	char path[64];

	if (n % PER_FOLDER == 0 && mkdir(name('d', n / PER_FOLDER), 0755))
		die("mkdir");
	snprintf(path, sizeof path, "%s/%s", name('d', n / PER_FOLDER), name('f', n));
	write_new(path, 0);
}

/* ------------------------------------------------------------------------------------------------ a whole folder */

static unsigned list(bool attributes)
{
	DIR *d = opendir(".");
	struct dirent *e;
	struct stat st;
	unsigned n = 0;

	if (!d)
		die("opendir");
	while ((e = readdir(d))) {
		n++;
		if (attributes && lstat(e->d_name, &st))
			die(e->d_name);
	}
	closedir(d);
	return n;
}

/* ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*one)(unsigned); /* NULL: a whole folder */
	bool attributes, again;
} operations[] = {
	{"stat", do_stat, false, true},     {"stat_abs", do_stat_abs, false, true}, {"open", do_open, false, true},
	{"list", NULL, false, true},        {"list_l", NULL, true, true},           {"create", do_create, false, false},
	{"rename", do_rename, false, false}, {"unlink", do_unlink, false, false},    {"mkdir", do_mkdir, false, false},
	{"rmdir", do_rmdir, false, false},  {"fill", do_fill, false, false},        {"empty", do_empty, false, false},
	{"tree", do_tree, false, false},
};

/* Returns how many operations that were: a folder listed is one. */
static unsigned once(size_t op, unsigned count)
{
	if (!operations[op].one) {
		if (list(operations[op].attributes) < count)
			die("names are missing");
		return 1;
	}
	for (unsigned n = 0; n < count; n++)
		operations[op].one(n);
	return count;
}

static size_t find(const char *wanted)
{
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (!strcmp(operations[i].name, wanted))
			return i;
	errno = EINVAL;
	die(wanted);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t began, end, done = 0;
	size_t op = find(argc == 5 ? argv[1] : "usage: OPERATION DIRECTORY COUNT MILLISECONDS");

	top = argv[2];
	if (chdir(top))
		die(top);
	began = now();
	end = began + strtoull(argv[4], NULL, 10) * 1000000;
	do
		done += once(op, (unsigned)strtoul(argv[3], NULL, 10));
	while (operations[op].again && now() < end);
	printf("%" PRIu64 " %" PRIu64 "\n", now() - began, done);
	return 0;
}
