/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generated policy: what a folder's maker gets, what its roles must keep (SPEC section 7), and who must stay administrator. */
#include <errno.h>
#include <string.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/yemit.h"

static const struct pattern_list *auto_own_roles(const struct acl_policy *p)
{
	const struct contrib *c = own_level(p, ACL_KEY_AUTO_OWN_ROLES);
	return c ? &c->body->auto_own_roles : NULL;
}

int acl_auto_own_text(const struct acl_policy *p, const struct acl_principal *creator, struct buf *out)
{
	const struct contrib *fenced = own_level(p, ACL_KEY_AUTO_OWN_FENCED);
	const struct pattern_list *roles = auto_own_roles(p);
	if (!creator->email)
		return -EACCES;
	buf_adds(out, "created_by: ");
	yemit_scalar(out, creator->email);
	buf_adds(out, "\nacl:\n  permissions:\n    ");
	yemit_scalar(out, creator->email);
	buf_adds(out, ": rwcda\n");
	for (size_t i = 0; roles && i < roles->n; i++) {
		buf_adds(out, "    ");
		yemit_scalar(out, roles->v[i].text);
		buf_adds(out, ": rwcda\n");
	}
	if (fenced && fenced->body->auto_own_fenced)
		buf_adds(out, "  inherit: false\n");
	return 0;
}

void acl_zone_text(const struct zddc_doc *doc, struct buf *out)
{
	static const enum acl_key kept[] = {ACL_KEY_TITLE, ACL_KEY_CREATED_BY, ACL_KEY_RECEIVED_PATH};
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const struct ynode *v = doc->top->value[kept[i]];
		if (!v)
			continue;
		buf_addf(out, "%s: ", acl_keys[kept[i]].name);
		yemit_scalar(out, v->text);
		buf_addc(out, '\n');
	}
}

/* ---- mandated grants ---- */

struct mandate {
	struct acl_policy *after;
	const struct body *own; /* the edited document's top, NULL if it goes */
	const char *file;
	struct diags *diags;
	int err;
	size_t left; /* pairs that may still be compared */
};

__attribute__((format(printf, 3, 4))) static void hollow(struct mandate *m, uint32_t line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_addv(m->diags, DIAG_ERROR, m->file, line, 1, fmt, ap);
	va_end(ap);
	m->err = -EINVAL;
}

/* Could anybody be in both? A role is as wide as its members; groups and patterns may always meet. */
static bool deny_meets(struct mandate *m, const struct pattern *deny, const struct pattern *member)
{
	const struct acl_policy *p = m->after;
	if (m->left)
		m->left--;
	if (deny->kind != PAT_ROLE)
		return patterns_may_meet(deny, member);
	for (size_t i = 0; i < p->n; i++) {
		const struct role *r = body_role(p->c[i].body, deny->text);
		for (size_t k = 0; r && m->left && k < r->members.n; k++, m->left--)
			if (patterns_may_meet(&r->members.v[k], member))
				return true;
	}
	return false;
}

static void check_denials(struct mandate *m, const char *role, const struct pattern *member)
{
	const struct acl_policy *p = m->after;
	for (size_t i = p->n; i-- > 0 && p->c[i].level == p->level;)
		for (size_t k = 0; p->c[i].body->has_deny && m->left && k < p->c[i].body->n_grants; k++) {
			const struct grant *g = &p->c[i].body->grants[k];
			if (g->verbs || !deny_meets(m, &g->who, member))
				continue;
			hollow(m, g->who.line, "\"%s\": \"\" could shut out %s, a member of %s, who must keep rwcda here: take the line out",
			       g->who.written, member->written, role);
		}
}

static void check_role(struct mandate *m, const struct pattern *role)
{
	const struct grant *g = m->own ? body_grant(m->own, role->key) : NULL;
	const struct role *own = m->own ? body_role(m->own, role->text) : NULL;
	if (!g || g->verbs != V_ALL)
		hollow(m, g ? g->who.line : 0, "the role %s must keep rwcda here: write \"%s: rwcda\" in acl.permissions", role->text,
		       role->text);
	if (own && own->reset == 1)
		hollow(m, own->line, "reset: true would take the members of %s their rights here: take it out", role->text);
	for (size_t i = 0; i < m->after->n; i++) {
		const struct role *r = body_role(m->after->c[i].body, role->text);
		for (size_t k = 0; r && k < r->members.n; k++)
			check_denials(m, role->text, &r->members.v[k]);
	}
}

int acl_mandate_check(struct acl *acl, struct acl_policy *parent, const char *segment, struct zddc_doc *before, struct zddc_doc *edited,
		      struct diags *d)
{
	struct acl_policy *was = acl_child(acl, parent, segment, &(struct acl_own){.doc = before});
	struct mandate m = {.after = acl_child(acl, parent, segment, &(struct acl_own){.doc = edited}),
			    .own = edited ? edited->top : NULL,
			    .file = edited ? edited->file : before ? before->file : segment,
			    .diags = d,
			    .left = LIMIT_PAIRS};
	const struct pattern_list *roles = was->auto_own ? auto_own_roles(was) : NULL;
	for (size_t i = 0; roles && i < roles->n; i++)
		check_role(&m, &roles->v[i]);
	if (!m.left)
		hollow(&m, 0, "too many denials and members to make sure that nobody who must keep rwcda here is shut out: take denials out");
	acl_policy_unref(m.after);
	acl_policy_unref(was);
	return m.err;
}

/* ---- roles that administer ---- */

struct named {
	struct arena *arena;
	struct names *out;
};

static bool add_named(void *arg, const char *role)
{
	struct named *x = arg;
	names_put(x->out, x->arena, role, (void *)role);
	return true;
}

void roles_that_administer(const struct acl_policy *p, struct arena *a, struct names *out)
{
	struct named x = {a, out};
	for (size_t i = 0; i < p->n_threads; i++)
		admin_roles(p->threads[i].body, add_named, &x);
	for (size_t i = 0; i < p->n; i++) {
		const struct pattern_list *l = &p->c[i].body->admins;
		for (size_t k = 0; p->c[i].level == p->level && k < l->n; k++)
			if (l->v[k].kind == PAT_ROLE)
				add_named(&x, l->v[k].text);
	}
}

static int report_changed(const struct names *changed, const struct names *named, const char *file, struct diags *d)
{
	int err = 0;
	names_each(s, changed) {
		const struct role *r = s->value;
		if (!names_get(named, s->key))
			continue;
		diag_add(d, DIAG_ERROR, file, r->line, 1,
			 "members of the role %s administer this directory or one below: only an administrator may change who they are",
			 r->written);
		err = -EINVAL;
	}
	return err;
}

int acl_admin_roles_check(struct acl *acl, struct acl_policy *parent, const char *segment, struct zddc_doc *before,
			  struct zddc_doc *edited, struct diags *d)
{
	struct acl_policy *bare = parent ? acl_child(acl, parent, segment, NULL) : acl_root(acl, NULL); /* without its own document */
	const char *file = edited ? edited->file : before ? before->file : segment;
	struct arena a = ARENA_INIT;
	struct names changed = {0}, named = {0};
	bool known = roles_changed(before ? before->top : NULL, edited ? edited->top : NULL, &a, &changed);
	roles_that_administer(bare, &a, &named);
	if (before)
		admin_roles(before->top, add_named, &(struct named){&a, &named});
	if (!known)
		diag_add(d, DIAG_ERROR, file, 0, 0, "%s", TOO_MUCH_TO_COMPARE);
	int err = known ? report_changed(&changed, &named, file, d) : -EINVAL;
	arena_free(&a);
	acl_policy_unref(bare);
	return err;
}

/* ---- root administrators ---- */

static bool names_somebody(const struct acl_policy *root)
{
	for (size_t i = 0; i < root->n; i++) {
		const struct pattern_list *l = &root->c[i].body->admins;
		for (size_t k = 0; k < l->n; k++) {
			if (l->v[k].kind != PAT_ROLE && l->v[k].kind != PAT_ANONYMOUS)
				return true;
			for (size_t j = 0; l->v[k].kind == PAT_ROLE && j < root->n; j++) {
				const struct role *r = body_role(root->c[j].body, l->v[k].text);
				if (r && r->members.n)
					return true;
			}
		}
	}
	return false;
}

int acl_root_admins_check(struct acl *acl, struct zddc_doc *before, struct zddc_doc *edited, const struct acl_principal *editor,
			  struct diags *d)
{
	struct acl_policy *was = acl_root(acl, &(struct acl_own){.doc = before}), *is = acl_root(acl, &(struct acl_own){.doc = edited});
	const struct ynode *list = edited ? edited->top->value[ACL_KEY_ADMINS] : NULL;
	uint32_t line = list ? list->key->line : 0;
	int err = 0;
	if (!names_somebody(is)) {
		diag_add(d, DIAG_ERROR, ".zddc", line, 1, "admins: would name nobody: the archive needs at least one administrator");
		err = -EINVAL;
	} else if (acl_is_admin(was, editor, NULL) && !acl_is_admin(is, editor, NULL)) {
		diag_add(d, DIAG_ERROR, ".zddc", line, 1, "you would take yourself off admins: ask another administrator to do that");
		err = -EINVAL;
	}
	acl_policy_unref(was);
	acl_policy_unref(is);
	return err;
}
