/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/naming.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/ynode.h"
#include "fs/back.h"
#include "fs/back_walk.h"
#include "fs/gate.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/policy.h"
#include "fs/transient.h"
#include "schemas/schemas.h"

enum rule { NAMING_OFF, NAMING_WARN, NAMING_ENFORCE };

static const char EXAMPLE_FILE[] = "123456-EL-SPC-2623_A (IFR) - Title.pdf";
static const char EXAMPLE_DIR[] = "2025-10-31_123456-EM-SUB-0001 (IFR) - Title";

static enum rule rule_of(const struct acl_policy *p)
{
	struct acl_value v = acl_get(p, ACL_KEY_NAMING);

	if (policy_none() || !v.node || v.node->kind != Y_SCALAR)
		return NAMING_OFF;
	return !strcmp(v.node->text, "enforce") ? NAMING_ENFORCE : !strcmp(v.node->text, "warn") ? NAMING_WARN : NAMING_OFF;
}

static int conforms(const char *name, bool is_dir, struct docname_error *why)
{
	return is_dir ? docname_check_dir(name, why) : docname_check_file(name, why);
}

static bool is_new_name(const char *name)
{
	return str_starts(name, "New ");
}

static int refuse(struct op *op, enum acl_op what, struct node *dir, const char *name, bool is_dir, const struct docname_error *why)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	return gate_refuse(op, EINVAL, what, path, "%s: names here follow the convention (naming: enforce), and the %s does not: %s; as in \"%s\"", path,
			   docpart_word(why->part), why->text, is_dir ? EXAMPLE_DIR : EXAMPLE_FILE);
}

int naming_check(struct op *op, enum acl_op what, struct node *dir, const char *name, bool is_dir, bool empty)
{
	struct acl_policy *p = policy_of(dir);
	enum rule rule = rule_of(p);
	bool passes = rule == NAMING_OFF || transient_name(p, name) || (empty && is_new_name(name));
	struct docname_error why;

	acl_policy_unref(p);
	if (passes || conforms(name, is_dir, &why) == 0)
		return 0;
	if (rule == NAMING_ENFORCE)
		return refuse(op, what, dir, name, is_dir, &why);
	AUTO_FREE char *path = node_path_in(dir, name);
	log_warn("%s: the %s is not as the naming convention wants it: %s", path, docpart_word(why.part), why.text);
	return 0;
}

/* ------------------------------------------------------------------------------------------------ a whole folder */

struct tree {
	const struct acl_policy *p;
	struct diags bad;
};

static enum walk_on check_entry(void *arg, const struct walked *at)
{
	struct tree *t = arg;
	struct docname_error why;

	if (transient_name(t->p, at->name))
		return WALK_PAST;
	if (conforms(at->name, at->type == DT_DIR, &why) < 0)
		diag_add(&t->bad, DIAG_ERROR, at->path, 0, 0, "%s: %s", docpart_word(why.part), why.text);
	return t->bad.errors < LIMIT_DIAGS ? WALK_ON : WALK_END;
}

static int refuse_tree(struct op *op, struct node *dir, const char *name, const struct tree *t)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	return gate_refuse_text(op->caller.id, EINVAL, ACL_OP_RENAME_TO, path, &t->bad,
				"nothing was moved: %zu name%s in it do%s not follow the convention (naming: enforce), as \"%s\" does", t->bad.n,
				t->bad.n == 1 ? "" : "s", t->bad.n == 1 ? "es" : "", EXAMPLE_FILE);
}

int naming_check_tree(struct op *op, struct node *dir, const char *name, int from_fd, const char *name_now)
{
	struct acl_policy *p = policy_of(dir);
	struct tree t = {.p = p};
	enum rule rule = rule_of(p);
	int r = naming_check(op, ACL_OP_RENAME_TO, dir, name, true, false);

	if (r == 0 && rule != NAMING_OFF)
		r = back_walk(from_fd, name_now, check_entry, &t);
	if (r == 0 && t.bad.n && rule == NAMING_ENFORCE)
		r = refuse_tree(op, dir, name, &t);
	if (r == 0 && t.bad.n)
		log_warn("%s is moved into a place with a naming convention: %zu names in it do not follow it", name, t.bad.n);
	diags_free(&t.bad);
	acl_policy_unref(p);
	return r;
}

/* ------------------------------------------------------------------------------------------------ still without its name */

bool naming_is_pending(struct node *dir, const char *name, bool is_dir)
{
	struct acl_policy *p;
	bool enforced;

	if (!is_new_name(name))
		return false;
	p = policy_of(dir);
	enforced = rule_of(p) == NAMING_ENFORCE;
	acl_policy_unref(p);
	return enforced && conforms(name, is_dir, NULL) < 0;
}

int naming_refuse_pending(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	struct docname_error why;
	bool is_dir = what != ACL_OP_WRITE;
	AUTO_FREE char *path = node_path_in(dir, name);

	if (conforms(name, is_dir, &why) == 0)
		return 0;
	return gate_refuse(op, EINVAL, what, path, "%s stays empty until it has a name of the convention (naming: enforce): %s: %s; as in \"%s\"", path,
			   docpart_word(why.part), why.text, is_dir ? EXAMPLE_DIR : EXAMPLE_FILE);
}

int naming_check_dir_named(struct op *op, enum acl_op what, struct node *dir)
{
	if (!dir->parent || !naming_is_pending(dir->parent, dir->name, true))
		return 0;
	return naming_refuse_pending(op, what == ACL_OP_WRITE ? ACL_OP_CREATE : what, dir->parent, dir->name);
}
