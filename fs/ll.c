/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/audit.h"
#include "fs/current.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/passthrough.h"
#include "fs/session.h"
#include "fs/stats.h"

/* One request on its way: what is given back when it has been answered. */
struct call {
	fuse_req_t req;
	struct op op;
	uint64_t began;
	struct node *node, *other; /* counted; other is a rename's or link's target directory */
};

/*
 * uid 0 without a pid is the kernel itself (write-back, RELEASE): such requests are authorised by their handle, 'h'. 0, or what to answer
 * because the ledger cannot take what would have to be recorded.
 */
static int call_open(struct call *c, fuse_req_t req, enum op_id id, struct handle *h)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*c = (struct call){.req = req, .began = stats_now()};
	c->op.id = id;
	c->op.caller = (struct caller){.uid = ctx->uid, .gid = ctx->gid, .pid = ctx->pid, .umask = ctx->umask};
	c->op.caller.id = h ? identity_ref(h->who) : session_identity(identity_get(ctx->uid), ctx->pid);
	if (h)
		c->op.caller.uid = h->who->uid;
	current_begin(&c->op);
	return audit_begin(&c->op);
}

/* The answer has been sent. */
static void call_close(struct call *c, int r)
{
	current_end();
	stats_count(c->op.id, c->began, r);
	identity_put(c->op.caller.id);
	node_put(c->node);
	node_put(c->other);
}

/* 0 or -errno as the whole answer. Every answer is preceded by what the ledger has to say of the request. */
static void answer(struct call *c, int r)
{
	r = audit_reply(&c->op, r);
	fuse_reply_err(c->req, r < 0 ? -r : 0);
	call_close(c, r);
}

/* False if the kernel asks for a number that we do not know: answered. */
static bool call_node(struct call *c, fuse_req_t req, enum op_id id, fuse_ino_t ino)
{
	int r = call_open(c, req, id, NULL);

	c->node = r < 0 ? NULL : node_get(ino);
	if (!c->node)
		answer(c, r < 0 ? r : -ENOENT);
	return c->node;
}

static bool call_two(struct call *c, fuse_req_t req, enum op_id id, fuse_ino_t a, fuse_ino_t b)
{
	if (!call_node(c, req, id, a))
		return false;
	c->other = node_get(b);
	if (!c->other)
		answer(c, -ENOENT);
	return c->other;
}

static struct handle *handle_in(const struct fuse_file_info *fi) { return fi ? (struct handle *)(uintptr_t)fi->fh : NULL; }

/* NULL: answered. */
static struct handle *call_handle(struct call *c, fuse_req_t req, enum op_id id, const struct fuse_file_info *fi)
{
	struct handle *h = handle_in(fi);
	int r = call_open(c, req, id, h);

	if (r == 0)
		return h;
	answer(c, r);
	return NULL;
}

static struct fuse_entry_param entry_param(const struct entry *e)
{
	return (struct fuse_entry_param){
		.ino = e->node->id,
		.attr = e->attr,
		.entry_timeout = e->entry_timeout,
		.attr_timeout = e->attr_timeout,
	};
}

/* An entry the kernel did not take (the request was interrupted) is not counted as looked up. */
static void answer_entry(struct call *c, int r, struct entry *e)
{
	if (r < 0) {
		answer(c, r);
		return;
	}
	struct fuse_entry_param p = entry_param(e);

	r = audit_reply(&c->op, 0);
	if ((r < 0 ? fuse_reply_err(c->req, -r) : fuse_reply_entry(c->req, &p)) < 0 || r < 0)
		node_forget(e->node, 1);
	node_put(e->node);
	call_close(c, r);
}

static void answer_attr(struct call *c, int r, const struct stat *st)
{
	r = audit_reply(&c->op, r);
	if (r < 0)
		fuse_reply_err(c->req, -r);
	else
		fuse_reply_attr(c->req, st, 0);
	call_close(c, r);
}

static void answer_count(struct call *c, ssize_t n)
{
	int r = audit_reply(&c->op, n < 0 ? (int)n : 0);

	n = r < 0 ? r : n;
	if (n < 0)
		fuse_reply_err(c->req, (int)-n);
	else
		fuse_reply_write(c->req, (size_t)n);
	call_close(c, n < 0 ? (int)n : 0);
}

static void answer_data(struct call *c, ssize_t n, const char *data)
{
	audit_reply(&c->op, n < 0 ? (int)n : 0);
	if (n < 0)
		fuse_reply_err(c->req, (int)-n);
	else
		fuse_reply_buf(c->req, data, (size_t)n);
	call_close(c, n < 0 ? (int)n : 0);
}

/* ------------------------------------------------------------------------------------------------ start */

static void (*when_ready)(void);

void ll_when_ready(void (*ready)(void)) { when_ready = ready; }

static void want(struct fuse_conn_info *conn, uint64_t flag, bool on)
{
	if (on)
		fuse_set_feature_flag(conn, flag);
	else
		fuse_unset_feature_flag(conn, flag);
}

/*
 * No writeback cache (it lost an append in measurement), no splice (slower than a copy here), locks local to the kernel, no POSIX ACLs
 * (policy is in .zddc), O_TRUNC inside OPEN so that it is one decision.
 */
static void ll_init(void *userdata, struct fuse_conn_info *conn)
{
	static const uint64_t on[] = {FUSE_CAP_ATOMIC_O_TRUNC, FUSE_CAP_ASYNC_READ, FUSE_CAP_ASYNC_DIO, FUSE_CAP_PARALLEL_DIROPS,
		FUSE_CAP_AUTO_INVAL_DATA, FUSE_CAP_READDIRPLUS, FUSE_CAP_READDIRPLUS_AUTO, FUSE_CAP_HANDLE_KILLPRIV_V2,
		FUSE_CAP_EXPIRE_ONLY};
	static const uint64_t off[] = {FUSE_CAP_SPLICE_READ, FUSE_CAP_SPLICE_WRITE, FUSE_CAP_SPLICE_MOVE, FUSE_CAP_WRITEBACK_CACHE,
		FUSE_CAP_POSIX_ACL, FUSE_CAP_POSIX_LOCKS, FUSE_CAP_FLOCK_LOCKS, FUSE_CAP_EXPORT_SUPPORT, FUSE_CAP_IOCTL_DIR,
		FUSE_CAP_CACHE_SYMLINKS, FUSE_CAP_DONT_MASK};

	(void)userdata;
	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		want(conn, on[i], true);
	for (size_t i = 0; i < ARRAY_LEN(off); i++)
		want(conn, off[i], false);
	want(conn, FUSE_CAP_PASSTHROUGH, pass_wanted());
	conn->max_backing_stack_depth = FUSE_BACKING_STACKED_UNDER;
	pass_negotiated(fuse_get_feature_flag(conn, FUSE_CAP_PASSTHROUGH));
	conn->max_background = 64;
	if (when_ready)
		when_ready();
}

/* ------------------------------------------------------------------------------------------------ names */

static void ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct call c;
	struct entry e;

	if (call_node(&c, req, OP_LOOKUP, parent))
		answer_entry(&c, op_lookup(&c.op, c.node, name, &e), &e);
}

static void forget_one(fuse_ino_t ino, uint64_t n)
{
	struct node *node = node_get(ino);

	if (!node)
		return;
	node_forget(node, n);
	node_put(node);
}

static void ll_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	uint64_t began = stats_now();

	forget_one(ino, n);
	fuse_reply_none(req);
	stats_count(OP_FORGET, began, 0);
}

static void ll_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	uint64_t began = stats_now();

	for (size_t i = 0; i < count; i++)
		forget_one(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
	stats_count(OP_FORGET, began, 0);
}

static void ll_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct call c;
	struct entry e;

	(void)rdev;
	if (call_node(&c, req, OP_MKNOD, parent))
		answer_entry(&c, op_mknod(&c.op, c.node, name, mode, &e), &e);
}

static void ll_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct call c;
	struct entry e;

	if (call_node(&c, req, OP_MKDIR, parent))
		answer_entry(&c, op_mkdir(&c.op, c.node, name, mode, &e), &e);
}

static void ll_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct call c;

	if (call_node(&c, req, OP_UNLINK, parent))
		answer(&c, op_unlink(&c.op, c.node, name));
}

static void ll_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct call c;

	if (call_node(&c, req, OP_RMDIR, parent))
		answer(&c, op_rmdir(&c.op, c.node, name));
}

static void ll_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct call c;
	struct entry e;

	if (call_node(&c, req, OP_SYMLINK, parent))
		answer_entry(&c, op_symlink(&c.op, target, c.node, name, &e), &e);
}

static void ll_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to, const char *new_name, unsigned flags)
{
	struct call c;

	if (call_two(&c, req, OP_RENAME, from, to))
		answer(&c, op_rename(&c.op, c.node, name, c.other, new_name, flags));
}

static void ll_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct call c;

	if (call_two(&c, req, OP_LINK, ino, parent))
		answer(&c, op_link(&c.op, c.node, c.other, name));
}

static void ll_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct call c;
	AUTO_FREE char *target = NULL;
	int r;

	if (!call_node(&c, req, OP_READLINK, ino))
		return;
	r = audit_reply(&c.op, op_readlink(&c.op, c.node, &target));
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_readlink(req, target);
	call_close(&c, r);
}

/* ------------------------------------------------------------------------------------------------ attributes */

static void ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call c;
	struct stat st;

	if (call_node(&c, req, OP_GETATTR, ino))
		answer_attr(&c, op_getattr(&c.op, c.node, handle_in(fi), &st), &st);
}

static unsigned changes_of(int to_set)
{
	static const struct {
		int fuse;
		unsigned ours;
	} map[] = {
		{FUSE_SET_ATTR_MODE, CHANGE_MODE},
		{FUSE_SET_ATTR_UID, CHANGE_UID},
		{FUSE_SET_ATTR_GID, CHANGE_GID},
		{FUSE_SET_ATTR_SIZE, CHANGE_SIZE},
		{FUSE_SET_ATTR_ATIME, CHANGE_ATIME},
		{FUSE_SET_ATTR_MTIME, CHANGE_MTIME},
		{FUSE_SET_ATTR_ATIME_NOW, CHANGE_ATIME_NOW},
		{FUSE_SET_ATTR_MTIME_NOW, CHANGE_MTIME_NOW},
		{FUSE_SET_ATTR_CTIME, CHANGE_CTIME},
	};
	unsigned what = 0;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (to_set & map[i].fuse)
			what |= map[i].ours;
	return what;
}

static void ll_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct attr_change change = {
		.what = changes_of(to_set),
		.mode = attr->st_mode,
		.uid = attr->st_uid,
		.gid = attr->st_gid,
		.size = attr->st_size,
		.atime = attr->st_atim,
		.mtime = attr->st_mtim,
	};
	struct call c;
	struct stat st;

	if (call_node(&c, req, OP_SETATTR, ino))
		answer_attr(&c, op_setattr(&c.op, c.node, handle_in(fi), &change, &st), &st);
}

static void ll_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct call c;

	if (call_node(&c, req, OP_ACCESS, ino))
		answer(&c, op_access(&c.op, c.node, mask));
}

static void ll_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	struct call c;
	int r;

	if (!call_node(&c, req, OP_STATFS, ino))
		return;
	r = audit_reply(&c.op, op_statfs(&c.op, c.node, &st));
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_statfs(req, &st);
	call_close(&c, r);
}

/* size 0 asks how long the answer is. */
static void answer_xattr(struct call *c, ssize_t n, size_t size, const char *value)
{
	audit_reply(&c->op, n < 0 ? (int)n : 0);
	if (n < 0)
		fuse_reply_err(c->req, (int)-n);
	else if (!size)
		fuse_reply_xattr(c->req, (size_t)n);
	else
		fuse_reply_buf(c->req, value, (size_t)n);
	call_close(c, n < 0 ? (int)n : 0);
}

static void ll_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	AUTO_FREE char *value = size ? malloc(size) : NULL;
	struct call c;

	if (!call_node(&c, req, OP_GETXATTR, ino))
		return;
	if (size && !value)
		answer(&c, -ENOMEM);
	else
		answer_xattr(&c, op_getxattr(&c.op, c.node, name, value, size), size, value);
}

static void ll_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	AUTO_FREE char *list = size ? malloc(size) : NULL;
	struct call c;

	if (!call_node(&c, req, OP_LISTXATTR, ino))
		return;
	if (size && !list)
		answer(&c, -ENOMEM);
	else
		answer_xattr(&c, op_listxattr(&c.op, c.node, list, size), size, list);
}

static void ll_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	struct call c;

	if (call_node(&c, req, OP_SETXATTR, ino))
		answer(&c, op_setxattr(&c.op, c.node, name, value, size, flags));
}

static void ll_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct call c;

	if (call_node(&c, req, OP_REMOVEXATTR, ino))
		answer(&c, op_removexattr(&c.op, c.node, name));
}

/* ------------------------------------------------------------------------------------------------ open files */

/* Texts and drafts are not what the page cache would believe; nobody waits for the FLUSH of a descriptor that only reads. */
static void set_modes(const struct handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = h->direct || h->kind != HANDLE_FILE || h->node->kind != NODE_FILE || h->pass == PASS_WATCHED;
	fi->backing_id = h->backing_id;
	fi->noflush = h->kind == HANDLE_FILE && !handle_writable(h);
}

/* The kernel does not know of it, and never will. */
static void release_unseen(struct call *c, struct handle *h)
{
	audit_begin(&c->op);
	audit_reply(&c->op, op_release(&c->op, h));
}

static void answer_open(struct call *c, struct handle *h, struct fuse_file_info *fi)
{
	int r = audit_reply(&c->op, 0);

	set_modes(h, fi);
	if ((r < 0 ? fuse_reply_err(c->req, -r) : fuse_reply_open(c->req, fi)) < 0 || r < 0)
		release_unseen(c, h);
	call_close(c, r);
}

static void ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h;
	struct call c;
	int r;

	if (!call_node(&c, req, OP_OPEN, ino))
		return;
	r = op_open(&c.op, c.node, fi->flags, &h);
	if (r < 0)
		answer(&c, r);
	else
		answer_open(&c, h, fi);
}

static void answer_create(struct call *c, struct entry *e, struct handle *h, struct fuse_file_info *fi)
{
	struct fuse_entry_param p = entry_param(e);
	int r = audit_reply(&c->op, 0);

	set_modes(h, fi);
	if ((r < 0 ? fuse_reply_err(c->req, -r) : fuse_reply_create(c->req, &p, fi)) < 0 || r < 0) {
		release_unseen(c, h);
		node_forget(e->node, 1);
	}
	node_put(e->node);
	call_close(c, r);
}

static void ll_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct handle *h;
	struct entry e;
	struct call c;
	int r;

	if (!call_node(&c, req, OP_CREATE, parent))
		return;
	r = op_create(&c.op, c.node, name, mode, fi->flags, &e, &h);
	if (r < 0)
		answer(&c, r);
	else
		answer_create(&c, &e, h, fi);
}

static void ll_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi)
{
	struct call c;

	(void)mode;
	(void)fi;
	if (call_node(&c, req, OP_TMPFILE, parent))
		answer(&c, op_tmpfile(&c.op, c.node));
}

static void ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	AUTO_FREE char *data = malloc(size);
	struct call c;
	struct handle *h = call_handle(&c, req, OP_READ, fi);

	(void)ino;
	if (h)
		answer_data(&c, data ? op_read(&c.op, h, data, size, off) : -ENOMEM, data);
}

static void ll_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_WRITE, fi);
	enum write_how how = fi->writepage ? WRITE_BACK : fi->flags & O_APPEND ? WRITE_APPEND : WRITE_AT;

	(void)ino;
	if (h)
		answer_count(&c, op_write(&c.op, h, data, size, off, how));
}

static void ll_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_FLUSH, fi);

	(void)ino;
	if (h)
		answer(&c, op_flush(&c.op, h));
}

static void ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_RELEASE, fi);

	(void)ino;
	if (h)
		answer(&c, op_release(&c.op, h));
}

static void ll_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_FSYNC, fi);

	(void)ino;
	if (h)
		answer(&c, op_fsync(&c.op, h, datasync));
}

static void ll_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_FALLOCATE, fi);

	(void)ino;
	if (h)
		answer(&c, op_fallocate(&c.op, h, mode, off, len));
}

static void ll_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in, fuse_ino_t ino_out,
	off_t off_out, struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct call c;
	struct handle *out = call_handle(&c, req, OP_COPY_FILE_RANGE, fi_out);

	(void)ino_in;
	(void)ino_out;
	if (out)
		answer_count(&c, op_copy_range(&c.op, handle_in(fi_in), off_in, out, off_out, len, flags));
}

static void ll_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_LSEEK, fi);
	off_t r = h ? op_lseek(&c.op, h, off, whence) : 0;

	(void)ino;
	if (!h)
		return;
	audit_reply(&c.op, r < 0 ? (int)r : 0);
	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else
		fuse_reply_lseek(req, r);
	call_close(&c, r < 0 ? (int)r : 0);
}

/* ------------------------------------------------------------------------------------------------ open directories */

static void ll_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h;
	struct call c;
	int r;

	if (!call_node(&c, req, OP_OPENDIR, ino))
		return;
	r = op_opendir(&c.op, c.node, &h);
	if (r < 0) {
		answer(&c, r);
		return;
	}
	fi->fh = (uintptr_t)h;
	audit_reply(&c.op, 0);
	if (fuse_reply_open(req, fi) < 0)
		op_releasedir(h);
	call_close(&c, 0);
}

struct listing {
	fuse_req_t req;
	char *at;
	size_t left;
	bool plus;
};

/* Node number 0: a name only, which counts no look-up. */
static bool emit_entry(void *arg, const char *name, const struct stat *attr, off_t next, struct entry *plus)
{
	struct listing *l = arg;
	struct fuse_entry_param p = plus ? entry_param(plus) : (struct fuse_entry_param){.attr = *attr};
	size_t n = l->plus ? fuse_add_direntry_plus(l->req, l->at, l->left, name, &p, next)
			   : fuse_add_direntry(l->req, l->at, l->left, name, attr, next);

	if (n > l->left)
		return false;
	l->at += n;
	l->left -= n;
	return true;
}

static void read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi, bool plus)
{
	AUTO_FREE char *data = malloc(size);
	struct listing l = {req, data, size, plus};
	struct call c;
	int r;

	if (!call_node(&c, req, plus ? OP_READDIRPLUS : OP_READDIR, ino))
		return;
	r = data ? op_readdir(&c.op, c.node, handle_in(fi), off, plus, emit_entry, &l) : -ENOMEM;
	answer_data(&c, r < 0 ? r : (ssize_t)(size - l.left), data);
}

static void ll_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	read_dir(req, ino, size, off, fi, false);
}

static void ll_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	read_dir(req, ino, size, off, fi, true);
}

static void ll_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct call c;
	struct handle *h = call_handle(&c, req, OP_RELEASEDIR, fi);

	(void)ino;
	if (h)
		answer(&c, op_releasedir(h));
}

static void ll_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct call c;

	(void)fi;
	if (call_node(&c, req, OP_FSYNCDIR, ino))
		answer(&c, op_fsyncdir(&c.op, c.node, datasync));
}

const struct fuse_lowlevel_ops ll_ops = {
	.init = ll_init,
	.lookup = ll_lookup,
	.forget = ll_forget,
	.forget_multi = ll_forget_multi,
	.getattr = ll_getattr,
	.setattr = ll_setattr,
	.access = ll_access,
	.readlink = ll_readlink,
	.mknod = ll_mknod,
	.mkdir = ll_mkdir,
	.unlink = ll_unlink,
	.rmdir = ll_rmdir,
	.symlink = ll_symlink,
	.rename = ll_rename,
	.link = ll_link,
	.open = ll_open,
	.create = ll_create,
	.tmpfile = ll_tmpfile,
	.read = ll_read,
	.write = ll_write,
	.flush = ll_flush,
	.release = ll_release,
	.fsync = ll_fsync,
	.fallocate = ll_fallocate,
	.copy_file_range = ll_copy_file_range,
	.lseek = ll_lseek,
	.opendir = ll_opendir,
	.readdir = ll_readdir,
	.readdirplus = ll_readdirplus,
	.releasedir = ll_releasedir,
	.fsyncdir = ll_fsyncdir,
	.statfs = ll_statfs,
	.getxattr = ll_getxattr,
	.listxattr = ll_listxattr,
	.setxattr = ll_setxattr,
	.removexattr = ll_removexattr,
};
