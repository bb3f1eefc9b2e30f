/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The naive evaluator: SPEC section 3, sentence by sentence, straight off the model. It shares nothing with the engine,
 * keeps nothing between calls, and is slow on purpose wherever that makes it plainer.
 */
#ifndef TESTS_RANDOM_LIB_NAIVE_H
#define TESTS_RANDOM_LIB_NAIVE_H

#include "tests/random/lib_model.h"

enum { SRC_DEFAULTS = -1, SRC_NONE = -2 };

struct answer {
	unsigned granted;     /* what the deciding level gives (after strict denials), before mask and conditions */
	unsigned effective;   /* after mask, conditions and elevation; a freeze does not count */
	bool broken;          /* an invalid document at this level or above */
	unsigned conditioned; /* verbs that a failing condition takes away */
	bool denied;          /* the deciding level says "" */
	bool strictly_denied;
	bool admin, root_admin, zone, filer, frozen, fenced, auto_own, history;
	int64_t freeze_until; /* the latest of all levels, 0 if none */
	bool reads_policy;    /* may read the directory's .zddc */
	bool writes_policy;   /* may write it */
	int level;            /* the deciding level, -1 if no entry matches */
	int matches;          /* how many entries match there */
	int src, line;        /* the source file's level (SRC_DEFAULTS: the defaults) and line of the match, if it is one */
	bool enter;           /* visible, may enter */
	bool listed;          /* its name shows in the parent's listing */
};

struct answer naive_answer(const struct world *w, const struct place *at, const struct principal *who);

/* The same without `enter` and `listed`, which look at everything below. */
struct answer naive_decide(const struct world *w, const struct place *at, const struct principal *who);
bool naive_enters(const struct world *w, const struct place *at, const struct principal *who);

/* Is the principal a member of a mandated role of the place (section 7), whose own `.zddc` must keep them at rwcda? */
bool naive_is_mandated(const struct world *w, const struct place *at, const struct principal *who);

/* May they, with a request for exactly this verb? *frozen tells that a freeze is what refuses. */
bool naive_may(const struct answer *a, const struct principal *who, unsigned verb, bool *frozen);

/* One pattern against one principal, as a permission key (lists match nobody anonymous). */
bool naive_pattern(const char *pattern, const struct principal *who);

/* Does the principal hold this role as seen from the place's level? -1: no such role is visible there. */
int naive_role(const struct world *w, const struct place *at, const char *role, const struct principal *who);

/* The literal segments declared directly below a place that are not on disk; returns how many. */
int naive_slots(const struct world *w, const struct place *at, const char *name[], int max);

/* Is the segment declared by a literal below the place, on disk or not? */
bool naive_declares(const struct world *w, const struct place *at, const char *name);

#endif
