/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door: asks the engine, makes the errno, remembers each caller's last refusal. */
#include "fs/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/node.h"
#include "fs/policy.h"

enum {
	REFUSALS_MAX = 4096, /* uids whose last refusal is remembered */
	RIGHTS_KEPT = 64, /* per thread; a power of two */
	SIGHT_WAIT_MS = 20000, /* for the index */
	SIGHT_TRIES = 3,
};

static const char HIDDEN[] = "(hidden)";

static _Atomic uint64_t decisions, refusals;
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

static struct acl_attrs attrs_now(void)
{
	return (struct acl_attrs){.now = gate_now(), .risk_score = -1};
}

/* ------------------------------------------------------------------ rights, kept for (policy, identity) in each thread */

struct kept_rights {
	struct acl_policy *policy; /* counted; NULL: empty */
	struct identity *who; /* counted */
	struct acl_rights *rights;
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

static const struct acl_rights *rights_of(struct acl_policy *p, struct identity *who)
{
	size_t at = ((uintptr_t)p >> 4) * 31 + ((uintptr_t)who >> 4);
	struct kept_rights *k = &rights_table()[(at ^ at >> 9) & (RIGHTS_KEPT - 1)];

	if (k->policy == p && k->who == who)
		return k->rights;
	acl_policy_unref(k->policy);
	identity_put(k->who);
	k->policy = acl_policy_ref(p);
	k->who = identity_ref(who);
	if (!k->rights && !(k->rights = malloc(acl_rights_size())))
		abort();
	acl_rights_compute(p, &who->who, k->rights);
	return k->rights;
}

/* ------------------------------------------------------------------ the question itself */

static struct acl_decision decide(struct acl_policy *p, const struct identity *who, const struct acl_request *rq)
{
	struct acl_decision d;

	atomic_fetch_add_explicit(&decisions, 1, memory_order_relaxed);
	__atomic_add_fetch(&((struct identity *)who)->decisions, 1, __ATOMIC_RELAXED);
	if (back_is_broken() && rq->flags & ACL_CHANGE)
		return (struct acl_decision){.reason = BECAUSE_BROKEN, .err = EROFS, .needed = rq->needed, .missing = rq->needed, .level = -1};
	if (!policy_none())
		return acl_decide_with(p, rights_of(p, (struct identity *)who), rq);
	d = (struct acl_decision){.allowed = !(rq->flags & ACL_IS_NEVER), .needed = rq->needed, .effective = V_ALL, .level = -1};
	d.reason = d.allowed ? BECAUSE_NO_POLICY : BECAUSE_NEVER;
	d.err = d.allowed ? 0 : EPERM;
	return d;
}

static bool about_seeing(enum acl_op what) { return what == ACL_OP_ENTER || what == ACL_OP_STATDIR || what == ACL_OP_LIST; }

int gate_sight_path(const struct identity *who, const char *dir, struct acl_sight *out)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(ACL_OP_ENTER, NULL, &who->who, &attrs, 0);
	int r = -EAGAIN;

	*out = (struct acl_sight){true, true, true};
	if (policy_none())
		return 0;
	atomic_fetch_add_explicit(&decisions, 1, memory_order_relaxed);
	for (int i = 0; i < SIGHT_TRIES && r == -EAGAIN; i++) {
		r = acl_snap_sight(policy_snap(), dir, &rq, out);
		if (r == -EAGAIN && index_wait(SIGHT_WAIT_MS))
			return -EBUSY;
	}
	return r == -EAGAIN ? -EBUSY : r;
}

/* Any verb held in the directory itself settles it, without a look at what lies below. */
static bool sight_by_verbs(const struct identity *who, struct acl_policy *p, struct acl_sight *out)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(ACL_OP_ENTER, NULL, &who->who, &attrs, 0);
	struct acl_decision d = decide(p, who, &rq);

	*out = (struct acl_sight){true, true, (d.effective & V_R) != 0};
	return d.effective != 0;
}

int gate_sight(const struct identity *who, struct node *dir, struct acl_sight *out)
{
	AUTO_FREE char *path = NULL;
	struct acl_policy *p = policy_of(dir); /* looks whether the levels are still what they were */
	bool nowhere = policy_is_nowhere(p), settled = !nowhere && sight_by_verbs(who, p, out);

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

bool gate_may(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq;
	struct acl_policy *p;
	bool allowed;

	if (!name && about_seeing(what))
		return !enter(who, dir);
	rq = acl_request_for(what, name, &who->who, &attrs, flags);
	p = policy_of(dir);
	allowed = decide(p, who, &rq).allowed;
	acl_policy_unref(p);
	return allowed;
}

struct acl_decision gate_verbs(const struct identity *who, struct node *dir)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(ACL_OP_READ, NULL, &who->who, &attrs, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &rq);

	acl_policy_unref(p);
	return d;
}

bool gate_is_admin(const struct identity *who, struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool admin = policy_none() || acl_is_admin(p, &who->who, NULL);

	acl_policy_unref(p);
	return admin;
}

bool gate_file_readable(const struct identity *who, const char *file)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(ACL_OP_READ, ".zddc", &who->who, &attrs, 0);
	AUTO_FREE char *dir = NULL;
	struct acl_policy *p;
	size_t n = strlen(file);
	bool may;

	if (!str_ends(file, ".zddc"))
		return true; /* the defaults */
	dir = strndup(file, n - strlen(".zddc") - (n > strlen(".zddc")));
	p = policy_at(dir);
	may = decide(p, who, &rq).allowed;
	acl_policy_unref(p);
	return may;
}

struct gate_counters gate_counters(void)
{
	return (struct gate_counters){atomic_load(&decisions), atomic_load(&refusals)};
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
static void hide(const struct identity *who, struct acl_decision *d)
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

/* ------------------------------------------------------------------ the last refusal of each uid */

struct refusal {
	int refs; /* atomic */
	enum acl_op what;
	int err; /* positive */
	long long when;
	char *path;
	struct identity *who; /* counted */
	/* a decision: rendered when somebody asks, */
	struct acl_policy *policy; /* counted; NULL: text only */
	char *name;
	struct acl_attrs attrs;
	struct acl_request rq;
	struct acl_decision d;
	/* or a text */
	char *sentence;
	char *diagnostics; /* JSON array, or NULL */
	char *details; /* the same for people, or NULL */
	char *facts; /* members of the JSON object, each with a comma before it, or NULL */
	char *instead; /* said as the hint, in the place of the engine's */
};

struct last {
	uid_t uid;
	struct refusal *refusal;
	struct last *newer, *older;
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock;
	struct last *by_uid, *newest, *oldest;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void refusal_put(struct refusal *r)
{
	if (!r || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	acl_policy_unref(r->policy);
	identity_put(r->who);
	free(r->path);
	free(r->name);
	free(r->sentence);
	free(r->diagnostics);
	free(r->details);
	free(r->facts);
	free(r->instead);
	free(r);
}

/* Under seen.lock. */
static void last_unlink(struct last *l)
{
	*(l->newer ? &l->newer->older : &seen.newest) = l->older;
	*(l->older ? &l->older->newer : &seen.oldest) = l->newer;
	l->newer = l->older = NULL;
}

static void last_push(struct last *l)
{
	l->older = seen.newest;
	*(seen.newest ? &seen.newest->newer : &seen.oldest) = l;
	seen.newest = l;
}

static void last_drop(struct last *l)
{
	last_unlink(l);
	HASH_DEL(seen.by_uid, l);
	refusal_put(l->refusal);
	free(l);
}

static struct last *last_make(uid_t uid)
{
	struct last *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->uid = uid;
	HASH_ADD(hh, seen.by_uid, uid, sizeof(l->uid), l);
	last_push(l);
	if (HASH_COUNT(seen.by_uid) > REFUSALS_MAX)
		last_drop(seen.oldest);
	return l;
}

/* Remembers r as the last refusal of its uid; takes its reference. Returns -errno. */
static int remember(struct refusal *r)
{
	uid_t uid = r->who->uid;
	struct last *l;
	struct refusal *old;
	int err = r->err;

	atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed);
	__atomic_add_fetch(&r->who->refusals, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&seen.lock);
	HASH_FIND(hh, seen.by_uid, &uid, sizeof(uid), l);
	if (l) {
		last_unlink(l);
		last_push(l);
	} else {
		l = last_make(uid);
	}
	old = l->refusal;
	l->refusal = r;
	pthread_mutex_unlock(&seen.lock);
	refusal_put(old);
	return -err;
}

static struct refusal *refusal_new(const struct identity *who, enum acl_op what, int err, char *path)
{
	struct refusal *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->refs = 1;
	r->what = what;
	r->err = err;
	r->when = gate_now();
	r->path = path;
	r->who = identity_ref((struct identity *)who);
	return r;
}

/* A refused decision. Cheap: nothing is rendered before somebody asks. */
static struct refusal *refused_decision(const struct identity *who, enum acl_op what, struct node *dir, const char *name, struct acl_policy *p,
					const struct acl_request *rq, const struct acl_decision *d)
{
	struct refusal *r = refusal_new(who, what, d->err, name ? node_path_in(dir, name) : node_path(dir));

	r->policy = acl_policy_ref(p);
	r->name = name ? strdup(name) : NULL;
	r->attrs = *rq->attrs;
	r->rq = *rq;
	r->rq.who = &r->who->who;
	r->rq.attrs = &r->attrs;
	r->d = *d;
	return r;
}

static int refuse_decision(const struct identity *who, enum acl_op what, struct node *dir, const char *name, struct acl_policy *p,
			   const struct acl_request *rq, const struct acl_decision *d)
{
	return remember(refused_decision(who, what, dir, name, p, rq, d));
}

static void add_state(struct refusal *r, const struct gate_state *s)
{
	AUTO_BUF facts = BUF_INIT, text = BUF_INIT;

	buf_addc(&facts, ' '); /* so that each member gets its comma */
	json_kv(&facts, "state", s->state);
	json_kv(&facts, "since", *s->since ? s->since : NULL);
	json_kv(&facts, "by", s->by);
	json_kv(&facts, "rule", s->rule);
	json_kv(&facts, "instead", s->instead);
	buf_addf(&text, "%s\nrule: %s\n", s->text, s->rule);
	r->facts = buf_steal(&facts);
	r->details = buf_steal(&text);
	r->instead = strdup(s->instead);
}

int gate_refuse_state(struct op *op, enum acl_op what, struct node *dir, const char *name, unsigned flags, const struct gate_state *s)
{
	struct identity *who = op->caller.id;
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(what, name, &who->who, &attrs, flags);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &rq);
	int err = 0;

	if (!d.allowed) {
		struct refusal *r = refused_decision(who, what, dir, name, p, &rq, &d);

		add_state(r, s);
		err = remember(r);
	}
	acl_policy_unref(p);
	return err;
}

int gate_check_as(struct op *op, struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned flags)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_decision d;
	struct acl_request rq;
	struct acl_policy *p;
	int r = 0;

	(void)op;
	if (!name && about_seeing(what))
		return enter(who, dir);
	rq = acl_request_for(what, name, &who->who, &attrs, flags);
	p = policy_of(dir);
	d = decide(p, who, &rq);
	if (!d.allowed)
		r = refuse_decision(who, what, dir, name, p, &rq, &d);
	acl_policy_unref(p);
	return r;
}

int gate_check(struct op *op, enum acl_op what, struct node *dir, const char *name, unsigned flags)
{
	return gate_check_as(op, op->caller.id, what, dir, name, flags);
}

int gate_refuse_why(const struct identity *who, enum acl_op what, struct node *dir, const char *name, enum acl_reason why)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(what, name, &who->who, &attrs, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &rq);
	int r;

	d.allowed = false;
	d.reason = why;
	d.err = acl_reasons[why].err;
	d.src = (struct acl_src){0};
	d.entry = NULL;
	r = refuse_decision(who, what, dir, name, p, &rq, &d);
	acl_policy_unref(p);
	return r;
}

static void diags_json(const struct diags *d, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < d->n; i++) {
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "file", d->v[i].file);
		json_kv_int(out, "line", d->v[i].line);
		json_kv_int(out, "col", d->v[i].col);
		json_kv(out, "level", d->v[i].level == DIAG_ERROR ? "error" : "warning");
		json_kv(out, "text", d->v[i].text);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

__attribute__((format(printf, 6, 0))) static int refuse_text(const struct identity *who, int err, enum acl_op what, const char *path,
							     const struct diags *d, const char *fmt, va_list ap)
{
	struct refusal *r = refusal_new(who, what, err, strdup(path));
	AUTO_BUF text = BUF_INIT, json = BUF_INIT, lines = BUF_INIT;

	buf_addfv(&text, fmt, ap);
	r->sentence = buf_steal(&text);
	if (d && d->n) {
		diags_json(d, &json);
		diags_format(d, &lines);
		r->diagnostics = buf_steal(&json);
		r->details = buf_steal(&lines);
	}
	return remember(r);
}

int gate_refuse_text(const struct identity *who, int err, enum acl_op what, const char *path, const struct diags *d, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = refuse_text(who, err, what, path, d, fmt, ap);
	va_end(ap);
	return r;
}

int gate_refuse(struct op *op, int err, enum acl_op what, const char *path, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = refuse_text(op->caller.id, err, what, path, NULL, fmt, ap);
	va_end(ap);
	return r;
}

/* ------------------------------------------------------------------ telling it */

/* What is said of one refusal, as this caller may hear it. */
struct told {
	struct acl_decision d;
	struct buf sentence, hint;
};

static void tell(const struct refusal *r, struct told *t)
{
	t->d = r->d;
	if (r->sentence) {
		buf_adds(&t->sentence, r->sentence);
		return;
	}
	hide(r->who, &t->d);
	acl_sentence(&r->rq, &t->d, r->what, r->path, &t->sentence);
	if (r->instead)
		buf_adds(&t->hint, r->instead);
	else
		acl_hint(r->policy, &r->rq, &t->d, r->what, r->path, &t->hint);
}

static void kv_src(struct buf *out, const char *key, struct acl_src src)
{
	AUTO_BUF text = BUF_INIT;

	if (src.file && src.line)
		buf_addf(&text, "%s:%u", src.file, src.line);
	else if (src.file)
		buf_adds(&text, src.file);
	json_kv(out, key, src.file ? buf_str(&text) : NULL);
}

static void tell_json(const struct refusal *r, const struct told *t, struct buf *out)
{
	const char *reason = r->policy ? acl_reasons[t->d.reason].word : "refused";
	char verbs[8], when[32];

	str_time_format(r->when, when);
	buf_addc(out, '{');
	json_kv(out, "time", when);
	json_kv(out, "op", acl_ops[r->what].name);
	json_kv(out, "verb", verbs_print(r->policy ? r->rq.needed : acl_ops[r->what].verbs, verbs));
	json_kv(out, "path", *r->path ? r->path : ".");
	json_kv(out, "principal", r->who->who.email ? r->who->who.email : "anonymous");
	json_kv_int(out, "errno", r->err);
	json_kv(out, "error", strerrorname_np(r->err));
	json_kv(out, "reason", reason);
	json_kv(out, "file", t->d.src.file);
	json_kv_int(out, "line", t->d.src.line);
	json_kv(out, "entry", t->d.entry);
	kv_src(out, "mask", t->d.zone ? t->d.mask : (struct acl_src){0});
	json_kv(out, "sentence", buf_str(&t->sentence));
	json_kv(out, "hint", buf_str(&t->hint));
	buf_adds(out, r->facts ? r->facts + 1 : ""); /* past the blank */
	if (r->diagnostics) {
		json_key(out, "diagnostics");
		buf_adds(out, r->diagnostics);
	}
	buf_adds(out, "}\n");
}

/* One reference, or NULL. */
static struct refusal *last_of(uid_t uid)
{
	struct last *l;

	WITH_MUTEX(&seen.lock);
	HASH_FIND(hh, seen.by_uid, &uid, sizeof(uid), l);
	if (!l)
		return NULL;
	__atomic_add_fetch(&l->refusal->refs, 1, __ATOMIC_RELAXED);
	return l->refusal;
}

void gate_last_error(const struct identity *who, enum acl_format f, struct buf *out)
{
	struct refusal *r = last_of(who->uid);
	struct told t = {.sentence = BUF_INIT, .hint = BUF_INIT};

	if (!r) {
		buf_adds(out, f == ACL_JSON ? "{}\n" : "");
		return;
	}
	tell(r, &t);
	if (f == ACL_TEXT) {
		buf_addf(out, "%s\n", buf_str(&t.sentence));
		buf_adds(out, r->details ? r->details : "");
		if (t.hint.len)
			buf_addf(out, "hint: %s\n", buf_str(&t.hint));
	}
	tell_json(r, &t, out);
	buf_free(&t.sentence);
	buf_free(&t.hint);
	refusal_put(r);
}

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
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(what, name, &who->who, &attrs, 0);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &rq);
	AUTO_FREE char *path = name ? node_path_in(dir, name) : node_path(dir);

	if (!name && about_seeing(what))
		explain_sight(what, !enter(who, dir), &d);
	hide(who, &d);
	acl_explain(p, &rq, &d, what, path, f, out);
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
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(what, name, &who->who, &attrs, flags);
	struct acl_policy *p = policy_of(dir);
	struct acl_decision d = decide(p, who, &rq);
	AUTO_FREE char *path = node_path_in(dir, name);

	if (by_state && !d.allowed) {
		d.allowed = true;
		d.reason = BECAUSE_CREATOR;
		d.err = 0;
	}
	hide(who, &d);
	acl_explain(p, &rq, &d, what, path, f, out);
	add_sentence(state, f, out);
	acl_policy_unref(p);
}

void gate_explain_dir(const struct identity *who, enum acl_op what, struct node *dir, const char *name, enum acl_format f,
		      struct buf *out)
{
	struct acl_attrs attrs = attrs_now();
	struct acl_request rq = acl_request_for(what, NULL, &who->who, &attrs, 0);
	struct acl_policy *p = policy_of_child(dir, name);
	struct acl_decision d = decide(p, who, &rq);
	AUTO_FREE char *path = node_path_in(dir, name);
	struct acl_sight sight = {false, false, false};

	if (!gate_sight_path(who, path, &sight) && sight.enter) {
		explain_sight(what, true, &d);
	} else { /* nothing that stands in its own policy may show */
		acl_policy_unref(p);
		p = policy_of(dir);
		d = (struct acl_decision){.reason = BECAUSE_UNSEEN, .err = ENOENT, .needed = rq.needed, .missing = rq.needed, .level = -1};
	}
	hide(who, &d);
	acl_explain(p, &rq, &d, what, path, f, out);
	acl_policy_unref(p);
}

void gate_free(void)
{
	pthread_mutex_lock(&seen.lock);
	while (seen.oldest)
		last_drop(seen.oldest);
	pthread_mutex_unlock(&seen.lock);
	pthread_once(&rights_once, rights_key_make);
	rights_free(pthread_getspecific(rights_key));
	pthread_setspecific(rights_key, NULL);
}
