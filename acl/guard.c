/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody who merely holds `a` may not change (SPEC section 2, guarded keys). Compared is the effect, not the text: a literal
 * segment written beside a "*" that carries guarded keys would lift them for that directory, so every segment is compared with
 * what selected it before.
 */
#include <errno.h>
#include <string.h>

#include "acl/doc.h"
#include "base/err.h"
#include "base/str.h"

enum { PATH_TEXT = 512 };

struct guard {
	const char *file;
	struct diags *diags;
	char where[PATH_TEXT]; /* "paths: archive: *", for the message */
	size_t seen;
};

static void report(struct guard *g, const struct ynode *at, const struct ynode *was, const char *key, const char *done)
{
	const struct ynode *pos = at ? at : was;
	uint32_t line = pos ? (pos->key ? pos->key->line : pos->line) : 0;
	g->seen++;
	diag_add(g->diags, DIAG_ERROR, g->file, line, pos && pos->key ? pos->key->col : 1,
		 "%s is a guarded key: only an administrator may %s it%s%s", key, done, *g->where ? ", in " : "", g->where);
}

static void compare_keys(struct guard *g, const struct body *old, const struct body *new)
{
	for (int k = 0; k < ACL_KEY_COUNT; k++) {
		const struct ynode *was = old ? old->value[k] : NULL, *is = new ? new->value[k] : NULL;
		if (!acl_keys[k].guarded || (!was && !is))
			continue;
		if (!was || !is)
			report(g, is, was, acl_keys[k].name, is ? "add" : "remove");
		else if (!ynode_equal(was, is))
			report(g, is, was, acl_keys[k].name, "change");
	}
}

static void compare(struct guard *g, const struct body *old, const struct body *new);

static void compare_below(struct guard *g, const char *segment, const struct body *old, const struct body *new)
{
	size_t n = strlen(g->where);
	if (n + strlen(segment) + 3 < sizeof(g->where)) {
		strcat(g->where, n ? "/" : "paths: ");
		strcat(g->where, segment);
	}
	compare(g, old, new);
	g->where[n] = '\0';
}

static const struct body *step(const struct body *b, const char *segment) { return b ? body_step(b, segment) : NULL; }

static void compare(struct guard *g, const struct body *old, const struct body *new)
{
	const struct body *was = old ? old->star : NULL, *is = new ? new->star : NULL;
	if (old == new)
		return;
	compare_keys(g, old, new);
	if (was || is)
		compare_below(g, "*", was, is);
	for (size_t i = 0; old && i < old->n_paths; i++)
		compare_below(g, old->paths[i].segment, old->paths[i].body, step(new, old->paths[i].segment));
	for (size_t i = 0; new && i < new->n_paths; i++)
		if (!old || !body_path(old, new->paths[i].segment))
			compare_below(g, new->paths[i].segment, step(old, new->paths[i].segment), new->paths[i].body);
}

int zddc_guard_check(const struct zddc_doc *old, const struct zddc_doc *new, struct diags *d)
{
	struct guard g = {.file = new ? new->file : old ? old->file : "?", .diags = d};
	compare(&g, old ? old->top : NULL, new ? new->top : NULL);
	return g.seen ? -EINVAL : 0;
}

/* ---- roles that administer ---- */

bool patterns_name_role(const struct pattern_list *list, const char *role)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].kind == PAT_ROLE && !strcmp(list->v[i].text, role))
			return true;
	return false;
}

bool admins_name(const struct body *b, const char *role)
{
	if (patterns_name_role(&b->admins, role))
		return true;
	for (size_t i = 0; i < b->n_paths; i++)
		if (admins_name(b->paths[i].body, role))
			return true;
	return b->star && admins_name(b->star, role);
}

bool role_members_change(const struct body *before, const struct role *r)
{
	const struct role *was = before ? body_role(before, r->name) : NULL;
	if ((was && was->reset == 1) != (r->reset == 1))
		return true; /* what stands above counts again, or no longer */
	if (!r->members.n)
		return false;
	if (!was || was->members.n != r->members.n)
		return true;
	for (size_t i = 0; i < r->members.n; i++)
		if (strcmp(was->members.v[i].key, r->members.v[i].key) != 0)
			return true;
	return false;
}

bool role_reset_lost(const struct body *edited, const struct role *was)
{
	return was->reset == 1 && !(edited && body_role(edited, was->name));
}
