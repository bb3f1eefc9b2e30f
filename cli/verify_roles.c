/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks R1 to R9: roles, lists, identities and administrators, by what the documents say. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "acl/idmap.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/cli.h"
#include "cli/tree.h"
#include "cli/vec.h"
#include "cli/verify.h"

/* A rule of one document. */
struct looking {
	struct verify *v;
	const struct vplace *at;
	const char *file;
	void *arg;
};

typedef void rule_fn(void *looking, const struct acl_rule *r);

static void each_rule(struct verify *v, rule_fn *each, void *arg)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].doc) {
			struct looking l = {v, &v->v[i], zddc_file(v->v[i].doc), arg};

			zddc_rules(v->v[i].doc, each, &l);
		}
}

/* The policy of the place that a rule lands on, one reference. */
static struct acl_policy *landing(const struct looking *l, const char *place)
{
	AUTO_BUF path = BUF_INIT;

	if (!*place)
		return acl_policy_ref(l->at->policy);
	tree_join(&path, l->at->path, place);
	return acl_snap_policy(l->v->rules->e.snap, buf_str(&path));
}

/* ------------------------------------------------------------------------------------------------ R1 */

static void declared(void *arg, const struct acl_rule *r)
{
	struct looking *l = arg;
	struct acl_policy *p;

	if (r->who != ACL_ROLE || !r->name || r->kind == ACL_RULE_MEMBER)
		return;
	p = landing(l, r->place);
	if (acl_role_state(p, r->name, r->kind != ACL_RULE_GRANT) == ACL_ROLE_UNKNOWN)
		verify_find(l->v, l->file, r->line, "there is no role %s here", r->text);
	acl_policy_unref(p);
}

void check_declared(struct verify *v)
{
	each_rule(v, declared, NULL);
}

/* ------------------------------------------------------------------------------------------------ R2 */

/* The verbs that only roles without a member give here; *role is one of them. */
static verbset stranded(struct verify *v, const struct acl_policy *p, const char **role)
{
	struct subject_list l;
	verbset by_empty = 0, by_somebody = 0;

	subjects_of(v->people, p, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct acl_decision d = subject_decide(l.v[i], p, 0, v->now);
		verbset held = acl_before_when(&d);

		if (l.v[i]->kind != ACL_ROLE) {
			by_somebody |= held;
		} else if (held && acl_role_state(p, l.v[i]->role, d.filer) == ACL_ROLE_EMPTY) {
			if (held & ~by_empty)
				*role = l.v[i]->name;
			by_empty |= held;
		}
	}
	subject_list_free(&l);
	return by_empty & (verbset)~by_somebody;
}

void check_empty_roles(struct verify *v)
{
	verbset *seen = calloc(v->n + 1, sizeof *seen);

	if (!seen)
		abort();
	for (size_t i = 0; i < v->n; i++) {
		const char *role = "";
		char verbs[8];

		seen[i] = stranded(v, v->v[i].policy, &role);
		if (seen[i] && !(v->v[i].parent && seen[v->v[i].parent - v->v] == seen[i]))
			verify_find(v, v->v[i].path, 0, "only role %s holds %s, and it has no member", role, verbs_print(seen[i], verbs));
	}
	free(seen);
}

/* ------------------------------------------------------------------------------------------------ R3 */

/* A role that another lists as a member. */
struct edge {
	const char *from, *to, *file;
	uint32_t line;
};

struct edges {
	struct edge *v;
	size_t n;
};

static void add_edge(void *arg, const struct acl_rule *r)
{
	struct looking *l = arg;
	struct edges *e = l->arg;

	if (r->kind != ACL_RULE_MEMBER || r->who != ACL_ROLE)
		return;
	e->v = vec_room(e->v, e->n, sizeof *e->v);
	e->v[e->n++] = (struct edge){r->role, r->name, l->file, r->line};
}

static bool leads_to(const struct edges *e, const char *from, const char *to, size_t most)
{
	if (!strcmp(from, to))
		return true;
	for (size_t i = 0; most && i < e->n; i++)
		if (!strcmp(e->v[i].from, from) && leads_to(e, e->v[i].to, to, most - 1))
			return true;
	return false;
}

void check_cycles(struct verify *v)
{
	struct edges e = {0};

	each_rule(v, add_edge, &e);
	for (size_t i = 0; i < e.n; i++)
		if (leads_to(&e, e.v[i].to, e.v[i].from, e.n < 32 ? e.n : 32))
			verify_find(v, e.v[i].file, e.v[i].line, "role %s is a member of %s, which is a member of it", e.v[i].to, e.v[i].from);
	free(e.v);
}

/* ------------------------------------------------------------------------------------------------ R4 */

struct pair {
	const char *a, *b;
	const struct vplace *at;
	const char *file;
	uint32_t line;
};

struct pairs {
	struct pair *v;
	size_t n;
};

static void add_pair(void *arg, const struct acl_rule *r)
{
	struct looking *l = arg;
	struct pairs *p = l->arg;

	if (r->kind != ACL_RULE_EXCLUSIVE)
		return;
	p->v = vec_room(p->v, p->n, sizeof *p->v);
	p->v[p->n++] = (struct pair){r->role, r->name, l->at, l->file, r->line};
}

struct holding {
	const char *a, *b;
	bool has_a, has_b;
};

static void note_role(void *arg, const char *role, struct acl_src src)
{
	struct holding *h = arg;

	(void)src;
	h->has_a |= str_ieq(role, h->a);
	h->has_b |= str_ieq(role, h->b);
}

static bool below(const struct vplace *p, const struct vplace *top)
{
	while (p && p != top)
		p = p->parent;
	return p != NULL;
}

/* Who holds both of a pair, in the place that says so and where members are added below it. */
static void check_pair(struct verify *v, const struct pair *x)
{
	for (size_t i = 0; i < v->n; i++) {
		struct subject_list l;

		if (!v->v[i].doc || !below(&v->v[i], x->at))
			continue;
		subjects_of(v->people, v->v[i].policy, &l);
		for (size_t k = 0; k < l.n; k++) {
			struct holding h = {.a = x->a, .b = x->b};
			AUTO_BUF who = BUF_INIT;

			if (l.v[k]->kind == ACL_ROLE)
				continue;
			acl_roles(v->v[i].policy, &l.v[k]->p, note_role, &h);
			subject_show(l.v[k], &who);
			if (h.has_a && h.has_b)
				verify_find(v, x->file, x->line, "%s holds %s and %s in %s", buf_str(&who), x->a, x->b,
					    *v->v[i].path ? v->v[i].path : "the archive");
		}
		subject_list_free(&l);
	}
}

void check_exclusive(struct verify *v)
{
	struct pairs p = {0};

	each_rule(v, add_pair, &p);
	for (size_t i = 0; i < p.n; i++)
		check_pair(v, &p.v[i]);
	if (!p.n)
		verify_nothing(v, "no role says exclusive:");
	free(p.v);
}

/* ------------------------------------------------------------------------------------------------ R5 */

struct mapped {
	char *user, *email;
	unsigned long uid;
	bool has_uid;
};

struct mapping {
	struct mapped *v;
	size_t n;
};

static void add_user(void *arg, const char *user, unsigned long uid, const char *email)
{
	struct mapping *m = arg;
	const struct passwd *known = user ? getpwnam(user) : NULL;

	m->v = vec_room(m->v, m->n, sizeof *m->v);
	m->v[m->n++] = (struct mapped){user ? vec_str(user) : NULL, vec_str(email), known ? known->pw_uid : uid, !user || known};
}

static void compare(struct verify *v, const struct mapped *a, const struct mapped *b)
{
	const char *file = ".zddc.d/identities.yaml";

	if (str_ieq(a->email, b->email))
		return;
	if (a->user && b->user && str_ieq(a->user, b->user))
		verify_find(v, file, 0, "%s and %s differ in case only and are %s and %s", a->user, b->user, a->email, b->email);
	else if (a->has_uid && b->has_uid && a->uid == b->uid)
		verify_find(v, file, 0, "uid %lu is listed twice, as %s and as %s", a->uid, a->email, b->email);
}

void check_identities(struct verify *v)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct mapping m = {0};
	struct idmap *map = NULL;
	int err = tree_read(v->tree->e.tree, ".zddc.d/identities.yaml", LIMIT_DOC_BYTES, &text);

	if (err) {
		verify_nothing(v, "there is no identities.yaml");
		return;
	}
	if (idmap_parse(".zddc.d/identities.yaml", buf_str(&text), text.len, &d, &map) < 0)
		for (size_t i = 0; i < d.n; i++)
			verify_find(v, d.v[i].file, d.v[i].line, "%s", d.v[i].text);
	else
		idmap_each(map, add_user, NULL, &m);
	for (size_t i = 0; i < m.n; i++)
		for (size_t k = i + 1; k < m.n; k++)
			compare(v, &m.v[i], &m.v[k]);
	for (size_t i = 0; i < m.n; i++) {
		free(m.v[i].user);
		free(m.v[i].email);
	}
	free(m.v);
	idmap_free(map);
}

/* ------------------------------------------------------------------------------------------------ R6 */

struct listed {
	enum acl_rule_kind kind;
	enum acl_who who;
	char *place, *name, *role;
	uint32_t line;
};

struct lists {
	struct listed *v;
	size_t n;
};

static bool twice(const struct listed *x, const struct acl_rule *r)
{
	return x->kind == r->kind && x->who == r->who && !strcmp(x->name, r->name) && !strcmp(x->place, r->place) &&
	       !strcmp(x->role, r->role ? r->role : "");
}

static void note_listed(void *arg, const struct acl_rule *r)
{
	struct looking *l = arg;
	struct lists *s = l->arg;

	if (!r->name || r->kind == ACL_RULE_GRANT) /* grants of one key twice are no valid document */
		return;
	for (size_t i = 0; i < s->n; i++)
		if (twice(&s->v[i], r)) {
			verify_find(l->v, l->file, r->line, "\"%s\" stands in this list already, in line %u", r->text, s->v[i].line);
			return;
		}
	s->v = vec_room(s->v, s->n, sizeof *s->v);
	s->v[s->n++] = (struct listed){r->kind, r->who, vec_str(r->place), vec_str(r->name), vec_str(r->role ? r->role : ""), r->line};
}

static void lists_free(struct lists *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].place);
		free(s->v[i].name);
		free(s->v[i].role);
	}
	free(s->v);
	*s = (struct lists){0};
}

/* Two folders on disk that a declared name means. */
static void same_slot(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct vplace *p = &v->v[i];
		const char *name = strrchr(p->path, '/');

		name = name ? name + 1 : p->path;
		if (p->how != PLACE_ON_DISK || !p->parent || !acl_slot_find(p->parent->policy, name))
			continue;
		for (size_t k = i + 1; k < v->n; k++)
			if (v->v[k].parent == p->parent && v->v[k].how == PLACE_ON_DISK && str_ieq(v->v[k].path, p->path))
				verify_find(v, v->v[k].path, 0, "%s is the same declared place", p->path);
	}
}

void check_duplicates(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].doc) {
			struct lists s = {0};
			struct looking l = {v, &v->v[i], zddc_file(v->v[i].doc), &s};

			zddc_rules(v->v[i].doc, note_listed, &l);
			lists_free(&s);
		}
	same_slot(v);
}

/* ------------------------------------------------------------------------------------------------ R7 */

/* In the text itself: a document with another letter is invalid. */
static void check_letters(struct verify *v, const char *file, const struct ynode *body)
{
	ynode_each(grant, ynode_get(ynode_get(body, "acl"), "permissions")) {
		verbset ignored;
		char bad;

		if (grant->kind == Y_SCALAR && !verbs_parse(grant->text, &ignored, &bad))
			verify_find(v, file, grant->line, "%s: there is no verb \"%c\"", grant->key->text, bad);
	}
	ynode_each(below_it, ynode_get(body, "paths"))
		check_letters(v, file, below_it);
}

void check_verbs(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		AUTO_BUF text = BUF_INIT, file = BUF_INIT;
		AUTO_DIAGS ignored = DIAGS_INIT;
		struct arena a = ARENA_INIT;
		struct ynode *doc;

		if (!v->v[i].invalid)
			continue;
		tree_join(&file, v->v[i].path, ".zddc");
		if (tree_read(v->rules->e.tree, buf_str(&file), LIMIT_DOC_BYTES, &text) == 0 &&
		    ynode_parse(&a, buf_str(&file), buf_str(&text), text.len, &ignored, &doc) == 0)
			check_letters(v, buf_str(&file), doc);
		arena_free(&a);
	}
}

/* ------------------------------------------------------------------------------------------------ R8, R9 */

static void deep_admin(void *arg, const struct acl_rule *r)
{
	struct looking *l = arg;

	if (r->kind == ACL_RULE_ADMIN && (*r->place || *l->at->path))
		verify_find(l->v, l->file, r->line, "%s administers %s%s%s", r->text, *l->at->path ? l->at->path : "", *l->at->path && *r->place ? "/" : "",
			    r->place);
}

void check_deep_admins(struct verify *v)
{
	each_rule(v, deep_admin, NULL);
	if (v->rules->e.defaults) {
		static char root[] = "";
		static const struct vplace nowhere = {.path = root};
		struct looking l = {v, &nowhere, "defaults", NULL};

		zddc_rules(v->rules->e.defaults, deep_admin, &l);
	}
}

struct roots {
	const struct vplace *root;
	bool any;
};

static void resolves(void *arg, const struct acl_rule *r)
{
	struct looking *l = arg;
	struct roots *x = l->arg;

	if (r->kind != ACL_RULE_ADMIN || *r->place || l->at != x->root || r->who == ACL_ANONYMOUS)
		return;
	x->any |= r->who != ACL_ROLE || acl_role_state(l->at->policy, r->name, true) == ACL_ROLE_MEMBERS;
}

void check_root_admin(struct verify *v)
{
	struct roots x = {.root = &v->v[0]};

	each_rule(v, resolves, &x);
	if (!x.any)
		verify_find(v, ".zddc", 0, "nobody administers this archive: name somebody under admins:");
}
