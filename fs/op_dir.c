/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories: look-up, mkdir, listing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/str.h"
#include "fs/autoown.h"
#include "fs/back.h"
#include "fs/away.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/given.h"
#include "fs/handle.h"
#include "fs/lazy.h"
#include "fs/names.h"
#include "fs/naming.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/past.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/tenant.h"
#include "fs/virt.h"
#include "fs/virt_ctl.h"

#define POLICY ".zddc"

/* ------------------------------------------------------------------------------------------------ entries */

static int kind_of_mode(mode_t mode, enum node_kind *kind)
{
	if (S_ISDIR(mode))
		*kind = NODE_DIR;
	else if (S_ISREG(mode))
		*kind = NODE_FILE;
	else if (S_ISLNK(mode))
		*kind = NODE_LINK;
	else
		return -ENOENT; /* devices, pipes and sockets that somebody put behind the mount are not shown */
	return 0;
}

static int fill_on_disk(struct node *dir, int dirfd, const char *name, struct entry *out)
{
	struct back_ref ref;
	struct stat st;
	enum node_kind kind = NODE_FILE;
	int r = back_ref_of(dirfd, name, &ref, &st);

	if (r == 0)
		r = kind_of_mode(st.st_mode, &kind);
	if (r < 0)
		return r;
	*out = (struct entry){.node = node_enter(dir, name, kind, &ref, st.st_ino)};
	attr_show(kind, st.st_ino, &st, &out->attr);
	seal_show(out->node, &st, &out->attr);
	return 0;
}

static int fill_slot(struct node *dir, const char *name, struct entry *out)
{
	AUTO_FREE char *spelling = lazy_declared(dir, name);

	if (!spelling || strcmp(spelling, name) != 0)
		return -ENOENT;
	*out = (struct entry){.node = node_enter(dir, name, NODE_SLOT, NULL, node_virtual_ino(dir, name))};
	int r = attr_slot(out->node, &out->attr);
	if (r < 0)
		entry_drop(out);
	return r;
}

static int fill_given(struct node *dir, const char *name, struct entry *out)
{
	if (!given_is(dir, name))
		return -ENOENT;
	*out = (struct entry){.node = node_enter(dir, name, NODE_GIVEN, NULL, node_virtual_ino(dir, name))};
	int r = attr_given(out->node, &out->attr);
	if (r < 0)
		entry_drop(out);
	return r;
}

/* What this caller is writing under a name that nobody else sees. */
static int fill_draft(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	if (!draft_pending(dir, name, op->caller.uid))
		return -ENOENT;
	*out = (struct entry){.node = node_enter(dir, name, NODE_DRAFT, NULL, node_virtual_ino(dir, name))};
	int r = attr_draft(op, out->node, &out->attr);
	if (r < 0)
		entry_drop(out);
	return r;
}

/* 'old' was in the table before the disk was looked at, and is not on it. */
static void forget_node(struct node *old)
{
	if (old->kind == NODE_DIR || old->kind == NODE_FILE || old->kind == NODE_LINK)
		node_gone(old);
}

int entry_fill(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	enum name_class class = name_class(name);
	struct node *old;
	int fd, r = -ENOENT;

	if (class != NAME_ORDINARY && class != NAME_TRASH)
		return -ENOENT; /* .zddc and the like are never plain entries */
	old = node_find(dir, name); /* first: another request may be making a new one of that name */
	if (dir->kind == NODE_DIR)
		r = back_dir_get(dir, &fd);
	if (dir->kind == NODE_DIR && r == 0) {
		r = fill_on_disk(dir, fd, name, out);
		back_dir_put(dir, fd);
		if (r == -ENOENT && old)
			forget_node(old);
		r = r == -ENOENT ? fill_slot(dir, name, out) : r;
	} else if (dir->kind != NODE_DIR) {
		r = fill_slot(dir, name, out);
	}
	node_put(old);
	if (r == -ENOENT)
		r = fill_given(dir, name, out);
	return r == -ENOENT ? fill_draft(op, dir, name, out) : r;
}

void entry_drop(struct entry *e)
{
	node_forget(e->node, 1);
	node_put(e->node);
	e->node = NULL;
}

int entry_visible(struct op *op, struct entry *e)
{
	struct node *n = e->node;

	if (n->kind == NODE_DIR || n->kind == NODE_SLOT)
		return gate_enter(op, n);
	if (n->kind == NODE_DRAFT)
		return 0;
	if (n->kind == NODE_FILE && (seal_hides(op->caller.id, n->parent, n->name) || away_is(n->parent, n->name)))
		return -ENOENT;
	return gate_may(op->caller.id, ACL_OP_STAT, n->parent, n->name, 0) || seal_own_transient(op->caller.id, n->parent, n->name) ? 0 : -ENOENT;
}

bool policy_visible(struct op *op, struct node *dir)
{
	if (away_is(dir, POLICY))
		return false;
	return gate_may(op->caller.id, ACL_OP_STAT, dir, POLICY, ACL_POLICY_FILE);
}

static int lookup_policy(struct op *op, struct node *dir, struct entry *out)
{
	struct entry e = {0};
	int r;

	if (dir->kind != NODE_DIR || !policy_visible(op, dir))
		return -ENOENT;
	r = attr_policy(op, dir, &e.attr);
	if (r < 0)
		return r;
	e.node = node_enter(dir, POLICY, NODE_POLICY, NULL, e.attr.st_ino);
	*out = e;
	return 0;
}

/* Somebody made it behind the mount: nothing that is known of policy reaches as far down (LIMIT_DIR_DEPTH). */
static int refuse_deep(struct op *op, const struct entry *e)
{
	if (e->node->kind != NODE_DIR || node_depth(e->node) <= LIMIT_DIR_DEPTH)
		return 0;
	AUTO_FREE char *path = node_path(e->node);
	return gate_refuse(op, ENAMETOOLONG, ACL_OP_ENTER, path, "folders lie at most %u levels deep", LIMIT_DIR_DEPTH);
}

static int lookup_ordinary(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	int r = virt_is(dir) ? virt_lookup(op, dir, name, out) : entry_fill(op, dir, name, out);

	if (r < 0 || out->node->kind == NODE_VIRT)
		return r;
	r = entry_visible(op, out);
	if (r == 0)
		r = refuse_deep(op, out);
	if (r < 0)
		entry_drop(out);
	return r;
}

static int lookup_in_dir(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	int r;

	switch (name_class(name)) {
	case NAME_ORDINARY:
	case NAME_TRASH:
		return lookup_ordinary(op, dir, name, out);
	case NAME_POLICY:
		return lookup_policy(op, dir, out);
	case NAME_CONTROL:
		r = gate_enter(op, dir);
		return r < 0 ? r : ctl_lookup(op, dir, name, out);
	case NAME_LOOKALIKE:
		return -ENOENT;
	case NAME_INVALID:
		break;
	}
	return strlen(name) > 255 ? -ENAMETOOLONG : -ENOENT;
}

int op_lookup(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	if (ctl_is_past(dir))
		past_follow();
	WITH_RDLOCK(&tree_lock);
	if (dir->gone)
		return -ENOENT;
	switch (dir->kind) {
	case NODE_DIR:
	case NODE_SLOT:
		return lookup_in_dir(op, dir, name, out);
	case NODE_CTL_DIR:
		return ctl_lookup(op, dir, name, out);
	case NODE_FILE:
	case NODE_LINK:
	case NODE_POLICY:
	case NODE_GIVEN:
	case NODE_DRAFT:
	case NODE_CTL_FILE:
	case NODE_VIRT:
		break;
	}
	return -ENOTDIR;
}

/* ------------------------------------------------------------------------------------------------ places for new names */

pthread_rwlock_t *lock_for_new(struct node *dir)
{
	pthread_rwlock_rdlock(&tree_lock);
	if (dir->kind != NODE_SLOT)
		return &tree_lock;
	pthread_rwlock_unlock(&tree_lock);
	pthread_rwlock_wrlock(&tree_lock);
	return &tree_lock;
}

static int place_for_class(struct op *op, enum acl_op what, struct node *dir, const char *name, const char *path)
{
	switch (name_class(name)) {
	case NAME_ORDINARY:
		return 0;
	case NAME_TRASH:
		if (dir->parent)
			return 0;
		return gate_refuse(op, EACCES, what, path, "there is no trash on this filesystem: delete for good instead");
	case NAME_POLICY:
		return gate_refuse(op, EPERM, what, path, "\"%s\" is the policy of the folder: it can only be a plain file", name);
	case NAME_CONTROL:
		return gate_refuse(op, EPERM, what, path, "\"%s\" belongs to the daemon", name);
	case NAME_LOOKALIKE:
		return gate_refuse(op, EINVAL, what, path, "the name could be taken for .zddc or .zddc.d: choose another");
	case NAME_INVALID:
		break;
	}
	return strlen(name) > 255 ? -ENAMETOOLONG : -EINVAL;
}

int place_for_new(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	if (dir->gone)
		return -ENOENT;
	if (ctl_is_kept(dir))
		return gate_refuse(op, EROFS, what, path, "earlier versions are there to be read");
	if (dir->kind == NODE_CTL_DIR)
		return gate_refuse(op, EPERM, what, path, "nothing can be made in .zddc.d: it belongs to the daemon");
	if (dir->kind != NODE_DIR && dir->kind != NODE_SLOT)
		return -ENOTDIR;
	return place_for_class(op, what, dir, name, path);
}

int slot_in_way(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	AUTO_FREE char *exact = lazy_declared(dir, name);

	if (!exact && !lazy_collides(dir, name))
		return 0;
	AUTO_FREE char *path = node_path_in(dir, name);
	return gate_refuse(op, EEXIST, what, path, "a folder of that name, in this or another spelling, is declared here");
}

int refuse_hidden(struct op *op, enum acl_op what, const char *path)
{
	return gate_refuse(op, EACCES, what, path, "this name cannot be used here");
}

/* What is there of that name: itself, or a declared slot that differs only in case. */
static int fill_in_way(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	int r = entry_fill(op, dir, name, out);
	AUTO_FREE char *slot = r == -ENOENT ? lazy_spelling(dir, name) : NULL;

	return slot ? entry_fill(op, dir, slot, out) : r;
}

int entry_in_way(struct op *op, struct node *dir, const char *name, bool *hidden)
{
	struct entry e;
	int r;

	WITH_RDLOCK(&tree_lock);
	*hidden = false;
	if (dir->gone || (dir->kind != NODE_DIR && dir->kind != NODE_SLOT))
		return dir->gone ? -ENOENT : -EPERM;
	r = fill_in_way(op, dir, name, &e);
	if (r < 0)
		return r;
	r = entry_visible(op, &e);
	entry_drop(&e);
	*hidden = r == -ENOENT;
	return *hidden ? 0 : r;
}

int entry_exists(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	bool hidden;

	entry_in_way(op, dir, name, &hidden);
	if (!hidden)
		return -EEXIST;
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *path = node_path_in(dir, name);
	return refuse_hidden(op, what, path);
}

/* ------------------------------------------------------------------------------------------------ mkdir */

int dir_prepare(struct op *op, struct node *dir, const char *name)
{
	unsigned flags = name_class(name) == NAME_POLICY ? ACL_POLICY_FILE : 0;

	if (virt_is(dir))
		return virt_refuse(op, ACL_OP_MKDIR, dir, name);
	int r = dir->kind == NODE_DIR || dir->kind == NODE_SLOT ? gate_check(op, ACL_OP_MKDIR, dir, name, flags) : 0;

	if (r == 0)
		r = place_for_new(op, ACL_OP_MKDIR, dir, name);
	if (r == 0)
		r = slot_in_way(op, ACL_OP_MKDIR, dir, name);
	if (r == 0)
		r = naming_check(op, ACL_OP_MKDIR, dir, name, true, true);
	if (r == 0)
		r = naming_check_dir_named(op, ACL_OP_MKDIR, dir);
	return r == 0 && dir->kind == NODE_SLOT ? lazy_materialise(op, dir) : r;
}

static int make_dir(struct op *op, struct node *dir, const char *name, mode_t mode, struct entry *out)
{
	int r = dir_prepare(op, dir, name);

	if (r == 0)
		r = autoown_mkdir(op, dir, name, mode);
	if (r == 0)
		note_made(op, dir);
	return r < 0 ? r : entry_fill(op, dir, name, out);
}

int op_mkdir(struct op *op, struct node *dir, const char *name, mode_t mode, struct entry *out)
{
	int r;

	pthread_rwlock_wrlock(&tree_lock);
	r = make_dir(op, dir, name, mode, out);
	pthread_rwlock_unlock(&tree_lock);
	return r == -EEXIST ? entry_exists(op, ACL_OP_MKDIR, dir, name) : r;
}

/* ------------------------------------------------------------------------------------------------ listing */

int op_opendir(struct op *op, struct node *dir, struct handle **out)
{
	WITH_RDLOCK(&tree_lock);
	int r;

	if (dir->gone)
		return -ENOENT;
	if (dir->kind != NODE_DIR && dir->kind != NODE_SLOT && dir->kind != NODE_CTL_DIR)
		return -ENOTDIR;
	r = gate_enter(op, node_governor(dir));
	if (r == 0 && dir->kind != NODE_CTL_DIR)
		gate_listed(op, dir);
	return r < 0 ? r : handle_new(HANDLE_DIR, dir, op->caller.id, 0, out);
}

int dir_open(struct node *dir)
{
	WITH_RDLOCK(&tree_lock);
	int fd, real, r = dir->kind != NODE_DIR || dir->gone ? -ENOENT : back_dir_get(dir, &fd);

	if (r < 0)
		return r;
	real = back_opendir(fd, "");
	back_dir_put(dir, fd);
	return real;
}

int op_releasedir(struct handle *h)
{
	handle_free(h);
	return 0;
}

struct collecting {
	struct handle *h;
	struct node *dir;
	size_t cap;
};

static void collect_name(struct collecting *c, const char *name, mode_t type, uint64_t ino, bool slot)
{
	struct handle *h = c->h;

	if (h->n_names == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 64;
		h->names = realloc(h->names, c->cap * sizeof(*h->names));
		if (!h->names)
			abort();
	}
	h->names[h->n_names++] = (struct listed){arena_strdup(&h->names_mem, name), ino, type, slot};
}

/* The daemon's own names, look-alikes of policy, devices and the like are never listed; .zddc is added last when it is read. */
static bool collect_disk(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	enum name_class class = name_class(name);

	if ((class == NAME_ORDINARY || class == NAME_TRASH) && (type == DT_DIR || type == DT_REG || type == DT_LNK))
		collect_name(arg, name, DTTOIF(type), ino, false);
	return true;
}

static bool collect_slot(void *arg, const char *name)
{
	struct collecting *c = arg;

	collect_name(c, name, S_IFDIR, node_virtual_ino(c->dir, name), true);
	return true;
}

static bool collect_ctl(void *arg, const char *name, mode_t type)
{
	struct collecting *c = arg;

	collect_name(c, name, type & S_IFMT, node_virtual_ino(c->dir, name), false);
	return true;
}

static bool collected(void *arg, const char *name)
{
	struct collecting *c = arg;

	for (size_t i = 0; i < c->h->n_names; i++)
		if (!c->h->names[i].slot && str_ieq(c->h->names[i].name, name))
			return true;
	return false;
}

static bool collect_given(void *arg, const char *name)
{
	struct collecting *c = arg;

	if (!collected(c, name))
		collect_name(c, name, S_IFREG, node_virtual_ino(c->dir, name), false);
	return true;
}

/* The names as they are now; who may see them is asked for each READDIR. h->lock held. */
static int collect(struct op *op, struct node *dir, struct handle *h)
{
	struct collecting c = {h, dir, 0};
	int fd, r = 0;

	arena_free(&h->names_mem);
	free(h->names);
	h->names = NULL;
	h->n_names = 0;
	if (dir->kind == NODE_CTL_DIR)
		return ctl_list(op, dir, collect_ctl, &c);
	if (h->rows) {
		virt_names_each(op, dir, collect_ctl, &c);
		return 0;
	}
	if (dir->kind == NODE_DIR) {
		r = back_dir_get(dir, &fd);
		if (r < 0)
			return r;
		r = back_list(fd, "", collect_disk, &c);
		back_dir_put(dir, fd);
	}
	if (r == 0)
		lazy_each(dir, collected, collect_slot, &c);
	if (r == 0)
		given_each(dir, collect_given, &c);
	return r;
}

struct reading {
	struct op *op;
	struct node *dir;
	const struct identity *who;
	dir_emit emit;
	void *arg;
	bool all; /* the caller holds r: files show */
	bool temporary; /* and those that tools are still making, of everybody */
	const struct virt_rows *rows; /* of a virtual directory; after the names, which are the caller's already */
};

/* 1 if the caller sees the entry, 0 if not, -errno if it cannot be said (never guessed). */
static int sees(struct reading *rd, const struct listed *e)
{
	struct acl_sight sight;
	int r;

	if (rd->dir->kind == NODE_CTL_DIR || rd->rows)
		return 1;
	if (tenant_hides_in(rd->dir, e->name))
		return 0;
	if (!S_ISDIR(e->type))
		return rd->all && !away_is(rd->dir, e->name) && (rd->temporary || !S_ISREG(e->type) || !seal_hides(rd->who, rd->dir, e->name));
	AUTO_FREE char *path = node_path_in(rd->dir, e->name);
	r = gate_sight_path(rd->who, path, &sight);
	return r < 0 ? r : sight.listed;
}

static bool emit_name(struct reading *rd, const char *name, mode_t type, uint64_t ino, off_t next)
{
	struct stat st = {.st_mode = type, .st_ino = ino};

	return rd->emit(rd->arg, name, &st, next, NULL);
}

static bool emit_dots(struct reading *rd, off_t *off)
{
	struct node *up = rd->dir->parent ? rd->dir->parent : rd->dir;

	if (*off == 0 && !emit_name(rd, ".", S_IFDIR, rd->dir->ino, ++*off))
		return false;
	return *off != 1 || emit_name(rd, "..", S_IFDIR, up->ino, ++*off);
}

/* .zddc goes last, so that rm -r removes it last. */
static void emit_policy(struct reading *rd, off_t next)
{
	struct stat st;

	if (rd->dir->kind == NODE_DIR && policy_visible(rd->op, rd->dir) && attr_policy(rd->op, rd->dir, &st) == 0)
		emit_name(rd, POLICY, S_IFREG, st.st_ino, next);
}

struct row_reading {
	struct reading *rd;
	off_t names; /* offset of the first row */
	bool any;
};

static bool emit_row(void *arg, const char *name, mode_t type, uint64_t ino, size_t at)
{
	struct row_reading *r = arg;

	if (!emit_name(r->rd, name, type, ino, r->names + (off_t)at + 1))
		return false;
	return r->any = true;
}

/* 0, 1 if the reply is full, or -errno if nothing can be said. */
static int emit_rows(struct reading *rd, const struct handle *h, off_t off, bool first)
{
	struct row_reading r = {rd, (off_t)h->n_names + 2, !first};
	int done = virt_rows_each(rd->who, rd->dir, rd->rows, off > r.names ? (size_t)(off - r.names) : 0, emit_row, &r);

	return done < 0 && r.any ? 1 : done;
}

/*
 * Offsets: 1 after ".", 2 after "..", n + 3 after the n-th name, then the rows of a virtual directory, one more after .zddc. They hold until
 * the next rewind.
 */
static int emit_names(struct reading *rd, struct handle *h, off_t off)
{
	off_t end = (off_t)(h->n_names + (rd->rows ? virt_rows_count(rd->rows) : 0)) + 2;
	int done = 0;

	if (!emit_dots(rd, &off))
		return 0;
	bool first = true;
	for (size_t i = (size_t)(off - 2); i < h->n_names; i++) {
		const struct listed *e = &h->names[i];
		int r = sees(rd, e);

		if (r < 0)
			return first ? r : 0;
		if (r && !emit_name(rd, e->name, e->type, e->ino, (off_t)i + 3))
			return 0;
		first = false;
	}
	if (rd->rows)
		done = emit_rows(rd, h, off, first);
	if (done == 0 && off <= end)
		emit_policy(rd, end + 1);
	return done < 0 ? done : 0;
}

/*
 * Names only, also for READDIRPLUS (node number 0 tells the kernel so): with timeouts of 0 attributes that came along would be
 * thrown away at once. The entry that emit() takes is for the day when names have classes.
 */
int op_readdir(struct op *op, struct node *dir, struct handle *h, off_t off, bool plus, dir_emit emit, void *arg)
{
	struct reading rd = {op, dir, op->caller.uid == h->who->uid ? op->caller.id : h->who, emit, arg, false, false, NULL};
	struct virt_rows *rows = off == 0 ? virt_rows_get(op, dir) : NULL;
	int r = 0;

	(void)plus;
	WITH_RDLOCK(&tree_lock);
	WITH_MUTEX(&h->lock);
	if (dir->gone) {
		virt_rows_put(rows);
		return 0;
	}
	if (off == 0) {
		virt_rows_put(h->rows);
		h->rows = rows;
		r = collect(op, dir, h);
	}
	rd.rows = h->rows;
	if (r < 0)
		return r;
	if (dir->kind != NODE_CTL_DIR) {
		verbset held = gate_verbs(rd.who, dir).effective;

		rd.all = held & V_R; /* merely visible is not enough for the names of files */
		rd.temporary = policy_none() || held & (V_W | V_D);
	}
	return emit_names(&rd, h, off);
}

int op_statfs(struct op *op, struct node *node, struct statvfs *out)
{
	(void)op;
	(void)node;
	int r = back_statvfs(out);

	out->f_namemax = 255;
	tenant_statfs(out);
	return r;
}
