/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes. What is shown never depends on who asks (SPEC section 15): the kernel keeps one copy for everybody. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/back.h"
#include "fs/commit.h"
#include "fs/creator.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/policy.h"
#include "fs/given.h"
#include "fs/history.h"
#include "fs/inflight.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/record.h"
#include "fs/seal.h"
#include "fs/tenant.h"
#include "fs/virt.h"
#include "fs/virt_ctl.h"

#define POLICY ".zddc"
#define EXEC_BITS 0111
#define WRITE_BITS 0222
#define SPECIAL_BITS (S_ISUID | S_ISGID | S_ISVTX)

static bool is_dir_kind(enum node_kind k)
{
	return k == NODE_DIR || k == NODE_SLOT || k == NODE_CTL_DIR;
}

static mode_t shown_mode(enum node_kind kind, mode_t backing)
{
	switch (kind) {
	case NODE_DIR:
	case NODE_SLOT:
	case NODE_CTL_DIR:
		return S_IFDIR | 0755;
	case NODE_LINK:
		return S_IFLNK | 0777;
	case NODE_FILE:
		return S_IFREG | 0644 | (backing & EXEC_BITS);
	case NODE_POLICY:
	case NODE_DRAFT:
	case NODE_GIVEN:
	case NODE_CTL_FILE:
	case NODE_VIRT:
		break;
	}
	return S_IFREG | 0644;
}

/* One link for a file, or none once it is deleted: a second name behind the mount is nobody's business here. */
void attr_show(enum node_kind kind, uint64_t ino, const struct stat *backing, struct stat *out)
{
	*out = *backing;
	out->st_ino = ino;
	out->st_mode = shown_mode(kind, backing->st_mode);
	out->st_nlink = is_dir_kind(kind) ? 2 : backing->st_nlink ? 1 : 0;
	out->st_rdev = 0;
}

/* A record is its name: each revision is another inode, and who looked it up before the last commit means the record all the same. */
static bool is_by_name(struct node *n)
{
	return n->kind == NODE_FILE && record_is(n->parent, n->name);
}

int file_find(struct node *n, int *dirfd, struct stat *st)
{
	mode_t want = n->kind == NODE_LINK ? S_IFLNK : S_IFREG;
	int fd, r;

	if (n->gone && !is_by_name(n))
		return -ENOENT;
	r = back_dir_get(n->parent, &fd);
	if (r < 0)
		return r;
	r = back_stat(fd, n->name, st);
	if (r == 0 && ((st->st_ino != n->ref.ino && !is_by_name(n)) || (st->st_mode & S_IFMT) != want))
		r = -ENOENT;
	if (r < 0) {
		back_dir_put(n->parent, fd);
		return r;
	}
	*dirfd = fd;
	return 0;
}

static int stat_dir(struct node *n, struct stat *st)
{
	int fd, r = back_dir_get(n, &fd);

	if (r < 0)
		return r;
	r = back_fstat(fd, st);
	back_dir_put(n, fd);
	return r;
}

/* A slot looks like the directory on disk above it that it would be made in. */
int attr_slot(struct node *slot, struct stat *out)
{
	struct node *above = slot->parent;
	struct stat st;
	int r;

	while (above->kind == NODE_SLOT)
		above = above->parent;
	r = stat_dir(above, &st);
	if (r == 0) {
		attr_show(NODE_SLOT, slot->ino, &st, out);
		seal_show(slot, &st, out);
	}
	return r;
}

/* The writer of a draft sees its size; nobody else does. */
int attr_policy(struct op *op, struct node *dir, struct stat *out)
{
	struct node *n = node_find(dir, POLICY);
	struct stat st, drafted;
	bool writing = n && handle_draft_stat(n, op->caller.uid, &drafted);
	int fd, r = back_dir_get(dir, &fd);

	node_put(n);
	if (r < 0)
		return r;
	r = back_stat(fd, POLICY, &st);
	if (r == -ENOENT && (writing || draft_pending(dir, POLICY, op->caller.uid)))
		r = back_fstat(fd, &st);
	back_dir_put(dir, fd);
	if (r < 0)
		return r;
	if (writing || S_ISDIR(st.st_mode))
		st.st_size = writing ? drafted.st_size : 0;
	st.st_nlink = 1;
	attr_show(NODE_POLICY, dir->ino | NODE_POLICY_INO_BIT, &st, out);
	return 0;
}

/* A file of that name, or, once it is deleted, whatever descriptor is still open on it. */
static int stat_file(struct node *n, struct handle *h, struct stat *out)
{
	struct stat st;
	int dirfd = -1, r;

	if (h && h->fd >= 0) {
		r = back_fstat(h->fd, &st);
	} else if (!n->gone || is_by_name(n)) {
		r = file_find(n, &dirfd, &st);
		if (r == 0)
			back_dir_put(n->parent, dirfd);
	} else {
		AUTO_CLOSE int fd = handle_any_fd(n);
		r = fd < 0 ? -ENOENT : back_fstat(fd, &st);
	}
	if (r == 0) {
		attr_show(n->kind, n->ino, &st, out);
		seal_show(n, &st, out);
	}
	return r;
}

/*
 * The writer of a draft sees what they have written; all else is the file's, if one is there ('r' is 0: it stands in out). After a commit
 * the file is another one, and the writer may go on.
 */
static int stat_drafted(struct op *op, struct node *n, int r, struct stat *out)
{
	struct stat st = {.st_mode = 0644, .st_nlink = 1, .st_uid = op->caller.uid, .st_gid = op->caller.gid, .st_blksize = 4096};

	if (r == 0)
		return handle_draft_stat(n, op->caller.uid, out) ? 0 : r;
	if (!handle_draft_stat(n, op->caller.uid, &st))
		return r;
	attr_show(NODE_DRAFT, n->ino, &st, out);
	return 0;
}

int attr_given(struct node *n, struct stat *out)
{
	AUTO_BUF text = BUF_INIT;
	struct timespec began = policy_began();
	int r = given_text(n->parent, n->name, &text);
	struct stat st = {.st_nlink = 1, .st_uid = geteuid(), .st_gid = getegid(), .st_blksize = 4096, .st_size = (off_t)text.len};

	st.st_atim = st.st_mtim = st.st_ctim = began;
	if (r == 0)
		attr_show(NODE_GIVEN, n->ino, &st, out);
	return r;
}

int attr_draft(struct op *op, struct node *n, struct stat *out)
{
	return stat_drafted(op, n, -ENOENT, out);
}

/* Without a decision. */
static int describe(struct op *op, struct node *n, struct handle *h, struct stat *out)
{
	struct stat st;
	int r;

	switch (n->kind) {
	case NODE_DIR:
		r = n->gone ? -ENOENT : stat_dir(n, &st);
		if (r == 0) {
			attr_show(NODE_DIR, n->ino, &st, out);
			seal_show(n, &st, out);
			tenant_show(n, out);
		}
		return r;
	case NODE_SLOT:
		return n->gone ? -ENOENT : attr_slot(n, out);
	case NODE_FILE:
		return stat_drafted(op, n, stat_file(n, h, out), out);
	case NODE_LINK:
		return stat_file(n, h, out);
	case NODE_GIVEN:
		return n->gone ? -ENOENT : attr_given(n, out);
	case NODE_DRAFT:
		return attr_draft(op, n, out);
	case NODE_POLICY:
		return attr_policy(op, n->parent, out);
	case NODE_CTL_DIR:
	case NODE_CTL_FILE:
		return ctl_getattr(op, n, out);
	case NODE_VIRT: /* virt.h */
		break;
	}
	return -EIO;
}

/* Whoever has it open (or root, to whom descriptors are handed) may always describe it: fstat of a file one may only create. */
static bool has_it_open(struct op *op, struct node *n, struct handle *h)
{
	return h || handle_of_uid(n, op->caller.uid, false) || (op->caller.uid == 0 && handle_any(n));
}

static int may_describe(struct op *op, struct node *n, struct handle *h)
{
	switch (n->kind) {
	case NODE_DIR:
	case NODE_SLOT:
		return gate_enter(op, n);
	case NODE_FILE:
	case NODE_LINK:
		if (has_it_open(op, n, h) || seal_own_transient(op->caller.id, n->parent, n->name))
			return 0;
		if (n->kind == NODE_FILE && seal_hides(op->caller.id, n->parent, n->name))
			return -ENOENT;
		return gate_may(op->caller.id, ACL_OP_STAT, n->parent, n->name, 0) ? 0 : -ENOENT;
	case NODE_POLICY:
		return has_it_open(op, n, h) || policy_visible(op, n->parent) ? 0 : -ENOENT;
	case NODE_GIVEN:
		return gate_may(op->caller.id, ACL_OP_STAT, n->parent, n->name, 0) ? 0 : -ENOENT;
	case NODE_DRAFT:
		return has_it_open(op, n, h) ? 0 : -ENOENT;
	case NODE_CTL_DIR:
	case NODE_CTL_FILE:
		return gate_enter(op, node_governor(n));
	case NODE_VIRT:
		break;
	}
	return -EIO;
}

int op_getattr(struct op *op, struct node *n, struct handle *h, struct stat *out)
{
	if (n->kind == NODE_VIRT)
		return virt_getattr(op, n, out);
	WITH_RDLOCK(&tree_lock);
	/* the mount point stands in the mount table: df, mountpoint(1) and smbd, as an unmapped root, must find it. Not what is in it. */
	int r = n->parent ? may_describe(op, n, h) : 0;

	return r < 0 ? r : describe(op, n, h, out);
}

/* ------------------------------------------------------------------------------------------------ SETATTR */

static bool same_time(unsigned what, unsigned set, unsigned now, const struct timespec *to, const struct timespec *is)
{
	if (what & now)
		return false;
	return !(what & set) || (to->tv_sec == is->tv_sec && to->tv_nsec == is->tv_nsec);
}

/* What a chmod may change: the execute bits of a file. */
static mode_t mode_after(enum node_kind kind, mode_t shown, mode_t asked)
{
	return kind == NODE_FILE ? (shown & ~(mode_t)EXEC_BITS) | (asked & EXEC_BITS) : shown;
}

/*
 * Of a file's mode only the execute bits are its own, so that asking for other bits changes nothing: rsync does, for each file it has
 * brought before.
 */
static bool changes_mode(enum node_kind kind, const struct attr_change *c, const struct stat *shown)
{
	mode_t bits = kind == NODE_FILE ? EXEC_BITS : 0777;

	return (c->what & CHANGE_MODE) && ((c->mode ^ shown->st_mode) & bits);
}

/* Bits that do not exist here, and are not shown either: cp -a of a write-once folder asks for the sticky bit that it saw. */
static bool wants_special(enum node_kind kind, const struct attr_change *c, const struct stat *shown)
{
	mode_t quiet = is_dir_kind(kind) ? S_ISVTX : 0;

	return (c->what & CHANGE_MODE) && (c->mode & SPECIAL_BITS & ~shown->st_mode & ~quiet);
}

/* True if the call leaves everything as it is shown: such a call always succeeds. */
static bool changes_nothing(enum node_kind kind, const struct attr_change *c, const struct stat *shown)
{
	if ((c->what & CHANGE_SIZE) || changes_mode(kind, c, shown))
		return false;
	if ((c->what & CHANGE_UID) && c->uid != shown->st_uid)
		return false;
	if ((c->what & CHANGE_GID) && c->gid != shown->st_gid)
		return false;
	return same_time(c->what, CHANGE_ATIME, CHANGE_ATIME_NOW, &c->atime, &shown->st_atim) &&
	       same_time(c->what, CHANGE_MTIME, CHANGE_MTIME_NOW, &c->mtime, &shown->st_mtim);
}

static bool changes_times(const struct attr_change *c)
{
	return c->what & (CHANGE_ATIME | CHANGE_MTIME | CHANGE_ATIME_NOW | CHANGE_MTIME_NOW);
}

static enum acl_op kind_of_change(const struct attr_change *c)
{
	if (c->what & CHANGE_MODE)
		return ACL_OP_CHMOD;
	return c->what & (CHANGE_UID | CHANGE_GID) ? ACL_OP_CHOWN : ACL_OP_UTIMENS;
}

static void times_of(const struct attr_change *c, struct timespec ts[2])
{
	ts[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
	ts[1] = ts[0];
	if (c->what & CHANGE_ATIME)
		ts[0] = c->atime;
	if (c->what & CHANGE_ATIME_NOW)
		ts[0].tv_nsec = UTIME_NOW;
	if (c->what & CHANGE_MTIME)
		ts[1] = c->mtime;
	if (c->what & CHANGE_MTIME_NOW)
		ts[1].tv_nsec = UTIME_NOW;
}

static int refuse_special(struct op *op, struct node *n)
{
	AUTO_FREE char *path = node_path(n);

	return gate_refuse(op, EPERM, ACL_OP_CHMOD, path, "set-id and sticky bits do not exist on this filesystem");
}

#define GRACE 60 /* seconds in which a maker may still set times and the like (SPEC section 5) */

/* A link has no record: its maker is its owner, for a minute after it was last touched. */
static int may_change_link(struct op *op, struct node *n, enum acl_op what, const struct stat *shown)
{
	if (shown->st_uid == op->caller.uid && shown->st_ctim.tv_sec + GRACE >= gate_now() &&
	    gate_may(op->caller.id, ACL_OP_CREATE, n->parent, n->name, 0)) {
		gate_allow_why(op, what, n->parent, n->name, BECAUSE_CREATOR);
		return 0;
	}
	return gate_check(op, what, n->parent, n->name, 0);
}

/* 0, 1 if it is done already (a longer retention), or -errno. */
static int may_change_file(struct op *op, struct node *n, const struct attr_change *c, const struct stat *shown)
{
	enum acl_op what = kind_of_change(c);
	int r;

	if (n->kind == NODE_LINK)
		return may_change_link(op, n, what, shown);
	if (what == ACL_OP_UTIMENS && !(c->what & (CHANGE_MTIME | CHANGE_MTIME_NOW | CHANGE_ATIME_NOW))) {
		r = seal_extend(op, n, &c->atime, seal_ask(op->caller.id, what, n->parent, n->name) == 0);
		if (r <= 0)
			return r < 0 ? r : 1;
	}
	return seal_check(op, what, n->parent, n->name);
}

/* Size apart. With w, or by its maker. */
static int change_file(struct op *op, struct node *n, const struct attr_change *c, const struct stat *shown)
{
	struct timespec ts[2];
	struct stat st;
	int dirfd = -1, r = 0;

	r = may_change_file(op, n, c, shown);
	if (r > 0)
		return 0;
	if (r == 0)
		r = file_find(n, &dirfd, &st);
	if (r < 0)
		return r;
	if (n->kind == NODE_FILE)
		seal_meta_begin(n, dirfd);
	if (changes_mode(n->kind, c, shown) && n->kind == NODE_FILE)
		r = back_chmod(dirfd, n->name, (st.st_mode & 0666) | (mode_after(n->kind, shown->st_mode, c->mode) & EXEC_BITS));
	if (r == 0 && changes_times(c)) {
		times_of(c, ts);
		r = back_utimens(dirfd, n->name, ts);
	}
	if (n->kind == NODE_FILE)
		seal_meta_changed(n, dirfd);
	back_dir_put(n->parent, dirfd);
	return r;
}

void note_made(struct op *op, struct node *dir)
{
	dir->last_made = gate_now();
	dir->last_maker = op->caller.uid;
}

/* The maker of a directory has until GRACE after their last create in it, so that cp -a and tar may set its times at the end. */
static bool is_making_dir(struct op *op, struct node *n)
{
	long long now = gate_now(), made = 0;
	bool maker;
	int fd;

	if (n->kind != NODE_DIR || !n->parent || back_dir_get(n->parent, &fd) < 0)
		return false;
	maker = creator_is(fd, n->name, op->caller.id, &made);
	back_dir_put(n->parent, fd);
	if (!maker)
		return false;
	return made + GRACE >= now || (n->last_maker == op->caller.uid && n->last_made + GRACE >= now);
}

static int set_dir_times(struct node *n, const struct attr_change *c)
{
	struct timespec ts[2];
	int fd, r = back_dir_get(n, &fd);

	if (r < 0)
		return r;
	times_of(c, ts);
	AUTO_CLOSE int dir = back_opendir(fd, "");
	r = dir < 0 ? dir : back_futimens(dir, ts);
	back_dir_put(n, fd);
	return r;
}

/* A directory's mode and owner stay. Its times are set for holders of w and for its maker; holders of c succeed without effect. */
static int change_dir(struct op *op, struct node *n, const struct attr_change *c)
{
	bool may_create = gate_may(op->caller.id, ACL_OP_CREATE, n, NULL, 0), holds_w = gate_may(op->caller.id, ACL_OP_UTIMENS, n, NULL, 0);

	if (!holds_w && !(may_create && is_making_dir(op, n)))
		return may_create ? 0 : gate_check(op, kind_of_change(c), n, NULL, 0);
	if (n->kind == NODE_SLOT || !changes_times(c))
		return 0;
	if (holds_w)
		gate_check(op, ACL_OP_UTIMENS, n, NULL, 0);
	else
		gate_allow_why(op, ACL_OP_UTIMENS, n, NULL, BECAUSE_CREATOR);
	return set_dir_times(n, c);
}

static int change_locked(struct op *op, struct node *n, struct handle *h, const struct attr_change *c)
{
	struct stat shown;
	int r = may_describe(op, n, h);

	if (r == 0)
		r = describe(op, n, h, &shown);
	if (r < 0)
		return r;
	if (wants_special(n->kind, c, &shown))
		return refuse_special(op, n);
	if (n->kind == NODE_FILE && !n->gone && !h && (c->what & CHANGE_MODE) && !(c->mode & WRITE_BITS))
		seal_chmod_readonly(op, n);
	if (changes_nothing(n->kind, c, &shown))
		return 0;
	switch (n->kind) {
	case NODE_FILE:
	case NODE_LINK:
		return n->gone ? 0 : change_file(op, n, c, &shown);
	case NODE_GIVEN:
		return -EROFS;
	case NODE_DRAFT: /* cp -p while it writes: what is committed gets the times and the mode of its commit */
		return 0;
	case NODE_DIR:
	case NODE_SLOT:
		return change_dir(op, n, c);
	case NODE_POLICY: /* its owner, mode and times are the daemon's */
		return gate_check(op, kind_of_change(c), n->parent, POLICY, ACL_POLICY_FILE);
	case NODE_CTL_DIR:
	case NODE_CTL_FILE:
		return ctl_is_kept(n) ? -EROFS : -EPERM;
	case NODE_VIRT:
		break;
	}
	return -EIO;
}

/* ------------------------------------------------------------------------------------------------ size */

/* Nobody seals it between the decision and the act. */
static int truncate_decided(struct op *op, struct node *n, off_t size, struct history_version *kept)
{
	WITH_MUTEX(seal_lock_of(n->ref.ino));
	struct stat st;
	int dirfd = -1, r = n->gone ? -ENOENT : seal_check(op, ACL_OP_TRUNCATE, n->parent, n->name);

	if (r == 0)
		r = file_find(n, &dirfd, &st);
	if (r < 0)
		return r;
	AUTO_CLOSE int fd = back_open(dirfd, n->name, O_WRONLY, 0);
	r = fd < 0 ? fd : history_keep(n->parent, dirfd, n->name, HISTORY_STAYS, kept);
	back_dir_put(n->parent, dirfd);
	if (r < 0)
		return r;
	r = back_fstat(fd, &st);
	if (r < 0)
		return r;
	if (st.st_ino != n->ref.ino)
		return -ENOENT;
	if (history_keeps(n->parent, n->name))
		writer_mark(fd, op->caller.id);
	return back_truncate(fd, size);
}

/* What is cut off is read before any lock is taken, if the caller may cut it off at all. */
static void read_first(struct op *op, struct node *n, struct history_version *kept)
{
	pthread_rwlock_rdlock(&tree_lock);
	bool may = !n->gone && seal_ask(op->caller.id, ACL_OP_TRUNCATE, n->parent, n->name) == 0;
	struct node *dir = node_ref(n->parent);
	AUTO_FREE char *name = strdup(n->name);
	pthread_rwlock_unlock(&tree_lock);
	if (may && name)
		history_read(dir, name, HISTORY_STAYS, kept);
	node_put(dir);
}

static int truncate_path(struct op *op, struct node *n, off_t size)
{
	struct history_version kept = {0};
	int r;

	read_first(op, n, &kept);
	pthread_rwlock_rdlock(&tree_lock);
	r = truncate_decided(op, n, size, &kept);
	if (r == 0)
		seal_truncated(n);
	pthread_rwlock_unlock(&tree_lock);
	history_read_drop(&kept);
	return r;
}

/* truncate(2) of a .zddc or a record without an open draft is a whole edit. */
static int truncate_draft(struct op *op, struct node *n, off_t size)
{
	bool policy = n->kind == NODE_POLICY;
	struct draft *d = NULL;
	int r;

	pthread_rwlock_rdlock(&tree_lock);
	r = policy ? gate_check(op, ACL_OP_TRUNCATE, n->parent, POLICY, ACL_POLICY_FILE) : seal_check(op, ACL_OP_TRUNCATE, n->parent, n->name);
	if (r == 0)
		r = draft_open(op, policy ? &policy_draft_kind : &record_draft_kind, n->parent, n->name, false, &d);
	pthread_rwlock_unlock(&tree_lock);
	if (r < 0)
		return r;
	r = draft_truncate(d, size);
	if (r == 0)
		r = draft_commit(op, d, op->caller.id);
	draft_release(op, d, op->caller.id);
	return r;
}

static bool is_record(struct node *n)
{
	WITH_RDLOCK(&tree_lock);
	return !n->gone && record_is(n->parent, n->name);
}

static int change_size(struct op *op, struct node *n, struct handle *h, off_t size)
{
	if (h && h->draft)
		return draft_truncate(h->draft, size);
	if (h && h->kind == HANDLE_FILE && handle_writable(h)) {
		WITH_WRITE;
		int r = may_write(op, h);

		if (r < 0)
			return r;
		seal_wrote(h, 0, 0);
		return back_truncate(h->fd, size);
	}
	switch (n->kind) {
	case NODE_FILE:
		return is_record(n) ? truncate_draft(op, n, size) : truncate_path(op, n, size);
	case NODE_POLICY:
		return truncate_draft(op, n, size);
	case NODE_GIVEN:
		return -EROFS;
	case NODE_DRAFT: /* whoever has it open does that with the descriptor */
		return -EACCES;
	case NODE_CTL_FILE:
		return ctl_is_command(n) ? 0 : -EROFS;
	case NODE_LINK:
		return -EINVAL;
	case NODE_DIR:
	case NODE_SLOT:
	case NODE_CTL_DIR:
		break;
	case NODE_VIRT:
		return -EIO;
	}
	return -EISDIR;
}

int op_setattr(struct op *op, struct node *n, struct handle *h, const struct attr_change *c, struct stat *out)
{
	struct attr_change rest = *c;
	int r = 0;

	if (n->kind == NODE_VIRT)
		return virt_setattr(op, n, h, c, out);
	if (c->what & CHANGE_SIZE)
		r = change_size(op, n, h, c->size);
	rest.what &= ~(unsigned)(CHANGE_SIZE | CHANGE_CTIME);
	if (r < 0)
		return r;
	if (c->what & CHANGE_SIZE) /* the kernel adds "and now is the time" to a truncation */
		rest.what &= ~(unsigned)(CHANGE_MTIME_NOW | CHANGE_ATIME_NOW);
	WITH_RDLOCK(&tree_lock);
	if (rest.what)
		r = change_locked(op, n, h, &rest);
	return r < 0 ? r : describe(op, n, h, out);
}

/* ------------------------------------------------------------------------------------------------ access(2) */

static bool may_use_file(struct op *op, struct node *n, int mask, unsigned flags)
{
	const struct identity *id = op->caller.id;
	struct stat st;

	if ((mask & R_OK) && !gate_may(id, ACL_OP_READ, n->parent, n->name, flags) && !seal_own_transient(id, n->parent, n->name))
		return false;
	if ((mask & W_OK) && n->kind == NODE_FILE && seal_ask(id, ACL_OP_WRITE, n->parent, n->name) < 0)
		return false;
	if ((mask & W_OK) && n->kind != NODE_FILE && !gate_may(id, ACL_OP_WRITE, n->parent, n->name, flags))
		return false;
	if (!(mask & X_OK))
		return true;
	return n->kind == NODE_FILE && describe(op, n, NULL, &st) == 0 && (st.st_mode & EXEC_BITS) &&
	       gate_may(id, ACL_OP_READ, n->parent, n->name, flags);
}

static bool may_change_dir(struct op *op, struct node *n)
{
	return gate_may(op->caller.id, ACL_OP_CREATE, n, NULL, 0) || gate_may(op->caller.id, ACL_OP_UNLINK, n, NULL, 0);
}

/* Answers what the operation itself would get: that the thing is visible was found first. */
int op_access(struct op *op, struct node *n, int mask)
{
	if (n->kind == NODE_VIRT)
		return virt_access(op, n, mask);
	WITH_RDLOCK(&tree_lock);
	int r = may_describe(op, n, NULL);

	if (r < 0)
		return r;
	switch (n->kind) {
	case NODE_DIR:
	case NODE_SLOT:
		return (mask & W_OK) && !may_change_dir(op, n) ? -EACCES : 0;
	case NODE_GIVEN:
		return mask & (W_OK | X_OK) ? -EACCES : 0;
	case NODE_DRAFT:
		return 0;
	case NODE_FILE:
	case NODE_LINK:
		return may_use_file(op, n, mask, 0) ? 0 : -EACCES;
	case NODE_POLICY:
		return may_use_file(op, n, mask, ACL_POLICY_FILE) ? 0 : -EACCES;
	case NODE_CTL_DIR:
	case NODE_CTL_FILE:
		return (mask & W_OK) && !ctl_is_command(n) ? -EACCES : 0;
	case NODE_VIRT:
		break;
	}
	return -EIO;
}
