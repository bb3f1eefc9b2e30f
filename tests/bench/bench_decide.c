/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * make bench-decide: what one acl_decide costs. An archive 12 levels deep with 1,000 roles of 10 members each and 10, 1,000 or
 * 10,000 grants spread over the levels, at whose ends 64 directories with policies of their own lie. "cached" is what the mount does
 * for a person it has just served: it decides from kept rights (acl_decide_with). "uncached" starts from nothing (acl_decide), for
 * another person in another directory each time, in random order over 10,000 people.
 * Each call is timed by itself; what reading the clock costs is taken off. Prints a table, then the same as JSON in one line.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/err.h"

enum { DEPTH = 12, ROLES = 1000, PEOPLE = 10000, LEAVES = 64, CALLS = 200000, GOAL_CACHED = 200, GOAL_UNCACHED = 5000 };

/* A small fixed generator: every run asks the same. */
static uint64_t seed = 42;

static uint32_t next(uint32_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((seed >> 33) % below);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------------------------------------ the archive */

struct archive {
	struct acl *acl;
	struct acl_policy *leaf[LEAVES];
	struct acl_principal people[PEOPLE];
};

static struct zddc_doc *parse(const char *file, const struct buf *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;

	if (zddc_parse(file, buf_str(text), text->len, false, &d, &doc)) {
		fprintf(stderr, "bench_decide: %s: %s\n", file, d.v[0].text);
		exit(1);
	}
	return doc;
}

static void roles(struct buf *out)
{
	buf_adds(out, "roles:\n");
	for (int r = 0; r < ROLES; r++) {
		buf_addf(out, "  role%d: {members: [", r);
		for (int m = 0; m < PEOPLE / ROLES; m++)
			buf_addf(out, "%suser%d@example.com", m ? ", " : "", r + m * ROLES);
		buf_adds(out, "]}\n");
	}
}

/* One grant of each kind that people write: to roles mostly, to persons, to domains and groups. */
static void grant(struct buf *out, unsigned n)
{
	static const char *const verbs[] = {"r", "rw", "rc", "rwc", "rwcd", "rwcda"};

	switch (n % 10) {
	case 0:
	case 1:
	case 2:
		buf_addf(out, "    user%u@example.com: %s\n", n, verbs[n % 6]);
		break;
	case 3:
		buf_addf(out, "    '*@dept%u.example.com': %s\n", n, verbs[n % 6]);
		break;
	case 4:
		buf_addf(out, "    group:team%u: %s\n", n, verbs[n % 6]);
		break;
	default:
		if (n < 2 * ROLES) /* a role twice in one document would be a duplicate */
			buf_addf(out, "    role:role%u: %s\n", n % ROLES, verbs[n % 6]);
		else
			buf_addf(out, "    person%u@example.com: %s\n", n, verbs[n % 6]);
	}
}

/* The grants of one level: every DEPTH-th of all. At the root also what everybody has, so that each question is answered somewhere. */
static struct zddc_doc *level_doc(unsigned level, unsigned rules)
{
	AUTO_BUF text = BUF_INIT;
	char file[64] = ".zddc";
	unsigned any = 0;

	if (!level)
		roles(&text);
	buf_adds(&text, "acl:\n  permissions:\n");
	if (!level)
		buf_adds(&text, "    '*': r\n");
	for (unsigned n = level; n < rules; n += DEPTH, any++)
		grant(&text, n);
	if (level)
		snprintf(file, sizeof file, "level%u/.zddc", level);
	return !level || any ? parse(file, &text) : NULL;
}

/* Each leaf has a document of its own, so that no two share a policy. */
static struct acl_policy *leaf_policy(struct acl *acl, struct acl_policy *parent, unsigned leaf)
{
	AUTO_BUF text = BUF_INIT;
	char name[32], file[64];
	struct acl_own own = {0};
	struct acl_policy *p;

	snprintf(name, sizeof name, "leaf%u", leaf);
	snprintf(file, sizeof file, "leaf%u/.zddc", leaf);
	buf_addf(&text, "acl:\n  permissions:\n    owner%u@example.com: rwcda\n    role:role%u: rwc\n", leaf, leaf * 7);
	own.doc = parse(file, &text);
	p = acl_child(acl, parent, name, &own);
	zddc_unref(own.doc);
	return p;
}

static void build(struct archive *a, unsigned rules)
{
	struct acl_policy *p = NULL, *child;

	a->acl = acl_new(NULL, false);
	for (unsigned level = 0; level < DEPTH; level++) {
		struct acl_own own = {.doc = level_doc(level, rules)};
		char name[32];

		snprintf(name, sizeof name, "level%u", level);
		child = level ? acl_child(a->acl, p, name, &own) : acl_root(a->acl, &own);
		acl_policy_unref(p);
		p = child;
		zddc_unref(own.doc);
	}
	for (unsigned i = 0; i < LEAVES; i++)
		a->leaf[i] = leaf_policy(a->acl, p, i);
	acl_policy_unref(p);
}

static void unbuild(struct archive *a)
{
	for (unsigned i = 0; i < LEAVES; i++)
		acl_policy_unref(a->leaf[i]);
	acl_free(a->acl);
}

static void crowd(struct archive *a)
{
	static const char *const groups[] = {"users", "team4", "team14", "scanner"};

	for (unsigned i = 0; i < PEOPLE; i++) {
		char email[64];

		snprintf(email, sizeof email, "user%u@example.com", i);
		a->people[i] = (struct acl_principal){.email = strdup(email), .groups = groups, .n_groups = 4};
		if (!a->people[i].email)
			abort();
	}
}

/* ------------------------------------------------------------------------------------------------ the clock */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The median of two readings with nothing in between. */
static uint32_t clock_cost(void)
{
	static uint32_t t[10001];

	for (size_t i = 0; i < 10001; i++) {
		uint64_t a = now();

		t[i] = (uint32_t)(now() - a);
	}
	qsort(t, 10001, sizeof *t, by_value);
	return t[5000];
}

struct result {
	uint32_t p50, p99;
	unsigned allowed;
};

static struct result measure(const struct archive *a, bool cached, uint32_t cost)
{
	static uint32_t t[CALLS];
	static const verbset asked[] = {V_R, V_W, V_C, V_D, V_A};
	struct acl_rights *kept = malloc(acl_rights_size());
	struct result r = {0};
	struct acl_attrs attrs = {.now = 1800000000, .risk_score = -1};

	if (!kept)
		abort();
	acl_rights_compute(a->leaf[5], &a->people[4711], kept);
	for (unsigned i = 0; i < CALLS + 1000; i++) { /* the first thousand only warm up */
		const struct acl_policy *p = a->leaf[cached ? 5 : next(LEAVES)];
		struct acl_request rq = {.who = &a->people[cached ? 4711 : next(PEOPLE)], .needed = asked[next(5)], .attrs = &attrs};
		uint64_t begin = now(), took;
		struct acl_decision d = cached ? acl_decide_with(p, kept, &rq) : acl_decide(p, &rq);

		took = now() - begin;
		r.allowed += d.allowed;
		if (i >= 1000)
			t[i - 1000] = took > cost ? (uint32_t)(took - cost) : 0;
	}
	free(kept);
	qsort(t, CALLS, sizeof *t, by_value);
	r.p50 = t[CALLS / 2];
	r.p99 = t[CALLS - CALLS / 100];
	return r;
}

int main(void)
{
	static const unsigned rules[] = {10, 1000, 10000};
	static struct archive a;
	uint32_t cost = clock_cost();
	AUTO_BUF json = BUF_INIT;

	crowd(&a);
	printf("%8s  %-22s  %-22s  ns, depth %d, %d roles; clock %" PRIu32 " ns taken off\n", "rules", "cached p50 / p99",
	       "uncached p50 / p99", DEPTH, ROLES, cost);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct result c, u;

		build(&a, rules[i]);
		c = measure(&a, true, cost);
		u = measure(&a, false, cost);
		printf("%8u  %8" PRIu32 " / %-8" PRIu32 "   %8" PRIu32 " / %-8" PRIu32 "   %s%s\n", rules[i], c.p50, c.p99, u.p50, u.p99,
		       c.p50 <= GOAL_CACHED && u.p50 <= GOAL_UNCACHED ? "within the goals" : "OVER THE GOALS", u.allowed ? "" : ", nothing was allowed");
		buf_addf(&json, "%s{\"rules\":%u,\"cached_p50\":%" PRIu32 ",\"cached_p99\":%" PRIu32, i ? "," : "", rules[i], c.p50, c.p99);
		buf_addf(&json, ",\"uncached_p50\":%" PRIu32 ",\"uncached_p99\":%" PRIu32 "}", u.p50, u.p99);
		unbuild(&a);
	}
	printf("goals: p50 cached %d ns, uncached %d ns, flat\n", GOAL_CACHED, GOAL_UNCACHED);
	printf("{\"bench\":\"decide\",\"unit\":\"ns\",\"depth\":%d,\"roles\":%d,\"rows\":[%s]}\n", DEPTH, ROLES, buf_str(&json));
	for (unsigned i = 0; i < PEOPLE; i++)
		free((char *)(uintptr_t)a.people[i].email);
	return 0;
}
