/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Membership of roles (SPEC section 3, rule 3): united upwards from the level that names the role, stopped by reset and fences. What a
 * principal is listed in is collected once for a policy and then looked up by name, however many levels and lists name roles.
 */
#include <string.h>

#include "acl/policy.h"
#include "base/cleanup.h"
#include "base/str.h"

/* May a definition that lands in c count for a role named on 'level'? */
static bool counts(const struct contrib *c, int level, bool through)
{
	if (level < 0) /* the root's last valid text stands on the defaults alone */
		return c->level < 0 || (c->depth == DEPTH_DEFAULTS && c->level == 0);
	if (c->level > level || c->level < 0)
		return false;
	return through || contrib_visible(c, level);
}

/* Of each level between, what the strongest source that speaks of it says of reset. */
bool role_reaches(const struct acl_policy *p, const char *role, int defined, int level, bool through)
{
	int settled = -1;
	for (size_t i = p->has_reset ? p->n : 0; i-- > 0 && p->c[i].level > defined;) {
		const struct contrib *c = &p->c[i];
		if (!c->body->says_reset || c->level == settled || !counts(c, level, through))
			continue;
		const struct role *r = body_role(c->body, role);
		if (!r || r->reset < 0)
			continue;
		if (r->reset)
			return false;
		settled = c->level;
	}
	return true;
}

bool role_each_member(const struct acl_policy *p, const char *role, int level, bool through, role_member_fn *each, void *arg)
{
	for (size_t i = p->n; i-- > 0;) {
		const struct contrib *c = &p->c[i];
		const struct role *r = counts(c, level, through) ? body_role(c->body, role) : NULL;
		if (!r || !role_reaches(p, role, c->level, level, through))
			continue;
		for (size_t k = 0; k < r->members.n; k++)
			if (each(arg, &r->members.v[k], c->body->doc->file))
				return true;
	}
	return false;
}

static bool somebody(void *arg, const struct pattern *member, const char *file)
{
	(void)arg, (void)member, (void)file;
	return true;
}

enum acl_role_state acl_role_state(const struct acl_policy *p, const char *name, bool in_list)
{
	enum acl_role_state state = ACL_ROLE_UNKNOWN;
	AUTO_FREE char *role = strdup(name);
	if (!role)
		abort();
	str_lower(role);
	bool through = in_list || (p->n && role_is_mandated(&p->c[p->n - 1], role));
	if (role_each_member(p, role, p->level, through, somebody, NULL))
		return ACL_ROLE_MEMBERS;
	for (size_t i = 0; state == ACL_ROLE_UNKNOWN && i < p->n; i++)
		if (counts(&p->c[i], p->level, through) && body_role(p->c[i].body, role))
			state = ACL_ROLE_EMPTY;
	return state;
}

const char *acl_role_near(const struct acl_policy *p, const char *name)
{
	enum { MOST = 64 };
	const char *names[MOST];
	size_t n = 0;
	for (size_t i = p->n; i-- > 0;)
		for (size_t k = 0; counts(&p->c[i], p->level, true) && n < MOST && k < p->c[i].body->n_roles; k++)
			names[n++] = p->c[i].body->roles[k].written;
	return str_nearest(name, names, n);
}

/* ---- what one principal is listed in ---- */

void held_init(struct held *h, const struct acl_policy *p, const struct acl_principal *who, const char *supposed)
{
	h->p = p;
	h->who = who;
	h->supposed = supposed;
	h->known = false;
	h->n = 0;
	h->arena = (struct arena)ARENA_INIT;
	h->by_name = (struct names){0};
}

void held_free(struct held *h) { arena_free(&h->arena); }

static void add(struct held *h, const struct role *r, const struct pattern *member, size_t from)
{
	struct held_role *above = names_get(&h->by_name, r->name);
	if (above && above->from == from)
		return; /* by another member of the same list */
	struct held_role *x = h->n < HELD_FEW ? &h->few[h->n] : arena_new(&h->arena, struct held_role);
	*x = (struct held_role){r, member, from, above};
	h->n++;
	names_put(&h->by_name, &h->arena, r->name, x);
}

static void add_from(struct held *h, size_t from)
{
	const struct body *b = h->p->c[from].body;
	struct pattern_walk w;
	pattern_walk_start(&w, &b->member_index, h->who);
	for (int k = pattern_walk_next(&w); k >= 0; k = pattern_walk_next(&w))
		add(h, &b->roles[b->member_role[k]], b->member_index.item[k], from);
	const struct role *as_if = h->supposed ? body_role(b, h->supposed) : NULL;
	if (as_if)
		add(h, as_if, NULL, from);
}

const struct names *held_roles(struct held *h)
{
	if (h->known)
		return &h->by_name;
	h->known = true;
	memset(h->slots, 0, sizeof(h->slots));
	h->by_name = (struct names){.slot = h->slots, .mask = HELD_SLOTS - 1};
	for (size_t i = 0; h->who->email && i < h->p->n; i++)
		if (h->p->c[i].body->n_roles)
			add_from(h, i);
	return &h->by_name;
}

bool role_holds(struct held *h, const char *role, int level, bool through, struct membership *out)
{
	const struct acl_policy *p = h->p;
	for (const struct held_role *x = names_get(held_roles(h), role); x; x = x->above) {
		const struct contrib *c = &p->c[x->from];
		if (!counts(c, level, through) || !role_reaches(p, role, c->level, level, through))
			continue;
		*out = (struct membership){x->role, x->member, c->body->doc->file};
		return true;
	}
	return false;
}

/* Each role once: where its deepest visible definition stands. */
static bool defined_deeper(const struct acl_policy *p, size_t i, const char *role)
{
	for (size_t j = i + 1; j < p->n; j++)
		if (counts(&p->c[j], p->level, false) && body_role(p->c[j].body, role))
			return true;
	return false;
}

void acl_roles(const struct acl_policy *p, const struct acl_principal *who,
	       void (*each)(void *arg, const char *role, struct acl_src src), void *arg)
{
	struct held h;
	held_init(&h, p, who, NULL);
	for (size_t i = 0; i < p->n; i++) {
		const struct body *b = p->c[i].body;
		for (size_t k = 0; counts(&p->c[i], p->level, false) && k < b->n_roles; k++) {
			struct membership m;
			const char *name = b->roles[k].name;
			if (role_holds(&h, name, p->level, false, &m) && !defined_deeper(p, i, name))
				each(arg, b->roles[k].written, (struct acl_src){m.file, m.member->line});
		}
	}
	held_free(&h);
}
