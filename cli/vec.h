/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing arrays: v = vec_room(v, n, sizeof *v); v[n++] = ... Capacity is the next power of two; no memory ends the process. */
#ifndef CLI_VEC_H
#define CLI_VEC_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Room for element n of an array that holds n. */
static inline void *vec_room(void *v, size_t n, size_t size)
{
	if (n & (n - 1))
		return v;
	v = realloc(v, (n ? 2 * n : 1) * size);
	if (!v)
		abort();
	return v;
}

static inline char *vec_str(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

#endif
