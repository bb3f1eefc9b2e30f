/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine against the naive evaluator on random worlds (issue: at least 1,000,000 cases of tree, principal and verb).
 *
 *   naive [--cases N] [--seed S] [--world I]     --world: this one world only, as printed by a mismatch
 *
 * A mismatch is made smaller as long as it stays one, printed with both answers, and ends the program with 1.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "tests/random/lib_engine.h"
#include "tests/random/lib_gen.h"
#include "tests/random/lib_naive.h"
#include "tests/random/lib_yaml.h"

enum { PLACES_PER_WORLD = 8 };

static const char verb_letter[] = "rwcda";

/* What differs between the two, in words; empty while nothing does. */
struct diff {
	char text[600];
};

__attribute__((format(printf, 2, 3))) static bool differ(struct diff *d, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return true;
}

static bool differ_bool(struct diff *d, const char *what, bool naive, bool engine)
{
	return naive != engine && differ(d, "%s: SPEC says %s, the engine says %s", what, naive ? "yes" : "no", engine ? "yes" : "no");
}

static const char *verbs_text(unsigned v, char out[8])
{
	int n = 0;
	for (int i = 0; i < N_VERBS; i++)
		if (v & (1u << i))
			out[n++] = verb_letter[i];
	out[n] = '\0';
	return out;
}

static bool differ_verbs(struct diff *d, const char *what, unsigned naive, unsigned engine)
{
	char a[8], b[8];
	return naive != engine &&
	       differ(d, "%s: SPEC says \"%s\", the engine says \"%s\"", what, verbs_text(naive, a), verbs_text(engine, b));
}

/* One case's two sides. */
struct sides {
	struct engine *e;
	const struct place *at;
	const struct principal *who;
	struct answer naive;
	struct acl_policy *policy;
	struct acl_principal engine_who;
	struct acl_attrs attrs;
};

static struct acl_decision ask(const struct sides *s, unsigned verb, unsigned flags)
{
	struct acl_request rq = {
		.who = &s->engine_who,
		.needed = (verbset)verb,
		.attrs = &s->attrs,
		.flags = flags | (verb == VERB_R ? 0 : ACL_CHANGE) | (s->who->elevated ? ACL_IS_ELEVATED : 0),
	};
	return acl_decide(s->policy, &rq);
}

/* The matched entry, where SPEC leaves no choice: exactly one entry matches at the deciding level. */
static bool source_differs(const struct sides *s, const struct acl_decision *e, struct diff *d)
{
	const struct answer *n = &s->naive;
	char file[300];
	if (n->broken || n->strictly_denied || (n->admin && s->who->elevated) || n->frozen)
		return false;
	if (n->matches != 1)
		return n->matches == 0 && e->grant.file &&
		       differ(d, "SPEC finds no matching entry, the engine names %s:%u", e->grant.file, e->grant.line);
	engine_file(s->e->w, s->at, n->src, file, sizeof(file));
	if (!e->grant.file || strcmp(e->grant.file, file) != 0 || (int)e->grant.line != n->line)
		return differ(d, "deciding entry: SPEC says %s:%d, the engine says %s:%u", file, n->line,
			e->grant.file ? e->grant.file : "(none)", e->grant.line);
	return e->level >= 0 && e->src.file && e->src.line == e->grant.line && e->level != n->level &&
	       differ(d, "deciding level: SPEC says %d, the engine says %d", n->level, e->level);
}

/* A freeze, and nothing else, is EBUSY; what no verb in a zone can allow is EPERM, the rest EACCES. */
static bool errno_differs(const struct sides *s, unsigned verb, bool frozen, const struct acl_decision *e, struct diff *d)
{
	char letter[8];
	int err = acl_reasons[e->reason].err;
	if (e->allowed || (s->naive.broken && s->naive.frozen))
		return false;
	bool right = frozen ? err == EBUSY : err == EACCES || (err == EPERM && s->naive.zone);
	return !right && differ(d, "refusal of %s: SPEC says %s, the engine says errno %d (%s)", verbs_text(verb, letter),
				 frozen ? "EBUSY" : "EACCES", err, acl_reasons[e->reason].word);
}

/* The reason, outside zones: there SPEC leaves only one. */
static bool reason_differs(const struct sides *s, unsigned verb, const struct acl_decision *e, struct diff *d)
{
	const struct answer *n = &s->naive;
	enum acl_reason want;
	if (n->broken || n->zone || (n->frozen && verb != VERB_R))
		return false;
	if (n->admin && s->who->elevated)
		want = BECAUSE_ELEVATED;
	else if (n->effective & verb)
		want = BECAUSE_GRANT;
	else if (n->strictly_denied)
		want = BECAUSE_STRICT;
	else if (n->denied)
		want = BECAUSE_DENIED;
	else if (n->matches == 0)
		want = BECAUSE_NO_ENTRY;
	else
		want = n->granted & verb ? BECAUSE_WHEN : BECAUSE_MISSING;
	return e->reason != want &&
	       differ(d, "reason: SPEC says %s, the engine says %s", acl_reasons[want].word, acl_reasons[e->reason].word);
}

static bool verb_differs(const struct sides *s, unsigned verb, struct diff *d)
{
	char letter[8], what[40];
	bool frozen;
	struct acl_decision e = ask(s, verb, 0);
	bool may = naive_may(&s->naive, s->who, verb, &frozen);
	bool decided = !s->naive.broken && !(s->naive.admin && s->who->elevated);
	snprintf(what, sizeof(what), "verb %s", verbs_text(verb, letter));
	return differ_bool(d, what, may, e.allowed) || errno_differs(s, verb, frozen, &e, d) ||
	       differ_verbs(d, "effective verbs", s->naive.effective, e.effective) ||
	       (decided && differ_verbs(d, "verbs granted by the cascade", s->naive.granted, e.granted)) ||
	       differ_bool(d, "administrator (in the decision)", s->naive.admin, e.admin) ||
	       (decided && differ_bool(d, "zone (in the decision)", s->naive.zone, e.zone)) ||
	       (decided && s->naive.zone && !s->naive.strictly_denied && differ_bool(d, "listed by worm:", s->naive.filer, e.filer)) ||
	       reason_differs(s, verb, &e, d) || source_differs(s, &e, d);
}

static bool policy_file_differs(const struct sides *s, struct diff *d)
{
	unsigned flags = s->who->elevated ? ACL_IS_ELEVATED : 0;
	struct acl_request rd = acl_request_for(ACL_OP_READ, ".zddc", &s->engine_who, &s->attrs, flags);
	struct acl_request wr = acl_request_for(ACL_OP_WRITE, ".zddc", &s->engine_who, &s->attrs, flags);
	struct acl_request rm = acl_request_for(ACL_OP_UNLINK, ".zddc", &s->engine_who, &s->attrs, flags);
	return differ_bool(d, "reading .zddc", s->naive.reads_policy, acl_decide(s->policy, &rd).allowed) ||
	       differ_bool(d, "writing .zddc", s->naive.writes_policy, acl_decide(s->policy, &wr).allowed) ||
	       differ_bool(d, "deleting .zddc", s->naive.writes_policy, acl_decide(s->policy, &rm).allowed);
}

static bool facts_differ(const struct sides *s, struct diff *d)
{
	const struct answer *n = &s->naive;
	struct acl_src src;
	if (differ_bool(d, "invalid here or above", n->broken, acl_is_invalid(s->policy)) ||
		differ_bool(d, "administrator", n->admin, acl_is_admin(s->policy, &s->engine_who, &src)) ||
		differ_bool(d, "root administrator", n->root_admin, acl_is_root_admin(s->policy, &s->engine_who)))
		return true;
	if (n->broken)
		return false;
	if (n->freeze_until != acl_freeze_until(s->policy))
		return differ(d, "frozen until: SPEC says %" PRId64 ", the engine says %lld", n->freeze_until, acl_freeze_until(s->policy));
	return differ_bool(d, "zone", n->zone, acl_is_zone(s->policy)) || differ_bool(d, "fenced", n->fenced, acl_is_fenced(s->policy)) ||
	       differ_bool(d, "auto_own", n->auto_own, acl_auto_own(s->policy)) ||
	       differ_bool(d, "history", n->history, acl_keeps_history(s->policy));
}

struct held {
	unsigned bits;
	bool unknown;
};

static void note_role(void *arg, const char *role, struct acl_src src)
{
	struct held *h = arg;
	(void)src;
	for (int i = 0; gen_roles[i]; i++)
		if (same_name(gen_roles[i], role)) {
			h->bits |= 1u << i;
			return;
		}
	h->unknown = true;
}

static bool roles_differ(const struct sides *s, struct diff *d)
{
	struct held h = {0};
	if (s->naive.broken)
		return false;
	acl_roles(s->policy, &s->engine_who, note_role, &h);
	for (int i = 0; gen_roles[i]; i++) {
		bool held = naive_role(s->e->w, s->at, gen_roles[i], s->who) > 0;
		char what[60];
		snprintf(what, sizeof(what), "holds role %s", gen_roles[i]);
		if (differ_bool(d, what, held, h.bits & (1u << i)))
			return true;
	}
	return h.unknown && differ(d, "the engine reports a role that nobody defined");
}

/* Which literal segments are declared below? */
static bool slots_differ(const struct sides *s, struct diff *d)
{
	static const char *const names[] = {"a", "B", "cc", "D E", "elsewhere", "*"};
	for (int i = 0; i < 6 && !s->naive.broken; i++) {
		char what[60];
		bool naive = strcmp(names[i], "*") != 0 && naive_declares(s->e->w, s->at, names[i]);
		snprintf(what, sizeof(what), "declares the slot \"%s\"", names[i]);
		if (differ_bool(d, what, naive, acl_slot_find(s->policy, names[i]) != NULL))
			return true;
	}
	return false;
}

/* Sight is defined for directories that exist and for declared slots only. */
static bool is_sightable(const struct world *w, const struct place *at)
{
	struct place p = *at;
	for (p.n_more = 0; p.n_more < at->n_more; p.n_more++)
		if (!naive_declares(w, &p, at->more[p.n_more]))
			return false;
	return true;
}

static bool sight_differs(const struct sides *s, struct diff *d)
{
	char path[256];
	struct acl_sight sight = {0};
	struct acl_request rq = {.who = &s->engine_who, .attrs = &s->attrs, .flags = s->who->elevated ? ACL_IS_ELEVATED : 0};
	if (!is_sightable(s->e->w, s->at))
		return false;
	place_path(s->e->w, s->at, path, sizeof(path));
	int rc = acl_snap_sight(s->e->snap, path, &rq, &sight);
	if (rc)
		return differ(d, "acl_snap_sight answers %d", rc);
	return differ_bool(d, "visible, may enter", s->naive.enter, sight.enter) ||
	       differ_bool(d, "holds r (sight)", s->naive.effective & VERB_R, sight.read) ||
	       (place_level(s->e->w, s->at) > 0 && differ_bool(d, "listed in the parent", s->naive.listed, sight.listed));
}

static bool case_differs(struct engine *e, const struct place *at, const struct principal *who, struct diff *d)
{
	char path[256];
	struct sides s = {.e = e, .at = at, .who = who, .engine_who = engine_principal(who), .attrs = engine_attrs(e->w)};
	place_path(e->w, at, path, sizeof(path));
	s.naive = naive_answer(e->w, at, who);
	s.policy = acl_snap_policy(e->snap, path);
	bool found =
		facts_differ(&s, d) || policy_file_differs(&s, d) || roles_differ(&s, d) || slots_differ(&s, d) || sight_differs(&s, d);
	for (unsigned verb = 1; verb < VERB_ALL && !found; verb <<= 1)
		found = verb_differs(&s, verb, d);
	acl_policy_unref(s.policy);
	return found;
}

/* ---------------------------------------------------------------- making a mismatch small */

static bool world_differs(struct world *w, const struct place *at, int who, struct diff *d)
{
	struct engine e;
	world_render(w);
	bool found = !engine_open(&e, w, d->text, sizeof(d->text)) || case_differs(&e, at, &w->principal[who], d);
	engine_close(&e);
	return found;
}

/* The part of a message before its colon: what a smaller world must still show. */
static bool same_kind(const struct diff *a, const struct diff *b)
{
	size_t n = strcspn(a->text, ":");
	return strncmp(a->text, b->text, n) == 0;
}

static struct world *shrink(struct world *w, struct place *at, int *who, struct diff *d)
{
	for (unsigned k = 0;;) {
		struct world *smaller = world_clone(w);
		struct place p = *at;
		int principal = *who;
		struct diff now = {{0}};
		if (!world_reduce(smaller, k, &p.dir, &principal)) {
			world_free(smaller);
			return w;
		}
		if (!world_differs(smaller, &p, principal, &now) || !same_kind(d, &now)) {
			world_free(smaller);
			k++;
			continue;
		}
		world_free(w);
		w = smaller;
		*at = p;
		*who = principal;
		*d = now;
		k = 0;
	}
}

static void print_principal(const struct principal *p)
{
	printf("principal %s%s, groups [", p->email ? p->email : "anonymous", p->elevated ? " (elevated)" : "");
	for (int i = 0; i < p->n_groups; i++)
		printf("%s%s", i ? ", " : "", p->group[i]);
	printf("]\n");
}

static void report(uint64_t seed, uint64_t number, const struct place *from, int who, struct diff d)
{
	char path[256];
	struct world *w = gen_world(seed, number);
	struct place at = *from;
	const char *names[4] = {0};
	for (int i = 0; i < at.n_more; i++)
		at.more[i] = names[i] = strdup(at.more[i]);
	w = shrink(w, &at, &who, &d);
	world_differs(w, &at, who, &d);
	place_path(w, &at, path, sizeof(path));
	printf("\nMISMATCH  --seed %" PRIu64 " --world %" PRIu64 "\n", seed, number);
	world_print(w);
	printf("---\nplace \"%s\", ", path);
	print_principal(&w->principal[who]);
	printf("%s\n\n", d.text);
	world_free(w);
	for (int i = 0; i < at.n_more; i++)
		free((char *)(uintptr_t)names[i]);
}

/* ---------------------------------------------------------------- the run */

struct run {
	uint64_t seed, passed, failed;
};

static bool patterns_differ(const struct world *w, struct rng *r)
{
	const char *pattern = gen_patterns[0];
	int n = 0;
	while (gen_patterns[n])
		n++;
	pattern = gen_patterns[rng_below(r, n)];
	const struct principal *who = &w->principal[rng_below(r, w->n_principals)];
	struct acl_principal p = engine_principal(who);
	bool naive = naive_pattern(pattern, who), engine = acl_pattern_match(pattern, &p);
	if (naive != engine)
		printf("MISMATCH  pattern \"%s\" against %s: SPEC says %s\n", pattern, who->email ? who->email : "anonymous",
			naive ? "yes" : "no");
	return naive != engine;
}

/* "The same bodies govern both and everything below them": then nobody may tell the two apart, nor what lies below. */
static bool same_rules_differ(struct engine *e, struct rng *r, struct diff *d)
{
	struct place at[2] = {gen_place(r, e->w), gen_place(r, e->w)};
	struct acl_policy *p[2];
	for (int i = 0; i < 2; i++) {
		char path[256];
		place_path(e->w, &at[i], path, sizeof(path));
		p[i] = acl_snap_policy(e->snap, path);
	}
	bool same = acl_policy_same_rules(p[0], p[1]), found = false;
	acl_policy_unref(p[0]);
	acl_policy_unref(p[1]);
	for (int who = 0; same && who < e->w->n_principals && !found; who++)
		for (int below = 0; below < 2 && !found; below++) {
			for (int i = 0; below && i < 2; i++)
				at[i].more[at[i].n_more++] = "a";
			struct answer a = naive_decide(e->w, &at[0], &e->w->principal[who]);
			struct answer b = naive_decide(e->w, &at[1], &e->w->principal[who]);
			found = a.effective != b.effective || a.admin != b.admin || a.zone != b.zone || a.frozen != b.frozen ||
				a.broken != b.broken || a.auto_own != b.auto_own;
			at[0].n_more -= below;
			at[1].n_more -= below;
		}
	return found && differ(d, "acl_policy_same_rules: it says yes for directories %d and %d, they differ", at[0].dir, at[1].dir);
}

static bool changed_world_differs(struct run *run, struct engine *e, struct rng *r, uint64_t number)
{
	struct diff d = {{0}}, fresh = {{0}};
	struct place at = {0};
	engine_change(e, r);
	bool found = false;
	for (int i = 0; i < PLACES_PER_WORLD / 2 && !found; i++) {
		at = gen_place(r, e->w);
		for (int who = 0; who < e->w->n_principals && !found; who++) {
			found = case_differs(e, &at, &e->w->principal[who], &d);
			bool stale = found && !world_differs(e->w, &at, who, &fresh);
			if (stale)
				printf("\nMISMATCH  after acl_snap_forget  --seed %" PRIu64 " --world %" PRIu64 "\n%s\n", run->seed, number,
					d.text);
			else if (found)
				printf("\nMISMATCH  in a changed world  --seed %" PRIu64 " --world %" PRIu64 "\n%s\n", run->seed, number,
					d.text);
			run->passed += found ? 0 : N_VERBS;
		}
	}
	return found;
}

/* True if a mismatch was found and reported. */
static bool run_world(struct run *run, uint64_t number)
{
	struct world *w = gen_world(run->seed, number);
	struct rng r = rng_fork(~run->seed, number);
	struct engine e;
	struct diff d = {{0}};
	struct place at = {0};
	int who = 0;
	world_render(w);
	bool found = !engine_open(&e, w, d.text, sizeof(d.text));
	for (int i = 0; i < PLACES_PER_WORLD && !found; i++) {
		at = gen_place(&r, w);
		for (who = 0; who < w->n_principals && !found; who++) {
			found = case_differs(&e, &at, &w->principal[who], &d);
			run->passed += found ? 0 : N_VERBS;
		}
	}
	if (found)
		report(run->seed, number, &at, who ? who - 1 : 0, d);
	else if ((found = same_rules_differ(&e, &r, &d)))
		printf("\nMISMATCH  --seed %" PRIu64 " --world %" PRIu64 "\n%s\n", run->seed, number, d.text);
	else
		found = changed_world_differs(run, &e, &r, number);
	engine_close(&e);
	found |= patterns_differ(w, &r);
	run->failed += found;
	world_free(w);
	return found;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"cases", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
		{"world", required_argument, NULL, 'w'}, {"keep-going", required_argument, NULL, 'k'}, {0}};
	struct run run = {.seed = (uint64_t)time(NULL)};
	uint64_t cases = 3000000, world = UINT64_MAX, most = 1;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == '?')
			return 2;
		*(c == 'n' ? &cases : c == 's' ? &run.seed : c == 'k' ? &most : &world) = strtoull(optarg, NULL, 0);
	}
	printf("seed %" PRIu64 "\n", run.seed);
	if (world != UINT64_MAX)
		run_world(&run, world);
	for (uint64_t i = 0; world == UINT64_MAX && run.passed < cases && run.failed < most; i++)
		run_world(&run, i);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", run.passed, run.failed);
	return run.failed != 0;
}
