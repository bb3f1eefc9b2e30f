/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names: removing, renaming, links (SPEC section 4). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/ynode.h"
#include "fs/autoown.h"
#include "fs/back.h"
#include "fs/commit.h"
#include "fs/creator.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/inflight.h"
#include "fs/lazy.h"
#include "fs/names.h"
#include "fs/naming.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/seal_move.h"

#define POLICY ".zddc"
#define CONTROL ".zddc.d"

static bool is_dir_node(const struct node *n)
{
	return n->kind == NODE_DIR || n->kind == NODE_SLOT;
}

static bool is_policy(const char *name)
{
	return name_class(name) == NAME_POLICY;
}

/*
 * May the caller know of this name? 0, -ENOENT (not there, or not for them: *exists tells) or -EBUSY. Takes tree_lock for reading: whether
 * a directory is visible may wait for the index, which must not happen under the lock for writing.
 */
static int see_first(struct op *op, struct node *dir, const char *name, bool *exists)
{
	struct entry e;
	int r;

	WITH_RDLOCK(&tree_lock);
	*exists = false;
	if (dir->gone || !is_dir_node(dir))
		return dir->gone ? -ENOENT : -EPERM;
	r = entry_fill(op, dir, name, &e);
	if (r < 0)
		return r;
	*exists = true;
	r = entry_visible(op, &e);
	entry_drop(&e);
	return r;
}

static void mark_gone(struct node *dir, const char *name)
{
	struct node *n = node_find(dir, name);

	if (n)
		node_gone(n);
	node_put(n);
}

/* ------------------------------------------------------------------------------------------------ unlink */

static int unlink_policy(struct op *op, struct node *dir)
{
	int r = dir->kind == NODE_DIR && policy_visible(op, dir) ? 0 : -ENOENT;

	if (r == 0)
		r = gate_check(op, ACL_OP_UNLINK, dir, POLICY, ACL_POLICY_FILE);
	if (r == 0)
		r = policy_remove(op, op->caller.id, dir);
	if (r == 0)
		mark_gone(dir, POLICY);
	return r;
}

/* *keep holds the file until the lock is released: freeing a large one takes its time. */
static int unlink_file(struct op *op, struct node *dir, const char *name, int *keep)
{
	struct stat st;
	int fd, r = seal_check(op, ACL_OP_UNLINK, dir, name);

	if (r == 0)
		r = back_dir_get(dir, &fd);
	if (r < 0)
		return r;
	r = back_stat(fd, name, &st);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0 && S_ISREG(st.st_mode))
		*keep = back_open(fd, name, O_PATH, 0);
	if (r == 0)
		r = back_unlink(fd, name);
	if (r == 0) {
		seal_gone(st.st_ino);
		mark_gone(dir, name);
	}
	back_dir_put(dir, fd);
	return r;
}

static int remove_policy(struct op *op, struct node *dir)
{
	WITH_WRLOCK(&tree_lock);
	return dir->gone ? -ENOENT : unlink_policy(op, dir);
}

int op_unlink(struct op *op, struct node *dir, const char *name)
{
	AUTO_CLOSE int keep = -1; /* before the lock, so that it is closed after it */
	bool exists;
	int r;

	if (is_policy(name)) {
		r = remove_policy(op, dir);
		inflight_drain();
		return r;
	}
	r = see_first(op, dir, name, &exists);
	if (r < 0)
		return r;
	WITH_WRLOCK(&tree_lock);
	if (dir->gone)
		return -ENOENT;
	return dir->kind == NODE_DIR ? unlink_file(op, dir, name, &keep) : -EISDIR;
}

/* ------------------------------------------------------------------------------------------------ rmdir */

struct content {
	bool policy, control, other;
};

static bool note_content(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct content *c = arg;

	(void)type;
	(void)ino;
	if (!strcmp(name, POLICY))
		c->policy = true;
	else if (!strcmp(name, CONTROL))
		c->control = true;
	else
		c->other = true;
	return !c->other;
}

/* The address that a directory's policy names as its maker, or NULL. Lives as long as the policy. */
static const char *made_by(const struct acl_policy *p)
{
	struct acl_value v = acl_get(p, ACL_KEY_CREATED_BY);

	return v.node && v.node->kind == Y_SCALAR ? v.node->text : NULL;
}

/* Is the text of that .zddc still the one that was generated for its maker? */
static bool is_generated(const struct acl_policy *p, int dirfd)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF want = BUF_INIT;
	struct acl_principal maker = {.email = made_by(p)};

	if (!maker.email || !acl_auto_own(p))
		return false;
	if (acl_auto_own_text(p, &maker, &want) < 0 || back_read_all(dirfd, POLICY, &text, LIMIT_DOC_BYTES) < 0)
		return false;
	return text.len == want.len && !memcmp(text.data, want.data, text.len);
}

/*
 * Whoever made an empty directory that was auto-owned, or that they made without holding d, may remove it while they may still make one
 * here. Where the backing filesystem keeps no creators the address in the generated .zddc tells.
 */
static bool is_maker(struct op *op, struct node *dir, const char *name, int dirfd, const struct acl_policy *p)
{
	const char *maker = made_by(p), *me = op->caller.id->who.email;
	bool named = maker && me && !strcmp(maker, me) && acl_auto_own(p);

	return (named || creator_is(dirfd, name, op->caller.id, NULL)) && gate_may(op->caller.id, ACL_OP_MKDIR, dir, name, 0);
}

static int empty_aside(int fd)
{
	struct content c = {0};
	int r = back_list(fd, "", note_content, &c);

	if (r == 0 && c.other)
		r = -ENOTEMPTY; /* somebody wrote behind the mount meanwhile */
	if (r == 0 && c.control)
		r = back_rmtree(fd, CONTROL);
	if (r == 0 && c.policy)
		r = back_unlink(fd, POLICY);
	return r;
}

/* With the daemon's own files in it, it is first moved out of sight in one step, so that nobody ever sees half of it. */
static int remove_aside(int dirfd, const char *name)
{
	char tmp[BACK_TMP_NAME];
	int tmpfd, r = back_tmp_dir(tmp, &tmpfd);

	if (r < 0)
		return r;
	r = back_rename(dirfd, name, tmpfd, tmp, 0);
	if (r < 0) {
		back_rmdir(tmpfd, tmp);
		return r;
	}
	AUTO_CLOSE int fd = back_opendir(tmpfd, tmp);
	r = fd < 0 ? fd : empty_aside(fd);
	if (r == 0)
		r = back_rmdir(tmpfd, tmp);
	if (r < 0 && back_rename(tmpfd, tmp, dirfd, name, RENAME_NOREPLACE) < 0)
		log_err("a removed folder could not be put back: it is .zddc.d/tmp/%s in the archive", tmp);
	return r;
}

static int remove_dir(const char *name, int dirfd, const struct acl_policy *p)
{
	struct content c = {0};
	AUTO_CLOSE int fd = back_opendir(dirfd, name);
	int r = fd < 0 ? fd : back_list(fd, "", note_content, &c);

	if (r < 0)
		return r;
	if (c.other || (c.policy && !is_generated(p, fd)))
		return -ENOTEMPTY;
	return c.policy || c.control ? remove_aside(dirfd, name) : back_rmdir(dirfd, name);
}

static int rmdir_decided(struct op *op, struct node *dir, const char *name, int dirfd, const struct acl_policy *p)
{
	int r = is_maker(op, dir, name, dirfd, p) ? 0 : gate_check(op, ACL_OP_RMDIR, dir, name, 0);

	return r < 0 ? r : remove_dir(name, dirfd, p);
}

static int rmdir_on_disk(struct op *op, struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of_child(dir, name);
	AUTO_FREE char *path = node_path_in(dir, name);
	int fd, r = back_dir_get(dir, &fd);

	if (r == 0) {
		r = rmdir_decided(op, dir, name, fd, p);
		back_dir_put(dir, fd);
	}
	acl_policy_unref(p);
	if (r < 0)
		return r;
	mark_gone(dir, name);
	policy_dir_removed(path);
	return 0;
}

static int rmdir_locked(struct op *op, struct node *dir, const char *name)
{
	struct entry e;
	int r;

	if (dir->gone)
		return -ENOENT;
	r = entry_fill(op, dir, name, &e);
	if (r < 0)
		return r;
	enum node_kind kind = e.node->kind;
	entry_drop(&e);
	if (kind == NODE_SLOT)
		return 0; /* it is declared: it stays, and keeps nobody from anything */
	return kind == NODE_DIR ? rmdir_on_disk(op, dir, name) : -ENOTDIR;
}

int op_rmdir(struct op *op, struct node *dir, const char *name)
{
	bool exists;
	int r;

	if (name_class(name) == NAME_CONTROL)
		return -EPERM;
	if (is_policy(name))
		return -ENOTDIR;
	r = see_first(op, dir, name, &exists);
	if (r < 0)
		return r;
	WITH_WRLOCK(&tree_lock);
	return rmdir_locked(op, dir, name);
}

/* ------------------------------------------------------------------------------------------------ rename: what it is about */

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
	struct leg legs[2];
	size_t n_legs;
};

static bool is_dir(const struct end *e)
{
	return S_ISDIR(e->st.st_mode);
}

static int refuse(struct move *m, int err, const struct end *e, const char *why)
{
	return gate_refuse(m->op, err, ACL_OP_RENAME, e->path, "%s", why);
}

static int look(struct end *e, struct node *dir, const char *name)
{
	int r;

	*e = (struct end){.dir = dir, .name = name, .path = node_path_in(dir, name), .fd = -1};
	if (dir->kind != NODE_DIR)
		return 0;
	r = back_dir_get(dir, &e->fd);
	if (r < 0)
		return r;
	r = back_stat(e->fd, name, &e->st);
	e->exists = r == 0;
	return r == -ENOENT ? 0 : r;
}

static void look_away(struct end *e)
{
	if (e->fd >= 0)
		back_dir_put(e->dir, e->fd);
	free(e->path);
}

static bool is_declared(struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of(dir);
	bool yes = acl_slot_find(p, name) != NULL;

	acl_policy_unref(p);
	return yes;
}

/* ------------------------------------------------------------------------------------------------ rename: may they? */

/* Would the directory keep all its policy under the other name? */
static bool keeps_policy(const struct leg *l)
{
	bool invalid = false, same;
	struct acl_policy *now = policy_of_child(l->src->dir, l->src->name), *parent = policy_of(l->dst->dir), *then;
	struct acl_own own = {.doc = acl_snap_doc(policy_snap(), l->src->path, &invalid)};

	then = acl_child(policy_engine(), parent, l->dst->name, own.doc ? &own : NULL);
	same = !invalid && acl_policy_same_rules(now, then);
	acl_policy_unref(then);
	acl_policy_unref(parent);
	acl_policy_unref(now);
	zddc_unref(own.doc);
	return same;
}

/* 'a' by the cascade, or by elevation; not by the standing right, which is for .zddc alone. */
static bool holds_a(struct move *m, struct node *dir)
{
	return gate_verbs(m->op->caller.id, dir).effective & V_A;
}

static bool holds_a_in(struct move *m, const struct end *e)
{
	struct entry in;
	bool yes;

	if (entry_fill(m->op, e->dir, e->name, &in) < 0)
		return false;
	yes = holds_a(m, in.node);
	entry_drop(&in);
	return yes;
}

static bool has_own_policy(const struct end *e)
{
	AUTO_CLOSE int fd = back_opendir(e->fd, e->name);
	struct stat st;

	return fd >= 0 && back_stat(fd, POLICY, &st) == 0;
}

static bool goes_into_zone(const struct leg *l)
{
	struct acl_policy *p = policy_of_child(l->dst->dir, l->dst->name);
	bool yes = acl_is_zone(p);

	acl_policy_unref(p);
	return yes;
}

/* Guarded keys travel with administrators only: elsewhere they would be written without one (SPEC section 2). */
static int decide_guarded(struct move *m, struct leg *l)
{
	struct acl_policy *place = policy_of_child(l->dst->dir, l->dst->name);
	int guarded = acl_snap_guarded(policy_snap(), l->src->path);

	if (guarded == 0)
		guarded = acl_snap_names_admins(policy_snap(), l->src->path, place);
	acl_policy_unref(place);
	if (guarded < 0)
		return refuse(m, EBUSY, l->src, "which folders below carry policy is still being found out: try again in a moment");
	if (!guarded || (gate_is_admin(m->op->caller.id, l->src->dir) && gate_is_admin(m->op->caller.id, l->dst->dir)))
		return 0;
	return refuse(m, EACCES, l->src, "a .zddc in it holds guarded keys, or names members of a role that administers there: only an administrator of both places may move it");
}

/* A folder takes its .zddc files along only where the mover could have written them. */
static int decide_carried(struct move *m, struct leg *l)
{
	bool own = has_own_policy(l->src), below;

	if (index_policy_below(l->src->path, &below) < 0)
		return refuse(m, EBUSY, l->src, "which folders below carry policy is still being found out: try again in a moment");
	if (goes_into_zone(l)) {
		if (below)
			return refuse(m, EPERM, l->src, "folders in it have a .zddc of their own, which a write-once place does not take");
		l->strip = own;
		return own ? decide_guarded(m, l) : 0;
	}
	if ((own || below) && !holds_a(m, l->dst->dir))
		return refuse(m, EACCES, l->src,
			      "it carries .zddc files, so that moving it needs verb a in the folder it would move to; "
			      "remove them first, or ask somebody who holds a there");
	return own || below ? decide_guarded(m, l) : 0;
}

static int decide_ends(struct move *m, const struct leg *l)
{
	int r = gate_check(m->op, ACL_OP_RENAME_FROM, l->src->dir, l->src->name, 0);

	return r < 0 ? r : gate_check(m->op, l->over ? ACL_OP_RENAME_OVER : ACL_OP_RENAME_TO, l->dst->dir, l->dst->name, 0);
}

static int decide_dir(struct move *m, struct leg *l)
{
	int r;

	if (is_declared(l->src->dir, l->src->name))
		return refuse(m, EPERM, l->src, "the folder is declared by paths: of a .zddc above; such folders cannot be renamed");
	l->moves = l->src->dir != l->dst->dir || !keeps_policy(l);
	r = seal_move_dir(m->op, l->src->dir, l->src->name, l->dst->dir, l->dst->name, l->over, l->moves, m->n_legs == 2, &l->plan);
	if (r < 0)
		return r;
	if (l->moves) {
		r = decide_ends(m, l);
		return r < 0 ? r : decide_carried(m, l);
	}
	r = gate_check(m->op, ACL_OP_RENAME, l->src->dir, l->src->name, 0);
	if (r < 0)
		return r;
	return holds_a_in(m, l->src) ? 0 : refuse(m, EACCES, l->src, "renaming a folder needs verb a in the folder itself");
}

/* A folder with nothing in it yet, the daemon's own files apart. */
static bool is_empty(const struct end *e)
{
	struct content c = {0};
	AUTO_CLOSE int fd = is_dir(e) ? back_opendir(e->fd, e->name) : -1;

	return fd >= 0 && back_list(fd, "", note_content, &c) == 0 && !c.other;
}

#define NEW_FOR 600 /* seconds in which a maker may name what they made */

/* "New folder", then its name: what one made and is still empty may be renamed where it is, without w. */
static bool is_being_named(struct move *m, const struct leg *l)
{
	long long at;

	if (l->src->dir != l->dst->dir || l->over || m->n_legs != 1 || is_declared(l->src->dir, l->src->name))
		return false;
	if (!creator_is(l->src->fd, l->src->name, m->op->caller.id, &at) || at + NEW_FOR < gate_now() || !is_empty(l->src))
		return false;
	return gate_may(m->op->caller.id, ACL_OP_CREATE, l->src->dir, l->dst->name, 0) && keeps_policy(l);
}

static unsigned depth_of(const struct node *dir)
{
	unsigned n = 0;

	for (; dir->parent; dir = dir->parent)
		n++;
	return n;
}

/*
 * Why a target is refused, or NULL. The project is the first component below the root. ".." is only counted where it leads: behind a
 * name it could go anywhere, that name being a link itself.
 */
static const char *bad_target(const char *target, const struct node *dir)
{
	unsigned depth = depth_of(dir);
	bool named = false;

	if (*target == '/')
		return "a link must be relative";
	if (!depth)
		return "a link at the top of the archive belongs to no project";
	for (const char *at = target; *at; at += strspn(at, "/")) {
		size_t n = strcspn(at, "/");

		if (n == 2 && at[0] == '.' && at[1] == '.') {
			if (named)
				return "\"..\" is only possible at the beginning of a link";
			if (depth-- <= 1)
				return "a link must stay inside its project";
		} else if (n && !(n == 1 && at[0] == '.')) {
			named = true;
		}
		at += n;
	}
	return NULL;
}

/* A link that is moved leads elsewhere: it must stay inside its project from there too. */
static int decide_link(struct move *m, const struct leg *l)
{
	AUTO_BUF target = BUF_INIT;
	int r = l->src->dir == l->dst->dir ? 0 : back_readlink(l->src->fd, l->src->name, &target);
	const char *why = r == 0 && target.len ? bad_target(buf_str(&target), l->dst->dir) : NULL;

	if (r < 0)
		return r;
	return why ? refuse(m, EPERM, l->src, why) : 0;
}

/* Within a directory one 'w' is for both names: the decision is the same. */
static int decide_leg(struct move *m, struct leg *l)
{
	if (is_being_named(m, l))
		return naming_check(m->op, ACL_OP_RENAME, l->dst->dir, l->dst->name, true, true);
	if (is_dir(l->src))
		return decide_dir(m, l);
	if (S_ISLNK(l->src->st.st_mode)) {
		int r = decide_link(m, l);
		if (r < 0)
			return r;
	}
	return seal_move_file(m->op, l->src->dir, l->src->name, l->dst->dir, l->dst->name, l->over, m->n_legs == 2, &l->plan);
}

/* What the kernel would say of kinds that do not fit. */
static int kinds_fit(const struct move *m)
{
	if (!m->to.exists || (m->flags & RENAME_EXCHANGE) || is_dir(&m->from) == is_dir(&m->to))
		return 0;
	return is_dir(&m->to) ? -EISDIR : -ENOTDIR;
}

static int check_ends(struct move *m)
{
	int r;

	if (!m->from.exists) {
		if (is_declared(m->from.dir, m->from.name))
			return refuse(m, EPERM, &m->from, "the folder is declared by paths: of a .zddc above; such folders cannot be renamed");
		return -ENOENT;
	}
	if (m->to.exists) {
		if (m->flags & RENAME_NOREPLACE)
			return -EEXIST;
		return kinds_fit(m);
	}
	if (m->flags & RENAME_EXCHANGE)
		return -ENOENT;
	r = slot_in_way(m->op, ACL_OP_RENAME_TO, m->to.dir, m->to.name);
	return r;
}

static int decide(struct move *m)
{
	bool exchange = m->flags & RENAME_EXCHANGE;
	int r = 0;

	m->legs[0] = (struct leg){.src = &m->from, .dst = &m->to, .over = m->to.exists};
	m->legs[1] = (struct leg){.src = &m->to, .dst = &m->from, .over = true};
	m->n_legs = exchange ? 2 : 1;
	for (size_t i = 0; r == 0 && i < m->n_legs; i++)
		r = decide_leg(m, &m->legs[i]);
	return r;
}

/* ------------------------------------------------------------------------------------------------ rename: doing it */

static int write_policy(int fd, const void *data, size_t n)
{
	struct stat st;
	int r = back_stat(fd, POLICY, &st);

	if (r < 0)
		return r;
	return n ? back_replace(fd, POLICY, data, n, 0644, st.st_uid, st.st_gid) : back_unlink(fd, POLICY);
}

static int strip_policy(struct leg *l)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_CLOSE int fd = back_opendir(l->src->fd, l->src->name);
	bool invalid;
	struct zddc_doc *doc;
	int r = fd < 0 ? fd : back_read_all(fd, POLICY, &l->old, LIMIT_DOC_BYTES);

	if (r < 0)
		return r;
	doc = acl_snap_doc(policy_snap(), l->src->path, &invalid);
	if (doc && !invalid)
		acl_zone_text(doc, &text);
	zddc_unref(doc);
	return write_policy(fd, text.data, text.len);
}

/* Before the rename, so that the folder arrives complete. */
static int prepare(struct move *m, struct leg *l)
{
	seal_move_enter(m->op, &l->plan, l->src->dir, l->src->name, l->dst->path);
	if (!is_dir(l->src) || !l->moves)
		return 0;
	if (l->strip)
		return strip_policy(l);
	return autoown_before_rename(m->op, l->src->fd, l->src->name, l->dst->dir, l->dst->name, &l->wrote);
}

static void undo(struct leg *l)
{
	AUTO_CLOSE int fd = -1;

	seal_move_undo(&l->plan, l->dst->path);
	if (l->wrote)
		autoown_undo(l->src->fd, l->src->name);
	if (!l->strip || !l->old.len)
		return;
	fd = back_opendir(l->src->fd, l->src->name);
	if (fd < 0 || back_replace(fd, POLICY, l->old.data, l->old.len, 0644, 0, 0) < 0)
		log_err("%s/.zddc could not be put back after a failed rename", l->src->path);
}

static void tell_nodes(struct move *m)
{
	struct node *a = node_find(m->from.dir, m->from.name), *b = node_find(m->to.dir, m->to.name);

	if (m->n_legs == 2 && a && b)
		node_exchanged(a, b);
	if (m->n_legs == 2 && !(a && b)) { /* the kernel has forgotten one: both are found again */
		if (a)
			node_gone(a);
		if (b)
			node_gone(b);
	}
	if (m->n_legs == 1 && b)
		node_gone(b);
	if (m->n_legs == 1 && a)
		node_moved(a, m->to.dir, m->to.name);
	node_put(a);
	node_put(b);
}

#define NOWHERE ".zddc.d/exchange" /* a path that no directory has */

static void tell_policy(struct move *m)
{
	bool a = is_dir(&m->from), b = m->to.exists && is_dir(&m->to);

	if (m->n_legs == 1) {
		if (b)
			policy_dir_removed(m->to.path);
		if (a)
			policy_dir_renamed(m->from.path, m->to.path);
	} else if (a || b) {
		if (a)
			policy_dir_renamed(m->from.path, NOWHERE);
		if (b)
			policy_dir_renamed(m->to.path, m->from.path);
		if (a)
			policy_dir_renamed(NOWHERE, m->to.path);
	}
	for (size_t i = 0; i < m->n_legs; i++)
		if (m->legs[i].wrote || m->legs[i].strip)
			policy_changed(m->legs[i].dst->path);
}

static void tell_seal(struct move *m)
{
	if (m->n_legs == 1 && m->to.exists)
		seal_gone(m->to.st.st_ino);
	for (size_t i = 0; i < m->n_legs; i++) {
		struct leg *l = &m->legs[i];

		if (is_dir(l->src))
			seal_moved_dir(l->src->path, l->dst->path);
		else
			seal_moved_file(m->op, &l->plan, l->src->path, l->dst->dir, l->dst->name);
	}
}

static int act(struct move *m)
{
	int r = 0;
	size_t done = 0;

	for (; r == 0 && done < m->n_legs; done++)
		r = prepare(m, &m->legs[done]);
	if (r == 0)
		r = back_rename(m->from.fd, m->from.name, m->to.fd, m->to.name, m->flags);
	if (r < 0) {
		while (done--)
			undo(&m->legs[done]);
		return r;
	}
	tell_nodes(m);
	tell_policy(m);
	tell_seal(m);
	return 0;
}

/* A declared slot is made once the move has been decided. */
static int materialise_target(struct move *m)
{
	int r;

	if (m->to.dir->kind != NODE_SLOT)
		return 0;
	r = lazy_materialise(m->op, m->to.dir);
	return r < 0 ? r : back_dir_get(m->to.dir, &m->to.fd);
}

static int rename_entry(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags)
{
	struct move m = {.op = op, .flags = flags};
	int r = look(&m.from, from, name), r2 = look(&m.to, to, new_name);

	if (r == 0)
		r = r2;
	if (r == 0)
		r = check_ends(&m);
	if (r == 0)
		r = decide(&m);
	if (r == 0)
		r = materialise_target(&m);
	if (r == 0)
		r = act(&m);
	for (size_t i = 0; i < 2; i++)
		buf_free(&m.legs[i].old);
	look_away(&m.from);
	look_away(&m.to);
	return r;
}

/* ------------------------------------------------------------------------------------------------ rename: .zddc */

/* What comes to lie at the other end of a .zddc that is moved away. */
static int decide_backup(struct op *op, struct node *from, struct node *to, const char *new_name)
{
	struct end e;
	int r = look(&e, to, new_name);

	if (r == 0)
		r = e.exists ? seal_check(op, ACL_OP_RENAME_OVER, to, new_name) : gate_check(op, ACL_OP_RENAME_TO, to, new_name, 0);
	if (r == 0)
		r = naming_check(op, ACL_OP_RENAME_TO, to, new_name, false, false);
	if (r == 0 && from != to)
		r = gate_check(op, ACL_OP_RENAME_TO, to, POLICY, ACL_POLICY_FILE);
	if (r == 0 && !e.exists)
		r = slot_in_way(op, ACL_OP_RENAME_TO, to, new_name);
	look_away(&e);
	return r;
}

static int rename_policy_away(struct op *op, struct node *from, struct node *to, const char *new_name, unsigned flags)
{
	int r;

	if (from->kind != NODE_DIR || !policy_visible(op, from))
		return -ENOENT;
	r = gate_check(op, ACL_OP_RENAME_FROM, from, POLICY, ACL_POLICY_FILE);
	if (r == 0)
		r = place_for_new(op, ACL_OP_RENAME_TO, to, new_name);
	if (r == 0)
		r = decide_backup(op, from, to, new_name);
	if (r == 0 && to->kind == NODE_SLOT)
		r = lazy_materialise(op, to);
	if (r == 0)
		r = policy_move_away(op, op->caller.id, from, to, new_name, flags);
	if (r == 0) {
		mark_gone(from, POLICY);
		mark_gone(to, new_name);
	}
	return r;
}

/* The source is an ordinary file: it must be readable and may go; at both ends the caller may write policy. */
static int decide_policy_source(struct op *op, struct node *from, const char *name, struct node *to)
{
	int r = gate_check(op, ACL_OP_RENAME_TO, to, POLICY, ACL_POLICY_FILE);

	if (r == 0)
		r = gate_check(op, ACL_OP_READ, from, name, 0);
	if (r < 0 || from == to)
		return r < 0 ? r : seal_check(op, ACL_OP_RENAME, from, name);
	r = seal_check(op, ACL_OP_RENAME_FROM, from, name);
	return r < 0 ? r : gate_check(op, ACL_OP_RENAME_FROM, from, POLICY, ACL_POLICY_FILE);
}

/* An editor's "write a temporary file, rename it over": the bytes become the new policy, or nothing happens. */
static int rename_onto_policy(struct op *op, struct node *from, const char *name, struct node *to, unsigned flags)
{
	AUTO_BUF text = BUF_INIT;
	struct stat st;
	int fd = -1, r = decide_policy_source(op, from, name, to);

	if (r == 0 && (flags & RENAME_NOREPLACE) && to->kind == NODE_DIR && !policy_hidden(to) && attr_policy(op, to, &st) == 0)
		r = -EEXIST;
	if (r == 0)
		r = from->kind == NODE_DIR ? back_dir_get(from, &fd) : -ENOENT;
	if (r == 0)
		r = back_read_all(fd, name, &text, LIMIT_DOC_BYTES);
	if (r == -EFBIG || r == -ELOOP || r == -EISDIR)
		r = -EINVAL;
	if (r == 0 && to->kind == NODE_SLOT)
		r = lazy_materialise(op, to);
	if (r == 0)
		r = policy_commit(op, op->caller.id, to, buf_str(&text), text.len);
	if (r == 0)
		r = back_unlink(fd, name);
	if (fd >= 0)
		back_dir_put(from, fd);
	if (r == 0)
		mark_gone(from, name);
	return r;
}

/* Both are .zddc, or it is an exchange: nobody needs that, but whoever may not touch policy gets the ordinary refusal first. */
static int rename_policies(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name)
{
	AUTO_FREE char *path = node_path_in(from, name);
	int r = 0;

	if (is_policy(name))
		r = gate_check(op, ACL_OP_RENAME_FROM, from, POLICY, ACL_POLICY_FILE);
	if (r == 0 && is_policy(new_name))
		r = gate_check(op, ACL_OP_RENAME_TO, to, POLICY, ACL_POLICY_FILE);
	if (r < 0)
		return r;
	return gate_refuse(op, EPERM, ACL_OP_RENAME, path, "policies are not exchanged or moved between folders: copy the text, then delete the old one");
}

static int rename_locked(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags)
{
	bool policy_from = is_policy(name), policy_to = is_policy(new_name);
	int r;

	if (from->gone || to->gone)
		return -ENOENT;
	if (!is_dir_node(from) || !is_dir_node(to))
		return -EPERM;
	if ((policy_from && policy_to) || ((flags & RENAME_EXCHANGE) && (policy_from || policy_to)))
		return rename_policies(op, from, name, to, new_name);
	if (policy_from)
		return rename_policy_away(op, from, to, new_name, flags);
	if (policy_to)
		return rename_onto_policy(op, from, name, to, flags);
	r = place_for_new(op, ACL_OP_RENAME_TO, to, new_name);
	if (r == 0 && name_class(name) != NAME_ORDINARY && name_class(name) != NAME_TRASH)
		r = name_class(name) == NAME_CONTROL ? -EPERM : -ENOENT;
	return r < 0 ? r : rename_entry(op, from, name, to, new_name, flags);
}

/* What may only be asked without the lock for writing. */
static int rename_first(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name)
{
	bool exists;
	int r = 0;

	if (!is_policy(name) && name_class(name) != NAME_CONTROL)
		r = see_first(op, from, name, &exists);
	if (r < 0)
		return r;
	if (from != to && !index_ready())
		index_wait(10000);
	r = see_first(op, to, new_name, &exists);
	if (r == -EBUSY)
		return r;
	if (r == -ENOENT && exists) {
		AUTO_FREE char *path = node_path_in(to, new_name);
		return gate_refuse(op, EACCES, ACL_OP_RENAME_TO, path, "this name cannot be used here");
	}
	return 0;
}

int op_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags)
{
	int r;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	r = rename_first(op, from, name, to, new_name);
	if (r < 0)
		return r;
	seal_before_move(op, from, name, to, new_name);
	pthread_rwlock_wrlock(&tree_lock);
	r = rename_locked(op, from, name, to, new_name, flags);
	pthread_rwlock_unlock(&tree_lock);
	inflight_drain(); /* what was decided for the old place has landed */
	if (r == 0)
		seal_after_move(from, to);
	return r;
}

/* ------------------------------------------------------------------------------------------------ links */

static int make_link(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out)
{
	int fd, r = back_dir_get(dir, &fd);

	if (r < 0)
		return r;
	r = back_symlink(target, fd, name, op->caller.uid, op->caller.gid);
	back_dir_put(dir, fd);
	if (r < 0)
		return r;
	note_made(op, dir);
	return entry_fill(op, dir, name, out);
}

static int symlink_locked(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out)
{
	const char *why;
	int r = is_dir_node(dir) ? gate_check(op, ACL_OP_SYMLINK, dir, name, is_policy(name) ? ACL_POLICY_FILE : 0) : 0;

	if (r == 0)
		r = place_for_new(op, ACL_OP_SYMLINK, dir, name);
	if (r < 0)
		return r;
	why = bad_target(target, dir);
	if (why) {
		AUTO_FREE char *path = node_path_in(dir, name);
		return gate_refuse(op, EPERM, ACL_OP_SYMLINK, path, "%s", why);
	}
	r = slot_in_way(op, ACL_OP_SYMLINK, dir, name);
	if (r == 0 && dir->kind == NODE_SLOT)
		r = lazy_materialise(op, dir);
	return r < 0 ? r : make_link(op, target, dir, name, out);
}

int op_symlink(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out)
{
	pthread_rwlock_t *held = lock_for_new(dir);
	int r = symlink_locked(op, target, dir, name, out);

	pthread_rwlock_unlock(held);
	return r == -EEXIST ? entry_exists(op, ACL_OP_SYMLINK, dir, name) : r;
}

int op_link(struct op *op, struct node *node, struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	int r = is_dir_node(dir) ? gate_check(op, ACL_OP_LINK, dir, name, ACL_IS_NEVER) : 0;

	(void)node;
	return r < 0 ? r : -EPERM;
}

int op_readlink(struct op *op, struct node *node, char **out)
{
	AUTO_BUF text = BUF_INIT;
	struct stat st;
	int fd, r;

	if (node->kind != NODE_LINK)
		return -EINVAL;
	WITH_RDLOCK(&tree_lock);
	if (!gate_may(op->caller.id, ACL_OP_READLINK, node->parent, node->name, 0))
		return -ENOENT;
	r = file_find(node, &fd, &st);
	if (r < 0)
		return r;
	r = back_readlink(fd, node->name, &text);
	back_dir_put(node->parent, fd);
	if (r == 0)
		*out = buf_steal(&text);
	return r;
}
