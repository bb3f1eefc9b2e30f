/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that mean something, and names that only look so (THREATS 6, 15, 16). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/names.c" /* fs/ is no library that tests are linked with */

static void all(enum name_class class, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name_class(names[i]) != class)
			fail_msg("\"%s\" is class %d, not %d", names[i], name_class(names[i]), class);
}
#define ALL(class, names) all(class, names, sizeof(names) / sizeof(*(names)))

static void policy_and_trash(void **state)
{
	static const char *const trash[] = {".Trash", ".Trash-1000", ".Trash-0"};

	(void)state;
	assert_int_equal(name_class(".zddc"), NAME_POLICY);
	assert_int_equal(name_class(".zddc.d"), NAME_CONTROL);
	ALL(NAME_TRASH, trash);
}

static void look_alike(void **state)
{
	static const char *const names[] = {
		".ZDDC", ".Zddc", ".zddC", ".zddc ", " .zddc", ".zddc.", ".zddc..", ".zddc. .", ".zddc\t", ".zddc\n", ".zddc\x7f", "\x01.zddc",
		".ZDDC.D", ".zddc.D", ".zddc.d ", ".zddc.d.", ".zddc\xc2\xa0", ".zddc\xe2\x80\x8b", ".z\xe2\x80\x8d"
		"ddc", "\xef\xbb\xbf.zddc",
		".zddc\xcc\x81", ".\xcc\xa3zddc", ".zdd\xd1\x81", "\xef\xbc\x8ezddc", ".\xef\xbd\x9a\xef\xbd\x84\xef\xbd\x84\xef\xbd\x83",
		".zddc\xc2\xad", ".zddc\xe2\x80\xae", ".zddc\xef\xb8\x8f", ".zddc\xf3\xa0\x81\xa1", "\xe2\x80\xa4zddc",
	};

	(void)state;
	ALL(NAME_LOOKALIKE, names);
}

static void plain_names(void **state)
{
	static const char *const names[] = {
		"zddc", "_zddc", ".zddc~", ".zddc.bak", ".zddc.swp", ".zddc.dd", ".zdd", ".zdc", "zddc.d", ".zddcd", "x.zddc", ".zddc1", ".zddx",
		"...", ".a", "a b (c)", "new\nline", "\xff\xfe", "\xc3", ".Trash-", ".Trash-x", ".trash", "4913", "caf\xc3\xa9", "cafe\xcc\x81",
		".zddc\xff", ".zddc\xc3\xa9",
	};
	char longest[256];

	(void)state;
	memset(longest, 'a', 255);
	longest[255] = '\0';
	ALL(NAME_ORDINARY, names);
	assert_int_equal(name_class(longest), NAME_ORDINARY);
}

static void no_names(void **state)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/"};
	char too_long[257];

	(void)state;
	memset(too_long, 'a', 256);
	too_long[256] = '\0';
	ALL(NAME_INVALID, names);
	assert_int_equal(name_class(too_long), NAME_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_and_trash), cmocka_unit_test(look_alike), cmocka_unit_test(plain_names), cmocka_unit_test(no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
