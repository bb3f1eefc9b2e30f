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
#include "base/limits.h"
#include "base/ynode.h"

/* One document, parsed. */
struct parsed {
	struct arena a;
	struct diags d;
	struct ynode *tree;
	int err;
};

static void parse(struct parsed *p, const char *text, size_t len)
{
	*p = (struct parsed){0};
	p->err = ynode_parse(&p->a, "f", text, len, &p->d, &p->tree);
	assert_int_equal(p->err != 0, p->d.errors != 0);
}

static void done(struct parsed *p)
{
	arena_free(&p->a);
	diags_free(&p->d);
}

static void tree(void **state)
{
	static const char text[] = "# comment\ntitle: Project archive\nroles:\n  dc:\n    members: [a@b.c, \"*@d\"]\nlist:\n- 1\n-   x: y\n";
	const struct ynode *n;
	struct parsed p;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.err, 0);
	assert_int_equal(p.tree->kind, Y_MAP);
	assert_int_equal(p.tree->n, 3);
	n = ynode_get(p.tree, "title");
	assert_string_equal(n->text, "Project archive");
	assert_int_equal(n->line, 2);
	assert_int_equal(n->col, 8);
	assert_int_equal(n->key->line, 2);
	assert_int_equal(n->key->col, 1);
	n = ynode_get(ynode_get(ynode_get(p.tree, "roles"), "dc"), "members");
	assert_int_equal(n->kind, Y_LIST);
	assert_true(n->flow);
	assert_int_equal(n->n, 2);
	assert_int_equal(n->line, 5);
	assert_string_equal(n->child->text, "a@b.c");
	assert_string_equal(n->child->next->text, "*@d");
	assert_null(n->child->next->next);
	n = ynode_get(p.tree, "list")->child->next;
	assert_int_equal(n->kind, Y_MAP);
	assert_false(n->flow);
	assert_string_equal(ynode_get(n, "x")->text, "y");
	assert_null(ynode_get(p.tree, "Title"));
	assert_non_null(ynode_geti(p.tree, "TITLE"));
	assert_null(ynode_get(NULL, "x"));
	done(&p);
}

static void scalar_types(void **state)
{
	static const struct {
		const char *s;
		enum yscalar type;
	} t[] = {
		{"true", Y_BOOL}, {"False", Y_BOOL}, {"TRUE", Y_BOOL}, {"no", Y_STR}, {"on", Y_STR}, {"yes", Y_STR}, {"off", Y_STR}, {"y", Y_STR},
		{"tRUE", Y_STR}, {"12:30", Y_STR}, {"1_000", Y_STR}, {"null", Y_NULL}, {"~", Y_NULL}, {"", Y_NULL}, {"nULL", Y_STR}, {"0", Y_INT},
		{"-17", Y_INT}, {"+1", Y_INT}, {"0x1F", Y_INT}, {"0o17", Y_INT}, {"0b1", Y_STR}, {"0007", Y_INT}, {"1.5", Y_FLOAT}, {".5", Y_FLOAT},
		{"1.", Y_FLOAT}, {"1e3", Y_FLOAT}, {"-.inf", Y_FLOAT}, {".NaN", Y_FLOAT}, {"1e", Y_STR}, {".", Y_STR}, {"-", Y_STR}, {"+", Y_STR},
		{"2026-01-31", Y_STR}, {"0x", Y_STR}, {"1 2", Y_STR}, {"inf", Y_STR}, {"=", Y_STR}, {"<<", Y_STR},
	};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char text[64];

		if (ynode_plain_type(t[i].s) != t[i].type)
			fail_msg("\"%s\" is of type %d, want %d", t[i].s, ynode_plain_type(t[i].s), t[i].type);
		snprintf(text, sizeof text, "k: '%s'\n", t[i].s); /* in quotes always a string */
		parse(&p, text, strlen(text));
		assert_int_equal(p.err, 0);
		assert_int_equal(ynode_get(p.tree, "k")->type, Y_STR);
		assert_string_equal(ynode_get(p.tree, "k")->text, t[i].s);
		done(&p);
	}
}

static void values(void **state)
{
	static const char text[] = "{t: true, f: FALSE, i: -12, h: 0x1f, o: 0o17, s: '1', b: 99999999999999999999, l: []}";
	struct parsed p;
	long long n;
	bool yes;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.err, 0);
	assert_true(ynode_bool(ynode_get(p.tree, "t"), &yes) && yes);
	assert_true(ynode_bool(ynode_get(p.tree, "f"), &yes) && !yes);
	assert_false(ynode_bool(ynode_get(p.tree, "s"), &yes));
	assert_false(ynode_bool(ynode_get(p.tree, "l"), &yes));
	assert_false(ynode_bool(NULL, &yes));
	assert_true(ynode_int(ynode_get(p.tree, "i"), &n) && n == -12);
	assert_true(ynode_int(ynode_get(p.tree, "h"), &n) && n == 31);
	assert_true(ynode_int(ynode_get(p.tree, "o"), &n) && n == 15);
	assert_false(ynode_int(ynode_get(p.tree, "s"), &n));
	assert_false(ynode_int(ynode_get(p.tree, "b"), &n)); /* does not fit */
	done(&p);
}

static void empty_is_a_map(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# nothing here\n", "   \n", "\xef\xbb\xbf"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct parsed p;

		parse(&p, texts[i], strlen(texts[i]));
		assert_int_equal(p.err, 0);
		assert_int_equal(p.tree->kind, Y_MAP);
		assert_int_equal(p.tree->n, 0);
		done(&p);
	}
}

/* Each is refused, at this line and column, with a text that says what. */
static void refused(void **state)
{
	static const struct {
		const char *text, *says;
		uint32_t line, col;
	} t[] = {
		{"a: 1\na: 2\n", "already there in line 1", 2, 1},
		{"x:\n  b: 1\n  c: 2\n  b: 3\n", "already there in line 2", 4, 3},
		{"{a: 1, a: 2}", "already there", 1, 8},
		{"a: &x 1\n", "anchors", 1, 4},
		{"a: &x [1]\n", "anchors", 1, 4},
		{"a: *x\n", "aliases", 1, 4},
		{"a: !!str x\n", "tags", 1, 4},
		{"a: !foo {b: c}\n", "tags", 1, 4},
		{"%TAG ! tag:x,2000:\n---\na: 1\n", "tag directives", 1, 1},
		{"a: 1\n---\nb: 2\n", "second document", 2, 1},
		{"[a]: 1\n", "a key must be", 1, 1},
		{"? {a: b}\n: 1\n", "a key must be", 1, 3},
		{"a: [1\n", "not YAML", 2, 1},
		{"a: b: c\n", "not YAML", 1, 5},
		{"a:\n\t- b\n", "not YAML", 2, 1},
		{"ok: 1\nbad: \xff\n", "not UTF-8", 2, 1},
		{"a: \"\\0\"\n", "NUL", 1, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct parsed p;

		parse(&p, t[i].text, strlen(t[i].text));
		if (!p.err || !strstr(p.d.v[0].text, t[i].says) || p.d.v[0].line != t[i].line || p.d.v[0].col != t[i].col)
			fail_msg("case %zu: %u:%u: %s; want %u:%u: %s", i, p.err ? p.d.v[0].line : 0, p.err ? p.d.v[0].col : 0,
				 p.err ? p.d.v[0].text : "(accepted)", t[i].line, t[i].col, t[i].says);
		done(&p);
	}
}

static void nul_bytes(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "a: 1\0b", 6);
	assert_int_not_equal(p.err, 0);
	done(&p);
}

/* Several errors of one document are all reported. */
static void all_errors(void **state)
{
	static const char text[] = "a: &x 1\nb: !t 2\nc: 1\nc: 2\n";
	struct parsed p;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.d.errors, 3);
	done(&p);
}

/* Exactly the limit is accepted, one more is not. */
static void at_the_limits(void **state)
{
	AUTO_BUF b = BUF_INIT;
	struct parsed p;

	(void)state;
	for (unsigned extra = 0; extra < 2; extra++) {
		buf_reset(&b);
		for (unsigned i = 0; i < LIMIT_DOC_DEPTH + extra; i++)
			buf_addc(&b, '[');
		for (unsigned i = 0; i < LIMIT_DOC_DEPTH + extra; i++)
			buf_addc(&b, ']');
		parse(&p, buf_str(&b), b.len);
		assert_int_equal(p.err != 0, extra);
		done(&p);

		buf_reset(&b);
		buf_addf(&b, "a: %0*d\n", (int)(LIMIT_SCALAR_BYTES + extra), 1);
		parse(&p, buf_str(&b), b.len);
		assert_int_equal(p.err != 0, extra);
		done(&p);

		buf_reset(&b);
		while (b.len < LIMIT_DOC_BYTES - 80 + 80 * extra)
			buf_addf(&b, "# %077d\n", 0);
		while (b.len < LIMIT_DOC_BYTES + extra)
			buf_addc(&b, '\n');
		parse(&p, buf_str(&b), LIMIT_DOC_BYTES + extra);
		assert_int_equal(p.err != 0, extra);
		done(&p);
	}
}

static void too_many_events(void **state)
{
	AUTO_BUF b = BUF_INIT;
	struct parsed p;

	(void)state;
	/* stream and document start and end, list start and end: 6 events of no item */
	for (unsigned n = LIMIT_DOC_EVENTS - 6; n <= LIMIT_DOC_EVENTS - 5; n++) {
		buf_reset(&b);
		for (unsigned i = 0; i < n; i++)
			buf_adds(&b, "- 1\n");
		parse(&p, buf_str(&b), b.len);
		assert_int_equal(p.err != 0, n > LIMIT_DOC_EVENTS - 6);
		done(&p);
	}
}

static void equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} t[] = {
		{"{a: 1, b: [x, y]}", "b:\n- 'x'\n- y\na: 1\n", true}, {"a: 1", "a: '1'", false}, {"[a, b]", "[b, a]", false}, {"[a]", "[a, a]", false},
		{"{a: 1}", "{a: 1, b: 2}", false}, {"{a: 1, b: 2}", "{a: 1, c: 2}", false}, {"{a: {}}", "{a: []}", false}, {"", "{}", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct parsed p, q;

		parse(&p, t[i].a, strlen(t[i].a));
		parse(&q, t[i].b, strlen(t[i].b));
		if (ynode_equal(p.tree, q.tree) != t[i].same || ynode_equal(q.tree, p.tree) != t[i].same)
			fail_msg("case %zu: want %d", i, t[i].same);
		done(&p);
		done(&q);
	}
	assert_true(ynode_equal(NULL, NULL));
}

/* Windows editors put U+FEFF in front: it is no part of the first key. */
static void byte_order_mark(void **state)
{
	static const char text[] = "\xef\xbb\xbftitle: x\n";
	struct parsed p;

	(void)state;
	parse(&p, text, sizeof text - 1);
	assert_int_equal(p.err, 0);
	assert_non_null(ynode_get(p.tree, "title"));
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree),	      cmocka_unit_test(scalar_types),  cmocka_unit_test(values),	  cmocka_unit_test(empty_is_a_map),
		cmocka_unit_test(refused),    cmocka_unit_test(nul_bytes),     cmocka_unit_test(all_errors), cmocka_unit_test(at_the_limits),
		cmocka_unit_test(too_many_events), cmocka_unit_test(equality),	  cmocka_unit_test(byte_order_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
