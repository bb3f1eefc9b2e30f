/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schemas/zddc.schema.yaml: it is a schema that our own validator reads, it accepts whatever the engine accepts, and refuses mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/ynode.h"
#include "defaults/defaults.h"
#include "schemas/schemas.h"

static struct schema *schema;
static size_t accepted, skipped;

static void read_file(const char *path, struct buf *out)
{
	AUTO_BUF name = BUF_INIT;
	char block[4096];
	size_t n;

	buf_addf(&name, "%s/%s", getenv("ROOT") ? getenv("ROOT") : ".", path);
	AUTO_FCLOSE FILE *f = fopen(buf_str(&name), "re");
	if (!f)
		fail_msg("%s cannot be opened", buf_str(&name));
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(out, block, n);
}

static int load(void **state)
{
	AUTO_BUF text = BUF_INIT, said = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;

	(void)state;
	read_file("schemas/zddc.schema.yaml", &text);
	if (schema_parse("zddc.schema.yaml", buf_str(&text), text.len, &d, &schema)) {
		diags_format(&d, &said);
		fputs(buf_str(&said), stderr);
		return -1;
	}
	return 0;
}

static int unload(void **state)
{
	(void)state;
	schema_unref(schema);
	return 0;
}

/* "" or what the schema says against it. */
static void judge(const char *text, size_t len, struct buf *said)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *doc;

	if (!ynode_parse(&a, ".zddc", text, len, &d, &doc))
		schema_check(schema, ".zddc", doc, &d);
	diags_format(&d, said);
	arena_free(&a);
}

/* What the engine accepts, the schema accepts. */
static void agree(const char *where, const char *text, size_t len)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF said = BUF_INIT;
	struct zddc_doc *doc = NULL;

	if (zddc_parse(".zddc", text, len, false, &d, &doc)) {
		skipped++;
		return;
	}
	zddc_unref(doc);
	judge(text, len, &said);
	if (said.len)
		fail_msg("%s: the engine accepts it, the schema says %s\n%.*s", where, buf_str(&said), (int)len, text);
	accepted++;
}

static void trees_of(const char *file, const struct ynode *test_case)
{
	ynode_each(f, ynode_get(test_case, "tree"))
		if (str_ends(f->key->text, ".zddc"))
			agree(file, f->text, f->len);
}

static void test_file(const char *path)
{
	static const struct ynode_limits most = {1 << 24, 1 << 22, 1 << 20};
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF text = BUF_INIT;
	struct ynode *spec;

	read_file(path, &text);
	assert_int_equal(ynode_parse_within(&a, path, buf_str(&text), text.len, &most, &d, &spec), 0);
	trees_of(path, spec);
	ynode_each(c, ynode_get(spec, "cases"))
		trees_of(path, c);
	arena_free(&a);
}

static void each_in(const char *dir, const char *suffix, void (*each)(const char *path))
{
	AUTO_BUF name = BUF_INIT;
	const struct dirent *e;

	buf_addf(&name, "%s/%s", getenv("ROOT") ? getenv("ROOT") : ".", dir);
	DIR *d = opendir(buf_str(&name));
	assert_non_null(d);
	while ((e = readdir(d))) {
		AUTO_BUF path = BUF_INIT;

		if (e->d_name[0] == '.' || !str_ends(e->d_name, suffix))
			continue;
		buf_addf(&path, "%s/%s", dir, e->d_name);
		each(buf_str(&path));
	}
	closedir(d);
}

static void seed(const char *path)
{
	AUTO_BUF text = BUF_INIT;

	read_file(path, &text);
	agree(path, buf_str(&text), text.len);
}

static void accepts_what_the_engine_accepts(void **state)
{
	(void)state;
	agree("defaults", defaults_zddc_yaml, defaults_zddc_yaml_len);
	each_in("tests/policy", ".yaml", test_file);
	each_in("tests/fuzz/fuzz_policy.corpus", "", seed);
	print_message("%zu documents accepted by both, %zu refused by the engine\n", accepted, skipped);
	assert_true(accepted > 150);
}

static const char *const fine[] = {
	"", "{}", "title: x", "virtual: true", "virtual: mdl", "virtual: {kind: rows, from: 'archive/*/mdl'}", "retention: 10y", "retention: {min: 1y}",
	"seal_grace: 90", "naming: off", "when: {rw: risk_score < 5}", "paths: {'*': {paths: {x: {worm: []}}}}", "risk: {delete: 60}", "lifecycle: {validator: x}",
	"tools: [1, {a: b}]", "acl: {permissions: {'*@b.c': 'R w', anonymous: ''}, inherit: false}", "roles: {x: {members: [a@b.c], reset: true, exclusive: [y]}}",
	"field_codes: {d: {kind: enum, codes: [A]}, e: {kind: free}, f: {kind: pattern, pattern: x}}", "records: {'*.yaml': {schema: default-mdl}}",
	"freeze_until: 2026-01-31", "auto_own_roles: [x]",
};

static void accepts_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		agree(fine[i], fine[i], strlen(fine[i]));
	assert_true(accepted >= ARRAY_LEN(fine));
}

static const struct {
	const char *doc, *word;
} wrong[] = {
	{"titel: x", "titel"}, {"acl: {permisions: {}}", "permisions"}, {"acl: {permissions: {a@b.c: rx}}", "a@b.c"}, {"acl: {permissions: [a]}", "permissions"},
	{"roles: {x: [a@b.c]}", "roles"}, {"roles: {x: {member: []}}", "member"}, {"roles: {x: {exclusive: [a@b.c]}}", "exclusive"}, {"worm: a@b.c", "worm"}, {"worm_mode: strict", "worm_mode"},
	{"naming: strict", "naming"}, {"history: 'yes'", "history"}, {"risk: {delete: 200}", "200"}, {"risk: {deleted: 2}", "deleted"},
	{"paths: {x: {y: 1}}", "y"}, {"seal_grace: soon", "seal_grace"}, {"virtual: table", "virtual"}, {"virtual: {from: x}", "virtual"},
	{"when: {x: risk_score < 5}", "when"}, {"freeze_until: tomorrow", "freeze_until"}, {"field_codes: {d: {kind: enum}}", "codes"},
	{"field_codes: {d: {kind: pattern}}", "pattern"}, {"auto_own_roles: ['*@b.c']", "auto_own_roles"}, {"records: {x: {form: y}}", "form"},
};

static void refuses_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO_BUF said = BUF_INIT;

		judge(wrong[i].doc, strlen(wrong[i].doc), &said);
		if (!strstr(buf_str(&said), wrong[i].word))
			fail_msg("%s: the schema says \"%s\"", wrong[i].doc, buf_str(&said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_engine_accepts),
		cmocka_unit_test(accepts_examples),
		cmocka_unit_test(refuses_mistakes),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
