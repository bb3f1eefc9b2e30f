/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

/* Published test vectors of XXH3 (xxHash sanity tests): the empty input with seed 0. */
static void vectors(void **state)
{
	struct hash128 e = hash128("", 0);

	(void)state;
	assert_true(hash64("", 0) == 0x2d06800538d394c2ULL);
	assert_true(e.lo == 0x6001c324468d497fULL);
	assert_true(e.hi == 0x99aa06d3014798d8ULL);
}

static void tells_apart(void **state)
{
	unsigned char a[300] = {0}, b[300] = {0};

	(void)state;
	for (size_t n = 1; n < sizeof a; n++) {
		assert_true(hash128_eq(hash128(a, n), hash128(b, n)));
		b[n - 1] ^= 1;
		assert_false(hash128_eq(hash128(a, n), hash128(b, n)));
		assert_true(hash64(a, n) != hash64(b, n));
		b[n - 1] ^= 1;
		assert_false(hash128_eq(hash128(a, n), hash128(a, n - 1)));
	}
}

static void both_halves_count(void **state)
{
	(void)state;
	assert_false(hash128_eq((struct hash128){1, 2}, (struct hash128){1, 3}));
	assert_false(hash128_eq((struct hash128){1, 2}, (struct hash128){0, 2}));
	assert_true(hash128_eq((struct hash128){1, 2}, (struct hash128){1, 2}));
}

/* Who does not know the seed cannot choose names that meet; the secret stays the same while the program runs. */
static void seeds(void **state)
{
	(void)state;
	assert_int_equal(hash64_seeded("abc", 3, 7), hash64_seeded("abc", 3, 7));
	assert_int_not_equal(hash64_seeded("abc", 3, 7) & 0xffff, hash64_seeded("abc", 3, 8) & 0xffff);
	assert_int_equal(hash_secret(), hash_secret());
	assert_int_not_equal(hash_secret(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(tells_apart),
		cmocka_unit_test(seeds), cmocka_unit_test(both_halves_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
