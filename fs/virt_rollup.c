/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a virtual directory shows, as it is looked up, described and read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/policy.h"
#include "fs/virt_private.h"

/* What a node stands for now, to the caller. */
static int find_node(struct op *op, const struct node *n, struct virt_found *out)
{
	return n->gone ? -ENOENT : virt_find(op, op->caller.id, n->parent, n->name, out);
}

/* ------------------------------------------------------------------------------------------------ rows */

int virt_row_text(const struct virt_found *f, struct buf *out)
{
	AUTO_BUF stored = BUF_INIT;
	int fd, r = back_dir_get(f->slot, &fd);

	if (r < 0)
		return r;
	r = back_read_all(fd, f->file, &stored, LIMIT_DOC_BYTES);
	back_dir_put(f->slot, fd);
	if (r == 0)
		rollup_show(virt_kinds[f->place.kind].field, f->party, buf_str(&stored), stored.len, out);
	return r;
}

/* One state of a record as one party's. */
static uint64_t state_of(const struct virt_found *f)
{
	struct {
		uint64_t ino, size;
		struct timespec mtime, ctime;
		uint64_t party;
	} s = {f->st.st_ino, (uint64_t)f->st.st_size, f->st.st_mtim, f->st.st_ctim, hash64(f->party, strlen(f->party))};

	return hash64(&s, sizeof(s)) | 1;
}

/* How long the row is as it is shown. What one node was last asked is kept in it: ls -l opens nothing the second time. */
static off_t shown_size(const struct virt_found *f, struct node *n)
{
	AUTO_BUF text = BUF_INIT;
	uint64_t state = state_of(f), size;
	bool known;

	pthread_mutex_lock(&n->lock);
	known = n->shown.state == state;
	size = n->shown.size;
	pthread_mutex_unlock(&n->lock);
	if (known)
		return (off_t)size;
	if (virt_row_text(f, &text) < 0)
		return f->st.st_size; /* it cannot be read as a record: opening it will say so */
	pthread_mutex_lock(&n->lock);
	n->shown.state = state;
	n->shown.size = text.len;
	pthread_mutex_unlock(&n->lock);
	return (off_t)text.len;
}

/* ------------------------------------------------------------------------------------------------ links */

/* "../archive/Acme/working" */
static void link_target(const struct virt_found *f, struct buf *out)
{
	AUTO_FREE char *to = node_path(f->slot), *above = node_path(f->place.dir->parent);

	buf_addf(out, "../%s", to + strlen(above) + (*above != 0));
}

int virt_readlink(struct op *op, struct node *node, char **out)
{
	AUTO_BUF target = BUF_INIT;
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, node, &f);
	if (r < 0)
		return r;
	if (f.what == VIRT_LINK)
		link_target(&f, &target);
	r = f.what == VIRT_LINK ? 0 : -EINVAL;
	virt_found_drop(&f);
	if (r == 0)
		*out = buf_steal(&target);
	return r;
}

/* ------------------------------------------------------------------------------------------------ attributes */

enum { ROW_MODE = 0644, TEXT_MODE = 0444, LINK_MODE = 0777 };

/* What was never on disk looks as old as this mount. */
static void attr_made(mode_t mode, size_t size, struct stat *out)
{
	struct timespec began = policy_began();

	*out = (struct stat){.st_mode = mode, .st_nlink = 1, .st_size = (off_t)size, .st_uid = geteuid(), .st_gid = getegid(),
			     .st_blksize = 4096, .st_blocks = (blkcnt_t)(size + 511) / 512, .st_atim = began, .st_mtim = began, .st_ctim = began};
}

/* All but the size of a table.csv. What a row shows does not depend on who asks, but its writer sees what they have written. */
static int attr_fill(struct op *op, const struct virt_found *f, struct node *n, struct stat *out)
{
	AUTO_BUF target = BUF_INIT;

	switch (f->what) {
	case VIRT_ROW:
		*out = f->st;
		out->st_mode = S_IFREG | ROW_MODE;
		out->st_nlink = 1;
		out->st_size = shown_size(f, n);
		break;
	case VIRT_TEXT:
		attr_made(S_IFREG | TEXT_MODE, 0, out);
		break;
	case VIRT_LINK:
		link_target(f, &target);
		attr_made(S_IFLNK | LINK_MODE, target.len, out);
		break;
	case VIRT_TEMP:
		*out = f->st;
		break;
	case VIRT_TYPED:
		return attr_draft(op, n, out);
	}
	out->st_ino = n->ino;
	handle_draft_stat(n, op->caller.uid, out);
	return 0;
}

struct node *virt_enter(struct node *dir, const char *name)
{
	return node_enter(dir, name, NODE_VIRT, NULL, node_virtual_ino(dir, name));
}

int virt_lookup(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	struct virt_found f;
	int r = away_is(dir, name) ? -ENOENT : virt_find(op, op->caller.id, dir, name, &f);

	if (r < 0)
		return r;
	*out = (struct entry){.node = virt_enter(dir, name)};
	r = attr_fill(op, &f, out->node, &out->attr);
	virt_found_drop(&f);
	if (r < 0)
		entry_drop(out);
	return r;
}

static int describe(struct op *op, struct node *n, struct stat *out, const struct virt_text **text)
{
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, n, &f);
	if (r < 0)
		return attr_draft(op, n, out) == 0 ? 0 : r; /* stored under another name since; its writer still has it open */
	r = attr_fill(op, &f, n, out);
	*text = f.what == VIRT_TEXT ? f.text : NULL;
	virt_found_drop(&f);
	return r;
}

/* A table.csv holds what its reader may see, and so does its size: 0 would make programs think that it is empty. */
int virt_getattr(struct op *op, struct node *n, struct stat *out)
{
	const struct virt_text *text = NULL;
	AUTO_BUF made = BUF_INIT;
	int r = describe(op, n, out, &text);

	if (r == 0 && text && virt_text_make(op, n->parent, text, &made) == 0)
		out->st_size = (off_t)made.len;
	return r;
}

int virt_access(struct op *op, struct node *n, int mask)
{
	const struct identity *who = op->caller.id;
	struct virt_found f;
	bool may = true;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, n, &f);
	if (r < 0)
		return r;
	if (f.what != VIRT_LINK && (mask & X_OK))
		may = false;
	if (f.what == VIRT_TEXT && (mask & W_OK))
		may = false;
	if (f.what == VIRT_ROW && (mask & W_OK) && !gate_may(who, ACL_OP_WRITE, f.slot, f.file, 0))
		may = false;
	if (f.what == VIRT_TEMP && (mask & W_OK) && !virt_temp_own(n->parent, n->name, who->uid))
		may = false;
	virt_found_drop(&f);
	return may ? 0 : -EACCES;
}

/* ------------------------------------------------------------------------------------------------ open */

static bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC); }

/* The decision is that on the record. */
static int open_row(struct op *op, struct node *n, int flags, const struct virt_found *f, struct handle **out)
{
	AUTO_BUF text = BUF_INIT;
	int r = (flags & O_ACCMODE) == O_WRONLY ? 0 : gate_check(op, ACL_OP_READ, f->slot, f->file, 0);

	if (r == 0 && writes(flags)) {
		r = gate_check(op, ACL_OP_WRITE, f->slot, f->file, 0);
		return r < 0 ? r : open_draft(op, &virt_draft_kind, n, flags, out);
	}
	if (r == 0)
		r = virt_row_text(f, &text);
	return r < 0 ? r : handle_of_text(n, op->caller.id, flags, &text, out);
}

static int open_temp(struct op *op, struct node *n, int flags, struct handle **out)
{
	AUTO_BUF text = BUF_INIT;

	if (writes(flags))
		return virt_temp_own(n->parent, n->name, op->caller.id->uid) ? open_draft(op, &virt_draft_kind, n, flags, out) : -EACCES;
	virt_temp_read(n->parent, n->name, op->caller.id->uid, &text);
	return handle_of_text(n, op->caller.id, flags, &text, out);
}

/* Under tree_lock. */
static int refuse_text_write(struct op *op, struct node *n)
{
	AUTO_FREE char *path = node_path(n);

	return gate_refuse(op, EROFS, ACL_OP_WRITE, path, "%s belongs to the table and is made when it is read: change the records, and policy for another form or columns",
			   path);
}

static int open_kind(struct op *op, struct node *n, int flags, const struct virt_found *f, struct handle **out)
{
	switch (f->what) {
	case VIRT_ROW:
		return open_row(op, n, flags, f, out);
	case VIRT_TEMP:
		return open_temp(op, n, flags, out);
	case VIRT_TYPED: /* its writer opens it a second time: another row */
		return writes(flags) ? open_draft(op, &virt_draft_kind, n, flags | O_TRUNC, out) : -EBUSY;
	case VIRT_TEXT:
		return writes(flags) ? refuse_text_write(op, n) : 0;
	case VIRT_LINK:
		break;
	}
	return -ELOOP;
}

/* All but texts, which are made without the lock. */
static int open_found(struct op *op, struct node *n, int flags, const struct virt_text **text, struct handle **out)
{
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, n, &f);
	if (r < 0)
		return r;
	*text = f.what == VIRT_TEXT ? f.text : NULL;
	r = open_kind(op, n, flags, &f, out);
	virt_found_drop(&f);
	return r;
}

int virt_open(struct op *op, struct node *n, int flags, struct handle **out)
{
	const struct virt_text *text = NULL;
	AUTO_BUF made = BUF_INIT;
	int r = open_found(op, n, flags, &text, out);

	if (r == -ENOENT && writes(flags)) /* what the caller wrote under that name was stored a moment ago: this is the next row */
		return virt_open_new(op, n, flags, out);
	if (r == 0 && text) {
		r = virt_text_make(op, n->parent, text, &made);
		if (r == 0)
			r = handle_of_text(n, op->caller.id, flags, &made, out);
	}
	return r;
}
