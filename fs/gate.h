/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one door. Every request that touches an entry passes gate_check (or gate_sight for entering and listing), which asks the
 * engine, makes the errno, records the caller's last refusal, and tells the ledger what it allowed and refused (audit.h). Call under tree_lock.
 */
#ifndef FS_GATE_H
#define FS_GATE_H

#include "acl/acl.h"
#include "fs/op.h"

struct buf;
struct diags;

/*
 * May op->caller do 'what' to 'name' in the governing directory 'dir' ('name' NULL: the directory itself)? 'flags' are ACL_* of
 * acl.h about the thing's state. 0, or -errno with the refusal recorded.
 */
int gate_check(struct op *op, enum acl_op what, struct node *dir, const char *name, unsigned flags);
/* The same for a handle's own principal (writes and reads bound to an open handle). */
int gate_check_as(struct op *op, struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags);
/* The same question without recording anything: access(2), listings, actions. */
bool gate_may(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags);
/* The same by another policy than that of now: one of an earlier day. Holds on to nothing of it. */
bool gate_may_under(const struct identity *who, struct acl_policy *p, enum acl_op what, const char *name);
/* Does the caller administer dir (admins: here or above, elevated or not)? */
bool gate_is_admin(const struct identity *who, struct node *dir);
/*
 * Is the caller an elevated root administrator? 0, or -EACCES with a refusal that names what needs it ("a legal hold") and what is missing.
 * 'dir' is any directory.
 */
int gate_check_root(struct op *op, struct node *dir, enum acl_op what, const char *path, const char *needs);
/* Holds the role auditor here? */
bool gate_is_auditor(const struct identity *who, struct node *dir);
/* Verbs held in dir. */
struct acl_decision gate_verbs(const struct identity *who, struct node *dir);
/* Visible? Waits while the index is being built. 0 or -errno; out as acl_snap_sight. */
int gate_sight(const struct identity *who, struct node *dir, struct acl_sight *out);
int gate_sight_path(const struct identity *who, const char *dir, struct acl_sight *out);
/* It is being listed by whoever may: the ledger hears of it where that is wanted, or where only elevation opens it. */
void gate_listed(struct op *op, struct node *dir);
/* Enter a directory: 0, or -ENOENT (it looks absent); never recorded for stat probes. */
int gate_enter(struct op *op, struct node *dir);

/* A refusal that is not a decision (guarded key, name, state): records sentence and errno for last-error; returns -err. */
__attribute__((format(printf, 5, 6))) int gate_refuse(struct op *op, int err, enum acl_op what, const char *path, const char *fmt, ...);

/* The same with the person it is about (RELEASE arrives as uid 0) and the diagnostics of a refused text; 'd' may be NULL. */
__attribute__((format(printf, 6, 7))) int gate_refuse_text(const struct identity *who, int err, enum acl_op what, const char *path,
							  const struct diags *d, const char *fmt, ...);
/* A refusal for a reason of reasons.def that verbs do not know (BECAUSE_NEVER, BECAUSE_NEEDS_OWNER): recorded; -errno of the reason. */
int gate_refuse_why(const struct identity *who, enum acl_op what, struct node *dir, const char *name, enum acl_reason why);

/* The same for what is allowed for a reason that verbs do not know (BECAUSE_CREATOR): the ledger hears of it. */
void gate_allow_why(struct op *op, enum acl_op what, struct node *dir, const char *name, enum acl_reason why);

/* The roles that 'who' holds under p, as they are spelled there. Kept for the thread: good until its next question. */
const char *const *gate_roles(struct acl_policy *p, struct identity *who, size_t *n);

/* What is said of a refusal that is about the state of a file (seal.h). All strings are copied. */
struct gate_state {
	const char *state, *since, *by; /* "sealed", when (RFC 3339, "" if not known), who */
	const char *rule; /* which rule refused */
	const char *instead; /* what the caller may do */
	const char *text; /* all that in a sentence */
};
/* Decides as gate_check with these flags, and adds what the file's state says of it. -errno; 0 only if the decision allows. */
int gate_refuse_state(struct op *op, enum acl_op what, struct node *dir, const char *name, unsigned flags, const struct gate_state *s);

/* The last refusal of 'who' on this mount: a sentence, the hint, then JSON (or the JSON alone, "{}" if none). Empty if none. */
void gate_last_error(const struct identity *who, enum acl_format f, struct buf *out);
/*
 * The engine's explanation for this caller, as text or JSON; entries of files the caller cannot read are "(hidden)". An operation on
 * the directory itself (place DIR) is asked with name NULL.
 */
void gate_explain(const struct identity *who, enum acl_op what, struct node *dir, const char *name, enum acl_format f, struct buf *out);
/*
 * The same where the state of the file has a say (seal.h): 'flags' as gate_check; 'by_state': its creator may, whatever the verbs. 'state'
 * is added, a sentence.
 */
void gate_explain_state(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags, bool by_state,
			const char *state, enum acl_format f, struct buf *out);

/* The same for an operation of place DIR on the directory 'name' in dir, if it is 'there'; one that the caller may not enter looks absent. */
void gate_explain_dir(const struct identity *who, enum acl_op what, struct node *dir, const char *name, bool there, enum acl_format f,
		      struct buf *out);
/*
 * What somebody else holds in dir ("anonymous" or an address; their Unix groups are not known), for 'viewer', to whom sources stay hidden that
 * they cannot read. Of any entry of dir; 'what' of place DIR: of dir itself. For callers who were found to be entitled to ask.
 */
void gate_explain_of(const struct identity *viewer, const char *email, enum acl_op what, struct node *dir, const char *name, enum acl_format f,
		     struct buf *out);
/* May this caller read that policy file ("archive/Acme/.zddc", "defaults")? */
bool gate_file_readable(const struct identity *who, const char *file);
/* That, as the engine asks it. */
struct acl_view gate_view(const struct identity *who);
/* What now is for decisions: never goes back, and goes on also while the machine's clock is behind. Seconds since 1970. */
long long gate_now(void);
/* It is not before that (the clock of the last run). */
void gate_clock_floor(long long at);
void gate_free(void);

/*
 * May this reader know what happened in that directory (a path, which need not be there any more): by r or a there, as its administrator, or
 * as an auditor?
 */
bool gate_knows(const struct identity *who, const char *dir);

/* Counters for status. */
struct gate_counters {
	uint64_t decisions, refusals;
};
struct gate_counters gate_counters(void);

#endif
