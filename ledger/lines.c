/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes that come in pieces, as lines. */
#include <string.h>

#include "ledger/ledger.h"

static void keep(struct ledger_lines *l, const char *p, size_t n)
{
	size_t room = LEDGER_LINE_MAX - l->rest.len;
	buf_add(&l->rest, p, n < room ? n : room);
}

int ledger_lines_feed(struct ledger_lines *l, const void *p, size_t n, int (*each)(void *arg, const char *line, size_t n), void *arg)
{
	const char *s = p, *end = s + n, *nl;
	int r = 0;
	while (!r && s < end && (nl = memchr(s, '\n', (size_t)(end - s)))) {
		if (l->rest.len || nl - s > LEDGER_LINE_MAX) {
			keep(l, s, (size_t)(nl - s));
			r = each(arg, l->rest.data, l->rest.len);
			buf_reset(&l->rest);
		} else {
			r = each(arg, s, (size_t)(nl - s));
		}
		s = nl + 1;
	}
	if (!r && s < end)
		keep(l, s, (size_t)(end - s));
	return r;
}
