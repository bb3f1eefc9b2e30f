/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and making records: readers get a revision, writers a private copy of it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/record.h"
#include "fs/seal.h"

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

/* Readers get the revision that is in force, writers a private copy. Nothing of either is kept by the kernel: writer and reader share a number. */
static int open_revision(struct op *op, struct node *n, int flags, struct handle **out)
{
	struct stat st;
	int dirfd, r = file_find(n, &dirfd, &st);

	if (r < 0)
		return r;
	AUTO_CLOSE int fd = back_open(dirfd, n->name, O_RDONLY, 0);
	back_dir_put(n->parent, dirfd);
	r = fd < 0 ? fd : handle_new(HANDLE_FILE, n, op->caller.id, flags, out);
	if (r < 0)
		return r;
	handle_set_fd(*out, steal_fd(&fd));
	(*out)->direct = true;
	return 0;
}

static int still_there(struct node *n)
{
	struct stat st;
	int dirfd, r = file_find(n, &dirfd, &st);

	if (r == 0)
		back_dir_put(n->parent, dirfd);
	return r;
}

int record_open(struct op *op, struct node *n, int flags, struct handle **out)
{
	int r = (flags & O_ACCMODE) == O_WRONLY ? 0 : seal_check_read(op, n->parent, n->name);

	if (r < 0)
		return r;
	if (!writes(flags))
		return open_revision(op, n, flags, out);
	r = seal_check(op, ACL_OP_WRITE, n->parent, n->name);
	if (r == 0)
		r = still_there(n);
	return r < 0 ? r : open_draft(op, &record_draft_kind, n, flags, out);
}

/* Its writer opens it a second time: another record. */
int record_open_typed(struct op *op, struct node *n, int flags, struct handle **out)
{
	if (!writes(flags))
		return -EBUSY;
	return open_draft(op, &record_draft_kind, n, flags | O_TRUNC, out);
}

/* A record of that name is there: it is opened, not made, unless an editor has just moved it away to write it anew. */
static int write_again(struct op *op, struct node *dir, const char *name, struct entry *entry)
{
	if (!away_is(dir, name)) {
		entry_drop(entry);
		return -EEXIST;
	}
	int r = gate_check(op, ACL_OP_WRITE, dir, name, 0);

	if (r < 0)
		entry_drop(entry);
	return r;
}

/* The name is there for its writer only, until the first commit stores the record under its own. */
int record_create(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out)
{
	int r = entry_fill(op, dir, name, entry);

	if (r == 0 && (r = write_again(op, dir, name, entry)) < 0)
		return r;
	if (r == -ENOENT)
		*entry = (struct entry){.node = node_enter(dir, name, NODE_DRAFT, NULL, node_virtual_ino(dir, name))};
	else if (r < 0)
		return r;
	r = open_draft(op, &record_draft_kind, entry->node, flags | O_TRUNC, out);
	if (r == 0 && entry->node->kind == NODE_DRAFT)
		r = attr_draft(op, entry->node, &entry->attr);
	if (r < 0)
		entry_drop(entry);
	return r;
}

int record_refuse_mknod(struct op *op, struct node *dir, const char *name)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	return gate_refuse(op, EPERM, ACL_OP_CREATE, path, "%s would be a record: one is made by writing its text, not empty", path);
}

/* ------------------------------------------------------------------------------------------------ drafts */

static int refuse_too_big(struct identity *who, const struct draft_goal *goal)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *path = node_path_in(goal->dir, goal->name);

	return gate_refuse_text(who, EFBIG, ACL_OP_WRITE, path, NULL, "%s was not %s: a record may have at most 1 MiB", path,
				goal->is_new ? "made" : "changed");
}

static int draft_commit_record(struct op *op, struct identity *who, const struct draft_goal *goal, const char *text, size_t len,
			       struct buf *stored)
{
	struct record_job job = {.dir = goal->dir, .name = goal->is_new ? NULL : goal->name, .typed = goal->name, .text = text, .len = len};
	int r = goal->too_big ? refuse_too_big(who, goal) : record_commit(op, who, &job);

	if (r == 0)
		buf_add(stored, buf_str(&job.stored), job.stored.len);
	buf_free(&job.stored);
	return r;
}

const struct draft_kind record_draft_kind = {.read = back_dir_read, .commit = draft_commit_record};
