/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters for each request: how many, how many failed, how long. Lock-free; any thread. */
#ifndef FS_STATS_H
#define FS_STATS_H

#include <stdint.h>
#include <sys/types.h>

#include "fs/op.h"

struct buf;

struct stats_row {
	uint64_t count, errors;
	uint64_t p50_us, p99_us; /* upper bounds of the histogram's steps (powers of two) */
};

/* Now, in nanoseconds of a clock that never jumps. */
uint64_t stats_now(void);
/* One request of that kind is done: 'began' from stats_now(), err 0 or -errno. */
void stats_count(enum op_id id, uint64_t began, int err);
struct stats_row stats_row(enum op_id id);
const char *stats_name(enum op_id id);
uint64_t stats_total(void);
/* A line for each operation that was ever asked: "lookup  count=12 errors=3 p50_us=8 p99_us=64". */
void stats_format(struct buf *out);

#endif
