/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and events, as far as the ledger is concerned; their lines are made in audit_line.c. */
#include "fs/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "fs/attrs.h"
#include "fs/audit_chain.h"
#include "fs/audit_private.h"
#include "fs/back.h"
#include "fs/current.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/stats.h"

enum room { NONE, LINE, FREES };
static const enum room rooms[OP_COUNT] = {
#define OP(id, name, changes, room, text) [OP_##id] = room,
#include "fs/optab.def"
#undef OP
};

/* ------------------------------------------------------------------ what is known */

static struct audit_said *said_of(struct op *op)
{
	if (op->said)
		return op->said;
	op->said = calloc(1, sizeof(*op->said));
	if (!op->said)
		abort();
	op->said->last = &op->said->first;
	return op->said;
}

static void said_free(struct audit_said *s)
{
	if (!s)
		return;
	acl_policy_unref(s->passed.policy);
	acl_policy_unref(s->refused.policy);
	for (struct note *n = s->first; n; n = n->next)
		identity_put((struct identity *)n->e.who);
	arena_free(&s->mem);
	free(s);
}

static const char *copy(struct arena *a, const char *s) { return s ? arena_strdup(a, s) : NULL; }

static void verdict_set(struct verdict *v, enum acl_op what, struct acl_policy *p, const struct acl_request *rq,
			const struct acl_decision *d)
{
	acl_policy_unref(v->policy);
	*v = (struct verdict){.what = what, .policy = acl_policy_ref(p), .d = *d, .verbs = rq->needed, .flags = rq->flags};
	v->attrs = acl_attributes(p, rq);
}

/* Reads are said if that is wanted, and where only elevation opened the way. */
static bool worth_saying(enum acl_op what, const struct acl_request *rq, const struct acl_decision *d)
{
	return (rq->flags & ACL_CHANGE) || acl_ops[what].change || d->reason == BECAUSE_ELEVATED || (audit_reads() && line_event(what) >= 0);
}

/* A change counts for more than the read before it (open for both); of several changes the first is the line. */
void audit_passed(struct op *op, enum acl_op what, struct node *dir, const char *name, struct acl_policy *p, const struct acl_request *rq,
		  const struct acl_decision *d)
{
	struct audit_said *s;

	if (!worth_saying(what, rq, d))
		return;
	s = said_of(op);
	if (s->has_passed && acl_ops[s->passed.what].change) {
		s->passed.verbs |= rq->needed;
		if (acl_ops[what].change)
			s->second = (struct acl_src){copy(&s->mem, d->src.file), d->src.line};
		return;
	}
	AUTO_FREE char *path = name ? node_path_in(dir, name) : node_path(dir);
	verdict_set(&s->passed, what, p, rq, d);
	s->passed.path = arena_strdup(&s->mem, path);
	s->has_passed = true;
}

void audit_refused(const struct identity *who, enum acl_op what, const char *path, int err, struct acl_policy *p, const struct acl_request *rq,
		   const struct acl_decision *d, const char *sentence)
{
	struct op *op = current_op();
	struct audit_said *s;

	(void)who;
	if (!op)
		return; /* nobody waits for an answer: the thread tells it as an event if it matters */
	s = said_of(op);
	if (p) {
		verdict_set(&s->refused, what, p, rq, d);
	} else {
		acl_policy_unref(s->refused.policy);
		s->refused = (struct verdict){.what = what, .verbs = acl_ops[what].verbs, .attrs.risk_score = -1};
	}
	s->refused.path = arena_strdup(&s->mem, path);
	s->refused.sentence = copy(&s->mem, sentence);
	s->refused.err = err;
	s->has_refused = true;
}

void audit_forget(struct op *op)
{
	if (op->said)
		op->said->has_passed = false;
}

void audit_by_events(struct op *op) { said_of(op)->by_events = true; }

void audit_renamed(struct op *op, const char *from, const char *to, bool over, bool exchange)
{
	struct audit_said *s = said_of(op);

	if (s->has_passed)
		s->passed.path = arena_strdup(&s->mem, from);
	s->to = arena_strdup(&s->mem, to);
	s->over = over;
	s->exchange = exchange;
}

/* ------------------------------------------------------------------ handles */

/* What a handle keeps: small, for there may be many. */
struct audit_opened {
	struct verdict v;
	char *path;
};

static void opened_free(struct audit_opened *o)
{
	if (!o)
		return;
	acl_policy_unref(o->v.policy);
	free(o->path);
	free(o);
}

void audit_opened(struct op *op, struct handle *h)
{
	struct audit_said *s = op->said;
	struct audit_opened *o;

	if (!s || !s->has_passed || !acl_ops[s->passed.what].change)
		return;
	o = calloc(1, sizeof(*o));
	if (!o)
		abort();
	o->v = s->passed;
	o->path = strdup(s->passed.path);
	s->passed.policy = NULL;
	s->has_passed = false;
	h->opened = o;
}

void audit_wrote(struct op *op, struct handle *h)
{
	struct audit_opened *o = __atomic_load_n(&h->opened, __ATOMIC_ACQUIRE) ? __atomic_exchange_n(&h->opened, NULL, __ATOMIC_ACQ_REL) : NULL;
	struct audit_said *s;

	audit_forget(op); /* what was decided again for this very write */
	if (!o)
		return;
	s = said_of(op);
	acl_policy_unref(s->passed.policy);
	s->passed = o->v;
	s->passed.path = arena_strdup(&s->mem, o->path);
	s->has_passed = true;
	o->v.policy = NULL;
	opened_free(o);
}

void audit_handle_free(struct handle *h)
{
	opened_free(h->opened);
	h->opened = NULL;
}

/* ------------------------------------------------------------------ a request */

static int refuse_room(struct op *op, int err)
{
	struct audit_figures f;

	if (err == -ENOSPC)
		return gate_refuse(op, ENOSPC, ACL_OP_WRITE, ".", "there is no room on the disk for the ledger, and nothing is changed that is not recorded: "
								  "delete what is not needed, or ask your administrator for space");
	audit_figures(&f);
	return gate_refuse(op, -err, ACL_OP_WRITE, ".", "%s; nothing is changed that is not recorded: tell your administrator (zddc audit verify)", f.why);
}

static int take_room(struct op *op, bool frees)
{
	int r = op->has_room ? 0 : chain_take_room(frees);

	if (r == 0)
		op->has_room = true;
	if (r == -EIO && back_is_broken())
		return 0; /* the gate refuses, and says what happened */
	return r < 0 ? refuse_room(op, r) : 0;
}

int audit_begin(struct op *op)
{
	return rooms[op->id] == NONE ? 0 : take_room(op, rooms[op->id] == FREES);
}

int audit_room(struct op *op) { return take_room(op, false); }

/* A change that was allowed and failed may have left something behind. */
static bool left_traces(int result) { return result == -EIO || result == -ENOSPC || result == -EDQUOT; }

struct batch {
	struct ledger_entry **v;
	size_t n;
	bool sync, change;
};

static void batch_add(struct batch *b, struct ledger_entry *e)
{
	if (!e)
		return;
	b->v[b->n++] = e;
	b->sync |= ledger_events[e->event].synced;
}

static void collect(struct op *op, int result, struct batch *b)
{
	struct audit_said *s = op->said;
	bool ok = result >= 0, change = s->has_passed && acl_ops[s->passed.what].change;

	b->change = change || s->first;
	if (s->has_passed && !s->by_events && (ok || (change && left_traces(result))))
		batch_add(b, line_passed(op, ok ? 0 : -result));
	for (const struct note *n = s->first; n; n = n->next)
		batch_add(b, line_note(op, n));
	if (ok && change && s->passed.d.reason == BECAUSE_STANDING)
		batch_add(b, line_standing(op));
}

static void write_refusal(struct op *op)
{
	struct ledger_entry *e = line_refused(op);

	if (keep_folded(e) && chain_write(&e, 1, false) < 0)
		keep_lost(1);
}

/* 0, or what to answer instead. */
static int write_said(struct op *op, int result)
{
	struct audit_said *s = op->said;
	struct batch b = {0};
	size_t n = 3;

	for (const struct note *at = s->first; at; at = at->next)
		n++;
	b.v = arena_array(&s->mem, struct ledger_entry *, n);
	if (result < 0 && s->has_refused)
		write_refusal(op);
	collect(op, result, &b);
	if (!b.n || chain_write(b.v, b.n, b.sync) == 0)
		return 0;
	return b.change && result >= 0 ? -EIO : 0;
}

int audit_reply(struct op *op, int result)
{
	int r = op->said ? write_said(op, result) : 0;

	if (op->has_room)
		chain_give_room();
	op->has_room = false;
	said_free(op->said);
	op->said = NULL;
	return r < 0 ? r : result;
}

/* ------------------------------------------------------------------ events */

static const struct ledger_attr *copy_attrs(struct arena *a, const struct ledger_attr *v, size_t n)
{
	struct ledger_attr *out = n ? arena_array(a, struct ledger_attr, n) : NULL;

	for (size_t i = 0; i < n; i++) {
		out[i] = v[i];
		out[i].key = copy(a, v[i].key);
		out[i].text = copy(a, v[i].text);
	}
	return out;
}

static void note_add(struct op *op, const struct audit_event *e)
{
	struct audit_said *s = said_of(op);
	struct note *n = arena_new(&s->mem, struct note);

	*n = (struct note){.e = *e, .at = audit_now()};
	n->e.path = copy(&s->mem, e->path);
	n->e.canonical = copy(&s->mem, e->canonical);
	n->e.principal = copy(&s->mem, e->principal);
	n->e.who = e->who ? identity_ref((struct identity *)e->who) : NULL;
	n->e.attrs = copy_attrs(&s->mem, e->attrs, e->n_attrs);
	n->e.object.sha256 = copy(&s->mem, e->object.sha256);
	n->e.object.revision = copy(&s->mem, e->object.revision);
	*s->last = n;
	s->last = &n->next;
}

void audit_event(const struct audit_event *e)
{
	struct ledger_entry entry = LEDGER_ENTRY_INIT;

	if (current_op() && !e->daemon) {
		note_add(current_op(), e);
		return;
	}
	entry.time_us = audit_now();
	entry.event = e->event;
	entry.path = e->path;
	entry.canonical = e->canonical;
	entry.principal = e->who ? line_name(e->who) : e->principal;
	entry.uid = e->who ? (int64_t)e->who->uid : e->principal ? (int64_t)e->uid : -1;
	entry.attrs = e->attrs;
	entry.n_attrs = e->n_attrs;
	entry.object = e->object;
	entry.err = e->err;
	entry.decision = e->err ? LEDGER_DENY : LEDGER_ALLOW;
	entry.active_admin = e->active_admin;
	keep_event(&entry);
}

bool audit_in_request(void) { return current_op(); }
int audit_settle(void) { return chain_sync(); }
