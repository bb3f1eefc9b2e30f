/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to acl/: the proof that a name is uniform (SPEC section 15). The kernel's caches are shared by all users: a name may stay in
 * them only where everybody who may enter the directory gets the same answer for it.
 *
 *   guests   whom documents and bodies below a directory may let pass through it: an upper bound, from their texts alone
 *   entrants who may enter a directory: its own grants, administrators, guests
 *   proof    each of them is sure to see the name: a lower bound, from the policy that decides about it
 *
 * Both bounds are made of patterns, compared pattern for pattern; where it is not plain, the answer is "mixed".
 */
#ifndef ACL_UNIFORM_H
#define ACL_UNIFORM_H

#include "acl/policy.h"

/* What a document or body says of somebody. */
enum guest_how { GUEST_GRANT, GUEST_LIST, GUEST_ADMIN, GUEST_DEFINES };

struct guest {
	enum guest_how how;
	struct pattern who; /* GUEST_DEFINES: who is a member */
	const char *role; /* of that role; otherwise NULL */
	const char *file;
};

/* A set of them, each once. Counted; nothing is added once it is settled. */
struct guests {
	_Atomic int refs;
	struct arena arena;
	struct guest *v;
	size_t n, cap;
	bool too_many;
};

struct guests *guests_new(void);
void guests_add_body(struct guests *g, const struct body *b); /* with all bodies nested in it */
void guests_add_nested(struct guests *g, const struct body *b); /* only those nested in it */
void guests_add_all(struct guests *g, const struct guests *other);
/* Throws out what is there twice. */
void guests_settle(struct guests *g);
struct guests *guests_ref(struct guests *g);
void guests_unref(struct guests *g); /* NULL is fine */

/* One pattern of those who may enter; never a role. */
struct entrant {
	const struct pattern *who;
	const char *file, *role; /* where it stands; the role it came through, or NULL */
	int level; /* of an administrator: the level that names them */
	bool admin, filer, below; /* by admins:, by worm:, or only by a grant below */
	bool nameless; /* a group that may hold anonymous callers: named by a grant, not through a role or a list */
};

struct entrants {
	struct guests *guests; /* of the bodies that paths: declares below, and of documents below */
	struct entrant *v;
	size_t n, cap;
	bool everybody; /* the root: the kernel asks nobody */
	bool too_many;
};

/* Who may enter the directory that p governs; 'below' (may be NULL) is what documents below it say. One owner; entrants_free. */
struct entrants *entrants_of(const struct acl_policy *p, const struct guests *below);
void entrants_free(struct entrants *e);

/* Files and links in the directory of policy p; sub-directories of it whose policy is 'child'. */
struct acl_verdict uniform_files(const struct acl_policy *p, const struct entrants *e);
struct acl_verdict uniform_dir(const struct acl_policy *child, const struct entrants *e);

#endif
