/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Applies a form to a document: one function for each keyword, found by the table. Inside anyOf, oneOf, not and if the same
 * functions run silently. Every step is paid for from a budget, so that no form takes for ever.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "schemas/form.h"
#include "schemas/schemas.h"

enum { BUDGET = 5000000, PATTERN_COST = 1000, MOST_DEPTH = 1000, SHOWN_BYTES = 64 };

/* Where in the document we are: fields and entries, innermost first. */
struct place {
	const struct place *up;
	const char *field; /* NULL: an entry of a list */
	size_t entry; /* from 0 */
};

struct check {
	const struct schema *schema;
	const char *file;
	struct diags *diags; /* NULL: silently, only whether */
	const struct place *place;
	size_t failures;
	long budget;
	unsigned depth;
	bool gave_up;
};

static void apply(struct check *c, const struct subschema *s, const struct ynode *v);

/* ---- saying what is wrong ---- */

static void add_place(struct buf *out, const struct place *p)
{
	if (!p)
		return;
	add_place(out, p->up);
	if (!p->field)
		buf_addf(out, "[%zu]", p->entry + 1);
	else
		buf_addf(out, "%s%.*s", p->up ? "." : "", SHOWN_BYTES, p->field);
}

/* Messages are one line of letters, whatever the document holds. */
static void make_printable(struct buf *b)
{
	for (size_t i = 0; i < b->len;) {
		size_t n = str_utf8_len(b->data + i, b->len - i);
		if (!n || str_unprintable(b->data + i, n, NULL))
			memset(b->data + i, '?', n ? n : 1);
		i += n ? n : 1;
	}
}

/* "likelihood: 7 is more than 5 (maximum, default-rsk.form.yaml:40): write a number up to 5" */
__attribute__((format(printf, 5, 6))) static void violation(struct check *c, const struct ynode *at, const struct rule *r, const char *fix,
							    const char *fmt, ...)
{
	AUTO_BUF text = BUF_INIT;
	va_list ap;
	c->failures++;
	if (!c->diags)
		return;
	add_place(&text, c->place);
	if (text.len)
		buf_adds(&text, ": ");
	va_start(ap, fmt);
	buf_addfv(&text, fmt, ap);
	va_end(ap);
	if (r)
		buf_addf(&text, " (%s, %s:%u)", schema_keywords[r->id], c->schema->file, r->arg->key->line);
	if (fix && *fix)
		buf_addf(&text, ": %s", fix);
	make_printable(&text);
	diag_add(c->diags, DIAG_ERROR, c->file, at->line, at->col, "%s", buf_str(&text));
}

static void give_up(struct check *c, const struct ynode *at)
{
	c->gave_up = true;
	violation(c, at, NULL, "simplify the form", "checking it against the form %s costs too much", c->schema->file);
}

/* False once nothing is left to spend. */
static bool spend(struct check *c, const struct ynode *at, size_t steps)
{
	if (c->gave_up)
		return false;
	c->budget -= (long)steps;
	if (c->budget < 0)
		give_up(c, at);
	return !c->gave_up;
}

struct shown {
	char text[SHOWN_BYTES + 8];
};

static struct shown show_text(const char *text, size_t len, const char *quote)
{
	struct shown out;
	int n = len > SHOWN_BYTES ? SHOWN_BYTES : (int)len;
	while (n < (int)len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	snprintf(out.text, sizeof(out.text), "%s%.*s%s%s", quote, n, text, n < (int)len ? "..." : "", quote);
	return out;
}

/* A value as it stands in a message. */
static struct shown show(const struct ynode *n)
{
	struct shown out;
	if (n->kind == Y_SCALAR && n->type == Y_STR)
		return show_text(n->text, n->len, "\"");
	if (n->kind == Y_SCALAR)
		return n->len ? show_text(n->text, n->len, "") : show_text("an empty value", 14, "");
	snprintf(out.text, sizeof(out.text), n->kind == Y_LIST ? "a list of %zu" : "a map of %zu", n->n);
	return out;
}

static size_t characters(const struct ynode *n)
{
	size_t count = 0;
	for (size_t i = 0; i < n->len; i++)
		count += ((unsigned char)n->text[i] & 0xc0) != 0x80;
	return count;
}

/* ---- any value ---- */

static void check_ref(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	apply(c, r->schemas[0], v);
}

static void type_words(unsigned types, struct buf *out)
{
	static const char *const people[] = {"nothing (null)", "true or false", "a text", "a list", "a map", "a number", "a whole number"};
	size_t before = out->len;
	for (unsigned i = 0; types >> i; i++)
		if (types >> i & 1)
			buf_addf(out, "%s%s", out->len > before ? " or " : "", people[i]);
}

static void type_fix(unsigned types, const struct ynode *v, struct buf *out)
{
	if (v->kind == Y_SCALAR && v->type == Y_NULL)
		buf_adds(out, "write a value, or remove the field");
	else if (types & IS_STRING && v->kind == Y_SCALAR)
		buf_addf(out, "put it in quotes: '%s'", v->text);
	else if (types & (IS_NUMBER | IS_INTEGER | IS_BOOLEAN) && v->kind == Y_SCALAR && ynode_plain_type(v->text) != Y_STR)
		buf_adds(out, "write it without quotes");
	else {
		buf_adds(out, "write ");
		type_words(types, out);
	}
}

static void check_type(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	unsigned types = schema_types_of(v);
	if (types & r->types)
		return;
	AUTO_BUF words = BUF_INIT, fix = BUF_INIT;
	type_words(r->types, &words);
	type_fix(r->types, v, &fix);
	violation(c, v, r, buf_str(&fix), "%s is not %s", show(v).text, buf_str(&words));
}

static void check_enum(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	AUTO_BUF fix = BUF_INIT;
	size_t shown = 0;
	buf_adds(&fix, "use one of ");
	ynode_each(m, r->arg) {
		if (!spend(c, v, 1 + m->n) || schema_equal(m, v))
			return;
		if (shown++ < 20)
			buf_addf(&fix, "%s%s", shown > 1 ? ", " : "", m->kind == Y_SCALAR && m->type == Y_STR ? m->text : show(m).text);
	}
	if (shown > 20)
		buf_addf(&fix, " and %zu more", shown - 20);
	violation(c, v, r, buf_str(&fix), "%s is not allowed", show(v).text);
}

static void check_const(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	char fix[SHOWN_BYTES + 32];
	snprintf(fix, sizeof(fix), "it can only be %s", show(r->arg).text);
	if (spend(c, v, 1 + v->n) && !schema_equal(r->arg, v))
		violation(c, v, r, fix, "%s is not allowed", show(v).text);
}

/* ---- numbers ---- */

static bool number_cmp(const struct rule *r, const struct ynode *v, int *cmp)
{
	struct decimal a, b;
	if (!decimal_of(v, &a) || !decimal_of(r->arg, &b))
		return false;
	*cmp = decimal_cmp(&a, &b);
	return true;
}

static void bound(struct check *c, const struct rule *r, const struct ynode *v, bool ok, const char *is, const char *write,
		  const char *more)
{
	char fix[SHOWN_BYTES + 64];
	snprintf(fix, sizeof(fix), "write %s%s%s", write, show(r->arg).text, more);
	if (!ok)
		violation(c, v, r, fix, "%s is %s %s", show(v).text, is, show(r->arg).text);
}

static void check_minimum(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	int cmp;
	(void)s;
	if (number_cmp(r, v, &cmp))
		bound(c, r, v, cmp >= 0, "less than", "", " or more");
}

static void check_maximum(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	int cmp;
	(void)s;
	if (number_cmp(r, v, &cmp))
		bound(c, r, v, cmp <= 0, "more than", "", " or less");
}

static void check_exclusive_minimum(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	int cmp;
	(void)s;
	if (number_cmp(r, v, &cmp))
		bound(c, r, v, cmp > 0, "not more than", "more than ", "");
}

static void check_exclusive_maximum(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	int cmp;
	(void)s;
	if (number_cmp(r, v, &cmp))
		bound(c, r, v, cmp < 0, "not less than", "less than ", "");
}

static void check_multiple_of(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	struct decimal a, by;
	(void)s;
	if (decimal_of(v, &a) && decimal_of(r->arg, &by))
		bound(c, r, v, decimal_multiple(&a, &by), "no multiple of", "a multiple of ", "");
}

/* ---- texts ---- */

static bool is_text(const struct ynode *v) { return v->kind == Y_SCALAR && v->type == Y_STR; }

static void check_min_length(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	char fix[64];
	(void)s;
	if (!is_text(v) || characters(v) >= r->count)
		return;
	snprintf(fix, sizeof(fix), "write %llu or more", r->count);
	if (v->len)
		violation(c, v, r, fix, "%s has %zu characters", show(v).text, characters(v));
	else
		violation(c, v, r, "write a value, or remove the field", "it is empty");
}

static void check_max_length(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	char fix[64];
	(void)s;
	snprintf(fix, sizeof(fix), "shorten it to %llu", r->count);
	if (is_text(v) && characters(v) > r->count)
		violation(c, v, r, fix, "%s has %zu characters", show(v).text, characters(v));
}

/* Matches and pays; what costs too much is a violation, never a match. */
static bool matches(struct check *c, const struct rule *r, const struct pattern *p, const struct ynode *v)
{
	if (!spend(c, v, PATTERN_COST + v->len))
		return false;
	enum pattern_match m = pattern_find(p, v->text, v->len);
	if (m == PATTERN_TOO_COSTLY)
		violation(c, v, r, "simplify the regular expression", "%s takes too long to match", show(v).text);
	return m == PATTERN_YES;
}

static void check_pattern(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	size_t before = c->failures;
	if (!is_text(v) || matches(c, r, r->patterns[0], v) || c->failures > before || c->gave_up)
		return;
	AUTO_BUF fix = BUF_INIT;
	const struct rule *note = subschema_rule(s, KEYWORD_DESCRIPTION);
	buf_addf(&fix, "it must match %s%s%s%s", r->arg->text, note ? " (" : "", note ? note->arg->text : "", note ? ")" : "");
	violation(c, v, r, buf_str(&fix), "%s is not as it should be", show(v).text);
}

static void check_format(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	char fix[96];
	(void)s;
	if (!is_text(v) || r->format->check(v->text, v->len))
		return;
	snprintf(fix, sizeof(fix), "write it as in %s", r->format->example);
	violation(c, v, r, fix, "%s is no %s", show(v).text, r->format->word);
}

/* ---- lists ---- */

static void check_min_items(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (v->kind == Y_LIST && v->n < r->count)
		violation(c, v, r, "add some", "%zu entries are fewer than %llu", v->n, r->count);
}

static void check_max_items(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (v->kind == Y_LIST && v->n > r->count)
		violation(c, v, r, "remove some", "%zu entries are more than %llu", v->n, r->count);
}

struct entry {
	char *text;
	const struct ynode *node;
	size_t at;
};

static int by_text(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->text, y->text);
	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static struct entry *canonical_entries(const struct ynode *v)
{
	struct entry *e = calloc(v->n + 1, sizeof(*e));
	size_t i = 0;
	if (!e)
		abort();
	ynode_each(m, v) {
		struct buf b = BUF_INIT;
		schema_canonical(&b, m);
		e[i] = (struct entry){buf_steal(&b), m, i};
		i++;
	}
	qsort(e, v->n, sizeof(*e), by_text);
	return e;
}

static void check_unique_items(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (!r->flag || v->kind != Y_LIST || !spend(c, v, v->n * 20))
		return;
	AUTO_FREE struct entry *e = canonical_entries(v);
	for (size_t i = 1; i < v->n; i++)
		if (!strcmp(e[i - 1].text, e[i].text))
			violation(c, e[i].node, r, "keep one of them", "entries %zu and %zu are equal", e[i - 1].at + 1, e[i].at + 1);
	for (size_t i = 0; i < v->n; i++)
		free(e[i].text);
}

static void apply_at(struct check *c, struct place here, const struct subschema *s, const struct ynode *v)
{
	here.up = c->place;
	c->place = &here;
	apply(c, s, v);
	c->place = here.up;
}

static void check_items(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	size_t i = 0;
	(void)s;
	if (v->kind != Y_LIST)
		return;
	ynode_each(m, v)
		apply_at(c, (struct place){.entry = i++}, r->schemas[0], m);
}

/* ---- maps ---- */

static const struct ynode *member(struct check *c, const struct ynode *map, const char *name)
{
	return spend(c, map, 1 + map->n) ? ynode_get(map, name) : NULL;
}

static void check_required(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (v->kind != Y_MAP)
		return;
	ynode_each(name, r->arg)
		if (!member(c, v, name->text) && !c->gave_up)
			violation(c, v, r, "add it", "the field \"%s\" is missing", name->text);
}

static void check_properties(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	size_t i = 0;
	(void)s;
	if (v->kind != Y_MAP)
		return;
	ynode_each(p, r->arg) {
		const struct subschema *schema = r->schemas[i++];
		const struct ynode *m = member(c, v, p->key->text);
		if (m)
			apply_at(c, (struct place){.field = p->key->text}, schema, m);
	}
}

static void check_pattern_properties(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (v->kind != Y_MAP)
		return;
	ynode_each(m, v)
		for (size_t i = 0; i < r->arg->n; i++)
			if (matches(c, r, r->patterns[i], m->key))
				apply_at(c, (struct place){.field = m->key->text}, r->schemas[i], m);
}

/* Is the field named by "properties" or "patternProperties" beside? */
static bool is_named(struct check *c, const struct subschema *s, const struct ynode *key)
{
	const struct rule *names = subschema_rule(s, KEYWORD_PROPERTIES), *patterns = subschema_rule(s, KEYWORD_PATTERN_PROPERTIES);
	if (names && member(c, names->arg, key->text))
		return true;
	for (size_t i = 0; patterns && i < patterns->arg->n; i++)
		if (matches(c, patterns, patterns->patterns[i], key))
			return true;
	return c->gave_up;
}

static void unknown_field(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *key)
{
	const struct rule *names = subschema_rule(s, KEYWORD_PROPERTIES);
	size_t n = names ? names->arg->n : 0, i = 0;
	AUTO_FREE const char **v = malloc((n + 1) * sizeof(*v));
	AUTO_BUF fix = BUF_INIT;
	if (!v)
		abort();
	if (names)
		ynode_each(m, names->arg)
			v[i++] = m->key->text;
	const char *near = str_nearest(key->text, v, n);
	if (near)
		buf_addf(&fix, "did you mean \"%s\"?", near);
	violation(c, key, r, near ? buf_str(&fix) : "remove it", "the form has no field %s", show_text(key->text, key->len, "\"").text);
}

static void check_additional_properties(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	if (v->kind != Y_MAP)
		return;
	ynode_each(m, v) {
		if (is_named(c, s, m->key))
			continue;
		if (r->schemas[0]->never)
			unknown_field(c, s, r, m->key);
		else
			apply_at(c, (struct place){.field = m->key->text}, r->schemas[0], m);
	}
}

/* ---- combinations ---- */

/* Would it pass? Says nothing. */
static bool passes(struct check *c, const struct subschema *s, const struct ynode *v)
{
	struct diags *diags = c->diags;
	size_t failures = c->failures;
	c->diags = NULL;
	c->failures = 0;
	apply(c, s, v);
	bool ok = !c->failures;
	c->diags = diags;
	c->failures = failures;
	return ok;
}

static size_t passing(struct check *c, const struct rule *r, const struct ynode *v, size_t enough)
{
	size_t n = 0;
	for (size_t i = 0; i < r->arg->n && n < enough && !c->gave_up; i++)
		n += passes(c, r->schemas[i], v);
	return n;
}

static void check_all_of(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	for (size_t i = 0; i < r->arg->n; i++)
		apply(c, r->schemas[i], v);
}

static void check_any_of(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (!passing(c, r, v, 1) && !c->gave_up)
		violation(c, v, r, "change it to fit one of them", "%s fits none of the %zu alternatives", show(v).text, r->arg->n);
}

static void check_one_of(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	size_t n = passing(c, r, v, 2);
	if (n != 1 && !c->gave_up)
		violation(c, v, r, "change it to fit exactly one of them", "%s fits %s of the %zu alternatives", show(v).text,
			  n ? "more than one" : "none", r->arg->n);
}

static void check_not(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)s;
	if (passes(c, r->schemas[0], v) && !c->gave_up)
		violation(c, v, r, "change it", "%s is what it must not be", show(v).text);
}

static void check_if(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	const struct rule *branch = subschema_rule(s, passes(c, r->schemas[0], v) ? KEYWORD_THEN : KEYWORD_ELSE);
	if (branch && !c->gave_up)
		apply(c, branch->schemas[0], v);
}

/* ---- the table ---- */

typedef void (*keyword_check)(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v);

static void check_none(struct check *c, const struct subschema *s, const struct rule *r, const struct ynode *v)
{
	(void)c, (void)s, (void)r, (void)v;
}

static const keyword_check checks[KEYWORD_COUNT] = {
#define KEYWORD(id, word, argument, check, meaning) check_##check,
#include "schemas/keywords.def"
#undef KEYWORD
};

static void apply(struct check *c, const struct subschema *s, const struct ynode *v)
{
	if (!spend(c, v, 1))
		return;
	if (s->never)
		violation(c, v, NULL, "remove it", "nothing is allowed here");
	if (++c->depth > MOST_DEPTH)
		give_up(c, v);
	for (size_t i = 0; i < s->n && !c->gave_up && (c->diags || !c->failures); i++)
		if (spend(c, v, 1))
			checks[s->rules[i].id](c, s, &s->rules[i], v);
	c->depth--;
}

int schema_check(const struct schema *s, const char *file, const struct ynode *doc, struct diags *d)
{
	struct check c = {.schema = s, .file = file, .diags = d, .budget = BUDGET};
	apply(&c, s->root, doc);
	/* a give-up inside a silent trial was not reported */
	if (c.gave_up && !c.failures)
		violation(&c, doc, NULL, "simplify the form", "checking it against the form %s costs too much", s->file);
	if (!c.failures)
		return 0;
	diags_sort(d);
	return -EINVAL;
}
