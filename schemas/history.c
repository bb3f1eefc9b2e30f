/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of kept versions: they sort by time, and hold no colon, which Windows cannot show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "schemas/schemas.h"

enum { TIME_LEN = 16 }; /* 20260131T120000Z */

static void add_compact_time(long long seconds, struct buf *out)
{
	char time[32];
	str_time_format(seconds, time);
	for (const char *s = time; *s; s++)
		if (*s != '-' && *s != ':')
			buf_addc(out, *s);
}

void history_name_format(const struct history_name *h, struct buf *out)
{
	add_compact_time(h->time, out);
	buf_addf(out, "-%lu-%s-", h->revision, h->sha8);
	for (const char *s = h->email; *s; s++)
		buf_addc(out, *s == '/' || (unsigned char)*s < ' ' || *s == 0x7f ? '_' : *s);
}

static bool parse_time(const char *s, long long *seconds)
{
	char time[32];
	if (strlen(s) < TIME_LEN || s[8] != 'T' || s[15] != 'Z')
		return false;
	snprintf(time, sizeof(time), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s, s + 4, s + 6, s + 9, s + 11, s + 13);
	return str_time(time, seconds);
}

bool history_name_parse(const char *name, struct history_name *out)
{
	const char *s = name + TIME_LEN;
	char *end;
	if (!parse_time(name, &out->time) || *s != '-' || s[1] < '0' || s[1] > '9')
		return false;
	size_t digits = strspn(s + 1, "0123456789");
	out->revision = strtoul(s + 1, &end, 10);
	if (digits > 18 || *end != '-' || strspn(end + 1, "0123456789abcdef") != 8 || end[9] != '-')
		return false;
	memcpy(out->sha8, end + 1, 8);
	out->sha8[8] = '\0';
	size_t n = strlen(end + 10);
	if (!n || n > DOCNAME_MAX)
		return false;
	memcpy(out->email, end + 10, n + 1);
	return true;
}
