/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"

/* Memory is zeroed, aligned, and does not overlap, for sizes around any block size. */
static void alloc_many(void **state)
{
	struct arena a = ARENA_INIT;
	unsigned char *last = NULL;
	size_t last_size = 0;

	(void)state;
	for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
		unsigned char *p = arena_alloc(&a, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		for (size_t i = 0; i < last_size; i++)
			assert_int_equal(last[i], 0xa5);
		memset(p, 0xa5, size);
		last = p;
		last_size = size;
	}
	assert_true(a.total >= 200000);
	arena_free(&a);
	assert_null(a.head);
	assert_int_equal(a.total, 0);
}

static void reused_after_free(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	for (int i = 0; i < 3; i++) {
		unsigned char *p = arena_alloc(&a, 5000);

		for (int j = 0; j < 5000; j++)
			assert_int_equal(p[j], 0);
		memset(p, 1, 5000);
		arena_free(&a);
	}
}

static void strings(void **state)
{
	struct arena a = ARENA_INIT;
	char *s;

	(void)state;
	assert_string_equal(arena_strdup(&a, "Acme"), "Acme");
	assert_string_equal(arena_strdup(&a, ""), "");
	s = arena_strndup(&a, "ab\0cd", 5);
	assert_memory_equal(s, "ab\0cd", 6);
	assert_string_equal(arena_strndup(&a, "archive", 4), "arch");
	assert_string_equal(arena_printf(&a, "%s:%d", "archive/.zddc", 14), "archive/.zddc:14");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
	s = arena_printf(&a, "%0*d", 100000, 7);
	assert_int_equal(strlen(s), 100000);
	assert_int_equal(s[99999], '7');
	arena_free(&a);
}

static void typed(void **state)
{
	struct arena a = ARENA_INIT;
	long long *v = arena_array(&a, long long, 1000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v[i], 0);
	assert_non_null(arena_new(&a, struct arena));
	assert_non_null(arena_alloc(&a, 0));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alloc_many),
		cmocka_unit_test(reused_after_free),
		cmocka_unit_test(strings),
		cmocka_unit_test(typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
