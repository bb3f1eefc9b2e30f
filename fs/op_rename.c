/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Renaming: an entry, or a .zddc (SPEC section 4). move.c has decided before anything is done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/log.h"
#include "fs/audit.h"
#include "fs/audit_policy.h"
#include "fs/autoown.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/commit.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/inflight.h"
#include "fs/lazy.h"
#include "fs/naming.h"
#include "fs/op_name.h"
#include "fs/policy.h"
#include "fs/record_move.h"
#include "fs/seal.h"
#include "fs/virt.h"
#include "fs/virt_ctl.h"

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
	if (!end_is_dir(l->src) || !l->moves)
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
	bool a = end_is_dir(&m->from), b = m->to.exists && end_is_dir(&m->to);

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
		if (m->legs[i].wrote || m->legs[i].strip) {
			audit_policy_arrived(m->op, m->legs[i].dst->path, m->legs[i].wrote);
			policy_changed(m->legs[i].dst->path);
		}
}

static void tell_seal(struct move *m)
{
	if (m->n_legs == 1 && m->to.exists)
		seal_gone(m->to.st.st_ino);
	for (size_t i = 0; i < m->n_legs; i++) {
		struct leg *l = &m->legs[i];

		if (end_is_dir(l->src))
			seal_moved_dir(l->src->path, l->dst->path);
		else
			seal_moved_file(m->op, &l->plan, l->src->path, l->dst->dir, l->dst->name);
	}
}

/* Folders and links that come to lie somewhere else may be in a folder that somebody is about to move. */
static void tell_survey(struct move *m)
{
	if (m->from.dir == m->to.dir)
		return;
	if (!S_ISREG(m->from.st.st_mode))
		survey_tell(m->to.dir);
	if (m->n_legs == 2 && !S_ISREG(m->to.st.st_mode))
		survey_tell(m->from.dir);
}

/* What is replaced, and what leaves its directory (or is an editor's backup from now on), stays as a version where it was. */
static int keep_versions(struct move *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n_legs; i++) {
		struct leg *l = &m->legs[i];
		bool leaves = l->src->dir != l->dst->dir || !history_keeps(l->dst->dir, l->dst->name);

		if (end_is_dir(l->src))
			continue;
		if (l->over && m->n_legs == 1)
			r = history_keep(l->dst->dir, l->dst->fd, l->dst->name, HISTORY_GOES, &m->before->over);
		if (r == 0 && leaves)
			r = history_keep(l->src->dir, l->src->fd, l->src->name, HISTORY_STAYS, i ? NULL : &m->before->leaves);
	}
	return r;
}

static void tell_history(struct move *m)
{
	const struct identity *who = m->op->caller.id;
	struct end *a = &m->from, *b = &m->to;
	bool exchange = m->n_legs == 2;

	if (end_is_dir(a) || (exchange && end_is_dir(b)))
		return;
	if (a->dir == b->dir && exchange)
		history_exchanged(a->dir, a->fd, a->name, b->name);
	else if (a->dir == b->dir)
		history_renamed(who, a->dir, a->fd, a->name, b->name, b->exists);
	else
		history_moved(who, a->dir, a->fd, a->name, b->dir, b->fd, b->name);
	if (a->dir != b->dir && exchange)
		history_moved(who, b->dir, b->fd, b->name, a->dir, a->fd, a->name);
}

static int act(struct move *m)
{
	int r = 0;
	size_t done = 0;

	for (; r == 0 && done < m->n_legs; done++)
		r = prepare(m, &m->legs[done]);
	if (r == 0)
		r = keep_versions(m);
	if (r == 0)
		r = back_rename(m->from.fd, m->from.name, m->to.fd, m->to.name, m->flags);
	if (r < 0) {
		while (done--)
			undo(&m->legs[done]);
		return r;
	}
	tell_survey(m);
	draft_moved(m->from.dir, m->from.name, m->to.dir, m->to.name);
	tell_history(m);
	tell_nodes(m);
	audit_renamed(m->op, m->from.path, m->to.path, m->to.exists, m->n_legs == 2);
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

static int rename_entry(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags,
			struct before *before)
{
	struct move m = {.op = op, .flags = flags, .before = before};
	int r = end_look(&m.from, from, name), r2 = end_look(&m.to, to, new_name);

	if (r == 0)
		r = r2;
	if (r == 0)
		r = move_decide(&m);
	if (r == 0)
		r = materialise_target(&m);
	if (r == 0)
		r = act(&m);
	for (size_t i = 0; i < 2; i++)
		buf_free(&m.legs[i].old);
	end_drop(&m.from);
	end_drop(&m.to);
	return r;
}

/* ------------------------------------------------------------------------------------------------ rename: .zddc */

/* What comes to lie at the other end of a .zddc that is moved away. */
static int decide_backup(struct op *op, struct node *from, struct node *to, const char *new_name, bool hidden)
{
	struct end e;
	int r = end_look(&e, to, new_name);

	if (r == 0)
		r = e.exists && !hidden ? seal_check(op, ACL_OP_RENAME_OVER, to, new_name) : gate_check(op, ACL_OP_RENAME_TO, to, new_name, 0);
	if (r == 0)
		r = naming_check(op, ACL_OP_RENAME_TO, to, new_name, false, false);
	if (r == 0 && from != to)
		r = gate_check(op, ACL_OP_RENAME_TO, to, POLICY, ACL_POLICY_FILE);
	if (r == 0 && hidden)
		r = refuse_hidden(op, ACL_OP_RENAME_TO, e.path);
	if (r == 0 && !e.exists)
		r = slot_in_way(op, ACL_OP_RENAME_TO, to, new_name);
	end_drop(&e);
	return r;
}

static int rename_policy_away(struct op *op, struct node *from, struct node *to, const char *new_name, unsigned flags, bool hidden)
{
	int r;

	if (from->kind != NODE_DIR || !policy_visible(op, from))
		return -ENOENT;
	r = gate_check(op, ACL_OP_RENAME_FROM, from, POLICY, ACL_POLICY_FILE);
	if (r == 0)
		r = place_for_new(op, ACL_OP_RENAME_TO, to, new_name);
	if (r == 0)
		r = decide_backup(op, from, to, new_name, hidden);
	if (r == 0 && to->kind == NODE_SLOT)
		r = lazy_materialise(op, to);
	if (r == 0)
		r = policy_move_away(op, op->caller.id, from, to, new_name, flags);
	if (r == 0) {
		AUTO_FREE char *old = node_path_in(from, POLICY), *new = node_path_in(to, new_name);

		audit_renamed(op, old, new, false, flags & RENAME_EXCHANGE);
		name_gone(from, POLICY);
		name_gone(to, new_name);
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

	if (r == 0 && (flags & RENAME_NOREPLACE) && to->kind == NODE_DIR && !away_is(to, POLICY) && attr_policy(op, to, &st) == 0)
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
		name_gone(from, name);
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

static int rename_locked(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags,
			 struct before *before)
{
	bool policy_from = is_policy(name), policy_to = is_policy(new_name);
	int r;

	if (from->gone || to->gone)
		return -ENOENT;
	if (!is_dir_node(from) || !is_dir_node(to))
		return ctl_is_kept(from) || ctl_is_kept(to) ? -EROFS : -EPERM;
	if ((policy_from && policy_to) || ((flags & RENAME_EXCHANGE) && (policy_from || policy_to)))
		return rename_policies(op, from, name, to, new_name);
	if (policy_from)
		return rename_policy_away(op, from, to, new_name, flags, before->hidden);
	if (policy_to)
		return rename_onto_policy(op, from, name, to, flags);
	r = place_for_new(op, ACL_OP_RENAME_TO, to, new_name);
	if (r == 0 && name_class(name) != NAME_ORDINARY && name_class(name) != NAME_TRASH)
		r = name_class(name) == NAME_CONTROL ? -EPERM : -ENOENT;
	return r < 0 ? r : rename_entry(op, from, name, to, new_name, flags, before);
}

/* What may only be asked without the lock for writing. */
static int rename_first(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags, struct before *out)
{
	int r = 0;

	if (!is_policy(name) && name_class(name) != NAME_CONTROL)
		r = name_see_first(op, from, name);
	if (r < 0)
		return r;
	if (from != to && !index_ready())
		index_wait(10000);
	r = entry_in_way(op, to, new_name, &out->hidden);
	if (r == -EBUSY)
		return r;
	seal_before_move(op, from, name, to, new_name);
	survey_take(&out->survey[0], op, from, name, to);
	if ((flags & RENAME_EXCHANGE) && r == 0)
		survey_take(&out->survey[1], op, to, new_name, from);
	if (away_is(to, new_name))
		out->hidden = false;
	if (from != to)
		name_read_first(op, ACL_OP_RENAME_FROM, from, name, HISTORY_STAYS, &out->leaves);
	if (!(flags & RENAME_EXCHANGE))
		name_read_first(op, ACL_OP_RENAME_OVER, to, new_name, HISTORY_GOES, &out->over);
	return 0;
}

static void before_drop(struct before *b)
{
	history_read_drop(&b->over);
	history_read_drop(&b->leaves);
	survey_drop(&b->survey[0]);
	survey_drop(&b->survey[1]);
}

int op_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags)
{
	struct before before = {0};
	int r;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (virt_here(from) || virt_here(to))
		return virt_rename(op, from, name, to, new_name, flags);
	r = rename_first(op, from, name, to, new_name, flags, &before);
	if (r < 0)
		return r;
	if (record_rename(op, from, name, to, new_name, flags, &r)) {
		before_drop(&before);
		return r;
	}
	pthread_rwlock_wrlock(&tree_lock);
	r = rename_locked(op, from, name, to, new_name, flags, &before);
	pthread_rwlock_unlock(&tree_lock);
	before_drop(&before);
	inflight_drain(); /* what was decided for the old place has landed */
	if (r == 0)
		seal_after_move(from, to);
	return r;
}
