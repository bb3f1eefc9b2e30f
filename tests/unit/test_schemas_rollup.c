/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of the rollups, tables as CSV, the forms and tables that are compiled in, and names of kept versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

/* ---- names ---- */

static void parties(void **state)
{
	static const char *const good[] = {"Acme", "A", "0", "Acme-Ltd.", "Acme.Inc", "a..b"}, *const bad[] = {
		"", ".a", "-a", "a_b", "a b", "a/b", "\xc3\xa4", "a\n", "a__b"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(rollup_is_party(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(rollup_is_party(bad[i]));
}

static void row_names(void **state)
{
	static const struct {
		const char *name, *party, *file; /* party NULL: no row */
	} cases[] = {
		{"Acme__A-1.yaml", "Acme", "A-1.yaml"}, {"Acme.Inc__a__b.yaml", "Acme.Inc", "a__b.yaml"}, {"A___x.yaml", "A", "_x.yaml"},
		{"Acme_A-1.yaml", NULL, NULL}, {"__a.yaml", NULL, NULL}, {"Acme__", NULL, NULL}, {"A_B__c.yaml", NULL, NULL},
		{"table.yaml", NULL, NULL}, {".a__b.yaml", NULL, NULL}, {"", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char party[DOCNAME_MAX + 1];
		const char *file;
		AUTO_BUF again = BUF_INIT;
		assert_int_equal(rollup_row_split(cases[i].name, party, &file), cases[i].party != NULL);
		if (!cases[i].party)
			continue;
		assert_string_equal(party, cases[i].party);
		assert_string_equal(file, cases[i].file);
		rollup_row_name(party, file, &again);
		assert_string_equal(buf_str(&again), cases[i].name);
	}
}

static void party_names(void **state)
{
	char party[DOCNAME_MAX + 1];
	AUTO_BUF name = BUF_INIT;
	(void)state;
	assert_true(rollup_party_split("Acme.Inc.yaml", party));
	assert_string_equal(party, "Acme.Inc");
	rollup_party_name(party, &name);
	assert_string_equal(buf_str(&name), "Acme.Inc.yaml");
	assert_false(rollup_party_split(".yaml", party) || rollup_party_split("Acme", party) || rollup_party_split("A_B.yaml", party) ||
		     rollup_party_split("Acme.yml", party) || rollup_party_split("", party));
}

static void typed(long long now, const char *who, unsigned n, const char *expected)
{
	AUTO_BUF name = BUF_INIT;
	rollup_typed_name(now, who, n, &name);
	assert_string_equal(buf_str(&name), expected);
}

static void typed_names(void **state)
{
	(void)state;
	typed(1767225600, "alice@example.com", 1, "2026-01-01-alice@example.com.yaml");
	typed(1767225600, "alice@example.com", 3, "2026-01-01-alice@example.com-3.yaml");
	typed(1767225600, NULL, 1, "2026-01-01-anonymous.yaml");
	typed(1767225600, "a/../b\n@c", 1, "2026-01-01-a_.._b_@c.yaml");
}

/* ---- texts ---- */

static void shown(const char *text, const char *expected)
{
	AUTO_BUF out = BUF_INIT;
	AUTO_FREE char *exact = malloc(strlen(text) + 1); /* nothing is read behind the end */
	assert_non_null(exact);
	memcpy(exact, text, strlen(text) + 1);
	rollup_show("party", "Acme", exact, strlen(text), &out);
	assert_string_equal(buf_str(&out), expected);
}

static void show(void **state)
{
	(void)state;
	shown("title: x\n", "party: Acme\ntitle: x\n");
	shown("# mine\ntitle: x", "party: Acme\n# mine\ntitle: x");
	shown("---\ntitle: x\n", "---\nparty: Acme\ntitle: x\n");
	shown("title: x\nparty: Other\n", "title: x\nparty: Acme\n");
	shown("title: x\npartyless: y\n", "party: Acme\ntitle: x\npartyless: y\n");
	shown("title:\n- a\n", "party: Acme\ntitle:\n- a\n");
	shown("title: x\r\nnotes: y\r\n", "party: Acme\r\ntitle: x\r\nnotes: y\r\n");
	shown("{title: x}\n", "party: Acme\ntitle: x\n");
	shown("", "party: Acme\n");
	shown("# only this\n", "# only this\nparty: Acme\n");
	shown("- no record\n", "- no record\n");
	shown("a: [b\n", "party: Acme\na: [b\n");
}

/* Whatever is shown can be saved again and is stored as it was. */
static void show_and_strip(void **state)
{
	static const char *const texts[] = {"title: x\n", "# c\ntitle: x # d\n\nnotes: |\n  a\n  b\n", "---\ntitle: x\n", "title: x\r\n"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_BUF out = BUF_INIT;
		AUTO_DIAGS d = DIAGS_INIT;
		struct record *r;
		struct record_rule rule = {.pattern = "*"};
		rollup_show("party", "Acme", texts[i], strlen(texts[i]), &out);
		assert_int_equal(record_begin(&(struct record_request){.file = "x", .dir = "", .name = "x.yaml", .text = buf_str(&out),
								       .len = out.len, .before = texts[i], .before_len = strlen(texts[i]),
								       .derived = "party", .rule = &rule},
					      &d, &r),
				 0);
		assert_true(record_unchanged(r));
		record_free(r);
	}
}

static void party_of(const char *text, const char *expected)
{
	AUTO_BUF party = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	int err = rollup_party_of("x", text, strlen(text), &d, &party);
	assert_int_equal(err ? -22 : 0, err);
	assert_string_equal(err ? d.v[0].text : buf_str(&party), expected);
}

static void party_in_the_body(void **state)
{
	static const char missing[] =
		"party: the field is missing: a new row names the folder of archive/ where it is kept; a new party is made in ssr/";
	(void)state;
	party_of("title: x\nparty: Acme.Inc\n", "Acme.Inc");
	party_of("party: 0007\n", "0007");
	party_of("title: x\n", missing);
	party_of("party:\n", missing);
	party_of("party: [Acme]\n", missing);
	party_of("- a\n", missing);
	party_of("party: ../x\n", "party: \"../x\" cannot be a party: use letters, digits, dots and hyphens, a letter or digit first");
	party_of("party: &a x\n", "anchors (&name) are not allowed: write the value out");
}

/* ---- CSV ---- */

static void csv(void **state)
{
	static const char text[] = "title: Rows\ncolumns: [party, title, {field: n, title: N}, l, m]\n";
	static const struct {
		const char *doc, *row;
	} cases[] = {
		{"title: x\nn: 1\n", "Acme,x,1,,\r\n"},
		{"title: 'a, b'\nn: \"say \\\"hi\\\"\"\n", "Acme,\"a, b\",\"say \"\"hi\"\"\",,\r\n"},
		{"title: \"two\\nlines\"\nn: ' x'\n", "Acme,\"two\nlines\",\" x\",,\r\n"},
		{"party: Other\nn:\nother: y\n", "Acme,,,,\r\n"},
		{"l: [a, 1, \"b,c\"]\nm: {a: 1}\n", "Acme,,,\"a; 1; b,c\",\"{\"\"a\"\":1}\"\r\n"},
		{"title: =1+1\nn: -5\n", "Acme,'=1+1,-5,,\r\n"},
		{"title: '-5.5'\nn: '+C1'\nl: '@x'\nm: '-'\n", "Acme,-5.5,'+C1,'@x,-\r\n"},
		{"title: \"=a,b\"\n", "Acme,\"'=a,b\",,,\r\n"},
		{"title: \xc3\xa4\n", "Acme,\xc3\xa4,,,\r\n"},
		{"[no record\n", "Acme,,,,\r\n"},
		{"- a\n", "Acme,,,,\r\n"},
		{"", "Acme,,,,\r\n"},
	};
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF header = BUF_INIT;
	struct table *t;

	(void)state;
	assert_int_equal(table_parse(&a, "table.yaml", text, strlen(text), &d, &t), 0);
	assert_string_equal(table_title(t), "Rows");
	table_csv_header(t, &header);
	assert_string_equal(buf_str(&header), "party,title,n,l,m\r\n");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF row = BUF_INIT;
		table_csv_text(t, cases[i].doc, strlen(cases[i].doc), "party", "Acme", &row);
		assert_string_equal(buf_str(&row), cases[i].row);
	}
	arena_free(&a);
}

static void tables_that_are_none(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"title: x\n", "a table needs columns: a list of 1 to 1000 fields"},
		{"columns: []\n", "a table needs columns: a list of 1 to 1000 fields"},
		{"columns: a\n", "a table needs columns: a list of 1 to 1000 fields"},
		{"- a\n", "a table needs columns: a list of 1 to 1000 fields"},
		{"columns: [a, [b]]\n", "a column is the name of a field, or {field: NAME, title: TEXT}"},
		{"columns: [{title: b}]\n", "a column is the name of a field, or {field: NAME, title: TEXT}"},
		{"columns: [a, b, a]\n", "this column is already there"},
		{"columns: [{field: b, colour: red}]\n", "a table has no key \"colour\" here"},
		{"colums: [a]\ncolumns: [b]\n", "a table has no key \"colums\" here"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = ARENA_INIT;
		AUTO_DIAGS d = DIAGS_INIT;
		struct table *t;
		assert_int_equal(table_parse(&a, "t", cases[i].text, strlen(cases[i].text), &d, &t), -22);
		assert_string_equal(d.v[0].text, cases[i].expected);
		arena_free(&a);
	}
}

/* ---- what is compiled in ---- */

static bool is_true(const struct ynode *form, const char *field, const char *keyword)
{
	bool yes = false;
	const struct ynode *p = ynode_get(ynode_get(form, "properties"), field);
	return p && ynode_bool(ynode_get(p, keyword), &yes) && yes;
}

static void embedded_form(const char *name, const char *text, size_t len)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct schema *s;
	bool more = true;

	if (schema_parse(name, text, len, &d, &s))
		fail_msg("%s:%u: %s", name, d.v[0].line, d.v[0].text);
	for (size_t i = 0; i < RECORD_STAMPS; i++)
		assert_true(is_true(schema_tree(s), record_stamps[i], "readOnly"));
	assert_true(ynode_bool(ynode_get(schema_tree(s), "additionalProperties"), &more) && !more);
	schema_unref(s);
}

/* Every column is a field of the form that the table names. */
static void embedded_table(const char *name, const char *text, size_t len)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF form_name = BUF_INIT;
	struct table *t;
	struct ynode *tree, *form;
	size_t form_len;

	assert_int_equal(table_parse(&a, name, text, len, &d, &t), 0);
	assert_int_equal(ynode_parse(&a, name, text, len, &d, &tree), 0);
	buf_addf(&form_name, "%s.form.yaml", ynode_get(tree, "form")->text);
	const char *form_text = schemas_embedded(buf_str(&form_name), &form_len);
	assert_non_null(form_text);
	assert_int_equal(ynode_parse(&a, name, form_text, form_len, &d, &form), 0);
	for (size_t i = 0; i < table_columns(t); i++)
		if (!ynode_get(ynode_get(form, "properties"), table_column(t, i)))
			fail_msg("%s: the form has no field %s", name, table_column(t, i));
	arena_free(&a);
}

static void embedded(void **state)
{
	const char *name;
	size_t n = 0, len;
	(void)state;
	for (; (name = schemas_embedded_name(n)); n++) {
		const char *text = schemas_embedded(name, &len);
		assert_int_equal(strlen(text), len);
		if (strstr(name, ".form."))
			embedded_form(name, text, len);
		else
			embedded_table(name, text, len);
	}
	assert_int_equal(n, 10);
	assert_null(schemas_embedded("default-none.form.yaml", &len));
}

static void rollup_files(void **state)
{
	AUTO_BUF name = BUF_INIT;
	(void)state;
	schemas_rollup_file("default-mdl", "form", &name);
	schemas_rollup_file("default-ssr", "table", &name);
	schemas_rollup_file("own", "form", &name);
	assert_string_equal(buf_str(&name), "default-project-mdl.form.yamldefault-ssr.table.yamlown.form.yaml");
}

/* ---- names of kept versions ---- */

static void history_names(void **state)
{
	static const char *const bad[] = {
		"", "20260101T000000Z", "20260101T000000Z-1-1a2b3c4d-", "20260101T000000Z-x-1a2b3c4d-a@b", "20261301T000000Z-1-1a2b3c4d-a@b",
		"20260101T000000Z-1-1a2b3c4-a@b", "20260101T000000Z-1-1A2B3C4D-a@b", "20260101 000000Z-1-1a2b3c4d-a@b",
		"20260101T000000Z--1a2b3c4d-a@b", "2026-01-01T00:00:00Z-1-1a2b3c4d-a@b",
	};
	struct history_name h = {1767225600, 12, "1a2b3c4d", "alice-x@example.com"}, again;
	AUTO_BUF name = BUF_INIT, odd = BUF_INIT;

	(void)state;
	history_name_format(&h, &name);
	assert_string_equal(buf_str(&name), "20260101T000000Z-12-1a2b3c4d-alice-x@example.com");
	assert_true(history_name_parse(buf_str(&name), &again));
	assert_true(again.time == h.time && again.revision == 12 && !strcmp(again.sha8, h.sha8) && !strcmp(again.email, h.email));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(history_name_parse(bad[i], &again));
	strcpy(h.email, "a/b\n");
	history_name_format(&h, &odd);
	assert_string_equal(buf_str(&odd), "20260101T000000Z-12-1a2b3c4d-a_b_");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parties), cmocka_unit_test(row_names), cmocka_unit_test(party_names), cmocka_unit_test(typed_names),
		cmocka_unit_test(show), cmocka_unit_test(show_and_strip), cmocka_unit_test(party_in_the_body), cmocka_unit_test(csv),
		cmocka_unit_test(tables_that_are_none), cmocka_unit_test(embedded), cmocka_unit_test(rollup_files), cmocka_unit_test(history_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
