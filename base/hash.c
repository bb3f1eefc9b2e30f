/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash128 hash128(const void *p, size_t n)
{
	XXH128_hash_t h = XXH3_128bits(p, n);
	return (struct hash128){h.low64, h.high64};
}

uint64_t hash64(const void *p, size_t n) { return XXH3_64bits(p, n); }

uint64_t hash64_seeded(const void *p, size_t n, uint64_t seed) { return XXH3_64bits_withSeed(p, n, seed); }

uint64_t hash_secret(void)
{
	static const char anchor;
	return (uintptr_t)&anchor;
}
