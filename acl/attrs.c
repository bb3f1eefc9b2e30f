/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The attributes of a decision (SPEC section 13). Within a level the most specific source says what it says; from level to level both
 * the environment and a risk only go up, and so do they by what the mount and the caller say.
 */
#include <string.h>

#include "acl/policy.h"
#include "base/str.h"

enum { RISK_MOST = 100, RISK_EXTRA = 10, RANK_UNKNOWN = 1 };

static const struct {
	const char *word;
	int rank;
} environments[] = {
#define ENVIRONMENT(word, rank) {word, rank},
#include "acl/environment.def"
#undef ENVIRONMENT
};

enum { N_ENVIRONMENTS = sizeof(environments) / sizeof(environments[0]) };

const char *const acl_risks[ACL_RISK_COUNT] = {
#define RISK(id, word) word,
#include "acl/risk.def"
#undef RISK
};

int risk_find(const char *word)
{
	for (int i = 0; i < ACL_RISK_COUNT; i++)
		if (!strcmp(acl_risks[i], word))
			return i;
	return -1;
}

/* 0 for none. */
static int rank_of(const char *environment)
{
	if (!environment)
		return 0;
	for (int i = 0; i < N_ENVIRONMENTS; i++)
		if (str_ieq(environments[i].word, environment))
			return environments[i].rank;
	return RANK_UNKNOWN;
}

static bool counts(const struct contrib *c)
{
	return !c->cut && c->level >= 0;
}

/* Does a stronger source of the same level say it as well? */
static bool environment_replaced(const struct acl_policy *p, size_t i)
{
	for (size_t j = i + 1; j < p->n && p->c[j].level == p->c[i].level; j++)
		if (counts(&p->c[j]) && p->c[j].body->value[ACL_KEY_ENVIRONMENT])
			return true;
	return false;
}

static const char *environment_of(const struct acl_policy *p, const char *of_mount)
{
	const char *is = of_mount;
	for (size_t i = 0; i < p->n; i++) {
		const struct ynode *v = p->c[i].body->value[ACL_KEY_ENVIRONMENT];
		if (v && counts(&p->c[i]) && !environment_replaced(p, i) && rank_of(v->text) >= rank_of(is))
			is = v->text;
	}
	return is;
}

static bool risk_replaced(const struct acl_policy *p, size_t i, enum acl_risk risk)
{
	for (size_t j = i + 1; j < p->n && p->c[j].level == p->c[i].level; j++)
		if (counts(&p->c[j]) && p->c[j].body->risk[risk])
			return true;
	return false;
}

/* -1 if no table says. */
static int risk_of(const struct acl_policy *p, enum acl_risk risk)
{
	int most = -1;
	for (size_t i = 0; i < p->n; i++) {
		int says = p->c[i].body->risk[risk] - 1;
		if (says > most && counts(&p->c[i]) && !risk_replaced(p, i, risk))
			most = says;
	}
	return most;
}

struct acl_attrs attributes_for(const struct acl_policy *p, const struct acl_attrs *declared, enum acl_risk risk)
{
	struct acl_attrs a = declared ? *declared : (struct acl_attrs){.risk_score = -1};
	int score = risk_of(p, risk);
	a.environment = environment_of(p, a.environment);
	if (score >= 0 && rank_of(a.environment) == environments[N_ENVIRONMENTS - 1].rank)
		score += RISK_EXTRA;
	if (score > RISK_MOST)
		score = RISK_MOST;
	if (score > a.risk_score)
		a.risk_score = score;
	return a;
}

struct acl_attrs acl_attributes(const struct acl_policy *p, const struct acl_request *rq)
{
	return attributes_for(p, rq->attrs, rq->risk);
}

bool acl_has_conditions(const struct acl_policy *p) { return p->has_when; }
