/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/yformat.h"
#include "base/ynode.h"

static void format(const char *text, struct buf *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *n = NULL;

	if (ynode_parse(&a, "f", text, strlen(text), &d, &n))
		fail_msg("%s: %s", text, d.v[0].text);
	if (yformat(text, strlen(text), n, out))
		fail_msg("cannot be formatted: %s", text);
	arena_free(&a);
}

/* 'text' becomes 'want', and 'want' stays as it is. */
static void becomes(const char *text, const char *want)
{
	AUTO_BUF once = BUF_INIT, twice = BUF_INIT;

	format(text, &once);
	assert_string_equal(buf_str(&once), want);
	format(buf_str(&once), &twice);
	assert_string_equal(buf_str(&twice), want);
}

static void style(void **state)
{
	(void)state;
	becomes("", "");
	becomes("\n\n", "");
	becomes("{}", "{}\n");
	becomes("---\na:   1\n...\n", "a: 1\n");
	becomes("a:\n      b:\n         c: 'plain'\n", "a:\n  b:\n    c: plain\n");
	becomes("a: \"*\"\n\"*\": 'no'\nx: \"0007\"\ny: on\n", "a: '*'\n'*': 'no'\nx: '0007'\n'y': 'on'\n");
	becomes("a:\n- b\n-   c: d\n    e: f\n- - g\n  - h\n", "a:\n  - b\n  - c: d\n    e: f\n  - - g\n    - h\n");
	becomes("a: {b: c,d:  [e,f ]}\n", "a: {b: c, d: [e, f]}\n");
	becomes("a: [\n  b,\n  c\n]\n", "a: [b, c]\n");
	becomes("a:\r\n  b: c\r\n", "a:\n  b: c\n");
	becomes("a:\n", "a: null\n");
	becomes("a: {}\nb: []\n", "a: {}\nb: []\n");
	becomes("[a, b]", "[a, b]\n");
	becomes("just text", "just text\n");
	becomes("\xef\xbb\xbf" "a: b", "a: b\n");
	becomes("a: one\n  two\n", "a: one two\n");
}

static void long_lines(void **state)
{
	(void)state;
	becomes("people: {aaaaaaaaaaaaaaaaaaaaaaaa: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccccccccc: dddddddddddddddddddddddddd, e: f}\n",
		"people:\n  aaaaaaaaaaaaaaaaaaaaaaaa: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n  cccccccccccccccccccccc: dddddddddddddddddddddddddd\n  e: f\n");
	becomes("- {aaaaaaaaaaaaaaaaaaaaaaaa: [bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, b], cccccccccccccccccccccc: dddddddddddddddddddddddddd, e: f}\n",
		"- aaaaaaaaaaaaaaaaaaaaaaaa: [bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, b]\n  cccccccccccccccccccccc: dddddddddddddddddddddddddd\n  e: f\n");
}

static void comments(void **state)
{
	(void)state;
	becomes("# only this", "# only this\n");
	becomes("#a\n\n\n\n#b\n", "#a\n\n#b\n");
	becomes("# top\n\na: 1   # one\n\n\n  # two\nb: 2\n# end\n", "# top\n\na: 1  # one\n\n# two\nb: 2\n# end\n");
	becomes("a: # of a\n      # of b\n      b: c # of c\n", "a:  # of a\n  # of b\n  b: c  # of c\n");
	becomes("roles:\n  a: x\n  # b: y\nadmins: z\n", "roles:\n  a: x\n  # b: y\nadmins: z\n");
	becomes("roles:\n  a: x\n# of admins\nadmins: z\n", "roles:\n  a: x\n# of admins\nadmins: z\n");
	becomes("a:\n- b # one\n# two\n- c\n", "a:\n  - b  # one\n  # two\n  - c\n");
	becomes("a: 'x # no comment' # yes\n", "a: 'x # no comment'  # yes\n");
	becomes("a: x#y\n", "a: x#y\n");
	becomes("a: [b, # one\n  c] # two\n", "a:\n  - b  # one\n  - c  # two\n");
	becomes("a: { # why\n  b: c }\n", "a:  # why\n  b: c\n");
	becomes("a: [b,\n c\n # last\n ]\nd: e\n", "a: [b, c]\n  # last\nd: e\n");
	becomes("a: | # why\n  text # no comment\n\n  more\n# end\nb: c\n", "a: |  # why\n  text # no comment\n\n  more\n# end\nb: c\n");
	becomes("- a:\n    - b\n- c: d\n  # far\n- e: f\n", "- a:\n    - b\n- c: d\n  # far\n- e: f\n");
	becomes("- # why\n  a: b\n", "# why\n- a: b\n");
	becomes("- { # why\n  a: b }\n", "- a: b  # why\n");
}

static void texts(void **state)
{
	(void)state;
	becomes("a: \"x\\ny\\n\"\n", "a: |\n  x\n  y\n");
	becomes("a: \"x\\ny\"\n", "a: |-\n  x\n  y\n");
	becomes("a: |+\n  x\n\n", "a: \"x\\n\\n\"\n");
	becomes("a: \"\\n\"\n", "a: \"\\n\"\n");
	becomes("a: \" x\\ny\"\n", "a: \" x\\ny\"\n");
	becomes("- |\n x\n", "- |\n  x\n");
	becomes("a: \"tab\\t\"\n", "a: \"tab\\t\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(style),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(comments),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
