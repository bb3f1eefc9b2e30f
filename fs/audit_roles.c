/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/audit_roles.h"

#include <stddef.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/ynode.h"
#include "fs/audit.h"

struct change {
	const struct identity *who;
	const char *file;
};

static const struct ynode *member(const struct ynode *map, const char *key)
{
	return map && map->kind == Y_MAP ? ynode_geti(map, key) : NULL;
}

/* "a@x, b@x" */
static void members_text(const struct ynode *role, struct buf *out)
{
	const struct ynode *list = member(role, "members");

	if (list && list->kind == Y_LIST)
		ynode_each(m, list)
			if (m->kind == Y_SCALAR)
				buf_addf(out, "%s%s", out->len ? ", " : "", m->text);
	if (member(role, "reset"))
		buf_adds(out, out->len ? " (reset)" : "(reset)");
}

static void say(const struct change *c, const char *segment, const char *name, const struct ynode *old, const struct ynode *new)
{
	AUTO_BUF before = BUF_INIT, after = BUF_INIT;

	members_text(old, &before);
	members_text(new, &after);
	const struct ledger_attr attrs[] = {
		LEDGER_ATTR_TEXT("role", name),
		LEDGER_ATTR_TEXT("before", old ? buf_str(&before) : NULL),
		LEDGER_ATTR_TEXT("after", new ? buf_str(&after) : NULL),
		LEDGER_ATTR_TEXT("below", segment),
	};
	audit_event(&(struct audit_event){.event = LEDGER_ROLE_CHANGE, .path = c->file, .who = c->who, .attrs = attrs, .n_attrs = *segment ? 4 : 3, AUDIT_EVENT_INIT});
}

static bool same(const struct ynode *a, const struct ynode *b) { return a && b ? ynode_equal(a, b) : a == b; }

static void compare_roles(const struct change *c, const char *segment, const struct ynode *old, const struct ynode *new)
{
	const struct ynode *was = member(old, "roles"), *is = member(new, "roles");

	if (is && is->kind == Y_MAP)
		ynode_each(role, is)
			if (!same(member(was, role->key->text), role))
				say(c, segment, role->key->text, member(was, role->key->text), role);
	if (was && was->kind == Y_MAP)
		ynode_each(role, was)
			if (!member(is, role->key->text))
				say(c, segment, role->key->text, role, NULL);
}

static void compare(const struct change *c, const char *segment, const struct ynode *old, const struct ynode *new);

/* The bodies of 'here' that 'other' has or has not; only those it has not, if 'missing'. */
static void compare_paths(const struct change *c, const char *segment, const struct ynode *here, const struct ynode *other, bool missing)
{
	if (!here || here->kind != Y_MAP)
		return;
	ynode_each(body, here) {
		const struct ynode *twin = member(other, body->key->text);
		AUTO_BUF at = BUF_INIT;

		if (missing && twin)
			continue;
		buf_addf(&at, "%s%s%s", segment, *segment ? "/" : "", body->key->text);
		compare(c, buf_str(&at), missing ? body : twin, missing ? NULL : body);
	}
}

static void compare(const struct change *c, const char *segment, const struct ynode *old, const struct ynode *new)
{
	if (same(old, new))
		return;
	compare_roles(c, segment, old, new);
	compare_paths(c, segment, member(new, "paths"), member(old, "paths"), false);
	compare_paths(c, segment, member(old, "paths"), member(new, "paths"), true);
}

void audit_roles_changed(const struct identity *who, const char *file, const struct zddc_doc *old, const struct zddc_doc *new)
{
	compare(&(struct change){who, file}, "", old ? zddc_tree(old) : NULL, new ? zddc_tree(new) : NULL);
}
