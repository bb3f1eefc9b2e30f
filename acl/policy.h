/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to acl/: a compiled policy. Built once by cascade.c, never changed afterwards. */
#ifndef ACL_POLICY_H
#define ACL_POLICY_H

#include <pthread.h>
#include <stdatomic.h>

#include "acl/doc.h"
#include "base/hash.h"

enum { DEPTH_DEFAULTS = -1, LEVEL_LAST_ROOT = -1 };

/* A body that lands on a level. */
struct contrib {
	const struct body *body;
	int16_t depth; /* of the directory whose file it is from; DEPTH_DEFAULTS above the root */
	int16_t level; /* it lands on; LEVEL_LAST_ROOT: only the admins of an invalid root's last valid text */
	int16_t hidden_from; /* levels from here down see neither its grants nor its roles: the first fence that stops it */
	bool own; /* the directory's own .zddc */
	bool cut; /* an inherit: false stopped it: only admins, freeze, history and role resolution through fences see it */
	bool seen; /* its grants are visible from the governing directory (no fence between) */
	const struct pattern_list *mandated; /* of an own document on a level with auto_own: the roles it must serve */
};

/* acl.inherit: false on 'level': hides sources above, except from 'spare' what lands here or below. */
struct fence {
	int16_t level, spare;
};

/* A source whose paths: may still reach below. */
struct thread {
	const struct body *body;
	int16_t depth;
	bool cut;
};

struct interned; /* uthash entry, in cascade.c */
struct policy_class;

struct acl {
	pthread_mutex_t lock;
	struct zddc_doc *defaults;
	bool strict;
	struct interned *interned; /* lock: uthash by key */
	pthread_mutex_t class_lock; /* of every policy's class; others may be taken inside it */
};

struct acl_policy {
	_Atomic int refs;
	struct acl *acl;
	struct interned *handle;
	struct hash128 key;
	struct acl_policy *parent; /* counted; NULL at the root */
	struct zddc_doc *own; /* counted; NULL if none */
	struct zddc_doc *defaults; /* of the root: counted; NULL if none */
	int level;
	struct contrib *c; /* by level, within one from the weakest source to the strongest */
	size_t n;
	struct fence *fences;
	size_t n_fences;
	struct thread *threads;
	size_t n_threads;
	int invalid_level; /* of the shallowest invalid document, -1 if none */
	struct acl_src invalid;
	long long freeze_until;
	struct acl_src freeze;
	bool zone, has_when, has_reset, auto_own;
	struct acl_virtual virt; /* own level */
	struct acl_src zone_src;
	struct policy_class *class; /* acl->class_lock: snap_class.c; NULL: not asked for */
	char hash[SHA256_HEX];
};

/* Fences at or above 'level' let the roles and grants of c through. */
bool contrib_visible(const struct contrib *c, int level);
/* A stronger source on the same level ('seen' ones only, or all) sets the same grant key. */
bool grant_overridden(const struct acl_policy *p, size_t i, const char *key, bool seen_only);
/* The strongest contribution of the policy's own level (not cut) that sets 'key', or NULL. */
const struct contrib *own_level(const struct acl_policy *p, enum acl_key key);

/* ---- snap_class.c ---- */
void policy_class_free(struct policy_class *c);

/* ---- decide.c ---- */
/* Administers the directory, and no fence lies deeper than the level that says so: its name may show in listings. */
bool acl_admin_unfenced(const struct acl_policy *p, const struct acl_principal *who);

/* ---- sight.c ---- */
/*
 * May 'who' see a declared directory below one with policy p, by its verbs or those in what is declared below it? As if it were not on
 * disk, and without attributes. One walk for all of them, so that together they cost no more than one look from above.
 */
struct sight_walk;
struct sight_walk *sight_walk_new(const struct acl_principal *who);
bool sight_walk_slot(struct sight_walk *w, struct acl_policy *p, const char *segment);
void sight_walk_free(struct sight_walk *w);

/* ---- autoown.c ---- */
/* The roles (folded) that an admins: landing on p's level or below, from any source of p, names. */
void roles_that_administer(const struct acl_policy *p, struct arena *a, struct names *out);

/* ---- roles.c ---- */
struct membership {
	const struct role *role;
	const struct pattern *member;
	const char *file;
};

enum { HELD_FEW = 12, HELD_SLOTS = 32 };

/* One body that lists the principal as a member. */
struct held_role {
	const struct role *role;
	const struct pattern *member; /* NULL: only supposed */
	size_t from; /* contribution */
	const struct held_role *above; /* the same role in a weaker contribution */
};

/*
 * The roles that list one principal anywhere in a policy, collected when first asked for. Lives on the stack of one decision;
 * allocates only for a principal of more than HELD_FEW of them.
 */
struct held {
	const struct acl_policy *p;
	const struct acl_principal *who;
	const char *supposed;
	bool known;
	size_t n;
	struct held_role few[HELD_FEW];
	struct name_slot slots[HELD_SLOTS];
	struct names by_name; /* folded name -> the deepest struct held_role */
	struct arena arena;
};
/* 'supposed': a role (folded name) that 'who' is taken to be in wherever it is defined (hints), or NULL. */
void held_init(struct held *h, const struct acl_policy *p, const struct acl_principal *who, const char *supposed);
void held_free(struct held *h);
/* By folded name, whether or not fences and resets let them count anywhere. */
const struct names *held_roles(struct held *h);
/* Is the principal a member of the role (folded name) as seen from 'level'? 'through': past fences. The nearest definition is *out. */
bool role_holds(struct held *h, const char *role, int level, bool through, struct membership *out);
/* No reset of the role lies between where it is defined and the level that names it. */
bool role_reaches(const struct acl_policy *p, const char *role, int defined, int level, bool through);
/* Calls each() for every member that counts for the role as seen from 'level', until it says true; tells whether it did. */
typedef bool role_member_fn(void *arg, const struct pattern *member, const char *file);
bool role_each_member(const struct acl_policy *p, const char *role, int level, bool through, role_member_fn *each, void *arg);
/* Of an entry in c: its role is resolved through fences (SPEC section 7). */
bool role_is_mandated(const struct contrib *c, const char *role);

#endif
