/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char str_lower_c(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

void str_lower(char *s)
{
	for (; *s; s++)
		*s = str_lower_c(*s);
}

bool str_ieq(const char *a, const char *b)
{
	while (*a && str_lower_c(*a) == str_lower_c(*b)) {
		a++;
		b++;
	}
	return str_lower_c(*a) == str_lower_c(*b);
}

bool str_starts(const char *s, const char *prefix) { return strncmp(s, prefix, strlen(prefix)) == 0; }

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* The end of the set that begins at p, or NULL if there is none: then '[' is a character. '*in': does it hold c? */
static const char *glob_set(const char *p, char c, bool *in)
{
	bool not = *++p == '!' || *p == '^', found = false;
	unsigned char u = (unsigned char)c;
	p += not;
	for (const char *first = p; *p && (*p != ']' || p == first); p++) {
		p += *p == '\\' && p[1];
		unsigned char low = (unsigned char)*p, high = low;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			p += 2;
			p += *p == '\\' && p[1];
			high = (unsigned char)*p;
		}
		found |= u >= low && u <= high;
	}
	*in = found != not;
	return *p ? p + 1 : NULL;
}

/* The pattern behind its next element, if that matches c; else NULL. */
static const char *glob_one(const char *p, char c, unsigned how)
{
	bool in;
	if (*p == '?' && how & GLOB_BYTE)
		return p + 1;
	const char *behind = *p == '[' && how & GLOB_SET ? glob_set(p, c, &in) : NULL;
	if (behind)
		return in ? behind : NULL;
	p += *p == '\\' && how & GLOB_SET;
	return *p == c || (how & GLOB_FOLD && str_lower_c(*p) == str_lower_c(c)) ? p + 1 : NULL;
}

/* Iterative with one backtrack point, the last star: what an earlier one could take, the last could as well. */
bool str_glob(const char *p, const char *s, unsigned how)
{
	const char *star = NULL, *from = NULL, *next;
	while (*s) {
		if (*p == '*') {
			star = p++;
			from = s;
		} else if (*p && (next = glob_one(p, *s, how))) {
			p = next;
			s++;
		} else if (star && !(how & GLOB_AT && *from == '@')) {
			p = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

size_t str_utf8_len(const char *str, size_t n)
{
	const unsigned char *s = (const unsigned char *)str;
	static const unsigned min[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (len <= 1 || len > n)
		return len > n ? 0 : len;
	unsigned cp = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3fu);
	}
	return cp < min[len] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff) ? 0 : len;
}

bool str_unprintable(const char *s, size_t n, unsigned *code)
{
	unsigned cp = (unsigned char)s[0];
	if (n > 1)
		cp &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		cp = cp << 6 | ((unsigned char)s[i] & 0x3fu);
	if (code)
		*code = cp;
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff || cp == 0xfffe || cp == 0xffff;
}

bool str_utf8_valid(const char *s, size_t n)
{
	while (n) {
		size_t len = str_utf8_len(s, n);
		if (!len)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

enum { DISTANCE_WORD = 64 };

unsigned str_distance(const char *a, const char *b, unsigned most)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[DISTANCE_WORD + 1];
	if (n > DISTANCE_WORD || m > DISTANCE_WORD)
		return most + 1;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned corner = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned up = row[j], best = corner + (str_lower_c(a[i - 1]) != str_lower_c(b[j - 1]));
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			corner = up;
		}
	}
	return row[m] > most ? most + 1 : row[m];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n)
{
	unsigned most = (unsigned)((strlen(word) + 1) / 3); /* two swapped letters of five are two edits */
	const char *best = NULL;
	if (most < 1)
		most = 1;
	for (size_t i = 0; i < n; i++) {
		unsigned d = str_distance(word, candidates[i], most);
		if (d <= most) {
			best = candidates[i];
			most = d ? d - 1 : 0;
			if (!d)
				break;
		}
	}
	return best;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil). */
static long long days_of(long long y, int m, int d)
{
	y -= m <= 2;
	long long era = (y >= 0 ? y : y - 399) / 400;
	long long yoe = y - era * 400;
	long long doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool digits(const char **s, int n, int *out)
{
	*out = 0;
	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return true;
}

static bool literal(const char **s, char c)
{
	if (str_lower_c(**s) != c)
		return false;
	(*s)++;
	return true;
}

static bool parse_offset(const char **s, long long *seconds)
{
	int h, m, sign = **s == '-' ? -1 : 1;
	if (literal(s, 'z'))
		return true;
	if (!literal(s, '+') && !literal(s, '-'))
		return false;
	if (!digits(s, 2, &h) || !literal(s, ':') || !digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*seconds -= sign * (h * 3600LL + m * 60LL);
	return true;
}

static bool parse_clock(const char **s, long long *seconds)
{
	int h, m, sec;
	if (!digits(s, 2, &h) || !literal(s, ':') || !digits(s, 2, &m) || !literal(s, ':') || !digits(s, 2, &sec))
		return false;
	if (h > 23 || m > 59 || sec > 60)
		return false;
	*seconds += h * 3600LL + m * 60LL + sec;
	if (literal(s, '.')) {
		int fraction;
		if (!digits(s, 1, &fraction))
			return false;
		while (**s >= '0' && **s <= '9')
			(*s)++;
	}
	return parse_offset(s, seconds);
}

static bool valid_date(int y, int m, int d)
{
	static const int month[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m >= 1 && m <= 12 && d >= 1 && d <= month[m - 1] + (m == 2 && leap);
}

bool str_time(const char *s, long long *seconds)
{
	int y, m, d;
	if (!digits(&s, 4, &y) || !literal(&s, '-') || !digits(&s, 2, &m) || !literal(&s, '-') || !digits(&s, 2, &d))
		return false;
	if (!valid_date(y, m, d))
		return false;
	*seconds = days_of(y, m, d) * 86400;
	if (!*s)
		return true;
	if (!literal(&s, 't') && !literal(&s, ' '))
		return false;
	return parse_clock(&s, seconds) && !*s;
}

bool str_duration(const char *s, long long *seconds)
{
	static const struct {
		char unit;
		long long seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}, {'y', 365LL * 86400}};
	char *end;
	if (*s < '0' || *s > '9' || strlen(s) > 9)
		return false;
	long long n = strtoll(s, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].unit && (!*end || !end[1])) {
			*seconds = n * units[i].seconds;
			return true;
		}
	return false;
}

void str_time_format(long long t, char out[32])
{
	long long days = t >= 0 ? t / 86400 : -((86399 - t) / 86400), rest = t - days * 86400;
	long long z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	long long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int d = (int)(doy - (153 * mp + 2) / 5 + 1), m = (int)(mp < 10 ? mp + 3 : mp - 9);
	snprintf(out, 32, "%04lld-%02d-%02dT%02d:%02d:%02dZ", yoe + era * 400 + (m <= 2), m, d, (int)(rest / 3600), (int)(rest / 60 % 60),
		 (int)(rest % 60));
}
