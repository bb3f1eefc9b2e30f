/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing a .zddc is a transaction (SPEC section 8): clients write a private copy; FLUSH with writes validates and commits; a commit puts
 * a new inode in place (draft.h). Here: what may become policy (guarded keys, mandated grants, root administrators), removal and rename.
 */
#ifndef FS_COMMIT_H
#define FS_COMMIT_H

#include <stddef.h>
#include <sys/types.h>

struct op;
struct node;
struct draft_kind;
struct identity;

/* What a draft of a .zddc becomes. */
extern const struct draft_kind policy_draft_kind;

/* Puts 'text' in place as dir's .zddc after all checks (also used by rename onto .zddc). tree_lock held for writing. */
int policy_commit(struct op *op, struct identity *who, struct node *dir, const char *text, size_t len);
/* Puts 'text' in place as the .zddc of a directory by path, without checks: they have been made. tree_lock held for writing. */
int policy_put(struct op *op, struct identity *who, const char *dir, const char *text, size_t len);
/* unlink of .zddc: EBUSY while other entries remain; checks as for an edit to nothing. tree_lock held for writing. */
int policy_remove(struct op *op, struct identity *who, struct node *dir);
/*
 * rename of .zddc away to 'new_name' in 'to': the text is copied there; the policy stays in force, its name hidden for 10 s.
 * RENAME_NOREPLACE is obeyed; with RENAME_EXCHANGE the text of 'new_name' becomes the policy. tree_lock held for writing; the caller
 * has passed the gate at both ends and does what the node of a replaced 'new_name' needs.
 */
int policy_move_away(struct op *op, struct identity *who, struct node *dir, struct node *to, const char *new_name, unsigned flags);
#endif
