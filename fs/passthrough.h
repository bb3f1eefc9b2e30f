/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passthrough (SPEC section 15, Data): the kernel reads and writes the backing file itself, and no READ and no WRITE comes here. Which way
 * it is done belongs to the inode (our node): the first open chooses cached or passed through, and so it stays until the last RELEASE. What
 * the kernel allows side by side:
 *
 *   inode is           cached     direct (no page is kept)   passed     watched (passed, and direct)
 *   not open           yes        yes                        yes        yes
 *   cached             yes        yes                        no         no
 *   passed through     no         no                         yes, with the same backing id     yes, with the same backing id
 *
 * Reads and writes of a watched handle come to the daemon; a mapping of it is one of the backing file.
 *
 * Never passed through for writing: where each write is decided, recorded or kept (zones, lanes, history, freezes, records,
 * conditions, elevated sessions), and nothing at all with revoke=strict. Where a writer without w may come, files are not even passed through for reading, so that no mapping of
 * theirs goes past the daemon; sealed files are.
 *
 * A handle is counted from before the reply to OPEN until its RELEASE: what the kernel holds is never more than that, so that the choice
 * needs no lock beyond node->lock, and a backing id is given back only when nobody uses it.
 */
#ifndef FS_PASSTHROUGH_H
#define FS_PASSTHROUGH_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct handle;
struct op;
struct options;

enum pass_mode {
	PASS_NONE, /* of handles that keep nothing in the kernel, or not chosen yet */
	PASS_CACHED,
	PASS_THROUGH,
	PASS_WATCHED,
};

/* Before the kernel says hello: its device, and what the options want. */
void pass_init(const struct options *o, int device);
/* Is it to be asked for? */
bool pass_wanted(void);
/* What came of it. */
void pass_negotiated(bool yes);
/* Chooses h->pass and h->backing_id, once h is open and before it is answered. Under tree_lock. */
void pass_opened(struct handle *h);
/*
 * May bytes be changed through h that the daemon never sees? Then what is otherwise done before the first write is done now: no lock may
 * be held. 0 or -errno.
 */
int pass_before_reply(struct op *op, struct handle *h);
/* h is not open any more (from handle_free). */
void pass_closed(struct handle *h);

/* Figures for status. */
struct pass_figures {
	bool live;
	const char *why; /* why not; "" when live */
	uint64_t opens; /* handles that were passed through, */
	uint64_t writable; /* of them for writing */
	uint64_t inodes; /* now */
	uint64_t fallbacks; /* files that the kernel would not pass through */
};
struct pass_figures pass_figures(void);
/*
 * Files that somebody still has open for writing, passed through, whom policy does not let write any more: each() with path and person
 * ("alice@example.com"), 64 at most. Under tree_lock.
 */
void pass_overtaken_each(void (*each)(void *arg, const char *path, const char *who), void *arg);

struct node;
struct person;
/*
 * Does somebody write to a file at or below dir, passed through, where by today's policy every write has to be seen (a place that has become
 * write-once or frozen, a file that is a record now)? Names one such file (malloc()ed) and who has it. Under tree_lock.
 */
bool pass_stranded_below(struct node *dir, struct person *who, char **path);
/* Does anybody write to a file there, passed through? Under tree_lock. */
bool pass_writers_below(struct node *dir);

#endif
