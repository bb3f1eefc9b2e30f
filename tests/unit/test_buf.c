/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"

static void empty(void **state)
{
	AUTO_BUF b = BUF_INIT;
	char *s;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	s = buf_steal(&b);
	assert_non_null(s);
	assert_string_equal(s, "");
	free(s);
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	buf_add(&b, "", 0);
	assert_string_equal(buf_str(&b), "");
}

static void grows(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 100000);
	assert_true(b.cap > b.len);
	assert_int_equal(b.data[b.len], 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

static void holds_nul(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_adds(&b, "c");
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "a\0bc", 5);
}

static void formats(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	buf_addf(&b, "%d-%s", 7, "x");
	assert_string_equal(buf_str(&b), "7-x");
	buf_addf(&b, "%0*d", 50000, 1);
	assert_int_equal(b.len, 50003);
	assert_int_equal(b.data[50002], '1');
	buf_addf(&b, "%s", "");
	assert_int_equal(b.len, 50003);
}

static void reset_keeps_room(void **state)
{
	AUTO_BUF b = BUF_INIT;
	char *data;

	(void)state;
	buf_adds(&b, "something");
	data = b.data;
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_str(&b), "");
	buf_adds(&b, "else");
	assert_ptr_equal(b.data, data);
	assert_string_equal(buf_str(&b), "else");
}

static void reserve(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	buf_reserve(&b, 1000);
	assert_non_null(b.data);
	assert_true(b.cap >= 1001); /* the NUL as well */
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_str(&b), "");
	memset(b.data, 'x', 1000);
	b.len = 1000;
	b.data[1000] = 0;
	buf_addc(&b, 'y');
	assert_int_equal(strlen(buf_str(&b)), 1001);
}

static void steal(void **state)
{
	struct buf b = BUF_INIT;
	char *s;

	(void)state;
	buf_adds(&b, "mine");
	s = buf_steal(&b);
	assert_string_equal(s, "mine");
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	buf_adds(&b, "again");
	assert_string_equal(s, "mine");
	free(s);
	buf_free(&b);
	assert_null(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(grows),
		cmocka_unit_test(holds_nul),
		cmocka_unit_test(formats),
		cmocka_unit_test(reset_keeps_room),
		cmocka_unit_test(reserve),
		cmocka_unit_test(steal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
