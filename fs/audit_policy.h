/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which texts of policy are in force, as the ledger knows (SPEC section 12, "--on DATE"): for each document, by its file ("defaults",
 * "identities", "archive/Acme/.zddc"), the SHA-256 of the text that last took effect. Every change is a line: policy_change by somebody
 * through the mount, policy_reload for what was found changed behind it, identity_change. The texts themselves are kept by policy_keep.
 * The list is kept in .zddc.d/ledger/in-force; what a crash lost of that is said again. Any thread; locks itself.
 */
#ifndef FS_AUDIT_POLICY_H
#define FS_AUDIT_POLICY_H

#include <stdbool.h>
#include <stddef.h>

struct identity;
struct op;

/* Reads the list of the last run. */
void audit_policy_init(void);
/* Writes it if it has changed. Called now and then, and at the end. */
void audit_policy_save(void);
void audit_policy_free(void);

/* Committed through the mount by 'who' (text NULL: removed): the line of this request. */
void audit_policy_committed(struct op *op, const struct identity *who, const char *dir, const char *text, size_t len);
/* A directory was made with its generated .zddc (auto_own): 'path' of the directory. */
void audit_policy_born(struct op *op, const char *path, const char *text, size_t len);
/* One was moved, and was given its .zddc on the way ('owned') or had it cut down for the write-once place it went to. */
void audit_policy_arrived(struct op *op, const char *path, bool owned);
/* Read, and in force: a line if the ledger does not know it yet. NULL: there is none (any more). */
void audit_policy_read(const char *file, const char *text, size_t len);
/*
 * Compares what the ledger knows with the archive: texts that nobody has read yet, and those that are gone. Once, when the index is
 * complete; takes tree_lock for reading, for each document anew. 'stop' (atomic) ends it.
 */
void audit_policy_survey(const bool *stop);
/* A directory was renamed, or is gone: lines of their own tell it. */
void audit_policy_moved(const char *from, const char *to);
void audit_policy_dropped(const char *dir);

#endif
