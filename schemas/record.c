/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pipeline of SPEC section 10, without what needs a disk. */
#include "schemas/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "schemas/compose.h"
#include "schemas/form.h"
#include "schemas/yedit.h"

enum { MOST_ROW_DIGITS = 9 };

/* An error about a field; at NULL it is not in the text. */
__attribute__((format(printf, 4, 5))) static void fail(struct record *r, struct diags *d, const struct ynode *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_addv(d, DIAG_ERROR, r->rq.file, at ? at->line : 0, at ? at->col : 0, fmt, ap);
	va_end(ap);
}

/* "locked, archive/.zddc:12" */
static const char *place_in(struct record *r, const char *key, const char *file, const struct ynode *rule)
{
	return file && rule->line ? arena_printf(&r->arena, "%s, %s:%u", key, file, rule->line) : key;
}

static const char *rule_place(struct record *r, const char *key, const struct ynode *rule) { return place_in(r, key, r->rq.rule_file, rule); }

static const char *codes_place(struct record *r, const struct ynode *code)
{
	const char *file = r->rq.codes_file ? r->rq.codes_file(r->rq.codes_arg, code->key->text) : r->rq.rule_file;
	return place_in(r, "field_codes", file, code);
}

/* ---- reading ---- */

static int parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct ynode **out)
{
	int err = ynode_parse(a, file, text, len, d, out);
	if (err || ((*out)->kind == Y_MAP && (*out)->n <= YAML_MOST_FIELDS))
		return err;
	if ((*out)->kind == Y_MAP)
		diag_add(d, DIAG_ERROR, file, 0, 0, "a record with more than %d fields: make several of it", YAML_MOST_FIELDS);
	else
		diag_add(d, DIAG_ERROR, file, (*out)->line, (*out)->col, "a record is a YAML mapping: lines of \"field: value\"");
	return -EINVAL;
}

static void read_before(struct record *r)
{
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct ynode *before;
	if (r->rq.before && !parse(&r->arena, r->rq.file, r->rq.before, r->rq.before_len, &ignored, &before))
		r->before = before;
}

/* The client wrote what is there already; a derived field that the rollup showed does not count. */
static bool is_unchanged(struct record *r)
{
	AUTO_BUF stored = BUF_INIT;
	const char *text = r->rq.text;
	size_t len = r->rq.len;
	if (!r->rq.before || r->rq.moves)
		return false;
	if (r->rq.derived && ynode_get(r->written, r->rq.derived)) {
		struct ynode *without = yaml_copy_top(&r->arena, r->written);
		yaml_remove(without, r->rq.derived);
		yaml_edit(text, len, r->written, without, &stored);
		text = buf_str(&stored);
		len = stored.len;
	}
	return len == r->rq.before_len && !memcmp(text, r->rq.before, len);
}

/* ---- fields that are not the client's ---- */

static bool is_read_only(const struct schema *s, const char *field)
{
	const struct ynode *properties = s ? ynode_get(s->tree, "properties") : NULL, *p = properties ? ynode_get(properties, field) : NULL;
	bool yes;
	return p && p->kind == Y_MAP && ynode_bool(ynode_get(p, "readOnly"), &yes) && yes;
}

static void strip(struct record *r)
{
	ynode_each(m, r->written) {
		const char *field = m->key->text;
		bool derived = r->rq.derived && !strcmp(field, r->rq.derived);
		if (derived || record_is_stamp(field) || is_read_only(r->rq.schema, field))
			yaml_remove(r->doc, field);
	}
}

/* A value from elsewhere: the lines of the policy or of an earlier revision mean nothing in this text. */
static void set_given(struct record *r, const char *field, const struct ynode *value)
{
	struct ynode given = *value;
	given.line = given.col = 0;
	yaml_set(&r->arena, r->doc, field, &given);
}

static void inject(struct record *r, const struct ynode *values)
{
	ynode_each(m, values)
		if (!ynode_get(r->doc, m->key->text))
			set_given(r, m->key->text, m);
}

/* An existing row keeps its number when a client leaves it out. */
static void keep_row(struct record *r)
{
	const char *field = r->rq.rule->row_field;
	const struct ynode *old = field && r->before ? ynode_get(r->before, field) : NULL;
	if (old && !ynode_get(r->doc, field))
		set_given(r, field, old);
}

/* ---- folder_fields ---- */

/* The n-th name of the path from its end (0: the last), or NULL. */
static const char *segment_up(struct arena *a, const char *dir, long long up)
{
	const char *end = dir + strlen(dir);
	while (end > dir) {
		const char *slash = memrchr(dir, '/', (size_t)(end - dir)), *name = slash ? slash + 1 : dir;
		if (!up--)
			return arena_strndup(a, name, (size_t)(end - name));
		end = slash ? slash : dir;
	}
	return NULL;
}

/* The name behind the deepest folder that is called 'folder', or NULL. */
static const char *segment_below(struct arena *a, const char *dir, const char *folder)
{
	const char *below = NULL, *name;
	for (long long up = 0; (name = segment_up(a, dir, up)); up++) {
		if (str_ieq(name, folder))
			return below;
		below = name;
	}
	return NULL;
}

/* "archive" or "archive/" and a star: the folder directly below archive/; 1: the parent of the record's own folder. */
static const char *folder_value(struct record *r, const struct ynode *where)
{
	long long up;
	if (ynode_int(where, &up))
		return up >= 0 ? segment_up(&r->arena, r->rq.dir, up) : NULL;
	if (where->kind != Y_SCALAR || where->type != Y_STR)
		return NULL;
	size_t n = where->len - (str_ends(where->text, "/*") ? 2 : 0);
	return segment_below(&r->arena, r->rq.dir, arena_strndup(&r->arena, where->text, n));
}

static void set_folder_fields(struct record *r, struct diags *d)
{
	ynode_each(m, r->rq.rule->folder_fields) {
		const char *value = folder_value(r, m);
		if (value)
			yaml_set(&r->arena, r->doc, m->key->text, yaml_text(&r->arena, value));
		else
			fail(r, d, NULL,
			     "%s: no folder above %s is meant by \"%s\" (%s): write how many levels up, or FOLDER/* for the one below FOLDER",
			     m->key->text, r->rq.dir, m->kind == Y_SCALAR ? m->text : "a list or map", rule_place(r, "folder_fields", m));
	}
}

/* ---- locked, field_codes ---- */

static void check_locked(struct record *r, struct diags *d)
{
	ynode_each(m, r->rq.rule->locked) {
		const struct ynode *v = ynode_get(r->doc, m->key->text);
		if (v && !schema_equal(v, m))
			fail(r, d, v, "%s: \"%s\" is not allowed (%s): it can only be %s", m->key->text,
			     v->kind == Y_SCALAR ? v->text : "a list or map", rule_place(r, "locked", m), m->kind == Y_SCALAR ? m->text : "that");
	}
}

/* Codes are a list, or a map of codes to their meanings. Adds them to 'list'; true if the value is one. */
static bool is_code(const struct ynode *codes, const struct ynode *v, struct buf *list)
{
	size_t n = 0;
	bool found = false;
	ynode_each(m, codes) {
		const struct ynode *code = codes->kind == Y_MAP ? m->key : m;
		if (code->kind != Y_SCALAR)
			continue;
		found = found || !strcmp(code->text, v->text);
		if (n++ < 30)
			buf_addf(list, "%s%s", n > 1 ? ", " : "", code->text);
	}
	if (n > 30)
		buf_addf(list, " and %zu more", n - 30);
	return found;
}

static void check_code_pattern(struct record *r, struct diags *d, const struct ynode *code, const struct ynode *v)
{
	const struct ynode *text = ynode_get(code, "pattern");
	const char *field = code->key->text, *place = codes_place(r, code);
	char why[160];
	if (!text || text->kind != Y_SCALAR)
		return;
	struct pattern *p = pattern_new(text->text, text->len, why);
	if (!p)
		fail(r, d, NULL, "%s: the pattern of its codes (%s) is no regular expression: %s", field, place, why);
	else if (pattern_whole(p, v->text, v->len) != PATTERN_YES)
		fail(r, d, v, "%s: \"%s\" is no code (%s): it must match %s", field, v->text, place, text->text);
	pattern_free(p);
}

static void check_codes(struct record *r, struct diags *d)
{
	ynode_each(code, r->rq.field_codes) {
		const struct ynode *v = ynode_get(r->doc, code->key->text), *kind = ynode_get(code, "kind");
		const char *word = kind && kind->kind == Y_SCALAR ? kind->text : "free";
		AUTO_BUF list = BUF_INIT;
		if (!v || v->kind != Y_SCALAR || v->type == Y_NULL)
			continue;
		if (!strcmp(word, "pattern"))
			check_code_pattern(r, d, code, v);
		else if (!strcmp(word, "enum") && !is_code(ynode_get(code, "codes"), v, &list))
			fail(r, d, v, "%s: \"%s\" is no code (%s): use one of %s", code->key->text, v->text, codes_place(r, code),
			     buf_str(&list));
	}
}

/* ---- the first half: all that can be refused ---- */

static void check(struct record *r, struct diags *d)
{
	AUTO_BUF why = BUF_INIT;
	const struct record_rule *rule = r->rq.rule;
	strip(r);
	if (rule->field_defaults)
		inject(r, rule->field_defaults);
	if (rule->locked)
		inject(r, rule->locked);
	keep_row(r);
	if (rule->folder_fields)
		set_folder_fields(r, d);
	if (rule->locked)
		check_locked(r, d);
	if (r->rq.field_codes)
		check_codes(r, d);
	if (r->rq.schema)
		schema_check(r->rq.schema, r->rq.file, r->doc, d);
	if (rule->filename_format && compose_check(rule->filename_format, &why))
		fail(r, d, NULL, "%s (%s)", buf_str(&why), rule_place(r, "filename_format", rule->node));
}

int record_begin(const struct record_request *rq, struct diags *d, struct record **out)
{
	struct ynode *tree;
	size_t errors = d->errors;
	struct record *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->rq = *rq;
	if (!parse(&r->arena, rq->file, rq->text, rq->len, d, &tree)) {
		r->written = tree;
		r->doc = yaml_copy_top(&r->arena, tree);
		read_before(r);
		r->unchanged = is_unchanged(r);
		check(r, d);
	}
	if (d->errors == errors) {
		*out = r;
		return 0;
	}
	diags_sort(d);
	record_free(r);
	return -EINVAL;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	arena_free(&r->arena);
	free(r);
}

bool record_unchanged(const struct record *r) { return r->unchanged; }
bool record_wants_row(const struct record *r) { return r->rq.rule->row_field && !r->rq.name; }

/* ---- rows ---- */

static void scope_of(const struct record_rule *rule, const struct ynode *doc, char out[SHA256_HEX])
{
	AUTO_BUF text = BUF_INIT;
	unsigned char sha[SHA256_LEN];
	buf_addc(&text, '[');
	ynode_each(field, rule->row_scope_fields) {
		const struct ynode *v = field->kind == Y_SCALAR ? ynode_get(doc, field->text) : NULL;
		json_sep(&text);
		/* an empty optional part and one that is not there make the same name, so the same group */
		json_str(&text, v && v->kind == Y_SCALAR && v->len && v->type != Y_NULL ? v->text : NULL);
	}
	buf_addc(&text, ']');
	sha256(buf_str(&text), text.len, sha);
	sha256_hex(sha, out);
}

void record_scope(const struct record *r, char out[SHA256_HEX]) { scope_of(r->rq.rule, r->doc, out); }

bool record_row_of(const struct record_rule *rule, const char *text, size_t len, char scope[SHA256_HEX], unsigned long *row)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct ynode *doc;
	bool found = false;
	if (rule->row_field && !parse(&a, "", text, len, &ignored, &doc)) {
		const struct ynode *v = ynode_get(doc, rule->row_field);
		found = v && v->kind == Y_SCALAR && v->len && v->len <= MOST_ROW_DIGITS && !v->text[strspn(v->text, "0123456789")];
		if (found) {
			*row = strtoul(v->text, NULL, 10);
			scope_of(rule, doc, scope);
		}
	}
	arena_free(&a);
	return found;
}

/* ---- the second half: row, name, stamps ---- */

static int compose(struct record *r, struct diags *d, struct buf *name)
{
	AUTO_BUF why = BUF_INIT, composed = BUF_INIT;
	const struct ynode *field;
	if (!r->rq.rule->filename_format) {
		buf_adds(name, r->rq.name ? r->rq.name : "");
		return 0;
	}
	if (compose_name(r->rq.rule->filename_format, r->doc, &composed, &field, &why)) {
		fail(r, d, field, "%s (%s)", buf_str(&why), rule_place(r, "filename_format", r->rq.rule->node));
		return -EINVAL;
	}
	if (r->rq.name && strcmp(r->rq.name, buf_str(&composed))) {
		fail(r, d, NULL, "these fields make the name %s, and the record is %s: a record keeps its name, make a new one instead",
		     buf_str(&composed), r->rq.name);
		return -EINVAL;
	}
	buf_adds(name, buf_str(&composed));
	return 0;
}

int record_finish(struct record *r, unsigned long row, struct diags *d, struct buf *name, struct buf *text)
{
	size_t start = text->len;
	if (record_wants_row(r))
		yaml_set(&r->arena, r->doc, r->rq.rule->row_field, yaml_text(&r->arena, arena_printf(&r->arena, "%03lu", row)));
	int err = compose(r, d, name);
	if (err)
		return err;
	if (r->unchanged) {
		buf_add(text, r->rq.before, r->rq.before_len);
		return 0;
	}
	record_stamp(r);
	yaml_edit(r->rq.text, r->rq.len, r->written, r->doc, text);
	if (text->len - start <= LIMIT_DOC_BYTES)
		return 0;
	fail(r, d, NULL, "with its audit fields the record would be over 1 MiB: shorten it");
	return -EINVAL;
}

int record_name(const struct record_rule *rule, const char *file, const char *text, size_t len, struct diags *d, struct buf *name)
{
	struct record r = {.rq = {.file = file, .rule = rule}};
	struct ynode *doc;
	int err = parse(&r.arena, file, text, len, d, &doc);
	if (!err) {
		r.doc = doc;
		err = compose(&r, d, name);
	}
	arena_free(&r.arena);
	return err;
}
