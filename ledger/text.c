/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger/text.h"

#include <string.h>

#include "base/buf.h"

bool take(struct cursor *c, const char *word, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool digit(const struct cursor *c) { return c->p < c->end && *c->p >= '0' && *c->p <= '9'; }

bool take_u64(struct cursor *c, uint64_t *out)
{
	uint64_t n = 0;
	const char *start = c->p;
	for (; digit(c); c->p++)
		if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (unsigned)(*c->p - '0'), &n))
			return false;
	*out = n;
	return c->p > start && (*start != '0' || c->p == start + 1);
}

bool take_i64(struct cursor *c, int64_t *out)
{
	uint64_t n;
	bool minus = take_lit(c, "-");
	if (!take_u64(c, &n) || n > (uint64_t)INT64_MAX + minus || (minus && !n))
		return false;
	*out = minus ? (int64_t)-n : (int64_t)n;
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool take_hex(struct cursor *c, unsigned char *out, size_t n)
{
	if ((size_t)(c->end - c->p) / 2 < n)
		return false;
	for (size_t i = 0; i < n; i++, c->p += 2) {
		int hi = hex_value(c->p[0]), lo = hex_value(c->p[1]);
		if (hi < 0 || lo < 0)
			return false;
		out[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

bool take_line(struct cursor *c, const char **line, size_t *n)
{
	const char *nl = c->p < c->end ? memchr(c->p, '\n', (size_t)(c->end - c->p)) : NULL;
	if (!nl)
		return false;
	*line = c->p;
	*n = (size_t)(nl - c->p);
	c->p = nl + 1;
	return true;
}

bool text_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\')
			return false;
	return true;
}

void put_u64(struct buf *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	buf_add(out, digits + at, sizeof(digits) - at);
}

void put_hex(struct buf *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	buf_reserve(out, 2 * n);
	char *to = out->data + out->len;
	for (size_t i = 0; i < n; i++) {
		*to++ = digits[p[i] >> 4];
		*to++ = digits[p[i] & 15];
	}
	*to = '\0';
	out->len += 2 * n;
}
