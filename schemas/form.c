/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a form: every keyword by the kind of its argument, then the local references. All errors are collected. */
#include "schemas/form.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "schemas/schemas.h"

enum argument {
	ARG_DIALECT, ARG_TEXT, ARG_ANY, ARG_BOOL, ARG_TYPES, ARG_VALUES, ARG_NUMBER, ARG_DIVISOR, ARG_COUNT, ARG_REGEX, ARG_FORMAT,
	ARG_NAMES, ARG_SCHEMA, ARG_SCHEMAS, ARG_SCHEMA_MAP, ARG_PATTERN_MAP, ARG_REF,
};

#define KEYWORD(id, word, argument, check, meaning) word,
const char *const schema_keywords[KEYWORD_COUNT] = {
#include "schemas/keywords.def"
};
#undef KEYWORD
#define KEYWORD(id, word, argument, check, meaning) meaning,
const char *const schema_keyword_meanings[KEYWORD_COUNT] = {
#include "schemas/keywords.def"
};
#undef KEYWORD
#define KEYWORD(id, word, argument, check, meaning) ARG_##argument,
static const enum argument arguments[KEYWORD_COUNT] = {
#include "schemas/keywords.def"
};
#undef KEYWORD

static const char *const type_words[] = {"null", "boolean", "string", "array", "object", "number", "integer"};

struct compile {
	struct schema *schema;
	struct diags *diags;
};

__attribute__((format(printf, 3, 4))) static void fail(struct compile *c, const struct ynode *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_addv(c->diags, DIAG_ERROR, c->schema->file, at->line, at->col, fmt, ap);
	va_end(ap);
}

const char *schema_type_word(unsigned bit)
{
	size_t i = 0;
	while (i < ARRAY_LEN(type_words) - 1 && bit != 1u << i)
		i++;
	return type_words[i];
}

static bool is_text(const struct ynode *n) { return n->kind == Y_SCALAR && n->type == Y_STR; }

/* True if it is the kind that the keyword needs; complains otherwise. */
static bool want(struct compile *c, const struct ynode *n, bool is, const char *what)
{
	if (!is)
		fail(c, n, "\"%s\" needs %s", n->key->text, what);
	return is;
}

/* ---- plain arguments ---- */

static unsigned type_bit(struct compile *c, const struct ynode *n)
{
	for (size_t i = 0; is_text(n) && i < ARRAY_LEN(type_words); i++)
		if (!strcmp(n->text, type_words[i]))
			return 1u << i;
	fail(c, n, "\"type\" is one of null, boolean, integer, number, string, array, object, or a list of these");
	return 0;
}

static void read_types(struct compile *c, struct rule *r)
{
	if (r->arg->kind == Y_SCALAR)
		r->types = type_bit(c, r->arg);
	else if (want(c, r->arg, r->arg->kind == Y_LIST && r->arg->n, "a type or a list of types"))
		ynode_each(m, r->arg)
			r->types |= type_bit(c, m);
}

static void read_number(struct compile *c, struct rule *r)
{
	struct decimal d;
	if (!want(c, r->arg, decimal_of(r->arg, &d), "a number"))
		return;
	if (arguments[r->id] == ARG_DIVISOR)
		want(c, r->arg, d.n && !d.negative && d.n <= 18, "a number over 0 with at most 18 digits");
	else if (arguments[r->id] == ARG_COUNT && want(c, r->arg, decimal_whole(&d) && !d.negative && d.point < 16, "a whole number, 0 or more"))
		for (long long i = 0; i < d.point; i++)
			r->count = r->count * 10 + (i < (long long)d.n ? (unsigned)(d.digits[i] - '0') : 0);
}

static const struct pattern *compile_pattern(struct compile *c, const struct ynode *at, const char *text, size_t len)
{
	char why[160];
	struct pattern *p = pattern_new(text, len, why);
	if (!p) {
		fail(c, at, "\"%s\" is no regular expression: %s", text, why);
		return NULL;
	}
	pattern_chain(p, c->schema->patterns);
	c->schema->patterns = p;
	return p;
}

static void read_regex(struct compile *c, struct rule *r)
{
	if (!want(c, r->arg, is_text(r->arg), "a regular expression in quotes"))
		return;
	const struct pattern **v = arena_array(&c->schema->arena, const struct pattern *, 1);
	v[0] = compile_pattern(c, r->arg, r->arg->text, r->arg->len);
	r->patterns = v;
}

static void read_format(struct compile *c, struct rule *r)
{
	if (!want(c, r->arg, is_text(r->arg), "the name of a format"))
		return;
	r->format = schema_format_find(r->arg->text);
	if (!r->format)
		fail(c, r->arg, "the format \"%s\" is not supported: use date, date-time, email or uri, or a pattern", r->arg->text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp((*(const struct ynode *const *)a)->text, (*(const struct ynode *const *)b)->text);
}

static void read_names(struct compile *c, struct rule *r)
{
	size_t n = 0;
	if (!want(c, r->arg, r->arg->kind == Y_LIST, "a list of names of fields"))
		return;
	AUTO_FREE const struct ynode **v = malloc((r->arg->n + 1) * sizeof(*v));
	if (!v)
		abort();
	ynode_each(m, r->arg) {
		if (!is_text(m))
			fail(c, m, "\"%s\" is a list of names of fields: put this one in quotes", r->arg->key->text);
		else
			v[n++] = m;
	}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(v[i - 1]->text, v[i]->text))
			fail(c, v[i], "\"%s\" names \"%s\" twice", r->arg->key->text, v[i]->text);
}

static void read_dialect(struct compile *c, struct rule *r)
{
	static const char known[] = "https://json-schema.org/draft/2020-12/schema";
	if (!is_text(r->arg) || strcmp(r->arg->text, known))
		fail(c, r->arg, "\"$schema\" can only be %s", known);
}

/* ---- sub-schemas ---- */

static struct subschema *read_schema(struct compile *c, const struct ynode *n);

static struct subschema **new_list(struct compile *c, size_t n) { return arena_array(&c->schema->arena, struct subschema *, n ? n : 1); }

static void read_members(struct compile *c, struct rule *r)
{
	size_t i = 0;
	r->schemas = new_list(c, r->arg->n);
	ynode_each(m, r->arg)
		r->schemas[i++] = read_schema(c, m);
}

static void read_pattern_map(struct compile *c, struct rule *r)
{
	size_t i = 0;
	const struct pattern **v = arena_array(&c->schema->arena, const struct pattern *, r->arg->n ? r->arg->n : 1);
	ynode_each(m, r->arg)
		v[i++] = compile_pattern(c, m->key, m->key->text, m->key->len);
	r->patterns = v;
	read_members(c, r);
}

static void read_argument(struct compile *c, struct rule *r)
{
	const struct ynode *n = r->arg;
	switch (arguments[r->id]) {
	case ARG_DIALECT: read_dialect(c, r); break;
	case ARG_TEXT: want(c, n, is_text(n), "a text"); break;
	case ARG_ANY: break;
	case ARG_BOOL: want(c, n, ynode_bool(n, &r->flag), "true or false"); break;
	case ARG_TYPES: read_types(c, r); break;
	case ARG_VALUES: want(c, n, n->kind == Y_LIST && n->n, "a list of values"); break;
	case ARG_NUMBER:
	case ARG_DIVISOR:
	case ARG_COUNT: read_number(c, r); break;
	case ARG_REGEX: read_regex(c, r); break;
	case ARG_FORMAT: read_format(c, r); break;
	case ARG_NAMES: read_names(c, r); break;
	case ARG_SCHEMA:
		r->schemas = new_list(c, 1);
		r->schemas[0] = read_schema(c, n);
		break;
	case ARG_SCHEMAS:
		if (want(c, n, n->kind == Y_LIST && n->n, "a list of schemas"))
			read_members(c, r);
		break;
	case ARG_SCHEMA_MAP:
		if (want(c, n, n->kind == Y_MAP, "a map of names to schemas"))
			read_members(c, r);
		break;
	case ARG_PATTERN_MAP:
		if (want(c, n, n->kind == Y_MAP, "a map of regular expressions to schemas"))
			read_pattern_map(c, r);
		break;
	case ARG_REF: want(c, n, is_text(n), "a place in this file: \"#/$defs/name\""); break;
	}
}

static bool keyword_find(const char *word, enum keyword *out)
{
	for (enum keyword k = 0; k < KEYWORD_COUNT; k++)
		if (!strcmp(schema_keywords[k], word)) {
			*out = k;
			return true;
		}
	return false;
}

static void unknown_keyword(struct compile *c, const struct ynode *key)
{
	const char *near = str_nearest(key->text, schema_keywords, KEYWORD_COUNT);
	if (near)
		fail(c, key, "the keyword \"%s\" is not supported: did you mean \"%s\"?", key->text, near);
	else
		fail(c, key, "the keyword \"%s\" is not supported, so the form would not mean what it says", key->text);
}

static void read_keywords(struct compile *c, struct subschema *s)
{
	const struct ynode *by_id[KEYWORD_COUNT] = {0};
	enum keyword k;
	ynode_each(m, s->node) {
		if (keyword_find(m->key->text, &k))
			by_id[k] = m;
		else
			unknown_keyword(c, m->key);
	}
	s->rules = arena_array(&c->schema->arena, struct rule, s->node->n ? s->node->n : 1);
	for (k = 0; k < KEYWORD_COUNT; k++) {
		if (!by_id[k])
			continue;
		struct rule *r = &s->rules[s->n++];
		*r = (struct rule){.id = k, .arg = by_id[k]};
		s->by_id[k] = r;
		read_argument(c, r);
	}
}

static struct subschema *read_schema(struct compile *c, const struct ynode *n)
{
	struct subschema *s = arena_new(&c->schema->arena, struct subschema);
	bool any;
	s->node = n;
	s->next = c->schema->all;
	c->schema->all = s;
	c->schema->n++;
	if (ynode_bool(n, &any))
		s->never = !any;
	else if (n->kind == Y_MAP)
		read_keywords(c, s);
	else
		fail(c, n, "a schema is a map of keywords, true or false");
	return s;
}

const struct rule *subschema_rule(const struct subschema *s, enum keyword id) { return s->by_id[id]; }

/* ---- $ref ---- */

/* Decodes one step of a JSON pointer in a fragment: %25, ~0, ~1. */
static void pointer_step(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		char hex[3] = {0};
		if (s[i] == '%' && n - i > 2) {
			memcpy(hex, s + i + 1, 2);
			buf_addc(out, (char)strtol(hex, NULL, 16));
			i += 2;
		} else {
			buf_addc(out, s[i]);
		}
	}
	char *from = out->data, *to = out->data;
	for (; from && *from; from++, to++) {
		bool escape = *from == '~' && (from[1] == '0' || from[1] == '1');
		*to = !escape ? *from : *++from == '0' ? '~' : '/';
	}
	if (to)
		*to = '\0';
}

static const struct ynode *pointer_member(const struct ynode *n, const char *step)
{
	if (n->kind == Y_MAP)
		return ynode_get(n, step);
	if (n->kind != Y_LIST || !*step || step[strspn(step, "0123456789")] || strlen(step) > 6)
		return NULL;
	unsigned long at = strtoul(step, NULL, 10);
	const struct ynode *m = n->child;
	while (m && at--)
		m = m->next;
	return m;
}

/* What "/a/b" leads to, or NULL. */
static const struct ynode *pointer_find(const struct ynode *n, const char *s)
{
	while (n && *s == '/') {
		AUTO_BUF step = BUF_INIT;
		size_t len = strcspn(++s, "/");
		pointer_step(s, len, &step);
		n = pointer_member(n, buf_str(&step));
		s += len;
	}
	return *s ? NULL : n;
}

static int by_node(const void *a, const void *b)
{
	const struct ynode *x = (*(struct subschema *const *)a)->node, *y = (*(struct subschema *const *)b)->node;
	return (x > y) - (x < y);
}

static struct subschema *schema_at(struct subschema **sorted, size_t n, const struct ynode *node)
{
	struct subschema key = {.node = node}, *k = &key, **found = bsearch(&k, sorted, n, sizeof(struct subschema *), by_node);
	return found ? *found : NULL;
}

static void resolve(struct compile *c, struct rule *r, struct subschema **sorted)
{
	if (!is_text(r->arg))
		return;
	if (r->arg->text[0] != '#') {
		fail(c, r->arg, "\"$ref\" can only lead to a place in this file: \"#/$defs/name\"");
		return;
	}
	const struct ynode *node = pointer_find(c->schema->tree, r->arg->text + 1);
	struct subschema *s = node ? schema_at(sorted, c->schema->n, node) : NULL;
	if (!s) {
		fail(c, r->arg, "\"$ref\" leads to \"%s\", and there is no schema there", r->arg->text);
		return;
	}
	r->schemas = new_list(c, 1);
	r->schemas[0] = s;
}

static void resolve_all(struct compile *c)
{
	size_t n = 0;
	AUTO_FREE struct subschema **sorted = malloc(c->schema->n * sizeof(struct subschema *));
	if (!sorted)
		abort();
	for (struct subschema *s = c->schema->all; s; s = s->next)
		sorted[n++] = s;
	qsort(sorted, n, sizeof(struct subschema *), by_node);
	for (struct subschema *s = c->schema->all; s; s = s->next)
		for (size_t i = 0; i < s->n; i++)
			if (s->rules[i].id == KEYWORD_REF)
				resolve(c, &s->rules[i], sorted);
}

/* How many schemas a keyword applies to the same value: a loop of these would never end. */
static size_t in_place(const struct rule *r)
{
	if (!r->schemas)
		return 0;
	if (r->id == KEYWORD_ALL_OF || r->id == KEYWORD_ANY_OF || r->id == KEYWORD_ONE_OF)
		return r->arg->n;
	return r->id == KEYWORD_REF || r->id == KEYWORD_NOT || r->id == KEYWORD_IF || r->id == KEYWORD_THEN || r->id == KEYWORD_ELSE;
}

enum { MOST_IN_PLACE = 64 };

/* Follows in-place keywords; true if one leads back to a schema that is being visited. */
static bool loops(struct compile *c, struct subschema *s, unsigned depth)
{
	if (s->mark == 2)
		return false;
	if (s->mark == 1 || depth > MOST_IN_PLACE) {
		fail(c, s->node, s->mark ? "the schema refers to itself in a circle" : "more than 64 schemas that lead into each other");
		return true;
	}
	s->mark = 1;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < in_place(&s->rules[i]); k++)
			if (loops(c, s->rules[i].schemas[k], depth + 1))
				return true;
	s->mark = 2;
	return false;
}

/* ---- a whole form ---- */

static void compile(struct compile *c)
{
	size_t errors = c->diags->errors;
	c->schema->root = read_schema(c, c->schema->tree);
	resolve_all(c);
	for (struct subschema *s = c->schema->all; s && c->diags->errors == errors; s = s->next)
		loops(c, s, 0);
	diags_sort(c->diags);
}

int schema_parse(const char *file, const char *text, size_t len, struct diags *d, struct schema **out)
{
	size_t errors = d->errors;
	struct ynode *tree;
	struct schema *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->refs = 1;
	s->file = arena_strdup(&s->arena, file);
	if (!ynode_parse(&s->arena, s->file, text, len, d, &tree)) {
		s->tree = tree;
		compile(&(struct compile){s, d});
	}
	if (d->errors > errors) {
		schema_unref(s);
		return -EINVAL;
	}
	*out = s;
	return 0;
}

struct schema *schema_ref(struct schema *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void schema_unref(struct schema *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	pattern_free(s->patterns);
	arena_free(&s->arena);
	free(s);
}

const struct ynode *schema_tree(const struct schema *s) { return s->tree; }
