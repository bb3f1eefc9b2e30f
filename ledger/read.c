/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line back into an entry. Only the one form that entry.c writes is read: that is simpler and faster than JSON, and a line that
 * means the same in other bytes is not the line that was written.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "ledger/ledger.h"
#include "ledger/text.h"

/* ------------------------------------------------------------------ times */

static bool two_digits(const char *s) { return s[0] >= '0' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9'; }

bool ledger_time_parse(const char *s, size_t n, int64_t *us)
{
	char text[] = "0000-00-00T00:00:00Z";
	long long seconds, part = 0;
	if (n != LEDGER_TIME_SIZE - 1 || s[10] != 'T' || s[17] > '5' || s[19] != '.' || s[26] != 'Z' || !two_digits(s + 17))
		return false;
	for (int i = 20; i < 26; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		part = part * 10 + (s[i] - '0');
	}
	memcpy(text, s, 19);
	if (!str_time(text, &seconds))
		return false;
	*us = seconds * 1000000 + part;
	return true;
}

/* ------------------------------------------------------------------ strings */

/* The closing quote of a string whose first byte is s; escapes are skipped. NULL if there is none. */
static const char *closing_quote(const char *s, const char *end)
{
	for (; s < end && *s != '"'; s++)
		if (*s == '\\' && ++s == end)
			return NULL;
	return s < end ? s : NULL;
}

static char *add_utf8(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* \uXXXX: a character, or one byte that is not UTF-8 (base/json.h). NUL cannot stand in a string. */
static bool take_code(struct cursor *c, char **to)
{
	unsigned char hex[2];
	if (!take_hex(c, hex, 2))
		return false;
	unsigned code = (unsigned)hex[0] << 8 | hex[1];
	if (code >= 0xdc80 && code <= 0xdcff)
		*(*to)++ = (char)(code & 0xff);
	else if (code && (code < 0xd800 || code > 0xdfff))
		*to = add_utf8(*to, code);
	else
		return false;
	return true;
}

static bool take_escape(struct cursor *c, char **to)
{
	static const char from[] = "ntrbf\"\\", means[] = "\n\t\r\b\f\"\\";
	const char *at;
	if (c->p == c->end || !*c->p)
		return false;
	if (*c->p == 'u') {
		c->p++;
		return take_code(c, to);
	}
	at = strchr(from, *c->p++);
	if (at)
		*(*to)++ = means[at - from];
	return at != NULL;
}

/* The text between two quotes. It never grows by decoding. */
static bool decode(struct cursor *c, char **to)
{
	while (c->p < c->end)
		if (*c->p != '\\')
			*(*to)++ = *c->p++;
		else if (c->p++, !take_escape(c, to))
			return false;
	return true;
}

/* There are many ways to write a string; ours is what json.h makes of it. */
static bool canonical(const char *text, size_t len, const char *quoted, size_t n)
{
	AUTO_BUF again = BUF_INIT;
	json_quoted(&again, text, len);
	return again.len == n && !memcmp(again.data, quoted, n);
}

static bool take_quoted(struct cursor *c, const char *from, const char *to, const char **out)
{
	struct cursor in = {from, to, NULL};
	char *text = arena_alloc(c->arena, (size_t)(to - from) + 1), *end = text;
	if (!decode(&in, &end))
		return false;
	*out = text; /* the arena put the NUL behind it */
	return canonical(text, (size_t)(end - text), from - 1, (size_t)(to - from) + 2);
}

static bool take_string(struct cursor *c, const char **out)
{
	const char *from = c->p + 1, *to = c->p < c->end && *c->p == '"' ? closing_quote(from, c->end) : NULL;
	if (!to)
		return false;
	c->p = to + 1;
	if (!text_plain(from, (size_t)(to - from)))
		return take_quoted(c, from, to, out);
	*out = arena_strndup(c->arena, from, (size_t)(to - from));
	return true;
}

/* ------------------------------------------------------------------ the kinds of keys.def */

static bool take_seq(struct cursor *c, uint64_t *out) { return take_u64(c, out); }

static bool take_text(struct cursor *c, const char **out)
{
	*out = NULL;
	return take_lit(c, "null") || take_string(c, out);
}

static bool take_time(struct cursor *c, int64_t *us)
{
	const size_t n = LEDGER_TIME_SIZE - 1;
	if (!take_lit(c, "\"") || (size_t)(c->end - c->p) < n || !ledger_time_parse(c->p, n, us))
		return false;
	c->p += n;
	return take_lit(c, "\"");
}

static bool take_event(struct cursor *c, struct ledger_entry *e)
{
	if (!take_string(c, &e->event_name))
		return false;
	if (!ledger_event_find(e->event_name, strlen(e->event_name), &e->event))
		e->event = LEDGER_OTHER;
	return true;
}

static bool take_decision(struct cursor *c, enum ledger_decision *out)
{
	*out = take_lit(c, "\"deny\"") ? LEDGER_DENY : LEDGER_ALLOW;
	return *out == LEDGER_DENY || take_lit(c, "\"allow\"");
}

static bool take_id(struct cursor *c, int64_t *out)
{
	*out = -1;
	return take_lit(c, "null") || (take_i64(c, out) && *out >= 0);
}

static bool take_bool(struct cursor *c, bool *out)
{
	*out = take_lit(c, "true");
	return *out || take_lit(c, "false");
}

/* Room for one more in an array that doubles; the arena keeps the old ones until the entry goes. */
static void *grown(struct arena *a, const void *v, size_t n, size_t size)
{
	if (n & (n - 1))
		return (void *)v;
	void *more = arena_alloc(a, (n ? 2 * n : 1) * size);
	if (n)
		memcpy(more, v, n * size);
	return more;
}

static bool take_roles(struct cursor *c, struct ledger_entry *e)
{
	const char **v = NULL;
	if (!take_lit(c, "["))
		return false;
	if (take_lit(c, "]"))
		return true;
	do {
		v = grown(c->arena, v, e->n_roles, sizeof(*v));
		if (!take_string(c, &v[e->n_roles++]))
			return false;
	} while (take_lit(c, ","));
	e->roles = v;
	return take_lit(c, "]");
}

static bool take_src(struct cursor *c, struct ledger_src *src)
{
	if (take_lit(c, "null"))
		return true;
	return take_lit(c, "{\"file\":") && take_string(c, &src->file) && take_lit(c, ",\"line\":") && take_i64(c, &src->line) &&
	       take_lit(c, "}");
}

static bool take_attr(struct cursor *c, struct ledger_attr *a)
{
	bool yes;
	if (!take_string(c, &a->key) || !take_lit(c, ":"))
		return false;
	a->type = LEDGER_TEXT;
	if (c->p < c->end && (*c->p == '"' || *c->p == 'n'))
		return take_text(c, &a->text);
	a->type = LEDGER_BOOL;
	if (take_bool(c, &yes)) {
		a->number = yes;
		return true;
	}
	a->type = LEDGER_NUMBER;
	return take_i64(c, &a->number);
}

static bool take_attrs(struct cursor *c, struct ledger_entry *e)
{
	struct ledger_attr *v = NULL;
	if (!take_lit(c, "{"))
		return false;
	if (take_lit(c, "}"))
		return true;
	do {
		v = grown(c->arena, v, e->n_attrs, sizeof(*v));
		if (!take_attr(c, &v[e->n_attrs++]))
			return false;
	} while (take_lit(c, ","));
	e->attrs = v;
	return take_lit(c, "}");
}

static bool take_object(struct cursor *c, struct ledger_object *o)
{
	if (take_lit(c, "null"))
		return true;
	return take_lit(c, "{\"sha256\":") && take_text(c, &o->sha256) && take_lit(c, ",\"size\":") && take_id(c, &o->size) &&
	       take_lit(c, ",\"revision\":") && take_text(c, &o->revision) && take_lit(c, "}") &&
	       (o->sha256 || o->size >= 0 || o->revision); /* an empty one is written as null */
}

static bool take_hash(struct cursor *c, unsigned char out[SHA256_LEN])
{
	return take_lit(c, "\"") && take_hex(c, out, SHA256_LEN) && take_lit(c, "\"");
}

static bool take_entry(struct cursor *c, struct ledger_entry *e)
{
	bool first = true;
#define FIELD(key, kind, where) \
	if (!(first ? take_lit(c, "{\"" #key "\":") : take_lit(c, ",\"" #key "\":")) || !take_##kind(c, where)) \
		return false; \
	first = false;
#include "ledger/keys.def"
	FIELD(hash, hash, e->hash)
#undef FIELD
	return take_lit(c, "}") && c->p == c->end;
}

int ledger_entry_parse(const char *line, size_t n, struct arena *a, struct ledger_entry *out)
{
	struct cursor c = {line, line + n, a};
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	if (n >= LEDGER_LINE_MAX || !take_entry(&c, &e))
		return -EINVAL;
	*out = e;
	return 0;
}
