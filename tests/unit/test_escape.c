/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from elsewhere, made fit for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/escape.h"

static void same(const char *from, size_t n, bool lines, const char *want)
{
	AUTO_BUF out = BUF_INIT;

	escape_add(&out, from, n, lines);
	assert_string_equal(buf_str(&out), want);
}

#define SAME(from, lines, want) same(from, sizeof(from) - 1, lines, want)

static void test_ordinary_text_stays(void **state)
{
	(void)state;
	SAME("Spec (IFR) - \"A\\B\".pdf", false, "Spec (IFR) - \"A\\B\".pdf");
	SAME("\xc3\x84nderung \xe4\xb8\xad \xf0\x9f\x98\x80", false, "\xc3\x84nderung \xe4\xb8\xad \xf0\x9f\x98\x80");
	SAME("", false, "");
}

static void test_nothing_ends_a_line_or_drives_a_terminal(void **state)
{
	(void)state;
	SAME("a\nzddcfs: b\r", false, "a\\x0azddcfs: b\\x0d");
	SAME("\033[2J\x7f\0end", false, "\\x1b[2J\\x7f\\x00end");
	SAME("\xc2\x85|\xe2\x80\xa8|\xef\xbb\xbf", false, "\\xc2\\x85|\\xe2\\x80\\xa8|\\xef\\xbb\\xbf");
	SAME("\xe2\x80\xae" "fdp.exe", false, "\\xe2\\x80\\xaefdp.exe");
}

static void test_bytes_that_are_no_text(void **state)
{
	(void)state;
	SAME("\xff\xc3|\xed\xa0\x80", false, "\\xff\\xc3|\\xed\\xa0\\x80");
}

static void test_lines_are_kept_on_wish(void **state)
{
	(void)state;
	SAME("a\n\tb\r\n", true, "a\n\tb\\x0d\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_text_stays),
		cmocka_unit_test(test_nothing_ends_a_line_or_drives_a_terminal),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_lines_are_kept_on_wish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
