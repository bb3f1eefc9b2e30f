/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The merged policy of one directory as YAML for people, each line with its source (SPEC section 8, effective.yaml). */
#include <string.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/yemit.h"

struct view {
	const struct acl_policy *p;
	const struct acl_principal *who;
	bool (*readable)(void *arg, const char *file);
	void *arg;
	struct buf *out;
};

static bool shown(const struct view *v, const struct body *b) { return !v->readable || v->readable(v->arg, b->doc->file); }

static void source(const struct view *v, const struct body *b, uint32_t line)
{
	if (!shown(v, b))
		buf_adds(v->out, "  # (hidden)\n");
	else if (line)
		buf_addf(v->out, "  # %s:%u\n", b->doc->file, line);
	else
		buf_addf(v->out, "  # %s\n", b->doc->file);
}

/* Of files the caller cannot read only what concerns the caller is shown. */
static bool concerns(const struct view *v, const struct pattern *e, int level)
{
	struct membership m;
	if (!v->who)
		return false;
	return e->kind == PAT_ROLE ? role_holds(v->p, v->who, e->text, level, true, NULL, &m) : pattern_matches(e, v->who);
}

static void show_grants(const struct view *v, size_t i)
{
	const struct contrib *c = &v->p->c[i];
	for (size_t k = 0; k < c->body->n_grants; k++) {
		const struct grant *g = &c->body->grants[k];
		char verbs[8];
		if (grant_overridden(v->p, i, g->who.key, true) || (!shown(v, c->body) && !concerns(v, &g->who, c->level)))
			continue;
		buf_adds(v->out, "      ");
		yemit_scalar(v->out, g->who.written);
		buf_addf(v->out, ": %s", g->verbs ? verbs_print(g->verbs, verbs) : "\"\"");
		source(v, c->body, g->who.line);
	}
}

static void show_permissions(const struct view *v)
{
	int last = -1;
	buf_adds(v->out, "permissions:  # the first level from the top with an entry that matches decides alone\n");
	for (size_t i = v->p->n; i-- > 0;) {
		if (!v->p->c[i].seen || !v->p->c[i].body->n_grants)
			continue;
		if (v->p->c[i].level != last)
			buf_addf(v->out, "  - level: %d\n    entries:\n", v->p->c[i].level);
		last = v->p->c[i].level;
		show_grants(v, i);
	}
}

static void show_roles(const struct view *v)
{
	bool any = false;
	for (size_t i = 0; i < v->p->n; i++)
		for (size_t k = 0; v->p->c[i].seen && k < v->p->c[i].body->n_roles; k++) {
			const struct body *b = v->p->c[i].body;
			const struct role *r = &b->roles[k];
			if (!shown(v, b))
				continue;
			buf_adds(v->out, any ? "" : "roles:\n");
			any = true;
			buf_addf(v->out, "  - role: %s%s", r->written, r->reset == 1 ? "  # reset" : "");
			source(v, b, r->line);
			for (size_t m = 0; m < r->members.n; m++) {
				buf_adds(v->out, m ? "      - " : "    members:\n      - ");
				yemit_scalar(v->out, r->members.v[m].written);
				source(v, b, r->members.v[m].line);
			}
		}
}

/* The lists of all levels that count, as one; "[]" only if every one of them is empty. */
static void show_list(const struct view *v, const char *name, bool worm)
{
	const struct body *empty = NULL;
	uint32_t line = 0;
	bool any = false;
	for (size_t i = 0; i < v->p->n; i++) {
		const struct body *b = v->p->c[i].body;
		const struct pattern_list *l = worm ? &b->worm : &b->admins;
		if (!l->set || v->p->c[i].level < 0 || (worm && v->p->c[i].cut))
			continue;
		empty = b;
		line = l->line;
		if (l->n && !any)
			buf_addf(v->out, "%s:\n", name);
		any |= l->n > 0;
		for (size_t k = 0; k < l->n; k++) {
			if (!shown(v, b) && !concerns(v, &l->v[k], v->p->c[i].level))
				continue;
			buf_adds(v->out, "  - ");
			yemit_scalar(v->out, l->v[k].written);
			source(v, b, l->v[k].line);
		}
	}
	if (empty && !any) {
		buf_addf(v->out, "%s: []", name);
		source(v, empty, line);
	}
}

static void show_conditions(const struct view *v)
{
	bool any = false;
	for (size_t i = 0; i < v->p->n; i++)
		for (size_t k = 0; !v->p->c[i].cut && k < v->p->c[i].body->n_when; k++) {
			const struct when_rule *r = &v->p->c[i].body->when[k];
			char verbs[8];
			buf_addf(v->out, "%s  - %s: ", any ? "" : "when:  # all apply\n", verbs_print(r->verbs, verbs));
			any = true;
			yemit_scalar(v->out, r->written);
			source(v, v->p->c[i].body, r->line);
		}
}

static bool shown_above(enum acl_key k)
{
	return k == ACL_KEY_ACL || k == ACL_KEY_ROLES || k == ACL_KEY_ADMINS || k == ACL_KEY_WORM || k == ACL_KEY_WHEN || k == ACL_KEY_PATHS;
}

static void show_key(const struct view *v, enum acl_key k)
{
	struct acl_value x = acl_get(v->p, k);
	if (!x.node || (v->readable && !v->readable(v->arg, x.file)))
		return;
	buf_addf(v->out, "%s:", acl_keys[k].name);
	if (x.node->kind == Y_SCALAR) {
		buf_addc(v->out, ' ');
		if (x.node->type == Y_STR)
			yemit_scalar(v->out, x.node->text);
		else
			buf_adds(v->out, x.node->text);
	}
	buf_addf(v->out, "  # %s:%u\n", x.file, x.line);
	if (x.node->kind != Y_SCALAR)
		yemit_node(v->out, x.node, 2);
}

static bool show_slot(void *arg, const char *segment)
{
	struct view *v = arg;
	buf_adds(v->out, "  - ");
	yemit_scalar(v->out, segment);
	buf_addc(v->out, '\n');
	return true;
}

static bool any_slot(void *arg, const char *segment)
{
	(void)segment;
	*(bool *)arg = true;
	return false;
}

void acl_effective(const struct acl_policy *p, const struct acl_principal *who, bool (*readable)(void *arg, const char *file), void *arg,
		   struct buf *out)
{
	struct view v = {p, who, readable, arg, out};
	bool slots = false;
	buf_addf(out, "# policy %s\n", p->hash);
	if (p->invalid_level >= 0) {
		buf_addf(out, "# INVALID: nothing is granted until %s is repaired (line %u)\n",
			 !readable || readable(arg, p->invalid.file) ? p->invalid.file : "(hidden)", p->invalid.line);
		return;
	}
	show_permissions(&v);
	show_roles(&v);
	show_list(&v, "admins", false);
	show_list(&v, "worm", true);
	show_conditions(&v);
	for (int k = 0; k < ACL_KEY_COUNT; k++)
		if (!shown_above((enum acl_key)k))
			show_key(&v, (enum acl_key)k);
	acl_slots(p, any_slot, &slots);
	if (slots) {
		buf_adds(out, "slots:  # directories that paths: declares here\n");
		acl_slots(p, show_slot, &v);
	}
}
