/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New names in a virtual directory: rows and parties on their way, known to their writer only, and transient files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/audit.h"
#include "fs/away.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/policy.h"
#include "fs/virt_private.h"

/* ------------------------------------------------------------------------------------------------ what may be called so */

int virt_check_place(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	return place_for_new(op, what, dir, name);
}

/* Would a record of that name be a row, whatever party it goes to ('-' can be the name of none)? Under tree_lock. */
static bool names_row(const struct virt_place *p, const char *name)
{
	AUTO_FREE char *path = virt_slot_path(p, "-");
	struct virt_filter f;
	bool yes;

	virt_filter_of(policy_at(path), NULL, &f);
	yes = virt_is_row(&f, name);
	virt_filter_drop(&f);
	return yes;
}

static int refuse_name(struct op *op, enum acl_op what, struct node *dir, const char *name, const char *why)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	return gate_refuse(op, EINVAL, what, path, "%s", why);
}

int virt_check_new(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	char party[DOCNAME_MAX + 1];
	const char *file;
	struct virt_place p;
	int r = 0;

	WITH_RDLOCK(&tree_lock);
	if (!virt_place_get(op, dir, &p))
		r = -ENOENT;
	else if (p.kind == ACL_VIRTUAL_LINKS)
		r = virt_refuse(op, what, dir, name);
	else if (p.kind == ACL_VIRTUAL_ROWS && !names_row(&p, name))
		r = refuse_name(op, what, dir, name, "only records are made in a table: call it something.yaml, the fields make its name");
	else if (p.kind == ACL_VIRTUAL_PARTIES && !virt_kinds[p.kind].split(name, party, &file))
		r = refuse_name(op, what, dir, name,
				"this names no party: use letters, digits, dots and hyphens, a letter or digit first, and .yaml behind it");
	virt_place_drop(&p);
	return r;
}

/* ------------------------------------------------------------------------------------------------ who may */

/* What one may want to do in the directory of some party: make a row, or at least write one. */
struct wanted {
	const char *name;
	bool write_will_do;
};

static bool may_there(const struct identity *who, const struct wanted *w, struct node *slot)
{
	return gate_may(who, ACL_OP_CREATE, slot, w->name, 0) || (w->write_will_do && gate_may(who, ACL_OP_WRITE, slot, w->name, 0));
}

/* Is there a party in whose directory the caller may? */
static bool may_in(struct op *op, const struct virt_rows *rows, const struct wanted *w)
{
	WITH_RDLOCK(&tree_lock);
	for (size_t i = 0; rows && i < rows->n; i++)
		if (rows->v[i].at && !rows->v[i].at->gone && may_there(op->caller.id, w, rows->v[i].at))
			return true;
	return false;
}

/* Says it of the first party that the caller may know of. */
static int refuse_in(struct op *op, struct node *dir, const struct virt_rows *rows, const struct wanted *w)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *path = node_path_in(dir, w->name);

	for (size_t i = 0; rows && i < rows->n; i++)
		if (rows->v[i].at && !rows->v[i].at->gone && gate_enter(op, rows->v[i].at) == 0) {
			int r = gate_check(op, ACL_OP_CREATE, rows->v[i].at, w->name, 0);

			if (r < 0)
				return r;
		}
	return gate_refuse(op, EACCES, ACL_OP_CREATE, path, "there is no party in whose folder you may create: a row is kept there");
}

/* The rows of a moment ago are good enough for a yes. */
static int may_somewhere(struct op *op, struct node *dir, const struct wanted *w)
{
	struct virt_rows *rows = virt_rows_last(op, dir);
	bool may = rows && may_in(op, rows, w);
	int r = 0;

	virt_rows_put(rows);
	if (may)
		return 0;
	rows = virt_rows_get(op, dir);
	if (!may_in(op, rows, w))
		r = refuse_in(op, dir, rows, w);
	virt_rows_put(rows);
	return r;
}

/* A party: c beside the others, or in its folder if that is there. */
static int may_make_party(struct op *op, struct node *dir, const char *name)
{
	char party[DOCNAME_MAX + 1];
	const char *file;
	struct virt_place p;
	struct node *slot = NULL;
	int r = -EACCES;

	WITH_RDLOCK(&tree_lock);
	if (virt_place_get(op, dir, &p) && p.base && virt_kinds[p.kind].split(name, party, &file)) {
		slot = virt_slot(op, &p, party);
		r = slot && gate_enter(op, slot) == 0 ? gate_check(op, ACL_OP_CREATE, slot, p.below, 0) : gate_check(op, ACL_OP_MKDIR, p.base, party, 0);
	}
	node_put(slot);
	virt_place_drop(&p);
	return r;
}

static int may_make(struct op *op, struct node *dir, const char *name, enum acl_virtual_kind kind)
{
	struct wanted row = {name, false};

	return kind == ACL_VIRTUAL_PARTIES ? may_make_party(op, dir, name) : may_somewhere(op, dir, &row);
}

/* ------------------------------------------------------------------------------------------------ making */

static bool is_there(struct op *op, struct node *dir, const char *name, bool *transient)
{
	struct virt_found f;
	bool there;

	WITH_RDLOCK(&tree_lock);
	*transient = virt_is_transient(dir, name);
	there = virt_find(op, op->caller.id, dir, name, &f) == 0;
	if (there)
		virt_found_drop(&f);
	return there;
}

/* A handle on the name, whatever it will be. */
static int begin(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out)
{
	int r;

	WITH_RDLOCK(&tree_lock);
	*entry = (struct entry){.node = virt_enter(dir, name)};
	r = open_draft(op, &virt_draft_kind, entry->node, flags | O_TRUNC, out);
	if (r == 0)
		r = attr_draft(op, entry->node, &entry->attr);
	if (r < 0)
		entry_drop(entry);
	return r;
}

static int make_temp(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out)
{
	struct wanted any = {name, true};
	int r = may_somewhere(op, dir, &any);

	if (r == 0)
		r = virt_temp_make(op, dir, name);
	if (r < 0)
		return r;
	r = begin(op, dir, name, flags, entry, out);
	if (r < 0)
		virt_temp_remove(dir, name, op->caller.id->uid);
	return r;
}

/* An editor has just moved the row away and writes it anew. */
static int make_again(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out)
{
	AUTO_FREE char *file = NULL;
	struct node *slot = NULL;
	int r;

	pthread_rwlock_rdlock(&tree_lock);
	r = virt_canonical(op->caller.id, dir, name, &slot, &file);
	if (r == 0)
		r = gate_check(op, ACL_OP_WRITE, slot, file, 0);
	pthread_rwlock_unlock(&tree_lock);
	node_put(slot);
	return r < 0 ? r : begin(op, dir, name, flags, entry, out);
}

static int may_make_row(struct op *op, struct node *dir, const char *name)
{
	int r = virt_check_new(op, ACL_OP_CREATE, dir, name);

	return r < 0 ? r : may_make(op, dir, name, virt_kind_of(op, dir));
}

int virt_open_new(struct op *op, struct node *n, int flags, struct handle **out)
{
	int r = may_make_row(op, n->parent, n->name);

	if (r < 0)
		return -ENOENT;
	WITH_RDLOCK(&tree_lock);
	return open_draft(op, &virt_draft_kind, n, flags | O_TRUNC, out);
}

int virt_create(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out)
{
	bool transient;
	int r = virt_check_place(op, ACL_OP_CREATE, dir, name);

	if (r < 0)
		return r;
	if (is_there(op, dir, name, &transient))
		return away_is(dir, name) ? make_again(op, dir, name, flags, entry, out) : -EEXIST;
	if (transient && virt_kind_of(op, dir) != ACL_VIRTUAL_LINKS)
		return make_temp(op, dir, name, flags, entry, out);
	r = may_make_row(op, dir, name);
	return r < 0 ? r : begin(op, dir, name, flags, entry, out);
}
