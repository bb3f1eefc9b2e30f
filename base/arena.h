/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory with one lifetime: everything parsed from one document, freed at once.
 * Not thread-safe while allocating; what was allocated may be read by anybody.
 * Allocation failure ends the process (a daemon that cannot hold a policy must not decide on half of it).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t total; /* bytes handed out, for memory accounting */
};

#define ARENA_INIT {0}

/* Zeroed memory aligned for any object; owned by the arena. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of len bytes with a NUL behind it. */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_strdup(struct arena *a, const char *s);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);
/* Frees all; the arena can be used again. */
void arena_free(struct arena *a);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#endif
