/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The validator against a second implementation (the Python package jsonschema) on random forms and documents.
 * SEED=N repeats a run; CASES=N changes how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

static const char *const keys[] = {"a", "b", "c", "ab"};
static const char *const scalars[] = {
	"null", "true", "false", "0", "1", "-1", "2", "3", "12", "1.0", "0.5", "2.5", "-0.0", "1e1", "\"\"", "\"a\"", "\"ab\"",
	"\"b1\"", "\"abc\"", "\"\xc3\xa4\"", "\"1\"",
};

static void add_value(struct buf *out, unsigned depth)
{
	unsigned n = below(4);
	switch (depth ? below(4) : 0) {
	case 2:
		buf_adds(out, "[");
		for (unsigned i = 0; i < n; i++) {
			buf_adds(out, i ? ", " : "");
			add_value(out, depth - 1);
		}
		buf_adds(out, "]");
		break;
	case 3:
		buf_adds(out, "{");
		for (unsigned i = 0; i < n; i++) {
			buf_addf(out, "%s\"%s\": ", i ? ", " : "", keys[i]);
			add_value(out, depth - 1);
		}
		buf_adds(out, "}");
		break;
	default:
		buf_adds(out, scalars[below(ARRAY_LEN(scalars))]);
	}
}

static void add_schema(struct buf *out, unsigned depth);

static void add_schemas(struct buf *out, unsigned depth)
{
	unsigned n = 1 + below(3);
	buf_adds(out, "[");
	for (unsigned i = 0; i < n; i++) {
		buf_adds(out, i ? ", " : "");
		add_schema(out, depth);
	}
	buf_adds(out, "]");
}

static void add_members(struct buf *out, unsigned depth, const char *const *names, unsigned n)
{
	buf_adds(out, "{");
	for (unsigned i = 0; i < n; i++) {
		buf_addf(out, "%s\"%s\": ", i ? ", " : "", names[i]);
		add_schema(out, depth);
	}
	buf_adds(out, "}");
}

enum { PLAIN_KEYWORDS = 17, KEYWORDS = 29 };

static void add_plain(struct buf *out, unsigned which)
{
	static const char *const types[] = {"null", "boolean", "string", "array", "object", "number", "integer"};
	static const char *const numbers[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"};
	static const char *const counts[] = {"minLength", "maxLength", "minItems", "maxItems"};
	static const char *const patterns[] = {"^a", "b$", "^[a-z]*$", "\\\\d", ".."};
	switch (which) {
	case 0: case 1: case 2: buf_addf(out, "\"type\": \"%s\"", types[below(7)]); break;
	case 3: buf_addf(out, "\"type\": [\"%s\", \"%s\"]", types[below(3)], types[3 + below(4)]); break;
	case 4: case 5: case 6: case 7: buf_addf(out, "\"%s\": %d", numbers[which - 4], (int)below(5) - 1); break;
	case 8: case 9: case 10: case 11: buf_addf(out, "\"%s\": %u", counts[which - 8], below(4)); break;
	case 12: buf_addf(out, "\"multipleOf\": %s", below(2) ? "2" : "0.5"); break;
	case 13: buf_addf(out, "\"pattern\": \"%s\"", patterns[below(5)]); break;
	case 14: buf_addf(out, "\"uniqueItems\": %s", below(4) ? "true" : "false"); break;
	case 15: buf_addf(out, "\"required\": [\"%s\"]", keys[below(4)]); break;
	case 16:
		buf_adds(out, "\"const\": ");
		add_value(out, 2);
		break;
	default: abort();
	}
}

static void add_deep(struct buf *out, unsigned which, unsigned depth)
{
	static const char *const words[] = {"additionalProperties", "items", "not", "if", "then", "else"};
	static const char *const patterns[] = {"^a", "b", "^c$"};
	switch (which) {
	case 0: case 1: case 2: case 3: case 4: case 5:
		buf_addf(out, "\"%s\": ", words[which]);
		add_schema(out, depth);
		break;
	case 6: case 7: case 8:
		buf_addf(out, "\"%s\": ", which == 6 ? "allOf" : which == 7 ? "anyOf" : "oneOf");
		add_schemas(out, depth);
		break;
	case 9:
		buf_adds(out, "\"properties\": ");
		add_members(out, depth, keys, 1 + below(4));
		break;
	case 10:
		buf_adds(out, "\"patternProperties\": ");
		add_members(out, depth, patterns, 1 + below(3));
		break;
	case 11:
		buf_adds(out, "\"enum\": [");
		add_value(out, 1);
		buf_adds(out, ", ");
		add_value(out, 2);
		buf_adds(out, "]");
		break;
	default: abort();
	}
}

static void add_schema(struct buf *out, unsigned depth)
{
	bool used[KEYWORDS] = {false};
	unsigned n = below(4);
	bool any = false;
	if (below(12) == 0) {
		buf_adds(out, below(3) ? "true" : "false");
		return;
	}
	buf_adds(out, "{");
	used[0] = used[1] = used[2] = used[3] = below(2) == 0; /* one "type" at most */
	for (unsigned i = 0; i < n; i++) {
		unsigned k = below(depth ? KEYWORDS : PLAIN_KEYWORDS);
		if (used[k])
			continue;
		used[k] = true;
		if (k < 4)
			used[0] = used[1] = used[2] = used[3] = true;
		buf_adds(out, any ? ", " : "");
		any = true;
		if (k < PLAIN_KEYWORDS)
			add_plain(out, k);
		else
			add_deep(out, k - PLAIN_KEYWORDS, depth - 1);
	}
	/* refs into the two definitions of the root */
	if (depth && below(6) == 0)
		buf_addf(out, "%s\"$ref\": \"#/$defs/%s\"", any ? ", " : "", below(2) ? "x" : "y");
	buf_adds(out, "}");
}

static void add_root(struct buf *out)
{
	AUTO_BUF body = BUF_INIT;
	buf_adds(out, "{\"$defs\": {\"x\": ");
	add_schema(out, 0);
	buf_adds(out, ", \"y\": ");
	add_schema(out, 0);
	buf_adds(out, "}, \"allOf\": [");
	add_schema(out, 3);
	buf_adds(out, "]}");
}

static bool ours(const char *schema, const char *data)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct schema *s;
	struct ynode *doc;
	if (schema_parse("form", schema, strlen(schema), &d, &s) || ynode_parse(&a, "doc", data, strlen(data), &d, &doc))
		fail_msg("%s\n%s\n%s", schema, data, d.v[0].text);
	bool ok = !schema_check(s, "doc", doc, &d);
	schema_unref(s);
	arena_free(&a);
	return ok;
}

static void same_verdicts(void **state)
{
	const char *wanted = getenv("CASES");
	size_t n = wanted ? strtoul(wanted, NULL, 10) : 8000, valid = 0;
	const char *tmp = getenv("TMPDIR");
	char dir[256], file[300], command[400], line[16];
	AUTO_FREE bool *verdict = calloc(n, sizeof(*verdict));
	AUTO_BUF cases = BUF_INIT;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/zddc-oracle.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/cases", dir);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF schema = BUF_INIT, data = BUF_INIT;
		add_root(&schema);
		add_value(&data, 3);
		verdict[i] = ours(buf_str(&schema), buf_str(&data));
		valid += verdict[i];
		buf_addf(&cases, "[%s, %s]\n", buf_str(&schema), buf_str(&data));
	}
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(buf_str(&cases), 1, cases.len, f), cases.len);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "exec python3 tests/schemas/oracle.py < '%s'", file);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	size_t differ = 0, i = 0;
	const char *text = buf_str(&cases);
	for (; i < n && fgets(line, sizeof(line), p); i++, text = strchr(text, '\n') + 1)
		if ((line[0] == '1') != verdict[i] && differ++ < 10)
			print_error("%s for us, not for the other: %.*s\n", verdict[i] ? "valid" : "invalid", (int)strcspn(text, "\n"), text);
	int status = pclose(p);
	unlink(file);
	rmdir(dir);
	print_message("%zu cases, %zu valid\n", n, valid);
	assert_int_equal(status, 0);
	assert_int_equal(i, n);
	assert_int_equal(differ, 0);
	assert_true(valid > n / 5 && valid < n * 4 / 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_verdicts)};
	const char *given = getenv("SEED");
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
	seed = seed ? seed : 1;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
