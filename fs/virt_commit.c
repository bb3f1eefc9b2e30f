/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is written in a virtual directory takes effect: a row where its record lies, by the pipeline that all records go through, a new
 * party as a whole folder in one step. Drafts of both, and of transient files, are of one kind: their name says what they become.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "fs/audit.h"
#include "fs/away.h"
#include "fs/current.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/memo.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/virt_private.h"

enum { NAME_TRIES = 1000 };

/* ------------------------------------------------------------------------------------------------ refusals */

struct put {
	struct op *op;
	struct identity *who;
	struct node *dir; /* the virtual directory */
	const char *name; /* of the row, or as it was typed */
	char *path, *here; /* of both, as messages name them */
	const char *text;
	size_t len;
	struct buf *stored; /* out: the name of the row */
};

static int reject(struct put *p, const struct diags *d)
{
	return gate_refuse_text(p->who, EINVAL, ACL_OP_CREATE, p->path, d,
				"%s was not stored: %zu error%s in the text. Correct it and save again; your text is kept as %s/.zddc.d/rejected", p->path,
				d->errors, d->errors == 1 ? "" : "s", p->here);
}

__attribute__((format(printf, 2, 3))) static int reject_for(struct put *p, const char *fmt, ...)
{
	AUTO_DIAGS d = DIAGS_INIT;
	va_list ap;

	va_start(ap, fmt);
	diag_addv(&d, DIAG_ERROR, p->path, 0, 0, fmt, ap);
	va_end(ap);
	return reject(p, &d);
}

static int refuse_gone(struct put *p)
{
	return gate_refuse_text(p->who, ENOENT, ACL_OP_WRITE, p->path, NULL, "%s is not there any more: save the text under a new name", p->path);
}

/* ------------------------------------------------------------------------------------------------ a row that is there */

struct goal {
	enum acl_virtual_kind kind;
	struct node *slot; /* counted */
	char *party, *file;
	const char *field;
};

static void goal_drop(struct goal *g)
{
	node_put(g->slot);
	free(g->party);
	free(g->file);
	*g = (struct goal){0};
}

static int goal_find(struct put *p, struct goal *g)
{
	struct virt_found f;
	int r;

	WITH_RDLOCK(&tree_lock);
	*g = (struct goal){0};
	r = virt_find(p->op, p->who, p->dir, p->name, &f);
	if (r < 0)
		return r;
	if (f.what == VIRT_ROW)
		*g = (struct goal){.kind = f.place.kind, .slot = node_ref(f.slot), .party = strdup(f.party), .file = strdup(f.file),
				   .field = virt_kinds[f.place.kind].field};
	r = f.what == VIRT_ROW ? 0 : -ENOENT;
	virt_found_drop(&f);
	return r;
}

/* A row stays with its party. A text that names none is one of a record, and fine. */
static int check_party(struct put *p, const struct goal *g)
{
	AUTO_DIAGS ignored = DIAGS_INIT;
	AUTO_BUF party = BUF_INIT;

	if (g->kind != ACL_VIRTUAL_ROWS || rollup_party_of(p->path, p->text, p->len, &ignored, &party) < 0 || !strcmp(buf_str(&party), g->party))
		return 0;
	return reject_for(p, "party: this row is one of %s: to give it to %s make it anew there, and delete this one", g->party, buf_str(&party));
}

static void say(struct put *p, enum ledger_event what, struct node *slot, const char *file)
{
	AUTO_FREE char *canonical = NULL, *path = NULL;

	pthread_rwlock_rdlock(&tree_lock);
	canonical = file ? node_path_in(slot, file) : node_path(slot);
	path = node_path_in(p->dir, buf_str(p->stored));
	pthread_rwlock_unlock(&tree_lock);
	audit_event(&(struct audit_event){.event = what, .path = path, .canonical = canonical, .who = p->who, AUDIT_EVENT_INIT});
}

static int put_row(struct put *p)
{
	struct goal g;
	int r = goal_find(p, &g);

	if (r < 0)
		return r == -ENOENT ? refuse_gone(p) : r;
	struct record_job job = {.dir = g.slot, .name = g.file, .typed = g.file, .text = p->text, .len = p->len, .derived = g.field};

	r = check_party(p, &g);
	if (r == 0)
		r = record_commit(p->op, p->who, &job);
	if (r == 0) {
		virt_kinds[g.kind].name(g.party, buf_str(&job.stored), p->stored);
		say(p, LEDGER_ROLLUP_WRITE, g.slot, buf_str(&job.stored));
	}
	buf_free(&job.stored);
	goal_drop(&g);
	return r;
}

/* ------------------------------------------------------------------------------------------------ a new row */

/* The party's directory, if 'who' may know of the party. Under tree_lock. */
static struct node *known_slot(struct put *p, const struct virt_place *at, const char *party)
{
	AUTO_BUF path = BUF_INIT;
	AUTO_FREE char *base = at->base ? node_path(at->base) : NULL;
	struct acl_sight sight;

	buf_addf(&path, "%s/%s", base ? base : "", party);
	if (!base || gate_sight_path(p->who, buf_str(&path), &sight) < 0 || !sight.enter)
		return NULL;
	return virt_slot(p->op, at, party);
}

/* 0 and the directory of the party; or that it is not to be known. */
static int slot_for(struct put *p, const char *party, struct goal *g)
{
	struct virt_place at;

	WITH_RDLOCK(&tree_lock);
	*g = (struct goal){0};
	if (virt_place_get(p->op, p->dir, &at)) {
		g->kind = at.kind;
		g->field = virt_kinds[at.kind].field;
		g->slot = known_slot(p, &at, party);
		g->party = strdup(party);
		g->file = strdup(at.below); /* of parties */
	}
	virt_place_drop(&at);
	return g->slot ? 0 : -ENOENT;
}

static bool has_rule(struct node *slot, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	return record_is(slot, name);
}

static int commit_new(struct put *p, const struct goal *g, const char *typed, struct buf *stored)
{
	struct record_job job = {.dir = g->slot, .typed = typed, .text = p->text, .len = p->len, .derived = g->field};
	int r = record_commit(p->op, p->who, &job);

	if (r == 0)
		buf_add(stored, buf_str(&job.stored), job.stored.len);
	buf_free(&job.stored);
	return r;
}

/* Where no rule gives it a name, date and writer do. */
static int commit_dated(struct put *p, const struct goal *g, struct buf *stored)
{
	int r = -EEXIST;

	for (unsigned n = 1; r == -EEXIST && n <= NAME_TRIES; n++) {
		AUTO_BUF name = BUF_INIT;

		rollup_typed_name(gate_now(), p->who->who.email, n, &name);
		r = commit_new(p, g, buf_str(&name), stored);
	}
	return r;
}

static void created(struct put *p, const struct goal *g, const char *file)
{
	AUTO_BUF path = BUF_INIT;

	virt_kinds[g->kind].name(g->party, file, p->stored);
	buf_addf(&path, "%s/%s", p->here, buf_str(p->stored));
	memo_keep(MEMO_CREATED, p->who->uid, p->here, buf_str(&path), path.len);
	memo_forget(MEMO_REJECTED, p->who->uid, p->here);
}

static int put_new_row(struct put *p)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF party = BUF_INIT, stored = BUF_INIT;
	struct goal g;
	int r = rollup_party_of(p->path, p->text, p->len, &d, &party);

	if (r < 0)
		return reject(p, &d);
	r = slot_for(p, buf_str(&party), &g);
	if (r < 0)
		r = reject_for(p, "party: there is no party \"%s\": a new one is made by writing %s.yaml in the table of parties (ssr/)", buf_str(&party),
			       buf_str(&party));
	else
		r = has_rule(g.slot, p->name) ? commit_new(p, &g, p->name, &stored) : commit_dated(p, &g, &stored);
	if (r == 0) {
		created(p, &g, buf_str(&stored));
		say(p, LEDGER_ROLLUP_WRITE, g.slot, buf_str(&stored));
	}
	goal_drop(&g);
	return r;
}

/* ------------------------------------------------------------------------------------------------ a new party */

static int put_new_party(struct put *p)
{
	char party[DOCNAME_MAX + 1];
	AUTO_BUF stored = BUF_INIT;
	struct goal g;
	const char *file;
	bool is_party = virt_kinds[ACL_VIRTUAL_PARTIES].split(p->name, party, &file), folder = is_party && slot_for(p, party, &g) == 0;
	int r = -EINVAL;

	if (!is_party)
		return r; /* it had a party's name when it was opened */
	if (folder) /* but no record */
		r = commit_new(p, &g, g.file, &stored);
	else
		r = virt_party_make(p->op, p->who, p->dir, party, p->text, p->len);
	if (r == 0) {
		created(p, &g, NULL);
		goal_drop(&g);
		slot_for(p, party, &g);
	}
	if (r == 0 && g.slot)
		say(p, folder ? LEDGER_ROLLUP_WRITE : LEDGER_PARTY_CREATE, g.slot, folder ? g.file : NULL);
	goal_drop(&g);
	return r;
}

/* ------------------------------------------------------------------------------------------------ all of them */

static int put(struct put *p, bool is_new)
{
	switch (virt_kind_of(p->op, p->dir)) {
	case ACL_VIRTUAL_ROWS:
		return is_new ? put_new_row(p) : put_row(p);
	case ACL_VIRTUAL_PARTIES:
		return is_new ? put_new_party(p) : put_row(p);
	case ACL_VIRTUAL_LINKS:
	case ACL_VIRTUAL_NONE:
	case ACL_VIRTUAL_KINDS:
		break;
	}
	return refuse_gone(p);
}

int virt_put(struct op *op, struct identity *who, struct node *dir, const char *name, bool is_new, const char *text, size_t len, struct buf *stored)
{
	struct put p = {.op = op, .who = who, .dir = dir, .name = name, .text = text, .len = len, .stored = stored};
	int r;

	pthread_rwlock_rdlock(&tree_lock);
	p.path = node_path_in(dir, name);
	p.here = node_path(dir);
	pthread_rwlock_unlock(&tree_lock);
	r = put(&p, is_new);
	if (r == 0)
		away_forget(dir, name);
	if (r == -EINVAL) /* here, too, where it was written */
		memo_keep(MEMO_REJECTED, who->uid, p.here, text, len);
	free(p.path);
	free(p.here);
	return r;
}

/* ------------------------------------------------------------------------------------------------ drafts */

/* As the writer sees it, who has been decided about; what they may not see is not there. */
static int read_shown(struct node *dir, const char *name, struct buf *out)
{
	struct op *op = current_op();
	struct virt_found f;
	int r = op ? virt_find(op, op->caller.id, dir, name, &f) : -ENOENT;

	if (r < 0)
		return r;
	if (f.what == VIRT_ROW)
		r = virt_row_text(&f, out);
	else
		r = f.what == VIRT_TEMP && virt_temp_read(dir, name, op->caller.id->uid, out) ? 0 : -ENOENT;
	virt_found_drop(&f);
	return r;
}

static int refuse_too_big(struct identity *who, const struct draft_goal *goal)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_FREE char *path = node_path_in(goal->dir, goal->name);

	return gate_refuse_text(who, EFBIG, ACL_OP_WRITE, path, NULL, "%s was not stored: it may have at most 1 MiB", path);
}

static bool is_transient(struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	return virt_is_transient(dir, name);
}

/* A transient file that was removed meanwhile is not made again. */
static int commit_draft(struct op *op, struct identity *who, const struct draft_goal *goal, const char *text, size_t len, struct buf *stored)
{
	if (goal->too_big)
		return refuse_too_big(who, goal);
	if (!is_transient(goal->dir, goal->name))
		return virt_put(op, who, goal->dir, goal->name, goal->is_new, text, len, stored);
	virt_temp_write(goal->dir, goal->name, who->uid, text, len);
	return 0;
}

const struct draft_kind virt_draft_kind = {.read = read_shown, .commit = commit_draft};
