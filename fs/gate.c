/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door: asks the engine, makes the errno, remembers each caller's last refusal. */
#include "fs/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "fs/attrs.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/refusal.h"
#include "fs/session.h"
#include "fs/tenant.h"

enum {
	RIGHTS_KEPT = 64, /* per thread; a power of two */
	SIGHT_WAIT_MS = 20000, /* for the index */
	SIGHT_TRIES = 3,
};

static const char HIDDEN[] = "(hidden)";

static _Atomic uint64_t decisions;
static _Atomic long long clock_most;
static _Atomic long long clock_base; /* what CLOCK_BOOTTIME lacks to the latest time ever seen; 0: nothing seen yet */

static long long boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

static void raise_to(_Atomic long long *most, long long to)
{
	long long is = atomic_load(most);

	while (to > is && !atomic_compare_exchange_weak(most, &is, to))
		;
}

long long gate_now(void)
{
	long long now = (long long)time(NULL), since_boot = boottime();

	raise_to(&clock_base, now - since_boot);
	raise_to(&clock_most, atomic_load(&clock_base) + since_boot);
	return atomic_load(&clock_most);
}

void gate_clock_floor(long long at) { raise_to(&clock_base, at - boottime()); }

/* ------------------------------------------------------------------ rights, kept for (policy, identity) in each thread */

struct kept_rights {
	struct acl_policy *policy; /* counted; NULL: empty */
	struct identity *who; /* counted */
	struct acl_rights *rights;
	const char **roles; /* names, in the policy; NULL: not asked yet */
	size_t n_roles;
};

static pthread_key_t rights_key;
static pthread_once_t rights_once = PTHREAD_ONCE_INIT;

static void rights_free(void *p)
{
	struct kept_rights *v = p;

	for (size_t i = 0; v && i < RIGHTS_KEPT; i++) {
		acl_policy_unref(v[i].policy);
		identity_put(v[i].who);
		free(v[i].rights);
		free(v[i].roles);
	}
	free(v);
}

static void rights_key_make(void)
{
	if (pthread_key_create(&rights_key, rights_free))
		abort();
}

static struct kept_rights *rights_table(void)
{
	struct kept_rights *v;

	pthread_once(&rights_once, rights_key_make);
	v = pthread_getspecific(rights_key);
	if (v)
		return v;
	v = calloc(RIGHTS_KEPT, sizeof(*v));
	if (!v || pthread_setspecific(rights_key, v))
		abort();
	return v;
}

static struct kept_rights *kept_for(struct acl_policy *p, struct identity *who)
{
	size_t at = ((uintptr_t)p >> 4) * 31 + ((uintptr_t)who >> 4);
	struct kept_rights *k = &rights_table()[(at ^ at >> 9) & (RIGHTS_KEPT - 1)];

	if (k->policy == p && k->who == who)
		return k;
	free(steal_ptr(k->roles));
	acl_policy_unref(k->policy);
	identity_put(k->who);
	k->policy = acl_policy_ref(p);
	k->who = identity_ref(who);
	if (!k->rights && !(k->rights = malloc(acl_rights_size())))
		abort();
	acl_rights_compute(p, &who->who, k->rights);
	return k;
}

static void add_role(void *arg, const char *role, struct acl_src src)
{
	struct kept_rights *k = arg;

	(void)src;
	k->roles = realloc(k->roles, (k->n_roles + 2) * sizeof(*k->roles));
	if (!k->roles)
		abort();
	k->roles[k->n_roles++] = role;
}

const char *const *gate_roles(struct acl_policy *p, struct identity *who, size_t *n)
{
	struct kept_rights *k = kept_for(p, who);

	if (!k->roles) {
		k->n_roles = 0;
		k->roles = calloc(1, sizeof(*k->roles));
		acl_roles(p, &who->who, add_role, k);
	}
	*n = k->n_roles;
	return k->roles;
}

/* ------------------------------------------------------------------ the question itself */

/* One question to the engine, with what the caller brings to it. Not copied: rq points into it. */
struct question {
	struct acl_attrs attrs;
	struct acl_request rq;
};

static void ask(struct question *q, const struct identity *who, enum acl_op what, const char *name, unsigned flags)
{
	q->attrs = attrs_of(who);
	q->rq = acl_request_for(what, name, &who->who, &q->attrs, flags | (identity_elevated(who) ? ACL_IS_ELEVATED : 0));
}

#define QUESTION(q, who, what, name, flags) \
	struct question q; \
	ask(&q, who, what, name, flags)

/* Refused before the engine is asked, whatever policy says. */
static bool refused_at_once(const struct identity *who, const struct acl_request *rq, enum acl_reason *why)
{
	if (!(rq->flags & ACL_CHANGE))
		return false;
	*why = back_is_broken() ? BECAUSE_BROKEN : BECAUSE_NO_PROVENANCE;
	return back_is_broken() || attrs_missing(who);
}

static struct acl_decision decide(struct acl_policy *p, const struct identity *who, const struct acl_request *rq)
{
	struct acl_decision d;
	enum acl_reason why;

	atomic_fetch_add_explicit(&decisions, 1, memory_order_relaxed);
	__atomic_add_fetch(&((struct identity *)who)->decisions, 1, __ATOMIC_RELAXED);
	if (refused_at_once(who, rq, &why))
		return (struct acl_decision){.reason = why, .err = acl_reasons[why].err, .needed = rq->needed, .missing = rq->needed, .level = -1};
	if (!policy_none())
		return acl_decide_with(p, kept_for(p, (struct identity *)who)->rights, rq);
	d = (struct acl_decision){.allowed = !(rq->flags & ACL_IS_NEVER), .needed = rq->needed, .effective = V_ALL, .level = -1};
	d.reason = d.allowed ? BECAUSE_NO_POLICY : BECAUSE_NEVER;
	d.err = d.allowed ? 0 : EPERM;
	return d;
}

static bool about_seeing(enum acl_op what) { return what == ACL_OP_ENTER || what == ACL_OP_STATDIR || what == ACL_OP_LIST; }

int gate_sight_path(const struct identity *who, const char *dir, struct acl_sight *out)
{
	QUESTION(q, who, ACL_OP_ENTER, NULL, 0);
	int r = -EAGAIN;

	*out = (struct acl_sight){true, true, true};
	if (tenant_hides(dir))
		*out = (struct acl_sight){false, false, false};
	if (policy_none() || tenant_hides(dir))
		return 0;
	atomic_fetch_add_explicit(&decisions, 1, memory_order_relaxed);
	for (int i = 0; i < SIGHT_TRIES && r == -EAGAIN; i++) {
		r = acl_snap_sight(policy_snap(), dir, &q.rq, out);
		if (r == -EAGAIN && index_wait(SIGHT_WAIT_MS))
			return -EBUSY;
	}
	return r == -EAGAIN ? -EBUSY : r;
}

/* Any verb held in the directory itself settles it, without a look at what lies below. */
static bool sight_by_verbs(const struct identity *who, struct acl_policy *p, struct acl_sight *out)
{
	QUESTION(q, who, ACL_OP_ENTER, NULL, 0);
	struct acl_decision d = decide(p, who, &q.rq);

	*out = (struct acl_sight){true, true, (d.effective & V_R) != 0};
	return d.effective != 0;
}

int gate_sight(const struct identity *who, struct node *dir, struct acl_sight *out)
{
	AUTO_FREE char *path = NULL;
	struct acl_policy *p = policy_of(dir); /* looks whether the levels are still what they were */
	bool nowhere = policy_is_nowhere(p) || tenant_hides_in(dir, NULL), settled = !nowhere && sight_by_verbs(who, p, out);

	acl_policy_unref(p);
	if (nowhere)
		*out = (struct acl_sight){false, false, false};
	if (nowhere || settled)
		return 0;
	path = node_path(dir);
	return gate_sight_path(who, path, out);
}

static int enter(const struct identity *who, struct node *dir)
{
	struct acl_sight sight;
	int r = gate_sight(who, dir, &sight);

	return r ? r : sight.enter ? 0 : -ENOENT;
}

int gate_enter(struct op *op, struct node *dir) { return enter(op->caller.id, dir); }

void gate_listed(struct op *op, struct node *dir)
{
	QUESTION(q, op->caller.id, ACL_OP_LIST, NULL, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, op->caller.id, &q.rq);

	if (!d.allowed)
		d.reason = BECAUSE_VISIBLE;
	audit_passed(op, ACL_OP_LIST, dir, NULL, p, &q.rq, &d);
	acl_policy_unref(p);
}

bool gate_may(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags)
{
	struct question q;
	struct acl_policy *p;
	bool allowed;

	if (!name && about_seeing(what))
		return !enter(who, dir);
	if (tenant_hides_in(dir, name))
		return false;
	ask(&q, who, what, name, flags);
	p = policy_of(dir);
	allowed = decide(p, who, &q.rq).allowed;
	acl_policy_unref(p);
	return allowed;
}

struct acl_decision gate_verbs(const struct identity *who, struct node *dir)
{
	QUESTION(q, who, ACL_OP_READ, NULL, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &q.rq);

	acl_policy_unref(p);
	return d;
}

bool gate_may_under(const struct identity *who, struct acl_policy *p, enum acl_op what, const char *name)
{
	QUESTION(q, who, what, name, 0);

	atomic_fetch_add_explicit(&decisions, 1, memory_order_relaxed);
	return acl_decide(p, &q.rq).allowed; /* nothing is kept: such a policy has to be gone before its engine */
}

bool gate_is_admin(const struct identity *who, struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool admin = (policy_none() || acl_is_admin(p, &who->who, NULL)) && !tenant_hides_in(dir, NULL);

	acl_policy_unref(p);
	return admin;
}

static void note_auditor(void *arg, const char *role, struct acl_src src)
{
	(void)src;
	if (str_ieq(role, "auditor"))
		*(bool *)arg = true;
}

static bool is_auditor(struct acl_policy *p, const struct identity *who)
{
	bool yes = policy_none();

	if (!yes)
		acl_roles(p, &who->who, note_auditor, &yes);
	return yes;
}

bool gate_is_auditor(const struct identity *who, struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool yes = is_auditor(p, who);

	acl_policy_unref(p);
	return yes;
}

bool gate_file_readable(const struct identity *who, const char *file)
{
	QUESTION(q, who, ACL_OP_READ, ".zddc", 0);
	AUTO_FREE char *dir = NULL;
	struct acl_policy *p;
	size_t n = strlen(file);
	bool may;

	if (!str_ends(file, ".zddc"))
		return true; /* the defaults */
	if (tenant_hides(file))
		return false;
	dir = strndup(file, n - strlen(".zddc") - (n > strlen(".zddc")));
	p = policy_at(dir);
	may = decide(p, who, &q.rq).allowed;
	acl_policy_unref(p);
	return may;
}

static bool readable(void *arg, const char *file) { return policy_none() || gate_file_readable(arg, file); }

struct acl_view gate_view(const struct identity *who) { return (struct acl_view){readable, (void *)who}; }

bool gate_knows(const struct identity *who, const char *dir)
{
	QUESTION(q, who, ACL_OP_READ, NULL, 0);
	struct acl_policy *p = policy_at(dir);
	struct acl_decision d = decide(p, who, &q.rq);
	bool yes = (d.effective & (V_R | V_A)) || acl_is_admin(p, &who->who, NULL) || is_auditor(p, who);

	acl_policy_unref(p);
	return yes && !tenant_hides(dir);
}

struct gate_counters gate_counters(void)
{
	return (struct gate_counters){atomic_load(&decisions), refusal_count()};
}

/* ------------------------------------------------------------------ what the caller may not know */

static bool hide_src(const struct identity *who, struct acl_src *src)
{
	if (!src->file || gate_file_readable(who, src->file))
		return false;
	*src = (struct acl_src){HIDDEN, 0};
	return true;
}

/* Takes out of a decision what stands in policy files that the caller cannot read. */
void gate_hide(const struct identity *who, struct acl_decision *d)
{
	bool src = hide_src(who, &d->src), grant = hide_src(who, &d->grant), role = hide_src(who, &d->role_src);
	bool when = hide_src(who, &d->when);

	hide_src(who, &d->mask);

	if (src && d->entry)
		d->entry = HIDDEN;
	if (grant && d->grant_entry)
		d->grant_entry = HIDDEN;
	if (src && d->role)
		d->role = HIDDEN;
	if (grant && d->grant_role)
		d->grant_role = HIDDEN;
	if (role && d->member)
		d->member = HIDDEN;
	if (when && d->condition)
		d->condition = HIDDEN;
}

/* ------------------------------------------------------------------ checking */

int gate_refuse_state(struct op *op, enum acl_op what, struct node *dir, const char *name, unsigned flags, const struct gate_state *s)
{
	struct identity *who = op->caller.id;
	QUESTION(q, who, what, name, flags);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &q.rq);
	int err = 0;

	if (!d.allowed)
		err = refusal_decided(who, what, dir, name, p, &q.rq, &d, s);
	acl_policy_unref(p);
	return err;
}

/* A change that only an elevated administrator could make. */
static void say_thawed(struct node *dir, const char *name, long long until)
{
	AUTO_FREE char *path = name ? node_path_in(dir, name) : node_path(dir);
	char text[32];

	str_time_format(until, text);
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("freeze_until", text)};
	audit_event(&(struct audit_event){.event = LEDGER_FREEZE_OVERRIDE, .path = path, .attrs = attrs, .n_attrs = 1, .active_admin = true, AUDIT_EVENT_INIT});
}

/* A project that this mount does not show: its names are not there, and cannot be made. */
static int refuse_other(const struct identity *who, enum acl_op what, struct node *dir, const char *name)
{
	AUTO_FREE char *path = name ? node_path_in(dir, name) : node_path(dir);
	bool makes = acl_ops[what].place == ACL_PLACE_IN && acl_ops[what].change && (acl_ops[what].verbs & V_C || !acl_ops[what].verbs);

	return makes ? gate_refuse_text(who, EACCES, what, path, NULL, "this name cannot be used here") : -ENOENT;
}

int gate_check_as(struct op *op, struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags)
{
	struct acl_decision d;
	struct question q;
	struct acl_policy *p;
	int r = 0;

	if (!name && about_seeing(what))
		return enter(who, dir);
	if (tenant_hides_in(dir, name))
		return refuse_other(who, what, dir, name);
	ask(&q, who, what, name, flags);
	p = policy_of(dir);
	d = decide(p, who, &q.rq);
	if (d.allowed)
		audit_passed(op, what, dir, name, p, &q.rq, &d);
	else
		r = refusal_decided(who, what, dir, name, p, &q.rq, &d, NULL);
	if (d.allowed && d.reason == BECAUSE_ELEVATED && q.rq.flags & ACL_CHANGE && q.attrs.now < acl_freeze_until(p))
		say_thawed(dir, name, acl_freeze_until(p));
	acl_policy_unref(p);
	return r;
}

int gate_check(struct op *op, enum acl_op what, struct node *dir, const char *name, unsigned flags)
{
	return gate_check_as(op, op->caller.id, what, dir, name, flags);
}

void gate_allow_why(struct op *op, enum acl_op what, struct node *dir, const char *name, enum acl_reason why)
{
	QUESTION(q, op->caller.id, what, name, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, op->caller.id, &q.rq);

	d.allowed = true;
	d.reason = why;
	d.err = 0;
	d.src = (struct acl_src){0};
	d.entry = NULL;
	audit_passed(op, what, dir, name, p, &q.rq, &d);
	acl_policy_unref(p);
}

int gate_check_root(struct op *op, struct node *dir, enum acl_op what, const char *path, const char *needs)
{
	struct acl_policy *p = policy_of(dir);
	bool root = policy_none() || acl_is_root_admin(p, &op->caller.id->who), elevated = policy_none() || identity_elevated(op->caller.id);

	acl_policy_unref(p);
	if (root && elevated)
		return 0;
	return gate_refuse(op, EACCES, what, path, "%s needs an elevated root administrator: %s", needs,
			   root ? "elevate first (zddc elevate --reason TEXT)" : "admins: of the archive's root does not name you");
}

int gate_refuse_why(const struct identity *who, enum acl_op what, struct node *dir, const char *name, enum acl_reason why)
{
	QUESTION(q, who, what, name, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &q.rq);
	int r;

	d.allowed = false;
	d.reason = why;
	d.err = acl_reasons[why].err;
	d.src = (struct acl_src){0};
	d.entry = NULL;
	r = refusal_decided(who, what, dir, name, p, &q.rq, &d, NULL);
	acl_policy_unref(p);
	return r;
}

/* ------------------------------------------------------------------ explaining */

/* Entering, describing and listing: visible is enough. */
static void explain_sight(enum acl_op what, bool visible, struct acl_decision *d)
{
	if (d->allowed == visible || (what == ACL_OP_LIST && d->allowed))
		return;
	d->allowed = visible;
	d->reason = visible ? BECAUSE_VISIBLE : BECAUSE_UNSEEN;
	d->err = visible ? 0 : ENOENT;
}

void gate_explain(const struct identity *who, enum acl_op what, struct node *dir, const char *name, enum acl_format f, struct buf *out)
{
	QUESTION(q, who, what, name, 0);
	struct acl_view view = gate_view(who);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &q.rq);
	AUTO_FREE char *path = name ? node_path_in(dir, name) : node_path(dir);

	if (!name && about_seeing(what))
		explain_sight(what, !enter(who, dir), &d);
	gate_hide(who, &d);
	acl_explain(p, &q.rq, &d, what, path, &view, f, out);
	acl_policy_unref(p);
}

void gate_explain_of(const struct identity *viewer, const char *email, enum acl_op what, struct node *dir, const char *name, enum acl_format f,
		     struct buf *out)
{
	QUESTION(q, viewer, what, name, 0);
	AUTO_FREE char *folded = strdup(email), *path = name ? node_path_in(dir, name) : node_path(dir), *place = node_path(dir);
	struct acl_view view = gate_view(viewer);
	struct acl_policy *p = policy_of(dir);
	struct acl_principal who = {.email = folded};
	struct acl_sight sight = {0};

	str_lower(folded);
	if (!strcmp(folded, "anonymous"))
		who.email = NULL;
	q.rq.who = &who;
	q.rq.flags &= ~(unsigned)ACL_IS_ELEVATED;
	struct acl_decision d = acl_decide(p, &q.rq);
	if (!name && about_seeing(what) && acl_snap_sight(policy_snap(), place, &q.rq, &sight) == 0)
		explain_sight(what, sight.enter, &d);
	gate_hide(viewer, &d);
	acl_explain(p, &q.rq, &d, what, path, &view, f, out);
	acl_policy_unref(p);
}

static void add_sentence(const char *state, enum acl_format f, struct buf *out)
{
	if (f == ACL_TEXT) {
		buf_addf(out, "state: %s\n", state);
		return;
	}
	out->len--; /* the brace that ends the object */
	json_kv(out, "state", state);
	buf_addc(out, '}');
}

void gate_explain_state(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags, bool by_state,
			const char *state, enum acl_format f, struct buf *out)
{
	QUESTION(q, who, what, name, flags);
	struct acl_view view = gate_view(who);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &q.rq);
	AUTO_FREE char *path = node_path_in(dir, name);

	if (by_state && !d.allowed) {
		d.allowed = true;
		d.reason = BECAUSE_CREATOR;
		d.err = 0;
	}
	gate_hide(who, &d);
	acl_explain(p, &q.rq, &d, what, path, &view, f, out);
	add_sentence(state, f, out);
	acl_policy_unref(p);
}

void gate_explain_dir(const struct identity *who, enum acl_op what, struct node *dir, const char *name, bool there, enum acl_format f,
		      struct buf *out)
{
	QUESTION(q, who, what, NULL, 0);
	struct acl_view view = gate_view(who);
	struct acl_policy *p = policy_of_child(dir, name);
	struct acl_decision d = decide(p, who, &q.rq);
	AUTO_FREE char *path = node_path_in(dir, name);
	struct acl_sight sight = {false, false, false};

	if (there && !gate_sight_path(who, path, &sight) && sight.enter) {
		explain_sight(what, true, &d);
	} else { /* nothing that stands in its own policy may show */
		acl_policy_unref(p);
		p = policy_of(dir);
		d = (struct acl_decision){.reason = BECAUSE_UNSEEN, .err = ENOENT, .needed = q.rq.needed, .missing = q.rq.needed, .level = -1};
	}
	gate_hide(who, &d);
	acl_explain(p, &q.rq, &d, what, path, &view, f, out);
	acl_policy_unref(p);
}

void gate_free(void)
{
	refusals_free();
	pthread_once(&rights_once, rights_key_make);
	rights_free(pthread_getspecific(rights_key));
	pthread_setspecific(rights_key, NULL);
}
