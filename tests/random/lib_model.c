/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/random/lib_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};
struct pool {
	struct chunk *head;
};

enum { CHUNK = 1 << 16 };

static struct chunk *chunk_new(struct chunk *next, size_t size)
{
	struct chunk *c = malloc(sizeof(*c) + size);
	if (!c)
		abort();
	*c = (struct chunk){.next = next, .size = size};
	return c;
}

void *pool_alloc(struct pool *p, size_t n)
{
	n = (n + 15) & ~(size_t)15;
	if (!p->head || p->head->used + n > p->head->size)
		p->head = chunk_new(p->head, n > CHUNK ? n : CHUNK);
	void *at = (char *)p->head->data + p->head->used;
	p->head->used += n;
	return memset(at, 0, n);
}

char *pool_strdup(struct pool *p, const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(pool_alloc(p, n), s, n);
}

struct pool *pool_new(void)
{
	struct pool *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	return p;
}

void pool_free(struct pool *p)
{
	for (struct chunk *c = p->head, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(p);
}

struct body *body_new(struct pool *p)
{
	struct body *b = pool_alloc(p, sizeof(*b));
	b->acl_inherit = b->inherit = b->auto_own = b->auto_own_fenced = b->history = UNSET;
	return b;
}

struct world *world_new(void)
{
	struct pool *p = pool_new();
	struct world *w = pool_alloc(p, sizeof(*w));
	w->pool = p;
	return w;
}

void world_free(struct world *w)
{
	if (w)
		pool_free(w->pool);
}

int world_add_dir(struct world *w, int parent, const char *name)
{
	if (w->n_dirs == MAX_DIRS)
		abort();
	int depth = parent < 0 ? 0 : w->dir[parent].depth + 1;
	w->dir[w->n_dirs] = (struct dir){.name = name, .parent = parent, .depth = depth};
	return w->n_dirs++;
}

bool is_at_or_above(const struct world *w, int above, int dir)
{
	for (; dir >= 0; dir = w->dir[dir].parent)
		if (dir == above)
			return true;
	return false;
}

static void set_depths(struct world *w, int dir, int depth)
{
	w->dir[dir].depth = depth;
	for (int i = 1; i < w->n_dirs; i++)
		if (w->dir[i].parent == dir)
			set_depths(w, i, depth + 1);
}

void world_move_dir(struct world *w, int dir, int parent, const char *name)
{
	w->dir[dir].parent = parent;
	w->dir[dir].name = name;
	set_depths(w, dir, w->dir[parent].depth + 1);
}

/* Strings are shared between copies only as long as the original lives, so copies take their own. */
static void own_string(struct pool *p, const char **s)
{
	if (*s)
		*s = pool_strdup(p, *s);
}

static void own_list(struct pool *p, struct list *l)
{
	for (int i = 0; i < l->n; i++)
		own_string(p, &l->item[i]);
}

static void own_cond(struct pool *p, struct cond *c)
{
	for (int t = 0; t < c->n; t++)
		for (int i = 0; i < c->term[t].n; i++)
			own_string(p, &c->term[t].literal[i]);
}

struct body *body_clone(struct pool *p, const struct body *from)
{
	struct body *b = body_new(p);
	*b = *from;
	for (int i = 0; i < b->n_perms; i++) {
		own_string(p, &b->perm[i].key);
		own_string(p, &b->perm[i].verbs);
	}
	for (int i = 0; i < b->n_roles; i++) {
		own_string(p, &b->role[i].name);
		own_list(p, &b->role[i].members);
	}
	for (int i = 0; i < b->n_paths; i++) {
		own_string(p, &b->path[i].segment);
		b->path[i].body = body_clone(p, from->path[i].body);
	}
	for (int i = 0; i < b->n_extras; i++) {
		own_string(p, &b->extra[i].key);
		own_string(p, &b->extra[i].flow);
	}
	own_list(p, &b->auto_own_roles);
	own_list(p, &b->admins);
	own_list(p, &b->worm);
	for (int v = 0; v < N_VERBS; v++)
		own_cond(p, &b->when[v]);
	return b;
}

static void own_doc(struct pool *p, struct doc *d)
{
	own_string(p, &d->broken);
	if (d->top)
		d->top = body_clone(p, d->top);
	d->text = NULL;
}

struct world *world_clone(const struct world *from)
{
	struct world *w = world_new();
	struct pool *p = w->pool;
	*w = *from;
	w->pool = p;
	own_doc(p, &w->defaults);
	own_doc(p, &w->last_root);
	for (int i = 0; i < w->n_dirs; i++) {
		own_string(p, &w->dir[i].name);
		own_doc(p, &w->dir[i].doc);
	}
	for (int i = 0; i < w->n_principals; i++) {
		own_string(p, &w->principal[i].email);
		for (int g = 0; g < w->principal[i].n_groups; g++)
			own_string(p, &w->principal[i].group[g]);
	}
	own_string(p, &w->attrs.environment);
	own_string(p, &w->attrs.provenance);
	return w;
}

int place_level(const struct world *w, const struct place *at) { return w->dir[at->dir].depth + at->n_more; }

int place_dir(const struct world *w, const struct place *at, int level)
{
	int dir = at->dir;
	if (level > w->dir[dir].depth)
		return -1;
	while (w->dir[dir].depth > level)
		dir = w->dir[dir].parent;
	return dir;
}

const char *place_name(const struct world *w, const struct place *at, int level)
{
	int dir = place_dir(w, at, level);
	return dir >= 0 ? w->dir[dir].name : at->more[level - w->dir[at->dir].depth - 1];
}

void place_path(const struct world *w, const struct place *at, char *buf, size_t size)
{
	size_t n = 0;
	buf[0] = '\0';
	for (int level = 1; level <= place_level(w, at) && n < size; level++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", level > 1 ? "/" : "", place_name(w, at, level));
}

bool same_name(const char *a, const char *b) { return strcasecmp(a, b) == 0; }

const char *bare_key(const char *key) { return strncasecmp(key, "role:", 5) == 0 ? key + 5 : key; }

bool same_key(const char *a, const char *b) { return same_name(bare_key(a), bare_key(b)); }

/* ---- reduction: each removable thing counts down `k`; the one that reaches zero goes ---- */

static bool hit(unsigned *k) { return (*k)-- == 0; }

#define DROP_AT(array, count, i) (memmove(&(array)[i], &(array)[(i) + 1], (size_t)((count) - (i)-1) * sizeof((array)[0])), (count)--)

static bool list_reduce(struct list *l, unsigned *k)
{
	if (!l->present)
		return false;
	if (hit(k)) {
		*l = (struct list){0};
		return true;
	}
	for (int i = 0; i < l->n; i++)
		if (hit(k)) {
			DROP_AT(l->item, l->n, i);
			return true;
		}
	return false;
}

static bool tri_reduce(enum tri *t, unsigned *k)
{
	if (*t == UNSET || !hit(k))
		return false;
	*t = UNSET;
	return true;
}

static bool cond_reduce(struct cond *c, unsigned *k)
{
	if (!c->present)
		return false;
	if (hit(k)) {
		*c = (struct cond){0};
		return true;
	}
	for (int i = 0; c->n > 1 && i < c->n; i++)
		if (hit(k)) {
			DROP_AT(c->term, c->n, i);
			return true;
		}
	return false;
}

static bool roles_reduce(struct body *b, unsigned *k)
{
	for (int i = 0; i < b->n_roles; i++) {
		if (hit(k)) {
			DROP_AT(b->role, b->n_roles, i);
			return true;
		}
		if (list_reduce(&b->role[i].members, k) || tri_reduce(&b->role[i].reset, k))
			return true;
	}
	return false;
}

static bool body_reduce(struct body *b, unsigned *k);
static bool extras_reduce(struct body *b, unsigned *k);

static bool paths_reduce(struct body *b, unsigned *k)
{
	for (int i = 0; i < b->n_paths; i++) {
		if (hit(k)) {
			DROP_AT(b->path, b->n_paths, i);
			return true;
		}
		if (body_reduce(b->path[i].body, k))
			return true;
	}
	return false;
}

static bool body_reduce(struct body *b, unsigned *k)
{
	if (paths_reduce(b, k))
		return true;
	for (int i = 0; i < b->n_perms; i++)
		if (hit(k)) {
			DROP_AT(b->perm, b->n_perms, i);
			return true;
		}
	if (b->freeze_until && hit(k)) {
		b->freeze_until = 0;
		return true;
	}
	for (int v = 0; v < N_VERBS; v++)
		if (cond_reduce(&b->when[v], k))
			return true;
	return extras_reduce(b, k) || roles_reduce(b, k) || list_reduce(&b->admins, k) || list_reduce(&b->worm, k) ||
	       list_reduce(&b->auto_own_roles, k) || tri_reduce(&b->acl_inherit, k) || tri_reduce(&b->inherit, k) ||
	       tri_reduce(&b->auto_own, k) || tri_reduce(&b->auto_own_fenced, k) || tri_reduce(&b->history, k);
}

static bool extras_reduce(struct body *b, unsigned *k)
{
	for (int i = 0; i < b->n_extras; i++)
		if (hit(k)) {
			DROP_AT(b->extra, b->n_extras, i);
			return true;
		}
	return false;
}

static bool doc_reduce(struct doc *d, unsigned *k)
{
	if (!d->present)
		return false;
	if (hit(k)) {
		*d = (struct doc){0};
		return true;
	}
	return d->top && body_reduce(d->top, k);
}

static void drop_leaf(struct world *w, int at, int *keep)
{
	DROP_AT(w->dir, w->n_dirs, at);
	for (int i = 0; i < w->n_dirs; i++)
		if (w->dir[i].parent > at)
			w->dir[i].parent--;
	if (*keep > at)
		(*keep)--;
}

static bool has_child(const struct world *w, int at)
{
	for (int i = 0; i < w->n_dirs; i++)
		if (w->dir[i].parent == at)
			return true;
	return false;
}

static bool dirs_reduce(struct world *w, unsigned *k, int *keep)
{
	for (int i = w->n_dirs - 1; i > 0; i--) {
		if (is_at_or_above(w, i, *keep) || has_child(w, i) || !hit(k))
			continue;
		drop_leaf(w, i, keep);
		return true;
	}
	return false;
}

static bool principals_reduce(struct world *w, unsigned *k, int *keep)
{
	struct principal *p = &w->principal[*keep];
	for (int i = 0; i < p->n_groups; i++)
		if (hit(k)) {
			DROP_AT(p->group, p->n_groups, i);
			return true;
		}
	if (w->n_principals > 1 && hit(k)) {
		w->principal[0] = *p;
		w->n_principals = 1;
		*keep = 0;
		return true;
	}
	if (p->elevated && hit(k))
		return !(p->elevated = false);
	return false;
}

bool world_reduce(struct world *w, unsigned k, int *keep_dir, int *keep_principal)
{
	if (dirs_reduce(w, &k, keep_dir) || principals_reduce(w, &k, keep_principal))
		return true;
	if (w->strict && hit(&k))
		return !(w->strict = false);
	if (doc_reduce(&w->defaults, &k) || doc_reduce(&w->last_root, &k))
		return true;
	for (int i = 0; i < w->n_dirs; i++)
		if (doc_reduce(&w->dir[i].doc, &k))
			return true;
	return false;
}
