/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes in a virtual directory: each is done where the record lies, by the same functions as there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/audit.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/op_name.h"
#include "fs/seal.h"
#include "fs/virt_private.h"

/* ------------------------------------------------------------------------------------------------ what nobody may */

static const char *instead_of(enum acl_virtual_kind kind, enum acl_op what)
{
	switch (kind) {
	case ACL_VIRTUAL_ROWS:
		return "it shows the records of all parties, and is not on disk: make a folder in a party's own";
	case ACL_VIRTUAL_PARTIES:
		return what == ACL_OP_MKDIR ? "it shows the parties, and is not on disk: a new party is made by writing PARTY.yaml here"
					    : "it shows the parties, and is not on disk";
	case ACL_VIRTUAL_LINKS:
		return "it only links to the folders of the parties, and is not on disk: work in those";
	case ACL_VIRTUAL_NONE:
	case ACL_VIRTUAL_KINDS:
		break;
	}
	return "it is not on disk";
}

int virt_refuse(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	AUTO_FREE char *path = node_path_in(dir, name), *here = node_path(dir);
	struct virt_place p;
	int r = -EPERM;

	if (virt_place_get(op, dir, &p))
		r = gate_refuse(op, EPERM, what, path, "that cannot be done in %s/: %s", here, instead_of(p.kind, what));
	virt_place_drop(&p);
	return r;
}

static int refuse_here(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	return virt_refuse(op, what, dir, name);
}

/* No lock. */
static int refuse(struct op *op, int err, enum acl_op what, struct node *dir, const char *name, const char *why)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *path = node_path_in(dir, name);

	return gate_refuse(op, err, what, path, "%s", why);
}

static int refuse_text(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	return refuse(op, EPERM, what, dir, name, "it belongs to the table: it is made from the records when it is read");
}

/* ------------------------------------------------------------------------------------------------ a row, found */

/* What a request is about, held without the tree lock. */
struct target {
	enum virt_what what;
	enum acl_virtual_kind kind;
	struct node *base, *slot; /* counted */
	char party[DOCNAME_MAX + 1];
	char *file;
};

static void target_drop(struct target *t)
{
	node_put(t->base);
	node_put(t->slot);
	free(t->file);
	*t = (struct target){0};
}

/* 0 or -ENOENT; no lock. */
static int target_get(struct op *op, struct node *dir, const char *name, struct target *t)
{
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	*t = (struct target){0};
	r = virt_find(op, op->caller.id, dir, name, &f);
	if (r < 0)
		return r;
	t->what = f.what;
	t->kind = f.place.kind;
	t->base = f.place.base ? node_ref(f.place.base) : NULL;
	t->slot = f.slot ? node_ref(f.slot) : NULL;
	memcpy(t->party, f.party, sizeof(t->party));
	t->file = f.file ? strdup(f.file) : NULL;
	virt_found_drop(&f);
	return 0;
}

static void forget(struct node *dir, const char *name)
{
	WITH_WRLOCK(&tree_lock);
	name_gone(dir, name);
}

/* ------------------------------------------------------------------------------------------------ removing */

/* Whoever may delete in the directory removes what is not on disk without effect, as a declared folder: rm -r of a project ends well. */
static int unlink_made(struct op *op, struct node *dir, const char *name, const struct target *t)
{
	bool may;

	pthread_rwlock_rdlock(&tree_lock);
	may = gate_may(op->caller.id, ACL_OP_UNLINK, dir, name, 0);
	pthread_rwlock_unlock(&tree_lock);
	if (may)
		return 0;
	return t->what == VIRT_TEXT ? refuse_text(op, ACL_OP_UNLINK, dir, name) : refuse_here(op, ACL_OP_UNLINK, dir, name);
}

static int refuse_party(struct op *op, struct node *dir, const char *name, const struct target *t)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *folder = node_path(t->slot), *path = node_path_in(dir, name);

	return gate_refuse(op, EPERM, ACL_OP_UNLINK, path, "the row stands for the party %s: delete the party folder %s/ instead", t->party, folder);
}

static int unlink_target(struct op *op, struct node *dir, const char *name, const struct target *t)
{
	switch (t->what) {
	case VIRT_TEXT:
	case VIRT_LINK:
		return unlink_made(op, dir, name, t);
	case VIRT_TEMP:
		return virt_temp_remove(dir, name, op->caller.id->uid) ? 0 : refuse(op, EACCES, ACL_OP_UNLINK, dir, name, "it is somebody else's lock");
	case VIRT_TYPED:
		draft_cancel(dir, name, op->caller.id->uid);
		return 0;
	case VIRT_ROW:
		break;
	}
	return t->kind == ACL_VIRTUAL_PARTIES ? refuse_party(op, dir, name, t) : op_unlink(op, t->slot, t->file);
}

int virt_unlink(struct op *op, struct node *dir, const char *name)
{
	struct target t;
	int r = target_get(op, dir, name, &t);

	if (r < 0)
		return r;
	r = unlink_target(op, dir, name, &t);
	if (r == 0)
		forget(dir, name);
	target_drop(&t);
	return r;
}

int virt_rmdir(struct op *op, struct node *dir, const char *name)
{
	struct target t;
	int r = target_get(op, dir, name, &t);

	target_drop(&t);
	return r < 0 ? r : -ENOTDIR;
}

/* ------------------------------------------------------------------------------------------------ renaming */

static void moved(struct node *dir, const char *name, const char *new_name)
{
	struct node *n;

	WITH_WRLOCK(&tree_lock);
	name_gone(dir, new_name);
	n = node_find(dir, name);
	if (n)
		node_moved(n, dir, new_name);
	node_put(n);
}

static void say_renamed(struct op *op, const struct target *t, const char *party)
{
	AUTO_FREE char *from = NULL, *to = NULL;

	pthread_rwlock_rdlock(&tree_lock);
	from = node_path_in(t->base, t->party);
	to = node_path_in(t->base, party);
	pthread_rwlock_unlock(&tree_lock);
	const struct ledger_attr attr = LEDGER_ATTR_TEXT("to", to);
	audit_event(&(struct audit_event){.event = LEDGER_PARTY_RENAME, .path = from, .who = op->caller.id, .attrs = &attr, .n_attrs = 1, AUDIT_EVENT_INIT});
}

/* The row of a party gets another name: the party does. */
static int rename_party(struct op *op, struct node *dir, const char *name, const struct target *t, const char *new_name, unsigned flags)
{
	char party[DOCNAME_MAX + 1];
	const char *file;
	int r;

	if (flags & RENAME_EXCHANGE)
		return refuse(op, EPERM, ACL_OP_RENAME, dir, name, "parties are not exchanged");
	if (!virt_kinds[t->kind].split(new_name, party, &file))
		return refuse(op, EINVAL, ACL_OP_RENAME, dir, new_name,
			      "this names no party: use letters, digits, dots and hyphens, a letter or digit first, and .yaml behind it");
	r = op_rename(op, t->base, t->party, t->base, party, RENAME_NOREPLACE);
	if (r == -EEXIST)
		return refuse(op, EEXIST, ACL_OP_RENAME, dir, new_name, "there is a party of that name");
	if (r == 0) {
		moved(dir, name, new_name);
		say_renamed(op, t, party);
	}
	return r;
}

static bool is_transient(struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	return virt_is_transient(dir, name);
}

/* An editor keeps a copy before it writes anew: the row stays as it is, out of sight until then, or for 10 s. */
static int keep_backup(struct op *op, struct node *dir, const char *name, const struct target *t, const char *new_name)
{
	AUTO_BUF text = BUF_INIT;
	uid_t uid = op->caller.id->uid;
	struct virt_found f;
	int r;

	pthread_rwlock_rdlock(&tree_lock);
	r = gate_check(op, ACL_OP_RENAME, t->slot, t->file, 0);
	if (r == 0)
		r = gate_check(op, ACL_OP_READ, t->slot, t->file, 0);
	if (r == 0)
		r = virt_find(op, op->caller.id, dir, name, &f);
	if (r == 0) {
		r = virt_row_text(&f, &text);
		virt_found_drop(&f);
	}
	pthread_rwlock_unlock(&tree_lock);
	audit_forget(op); /* nothing has changed */
	if (r == 0 && (r = virt_temp_make(op, dir, new_name)) == -EEXIST)
		r = 0; /* the last one */
	if (r < 0)
		return r;
	virt_temp_write(dir, new_name, uid, buf_str(&text), text.len);
	away_add(dir, name);
	return 0;
}

/* A text that is complete takes the place of what has the name, if anything. */
static int put_over(struct op *op, struct node *dir, const char *name, unsigned flags, const struct buf *text, struct buf *stored)
{
	struct target over;
	int r = target_get(op, dir, name, &over);
	bool there = r == 0, row = there && over.what == VIRT_ROW, made = there && (over.what == VIRT_TEXT || over.what == VIRT_LINK);

	target_drop(&over);
	if (made)
		return refuse_text(op, ACL_OP_RENAME, dir, name);
	if (there && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	r = row ? 0 : virt_check_new(op, ACL_OP_RENAME_TO, dir, name);
	return r < 0 ? r : virt_put(op, op->caller.id, dir, name, !row, buf_str(text), text->len, stored);
}

/* Another transient name, or the one that is meant: then it takes effect. */
static int rename_temp(struct op *op, struct node *dir, const char *name, const char *new_name, unsigned flags)
{
	AUTO_BUF text = BUF_INIT, stored = BUF_INIT;
	uid_t uid = op->caller.id->uid;
	int r;

	if (!virt_temp_own(dir, name, uid))
		return refuse(op, EACCES, ACL_OP_RENAME, dir, name, "it is somebody else's lock");
	if (is_transient(dir, new_name)) {
		virt_temp_rename(dir, name, uid, new_name);
		draft_renamed(dir, name, uid, new_name);
		return 0;
	}
	r = draft_peek(dir, name, uid, &text);
	if (r == -ENOENT)
		r = virt_temp_read(dir, name, uid, &text) ? 0 : -ENOENT;
	if (r < 0)
		return r;
	r = put_over(op, dir, new_name, flags, &text, &stored);
	if (r < 0)
		return r;
	virt_temp_remove(dir, name, uid);
	draft_renamed(dir, name, uid, buf_str(&stored));
	return 0;
}

static int rename_row(struct op *op, struct node *dir, const char *name, const struct target *t, const char *new_name, unsigned flags)
{
	if (is_transient(dir, new_name) && !flags)
		return keep_backup(op, dir, name, t, new_name);
	if (t->kind == ACL_VIRTUAL_PARTIES)
		return rename_party(op, dir, name, t, new_name, flags);
	return refuse(op, EPERM, ACL_OP_RENAME, dir, name,
		      "the name of a row is made of its party and its fields: change those, or copy the row and delete this one");
}

static int rename_target(struct op *op, struct node *dir, const char *name, const struct target *t, const char *new_name, unsigned flags)
{
	switch (t->what) {
	case VIRT_TEXT:
		return refuse_text(op, ACL_OP_RENAME, dir, name);
	case VIRT_LINK:
		return refuse_here(op, ACL_OP_RENAME, dir, name);
	case VIRT_TYPED:
		return refuse(op, EBUSY, ACL_OP_RENAME, dir, name, "it is being written: close it first");
	case VIRT_TEMP:
		return flags & RENAME_EXCHANGE ? -EINVAL : rename_temp(op, dir, name, new_name, flags);
	case VIRT_ROW:
		break;
	}
	return rename_row(op, dir, name, t, new_name, flags);
}

/* The bytes of a file that its mover may read and take away. No lock. */
static int read_source(struct op *op, struct node *from, const char *name, struct buf *out)
{
	int fd, r;

	WITH_RDLOCK(&tree_lock);
	if (from->gone || from->kind != NODE_DIR)
		return from->gone ? -ENOENT : -EPERM;
	r = gate_check(op, ACL_OP_READ, from, name, 0);
	if (r == 0)
		r = seal_check(op, ACL_OP_RENAME_FROM, from, name);
	audit_forget(op); /* what is done in the end is said then */
	if (r == 0)
		r = back_dir_get(from, &fd);
	if (r < 0)
		return r;
	r = back_read_all(fd, name, out, LIMIT_DOC_BYTES);
	back_dir_put(from, fd);
	return r;
}

/* A file is moved into a table: its bytes are stored there, then it goes. */
static int move_in(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags)
{
	AUTO_BUF text = BUF_INIT, stored = BUF_INIT;
	int r = name_see_first(op, from, name);

	if (r == 0 && (is_policy(name) || flags & RENAME_EXCHANGE || is_transient(to, new_name)))
		return refuse(op, EPERM, ACL_OP_RENAME, to, new_name, "this cannot be moved into a table");
	if (r == 0)
		r = read_source(op, from, name, &text);
	if (r == -EISDIR || r == -EFBIG || r == -ELOOP)
		return refuse(op, EINVAL, ACL_OP_RENAME, to, new_name, "a row is a file of at most 1 MiB");
	if (r == 0)
		r = put_over(op, to, new_name, flags, &text, &stored);
	return r < 0 ? r : op_unlink(op, from, name);
}

int virt_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags)
{
	struct target t;
	int r;

	if (from != to && virt_here(from))
		return refuse(op, EPERM, ACL_OP_RENAME, from, name, "a row cannot be moved out of a table: copy it, and delete it here");
	r = virt_check_place(op, ACL_OP_RENAME_TO, to, new_name);
	if (r == 0 && from != to)
		return move_in(op, from, name, to, new_name, flags);
	if (r == 0)
		r = target_get(op, from, name, &t);
	if (r < 0)
		return r;
	r = rename_target(op, from, name, &t, new_name, flags);
	target_drop(&t);
	return r;
}

/* ------------------------------------------------------------------------------------------------ attributes */

static bool changes_more(const struct attr_change *c) { return c->what & (CHANGE_MODE | CHANGE_UID | CHANGE_GID | CHANGE_ATIME | CHANGE_MTIME); }

/* Times, owner and mode of a record are the daemon's: asking for others succeeds without effect for whoever may write the row. */
static int may_set(struct op *op, struct node *n, const struct target *t)
{
	int r;

	switch (t->what) {
	case VIRT_TEXT:
	case VIRT_LINK:
		return refuse_text(op, ACL_OP_UTIMENS, n->parent, n->name);
	case VIRT_TEMP:
	case VIRT_TYPED:
		return 0;
	case VIRT_ROW:
		break;
	}
	WITH_RDLOCK(&tree_lock);
	r = gate_check(op, ACL_OP_UTIMENS, t->slot, t->file, 0);
	audit_forget(op);
	return r;
}

static int set_more(struct op *op, struct node *n)
{
	struct target t;
	int r = target_get(op, n->parent, n->name, &t);

	if (r < 0) { /* stored under another name since; its writer still has it open */
		struct stat st;

		return virt_getattr(op, n, &st);
	}
	r = may_set(op, n, &t);
	target_drop(&t);
	return r;
}

/* truncate(2) without a descriptor is a whole edit. */
static int truncate_path(struct op *op, struct node *n, off_t size)
{
	struct handle *h;
	int r = virt_open(op, n, size ? O_RDWR : O_WRONLY | O_TRUNC, &h);

	if (r < 0)
		return r;
	r = h->draft ? draft_truncate(h->draft, size) : -EROFS;
	if (r == 0)
		r = draft_commit(op, h->draft, op->caller.id);
	op_release(op, h);
	return r;
}

int virt_setattr(struct op *op, struct node *n, struct handle *h, const struct attr_change *c, struct stat *out)
{
	int r = 0;

	if (c->what & CHANGE_SIZE)
		r = h && h->draft ? draft_truncate(h->draft, c->size) : truncate_path(op, n, c->size);
	if (r == 0 && changes_more(c))
		r = set_more(op, n);
	return r < 0 ? r : virt_getattr(op, n, out);
}
