/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small text helpers. Case-blind means ASCII: policy words and slot names are ASCII, other bytes compare exactly. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

char str_lower_c(char c);
/* Folds s in place. */
void str_lower(char *s);
bool str_ieq(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/*
 * Match of a whole string: '*' is any run, everything else itself, and what 'how' adds. Takes no longer than the product of both lengths,
 * whatever the pattern.
 */
enum {
	GLOB_BYTE = 1, /* '?' is any byte */
	GLOB_SET = 2, /* [a-z0-9], [!a-z]; a backslash takes its meaning from what follows: as fnmatch(3) in the C locale */
	GLOB_FOLD = 4, /* case-blind */
	GLOB_AT = 8, /* '*' never crosses an '@' */
};
bool str_glob(const char *pattern, const char *s, unsigned how);
/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 if there is none; n > 0. */
size_t str_utf8_len(const char *s, size_t n);
/*
 * True if the well-formed sequence of n bytes at s is no letter to a YAML reader or a terminal: controls (C0, DEL, C1), line and
 * paragraph separators, the byte order mark, U+FFFE and U+FFFF. *code (may be NULL) is its code point.
 */
bool str_unprintable(const char *s, size_t n, unsigned *code);
/* True if the n bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_utf8_valid(const char *s, size_t n);
/* Edit distance, for "did you mean"; at most 'most' + 1 is returned. */
unsigned str_distance(const char *a, const char *b, unsigned most);
/* The candidate nearest to word (distance at most a third of its length, rounded up, at least 1), or NULL. */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);
/* RFC 3339 UTC "2026-01-31T12:00:00Z" or with offset or fraction, or a bare date "2026-01-31"; false if it is none. Seconds since 1970. */
bool str_time(const char *s, long long *seconds);
/* "90", "90s", "10m", "12h", "7d", "2w", "10y" (365 d): seconds; false if it is none. */
bool str_duration(const char *s, long long *seconds);
/* Writes "2026-01-31T12:00:00Z" (at least 21 bytes); UTC without any locale or zone. */
void str_time_format(long long seconds, char out[32]);

#endif
