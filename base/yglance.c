/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/yglance.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/ynode.h"

/* What can be seen of a text without parsing it. */
struct glance {
	size_t events;
	uint32_t line, long_line; /* long_line: holds one text over the limit, 0 if none does */
};

enum { LONGEST_ESCAPE = 10 }; /* "\U00000041" is one byte */

/* Values on one line: a key and its value, and what commas separate, up to a comment. */
static void glance_line(struct glance *g, const char *s, const char *end)
{
	static const bool cuts[256] = {[','] = true, [':'] = true, ['['] = true, [']'] = true,
				       ['{'] = true, ['}'] = true, ['-'] = true, ['?'] = true};
	const char *from = s - 1;
	g->events++;
	for (; s < end && !(*s == '#' && s[-1] == ' '); s++) {
		if (!cuts[(unsigned char)*s])
			continue;
		g->events += *s == ',' || (*s == ':' && (s + 1 == end || s[1] == ' '));
		from = s;
	}
	if (s - from > (ptrdiff_t)(LIMIT_SCALAR_BYTES * LONGEST_ESCAPE) && !g->long_line)
		g->long_line = g->line;
}

/*
 * Refuses what libyaml would spend 10 ms and the tree 10 MB on, only to find it over a limit. Lines inside long texts count as
 * events too, but a text has 4 KiB at most, and no document that people write comes near the 100,000.
 */
static int check_size(const char *file, const char *s, const char *end, size_t events, struct diags *d)
{
	struct glance g = {0};
	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		if (!eol)
			eol = end;
		g.line++;
		while (s < eol && (*s == ' ' || *s == '\r'))
			s++;
		if (s < eol && *s != '#')
			glance_line(&g, s + 1, eol);
		s = eol + 1;
	}
	if (g.events > events)
		diag_add(d, DIAG_ERROR, file, 0, 0, YGLANCE_EVENTS);
	else if (g.long_line)
		diag_add(d, DIAG_ERROR, file, g.long_line, 1, "a text of over 4 KiB: policy and records hold short texts only");
	return g.events > events || g.long_line ? -EINVAL : 0;
}

/* Before the parser sees it: size, NUL bytes and UTF-8, with the line of the offence. */
int yglance(const char *file, const char *text, size_t len, const struct ynode_limits *most, struct diags *d)
{
	uint32_t line = 1;
	if (len > most->bytes) {
		diag_add(d, DIAG_ERROR, file, 0, 0, "over 1 MiB: split the document");
		return -EINVAL;
	}
	for (size_t i = 0; i < len;) {
		size_t n = text[i] ? str_utf8_len(text + i, len - i) : 0;
		if (!n) {
			diag_add(d, DIAG_ERROR, file, line, 1, "byte 0x%02x is not UTF-8: save the file as UTF-8", (unsigned char)text[i]);
			return -EINVAL;
		}
		line += text[i] == '\n';
		i += n;
	}
	return check_size(file, text, text + len, most->events, d);
}
