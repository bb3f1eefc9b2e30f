/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between audit.c (requests and events, as lines) and audit_keep.c (what is written later: refusals that were counted, events that found
 * no room; start and end). Nobody else's.
 */
#ifndef FS_AUDIT_PRIVATE_H
#define FS_AUDIT_PRIVATE_H

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

#endif
