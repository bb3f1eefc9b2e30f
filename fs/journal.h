/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that are not at rest: open, empty, torn, transient, in seal_grace, being hashed (SPEC section 5.10, .zddc.d/inflight). A table in
 * memory and an append-only log in the store, so that after a crash they are found without a walk. It is an index only: what a file
 * is, its record and seal_judge() say; a lost entry loosens nothing. Also the few files that zddc seal sealed outside a zone.
 * Any thread; locks itself, calls nobody back with its lock held.
 */
#ifndef FS_JOURNAL_H
#define FS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/seal_record.h"

struct flight {
	uint64_t ino;
	enum seal_state state; /* SEALED: its hash is being computed */
	bool explicit; /* sealed outside a zone: stays here for good */
	long long due; /* seconds since 1970: when somebody has to look at it; 0 at once */
	struct person who; /* its creator, or who moved it here */
	char *path;
};

/* Reads the log of the last run; everything in it is due. 0 or -errno. */
int journal_init(void);
void journal_free(void);
/* Enters or changes; the path is copied. 'logged': it has to be found again after a crash (else it would be seen again anyway). */
void journal_put(const struct flight *f, bool logged);
/* Forgets. */
void journal_drop(uint64_t ino);
/* A copy (path is malloc()ed); false if it is not there. */
bool journal_get(uint64_t ino, struct flight *out);
bool journal_has(uint64_t ino);
size_t journal_count(void);
/* Something at or below 'from' is now at or below 'to'. */
void journal_moved(const char *from, const char *to);
/* Is a file that was sealed outside a zone below dir (or dir itself)? */
bool journal_explicit_below(const char *dir);
/* Copies of all at or below dir, in no order; each is freed by the caller with journal_list_free. */
struct flight *journal_list(const char *dir, size_t *n);
void journal_list_free(struct flight *v, size_t n);
/* Takes what is due at 'now': one entry, oldest first, which is due again only 10 s later. False if nothing is. Waits at most 'ms' for it. */
bool journal_next(long long now, int ms, struct flight *out);
/* Wakes journal_next. */
void journal_wake(void);
/* Rewrites the log if most of it is history. */
void journal_compact(void);

#endif
