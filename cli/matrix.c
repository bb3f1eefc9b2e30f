/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/out.h"
#include "cli/scope.h"
#include "cli/vec.h"

enum { MOST_NAMES = 200 }; /* bytes of the names of twins that are listed */

/* ------------------------------------------------------------------------------------------------ the rows */

struct building {
	struct matrix *m;
	struct matrix_row *at; /* the row whose sub-directories come */
};

static bool add_row(void *arg, const struct place_found *p)
{
	struct building *b = arg;
	struct matrix_row *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->path = vec_str(p->path);
	r->name = vec_str(p->name);
	r->how = p->how;
	r->depth = p->depth;
	r->policy = acl_snap_policy(b->m->scope->e.snap, p->path);
	r->hidden = p->how == PLACE_ON_DISK && !scope_agrees(b->m->scope, p->path);
	r->parent = b->at;
	if (!b->at)
		b->m->root = r;
	else if (b->at->last)
		b->at->last->next = r;
	else
		b->at->child = r;
	if (b->at)
		b->at->last = r;
	b->at = r;
	return true;
}

static void row_done(void *arg, const struct place_found *p)
{
	struct building *b = arg;

	(void)p;
	b->at = b->at->parent;
}

static void each_row(struct matrix_row *r, void (*each)(void *arg, struct matrix_row *r), void *arg)
{
	for (; r; r = r->next) {
		each(arg, r);
		each_row(r->child, each, arg);
	}
}

static void free_rows(struct matrix_row *r)
{
	while (r) {
		struct matrix_row *next = r->next;

		free_rows(r->child);
		acl_policy_unref(r->policy);
		free(r->path);
		free(r->name);
		free(r->cells);
		free(r->people);
		free(r->twin_names);
		free(r);
		r = next;
	}
}

/* "*" stands for any directory only where there is none yet. */
static void drop_stars(struct matrix_row *r)
{
	bool others = false;

	for (const struct matrix_row *c = r->child; c; c = c->next)
		others |= c->how == PLACE_ON_DISK && !acl_slot_find(r->policy, c->name);
	for (struct matrix_row **link = &r->child; *link;) {
		struct matrix_row *c = *link;

		if (others && c->how == PLACE_ANY) {
			*link = c->next;
			c->next = NULL;
			free_rows(c);
			continue;
		}
		drop_stars(c);
		link = &c->next;
	}
}

/* ------------------------------------------------------------------------------------------------ columns and cells */

static void add_columns(void *arg, struct matrix_row *r)
{
	struct matrix *m = arg;

	/* one body of policy names the same people everywhere: parents were looked at */
	if (!r->parent || strcmp(acl_policy_hash(r->policy), acl_policy_hash(r->parent->policy)) != 0)
		subjects_also(m->people, r->policy, &m->columns);
}

/* Columns are what is no person: roles first, then groups, patterns, everybody, anonymous. */
static int by_column(const void *a, const void *b)
{
	static const int rank[] = {[ACL_ROLE] = 0, [ACL_GROUP] = 1, [ACL_GLOB] = 2, [ACL_EVERYONE] = 3, [ACL_ANONYMOUS] = 4, [ACL_PERSON] = 5};
	const struct subject *x = *(const struct subject *const *)a, *y = *(const struct subject *const *)b;

	return rank[x->kind] != rank[y->kind] ? rank[x->kind] - rank[y->kind] : strcmp(x->name, y->name);
}

static void fill_cell(const struct matrix *m, const struct matrix_row *r, const struct subject *who, struct matrix_cell *c)
{
	struct acl_decision all = subject_decide(who, r->policy, 0, m->now);
	struct acl_value maker = acl_get(r->policy, ACL_KEY_CREATED_BY);

	*c = (struct matrix_cell){.who = who, .verbs = all.effective, .admin = all.admin};
	c->maybe = (verbset)(acl_before_when(&all) & ~all.effective);
	c->owner = maker.node && who->kind == ACL_PERSON && str_ieq(maker.node->text, who->name);
	for (int v = 0; v < MATRIX_VERBS; v++) {
		verbset verb = (verbset)(1u << v);

		if (!((c->verbs | c->maybe) & verb))
			continue;
		struct acl_decision d = subject_decide(who, r->policy, verb, m->now);
		/* in a write-once place it is worm: that lets somebody create, whatever grants say */
		c->src[v] = d.reason == BECAUSE_FILER || (d.zone && verb == V_C) ? d.mask : d.grant;
	}
}

/* Somebody's own right here: by a grant that names them, not by what they are member of. */
static bool personal(const struct matrix *m, const struct matrix_row *r, const struct subject *who)
{
	struct acl_decision d = subject_decide(who, r->policy, 0, m->now);

	return acl_before_when(&d) && d.grant_entry && str_ieq(d.grant_entry, who->name);
}

static void fill_people(const struct matrix *m, struct matrix_row *r)
{
	struct subject_list l;

	subjects_granted(m->people, r->policy, &l);
	for (size_t i = 0; i < l.n; i++)
		if (personal(m, r, l.v[i])) {
			r->people = vec_room(r->people, r->n_people, sizeof *r->people);
			fill_cell(m, r, l.v[i], &r->people[r->n_people++]);
		}
	subject_list_free(&l);
}

static void fill_row(void *arg, struct matrix_row *r)
{
	struct matrix *m = arg;
	long long freeze = acl_freeze_until(r->policy);

	r->zone = acl_is_zone(r->policy);
	r->fenced = acl_is_fenced(r->policy);
	r->invalid = acl_is_invalid(r->policy);
	r->freeze = freeze > m->now ? freeze : 0;
	r->cells = calloc(m->columns.n + 1, sizeof *r->cells);
	if (!r->cells)
		abort();
	for (size_t i = 0; i < m->columns.n; i++)
		fill_cell(m, r, m->columns.v[i], &r->cells[i]);
	fill_people(m, r);
}

/* ------------------------------------------------------------------------------------------------ what is shown */

const char *matrix_verbs(const struct matrix_cell *c, char out[24])
{
	char sure[8], maybe[8];

	snprintf(out, 24, "%s%s%s%s", verbs_print(c->verbs, sure), c->maybe ? "(" : "", verbs_print(c->maybe, maybe), c->maybe ? ")" : "");
	return out;
}

static void say_cell(const struct matrix_cell *c, bool own_name, struct buf *out)
{
	char verbs[24];

	buf_addf(out, "%s%s %d;", matrix_verbs(c, verbs), own_name ? c->who->name : c->owner ? " its owner" : "", c->admin);
}

/* What a row says of itself, for comparing. */
static void say_row(const struct matrix *m, const struct matrix_row *r, struct buf *out)
{
	buf_addf(out, "%d%d%d%d %lld|", r->zone, r->fenced, r->invalid, r->hidden, r->freeze);
	for (size_t i = 0; i < m->columns.n; i++)
		say_cell(&r->cells[i], false, out);
	for (size_t i = 0; i < r->n_people; i++)
		say_cell(&r->people[i], !r->people[i].owner, out);
}

/* Bottom up: what is below, by name, and what the row says itself. */
static void digest(const struct matrix *m, struct matrix_row *r)
{
	AUTO_BUF text = BUF_INIT;

	say_row(m, r, &text);
	for (struct matrix_row *c = r->child; c; c = c->next) {
		digest(m, c);
		if (!c->shown)
			continue;
		buf_addf(&text, "/%s:", c->name);
		buf_add(&text, &c->alike, sizeof c->alike);
	}
	r->alike = hash128(buf_str(&text), text.len);
}

static bool differs(const struct matrix *m, const struct matrix_row *r)
{
	AUTO_BUF mine = BUF_INIT, above = BUF_INIT;

	if (!r->parent)
		return true;
	say_row(m, r, &mine);
	say_row(m, r->parent, &above);
	return strcmp(buf_str(&mine), buf_str(&above)) != 0;
}

/* A row is shown that says something new, or below which one is. */
static bool choose(const struct matrix *m, struct matrix_row *r)
{
	r->shown = differs(m, r);
	for (struct matrix_row *c = r->child; c; c = c->next)
		r->shown |= choose(m, c);
	return r->shown;
}

static void join_twin(struct matrix_row *first, struct matrix_row *twin)
{
	size_t len = first->twin_names ? strlen(first->twin_names) : 0;

	first->twins++;
	twin->shown = false;
	if (len > MOST_NAMES)
		return;
	AUTO_BUF names = BUF_INIT;
	buf_addf(&names, "%s%s%s", len ? first->twin_names : "", len ? ", " : "", len + strlen(twin->name) > MOST_NAMES ? "..." : twin->name);
	free(first->twin_names);
	first->twin_names = buf_steal(&names);
}

static void join_twins(struct matrix_row *r)
{
	for (struct matrix_row *a = r->child; a; a = a->next) {
		if (!a->shown || acl_slot_find(r->policy, a->name)) /* declared ones keep their rows */
			continue;
		for (struct matrix_row *b = a->next; b; b = b->next)
			if (b->shown && hash128_eq(a->alike, b->alike) && !acl_slot_find(r->policy, b->name))
				join_twin(a, b);
		join_twins(a);
	}
	for (struct matrix_row *a = r->child; a; a = a->next)
		if (a->shown && acl_slot_find(r->policy, a->name))
			join_twins(a);
}

static void each_shown(const struct matrix_row *r, void (*each)(void *arg, const struct matrix_row *r), void *arg)
{
	for (; r; r = r->next) {
		if (!r->shown)
			continue;
		each(arg, r);
		each_shown(r->child, each, arg);
	}
}

void matrix_each(const struct matrix *m, void (*each)(void *arg, const struct matrix_row *r), void *arg)
{
	each_shown(m->root, each, arg);
}

/* ------------------------------------------------------------------------------------------------ all of it */

static void choose_columns(struct matrix *m)
{
	size_t kept = 0;

	each_row(m->root, add_columns, m);
	if (m->columns.n)
		qsort(m->columns.v, m->columns.n, sizeof *m->columns.v, by_column);
	while (kept < m->columns.n && m->columns.v[kept]->kind != ACL_PERSON)
		kept++;
	m->columns.n = kept;
}

struct matrix *matrix_make(struct scope *s, const char *dir, long long now)
{
	struct matrix *m = calloc(1, sizeof *m);
	struct building b = {.m = m};

	if (!m)
		abort();
	*m = (struct matrix){.scope = s, .people = subjects_open(s->e.tree), .now = now};
	m->err = places_walk(&(struct places){.e = {&s->e}, .any = true, .each = add_row, .done = row_done, .arg = &b}, dir);
	drop_stars(m->root);
	choose_columns(m);
	each_row(m->root, fill_row, m);
	choose(m, m->root);
	digest(m, m->root);
	join_twins(m->root);
	return m;
}

void matrix_free(struct matrix *m)
{
	free_rows(m->root);
	subject_list_free(&m->columns);
	subjects_free(m->people);
	free(m);
}
