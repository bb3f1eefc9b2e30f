/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/str.h"

static void folding(void **state)
{
	char s[] = "Alice@ACME.com \xc3\x84Z[";

	(void)state;
	str_lower(s);
	assert_string_equal(s, "alice@acme.com \xc3\x84z["); /* other bytes stay */
	assert_true(str_ieq("Issued", "iSSUED"));
	assert_false(str_ieq("issued", "issue"));
	assert_false(str_ieq("issue", "issued"));
	assert_false(str_ieq("\xc3\x84", "\xc3\xa4"));
	assert_false(str_ieq("@", "`")); /* 0x40 and 0x60 are no pair */
	assert_false(str_ieq("[", "{"));
	assert_true(str_ieq("", ""));
}

static void ends(void **state)
{
	(void)state;
	assert_true(str_starts("role:x", "role:"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("role", "role:"));
	assert_true(str_ends("a.part", ".part"));
	assert_false(str_ends("part", ".part"));
	assert_true(str_ends("x", ""));
}

static void globs(void **state)
{
	static const struct {
		const char *pattern, *s;
		bool match;
	} t[] = {
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a", "", false}, {"*.tmp", "x.tmp", true}, {"*.tmp", ".tmp", true},
		{"*.tmp", "x.tmp2", false}, {"sed??????", "sedAbC123", true}, {"sed??????", "sedAbC12", false}, {"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false}, {"**", "anything", true}, {"a**", "a", true}, {"?", "", false}, {"*?", "a", true}, {"*?", "", false},
		{"~$*", "~$book.xlsx", true}, {"[ab]", "a", false}, {"[ab]", "[ab]", true}, {"A", "a", false}, {".*.swp", ".x.swp", true},
		{".*.swp", "x.swp", false}, {"a?c", "a\nc", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (str_glob(t[i].pattern, t[i].s, GLOB_BYTE) != t[i].match)
			fail_msg("%s against %s: want %d", t[i].pattern, t[i].s, t[i].match);
}

/* With sets it is fnmatch(3), compared over short patterns of the characters that mean something. */
static void globs_with_sets(void **state)
{
	static const char pieces[][4] = {"*", "?", "[", "]", "!", "^", "-", "\\", "a", "b", "c", "[a", "b]", "[!", "a-c"}, letters[] = "abc[]-!\\";
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char pattern[40] = "", s[8] = "";

		for (int n = 1 + (int)((seed = seed * 1664525 + 1013904223) >> 28) % 7; n > 0; n--)
			strcat(pattern, pieces[((seed = seed * 1664525 + 1013904223) >> 16) % (sizeof pieces / sizeof *pieces)]);
		for (int n = (int)((seed = seed * 1664525 + 1013904223) >> 28) % 6; n > 0; n--)
			strncat(s, &letters[((seed = seed * 1664525 + 1013904223) >> 16) % (sizeof letters - 1)], 1);
		if (str_glob(pattern, s, GLOB_BYTE | GLOB_SET) != (fnmatch(pattern, s, 0) == 0))
			fail_msg("%s against %s: want %d", pattern, s, fnmatch(pattern, s, 0) == 0);
	}
}

static void globs_of_addresses(void **state)
{
	(void)state;
	assert_true(str_glob("*@X.org", "Ann@x.ORG", GLOB_FOLD | GLOB_AT));
	assert_false(str_glob("*", "ann@x.org", GLOB_AT));
	assert_true(str_glob("*", "ann@x.org", 0));
	assert_false(str_glob("a*g", "ann@x.org", GLOB_AT));
	assert_false(str_glob("?nn@x.org", "ann@x.org", GLOB_AT));
	assert_false(str_glob("[a]nn", "ann", GLOB_BYTE));
}

/* What makes naive matchers take exponential time. */
static void glob_stays_fast(void **state)
{
	char s[4001], pattern[64] = "";
	struct timespec a, b;

	(void)state;
	memset(s, 'a', sizeof s - 1);
	s[sizeof s - 1] = 0;
	for (int i = 0; i < 15; i++)
		strcat(pattern, "a*");
	strcat(pattern, "b");
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_false(str_glob(pattern, s, GLOB_BYTE | GLOB_SET));
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 200);
}

static void utf8(void **state)
{
	static const struct {
		const char *s;
		bool valid;
	} t[] = {
		{"", true}, {"plain", true}, {"\xc3\xa4", true}, {"\xe2\x82\xac", true}, {"\xf0\x9f\x98\x80", true}, {"\xf4\x8f\xbf\xbf", true},
		{"\xed\x9f\xbf", true}, {"\xee\x80\x80", true},
		{"\x80", false}, {"\xc3", false}, {"\xc3(", false}, {"\xe2\x82", false}, {"\xff", false}, {"\xfe", false}, {"\xf8\x88\x80\x80\x80", false},
		{"\xc0\x80", false}, {"\xc1\xbf", false}, {"\xe0\x80\x80", false}, {"\xe0\x9f\xbf", false}, {"\xf0\x80\x80\x80", false}, /* overlong */
		{"\xf0\x8f\xbf\xbf", false}, {"\xed\xa0\x80", false}, {"\xed\xbf\xbf", false}, /* surrogates */
		{"\xf4\x90\x80\x80", false}, {"\xf5\x80\x80\x80", false}, /* beyond U+10FFFF */
		{"ok\xc3\xa4" "bad\x80", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (str_utf8_valid(t[i].s, strlen(t[i].s)) != t[i].valid)
			fail_msg("case %zu: want %d", i, t[i].valid);
	assert_true(str_utf8_valid("a\0b", 3));
	assert_int_equal(str_utf8_len("\xe2\x82\xac", 2), 0); /* cut short */
	assert_int_equal(str_utf8_len("\xe2\x82\xac", 3), 3);
	assert_int_equal(str_utf8_len("\0", 1), 1);
}

static void unprintable(void **state)
{
	static const struct {
		const char *s;
		unsigned code;
		bool yes;
	} t[] = {{"a", 'a', false}, {" ", ' ', false}, {"\t", 9, true}, {"\x7f", 0x7f, true}, {"~", '~', false}, {"\xc2\x80", 0x80, true},
		 {"\xc2\x9f", 0x9f, true}, {"\xc2\xa0", 0xa0, false}, {"\xe2\x80\xa7", 0x2027, false}, {"\xe2\x80\xa8", 0x2028, true},
		 {"\xe2\x80\xa9", 0x2029, true}, {"\xef\xbb\xbf", 0xfeff, true}, {"\xef\xbf\xbd", 0xfffd, false}, {"\xef\xbf\xbf", 0xffff, true},
		 {"\xf0\x9f\x98\x80", 0x1f600, false}, {"\xf4\x8f\xbf\xbf", 0x10ffff, false}};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		unsigned code;

		if (str_unprintable(t[i].s, strlen(t[i].s), &code) != t[i].yes || code != t[i].code)
			fail_msg("U+%04X: got U+%04X, want %d", t[i].code, code, t[i].yes);
	}
}

static void distance(void **state)
{
	(void)state;
	assert_int_equal(str_distance("title", "title", 3), 0);
	assert_int_equal(str_distance("titel", "title", 3), 2);
	assert_int_equal(str_distance("TITLE", "title", 3), 0);
	assert_int_equal(str_distance("", "abc", 5), 3);
	assert_int_equal(str_distance("abc", "", 5), 3);
	assert_int_equal(str_distance("kitten", "sitting", 5), 3);
	assert_int_equal(str_distance("kitten", "sitting", 2), 3); /* most + 1 */
	assert_int_equal(str_distance("a", "0123456789012345678901234567890123456789012345678901234567890123456789", 2), 3);
}

static void nearest(void **state)
{
	static const char *const words[] = {"permissions", "members", "worm", "admins"};

	(void)state;
	assert_string_equal(str_nearest("permisions", words, 4), "permissions");
	assert_string_equal(str_nearest("member", words, 4), "members");
	assert_string_equal(str_nearest("wrm", words, 4), "worm");
	assert_string_equal(str_nearest("WORM", words, 4), "worm");
	assert_null(str_nearest("xyz", words, 4));
	assert_null(str_nearest("worm", words, 0));
	assert_null(str_nearest("ab", words, 4)); /* too short to be a slip of "admins" */
}

static void times(void **state)
{
	static const struct {
		const char *s;
		long long want;
	} good[] = {
		{"1970-01-01", 0}, {"1970-01-01T00:00:00Z", 0}, {"2000-03-01T00:00:00Z", 951868800}, {"2024-02-29T12:00:00Z", 1709208000},
		{"2026-01-31T12:00:00+01:00", 1769857200}, {"2026-01-31T12:00:00-05:30", 1769880600}, {"2026-01-31t12:00:00.123456z", 1769860800},
		{"1969-12-31T23:59:59Z", -1}, {"2026-01-31 12:00:00Z", 1769860800}, {"9999-12-31T23:59:59Z", 253402300799},
	};
	static const char *const bad[] = {"", "tomorrow", "2026-13-01", "2026-00-01", "2026-02-29", "2026-01-32", "2026-1-1", "2026-01-31T",
					  "2026-01-31T12:00:00", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00.Z",
					  "2026-01-31T12:00:00+25:00", "2026-01-31T12:00:00Zx", "2026-01-31x", " 2026-01-31", "1900-02-29"};
	long long got;
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(str_time(good[i].s, &got));
		if (got != good[i].want)
			fail_msg("%s: %lld, want %lld", good[i].s, got, good[i].want);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (str_time(bad[i], &got))
			fail_msg("\"%s\" was taken for a time", bad[i]);
	for (long long t = -62000000000; t < 250000000000; t += 1234567891) { /* there and back, over all centuries */
		str_time_format(t, text);
		assert_true(str_time(text, &got));
		assert_true(got == t);
	}
	str_time_format(1769860800, text);
	assert_string_equal(text, "2026-01-31T12:00:00Z");
}

/* The C library agrees, from 1850 to 2200. */
static void times_as_gmtime(void **state)
{
	(void)state;
	for (time_t t = -3786825600; t < 7258118400; t += 7654321) {
		struct tm tm;
		char want[64], got[32];

		assert_non_null(gmtime_r(&t, &tm));
		strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
		str_time_format((long long)t, got);
		assert_string_equal(got, want);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *s;
		long long want;
	} good[] = {{"0", 0}, {"90", 90}, {"90s", 90}, {"10m", 600}, {"12h", 43200}, {"7d", 604800}, {"2w", 1209600}, {"10y", 315360000}};
	static const char *const bad[] = {"", "m", "-1", "1.5h", "10 m", "10mm", "10x", "1h30m", "99999999999999999999d", "0x10"};
	long long got;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(str_duration(good[i].s, &got));
		assert_true(got == good[i].want);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (str_duration(bad[i], &got))
			fail_msg("\"%s\" was taken for a duration", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folding),   cmocka_unit_test(ends),	cmocka_unit_test(globs),  cmocka_unit_test(globs_with_sets), cmocka_unit_test(globs_of_addresses), cmocka_unit_test(glob_stays_fast),
		cmocka_unit_test(utf8), cmocka_unit_test(unprintable),	     cmocka_unit_test(distance), cmocka_unit_test(nearest), cmocka_unit_test(times),
		cmocka_unit_test(times_as_gmtime), cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
