/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/yformat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"

enum { WIDTH = 120, STEP = 2 };

struct format {
	struct buf *out;
	struct arena arena;
	struct ycomment *comments;
	size_t n, next; /* of comments; those before 'next' are written */
	bool *blank; /* by line, from 1: holds nothing but blanks */
	uint32_t lines;
	bool written; /* anything at all */
};

/* ---- lines of the source ---- */

static void find_blanks(struct format *f, const char *text, size_t len)
{
	uint32_t line = 1;
	bool blank = true;
	f->blank = calloc(len + 3, sizeof(*f->blank));
	if (!f->blank)
		abort();
	for (size_t i = 0, eol; i < len; i += eol ? eol : 1) {
		eol = ynode_break(text + i, len - i);
		if (!eol) {
			blank = blank && (text[i] == ' ' || text[i] == '\t');
			continue;
		}
		f->blank[line++] = blank;
		blank = true;
	}
	f->lines = line;
}

static void pad(struct buf *out, unsigned n) { buf_addf(out, "%*s", (int)n, ""); }

/* An empty line where the source has one before this line. */
static void gap(struct format *f, uint32_t line)
{
	if (f->written && line > 1 && line <= f->lines && f->blank[line - 1])
		buf_addc(f->out, '\n');
	f->written = true;
}

/* ---- comments ---- */

static const struct ycomment *pending(const struct format *f) { return f->next < f->n ? &f->comments[f->next] : NULL; }

static void own_line(struct format *f, const struct ycomment *c, unsigned indent)
{
	gap(f, c->line);
	pad(f->out, indent);
	buf_addf(f->out, "%s\n", c->text);
	f->next++;
}

/* All that stand before source line 'line', each on a line of its own. */
static void comments_before(struct format *f, uint32_t line, unsigned indent)
{
	for (const struct ycomment *c = pending(f); c && c->line < line; c = pending(f))
		own_line(f, c, indent);
}

/* Those behind the last member of a collection that are indented deeper than what holds it: they belong inside. */
static void comments_inside(struct format *f, uint32_t line, uint32_t col, unsigned indent)
{
	for (const struct ycomment *c = pending(f); c && c->line < line && c->own_line && c->col > col; c = pending(f))
		own_line(f, c, indent);
}

/* Behind what was just written, the comments of the source lines up to 'line'; all of them share that one line. */
static void trailing(struct format *f, uint32_t line)
{
	bool first = true;
	for (const struct ycomment *c = pending(f); c && c->line <= line && !c->own_line; c = pending(f)) {
		buf_addf(f->out, "%s%s", first ? "  " : " ", c->text);
		first = false;
		f->next++;
	}
	buf_addc(f->out, '\n');
}

static bool comment_within(const struct format *f, uint32_t first, uint32_t last)
{
	for (size_t i = f->next; i < f->n && f->comments[i].line < last; i++)
		if (f->comments[i].line >= first)
			return true;
	return false;
}

/* ---- values on one line ---- */

static uint32_t first_line(const struct ynode *n) { return n->key && n->key->line < n->line ? n->key->line : n->line; }

/* The source line of its last scalar. */
static uint32_t last_line(const struct ynode *n)
{
	uint32_t line = n->line;
	ynode_each(m, n) {
		uint32_t end = last_line(m);
		line = end > line ? end : line;
	}
	return line;
}

static void scalar(struct buf *out, const struct ynode *n)
{
	if (n->type == Y_STR)
		yemit_scalar(out, n->text);
	else
		buf_adds(out, n->type == Y_NULL ? "null" : n->text);
}

static void flow(struct buf *out, const struct ynode *n)
{
	const char *comma = "";
	if (n->kind == Y_SCALAR) {
		scalar(out, n);
		return;
	}
	buf_addc(out, n->kind == Y_MAP ? '{' : '[');
	ynode_each(m, n) {
		buf_adds(out, comma);
		comma = ", ";
		if (n->kind == Y_MAP) {
			yemit_scalar(out, m->key->text);
			buf_adds(out, ": ");
		}
		flow(out, m);
	}
	buf_addc(out, n->kind == Y_MAP ? '}' : ']');
}

static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* The one line that a scalar or collection can have behind 'column'; false if it needs more than one. */
static bool on_one_line(struct format *f, const struct ynode *n, size_t column, struct buf *line)
{
	if (n->kind == Y_SCALAR) {
		scalar(line, n);
		return true;
	}
	if (n->n && (!n->flow || comment_within(f, n->line, last_line(n))))
		return false;
	flow(line, n);
	return !n->n || column + width(buf_str(line)) <= WIDTH;
}

/* ---- texts of several lines ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Can be written as "|": what a literal block gives back is just this. Lines that end in blanks, or start with a tab, and empty lines at the end cannot. */
static bool literal_ok(const struct ynode *n)
{
	const char *s = n->text;
	if (n->kind != Y_SCALAR || n->type != Y_STR || !strchr(s, '\n') || is_blank(*s) || *s == '\n' || str_ends(s, "\n\n"))
		return false;
	for (size_t left = n->len, len; left; s += len, left -= len) {
		len = str_utf8_len(s, left);
		if (!len || (str_unprintable(s, len, NULL) && *s != '\n' && *s != '\t'))
			return false;
		if ((is_blank(*s) && (left == 1 || s[1] == '\n')) || (*s == '\n' && s[1] == '\t'))
			return false;
	}
	return true;
}

static void literal(struct format *f, const struct ynode *n, unsigned indent, uint32_t comments_to)
{
	const char *end;
	buf_adds(f->out, str_ends(n->text, "\n") ? " |" : " |-");
	trailing(f, comments_to);
	for (const char *s = n->text; *s; s = *end ? end + 1 : end) {
		end = strchrnul(s, '\n');
		if (end > s)
			pad(f->out, indent);
		buf_add(f->out, s, (size_t)(end - s));
		buf_addc(f->out, '\n');
	}
}

/* ---- collections ---- */

/* 'end' is the source line of what follows the collection. */
static void members(struct format *f, const struct ynode *n, unsigned indent, bool first_placed, uint32_t end);

static size_t column_of(const struct buf *out)
{
	size_t start = out->len;
	while (start && out->data[start - 1] != '\n')
		start--;
	return width(buf_str(out) + start);
}

/* Several members that stand on one source line share its comment: it goes behind the last of them. */
static bool shares_line(const struct ynode *m) { return m->next && first_line(m->next) == last_line(m); }

/* Behind "key:" or "-": the value, to the end of its lines. */
static void value(struct format *f, const struct ynode *n, unsigned indent, bool item, uint32_t end)
{
	struct buf line = BUF_INIT;
	if (literal_ok(n)) {
		literal(f, n, indent + STEP, n->line);
	} else if (on_one_line(f, n, column_of(f->out) + 1, &line)) {
		buf_addf(f->out, " %s", buf_str(&line));
		trailing(f, shares_line(n) ? 0 : last_line(n));
	} else if (item) {
		buf_addc(f->out, ' ');
		members(f, n, indent + STEP, true, end);
	} else {
		trailing(f, !n->flow ? n->key->line : first_line(n->child) == n->line ? 0 : n->line);
		members(f, n, indent + STEP, false, end);
	}
	buf_free(&line);
}

static void members(struct format *f, const struct ynode *n, unsigned indent, bool first_placed, uint32_t end)
{
	ynode_each(m, n) {
		uint32_t line = first_line(m), next = m->next ? first_line(m->next) : end;
		if (!first_placed || m != n->child) {
			comments_before(f, line, indent);
			gap(f, line);
			pad(f->out, indent);
		}
		if (n->kind == Y_MAP)
			yemit_key(f->out, m->key->text, indent);
		else
			buf_addc(f->out, '-');
		value(f, m, indent, n->kind == Y_LIST, next);
		if (m->kind != Y_SCALAR && m->n)
			comments_inside(f, next, n->kind == Y_MAP ? m->key->col : m->col - 1, indent + STEP);
	}
}

/* ---- the whole text ---- */

static void document(struct format *f, const struct ynode *tree, bool empty)
{
	struct buf line = BUF_INIT;
	if (tree->kind == Y_MAP && !tree->n) {
		if (!f->n && !empty)
			buf_adds(f->out, "{}\n");
	} else if (on_one_line(f, tree, 0, &line)) {
		comments_before(f, tree->line, 0);
		buf_adds(f->out, buf_str(&line));
		trailing(f, last_line(tree));
	} else {
		members(f, tree, 0, false, UINT32_MAX);
	}
	comments_before(f, UINT32_MAX, 0);
	buf_free(&line);
}

/* What all comments say, blanks left out: two that shared one entry may have become one. */
static void say_all(const struct ycomment *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		for (const char *s = v[i].text; *s; s++)
			if (*s != ' ')
				buf_addc(out, *s);
}

/* The result means what the text meant, and its comments say the same. */
static bool same(const struct format *f, const struct ynode *tree)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF before = BUF_INIT, after = BUF_INIT;
	struct ycomment *comments;
	struct ynode *again;
	bool ok = ynode_parse(&a, "formatted", buf_str(f->out), f->out->len, &d, &again) == 0;
	if (ok) {
		yemit_canonical(&before, tree);
		yemit_canonical(&after, again);
		say_all(f->comments, f->n, &before);
		size_t n = ynode_comments(&a, buf_str(f->out), f->out->len, &comments);
		say_all(comments, n, &after);
		ok = !strcmp(buf_str(&before), buf_str(&after));
	}
	arena_free(&a);
	return ok;
}

static bool all_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	return true;
}

int yformat(const char *text, size_t len, const struct ynode *tree, struct buf *out)
{
	struct format f = {.out = out, .arena = ARENA_INIT};
	bool ok;
	f.n = ynode_comments(&f.arena, text, len, &f.comments);
	find_blanks(&f, text, len);
	document(&f, tree, all_blank(text, len));
	ok = same(&f, tree);
	free(f.blank);
	arena_free(&f.arena);
	if (!ok)
		buf_reset(out);
	return ok ? 0 : -EINVAL;
}
