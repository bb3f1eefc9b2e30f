/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ledger of the mount (SPEC section 12). One place makes lines of requests: the gate tells what it allowed and refused
 * (audit_passed, audit_refused), ll.c asks for room before a request changes anything (audit_begin) and has the lines written before it
 * answers (audit_reply). Whatever else is a matter of record is an event (audit_event), from any code of the mount.
 *
 *   request -> audit_begin -> op_* -> gate -> audit_passed / audit_refused, audit_event ... -> audit_reply -> answer
 *
 * A change that the gate has allowed and that succeeded is one line, with the decision it was allowed by; a refusal is one, folded with
 * identical ones; events of the request follow in the same batch. Nothing is written for reads (without -o ledger_reads).
 * The chain, its files and group commit are in audit_chain.h.
 */
#ifndef FS_AUDIT_H
#define FS_AUDIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "acl/acl.h"
#include "fs/op.h"
#include "ledger/ledger.h"

struct buf;
struct handle;
struct identity;
struct options;

/* ------------------------------------------------------------------ start and end */

/*
 * Reads how the ledger of the last run ended and begins a new chain. 0 also when that is damaged, or cannot be written: the mount then
 * serves reads and refuses changes. After policy_init, before the mount; no thread yet.
 */
int audit_init(const struct options *o);
/* Events that were told before this are written now, behind the line "mount". Starts the thread. */
int audit_start(const char *mountpoint);
/* The line "unmount", on disk. After the last handle has been released and all threads have ended. */
void audit_stop(void);

/* ------------------------------------------------------------------ one request: ll.c */

/*
 * This thread works on 'op' from here on; takes the room that its row of optab.def asks for. 0, or -ENOSPC, -EIO, -EROFS with the refusal
 * recorded: then only audit_reply and the answer follow.
 */
int audit_begin(struct op *op);
/* For what asks for none there and changes something after all (OPEN for writing, a .zddc that is committed at FLUSH). The same answers. */
int audit_room(struct op *op);
/*
 * Writes what is to be said of the request that ends with 'result' (0 or -errno), on disk where the event wants it. Gives the result to
 * answer with: the same, or -EIO where a change could not be recorded. Frees what the request had. No lock may be held.
 */
int audit_reply(struct op *op, int result);

/* ------------------------------------------------------------------ what the gate tells; under tree_lock */

/* 'what' was allowed to op by d, decided with rq under p. Changes only, and reads with -o ledger_reads. */
void audit_passed(struct op *op, enum acl_op what, struct node *dir, const char *name, struct acl_policy *p, const struct acl_request *rq,
		  const struct acl_decision *d);
/* A refusal of the request this thread works on: by a decision, or (p, rq and d NULL) for a reason that is a sentence. */
void audit_refused(const struct identity *who, enum acl_op what, const char *path, int err, struct acl_policy *p, const struct acl_request *rq,
		   const struct acl_decision *d, const char *sentence);
/* What the gate allowed so far led to nothing: it is not said (a name that was there already, a probe). */
void audit_forget(struct op *op);
/* The request is said by its events alone (a command, a commit of .zddc). */
void audit_by_events(struct op *op);
/* It was a rename: whither, and whether something made room ('over') or changed places with it ('exchange'). */
void audit_renamed(struct op *op, const char *from, const char *to, bool over, bool exchange);

/*
 * A file that exists was opened for writing: what allowed it is kept with the handle, and the first change through it is the line
 * (file_write). A handle whose writes the daemon does not see (passthrough) says audit_wrote at the open.
 */
void audit_opened(struct op *op, struct handle *h);
void audit_wrote(struct op *op, struct handle *h);
void audit_handle_free(struct handle *h);

/* ------------------------------------------------------------------ events */

struct audit_event {
	enum ledger_event event;
	const char *path; /* from the archive root, NULL none */
	const char *canonical; /* NULL: the same */
	const struct identity *who; /* NULL: the caller of the request this thread works on; without one, the daemon */
	const char *principal; /* where only name and uid are known (who NULL): an e-mail address, LEDGER_ANONYMOUS, or NULL */
	uid_t uid; /* counts with 'principal' */
	bool daemon; /* it has nothing to do with the request that this thread happens to work on */
	const struct ledger_attr *attrs; /* beyond those that every line has */
	size_t n_attrs;
	struct ledger_object object; /* AUDIT_EVENT_INIT */
	int err; /* positive errno; then decision is deny */
	bool active_admin;
};

#define AUDIT_EVENT_INIT .object = {.size = -1}

/*
 * Something is a matter of record. Everything is copied. Any thread, any lock. Inside a request it is written, and synced if its row of
 * events.def says so, before the answer; with verb, source and policy of what the gate allowed to the request. Elsewhere it is written
 * at once, and is on disk soon after; audit_settle() waits for that.
 */
void audit_event(const struct audit_event *e);
/* Does this thread work on a request? */
bool audit_in_request(void);
/* Everything that this thread said is on disk. No lock may be held. 0 or -errno. */
int audit_settle(void);

/*
 * The end of the chain as it is on disk, signed with the key in .zddc.d/ledger/key (made if there is none), kept in the store and said in
 * the ledger (ledger.h, checkpoints). A sentence instead if that is not possible.
 */
void audit_checkpoint(struct buf *out);
/* A new file of the ledger (SIGUSR2, for logrotate). */
void audit_rotate(void);

/* Figures for status. */
struct audit_figures {
	char chain[LEDGER_NAME_MAX + 1], file[LEDGER_NAME_MAX + 1];
	uint64_t seq; /* last line of the chain */
	uint64_t lines, batches, syncs; /* of this run */
	uint64_t bytes; /* of the file */
	uint64_t folded; /* refusals that were counted with another */
	uint64_t lost; /* refusals that could not be written, not yet said */
	char state[16]; /* "good", "full", "failed", "damaged", "off" (mounted read-only) */
	char why[512]; /* a sentence, "" when good */
};
void audit_figures(struct audit_figures *out);

#endif
