/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON text into a buffer. Names of files are bytes: what is not UTF-8 is written as \udc80..\udcff (one escape a byte, as
 * Python's surrogateescape reads back), so nothing is lost.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* "..." with escapes. */
void json_quoted(struct buf *out, const char *s, size_t len);
void json_str(struct buf *out, const char *s); /* NULL is null */
/* ,"key":  -- the comma only where something stands before it in the object or array. */
void json_key(struct buf *out, const char *key);
void json_kv(struct buf *out, const char *key, const char *value);
void json_kv_int(struct buf *out, const char *key, long long value);
void json_kv_bool(struct buf *out, const char *key, bool value);
/* A comma unless at the start of an object or array. */
void json_sep(struct buf *out);

#endif
