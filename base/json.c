/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/json.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void json_control(struct buf *out, unsigned code)
{
	static const char from[] = "\n\t\r\b\f", to[] = "ntrbf";
	const char *p = code && code < 0x20 ? strchr(from, (int)code) : NULL;
	if (p)
		buf_addf(out, "\\%c", to[p - from]);
	else
		buf_addf(out, "\\u%04x", code);
}

/* One well-formed sequence of n bytes. */
static void json_letter(struct buf *out, const char *s, size_t n)
{
	unsigned code;
	if (str_unprintable(s, n, &code)) {
		json_control(out, code);
		return;
	}
	if (*s == '"' || *s == '\\')
		buf_addc(out, '\\');
	buf_add(out, s, n);
}

void json_quoted(struct buf *out, const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = str_utf8_len(str + i, len - i);
		if (n)
			json_letter(out, str + i, n);
		else
			buf_addf(out, "\\udc%02x", s[i]);
		i += n ? n : 1;
	}
	buf_addc(out, '"');
}

void json_str(struct buf *out, const char *s)
{
	if (s)
		json_quoted(out, s, strlen(s));
	else
		buf_adds(out, "null");
}

void json_sep(struct buf *out)
{
	if (out->len && !strchr("{[:", out->data[out->len - 1]))
		buf_addc(out, ',');
}

void json_key(struct buf *out, const char *key)
{
	json_sep(out);
	json_str(out, key);
	buf_addc(out, ':');
}

void json_kv(struct buf *out, const char *key, const char *value)
{
	json_key(out, key);
	json_str(out, value);
}

void json_kv_int(struct buf *out, const char *key, long long value)
{
	json_key(out, key);
	buf_addf(out, "%lld", value);
}

void json_kv_bool(struct buf *out, const char *key, bool value)
{
	json_key(out, key);
	buf_adds(out, value ? "true" : "false");
}
