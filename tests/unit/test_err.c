/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

static void formats(void **state)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF out = BUF_INIT;

	(void)state;
	diag_add(&d, DIAG_ERROR, "archive/.zddc", 12, 3, "unknown key \"%s\"", "titel");
	diag_add(&d, DIAG_WARNING, ".zddc", 0, 0, "nobody administers this");
	assert_int_equal(d.n, 2);
	assert_int_equal(d.errors, 1);
	diags_format(&d, &out);
	assert_string_equal(buf_str(&out), "archive/.zddc:12:3: error: unknown key \"titel\"\n.zddc: warning: nobody administers this\n");
}

/* The caller's strings may go away. */
static void owns_its_text(void **state)
{
	AUTO_DIAGS d = DIAGS_INIT;
	char file[] = "f", text[] = "t";

	(void)state;
	diag_add(&d, DIAG_ERROR, file, 1, 1, "%s", text);
	file[0] = text[0] = 'X';
	assert_string_equal(d.v[0].file, "f");
	assert_string_equal(d.v[0].text, "t");
}

static void sorts(void **state)
{
	AUTO_DIAGS d = DIAGS_INIT;
	static const struct {
		uint32_t line, col;
	} in[] = {{3, 1}, {1, 9}, {2, 5}, {1, 2}, {2, 4}, {0, 0}}, want[] = {{0, 0}, {1, 2}, {1, 9}, {2, 4}, {2, 5}, {3, 1}};

	(void)state;
	diags_sort(&d);
	for (size_t i = 0; i < 6; i++)
		diag_add(&d, DIAG_ERROR, "f", in[i].line, in[i].col, "x");
	diags_sort(&d);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(d.v[i].line, want[i].line);
		assert_int_equal(d.v[i].col, want[i].col);
	}
}

/* A document of a million errors costs no more than LIMIT_DIAGS of them, and they are still counted. */
static void bounded(void **state)
{
	AUTO_DIAGS d = DIAGS_INIT;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		diag_add(&d, DIAG_ERROR, "f", i, 1, "x");
	assert_int_equal(d.n, LIMIT_DIAGS);
	assert_int_equal(d.errors, 1000);
	diags_free(&d);
	assert_int_equal(d.n, 0);
	assert_int_equal(d.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(owns_its_text),
		cmocka_unit_test(sorts),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
