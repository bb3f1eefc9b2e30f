/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of policy tests (SPEC section 16, zddc test): parsed and checked, one test at a time. The format is that of tests/policy,
 * whose cases run on a mount as well; what concerns only that is accepted and left alone.
 */
#ifndef CLI_CASES_H
#define CLI_CASES_H

#include <stdbool.h>

#include "acl/acl.h"

struct arena;
struct buf;
struct diags;
struct ynode;

enum { CASES_MOST_GROUPS = 64 };

/* One test. Strings live as long as the arena of cases_parse. */
struct test {
	uint32_t line;
	const char *about; /* or NULL */
	const char *as; /* as written */
	enum acl_op op;
	const char *path, *to; /* without slash at the end; 'to' is NULL but for a move with another end that counts */
	bool over; /* the other end is there already */
	bool allow;
	const char *by; /* FILE, or NULL */
	uint32_t by_line; /* 0: any line of it */
	const char *reason; /* a word of acl/reasons.def, or NULL */
	struct acl_principal who;
	const char *groups[CASES_MOST_GROUPS];
	struct acl_attrs attrs;
	unsigned flags;
};

/* One tree with its tests: a whole file, or a member of its list "cases". */
struct test_case {
	const struct ynode *spec;
	const char *about; /* or NULL */
	const struct ynode *tree; /* NULL: the tests are about another tree */
	const char *defaults; /* the text of its own; NULL: the built-in ones or --defaults */
	bool no_defaults;
	bool strict;
	const char *environment; /* of the mount; NULL: not said */
};

/* Parses a file of at most some 100 MB: 0 and *out (owned by the arena), or -EINVAL with the errors in d. Everything in it is checked. */
int cases_parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct ynode **out);
/* Each case, and each test of a case, in order. 'now' is the clock for tests that name no time. */
void cases_each(const struct ynode *file, void (*each)(void *arg, const struct test_case *c), void *arg);
void cases_tests(const struct test_case *c, struct arena *a, long long now, void (*each)(void *arg, const struct test *t), void *arg);

#endif
