/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/subject.h"

#include <stdlib.h>
#include <string.h>

#include "acl/idmap.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/table.h"
#include "cli/vec.h"
#include "cli/who.h"

/* Stands for "anybody else": no address, pattern or group of people has it. */
#define NOBODY_ELSE "\x7f"

struct made {
	struct subject s;
	char *key; /* kind and name */
	struct who who; /* of a person */
	char *email;
	const char *group;
	UT_hash_handle hh;
};

struct subjects {
	struct who_map *known;
	struct made *made; /* uthash by key */
};

struct subjects *subjects_open(struct tree *t)
{
	struct subjects *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->known = who_map_open(t);
	return s;
}

void subjects_free(struct subjects *s)
{
	struct made *m, *next;

	if (!s)
		return;
	HASH_ITER(hh, s->made, m, next) {
		HASH_DEL(s->made, m);
		who_free(&m->who);
		free(m->s.name);
		free(m->key);
		free(m->email);
		free(m);
	}
	who_map_free(s->known);
	free(s);
}

/* An address that matches the glob: each star stands for something that nobody is called. */
static char *matching(const char *glob)
{
	AUTO_BUF out = BUF_INIT;

	for (; *glob; glob++)
		if (*glob == '*')
			buf_adds(&out, NOBODY_ELSE);
		else
			buf_addc(&out, *glob);
	return buf_steal(&out);
}

static void fill(struct subjects *s, struct made *m)
{
	switch (m->s.kind) {
	case ACL_PERSON:
		who_of(s->known, m->s.name, &m->who);
		m->s.p = m->who.p;
		return;
	case ACL_ANONYMOUS:
		return;
	case ACL_GLOB:
		m->email = matching(m->s.name);
		break;
	case ACL_GROUP:
		m->group = m->s.name;
		m->s.p.groups = &m->group;
		m->s.p.n_groups = 1;
		m->email = vec_str(NOBODY_ELSE "@" NOBODY_ELSE);
		break;
	case ACL_ROLE:
		m->s.role = m->s.name;
		m->email = vec_str(NOBODY_ELSE "@" NOBODY_ELSE);
		break;
	case ACL_EVERYONE:
		m->email = vec_str(NOBODY_ELSE "@" NOBODY_ELSE);
		break;
	}
	m->s.p.email = m->email;
}

const struct subject *subject_get(struct subjects *s, enum acl_who kind, const char *name)
{
	AUTO_BUF key = BUF_INIT;
	struct made *m;

	if (kind == ACL_EVERYONE || kind == ACL_ANONYMOUS)
		name = kind == ACL_EVERYONE ? "*" : "anonymous";
	buf_addf(&key, "%d %s", kind, name);
	HASH_FIND_STR(s->made, buf_str(&key), m);
	if (m)
		return &m->s;
	m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->s.kind = kind;
	m->s.name = vec_str(name);
	m->key = buf_steal(&key);
	fill(s, m);
	HASH_ADD_KEYPTR(hh, s->made, m->key, strlen(m->key), m);
	return &m->s;
}

const struct subject *subject_named(struct subjects *s, const char *typed)
{
	AUTO_FREE char *name = vec_str(typed);

	str_lower(name);
	if (!strcmp(name, "*"))
		return subject_get(s, ACL_EVERYONE, name);
	if (!strcmp(name, "anonymous"))
		return subject_get(s, ACL_ANONYMOUS, name);
	if (str_starts(name, "group:") && name[6])
		return subject_get(s, ACL_GROUP, name + 6);
	if (str_starts(name, "role:") && name[5])
		return subject_get(s, ACL_ROLE, name + 5);
	if (strchr(name, '*') && strchr(name, '@'))
		return subject_get(s, ACL_GLOB, name);
	return idmap_email_ok(name) ? subject_get(s, ACL_PERSON, name) : NULL;
}

void subject_show(const struct subject *s, struct buf *out)
{
	buf_addf(out, "%s%s", s->kind == ACL_GROUP ? "group:" : s->kind == ACL_ROLE ? "role:" : "", s->name);
}

/* ------------------------------------------------------------------------------------------------ lists */

struct listing {
	struct subjects *s;
	struct subject_list *l;
};

static void list_name(void *arg, enum acl_rule_kind as, enum acl_who kind, const char *name)
{
	struct listing *g = arg;

	(void)as;
	g->l->v = vec_room(g->l->v, g->l->n, sizeof *g->l->v);
	g->l->v[g->l->n++] = subject_get(g->s, kind, name);
}

static void list_granted(void *arg, enum acl_rule_kind as, enum acl_who kind, const char *name)
{
	if (as == ACL_RULE_GRANT && kind == ACL_PERSON)
		list_name(arg, as, kind, name);
}

static int by_rank(const void *a, const void *b)
{
	static const int rank[] = {[ACL_PERSON] = 0, [ACL_GLOB] = 1, [ACL_GROUP] = 2, [ACL_EVERYONE] = 3, [ACL_ANONYMOUS] = 4, [ACL_ROLE] = 5};
	const struct subject *x = *(const struct subject *const *)a, *y = *(const struct subject *const *)b;

	return rank[x->kind] != rank[y->kind] ? rank[x->kind] - rank[y->kind] : strcmp(x->name, y->name);
}

/* Sorts, and keeps each once. */
static void tidy(struct subject_list *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_rank);
	for (size_t i = 0; i < l->n; i++)
		if (!kept || l->v[kept - 1] != l->v[i])
			l->v[kept++] = l->v[i];
	/* vec_room counts on a capacity of the next power of two, which a shorter list has as well */
	l->n = kept;
}

void subjects_also(struct subjects *s, const struct acl_policy *p, struct subject_list *out)
{
	acl_named(p, list_name, &(struct listing){s, out});
	tidy(out);
}

void subjects_granted(struct subjects *s, const struct acl_policy *p, struct subject_list *out)
{
	*out = (struct subject_list){0};
	acl_named(p, list_granted, &(struct listing){s, out});
	tidy(out);
}

void subjects_of(struct subjects *s, const struct acl_policy *p, struct subject_list *out)
{
	*out = (struct subject_list){0};
	subjects_also(s, p, out);
}

void subject_list_free(struct subject_list *l)
{
	free(l->v);
	*l = (struct subject_list){0};
}

/* As an operation that needs just these verbs would be decided. */
static struct acl_decision decide(const struct subject *s, const struct acl_policy *p, verbset needed, enum acl_risk risk, long long now)
{
	const struct acl_attrs attrs = {.now = now, .risk_score = -1};
	const struct acl_whatif member = {.role = s->role};
	const struct acl_request rq = {.who = &s->p, .needed = needed, .risk = risk, .attrs = &attrs, .whatif = s->role ? &member : NULL};

	return acl_decide(p, &rq);
}

static const struct {
	verbset verb;
	enum acl_risk risk;
} usual[] = {
#define VERB(id, letter, bit, risk, text) {V_##id, ACL_RISK_##risk},
#include "acl/verbs.def"
#undef VERB
};

struct acl_decision subject_decide(const struct subject *s, const struct acl_policy *p, verbset needed, long long now)
{
	struct acl_decision all = decide(s, p, needed ? needed : V_ALL, usual[0].risk, now);

	if (!acl_has_conditions(p))
		return all;
	/* each verb under the conditions that an operation of its kind meets */
	all.effective = 0;
	all.condition = NULL;
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		struct acl_decision d = decide(s, p, usual[i].verb, usual[i].risk, now);

		if (needed == usual[i].verb)
			return d;
		all.effective |= d.effective & usual[i].verb;
		if (!all.condition && (!needed || needed & usual[i].verb)) {
			all.condition = d.condition;
			all.when = d.when;
		}
	}
	return all;
}
