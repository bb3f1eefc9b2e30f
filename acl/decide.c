/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decision (SPEC section 3): what the cascade gives a principal, then the fixed order of rule 7. */
#include <errno.h>
#include <string.h>

#include "acl/policy.h"

enum { VERB_BITS = 5 };

/* A matched entry and, if it matched through a role, the membership. rank orders candidates: stronger source, then earlier line. */
struct found {
	const struct body *body;
	const struct pattern *entry;
	struct membership via;
	size_t rank;
};

struct acl_rights {
	verbset granted;
	bool matched, denied, strict;
	int level;
	struct found first, deny, by_verb[VERB_BITS], strict_deny;
	bool admin, root_admin, filer;
	int admin_level; /* the deepest that names the principal */
	struct found admin_by, filer_by;
};

size_t acl_rights_size(void) { return sizeof(struct acl_rights); }

struct compute {
	const struct acl_policy *p;
	const struct acl_principal *who;
	const struct acl_whatif *whatif;
	struct acl_rights *out;
	struct held held;
};

static void keep_better(struct found *slot, const struct found *f)
{
	bool stronger = f->rank > slot->rank, same = f->rank == slot->rank;
	if (!slot->entry || stronger || (same && f->entry->line < slot->entry->line))
		*slot = *f;
}

/* ---- the deepest level with a match ---- */

static void note_grant(struct compute *c, size_t i, const struct grant *g, const struct membership *via)
{
	struct found f = {c->p->c[i].body, &g->who, {0}, i};
	struct acl_rights *r = c->out;
	if (via)
		f.via = *via;
	r->matched = true;
	r->level = c->p->c[i].level;
	r->granted |= g->verbs;
	keep_better(&r->first, &f);
	if (!g->verbs) {
		r->denied = true;
		keep_better(&r->deny, &f);
	}
	for (int v = 0; v < VERB_BITS; v++)
		if (g->verbs & 1u << v)
			keep_better(&r->by_verb[v], &f);
}

static void match_patterns(struct compute *c, size_t i)
{
	const struct body *b = c->p->c[i].body;
	struct pattern_walk w;
	pattern_walk_start(&w, &b->grant_index, c->who);
	for (int k = pattern_walk_next(&w); k >= 0; k = pattern_walk_next(&w))
		if (!grant_overridden(c->p, i, b->grants[k].who.key, true))
			note_grant(c, i, &b->grants[k], NULL);
}

bool role_is_mandated(const struct contrib *c, const char *role)
{
	for (size_t i = 0; c->mandated && i < c->mandated->n; i++)
		if (!strcmp(c->mandated->v[i].text, role))
			return true;
	return false;
}

/* The entry of contribution i that names a role, if the principal is in it as seen from there. */
static void match_role(struct compute *c, size_t i, const struct grant *g)
{
	const struct contrib *at = &c->p->c[i];
	const char *role = g->who.text;
	struct membership via;
	if (!grant_overridden(c->p, i, g->who.key, true) && role_holds(&c->held, role, at->level, role_is_mandated(at, role), &via))
		note_grant(c, i, g, &via);
}

/* From whichever are fewer: the roles that the principal is listed in, or those that the entries name. */
static void match_roles(struct compute *c, size_t i)
{
	const struct body *b = c->p->c[i].body;
	const struct names *roles = b->n_role_grants ? held_roles(&c->held) : NULL;
	if (!roles || !roles->n)
		return;
	for (size_t k = 0; roles->n > b->n_role_grants && k < b->n_grants; k++)
		if (b->grants[k].who.kind == PAT_ROLE)
			match_role(c, i, &b->grants[k]);
	if (roles->n > b->n_role_grants)
		return;
	names_each(held, roles) {
		const struct grant *g = body_grant(b, ((const struct held_role *)held->value)->role->key);
		if (g)
			match_role(c, i, g);
	}
}

static void match_level(struct compute *c, int level)
{
	const struct acl_policy *p = c->p;
	for (size_t i = p->n; i-- > 0 && p->c[i].level >= level;)
		if (p->c[i].level == level && p->c[i].seen && p->c[i].body->n_grants) {
			match_patterns(c, i);
			match_roles(c, i);
		}
}

static void match_cascade(struct compute *c)
{
	for (int level = c->p->level; level >= 0 && !c->out->matched; level--)
		match_level(c, level);
	if (c->out->denied)
		c->out->granted = 0;
	else if (c->whatif)
		c->out->granted |= c->whatif->grant;
}

/* ---- strict: a denial anywhere is absolute, past fences, its roles resolved through them ---- */

static bool entry_matches(struct compute *c, const struct pattern *e, int level, struct membership *via)
{
	return e->kind == PAT_ROLE ? role_holds(&c->held, e->text, level, true, via) : pattern_matches(e, c->who);
}

static void find_strict_denial(struct compute *c)
{
	for (size_t i = 0; i < c->p->n; i++) {
		const struct body *b = c->p->c[i].body;
		for (size_t k = 0; b->has_deny && c->p->c[i].level >= 0 && k < b->n_grants; k++) {
			struct found f = {b, &b->grants[k].who, {0}, i};
			if (b->grants[k].verbs || grant_overridden(c->p, i, f.entry->key, false))
				continue;
			if (!entry_matches(c, f.entry, c->p->c[i].level, &f.via))
				continue;
			c->out->strict = true;
			keep_better(&c->out->strict_deny, &f);
		}
	}
}

/* ---- admins: and worm: lists ---- */

static bool list_names(struct compute *c, size_t i, const struct pattern_list *list, struct found *out)
{
	struct pattern_walk w;
	*out = (struct found){.body = c->p->c[i].body, .rank = i};
	if (!list->n || !c->who->email)
		return false;
	pattern_walk_start(&w, &list->index, c->who);
	int k = pattern_walk_next(&w);
	if (k >= 0) {
		out->entry = &list->v[k];
		return true;
	}
	for (size_t j = 0; list->n_roles && held_roles(&c->held)->n && j < list->n; j++)
		if (list->v[j].kind == PAT_ROLE && role_holds(&c->held, list->v[j].text, c->p->c[i].level, true, &out->via)) {
			out->entry = &list->v[j];
			return true;
		}
	return false;
}

static void find_admin(struct compute *c)
{
	const struct acl_policy *p = c->p;
	struct found f;
	c->out->admin_level = -1;
	for (size_t i = 0; i < p->n; i++) {
		int level = p->c[i].level;
		if (p->invalid_level >= 0 && level >= p->invalid_level)
			continue;
		if (!list_names(c, i, &p->c[i].body->admins, &f))
			continue;
		c->out->admin = true;
		c->out->root_admin |= level <= 0;
		c->out->admin_level = level > 0 ? level : 0;
		c->out->admin_by = f;
	}
}

static void find_filer(struct compute *c)
{
	struct found f;
	for (size_t i = c->p->n; c->p->zone && !c->out->filer && i-- > 0;)
		if (!c->p->c[i].cut && c->p->c[i].level >= 0 && list_names(c, i, &c->p->c[i].body->worm, &f)) {
			c->out->filer = true;
			c->out->filer_by = f;
		}
}

/* Not the whole of it is cleared: most of 'held' is room that few decisions need. */
static void compute_init(struct compute *c, const struct acl_policy *p, const struct acl_principal *who, const struct acl_whatif *whatif,
			 struct acl_rights *out)
{
	c->p = p;
	c->who = who;
	c->whatif = whatif;
	c->out = out;
	held_init(&c->held, p, who, whatif ? whatif->role : NULL);
	memset(out, 0, sizeof(*out));
	out->level = -1;
}

static void compute_rights(const struct acl_policy *p, const struct acl_principal *who, const struct acl_whatif *whatif,
			   struct acl_rights *out)
{
	struct compute c;
	compute_init(&c, p, who, whatif, out);
	find_admin(&c);
	if (p->invalid_level < 0) {
		match_cascade(&c);
		find_filer(&c);
	}
	if (p->invalid_level < 0 && p->acl->strict)
		find_strict_denial(&c);
	held_free(&c.held);
}

void acl_rights_compute(const struct acl_policy *p, const struct acl_principal *who, struct acl_rights *out)
{
	compute_rights(p, who, NULL, out);
}

/* ---- the order of rule 7 ---- */

static struct acl_src src_of(const struct found *f)
{
	return f->entry ? (struct acl_src){f->body->doc->file, f->entry->line} : (struct acl_src){0};
}

static void name_entry(struct acl_decision *d, const struct found *f)
{
	d->src = src_of(f);
	d->entry = f->entry ? f->entry->written : NULL;
	if (f->via.role) {
		d->role = f->via.role->written;
		d->role_src = (struct acl_src){f->via.file, f->via.member ? f->via.member->line : f->via.role->line};
		d->member = f->via.member ? f->via.member->written : NULL;
	}
}

/* Which of the matched entries to show for these verbs: one that gives the first of them, else the first that matched. */
static const struct found *grant_for(const struct acl_rights *r, verbset verbs)
{
	if (r->denied)
		return &r->deny;
	for (int v = 0; v < VERB_BITS; v++)
		if (verbs & 1u << v && r->by_verb[v].entry)
			return &r->by_verb[v];
	return &r->first;
}

static struct acl_decision refuse(struct acl_decision d, enum acl_reason why)
{
	d.allowed = false;
	d.reason = why;
	d.err = acl_reasons[why].err;
	return d;
}

static struct acl_decision allow(struct acl_decision d, enum acl_reason why)
{
	d.allowed = true;
	d.reason = why;
	d.missing = 0;
	return d;
}

/* A verb that the operation does not need is judged as an operation of its own kind would be. */
struct verb_attrs {
	struct acl_attrs of[VERB_BITS];
};

static void verb_attributes(const struct acl_policy *p, const struct acl_request *rq, struct verb_attrs *out)
{
	static const enum acl_risk usual[VERB_BITS] = {
#define VERB(id, letter, bit, risk, text) [bit] = ACL_RISK_##risk,
#include "acl/verbs.def"
#undef VERB
	};
	for (int v = 0; v < VERB_BITS; v++)
		out->of[v] = attributes_for(p, rq->attrs, rq->needed & 1u << v ? rq->risk : usual[v]);
}

/* Those of 'verbs' for which the condition does not hold. */
static verbset fails_for(const struct when_rule *w, verbset verbs, const struct verb_attrs *a, const struct acl_principal *who)
{
	verbset lost = 0;
	for (int v = 0; v < VERB_BITS; v++)
		if (verbs & 1u << v && !when_holds(w, &a->of[v], who))
			lost |= (verbset)(1u << v);
	return lost;
}

/* Verbs that a failing condition of any level and source takes away: a condition never brings one back. Remembers the first that takes one of 'wanted'. */
static verbset failing_conditions(const struct acl_policy *p, const struct acl_request *rq, verbset wanted, struct acl_decision *d)
{
	verbset lost = 0;
	struct verb_attrs attrs;
	verb_attributes(p, rq, &attrs);
	for (size_t i = 0; i < p->n; i++) {
		const struct body *b = p->c[i].body;
		if (p->c[i].cut || p->c[i].level < 0 || !b->n_when)
			continue;
		for (size_t k = 0; k < b->n_when; k++) {
			verbset verbs = fails_for(&b->when[k], b->when[k].verbs & d->effective, &attrs, rq->who);
			lost |= verbs;
			if (!d->condition && verbs & wanted) {
				d->condition = b->when[k].written;
				d->when = (struct acl_src){b->doc->file, b->when[k].line};
			}
		}
	}
	return lost;
}

/* Cascade, zone mask, conditions: what is left of the grant. */
static void hold(const struct acl_policy *p, const struct acl_rights *r, const struct acl_request *rq, struct acl_decision *d)
{
	d->granted = r->strict ? 0 : r->granted;
	d->effective = d->granted;
	d->zone = p->zone;
	d->filer = r->filer && !r->strict;
	d->mask = p->zone_src;
	if (p->zone)
		d->effective = (verbset)((d->granted & V_R) | (d->filer ? V_R | V_C : 0));
	if (p->has_when)
		d->effective &= (verbset)~failing_conditions(p, rq, rq->needed, d);
}

static bool enough(const struct acl_request *rq, verbset have)
{
	if (!rq->needed)
		return have != 0;
	return rq->flags & ACL_ANY_VERB ? (have & rq->needed) != 0 : (rq->needed & ~have) == 0;
}

/* Why the verbs are not there, the nearest cause first. */
static struct acl_decision refuse_missing(const struct acl_policy *p, const struct acl_rights *r, const struct acl_request *rq,
					  struct acl_decision d)
{
	verbset masked = (verbset)(p->zone ? (V_W | V_D | V_A) & d.missing : 0);
	if (r->strict) {
		name_entry(&d, &r->strict_deny);
		d.level = p->c[r->strict_deny.rank].level;
		return refuse(d, BECAUSE_STRICT);
	}
	if (d.condition) {
		d.src = d.when;
		d.entry = d.condition;
		return refuse(d, BECAUSE_WHEN);
	}
	if (masked && !(rq->flags & ACL_ANY_VERB)) {
		d.src = p->zone_src;
		d = refuse(d, BECAUSE_MASKED);
		d.err = rq->flags & ACL_POLICY_FILE ? EACCES : EPERM; /* .zddc: administrators may, so it is not "nobody" */
		return d;
	}
	if (p->zone && d.missing & V_C) {
		d.src = p->zone_src;
		return refuse(d, BECAUSE_NOT_FILER);
	}
	name_entry(&d, grant_for(r, d.missing));
	return refuse(d, r->denied ? BECAUSE_DENIED : r->matched ? BECAUSE_MISSING : BECAUSE_NO_ENTRY);
}

static struct acl_decision by_cascade(const struct acl_policy *p, const struct acl_rights *r, const struct acl_request *rq,
				      struct acl_decision d)
{
	if (!enough(rq, d.effective)) {
		if (!rq->needed && !d.condition && !r->strict)
			return refuse(d, BECAUSE_UNSEEN);
		return refuse_missing(p, r, rq, d);
	}
	bool by_list = p->zone && (rq->needed & d.effective & ~d.granted) != 0;
	name_entry(&d, by_list ? &r->filer_by : grant_for(r, rq->needed));
	return allow(d, by_list ? BECAUSE_FILER : rq->needed ? BECAUSE_GRANT : BECAUSE_VISIBLE);
}

static struct acl_decision by_sealed(const struct acl_policy *p, const struct acl_rights *r, const struct acl_request *rq,
				     struct acl_decision d)
{
	struct acl_value mode = acl_get(p, ACL_KEY_WORM_MODE);
	bool governance = p->invalid_level < 0 && (!mode.node || strcmp(mode.node->text, "compliance") != 0); /* of an invalid one nobody knows */
	governance |= (rq->flags & ACL_RETENTION_OVER) != 0;
	if (rq->flags & ACL_SEALED_REMOVAL && rq->flags & ACL_IS_ELEVATED && r->root_admin && governance) {
		name_entry(&d, &r->admin_by);
		return allow(d, BECAUSE_ELEVATED);
	}
	d.src = p->zone_src;
	return refuse(d, BECAUSE_SEALED);
}

static bool frozen(const struct acl_policy *p, const struct acl_request *rq)
{
	return rq->flags & ACL_CHANGE && rq->attrs && rq->attrs->now < p->freeze_until;
}

static struct acl_decision by_admin(const struct acl_rights *r, struct acl_decision d, enum acl_reason why)
{
	name_entry(&d, &r->admin_by);
	return allow(d, why);
}

static struct acl_decision start(const struct acl_policy *p, const struct acl_rights *r, const struct acl_request *rq)
{
	struct acl_decision d = {.needed = rq->needed, .level = r->level, .admin = r->admin};
	if (p->invalid_level < 0)
		hold(p, r, rq, &d);
	if (r->admin && rq->flags & ACL_IS_ELEVATED && p->invalid_level < 0)
		d.effective = V_ALL;
	d.missing = (verbset)(rq->needed & ~d.effective);
	const struct found *grant = grant_for(r, rq->needed);
	d.grant = src_of(grant);
	d.grant_entry = grant->entry ? grant->entry->written : NULL;
	d.grant_role = grant->via.role ? grant->via.role->written : NULL;
	return d;
}

struct acl_decision acl_decide_with(const struct acl_policy *p, const struct acl_rights *r, const struct acl_request *rq)
{
	struct acl_decision d = start(p, r, rq);
	bool standing = rq->flags & ACL_POLICY_FILE && r->admin, elevated = r->admin && rq->flags & ACL_IS_ELEVATED;
	if (rq->flags & ACL_IS_NEVER)
		return refuse(d, BECAUSE_NEVER);
	if (rq->flags & ACL_IS_RESERVED)
		return refuse(d, BECAUSE_RESERVED);
	if (rq->flags & ACL_SEALED)
		return by_sealed(p, r, rq, d);
	if (p->invalid_level >= 0 && !standing) {
		d.src = p->invalid;
		return refuse(d, BECAUSE_INVALID);
	}
	if (elevated && p->invalid_level < 0)
		return by_admin(r, d, BECAUSE_ELEVATED);
	if (frozen(p, rq) && !elevated) {
		d.src = p->freeze;
		d.freeze_until = p->freeze_until;
		return refuse(d, BECAUSE_FROZEN);
	}
	if (standing)
		return by_admin(r, d, BECAUSE_STANDING);
	return by_cascade(p, r, rq, d);
}

struct acl_decision acl_decide(const struct acl_policy *p, const struct acl_request *rq)
{
	struct acl_rights r;
	compute_rights(p, rq->who, rq->whatif, &r);
	return acl_decide_with(p, &r, rq);
}

static void compute_admin(const struct acl_policy *p, const struct acl_principal *who, struct acl_rights *out)
{
	struct compute c;
	compute_init(&c, p, who, NULL, out);
	find_admin(&c);
	held_free(&c.held);
}

bool acl_is_admin(const struct acl_policy *p, const struct acl_principal *who, struct acl_src *src)
{
	struct acl_rights r;
	compute_admin(p, who, &r);
	if (src)
		*src = src_of(&r.admin_by);
	return r.admin;
}

bool acl_is_root_admin(const struct acl_policy *p, const struct acl_principal *who)
{
	struct acl_rights r;
	compute_admin(p, who, &r);
	return r.root_admin;
}

/* No fence lies deeper than the level that names the administrator: the name may show in listings. */
bool acl_admin_unfenced(const struct acl_policy *p, const struct acl_principal *who)
{
	struct acl_rights r;
	compute_admin(p, who, &r);
	return r.admin && (!p->n_fences || p->fences[p->n_fences - 1].level <= r.admin_level);
}

struct acl_request acl_request_for(enum acl_op op, const char *name, const struct acl_principal *who, const struct acl_attrs *attrs,
				   unsigned flags)
{
	struct acl_request rq = {.who = who, .needed = acl_ops[op].verbs, .flags = flags, .risk = acl_ops[op].risk, .attrs = attrs};
	if (acl_ops[op].change)
		rq.flags |= ACL_CHANGE;
	if (op == ACL_OP_LINK || op == ACL_OP_MKNOD)
		rq.flags |= ACL_IS_NEVER;
	if (name && !strcmp(name, ".zddc"))
		rq.flags |= ACL_POLICY_FILE;
	if (name && !strcmp(name, ".zddc.d"))
		rq.flags |= acl_ops[op].change ? ACL_IS_RESERVED : 0;
	if (!(rq.flags & ACL_POLICY_FILE))
		return rq;
	rq.needed = acl_ops[op].change ? V_A : V_R | V_A;
	rq.risk = acl_ops[op].change ? ACL_RISK_POLICY_CHANGE : rq.risk;
	rq.flags |= acl_ops[op].change ? 0 : ACL_ANY_VERB;
	return rq;
}
