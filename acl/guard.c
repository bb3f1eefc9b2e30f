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
#include "base/limits.h"
#include "base/str.h"

enum { PATH_TEXT = 512 };

struct guard {
	const char *file;
	struct diags *diags;
	char where[PATH_TEXT]; /* "paths: archive: *", for the message */
	size_t seen;
	unsigned left;
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
	if ((!old || !old->guards) && (!new || !new->guards))
		return;
	if (!g->left || !--g->left || g->seen > LIMIT_DIAGS)
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
	struct guard g = {.file = new ? new->file : old ? old->file : "?", .diags = d, .left = LIMIT_PAIRS};
	compare(&g, old ? old->top : NULL, new ? new->top : NULL);
	if (!g.left) {
		diag_add(d, DIAG_ERROR, g.file, 0, 0, "%s", TOO_MUCH_TO_COMPARE);
		g.seen++;
	}
	return g.seen ? -EINVAL : 0;
}

/* ---- roles that administer ---- */

bool admin_roles(const struct body *b, bool (*each)(void *arg, const char *role), void *arg)
{
	for (size_t i = 0; b->admins.n_roles && i < b->admins.n; i++)
		if (b->admins.v[i].kind == PAT_ROLE && !each(arg, b->admins.v[i].text))
			return false;
	for (size_t i = 0; i < b->n_paths; i++)
		if (!admin_roles(b->paths[i].body, each, arg))
			return false;
	return !b->star || admin_roles(b->star, each, arg);
}

bool defines_any(const struct body *b, const struct names *roles)
{
	for (size_t i = 0; i < b->n_roles; i++)
		if (names_get(roles, b->roles[i].name))
			return true;
	for (size_t i = 0; i < b->n_paths; i++)
		if (defines_any(b->paths[i].body, roles))
			return true;
	return b->star && defines_any(b->star, roles);
}

/* Does r name members that its role did not have, just so, in 'before' (NULL: none), or let others in or out by reset? */
static bool members_change(const struct body *before, const struct role *r)
{
	const struct role *was = before ? body_role(before, r->name) : NULL;
	if ((was ? was->reset : -1) != r->reset)
		return true; /* what stands above counts again, or no longer: `false` too speaks against a weaker source of that level */
	if (!r->members.n)
		return false;
	if (!was || was->members.n != r->members.n)
		return true;
	for (size_t i = 0; i < r->members.n; i++)
		if (strcmp(was->members.v[i].key, r->members.v[i].key) != 0)
			return true;
	return false;
}

struct changes {
	struct arena *arena;
	struct names *out;
	size_t left;
};

static void note(struct changes *x, const struct role *r) { names_put(x->out, x->arena, r->name, (void *)r); }

static void compare_roles(struct changes *x, const struct body *before, const struct body *b)
{
	for (size_t i = 0; b && i < b->n_roles; i++)
		if (members_change(before, &b->roles[i]))
			note(x, &b->roles[i]);
	for (size_t i = 0; before && i < before->n_roles; i++) /* what was said of reset is gone */
		if (before->roles[i].reset >= 0 && !(b && body_role(b, before->roles[i].name)))
			note(x, &before->roles[i]);
}

static size_t weight(const struct body *b) { return b ? b->n_roles + b->member_index.n : 0; }

static bool spend(struct changes *x, size_t n)
{
	x->left = n < x->left ? x->left - n : 0;
	return x->left > 0;
}

static void find_changed(struct changes *x, const struct body *before, const struct body *b)
{
	if ((!before || !before->speaks_of_roles) && (!b || !b->speaks_of_roles))
		return;
	if (!spend(x, 1 + weight(before) + weight(b)))
		return;
	compare_roles(x, before, b);
	for (size_t i = 0; b && i < b->n_paths; i++)
		find_changed(x, step(before, b->paths[i].segment), b->paths[i].body);
	for (size_t i = 0; before && i < before->n_paths; i++)
		if (!b || !body_path(b, before->paths[i].segment))
			find_changed(x, before->paths[i].body, step(b, before->paths[i].segment));
	find_changed(x, before ? before->star : NULL, b ? b->star : NULL);
}

bool roles_changed(const struct body *before, const struct body *edited, struct arena *a, struct names *out)
{
	struct changes x = {a, out, LIMIT_PAIRS};
	find_changed(&x, before, edited);
	return x.left > 0;
}
