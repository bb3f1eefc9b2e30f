/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control directory .zddc.d and the xattrs user.zddc.*: what the daemon tells each caller about itself and about him. */
#include "fs/virt_ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "fs/audit.h"
#include "fs/audit_view.h"
#include "fs/back.h"
#include "fs/cache.h"
#include "fs/command.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/history_private.h"
#include "fs/handle.h"
#include "fs/index.h"
#include "fs/journal.h"
#include "fs/lazy.h"
#include "fs/memo.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/passthrough.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/session.h"
#include "fs/stats.h"
#include "fs/tenant.h"
#include "fs/virt.h"
#include "fs/virt_ask.h"
#include "fs/virt_kept.h"
#include "fs/watch.h"
#include "fs/withdraw.h"

#ifndef ZDDC_VERSION
#define ZDDC_VERSION "0.1"
#endif

enum ctl_kind { CTL_FILE, CTL_NAMES, CTL_OPS, CTL_LISTED, CTL_COMMAND, CTL_KEPT, CTL_STREAM };
enum ctl_where { CTL_ALL, CTL_ROOT, CTL_OWN, CTL_WATCHERS, CTL_SEERS, CTL_WITHDRAWN, CTL_ELEVATED };
enum ctl_place { CTL_HERE, CTL_NAMED, CTL_CHILD };

struct ctl_row {
	const char *name;
	enum ctl_kind kind;
	enum ctl_where where;
	enum acl_format format;
	void (*make)(const struct ask *a, struct buf *out);
};

static const char PREFIX[] = "user.zddc.";
static const char JSON_END[] = ".json";

/* A row of a table is asked about where its record lies. */
struct row {
	struct node *dir; /* counted; NULL: it was none */
	char *file;
};

static void row_of(struct ask *a, struct node *dir, const char *name, struct row *row)
{
	if (!virt_is(dir) || virt_canonical(a->who, dir, name, &row->dir, &row->file) < 0)
		return;
	a->dir = row->dir;
	a->name = row->file;
}

static void row_drop(struct row *row)
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

/* ------------------------------------------------------------------ explanations */

static void make_last_error(const struct ask *a, struct buf *out) { gate_last_error(a->who, a->format, out); }

static bool memo_of(enum memo_kind kind, const struct identity *who, const struct node *dir, struct buf *out)
{
	AUTO_FREE char *path = node_path(dir);

	return memo_get(kind, who->uid, path, out);
}

static void make_rejected(const struct ask *a, struct buf *out) { memo_of(MEMO_REJECTED, a->who, a->dir, out); }

static void make_last_created(const struct ask *a, struct buf *out)
{
	if (memo_of(MEMO_CREATED, a->who, a->dir, out))
		buf_addc(out, '\n');
}

static const struct {
	enum ctl_place place;
	enum acl_op what;
	const char *name;
} explained[] = {
#define CTL(...)
#define CTL_XATTR(...)
#define EXPLAINED(place, op, name) {CTL_##place, ACL_OP_##op, name},
#include "fs/virt.def"
#undef CTL
#undef CTL_XATTR
#undef EXPLAINED
};

/* Is 'name' a directory here, on disk or declared, that this caller may enter? */
static bool is_visible_dir(const struct ask *a)
{
	AUTO_FREE char *path = node_path_in(a->dir, a->name), *declared = NULL;
	struct acl_sight sight;
	struct stat st;
	bool there;

	if (name_class(a->name) == NAME_CONTROL || name_class(a->name) == NAME_POLICY)
		return false;
	there = !back_path_stat(path, &st) && S_ISDIR(st.st_mode);
	if (!there)
		declared = lazy_declared(a->dir, a->name);
	return (there || declared) && !gate_sight_path(a->who, path, &sight) && sight.enter;
}

/* A file of that name may be in a state that says more than the verbs. */
static void explain_named(const struct ask *a, enum acl_op what, const char *name, struct buf *out)
{
	AUTO_BUF state = BUF_INIT;
	unsigned flags = 0;
	bool by_state = false;

	if (name && seal_explain(a->who, what, a->dir, name, &flags, &by_state, &state))
		gate_explain_state(a->who, what, a->dir, name, flags, by_state, buf_str(&state), a->format, out);
	else
		gate_explain(a->who, what, a->dir, name, a->format, out);
}

/* One of the table's operations, if it is about 'place'. */
static void explain_rows(const struct ask *a, enum ctl_place place, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(explained); i++) {
		const char *name = place == CTL_HERE ? explained[i].name : a->name;

		if (explained[i].place != place)
			continue;
		if (a->format == ACL_JSON)
			json_sep(out);
		else if (out->len)
			buf_addc(out, '\n');
		if (place == CTL_CHILD)
			gate_explain_dir(a->who, explained[i].what, a->dir, name, true, a->format, out);
		else
			explain_named(a, explained[i].what, name, out);
	}
}

static void explain_open(const struct ask *a, const char *path, struct buf *out)
{
	if (a->format != ACL_JSON)
		return;
	buf_addc(out, '{');
	json_kv(out, "path", path);
	json_kv(out, "principal", ask_shown_who(a->who));
	json_key(out, "decisions");
	buf_addc(out, '[');
}

static void explain_close(const struct ask *a, struct buf *out) { buf_adds(out, a->format == ACL_JSON ? "]}\n" : ""); }

static void make_access(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = ask_shown_path(a->dir);

	explain_open(a, path, out);
	explain_rows(a, CTL_HERE, out);
	explain_close(a, out);
}

static void make_explain(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = node_path_in(a->dir, a->name);

	explain_open(a, path, out);
	if (is_visible_dir(a))
		explain_rows(a, CTL_CHILD, out);
	explain_rows(a, CTL_NAMED, out);
	explain_close(a, out);
}

static void make_explain_op(const struct ask *a, struct buf *out)
{
	if (acl_ops[a->what].place == ACL_PLACE_DIR)
		gate_explain_dir(a->who, a->what, a->dir, a->name, is_visible_dir(a), a->format, out);
	else
		explain_named(a, a->what, a->name, out);
	if (a->format == ACL_JSON)
		buf_addc(out, '\n');
}

static void make_cache(const struct ask *a, struct buf *out)
{
	cache_explain(a->who, a->dir, a->name, is_visible_dir(a), a->format, out);
}

static void make_effective(const struct ask *a, struct buf *out)
{
	struct acl_policy *p = policy_of(a->dir);
	struct acl_view view = gate_view(a->who);

	acl_effective(p, &a->who->who, &view, out);
	acl_policy_unref(p);
}

/* ------------------------------------------------------------------ status */

/* Root administrators and auditors see all of it. */
static bool sees_all(const struct identity *who, struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool all = policy_none() || acl_is_root_admin(p, &who->who);

	acl_policy_unref(p);
	return (all || gate_is_auditor(who, dir)) && !tenant_is(); /* what is told there is of all projects */
}

struct figure {
	const char *name;
	uint64_t value;
};

static uint64_t uptime(void) { return (uint64_t)(gate_now() - policy_began().tv_sec); }

static size_t figures_all(struct figure *f)
{
	struct index_figures index = index_figures();
	struct watch_figures watch = watch_figures();
	struct gate_counters gate = gate_counters();
	struct pass_figures pass = pass_figures();
	size_t n = 0;

	f[n++] = (struct figure){"generation", policy_generation()};
	f[n++] = (struct figure){"decisions", gate.decisions};
	f[n++] = (struct figure){"refusals", gate.refusals};
	f[n++] = (struct figure){"nodes", nodes_count()};
	f[n++] = (struct figure){"handles", handles_count()};
	f[n++] = (struct figure){"open_dirs", back_open_dirs()};
	f[n++] = (struct figure){"requests", stats_total()};
	f[n++] = (struct figure){"index_directories", index.directories};
	f[n++] = (struct figure){"index_ready", index.ready};
	f[n++] = (struct figure){"index_walked", index.walked};
	f[n++] = (struct figure){"index_walk_ms", index.last_walk_ms};
	f[n++] = (struct figure){"watch_events", watch.events};
	f[n++] = (struct figure){"watch_changes", watch.changes};
	f[n++] = (struct figure){"watch_overflows", watch.overflows};
	f[n++] = (struct figure){"passthrough_opens", pass.opens};
	f[n++] = (struct figure){"passthrough_writable", pass.writable};
	f[n++] = (struct figure){"passthrough_inodes", pass.inodes};
	f[n++] = (struct figure){"passthrough_fallbacks", pass.fallbacks};
	return n;
}

static void pass_text(struct buf *out)
{
	struct pass_figures f = pass_figures();

	buf_addf(out, "passthrough %s%s%s\n", f.live ? "live" : "off", f.live ? "" : ": ", f.why);
}

static void overtaken_text(void *arg, const char *path, const char *who)
{
	buf_addf(arg, "overtaken %s is still open for writing by %s, whom policy does not let write any more\n", path, who);
}

static void pass_json(struct buf *out)
{
	struct pass_figures f = pass_figures();

	json_key(out, "passthrough");
	buf_addc(out, '{');
	json_kv(out, "state", f.live ? "live" : "off");
	json_kv(out, "why", f.live ? NULL : f.why);
	buf_addc(out, '}');
}

static void invalid_text(void *arg, const char *dir, const char *text)
{
	buf_addf(arg, "invalid policy in %s/:\n%s", *dir ? dir : ".", text);
}

static void place_json(struct buf *out, const char *path, const char *key, const char *value)
{
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "path", path);
	json_kv(out, key, value);
	buf_addc(out, '}');
}

static void invalid_json(void *arg, const char *dir, const char *text) { place_json(arg, *dir ? dir : ".", "text", text); }

static void overtaken_json(void *arg, const char *path, const char *who) { place_json(arg, path, "who", who); }

static void ledger_text(struct buf *out)
{
	struct audit_figures f;

	audit_figures(&f);
	buf_addf(out, "ledger %s%s%s\n", f.state, *f.why ? ": " : "", f.why);
	buf_addf(out, "ledger_file %s\nledger_seq %llu\nledger_lines %llu\nledger_syncs %llu\nledger_folded %llu\n", f.file, (unsigned long long)f.seq,
		 (unsigned long long)f.lines, (unsigned long long)f.syncs, (unsigned long long)f.folded);
}

static void ledger_json(struct buf *out)
{
	struct audit_figures f;

	audit_figures(&f);
	json_key(out, "ledger");
	buf_addc(out, '{');
	json_kv(out, "state", f.state);
	json_kv(out, "why", *f.why ? f.why : NULL);
	json_kv(out, "chain", f.chain);
	json_kv(out, "file", f.file);
	json_kv_int(out, "seq", (long long)f.seq);
	json_kv_int(out, "bytes", (long long)f.bytes);
	json_kv_int(out, "lines", (long long)f.lines);
	json_kv_int(out, "batches", (long long)f.batches);
	json_kv_int(out, "syncs", (long long)f.syncs);
	json_kv_int(out, "folded", (long long)f.folded);
	json_kv_int(out, "lost", (long long)f.lost);
	buf_addc(out, '}');
}

static void status_text(const struct ask *a, bool all, struct buf *out)
{
	struct figure f[32];
	size_t n = all ? figures_all(f) : 0;

	buf_addf(out, "version %s\nuptime %llu\n", ZDDC_VERSION, (unsigned long long)uptime());
	buf_addf(out, "your decisions %llu\nyour refusals %llu\n",
		 (unsigned long long)__atomic_load_n(&a->who->decisions, __ATOMIC_RELAXED),
		 (unsigned long long)__atomic_load_n(&a->who->refusals, __ATOMIC_RELAXED));
	if (!all)
		return;
	buf_addf(out, "watch %s\n", watch_figures().kind);
	pass_text(out);
	ledger_text(out);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s %llu\n", f[i].name, (unsigned long long)f[i].value);
	elevated_text(out);
	policy_invalid_each(invalid_text, out);
	pass_overtaken_each(overtaken_text, out);
	stats_format(out);
}

static void status_ops(struct buf *out)
{
	json_key(out, "operations");
	buf_addc(out, '{');
	for (int i = 0; i < OP_COUNT; i++) {
		struct stats_row row = stats_row((enum op_id)i);

		if (!row.count)
			continue;
		json_key(out, stats_name((enum op_id)i));
		buf_addc(out, '{');
		json_kv_int(out, "count", (long long)row.count);
		json_kv_int(out, "errors", (long long)row.errors);
		json_kv_int(out, "p50_us", (long long)row.p50_us);
		json_kv_int(out, "p99_us", (long long)row.p99_us);
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

static void status_json(const struct ask *a, bool all, struct buf *out)
{
	struct figure f[32];
	size_t n = all ? figures_all(f) : 0;

	buf_addc(out, '{');
	json_kv(out, "version", ZDDC_VERSION);
	json_kv_int(out, "uptime", (long long)uptime());
	json_key(out, "counters");
	buf_addc(out, '{');
	json_kv_int(out, "decisions", (long long)__atomic_load_n(&a->who->decisions, __ATOMIC_RELAXED));
	json_kv_int(out, "refusals", (long long)__atomic_load_n(&a->who->refusals, __ATOMIC_RELAXED));
	buf_addc(out, '}');
	if (all) {
		json_kv(out, "watch", watch_figures().kind);
		pass_json(out);
		ledger_json(out);
		elevated_json(out);
		for (size_t i = 0; i < n; i++)
			json_kv_int(out, f[i].name, (long long)f[i].value);
		json_key(out, "invalid");
		buf_addc(out, '[');
		policy_invalid_each(invalid_json, out);
		buf_addc(out, ']');
		json_key(out, "overtaken");
		buf_addc(out, '[');
		pass_overtaken_each(overtaken_json, out);
		buf_addc(out, ']');
		status_ops(out);
	}
	buf_adds(out, "}\n");
}

static void make_status(const struct ask *a, struct buf *out)
{
	bool all = sees_all(a->who, a->dir);

	if (a->format == ACL_JSON)
		status_json(a, all, out);
	else
		status_text(a, all, out);
}

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
	*out = audit_view_new(op->caller.id, path, !dir->parent && sees_all(op->caller.id, dir));
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
		return memo_of(MEMO_REJECTED, who, dir, NULL);
	case CTL_WATCHERS:
		return watches(who, dir);
	case CTL_SEERS:
		return !dir->parent && sees_all(who, dir);
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
	struct row row = {0};
	if (a.name)
		row_of(&a, a.dir, a.name, &row);
	node->ctl->make(&a, out);
	row_drop(&row);
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

/* ------------------------------------------------------------------ xattrs */

static void xattr_effective(const struct ask *a, struct buf *out)
{
	char verbs[8];

	buf_adds(out, verbs_print(gate_verbs(a->who, a->dir).effective, verbs));
}

static void xattr_explain(const struct ask *a, struct buf *out)
{
	if (a->name)
		make_explain(a, out);
	else
		make_access(a, out);
}

static void xattr_policy(const struct ask *a, struct buf *out)
{
	struct acl_policy *p = policy_of(a->dir);

	buf_adds(out, acl_policy_hash(p));
	acl_policy_unref(p);
}

static void xattr_principal(const struct ask *a, struct buf *out) { buf_adds(out, ask_shown_who(a->who)); }

/* "sealed", "hashing" while its hash is not known, "open", "torn", ...; with a note, that behind it. Nothing for what has no state. */
static void xattr_state(const struct ask *a, struct buf *out)
{
	struct seal_view v;
	char note[1200];
	ssize_t n = 0;
	int fd;

	if (!a->name || seal_look_in(a->dir, a->name, a->who, &v) < 0)
		return;
	buf_adds(out, v.state == SEAL_SEALED && !*v.rec.sha256 ? "hashing" : seal_state_word(v.state));
	if (back_dir_get(a->dir, &fd) == 0) {
		n = back_getxattr(fd, a->name, "user.zddc.note", note, sizeof(note));
		back_dir_put(a->dir, fd);
	}
	if (n > 0)
		buf_addf(out, "; %.*s", (int)n - 1, note);
}

static void xattr_sha256(const struct ask *a, struct buf *out)
{
	struct seal_view v;

	if (a->name && seal_look_in(a->dir, a->name, a->who, &v) == 0 && v.state == SEAL_SEALED)
		buf_adds(out, v.rec.sha256);
}

/* Where the thing is: of a row of a table, the record. */
static void xattr_canonical(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = a->name ? node_path_in(a->dir, a->name) : node_path(a->dir);

	buf_adds(out, *path ? path : ".");
}

/* Where it has come to, of what the caller has open and what was stored under another name since; else where it was found. */
static void xattr_location(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *stored = handle_draft_path(a->node, a->who->uid), *path = stored ? NULL : node_path(a->node);

	buf_adds(out, stored ? stored : *path ? path : ".");
}

static void xattr_last_error(const struct ask *a, struct buf *out) { gate_last_error(a->who, ACL_TEXT, out); }

static const struct {
	const char *name;
	void (*make)(const struct ask *a, struct buf *out);
} xattrs[] = {
#define CTL(...)
#define CTL_XATTR(name, make) {name, make},
#define EXPLAINED(...)
#include "fs/virt.def"
#undef CTL
#undef CTL_XATTR
#undef EXPLAINED
};

static int make_xattr(struct op *op, const struct ask *a, const char *name, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(xattrs); i++) {
		if (strcmp(name, xattrs[i].name) != 0)
			continue;
		int r = gate_enter(op, a->dir);

		if (r)
			return r;
		xattrs[i].make(a, out);
		return out->len || (xattrs[i].make != xattr_state && xattrs[i].make != xattr_sha256) ? 0 : -ENODATA;
	}
	return -ENODATA;
}

int ctl_xattr(struct op *op, struct node *node, const char *name, struct buf *out)
{
	struct ask a = {.who = op->caller.id, .node = node, .dir = node_governor(node), .format = ACL_TEXT};
	struct row row = {0};
	int r;

	if (!str_starts(name, PREFIX) || node->kind == NODE_CTL_DIR || node->kind == NODE_CTL_FILE || node->kind == NODE_LINK)
		return -ENODATA;
	if (node->kind == NODE_FILE || node->kind == NODE_POLICY)
		a.name = node->name;
	if (node->kind == NODE_VIRT)
		row_of(&a, node->parent, node->name, &row);
	r = make_xattr(op, &a, name + strlen(PREFIX), out);
	row_drop(&row);
	return r;
}
