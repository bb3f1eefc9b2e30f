/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who documents and bodies below a directory may let pass through it: all they name, whatever fences and denials say there. */
#include <stdlib.h>
#include <string.h>

#include "acl/uniform.h"

enum { GUESTS_MOST = 10000 }; /* with doubles; nobody makes others wait by a long document */

struct guests *guests_new(void)
{
	struct guests *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	atomic_init(&g->refs, 1);
	return g;
}

struct guests *guests_ref(struct guests *g)
{
	atomic_fetch_add(&g->refs, 1);
	return g;
}

void guests_unref(struct guests *g)
{
	if (!g || atomic_fetch_sub(&g->refs, 1) > 1)
		return;
	arena_free(&g->arena);
	free(g->v);
	free(g);
}

/* What it points to may go before the set does. */
static void own_strings(struct guests *g, struct guest *x)
{
	x->who.key = arena_strdup(&g->arena, x->who.key);
	x->who.text = arena_strdup(&g->arena, x->who.text);
	x->who.written = arena_strdup(&g->arena, x->who.written);
	x->role = x->role ? arena_strdup(&g->arena, x->role) : NULL;
	x->file = arena_strdup(&g->arena, x->file);
}

static void add(struct guests *g, struct guest guest)
{
	if (g->n >= GUESTS_MOST) {
		g->too_many = true;
		return;
	}
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 32;
		g->v = realloc(g->v, g->cap * sizeof(*g->v));
		if (!g->v)
			abort();
	}
	own_strings(g, &guest);
	g->v[g->n++] = guest;
}

static void add_list(struct guests *g, const struct body *b, enum guest_how how, const char *role, const struct pattern_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		add(g, (struct guest){how, list->v[i], role, b->doc->file});
}

void guests_add_nested(struct guests *g, const struct body *b)
{
	for (size_t i = 0; i < b->n_paths; i++)
		if (b->paths[i].body != b->star)
			guests_add_body(g, b->paths[i].body);
	if (b->star)
		guests_add_body(g, b->star);
}

void guests_add_body(struct guests *g, const struct body *b)
{
	for (size_t i = 0; i < b->n_grants; i++)
		if (b->grants[i].verbs)
			add(g, (struct guest){GUEST_GRANT, b->grants[i].who, NULL, b->doc->file});
	add_list(g, b, GUEST_LIST, NULL, &b->worm);
	add_list(g, b, GUEST_ADMIN, NULL, &b->admins);
	for (size_t i = 0; i < b->n_roles; i++)
		add_list(g, b, GUEST_DEFINES, b->roles[i].name, &b->roles[i].members);
	guests_add_nested(g, b);
}

void guests_add_all(struct guests *g, const struct guests *other)
{
	g->too_many |= other->too_many;
	for (size_t i = 0; i < other->n; i++)
		add(g, other->v[i]);
}

static int by_text(const char *a, const char *b) { return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL); }

static int compare(const void *x, const void *y)
{
	const struct guest *a = x, *b = y;
	int r = (int)a->how - (int)b->how;

	if (!r)
		r = by_text(a->who.key, b->who.key);
	return r ? r : by_text(a->role, b->role);
}

void guests_settle(struct guests *g)
{
	size_t kept = 0;

	if (g->n)
		qsort(g->v, g->n, sizeof(*g->v), compare);
	for (size_t i = 0; i < g->n; i++)
		if (!kept || compare(&g->v[kept - 1], &g->v[i]))
			g->v[kept++] = g->v[i];
	g->n = kept;
}
