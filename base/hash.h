/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XXH3-128 for interning and caches. Never evidence: that is sha256.h. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
	uint64_t lo, hi;
};

struct hash128 hash128(const void *p, size_t n);
uint64_t hash64(const void *p, size_t n);
/* For tables whose keys others choose: with a seed that they cannot know, they cannot choose keys that meet in one place. */
uint64_t hash64_seeded(const void *p, size_t n, uint64_t seed);
/* Such a seed, one for each run of the program. */
uint64_t hash_secret(void);
static inline bool hash128_eq(struct hash128 a, struct hash128 b) { return a.lo == b.lo && a.hi == b.hi; }

#endif
