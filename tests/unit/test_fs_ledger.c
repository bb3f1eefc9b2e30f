/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writer of the ledger with many threads: one chain without gaps, batches in one piece, files that rotate under load, and group commit:
 * 32 writers that each want their line on disk against one sync for each line, on the same disk in the same run. Where a sync costs nothing
 * (a disk in memory) only the figure is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "fs/audit_chain.h"
#include "fs/audit_file.h"
#include "fs/back.h"

enum { WRITERS = 32, EACH = 40, FEW = 8, MANY = 400, PIECES = 3 };

static char top[64], archive[80];

static void make_file(const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", archive, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int open_archive(void **state)
{
	char mnt[80];

	(void)state;
	snprintf(top, sizeof(top), "%s/zddc-ledger-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(top));
	snprintf(archive, sizeof(archive), "%s/archive", top);
	snprintf(mnt, sizeof(mnt), "%s/mnt", top);
	assert_int_equal(mkdir(archive, 0700) | mkdir(mnt, 0700), 0);
	make_file(".zddc", "admins: [a@example.com]\n");
	assert_int_equal(back_init(archive, mnt), 0);
	return 0;
}

static int close_archive(void **state)
{
	char command[128];

	(void)state;
	back_exit();
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

static void begin(uint64_t rotate_at)
{
	struct audit_past past;
	char host[65];

	audit_host(host);
	assert_int_equal(audit_past_read(host, &past), 0);
	assert_int_equal(past.found.fault, LEDGER_FAULT_NONE);
	chain_open(host, &past, rotate_at);
}

static struct ledger_entry entry(const char *path)
{
	struct ledger_entry e = LEDGER_ENTRY_INIT;

	e.time_us = 1700000000000000;
	e.event = LEDGER_FILE_CREATE;
	e.principal = "alice@example.com";
	e.path = path;
	return e;
}

/* ------------------------------------------------------------------ reading it back */

struct read_back {
	struct ledger_verify v;
	struct ledger_lines cut;
	struct arena mem;
	unsigned long lines, pieces; /* pieces: lines whose path says that they follow the one before */
	char last[32];
};

static int note_line(void *arg, const char *line, size_t n)
{
	struct read_back *r = arg;
	struct ledger_entry e;

	assert_int_equal(ledger_entry_parse(line, n, &r->mem, &e), 0);
	if (e.path && *e.path == '+') {
		assert_string_equal(e.path + 1, r->last);
		r->pieces++;
	}
	snprintf(r->last, sizeof(r->last), "%s", e.path ? e.path + (*e.path == '+') : "");
	r->lines++;
	return 0;
}

/* The files of one run, in order. */
static void read_run(unsigned run, struct read_back *r)
{
	char host[65], name[LEDGER_NAME_MAX + 1], path[400], chunk[65536];

	*r = (struct read_back){.mem = ARENA_INIT};
	ledger_verify_init(&r->v, NULL, 0);
	audit_host(host);
	for (unsigned part = 1;; part++) {
		ssize_t n;
		int fd;

		ledger_file_name(host, run, part, name);
		snprintf(path, sizeof(path), "%s/.zddc.d/ledger/%s", archive, name);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			break;
		if (part > 1)
			ledger_verify_next_file(&r->v);
		while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
			ledger_verify_feed(&r->v, chunk, (size_t)n);
			ledger_lines_feed(&r->cut, chunk, (size_t)n, note_line, r);
		}
		close(fd);
	}
	assert_true(ledger_verify_end(&r->v));
	ledger_verify_free(&r->v);
	buf_free(&r->cut.rest);
	arena_free(&r->mem);
}

/* ------------------------------------------------------------------ many threads */

struct job {
	unsigned n, each;
	bool sync;
	int fd; /* one sync for each line */
	pthread_mutex_t *lock;
	off_t *end;
};

static atomic_int first_error; /* of any thread: cmocka asserts in the main one only */

static void want_zero(int r)
{
	int none = 0;

	if (r)
		atomic_compare_exchange_strong(&first_error, &none, r);
}

static void *write_lines(void *arg)
{
	const struct job *j = arg;
	char path[32], next[33];

	for (unsigned i = 0; i < j->each; i++) {
		snprintf(path, sizeof(path), "w%u-%u", j->n, i);
		snprintf(next, sizeof(next), "+%s", path);
		struct ledger_entry v[PIECES] = {entry(path), entry(next), entry(next)}, *p[PIECES] = {&v[0], &v[1], &v[2]};

		want_zero(chain_take_room(false));
		want_zero(chain_write(p, j->sync ? 1 : PIECES, j->sync));
		chain_give_room();
	}
	return NULL;
}

/* What everybody would do without a common writer. */
static void *write_alone(void *arg)
{
	const struct job *j = arg;
	char line[800];

	memset(line, 'x', sizeof(line));
	for (unsigned i = 0; i < j->each; i++) {
		pthread_mutex_lock(j->lock);
		want_zero(pwrite(j->fd, line, sizeof(line), *j->end) != sizeof(line));
		*j->end += (off_t)sizeof(line);
		want_zero(fdatasync(j->fd));
		pthread_mutex_unlock(j->lock);
	}
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds. */
static double all(unsigned threads, void *(*run)(void *), struct job like)
{
	pthread_t t[WRITERS];
	struct job jobs[WRITERS];
	double began = now();

	for (unsigned i = 0; i < threads; i++) {
		jobs[i] = like;
		jobs[i].n = i;
		assert_int_equal(pthread_create(&t[i], NULL, run, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(first_error, 0);
	return now() - began;
}

/* ------------------------------------------------------------------ tests */

static void one_chain(void **state)
{
	struct read_back r;

	(void)state;
	begin(1 << 30);
	all(FEW, write_lines, (struct job){.each = MANY});
	chain_close();
	read_run(1, &r);
	assert_int_equal(r.lines, FEW * MANY * PIECES);
	assert_int_equal(r.pieces, FEW * MANY * (PIECES - 1));
}

static atomic_bool over;
static atomic_int rotations;

static void *rotate_often(void *arg)
{
	while (!over) {
		usleep(500);
		want_zero(chain_rotate(true));
		rotations++;
	}
	return arg;
}

static void rotation_under_load(void **state)
{
	struct read_back r;
	unsigned rounds = 0;
	pthread_t rotor;

	(void)state;
	begin(1 << 30);
	over = false;
	assert_int_equal(pthread_create(&rotor, NULL, rotate_often, NULL), 0);
	for (; rounds < 50 && (!rounds || rotations < 4); rounds++)
		all(FEW, write_lines, (struct job){.each = MANY / 4});
	over = true;
	pthread_join(rotor, NULL);
	chain_close();
	read_run(2, &r);
	assert_int_equal(r.pieces, rounds * FEW * MANY / 4 * (PIECES - 1));
	assert_true(r.lines >= rounds * FEW * MANY / 4 * PIECES + 2); /* the first lines of the files */
	print_message("%lu files of one chain\n", r.lines - rounds * FEW * MANY / 4 * PIECES + 1);
}

/* The better of two: the machine has other work, too. */
static void group_commit(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct chain_figures f;
	char path[160];
	off_t end = 0;
	double one = 1e9, group = 1e9;

	(void)state;
	snprintf(path, sizeof(path), "%s/alone", top);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(posix_fallocate(fd, 0, 4 << 20), 0);
	begin(1 << 30);
	for (int round = 0; round < 2; round++) {
		double a = all(WRITERS, write_alone, (struct job){.each = EACH / 4, .fd = fd, .lock = &lock, .end = &end}) * 4;
		double g = all(WRITERS, write_lines, (struct job){.each = EACH, .sync = true});
		one = a < one ? a : one;
		group = g < group ? g : group;
	}
	chain_figures(&f);
	chain_close();
	close(fd);
	print_message("32 writers: one sync for each line %.0f us, group commit %.0f us a line: %.1f times; %lu syncs for %lu lines\n",
		      one / (WRITERS * EACH) * 1e6, group / (WRITERS * EACH) * 1e6, one / group, (unsigned long)f.syncs, (unsigned long)f.lines);
	assert_int_equal(f.lines, 2 * WRITERS * EACH);
#ifdef __SANITIZE_THREAD__
	return; /* under which locks cost more than disks */
#endif
	if (one / (WRITERS * EACH) > 0.0003)
		assert_true(one / group >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_chain),
		cmocka_unit_test(rotation_under_load),
		cmocka_unit_test(group_commit),
	};

	return cmocka_run_group_tests(tests, open_archive, close_archive);
}
