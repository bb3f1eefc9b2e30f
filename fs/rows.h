/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row numbers of records (SPEC section 10): the next of 1, 2, ... within a group, unique and without gaps for any number of writers, and
 * for several daemons on one backing tree; never used twice. Each number is a file that is made exclusively (link(2)), in
 * .zddc.d/rows/<group>/ of the records' directory; it stays when its record goes.
 *
 * 0 or -errno. Any thread; the directory must stay where it is (tree_lock for reading).
 */
#ifndef FS_ROWS_H
#define FS_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

struct rows {
	int dirfd; /* the records' directory */
	const char *scope; /* the group: SHA256_HEX - 1 hex digits */
	uint64_t boot; /* chance that tells this daemon's numbers from every other's */
	bool shared; /* other daemons are at work on the same tree */
	/*
	 * What was there before numbers were reserved here, and after a daemon has died: calls each() for group and number of every record, in the
	 * directory and in its history.
	 */
	int (*used)(void *arg, void (*each)(void *each_arg, const char *scope, unsigned long row), void *each_arg);
	void *arg;
};

/* Reserves the next number. The caller ends it with rows_keep or rows_drop. */
int rows_take(const struct rows *r, unsigned long *row);
/* Its record is in place: nobody gets it again. */
int rows_keep(const struct rows *r, unsigned long row);
/* A record has come with this number: nobody gets it. */
int rows_mark(const struct rows *r, unsigned long row);
/* Nothing came of it: the next writer gets it. */
void rows_drop(const struct rows *r, unsigned long row);

#endif
