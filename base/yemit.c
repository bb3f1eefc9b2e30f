/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/yemit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/ynode.h"

/* Words that YAML 1.1 readers take for booleans: quoted, so that other programs read what we mean. */
static bool is_old_bool(const char *s)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(s, words[i]))
			return true;
	return false;
}

/* Base-60 numbers and dates of YAML 1.1: digits with ':' or '-' between. */
static bool looks_dated(const char *s) { return *s >= '0' && *s <= '9' && s[strspn(s, "0123456789:-_.TZtz+ ")] == '\0'; }

static bool has_control(const char *s)
{
	size_t left = strlen(s);
	while (left) {
		size_t n = str_utf8_len(s, left);
		if (!n || str_unprintable(s, n, NULL))
			return true;
		s += n;
		left -= n;
	}
	return false;
}

static bool needs_quotes(const char *s)
{
	size_t n = strlen(s);
	if (!n || str_starts(s, "...") || s[0] == ' ' || s[n - 1] == ' ' || s[n - 1] == ':')
		return true;
	if (strchr("-?:,[]{}#&*!|>'\"%@`", s[0]) || strstr(s, ": ") || strstr(s, " #") || strpbrk(s, "[]{},"))
		return true;
	return ynode_plain_type(s) != Y_STR || is_old_bool(s) || looks_dated(s) || !strcmp(s, "=") || !strcmp(s, "<<");
}

static void single_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_addc(out, '\'');
		buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}

void yemit_scalar(struct buf *out, const char *text)
{
	if (has_control(text))
		json_str(out, text); /* a JSON string is a YAML double-quoted scalar */
	else if (needs_quotes(text))
		single_quoted(out, text);
	else
		buf_adds(out, text);
}

static void emit_typed(struct buf *out, const struct ynode *n)
{
	if (n->type == Y_STR)
		yemit_scalar(out, n->text);
	else
		buf_adds(out, n->type == Y_NULL ? "null" : n->text);
}

static void pad(struct buf *out, unsigned indent)
{
	while (indent--)
		buf_addc(out, ' ');
}

/* The value behind "key:" or "-". */
static void emit_value(struct buf *out, const struct ynode *n, unsigned indent)
{
	if (n->kind == Y_SCALAR || !n->n) {
		buf_addc(out, ' ');
		if (n->kind == Y_SCALAR)
			emit_typed(out, n);
		else
			buf_adds(out, n->kind == Y_LIST ? "[]" : "{}");
		buf_addc(out, '\n');
		return;
	}
	buf_addc(out, '\n');
	yemit_node(out, n, indent);
}

enum { SIMPLE_KEY = 1000 }; /* YAML allows 1024 characters before the ':' of a key that "?" does not announce */

void yemit_key(struct buf *out, const char *text, unsigned indent)
{
	AUTO_BUF key = BUF_INIT;
	yemit_scalar(&key, text);
	if (key.len > SIMPLE_KEY)
		buf_adds(out, "? ");
	buf_adds(out, buf_str(&key));
	if (key.len > SIMPLE_KEY) {
		buf_addc(out, '\n');
		pad(out, indent);
	}
	buf_addc(out, ':');
}

void yemit_node(struct buf *out, const struct ynode *n, unsigned indent)
{
	if (n->kind == Y_SCALAR || !n->n) {
		pad(out, indent);
		emit_value(out, n, indent);
		return;
	}
	ynode_each(m, n) {
		pad(out, indent);
		if (n->kind == Y_MAP)
			yemit_key(out, m->key->text, indent);
		else
			buf_addc(out, '-');
		emit_value(out, m, indent + 2);
	}
}

static int by_key_text(const void *a, const void *b)
{
	return strcmp((*(const struct ynode *const *)a)->key->text, (*(const struct ynode *const *)b)->key->text);
}

static void canonical_map(struct buf *out, const struct ynode *map)
{
	AUTO_FREE const struct ynode **v = malloc((map->n + 1) * sizeof(struct ynode *));
	size_t n = 0;
	if (!v)
		abort();
	ynode_each(m, map)
		v[n++] = m;
	qsort(v, n, sizeof(struct ynode *), by_key_text);
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		json_key(out, v[i]->key->text);
		yemit_canonical(out, v[i]);
	}
	buf_addc(out, '}');
}

static void canonical_list(struct buf *out, const struct ynode *list)
{
	buf_addc(out, '[');
	ynode_each(m, list) {
		json_sep(out);
		yemit_canonical(out, m);
	}
	buf_addc(out, ']');
}

/* One spelling for each value: TRUE is true, 0x10 is 16. Numbers that no program here calculates with stay as written. */
static void canonical_value(struct buf *out, const struct ynode *n)
{
	bool on;
	long long number;
	if (ynode_bool(n, &on))
		buf_adds(out, on ? "true" : "false");
	else if (ynode_int(n, &number))
		buf_addf(out, "%lld", number);
	else
		buf_adds(out, n->type == Y_NULL ? "null" : n->text);
}

void yemit_canonical(struct buf *out, const struct ynode *n)
{
	if (n->kind == Y_MAP)
		canonical_map(out, n);
	else if (n->kind == Y_LIST)
		canonical_list(out, n);
	else if (n->type == Y_STR)
		json_quoted(out, n->text, n->len);
	else
		canonical_value(out, n);
}
