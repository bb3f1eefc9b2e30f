/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/limits.h"

void diag_addv(struct diags *d, enum diag_level level, const char *file, uint32_t line, uint32_t col, const char *fmt, va_list ap)
{
	if (level == DIAG_ERROR)
		d->errors++;
	if (d->n >= LIMIT_DIAGS)
		return;
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 8;
		d->v = realloc(d->v, d->cap * sizeof(*d->v));
		if (!d->v)
			abort();
	}
	struct buf text = BUF_INIT;
	buf_addfv(&text, fmt, ap);
	d->v[d->n++] = (struct diag){level, strdup(file ? file : "?"), line, col, buf_steal(&text)};
}

void diag_add(struct diags *d, enum diag_level level, const char *file, uint32_t line, uint32_t col, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_addv(d, level, file, line, col, fmt, ap);
	va_end(ap);
}

static int diag_order(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->col < y->col ? -1 : x->col > y->col;
}

void diags_sort(struct diags *d)
{
	if (d->n > 1)
		qsort(d->v, d->n, sizeof(*d->v), diag_order);
}

void diags_free(struct diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].file);
		free(d->v[i].text);
	}
	free(d->v);
	*d = (struct diags)DIAGS_INIT;
}

void diags_format(const struct diags *d, struct buf *out)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag *g = &d->v[i];
		escape_adds(out, g->file);
		if (g->line)
			buf_addf(out, ":%u:%u", g->line, g->col);
		buf_addf(out, ": %s: ", g->level == DIAG_ERROR ? "error" : "warning");
		escape_adds(out, g->text);
		buf_addc(out, '\n');
	}
}
