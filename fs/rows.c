/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .zddc.d/rows/counted says that all records that were there at first have been counted. .zddc.d/rows/<group>/ holds "floor" (numbers up to it were used before anybody counted) and a file for each number taken since: "7" holds
 * the boot id of the daemon that took it and is 0600 until its record is in place, then 0400. A number whose daemon died in between is
 * free again if no record has it; whoever makes "7.BOOT" exclusively, BOOT being the dead daemon's, has it from then on.
 */
#include "fs/rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/table.h"
#include "fs/back.h"

enum {
	KEPT = 0400,
	SLOW = 60, /* seconds after which another host's unfinished number counts as a dead daemon's */
	NAME_BYTES = 64,
	BOOT_BYTES = 17, /* 16 hex digits and a newline */
	ROWS_MOST = 999999999,
};

static const char FLOOR[] = "floor", COUNTED[] = "counted";

/* ------------------------------------------------------------------ where to begin: a guess, which exclusive creation corrects */

/* By the inode of the group's directory: nearly always the number that is free. */
static struct hint {
	uint64_t ino, dev;
	unsigned long next;
} hints[256]; /* hints_lock */
static pthread_mutex_t hints_lock = PTHREAD_MUTEX_INITIALIZER;

static struct hint *hint_of(const struct stat *st) { return &hints[(st->st_ino * 0x9e3779b97f4a7c15ull >> 32) % ARRAY_LEN(hints)]; }

/* 0 if there is none. */
static unsigned long hint_get(const struct stat *st)
{
	WITH_MUTEX(&hints_lock);
	const struct hint *h = hint_of(st);

	return h->ino == st->st_ino && h->dev == st->st_dev ? h->next : 0;
}

/* All from 'from' up to 'row' are taken now. A number that was dropped meanwhile stays the first. */
static void hint_taken(const struct stat *st, unsigned long from, unsigned long row)
{
	WITH_MUTEX(&hints_lock);
	struct hint *h = hint_of(st);

	if (h->ino != st->st_ino || h->dev != st->st_dev)
		*h = (struct hint){st->st_ino, st->st_dev, row + 1};
	else if (h->next >= from && h->next <= row)
		h->next = row + 1;
}

static void hint_dropped(const struct stat *st, unsigned long row)
{
	WITH_MUTEX(&hints_lock);
	struct hint *h = hint_of(st);

	if (h->ino == st->st_ino && h->dev == st->st_dev && h->next > row)
		h->next = row;
}

/* ------------------------------------------------------------------ the group's directory */

struct group {
	char scope[SHA256_HEX];
	unsigned long highest;
	UT_hash_handle hh;
};

static void note_highest(void *arg, const char *scope, unsigned long row)
{
	struct group **groups = arg, *g;

	HASH_FIND_STR(*groups, scope, g);
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			abort();
		memcpy(g->scope, scope, SHA256_HEX);
		HASH_ADD_STR(*groups, scope, g);
	}
	if (row > g->highest)
		g->highest = row;
}

static int open_parent(const struct rows *r, int *fd)
{
	AUTO_CLOSE int store = -1;
	int e = back_own_subdir(r->dirfd, ".zddc.d", &store);

	return e < 0 ? e : back_own_subdir(store, "rows", fd);
}

/* A new group appears complete, floor and all: of several that make it at once, one is first. */
static int make_group(int parent, const char *scope, unsigned long floor)
{
	char tmp[BACK_TMP_NAME], text[NAME_BYTES];
	int tmpdir, e = back_tmp_dir(tmp, &tmpdir);

	if (e < 0)
		return e;
	AUTO_CLOSE int fd = back_opendir(tmpdir, tmp);
	e = fd < 0 ? fd : back_replace(fd, FLOOR, text, (size_t)snprintf(text, sizeof(text), "%lu\n", floor), KEPT, geteuid(), getegid());
	if (e == 0)
		e = back_rename(tmpdir, tmp, parent, scope, 0);
	if (e < 0)
		back_rmtree(tmpdir, tmp);
	return e == -ENOTEMPTY || e == -EEXIST ? 0 : e;
}

/* Once for a directory: each group that has records gets its floor. Whatever comes later is counted when it comes. */
static int count_all(const struct rows *r, int parent)
{
	struct group *groups = NULL, *g, *next;
	int e = r->used(r->arg, note_highest, &groups);

	HASH_ITER(hh, groups, g, next) {
		if (e == 0)
			e = make_group(parent, g->scope, g->highest);
		HASH_DEL(groups, g);
		free(g);
	}
	return e < 0 ? e : back_replace(parent, COUNTED, "", 0, KEPT, geteuid(), getegid());
}

static int first_of_group(const struct rows *r, int parent)
{
	struct stat st;
	int e = back_stat(parent, COUNTED, &st);

	if (e == -ENOENT)
		e = count_all(r, parent);
	if (e == 0)
		e = back_stat(parent, r->scope, &st);
	return e == -ENOENT ? make_group(parent, r->scope, 0) : e;
}

static int open_group(const struct rows *r, int *fd)
{
	AUTO_CLOSE int parent = -1;
	int e = open_parent(r, &parent);

	if (e < 0)
		return e;
	*fd = back_opendir(parent, r->scope);
	if (*fd == -ENOENT) {
		e = first_of_group(r, parent);
		*fd = e < 0 ? e : back_opendir(parent, r->scope);
	}
	return *fd < 0 ? *fd : 0;
}

static unsigned long floor_of(int group)
{
	AUTO_BUF text = BUF_INIT;

	return back_read_all(group, FLOOR, &text, NAME_BYTES) < 0 ? 0 : strtoul(buf_str(&text), NULL, 10);
}

/* ------------------------------------------------------------------ one number */

static void row_name(unsigned long row, char name[NAME_BYTES]) { snprintf(name, NAME_BYTES, "%lu", row); }

/* A file that says whose it is, made elsewhere and linked: whoever sees the name can read it. -EEXIST if the name is taken. */
static int claim(const struct rows *r, int group, const char *name)
{
	char tmp[BACK_TMP_NAME], text[NAME_BYTES];
	int tmpdir, e;
	AUTO_CLOSE int fd = back_tmp_file(tmp, &tmpdir);

	if (fd < 0)
		return fd;
	ssize_t n = back_pwrite(fd, text, (size_t)snprintf(text, sizeof(text), "%016llx\n", (unsigned long long)r->boot), 0);
	e = n < 0 ? (int)n : back_link(tmpdir, tmp, group, name);
	back_unlink(tmpdir, tmp);
	return e;
}

struct search {
	const char *scope;
	unsigned long row;
	bool found;
};

static void note_found(void *arg, const char *scope, unsigned long row)
{
	struct search *s = arg;

	s->found |= row == s->row && !strcmp(scope, s->scope);
}

/* The boot id of whoever has the number: who took it, or who has taken it over from the one before. False: nobody can tell. */
static bool owner_of(int group, unsigned long row, char owner[BOOT_BYTES], struct stat *since)
{
	char name[NAME_BYTES];
	AUTO_BUF boot = BUF_INIT;

	row_name(row, name);
	for (*owner = '\0';; snprintf(name, sizeof(name), "%lu.%s", row, owner)) {
		struct stat st;

		buf_reset(&boot);
		if (back_stat(group, name, &st) < 0 || back_read_all(group, name, &boot, NAME_BYTES) < 0)
			return *owner;
		if (boot.len != BOOT_BYTES)
			return false;
		*since = st;
		memcpy(owner, boot.data, BOOT_BYTES - 1);
		owner[BOOT_BYTES - 1] = '\0';
	}
}

/* Nobody's any more: its owner seems to be dead, and no record has it. */
static bool is_orphan(const struct rows *r, int group, unsigned long row, char owner[BOOT_BYTES])
{
	struct search s = {.scope = r->scope, .row = row};
	char name[NAME_BYTES];
	struct stat st, since = {0};

	row_name(row, name);
	if (back_stat(group, name, &st) < 0 || (st.st_mode & 0777) == KEPT || !owner_of(group, row, owner, &since))
		return false;
	if (strtoull(owner, NULL, 16) == r->boot || (r->shared && since.st_ctim.tv_sec + SLOW > time(NULL)))
		return false;
	if (r->used(r->arg, note_found, &s) < 0)
		return false;
	if (s.found) /* its daemon died just before it could say so */
		rows_keep(r, row);
	return !s.found;
}

/* The number of a dead daemon is whose who is the first to say so. */
static bool adopt(const struct rows *r, int group, unsigned long row)
{
	char owner[BOOT_BYTES], by[NAME_BYTES];

	if (!is_orphan(r, group, row, owner))
		return false;
	snprintf(by, sizeof(by), "%lu.%s", row, owner);
	return claim(r, group, by) == 0;
}

/* ------------------------------------------------------------------ taking */

/* From 'row' on, the first that is free or that a dead daemon has left. */
static int take_from(const struct rows *r, int group, unsigned long row, unsigned long *out)
{
	char name[NAME_BYTES];
	int e = -EEXIST;

	for (; e == -EEXIST && row <= ROWS_MOST; row++) {
		row_name(row, name);
		e = claim(r, group, name);
		if (e == -EEXIST && adopt(r, group, row))
			e = 0;
		if (e == 0)
			*out = row;
	}
	return e == -EEXIST ? -EFBIG : e;
}

int rows_take(const struct rows *r, unsigned long *row)
{
	AUTO_CLOSE int group = -1;
	unsigned long hint, from;
	struct stat st;
	int e = open_group(r, &group);

	if (e == 0)
		e = back_fstat(group, &st);
	if (e < 0)
		return e;
	hint = hint_get(&st);
	from = hint ? hint : floor_of(group) + 1;
	e = take_from(r, group, from, row);
	if (e == 0)
		hint_taken(&st, from, *row);
	return e;
}

int rows_keep(const struct rows *r, unsigned long row)
{
	AUTO_CLOSE int group = -1;
	char name[NAME_BYTES];
	int e = open_group(r, &group);

	row_name(row, name);
	return e < 0 ? e : back_chmod(group, name, KEPT);
}

int rows_mark(const struct rows *r, unsigned long row)
{
	AUTO_CLOSE int group = -1;
	char name[NAME_BYTES];
	int e = open_group(r, &group);

	row_name(row, name);
	if (e == 0)
		e = claim(r, group, name);
	return e < 0 && e != -EEXIST ? e : back_chmod(group, name, KEPT);
}

void rows_drop(const struct rows *r, unsigned long row)
{
	AUTO_CLOSE int group = -1;
	char name[NAME_BYTES];
	struct stat st;

	row_name(row, name);
	if (open_group(r, &group) < 0 || back_unlink(group, name) < 0 || back_fstat(group, &st) < 0)
		return;
	hint_dropped(&st, row);
}
