/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "Conditions only ever take verbs away" (SPEC section 13): in random worlds, a when: that is added anywhere gives nobody a verb, a
 * decision or the sight of a directory that they did not have without it.
 *
 *   conditions [--worlds N] [--seed S] [--world I]
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/random/lib_engine.h"
#include "tests/random/lib_gen.h"
#include "tests/random/lib_yaml.h"

enum { PLACES_PER_WORLD = 6, MANY_BODIES = 256, WORLDS = 2500 };

struct bodies {
	struct body *v[MANY_BODIES];
	int n;
};

static void collect(struct bodies *all, struct body *b)
{
	if (all->n < MANY_BODIES)
		all->v[all->n++] = b;
	for (int i = 0; i < b->n_paths; i++)
		collect(all, b->path[i].body);
}

static void collect_doc(struct bodies *all, struct doc *d)
{
	if (d->present && !d->broken && d->top)
		collect(all, d->top);
}

static struct cond condition(struct rng *r)
{
	static const struct cond_term terms[] = {
		{AT_RISK, OP_LT, 1, {"50"}}, {AT_RISK, OP_GE, 1, {"20"}}, {AT_ENVIRONMENT, OP_EQ, 1, {"prod"}}, {AT_ENVIRONMENT, OP_NE, 1, {"prod"}},
		{AT_PROVENANCE, OP_EQ, 1, {"urn:x"}}, {AT_OWNER, OP_EQ, 1, {"anonymous"}}, {AT_OWNER, OP_NE, 1, {"anonymous"}},
	};
	return (struct cond){.present = true, .n = 1, .term = {terms[rng_below(r, (int)(sizeof(terms) / sizeof(terms[0])))]}};
}

/* Adds one where there is none yet for that verb. False if the world has no place for it. */
static bool add_condition(struct world *w, struct rng *r)
{
	struct bodies all = {0};
	collect_doc(&all, &w->defaults);
	for (int i = 0; i < w->n_dirs; i++)
		collect_doc(&all, &w->dir[i].doc);
	if (!all.n)
		return false;
	struct cond *c = &all.v[rng_below(r, all.n)]->when[rng_below(r, N_VERBS)];
	if (c->present)
		return false;
	*c = condition(r);
	return true;
}

struct seen {
	bool allowed[ACL_OP_COUNT], enter, listed;
	verbset effective;
};

static void look(struct engine *e, const struct place *at, const struct principal *p, struct seen *out)
{
	char path[256];
	struct acl_principal who = engine_principal(p);
	struct acl_attrs attrs = engine_attrs(e->w);
	struct acl_sight sight = {0};
	unsigned flags = p->elevated ? ACL_IS_ELEVATED : 0;
	place_path(e->w, at, path, sizeof(path));
	struct acl_policy *policy = acl_snap_policy(e->snap, path);
	for (int op = 0; op < ACL_OP_COUNT; op++) {
		struct acl_request rq = acl_request_for((enum acl_op)op, "x", &who, &attrs, flags);
		struct acl_decision d = acl_decide(policy, &rq);
		out->allowed[op] = d.allowed;
		out->effective |= d.effective;
	}
	struct acl_request rq = acl_request_for(ACL_OP_ENTER, NULL, &who, &attrs, flags);
	acl_snap_sight(e->snap, path, &rq, &sight);
	out->enter = sight.enter;
	out->listed = sight.listed;
	acl_policy_unref(policy);
}

/* What 'after' has and 'before' had not, in words; "" if nothing. */
static void gain(const struct seen *before, const struct seen *after, char *out, size_t size)
{
	char verbs[8];
	out[0] = '\0';
	for (int op = 0; op < ACL_OP_COUNT; op++)
		if (after->allowed[op] && !before->allowed[op])
			snprintf(out, size, "may %s", acl_ops[op].name);
	if (after->effective & ~before->effective)
		snprintf(out, size, "holds %s", verbs_print(after->effective & (verbset)~before->effective, verbs));
	if ((after->enter && !before->enter) || (after->listed && !before->listed))
		snprintf(out, size, "sees the directory");
}

static bool gains(struct engine *a, struct engine *b, struct rng *r, uint64_t *passed)
{
	for (int i = 0; i < PLACES_PER_WORLD; i++) {
		struct place at = gen_place(r, a->w);
		for (int who = 0; who < a->w->n_principals; who++) {
			struct seen before = {0}, after = {0};
			char what[100];
			look(a, &at, &a->w->principal[who], &before);
			look(b, &at, &a->w->principal[who], &after);
			gain(&before, &after, what, sizeof(what));
			if (*what) {
				const char *email = a->w->principal[who].email;
				printf("GAIN  %s now %s in directory %d\n", email ? email : "anonymous", what, at.dir);
				return true;
			}
			++*passed;
		}
	}
	return false;
}

/* 1 good, 0 a gain, -1 no such world. */
static int one_world(uint64_t seed, uint64_t number, uint64_t *passed)
{
	struct rng r = rng_fork(seed, number);
	struct world *w = gen_world(seed, number), *with = world_clone(w);
	char why[600] = "";
	struct engine a, b;
	int result = -1;
	bool added = add_condition(with, &r);
	world_render(w);
	world_render(with);
	bool open_a = engine_open(&a, w, why, sizeof(why)), open_b = engine_open(&b, with, why, sizeof(why));
	if (added && open_a && open_b)
		result = !gains(&a, &b, &r, passed);
	if (result == 0) {
		printf("with the condition:  --seed %" PRIu64 " --world %" PRIu64 "\n", seed, number);
		world_print(with);
	}
	engine_close(&a);
	engine_close(&b);
	world_free(w);
	world_free(with);
	return result;
}

static long long number_of(const char *name, long long usual)
{
	const char *s = getenv(name);
	return s && *s ? atoll(s) : usual;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"worlds", 1, NULL, 'n'}, {"seed", 1, NULL, 's'}, {"world", 1, NULL, 'w'}, {0}};
	uint64_t seed = (uint64_t)time(NULL), worlds = (uint64_t)number_of("WORLDS", WORLDS), passed = 0;
	long long only = -1;
	int failed = 0, tried = 0;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (o == 'n')
			worlds = strtoull(optarg, NULL, 10);
		else if (o == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (o == 'w')
			only = atoll(optarg);
		else
			return 2;
	}
	printf("seed %" PRIu64 "\n", seed);
	for (uint64_t i = only >= 0 ? (uint64_t)only : 0; i < (only >= 0 ? (uint64_t)only + 1 : worlds) && !failed; i++) {
		int r = one_world(seed, i, &passed);
		failed += r == 0;
		tried += r >= 0;
	}
	if (!tried)
		failed++;
	printf("%" PRIu64 " passed, %d failed\n", passed, failed);
	return failed != 0;
}
