/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record pipeline of SPEC section 10 without a disk: rules, fields, names, rows, stamps, and the text that a person wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

#define TRACKING "{originator}-{phase?}-{project}-{area?}-{discipline}-{type}-{sequence}-{suffix?}"

static const char policy[] =
	"records:\n"
	"  '*.yaml': {schema: default-mdl, filename_format: '" TRACKING "'}\n"
	"  'rsk-*.yaml':\n"
	"    schema: default-rsk\n"
	"    filename_format: '" TRACKING "-{row}'\n"
	"    field_defaults: {type: RSK}\n"
	"    locked: {type: RSK}\n"
	"    row_field: row\n"
	"    row_scope_fields: [originator, phase, project, area, discipline, type, sequence, suffix]\n"
	"  ssr.yaml: {schema: default-ssr}\n"
	"  'free-*.yaml': {folder_fields: {party: archive/*, up: 1, here: 0, below: archive}, field_defaults: {tags: [a, b]}}\n"
	"  'bad-*.yaml': {schema: default-none, filename_format: 'x', folder_fields: {a: 9, b: nowhere/*}}\n"
	"field_codes:\n"
	"  discipline: {kind: enum, codes: [EL, ME, '01']}\n"
	"  sequence: {kind: pattern, pattern: '[0-9]{4}'}\n"
	"  originator: {kind: free}\n"
	"  area: {kind: enum, codes: {A1: the first, A2: the second}}\n";

/* One commit: what goes in, and what came out. */
struct commit {
	struct arena arena;
	struct ynode *tree;
	struct record_rule rule;
	struct schema *schema;
	struct record *record;
	struct record_request rq;
	struct diags diags;
	struct buf name, text;
};

/* 'as' chooses the rule. */
static void start(struct commit *c, const char *as, const char *text)
{
	*c = (struct commit){0};
	assert_int_equal(ynode_parse(&c->arena, "policy", policy, strlen(policy), &c->diags, &c->tree), 0);
	assert_true(record_rule_find(ynode_get(c->tree, "records"), as, &c->rule));
	if (c->rule.schema)
		assert_int_equal(record_schema(&c->rule, NULL, NULL, 0, &c->diags, &c->schema), 0);
	c->rq = (struct record_request){
		.file = "x.yaml", .dir = "Demo/archive/Acme/mdl", .text = text, .len = strlen(text), .rule = &c->rule, .rule_file = ".zddc",
		.field_codes = ynode_get(c->tree, "field_codes"), .schema = c->schema, .now = 1767225600, .principal = "alice@example.com",
	};
}

static int run(struct commit *c, unsigned long row)
{
	int err = record_begin(&c->rq, &c->diags, &c->record);
	if (!err)
		err = record_finish(c->record, row, &c->diags, &c->name, &c->text);
	assert_int_equal(err != 0, c->diags.errors > 0);
	return err;
}

static void finish(struct commit *c)
{
	record_free(c->record);
	schema_unref(c->schema);
	diags_free(&c->diags);
	buf_free(&c->name);
	buf_free(&c->text);
	arena_free(&c->arena);
}

static void gives(struct commit *c, unsigned long row, const char *name, const char *text)
{
	if (run(c, row)) {
		AUTO_BUF why = BUF_INIT;
		diags_format(&c->diags, &why);
		fail_msg("refused: %s", buf_str(&why));
	}
	assert_string_equal(buf_str(&c->name), name);
	assert_string_equal(buf_str(&c->text), text);
	finish(c);
}

static void refuses(struct commit *c, const char *expected)
{
	AUTO_BUF why = BUF_INIT;
	if (!run(c, 1))
		fail_msg("passes as %s", buf_str(&c->name));
	diags_format(&c->diags, &why);
	assert_string_equal(buf_str(&why), expected);
	finish(c);
}

#define ROW_BODY "originator: ACM\nproject: '1'\ndiscipline: EL\nsequence: '0007'\ntitle: T\n"
#define MDL_BODY "originator: ACM\nproject: '1'\ndiscipline: EL\ntype: SPC\nsequence: '0007'\ntitle: T\n"
#define STAMPS \
	"created_at: '2026-01-01T00:00:00Z'\ncreated_by: alice@example.com\nupdated_at: '2026-01-01T00:00:00Z'\n" \
	"updated_by: alice@example.com\nrevision: 1\n"

/* ---- which rule ---- */

static void rules(void **state)
{
	static const struct {
		const char *name, *pattern;
	} cases[] = {
		{"a.yaml", "*.yaml"}, {"rsk-1.yaml", "rsk-*.yaml"}, {"ssr.yaml", "ssr.yaml"}, {"a.yml", NULL}, {"form.yaml", NULL},
		{"table.yaml", NULL}, {".a.yaml", NULL}, {"rsk-.yaml", "rsk-*.yaml"},
	};
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *tree;
	struct record_rule r;

	(void)state;
	assert_int_equal(ynode_parse(&a, "p", policy, strlen(policy), &d, &tree), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool found = record_rule_find(ynode_get(tree, "records"), cases[i].name, &r);
		assert_int_equal(found, cases[i].pattern != NULL);
		if (found)
			assert_string_equal(r.pattern, cases[i].pattern);
	}
	assert_false(record_rule_find(NULL, "a.yaml", &r));
	assert_true(record_rule_find(ynode_get(tree, "records"), "rsk-1.yaml", &r));
	assert_string_equal(record_rule_form(&r), "default-rsk");
	assert_string_equal(r.row_field, "row");
	assert_int_equal(r.row_scope_fields->n, 8);
	arena_free(&a);
}

/* Without wildcard first, though it is shorter; the same length by bytes, so that the answer never depends on order. */
static void best_rule(void **state)
{
	static const char text[] = "'*a*.yaml': {row_field: x}\n'a.yaml': {row_field: y}\n'?.yaml': {row_field: z}\n'*.yaml': {row_field: w}\n";
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *tree;
	struct record_rule r;

	(void)state;
	assert_int_equal(ynode_parse(&a, "p", text, strlen(text), &d, &tree), 0);
	assert_true(record_rule_find(tree, "a.yaml", &r) && !strcmp(r.row_field, "y"));
	assert_true(record_rule_find(tree, "xa.yaml", &r) && !strcmp(r.row_field, "x"));
	assert_true(record_rule_find(tree, "b.yaml", &r) && !strcmp(r.row_field, "w"));
	arena_free(&a);
}

static void forms_of_rules(void **state)
{
	static const char own[] = "properties: {a: {type: string}}\nadditionalProperties: false\n";
	static const char inline_rule[] = "'*': {schema: {required: [q]}}\n'x': {schema: [a]}\n";
	struct commit c;
	struct schema *s;
	struct record_rule r;
	struct ynode *tree;

	(void)state;
	start(&c, "a.yaml", "a: 1\n");
	assert_int_equal(record_schema(&c.rule, "mdl/form.yaml", own, strlen(own), &c.diags, &s), 0);
	c.rq.schema = s;
	refuses(&c, "x.yaml:1:4: error: a: 1 is not a text (type, mdl/form.yaml:1): put it in quotes: '1'\n");
	schema_unref(s);
	start(&c, "free-1.yaml", "");
	assert_int_equal(ynode_parse(&c.arena, "p", inline_rule, strlen(inline_rule), &c.diags, &tree), 0);
	assert_true(record_rule_find(tree, "y", &r));
	assert_int_equal(record_schema(&r, NULL, NULL, 0, &c.diags, &s), 0);
	assert_non_null(s);
	schema_unref(s);
	assert_true(record_rule_find(tree, "x", &r));
	assert_int_equal(record_schema(&r, NULL, NULL, 0, &c.diags, &s), -22);
	assert_true(record_rule_find(ynode_get(c.tree, "records"), "bad-1.yaml", &r));
	assert_int_equal(record_schema(&r, NULL, NULL, 0, &c.diags, &s), -22);
	assert_non_null(strstr(c.diags.v[1].text, "there is no form \"default-none\""));
	assert_true(record_rule_find(ynode_get(c.tree, "records"), "free-1.yaml", &r));
	assert_int_equal(record_schema(&r, NULL, NULL, 0, &c.diags, &s), 0);
	assert_null(s);
	finish(&c);
}

/* ---- new records ---- */

static void new_record(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "a.yaml", "# mine\n" MDL_BODY);
	gives(&c, 0, "ACM-1-EL-SPC-0007.yaml", "# mine\n" MDL_BODY STAMPS);
}

static void client_stamps_are_dropped(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "a.yaml",
	      MDL_BODY "revision: 77 # copied\ncreated_by: mallory@example.com\n\n# the end\nprevious_sha: " "'00'\nupdated_at: {a: 1}\n");
	gives(&c, 0, "ACM-1-EL-SPC-0007.yaml",
	      MDL_BODY "revision: 1 # copied\ncreated_by: alice@example.com\n\n# the end\nupdated_at: '2026-01-01T00:00:00Z'\n"
		       "created_at: '2026-01-01T00:00:00Z'\nupdated_by: alice@example.com\n");
}

static void anonymous(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "free-1.yaml", "a: 1\n");
	c.rule.folder_fields = c.rule.field_defaults = NULL;
	c.rq.principal = NULL;
	gives(&c, 0, "",
	      "a: 1\ncreated_at: '2026-01-01T00:00:00Z'\ncreated_by: anonymous\nupdated_at: '2026-01-01T00:00:00Z'\n"
	      "updated_by: anonymous\nrevision: 1\n");
}

static void rows(void **state)
{
	struct commit c;
	char scope[SHA256_HEX], other[SHA256_HEX];
	unsigned long row;

	(void)state;
	start(&c, "rsk-1.yaml", ROW_BODY "row: '555'\n");
	assert_int_equal(record_begin(&c.rq, &c.diags, &c.record), 0);
	assert_true(record_wants_row(c.record));
	record_scope(c.record, scope);
	assert_int_equal(record_finish(c.record, 7, &c.diags, &c.name, &c.text), 0);
	assert_string_equal(buf_str(&c.name), "ACM-1-EL-RSK-0007-007.yaml");
	assert_string_equal(buf_str(&c.text), ROW_BODY "row: '007'\ntype: RSK\n" STAMPS);
	assert_true(record_row_of(&c.rule, buf_str(&c.text), c.text.len, other, &row));
	assert_int_equal(row, 7);
	assert_string_equal(scope, other);
	assert_false(record_row_of(&c.rule, "row: x\n", 7, other, &row));
	assert_false(record_row_of(&c.rule, "- a\n", 4, other, &row));
	finish(&c);
}

static void scope_of(const char *text, char out[SHA256_HEX])
{
	struct commit c;
	start(&c, "rsk-1.yaml", text);
	c.rq.schema = NULL;
	c.rq.field_codes = NULL;
	assert_int_equal(record_begin(&c.rq, &c.diags, &c.record), 0);
	record_scope(c.record, out);
	finish(&c);
}

/* Fields do not run into each other, and what makes the same name is the same group. */
static void scopes(void **state)
{
	char a[SHA256_HEX], b[SHA256_HEX];
	(void)state;
	scope_of("originator: A\nphase: B\n", a);
	scope_of("originator: A,B\n", b);
	assert_string_not_equal(a, b);
	scope_of("originator: A\nproject: B\n", b);
	assert_string_not_equal(a, b);
	scope_of("phase: B\ntitle: other\noriginator: A\narea: ''\n", b);
	assert_string_equal(a, b);
	scope_of("phase: B\noriginator: A\narea:\n", b);
	assert_string_equal(a, b);
}

static void large_rows(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "rsk-1.yaml", ROW_BODY);
	gives(&c, 1000, "ACM-1-EL-RSK-0007-1000.yaml", ROW_BODY "type: RSK\nrow: '1000'\n" STAMPS);
}

/* ---- what is refused ---- */

static void refused(void **state)
{
	static const struct {
		const char *as, *text, *expected;
	} cases[] = {
		{"rsk-1.yaml", ROW_BODY "type: SPC\n", "x.yaml:6:7: error: type: \"SPC\" is not allowed (locked, .zddc:7): it can only be RSK\n"},
		{"a.yaml", "originator: ACM\nproject: '1'\ndiscipline: XX\ntype: SPC\nsequence: '0007'\ntitle: T\n",
		 "x.yaml:3:13: error: discipline: \"XX\" is no code (field_codes, .zddc:14): use one of EL, ME, 01\n"},
		{"a.yaml", "originator: ACM\nproject: '1'\ndiscipline: EL\ntype: SPC\nsequence: '00071'\ntitle: T\narea: A3\n",
		 "x.yaml:5:11: error: sequence: \"00071\" is no code (field_codes, .zddc:15): it must match [0-9]{4}\n"
		 "x.yaml:7:7: error: area: \"A3\" is no code (field_codes, .zddc:17): use one of A1, A2\n"},
		{"a.yaml", "originator: ACM\nproject: 1\ndiscipline: EL\ntype: SPC\nsequence: 0007\n",
		 "x.yaml:1:1: error: the field \"title\" is missing (required, default-mdl.form.yaml:9): add it\n"
		 "x.yaml:2:10: error: project: 1 is not a text (type, default-mdl.form.yaml:34): put it in quotes: '1'\n"
		 "x.yaml:5:11: error: sequence: 0007 is not a text (type, default-mdl.form.yaml:34): put it in quotes: '0007'\n"},
		{"rsk-1.yaml", ROW_BODY "likelihood: 6\nowners: x\n",
		 "x.yaml:6:13: error: likelihood: 6 is more than 5 (maximum, default-rsk.form.yaml:24): write 5 or less\n"
		 "x.yaml:7:1: error: the form has no field \"owners\" (additionalProperties, default-rsk.form.yaml:8): did you mean \"owner\"?\n"},
		{"a.yaml", "- a\n", "x.yaml:1:1: error: a record is a YAML mapping: lines of \"field: value\"\n"},
		{"a.yaml", "just text\n", "x.yaml:1:1: error: a record is a YAML mapping: lines of \"field: value\"\n"},
		{"a.yaml", "a: *b\n", "x.yaml:1:4: error: aliases (*name) are not allowed: write the value out\n"},
		{"bad-1.yaml", "a: 1\n",
		 "x.yaml: error: a: no folder above Demo/archive/Acme/mdl is meant by \"9\" (folder_fields, .zddc:12): write how many levels up, or "
		 "FOLDER/* for the one below FOLDER\n"
		 "x.yaml: error: b: no folder above Demo/archive/Acme/mdl is meant by \"nowhere/*\" (folder_fields, .zddc:12): write how many "
		 "levels up, or FOLDER/* for the one below FOLDER\n"
		 "x.yaml: error: a filename_format holds {field} or {field?}, with separators between, and no slash (filename_format, .zddc:12)\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct commit c;
		bool bad = !strncmp(cases[i].as, "bad", 3);
		start(&c, bad ? "ssr.yaml" : cases[i].as, cases[i].text);
		if (bad) {
			assert_true(record_rule_find(ynode_get(c.tree, "records"), cases[i].as, &c.rule));
			c.rq.schema = NULL;
		}
		refuses(&c, cases[i].expected);
	}
}

static void too_large(void **state)
{
	struct commit c;
	AUTO_BUF text = BUF_INIT;
	(void)state;
	for (int i = 0; text.len + 4200 < LIMIT_DOC_BYTES; i++) {
		buf_addf(&text, "f%d: ", i);
		for (int k = 0; k < 4000; k++)
			buf_addc(&text, 'x');
		buf_addc(&text, '\n');
	}
	buf_adds(&text, "#");
	while (text.len < LIMIT_DOC_BYTES - 20)
		buf_addc(&text, '#');
	start(&c, "free-1.yaml", buf_str(&text));
	c.rule.folder_fields = c.rule.field_defaults = NULL;
	refuses(&c, "x.yaml: error: with its audit fields the record would be over 1 MiB: shorten it\n");
}

static void many_fields(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct commit c;
	(void)state;
	for (int i = 0; i < 1001; i++)
		buf_addf(&text, "f%d: x\n", i);
	start(&c, "free-1.yaml", buf_str(&text));
	refuses(&c, "x.yaml: error: a record with more than 1000 fields: make several of it\n");
}

/* Fields inside fields cost no square either. */
static void many_fields_deeper(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct commit c;
	(void)state;
	buf_adds(&text, "m:\n");
	for (int i = 0; i < 40000; i++)
		buf_addf(&text, "  f%d: x\n", i);
	start(&c, "free-1.yaml", buf_str(&text));
	c.rule.folder_fields = c.rule.field_defaults = NULL;
	clock_t begin = clock();
	assert_int_equal(run(&c, 0), 0);
	assert_true(clock() - begin < 4 * CLOCKS_PER_SEC);
	assert_memory_equal(buf_str(&c.text), buf_str(&text), text.len);
	finish(&c);
}

/* ---- defaults and folders ---- */

static void folders_and_defaults(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "free-1.yaml", "party: Other # will be right\nx: 1\n");
	gives(&c, 0, "",
	      "party: Acme # will be right\nx: 1\ntags:\n  - a\n  - b\nup: Acme\nhere: mdl\nbelow: Acme\n" STAMPS);
	start(&c, "free-1.yaml", "tags: []\n");
	c.rq.dir = "archive/archive/B";
	c.rule.folder_fields = NULL;
	gives(&c, 0, "", "tags: []\n" STAMPS);
}

static void empty_text(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "ssr.yaml", "");
	gives(&c, 0, "", STAMPS);
	start(&c, "ssr.yaml", "# nothing yet");
	gives(&c, 0, "", "# nothing yet\n" STAMPS);
	start(&c, "ssr.yaml", "{}");
	gives(&c, 0, "", STAMPS);
}

/* ---- the next revision ---- */

#define BEFORE \
	"# mine\noriginator: ACM\nproject: '1'\ndiscipline: EL\ntype: SPC\nsequence: '0007'\n\n# what it is called\ntitle: T  # short\n" \
	"created_at: '2025-12-01T00:00:00Z'\ncreated_by: bob@example.com\nupdated_at: '2025-12-02T00:00:00Z'\nupdated_by: carol@example.com\n" \
	"revision: 4\nprevious_sha: 1111111111111111111111111111111111111111111111111111111111111111\n"

static void next_revision(void **state)
{
	static const char after[] =
		"# mine\noriginator: ACM\nproject: '1'\ndiscipline: EL\ntype: SPC\nsequence: '0007'\n\n# what it is called\ntitle: U  # short\n"
		"created_at: '2025-12-01T00:00:00Z'\ncreated_by: bob@example.com\nupdated_at: '2026-01-01T00:00:00Z'\n"
		"updated_by: alice@example.com\nrevision: 5\nprevious_sha: ";
	unsigned char sha[SHA256_LEN];
	char hex[SHA256_HEX];
	AUTO_BUF text = BUF_INIT, expected = BUF_INIT;
	struct commit c;

	(void)state;
	buf_adds(&text, BEFORE);
	*strstr(text.data, "T  # short") = 'U';
	sha256(BEFORE, strlen(BEFORE), sha);
	sha256_hex(sha, hex);
	buf_addf(&expected, "%s%s\n", after, hex);
	start(&c, "a.yaml", buf_str(&text));
	c.rq.name = "ACM-1-EL-SPC-0007.yaml";
	c.rq.before = BEFORE;
	c.rq.before_len = strlen(BEFORE);
	gives(&c, 0, "ACM-1-EL-SPC-0007.yaml", buf_str(&expected));
}

static void chain(void **state)
{
	AUTO_BUF last = BUF_INIT;
	(void)state;
	for (int i = 1; i <= 3; i++) {
		struct commit c;
		AUTO_BUF text = BUF_INIT, revision = BUF_INIT;
		unsigned char sha[SHA256_LEN];
		char hex[SHA256_HEX];
		buf_addf(&text, "%snotes: n%d\n", MDL_BODY, i);
		start(&c, "a.yaml", buf_str(&text));
		if (i > 1) {
			c.rq.name = "ACM-1-EL-SPC-0007.yaml";
			c.rq.before = buf_str(&last);
			c.rq.before_len = last.len;
			sha256(c.rq.before, c.rq.before_len, sha);
			sha256_hex(sha, hex);
		}
		assert_int_equal(run(&c, 0), 0);
		buf_addf(&revision, "revision: %d\n", i);
		assert_non_null(strstr(buf_str(&c.text), buf_str(&revision)));
		assert_int_equal(strstr(buf_str(&c.text), "previous_sha: ") != NULL, i > 1);
		if (i > 1)
			assert_non_null(strstr(buf_str(&c.text), hex));
		buf_reset(&last);
		buf_adds(&last, buf_str(&c.text));
		finish(&c);
	}
}

static void unchanged(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "a.yaml", BEFORE);
	c.rq.name = "ACM-1-EL-SPC-0007.yaml";
	c.rq.before = BEFORE;
	c.rq.before_len = strlen(BEFORE);
	assert_int_equal(record_begin(&c.rq, &c.diags, &c.record), 0);
	assert_true(record_unchanged(c.record));
	record_free(c.record);
	gives(&c, 0, "ACM-1-EL-SPC-0007.yaml", BEFORE);
}

/* Saved again through the rollup, where it has one line more. */
static void unchanged_but_for_the_derived_field(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "a.yaml", "party: Acme\n" BEFORE);
	c.rq.name = "ACM-1-EL-SPC-0007.yaml";
	c.rq.before = BEFORE;
	c.rq.before_len = strlen(BEFORE);
	c.rq.derived = "party";
	gives(&c, 0, "ACM-1-EL-SPC-0007.yaml", BEFORE);
}

static void unstamped_before(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "ssr.yaml", "title: x\n");
	c.rq.name = "ssr.yaml";
	c.rq.before = "not: [valid";
	c.rq.before_len = strlen(c.rq.before);
	assert_int_equal(run(&c, 0), 0);
	assert_non_null(strstr(buf_str(&c.text), "revision: 2\nprevious_sha: "));
	assert_string_equal(buf_str(&c.name), "ssr.yaml");
	finish(&c);
}

static void keeps_its_name(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "a.yaml", MDL_BODY);
	c.rq.name = "ACM-1-EL-SPC-0008.yaml";
	c.rq.before = MDL_BODY;
	c.rq.before_len = strlen(MDL_BODY);
	refuses(&c, "x.yaml: error: these fields make the name ACM-1-EL-SPC-0007.yaml, and the record is ACM-1-EL-SPC-0008.yaml: a record "
		    "keeps its name, make a new one instead\n");
}

static void keeps_its_row(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "rsk-1.yaml", ROW_BODY);
	c.rq.name = "ACM-1-EL-RSK-0007-012.yaml";
	c.rq.before = ROW_BODY "row: '012'\n";
	c.rq.before_len = strlen(c.rq.before);
	assert_int_equal(record_begin(&c.rq, &c.diags, &c.record), 0);
	assert_false(record_wants_row(c.record));
	assert_int_equal(record_finish(c.record, 99, &c.diags, &c.name, &c.text), 0);
	assert_non_null(strstr(buf_str(&c.text), "row: '012'\n"));
	finish(&c);
}

/* readOnly in the form: shown, never stored (name of an SSR row). */
static void derived_name_is_not_stored(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "ssr.yaml", "name: Acme\ntitle: x\n");
	gives(&c, 0, "", "title: x\n" STAMPS);
}

/* ---- names ---- */

static void composed(const char *format, const char *doc, const char *expected)
{
	AUTO_BUF rule_text = BUF_INIT, name = BUF_INIT;
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *tree;
	struct record_rule rule;
	buf_addf(&rule_text, "'*': {filename_format: '%s'}\n", format);
	assert_int_equal(ynode_parse(&a, "p", buf_str(&rule_text), rule_text.len, &d, &tree), 0);
	assert_true(record_rule_find(tree, "x", &rule));
	int err = record_name(&rule, "x.yaml", doc, strlen(doc), &d, &name);
	assert_string_equal(err ? d.v[0].text : buf_str(&name), expected);
	arena_free(&a);
}

static void names(void **state)
{
	(void)state;
	composed(TRACKING, "{originator: A, phase: B, project: C, area: D, discipline: E, type: F, sequence: '01', suffix: G}",
		 "A-B-C-D-E-F-01-G.yaml");
	composed(TRACKING, "{originator: A, project: C, discipline: E, type: F, sequence: '01'}", "A-C-E-F-01.yaml");
	composed(TRACKING "-{row}", "{originator: A, project: C, discipline: E, type: F, sequence: '01', row: '001'}", "A-C-E-F-01-001.yaml");
	composed(TRACKING, "{originator: A, phase: '', project: C, area: , discipline: E, type: F, sequence: '01'}", "A-C-E-F-01.yaml");
	composed("{a?}-{b?}-{c}", "{c: x}", "x.yaml");
	composed("{a?}-{b?}-{c}", "{b: y, c: x}", "y-x.yaml");
	composed("{a?}-{b?}-{c}", "{a: z, c: x}", "z-x.yaml");
	composed("R-{a?}-{b}.rev", "{b: x}", "R-x.rev.yaml");
	composed("{a}.yaml", "{a: x}", "x.yaml");
	composed("{a}{b?}", "{a: 5, b: true}", "5true.yaml");
	composed("{a}_{b?} end", "{a: x}", "x end.yaml");
	composed("{a}-{b}", "{a: x}", "b: the file name is made of this field, and it is missing (filename_format)");
	composed("{a}-{b}", "{a: x, b: ''}", "b: the file name is made of this field, and it is empty (filename_format)");
	composed("{a}", "{a: x/y}", "a: a slash or control character cannot be part of the file name (filename_format)");
	composed("{a}", "{a: \"x\\ny\"}", "a: a slash or control character cannot be part of the file name (filename_format)");
	composed("{a}", "{a: [1]}", "a: a list or map cannot be part of the file name (filename_format)");
	composed("{a}", "{a: .hidden}", "the fields make no file name: it would be empty or begin with a dot (filename_format)");
	composed("{a?}", "{}", "the fields make no file name: it would be empty or begin with a dot (filename_format)");
	composed("{a}", "{a: form}", "the fields make the name form.yaml, which is never a record (filename_format)");
}

static void long_name(void **state)
{
	AUTO_BUF doc = BUF_INIT;
	(void)state;
	buf_adds(&doc, "a: ");
	for (int i = 0; i < 251; i++)
		buf_addc(&doc, 'x');
	composed("{a}", buf_str(&doc), "the fields make a file name of more than 255 bytes: shorten them (filename_format)");
}

/* ---- texts that are hard to edit ---- */

static const struct {
	const char *text, *expected; /* NULL: only the content counts */
} texts[] = {
	{"title: x\r\n# c\r\nnotes: y\r\n", "title: x\r\n# c\r\nnotes: y\r\ncreated_at:"},
	{"---\ntitle: x\n...\n", "---\ntitle: x\ncreated_at:"},
	{"%YAML 1.2\n---\ntitle: x\n", "%YAML 1.2\n---\ntitle: x\ncreated_at:"},
	{"  title: x\n  revision: 9\n", "  title: x\n  revision: 1\n  created_at:"},
	{"title: x", "title: x\ncreated_at:"},
	{"title: |\n  a\n  # no comment\n\n  b\nnotes: x\n", "title: |\n  a\n  # no comment\n\n  b\nnotes: x\ncreated_at:"},
	{"notes: |\n  a\n", "notes: |\n  a\ncreated_at:"},
	{"notes: |+\n  a\n\n", "notes: |+\n  a\n\ncreated_at:"},
	{"notes: |\n  a", NULL},
	{"revision: |\n  # a\n  b\ntitle: x\n", NULL},
	{"revision:\n  - a\n# c\ntitle: x\n", "revision: 1\n# c\ntitle: x\ncreated_at:"},
	{"revision: 'it''s' # c\ntitle: x\n", "revision: 1 # c\ntitle: x\ncreated_at:"},
	{"revision: \"a\\\"b\" # c\ntitle: x\n", "revision: 1 # c\ntitle: x\ncreated_at:"},
	{"revision: # c\ntitle: x\n", NULL},
	{"revision:\ntitle: x\n", NULL},
	{"\"revision\": 3\n'title': x\n", "\"revision\": 1\n'title': x\ncreated_at:"},
	{"revision: a\n  b\ntitle: x\n", "revision: 1\ntitle: x\ncreated_at:"},
	{"? revision\n: 3\n", NULL},
	{"{title: x, revision: 3}\n", NULL},
	{"title: \"\xc3\xa4: #\" # \xc3\xb6\nrevision: \xc3\xbc # \xc3\xb6\n",
	 "title: \"\xc3\xa4: #\" # \xc3\xb6\nrevision: 1 # \xc3\xb6\ncreated_at:"},
	{"title: a\xc2\x85" "notes: b\n", NULL},
	{"title: \"a\xe2\x80\xa8" "b\"\nrevision: 3\n", NULL},
	{"title: x\n\n\n# last words\n", "title: x\n\n\n# last words\ncreated_at:"},
	{"title:\n- a\n- b\nrevision: 2\n", "title:\n- a\n- b\nrevision: 1\ncreated_at:"},
	{"\"title\": \"x\" \nrevision : 2 \n", "\"title\": \"x\" \nrevision : 1 \ncreated_at:"},
};

/* Whatever the text looked like: the stamps are in, the rest says what it said. */
static void same_content(const char *was, const struct buf *text)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *before, *after;
	long long revision;
	assert_int_equal(ynode_parse(&a, "was", was, strlen(was), &d, &before), 0);
	if (ynode_parse(&a, "is", buf_str(text), text->len, &d, &after))
		fail_msg("%s: %s", d.v[0].text, buf_str(text));
	assert_true(ynode_int(ynode_get(after, "revision"), &revision) && revision == 1);
	assert_non_null(ynode_get(after, "updated_by"));
	ynode_each(m, before)
		if (strcmp(m->key->text, "revision"))
			assert_true(ynode_equal(m, ynode_get(after, m->key->text)));
	arena_free(&a);
}

static void hard_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct commit c;
		start(&c, "free-1.yaml", texts[i].text);
		c.rule.folder_fields = c.rule.field_defaults = NULL;
		if (run(&c, 0))
			fail_msg("%s: %s", texts[i].text, c.diags.v[0].text);
		same_content(texts[i].text, &c.text);
		if (texts[i].expected && strncmp(buf_str(&c.text), texts[i].expected, strlen(texts[i].expected)))
			fail_msg("%s became %s", texts[i].text, buf_str(&c.text));
		finish(&c);
	}
}

static void line_ends(void **state)
{
	struct commit c;
	(void)state;
	start(&c, "free-1.yaml", "title: x\r\n");
	c.rule.folder_fields = NULL;
	assert_int_equal(run(&c, 0), 0);
	for (size_t i = 0; i < c.text.len; i++)
		assert_true(c.text.data[i] != '\n' || c.text.data[i - 1] == '\r');
	finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules), cmocka_unit_test(best_rule), cmocka_unit_test(forms_of_rules), cmocka_unit_test(new_record),
		cmocka_unit_test(client_stamps_are_dropped), cmocka_unit_test(anonymous), cmocka_unit_test(rows), cmocka_unit_test(scopes),
		cmocka_unit_test(large_rows), cmocka_unit_test(refused), cmocka_unit_test(too_large), cmocka_unit_test(many_fields),
		cmocka_unit_test(many_fields_deeper), cmocka_unit_test(folders_and_defaults),
		cmocka_unit_test(empty_text), cmocka_unit_test(next_revision), cmocka_unit_test(chain), cmocka_unit_test(unchanged),
		cmocka_unit_test(unchanged_but_for_the_derived_field), cmocka_unit_test(unstamped_before), cmocka_unit_test(keeps_its_name),
		cmocka_unit_test(keeps_its_row), cmocka_unit_test(derived_name_is_not_stored), cmocka_unit_test(names), cmocka_unit_test(long_name),
		cmocka_unit_test(hard_texts), cmocka_unit_test(line_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
