/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A decision in words: one sentence, the full explanation (SPEC section 16), and the smallest change that would turn it. */
#include <stdlib.h>
#include <string.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/str.h"

static const char *who_text(const struct acl_principal *who) { return who->email ? who->email : "anonymous"; }

static const char *verbs_or_none(verbset v, char out[8]) { return v ? verbs_print(v, out) : "-"; }

static void add_src(struct buf *out, struct acl_src src)
{
	if (src.file && src.line)
		buf_addf(out, "%s:%u", src.file, src.line);
	else if (src.file)
		buf_adds(out, src.file);
}

/* ---- the sentence ---- */

static void add_because(struct buf *out, const struct acl_decision *d)
{
	char freeze[32];
	buf_adds(out, acl_reasons[d->reason].text);
	if (d->reason == BECAUSE_FROZEN) {
		str_time_format(d->freeze_until, freeze);
		buf_addf(out, " (until %s)", freeze);
	}
	if (d->entry)
		buf_addf(out, ": \"%s\"", d->entry);
	if (d->role && (!d->entry || !str_ieq(d->entry, d->role)))
		buf_addf(out, " through the role %s", d->role);
	if (d->src.file) {
		buf_adds(out, " (");
		add_src(out, d->src);
		buf_addc(out, ')');
	}
}

void acl_sentence(const struct acl_request *rq, const struct acl_decision *d, enum acl_op op, const char *path, struct buf *out)
{
	char needs[8], has[8];
	buf_addf(out, "%s %s %s ", who_text(rq->who), d->allowed ? "may" : "may not", acl_ops[op].text);
	escape_adds(out, *path ? path : ".");
	buf_adds(out, ": ");
	if (rq->needed && d->reason != BECAUSE_NEVER)
		buf_addf(out, "needs %s%s, has %s; ", verbs_print(rq->needed, needs),
			 rq->flags & ACL_ANY_VERB && rq->needed & (rq->needed - 1) ? " (one of them)" : "",
			 verbs_or_none(d->effective, has));
	add_because(out, d);
}

/* ---- the hint ---- */

static bool would_allow(const struct acl_policy *p, const struct acl_request *rq, const struct acl_whatif *w, unsigned flags)
{
	struct acl_request again = *rq;
	again.whatif = w;
	again.flags |= flags;
	return acl_decide(p, &again).allowed;
}

enum { MOST_TRIES = 16 }; /* a hint is no reason to decide once for each of 16,000 roles */

/* A role whose membership alone would be enough. */
struct helper {
	const struct acl_policy *p;
	const struct acl_request *rq;
	const struct acl_decision *d;
	const struct acl_view *view;
	unsigned tries;
	const char *role; /* NULL: none, or */
	const char *unnamed; /* one that the reader may not know of */
};

static bool readable(const struct acl_view *view, const struct body *b)
{
	return !view || view->readable(view->arg, b->doc->file);
}

/* Both who names the role here and who says what it is must be known to the reader. */
static bool may_name(const struct helper *h, const struct body *from, const char *role)
{
	if (!h->view)
		return true;
	for (size_t i = 0; readable(h->view, from) && i < h->p->n; i++)
		if (body_role(h->p->c[i].body, role) && readable(h->view, h->p->c[i].body))
			return true;
	return false;
}

/* True: look no further. */
static bool try_role(struct helper *h, const struct body *from, const char *role)
{
	if (h->tries == MOST_TRIES)
		return true;
	if (h->unnamed && !strcmp(h->unnamed, role))
		return false; /* an entry above this one does not decide */
	h->tries++;
	if (!would_allow(h->p, h->rq, &(struct acl_whatif){.role = role}, 0))
		return false;
	if (may_name(h, from, role))
		h->role = role;
	else
		h->unnamed = role;
	return h->role != NULL;
}

static bool could_do(const struct helper *h, verbset verbs)
{
	verbset have = (verbset)(verbs | h->d->granted | h->d->effective);
	if (!h->rq->needed)
		return verbs != 0;
	return h->rq->flags & ACL_ANY_VERB ? (have & h->rq->needed) != 0 : (h->rq->needed & ~have) == 0;
}

/* Entries above the level that decides are not consulted, whoever matches them. */
static bool grants_help(struct helper *h, const struct contrib *c)
{
	const struct body *b = c->body;
	for (size_t k = 0; b->n_role_grants && c->seen && c->level >= h->d->level && k < b->n_grants; k++) {
		const struct grant *g = &b->grants[k];
		if (g->verbs && g->who.kind == PAT_ROLE && could_do(h, g->verbs) && try_role(h, b, g->who.text))
			return true;
	}
	return false;
}

static bool filing_helps(struct helper *h, const struct contrib *c)
{
	const struct pattern_list *l = &c->body->worm;
	for (size_t k = 0; l->n_roles && !c->cut && could_do(h, V_R | V_C) && k < l->n; k++)
		if (l->v[k].kind == PAT_ROLE && try_role(h, c->body, l->v[k].text))
			return true;
	return false;
}

/* From the deepest level up. */
static void find_helper(struct helper *h)
{
	for (size_t i = h->p->n; h->rq->who->email && i-- > 0;)
		if (grants_help(h, &h->p->c[i]) || filing_helps(h, &h->p->c[i]))
			return;
}

static void place_of(const char *path, enum acl_op op, struct buf *out)
{
	const char *slash = strrchr(path, '/');
	if (acl_ops[op].place == ACL_PLACE_DIR)
		escape_adds(out, path);
	else if (slash) {
		char *dir = strndup(path, (size_t)(slash - path));
		escape_adds(out, dir ? dir : "");
		free(dir);
	}
	if (out->len && out->data[out->len - 1] != '/' && *path && (slash || acl_ops[op].place == ACL_PLACE_DIR))
		buf_addc(out, '/');
	buf_adds(out, ".zddc");
}

static void hint_change(const struct acl_policy *p, const struct acl_request *rq, enum acl_op op, const char *path,
			const struct acl_decision *d, const struct acl_view *view, struct buf *out)
{
	char verbs[8];
	struct helper h = {.p = p, .rq = rq, .d = d, .view = view};
	verbset missing = rq->flags & ACL_ANY_VERB ? V_R : rq->needed ? (verbset)(d->missing | (d->reason == BECAUSE_DENIED ? rq->needed : 0)) : V_R;
	bool elevate = d->admin && would_allow(p, rq, NULL, ACL_IS_ELEVATED);
	if (!elevate)
		find_helper(&h);
	if (elevate)
		buf_adds(out, "you administer this place: act as an elevated administrator (zddc elevate --reason TEXT)");
	else if (h.role)
		buf_addf(out, "ask to be made a member of the role %s", h.role);
	else if (h.unnamed)
		buf_adds(out, "ask whoever administers the place to make you a member of a role that may");
	else if (would_allow(p, rq, &(struct acl_whatif){.grant = missing}, 0)) {
		buf_addf(out, "ask whoever administers the place to give %s the verbs %s in ", who_text(rq->who), verbs_print(missing, verbs));
		place_of(path, op, out);
	} else
		buf_adds(out, "no single grant or role would allow it here: ask a root administrator");
}

static void hint_denied(const struct acl_decision *d, struct buf *out)
{
	buf_adds(out, "ask whoever administers the place to take out the denial in ");
	add_src(out, d->src);
}

/* What the condition saw. */
static void hint_condition(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, struct buf *out)
{
	struct acl_attrs a = acl_attributes(p, rq);
	if (!a.provenance && a.ask_provenance)
		a.provenance = a.ask_provenance(a.arg);
	buf_addf(out, "the condition \"%s\" must hold; here the owner is %s, ", d->condition ? d->condition : "", who_text(rq->who));
	if (a.risk_score >= 0)
		buf_addf(out, "risk_score is %d, ", a.risk_score);
	else
		buf_adds(out, "risk_score is not set, ");
	buf_addf(out, "environment is %s, provenance is %s", a.environment ? a.environment : "not set", a.provenance ? a.provenance : "not set");
}

/* To somebody who could. */
static void hint_withdraw(const struct acl_request *rq, struct buf *out)
{
	buf_adds(out, "what is filed here stays; file a new revision, or");
	if (!(rq->flags & ACL_IS_ELEVATED))
		buf_adds(out, " act as an elevated administrator (zddc elevate --reason TEXT) and");
	buf_adds(out, " withdraw it (zddc withdraw FILE --reason TEXT)");
}

void acl_hint(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op, const char *path,
	      const struct acl_view *view, struct buf *out)
{
	if (d->allowed)
		return;
	switch (d->reason) {
	case BECAUSE_NEVER:
		buf_adds(out, op == ACL_OP_LINK ? "copy the file instead: one file under two policies could not be write-once"
						: "only files, folders and relative links live in an archive");
		return;
	case BECAUSE_BROKEN:
		buf_adds(out, "ask whoever runs this mount to look at the disk and its log");
		return;
	case BECAUSE_RESERVED:
		buf_adds(out, "nothing to do: these records prove what happened");
		return;
	case BECAUSE_SEALED:
		if (would_allow(p, rq, NULL, ACL_IS_ELEVATED | ACL_SEALED_REMOVAL)) {
			hint_withdraw(rq, out);
			return;
		}
		/* fall through */
	case BECAUSE_MASKED:
		buf_adds(out, "what is filed here stays; file a new revision, or ask a root administrator to withdraw it");
		return;
	case BECAUSE_INVALID:
		buf_adds(out, "an administrator repairs ");
		add_src(out, d->src);
		buf_adds(out, "; \"zddc check\" shows what is wrong");
		return;
	case BECAUSE_FROZEN:
		buf_adds(out, d->admin ? "act as an elevated administrator (zddc elevate --reason TEXT), or wait" : "wait, or ask an administrator");
		return;
	case BECAUSE_DENIED:
	case BECAUSE_STRICT:
		hint_denied(d, out);
		return;
	case BECAUSE_WHEN:
		hint_condition(p, rq, d, out);
		return;
	case BECAUSE_NO_PROVENANCE:
		buf_adds(out, "say where the change comes from: zddc with --provenance URI -- COMMAND");
		return;
	case BECAUSE_NEEDS_OWNER:
		buf_adds(out, "have your user added to identities.yaml");
		return;
	case BECAUSE_GRANT:
	case BECAUSE_VISIBLE:
	case BECAUSE_ELEVATED:
	case BECAUSE_STANDING:
	case BECAUSE_FILER:
	case BECAUSE_CREATOR:
	case BECAUSE_NO_POLICY:
	case BECAUSE_NOT_FILER:
	case BECAUSE_MISSING:
	case BECAUSE_NO_ENTRY:
	case BECAUSE_UNSEEN:
	case BECAUSE_COUNT:
		break;
	}
	hint_change(p, rq, op, path, d, view, out);
}

/* ---- the full text ---- */

struct role_names {
	struct buf *out;
	bool json, any;
};

static void add_role_name(void *arg, const char *role, struct acl_src src)
{
	struct role_names *r = arg;
	(void)src;
	if (r->json) {
		json_sep(r->out);
		json_str(r->out, role);
	} else {
		buf_addf(r->out, "%s%s", r->any ? ", " : " (", role);
	}
	r->any = true;
}

/* "  word   verbs  what            file:line" */
static void add_row(struct buf *out, const char *word, const char *verbs, const char *what, struct acl_src src)
{
	buf_addf(out, "  %-6s %-6s %-38s ", word, verbs, what);
	add_src(out, src);
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	buf_addc(out, '\n');
}

static void text_grant(const struct acl_decision *d, struct buf *out)
{
	char verbs[8];
	AUTO_BUF what = BUF_INIT;
	if (!d->grant.file) {
		add_row(out, "grant", "-", "no entry matches", (struct acl_src){0});
		return;
	}
	if (d->grant_role)
		buf_addf(&what, "role %s", d->grant_role);
	else
		buf_adds(&what, d->grant_entry);
	add_row(out, "grant", d->granted ? verbs_print(d->granted, verbs) : "\"\"", buf_str(&what), d->grant);
	if (d->member && d->src.file == d->grant.file && d->src.line == d->grant.line) {
		buf_reset(&what);
		buf_addf(&what, "member by %s", d->member);
		add_row(out, "", "", buf_str(&what), d->role_src);
	}
}

static void text_rows(const struct acl_request *rq, const struct acl_decision *d, struct buf *out)
{
	char needs[8], has[8];
	if (rq->needed && !(rq->flags & ACL_IS_NEVER))
		buf_addf(out, "  needs  %-6s has  %s\n", verbs_print(rq->needed, needs), verbs_or_none(d->effective, has));
	text_grant(d, out);
	if (d->zone)
		add_row(out, "mask", d->filer ? "rc" : "r", d->filer ? "worm: write-once, and you file here" : "worm: write-once", d->mask);
	if (d->condition)
		add_row(out, "when", "", d->condition, d->when);
	if (d->reason != BECAUSE_GRANT && d->reason != BECAUSE_MISSING && d->reason != BECAUSE_NO_ENTRY)
		add_row(out, "why", "", acl_reasons[d->reason].text, d->src);
}

static void explain_text(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op,
			 const char *path, const struct acl_view *view, struct buf *out)
{
	struct role_names roles = {.out = out};
	AUTO_BUF hint = BUF_INIT;
	buf_addf(out, "%s  %s  ", d->allowed ? "allowed" : "denied ", acl_ops[op].name);
	escape_adds(out, *path ? path : ".");
	buf_addf(out, "   %s", who_text(rq->who));
	acl_roles(p, rq->who, add_role_name, &roles);
	buf_adds(out, roles.any ? ")\n" : "\n");
	text_rows(rq, d, out);
	acl_hint(p, rq, d, op, path, view, &hint);
	if (hint.len)
		buf_addf(out, "hint: %s\n", buf_str(&hint));
}

static void json_src(struct buf *out, const char *key, struct acl_src src)
{
	json_key(out, key);
	if (!src.file) {
		buf_adds(out, "null");
		return;
	}
	buf_addc(out, '{');
	json_kv(out, "file", src.file);
	json_kv_int(out, "line", src.line);
	buf_addc(out, '}');
}

static void json_verbs(struct buf *out, const char *key, verbset v)
{
	char verbs[8];
	json_kv(out, key, verbs_print(v, verbs));
}

static void explain_json(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op,
			 const char *path, const struct acl_view *view, struct buf *out)
{
	struct role_names roles = {.out = out, .json = true};
	AUTO_BUF hint = BUF_INIT;
	buf_addc(out, '{');
	json_kv_bool(out, "allowed", d->allowed);
	json_kv(out, "op", acl_ops[op].name);
	json_kv(out, "path", *path ? path : ".");
	json_kv(out, "principal", rq->who->email);
	json_key(out, "roles");
	buf_addc(out, '[');
	acl_roles(p, rq->who, add_role_name, &roles);
	buf_addc(out, ']');
	json_kv(out, "reason", acl_reasons[d->reason].word);
	json_kv(out, "text", acl_reasons[d->reason].text);
	json_kv_int(out, "errno", d->err);
	json_verbs(out, "needs", rq->needed);
	json_verbs(out, "has", d->effective);
	json_verbs(out, "granted", d->granted);
	json_verbs(out, "missing", d->missing);
	json_src(out, "src", d->src);
	json_kv(out, "entry", d->entry);
	json_kv_int(out, "level", d->level);
	json_src(out, "grant", d->grant);
	json_kv(out, "grant_entry", d->grant_entry);
	json_kv(out, "role", d->role);
	json_src(out, "role_src", d->role_src);
	json_kv(out, "member", d->member);
	json_kv_bool(out, "admin", d->admin);
	json_kv_bool(out, "zone", d->zone);
	json_kv_bool(out, "filer", d->filer);
	json_src(out, "mask", d->zone ? d->mask : (struct acl_src){0});
	json_kv(out, "condition", d->condition);
	json_src(out, "when", d->when);
	json_kv(out, "policy_hash", acl_policy_hash(p));
	acl_hint(p, rq, d, op, path, view, &hint);
	json_kv(out, "hint", hint.len ? buf_str(&hint) : NULL);
	buf_addc(out, '}');
}

void acl_explain(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op,
		 const char *path, const struct acl_view *view, enum acl_format format, struct buf *out)
{
	if (format == ACL_JSON)
		explain_json(p, rq, d, op, path, view, out);
	else
		explain_text(p, rq, d, op, path, view, out);
}
