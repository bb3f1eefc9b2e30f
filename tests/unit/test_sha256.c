/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"

static void same_as(const char *bytes, size_t n, const char *want)
{
	unsigned char sum[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256(bytes, n, sum);
	sha256_hex(sum, hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-4 examples. */
static void vectors(void **state)
{
	(void)state;
	same_as("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	same_as("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	same_as("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* In pieces of any size, the sum of the whole: a million times the letter a. */
static void pieces(void **state)
{
	static const char want[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	static const size_t sizes[] = {1, 63, 64, 65, 1000, 99999};
	char a[100000];

	(void)state;
	memset(a, 'a', sizeof a);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sha256 *h = sha256_new();
		unsigned char sum[SHA256_LEN];
		char hex[SHA256_HEX];

		for (size_t done = 0; done < 1000000;) {
			size_t n = sizes[i] < 1000000 - done ? sizes[i] : 1000000 - done;

			sha256_add(h, a, n);
			done += n;
		}
		sha256_end(h, sum);
		sha256_hex(sum, hex);
		assert_string_equal(hex, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
