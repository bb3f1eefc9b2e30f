/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/ynode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/yglance.h"

/* One open collection while parsing. */
struct frame {
	struct ynode *node, *last; /* last member so far */
	struct ynode *key; /* of a map: the key that waits for its value */
};

struct parse {
	struct arena *arena;
	const char *file;
	struct diags *diags;
	struct frame stack[LIMIT_DOC_DEPTH];
	unsigned depth;
	struct ynode *root;
	struct ynode_limits most;
	size_t documents, events;
	bool stop; /* a limit was passed: nothing more is read */
};

static void complain(struct parse *p, yaml_mark_t at, const char *text)
{
	diag_add(p->diags, DIAG_ERROR, p->file, (uint32_t)at.line + 1, (uint32_t)at.column + 1, "%s", text);
}

static void give_up(struct parse *p, yaml_mark_t at, const char *text)
{
	complain(p, at, text);
	p->stop = true;
}

/* ---- scalars: the YAML 1.2 core schema ---- */

static bool all_of(const char *s, const char *set) { return *s && s[strspn(s, set)] == '\0'; }

static bool is_word(const char *s, const char *const words[3])
{
	return !strcmp(s, words[0]) || !strcmp(s, words[1]) || !strcmp(s, words[2]);
}

static bool is_int(const char *s)
{
	if (str_starts(s, "0o"))
		return all_of(s + 2, "01234567");
	if (str_starts(s, "0x"))
		return all_of(s + 2, "0123456789abcdefABCDEF");
	return all_of(s + (*s == '-' || *s == '+'), "0123456789");
}

static bool is_float(const char *s)
{
	static const char *const inf[] = {".inf", ".Inf", ".INF"}, *const nan[] = {".nan", ".NaN", ".NAN"};
	if (is_word(s, nan))
		return true;
	s += *s == '-' || *s == '+';
	if (is_word(s, inf))
		return true;
	size_t whole = strspn(s, "0123456789"), fraction = 0;
	s += whole;
	if (*s == '.') {
		fraction = strspn(s + 1, "0123456789");
		s += 1 + fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		return all_of(s + (*s == '-' || *s == '+'), "0123456789");
	}
	return !*s;
}

static enum yscalar plain_type(const char *s)
{
	static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
	static const char *const null[] = {"null", "Null", "NULL"};
	if (!*s || !strcmp(s, "~") || is_word(s, null))
		return Y_NULL;
	if (is_word(s, yes) || is_word(s, no))
		return Y_BOOL;
	return is_int(s) ? Y_INT : is_float(s) ? Y_FLOAT : Y_STR;
}

/* ---- the event loop ---- */

static struct ynode *node_new(struct parse *p, enum ykind kind, yaml_mark_t at)
{
	struct ynode *n = arena_new(p->arena, struct ynode);
	n->kind = kind;
	n->line = (uint32_t)at.line + 1;
	n->col = (uint32_t)at.column + 1;
	return n;
}

static void append(struct frame *f, struct ynode *n)
{
	if (f->last)
		f->last->next = n;
	else
		f->node->child = n;
	f->last = n;
	f->node->n++;
}

static int by_key(const void *a, const void *b)
{
	const struct ynode *x = *(struct ynode *const *)a, *y = *(struct ynode *const *)b;
	int c = strcmp(x->key->text, y->key->text);
	return c ? c : x->key->line < y->key->line ? -1 : x->key->line > y->key->line;
}

/* The members of a map in the order of their keys. Sorting finds duplicates of many keys without a quadratic comparison. */
static struct ynode **sorted_members(const struct ynode *map)
{
	struct ynode **v = malloc((map->n + 1) * sizeof(struct ynode *));
	size_t n = 0;
	if (!v)
		abort();
	for (struct ynode *m = map->child; m; m = m->next)
		v[n++] = m;
	qsort(v, n, sizeof(struct ynode *), by_key);
	return v;
}

/* How many keys stand there twice; reports them if 'report'. */
static size_t check_duplicates(struct parse *p, const struct ynode *map, bool report)
{
	AUTO_FREE struct ynode **v = sorted_members(map);
	size_t found = 0;
	for (size_t i = 1; i < map->n; i++) {
		if (strcmp(v[i - 1]->key->text, v[i]->key->text))
			continue;
		found++;
		if (report)
			diag_add(p->diags, DIAG_ERROR, p->file, v[i]->key->line, v[i]->key->col,
				 "the key \"%s\" is already there in line %u: keep one of them", v[i]->key->text, v[i - 1]->key->line);
	}
	return found;
}

/* Now and then while a map grows: one that is nothing but duplicates is not read to its end. */
static void check_growing(struct parse *p, const struct ynode *map)
{
	bool power_of_two = !(map->n & (map->n - 1));
	if (map->kind == Y_MAP && map->n > LIMIT_DIAGS && power_of_two && check_duplicates(p, map, false) > LIMIT_DIAGS) {
		check_duplicates(p, map, true);
		p->stop = true;
	}
}

/* Puts a finished or opening node where it belongs: the document, a list, a key or its value. */
static void place(struct parse *p, struct ynode *n, yaml_mark_t at)
{
	if (!p->depth) {
		p->root = n;
		return;
	}
	struct frame *f = &p->stack[p->depth - 1];
	if (f->node->kind == Y_LIST) {
		append(f, n);
	} else if (!f->key) {
		if (n->kind != Y_SCALAR)
			give_up(p, at, "a key must be a plain word, not a list or map");
		f->key = n;
	} else {
		n->key = f->key;
		f->key = NULL;
		append(f, n);
		check_growing(p, f->node);
	}
}

static void open_collection(struct parse *p, enum ykind kind, bool flow, yaml_mark_t at)
{
	if (p->depth == LIMIT_DOC_DEPTH) {
		give_up(p, at, "more than 32 levels of nesting: no policy or record needs that many");
		return;
	}
	struct ynode *n = node_new(p, kind, at);
	n->flow = flow;
	place(p, n, at);
	p->stack[p->depth++] = (struct frame){.node = n};
}

static void close_collection(struct parse *p)
{
	struct frame *f = &p->stack[--p->depth];
	if (f->node->kind == Y_MAP)
		check_duplicates(p, f->node, true);
}

static void add_scalar(struct parse *p, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	if (len > p->most.scalar) {
		give_up(p, e->start_mark, "a text of over 4 KiB: policy and records hold short texts only");
		return;
	}
	if (memchr(text, '\0', len)) {
		complain(p, e->start_mark, "a NUL byte inside a text");
		return;
	}
	struct ynode *n = node_new(p, Y_SCALAR, e->start_mark);
	n->text = arena_strndup(p->arena, text, len);
	n->len = len;
	n->type = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_type(n->text) : Y_STR;
	place(p, n, e->start_mark);
}

static void refuse_properties(struct parse *p, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t at)
{
	if (anchor)
		complain(p, at, "anchors (&name) are not allowed: write the value out");
	if (tag)
		complain(p, at, "tags (!name) are not allowed: write the plain value");
}

static void document_start(struct parse *p, const yaml_event_t *e)
{
	if (p->documents++)
		give_up(p, e->start_mark, "a second document (---): a file holds one");
	if (e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
		complain(p, e->start_mark, "tag directives (%TAG) are not allowed");
}

static void handle_event(struct parse *p, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		document_start(p, e);
		break;
	case YAML_ALIAS_EVENT:
		give_up(p, e->start_mark, "aliases (*name) are not allowed: write the value out");
		break;
	case YAML_SCALAR_EVENT:
		refuse_properties(p, e->data.scalar.anchor, e->data.scalar.tag, e->start_mark);
		add_scalar(p, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(p, e->data.sequence_start.anchor, e->data.sequence_start.tag, e->start_mark);
		open_collection(p, Y_LIST, e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE, e->start_mark);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_properties(p, e->data.mapping_start.anchor, e->data.mapping_start.tag, e->start_mark);
		open_collection(p, Y_MAP, e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE, e->start_mark);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(p);
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
}

static void syntax_error(struct parse *p, const yaml_parser_t *y)
{
	yaml_mark_t at = y->error == YAML_READER_ERROR ? y->mark : y->problem_mark;
	p->stop = true;
	diag_add(p->diags, DIAG_ERROR, p->file, (uint32_t)at.line + 1, (uint32_t)at.column + 1, "not YAML: %s%s%s",
		 y->problem ? y->problem : "unreadable", y->context ? " " : "", y->context ? y->context : "");
}

static void run(struct parse *p, yaml_parser_t *y)
{
	size_t most = p->diags->errors + LIMIT_DIAGS; /* more would not be kept */
	bool end = false;
	while (!p->stop && !end && p->diags->errors < most) {
		yaml_event_t e;
		if (!yaml_parser_parse(y, &e)) {
			syntax_error(p, y);
			return;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		if (++p->events > p->most.events)
			give_up(p, e.start_mark, YGLANCE_EVENTS);
		else
			handle_event(p, &e);
		yaml_event_delete(&e);
	}
}

int ynode_parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct ynode **out)
{
	static const struct ynode_limits document = {LIMIT_DOC_BYTES, LIMIT_DOC_EVENTS, LIMIT_SCALAR_BYTES};
	return ynode_parse_within(a, file, text, len, &document, d, out);
}

int ynode_parse_within(struct arena *a, const char *file, const char *text, size_t len, const struct ynode_limits *most, struct diags *d,
		       struct ynode **out)
{
	struct parse p = {.arena = a, .file = file, .diags = d, .most = *most};
	size_t errors = d->errors;
	yaml_parser_t y;
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) { /* the mark that Windows editors put in front */
		text += 3;
		len -= 3;
	}
	if (yglance(file, text, len, most, d))
		return -EINVAL;
	if (!yaml_parser_initialize(&y))
		abort();
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y, (const unsigned char *)text, len);
	run(&p, &y);
	yaml_parser_delete(&y);
	if (d->errors > errors)
		return -EINVAL;
	*out = p.root ? p.root : node_new(&p, Y_MAP, (yaml_mark_t){0});
	return 0;
}

/* ---- comments: what stands between tokens and is no blank ---- */

struct scan {
	struct arena *arena;
	const char *text, *end, *at; /* 'at' is character number 'index' */
	size_t index;
	uint32_t line, col;
	bool blank; /* nothing but blanks on this line before 'at' */
	struct ycomment *v;
	size_t n, cap;
};

size_t ynode_break(const char *s, size_t n)
{
	if (*s == '\r')
		return n > 1 && s[1] == '\n' ? 2 : 1;
	if (*s == '\n')
		return 1;
	if (n > 1 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	return n > 2 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)) ? 3 : 0;
}

static void step(struct scan *s)
{
	size_t left = (size_t)(s->end - s->at), eol = ynode_break(s->at, left), n = eol ? eol : str_utf8_len(s->at, left);
	s->blank = eol || (s->blank && (*s->at == ' ' || *s->at == '\t'));
	s->line += eol > 0;
	s->col = eol ? 1 : s->col + 1;
	s->index += eol == 2 && *s->at == '\r' ? 2 : 1; /* CR LF is one break and two characters */
	s->at += n ? n : 1;
}

static void add_comment(struct scan *s)
{
	const char *end = s->at;
	while (end < s->end && !ynode_break(end, (size_t)(s->end - end)))
		end++;
	while (end > s->at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (s->n == s->cap) {
		struct ycomment *more = arena_array(s->arena, struct ycomment, s->cap = s->cap ? s->cap * 2 : 16);
		if (s->n)
			memcpy(more, s->v, s->n * sizeof(*more));
		s->v = more;
	}
	s->v[s->n++] = (struct ycomment){s->line, s->col, arena_strndup(s->arena, s->at, (size_t)(end - s->at)), s->blank};
	while (s->at < end)
		step(s);
}

/* Up to character 'index': between tokens comments are collected, inside one they are part of it. */
static void scan_to(struct scan *s, size_t index, bool between)
{
	while (s->at < s->end && s->index < index)
		if (between && *s->at == '#')
			add_comment(s);
		else
			step(s);
}

/* "| # why": the only comment inside a token. */
static void scan_header(struct scan *s, size_t index)
{
	while (s->at < s->end && s->index < index && *s->at != '\n')
		if (*s->at == '#')
			add_comment(s);
		else
			step(s);
}

size_t ynode_comments(struct arena *a, const char *text, size_t len, struct ycomment **out)
{
	struct scan s = {.arena = a, .text = text, .end = text + len, .at = text, .line = 1, .col = 1, .blank = true};
	yaml_parser_t y;
	yaml_token_t t = {0};
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		s.at += 3;
	if (!yaml_parser_initialize(&y))
		abort();
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y, (const unsigned char *)s.at, (size_t)(s.end - s.at));
	do {
		yaml_token_delete(&t);
		if (!yaml_parser_scan(&y, &t))
			break;
		scan_to(&s, t.start_mark.index, true);
		if (t.type == YAML_SCALAR_TOKEN && (t.data.scalar.style == YAML_LITERAL_SCALAR_STYLE || t.data.scalar.style == YAML_FOLDED_SCALAR_STYLE))
			scan_header(&s, t.end_mark.index);
		scan_to(&s, t.end_mark.index, false);
	} while (t.type != YAML_STREAM_END_TOKEN && t.type != YAML_NO_TOKEN);
	yaml_token_delete(&t);
	yaml_parser_delete(&y);
	scan_to(&s, (size_t)-1, true);
	*out = s.v;
	return s.n;
}

/* ---- reading a tree ---- */

const struct ynode *ynode_get(const struct ynode *map, const char *key)
{
	ynode_each(m, map)
		if (m->key && !strcmp(m->key->text, key))
			return m;
	return NULL;
}

const struct ynode *ynode_geti(const struct ynode *map, const char *key)
{
	ynode_each(m, map)
		if (m->key && str_ieq(m->key->text, key))
			return m;
	return NULL;
}

bool ynode_bool(const struct ynode *n, bool *out)
{
	if (!n || n->kind != Y_SCALAR || n->type != Y_BOOL)
		return false;
	*out = str_lower_c(n->text[0]) == 't';
	return true;
}

bool ynode_int(const struct ynode *n, long long *out)
{
	if (!n || n->kind != Y_SCALAR || n->type != Y_INT)
		return false;
	errno = 0;
	*out = str_starts(n->text, "0o") ? strtoll(n->text + 2, NULL, 8) : strtoll(n->text, NULL, str_starts(n->text, "0x") ? 16 : 10);
	return errno == 0;
}

static bool lists_equal(const struct ynode *a, const struct ynode *b)
{
	const struct ynode *y = b->child;
	for (const struct ynode *x = a->child; x; x = x->next, y = y->next)
		if (!ynode_equal(x, y))
			return false;
	return true;
}

/* By value: TRUE is true, 0x10 is 16. */
static bool scalars_equal(const struct ynode *a, const struct ynode *b)
{
	bool p, q;
	long long x, y;
	if (a->type != b->type || a->type == Y_NULL)
		return a->type == b->type;
	if (ynode_bool(a, &p) && ynode_bool(b, &q))
		return p == q;
	if (ynode_int(a, &x) && ynode_int(b, &y))
		return x == y;
	return !strcmp(a->text, b->text);
}

static bool maps_equal(const struct ynode *a, const struct ynode *b)
{
	AUTO_FREE struct ynode **x = sorted_members(a), **y = sorted_members(b);
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(x[i]->key->text, y[i]->key->text) != 0 || !ynode_equal(x[i], y[i]))
			return false;
	return true;
}

bool ynode_equal(const struct ynode *a, const struct ynode *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->n != b->n)
		return false;
	if (a->kind == Y_SCALAR)
		return scalars_equal(a, b);
	if (a->kind == Y_LIST)
		return lists_equal(a, b);
	return maps_equal(a, b);
}

enum yscalar ynode_plain_type(const char *text) { return plain_type(text); }
