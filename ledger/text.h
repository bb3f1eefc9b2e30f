/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to ledger/: reading texts of one exact form, from left to right. Every function is false at the first thing that does not fit. */
#ifndef LEDGER_TEXT_H
#define LEDGER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

struct cursor {
	const char *p, *end;
	struct arena *arena; /* where strings go; NULL if none are read */
};

bool take(struct cursor *c, const char *word, size_t n);
#define take_lit(c, lit) take((c), "" lit, sizeof(lit) - 1)
/* Decimal without sign or leading zeros. */
bool take_u64(struct cursor *c, uint64_t *out);
/* The same with '-', but no "-0". */
bool take_i64(struct cursor *c, int64_t *out);
/* 2n lower-case hexadecimal digits. */
bool take_hex(struct cursor *c, unsigned char *out, size_t n);
/* All up to the next newline, and the newline. */
bool take_line(struct cursor *c, const char **line, size_t *n);

/* True for bytes that stand for themselves in JSON: most of all that is ever written. */
bool text_plain(const char *s, size_t n);
void put_u64(struct buf *out, uint64_t n);
void put_hex(struct buf *out, const unsigned char *p, size_t n);

#endif
