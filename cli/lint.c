/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/lint.h"

#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/table.h"
#include "base/ynode.h"
#include "cli/engine.h"
#include "cli/out.h"
#include "cli/tree.h"

/* ------------------------------------------------------------------------------------------------ roles with members */

struct lint_role {
	UT_hash_handle hh;
	char name[]; /* folded */
};

static struct lint_role *seen_role(const struct lint_roles *r, const char *name)
{
	struct lint_role *x;
	AUTO_FREE char *folded = strdup(name);

	if (!folded)
		abort();
	str_lower(folded);
	HASH_FIND_STR(r->by_name, folded, x);
	return x;
}

static void add_role(struct lint_roles *r, const char *name)
{
	struct lint_role *x = calloc(1, sizeof *x + strlen(name) + 1);

	if (!x)
		abort();
	str_lower(strcpy(x->name, name));
	HASH_ADD_STR(r->by_name, name, x);
}

static void add_roles(struct lint_roles *r, const struct ynode *body)
{
	ynode_each(role, ynode_get(body, "roles")) {
		const struct ynode *members = role->kind == Y_MAP ? ynode_get(role, "members") : NULL;

		if (members && members->n && !seen_role(r, role->key->text))
			add_role(r, role->key->text);
	}
	ynode_each(below, ynode_get(body, "paths"))
		add_roles(r, below);
}

void lint_roles_add(struct lint_roles *r, const struct zddc_doc *doc)
{
	add_roles(r, zddc_tree(doc));
}

void lint_roles_free(struct lint_roles *r)
{
	struct lint_role *x, *next;

	HASH_ITER(hh, r->by_name, x, next) {
		HASH_DEL(r->by_name, x);
		free(x);
	}
}

/* ------------------------------------------------------------------------------------------------ one body */

struct lint {
	const struct engine *e;
	const struct lint_roles *seen;
	const char *file;
	struct diags *d;
};

/* The role that a key or list entry names; NULL if it is a pattern. */
static const char *role_named(const char *text)
{
	if (str_starts(text, "role:"))
		return text + 5;
	if (strpbrk(text, "@*") || str_starts(text, "group:") || str_ieq(text, "anonymous"))
		return NULL;
	return text;
}

static void check_role(struct lint *l, const struct ynode *at, const char *role, const struct acl_policy *p, bool in_list, bool any_place)
{
	enum acl_role_state state = acl_role_state(p, role, in_list);
	const char *near;

	if (state == ACL_ROLE_MEMBERS || (any_place && seen_role(l->seen, role)))
		return;
	if (state == ACL_ROLE_EMPTY) {
		diag_add(l->d, DIAG_WARNING, l->file, at->line, at->col,
			 "role %s has no member here, so nobody is meant: name some under roles: %s: members:", role, role);
		return;
	}
	near = acl_role_near(p, role);
	if (near && str_ieq(near, role)) /* a fence hides it */
		diag_add(l->d, DIAG_WARNING, l->file, at->line, at->col,
			 "role %s is not seen here, acl.inherit: false lies between: name its members again, or people", role);
	else if (near)
		diag_add(l->d, DIAG_WARNING, l->file, at->line, at->col, "there is no role %s here: did you mean %s?", role, near);
	else
		diag_add(l->d, DIAG_WARNING, l->file, at->line, at->col,
			 "%s is no role here, no e-mail address and no pattern, so it matches nobody", role);
}

static void check_list(struct lint *l, const struct ynode *list, const struct acl_policy *p, bool only_roles, bool any_place)
{
	ynode_each(m, list) {
		const char *role = m->kind == Y_SCALAR ? role_named(m->text) : NULL;

		if (m->kind == Y_SCALAR && !role && only_roles)
			role = m->text;
		if (role)
			check_role(l, m, role, p, true, any_place);
	}
}

/* Verbs that a write-once place takes away from everybody. */
static void check_masked(struct lint *l, const struct ynode *grant, const struct acl_policy *p)
{
	verbset v;
	char bad, dead[8];

	if (!acl_is_zone(p) || !verbs_parse(grant->text, &v, &bad) || !(v & (V_W | V_D | V_A)))
		return;
	verbs_print(v & (V_W | V_D | V_A), dead);
	diag_add(l->d, DIAG_WARNING, l->file, grant->line, grant->col,
		 "%s: \"%s\" can never work here, the place is write-once: take those letters away", grant->key->text, dead);
}

static void check_body(struct lint *l, const struct ynode *body, const char *dir, bool any_place)
{
	struct acl_policy *p = acl_snap_policy(l->e->snap, dir);

	ynode_each(grant, ynode_get(ynode_get(body, "acl"), "permissions")) {
		const char *role = role_named(grant->key->text);

		if (role)
			check_role(l, grant->key, role, p, false, any_place);
		check_masked(l, grant, p);
	}
	check_list(l, ynode_get(body, "worm"), p, false, any_place);
	check_list(l, ynode_get(body, "admins"), p, false, any_place);
	check_list(l, ynode_get(body, "auto_own_roles"), p, true, any_place);
	acl_policy_unref(p);
	ynode_each(below, ynode_get(body, "paths")) {
		AUTO_BUF sub = BUF_INIT;

		tree_join(&sub, dir, below->key->text);
		check_body(l, below, buf_str(&sub), any_place || !strcmp(below->key->text, "*"));
	}
}

void lint_document_in(const struct engine *e, const char *dir, const struct zddc_doc *doc, const struct lint_roles *seen,
		      struct diags *d)
{
	struct lint l = {.e = e, .seen = seen, .file = zddc_file(doc), .d = d};

	check_body(&l, zddc_tree(doc), dir, false);
}

/* ------------------------------------------------------------------------------------------------ the tree */

void lint_root(const struct engine *e, struct diags *d)
{
	struct acl_policy *root = acl_snap_policy(e->snap, "");
	struct acl_value admins = acl_get(root, ACL_KEY_ADMINS);

	if (!acl_is_invalid(root) && (!admins.node || !admins.node->n))
		diag_add(d, DIAG_WARNING, ".zddc", 0, 0, "nobody administers this archive: name somebody under admins:");
	acl_policy_unref(root);
}

/* Differs from .zddc or .zddc.d only in case, or in blanks or dots behind it. */
static bool lookalike(const char *name)
{
	AUTO_FREE char *bare = strdup(name);
	size_t n = strlen(name);

	if (!bare || !strcmp(name, ".zddc") || !strcmp(name, ".zddc.d"))
		return false;
	while (n && strchr(" .\t", bare[n - 1]))
		bare[--n] = 0;
	return str_ieq(bare, ".zddc") || str_ieq(bare, ".zddc.d");
}

static bool party_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	AUTO_BUF more = BUF_INIT;

	buf_addf(&more, "%s.-", allowed);
	return *name && strchr(allowed, *name) && !name[strspn(name, buf_str(&more))];
}

static bool stop(void *arg, const char *segment)
{
	(void)segment;
	*(bool *)arg = true;
	return false;
}

/* A party is what policy gives to its maker and fills with slots. */
static bool is_party(const struct engine *e, const char *dir)
{
	struct acl_policy *p = acl_snap_policy(e->snap, dir);
	bool slots = false;

	if (acl_auto_own(p))
		acl_slots(p, stop, &slots);
	acl_policy_unref(p);
	return slots;
}

void lint_entry(const struct engine *e, const char *dir, const char *name, bool is_dir, struct diags *d)
{
	AUTO_BUF path = BUF_INIT;

	tree_join(&path, dir, name);
	if (lookalike(name))
		diag_add(d, DIAG_WARNING, buf_str(&path), 0, 0, "the name looks like policy and is none: rename or remove it");
	if (is_dir && !party_name(name) && is_party(e, buf_str(&path)))
		diag_add(d, DIAG_WARNING, buf_str(&path), 0, 0,
			 "no register lists a party of this name: use letters, digits, dots and hyphens, and begin with a letter or digit");
}
