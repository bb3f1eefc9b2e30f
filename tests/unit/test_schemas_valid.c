/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a form refuses and in which words; forms that are no forms; forms and documents that try to cost too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/ynode.h"
#include "schemas/form.h"
#include "schemas/schemas.h"

/* All errors of a form or of a document as text, "" for none. */
static void check_text(const char *form, const char *doc, struct buf *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct schema *s = NULL;
	struct ynode *tree;

	if (!schema_parse("form", form, strlen(form), &d, &s) && doc) {
		assert_int_equal(ynode_parse(&a, "doc", doc, strlen(doc), &d, &tree), 0);
		int err = schema_check(s, "doc", tree, &d);
		assert_int_equal(err != 0, d.errors > 0);
	}
	diags_format(&d, out);
	schema_unref(s);
	arena_free(&a);
}

static void says(const char *form, const char *doc, const char *expected)
{
	AUTO_BUF text = BUF_INIT;
	check_text(form, doc, &text);
	assert_string_equal(buf_str(&text), expected);
}

/* ---- messages ---- */

static const struct {
	const char *form, *doc, *expected;
} messages[] = {
	{"properties:\n  n: {type: string}\n", "n: 0007\n",
	 "doc:1:4: error: n: 0007 is not a text (type, form:2): put it in quotes: '0007'\n"},
	{"properties:\n  n: {type: string}\n", "n:\n",
	 "doc:1:3: error: n: an empty value is not a text (type, form:2): write a value, or remove the field\n"},
	{"properties: {n: {type: integer}}", "a: b\nn: '5'\n",
	 "doc:2:4: error: n: \"5\" is not a whole number (type, form:1): write it without quotes\n"},
	{"properties: {n: {type: integer}}", "n: 1.5\n", "doc:1:4: error: n: 1.5 is not a whole number (type, form:1): write it without quotes\n"},
	{"properties: {n: {type: [array, boolean]}}", "n: x\n",
	 "doc:1:4: error: n: \"x\" is not true or false or a list (type, form:1): write true or false or a list\n"},
	{"properties: {n: {minimum: 1, maximum: 5}}", "n: 7\n", "doc:1:4: error: n: 7 is more than 5 (maximum, form:1): write 5 or less\n"},
	{"properties: {n: {minimum: 1, maximum: 5}}", "n: 0\n", "doc:1:4: error: n: 0 is less than 1 (minimum, form:1): write 1 or more\n"},
	{"properties: {n: {exclusiveMinimum: 1}}", "n: 1.0\n",
	 "doc:1:4: error: n: 1.0 is not more than 1 (exclusiveMinimum, form:1): write more than 1\n"},
	{"properties: {n: {exclusiveMaximum: 1e2}}", "n: 100\n",
	 "doc:1:4: error: n: 100 is not less than 1e2 (exclusiveMaximum, form:1): write less than 1e2\n"},
	{"properties: {n: {multipleOf: 0.1}}", "n: 0.35\n",
	 "doc:1:4: error: n: 0.35 is no multiple of 0.1 (multipleOf, form:1): write a multiple of 0.1\n"},
	{"properties: {s: {enum: [open, closed, 3]}}", "s: Open\n",
	 "doc:1:4: error: s: \"Open\" is not allowed (enum, form:1): use one of open, closed, 3\n"},
	{"properties: {s: {const: RSK}}", "s: SPC\n", "doc:1:4: error: s: \"SPC\" is not allowed (const, form:1): it can only be \"RSK\"\n"},
	{"properties: {s: {minLength: 1}}", "s: ''\n",
	 "doc:1:4: error: s: it is empty (minLength, form:1): write a value, or remove the field\n"},
	{"properties: {s: {minLength: 3}}", "s: \xc3\xa4\xc3\xb6\n",
	 "doc:1:4: error: s: \"\xc3\xa4\xc3\xb6\" has 2 characters (minLength, form:1): write 3 or more\n"},
	{"properties: {s: {maxLength: 1}}", "s: ab\n", "doc:1:4: error: s: \"ab\" has 2 characters (maxLength, form:1): shorten it to 1\n"},
	{"properties: {s: {pattern: '^a', description: starts with a}}", "s: b\n",
	 "doc:1:4: error: s: \"b\" is not as it should be (pattern, form:1): it must match ^a (starts with a)\n"},
	{"properties: {s: {format: date}}", "s: 31.1.2026\n",
	 "doc:1:4: error: s: \"31.1.2026\" is no date (format, form:1): write it as in 2026-01-31\n"},
	{"properties: {l: {minItems: 2, maxItems: 2}}", "l: [1]\n",
	 "doc:1:4: error: l: 1 entries are fewer than 2 (minItems, form:1): add some\n"},
	{"properties: {l: {maxItems: 0}}", "l: [1]\n", "doc:1:4: error: l: 1 entries are more than 0 (maxItems, form:1): remove some\n"},
	{"properties: {l: {uniqueItems: true}}", "l: [1, 2, 1.0]\n",
	 "doc:1:11: error: l: entries 1 and 3 are equal (uniqueItems, form:1): keep one of them\n"},
	{"properties: {l: {items: {properties: {a: {type: string}}}}}", "l:\n  - a: x\n  - a: 1\n",
	 "doc:3:8: error: l[2].a: 1 is not a text (type, form:1): put it in quotes: '1'\n"},
	{"required: [a, b]", "c: 1\n",
	 "doc:1:1: error: the field \"a\" is missing (required, form:1): add it\n"
	 "doc:1:1: error: the field \"b\" is missing (required, form:1): add it\n"},
	{"properties: {title: true}\nadditionalProperties: false", "titel: x\nq: 1\n",
	 "doc:1:1: error: the form has no field \"titel\" (additionalProperties, form:2): did you mean \"title\"?\n"
	 "doc:2:1: error: the form has no field \"q\" (additionalProperties, form:2): remove it\n"},
	{"properties: {title: true}\npatternProperties: {'^x-': {type: string}}\nadditionalProperties: {type: integer}",
	 "title: x\nx-a: 1\nq: z\n",
	 "doc:2:6: error: x-a: 1 is not a text (type, form:2): put it in quotes: '1'\n"
	 "doc:3:4: error: q: \"z\" is not a whole number (type, form:3): write a whole number\n"},
	{"properties: {a: {anyOf: [{type: string}, {type: 'null'}]}}", "a: 1\n",
	 "doc:1:4: error: a: 1 fits none of the 2 alternatives (anyOf, form:1): change it to fit one of them\n"},
	{"properties: {a: {oneOf: [{minimum: 1}, {maximum: 3}]}}", "a: 2\n",
	 "doc:1:4: error: a: 2 fits more than one of the 2 alternatives (oneOf, form:1): change it to fit exactly one of them\n"},
	{"properties: {a: {not: {type: 'null'}}}", "a: null\n",
	 "doc:1:4: error: a: null is what it must not be (not, form:1): change it\n"},
	{"if: {required: [a]}\nthen: {required: [b]}\nelse: {required: [c]}", "a: 1\n",
	 "doc:1:1: error: the field \"b\" is missing (required, form:2): add it\n"},
	{"if: {required: [a]}\nthen: {required: [b]}\nelse: {required: [c]}", "b: 1\n",
	 "doc:1:1: error: the field \"c\" is missing (required, form:3): add it\n"},
	{"properties: {a: {$ref: '#/$defs/x~1y%25'}}\n$defs: {'x/y%': {type: string}}", "a: 1\n",
	 "doc:1:4: error: a: 1 is not a text (type, form:2): put it in quotes: '1'\n"},
	{"properties: {a: false}", "a: 1\n", "doc:1:4: error: a: nothing is allowed here: remove it\n"},
	{"additionalProperties: false", "\"a\\nb\": 1\n",
	 "doc:1:1: error: the form has no field \"a?b\" (additionalProperties, form:1): remove it\n"},
	{"properties: {n: {type: number}}", "n: .nan\n", "doc:1:4: error: n: .nan is not a number (type, form:1): write it without quotes\n"},
};

static void words_of_violations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		says(messages[i].form, messages[i].doc, messages[i].expected);
}

static void every_violation_is_reported(void **state)
{
	(void)state;
	says("properties:\n  a: {type: string, minimum: 5}\n  b: {enum: [1]}\nrequired: [c]", "a: 1\nb: 2\n",
	     "doc:1:1: error: the field \"c\" is missing (required, form:4): add it\n"
	     "doc:1:4: error: a: 1 is not a text (type, form:2): put it in quotes: '1'\n"
	     "doc:1:4: error: a: 1 is less than 5 (minimum, form:2): write 5 or more\n"
	     "doc:2:4: error: b: 2 is not allowed (enum, form:3): use one of 1\n");
}

/* ---- forms that are no forms ---- */

static const struct {
	const char *form, *expected;
} invalid_forms[] = {
	{"type: object\ncontains: {}\n",
	 "form:2:1: error: the keyword \"contains\" is not supported, so the form would not mean what it says\n"},
	{"propertys: {}\n", "form:1:1: error: the keyword \"propertys\" is not supported: did you mean \"properties\"?\n"},
	{"properties:\n  a:\n    minProperties: 1\n",
	 "form:3:5: error: the keyword \"minProperties\" is not supported: did you mean \"properties\"?\n"},
	{"type: text\n", "form:1:7: error: \"type\" is one of null, boolean, integer, number, string, array, object, or a list of these\n"},
	{"type: []\n", "form:1:7: error: \"type\" needs a type or a list of types\n"},
	{"minimum: '1'\n", "form:1:10: error: \"minimum\" needs a number\n"},
	{"multipleOf: 0\n", "form:1:13: error: \"multipleOf\" needs a number over 0 with at most 18 digits\n"},
	{"minLength: -1\n", "form:1:12: error: \"minLength\" needs a whole number, 0 or more\n"},
	{"minLength: 1.5\n", "form:1:12: error: \"minLength\" needs a whole number, 0 or more\n"},
	{"uniqueItems: yes\n", "form:1:14: error: \"uniqueItems\" needs true or false\n"},
	{"format: ipv4\n", "form:1:9: error: the format \"ipv4\" is not supported: use date, date-time, email or uri, or a pattern\n"},
	{"required: title\n", "form:1:11: error: \"required\" needs a list of names of fields\n"},
	{"required: [a, b, a]\n", "form:1:18: error: \"required\" names \"a\" twice\n"},
	{"properties: [a]\n", "form:1:13: error: \"properties\" needs a map of names to schemas\n"},
	{"properties: {a: string}\n", "form:1:17: error: a schema is a map of keywords, true or false\n"},
	{"allOf: []\n", "form:1:8: error: \"allOf\" needs a list of schemas\n"},
	{"$ref: '#/$defs/a'\n", "form:1:7: error: \"$ref\" leads to \"#/$defs/a\", and there is no schema there\n"},
	{"$ref: other.yaml\n", "form:1:7: error: \"$ref\" can only lead to a place in this file: \"#/$defs/name\"\n"},
	{"$ref: '#/properties'\nproperties: {a: true}\n",
	 "form:1:7: error: \"$ref\" leads to \"#/properties\", and there is no schema there\n"},
	{"$ref: '#'\n", "form:1:1: error: the schema refers to itself in a circle\n"},
	{"$defs: {a: {anyOf: [{$ref: '#/$defs/b'}]}, b: {not: {$ref: '#/$defs/a'}}}\n",
	 "form:1:53: error: the schema refers to itself in a circle\n"},
	{"$schema: http://json-schema.org/draft-07/schema#\n",
	 "form:1:10: error: \"$schema\" can only be https://json-schema.org/draft/2020-12/schema\n"},
	{"- a\n", "form:1:1: error: a schema is a map of keywords, true or false\n"},
	{"a: &x 1\n", "form:1:4: error: anchors (&name) are not allowed: write the value out\n"},
};

static void forms_that_are_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(invalid_forms); i++)
		says(invalid_forms[i].form, NULL, invalid_forms[i].expected);
}

static void bad_pattern(void **state)
{
	AUTO_BUF text = BUF_INIT;
	(void)state;
	check_text("pattern: '('\n", NULL, &text);
	assert_non_null(strstr(buf_str(&text), "form:1:10: error: \"(\" is no regular expression: "));
}

/* Every row of the table is read by the parser: a value of the wrong kind is an error, unless any value will do. */
static void every_keyword_is_checked(void **state)
{
	(void)state;
	for (enum keyword k = 0; k < KEYWORD_COUNT; k++) {
		AUTO_BUF form = BUF_INIT, text = BUF_INIT;
		bool any = k == KEYWORD_CONST || k == KEYWORD_DEFAULT;
		buf_addf(&form, "\"%s\": .inf\n", schema_keywords[k]);
		check_text(buf_str(&form), NULL, &text);
		if ((text.len > 0) == any)
			fail_msg("%s: \"%s\"", schema_keywords[k], buf_str(&text));
		assert_true(strlen(schema_keyword_meanings[k]) > 4);
	}
}

/* ---- numbers, exactly ---- */

static void numbers(void **state)
{
	static const struct {
		const char *form, *doc;
		bool ok;
	} cases[] = {
		{"properties: {n: {const: 1}}", "n: 1.0", true},
		{"properties: {n: {const: 1}}", "n: 10e-1", true},
		{"properties: {n: {const: 0}}", "n: -0.0", true},
		{"properties: {n: {const: 255}}", "n: 0xFF", true},
		{"properties: {n: {const: 8}}", "n: 0o10", true},
		{"properties: {n: {const: 1}}", "n: '1'", false},
		{"properties: {n: {const: 1}}", "n: true", false},
		{"properties: {n: {const: {a: 1, b: [2]}}}", "n: {b: [2.0], a: 1}", true},
		{"properties: {n: {maximum: 9007199254740992}}", "n: 9007199254740993", false},
		{"properties: {n: {maximum: 123456789012345678901234567890}}", "n: 123456789012345678901234567891", false},
		{"properties: {n: {maximum: 123456789012345678901234567890}}", "n: 123456789012345678901234567890", true},
		{"properties: {n: {minimum: -0.5}}", "n: -0.50000000000000000000000001", false},
		{"properties: {n: {minimum: -2}}", "n: -1e1", false},
		{"properties: {n: {type: integer}}", "n: 1e2", true},
		{"properties: {n: {type: integer}}", "n: 1e-2", false},
		{"properties: {n: {type: integer}}", "n: 98249283749234923498293171823948729348710298301928331", true},
		{"properties: {n: {multipleOf: 0.01}}", "n: 19.99", true},
		{"properties: {n: {multipleOf: 0.01}}", "n: 19.999", false},
		{"properties: {n: {multipleOf: 3}}", "n: 1e308", false},
		{"properties: {n: {multipleOf: 0.123456789}}", "n: 1e308", false},
		{"properties: {n: {multipleOf: 1e-8}}", "n: 12391239123", true},
		{"properties: {n: {multipleOf: 7}}", "n: 700000000000000000000000000000000000000", true},
		{"properties: {n: {multipleOf: 999999999999999999}}", "n: 999999999999999998000000000000000001", true},
		{"properties: {n: {multipleOf: 999999999999999999}}", "n: 999999999999999998000000000000000002", false},
		{"properties: {n: {multipleOf: 5}}", "n: 1e999999999", true},
		{"properties: {n: {type: number}}", "n: 1e9999999999", false},
		{"properties: {n: {type: number}}", "n: .inf", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF text = BUF_INIT;
		check_text(cases[i].form, cases[i].doc, &text);
		if ((text.len == 0) != cases[i].ok)
			fail_msg("%s with %s: \"%s\"", cases[i].form, cases[i].doc, buf_str(&text));
	}
}

static void formats(void **state)
{
	static const struct {
		const char *format, *text;
		bool ok;
	} cases[] = {
		{"date", "2024-02-29", true}, {"date", "2023-02-29", false}, {"date", "2024-02-29T00:00:00Z", false}, {"date", "", false},
		{"date-time", "2024-02-29T23:59:59.5+05:30", true}, {"date-time", "2024-02-29 23:59:59Z", false},
		{"date-time", "2024-02-29T23:59:59", false}, {"date-time", "2024-02-29", false}, {"date-time", "2016-12-31T23:59:60Z", true},
		{"date-time", "2016-12-31T23:58:60Z", false}, {"date-time", "2024-02-29T24:00:00Z", false},
		{"date-time", "2024-02-29T00:00:00.Z", false}, {"date-time", "2024-02-29T00:00:00+24:00", false},
		{"email", "a@b", true}, {"email", "a.b+c@d-e.example", true}, {"email", "a@b@c", false}, {"email", "a@", false},
		{"email", "@b", false}, {"email", "a b@c", false}, {"email", "a@-b", false}, {"email", "a@b..c", false},
		{"email", "a@[1.2.3.4]", true}, {"email", "a@[]", false}, {"email", "\"\"@c", false},
		{"uri", "https://u:p@h:1/p?q#f", true}, {"uri", "a:", true}, {"uri", "http://[::1]:80/", true}, {"uri", "http://[::1/", false},
		{"uri", "http://h:x/", false}, {"uri", "http://h/%zz", false}, {"uri", "http://h/<", false}, {"uri", "1a:b", false},
		{"uri", "http://a@b@c/", false}, {"uri", "http://h/a#b#c", false}, {"uri", "http://[v1.a:b]/", true}, {"uri", "", false},
		{"uri", "http://h/\xc3\xa4", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct schema_format *f = schema_format_find(cases[i].format);
		assert_non_null(f);
		if (f->check(cases[i].text, strlen(cases[i].text)) != cases[i].ok)
			fail_msg("%s: \"%s\" must be %s", cases[i].format, cases[i].text, cases[i].ok ? "valid" : "invalid");
		assert_true(f->check(f->example, strlen(f->example)));
	}
	assert_null(schema_format_find("time"));
}

/* ---- cost ---- */

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Every schema asks the next one twice: 2^30 questions. */
static void exponential_form(void **state)
{
	AUTO_BUF form = BUF_INIT, text = BUF_INIT;
	double begin = seconds();

	(void)state;
	buf_adds(&form, "$ref: '#/$defs/s0'\n$defs:\n");
	for (int i = 0; i < 30; i++)
		buf_addf(&form, "  s%d: {allOf: [{$ref: '#/$defs/s%d'}, {$ref: '#/$defs/s%d'}]}\n", i, i + 1, i + 1);
	buf_adds(&form, "  s30: {type: object}\n");
	check_text(buf_str(&form), "a: 1\n", &text);
	assert_string_equal(buf_str(&text),
			    "doc:1:1: error: checking it against the form form costs too much: simplify the form\n");
	assert_true(seconds() - begin < 10);
}

static void silent_exponential_form(void **state)
{
	AUTO_BUF form = BUF_INIT, text = BUF_INIT;

	(void)state;
	buf_adds(&form, "not: {$ref: '#/$defs/s0'}\n$defs:\n");
	for (int i = 0; i < 30; i++)
		buf_addf(&form, "  s%d: {oneOf: [{$ref: '#/$defs/s%d'}, {$ref: '#/$defs/s%d'}]}\n", i, i + 1, i + 1);
	buf_adds(&form, "  s30: {type: object}\n");
	check_text(buf_str(&form), "a: 1\n", &text);
	assert_non_null(strstr(buf_str(&text), "costs too much"));
}

static void catastrophic_pattern(void **state)
{
	AUTO_BUF text = BUF_INIT;
	double begin = seconds();

	(void)state;
	check_text("properties: {s: {pattern: '^(a|aa|a?)+$'}}", "s: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n", &text);
	assert_non_null(strstr(buf_str(&text), "takes too long to match (pattern, form:1): simplify the regular expression"));
	assert_true(seconds() - begin < 2);
}

static void long_chain(void **state)
{
	AUTO_BUF form = BUF_INIT, text = BUF_INIT;

	(void)state;
	buf_adds(&form, "$ref: '#/$defs/s0'\n$defs:\n");
	for (int i = 0; i < 5000; i++)
		buf_addf(&form, "  s%d: {$ref: '#/$defs/s%d'}\n", i, i + 1);
	buf_adds(&form, "  s5000: true\n");
	check_text(buf_str(&form), "a: 1\n", &text);
	assert_non_null(strstr(buf_str(&text), "costs too much"));
}

/* A recursive form is fine: each step goes deeper into the document. */
static void recursive_form(void **state)
{
	(void)state;
	says("properties: {c: {$ref: '#'}}\nadditionalProperties: false\n", "c: {c: {c: {}}}\n", "");
	says("properties: {c: {$ref: '#'}}\nadditionalProperties: false\n", "c: {c: {d: 1}}\n",
	     "doc:1:9: error: c.c: the form has no field \"d\" (additionalProperties, form:2): did you mean \"c\"?\n");
}

static void many_entries(void **state)
{
	AUTO_BUF doc = BUF_INIT, text = BUF_INIT;
	double begin = seconds();

	(void)state;
	buf_adds(&doc, "l:\n");
	for (int i = 0; i < 40000; i++)
		buf_addf(&doc, "- %d\n", i);
	check_text("properties: {l: {uniqueItems: true}}", buf_str(&doc), &text);
	assert_string_equal(buf_str(&text), "");
	assert_true(seconds() - begin < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_violations), cmocka_unit_test(every_violation_is_reported), cmocka_unit_test(forms_that_are_none),
		cmocka_unit_test(bad_pattern), cmocka_unit_test(every_keyword_is_checked), cmocka_unit_test(numbers), cmocka_unit_test(formats),
		cmocka_unit_test(exponential_form), cmocka_unit_test(silent_exponential_form), cmocka_unit_test(catastrophic_pattern),
		cmocka_unit_test(long_chain), cmocka_unit_test(recursive_form), cmocka_unit_test(many_entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
