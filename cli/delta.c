/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/delta.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/vec.h"

enum { VERBS = 5 };


static verbset maybe(const struct acl_decision *d)
{
	return (verbset)(acl_before_when(d) & ~d->effective);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The verbs that both give under conditions, but not under the same. */
static verbset other_conditions(const struct subject *who, const struct acl_policy *old, const struct acl_policy *new, verbset common, long long now)
{
	verbset out = 0;

	for (int v = 0; v < VERBS; v++) {
		verbset verb = (verbset)(1u << v);

		if (!(common & verb))
			continue;
		struct acl_decision a = subject_decide(who, old, verb, now), b = subject_decide(who, new, verb, now);
		if (!same_text(a.condition, b.condition))
			out |= verb;
	}
	return out;
}

/* What gives the first of the verbs, or makes an administrator. */
static struct acl_src source(const struct subject *who, const struct acl_policy *p, verbset verbs, bool admin, long long now)
{
	verbset first = verbs & (verbset)-verbs;
	struct acl_src src = {0};

	if (first) {
		struct acl_decision d = subject_decide(who, p, first, now);

		return d.zone && first == V_C ? d.mask : d.grant;
	}
	if (admin)
		acl_is_admin(p, &who->p, &src);
	return src;
}

static bool find(const struct subject *who, const struct acl_policy *old, const struct acl_policy *new, long long now, struct delta *d)
{
	struct acl_decision a = subject_decide(who, old, 0, now), b = subject_decide(who, new, 0, now);
	verbset ma = maybe(&a), mb = maybe(&b);

	*d = (struct delta){
		.who = who,
		.gained = (verbset)(b.effective & ~a.effective),
		.lost = (verbset)(a.effective & ~b.effective),
		.maybe_gained = (verbset)(mb & ~ma & ~a.effective),
		.maybe_lost = (verbset)(ma & ~mb & ~b.effective),
		.admin_gained = b.admin && !a.admin,
		.admin_lost = a.admin && !b.admin,
	};
	/* from always to sometimes is a loss, and said as one with what is left */
	d->maybe_gained |= (verbset)(mb & a.effective);
	if (ma & mb)
		d->conditions = other_conditions(who, old, new, ma & mb, now);
	d->src_new = source(who, new, d->gained | d->maybe_gained | d->conditions, d->admin_gained, now);
	d->src_old = source(who, old, d->lost | d->maybe_lost, d->admin_lost, now);
	return delta_gains(d) || delta_loses(d);
}

bool delta_gains(const struct delta *d)
{
	return d->gained || (d->maybe_gained & ~d->lost) || d->conditions || d->admin_gained;
}

bool delta_loses(const struct delta *d)
{
	return d->lost || d->maybe_lost || d->admin_lost;
}

/* ------------------------------------------------------------------------------------------------ roles speak for their members */

bool delta_same(const struct delta *a, const struct delta *b)
{
	return a->gained == b->gained && a->lost == b->lost && a->maybe_gained == b->maybe_gained && a->maybe_lost == b->maybe_lost &&
	       a->conditions == b->conditions && a->admin_gained == b->admin_gained && a->admin_lost == b->admin_lost;
}

struct member_of {
	const char *role;
	bool yes;
};

static void is_role(void *arg, const char *role, struct acl_src src)
{
	struct member_of *m = arg;

	(void)src;
	m->yes |= str_ieq(role, m->role);
}

/* Who loses was a member, who gains is one. */
static bool member(const struct delta *d, const char *role, const struct acl_policy *old, const struct acl_policy *new)
{
	struct member_of before = {.role = role}, after = {.role = role};

	acl_roles(old, &d->who->p, is_role, &before);
	acl_roles(new, &d->who->p, is_role, &after);
	return (before.yes || !delta_loses(d)) && (after.yes || !delta_gains(d));
}

static void join_roles(struct deltas *l, const struct acl_policy *old, const struct acl_policy *new)
{
	for (size_t r = 0; r < l->n; r++)
		for (size_t i = 0; l->v[r].who->kind == ACL_ROLE && i < l->n; i++) {
			struct delta *d = &l->v[i];

			if (d->by_role || d->who->kind == ACL_ROLE || !delta_same(d, &l->v[r]) || !member(d, l->v[r].who->role, old, new))
				continue;
			d->by_role = true;
			l->v[r].members++;
		}
}

void deltas_find(struct subjects *s, const struct acl_policy *old, const struct acl_policy *new, long long now, struct deltas *out)
{
	struct subject_list who;

	*out = (struct deltas){0};
	subjects_of(s, old, &who);
	subjects_also(s, new, &who);
	for (size_t i = 0; i < who.n; i++) {
		struct delta d;

		if (!find(who.v[i], old, new, now, &d))
			continue;
		out->v = vec_room(out->v, out->n, sizeof *out->v);
		out->v[out->n++] = d;
	}
	join_roles(out, old, new);
	subject_list_free(&who);
}

void deltas_free(struct deltas *l)
{
	free(l->v);
	*l = (struct deltas){0};
}
