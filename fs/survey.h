/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lies in a folder that is about to move nearer to the root or farther from it: how deep it goes, and how far its links climb. Only
 * then can a move break the limit of levels or let a link leave its project (SPEC section 4; THREATS 24). A large folder is
 * looked through before any lock is taken; whoever makes a folder or a link in it meanwhile makes it stale, and it is looked through
 * again, a few times.
 */
#ifndef FS_SURVEY_H
#define FS_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

struct node;
struct op;

struct survey {
	struct node *top; /* the folder, counted; NULL: there was nothing to look at */
	unsigned height; /* levels of folders below it */
	unsigned climb; /* where it has to lie at least (1: below the root), so that no link in it leaves its project; */
	char *climber; /* for this one */
	size_t entries; /* looked at */
	int err; /* it could not be looked through: -E2BIG, -errno of the backing tree */
	bool stale; /* atomic: it has changed since */
	struct survey *next;
};

/* For a move of 'name' in 'from' to the directory 'to' by op->caller. Takes tree_lock for reading. To be given back with survey_drop(), whatever came out. */
void survey_take(struct survey *s, struct op *op, struct node *from, const char *name, struct node *to);
void survey_drop(struct survey *s);
/* Is that what is known of this folder, now that it cannot change any more? Under tree_lock for writing. */
bool survey_holds(const struct survey *s, struct node *dir, const char *name);
/* A folder or link was made in 'dir' or came there. tree_lock held. */
void survey_tell(const struct node *dir);

#endif
