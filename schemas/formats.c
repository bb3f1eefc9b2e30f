/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The formats that are asserted: RFC 3339 dates and times, RFC 5321 addresses, RFC 3986 URIs. ASCII only, as those say. */
#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "schemas/form.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) { return is_digit(c) || (str_lower_c(c) >= 'a' && str_lower_c(c) <= 'z'); }
static bool is_hex(char c) { return is_digit(c) || (str_lower_c(c) >= 'a' && str_lower_c(c) <= 'f'); }
static bool is_one_of(char c, const char *set) { return c && strchr(set, c); }

/* Does s start with the shape, where '0' is any digit? */
static bool shaped(const char *s, const char *shape)
{
	for (; *shape; s++, shape++)
		if (*shape == '0' ? !is_digit(*s) : str_lower_c(*s) != *shape)
			return false;
	return true;
}

/* ---- date, date-time ---- */

static bool format_date(const char *s, size_t len)
{
	long long seconds;
	return len == 10 && str_time(s, &seconds);
}

static int two(const char *s) { return (s[0] - '0') * 10 + s[1] - '0'; }

/* "Z" or "+01:00"; *minutes is what to take away for UTC. */
static bool zone(const char *s, int *minutes)
{
	*minutes = 0;
	if ((*s == 'Z' || *s == 'z') && !s[1])
		return true;
	if ((*s != '+' && *s != '-') || !shaped(s + 1, "00:00") || s[6] || two(s + 1) > 23 || two(s + 4) > 59)
		return false;
	*minutes = (*s == '-' ? -1 : 1) * (two(s + 1) * 60 + two(s + 4));
	return true;
}

/* A leap second is the last of a day in UTC. */
static bool clock_of_day(int h, int m, int s, int offset)
{
	if (h > 23 || m > 59 || s > 60)
		return false;
	return s < 60 || ((h * 60 + m - offset) % 1440 + 1440) % 1440 == 1439;
}

static bool format_date_time(const char *s, size_t len)
{
	char date[11] = "";
	long long seconds;
	int offset;
	if (strlen(s) != len || !shaped(s, "0000-00-00t00:00:00"))
		return false;
	memcpy(date, s, 10);
	const char *rest = s + 19;
	if (*rest == '.') {
		size_t n = strspn(rest + 1, "0123456789");
		if (!n)
			return false;
		rest += 1 + n;
	}
	return str_time(date, &seconds) && zone(rest, &offset) && clock_of_day(two(s + 11), two(s + 14), two(s + 17), offset);
}

/* ---- email ---- */

static bool ip_literal(const char *s, size_t n, bool v6)
{
	char text[64];
	unsigned char address[16];
	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, address) == 1;
}

static bool host_name(const char *s, size_t n)
{
	size_t label = 0;
	for (size_t i = 0; i <= n; i++) {
		if (i == n || s[i] == '.') {
			if (!label || label > 63 || s[i - 1] == '-')
				return false;
			label = 0;
		} else if (is_alnum(s[i]) || (s[i] == '-' && label)) {
			label++;
		} else {
			return false;
		}
	}
	return n <= 253;
}

static bool mail_host(const char *s, size_t n)
{
	if (n < 2 || s[0] != '[')
		return host_name(s, n);
	if (s[n - 1] != ']')
		return false;
	bool v6 = str_starts(s, "[IPv6:");
	return ip_literal(s + (v6 ? 6 : 1), n - (v6 ? 7 : 2), v6);
}

static bool dot_atom(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool dot = s[i] == '.';
		if (dot ? (!i || i == n - 1 || s[i - 1] == '.') : !is_alnum(s[i]) && !is_one_of(s[i], "!#$%&'*+/=?^_`{|}~-"))
			return false;
	}
	return n > 0;
}

static bool quoted_string(const char *s, size_t n)
{
	if (n < 3 || s[0] != '"' || s[n - 1] != '"')
		return false;
	for (size_t i = 1; i < n - 1; i++) {
		if (s[i] < ' ' || s[i] > '~' || s[i] == '"')
			return false;
		if (s[i] == '\\' && (++i == n - 1 || s[i] < ' ' || s[i] > '~'))
			return false;
	}
	return true;
}

static bool format_email(const char *s, size_t len)
{
	const char *at = memrchr(s, '@', len);
	if (!at || len > 254 || at - s > 64)
		return false;
	size_t local = (size_t)(at - s);
	return (dot_atom(s, local) || quoted_string(s, local)) && mail_host(at + 1, len - local - 1);
}

/* ---- uri ---- */

/* All n characters are unreserved, escaped, sub-delimiters or of 'more'. */
static bool uri_chars(const char *s, size_t n, const char *more)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%') {
			if (n - i < 3 || !is_hex(s[i + 1]) || !is_hex(s[i + 2]))
				return false;
			i += 2;
		} else if (!is_alnum(s[i]) && !is_one_of(s[i], "-._~!$&'()*+,;=") && !is_one_of(s[i], more)) {
			return false;
		}
	}
	return true;
}

static bool port(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (i ? !is_digit(s[i]) : s[i] != ':')
			return false;
	return true;
}

/* [2001:db8::7] or [v1.x]; what follows it is a port. */
static bool bracket_host(const char *s, size_t n)
{
	const char *end = memchr(s, ']', n);
	if (!end)
		return false;
	size_t inside = (size_t)(end - s) - 1;
	bool future = inside > 3 && str_lower_c(s[1]) == 'v' && is_hex(s[2]) && memchr(s, '.', inside) && uri_chars(s + 1, inside, ":");
	return (future || ip_literal(s + 1, inside, true)) && port(end + 1, n - inside - 2);
}

static bool authority(const char *s, size_t n)
{
	const char *at = memchr(s, '@', n);
	if (at) {
		size_t user = (size_t)(at - s);
		if (!uri_chars(s, user, ":"))
			return false;
		s += user + 1;
		n -= user + 1;
	}
	if (n && *s == '[')
		return bracket_host(s, n);
	const char *colon = memrchr(s, ':', n);
	size_t host = colon ? (size_t)(colon - s) : n;
	return uri_chars(s, host, "") && port(s + host, n - host);
}

static bool scheme(const char *s, size_t n)
{
	if (!n || !is_alnum(s[0]) || is_digit(s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !is_one_of(s[i], "+-."))
			return false;
	return true;
}

static bool format_uri(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	if (strlen(s) != len || !colon || !scheme(s, (size_t)(colon - s)))
		return false;
	s = colon + 1;
	if (str_starts(s, "//")) {
		size_t n = strcspn(s + 2, "/?#");
		if (!authority(s + 2, n))
			return false;
		s += 2 + n;
	}
	size_t path = strcspn(s, "?#");
	if (!uri_chars(s, path, ":@/"))
		return false;
	s += path;
	size_t query = strcspn(s, "#");
	if (query && !uri_chars(s + 1, query - 1, ":@/?"))
		return false;
	s += query;
	return !*s || uri_chars(s + 1, strlen(s + 1), ":@/?");
}

/* ---- the table ---- */

static const struct schema_format formats[] = {
#define SCHEMA_FORMAT(id, word, check, example) {word, example, check},
#include "schemas/formats.def"
#undef SCHEMA_FORMAT
};

const struct schema_format *schema_format_find(const char *word)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].word, word))
			return &formats[i];
	return NULL;
}
