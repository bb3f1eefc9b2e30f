/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libFuzzer on forms, on YAML to record, on the composer and on the rollup's texts. The input is up to three texts, separated by a
 * line "====": the record, the revision before it, a form (else one of those compiled in, chosen by the record's first byte).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static const char policy[] =
	"records:\n"
	"  '*': {schema: default-rsk, filename_format: 'R{originator?}-{project?}_{area?}-{title?}-{row}', field_defaults: {type: RSK, l: [a]},\n"
	"        locked: {type: RSK}, row_field: row, row_scope_fields: [originator, area], folder_fields: {project: 1, area: archive/*}}\n"
	"field_codes: {originator: {kind: pattern, pattern: '[A-Z ]*'}, discipline: {kind: enum, codes: [EL, ME]}}\n";

struct part {
	const char *s;
	size_t n;
};

static size_t split(const char *s, size_t n, struct part out[3])
{
	static const char mark[] = "\n====\n";
	size_t count = 0;
	while (count < 2) {
		const char *at = memmem(s, n, mark, 6);
		if (!at)
			break;
		out[count++] = (struct part){s, (size_t)(at - s)};
		n -= (size_t)(at + 6 - s);
		s = at + 6;
	}
	out[count++] = (struct part){s, n};
	return count;
}

static struct schema *form_of(const struct part *p, size_t n, struct diags *d)
{
	struct schema *s = NULL;
	size_t len;
	if (n > 2)
		return schema_parse("form", p[2].s, p[2].n, d, &s) ? NULL : s;
	if (p[0].n && p[0].s[0] % 4 == 0)
		return NULL;
	const char *name = p[0].n && p[0].s[0] % 4 == 1 ? "default-mdl.form.yaml" : "default-rsk.form.yaml";
	const char *text = schemas_embedded(name, &len);
	must(!schema_parse(name, text, len, d, &s));
	return s;
}

/* What is stored is a record that says what it should. */
static void check_stored(const struct record_rule *rule, const struct buf *name, const struct buf *text, bool first)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF again = BUF_INIT;
	struct ynode *tree;
	long long revision;
	char scope[SHA256_HEX];
	unsigned long row;

	must(text->len <= LIMIT_DOC_BYTES);
	must(!ynode_parse(&a, "stored", buf_str(text), text->len, &d, &tree) && tree->kind == Y_MAP);
	must(ynode_int(ynode_get(tree, "revision"), &revision) && (!first || revision == 1));
	must(!strcmp(ynode_get(tree, "updated_by")->text, "alice@example.com"));
	must((ynode_get(tree, "previous_sha") != NULL) == !first);
	must(!ynode_get(tree, "party"));
	must(name->len && name->len <= 255 && !strchr(buf_str(name), '/') && buf_str(name)[0] != '.');
	must(!record_name(rule, "stored", buf_str(text), text->len, &d, &again) && !strcmp(buf_str(&again), buf_str(name)));
	if (first)
		must(record_row_of(rule, buf_str(text), text->len, scope, &row) && row == 42);
	arena_free(&a);
}

/* Shown in a rollup it has one field more, and saved again from there it is what it was. */
static void check_shown(const struct record_rule *rule, const struct buf *name, const struct buf *text)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF shown = BUF_INIT;
	struct ynode *stored, *tree;
	struct record *r;
	struct record_request rq = {.file = "x", .dir = "a/archive/b", .name = buf_str(name), .before = buf_str(text), .before_len = text->len,
				    .derived = "party", .rule = rule};

	rollup_show("party", "Acme", buf_str(text), text->len, &shown);
	if (shown.len > LIMIT_DOC_BYTES)
		return;
	must(!ynode_parse(&a, "shown", buf_str(&shown), shown.len, &d, &tree));
	must(!ynode_parse(&a, "stored", buf_str(text), text->len, &d, &stored));
	must(!strcmp(ynode_get(tree, "party")->text, "Acme") && tree->n == stored->n + 1);
	ynode_each(m, stored)
		must(ynode_equal(m, ynode_get(tree, m->key->text)));
	rq.text = buf_str(&shown);
	rq.len = shown.len;
	if (!record_begin(&rq, &d, &r)) {
		must(record_unchanged(r) || stored->flow || memchr(buf_str(text), '\r', text->len));
		record_free(r);
	}
	arena_free(&a);
}

/* The short way to a row of CSV gives what the long way does. */
static void check_csv(const struct part *p)
{
	static const char columns[] = "columns: [title, party, a, b, originator, notes, revision, row, c]\n";
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF quick = BUF_INIT, slow = BUF_INIT;
	struct table *t;
	struct ynode *doc = NULL;

	must(!table_parse(&a, "table", columns, strlen(columns), &d, &t));
	table_csv_text(t, p->s, p->n, "party", "Acme", &quick);
	if (ynode_parse(&a, "doc", p->s, p->n, &d, &doc))
		doc = NULL;
	table_csv_row(t, doc, "party", "Acme", &slow);
	must(quick.len == slow.len && !memcmp(buf_str(&quick), buf_str(&slow), slow.len));
	arena_free(&a);
}

static void commit(const struct record_rule *rule, const struct ynode *codes, const struct schema *s, const struct part *p, size_t n)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF name = BUF_INIT, text = BUF_INIT;
	struct record *r = NULL;
	struct record_request rq = {.file = "x", .dir = "Demo/archive/Acme/rsk", .text = p[0].s, .len = p[0].n, .derived = "party",
				    .rule = rule, .rule_file = ".zddc", .field_codes = codes, .schema = s, .now = 1767225600,
				    .principal = "alice@example.com"};
	if (n > 1) {
		rq.before = p[1].s;
		rq.before_len = p[1].n;
	}
	int err = record_begin(&rq, &d, &r);
	must((err != 0) == (d.errors > 0));
	bool changed = !err && !record_unchanged(r);
	if (!err)
		err = record_finish(r, 42, &d, &name, &text);
	must((err != 0) == (d.errors > 0));
	if (!err && changed) {
		check_stored(rule, &name, &text, n == 1);
		check_shown(rule, &name, &text);
	}
	record_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct part p[3];
	struct record_rule rule;
	struct ynode *tree;
	char *text = malloc(size ? size : 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	size_t n = split(text, size, p);
	must(!ynode_parse(&a, "policy", policy, strlen(policy), &d, &tree));
	must(record_rule_find(ynode_get(tree, "records"), "x", &rule));
	struct schema *s = form_of(p, n, &d);
	commit(&rule, ynode_get(tree, "field_codes"), s, p, n);
	check_csv(&p[0]);
	schema_unref(s);
	arena_free(&a);
	free(text);
	return 0;
}
