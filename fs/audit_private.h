/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the files of the ledger in the mount, and nobody else's: audit.c (requests and events), audit_line.c (as lines), audit_owed.c
 * (what is written later: events that found no room, refusals that were counted), audit_keep.c (start, end, the thread).
 */
#ifndef FS_AUDIT_PRIVATE_H
#define FS_AUDIT_PRIVATE_H

#include "base/arena.h"
#include "fs/audit.h"

/* Microseconds since 1970, never before what was said already. */
int64_t audit_now(void);
/* -o ledger_reads */
bool audit_reads(void);

/* An event without a request: written now, or kept until there is room. Copied. */
void keep_event(const struct ledger_entry *e);
/*
 * True: the refusal needs a line of its own now (perhaps one that stands for many: then e is that). False: it was counted with one like it.
 */
bool keep_folded(struct ledger_entry *e);
/* Refusals that could not be written, for the line that says so later. */
void keep_lost(uint64_t n);
/* Something that wants to be on disk was written: the thread does it now. */
void keep_wake(void);

/* ------------------------------------------------------------------ audit_line.c */

/* One decision of the gate. */
struct verdict {
	enum acl_op what;
	const char *path; /* in the arena */
	struct acl_policy *policy; /* counted: what d points to lives as long; NULL: no decision */
	struct acl_decision d;
	verbset verbs; /* needed, of all decisions of the request */
	unsigned flags;
	struct acl_attrs attrs;
	int err;
	const char *sentence;
};

struct note {
	struct note *next;
	struct audit_event e; /* all in the arena; who counted */
	int64_t at;
};

/* What is known of one request. */
struct audit_said {
	struct arena mem;
	struct verdict passed, refused;
	bool has_passed, has_refused;
	struct acl_src second; /* what decided at the other end of a rename */
	const char *to; /* of a rename */
	bool over, exchange, by_events;
	struct note *first, **last;
};

/* What an allowed operation is called: an event, or -1. */
int line_event(enum acl_op what);
const char *line_name(const struct identity *who);
/* Lines of op->said, in its arena: its refusal; what was allowed (err: positive, if it failed; NULL: no line of its own); use of the standing right; a note. */
struct ledger_entry *line_refused(struct op *op);
struct ledger_entry *line_passed(struct op *op, int err);
struct ledger_entry *line_standing(struct op *op);
struct ledger_entry *line_note(struct op *op, const struct note *n);

/* ------------------------------------------------------------------ audit_owed.c */

/* Before anything was told: 'wanted' false drops what is told from now on. */
void owed_begin(bool wanted);
/* The line of the mount is written: events go through. */
void owed_open(void);
bool owed_is_open(void);
/* Behind all that waits. Copied. */
void owe(const struct ledger_entry *e);
/* Only one thread at a time: writes what waits; what was counted up to 'now' (of the monotonic clock; INT64_MAX: all); what was lost. */
void owed_write(void);
void owed_fold(int64_t now);
void owed_lost(void);
void owed_end(void);
int64_t owed_clock(void);
void owed_figures(struct audit_figures *out);

#endif
