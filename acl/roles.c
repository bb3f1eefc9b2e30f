/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Membership of roles (SPEC section 3, rule 3): united upwards from the level that names the role, stopped by reset and fences. */
#include <string.h>

#include "acl/policy.h"

/* May a definition that lands in c count for a role named on 'level'? */
static bool counts(const struct acl_policy *p, const struct contrib *c, int level, bool through)
{
	if (level < 0) /* the root's last valid text stands on the defaults alone */
		return c->level < 0 || (c->depth == DEPTH_DEFAULTS && c->level == 0);
	if (c->level > level || c->level < 0)
		return false;
	return through || contrib_visible(p, c, level);
}

/* What the strongest source that speaks of it on level 'at' says of reset. */
static bool reset_at(const struct acl_policy *p, const char *role, int at, int level, bool through)
{
	for (size_t i = p->n; i-- > 0 && p->c[i].level >= at;) {
		const struct contrib *c = &p->c[i];
		const struct role *r = c->level == at && counts(p, c, level, through) ? body_role(c->body, role) : NULL;
		if (r && r->reset >= 0)
			return r->reset;
	}
	return false;
}

bool role_reaches(const struct acl_policy *p, const char *role, int defined, int level, bool through)
{
	if (p->has_reset)
		for (int at = defined + 1; at <= level; at++)
			if (reset_at(p, role, at, level, through))
				return false;
	return true;
}

bool role_visible(const struct acl_policy *p, const char *role, int level, bool through)
{
	for (size_t i = 0; i < p->n; i++)
		if (counts(p, &p->c[i], level, through) && body_role(p->c[i].body, role))
			return true;
	return false;
}

static const struct pattern *member(const struct role *r, const struct acl_principal *who)
{
	struct pattern_walk w;
	pattern_walk_start(&w, &r->members.index, who);
	int i = pattern_walk_next(&w);
	return i < 0 ? NULL : &r->members.v[i];
}

bool role_holds(const struct acl_policy *p, const struct acl_principal *who, const char *role, int level, bool through,
		const char *supposed, struct membership *out)
{
	if (!who->email)
		return false;
	for (size_t i = p->n; i-- > 0;) {
		const struct contrib *c = &p->c[i];
		const struct role *r = counts(p, c, level, through) ? body_role(c->body, role) : NULL;
		if (!r || !role_reaches(p, role, c->level, level, through))
			continue;
		const struct pattern *m = member(r, who);
		if (m || (supposed && !strcmp(supposed, role))) {
			*out = (struct membership){r, m, c->body->doc->file};
			return true;
		}
	}
	return false;
}

struct role_list {
	const struct acl_policy *p;
	const struct acl_principal *who;
	void (*each)(void *arg, const char *role, struct acl_src src);
	void *arg;
};

/* Each role once: where its deepest visible definition stands. */
static bool defined_deeper(const struct acl_policy *p, size_t i, const char *role)
{
	for (size_t j = i + 1; j < p->n; j++)
		if (counts(p, &p->c[j], p->level, false) && body_role(p->c[j].body, role))
			return true;
	return false;
}

static void list_roles_of(const struct role_list *l, size_t i)
{
	const struct body *b = l->p->c[i].body;
	for (size_t k = 0; k < b->n_roles; k++) {
		struct membership m;
		const char *name = b->roles[k].name;
		if (!defined_deeper(l->p, i, name) && role_holds(l->p, l->who, name, l->p->level, false, NULL, &m))
			l->each(l->arg, b->roles[k].written, (struct acl_src){m.file, m.member->line});
	}
}

void acl_roles(const struct acl_policy *p, const struct acl_principal *who,
	       void (*each)(void *arg, const char *role, struct acl_src src), void *arg)
{
	struct role_list l = {p, who, each, arg};
	for (size_t i = 0; i < p->n; i++)
		if (counts(p, &p->c[i], p->level, false))
			list_roles_of(&l, i);
}
