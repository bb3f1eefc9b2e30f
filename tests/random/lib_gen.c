/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/random/lib_gen.h"

#include <ctype.h>
#include <string.h>

#include "tests/random/lib_naive.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *const emails[] = {"ann@x.org", "bob@x.org", "abe@y.net", "dan@x.y.net"};
static const char *const groups[] = {"g1", "staff", "ann"};
static const char *const segments[] = {"a", "B", "Cc", "d e"};
const char *const gen_roles[] = {"dc", "PT", "team", "ann", NULL};
const char *const gen_patterns[] = {"*", "**", "*@x.org", "a*@*", "*@*", "*n@*", "*@*.net", "*.y.net", "ann@x.org", "BOB@X.org",
	"abe@y.net", "dan@x.y.net", "?nn@x.org", "[a]nn@x.org", "ann", "a*", "an*n@x.*", "*@x.org*", "b**b@x.org", "ann@", "@x.org",
	"group:g1", "Group:STAFF", "group:ann", "group:nobody", "anonymous", "ANONYMOUS", NULL};
enum { N_PATTERNS = COUNT(gen_patterns) - 1, N_ROLES = COUNT(gen_roles) - 1 };

/* What a world may contain; each is switched on for some worlds only, so that one thing does not drown another. */
enum {
	F_ROLES = 1 << 0,
	F_RESET = 1 << 1,
	F_ACL_FENCE = 1 << 2,
	F_FENCE = 1 << 3,
	F_ADMINS = 1 << 4,
	F_WORM = 1 << 5,
	F_FREEZE = 1 << 6,
	F_WHEN = 1 << 7,
	F_BROKEN = 1 << 8,
	F_AUTO_OWN = 1 << 9,
	F_DENY = 1 << 10,
	F_DEFAULTS = 1 << 11,
	F_STRICT = 1 << 12,
	F_ELEVATED = 1 << 13,
	F_PATHS = 1 << 14,
	F_DEEP = 1 << 15,
	F_FEW_WORDS = 1 << 16
};

enum { BASE_TIME = 1800000000 };

struct gen {
	struct rng rng;
	struct pool *pool;
	unsigned features;
};

static bool may(struct gen *g, unsigned feature, int percent) { return (g->features & feature) && rng_chance(&g->rng, percent); }

/* Any letter to either case. */
static const char *any_case(struct gen *g, const char *s)
{
	char *copy = pool_strdup(g->pool, s);
	if (rng_chance(&g->rng, 70))
		return copy;
	for (char *c = copy; *c; c++)
		*c = (char)(rng_chance(&g->rng, 50) ? toupper((unsigned char)*c) : tolower((unsigned char)*c));
	return copy;
}

static const char *join(struct gen *g, const char *a, const char *b)
{
	char *s = pool_alloc(g->pool, strlen(a) + strlen(b) + 1);
	return strcat(strcpy(s, a), b);
}

static const char *gen_role_name(struct gen *g)
{
	return any_case(g, gen_roles[rng_below(&g->rng, g->features & F_FEW_WORDS ? 2 : N_ROLES)]);
}

static const char *gen_pattern(struct gen *g)
{
	static const char *const few[] = {"*", "*@x.org", "ann@x.org", "group:g1"};
	if (g->features & F_FEW_WORDS)
		return any_case(g, few[rng_below(&g->rng, COUNT(few))]);
	return any_case(g, gen_patterns[rng_below(&g->rng, N_PATTERNS)]);
}

/* A pattern or the name of a role, with or without `role:`. */
static const char *gen_key(struct gen *g)
{
	if (!may(g, F_ROLES, 50))
		return gen_pattern(g);
	return rng_chance(&g->rng, 40) ? join(g, any_case(g, "role:"), gen_role_name(g)) : gen_role_name(g);
}

static bool list_has(const struct list *l, const char *item)
{
	for (int i = 0; i < l->n; i++)
		if (same_key(l->item[i], item))
			return true;
	return false;
}

static void gen_list(struct gen *g, struct list *l, int most, const char *(*word)(struct gen *g))
{
	l->present = true;
	for (int n = rng_below(&g->rng, most + 1); n > 0; n--) {
		const char *item = word(g);
		if (!list_has(l, item))
			l->item[l->n++] = item;
	}
}

static const char *gen_verbs(struct gen *g)
{
	static const char letter[] = "rwcda";
	char *s = pool_alloc(g->pool, 16);
	int n = 0;
	if (may(g, F_DENY, 20))
		return rng_chance(&g->rng, 20) ? "  " : "";
	for (int count = 1 + rng_below(&g->rng, 5); count > 0; count--) {
		char c = letter[rng_below(&g->rng, 5)];
		if (strchr(s, c) || strchr(s, toupper((unsigned char)c)))
			continue;
		s[n++] = (char)(rng_chance(&g->rng, 20) ? toupper((unsigned char)c) : c);
		if (rng_chance(&g->rng, 10))
			s[n++] = ' ';
	}
	return s;
}

static bool has_perm(const struct body *b, const char *key)
{
	for (int i = 0; i < b->n_perms; i++)
		if (same_key(b->perm[i].key, key))
			return true;
	return false;
}

static void gen_perms(struct gen *g, struct body *b)
{
	for (int n = rng_below(&g->rng, 4); n > 0; n--) {
		const char *key = gen_key(g);
		if (!has_perm(b, key))
			b->perm[b->n_perms++] = (struct perm){.key = key, .verbs = gen_verbs(g)};
	}
}

static enum tri gen_tri(struct gen *g, unsigned feature, int percent, int yes)
{
	if (!may(g, feature, percent))
		return UNSET;
	return rng_chance(&g->rng, yes) ? YES : NO;
}

static void gen_role(struct gen *g, struct body *b)
{
	struct role role = {.name = gen_role_name(g), .reset = gen_tri(g, F_RESET, 30, 70)};
	for (int i = 0; i < b->n_roles; i++)
		if (same_name(b->role[i].name, role.name))
			return;
	if (rng_chance(&g->rng, 90))
		gen_list(g, &role.members, 3, rng_chance(&g->rng, 5) ? gen_key : gen_pattern);
	b->role[b->n_roles++] = role;
}

static void gen_term(struct gen *g, struct cond_term *t)
{
	static const char *const number[] = {"0", "20", "50", "51", "100"};
	static const char *const text[][3] = {
		[AT_ENVIRONMENT] = {"prod", "dev", "p*d"},
		[AT_PROVENANCE] = {"https://h/a", "https://h/b", "https:*"},
		[AT_OWNER] = {"ann@x.org", "anonymous", "a*@*"},
	};
	t->attr = (enum cond_attr)rng_below(&g->rng, 4);
	if (t->attr == AT_RISK) {
		t->op = (enum cond_op)rng_below(&g->rng, OP_MATCHES);
		t->n = t->op == OP_IN ? 2 : 1;
		for (int i = 0; i < t->n; i++)
			t->literal[i] = number[rng_below(&g->rng, COUNT(number))];
		return;
	}
	static const enum cond_op ops[] = {OP_EQ, OP_NE, OP_IN, OP_MATCHES};
	t->op = ops[rng_below(&g->rng, COUNT(ops))];
	t->n = t->op == OP_IN ? 2 : 1;
	for (int i = 0; i < t->n; i++)
		t->literal[i] = text[t->attr][rng_below(&g->rng, t->op == OP_MATCHES ? 3 : 2)];
}

static void gen_when(struct gen *g, struct body *b)
{
	struct cond *c = &b->when[rng_below(&g->rng, N_VERBS)];
	*c = (struct cond){.present = true, .n = 1 + rng_chance(&g->rng, 25)};
	for (int i = 0; i < c->n; i++)
		gen_term(g, &c->term[i]);
}

static struct body *gen_body(struct gen *g, int nested);

static void gen_paths(struct gen *g, struct body *b, int nested)
{
	for (int n = rng_below(&g->rng, 4); n > 0; n--) {
		const char *name = rng_chance(&g->rng, 40) ? "*" : any_case(g, segments[rng_below(&g->rng, COUNT(segments))]);
		bool known = false;
		for (int i = 0; i < b->n_paths; i++)
			known |= same_name(b->path[i].segment, name);
		if (!known)
			b->path[b->n_paths++] = (struct path){name, gen_body(g, nested + 1)};
	}
}

static struct body *gen_body(struct gen *g, int nested)
{
	struct body *b = body_new(g->pool);
	if (rng_chance(&g->rng, 8))
		return b;
	gen_perms(g, b);
	b->acl_inherit = gen_tri(g, F_ACL_FENCE, 25, 25);
	b->inherit = gen_tri(g, F_FENCE, 20, 25);
	b->auto_own = gen_tri(g, F_AUTO_OWN, 40, 80);
	b->auto_own_fenced = gen_tri(g, F_AUTO_OWN, 20, 50);
	b->history = gen_tri(g, F_AUTO_OWN, 20, 60);
	if (may(g, F_AUTO_OWN, 40))
		gen_list(g, &b->auto_own_roles, 2, gen_role_name);
	for (int n = rng_below(&g->rng, 3); n > 0 && (g->features & F_ROLES); n--)
		gen_role(g, b);
	if (may(g, F_ADMINS, 20))
		gen_list(g, &b->admins, 2, gen_key);
	if (may(g, F_WORM, 15))
		gen_list(g, &b->worm, 2, gen_key);
	if (may(g, F_FREEZE, 20))
		b->freeze_until = BASE_TIME + (rng_below(&g->rng, 5) - 2) * (rng_chance(&g->rng, 50) ? 1 : 86400);
	for (int n = rng_below(&g->rng, 3); n > 0 && may(g, F_WHEN, 30); n--)
		gen_when(g, b);
	if (nested < 4 && may(g, F_PATHS, nested ? 40 : 65))
		gen_paths(g, b, nested);
	return b;
}

static const char *const broken_texts[] = {
	"acl:\n  permissions:\n    \"*\": rx\n",
	"acl: {permissions: {\"*\": rwcda, \"*\": r}}\n",
	"acl:\n  permissions:\n    role:dc: r\n    DC: rw\n",
	"acl: {permissions: {ann@x.org: r, ANN@x.org: rw}}\n",
	"acl:\n  allow: [\"*\"]\n",
	"acls: {permissions: {\"*\": rwcda}}\n",
	"admins: ann@x.org\n",
	"admins: [ann@x.org\n",
	"acl: {inherit: no}\n",
	"inherit: \"true\"\n",
	"roles: {\"a*\": {members: []}}\n",
	"roles: {anonymous: {members: []}}\n",
	"roles: {dc: {members: []}, DC: {members: []}}\n",
	"roles: {dc: [ann@x.org]}\n",
	"paths: {a: {}, A: {}}\n",
	"paths: {a: {nonsense: 1}}\n",
	"acl: {permissions: {\"group:g*\": r}}\n",
	"acl: &x {permissions: {\"*\": r}}\n",
	"acl: {permissions: {\"*\": !!str r}}\n",
	"freeze_until: soon\n",
	"when: {r: \"risk_score ~ 3\"}\n",
	"when: {x: \"risk_score < 3\"}\n",
	"- a list\n",
	"title: \"\xff\"\n",
};

static void gen_doc(struct gen *g, struct doc *d, bool may_break)
{
	d->present = true;
	d->style = rng_next(&g->rng);
	if (may_break && may(g, F_BROKEN, 12))
		d->broken = broken_texts[rng_below(&g->rng, COUNT(broken_texts))];
	else
		d->top = gen_body(g, 0);
}

static void gen_tree(struct gen *g, struct world *w)
{
	world_add_dir(w, -1, "");
	int deepest = g->features & F_DEEP ? 6 : 3;
	for (int tries = rng_below(&g->rng, 18); tries > 0; tries--) {
		int parent = g->features & F_DEEP && rng_chance(&g->rng, 50) ? w->n_dirs - 1 : rng_below(&g->rng, w->n_dirs);
		const char *name = any_case(g, segments[rng_below(&g->rng, COUNT(segments))]);
		bool known = w->dir[parent].depth >= deepest;
		for (int i = 1; i < w->n_dirs; i++)
			known |= w->dir[i].parent == parent && same_name(w->dir[i].name, name);
		if (!known)
			world_add_dir(w, parent, name);
	}
	for (int i = 0; i < w->n_dirs; i++)
		if (i == 0 ? rng_chance(&g->rng, 95) : rng_chance(&g->rng, 55))
			gen_doc(g, &w->dir[i].doc, true);
}

static void gen_principals(struct gen *g, struct world *w)
{
	for (int i = 0; i <= COUNT(emails); i++) {
		struct principal *p = &w->principal[w->n_principals++];
		*p = (struct principal){.email = i < COUNT(emails) ? emails[i] : NULL};
		p->elevated = p->email && may(g, F_ELEVATED, 50);
		for (int k = 0; k < COUNT(groups); k++)
			if (rng_chance(&g->rng, 25))
				p->group[p->n_groups++] = groups[k];
	}
}

static unsigned gen_features(struct rng *r)
{
	unsigned f = (unsigned)rng_next(r) & ((F_FEW_WORDS << 1) - 1);
	if (!rng_chance(r, 30))
		f &= ~(unsigned)F_BROKEN;
	if (!rng_chance(r, 60))
		f &= ~(unsigned)F_FREEZE;
	return f | (rng_chance(r, 80) ? F_PATHS : 0) | (rng_chance(r, 60) ? F_ROLES : 0);
}

struct world *gen_world(uint64_t seed, uint64_t number)
{
	struct world *w = world_new();
	struct gen g = {.rng = rng_fork(seed, number), .pool = w->pool};
	static const char *const environment[] = {NULL, "dev", "prod"};
	static const char *const provenance[] = {NULL, "https://h/a", "https://h/b"};
	static const int risk[] = {-1, 0, 20, 50, 100};
	g.features = gen_features(&g.rng);
	w->strict = g.features & F_STRICT;
	w->now = BASE_TIME;
	w->attrs = (struct attributes){
		.environment = environment[rng_below(&g.rng, COUNT(environment))],
		.provenance = provenance[rng_below(&g.rng, COUNT(provenance))],
		.risk = risk[rng_below(&g.rng, COUNT(risk))],
	};
	gen_tree(&g, w);
	if (g.features & F_DEFAULTS)
		gen_doc(&g, &w->defaults, false);
	if (w->dir[0].doc.broken && rng_chance(&g.rng, 60))
		gen_doc(&g, &w->last_root, false);
	gen_principals(&g, w);
	return w;
}

struct place gen_place(struct rng *r, const struct world *w)
{
	struct place at = {.dir = rng_below(r, w->n_dirs)};
	for (int tries = rng_chance(r, 25) ? 1 + rng_below(r, 2) : 0; tries > 0; tries--) {
		const char *slot[MAX_ITEMS * 4];
		int n = naive_slots(w, &at, slot, MAX_ITEMS * 4);
		bool declared = n > 0 && rng_chance(r, 70);
		at.more[at.n_more++] = declared ? slot[rng_below(r, n)] : "elsewhere";
	}
	return at;
}
