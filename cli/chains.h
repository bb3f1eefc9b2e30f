/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger of an archive as its files: found, read line by line, verified. For zddc audit. One thread. */
#ifndef CLI_CHAINS_H
#define CLI_CHAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "ledger/ledger.h"

/* All files in ARCHIVE/.zddc.d/ledger, by host, run and part: a chain is a run of neighbours. */
struct chains {
	char *dir; /* ".../.zddc.d/ledger" */
	struct ledger_file *v;
	size_t n;
};

/* Finds them. An exit status: ZDDC_YES, or the error was printed. Free it with chains_free also after a failure. */
int chains_find(const char *archive, struct chains *out);
void chains_free(struct chains *c);
/* The end (one past it) of the chain that begins at file 'from'. */
size_t chains_end(const struct chains *c, size_t from);
/* The first file of the chain of that name ("host-000001"; NULL: the one whose first line is the latest), or c->n. */
size_t chains_named(const struct chains *c, const char *name);
void chains_name(const struct chains *c, size_t file, char name[LEDGER_NAME_MAX + 1]);

/*
 * Reads a file from byte 'from' on, in pieces. each() stops it by returning other than 0, which is returned; -errno if it cannot be read.
 * *to (may be NULL) is where it ended.
 */
int chains_read(const struct chains *c, size_t file, unsigned long long from, int (*each)(void *arg, const void *p, size_t n), void *arg,
		unsigned long long *to);

/* The checkpoints of the archive's own store whose text is sound, of that chain, by seq; malloc()ed. */
struct ledger_checkpoint *chains_checkpoints(const struct chains *c, const char *chain, size_t *n);
/* A file of the store ("key", "key.pub"): 0 or -errno. */
int chains_store(const struct chains *c, const char *name, struct buf *out);
/* Writes a new file there, 0600, synced; -EEXIST if it is there. */
int chains_store_new(const struct chains *c, const char *name, const struct buf *text);

#define AUTO_CHAINS __attribute__((cleanup(chains_free))) struct chains

#endif
