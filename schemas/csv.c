/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.yaml, and the rows of a register as RFC 4180 has them. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"
#include "schemas/flat.h"
#include "schemas/schemas.h"

struct table {
	const char *title;
	const char **columns;
	size_t n;
};

/* ---- table.yaml ---- */

static bool is_text(const struct ynode *n) { return n && n->kind == Y_SCALAR && n->len; }

static void complain(struct diags *d, const char *file, const struct ynode *at, const char *text)
{
	diag_add(d, DIAG_ERROR, file, at->line, at->col, "%s", text);
}

/* Keys that a table or a column may have; others are mistakes. */
static void check_keys(struct diags *d, const char *file, const struct ynode *map, const char *const *known, size_t n)
{
	ynode_each(m, map) {
		size_t i = 0;
		while (i < n && strcmp(known[i], m->key->text))
			i++;
		if (i == n)
			diag_add(d, DIAG_ERROR, file, m->key->line, m->key->col, "a table has no key \"%s\" here", m->key->text);
	}
}

/* "- originator" or "- {field: originator, title: Originator}" */
static const char *column_field(struct diags *d, const char *file, const struct ynode *n)
{
	static const char *const known[] = {"field", "title", "width"};
	if (n->kind == Y_MAP)
		check_keys(d, file, n, known, 3);
	const struct ynode *field = n->kind == Y_MAP ? ynode_get(n, "field") : n;
	if (!is_text(field)) {
		complain(d, file, n, "a column is the name of a field, or {field: NAME, title: TEXT}");
		return "";
	}
	return field->text;
}

static void read_columns(struct arena *a, struct diags *d, const char *file, const struct ynode *list, struct table *t)
{
	t->columns = arena_array(a, const char *, list->n);
	ynode_each(m, list) {
		const char *field = column_field(d, file, m);
		for (size_t i = 0; i < t->n; i++)
			if (*field && !strcmp(t->columns[i], field))
				complain(d, file, m, "this column is already there");
		t->columns[t->n++] = arena_strdup(a, field);
	}
}

int table_parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct table **out)
{
	static const char *const known[] = {"title", "form", "columns", "description"};
	size_t errors = d->errors;
	struct ynode *tree;
	if (ynode_parse(a, file, text, len, d, &tree))
		return -EINVAL;
	const struct ynode *columns = tree->kind == Y_MAP ? ynode_get(tree, "columns") : NULL;
	struct table *t = arena_new(a, struct table);
	if (!columns || columns->kind != Y_LIST || !columns->n || columns->n > 1000) {
		complain(d, file, tree, "a table needs columns: a list of 1 to 1000 fields");
		return -EINVAL;
	}
	check_keys(d, file, tree, known, 4);
	t->title = is_text(ynode_get(tree, "title")) ? ynode_get(tree, "title")->text : "";
	read_columns(a, d, file, columns, t);
	*out = t;
	return d->errors > errors ? -EINVAL : 0;
}

const char *table_title(const struct table *t) { return t->title; }
size_t table_columns(const struct table *t) { return t->n; }
const char *table_column(const struct table *t, size_t i) { return t->columns[i]; }

/* ---- cells ---- */

/*
 * A text that a spreadsheet would take for a formula gets an apostrophe in front, which it shows as text. Numbers are left alone.
 */
static bool is_formula(const char *s)
{
	if (*s == '=' || *s == '@' || *s == '\t' || *s == '\r')
		return true;
	if (*s != '+' && *s != '-')
		return false;
	enum yscalar type = ynode_plain_type(s);
	return s[1] && type != Y_INT && type != Y_FLOAT;
}

void csv_cell(struct buf *out, const char *text, bool guard)
{
	size_t n = strlen(text);
	bool formula = guard && is_formula(text);
	bool quote = strpbrk(text, ",\"\r\n") || (n && (text[0] == ' ' || text[n - 1] == ' '));
	if (quote)
		buf_addc(out, '"');
	if (formula)
		buf_addc(out, '\'');
	if (!quote) {
		buf_add(out, text, n);
		return;
	}
	for (; *text; text++) {
		if (*text == '"')
			buf_addc(out, '"');
		buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

/* A list of plain values is joined; anything deeper is shown as JSON-like text. */
static void add_value(struct buf *out, const struct ynode *v)
{
	AUTO_BUF text = BUF_INIT;
	bool plain = v->kind == Y_LIST;
	if (v->kind == Y_SCALAR) {
		csv_cell(out, v->type == Y_NULL ? "" : v->text, v->type == Y_STR);
		return;
	}
	ynode_each(m, v)
		plain = plain && m->kind == Y_SCALAR;
	if (!plain)
		yemit_canonical(&text, v);
	else
		ynode_each(m, v)
			buf_addf(&text, "%s%s", m == v->child ? "" : "; ", m->text);
	csv_cell(out, buf_str(&text), true);
}

static void end_cell(const struct table *t, size_t i, struct buf *out) { buf_adds(out, i + 1 < t->n ? "," : "\r\n"); }

void table_csv_header(const struct table *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		csv_cell(out, t->columns[i], true);
		end_cell(t, i, out);
	}
}

void table_csv_row(const struct table *t, const struct ynode *doc, const char *derived, const char *value, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct ynode *v = doc && doc->kind == Y_MAP ? ynode_get(doc, t->columns[i]) : NULL;
		if (derived && !strcmp(t->columns[i], derived))
			csv_cell(out, value, true);
		else if (v)
			add_value(out, v);
		end_cell(t, i, out);
	}
}

static void flat_row(const struct table *t, const struct flat *f, const char *derived, const char *value, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct flat_field *v = flat_get(f, t->columns[i]);
		if (derived && !strcmp(t->columns[i], derived))
			csv_cell(out, value, true);
		else if (v)
			csv_cell(out, v->type == Y_NULL ? "" : v->text, v->type == Y_STR);
		end_cell(t, i, out);
	}
}

void table_csv_text(const struct table *t, const char *text, size_t len, const char *derived, const char *value, struct buf *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct ynode *doc = NULL;
	struct flat flat;
	bool is_flat = flat_read(text, len, &flat);
	if (is_flat)
		flat_row(t, &flat, derived, value, out);
	flat_free(&flat);
	if (is_flat)
		return;
	if (ynode_parse(&a, "", text, len, &ignored, &doc))
		doc = NULL;
	table_csv_row(t, doc, derived, value, out);
	arena_free(&a);
}
