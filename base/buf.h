/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing byte string. Always NUL-terminated, may hold NULs. Allocation failure ends the process. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while empty */
	size_t len, cap;
};

#define BUF_INIT {0}

void buf_free(struct buf *b);
void buf_reset(struct buf *b);
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) void buf_addf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void buf_addfv(struct buf *b, const char *fmt, va_list ap);
/* The text so far, "" while empty; owned by the buffer. */
const char *buf_str(const struct buf *b);
/* The text as malloc()ed memory owned by the caller; the buffer is empty afterwards. Never NULL. */
char *buf_steal(struct buf *b);

static inline void cleanup_buf(struct buf *b) { buf_free(b); }
#define AUTO_BUF __attribute__((cleanup(cleanup_buf))) struct buf

#endif
