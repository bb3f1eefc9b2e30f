/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Row numbers by exclusive creation: several processes at once, numbers that are given back, daemons that die (SPEC section 10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/back.h"
#include "fs/rows.h"

enum { PROCESSES = 6, EACH = 40, MOST = 4096 };

/* What the processes tell each other: which numbers have a record. */
static struct board {
	unsigned char taken[MOST];
	int twice;
} *board;

static char base[] = "/tmp/zddcfs-rows-XXXXXX";
static int dirfd_;
static char scope[SHA256_HEX];

static void in_base(const char *name, char path[256]) { snprintf(path, 256, "%s/%s", base, name); }

static int set_up(void **state)
{
	char path[256], mnt[256];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(base));
	in_base("mnt", mnt);
	mkdir(mnt, 0700);
	in_base("back", path);
	mkdir(path, 0700);
	in_base("back/reg", path);
	mkdir(path, 0700);
	in_base("back/.zddc", path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	close(fd);
	in_base("back", path);
	assert_int_equal(back_init(path, mnt), 0);
	assert_int_equal(back_path_dir("reg", &dirfd_), 0);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(board != MAP_FAILED);
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	close(dirfd_);
	back_exit();
	munmap(board, sizeof(*board));
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

static int on_board(void *arg, void (*each)(void *each_arg, const char *scope, unsigned long row), void *each_arg)
{
	(void)arg;
	for (unsigned long i = 1; i < MOST; i++)
		if (__atomic_load_n(&board->taken[i], __ATOMIC_SEQ_CST))
			each(each_arg, scope, i);
	return 0;
}

static void group(char digit)
{
	memset(scope, digit, SHA256_HEX - 1);
	memset(board, 0, sizeof(*board));
}

static struct rows rows_of(uint64_t boot, bool shared)
{
	return (struct rows){.dirfd = dirfd_, .scope = scope, .boot = boot, .shared = shared, .used = on_board};
}

static void put(const struct rows *r, unsigned long row)
{
	if (__atomic_exchange_n(&board->taken[row], 1, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&board->twice, 1, __ATOMIC_SEQ_CST);
	rows_keep(r, row);
}

/* One daemon: now and then nothing comes of a number. */
static int work(uint64_t boot)
{
	struct rows r = rows_of(boot, true);
	unsigned long row;

	for (int i = 0; i < EACH;) {
		if (rows_take(&r, &row) < 0)
			return 1;
		if ((row + boot) % 7 == 0 && i < EACH / 2) {
			rows_drop(&r, row);
			i++;
			continue;
		}
		put(&r, row);
		i++;
	}
	return 0;
}

static void in_child(int (*fn)(uint64_t boot), uint64_t boot)
{
	if (fork() == 0)
		_exit(fn(boot));
}

static void wait_all(int n)
{
	int status;

	for (; n; n--) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

static unsigned long count_taken(unsigned long *highest)
{
	unsigned long n = 0;

	for (unsigned long i = 1; i < MOST; i++)
		if (board->taken[i]) {
			n++;
			*highest = i;
		}
	return n;
}

static void several_processes(void **state)
{
	unsigned long highest = 0, n;

	(void)state;
	group('a');
	for (uint64_t i = 0; i < PROCESSES; i++)
		in_child(work, 100 + i);
	wait_all(PROCESSES);
	assert_int_equal(board->twice, 0);
	n = count_taken(&highest);
	assert_true(n > PROCESSES * EACH / 2);
	/* what was given back at the very end is a gap until somebody writes again, and is filled first */
	for (unsigned long row; n < highest; n++) {
		struct rows r = rows_of(1, true);

		assert_int_equal(rows_take(&r, &row), 0);
		assert_true(row < highest);
		put(&r, row);
	}
	assert_int_equal(board->twice, 0);
	assert_int_equal(count_taken(&highest), highest);
}

static void next_is(struct rows r, unsigned long want)
{
	unsigned long row;

	assert_int_equal(rows_take(&r, &row), 0);
	assert_int_equal(row, want);
	put(&r, row);
}

static int die_after_two(uint64_t boot)
{
	struct rows r = rows_of(boot, false);
	unsigned long row;

	for (int i = 0; i < 2; i++) {
		rows_take(&r, &row);
		put(&r, row);
	}
	return rows_take(&r, &row) < 0; /* and nothing comes of this one */
}

static int die_before_keep(uint64_t boot)
{
	struct rows r = rows_of(boot, false);
	unsigned long row;

	rows_take(&r, &row);
	board->taken[row] = 1; /* its record is there, only nobody could say so any more */
	return 0;
}

static void daemons_die(void **state)
{
	(void)state;
	group('b');
	in_child(die_after_two, 11);
	wait_all(1);
	in_child(die_before_keep, 12); /* takes over what the first left */
	wait_all(1);
	assert_true(board->taken[3]);
	next_is(rows_of(13, false), 4);
	/* among several daemons an unfinished number may be another's: it is left alone for a while */
	group('c');
	in_child(die_after_two, 11);
	wait_all(1);
	next_is(rows_of(14, true), 4);
}

static void counted_before(void **state)
{
	struct rows r;

	char path[256];

	(void)state;
	group('d');
	in_base("back/reg/.zddc.d/rows/counted", path);
	unlink(path); /* as in a directory that was filled past the mount */
	board->taken[7] = 1;
	r = rows_of(21, false);
	next_is(r, 8);
	assert_int_equal(rows_mark(&r, 9), 0);
	next_is(r, 10);
	assert_int_equal(board->twice, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_processes),
		cmocka_unit_test(daemons_die),
		cmocka_unit_test(counted_before),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
