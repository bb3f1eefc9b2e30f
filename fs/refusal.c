/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last refusal of each uid: kept as it was decided, told only when somebody asks. */
#include "fs/refusal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/str.h"
#include "base/table.h"
#include "fs/attrs.h"
#include "fs/audit.h"
#include "fs/gate.h"
#include "fs/node.h"

enum { REFUSALS_MAX = 4096 }; /* uids whose last refusal is remembered */

static _Atomic uint64_t refused;

uint64_t refusal_count(void)
{
	return atomic_load(&refused);
}

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
	free((char *)r->attrs.provenance);
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

	atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
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
	attrs_keep(&r->attrs, who, acl_has_conditions(p));
	r->rq = *rq;
	r->rq.who = &r->who->who;
	r->rq.attrs = &r->attrs;
	r->d = *d;
	return r;
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
	escape_adds(&text, s->text);
	buf_addf(&text, "\nrule: %s\n", s->rule);
	r->facts = buf_steal(&facts);
	r->details = buf_steal(&text);
	r->instead = strdup(s->instead);
}

int refusal_decided(const struct identity *who, enum acl_op what, struct node *dir, const char *name, struct acl_policy *p,
		    const struct acl_request *rq, const struct acl_decision *d, const struct gate_state *s)
{
	struct refusal *r = refused_decision(who, what, dir, name, p, rq, d);

	if (s)
		add_state(r, s);
	audit_refused(who, what, r->path, r->err, p, rq, d, NULL);
	return remember(r);
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
	AUTO_BUF raw = BUF_INIT, text = BUF_INIT, json = BUF_INIT, lines = BUF_INIT;

	buf_addfv(&raw, fmt, ap);
	escape_adds(&text, buf_str(&raw)); /* one line, whatever names are in it */
	r->sentence = buf_steal(&text);
	if (d && d->n) {
		diags_json(d, &json);
		diags_format(d, &lines);
		r->diagnostics = buf_steal(&json);
		r->details = buf_steal(&lines);
	}
	audit_refused(who, what, path, err, NULL, NULL, NULL, r->sentence);
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
	struct acl_view view = gate_view(r->who);

	t->d = r->d;
	if (r->sentence) {
		buf_adds(&t->sentence, r->sentence);
		return;
	}
	gate_hide(r->who, &t->d);
	acl_sentence(&r->rq, &t->d, r->what, r->path, &t->sentence);
	if (r->instead)
		buf_adds(&t->hint, r->instead);
	else
		acl_hint(r->policy, &r->rq, &t->d, r->what, r->path, &view, &t->hint);
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

void refusals_free(void)
{
	WITH_MUTEX(&seen.lock);
	while (seen.oldest)
		last_drop(seen.oldest);
}
