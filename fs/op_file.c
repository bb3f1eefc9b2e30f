/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that are open: what was decided at open is bound to the handle (SPEC section 4). */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "fs/audit.h"
#include "fs/audit_view.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/command.h"
#include "fs/commit.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/given.h"
#include "fs/handle.h"
#include "fs/history.h"
#include "fs/inflight.h"
#include "fs/lazy.h"
#include "fs/names.h"
#include "fs/naming.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/op.h"
#include "fs/passthrough.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/seal.h"
#include "fs/session.h"
#include "fs/virt.h"
#include "fs/virt_ctl.h"

#define POLICY ".zddc"

static bool opens_for_writing(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

/* O_TRUNC arrives here and nowhere else: it needs w like any other write. */
static int decide_open(struct op *op, struct node *dir, const char *name, int flags, unsigned acl_flags)
{
	int r = 0;

	if ((flags & O_ACCMODE) != O_WRONLY)
		r = gate_check(op, ACL_OP_READ, dir, name, acl_flags);
	if (r == 0 && opens_for_writing(flags))
		r = gate_check(op, ACL_OP_WRITE, dir, name, acl_flags);
	return r;
}

/* ------------------------------------------------------------------------------------------------ open */

/* The file of that name, if it is still this node's. Set-id bits that came in behind the mount go before anything is written. */
static int open_backing(struct node *n, int dirfd, int flags)
{
	int keep = flags & (O_ACCMODE | O_SYNC | O_DSYNC);
	struct stat st;
	int r;

	if ((flags & O_TRUNC) && (flags & O_ACCMODE) == O_RDONLY)
		keep |= O_RDWR;
	AUTO_CLOSE int fd = back_open(dirfd, n->name, keep, 0);
	if (fd < 0)
		return fd;
	r = back_fstat(fd, &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode) || (n->kind == NODE_FILE && st.st_ino != n->ref.ino))
		return -ENOENT;
	if (opens_for_writing(flags) && (st.st_mode & (S_ISUID | S_ISGID)))
		r = back_fchmod(fd, st.st_mode & 0777);
	return r < 0 ? r : steal_fd(&fd);
}

/* Whether it may be written is decided with the handle in place, so that nobody seals it in between; only then O_TRUNC does its work. */
static int open_into(struct op *op, struct node *n, int dirfd, struct handle *h)
{
	int r, fd = open_backing(n, dirfd, h->flags);

	if (fd < 0)
		return fd;
	handle_set_fd(h, fd);
	r = opens_for_writing(h->flags) ? seal_open_write(op, n, dirfd, h) : 0;
	if (r == 0)
		history_opened(h, false);
	h->truncates = r == 0 && (h->flags & O_TRUNC) && h->history != HISTORY_NONE;
	if (r == 0 && (h->flags & O_TRUNC) && !h->truncates)
		r = back_truncate(fd, 0);
	else if (r == 0)
		audit_opened(op, h);
	if (r < 0)
		seal_abandon(h);
	return r;
}

static int open_file(struct op *op, struct node *n, int flags, struct handle **out)
{
	int dirfd = -1, r;

	if (n->gone)
		return -ENOENT;
	r = (flags & O_ACCMODE) == O_WRONLY ? 0 : seal_check_read(op, n->parent, n->name);
	if (r == 0)
		r = back_dir_get(n->parent, &dirfd);
	if (r == 0)
		r = handle_new(HANDLE_FILE, n, op->caller.id, flags, out);
	if (r == 0) {
		r = open_into(op, n, dirfd, *out);
		if (r < 0)
			handle_free(*out);
	}
	if (dirfd >= 0)
		back_dir_put(n->parent, dirfd);
	return r < 0 ? r : 0;
}

int open_draft(struct op *op, const struct draft_kind *kind, struct node *n, int flags, struct handle **out)
{
	struct draft *d;
	int r = handle_new(HANDLE_DRAFT, n, op->caller.id, flags, out);

	audit_forget(op); /* it counts when it is committed, and is decided again then */
	if (r < 0)
		return r;
	r = draft_open(op, kind, n->parent, n->name, flags & O_TRUNC, &d);
	if (r < 0)
		handle_free(*out);
	else
		handle_set_draft(*out, d);
	return r;
}

/* Readers get the text that is in force; writers a private copy. */
static int open_policy(struct op *op, struct node *n, int flags, struct handle **out)
{
	int dirfd, r = decide_open(op, n->parent, POLICY, flags, ACL_POLICY_FILE);

	if (r < 0)
		return r;
	if (opens_for_writing(flags))
		return open_draft(op, &policy_draft_kind, n, flags, out);
	r = back_dir_get(n->parent, &dirfd);
	if (r < 0)
		return r;
	r = handle_new(HANDLE_FILE, n, op->caller.id, flags, out);
	if (r == 0) {
		r = open_backing(n, dirfd, flags);
		if (r < 0)
			handle_free(*out);
		else
			handle_set_fd(*out, r);
	}
	back_dir_put(n->parent, dirfd);
	return r < 0 ? r : 0;
}

static int refuse_given(struct op *op, struct node *n)
{
	AUTO_FREE char *path = node_path(n);

	return gate_refuse(op, EROFS, ACL_OP_WRITE, path,
			   "%s is what policy says of these records, and is not on disk. To have your own here, write it under another name and rename it to %s",
			   path, n->name);
}

static int open_given(struct op *op, struct node *n, int flags, struct handle **out)
{
	AUTO_BUF text = BUF_INIT;
	int r = gate_check(op, ACL_OP_READ, n->parent, n->name, 0);

	if (r == 0 && opens_for_writing(flags))
		r = refuse_given(op, n);
	if (r == 0)
		r = given_text(n->parent, n->name, &text);
	return r < 0 ? r : handle_of_text(n, op->caller.id, flags, &text, out);
}

static int open_kept(struct op *op, struct node *n, int flags, struct handle **out)
{
	AUTO_BUF text = BUF_INIT;
	int r = ctl_kept_pointer(op, n, &text);

	if (r != 0)
		return r < 0 ? r : handle_of_text(n, op->caller.id, flags, &text, out);
	AUTO_CLOSE int fd = ctl_open_kept(op, n);

	r = fd < 0 ? fd : handle_new(HANDLE_FILE, n, op->caller.id, flags, out);
	if (r == 0)
		handle_set_fd(*out, steal_fd(&fd));
	return r;
}

static int open_stream(struct op *op, struct node *n, int flags, struct handle **out)
{
	struct audit_view *view;
	int r = ctl_stream(op, n, &view);

	if (r == 0)
		r = handle_new(HANDLE_TEXT, n, op->caller.id, flags, out);
	if (r == 0)
		(*out)->view = view;
	else
		audit_view_free(view);
	return r;
}

static int open_text(struct op *op, struct node *n, int flags, struct handle **out)
{
	struct buf text = BUF_INIT;
	int r;

	if (opens_for_writing(flags))
		return ctl_is_command(n) ? handle_new(HANDLE_TEXT, n, op->caller.id, flags, out) : ctl_is_stream(n) ? -EPERM : -EROFS;
	if (ctl_is_stream(n))
		return open_stream(op, n, flags, out);
	if (ctl_is_kept(n))
		return open_kept(op, n, flags, out);
	r = ctl_text(op, n, &text);
	if (r == 0)
		r = handle_of_text(n, op->caller.id, flags, &text, out);
	buf_free(&text);
	return r;
}

static int open_locked(struct op *op, struct node *n, int flags, struct handle **out)
{
	switch (n->kind) {
	case NODE_FILE:
		return record_is(n->parent, n->name) ? record_open(op, n, flags, out) : open_file(op, n, flags, out);
	case NODE_GIVEN:
		return open_given(op, n, flags, out);
	case NODE_DRAFT:
		return record_open_typed(op, n, flags, out);
	case NODE_POLICY:
		return open_policy(op, n, flags, out);
	case NODE_CTL_FILE:
		return open_text(op, n, flags, out);
	case NODE_LINK:
		return -ELOOP;
	case NODE_DIR:
	case NODE_SLOT:
	case NODE_CTL_DIR:
		break;
	case NODE_VIRT: /* op_open */
		return -EIO;
	}
	return -EISDIR;
}

/* O_TRUNC where versions are kept: copying a large file holds no lock. */
static int truncate_late(struct handle *h)
{
	int r = history_before_write(h);

	return r < 0 ? r : back_truncate(h->fd, 0);
}

/* What is done without a lock before the open is answered. */
static int opened_unlocked(struct op *op, struct handle *h)
{
	int r = h->truncates ? truncate_late(h) : 0;

	if (r == 0)
		r = pass_before_reply(op, h);
	if (r < 0)
		op_release(op, h);
	return r;
}

int op_open(struct op *op, struct node *node, int flags, struct handle **out)
{
	int r = opens_for_writing(flags) ? audit_room(op) : 0;

	if (r < 0)
		return r;
	if (node->kind == NODE_VIRT)
		return virt_open(op, node, flags, out);
	pthread_rwlock_rdlock(&tree_lock);
	r = open_locked(op, node, flags, out);
	if (r == 0)
		pass_opened(*out);
	pthread_rwlock_unlock(&tree_lock);
	return r < 0 ? r : opened_unlocked(op, *out);
}

/* ------------------------------------------------------------------------------------------------ create */

static mode_t new_mode(const struct op *op, mode_t mode)
{
	return mode & ~op->caller.umask & 0777;
}

static int handle_for_new(struct op *op, int fd, int flags, struct entry *entry, struct handle **out)
{
	int r = handle_new(HANDLE_FILE, entry->node, op->caller.id, flags, out);

	if (r < 0)
		return r;
	(*out)->created = true;
	handle_set_fd(*out, fd);
	history_opened(*out, true);
	return 0;
}

/* In a directory that is on disk, after the decision. */
static int make_file(struct op *op, struct node *dir, const char *name, mode_t mode, int flags, struct entry *entry, struct handle **out)
{
	int dirfd, r = back_dir_get(dir, &dirfd);
	bool watched;

	if (r < 0)
		return r;
	AUTO_CLOSE int fd = seal_create(op, dir, dirfd, name, new_mode(op, mode), flags, &watched);
	r = fd < 0 ? fd : entry_fill(op, dir, name, entry);
	if (r == 0 && out) {
		r = handle_for_new(op, fd, flags, entry, out);
		if (r < 0)
			entry_drop(entry);
	}
	if (r == 0 && watched)
		seal_created(entry->node, fd, out ? *out : NULL);
	if (r == 0)
		note_made(op, dir);
	if (r == 0 && out)
		steal_fd(&fd);
	if (r < 0 && fd >= 0)
		back_unlink(dirfd, name);
	back_dir_put(dir, dirfd);
	return r;
}

static int create_file(struct op *op, struct node *dir, const char *name, mode_t mode, int flags, struct entry *entry, struct handle **out)
{
	enum acl_op what = out ? ACL_OP_CREATE : ACL_OP_MKNOD;

	if (virt_is(dir))
		return virt_refuse(op, what, dir, name);
	int r = place_for_new(op, what, dir, name);

	if (r == 0)
		r = gate_check(op, ACL_OP_CREATE, dir, name, 0);
	if (r == 0)
		r = slot_in_way(op, ACL_OP_CREATE, dir, name);
	if (r == 0)
		r = naming_check(op, ACL_OP_CREATE, dir, name, false, true);
	if (r == 0)
		r = naming_check_dir_named(op, ACL_OP_CREATE, dir);
	if (r == 0 && record_is(dir, name))
		return out ? record_create(op, dir, name, flags, entry, out) : record_refuse_mknod(op, dir, name);
	if (r == 0 && dir->kind == NODE_SLOT)
		r = lazy_materialise(op, dir);
	return r < 0 ? r : make_file(op, dir, name, mode, flags, entry, out);
}

/* A new .zddc is a draft: the name is there for its writer only until the text is valid. */
static int create_policy(struct op *op, struct node *dir, int flags, struct entry *entry, struct handle **out)
{
	struct stat st;
	int r;

	if (dir->gone || (dir->kind != NODE_DIR && dir->kind != NODE_SLOT))
		return dir->gone ? -ENOENT : -EPERM;
	r = gate_check(op, ACL_OP_CREATE, dir, POLICY, ACL_POLICY_FILE);
	if (r == 0 && dir->kind == NODE_SLOT)
		r = lazy_materialise(op, dir);
	if (r == 0 && (flags & O_EXCL) && attr_policy(op, dir, &st) == 0 && !away_is(dir, POLICY))
		r = -EEXIST;
	if (r < 0)
		return r;
	*entry = (struct entry){.node = node_enter(dir, POLICY, NODE_POLICY, NULL, dir->ino | NODE_POLICY_INO_BIT)};
	r = open_draft(op, &policy_draft_kind, entry->node, flags | (attr_policy(op, dir, &st) == 0 && !away_is(dir, POLICY) ? 0 : O_TRUNC), out);
	if (r == 0)
		r = attr_policy(op, dir, &entry->attr);
	if (r < 0)
		entry_drop(entry);
	return r;
}

static int create_new(struct op *op, struct node *dir, const char *name, mode_t mode, int flags, struct entry *entry, struct handle **out)
{
	__attribute__((cleanup(cleanup_rwunlock))) pthread_rwlock_t *held = lock_for_new(dir);

	(void)held;
	int r = name_class(name) == NAME_POLICY && dir->kind != NODE_CTL_DIR ? create_policy(op, dir, flags, entry, out)
									      : create_file(op, dir, name, mode, flags, entry, out);

	if (r == 0)
		pass_opened(*out);
	return r;
}

/* Somebody else was faster, or the caller may not know of the name: without O_EXCL the file that is there is opened. */
static int open_existing(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out)
{
	int r = op_lookup(op, dir, name, entry);

	audit_forget(op); /* nothing was created */
	if (r == -ENOENT)
		return entry_exists(op, ACL_OP_CREATE, dir, name);
	if (r < 0)
		return r;
	r = op_open(op, entry->node, flags & ~(O_CREAT | O_EXCL), out);
	if (r < 0)
		entry_drop(entry);
	return r;
}

int op_create(struct op *op, struct node *dir, const char *name, mode_t mode, int flags, struct entry *entry, struct handle **out)
{
	bool virtual = name_class(name) == NAME_ORDINARY && virt_here(dir);
	int r = virtual ? virt_create(op, dir, name, flags, entry, out) : create_new(op, dir, name, mode, flags, entry, out);

	if (r != -EEXIST)
		return r;
	if (flags & O_EXCL)
		return entry_exists(op, ACL_OP_CREATE, dir, name);
	return open_existing(op, dir, name, flags, entry, out);
}

static int refuse_device(struct op *op, struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	int r = dir->kind == NODE_DIR || dir->kind == NODE_SLOT ? gate_check(op, ACL_OP_MKNOD, dir, name, ACL_IS_NEVER) : 0;

	return r < 0 ? r : -EPERM;
}

int op_mknod(struct op *op, struct node *dir, const char *name, mode_t mode, struct entry *out)
{
	int r;

	if (!S_ISREG(mode))
		return refuse_device(op, dir, name);
	__attribute__((cleanup(cleanup_rwunlock))) pthread_rwlock_t *held = lock_for_new(dir);
	r = 0;
	if (name_class(name) == NAME_POLICY && dir->kind != NODE_CTL_DIR)
		r = gate_check(op, ACL_OP_CREATE, dir, name, ACL_POLICY_FILE);
	if (r == 0)
		r = create_file(op, dir, name, mode, O_RDONLY, out, NULL);
	pthread_rwlock_unlock(held);
	held = NULL;
	return r == -EEXIST ? entry_exists(op, ACL_OP_CREATE, dir, name) : r;
}

int op_tmpfile(struct op *op, struct node *dir)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *path = node_path(dir);

	return gate_refuse(op, EOPNOTSUPP, ACL_OP_CREATE, path, "a file without a name has no policy: O_TMPFILE is not supported");
}

/* ------------------------------------------------------------------------------------------------ bytes */

ssize_t op_read(struct op *op, struct handle *h, void *data, size_t size, off_t off)
{
	size_t left;

	(void)op;
	switch (h->kind) {
	case HANDLE_FILE:
		return back_pread(h->fd, data, size, off);
	case HANDLE_DRAFT:
		return draft_read(h->draft, data, size, off);
	case HANDLE_TEXT:
		if (h->view)
			return audit_view_read(h->view, data, size, off);
		left = (size_t)off < h->text.len ? h->text.len - (size_t)off : 0;
		size = size < left ? size : left;
		if (size)
			memcpy(data, h->text.data + off, size);
		return (ssize_t)size;
	case HANDLE_DIR:
		break;
	}
	return -EISDIR;
}

/* Nobody else will see what is written. A name that is only missing to us is decided as where it was. */
static bool is_deleted(const struct handle *h)
{
	struct stat st;

	return h->node->gone && back_fstat(h->fd, &st) == 0 && st.st_nlink == 0;
}

/* The place has become write-once since a handle was opened that knows nothing of it: the file is sealed. */
static bool is_overtaken(struct node *n, bool watched)
{
	struct acl_policy *p = policy_of(n->parent);
	bool zone = acl_is_zone(p) && !policy_none();

	acl_policy_unref(p);
	return zone && !watched;
}

/* Or the file has become a record, which only transactions change. */
static int refuse_record(struct node *n, const struct identity *who)
{
	AUTO_FREE char *path = node_path(n);

	return gate_refuse_text(who, EBUSY, ACL_OP_WRITE, path, NULL, "%s has become a record since it was opened: open it again", path);
}

/* The handle that made the file may fill it as long as its maker may create here; anybody else needs w. */
static bool may_again(struct node *n, struct identity *now, bool created)
{
	return (created && gate_may(now, ACL_OP_CREATE, n->parent, n->name, 0)) || gate_may(now, ACL_OP_WRITE, n->parent, n->name, 0);
}

static int decide_as(struct op *op, struct node *n, struct identity *now, bool created, bool watched)
{
	if (is_overtaken(n, watched))
		return gate_check_as(op, now, ACL_OP_WRITE, n->parent, n->name, ACL_SEALED);
	if (record_is(n->parent, n->name))
		return refuse_record(n, now);
	if (created && gate_may(now, ACL_OP_CREATE, n->parent, n->name, 0))
		return 0;
	return gate_check_as(op, now, ACL_OP_WRITE, n->parent, n->name, 0);
}

static int decide_again(struct op *op, struct handle *h)
{
	struct identity *now = identity_again(h->who);
	int r = decide_as(op, h->node, now, h->created, h->watched);

	identity_put(now);
	return r;
}

static int may_still_write(struct op *op, struct handle *h, uint64_t gen)
{
	WITH_RDLOCK(&tree_lock);
	int r = is_deleted(h) ? 0 : decide_again(op, h);

	if (r == 0) { /* a move needs the lock for writing: none can have happened since */
		__atomic_store_n(&h->recheck, false, __ATOMIC_RELEASE);
		__atomic_store_n(&h->policy_gen, gen, __ATOMIC_RELEASE);
	}
	return r;
}

static int decide_write(struct op *op, struct handle *h)
{
	uint64_t gen;
	int r;

	identity_refresh(h->who);
	gen = policy_generation();
	if (!handle_writable(h))
		return -EBADF;
	if (back_is_broken())
		return -EROFS;
	if (h->kind != HANDLE_FILE)
		return h->kind == HANDLE_DRAFT ? 0 : -EBADF;
	r = seal_before_write(op, h);
	if (r < 0)
		return r;
	if (!handle_decided(h, gen))
		r = may_still_write(op, h, gen);
	if (r == 0)
		audit_wrote(op, h);
	return r;
}

/* The first write also keeps the file as it was. */
int may_write(struct op *op, struct handle *h)
{
	int r = decide_write(op, h);

	return r < 0 || h->kind != HANDLE_FILE ? r : history_before_write(h);
}

bool file_may_write(struct node *n, struct identity *who, bool created, bool watched)
{
	return may_again(n, who, created) && !is_overtaken(n, watched) && !record_is(n->parent, n->name);
}

/* One who has the file mapped and may not write it: refused as for any write of theirs. That others may is no act of theirs. */
static bool is_refused(struct op *op, struct node *n, const struct mapper *m)
{
	struct identity *now = identity_again(m->who);
	bool refused = !file_may_write(n, now, m->created, m->watched) && decide_as(op, n, now, m->created, m->watched) < 0;

	identity_put(now);
	return refused;
}

static void tell_other(struct node *n, const struct identity *who, const struct identity *by)
{
	AUTO_FREE char *path = node_path(n);

	if (who->uid != by->uid)
		gate_refuse_text(who, EACCES, ACL_OP_WRITE, path, NULL,
				 "%s is also open for writing by %s, who may not write it any more: what is stored through mappings cannot be told apart, and "
				 "is refused until they close it", path, by->who.email ? by->who.email : "anonymous");
}

/* May everybody who can have stored it still write? The kernel says nothing of who did. */
static int mappers_may_write(struct op *op, struct node *n)
{
	WITH_RDLOCK(&tree_lock);
	struct mapper *v;
	const struct identity *by = NULL;
	size_t count = handle_mappers(n, policy_generation(), &v);

	for (size_t i = 0; i < count && !by; i++)
		by = is_refused(op, n, &v[i]) ? v[i].who : NULL;
	for (size_t i = 0; i < count && by; i++)
		tell_other(n, v[i].who, by);
	for (size_t i = 0; i < count; i++)
		identity_put(v[i].who);
	free(v);
	return by ? -EACCES : 0;
}

/* Pages that are refused are dropped before anything else of the file is written back: nobody's later store takes them along. */
static int may_write_back(struct op *op, struct handle *h)
{
	int r;

	if (h->kind != HANDLE_FILE || is_deleted(h))
		return may_write(op, h);
	r = mappers_may_write(op, h->node);
	if (r == 0)
		r = may_write(op, h);
	if (r == 0)
		return __atomic_load_n(&h->node->tainted, __ATOMIC_ACQUIRE) ? -EACCES : 0;
	notify_pages(h->node);
	return r;
}

/* A line written into .zddc.d/ctl runs here; its errno is the answer. */
static ssize_t write_command(struct op *op, struct handle *h, const char *line, size_t size)
{
	int r = handle_writable(h) ? command_run(op, node_governor(h->node), line, size) : -EBADF;

	audit_by_events(op);
	return r < 0 ? r : (ssize_t)size;
}

/* Appending goes to the end as it is now, not to where the kernel saw it: whole lines land once. */
ssize_t op_write(struct op *op, struct handle *h, const void *data, size_t size, off_t off, enum write_how how)
{
	if (h->kind == HANDLE_TEXT)
		return write_command(op, h, data, size);
	WITH_WRITE;
	ssize_t n = how == WRITE_BACK ? may_write_back(op, h) : may_write(op, h);

	if (h->kind == HANDLE_DRAFT)
		return n < 0 ? n : draft_write(h->draft, data, size, off, how == WRITE_APPEND);
	if (n == 0)
		n = how == WRITE_APPEND ? back_append(h->fd, data, size) : back_pwrite(h->fd, data, size, off);
	if (n != -EBADF)
		seal_wrote(h, n, size);
	return n;
}

int op_fallocate(struct op *op, struct handle *h, int mode, off_t off, off_t len)
{
	int plain = mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
	WITH_WRITE;
	int r = may_write(op, h);

	if (r < 0)
		return r;
	if (plain || h->kind != HANDLE_FILE)
		return -EOPNOTSUPP;
	seal_wrote(h, 0, 0); /* a program that finds no room may do without: only a write that fails makes a torn file */
	return back_fallocate(h->fd, mode, off, len);
}

ssize_t op_copy_range(struct op *op, struct handle *in, off_t off_in, struct handle *out, off_t off_out, size_t len, int flags)
{
	int r;

	if (flags)
		return -EINVAL;
	if (in->kind != HANDLE_FILE || out->kind != HANDLE_FILE)
		return -EOPNOTSUPP; /* the kernel reads and writes instead */
	WITH_WRITE;
	r = may_write(op, out);
	if (r < 0)
		return r;
	ssize_t n = back_copy_range(in->fd, off_in, out->fd, off_out, len);
	seal_wrote(out, n == -EOPNOTSUPP || n == -EXDEV || n == -EINVAL ? 0 : n, 0);
	return n;
}

/* Only SEEK_DATA and SEEK_HOLE come here; texts and drafts have no holes but the one at the end. */
off_t op_lseek(struct op *op, struct handle *h, off_t off, int whence)
{
	off_t size = h->kind == HANDLE_DRAFT ? draft_size(h->draft) : (off_t)h->text.len;

	(void)op;
	if (h->kind == HANDLE_FILE)
		return back_lseek(h->fd, off, whence);
	if (off < 0 || off >= size)
		return -ENXIO;
	return whence == SEEK_HOLE ? size : off;
}

/* ------------------------------------------------------------------------------------------------ the end */

/* Short, because the FLUSH of an inherited descriptor holds up fork and exec. */
int op_flush(struct op *op, struct handle *h)
{
	if (h->kind == HANDLE_FILE)
		seal_flushed(op, h);
	return h->kind == HANDLE_DRAFT ? draft_commit(op, h->draft, h->who) : 0;
}

int op_fsync(struct op *op, struct handle *h, bool datasync)
{
	int r;

	if (h->kind == HANDLE_DRAFT)
		return draft_commit(op, h->draft, h->who);
	if (h->kind != HANDLE_FILE)
		return 0;
	r = back_fsync(h->fd, datasync);
	if (r < 0)
		seal_wrote(h, r, 0);
	return r;
}

int op_fsyncdir(struct op *op, struct node *dir, bool datasync)
{
	WITH_RDLOCK(&tree_lock);
	int fd, r;

	(void)op;
	if (dir->kind != NODE_DIR)
		return 0;
	r = back_dir_get(dir, &fd);
	if (r < 0)
		return r;
	AUTO_CLOSE int real = back_opendir(fd, "");
	r = real < 0 ? real : back_fsync(real, datasync);
	back_dir_put(dir, fd);
	return r;
}

int op_release(struct op *op, struct handle *h)
{
	struct draft *d = handle_take_draft(h);

	if (d)
		draft_release(op, d, h->who);
	history_written(h);
	seal_released(h);
	handle_free(h);
	return 0;
}
