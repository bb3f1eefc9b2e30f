/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy engine: documents in, decisions out. Pure: no system calls, no clock, no environment, no global state.
 *
 *   text --zddc_parse--> zddc_doc --acl_root/acl_child--> acl_policy --acl_decide--> acl_decision --acl_explain--> text
 *
 * A policy is what holds in one directory. It is immutable and interned: directories with the same contributing documents and
 * bodies share one. Paths are relative to the archive root, without leading or trailing slash; the root is "".
 *
 * Threads: documents and policies may be read by any thread; struct acl and struct acl_snap lock themselves. References are
 * counted atomically. Strings inside a decision live as long as the policy it came from.
 */
#ifndef ACL_ACL_H
#define ACL_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/idmap.h"
#include "base/sha256.h"

struct arena;
struct buf;
struct diags;
struct ynode;

/* ------------------------------------------------------------------ verbs */

typedef uint8_t verbset;

enum {
#define VERB(id, letter, bit, risk, text) V_##id = 1u << (bit),
#include "acl/verbs.def"
#undef VERB
	V_ALL = 0x1f
};

/* "rwcda" order; out holds at least 6 bytes; "" for none. Returns out. */
char *verbs_print(verbset v, char out[8]);
/* Any order and case, blanks ignored. False if a letter is unknown; *bad is that letter. */
bool verbs_parse(const char *s, verbset *out, char *bad);

/* ------------------------------------------------------------------ operations */

enum acl_place { ACL_PLACE_DIR, ACL_PLACE_IN };

/* The kinds of operations that risk: scores. */
enum acl_risk {
#define RISK(id, word) ACL_RISK_##id,
#include "acl/risk.def"
#undef RISK
	ACL_RISK_COUNT
};

enum acl_op {
#define ACL_OP(id, ...) ACL_OP_##id,
#include "acl/ops.def"
#undef ACL_OP
	ACL_OP_COUNT
};

struct acl_op_info {
	const char *name; /* "unlink" */
	enum acl_place place;
	verbset verbs;
	bool change;
	enum acl_risk risk;
	const char *text; /* "delete" */
};

extern const struct acl_op_info acl_ops[ACL_OP_COUNT];
/* By name; false if there is none. */
bool acl_op_find(const char *name, enum acl_op *out);

/* ------------------------------------------------------------------ documents */

/* One parsed and checked .zddc (or the defaults). Immutable, reference-counted. */
struct zddc_doc;

/*
 * Parses and validates. 'file' is how messages and decisions name it: "archive/Acme/.zddc", or "defaults".
 * 0 and *out (one reference for the caller), or -EINVAL and at least one error in d. Warnings (lint) only if 'lint'.
 */
int zddc_parse(const char *file, const char *text, size_t len, bool lint, struct diags *d, struct zddc_doc **out);
struct zddc_doc *zddc_ref(struct zddc_doc *doc);
void zddc_unref(struct zddc_doc *doc); /* NULL is fine */
const char *zddc_file(const struct zddc_doc *doc);
/* SHA-256 of the canonical form (comments, order and style do not count). */
const unsigned char *zddc_sha256(const struct zddc_doc *doc);
const struct ynode *zddc_tree(const struct zddc_doc *doc);

/*
 * Guarded keys (SPEC section 2, "(G)"): what does 'new' add, change or remove of them against 'old', in paths: bodies too?
 * NULL is "no document". 0 if nothing; -EINVAL with one error for each in d (file and line of the new text, or of the old one
 * for a removal). Ask only for editors who are not administrators of the directory.
 */
int zddc_guard_check(const struct zddc_doc *old, const struct zddc_doc *new, struct diags *d);

/* ------------------------------------------------------------------ principals and attributes */

/* Who asks. Strings are lower case. Owned by whoever made it; immutable. */
struct acl_principal {
	const char *email; /* NULL: anonymous */
	const char *const *groups; /* Unix groups by name, lower case */
	size_t n_groups;
};

/*
 * What conditions (when:) may test, and the clock for freezes. An unset string is NULL. In a request: what the caller and the mount say;
 * policy raises the environment, and the risk of the operation is added from the risk: table (acl_attributes).
 */
struct acl_attrs {
	long long now; /* seconds since 1970 UTC */
	const char *environment; /* of the mount */
	const char *provenance;
	/* Asked where a condition is about the provenance and that is NULL; may be NULL. What it returns lives as long as the decision. */
	const char *(*ask_provenance)(const void *arg);
	const void *arg;
	int risk_score; /* 0-100, -1 unset: what the caller declares; the operation's own risk is never lowered by it */
};

/* One pattern of SPEC section 2 against one principal; 'pattern' in any case. Roles are not resolved here. */
bool acl_pattern_match(const char *pattern, const struct acl_principal *who);

/* ------------------------------------------------------------------ policies */

/* The defaults, the strict flag and the table of interned policies. */
struct acl;
/* What holds in one directory. */
struct acl_policy;

/* Takes a reference to 'defaults' (NULL: none). */
struct acl *acl_new(struct zddc_doc *defaults, bool strict);
/* All policies made from it must have been released. */
void acl_free(struct acl *acl);
/* Other defaults for the policies that are made from here on; takes a reference. Snapshots have to forget what they know ("" and below). */
void acl_set_defaults(struct acl *acl, struct zddc_doc *defaults);

/* The .zddc of one directory as the source found it. */
struct acl_own {
	struct zddc_doc *doc; /* NULL: none. With invalid: the last valid text, whose admins keep their standing right (root only) */
	bool invalid; /* it is there, and cannot be read or does not validate */
	const char *file; /* of an invalid one: its name, */
	uint32_t line; /* and the line of its first error */
};

/* The policy of the archive root, or of the directory 'segment' below 'parent'. 'own' may be NULL. One reference for the caller. */
struct acl_policy *acl_root(struct acl *acl, const struct acl_own *own);
struct acl_policy *acl_child(struct acl *acl, struct acl_policy *parent, const char *segment, const struct acl_own *own);
struct acl_policy *acl_policy_ref(struct acl_policy *p);
void acl_policy_unref(struct acl_policy *p);

int acl_policy_level(const struct acl_policy *p); /* 0 at the root */
/* SHA-256 over the file names and canonical forms of all contributing documents, in hex; the evidence in each logged decision. */
const char *acl_policy_hash(const struct acl_policy *p);
/* True if the same bodies govern both and everything below them, whatever the directories are called (a rename keeps policy). */
bool acl_policy_same_rules(const struct acl_policy *a, const struct acl_policy *b);

/* What the fs asks of the directory itself, own-level keys and inherited ones, each by its merge rule. */
bool acl_is_zone(const struct acl_policy *p);
/* Does any paths: from here or above declare a zone below? (One that a .zddc below makes is not known here.) Conservative. */
bool acl_zone_below(const struct acl_policy *p);
bool acl_is_invalid(const struct acl_policy *p); /* an invalid document at this level or above */
bool acl_is_virtual(const struct acl_policy *p); /* own level: virtual */
/*
 * What a virtual directory shows (SPEC section 9): what lies in base/PARTY/below, seen from the directory that holds the virtual one.
 * Strings live as long as the policy.
 */
enum acl_virtual_kind {
	ACL_VIRTUAL_NONE,
#define VIRTUAL_KIND(id, ...) ACL_VIRTUAL_##id,
#define VIRTUAL_SHORT(...)
#include "acl/virtual.def"
#undef VIRTUAL_KIND
#undef VIRTUAL_SHORT
	ACL_VIRTUAL_KINDS
};
struct acl_virtual {
	enum acl_virtual_kind kind;
	const char *base; /* "archive"; one segment or more */
	const char *below; /* "mdl", of parties the name of one file; NULL: see acl_virtual_below */
};
struct acl_virtual acl_virtual(const struct acl_policy *p);
/* Appends what stands behind the party; 'name' is that of the virtual directory. */
void acl_virtual_below(const struct acl_virtual *v, const char *name, struct buf *out);
bool acl_keeps_history(const struct acl_policy *p);
bool acl_is_fenced(const struct acl_policy *p); /* acl.inherit: false lands on its own level */
long long acl_freeze_until(const struct acl_policy *p); /* 0: never frozen */

enum acl_key {
#define KEY(id, name, ...) ACL_KEY_##id,
#include "acl/keys.def"
#undef KEY
	ACL_KEY_COUNT
};
struct acl_value {
	const struct ynode *node; /* NULL: not set; for united keys the strongest source only */
	const char *file;
	uint32_t line;
};
/* The effective value of a top-level key here, by its merge rule. */
struct acl_value acl_get(const struct acl_policy *p, enum acl_key key);

/* Where something stands in a policy file. */
struct acl_src {
	const char *file; /* NULL: none */
	uint32_t line;
};
/*
 * The mapping of a key that is merged entry by entry (records, field_codes) as all its sources make it together: of each entry the
 * strongest. In the arena, its entries in the policy; NULL if nobody sets the key.
 */
const struct ynode *acl_merged(const struct acl_policy *p, enum acl_key key, struct arena *a);
/* Where an entry of it stands. */
struct acl_src acl_merged_src(const struct acl_policy *p, enum acl_key key, const char *entry);

/* Calls each() for every literal segment that paths: declares directly below (as it is spelled), until each() returns false. */
void acl_slots(const struct acl_policy *p, bool (*each)(void *arg, const char *segment), void *arg);
/* The declared spelling of a segment that matches 'name' case-blind, or NULL. */
const char *acl_slot_find(const struct acl_policy *p, const char *name);

/* ------------------------------------------------------------------ decisions */

enum acl_reason {
#define REASON(id, word, err, text) BECAUSE_##id,
#include "acl/reasons.def"
#undef REASON
	BECAUSE_COUNT
};

struct acl_reason_info {
	const char *word;
	int err; /* positive errno of a refusal, 0 for reasons that allow */
	const char *text;
};
extern const struct acl_reason_info acl_reasons[BECAUSE_COUNT];

/* State of the thing itself, put before policy (SPEC section 3, rule 7); flags of a request. */
enum {
	ACL_CHANGE = 1 << 0, /* it changes something: a freeze refuses it */
	ACL_POLICY_FILE = 1 << 1, /* it concerns .zddc or effective.yaml: administrators have a standing right; verbs become V_A for changes,
				     and for reading any of V_R, V_A is enough */
	ACL_SEALED = 1 << 2, /* a sealed file */
	ACL_SEALED_REMOVAL = 1 << 3, /* with ACL_SEALED: removal or ancestor rename, open to elevated root administrators in governance mode */
	ACL_IS_RESERVED = 1 << 4, /* ledger, history, versions */
	ACL_IS_ELEVATED = 1 << 5, /* the caller has elevated (only has effect where they administer) */
	ACL_ANY_VERB = 1 << 6, /* one of the needed verbs is enough */
	ACL_RETENTION_OVER = 1 << 8, /* with ACL_SEALED_REMOVAL: in compliance mode as well */
	ACL_IS_NEVER = 1 << 7, /* hard link, device: EPERM for everybody, elevated too */
};

/* A supposed change, for hints: decide as if ... */
struct acl_whatif {
	const char *role; /* ... the principal were a member of this role as well, or NULL */
	verbset grant; /* ... the deciding level gave the principal these verbs as well */
};

struct acl_request {
	const struct acl_principal *who;
	verbset needed; /* 0: nothing but what the flags say (a directory that is being entered: use acl_snap_sight) */
	unsigned flags;
	enum acl_risk risk; /* of the operation */
	const struct acl_attrs *attrs; /* NULL: nothing is declared, no clock (nothing is frozen) */
	const struct acl_whatif *whatif; /* NULL on every real decision */
};

struct acl_decision {
	bool allowed;
	enum acl_reason reason;
	int err; /* positive errno of a refusal (SPEC's errno table), 0 if allowed */
	verbset needed;
	verbset granted; /* what the cascade gives, before mask and conditions */
	verbset effective; /* what the principal really holds here (elevation included, freeze not) */
	verbset missing; /* needed and not held */
	bool admin; /* administers this directory (elevated or not) */
	bool zone; /* the place is write-once */
	bool filer; /* and worm: lists the principal */
	int level; /* of the deciding entry, -1 if none */
	struct acl_src src; /* what decided: the entry, the invalid file, the freeze, the worm:, the condition */
	const char *entry; /* its key as written: "role:observer", "*@acme.com"; NULL if none */
	struct acl_src grant; /* the matched entry at the deciding level, also when something else refused */
	const char *grant_entry;
	const char *grant_role; /* the role it matched through, or NULL */
	const char *role; /* role through which the entry matched, or NULL */
	struct acl_src role_src; /* where the membership stands */
	const char *member; /* the pattern there */
	struct acl_src mask; /* the worm: that masks, if zone */
	struct acl_src when; /* the condition that failed, if any */
	const char *condition; /* its text */
	long long freeze_until; /* if reason is BECAUSE_FROZEN */
};

/*
 * What the cascade, the zones and the administrators give one principal in one directory: the part of a decision that does not
 * depend on the operation, the clock or attributes. Worth keeping for (policy, principal) by whoever asks often.
 */
struct acl_rights;
size_t acl_rights_size(void);
/* Fills 'out' (acl_rights_size() bytes, any alignment of malloc). Valid as long as 'p' and 'who' are. */
void acl_rights_compute(const struct acl_policy *p, const struct acl_principal *who, struct acl_rights *out);
/* The decision from rights at hand; the same as acl_decide when rq->whatif is NULL. */
struct acl_decision acl_decide_with(const struct acl_policy *p, const struct acl_rights *rights, const struct acl_request *rq);

/* The one decision function (SPEC section 3, rule 7). No allocation, no lock, no system call. */
struct acl_decision acl_decide(const struct acl_policy *p, const struct acl_request *rq);

/* The request for one operation on 'name' in the governing directory ('name' NULL for the directory itself). */
struct acl_request acl_request_for(enum acl_op op, const char *name, const struct acl_principal *who, const struct acl_attrs *attrs,
				   unsigned flags);

/*
 * The attributes with which that request is decided here (SPEC section 13): the environment, raised by policy; the risk of the operation
 * from the risk: tables, raised in the highest environment and by what the caller declares. Strings live as long as p and rq.
 */
struct acl_attrs acl_attributes(const struct acl_policy *p, const struct acl_request *rq);
/* Do conditions (when:) take part in decisions here? */
bool acl_has_conditions(const struct acl_policy *p);

/* True if the principal administers this directory; *src is the admins: entry. */
bool acl_is_admin(const struct acl_policy *p, const struct acl_principal *who, struct acl_src *src);
/* ... by an admins: of the root itself. */
bool acl_is_root_admin(const struct acl_policy *p, const struct acl_principal *who);
/* Every role visible at this level that the principal holds; each() gets name and source of the membership. */
void acl_roles(const struct acl_policy *p, const struct acl_principal *who,
	       void (*each)(void *arg, const char *role, struct acl_src src), void *arg);

/* Which policy files may whoever is told this read? What stands in others is not named. NULL: all of them. */
struct acl_view {
	bool (*readable)(void *arg, const char *file);
	void *arg;
};

/*
 * What is known of a role (any case) where p holds? 'in_list': as worm: and admins: see it, past fences; else as a grant of the directory's
 * own document sees it.
 */
enum acl_role_state { ACL_ROLE_UNKNOWN, ACL_ROLE_EMPTY, ACL_ROLE_MEMBERS };
enum acl_role_state acl_role_state(const struct acl_policy *p, const char *name, bool in_list);
/* The defined role whose name is nearest, for "did you mean", or NULL. */
const char *acl_role_near(const struct acl_policy *p, const char *name);

enum acl_format { ACL_TEXT, ACL_JSON };
/* Renders that same decision for people or programs; 'path' is what was asked about. Adds the hint if refused. */
void acl_explain(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op,
		 const char *path, const struct acl_view *view, enum acl_format format, struct buf *out);
/* One sentence without newline: the smallest single change that would allow it, verified by deciding again; "" if allowed. */
void acl_hint(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op,
	      const char *path, const struct acl_view *view, struct buf *out);
/* One sentence: operation, verbs, what decided, file:line. */
void acl_sentence(const struct acl_request *rq, const struct acl_decision *d, enum acl_op op, const char *path, struct buf *out);

/*
 * The merged policy as YAML, each key with "# file:line". What stands in files that 'view' refuses is left out, but for grants and list
 * entries that match 'who' (their source is "(hidden)") and declared directories that 'who' may see.
 */
void acl_effective(const struct acl_policy *p, const struct acl_principal *who, const struct acl_view *view, struct buf *out);

/* ------------------------------------------------------------------ generated and edited .zddc (SPEC section 7) */

/* The policy a new directory would have: does its own level say auto_own? */
bool acl_auto_own(const struct acl_policy *p);
/* The text of its .zddc. 'p' as for acl_auto_own. -EACCES for anonymous. */
int acl_auto_own_text(const struct acl_policy *p, const struct acl_principal *creator, struct buf *out);
/*
 * May 'edited' (NULL: removal) replace 'before' (NULL: none) in the directory 'segment' below 'parent' as far as mandated grants
 * go? Ask only for editors without V_A at the parent. -EINVAL with the reason in d if a member of a mandated role could end with
 * less than rwcda.
 */
int acl_mandate_check(struct acl *acl, struct acl_policy *parent, const char *segment, struct zddc_doc *before,
		      struct zddc_doc *edited, struct diags *d);
/*
 * Ask only for editors who are not administrators of the directory: a role that an admins: from above names (on this level or below)
 * may not be given other members here, or holding `a` would make one administrator. 'parent' NULL: the root. -EINVAL with the reason.
 */
int acl_admin_roles_check(struct acl *acl, struct acl_policy *parent, const char *segment, struct zddc_doc *before,
			  struct zddc_doc *edited, struct diags *d);
/* Root only: the last root administrator, and oneself, must stay. -EINVAL with the reason. */
int acl_root_admins_check(struct acl *acl, struct zddc_doc *before, struct zddc_doc *edited, const struct acl_principal *editor,
			  struct diags *d);
/* What a folder's own .zddc keeps when it is moved into a zone: title, created_by, received_path. "" if nothing. */
void acl_zone_text(const struct zddc_doc *doc, struct buf *out);

/* ------------------------------------------------------------------ a tree of policies */

/*
 * Where documents come from: the mount, the zddc tool and the tests each implement this. Callbacks are called with the snapshot
 * locked: they must not call the snapshot again.
 */
struct zddc_source {
	/* The bytes of dir's .zddc: 0, -ENOENT if there is none (or no such directory), another -errno if it cannot be read. */
	int (*read)(void *ctx, const char *dir, struct buf *text);
	/* The names of the sub-directories of dir on disk; 0 or -errno (-ENOENT for a declared slot that is not there). */
	int (*subdirs)(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg);
	/* Those sub-directories at or below which a .zddc lies. -EAGAIN while an index is being built. NULL: subdirs is used. */
	int (*policy_below)(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg);
	/* The last valid text of the root's .zddc, for an invalid one; may be NULL. */
	int (*last_root)(void *ctx, struct buf *text);
	/* Called for each invalid document when it is found; may be NULL. */
	void (*invalid)(void *ctx, const char *dir, const struct diags *d);
	/* Called for each document that was read and is valid: it takes effect; may be NULL. */
	void (*valid)(void *ctx, const char *dir, const char *text, size_t len);
	void *ctx;
};

/* Policies of directories by path, compiled when first asked for, O(1) afterwards. */
struct acl_snap;

struct acl_snap *acl_snap_new(struct acl *acl, const struct zddc_source *source);
void acl_snap_free(struct acl_snap *s);
/* The policy of dir, one reference for the caller. The directory need not exist (a slot, or what a mkdir would get). Never NULL. */
struct acl_policy *acl_snap_policy(struct acl_snap *s, const char *dir);
/* The document of dir, one reference, or NULL; *invalid tells an invalid one. */
struct zddc_doc *acl_snap_doc(struct acl_snap *s, const char *dir, bool *invalid);
/* dir's .zddc changed, or dir appeared, vanished or was renamed: forget it and all below. */
void acl_snap_forget(struct acl_snap *s, const char *dir);

/*
 * What lies at and below dir, for an edit or a move by somebody who is not administrator (SPEC section 2, guarded keys). Both may
 * answer -EAGAIN while an index is being built: the edit waits.
 */
/* May 'edited' replace 'before' in dir, as far as roles that documents below name in admins: go? 0, or -EINVAL with the reason in d. */
int acl_snap_roles_check(struct acl_snap *s, const char *dir, const struct zddc_doc *before, const struct zddc_doc *edited,
			 struct diags *d);
/* Does any document at or below dir hold a guarded key, or is invalid, so that nobody knows? 1, 0, or -errno. */
int acl_snap_guarded(struct acl_snap *s, const char *dir);
/* ... define a role that, moved to 'place' (the policy it would have there), an admins: of that place names? 1, 0, or -errno. */
int acl_snap_names_admins(struct acl_snap *s, const char *dir, struct acl_policy *place);

struct acl_sight {
	bool enter; /* the directory is visible: it may be entered, described. A virtual one is, too, where the place of its rows is */
	bool listed; /* and its name shows in the parent's listing */
	bool read; /* the principal holds r there */
};
/*
 * SPEC section 1 "visible, may enter": any verb in dir, a grant somewhere below, or administrator. 0, or -EAGAIN if the answer
 * depends on an index that is still being built, or -EIO.
 */
int acl_snap_sight(struct acl_snap *s, const char *dir, const struct acl_request *rq, struct acl_sight *out);

/* ------------------------------------------------------------------ may the kernel keep a name? (SPEC section 15; uniform.c) */

enum acl_class {
	ACL_MIXED, /* not everybody who may enter the directory is sure to get the same answer: the kernel must ask each time */
	ACL_UNIFORM, /* proved: they all do */
	ACL_UNIFORM_BUT_ADMINS, /* all but administrators who enter by their standing right alone */
};
enum acl_class_why {
#define CLASS_WHY(id, sentence) CLASS_##id,
#include "acl/class.def"
#undef CLASS_WHY
};
/* The proof's result. Pointers live as long as the policies and documents it was made from. */
struct acl_verdict {
	enum acl_class class;
	enum acl_class_why why;
	const char *who, *role; /* the pattern that decides it, and the role it came through; NULL if none */
	struct acl_src who_src, src; /* where it stands; the line in the way */
};
/*
 * The class of a name in dir: of its sub-directory 'name', on disk or declared (one that is neither is taken for a directory that a mkdir
 * would make), or, with 'name' NULL, of every file and link in it. Conservative: whenever it says ACL_UNIFORM, everybody who may enter dir may
 * enter that sub-directory and finds it in the listing, or may describe those files. What only the name tells (.zddc, temporary
 * names) is acl_name_class's. 'why' (may be NULL) gets a sentence with file and line; what 'view' refuses is left out of it.
 */
enum acl_class acl_snap_class(struct acl_snap *s, const char *dir, const char *name, const struct acl_view *view, struct buf *why);
/* ACL_MIXED, with the sentence in 'why' (may be NULL), for names that are so whatever policy says; p governs the directory. */
enum acl_class acl_name_class(const struct acl_policy *p, const char *name, struct buf *why);
/* The class of an entry by its name and by policy: the two together. */
enum acl_class acl_snap_class_of(struct acl_snap *s, const char *dir, const char *name, bool is_dir, const struct acl_view *view,
				 struct buf *why);
/* How that is told: "uniform  PATH" and the reason, or one JSON object. */
void acl_class_show(enum acl_class class, const char *path, const char *why, enum acl_format format, struct buf *out);
/*
 * A temporary name of the kind that transient: lists here (or that of the built-in defaults, where policy says nothing; p NULL: that). And the
 * ones among them that tell others a file is being edited.
 */
bool acl_is_transient(const struct acl_policy *p, const char *name);
bool acl_is_transient_lock(const char *name);
/* Nothing of its own lands on this level: everybody holds here what they hold in the directory above. */
bool acl_is_plain(const struct acl_policy *p);

/* ------------------------------------------------------------------ what documents say, for tools that list it (rules.c) */

enum acl_who { ACL_PERSON, ACL_GLOB, ACL_EVERYONE, ACL_ANONYMOUS, ACL_GROUP, ACL_ROLE };
enum acl_rule_kind { ACL_RULE_GRANT, ACL_RULE_MEMBER, ACL_RULE_ADMIN, ACL_RULE_WORM, ACL_RULE_WHEN, ACL_RULE_FREEZE, ACL_RULE_OWN_ROLE, ACL_RULE_EXCLUSIVE };

/* One line that can decide something. Strings live as long as the document. */
struct acl_rule {
	enum acl_rule_kind kind;
	const char *place; /* the segments of paths: that lead to it, joined by slashes; "" for the directory itself. Until each() returns */
	const char *text; /* as written: the grant's key, the member, the condition; "" of an empty worm: */
	const char *name; /* folded, without "group:" and "role:"; NULL of a condition or freeze */
	enum acl_who who; /* what 'name' is, by its text alone */
	const char *role; /* of a member, or of what is exclusive: the role's folded name */
	verbset verbs; /* of a grant or condition; 0 is a denial */
	uint32_t line;
};
void zddc_rules(const struct zddc_doc *doc, void (*each)(void *arg, const struct acl_rule *r), void *arg);
/*
 * Everybody and every role that a source of p names (also where a fence hides it), and as what; may come more than once. name as in
 * acl_rule.
 */
void acl_named(const struct acl_policy *p, void (*each)(void *arg, enum acl_rule_kind as, enum acl_who kind, const char *name), void *arg);
/* Does some paths: give policy to any directory below p, whatever its name ("*")? */
bool acl_names_any(const struct acl_policy *p);
/* What is held where all conditions (when:) hold: the decision's verbs before conditions were looked at. */
verbset acl_before_when(const struct acl_decision *d);

#endif
