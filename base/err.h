/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diagnostics: what is wrong with a document, where, and what to do. All errors of a file are collected, not the first only.
 * Libraries fill these; only programs print them.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag {
	enum diag_level level;
	char *file; /* as named by the caller that parsed it */
	uint32_t line, col; /* from 1; 0 means the whole file */
	char *text;
};

struct diags {
	struct diag *v;
	size_t n, cap;
	size_t errors; /* how many of all that were added are errors; may exceed n once LIMIT_DIAGS is reached */
};

#define DIAGS_INIT {0}

__attribute__((format(printf, 6, 7))) void diag_add(struct diags *d, enum diag_level level, const char *file, uint32_t line,
						    uint32_t col, const char *fmt, ...);
__attribute__((format(printf, 6, 0))) void diag_addv(struct diags *d, enum diag_level level, const char *file, uint32_t line, uint32_t col, const char *fmt,
	       va_list ap);
/* Orders by line and column, so that a person reads them from top to bottom. */
void diags_sort(struct diags *d);
void diags_free(struct diags *d);

struct buf;
/* "archive/.zddc:12:3: error: text" for each, one a line. */
void diags_format(const struct diags *d, struct buf *out);

static inline void cleanup_diags(struct diags *d) { diags_free(d); }
#define AUTO_DIAGS __attribute__((cleanup(cleanup_diags))) struct diags

#endif
