/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/yemit.h"
#include "base/ynode.h"

static struct ynode *parse(struct arena *a, const char *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *n = NULL;

	if (ynode_parse(a, "f", text, strlen(text), &d, &n))
		fail_msg("%s: %s", text, d.v[0].text);
	return n;
}

/* As a value and as a key, whatever the text, the same string is read back. */
static void scalars_round_trip(void **state)
{
	static const char *const texts[] = {
		"plain", "two words", "", " ", " lead", "trail ", "no", "Yes", "ON", "true", "null", "~", "12", "0x1f", "1.5", "12:30", "2026-01-31", "a: b",
		"a:", ":a", "a #b", "#a", "- x", "-", "--- x", "?", "? x", "[x]", "{x}", "a,b", "&a", "*a", "!a", "|", ">", "'", "''x", "\"", "%a", "@a", "`a",
		"*@acme.com", "role:dc", "group:eng", "a\nb", "\n", "tab\there", "\x01", "\x7f", "back\\slash", "M\xc3\xbcller", "\xf0\x9f\x98\x80", "=", "<<", ".",
		"...", "... x", "---", "a\\", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbfx", "x\xef\xbb\xbf", "\xc2\xa0", "\xc2\x80", "\xc2\x9fx", "\xef\xbf\xbf", "\xef\xbf\xbd", "key: 'x' # y", "0b1", "1_000", "1e3", "+1", ".inf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct arena a = ARENA_INIT;
		AUTO_BUF b = BUF_INIT;
		const struct ynode *n;

		yemit_scalar(&b, texts[i]);
		buf_adds(&b, ": ");
		yemit_scalar(&b, texts[i]);
		buf_addc(&b, '\n');
		n = parse(&a, buf_str(&b));
		if (!n->child || strcmp(n->child->text, texts[i]) || strcmp(n->child->key->text, texts[i]) || n->child->type != Y_STR)
			fail_msg("case %zu is written as %s and read as %s", i, buf_str(&b), n->child ? n->child->text : "nothing");
		arena_free(&a);
	}
}

static void every_byte(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0x80; c++)
		for (int where = 0; where < 3; where++) {
			static const char *const shapes[] = {"%cab", "a%cb", "ab%c"};
			struct arena a = ARENA_INIT;
			AUTO_BUF b = BUF_INIT;
			char text[8], shape[8];

			snprintf(shape, sizeof shape, "%s", shapes[where]);
			text[0] = 0;
			for (size_t i = 0, o = 0; shape[i]; i++) {
				text[o++] = shape[i] == '%' ? (char)c : shape[i];
				text[o] = 0;
				i += shape[i] == '%';
			}
			buf_adds(&b, "k: ");
			yemit_scalar(&b, text);
			if (strcmp(ynode_get(parse(&a, buf_str(&b)), "k")->text, text))
				fail_msg("byte 0x%02x at %d: %s", c, where, buf_str(&b));
			arena_free(&a);
		}
}

static void layout(void **state)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF b = BUF_INIT;

	(void)state;
	yemit_node(&b, parse(&a, "{title: x, acl: {permissions: {'*': r, b@c: ''}}, l: [1, 'no', true, null], e: [], m: {}}"), 0);
	assert_string_equal(buf_str(&b), "title: x\nacl:\n  permissions:\n    '*': r\n    b@c: ''\nl:\n  - 1\n  - 'no'\n  - true\n  - null\ne: []\nm: {}\n");
	arena_free(&a);
}

/* What is written is read as the same tree, nested lists of maps included. */
static void trees_round_trip(void **state)
{
	static const char *const texts[] = {
		"[[a, b], [], [[c]], {d: [e, {f: g}]}]", "{a: {b: {c: {d: [1, 2, {e: f}]}}}}", "[{a: 1, b: 2}, {c: {}}]", "{}", "[]", "'a: b'", "a", "[~, true, 1.5]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct arena a = ARENA_INIT;
		AUTO_BUF b = BUF_INIT;
		struct ynode *n = parse(&a, texts[i]);

		yemit_node(&b, n, 0);
		if (!ynode_equal(n, parse(&a, buf_str(&b))))
			fail_msg("%s is written as\n%s", texts[i], buf_str(&b));
		arena_free(&a);
	}
}

/* YAML wants the ':' within 1024 characters, unless the key is announced. */
static void long_keys(void **state)
{
	(void)state;
	for (int n = 990; n < 4096; n += n < 1040 ? 1 : 611) {
		struct arena a = ARENA_INIT;
		AUTO_BUF in = BUF_INIT, out = BUF_INIT;
		struct ynode *tree;

		buf_addf(&in, "x:\n  ? %0*d'\n  : {y: 1}\n", n, 7);
		tree = parse(&a, buf_str(&in));
		yemit_node(&out, tree, 0);
		assert_true(ynode_equal(tree, parse(&a, buf_str(&out))));
		arena_free(&a);
	}
}

/* Comments, order, style and quotes do not count; content and types do. */
static void canonical(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} t[] = {
		{"b: 1\na: [x]  # note\n", "{a: ['x'], b: 1}", true}, {"a: 1", "a: '1'", false}, {"[a, b]", "[b, a]", false}, {"a: ~", "a: null", true},
		{"a: x", "a: 'x'", true}, {"", "{}", true}, {"a: {}", "a: []", false}, {"{ab: c}", "{a: bc}", false}, {"[[a], b]", "[[a, b]]", false},
		{"a: 'b\",\"c'", "{a: b, c: ''}", false}, {"a: TRUE", "a: true", true}, {"a: True", "a: 'True'", false}, {"a: true", "a: false", false},
		{"a: 0x10", "a: 16", true}, {"a: +007", "a: 7", true}, {"a: 0o17", "a: 15", true}, {"a: 16", "a: '16'", false}, {"a: 1", "a: 1.0", false},
		{"a: 99999999999999999999", "a: 99999999999999999998", false}, {"a: ~", "a: Null", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct arena a = ARENA_INIT;
		AUTO_BUF x = BUF_INIT, y = BUF_INIT;

		yemit_canonical(&x, parse(&a, t[i].a));
		yemit_canonical(&y, parse(&a, t[i].b));
		if (!strcmp(buf_str(&x), buf_str(&y)) != t[i].same)
			fail_msg("case %zu: %s and %s", i, buf_str(&x), buf_str(&y));
		assert_null(strchr(buf_str(&x), '\n'));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_round_trip), cmocka_unit_test(every_byte), cmocka_unit_test(layout),
		cmocka_unit_test(trees_round_trip),   cmocka_unit_test(canonical),	   cmocka_unit_test(long_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
