/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom policy can speak of, as principals that can be asked about: a person by address (with the groups of their Unix user), and for a
 * pattern, a group, "*" or a role somebody who matches that and nothing else.
 */
#ifndef CLI_SUBJECT_H
#define CLI_SUBJECT_H

#include "acl/acl.h"

struct tree;

struct subject {
	enum acl_who kind;
	char *name; /* folded; without "group:" and "role:" */
	struct acl_principal p;
	const char *role; /* of ACL_ROLE: its members are meant */
};

/* Makes each subject once. One thread. */
struct subjects;
struct subjects *subjects_open(struct tree *t); /* NULL: no identities */
void subjects_free(struct subjects *s);
/* Owned by 's', until it is freed. */
const struct subject *subject_get(struct subjects *s, enum acl_who kind, const char *name);
/* "alice@example.com", "*@example.com", "*", "anonymous", "group:eng" or "role:observer" as somebody types it; NULL if it is none. */
const struct subject *subject_named(struct subjects *s, const char *typed);
/* The other way round; 'out' may be empty before. */
struct buf;
void subject_show(const struct subject *s, struct buf *out);

/* The subjects that the policy p names, each once, sorted: people, patterns, groups, everybody, anonymous, roles. */
struct subject_list {
	const struct subject **v;
	size_t n;
};
void subjects_of(struct subjects *s, const struct acl_policy *p, struct subject_list *out);
/* Only the people whom its grants name themselves. */
void subjects_granted(struct subjects *s, const struct acl_policy *p, struct subject_list *out);
/* Adds those of another policy. */
void subjects_also(struct subjects *s, const struct acl_policy *p, struct subject_list *out);
void subject_list_free(struct subject_list *l);

/*
 * Decides for a subject: all verbs it holds (needed 0: the decision about V_ALL), or one. Nothing is declared but the clock, each verb
 * has the risk of its usual operation: what a condition takes is missing from effective and in acl_before_when().
 */
struct acl_decision subject_decide(const struct subject *s, const struct acl_policy *p, verbset needed, long long now);

#endif
