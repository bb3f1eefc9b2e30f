/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proof that a name is uniform (SPEC section 15) against the naive evaluator: whenever the engine says so, every two principals who
 * may enter the directory get the same answer for the name. Worlds are random; after a look at each directory some documents change
 * and all is asked again, so that what the snapshot remembers is tested too.
 *
 *   classes [--cases N] [--seed S] [--world I]     a case is one class that was asked for
 *
 * A violation is made smaller as long as it stays one and ends the program with 1.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/random/lib_engine.h"
#include "tests/random/lib_gen.h"
#include "tests/random/lib_naive.h"
#include "tests/random/lib_yaml.h"

static const char *const emails[] = {NULL, "ann@x.org", "bob@x.org", "abe@y.net", "dan@x.y.net", "zed@q.example"};
static const char *const groups[] = {"g1", "staff", "ann"};
enum { N_EMAILS = 6, N_GROUPS = 3, N_EVERYBODY = N_EMAILS * (1 << N_GROUPS) * 2 };

struct run {
	uint64_t seed, passed, failed, uniform, but_admins;
	char text[700];
};

/* One of all principals there can be in these worlds: each address, in each set of groups, elevated or not. */
static struct principal principal_at(int i)
{
	struct principal p = {.email = emails[i % N_EMAILS], .elevated = i >= N_EVERYBODY / 2};

	for (int k = 0, bits = i / N_EMAILS % (1 << N_GROUPS); k < N_GROUPS; k++)
		if (bits & 1 << k)
			p.group[p.n_groups++] = groups[k];
	p.elevated = p.elevated && p.email;
	return p;
}

__attribute__((format(printf, 2, 3))) static bool broken(struct run *run, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(run->text, sizeof(run->text), fmt, ap);
	va_end(ap);
	return true;
}

static const char *who_text(const struct principal *p, char out[120])
{
	int n = snprintf(out, 120, "%s%s, groups", p->email ? p->email : "anonymous", p->elevated ? " (elevated)" : "");

	for (int i = 0; i < p->n_groups; i++)
		n += snprintf(out + n, 120 - (size_t)n, " %s", p->group[i]);
	return out;
}

/* The kernel asks nobody who enters the root. */
static bool may_enter(const struct world *w, const struct place *dir, const struct answer *a)
{
	return place_level(w, dir) == 0 || a->enter;
}

static bool files_differ(struct run *run, const struct world *w, const struct place *dir, enum acl_class class)
{
	char who[120];

	for (int i = 0; i < N_EVERYBODY; i++) {
		struct principal p = principal_at(i);
		struct answer a = naive_answer(w, dir, &p);
		bool spared = class == ACL_UNIFORM_BUT_ADMINS && a.admin && !p.elevated;

		if (may_enter(w, dir, &a) && !spared && !(a.effective & VERB_R))
			return broken(run, "files: uniform, but %s may enter without r", who_text(&p, who));
	}
	return false;
}

static bool dir_differs(struct run *run, const struct world *w, const struct place *dir, const struct place *child)
{
	char who[120];

	for (int i = 0; i < N_EVERYBODY; i++) {
		struct principal p = principal_at(i);
		struct answer a = naive_answer(w, dir, &p), b = naive_answer(w, child, &p);

		if (may_enter(w, dir, &a) && (!b.enter || !b.listed))
			return broken(run, "directory: uniform, but %s may enter the parent and %s", who_text(&p, who),
				      b.enter ? "does not find it in the listing" : "not this");
	}
	return false;
}

static bool class_holds(struct run *run, struct engine *e, const struct place *dir, const struct place *child)
{
	AUTO_BUF why = BUF_INIT;
	char path[300];
	const char *name = child ? place_name(e->w, child, place_level(e->w, child)) : NULL;
	enum acl_class class;
	bool bad = false;

	place_path(e->w, dir, path, sizeof(path));
	class = acl_snap_class(e->snap, path, name, NULL, &why);
	if (class != ACL_MIXED)
		bad = child ? dir_differs(run, e->w, dir, child) : files_differ(run, e->w, dir, class);
	if (!why.len || strchr(buf_str(&why), '$'))
		bad = broken(run, "no reason is given");
	if (bad)
		snprintf(run->text + strlen(run->text), sizeof(run->text) - strlen(run->text), "\n\"%s\" in \"%s\": %s", name ? name : "(a file)", path,
			 buf_str(&why));
	run->uniform += class == ACL_UNIFORM;
	run->but_admins += class == ACL_UNIFORM_BUT_ADMINS;
	run->passed += !bad;
	return !bad;
}

/* The files of a directory, its sub-directories on disk, those that policy declares and one that nobody has made. */
static bool place_holds(struct run *run, struct engine *e, int dir)
{
	const struct world *w = e->w;
	struct place at = {.dir = dir}, child = at;
	const char *slot[MAX_ITEMS * 4];
	int n = naive_slots(w, &at, slot, MAX_ITEMS * 4);

	if (!class_holds(run, e, &at, NULL))
		return false;
	for (int i = 1; i < w->n_dirs; i++)
		if (w->dir[i].parent == dir && !class_holds(run, e, &at, &(struct place){.dir = i}))
			return false;
	child.n_more = 1;
	for (int i = 0; i <= n; i++) {
		child.more[0] = i < n ? slot[i] : "elsewhere";
		if ((i < n && !*slot[i]) || class_holds(run, e, &at, &child))
			continue;
		return false;
	}
	return true;
}

/* What people write: everybody who is granted something anywhere is granted r at the top; nobody administers without it. */
static void make_friendly(struct world *w, struct rng *r)
{
	static const char *const keys[] = {"*", "anonymous", "*@x.org", "ann@x.org", "group:g1", "role:dc"};
	struct body *top = w->dir[0].doc.top;

	if (!top || rng_chance(r, 40))
		return;
	for (int i = 0; i < 6; i++) {
		bool known = top->n_perms >= MAX_ITEMS;

		for (int k = 0; k < top->n_perms; k++)
			known |= same_key(top->perm[k].key, keys[i]);
		if (!known && rng_chance(r, 60))
			top->perm[top->n_perms++] = (struct perm){.key = keys[i], .verbs = rng_chance(r, 80) ? "r" : "rw"};
	}
}

static struct world *make_world(uint64_t seed, uint64_t number)
{
	struct world *w = gen_world(seed, number);
	struct rng r = rng_fork(seed ^ 0x5eed, number);

	make_friendly(w, &r);
	return w;
}

/* Does it hold in this one directory, asked of an engine that knows nothing yet? */
static bool holds_afresh(struct run *run, struct world *w, int dir)
{
	struct engine e;
	char why[200];

	world_render(w);
	bool holds = !engine_open(&e, w, why, sizeof(why)) || place_holds(run, &e, dir);
	engine_close(&e);
	return holds;
}

static void report(struct run *run, struct world *from, uint64_t number, int dir)
{
	struct world *w = world_clone(from);
	int principal = 0;

	for (unsigned k = 0;;) {
		struct world *smaller = world_clone(w);
		int keep = dir;

		if (!world_reduce(smaller, k, &keep, &principal)) {
			world_free(smaller);
			break;
		}
		if (keep < smaller->n_dirs && !holds_afresh(run, smaller, keep)) {
			world_free(w);
			w = smaller;
			dir = keep;
			k = 0;
		} else {
			world_free(smaller);
			k++;
		}
	}
	bool fresh = holds_afresh(run, w, dir);
	printf("\nVIOLATION  --seed %" PRIu64 " --world %" PRIu64 "%s\n", run->seed, number, fresh ? "  (only after a change)" : "");
	world_print(w);
	printf("---\n%s\n\n", run->text);
	world_free(w);
}

static void run_world(struct run *run, uint64_t number)
{
	struct world *w = make_world(run->seed, number);
	struct rng r = rng_fork(~run->seed, number);
	struct engine e;
	char why[200];

	world_render(w);
	bool open = engine_open(&e, w, why, sizeof(why));
	for (int round = 0; open && round < 3 && !run->failed; round++) {
		for (int dir = 0; dir < w->n_dirs && !run->failed; dir++)
			if (!place_holds(run, &e, dir)) {
				run->failed++;
				report(run, w, number, dir);
			}
		engine_change(&e, &r);
	}
	engine_close(&e);
	world_free(w);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"cases", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
		{"world", required_argument, NULL, 'w'}, {0}};
	struct run run = {.seed = (uint64_t)time(NULL)};
	uint64_t cases = 200000, world = UINT64_MAX;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == '?')
			return 2;
		*(c == 'n' ? &cases : c == 's' ? &run.seed : &world) = strtoull(optarg, NULL, 0);
	}
	printf("seed %" PRIu64 "\n", run.seed);
	if (world != UINT64_MAX)
		run_world(&run, world);
	for (uint64_t i = 0; world == UINT64_MAX && run.passed < cases && !run.failed; i++)
		run_world(&run, i);
	printf("%" PRIu64 " names proved uniform, %" PRIu64 " but for administrators\n", run.uniform, run.but_admins);
	if (world == UINT64_MAX && run.uniform * 50 < run.passed) {
		printf("too few are uniform for the test to say anything\n");
		run.failed++;
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", run.passed, run.failed);
	return run.failed != 0;
}
