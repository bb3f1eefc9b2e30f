/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers that are the same on every machine (splitmix64). */
#ifndef TESTS_RANDOM_LIB_RNG_H
#define TESTS_RANDOM_LIB_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n-1; n > 0. */
static inline int rng_below(struct rng *r, int n) { return (int)(rng_next(r) % (uint64_t)n); }

static inline bool rng_chance(struct rng *r, int percent) { return rng_below(r, 100) < percent; }

/* A generator of its own for the i-th thing of a run. */
static inline struct rng rng_fork(uint64_t seed, uint64_t i)
{
	struct rng r = {seed ^ (i * 0xd6e8feb86659fd93u)};
	rng_next(&r);
	return r;
}

#endif
