/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader knows line and column of every key, so a field is a run of lines: from its key to the line before the next key, less the
 * comments and blank lines there, which belong to the next. Whatever was produced is parsed again and compared; if it does not say
 * what it should, the canonical writer is used instead. So an odd text costs its comments, never its content.
 */
#include "schemas/yedit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"

struct edit {
	const char *text;
	size_t len;
	size_t *start; /* of each line; start[lines] is len */
	size_t lines;
	const char *eol;
	unsigned indent;
	struct buf *out;
};

/* ---- trees ---- */

struct ynode *yaml_copy_top(struct arena *a, const struct ynode *map)
{
	struct ynode *copy = arena_new(a, struct ynode), **end = &copy->child;
	*copy = *map;
	copy->child = NULL;
	ynode_each(m, map) {
		struct ynode *n = arena_new(a, struct ynode);
		*n = *m;
		n->next = NULL;
		*end = n;
		end = &n->next;
	}
	return copy;
}

struct ynode *yaml_text(struct arena *a, const char *text)
{
	struct ynode *n = arena_new(a, struct ynode);
	n->kind = Y_SCALAR;
	n->type = Y_STR;
	n->len = strlen(text);
	n->text = arena_strndup(a, text, n->len);
	return n;
}

struct ynode *yaml_number(struct arena *a, unsigned long long number)
{
	struct ynode *n = yaml_text(a, "");
	n->type = Y_INT;
	n->text = arena_printf(a, "%llu", number);
	n->len = strlen(n->text);
	return n;
}

static struct ynode *new_member(struct arena *a, const char *key, const struct ynode *value)
{
	struct ynode *n = arena_new(a, struct ynode);
	*n = *value;
	n->key = yaml_text(a, key);
	n->next = NULL;
	return n;
}

/* A given value keeps the place of the one that it replaces: messages then name the line where the client wrote something. */
void yaml_set(struct arena *a, struct ynode *map, const char *key, const struct ynode *value)
{
	struct ynode **at = &map->child;
	while (*at && strcmp((*at)->key->text, key))
		at = &(*at)->next;
	struct ynode *n = new_member(a, key, value);
	if (*at) {
		n->key = (*at)->key;
		n->line = (*at)->line;
		n->col = (*at)->col;
		n->next = (*at)->next;
	} else {
		map->n++;
	}
	*at = n;
}

void yaml_set_first(struct arena *a, struct ynode *map, const char *key, const struct ynode *value)
{
	if (ynode_get(map, key)) {
		yaml_set(a, map, key, value);
		return;
	}
	struct ynode *n = new_member(a, key, value);
	n->next = map->child;
	map->child = n;
	map->n++;
}

void yaml_remove(struct ynode *map, const char *key)
{
	for (struct ynode **at = &map->child; *at; at = &(*at)->next)
		if (!strcmp((*at)->key->text, key)) {
			*at = (*at)->next;
			map->n--;
			return;
		}
}

/* ---- lines, as the YAML reader counts them ---- */

/* Length of the line break at s, 0 if there is none. */
static size_t line_break(const char *s, const char *end)
{
	size_t left = (size_t)(end - s);
	if (*s == '\r')
		return left > 1 && s[1] == '\n' ? 2 : 1;
	if (*s == '\n')
		return 1;
	if (left > 1 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	return left > 2 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)) ? 3 : 0;
}

static void find_lines(struct edit *e)
{
	size_t cap = 64;
	e->start = malloc(cap * sizeof(*e->start));
	if (!e->start)
		abort();
	e->start[0] = 0;
	e->lines = e->len ? 1 : 0;
	for (size_t i = 0; i < e->len;) {
		size_t n = line_break(e->text + i, e->text + e->len);
		i += n ? n : 1;
		if (!n || i >= e->len)
			continue;
		if (e->lines + 2 > cap && !(e->start = realloc(e->start, (cap *= 2) * sizeof(*e->start))))
			abort();
		e->start[e->lines++] = i;
	}
	e->start[e->lines] = e->len;
}

/* The first byte of a line (from 0) that is no blank. */
static const char *first_of(const struct edit *e, size_t line)
{
	const char *s = e->text + e->start[line], *end = e->text + e->start[line + 1];
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	return s;
}

static bool starts_with(const struct edit *e, size_t line, const char *word)
{
	size_t n = strlen(word), have = e->start[line + 1] - e->start[line];
	return have >= n && !memcmp(e->text + e->start[line], word, n);
}

/* Blank, a comment, or the mark of a document's end: no part of a field's value. */
static bool is_between(const struct edit *e, size_t line)
{
	const char *s = first_of(e, line), *end = e->text + e->len;
	return s == end || *s == '#' || line_break(s, end) || starts_with(e, line, "...") || starts_with(e, line, "---");
}

/* One past the last line of a field that starts on 'line'. */
static size_t field_end(const struct edit *e, const struct ynode *m)
{
	size_t start = m->key->line - 1, end = m->next ? m->next->key->line - 1 : e->lines;
	while (end > start + 1 && is_between(e, end - 1))
		end--;
	return end;
}

/* ---- writing ---- */

static void copy_lines(const struct edit *e, size_t from, size_t to)
{
	if (to > from)
		buf_add(e->out, e->text + e->start[from], e->start[to] - e->start[from]);
}

static void end_line(const struct edit *e)
{
	if (e->out->len && e->out->data[e->out->len - 1] != '\n' && e->out->data[e->out->len - 1] != '\r')
		buf_adds(e->out, e->eol);
}

/* "key: value" on lines of its own. */
static void write_field(const struct edit *e, const struct ynode *m)
{
	AUTO_BUF text = BUF_INIT;
	struct ynode one = *m, map = {.kind = Y_MAP, .child = &one, .n = 1};
	one.next = NULL;
	yemit_node(&text, &map, e->indent);
	end_line(e);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\n')
			buf_adds(e->out, e->eol);
		else
			buf_addc(e->out, text.data[i]);
	}
}

/* Where a scalar that is written on one line ends; NULL if it does not. */
static const char *scalar_end(const char *s, const char *end, const struct ynode *n)
{
	if (*s != '"' && *s != '\'')
		return n->len && n->len <= (size_t)(end - s) && !memcmp(s, n->text, n->len) ? s + n->len : NULL;
	char quote = *s++;
	for (; s < end; s++) {
		if (quote == '"' && *s == '\\')
			s++;
		else if (*s == quote && (quote == '"' || s + 1 == end || s[1] != quote))
			return s + 1;
		else if (*s == quote)
			s++;
	}
	return NULL;
}

/* Byte of the line at a column (from 1), which counts characters. */
static const char *at_column(const char *s, const char *end, uint32_t col)
{
	while (--col && s < end) {
		size_t n = str_utf8_len(s, (size_t)(end - s));
		s += n ? n : 1;
	}
	return s;
}

/* Only the value changes; what stands before and behind it on the line stays. False if it is not that simple. */
static bool replace_in_line(const struct edit *e, const struct ynode *old, const struct ynode *new)
{
	size_t line = old->key->line - 1;
	if (old->kind != Y_SCALAR || new->kind != Y_SCALAR || old->line != old->key->line || field_end(e, old) != line + 1)
		return false;
	const char *begin = e->text + e->start[line], *end = e->text + e->start[line + 1];
	const char *value = at_column(begin, end, old->col);
	const char *rest = value < end ? scalar_end(value, end, old) : NULL;
	if (!rest)
		return false;
	buf_add(e->out, begin, (size_t)(value - begin));
	if (new->type == Y_STR)
		yemit_scalar(e->out, new->text);
	else
		buf_adds(e->out, new->type == Y_NULL ? "null" : new->text);
	buf_add(e->out, rest, (size_t)(end - rest));
	return true;
}

static void write_new(const struct edit *e, const struct ynode *before, const struct ynode *after, bool first)
{
	bool seen = false;
	ynode_each(m, after) {
		bool is_old = ynode_get(before, m->key->text) != NULL;
		seen = seen || is_old;
		if (!is_old && seen != first)
			write_field(e, m);
	}
}

/* Where new fields go: the end, or the mark "..." of the document's end. */
static size_t end_mark(const struct edit *e, size_t from)
{
	while (from < e->lines && !starts_with(e, from, "..."))
		from++;
	return from;
}

/* A field that nobody set again shares its value with the tree it was copied from. */
static bool same_value(const struct ynode *a, const struct ynode *b)
{
	return (a->text == b->text && a->child == b->child && a->kind == b->kind && a->type == b->type) || ynode_equal(a, b);
}

static void edit_fields(const struct edit *e, const struct ynode *before, const struct ynode *after)
{
	size_t line = before->child ? before->child->key->line - 1 : 0;
	copy_lines(e, 0, line);
	if (before->child)
		write_new(e, before, after, true);
	ynode_each(old, before) {
		const struct ynode *new = ynode_get(after, old->key->text);
		size_t end = field_end(e, old);
		copy_lines(e, line, old->key->line - 1);
		if (new && same_value(old, new))
			copy_lines(e, old->key->line - 1, end);
		else if (new && !replace_in_line(e, old, new))
			write_field(e, new);
		line = end;
	}
	size_t mark = end_mark(e, line);
	copy_lines(e, line, mark);
	if (!before->child)
		write_new(e, before, after, true);
	write_new(e, before, after, false);
	if (mark < e->lines)
		end_line(e);
	copy_lines(e, mark, e->lines);
}

/* A block map, every key at the start of its own line. */
static bool can_edit(const struct edit *e, const struct ynode *before)
{
	uint32_t line = 0;
	if (before->flow || before->n > YAML_MOST_FIELDS)
		return false;
	ynode_each(m, before) {
		if (m->key->line <= line || m->key->line > e->lines || m->key->col != before->child->key->col)
			return false;
		const char *at = at_column(e->text + e->start[m->key->line - 1], e->text + e->len, m->key->col);
		if (first_of(e, m->key->line - 1) != at)
			return false;
		line = m->key->line;
	}
	return true;
}

/* Compared by their canonical texts: with sorted keys, so that a map of many fields costs no square. */
static bool says(const struct buf *text, const struct ynode *tree)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF is = BUF_INIT, shall = BUF_INIT;
	struct ynode *again;
	bool ok = !ynode_parse(&a, "", buf_str(text), text->len, &d, &again);
	if (ok) {
		yemit_canonical(&is, again);
		yemit_canonical(&shall, tree);
		ok = is.len == shall.len && !memcmp(buf_str(&is), buf_str(&shall), is.len);
	}
	arena_free(&a);
	return ok;
}

void yaml_edit(const char *text, size_t len, const struct ynode *before, const struct ynode *after, struct buf *out)
{
	AUTO_BUF edited = BUF_INIT;
	const char *newline = len ? memchr(text, '\n', len) : NULL;
	struct edit e = {.text = text, .len = len, .out = &edited, .eol = newline && newline > text && newline[-1] == '\r' ? "\r\n" : "\n"};
	find_lines(&e);
	if (before->child)
		e.indent = before->child->key->col - 1;
	bool ok = can_edit(&e, before);
	if (ok)
		edit_fields(&e, before, after);
	free(e.start);
	/* too long to be read again is too long to be stored: the caller refuses it, rather than that comments vanish */
	if (ok && (edited.len > LIMIT_DOC_BYTES || says(&edited, after)))
		buf_add(out, buf_str(&edited), edited.len);
	else
		yemit_node(out, after, 0);
}
