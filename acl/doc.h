/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to acl/: a parsed document as the cascade reads it. Everything lives in the document's arena and never changes. */
#ifndef ACL_DOC_H
#define ACL_DOC_H

#include <stdatomic.h>

#include "acl/acl.h"
#include "acl/names.h"
#include "base/arena.h"
#include "base/ynode.h"

/* One name in a grant, member, admins or worm list. Which kind it is can be seen from its text alone. */
enum pattern_kind {
	PAT_EMAIL, /* an address */
	PAT_DOMAIN, /* a glob whose part behind the '@' is literal: *@acme.com */
	PAT_GLOB, /* any other glob */
	PAT_EVERYONE, /* the bare "*" */
	PAT_ANONYMOUS,
	PAT_GROUP, /* group:NAME; text is NAME */
	PAT_ROLE, /* role:NAME, or a word that can only be a role; text is NAME */
};

struct pattern {
	enum pattern_kind kind;
	const char *text; /* folded, without "group:" or "role:" */
	const char *key; /* folded, with them: "role:X" and "X" have one key */
	const char *written; /* as the person wrote it */
	uint32_t line;
};

/* Finds the patterns of an array that match a principal, by hash where the pattern allows (match.c). */
struct pattern_index {
	const struct pattern *const *item;
	uint32_t n;
	uint32_t *head, *next; /* buckets of item + 1; chains */
	uint32_t mask;
	uint32_t everyone, anonymous, globs; /* chains of their own */
	bool emails, domains, groups; /* any of that kind */
};

struct pattern_list {
	const struct pattern *v;
	size_t n, n_roles; /* how many of them name roles */
	bool set; /* the key is there, perhaps empty */
	uint32_t line;
	struct pattern_index index;
};

struct grant {
	struct pattern who;
	verbset verbs; /* 0: an explicit deny */
};

struct role {
	const char *name; /* folded */
	const char *key; /* "role:" and the name: how grants name it */
	const char *written;
	uint32_t line;
	struct pattern_list members;
	struct pattern_list exclusive; /* roles that nobody shall hold beside this one; decides nothing (zddc verify) */
	int reset; /* -1 not said, 0, 1 */
};

enum condition_attr { ATTR_RISK, ATTR_ENVIRONMENT, ATTR_PROVENANCE, ATTR_OWNER };
enum condition_op { COND_LT, COND_LE, COND_EQ, COND_NE, COND_GE, COND_GT, COND_IN, COND_MATCHES };

struct condition {
	enum condition_attr attr;
	enum condition_op op;
	const char *const *text; /* one literal, or those of a list */
	const long long *number; /* of ATTR_RISK */
	size_t n;
};

/* One line of when: */
struct when_rule {
	verbset verbs;
	const struct condition *v; /* all must hold */
	size_t n;
	const char *written;
	uint32_t line;
};

struct body;

struct path_entry {
	const char *segment; /* as written */
	struct body *body;
};

/* One policy body: the top of a document, or one below paths:. */
struct body {
	const struct zddc_doc *doc;
	uint32_t id; /* numbered in document order */
	const struct ynode *value[ACL_KEY_COUNT]; /* NULL: not set */
	int acl_inherit, inherit; /* -1 not said, 0 false, 1 true */
	uint32_t acl_inherit_line;
	bool auto_own, auto_own_fenced;
	struct grant *grants;
	size_t n_grants, n_role_grants;
	struct pattern_index grant_index;
	bool has_deny; /* any grant with no verbs */
	bool has_reset, says_reset; /* any role with reset: true; with reset at all */
	struct names by_key; /* pattern key -> struct grant */
	struct role *roles;
	size_t n_roles;
	struct names by_role; /* folded name -> struct role */
	struct pattern_index member_index; /* members of all roles */
	const uint32_t *member_role; /* item of member_index -> role */
	struct pattern_list admins, worm, auto_own_roles;
	long long freeze_until; /* 0: none */
	struct acl_virtual virt; /* of virtual: */
	struct when_rule *when;
	size_t n_when;
	int8_t risk[ACL_RISK_COUNT]; /* one more than it says; 0: not said */
	struct path_entry *paths;
	size_t n_paths;
	struct names by_path; /* folded segment -> struct path_entry */
	struct body *star; /* "*" */
	bool guards, speaks_of_roles; /* it or a nested body has guarded keys; roles: */
	bool zone_below; /* a nested body has worm: */
};

struct zddc_doc {
	_Atomic int refs;
	struct arena arena;
	const char *file;
	const struct ynode *tree;
	struct body *top;
	uint32_t n_bodies;
	unsigned char sha256[SHA256_LEN]; /* of the canonical form */
	/*
	 * Of file name and text: what interning compares. A hash for which texts can be made to order would let a home's owner be taken for
	 * the owner of the next one.
	 */
	unsigned char identity[SHA256_LEN];
};

/* ---- keys.c: the table of keys ---- */
enum key_type {
	TYPE_STRING, TYPE_BOOL, TYPE_ACL, TYPE_ROLES, TYPE_PATTERNS, TYPE_WORM_MODE, TYPE_DURATION, TYPE_RETENTION, TYPE_GLOBS,
	TYPE_ROLE_LIST, TYPE_VIRTUAL, TYPE_PATHS, TYPE_RECORDS, TYPE_FIELD_CODES, TYPE_NAMING, TYPE_MAP, TYPE_TIMESTAMP, TYPE_WHEN,
	TYPE_RISK, TYPE_ANY,
};
enum key_overlay { OVERLAY_SPECIFIC, OVERLAY_KEYED, OVERLAY_CONCAT, OVERLAY_EVERY, OVERLAY_LATEST, OVERLAY_THREAD };
enum key_inherit { INHERIT_OWN, INHERIT_DEEPEST, INHERIT_UNION, INHERIT_LATEST, INHERIT_CASCADE, INHERIT_UPWARD, INHERIT_ALL, INHERIT_KEYWISE };

struct key_info {
	const char *name;
	enum key_type type;
	enum key_overlay overlay;
	enum key_inherit inherit;
	bool guarded;
	const char *meaning;
};
extern const struct key_info acl_keys[ACL_KEY_COUNT];

/* ---- match.c ---- */
/* Classifies one written pattern; NULL, or why it is invalid. */
const char *pattern_parse(struct arena *a, const char *written, uint32_t line, struct pattern *out);
bool role_name_valid(const char *name);
/* The glob of principals: '*' matches any run that does not cross the '@', everything else itself, case-blind. */
bool pattern_glob(const char *pattern, const char *s);
bool pattern_matches(const struct pattern *p, const struct acl_principal *who);
/* Could some principal match both? Conservative: true when in doubt. */
bool patterns_may_meet(const struct pattern *a, const struct pattern *b);
void pattern_index_build(struct arena *a, struct pattern_index *x, const struct pattern *const *item, size_t n);

/* Walks the items that match 'who'. */
struct pattern_walk {
	const struct pattern_index *index;
	const struct acl_principal *who;
	const char *domain;
	uint32_t at;
	size_t group;
	int stage;
};
void pattern_walk_start(struct pattern_walk *w, const struct pattern_index *x, const struct acl_principal *who);
/* The next matching item, or -1. Roles never match here. */
int pattern_walk_next(struct pattern_walk *w);

/* ---- virtual.c ---- */
extern const char *const virtual_kinds[ACL_VIRTUAL_KINDS]; /* from 1 */
/* "mdl": what it stands for. */
bool virtual_short(const char *word, struct acl_virtual *out);
void virtual_words(struct buf *out);
/* Splits 'archive/' + "*" + '/mdl' into out->base and out->below. NULL, or why it cannot be. */
const char *virtual_from(struct arena *a, const char *text, struct acl_virtual *out);

/* ---- parse.c ---- */
const struct grant *body_grant(const struct body *b, const char *key);
const struct role *body_role(const struct body *b, const char *folded_name);
/* The declared segment that equals this one case-blind, or NULL. */
const struct path_entry *body_path(const struct body *b, const char *segment);
/* The body that 'segment' selects below b: a literal segment (case-blind) excludes "*". NULL if none. */
const struct body *body_step(const struct body *b, const char *segment);

/* ---- guard.c ---- */
#define TOO_MUCH_TO_COMPARE "paths: has too many directories to be compared with those of the text before: ask an administrator to change it"
/* Calls each() for the roles that an admins: of this body, or of one nested in it, names, until it says false; then false. */
bool admin_roles(const struct body *b, bool (*each)(void *arg, const char *role), void *arg);
/* Does this body, or one nested in it, define one of these roles? */
bool defines_any(const struct body *b, const struct names *roles);
/*
 * The roles (folded name -> one struct role) of which an edit changes who their members are, at the top or nested; each body may be NULL.
 * False if there is too much to compare.
 */
bool roles_changed(const struct body *before, const struct body *edited, struct arena *a, struct names *out);

/* ---- attrs.c ---- */
/* The attributes for an operation of another kind than the request's own. */
struct acl_attrs attributes_for(const struct acl_policy *p, const struct acl_attrs *declared, enum acl_risk risk);
extern const char *const acl_risks[ACL_RISK_COUNT]; /* the words of risk.def */
/* The row of risk.def, or -1. */
int risk_find(const char *word);

/* ---- when.c ---- */
/* Parses one condition; NULL, or why not. */
const char *when_parse(struct arena *a, const char *text, struct when_rule *out);
bool when_holds(const struct when_rule *r, const struct acl_attrs *attrs, const struct acl_principal *who);

#endif
