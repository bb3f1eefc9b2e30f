/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the names of a virtual directory stand for, and how that is described and read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/str.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/handle.h"
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

/* The same for a node. */
static int find_node(struct op *op, const struct node *n, struct virt_found *out)
{
	return n->gone ? -ENOENT : virt_find(op, op->caller.id, n->parent, n->name, out);
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

/* ------------------------------------------------------------------------------------------------ rows */

int virt_row_text(const struct virt_found *f, struct buf *out)
{
	AUTO_BUF stored = BUF_INIT;
	int fd, r = back_dir_get(f->slot, &fd);

	if (r < 0)
		return r;
	r = back_read_all(fd, f->file, &stored, LIMIT_DOC_BYTES);
	back_dir_put(f->slot, fd);
	if (r == 0)
		rollup_show(virt_kinds[f->place.kind].field, f->party, buf_str(&stored), stored.len, out);
	return r;
}

/* One state of a record as one party's. */
static uint64_t state_of(const struct virt_found *f)
{
	struct {
		uint64_t ino, size;
		struct timespec mtime, ctime;
		uint64_t party;
	} s = {f->st.st_ino, (uint64_t)f->st.st_size, f->st.st_mtim, f->st.st_ctim, hash64(f->party, strlen(f->party))};

	return hash64(&s, sizeof(s)) | 1;
}

/* How long the row is as it is shown. What one node was last asked is kept in it: ls -l opens nothing the second time. */
static off_t shown_size(const struct virt_found *f, struct node *n)
{
	AUTO_BUF text = BUF_INIT;
	uint64_t state = state_of(f), size;
	bool known;

	pthread_mutex_lock(&n->lock);
	known = n->shown.state == state;
	size = n->shown.size;
	pthread_mutex_unlock(&n->lock);
	if (known)
		return (off_t)size;
	if (virt_row_text(f, &text) < 0)
		return f->st.st_size; /* it cannot be read as a record: opening it will say so */
	pthread_mutex_lock(&n->lock);
	n->shown.state = state;
	n->shown.size = text.len;
	pthread_mutex_unlock(&n->lock);
	return (off_t)text.len;
}

/* ------------------------------------------------------------------------------------------------ links */

/* "../archive/Acme/working" */
static void link_target(const struct virt_found *f, struct buf *out)
{
	AUTO_FREE char *to = node_path(f->slot), *above = node_path(f->place.dir->parent);

	buf_addf(out, "../%s", to + strlen(above) + (*above != 0));
}

int virt_readlink(struct op *op, struct node *node, char **out)
{
	AUTO_BUF target = BUF_INIT;
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, node, &f);
	if (r < 0)
		return r;
	if (f.what == VIRT_LINK)
		link_target(&f, &target);
	r = f.what == VIRT_LINK ? 0 : -EINVAL;
	virt_found_drop(&f);
	if (r == 0)
		*out = buf_steal(&target);
	return r;
}

/* ------------------------------------------------------------------------------------------------ attributes */

enum { ROW_MODE = 0644, TEXT_MODE = 0444, LINK_MODE = 0777 };

/* What was never on disk looks as old as this mount. */
static void attr_made(mode_t mode, size_t size, struct stat *out)
{
	struct timespec began = policy_began();

	*out = (struct stat){.st_mode = mode, .st_nlink = 1, .st_size = (off_t)size, .st_uid = geteuid(), .st_gid = getegid(),
			     .st_blksize = 4096, .st_blocks = (blkcnt_t)(size + 511) / 512, .st_atim = began, .st_mtim = began, .st_ctim = began};
}

/* All but the size of a table.csv. What a row shows does not depend on who asks, but its writer sees what they have written. */
static int attr_fill(struct op *op, const struct virt_found *f, struct node *n, struct stat *out)
{
	AUTO_BUF target = BUF_INIT;

	switch (f->what) {
	case VIRT_ROW:
		*out = f->st;
		out->st_mode = S_IFREG | ROW_MODE;
		out->st_nlink = 1;
		out->st_size = shown_size(f, n);
		break;
	case VIRT_TEXT:
		attr_made(S_IFREG | TEXT_MODE, 0, out);
		break;
	case VIRT_LINK:
		link_target(f, &target);
		attr_made(S_IFLNK | LINK_MODE, target.len, out);
		break;
	case VIRT_TEMP:
		*out = f->st;
		break;
	case VIRT_TYPED:
		return attr_draft(op, n, out);
	}
	out->st_ino = n->ino;
	handle_draft_stat(n, op->caller.uid, out);
	return 0;
}

struct node *virt_enter(struct node *dir, const char *name)
{
	return node_enter(dir, name, NODE_VIRT, NULL, node_virtual_ino(dir, name));
}

int virt_lookup(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	struct virt_found f;
	int r = away_is(dir, name) ? -ENOENT : virt_find(op, op->caller.id, dir, name, &f);

	if (r < 0)
		return r;
	*out = (struct entry){.node = virt_enter(dir, name)};
	r = attr_fill(op, &f, out->node, &out->attr);
	virt_found_drop(&f);
	if (r < 0)
		entry_drop(out);
	return r;
}

static int describe(struct op *op, struct node *n, struct stat *out, const struct virt_text **text)
{
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, n, &f);
	if (r < 0)
		return attr_draft(op, n, out) == 0 ? 0 : r; /* stored under another name since; its writer still has it open */
	r = attr_fill(op, &f, n, out);
	*text = f.what == VIRT_TEXT ? f.text : NULL;
	virt_found_drop(&f);
	return r;
}

/* A table.csv holds what its reader may see, and so does its size: 0 would make programs think that it is empty. */
int virt_getattr(struct op *op, struct node *n, struct stat *out)
{
	const struct virt_text *text = NULL;
	AUTO_BUF made = BUF_INIT;
	int r = describe(op, n, out, &text);

	if (r == 0 && text && virt_text_make(op, n->parent, text, &made) == 0)
		out->st_size = (off_t)made.len;
	return r;
}

int virt_access(struct op *op, struct node *n, int mask)
{
	const struct identity *who = op->caller.id;
	struct virt_found f;
	bool may = true;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, n, &f);
	if (r < 0)
		return r;
	if (f.what != VIRT_LINK && (mask & X_OK))
		may = false;
	if (f.what == VIRT_TEXT && (mask & W_OK))
		may = false;
	if (f.what == VIRT_ROW && (mask & W_OK) && !gate_may(who, ACL_OP_WRITE, f.slot, f.file, 0))
		may = false;
	if (f.what == VIRT_TEMP && (mask & W_OK) && !virt_temp_own(n->parent, n->name, who->uid))
		may = false;
	virt_found_drop(&f);
	return may ? 0 : -EACCES;
}

/* ------------------------------------------------------------------------------------------------ open */

static int open_with(struct op *op, struct node *n, int flags, struct buf *text, struct handle **out)
{
	int r = handle_new(HANDLE_TEXT, n, op->caller.id, flags, out);

	if (r < 0)
		return r;
	r = handle_set_text(*out, text);
	if (r < 0)
		handle_free(*out);
	return r;
}

static bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC); }

/* The decision is that on the record. */
static int open_row(struct op *op, struct node *n, int flags, const struct virt_found *f, struct handle **out)
{
	AUTO_BUF text = BUF_INIT;
	int r = (flags & O_ACCMODE) == O_WRONLY ? 0 : gate_check(op, ACL_OP_READ, f->slot, f->file, 0);

	if (r == 0 && writes(flags)) {
		r = gate_check(op, ACL_OP_WRITE, f->slot, f->file, 0);
		return r < 0 ? r : open_draft(op, &virt_draft_kind, n, flags, out);
	}
	if (r == 0)
		r = virt_row_text(f, &text);
	return r < 0 ? r : open_with(op, n, flags, &text, out);
}

static int open_temp(struct op *op, struct node *n, int flags, struct handle **out)
{
	AUTO_BUF text = BUF_INIT;

	if (writes(flags))
		return virt_temp_own(n->parent, n->name, op->caller.id->uid) ? open_draft(op, &virt_draft_kind, n, flags, out) : -EACCES;
	virt_temp_read(n->parent, n->name, op->caller.id->uid, &text);
	return open_with(op, n, flags, &text, out);
}

static int open_kind(struct op *op, struct node *n, int flags, const struct virt_found *f, struct handle **out)
{
	switch (f->what) {
	case VIRT_ROW:
		return open_row(op, n, flags, f, out);
	case VIRT_TEMP:
		return open_temp(op, n, flags, out);
	case VIRT_TYPED: /* its writer opens it a second time: another row */
		return writes(flags) ? open_draft(op, &virt_draft_kind, n, flags | O_TRUNC, out) : -EBUSY;
	case VIRT_TEXT:
		return writes(flags) ? -EROFS : 0;
	case VIRT_LINK:
		break;
	}
	return -ELOOP;
}

/* All but texts, which are made without the lock. */
static int open_found(struct op *op, struct node *n, int flags, const struct virt_text **text, struct handle **out)
{
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find_node(op, n, &f);
	if (r < 0)
		return r;
	*text = f.what == VIRT_TEXT ? f.text : NULL;
	r = open_kind(op, n, flags, &f, out);
	virt_found_drop(&f);
	return r;
}

int virt_open(struct op *op, struct node *n, int flags, struct handle **out)
{
	const struct virt_text *text = NULL;
	AUTO_BUF made = BUF_INIT;
	int r = open_found(op, n, flags, &text, out);

	if (r == -ENOENT && writes(flags)) /* what the caller wrote under that name was stored a moment ago: this is the next row */
		return virt_open_new(op, n, flags, out);
	if (r == 0 && text) {
		r = virt_text_make(op, n->parent, text, &made);
		if (r == 0)
			r = open_with(op, n, flags, &made, out);
	}
	return r;
}
