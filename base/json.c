/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/json.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void json_control(struct buf *out, unsigned char c)
{
	static const char from[] = "\n\t\r\b\f", to[] = "ntrbf";
	const char *p = c ? strchr(from, c) : NULL;
	if (p)
		buf_addf(out, "\\%c", to[p - from]);
	else
		buf_addf(out, "\\u%04x", c);
}

/* Line breaks and marks outside ASCII, which YAML readers and terminals take for more than a letter: NEL, LS, PS, BOM. */
static unsigned json_break(const char *s, size_t n)
{
	static const struct {
		const char *bytes;
		unsigned code;
	} breaks[] = {{"\xc2\x85", 0x85}, {"\xe2\x80\xa8", 0x2028}, {"\xe2\x80\xa9", 0x2029}, {"\xef\xbb\xbf", 0xfeff}};
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		if (strlen(breaks[i].bytes) == n && !memcmp(s, breaks[i].bytes, n))
			return breaks[i].code;
	return 0;
}

void json_quoted(struct buf *out, const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = str_utf8_len(str + i, len - i);
		if (!n)
			buf_addf(out, "\\udc%02x", s[i]);
		else if (n > 1 && json_break(str + i, n))
			buf_addf(out, "\\u%04x", json_break(str + i, n));
		else if (n > 1)
			buf_add(out, s + i, n);
		else if (s[i] < 0x20 || s[i] == 0x7f)
			json_control(out, s[i]);
		else {
			if (s[i] == '"' || s[i] == '\\')
				buf_addc(out, '\\');
			buf_addc(out, (char)s[i]);
		}
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
