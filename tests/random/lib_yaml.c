/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/random/lib_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/random/lib_rng.h"

/* ---- the document as a plain YAML tree: scalars, lists of scalars, maps ---- */

enum kind { SCALAR, LIST, MAP };

struct node {
	enum kind kind;
	const char *key, *text; /* key in a map; text of a scalar */
	bool bare;              /* a bool, or flow text: must not be quoted */
	int *line;              /* where to write the line of the key or item, or NULL */
	int n;
	struct node *child[MAX_ITEMS * 3];
};

static struct node *node_new(struct pool *p, enum kind kind, const char *key)
{
	struct node *n = pool_alloc(p, sizeof(*n));
	n->kind = kind;
	n->key = key;
	return n;
}

static struct node *node_add(struct pool *p, struct node *to, enum kind kind, const char *key)
{
	return to->child[to->n++] = node_new(p, kind, key);
}

static struct node *add_scalar(struct pool *p, struct node *to, const char *key, const char *text)
{
	struct node *n = node_add(p, to, SCALAR, key);
	n->text = text;
	return n;
}

static void add_bool(struct pool *p, struct node *to, const char *key, enum tri value)
{
	if (value != UNSET)
		add_scalar(p, to, key, value == YES ? "true" : "false")->bare = true;
}

static void add_list(struct pool *p, struct node *to, const char *key, struct list *l)
{
	if (!l->present)
		return;
	struct node *n = node_add(p, to, LIST, key);
	for (int i = 0; i < l->n; i++)
		add_scalar(p, n, NULL, l->item[i])->line = &l->line[i];
}

static const char *time_text(struct pool *p, int64_t t)
{
	char text[32];
	struct tm tm;
	time_t when = (time_t)t;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
	return pool_strdup(p, text);
}

static const char *const attr_word[] = {"risk_score", "environment", "provenance", "owner"};
static const char *const op_word[] = {"<", "<=", "==", "!=", ">", ">=", "in", "matches"};
static const char verb_letter[] = "rwcda";

static const char *cond_text(struct pool *p, const struct cond *c, bool quoted)
{
	char text[400];
	int at = 0;
	const char *q = quoted ? "\"" : "";
	for (int t = 0; t < c->n; t++) {
		const struct cond_term *m = &c->term[t];
		at += sprintf(text + at, "%s%s %s ", t ? " and " : "", attr_word[m->attr], op_word[m->op]);
		if (m->attr == AT_RISK)
			q = "";
		at += m->op == OP_IN ? sprintf(text + at, "[%s%s%s, %s%s%s]", q, m->literal[0], q, q, m->literal[1], q)
				     : sprintf(text + at, "%s%s%s", q, m->literal[0], q);
		q = quoted ? "\"" : "";
	}
	return pool_strdup(p, text);
}

static void add_when(struct pool *p, struct rng *r, struct node *to, struct body *b)
{
	struct node *when = NULL;
	for (int v = 0; v < N_VERBS; v++) {
		if (!b->when[v].present)
			continue;
		if (!when)
			when = node_add(p, to, MAP, "when");
		const char key[] = {verb_letter[v], '\0'};
		add_scalar(p, when, pool_strdup(p, key), cond_text(p, &b->when[v], rng_chance(r, 50)))->line = &b->when[v].line;
	}
}

static void add_acl(struct pool *p, struct node *to, struct body *b)
{
	if (b->n_perms == 0 && b->acl_inherit == UNSET)
		return;
	struct node *acl = node_add(p, to, MAP, "acl");
	add_bool(p, acl, "inherit", b->acl_inherit);
	if (b->n_perms == 0)
		return;
	struct node *perms = node_add(p, acl, MAP, "permissions");
	for (int i = 0; i < b->n_perms; i++)
		add_scalar(p, perms, b->perm[i].key, b->perm[i].verbs)->line = &b->perm[i].line;
}

static void add_roles(struct pool *p, struct node *to, struct body *b)
{
	if (b->n_roles == 0)
		return;
	struct node *roles = node_add(p, to, MAP, "roles");
	for (int i = 0; i < b->n_roles; i++) {
		struct node *role = node_add(p, roles, MAP, b->role[i].name);
		add_list(p, role, "members", &b->role[i].members);
		add_bool(p, role, "reset", b->role[i].reset);
	}
}

static void add_body(struct pool *p, struct rng *r, struct node *to, struct body *b)
{
	add_acl(p, to, b);
	add_roles(p, to, b);
	add_bool(p, to, "inherit", b->inherit);
	add_bool(p, to, "auto_own", b->auto_own);
	add_bool(p, to, "auto_own_fenced", b->auto_own_fenced);
	add_bool(p, to, "history", b->history);
	add_list(p, to, "auto_own_roles", &b->auto_own_roles);
	add_list(p, to, "admins", &b->admins);
	add_list(p, to, "worm", &b->worm);
	add_when(p, r, to, b);
	if (b->freeze_until)
		add_scalar(p, to, "freeze_until", time_text(p, b->freeze_until));
	for (int i = 0; i < b->n_extras; i++)
		add_scalar(p, to, b->extra[i].key, b->extra[i].flow)->bare = true;
	if (b->n_paths == 0)
		return;
	struct node *paths = node_add(p, to, MAP, "paths");
	for (int i = 0; i < b->n_paths; i++)
		add_body(p, r, node_add(p, paths, MAP, b->path[i].segment), b->path[i].body);
}

/* ---- the tree as text; the order of keys, the style and the white space vary ---- */

struct out {
	char *s;
	size_t n, cap;
	int line, width;
	struct rng rng;
};

static void put(struct out *o, const char *s)
{
	size_t n = strlen(s);
	if (o->n + n + 1 > o->cap) {
		o->cap = (o->cap + n) * 2 + 256;
		o->s = realloc(o->s, o->cap);
		if (!o->s)
			abort();
	}
	memcpy(o->s + o->n, s, n + 1);
	o->n += n;
	for (; *s; s++)
		o->line += *s == '\n';
}

static void indent(struct out *o, int columns)
{
	while (columns-- > 0)
		put(o, " ");
}

/* May it stand without quotes, in flow style too? */
static bool plain_ok(const char *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-";
	return *s && strspn(s, safe) == strlen(s) && *s != '-' && *s != '@' && *s != '.' && strcasecmp(s, "null") != 0;
}

static void scalar(struct out *o, const char *s, bool bare)
{
	bool dquote = strchr(s, '"') != NULL;
	if (bare || (plain_ok(s) && rng_chance(&o->rng, 70))) {
		put(o, s);
		return;
	}
	const char *q = !dquote && rng_chance(&o->rng, 50) ? "\"" : "'";
	put(o, q);
	put(o, s);
	put(o, q);
}

static void shuffle(struct rng *r, struct node *n)
{
	for (int i = n->n - 1; i > 0; i--) {
		int j = rng_below(r, i + 1);
		struct node *t = n->child[i];
		n->child[i] = n->child[j];
		n->child[j] = t;
	}
}

static void mark(struct out *o, struct node *n)
{
	if (n->line)
		*n->line = o->line;
}

static void flow(struct out *o, struct node *n, int column)
{
	if (n->kind == SCALAR) {
		scalar(o, n->text, n->bare);
		return;
	}
	put(o, n->kind == MAP ? "{" : "[");
	for (int i = 0; i < n->n; i++) {
		put(o, i ? ", " : "");
		if (rng_chance(&o->rng, 10)) {
			put(o, "\n");
			indent(o, column + 6);
		}
		mark(o, n->child[i]);
		if (n->kind == MAP) {
			scalar(o, n->child[i]->key, false);
			put(o, ": ");
		}
		flow(o, n->child[i], column);
	}
	put(o, n->kind == MAP ? "}" : "]");
}

static void comment(struct out *o, int column)
{
	if (!rng_chance(&o->rng, 5))
		return;
	indent(o, column);
	put(o, "# a remark: [not, {policy\n");
}

static void block(struct out *o, struct node *n, int column);

static void block_value(struct out *o, struct node *n, int column)
{
	if (n->kind == SCALAR || n->n == 0 || rng_chance(&o->rng, 25)) {
		put(o, " ");
		flow(o, n, column);
		put(o, rng_chance(&o->rng, 5) ? "   # so it is\n" : "\n");
		return;
	}
	put(o, "\n");
	block(o, n, n->kind == LIST && rng_chance(&o->rng, 30) ? column : column + o->width);
}

static void block(struct out *o, struct node *n, int column)
{
	for (int i = 0; i < n->n; i++) {
		comment(o, column);
		indent(o, column);
		mark(o, n->child[i]);
		if (n->kind == LIST) {
			put(o, "- ");
			scalar(o, n->child[i]->text, false);
			put(o, "\n");
			continue;
		}
		scalar(o, n->child[i]->key, false);
		put(o, ":");
		block_value(o, n->child[i], column);
	}
}

/* Lists keep their order: lists are concatenated, and a line number is all that order could change. */
static void shuffle_all(struct rng *r, struct node *n)
{
	if (n->kind != MAP)
		return;
	shuffle(r, n);
	for (int i = 0; i < n->n; i++)
		shuffle_all(r, n->child[i]);
}

void doc_render(struct pool *p, struct doc *d)
{
	if (d->broken) {
		d->text = pool_strdup(p, d->broken);
		return;
	}
	struct out o = {.line = 1, .rng = {d->style}};
	struct node *top = node_new(p, MAP, NULL);
	o.width = 1 + rng_below(&o.rng, 4);
	add_body(p, &o.rng, top, d->top);
	shuffle_all(&o.rng, top);
	put(&o, rng_chance(&o.rng, 10) ? "---\n" : "");
	if (top->n == 0 && rng_chance(&o.rng, 50)) {
		put(&o, "");
	} else if (top->n == 0 || rng_chance(&o.rng, 5)) {
		flow(&o, top, 0);
		put(&o, "\n");
	} else {
		block(&o, top, 0);
	}
	d->text = pool_strdup(p, o.s ? o.s : "");
	free(o.s);
}

void world_render(struct world *w)
{
	if (w->defaults.present)
		doc_render(w->pool, &w->defaults);
	if (w->last_root.present)
		doc_render(w->pool, &w->last_root);
	for (int i = 0; i < w->n_dirs; i++)
		if (w->dir[i].doc.present)
			doc_render(w->pool, &w->dir[i].doc);
}

static void print_doc(const char *name, const struct doc *d)
{
	if (d->present)
		printf("--- %s\n%s", name, d->text);
}

void world_print(const struct world *w)
{
	printf("strict %s, now %s, environment %s, provenance %s, risk %d\n", w->strict ? "yes" : "no", time_text(w->pool, w->now),
		w->attrs.environment ? w->attrs.environment : "unset", w->attrs.provenance ? w->attrs.provenance : "unset", w->attrs.risk);
	print_doc("defaults", &w->defaults);
	print_doc("last valid .zddc of the root", &w->last_root);
	for (int i = 0; i < w->n_dirs; i++) {
		char path[512], name[600];
		place_path(w, &(struct place){.dir = i}, path, sizeof(path));
		snprintf(name, sizeof(name), "%s%s.zddc%s", path, i ? "/" : "", w->dir[i].doc.broken ? " (invalid)" : "");
		print_doc(name, &w->dir[i].doc);
		if (!w->dir[i].doc.present)
			printf("--- %s/ (no .zddc)\n", path);
	}
}
