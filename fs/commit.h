/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing a .zddc is a transaction (SPEC section 8): clients write a private copy; FLUSH with writes validates and commits; a commit puts
 * a new inode in place. Also guarded keys, mandated grants, root administrators, removal and rename of .zddc. Handles of NODE_POLICY
 * nodes carry a struct draft (draft.c); what takes effect goes through policy_commit (commit.c).
 */
#ifndef FS_COMMIT_H
#define FS_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct op;
struct node;
struct draft;
struct handle;
struct identity;
struct buf;

/* A private copy of dir's .zddc for writing ('fresh': start empty). The gate has been passed. Under tree_lock. */
int draft_open(struct op *op, struct node *dir, bool fresh, struct draft **out);
ssize_t draft_read(struct draft *d, void *data, size_t n, off_t off);
/* Bytes written, or -EFBIG over 1 MiB. */
ssize_t draft_write(struct draft *d, const void *data, size_t n, off_t off, bool append);
int draft_truncate(struct draft *d, off_t size);
off_t draft_size(const struct draft *d);
/* FLUSH and fsync: commits if there were writes since the last one; 0, or -EINVAL with last-error and .zddc.d/rejected; text stays pending. */
int draft_commit(struct op *op, struct draft *d, struct identity *who);
/* RELEASE: commits what is pending (or a new empty file), or keeps the old policy; frees. */
void draft_release(struct op *op, struct draft *d, struct identity *who);
/* Does this uid write a not yet committed new .zddc in dir (only the writer sees the name)? */
bool draft_pending(const struct node *dir, uid_t uid);

/* Puts 'text' in place as dir's .zddc after all checks (also used by rename onto .zddc). tree_lock held for writing. */
int policy_commit(struct op *op, struct identity *who, struct node *dir, const char *text, size_t len);
/* unlink of .zddc: EBUSY while other entries remain; checks as for an edit to nothing. tree_lock held for writing. */
int policy_remove(struct op *op, struct identity *who, struct node *dir);
/*
 * rename of .zddc away to 'new_name' in 'to': the text is copied there; the policy stays in force, its name hidden for 10 s.
 * RENAME_NOREPLACE is obeyed; with RENAME_EXCHANGE the text of 'new_name' becomes the policy. tree_lock held for writing; the caller
 * has passed the gate at both ends and does what the node of a replaced 'new_name' needs.
 */
int policy_move_away(struct op *op, struct identity *who, struct node *dir, struct node *to, const char *new_name, unsigned flags);
/* Is dir's .zddc hidden just now (moved away less than 10 s ago)? */
bool policy_hidden(const struct node *dir);
/* The text of this uid that was refused last in dir; false if there is none. Freed with everything else by commit_free. */
bool policy_rejected(const struct node *dir, uid_t uid, struct buf *out);
void commit_free(void);

#endif
