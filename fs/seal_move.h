/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of write-once files on the move (SPEC sections 4 and 5.5, 5.11): transient names that are committed, files and folders that come
 * into a zone, folders that hold sealed files. Decided before the rename and finished after it, both under the tree lock for writing;
 * the rename itself is the one step that counts: whatever a crash leaves undone afterwards, 5.12 makes good.
 */
#ifndef FS_SEAL_MOVE_H
#define FS_SEAL_MOVE_H

#include <stdbool.h>

#include "fs/seal.h"

/* What is to be done after one rename. */
struct seal_plan {
	bool file; /* a regular file, looked at */
	bool arrives; /* into a zone from outside */
	bool commits; /* a transient gets an ordinary name */
	bool stays_transient; /* it gets another transient name */
	struct seal_view v; /* of the file, before */
};

/*
 * May the file (or symlink) 'name' of 'from' be 'new_name' in 'to'? 'over': something is there. 'exchange': and would be here. Takes the
 * place of gate_check for both ends. 0 and *plan, or -errno, explained.
 */
int seal_move_file(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, bool over, bool exchange,
		   struct seal_plan *plan);
/* It is there now. Nothing can fail any more: what cannot be written is written later. */
void seal_moved_file(struct op *op, const struct seal_plan *plan, const char *from_path, struct node *to, const char *new_name);

/* The same for a folder, besides what policy says: 'moves' is to another parent, or to other policy. */
int seal_move_dir(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, bool over, bool moves, bool exchange,
		  struct seal_plan *plan);
/* Just before the rename: the files of a folder that comes into a zone are entered into the journal. If the rename fails: seal_move_undo. */
void seal_move_enter(struct op *op, const struct seal_plan *plan, struct node *from, const char *name, const char *to_path);
void seal_move_undo(const struct seal_plan *plan, const char *to_path);
void seal_moved_dir(const char *from_path, const char *to_path);

/* Before the lock for writing is taken: what comes into a zone is synced, and handles whose RELEASE is on its way are waited for. */
void seal_before_move(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name);
/* After it is given back, before the answer: both directories to disk, if the place is write-once. */
void seal_after_move(struct node *from, struct node *to);

/* Are there sealed files in the folder 'name' of dir? */
enum seal_below {
	SEALED_NONE,
	SEALED_SOME,
	SEALED_COMPLIANCE, /* some of them in compliance mode (only said if 'all' are looked for) */
};
/* One of these, or -errno if that cannot be said. Under the tree lock. */
int seal_below(struct node *dir, const char *name, bool all);

/*
 * A file that is open for writing (for a folder: anything below it): -EBUSY, naming who has it. 0 if none is.
 */
int seal_busy(struct op *op, enum acl_op what, struct node *dir, const char *name);

#endif
