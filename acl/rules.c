/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What documents and policies say, one line at a time: for coverage, lists of who holds what, and checks. Decides nothing. */
#include "acl/policy.h"
#include "base/buf.h"

static enum acl_who kind_of(const struct pattern *p)
{
	switch (p->kind) {
	case PAT_EMAIL: return ACL_PERSON;
	case PAT_DOMAIN:
	case PAT_GLOB: return ACL_GLOB;
	case PAT_EVERYONE: return ACL_EVERYONE;
	case PAT_ANONYMOUS: return ACL_ANONYMOUS;
	case PAT_GROUP: return ACL_GROUP;
	case PAT_ROLE: return ACL_ROLE;
	}
	return ACL_PERSON;
}

/* ---- the lines of a document ---- */

struct telling {
	void (*each)(void *arg, const struct acl_rule *r);
	void *arg;
	struct buf place;
};

static void tell(struct telling *t, struct acl_rule r)
{
	r.place = buf_str(&t->place);
	t->each(t->arg, &r);
}

static struct acl_rule about(enum acl_rule_kind kind, const struct pattern *p)
{
	return (struct acl_rule){.kind = kind, .text = p->written, .name = p->text, .who = kind_of(p), .line = p->line};
}

static void tell_list(struct telling *t, enum acl_rule_kind kind, const struct pattern_list *l, const char *role)
{
	for (size_t i = 0; i < l->n; i++) {
		struct acl_rule r = about(kind, &l->v[i]);
		r.role = role;
		tell(t, r);
	}
}

static void tell_when(struct telling *t, const struct body *b)
{
	for (size_t i = 0; i < b->n_when; i++)
		tell(t, (struct acl_rule){.kind = ACL_RULE_WHEN, .text = b->when[i].written, .verbs = b->when[i].verbs, .line = b->when[i].line});
	const struct ynode *freeze = b->value[ACL_KEY_FREEZE_UNTIL];
	if (freeze && freeze->key)
		tell(t, (struct acl_rule){.kind = ACL_RULE_FREEZE, .text = freeze->text, .line = freeze->key->line});
}

static void tell_body(struct telling *t, const struct body *b);

static void tell_below(struct telling *t, const struct path_entry *e)
{
	size_t len = t->place.len;
	buf_addf(&t->place, "%s%s", len ? "/" : "", e->segment);
	tell_body(t, e->body);
	t->place.len = len;
	t->place.data[len] = '\0';
}

static void tell_body(struct telling *t, const struct body *b)
{
	for (size_t i = 0; i < b->n_grants; i++) {
		struct acl_rule r = about(ACL_RULE_GRANT, &b->grants[i].who);
		r.verbs = b->grants[i].verbs;
		tell(t, r);
	}
	for (size_t i = 0; i < b->n_roles; i++) {
		tell_list(t, ACL_RULE_MEMBER, &b->roles[i].members, b->roles[i].name);
		tell_list(t, ACL_RULE_EXCLUSIVE, &b->roles[i].exclusive, b->roles[i].name);
	}
	tell_list(t, ACL_RULE_ADMIN, &b->admins, NULL);
	tell_list(t, ACL_RULE_WORM, &b->worm, NULL);
	if (b->worm.set && !b->worm.n)
		tell(t, (struct acl_rule){.kind = ACL_RULE_WORM, .text = "", .line = b->worm.line});
	tell_list(t, ACL_RULE_OWN_ROLE, &b->auto_own_roles, NULL);
	tell_when(t, b);
	for (size_t i = 0; i < b->n_paths; i++)
		tell_below(t, &b->paths[i]);
	if (b->star)
		tell_below(t, &(struct path_entry){"*", b->star});
}

void zddc_rules(const struct zddc_doc *doc, void (*each)(void *arg, const struct acl_rule *r), void *arg)
{
	struct telling t = {each, arg, BUF_INIT};
	tell_body(&t, doc->top);
	buf_free(&t.place);
}

/* ---- the names of a policy ---- */

typedef void name_fn(void *arg, enum acl_rule_kind as, enum acl_who kind, const char *name);

static void name_list(const struct pattern_list *l, enum acl_rule_kind as, name_fn *each, void *arg)
{
	for (size_t i = 0; i < l->n; i++)
		each(arg, as, kind_of(&l->v[i]), l->v[i].text);
}

void acl_named(const struct acl_policy *p, name_fn *each, void *arg)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct body *b = p->c[i].body;
		for (size_t k = 0; k < b->n_grants; k++)
			each(arg, ACL_RULE_GRANT, kind_of(&b->grants[k].who), b->grants[k].who.text);
		for (size_t k = 0; k < b->n_roles; k++) {
			each(arg, ACL_RULE_MEMBER, ACL_ROLE, b->roles[k].name);
			name_list(&b->roles[k].members, ACL_RULE_MEMBER, each, arg);
		}
		name_list(&b->admins, ACL_RULE_ADMIN, each, arg);
		name_list(&b->worm, ACL_RULE_WORM, each, arg);
	}
}

bool acl_names_any(const struct acl_policy *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (!p->threads[i].cut && p->threads[i].body->star)
			return true;
	return false;
}

verbset acl_before_when(const struct acl_decision *d)
{
	if (!d->zone)
		return d->granted;
	return (verbset)((d->granted & V_R) | (d->filer ? V_R | V_C : 0));
}
