/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the names of a virtual directory stand for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/lazy.h"
#include "fs/names.h"
#include "fs/policy.h"
#include "fs/transient.h"
#include "fs/virt_private.h"

/* ------------------------------------------------------------------------------------------------ the kinds */

static void row_name(const char *party, const char *file, struct buf *out) { rollup_row_name(party, file, out); }
static bool row_split(const char *name, char *party, const char **file) { return rollup_row_split(name, party, file); }

static void party_name(const char *party, const char *file, struct buf *out)
{
	(void)file;
	rollup_party_name(party, out);
}

static bool party_split(const char *name, char *party, const char **file)
{
	*file = NULL;
	return rollup_party_split(name, party);
}

static void link_name(const char *party, const char *file, struct buf *out)
{
	(void)file;
	buf_adds(out, party);
}

static bool link_split(const char *name, char *party, const char **file)
{
	*file = NULL;
	if (!rollup_is_party(name))
		return false;
	memcpy(party, name, strlen(name) + 1);
	return true;
}

const struct virt_kind virt_kinds[ACL_VIRTUAL_KINDS] = {
#define VIRT_KIND(id, field, name, split, type, noun) [ACL_VIRTUAL_##id] = {field, name, split, type, noun},
#define VIRT_TEXT(...)
#include "fs/virt_rollup.def"
#undef VIRT_KIND
#undef VIRT_TEXT
};

/* ------------------------------------------------------------------------------------------------ where the rows are */

static bool is_dir_node(const struct node *n) { return n->kind == NODE_DIR || n->kind == NODE_SLOT; }

static struct acl_virtual virtual_of(struct node *dir, struct acl_policy **p)
{
	static const struct acl_virtual none;

	*p = NULL;
	if (policy_none() || !dir->parent || !is_dir_node(dir))
		return none;
	*p = policy_of(dir);
	return acl_virtual(*p);
}

bool virt_is(struct node *dir)
{
	struct acl_policy *p;
	bool is = virtual_of(dir, &p).kind != ACL_VIRTUAL_NONE;

	acl_policy_unref(p);
	return is;
}

bool virt_here(struct node *dir)
{
	WITH_RDLOCK(&tree_lock);
	return virt_is(dir);
}

/* As the kernel would find it: on disk, else declared. Counted, or NULL. */
static struct node *look(struct op *op, struct node *dir, const char *name)
{
	struct entry e;
	struct node *n;

	if (entry_fill(op, dir, name, &e) < 0)
		return NULL;
	n = node_ref(e.node);
	entry_drop(&e);
	return n;
}

/* Is n, a directory on disk, what has the name now? Behind the mount it may have been replaced, even by one with its old number. */
static bool in_place(struct node *dir, const char *name, struct node *n)
{
	struct stat st;
	int fd, r = n->kind == NODE_DIR && !n->gone && dir->kind == NODE_DIR ? back_dir_get(dir, &fd) : -ENOENT;

	if (r < 0)
		return false;
	r = back_stat(fd, name, &st);
	back_dir_put(dir, fd);
	if (r < 0 || !S_ISDIR(st.st_mode) || st.st_ino != n->ref.ino || back_dir_get(n, &fd) < 0)
		return false;
	back_dir_put(n, fd);
	return true;
}

/* One directory down. One that is known costs a look at its name; a declared one may have been made meanwhile. */
static struct node *step(struct op *op, struct node *dir, const char *name)
{
	struct node *n = node_find(dir, name);

	if (n && in_place(dir, name, n))
		return n;
	node_put(n);
	n = look(op, dir, name);
	if (!n) {
		AUTO_FREE char *spelling = lazy_spelling(dir, name);

		n = spelling ? look(op, dir, spelling) : NULL;
	}
	if (n && is_dir_node(n) && !virt_is(n))
		return n;
	node_put(n);
	return NULL;
}

/* The directory at the end of a path below 'from'; counted, or NULL. */
static struct node *walk(struct op *op, struct node *from, const char *path)
{
	AUTO_FREE char *copy = strdup(path);
	struct node *at = node_ref(from), *next;
	char *rest = copy;

	for (char *name = strsep(&rest, "/"); name && at; name = strsep(&rest, "/")) {
		next = step(op, at, name);
		node_put(at);
		at = next;
	}
	return at;
}

bool virt_place_get(struct op *op, struct node *dir, struct virt_place *out)
{
	struct buf below = BUF_INIT;
	struct acl_policy *p;
	struct acl_virtual v = virtual_of(dir, &p);

	*out = (struct virt_place){.kind = v.kind, .dir = dir};
	if (v.kind != ACL_VIRTUAL_NONE) {
		acl_virtual_below(&v, dir->name, &below);
		out->below = buf_steal(&below);
		out->base = walk(op, dir->parent, v.base);
	}
	acl_policy_unref(p);
	return v.kind != ACL_VIRTUAL_NONE;
}

void virt_place_drop(struct virt_place *p)
{
	node_put(p->base);
	free(p->below);
	*p = (struct virt_place){0};
}

enum acl_virtual_kind virt_kind_of(struct op *op, struct node *dir)
{
	struct virt_place p;
	enum acl_virtual_kind kind;

	WITH_RDLOCK(&tree_lock);
	kind = virt_place_get(op, dir, &p) ? p.kind : ACL_VIRTUAL_NONE;
	virt_place_drop(&p);
	return kind;
}

struct node *virt_slot(struct op *op, const struct virt_place *p, const char *party)
{
	struct node *at = p->base ? step(op, p->base, party) : NULL, *slot;

	if (!at || p->kind == ACL_VIRTUAL_PARTIES)
		return at;
	slot = walk(op, at, p->below);
	node_put(at);
	return slot;
}

const char *virt_file(const struct virt_place *p, const char *file) { return file ? file : p->below; }

char *virt_slot_path(const struct virt_place *p, const char *party)
{
	AUTO_BUF out = BUF_INIT;
	AUTO_FREE char *base = p->base ? node_path(p->base) : NULL;

	if (base)
		buf_addf(&out, "%s/%s", base, party);
	if (base && p->kind != ACL_VIRTUAL_PARTIES)
		buf_addf(&out, "/%s", p->below);
	return buf_steal(&out);
}

/* ------------------------------------------------------------------------------------------------ which files are rows */

void virt_filter_of(struct acl_policy *policy, const char *only, struct virt_filter *out)
{
	*out = (struct virt_filter){.policy = policy, .only = only};
	out->records = acl_merged(policy, ACL_KEY_RECORDS, &out->mem);
}

void virt_filter_get(const struct virt_place *p, struct node *slot, struct virt_filter *out)
{
	virt_filter_of(policy_of(slot), p->kind == ACL_VIRTUAL_PARTIES ? p->below : NULL, out);
}

void virt_filter_drop(struct virt_filter *f)
{
	acl_policy_unref(f->policy);
	arena_free(&f->mem);
}

/* Without any rule, rows are what looks like a record. */
bool virt_is_row(const struct virt_filter *f, const char *file)
{
	struct record_rule rule;

	if (f->only)
		return !strcmp(file, f->only);
	if (record_never(file) || name_class(file) != NAME_ORDINARY || transient_name(f->policy, file))
		return false;
	return f->records ? record_rule_find(f->records, file, &rule) : str_ends(file, ".yaml");
}

/* ------------------------------------------------------------------------------------------------ what a name stands for */

static bool is_record(const struct virt_found *f)
{
	struct virt_filter filter;
	bool yes;

	virt_filter_get(&f->place, f->slot, &filter);
	yes = virt_is_row(&filter, f->file);
	virt_filter_drop(&filter);
	return yes;
}

/* The record of a row, if 'who' may know of it. */
static int find_record(const struct identity *who, struct virt_found *f)
{
	int fd, r = f->slot->kind == NODE_DIR && is_record(f) && gate_may(who, ACL_OP_STAT, f->slot, f->file, 0) ? 0 : -ENOENT;

	if (r == 0)
		r = back_dir_get(f->slot, &fd);
	if (r < 0)
		return -ENOENT;
	r = back_stat(fd, f->file, &f->st);
	back_dir_put(f->slot, fd);
	return r < 0 || !S_ISREG(f->st.st_mode) ? -ENOENT : 0;
}

static int find_linked(const struct identity *who, struct virt_found *f)
{
	struct acl_sight sight;
	int r = gate_sight(who, f->slot, &sight);

	return r < 0 ? r : sight.enter ? 0 : -ENOENT;
}

static int find_row(struct op *op, const struct identity *who, const char *name, struct virt_found *f)
{
	const char *file;

	if (!virt_kinds[f->place.kind].split(name, f->party, &file))
		return -ENOENT;
	f->file = virt_file(&f->place, file);
	f->slot = virt_slot(op, &f->place, f->party);
	if (!f->slot)
		return -ENOENT;
	f->what = f->place.kind == ACL_VIRTUAL_LINKS ? VIRT_LINK : VIRT_ROW;
	return f->what == VIRT_LINK ? find_linked(who, f) : find_record(who, f);
}

bool virt_is_transient(struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of(dir);
	bool yes = transient_name(p, name);

	acl_policy_unref(p);
	return yes;
}

/* What the caller is making under a name of their own; false if the name stands for something else. */
static bool find_made(const struct identity *who, struct node *dir, const char *name, struct virt_found *f)
{
	if (f->place.kind == ACL_VIRTUAL_LINKS)
		return false;
	f->what = VIRT_TEMP;
	if (virt_is_transient(dir, name))
		return virt_temp_stat(dir, name, who->uid, &f->st);
	f->what = VIRT_TYPED;
	return draft_pending(dir, name, who->uid);
}

static int find_text(const struct identity *who, struct virt_found *f)
{
	struct acl_sight sight;
	int r = virt_text_there(&f->place, f->text) ? gate_sight(who, f->place.dir, &sight) : -ENOENT;

	f->what = VIRT_TEXT;
	return r < 0 ? r : sight.enter ? 0 : -ENOENT;
}

int virt_find(struct op *op, const struct identity *who, struct node *dir, const char *name, struct virt_found *out)
{
	int r;

	*out = (struct virt_found){0};
	if (dir->gone || !virt_place_get(op, dir, &out->place)) {
		virt_place_drop(&out->place);
		return -ENOENT;
	}
	out->text = out->place.kind == ACL_VIRTUAL_LINKS ? NULL : virt_text_find(name);
	r = out->text ? find_text(who, out) : find_made(who, dir, name, out) ? 0 : find_row(op, who, name, out);
	if (r < 0)
		virt_found_drop(out);
	return r;
}

void virt_found_drop(struct virt_found *f)
{
	node_put(f->slot);
	f->slot = NULL;
	virt_place_drop(&f->place);
}

int virt_canonical(const struct identity *who, struct node *virt, const char *name, struct node **dir, char **file)
{
	struct op op = {.caller = {.uid = who->uid, .id = (struct identity *)who}};
	struct virt_found f;
	int r = virt_find(&op, who, virt, name, &f);

	if (r < 0)
		return r;
	if (f.what == VIRT_ROW) {
		*dir = node_ref(f.slot);
		*file = strdup(f.file);
	}
	r = f.what == VIRT_ROW ? 0 : -ENOENT;
	virt_found_drop(&f);
	return r;
}
