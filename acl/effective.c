/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The merged policy of one directory as YAML for people, each line with its source (SPEC section 8, effective.yaml). */
#include <string.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/yemit.h"

struct view {
	const struct acl_policy *p;
	const struct acl_principal *who;
	const struct acl_view *reader;
	const struct zddc_doc *asked; /* whose answer is */
	bool answer;
	struct buf *out;
	struct held held; /* the roles of who */
};

/* Asked once for all the lines of a document that come together. */
static bool shown(struct view *v, const struct body *b)
{
	if (!v->reader || b->doc == v->asked)
		return !v->reader || v->answer;
	v->asked = b->doc;
	v->answer = v->reader->readable(v->reader->arg, b->doc->file);
	return v->answer;
}

static void source(struct view *v, const struct body *b, uint32_t line)
{
	if (!shown(v, b))
		buf_adds(v->out, "  # (hidden)\n");
	else if (line)
		buf_addf(v->out, "  # %s:%u\n", b->doc->file, line);
	else
		buf_addf(v->out, "  # %s\n", b->doc->file);
}

/* Of files the caller cannot read only what concerns the caller is shown. */
static bool concerns(struct view *v, const struct pattern *e, int level)
{
	struct membership m;
	if (!v->who)
		return false;
	return e->kind == PAT_ROLE ? role_holds(&v->held, e->text, level, true, &m) : pattern_matches(e, v->who);
}

static void show_grant(struct view *v, const struct contrib *c, const struct grant *g, int *level)
{
	char verbs[8];
	if (c->level != *level)
		buf_addf(v->out, "  - level: %d\n    entries:\n", c->level);
	*level = c->level;
	buf_adds(v->out, "      ");
	yemit_scalar(v->out, g->who.written);
	buf_addf(v->out, ": %s", g->verbs ? verbs_print(g->verbs, verbs) : "\"\"");
	source(v, c->body, g->who.line);
}

static void show_permissions(struct view *v)
{
	int level = -1;
	buf_adds(v->out, "permissions:  # the first level from the top with an entry that matches decides alone\n");
	for (size_t i = v->p->n; i-- > 0;) {
		const struct contrib *c = &v->p->c[i];
		for (size_t k = 0; c->seen && k < c->body->n_grants; k++) {
			const struct grant *g = &c->body->grants[k];
			if (!grant_overridden(v->p, i, g->who.key, true) && (shown(v, c->body) || concerns(v, &g->who, c->level)))
				show_grant(v, c, g, &level);
		}
	}
}

static void show_role(struct view *v, const struct body *b, const struct role *r)
{
	buf_addf(v->out, "  - role: %s%s", r->written, r->reset == 1 ? "  # reset" : "");
	source(v, b, r->line);
	for (size_t m = 0; m < r->members.n; m++) {
		buf_adds(v->out, m ? "      - " : "    members:\n      - ");
		yemit_scalar(v->out, r->members.v[m].written);
		source(v, b, r->members.v[m].line);
	}
}

static void show_roles(struct view *v)
{
	bool any = false;
	for (size_t i = 0; i < v->p->n; i++) {
		const struct contrib *c = &v->p->c[i];
		if (!c->seen || !c->body->n_roles || !shown(v, c->body))
			continue;
		buf_adds(v->out, any ? "" : "roles:\n");
		any = true;
		for (size_t k = 0; k < c->body->n_roles; k++)
			show_role(v, c->body, &c->body->roles[k]);
	}
}

/* The lists of all levels that count, as one. That there is a zone shows in its directories: an empty list says so, at least. */
static void show_list(struct view *v, const char *name, bool worm)
{
	const struct body *last = NULL;
	bool any = false;
	for (size_t i = 0; i < v->p->n; i++) {
		const struct body *b = v->p->c[i].body;
		const struct pattern_list *l = worm ? &b->worm : &b->admins;
		if (!l->set || v->p->c[i].level < 0 || (worm && v->p->c[i].cut))
			continue;
		last = b;
		for (size_t k = 0; k < l->n; k++) {
			if (!shown(v, b) && !concerns(v, &l->v[k], v->p->c[i].level))
				continue;
			if (!any)
				buf_addf(v->out, "%s:\n", name);
			any = true;
			buf_adds(v->out, "  - ");
			yemit_scalar(v->out, l->v[k].written);
			source(v, b, l->v[k].line);
		}
	}
	if (!last || any)
		return;
	buf_addf(v->out, "%s: []", name);
	source(v, last, worm ? last->worm.line : last->admins.line);
}

static void show_conditions(struct view *v)
{
	bool any = false;
	for (size_t i = 0; i < v->p->n; i++) {
		const struct contrib *c = &v->p->c[i];
		for (size_t k = 0; !c->cut && k < c->body->n_when && shown(v, c->body); k++) {
			const struct when_rule *r = &c->body->when[k];
			char verbs[8];
			buf_addf(v->out, "%s  - %s: ", any ? "" : "when:  # all apply\n", verbs_print(r->verbs, verbs));
			any = true;
			yemit_scalar(v->out, r->written);
			source(v, c->body, r->line);
		}
	}
}

static bool shown_above(enum acl_key k)
{
	return k == ACL_KEY_ACL || k == ACL_KEY_ROLES || k == ACL_KEY_ADMINS || k == ACL_KEY_WORM || k == ACL_KEY_WHEN || k == ACL_KEY_PATHS;
}

static void show_key(struct view *v, enum acl_key k)
{
	struct acl_value x = acl_get(v->p, k);
	if (!x.node || (v->reader && !v->reader->readable(v->reader->arg, x.file)))
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

struct slot_list {
	struct view *v;
	struct sight_walk *walk; /* NULL until it is needed */
	bool any;
};

static bool slot_shown(struct slot_list *l, const char *segment)
{
	const struct acl_policy *p = l->v->p;
	for (size_t i = 0; i < p->n_threads; i++)
		if (!p->threads[i].cut && body_path(p->threads[i].body, segment) && shown(l->v, p->threads[i].body))
			return true;
	if (!l->walk && l->v->who)
		l->walk = sight_walk_new(l->v->who);
	return l->walk && sight_walk_slot(l->walk, (struct acl_policy *)p, segment);
}

static bool show_slot(void *arg, const char *segment)
{
	struct slot_list *l = arg;
	if (!slot_shown(l, segment))
		return true;
	buf_adds(l->v->out, l->any ? "  - " : "slots:  # directories that paths: declares here\n  - ");
	l->any = true;
	yemit_scalar(l->v->out, segment);
	buf_addc(l->v->out, '\n');
	return true;
}

static void show_slots(struct view *v)
{
	struct slot_list l = {.v = v};
	acl_slots(v->p, show_slot, &l);
	sight_walk_free(l.walk);
}

static void show_invalid(struct view *v)
{
	const struct acl_src *at = &v->p->invalid;
	if (!v->reader || v->reader->readable(v->reader->arg, at->file))
		buf_addf(v->out, "# INVALID: nothing is granted until %s is repaired (line %u)\n", at->file, at->line);
	else
		buf_adds(v->out, "# INVALID: nothing is granted until it is repaired (hidden)\n");
}

void acl_effective(const struct acl_policy *p, const struct acl_principal *who, const struct acl_view *view, struct buf *out)
{
	struct view v = {.p = p, .who = who, .reader = view, .out = out};
	buf_addf(out, "# policy %s\n", p->hash);
	if (p->invalid_level >= 0) {
		show_invalid(&v);
		return;
	}
	held_init(&v.held, p, who, NULL);
	show_permissions(&v);
	show_roles(&v);
	show_list(&v, "admins", false);
	show_list(&v, "worm", true);
	show_conditions(&v);
	for (int k = 0; k < ACL_KEY_COUNT; k++)
		if (!shown_above((enum acl_key)k))
			show_key(&v, (enum acl_key)k);
	show_slots(&v);
	held_free(&v.held);
}
