/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writer of the ledger: one chain for this run of the daemon, appended to one file at a time, with group commit. Whoever comes first
 * writes the lines of all that wait, outside of the lock, while others add theirs; one fdatasync serves all that wait for it.
 *
 * Room: the file has blocks ahead of its end (fallocate), so that a line that was promised room can be written on a full disk too. Each
 * request that may change something takes a share before it begins; the rest is for refusals and for what makes room.
 *
 * Any thread; locks itself, calls nobody back with its lock held. 0 or -errno.
 */
#ifndef FS_AUDIT_CHAIN_H
#define FS_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

struct audit_past;

enum chain_state {
	CHAIN_OFF, /* not opened: nothing is written */
	CHAIN_GOOD,
	CHAIN_FULL, /* there is no room: tried again every second */
	CHAIN_FAILED, /* the disk failed: for good */
	CHAIN_DAMAGED, /* what the last run left is damaged: for good, until somebody has looked */
};

/* Begins the chain of run past->run + 1. Without room the state is CHAIN_FULL, and it is tried again. */
void chain_open(const char *host, const struct audit_past *past, uint64_t rotate_at);
/* Writes what is left, syncs, gives back the blocks ahead. */
void chain_close(void);
/* Refuses changes until chain_open, because there is no room to begin. */
void chain_full(void);
/* Refuses changes from now on; 'why' is a sentence. */
void chain_damaged(const char *why);

/*
 * Numbers, links and writes n entries, in one piece; with 'sync' they are on disk when it returns. -ENOSPC, -EIO, -E2BIG: none of them is
 * in the ledger.
 */
int chain_write(struct ledger_entry *const *v, size_t n, bool sync);
/* What was written before this call is on disk. */
int chain_sync(void);

/* A share of the room for one request; 'frees': may use what is kept for refusals. 0, -ENOSPC, -EIO or -EROFS (damaged). */
int chain_take_room(bool frees);
void chain_give_room(void);

/* The next file if this one is large enough, or 'now'. */
int chain_rotate(bool now);
/* Tries again what had no room; keeps blocks ahead. Called every second by audit_keep.c. */
void chain_attend(void);
/* Are lines written and not synced? */
bool chain_unsynced(void);

struct chain_figures {
	enum chain_state state;
	char chain[LEDGER_NAME_MAX + 1], file[LEDGER_NAME_MAX + 1], why[512];
	uint64_t seq, bytes, lines, batches, syncs;
	struct ledger_chain head; /* of what is written */
};
void chain_figures(struct chain_figures *out);

#endif
