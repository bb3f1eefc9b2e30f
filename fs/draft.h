/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing a .zddc or a record is a transaction (SPEC sections 8 and 10): clients write a private copy. A FLUSH with writes since the last
 * one commits, and so does fsync; RELEASE decides finally. What a commit does is the affair of the kind of thing that is written.
 */
#ifndef FS_DRAFT_H
#define FS_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct draft;
struct identity;
struct node;
struct op;
struct stat;

/* What is written, for a commit. */
struct draft_goal {
	struct node *dir;
	const char *name; /* as it is now, or as the client typed it if nothing was there */
	bool is_new;
	bool too_big; /* more was written than fits: the text is not what was meant */
};

struct draft_kind {
	bool empty_is_text; /* made and never written, it is committed at release as an empty text (touch) */
	/* Appends the text as it is; -ENOENT: there is none. Under tree_lock. */
	int (*read)(struct node *dir, const char *name, struct buf *out);
	/*
	 * Decides again (policy may have changed since the open) and puts the text in place; refusals are recorded for 'who'. Appends to 'stored'
	 * the name it has from here on. Takes tree_lock itself; never two at once for one draft.
	 */
	int (*commit)(struct op *op, struct identity *who, const struct draft_goal *goal, const char *text, size_t len, struct buf *stored);
};

/*
 * A private copy of 'name' in dir ('fresh': start empty). The gate has been passed. 0, -EMFILE when this user has too many, or why it
 * cannot be read. Under tree_lock.
 */
int draft_open(struct op *op, const struct draft_kind *kind, struct node *dir, const char *name, bool fresh, struct draft **out);
ssize_t draft_read(struct draft *d, void *data, size_t n, off_t off);
/* Bytes written, or -EFBIG over 1 MiB. */
ssize_t draft_write(struct draft *d, const void *data, size_t n, off_t off, bool append);
int draft_truncate(struct draft *d, off_t size);
off_t draft_size(const struct draft *d);
/* FLUSH and fsync: commits if there were writes since the last one; 0, or the refusal, with last-error; the text stays pending. */
int draft_commit(struct op *op, struct draft *d, struct identity *who);
/* RELEASE: commits what is pending, or keeps what was there; frees. */
void draft_release(struct op *op, struct draft *d, struct identity *who);

/* Does this uid write a new 'name' in dir that is not committed yet? Only the writer sees such a name. */
bool draft_pending(const struct node *dir, const char *name, uid_t uid);
/* The same writer has removed the name again: nothing will be committed. False if there is no such draft. */
bool draft_cancel(const struct node *dir, const char *name, uid_t uid);
/* The text that this writer's draft of the name has now, committed or not: 0, -ENOENT if there is none, -EFBIG if it is not what was meant. */
int draft_peek(const struct node *dir, const char *name, uid_t uid, struct buf *out);
/* This writer has given what they write another name in the same directory. */
void draft_renamed(const struct node *dir, const char *name, uid_t uid, const char *new_name);
/* What was 'name' in dir is 'new_name' in 'to': drafts of it are committed there. tree_lock held for writing. */
void draft_moved(const struct node *dir, const char *name, struct node *to, const char *new_name);
/* Where its text is or would be: a path from the archive root, malloc()ed. */
char *draft_path(struct draft *d);
/* Size and, once something was written, times as its writer sees them; the rest of 'st' is left alone. */
void draft_stat(const struct draft *d, struct stat *st);

#endif
