/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text that came from elsewhere (names of files are bytes), for people: logs, terminals, sentences. What ends a line, drives a
 * terminal, is no UTF-8, or makes text run backwards is written as \x.., byte by byte; everything else as it is.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends n bytes of s; newlines and tabs stay if 'lines'. */
void escape_add(struct buf *out, const char *s, size_t n, bool lines);
/* A whole string on one line. */
void escape_adds(struct buf *out, const char *s);

#endif
