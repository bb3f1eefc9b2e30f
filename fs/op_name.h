/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the operations on names share (SPEC section 4): op_name.c removes, op_link.c makes links, op_rename.c renames, and move.c decides
 * what a rename would do. 0 or -errno; tree_lock as each says.
 */
#ifndef FS_OP_NAME_H
#define FS_OP_NAME_H

#include <sys/stat.h>

#include "base/buf.h"
#include "fs/history.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/seal_move.h"
#include "fs/survey.h"

#define POLICY ".zddc"
#define CONTROL ".zddc.d"

static inline bool is_dir_node(const struct node *n)
{
	return n->kind == NODE_DIR || n->kind == NODE_SLOT;
}

static inline bool is_policy(const char *name)
{
	return name_class(name) == NAME_POLICY;
}

/*
 * May the caller know of this name? 0, -ENOENT (not there, or not for them) or -EBUSY. Takes tree_lock for reading: whether
 * a directory is visible may wait for the index, which must not happen under the lock for writing.
 */
int name_see_first(struct op *op, struct node *dir, const char *name);
/* The entry is not there any more: its node, if the kernel knows it, is told. tree_lock held for writing. */
void name_gone(struct node *dir, const char *name);
/* What will be kept as a version is read before any lock is taken, if the caller may do 'what' at all. */
void name_read_first(struct op *op, enum acl_op what, struct node *dir, const char *name, enum history_how how, struct history_version *kept);
/* A directory with nothing in it but the daemon's own files. */
bool name_is_empty_dir(int dirfd, const char *name);

/* Why a link in 'dir' may not have this target, or NULL (static text). The project is the first component below the root. */
const char *link_bad_target(const char *target, const struct node *dir);
/* How many levels up it leads at its beginning. */
unsigned link_climbs(const char *target);

/* ------------------------------------------------------------------------------------------------ a rename, before it is done */

/* What had to be found out before the lock for writing was taken. */
struct before {
	bool hidden; /* something is there that the caller may not know of: it counts as absent until nothing else is in the way */
	struct survey survey[2]; /* of what moves, and of what is exchanged for it */
	struct history_version over, leaves; /* what is replaced, and what moves, if versions of it are kept */
};

/* One end: a name in a directory. */
struct end {
	struct node *dir;
	const char *name;
	char *path;
	int fd; /* of dir; -1 while it is a slot */
	bool exists;
	struct stat st;
};

/* One object on its way. An exchange has two of them. */
struct leg {
	struct end *src, *dst;
	bool over; /* something at dst makes room for it */
	bool moves; /* to another parent, or to a name with other policy */
	struct seal_plan plan; /* what write-once wants afterwards */
	bool strip; /* a folder on its way into a zone: its own .zddc keeps only what a zone allows */
	int wrote; /* auto-own put a .zddc in */
	struct buf old; /* the .zddc before strip */
};

struct move {
	struct op *op;
	struct end from, to;
	unsigned flags;
	struct before *before;
	struct leg legs[2];
	size_t n_legs;
};

static inline bool end_is_dir(const struct end *e)
{
	return S_ISDIR(e->st.st_mode);
}

/* One end looked at: its directory's descriptor is held until end_drop(). -errno still wants end_drop(). */
int end_look(struct end *e, struct node *dir, const char *name);
void end_drop(struct end *e);

/*
 * Fills the legs and decides each of them; refusals are remembered with their reason. What write-once and policy want done with a leg
 * stands in it afterwards. tree_lock held for writing, both ends looked at.
 */
int move_decide(struct move *m);

#endif
