/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The validator against the official JSON Schema test suite (draft 2020-12), for the keywords that forms may use. Groups whose schema
 * has other keywords must be refused as invalid forms, and are counted apart. tests/schemas/suite.sh says where the suite comes from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

static char suite[4096];

static const char *const files[] = {
	"type", "enum", "const", "required", "properties", "patternProperties", "additionalProperties", "items", "minItems", "maxItems",
	"uniqueItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
	"allOf", "anyOf", "oneOf", "not", "if-then-else", "ref", "defs", "boolean_schema", "infinite-loop-detection", "default", "format",
	"optional/format/date", "optional/format/date-time", "optional/format/email", "optional/format/uri", "optional/float-overflow",
	"optional/non-bmp-regex",
};

/* What this program found, for the last line. */
static unsigned tried, groups, refused;

/* Numbers as short as they can be without becoming other numbers: 0.0075, not 0.0074999999999999997. */
static char *dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	json_t *again = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;

	assert_non_null(again);
	if (!json_equal(again, value)) {
		free(text);
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	}
	json_decref(again);
	return text;
}

/* Only for a reason that the form itself gives. */
static void must_be_refused_for_a_reason(const char *group, const struct diags *d)
{
	static const char *const reasons[] = {"is not supported", "\"$ref\" can only lead", "refers to itself in a circle",
					      "at most 18 digits", "a NUL byte"};
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < sizeof(reasons) / sizeof(reasons[0]); k++)
			if (strstr(d->v[i].text, reasons[k]))
				return;
	fail_msg("%s: the form is refused: %s", group, d->v[0].text);
}

static bool verdict(const struct schema *s, const json_t *data, struct diags *d)
{
	struct arena a = ARENA_INIT;
	struct ynode *doc;
	char *text = dump(data);
	int err = ynode_parse(&a, "data", text, strlen(text), d, &doc);

	if (err)
		fail_msg("cannot read %s: %s", text, d->v[0].text);
	err = schema_check(s, "data", doc, d);
	assert_int_equal(err != 0, d->errors > 0);
	arena_free(&a);
	free(text);
	return !err;
}

/* SPEC section 10 asserts these formats; the suite's own default is that they only annotate. */
static bool is_annotation_only(const char *name) { return strstr(name, "only an annotation") != NULL; }

static unsigned try_group(const char *file, const struct schema *s, const json_t *group)
{
	unsigned failed = 0;
	size_t i;
	json_t *test;

	json_array_foreach(json_object_get(group, "tests"), i, test) {
		const char *name = json_string_value(json_object_get(test, "description"));
		bool expected = json_is_true(json_object_get(test, "valid"));
		AUTO_DIAGS d = DIAGS_INIT;
		if (is_annotation_only(name))
			continue;
		tried++;
		if (verdict(s, json_object_get(test, "data"), &d) != expected) {
			failed++;
			print_error("%s: %s: %s: must be %s%s%s\n", file, json_string_value(json_object_get(group, "description")), name,
				    expected ? "valid" : "invalid", d.n ? ", but " : "", d.n ? d.v[0].text : "");
		}
	}
	return failed;
}

static unsigned run_group(const char *file, const json_t *group)
{
	const char *name = json_string_value(json_object_get(group, "description"));
	char *text = dump(json_object_get(group, "schema"));
	struct schema *s = NULL;
	unsigned failed = 0;
	AUTO_DIAGS d = DIAGS_INIT;

	groups++;
	if (schema_parse("schema", text, strlen(text), &d, &s)) {
		must_be_refused_for_a_reason(name, &d);
		refused++;
		print_message("not for us: %s: %s: %s\n", file, name, d.v[0].text);
	} else {
		failed = try_group(file, s, group);
	}
	schema_unref(s);
	free(text);
	return failed;
}

static void official_suite(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[5000];
		json_error_t e;
		size_t k;
		json_t *group, *list;
		snprintf(path, sizeof(path), "%s/%s.json", suite, files[i]);
		list = json_load_file(path, JSON_ALLOW_NUL, &e);
		if (!list)
			fail_msg("%s: %s", path, e.text);
		json_array_foreach(list, k, group)
			failed += run_group(files[i], group);
		json_decref(list);
	}
	print_message("%u tests of %u groups; %u groups are forms that we refuse\n", tried, groups, refused);
	assert_int_equal(failed, 0);
	assert_true(tried > 600 && refused < groups / 3);
}

/* Where suite.sh finds or puts it: beside the program. */
static int locate(void **state)
{
	char command[4200], dir[3900];
	const char *out = getenv("OUT");
	FILE *p;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/schema-suite", out ? out : "build");
	snprintf(command, sizeof(command), "exec tests/schemas/suite.sh '%s'", dir);
	p = popen(command, "r");
	if (!p || !fgets(suite, sizeof(suite), p))
		fail_msg("tests/schemas/suite.sh gave no folder (run in the project's root, as make check does)");
	suite[strcspn(suite, "\n")] = '\0';
	return pclose(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(official_suite)};
	return cmocka_run_group_tests(tests, locate, NULL);
}
