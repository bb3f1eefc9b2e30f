/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/escape.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* What makes text run backwards, or has no width: a name could pose as another (U+200B-U+200F, U+202A-U+202E, U+2066-U+2069). */
static bool turns_around(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n != 3 || u[0] != 0xe2)
		return false;
	if (u[1] == 0x80)
		return (u[2] >= 0x8b && u[2] <= 0x8f) || (u[2] >= 0xaa && u[2] <= 0xae);
	return u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9;
}

/* How many bytes from s can be shown as they are; 0 if the first must be escaped. */
static size_t showable(const char *s, size_t left, bool lines)
{
	size_t n = str_utf8_len(s, left);

	if (lines && (*s == '\n' || *s == '\t'))
		return 1;
	if (!n || str_unprintable(s, n, NULL) || turns_around(s, n))
		return 0;
	return n;
}

void escape_add(struct buf *out, const char *s, size_t n, bool lines)
{
	for (size_t i = 0; i < n;) {
		size_t len = showable(s + i, n - i, lines);

		if (len)
			buf_add(out, s + i, len);
		else
			buf_addf(out, "\\x%02x", (unsigned char)s[i]);
		i += len ? len : 1;
	}
}

void escape_adds(struct buf *out, const char *s)
{
	escape_add(out, s, strlen(s), false);
}
