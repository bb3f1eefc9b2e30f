/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rename is about, and whether it may be: files, folders, links, each as SPEC section 4 says. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/creator.h"
#include "fs/gate.h"
#include "fs/given.h"
#include "fs/handle.h"
#include "fs/naming.h"
#include "fs/op_name.h"
#include "fs/policy.h"
#include "fs/seal.h"

static int refuse(struct move *m, int err, const struct end *e, const char *why)
{
	return gate_refuse(m->op, err, ACL_OP_RENAME, e->path, "%s", why);
}

int end_look(struct end *e, struct node *dir, const char *name)
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

void end_drop(struct end *e)
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

static int refuse_unknown(struct move *m, const struct leg *l, const struct survey *s)
{
	if (s->err == -E2BIG)
		return gate_refuse(m->op, EBUSY, ACL_OP_RENAME, l->src->path, "%s holds more than %u entries: move what is in it part by part", l->src->path,
				   LIMIT_MOVE_ENTRIES);
	return gate_refuse(m->op, EBUSY, ACL_OP_RENAME, l->src->path,
			   "%s cannot be looked through just now for folders that would lie too deep and links that would leave the project (%s): try again", l->src->path,
			   s->err ? strerror(-s->err) : "somebody is making folders or links in it");
}

/* Nearer to the root a link in it could leave its project, farther from it a folder could lie too deep. */
static int decide_depth(struct move *m, const struct leg *l)
{
	const struct survey *s = &m->before->survey[l - m->legs];
	unsigned depth = node_depth(l->dst->dir) + 1;

	if (depth == node_depth(l->src->dir) + 1)
		return 0;
	if (s->err || !survey_holds(s, l->src->dir, l->src->name))
		return refuse_unknown(m, l, s);
	if (depth + s->height > LIMIT_DIR_DEPTH)
		return gate_refuse(m->op, ENAMETOOLONG, ACL_OP_RENAME, l->src->path, "folders in it would lie %u levels deep there: at most %u are possible",
				   depth + s->height, LIMIT_DIR_DEPTH);
	if (depth < s->climb)
		return gate_refuse(m->op, EPERM, ACL_OP_RENAME, l->src->path, "%s/%s would lead out of the project from there: a link must stay inside its project",
				   l->src->path, s->climber);
	return 0;
}

static int decide_dir(struct move *m, struct leg *l)
{
	int r;

	if (is_declared(l->src->dir, l->src->name))
		return refuse(m, EPERM, l->src, "the folder is declared by paths: of a .zddc above; such folders cannot be renamed");
	l->moves = l->src->dir != l->dst->dir || (!m->before->hidden && !keeps_policy(l)); /* what is hidden there does not show by its policy */
	r = seal_move_dir(m->op, l->src->dir, l->src->name, l->dst->dir, l->dst->name, l->over, l->moves, m->n_legs == 2, &l->plan);
	if (r < 0)
		return r;
	if (l->moves) {
		r = decide_ends(m, l);
		if (r == 0)
			r = decide_depth(m, l);
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
	return end_is_dir(e) && name_is_empty_dir(e->fd, e->name);
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

/* A link that is moved leads elsewhere: it must stay inside its project from there too. */
static int decide_link(struct move *m, const struct leg *l)
{
	AUTO_BUF target = BUF_INIT;
	int r = l->src->dir == l->dst->dir ? 0 : back_readlink(l->src->fd, l->src->name, &target);
	const char *why = r == 0 && target.len ? link_bad_target(buf_str(&target), l->dst->dir) : NULL;

	if (r < 0)
		return r;
	return why ? refuse(m, EPERM, l->src, why) : 0;
}

/* Within a directory one 'w' is for both names: the decision is the same. */
static int decide_leg(struct move *m, struct leg *l)
{
	if (is_being_named(m, l)) {
		gate_allow_why(m->op, ACL_OP_RENAME, l->src->dir, l->src->name, BECAUSE_CREATOR);
		return naming_check(m->op, ACL_OP_RENAME, l->dst->dir, l->dst->name, true, true);
	}
	if (end_is_dir(l->src))
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
	if (!m->to.exists || (m->flags & RENAME_EXCHANGE) || end_is_dir(&m->from) == end_is_dir(&m->to))
		return 0;
	return end_is_dir(&m->to) ? -EISDIR : -ENOTDIR;
}

static int check_ends(struct move *m)
{
	if (!m->from.exists) {
		if (is_declared(m->from.dir, m->from.name))
			return refuse(m, EPERM, &m->from, "the folder is declared by paths: of a .zddc above; such folders cannot be renamed");
		return given_is(m->from.dir, m->from.name) ? refuse(m, EROFS, &m->from, "it is what policy says of these records, and is not on disk") : -ENOENT;
	}
	if (m->to.exists) {
		if (m->flags & RENAME_NOREPLACE)
			return -EEXIST;
		return kinds_fit(m);
	}
	if (m->flags & RENAME_EXCHANGE)
		return -ENOENT;
	return m->before->hidden ? 0 : slot_in_way(m->op, ACL_OP_RENAME_TO, m->to.dir, m->to.name);
}

int move_decide(struct move *m)
{
	bool exchange = m->flags & RENAME_EXCHANGE;
	int r;

	m->to.exists &= !m->before->hidden;
	r = check_ends(m);

	m->legs[0] = (struct leg){.src = &m->from, .dst = &m->to, .over = m->to.exists};
	m->legs[1] = (struct leg){.src = &m->to, .dst = &m->from, .over = true};
	m->n_legs = exchange ? 2 : 1;
	for (size_t i = 0; r == 0 && i < m->n_legs; i++)
		r = decide_leg(m, &m->legs[i]);
	return r == 0 && m->before->hidden ? refuse_hidden(m->op, ACL_OP_RENAME_TO, m->to.path) : r;
}
