/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control directory .zddc.d and the xattrs user.zddc.*: what the daemon tells each caller about itself and about him. */
#include "fs/virt_ctl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "fs/audit.h"
#include "fs/audit_view.h"
#include "fs/command.h"
#include "fs/gate.h"
#include "fs/history_private.h"
#include "fs/journal.h"
#include "fs/names.h"
#include "fs/policy.h"
#include "fs/session.h"
#include "fs/tenant.h"
#include "fs/virt.h"
#include "fs/virt_ask.h"
#include "fs/virt_kept.h"
#include "fs/withdraw.h"

enum ctl_kind { CTL_FILE, CTL_NAMES, CTL_OPS, CTL_LISTED, CTL_COMMAND, CTL_KEPT, CTL_STREAM };
enum ctl_where { CTL_ALL, CTL_ROOT, CTL_OWN, CTL_WATCHERS, CTL_SEERS, CTL_WITHDRAWN, CTL_ELEVATED };

struct ctl_row {
	const char *name;
	enum ctl_kind kind;
	enum ctl_where where;
	enum acl_format format;
	void (*make)(const struct ask *a, struct buf *out);
};

static const char JSON_END[] = ".json";

void ask_row_of(struct ask *a, struct node *dir, const char *name, struct ask_row *row)
{
	if (!virt_is(dir) || virt_canonical(a->who, dir, name, &row->dir, &row->file) < 0)
		return;
	a->dir = row->dir;
	a->name = row->file;
}

void ask_row_drop(struct ask_row *row)
{
	node_put(row->dir);
	free(row->file);
}

char *ask_shown_path(const struct node *dir)
{
	char *path = node_path(dir);

	if (*path)
		return path;
	free(path);
	return strdup(".");
}

const char *ask_shown_who(const struct identity *who) { return who->who.email ? who->who.email : "anonymous"; }

/* ------------------------------------------------------------------ write-once */

static void make_ctl(const struct ask *a, struct buf *out)
{
	(void)a;
	command_help(out);
}

/* What is open, torn, transient or being hashed, here and below. */
static void inflight_json(const struct flight *f, struct buf *out)
{
	AUTO_BUF who = BUF_INIT;
	char due[32];

	person_show(&f->who, &who);
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "path", f->path);
	json_kv(out, "state", f->state == SEAL_SEALED ? "hashing" : seal_state_word(f->state));
	json_kv(out, "who", buf_str(&who));
	if (f->due > 0 && f->due < LLONG_MAX)
		str_time_format(f->due, due);
	json_kv(out, "due", f->due > 0 && f->due < LLONG_MAX ? due : NULL);
	buf_addc(out, '}');
}

static void inflight_text(const struct flight *f, struct buf *out)
{
	AUTO_BUF who = BUF_INIT;

	person_show(&f->who, &who);
	buf_addf(out, "%-9s %s  %s\n", f->state == SEAL_SEALED ? "hashing" : seal_state_word(f->state), f->path, buf_str(&who));
}

static void make_inflight(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = node_path(a->dir);
	size_t n;
	struct flight *v = journal_list(path, &n);

	if (a->format == ACL_JSON)
		buf_addc(out, '[');
	for (size_t i = 0; i < n; i++)
		if (tenant_hides(v[i].path))
			continue;
		else if (a->format == ACL_JSON)
			inflight_json(&v[i], out);
		else
			inflight_text(&v[i], out);
	buf_adds(out, a->format == ACL_JSON ? "]\n" : "");
	journal_list_free(v, n);
}

/* Holders of a, administrators and auditors of the directory. */
static bool watches(const struct identity *who, struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool yes = policy_none() || acl_is_admin(p, &who->who, NULL) || (gate_verbs(who, dir).granted & V_A);

	acl_policy_unref(p);
	return yes || gate_is_auditor(who, dir);
}

bool ctl_is_past(const struct node *dir)
{
	return dir->kind == NODE_CTL_DIR && dir->ctl && dir->ctl->kind == CTL_KEPT && !strcmp(dir->ctl->name, HISTORY_AT);
}

bool ctl_is_kept(const struct node *node)
{
	return (node->kind == NODE_CTL_DIR || node->kind == NODE_CTL_FILE) && node->ctl && node->ctl->kind == CTL_KEPT;
}

static void make_withdrawn(const struct ask *a, struct buf *out) { withdrawn_card(a->dir, a->name, out); }

static bool stop_at_first(void *arg, const char *name)
{
	(void)name;
	*(bool *)arg = true;
	return false;
}

/* Readers of the directory see what was taken out of it. */
static bool sees_withdrawn(const struct identity *who, struct node *dir)
{
	bool any = false;

	return gate_may(who, ACL_OP_READ, dir, "any name", 0) && withdrawn_list(dir, stop_at_first, &any) == 0 && any;
}

static bool row_visible(const struct ctl_row *row, const struct identity *who, struct node *dir);

/* ------------------------------------------------------------------ the ledger */

static void make_checkpoint(const struct ask *a, struct buf *out)
{
	(void)a;
	audit_checkpoint(out);
}

bool ctl_is_stream(const struct node *node)
{
	return node->kind == NODE_CTL_FILE && node->ctl && node->ctl->kind == CTL_STREAM;
}

int ctl_stream(struct op *op, struct node *node, struct audit_view **out)
{
	struct node *dir = node_governor(node);
	int r = gate_enter(op, dir);

	*out = NULL;
	if (r == 0 && !row_visible(node->ctl, op->caller.id, dir))
		r = -ENOENT;
	if (r < 0)
		return r;
	AUTO_FREE char *path = node_path(dir);
	*out = audit_view_new(op->caller.id, path, !dir->parent && ask_sees_all(op->caller.id, dir));
	return 0;
}

bool ctl_is_command(const struct node *node)
{
	return node->kind == NODE_CTL_FILE && node->ctl && node->ctl->kind == CTL_COMMAND;
}

/* ------------------------------------------------------------------ the table */

static const struct ctl_row rows[] = {
#define CTL(id, name, kind, where, format, make) {name, CTL_##kind, CTL_##where, ACL_##format, make},
#define CTL_XATTR(...)
#define EXPLAINED(...)
#include "fs/virt.def"
#undef CTL
#undef CTL_XATTR
#undef EXPLAINED
};

static bool is_text(const struct ctl_row *row) { return row->kind == CTL_FILE || row->kind == CTL_COMMAND || row->kind == CTL_STREAM; }

/* The operation of "explain.unlink" or "explain.unlink.json"; false if it names none. */
static bool row_op(const struct ctl_row *row, const char *name, char **op)
{
	size_t len = strlen(name), prefix = strlen(row->name), end = row->format == ACL_JSON ? strlen(JSON_END) : 0;
	enum acl_op what;

	if (len <= prefix + end || strncmp(name, row->name, prefix) != 0 || !str_ends(name, end ? JSON_END : ""))
		return false;
	*op = strndup(name + prefix, len - prefix - end);
	if (acl_op_find(*op, &what))
		return true;
	free(steal_ptr(*op));
	return false;
}

static bool row_visible(const struct ctl_row *row, const struct identity *who, struct node *dir)
{
	if (row->kind == CTL_KEPT && tenant_is() && !dir->parent)
		return false; /* what was at the top belongs to all projects */
	switch (row->where) {
	case CTL_ALL:
		return true;
	case CTL_ROOT:
		return !dir->parent;
	case CTL_OWN:
		return ask_memo(MEMO_REJECTED, who, dir, NULL);
	case CTL_WATCHERS:
		return watches(who, dir);
	case CTL_SEERS:
		return !dir->parent && ask_sees_all(who, dir);
	case CTL_WITHDRAWN:
		return sees_withdrawn(who, dir);
	case CTL_ELEVATED:
		return gate_is_admin(who, dir) && identity_elevated(who);
	}
	return false;
}

/* The row of that name, with the operation (malloc()ed) of an OPS row; NULL if there is none for this caller. */
static const struct ctl_row *row_find(const char *name, const struct identity *who, struct node *dir, char **op)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool named = rows[i].kind == CTL_OPS ? row_op(&rows[i], name, op) : !strcmp(rows[i].name, name);

		if (named && row_visible(&rows[i], who, dir))
			return &rows[i];
		free(steal_ptr(*op));
	}
	return NULL;
}

/* ------------------------------------------------------------------ look-up and attributes */

static bool is_dir(const struct node *n) { return n->kind == NODE_CTL_DIR; }

static void attr_fill(const struct node *n, struct stat *st)
{
	struct timespec began = policy_began();

	*st = (struct stat){
		.st_ino = n->ino,
		.st_mode = is_dir(n) ? S_IFDIR | 0555 : S_IFREG | (ctl_is_command(n) ? 0666 : 0444),
		.st_nlink = is_dir(n) ? 2 : 1,
		.st_uid = geteuid(),
		.st_gid = getegid(),
		.st_blksize = 4096,
		.st_atim = began,
		.st_mtim = began,
		.st_ctim = began,
	};
}

/* The node of 'name', told what it is. Takes 'arg'. */
static void enter_node(struct node *dir, const char *name, enum node_kind kind, const struct ctl_row *row, char *arg, struct entry *out)
{
	struct node *n = node_enter(dir, name, kind, NULL, node_virtual_ino(dir, name));

	pthread_mutex_lock(&n->lock);
	if (row && !n->ctl) { /* .zddc.d itself has none, and is read without the lock */
		n->ctl = row;
		n->ctl_arg = steal_ptr(arg);
	}
	pthread_mutex_unlock(&n->lock);
	free(arg);
	memset(out, 0, sizeof(*out));
	out->node = n;
	attr_fill(n, &out->attr);
}

static int lookup_row(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	char *arg = NULL;
	const struct ctl_row *row = row_find(name, op->caller.id, node_governor(dir), &arg);

	if (!row)
		return -ENOENT;
	enter_node(dir, name, is_text(row) ? NODE_CTL_FILE : NODE_CTL_DIR, row, arg, out);
	return 0;
}

/* Is there a file of that name in a directory of kind LISTED, and for this caller? */
static bool is_listed(struct op *op, struct node *dir, const char *name)
{
	AUTO_BUF text = BUF_INIT;
	struct node *at = node_governor(dir);

	return row_visible(dir->ctl, op->caller.id, at) && withdrawn_card(at, name, &text) == 0;
}

/* A version is a file of the backing tree: what is shown of it is its own. */
static void attr_kept(const struct stat *kept, struct stat *st)
{
	if (!kept->st_ino)
		return;
	st->st_size = S_ISREG(kept->st_mode) ? kept->st_size : 0;
	st->st_blocks = S_ISREG(kept->st_mode) ? kept->st_blocks : 0;
	st->st_atim = kept->st_atim;
	st->st_mtim = kept->st_mtim;
	st->st_ctim = kept->st_ctim;
}

static int lookup_kept(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	struct kept_place p;
	struct stat st;
	int r = kept_place(dir, name, &p) ? kept_stat(op->caller.id, &p, &st) : -ENOENT;

	if (r < 0)
		return r;
	enter_node(dir, name, S_ISDIR(st.st_mode) ? NODE_CTL_DIR : NODE_CTL_FILE, dir->ctl, NULL, out);
	attr_kept(&st, &out->attr);
	return 0;
}

int ctl_lookup(struct op *op, struct node *dir, const char *name, struct entry *out)
{
	int r = gate_enter(op, node_governor(dir));

	if (r)
		return r;
	if (dir->kind == NODE_DIR || dir->kind == NODE_SLOT) {
		if (strcmp(name, ".zddc.d") != 0)
			return -ENOENT;
		enter_node(dir, name, NODE_CTL_DIR, NULL, NULL, out);
		return 0;
	}
	if (!is_dir(dir))
		return -ENOTDIR;
	if (!dir->ctl)
		return lookup_row(op, dir, name, out);
	if (name_class(name) == NAME_INVALID || (dir->ctl->kind == CTL_LISTED && !is_listed(op, dir, name)))
		return -ENOENT;
	if (ctl_is_kept(dir))
		return lookup_kept(op, dir, name, out);
	enter_node(dir, name, NODE_CTL_FILE, dir->ctl, strdup(name), out);
	return 0;
}

int ctl_getattr(struct op *op, struct node *node, struct stat *out)
{
	int r = gate_enter(op, node_governor(node));
	struct kept_place p;
	struct stat st;

	if (!r && ctl_is_kept(node))
		r = kept_place(node, NULL, &p) ? kept_stat(op->caller.id, &p, &st) : -ENOENT;
	if (r)
		return r;
	attr_fill(node, out);
	if (ctl_is_kept(node))
		attr_kept(&st, out);
	return 0;
}

int ctl_kept_pointer(struct op *op, struct node *node, struct buf *out)
{
	struct kept_place p;
	int r = gate_enter(op, node_governor(node));

	return r < 0 ? r : kept_place(node, NULL, &p) ? kept_pointer(op->caller.id, &p, out) : -ENOENT;
}

int ctl_open_kept(struct op *op, struct node *node)
{
	struct kept_place p;
	int r = gate_enter(op, node_governor(node));

	return r < 0 ? r : kept_place(node, NULL, &p) ? kept_open(op->caller.id, &p) : -ENOENT;
}

int ctl_text(struct op *op, struct node *node, struct buf *out)
{
	struct ask a = {.who = op->caller.id, .dir = node_governor(node), .name = node->ctl_arg};
	int r = gate_enter(op, a.dir);

	if (r)
		return r;
	if (is_dir(node) || !node->ctl)
		return -EISDIR;
	a.format = node->ctl->format;
	if (node->ctl->kind == CTL_OPS && !acl_op_find(node->parent->ctl_arg, &a.what))
		return -ENOENT;
	if (!row_visible(node->ctl, a.who, a.dir))
		return -ENOENT;
	struct ask_row row = {0};
	if (a.name)
		ask_row_of(&a, a.dir, a.name, &row);
	node->ctl->make(&a, out);
	ask_row_drop(&row);
	return 0;
}

struct listing {
	bool (*each)(void *arg, const char *name, mode_t type);
	void *arg;
};

static bool list_file(void *arg, const char *name)
{
	struct listing *l = arg;

	return l->each(l->arg, name, S_IFREG);
}

int ctl_list(struct op *op, struct node *dir, bool (*each)(void *arg, const char *name, mode_t type), void *arg)
{
	struct node *at = node_governor(dir);
	struct kept_place p;
	int r = gate_enter(op, at);

	if (!r && ctl_is_kept(dir))
		return kept_place(dir, NULL, &p) ? kept_list(op->caller.id, &p, each, arg) : -ENOENT;
	if (r == 0 && dir->ctl && dir->ctl->kind == CTL_LISTED && row_visible(dir->ctl, op->caller.id, at))
		return withdrawn_list(at, list_file, &(struct listing){each, arg});
	if (r || dir->ctl)
		return r; /* what may be asked about is not listed */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].kind == CTL_OPS || !row_visible(&rows[i], op->caller.id, at))
			continue;
		if (!each(arg, rows[i].name, is_text(&rows[i]) ? S_IFREG : S_IFDIR))
			return 0;
	}
	return 0;
}
