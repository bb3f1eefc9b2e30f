/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schemas/flat.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { MOST_BYTES = 16384, MOST_KEY = 128, MOST_VALUE = 1024 };

static bool is_alnum(char c) { return (c >= '0' && c <= '9') || (str_lower_c(c) >= 'a' && str_lower_c(c) <= 'z'); }

/* Every character is one that the parser reads as a letter, lines end in LF. */
static bool is_plain_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t n = c < 0x80 ? 1 : str_utf8_len(s + i, len - i);
		if (!n || (n > 1 && str_unprintable(s + i, n, NULL)) || (c < 0x20 && c != '\n') || c == 0x7f)
			return false;
		i += n;
	}
	return true;
}

/* 'it''s' up to the end of the line. Writes the text to *to. */
static bool quoted(const char *s, const char *end, char **to)
{
	for (s++; s < end; s++) {
		if (*s == '\'' && s + 1 == end)
			return true;
		if (*s == '\'' && *++s != '\'')
			return false;
		*(*to)++ = *s;
	}
	return false;
}

/* A value without quotes that cannot be anything but a scalar on one line. */
static bool plain(const char *s, const char *end, char **to)
{
	if (strchr("-?:,[]{}#&*!|>'\"%@`", *s) && !(*s == '-' && end - s > 1 && s[1] >= '0' && s[1] <= '9'))
		return false;
	for (; s < end; s++) {
		if ((*s == ':' && (s + 1 == end || s[1] == ' ')) || (*s == ' ' && (s + 1 == end || s[1] == '#')))
			return false;
		*(*to)++ = *s;
	}
	return true;
}

static bool read_value(const char *s, const char *end, struct flat_field *f, char **to)
{
	f->text = *to;
	if (end - s > MOST_VALUE)
		return false;
	bool is_quoted = s < end && *s == '\'';
	if (s < end && !(is_quoted ? quoted(s, end, to) : plain(s, end, to)))
		return false;
	*(*to)++ = '\0';
	f->type = is_quoted ? Y_STR : ynode_plain_type(f->text);
	return true;
}

static bool read_line(struct flat *f, const char *s, const char *end, char **to)
{
	const char *key = s;
	if (f->n == FLAT_FIELDS || !is_alnum(*s))
		return false;
	while (s < end && (is_alnum(*s) || *s == '_' || *s == '-'))
		s++;
	struct flat_field *field = &f->field[f->n];
	*field = (struct flat_field){.key = key, .key_len = (size_t)(s - key)};
	if (s == end || *s != ':' || field->key_len > MOST_KEY || (s + 1 < end && s[1] != ' '))
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (f->field[i].key_len == field->key_len && !memcmp(f->field[i].key, key, field->key_len))
			return false;
	for (s++; s < end && *s == ' '; s++)
		;
	f->n++;
	return read_value(s, end, field, to);
}

bool flat_read(const char *text, size_t len, struct flat *f)
{
	const char *end = text + len;
	f->n = 0;
	f->text = NULL;
	if (!len || len > MOST_BYTES || !is_plain_text(text, len))
		return false;
	/* each field adds one NUL and loses at least its colon and line end; the last may lack that */
	char *to = f->text = malloc(len + FLAT_FIELDS + 1);
	if (!to)
		abort();
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		eol = eol ? eol : end;
		if (eol > text && *text != '#' && !read_line(f, text, eol, &to))
			return false;
		text = eol + 1;
	}
	return f->n > 0;
}

void flat_free(struct flat *f) { free(f->text); }

const struct flat_field *flat_get(const struct flat *f, const char *key)
{
	size_t n = strlen(key);
	for (size_t i = 0; i < f->n; i++)
		if (f->field[i].key_len == n && !memcmp(f->field[i].key, key, n))
			return &f->field[i];
	return NULL;
}
