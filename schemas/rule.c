/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rule of records: a file has, and which form. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

bool record_never(const char *name) { return name[0] == '.' || !strcmp(name, "form.yaml") || !strcmp(name, "table.yaml"); }

/* Is pattern a a better match than b? Both match. */
static bool better(const char *a, const char *b)
{
	bool wild_a = strpbrk(a, "*?") != NULL, wild_b = strpbrk(b, "*?") != NULL;
	if (wild_a != wild_b)
		return wild_b;
	size_t n = strlen(a), m = strlen(b);
	return n != m ? n > m : strcmp(a, b) < 0;
}

static const char *text_of(const struct ynode *n) { return n && n->kind == Y_SCALAR && n->type == Y_STR && n->len ? n->text : NULL; }

static const struct ynode *of_kind(const struct ynode *n, enum ykind kind) { return n && n->kind == kind ? n : NULL; }

bool record_rule_find(const struct ynode *records, const char *name, struct record_rule *out)
{
	const struct ynode *best = NULL;
	if (!records || records->kind != Y_MAP || record_never(name))
		return false;
	ynode_each(m, records)
		if (m->kind == Y_MAP && str_glob(m->key->text, name, GLOB_BYTE) && (!best || better(m->key->text, best->key->text)))
			best = m;
	if (!best)
		return false;
	*out = (struct record_rule){
		.pattern = best->key->text,
		.node = best,
		.filename_format = text_of(ynode_get(best, "filename_format")),
		.row_field = text_of(ynode_get(best, "row_field")),
		.schema = ynode_get(best, "schema"),
		.field_defaults = of_kind(ynode_get(best, "field_defaults"), Y_MAP),
		.locked = of_kind(ynode_get(best, "locked"), Y_MAP),
		.row_scope_fields = of_kind(ynode_get(best, "row_scope_fields"), Y_LIST),
		.folder_fields = of_kind(ynode_get(best, "folder_fields"), Y_MAP),
	};
	return true;
}

const char *record_rule_form(const struct record_rule *rule) { return text_of(rule->schema); }

static int built_in(const struct record_rule *rule, struct diags *d, struct schema **out)
{
	AUTO_BUF file = BUF_INIT;
	size_t len;
	buf_addf(&file, "%s.form.yaml", record_rule_form(rule));
	const char *text = schemas_embedded(buf_str(&file), &len);
	if (text)
		return schema_parse(buf_str(&file), text, len, d, out);
	diag_add(d, DIAG_ERROR, NULL, rule->schema->line, rule->schema->col,
		 "schema: there is no form \"%s\": use default-mdl, default-rsk or default-ssr, write the form out, or put a form.yaml beside "
		 "the records",
		 record_rule_form(rule));
	return -EINVAL;
}

/* A form that the policy spells out. */
static int written_out(const struct record_rule *rule, struct diags *d, struct schema **out)
{
	AUTO_BUF text = BUF_INIT;
	yemit_node(&text, rule->schema, 0);
	return schema_parse("schema", buf_str(&text), text.len, d, out);
}

int record_schema(const struct record_rule *rule, const char *own_file, const char *own, size_t own_len, struct diags *d,
		  struct schema **out)
{
	*out = NULL;
	if (own)
		return schema_parse(own_file, own, own_len, d, out);
	if (record_rule_form(rule))
		return built_in(rule, d, out);
	if (rule->schema && rule->schema->kind == Y_MAP)
		return written_out(rule, d, out);
	if (!rule->schema)
		return 0;
	diag_add(d, DIAG_ERROR, NULL, rule->schema->line, rule->schema->col, "schema: write the name of a form, or the form itself");
	return -EINVAL;
}
