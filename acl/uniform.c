/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proof. Every step errs towards "mixed". */
#include <stdlib.h>
#include <string.h>

#include "acl/uniform.h"

enum { STEPS_MOST = 300000 }; /* of one proof: then it is given up */

/* ------------------------------------------------------------------ who may enter */

static void entrant_add(struct entrants *e, struct entrant x)
{
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 32;
		e->v = realloc(e->v, e->cap * sizeof(*e->v));
		if (!e->v)
			abort();
	}
	x.nameless = x.nameless && x.who->kind == PAT_GROUP;
	e->v[e->n++] = x;
}

/* A role stands for each of its members. */
struct expanding {
	struct entrants *e;
	struct entrant as;
};

static bool expand_member(void *arg, const struct pattern *member, const char *file)
{
	struct expanding *x = arg;
	struct entrant one = x->as;

	one.who = member;
	one.file = file;
	one.nameless = false;
	if (member->kind != PAT_ROLE && member->kind != PAT_ANONYMOUS) /* nobody anonymous is in a role, and roles do not nest */
		entrant_add(x->e, one);
	return false;
}

static void add_named(struct entrants *e, const struct acl_policy *p, struct entrant as, int level, bool through)
{
	struct expanding x = {e, as};

	if (as.who->kind != PAT_ROLE) {
		entrant_add(e, as);
		return;
	}
	x.as.role = as.who->written;
	role_each_member(p, as.who->text, level, through, expand_member, &x);
}

static void add_grants(struct entrants *e, const struct acl_policy *p, const struct contrib *c)
{
	const struct body *b = c->body;

	for (size_t k = 0; k < b->n_grants; k++) {
		const struct grant *g = &b->grants[k];
		struct entrant as = {.who = &g->who, .file = b->doc->file, .level = c->level, .nameless = true};

		if (!g->verbs || (p->zone && !(g->verbs & V_R)) || grant_overridden(p, (size_t)(c - p->c), g->who.key, true))
			continue;
		add_named(e, p, as, c->level, role_is_mandated(c, g->who.text));
	}
}

static void add_list(struct entrants *e, const struct acl_policy *p, const struct contrib *c, const struct pattern_list *list, bool admin)
{
	struct entrant as = {.file = c->body->doc->file, .level = c->level, .admin = admin, .filer = !admin};

	for (size_t k = 0; k < list->n; k++) {
		as.who = &list->v[k];
		if (as.who->kind != PAT_ANONYMOUS)
			add_named(e, p, as, c->level, true);
	}
}

/* Who is granted something in the directory itself, files into it or administers it. */
static void add_own(struct entrants *e, const struct acl_policy *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct contrib *c = &p->c[i];

		if (c->seen)
			add_grants(e, p, c);
		if (p->zone && !c->cut && c->level >= 0)
			add_list(e, p, c, &c->body->worm, false);
		add_list(e, p, c, &c->body->admins, true);
	}
}

/* Whoever the role may hold as seen from anywhere below: by every definition there is. */
static void expand_guest(struct entrants *e, const struct acl_policy *p, struct entrant as)
{
	struct expanding x = {e, as};

	x.as.role = as.who->written;
	for (size_t i = 0; i < p->n; i++) {
		const struct role *r = body_role(p->c[i].body, as.who->text);

		for (size_t k = 0; r && k < r->members.n; k++)
			expand_member(&x, &r->members.v[k], p->c[i].body->doc->file);
	}
	for (size_t i = 0; i < e->guests->n; i++)
		if (e->guests->v[i].how == GUEST_DEFINES && !strcmp(e->guests->v[i].role, as.who->text))
			expand_member(&x, &e->guests->v[i].who, e->guests->v[i].file);
}

static void add_guests(struct entrants *e, const struct acl_policy *p)
{
	for (size_t i = 0; i < e->guests->n; i++) {
		const struct guest *g = &e->guests->v[i];
		struct entrant as = {.who = &g->who, .file = g->file, .below = true, .nameless = g->how == GUEST_GRANT};

		if (g->how == GUEST_DEFINES || (g->how != GUEST_GRANT && g->who.kind == PAT_ANONYMOUS))
			continue;
		if (g->who.kind == PAT_ROLE)
			expand_guest(e, p, as);
		else
			entrant_add(e, as);
	}
}

static int kind_of(const struct entrant *e) { return e->admin << 3 | e->filer << 2 | e->below << 1 | e->nameless; }

static int compare(const void *x, const void *y)
{
	const struct entrant *a = x, *b = y;
	int r = strcmp(a->who->key, b->who->key);

	if (!r)
		r = a->level - b->level;
	return r ? r : kind_of(a) - kind_of(b);
}

static void entrants_unique(struct entrants *e)
{
	size_t kept = 0;

	if (e->n)
		qsort(e->v, e->n, sizeof(*e->v), compare);
	for (size_t i = 0; i < e->n; i++)
		if (!kept || compare(&e->v[kept - 1], &e->v[i]))
			e->v[kept++] = e->v[i];
	e->n = kept;
}

struct entrants *entrants_of(const struct acl_policy *p, const struct guests *below)
{
	struct entrants *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->everybody = !p->level;
	if (e->everybody)
		return e;
	e->guests = guests_new();
	for (size_t i = 0; i < p->n_threads; i++)
		guests_add_nested(e->guests, p->threads[i].body);
	if (below)
		guests_add_all(e->guests, below);
	guests_settle(e->guests);
	e->too_many = e->guests->too_many;
	add_own(e, p);
	add_guests(e, p);
	entrants_unique(e);
	return e;
}

void entrants_free(struct entrants *e)
{
	if (!e)
		return;
	guests_unref(e->guests);
	free(e->v);
	free(e);
}

/* ------------------------------------------------------------------ what surely matches */

struct proof {
	const struct acl_policy *p; /* that decides about the name */
	verbset need; /* one of these is enough to see it */
	bool masked; /* a zone: only what V_R gives counts, or the filers' list */
	size_t steps;
	struct held *held; /* the roles of the address that is being looked at; NULL: it is none */
	const struct grant *in_way; /* an empty grant, or one without the verb, that could be meant for them */
	const struct contrib *in_way_of;
};

/* Does everybody whom q stands for match a? Neither is a role. */
static bool covers(const struct pattern *a, const struct entrant *q, bool list)
{
	const struct pattern *b = q->who;

	if (list && (q->nameless || b->kind == PAT_ANONYMOUS))
		return false;
	if (a->kind == b->kind && !strcmp(a->text, b->text))
		return true;
	if (a->kind == PAT_EVERYONE)
		return b->kind != PAT_ANONYMOUS && !q->nameless;
	return b->kind == PAT_EMAIL && (a->kind == PAT_DOMAIN || a->kind == PAT_GLOB) && pattern_glob(a->text, b->text);
}

struct covering {
	struct proof *x;
	const struct entrant *q;
};

static bool member_covers(void *arg, const struct pattern *member, const char *file)
{
	struct covering *c = arg;

	(void)file;
	c->x->steps++;
	return member->kind != PAT_ROLE && covers(member, c->q, true);
}

/* Is the entry sure to match q, as seen from the level on which it stands? */
static bool entry_covers(struct proof *x, const struct contrib *c, const struct pattern *entry, const struct entrant *q, bool list)
{
	struct covering each = {x, q};

	struct membership by;
	bool through;

	x->steps++;
	if (entry->kind != PAT_ROLE)
		return covers(entry, q, list);
	through = list || role_is_mandated(c, entry->text);
	if (x->held)
		return role_holds(x->held, entry->text, c->level, through, &by);
	return role_each_member(x->p, entry->text, c->level, through, member_covers, &each);
}

/* An address is found by hash; which groups its owner is in nobody knows. */
static bool members_may_meet(struct proof *x, const struct pattern_list *members, const struct entrant *q)
{
	struct acl_principal who = {.email = q->who->text};
	struct pattern_walk w;

	if (q->who->kind == PAT_EMAIL && !members->index.groups) {
		pattern_walk_start(&w, &members->index, &who);
		return pattern_walk_next(&w) >= 0;
	}
	for (size_t k = 0; k < members->n; k++, x->steps++)
		if (patterns_may_meet(&members->v[k], q->who))
			return true;
	return false;
}

/* Could the entry match anybody whom q stands for? By every definition of a role there is. */
static bool entry_may_meet(struct proof *x, const struct pattern *entry, const struct entrant *q)
{
	x->steps++;
	if (entry->kind != PAT_ROLE)
		return patterns_may_meet(entry, q->who);
	for (size_t i = 0; i < x->p->n; i++) {
		const struct role *r = body_role(x->p->c[i].body, entry->text);

		if (r && members_may_meet(x, &r->members, q))
			return true;
	}
	return false;
}

/* What one level says of q. */
struct level_says {
	verbset sure; /* of the entries that match all of q */
	bool decides, denies; /* there is such an entry; one of them is empty */
	bool may_deny, may_lack; /* an empty entry, or one without the needed verbs, may match some of q */
};

static void note(struct proof *x, const struct contrib *c, const struct grant *g, const struct entrant *q, struct level_says *s)
{
	if (entry_covers(x, c, &g->who, q, false)) {
		s->decides = true;
		s->denies |= !g->verbs;
		s->sure |= g->verbs;
	}
	if ((g->verbs & x->need) || !entry_may_meet(x, &g->who, q))
		return;
	s->may_deny |= !g->verbs;
	s->may_lack = true;
	if (!x->in_way || !g->verbs) {
		x->in_way = g;
		x->in_way_of = c;
	}
}

static struct level_says ask_level(struct proof *x, int level, const struct entrant *q)
{
	const struct acl_policy *p = x->p;
	struct level_says s = {0};

	for (size_t i = p->n; i-- > 0 && p->c[i].level >= level;)
		for (size_t k = 0; p->c[i].level == level && p->c[i].seen && k < p->c[i].body->n_grants; k++)
			if (!grant_overridden(p, i, p->c[i].body->grants[k].who.key, true))
				note(x, &p->c[i], &p->c[i].body->grants[k], q, &s);
	return s;
}

/* The deepest level with a matching entry decides alone: whom it does not match for sure goes on to the level above. */
static bool sure_by_cascade(struct proof *x, const struct entrant *q)
{
	for (int level = x->p->level; level >= 0; level--) {
		struct level_says s = ask_level(x, level, q);

		if (s.may_deny)
			return false;
		if (s.sure & x->need)
			return true;
		if (s.may_lack)
			return false;
	}
	return false;
}

/* Worm lists give r in a zone, whatever the cascade says. */
static bool sure_by_filing(struct proof *x, const struct entrant *q)
{
	const struct acl_policy *p = x->p;

	for (size_t i = 0; p->zone && i < p->n; i++) {
		const struct pattern_list *worm = &p->c[i].body->worm;

		for (size_t k = 0; !p->c[i].cut && p->c[i].level >= 0 && k < worm->n; k++)
			if (entry_covers(x, &p->c[i], &worm->v[k], q, true))
				return true;
	}
	return false;
}

/* -o strict: an empty grant anywhere on the way, past fences. */
static bool may_be_denied_strictly(struct proof *x, const struct entrant *q)
{
	const struct acl_policy *p = x->p;

	for (size_t i = 0; p->acl->strict && i < p->n; i++) {
		const struct body *b = p->c[i].body;

		for (size_t k = 0; b->has_deny && p->c[i].level >= 0 && k < b->n_grants; k++)
			if (!b->grants[k].verbs && !grant_overridden(p, i, b->grants[k].who.key, false) && entry_may_meet(x, &b->grants[k].who, q)) {
				x->in_way = &b->grants[k];
				x->in_way_of = &p->c[i];
				return true;
			}
	}
	return false;
}

static bool sure(struct proof *x, const struct entrant *q)
{
	x->in_way = NULL;
	if (may_be_denied_strictly(x, q))
		return false;
	return sure_by_filing(x, q) || sure_by_cascade(x, q);
}

/* Looks the roles of an address up once for all entries that name roles. */
static bool with_roles(struct proof *x, const struct entrant *q, bool (*ask)(struct proof *x, const struct entrant *q))
{
	struct acl_principal who = {.email = q->who->text};
	struct held held;
	bool r;

	if (q->who->kind != PAT_EMAIL)
		return ask(x, q);
	held_init(&held, x->p, &who, NULL);
	x->held = &held;
	r = ask(x, q);
	x->held = NULL;
	held_free(&held);
	return r;
}

/* ------------------------------------------------------------------ who really enters by an entry of his */

/*
 * An entry on which everybody whom it names has a deeper one, or one that denies them beside it, lets nobody in: by the deeper one they
 * come, and that is an entrant of its own.
 */
static bool is_superseded(struct proof *x, const struct entrant *q)
{
	if (q->admin || q->filer || q->below)
		return false;
	for (int level = x->p->level; level >= q->level; level--) {
		struct level_says s = ask_level(x, level, q);

		if (s.denies || (s.decides && level > q->level))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ verdicts */

static uint32_t when_takes(const struct body *b, verbset verbs)
{
	for (size_t k = 0; k < b->n_when; k++)
		if (b->when[k].verbs & verbs)
			return b->when[k].line;
	return 0;
}

/* A condition that takes away r, wherever it stands; of the other verbs none then counts. */
static bool reading_is_conditional(const struct acl_policy *p, struct acl_src *src)
{
	for (size_t i = 0; p->has_when && i < p->n; i++) {
		uint32_t line = p->c[i].cut || p->c[i].level < 0 ? 0 : when_takes(p->c[i].body, V_R);

		if (line) {
			*src = (struct acl_src){p->c[i].body->doc->file, line};
			return true;
		}
	}
	return false;
}

static struct acl_verdict mixed(enum acl_class_why why) { return (struct acl_verdict){.class = ACL_MIXED, .why = why}; }

static struct acl_verdict fails(const struct proof *x, const struct entrant *q)
{
	bool denied = x->in_way && !x->in_way->verbs;
	struct acl_verdict v = mixed(q->below ? CLASS_PASSES : q->admin ? CLASS_ADMIN : denied ? CLASS_DENIED : CLASS_NOT_SURE);

	v.who = q->who->written;
	v.role = q->role;
	v.who_src = (struct acl_src){q->file, q->who->line};
	if (x->in_way)
		v.src = (struct acl_src){x->in_way_of->body->doc->file, x->in_way->who.line};
	return v;
}

/* The root is entered by everybody: both kinds of callers must see the name. */
static struct acl_verdict prove_everybody(struct proof *x)
{
	static const struct pattern named = {PAT_EVERYONE, "*", "*", "*", 0}, nameless = {PAT_ANONYMOUS, "anonymous", "anonymous", "anonymous", 0};

	if (sure(x, &(struct entrant){.who = &named}) && sure(x, &(struct entrant){.who = &nameless}))
		return (struct acl_verdict){.class = ACL_UNIFORM, .why = CLASS_ALL_SEE};
	return mixed(CLASS_EVERYBODY);
}

/* Administrators enter every directory below; they find it in the listing unless a fence lies deeper than what names them. */
static bool sees_by_right(const struct acl_policy *dir, const struct entrant *q)
{
	return q->admin && (!dir->n_fences || dir->fences[dir->n_fences - 1].level <= q->level);
}

/* 'here' governs the directory; the name in it is decided by x->p. */
static struct acl_verdict prove_each(struct proof *x, const struct acl_policy *here, const struct entrants *e, bool files)
{
	struct proof enters = {.p = here, .need = V_ALL};
	struct acl_verdict v = {.class = ACL_UNIFORM, .why = CLASS_ALL_SEE};

	for (size_t i = 0; i < e->n && v.class != ACL_MIXED; i++) {
		const struct entrant *q = &e->v[i];

		if (x->steps + enters.steps > STEPS_MOST)
			return mixed(CLASS_TOO_MANY);
		if ((!files && sees_by_right(x->p, q)) || with_roles(x, q, sure))
			continue;
		struct acl_verdict why = fails(x, q);
		if (with_roles(&enters, q, is_superseded))
			continue;
		if (why.why == CLASS_ADMIN && files)
			why.class = ACL_UNIFORM_BUT_ADMINS;
		if (v.class == ACL_UNIFORM || why.class == ACL_MIXED)
			v = why;
	}
	return v;
}

static struct acl_verdict prove(const struct acl_policy *here, const struct acl_policy *decides, const struct entrants *e, bool files)
{
	struct proof x = {.p = decides, .need = files || decides->zone || decides->has_when ? V_R : V_ALL};
	struct acl_verdict v = mixed(CLASS_INVALID);

	if (decides->invalid_level >= 0) {
		v.src = decides->invalid;
		return v;
	}
	v.why = CLASS_WHEN;
	if (reading_is_conditional(decides, &v.src))
		return v;
	if (here->virt.kind != ACL_VIRTUAL_NONE)
		return mixed(CLASS_VIRTUAL);
	if (e->too_many)
		return mixed(CLASS_TOO_MANY);
	return e->everybody ? prove_everybody(&x) : prove_each(&x, here, e, files);
}

struct acl_verdict uniform_files(const struct acl_policy *p, const struct entrants *e) { return prove(p, p, e, true); }

struct acl_verdict uniform_dir(const struct acl_policy *child, const struct entrants *e) { return prove(child->parent, child, e, false); }
