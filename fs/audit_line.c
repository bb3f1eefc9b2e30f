/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place where decisions and events become lines. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "fs/attrs.h"
#include "fs/audit_private.h"
#include "fs/current.h"
#include "fs/gate.h"
#include "fs/policy.h"

enum { ATTRS_MOST = 24, CLOCK_COARSE = 2000000 };

static const struct {
	const char *name;
	int event; /* -1: none */
} said_as[ACL_OP_COUNT] = {
#define LEDGER_NONE (-1)
#define SAID(op, name, event) [ACL_OP_##op] = {name, LEDGER_##event},
#include "fs/audit_ops.def"
#undef SAID
#undef LEDGER_NONE
};

int line_event(enum acl_op what) { return said_as[what].event; }
const char *line_name(const struct identity *who) { return who->who.email ? who->who.email : LEDGER_ANONYMOUS; }

static bool uses_elevation(const struct acl_decision *d) { return d->reason == BECAUSE_ELEVATED; }

int64_t audit_now(void)
{
	struct timespec t;
	int64_t us, floor = gate_now() * 1000000;

	clock_gettime(CLOCK_REALTIME, &t);
	us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	return us < floor - CLOCK_COARSE ? floor : us; /* a clock that was set back does not count; the gate's has whole seconds */
}

struct line {
	struct ledger_entry e;
	struct ledger_attr attrs[ATTRS_MOST];
	char verbs[8];
};

static void add_attr(struct line *l, struct ledger_attr a)
{
	if (l->e.n_attrs < ATTRS_MOST)
		l->attrs[l->e.n_attrs++] = a;
	l->e.attrs = l->attrs;
}

static void add_attrs(struct line *l, const struct acl_attrs *a, const struct identity *who)
{
	add_attr(l, LEDGER_ATTR_TEXT("owner", l->e.principal));
	add_attr(l, LEDGER_ATTR_TEXT("environment", a->environment));
	add_attr(l, LEDGER_ATTR_TEXT("provenance", attrs_provenance(who)));
	if (a->risk_score >= 0)
		add_attr(l, LEDGER_ATTR_NUMBER("risk_score", a->risk_score));
}

static struct line *line_new(struct arena *a)
{
	struct line *l = arena_new(a, struct line);

	memset(l, 0, sizeof(*l));
	l->e = (struct ledger_entry)LEDGER_ENTRY_INIT;
	return l;
}

/* Whose request it is. The program may have ended meanwhile: then nothing is known of it. */
static void say_caller(struct line *l, const struct op *op)
{
	l->e.time_us = audit_now();
	l->e.principal = line_name(op->caller.id);
	l->e.uid = op->caller.uid;
	if (op->caller.pid <= 0)
		return;
	l->e.pid = op->caller.pid;
	l->e.exe = current_exe();
}

/* The names live as long as the policy. */
static void say_roles(struct line *l, struct acl_policy *p, const struct op *op)
{
	const char *const *roles = gate_roles(p, op->caller.id, &l->e.n_roles);
	const char **out = arena_array(&op->said->mem, const char *, l->e.n_roles + 1);

	memcpy(out, roles, l->e.n_roles * sizeof(*out));
	l->e.roles = out;
}

static void say_verdict(struct line *l, const struct verdict *v, const struct op *op)
{
	l->e.op = said_as[v->what].name;
	l->e.path = *v->path ? v->path : ".";
	verbs_print(v->verbs, l->verbs);
	l->e.verb = *l->verbs ? l->verbs : NULL;
	add_attrs(l, &v->attrs, op->caller.id);
	if (!v->policy)
		return;
	l->e.src = (struct ledger_src){v->d.src.file, v->d.src.line};
	l->e.policy_hash = acl_policy_hash(v->policy);
	say_roles(l, v->policy, op);
	l->e.elevated = v->flags & ACL_IS_ELEVATED;
	l->e.active_admin = uses_elevation(&v->d);
	add_attr(l, LEDGER_ATTR_TEXT("because", acl_reasons[v->d.reason].word));
}

static const char *src_text(struct arena *a, struct acl_src src)
{
	return src.line ? arena_printf(a, "%s:%u", src.file, src.line) : src.file;
}

static void say_rename(struct line *l, struct audit_said *s)
{
	if (!s->to)
		return;
	add_attr(l, LEDGER_ATTR_TEXT("to", s->to));
	if (s->second.file)
		add_attr(l, LEDGER_ATTR_TEXT("to_src", src_text(&s->mem, s->second)));
	if (s->exchange)
		add_attr(l, LEDGER_ATTR_BOOL("exchange", true));
	if (s->over && !s->exchange)
		l->e.event = LEDGER_FILE_REPLACE;
}

/* The write-once rules said no, not the grants. */
static bool refused_by_worm(const struct acl_decision *d)
{
	return d->reason == BECAUSE_SEALED || d->reason == BECAUSE_MASKED || d->reason == BECAUSE_NOT_FILER;
}

struct ledger_entry *line_refused(struct op *op)
{
	struct audit_said *s = op->said;
	struct verdict *v = &s->refused;
	struct line *l = line_new(&s->mem);

	say_caller(l, op);
	say_verdict(l, v, op);
	l->e.event = v->policy && refused_by_worm(&v->d) ? LEDGER_WORM_REFUSED : LEDGER_REFUSED;
	l->e.decision = LEDGER_DENY;
	l->e.err = v->err;
	if (v->sentence)
		add_attr(l, LEDGER_ATTR_TEXT("reason", v->sentence));
	return &l->e;
}

struct ledger_entry *line_passed(struct op *op, int err)
{
	struct audit_said *s = op->said;
	struct line *l = line_new(&s->mem);
	int event = said_as[s->passed.what].event;

	if (!acl_ops[s->passed.what].change && uses_elevation(&s->passed.d))
		event = LEDGER_ADMIN_USE;
	if (event < 0)
		return NULL;
	l->e.event = (enum ledger_event)event;
	say_caller(l, op);
	say_verdict(l, &s->passed, op);
	say_rename(l, s);
	l->e.err = err;
	return &l->e;
}

/* Administrators may always write .zddc: whoever did so by that right alone is named for it. */
struct ledger_entry *line_standing(struct op *op)
{
	struct ledger_entry *e = line_passed(op, 0);

	if (e)
		e->event = LEDGER_ADMIN_USE;
	return e;
}

struct ledger_entry *line_note(struct op *op, const struct note *n)
{
	struct audit_said *s = op->said;
	struct line *l = line_new(&s->mem);

	say_caller(l, op);
	if (s->has_passed)
		say_verdict(l, &s->passed, op);
	else
		add_attr(l, LEDGER_ATTR_TEXT("owner", l->e.principal));
	if (n->e.who || n->e.principal) {
		l->e.principal = n->e.who ? line_name(n->e.who) : n->e.principal;
		l->e.uid = n->e.who ? n->e.who->uid : n->e.uid;
	}
	l->e.event = n->e.event;
	l->e.time_us = n->at;
	l->e.path = n->e.path;
	l->e.canonical = n->e.canonical;
	l->e.object = n->e.object;
	l->e.err = n->e.err;
	l->e.decision = n->e.err ? LEDGER_DENY : LEDGER_ALLOW;
	l->e.active_admin |= n->e.active_admin;
	for (size_t i = 0; i < n->e.n_attrs; i++)
		add_attr(l, n->e.attrs[i]);
	return &l->e;
}
