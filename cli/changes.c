/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/changes.h"

#include <stdlib.h>
#include <string.h>

#include "cli/engine.h"
#include "cli/places.h"
#include "cli/vec.h"

enum { DEEPEST = 300 };

struct walking {
	const struct engine *old, *new;
	struct subjects *people;
	long long now;
	changes_fn *each;
	void *arg;
	struct deltas at[DEEPEST]; /* what holds in the directories on the way down */
};

static const struct delta *of(const struct deltas *l, const struct subject *who)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (l->v[i].who == who)
			return &l->v[i];
	return NULL;
}

static void tell(struct walking *w, struct change_place *p, const struct deltas *above, const struct deltas *here)
{
	const struct delta **news = calloc(here->n + 1, sizeof *news);
	const struct subject **ended = calloc((above ? above->n : 0) + 1, sizeof *ended);

	if (!news || !ended)
		abort();
	for (size_t i = 0; i < here->n; i++) {
		const struct delta *was = of(above, here->v[i].who);

		if (!here->v[i].by_role && !(was && !was->by_role && delta_same(was, &here->v[i])))
			news[p->n_news++] = &here->v[i];
	}
	for (size_t i = 0; above && i < above->n; i++)
		if (!above->v[i].by_role && !of(here, above->v[i].who))
			ended[p->n_ended++] = above->v[i].who;
	p->news = news;
	p->ended = ended;
	w->each(w->arg, p);
	free(news);
	free(ended);
}

static bool visit(void *arg, const struct place_found *at)
{
	struct walking *w = arg;
	struct acl_policy *old = acl_snap_policy(w->old->snap, at->path), *new = acl_snap_policy(w->new->snap, at->path);
	struct change_place p = {.path = at->path, .depth = at->depth, .old = old, .new = new, .same = acl_policy_same_rules(old, new)};
	struct deltas *here = &w->at[at->depth];

	deltas_free(here);
	if (!p.same)
		deltas_find(w->people, old, new, w->now, here);
	tell(w, &p, at->depth ? &w->at[at->depth - 1] : NULL, here);
	acl_policy_unref(old);
	acl_policy_unref(new);
	return true;
}

int changes_walk(const struct engine *old, const struct engine *new, const char *dir, struct subjects *people, long long now, changes_fn *each,
		 void *arg)
{
	struct walking w = {.old = old, .new = new, .people = people, .now = now, .each = each, .arg = arg};
	int err = places_walk(&(struct places){.e = {old, new}, .any = true, .each = visit, .arg = &w}, dir);

	for (size_t i = 0; i < DEEPEST; i++)
		deltas_free(&w.at[i]);
	return err;
}
