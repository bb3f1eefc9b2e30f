/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/stats.h"

#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define STEPS 32 /* step n counts what took less than 2^n microseconds */

static struct {
	uint64_t count, errors, steps[STEPS]; /* atomic */
} rows[OP_COUNT];

static const char *const names[OP_COUNT] = {
#define OP(id, name, ...) [OP_##id] = name,
#include "fs/optab.def"
#undef OP
};

uint64_t stats_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)clock_ns(t);
}

static unsigned step_of(uint64_t us)
{
	unsigned n = us ? 64u - (unsigned)__builtin_clzll(us) : 0;

	return n < STEPS ? n : STEPS - 1;
}

static void add(uint64_t *to)
{
	__atomic_add_fetch(to, 1, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

void stats_count(enum op_id id, uint64_t began, int err)
{
	add(&rows[id].count);
	if (err < 0)
		add(&rows[id].errors);
	add(&rows[id].steps[step_of((stats_now() - began) / 1000)]);
}

/* The upper bound of the step below which so many parts of a hundred lie. */
static uint64_t percentile(enum op_id id, uint64_t count, unsigned part)
{
	uint64_t seen = 0, want = (count * part + 99) / 100;

	for (unsigned i = 0; i < STEPS; i++) {
		seen += get(&rows[id].steps[i]);
		if (seen >= want)
			return 1ull << i;
	}
	return 1ull << (STEPS - 1);
}

struct stats_row stats_row(enum op_id id)
{
	struct stats_row r = {.count = get(&rows[id].count), .errors = get(&rows[id].errors)};

	if (r.count) {
		r.p50_us = percentile(id, r.count, 50);
		r.p99_us = percentile(id, r.count, 99);
	}
	return r;
}

const char *stats_name(enum op_id id)
{
	return names[id];
}

uint64_t stats_total(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < OP_COUNT; i++)
		n += get(&rows[i].count);
	return n;
}

void stats_format(struct buf *out)
{
	for (size_t i = 0; i < OP_COUNT; i++) {
		struct stats_row r = stats_row((enum op_id)i);

		if (r.count)
			buf_addf(out, "%s count=%llu errors=%llu p50_us=%llu p99_us=%llu\n", names[i], (unsigned long long)r.count,
				 (unsigned long long)r.errors, (unsigned long long)r.p50_us, (unsigned long long)r.p99_us);
	}
}
