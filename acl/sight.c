/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "Visible, may enter" (SPEC section 1): is anything granted here or somewhere below? The documents alone give an upper bound, which
 * tells where looking is of use: in all directories below, or only in those at or below which a document lies. Every body of a
 * document is looked at once in a walk, and the number of declared directories that are not on disk is bounded, since a few documents
 * can declare more of them than there are atoms.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/snap.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/table.h"

enum { HELP_UNKNOWN, HELP_NO, HELP_YES };
enum { POLICY_OF_A_SLOT = 16 }; /* contributions: at the end of a long chain each declared directory counts for more than one */

struct known_doc {
	struct zddc_doc *doc; /* counted */
	uint8_t *below; /* HELP_ of each body: of what is nested in it */
	uint32_t roles; /* how many roles were known then */
	UT_hash_handle hh;
};

struct sight_walk {
	struct acl_snap *s;
	struct acl_request rq; /* for any verb */
	struct arena arena;
	struct names roles; /* all that some document met so far lists the principal in, wherever */
	struct known_doc *docs;
	unsigned undisplayed; /* declared directories that are not on disk and may still be looked at */
};

static void walk_start(struct sight_walk *w, struct acl_snap *s, const struct acl_request *rq)
{
	*w = (struct sight_walk){.s = s, .rq = *rq, .arena = ARENA_INIT, .undisplayed = LIMIT_UNDISPLAYED};
	w->rq.needed = 0;
	w->rq.flags &= ACL_IS_ELEVATED;
}

static void walk_end(struct sight_walk *w)
{
	for (struct known_doc *k = w->docs; k; k = k->hh.next)
		zddc_unref(k->doc);
	HASH_CLEAR(hh, w->docs);
	arena_free(&w->arena);
}

/* ---- an upper bound from the documents alone ---- */

static void note_roles(struct sight_walk *w, const struct body *b)
{
	struct pattern_walk m;
	pattern_walk_start(&m, &b->member_index, w->rq.who);
	for (int k = pattern_walk_next(&m); k >= 0; k = pattern_walk_next(&m)) {
		struct role *r = &b->roles[b->member_role[k]];
		names_put(&w->roles, &w->arena, r->name, r);
	}
	for (size_t i = 0; i < b->n_paths; i++)
		note_roles(w, b->paths[i].body);
	if (b->star)
		note_roles(w, b->star);
}

static struct known_doc *know(struct sight_walk *w, const struct zddc_doc *doc)
{
	struct known_doc *k;
	HASH_FIND_PTR(w->docs, &doc, k);
	if (k)
		return k;
	k = arena_new(&w->arena, struct known_doc);
	k->doc = zddc_ref((struct zddc_doc *)doc);
	k->below = arena_array(&w->arena, uint8_t, doc->n_bodies);
	HASH_ADD_PTR(w->docs, doc, k);
	if (w->rq.who->email)
		note_roles(w, doc->top);
	return k;
}

static bool list_may_help(const struct sight_walk *w, const struct pattern_list *l)
{
	struct pattern_walk m;
	pattern_walk_start(&m, &l->index, w->rq.who);
	if (pattern_walk_next(&m) >= 0)
		return true;
	for (size_t i = 0; l->n_roles && w->roles.n && i < l->n; i++)
		if (l->v[i].kind == PAT_ROLE && names_get(&w->roles, l->v[i].text))
			return true;
	return false;
}

static bool grants_may_help(const struct sight_walk *w, const struct body *b)
{
	struct pattern_walk m;
	pattern_walk_start(&m, &b->grant_index, w->rq.who);
	for (int k = pattern_walk_next(&m); k >= 0; k = pattern_walk_next(&m))
		if (b->grants[k].verbs)
			return true;
	for (size_t i = 0; b->n_role_grants && w->roles.n && i < b->n_grants; i++)
		if (b->grants[i].verbs && b->grants[i].who.kind == PAT_ROLE && names_get(&w->roles, b->grants[i].who.text))
			return true;
	return false;
}

static bool below_may_help(struct sight_walk *w, struct known_doc *k, const struct body *b);

static bool body_may_help(struct sight_walk *w, struct known_doc *k, const struct body *b)
{
	return grants_may_help(w, b) || list_may_help(w, &b->worm) || list_may_help(w, &b->admins) || below_may_help(w, k, b);
}

static bool nested_may_help(struct sight_walk *w, struct known_doc *k, const struct body *b)
{
	for (size_t i = 0; i < b->n_paths; i++)
		if (body_may_help(w, k, b->paths[i].body))
			return true;
	return b->star && body_may_help(w, k, b->star);
}

static bool below_may_help(struct sight_walk *w, struct known_doc *k, const struct body *b)
{
	if (k->below[b->id] == HELP_UNKNOWN)
		k->below[b->id] = nested_may_help(w, k, b) ? HELP_YES : HELP_NO;
	return k->below[b->id] == HELP_YES;
}

/*
 * Without a document below, a directory deeper down differs from p only by the bodies that paths: lands there: a level on which
 * nothing lands decides as the one above it does.
 */
static bool may_help_below(struct sight_walk *w, const struct acl_policy *p)
{
	for (size_t i = 0; p->n_threads && i < p->n; i++)
		know(w, p->c[i].body->doc);
	for (size_t i = 0; i < p->n_threads; i++) {
		struct known_doc *k = know(w, p->threads[i].body->doc);
		if (k->roles != w->roles.n)
			memset(k->below, HELP_UNKNOWN, k->doc->n_bodies);
		k->roles = w->roles.n;
		if (below_may_help(w, k, p->threads[i].body))
			return true;
	}
	return false;
}

/* ---- declared directories that are not on disk: no document can lie below them, so their policy is all there is ---- */

static bool granted_here(const struct sight_walk *w, const struct acl_policy *p)
{
	struct acl_decision d = acl_decide(p, &w->rq);
	return d.effective || (d.admin && acl_admin_unfenced(p, w->rq.who));
}

struct slots {
	struct sight_walk *w;
	struct acl_policy *p;
	const struct names *on_disk; /* folded; NULL: nothing is */
	bool found;
};

static bool granted_at_slots(struct sight_walk *w, struct acl_policy *p, const struct names *on_disk);

/* A declared slot that is on disk under another spelling is that directory (SPEC section 8). */
static bool is_on_disk(const struct slots *x, const char *segment)
{
	char folded[LIMIT_NAME_BYTES + 1];
	if (!x->on_disk)
		return false;
	str_lower(strcpy(folded, segment));
	return names_get(x->on_disk, folded) != NULL;
}

static bool granted_at_slot(void *arg, const char *segment)
{
	struct slots *x = arg;
	if (is_on_disk(x, segment))
		return true;
	size_t cost = 1 + x->p->n / POLICY_OF_A_SLOT;
	if (x->w->undisplayed < cost)
		return false;
	x->w->undisplayed -= (unsigned)cost;
	struct acl_policy *p = acl_child(x->p->acl, x->p, segment, NULL);
	x->found = granted_here(x->w, p) || (may_help_below(x->w, p) && granted_at_slots(x->w, p, NULL));
	acl_policy_unref(p);
	return !x->found;
}

static bool granted_at_slots(struct sight_walk *w, struct acl_policy *p, const struct names *on_disk)
{
	struct slots x = {w, p, on_disk, false};
	if (!acl_is_invalid(p) && acl_policy_level(p) < (int)LIMIT_DIR_DEPTH)
		acl_slots(p, granted_at_slot, &x);
	return x.found;
}

struct sight_walk *sight_walk_new(const struct acl_principal *who)
{
	struct sight_walk *w = malloc(sizeof(*w));
	if (!w)
		abort();
	walk_start(w, NULL, &(struct acl_request){.who = who});
	return w;
}

bool sight_walk_slot(struct sight_walk *w, struct acl_policy *p, const char *segment)
{
	struct slots x = {.w = w, .p = p};
	granted_at_slot(&x, segment);
	return x.found;
}

void sight_walk_free(struct sight_walk *w)
{
	if (w)
		walk_end(w);
	free(w);
}

/* ---- directories on disk. Each: 1, 0, or -errno ---- */

static int granted_below(struct sight_walk *w, const char *dir, struct acl_policy *p);

static int granted_in(struct sight_walk *w, const char *dir, const char *child)
{
	AUTO_BUF path = BUF_INIT;
	snap_join(&path, dir, child);
	struct acl_policy *p = acl_snap_policy(w->s, buf_str(&path));
	int found = granted_here(w, p) ? 1 : granted_below(w, buf_str(&path), p);
	acl_policy_unref(p);
	return found;
}

static bool granted_beside(struct sight_walk *w, struct acl_policy *p, const struct name_list *l)
{
	struct arena a = ARENA_INIT;
	struct names on_disk;
	names_init(&on_disk, &a, l->n);
	for (size_t i = 0; i < l->n; i++) {
		char *folded = arena_strdup(&a, l->v[i]);
		str_lower(folded);
		names_put(&on_disk, &a, folded, folded);
	}
	bool found = granted_at_slots(w, p, &on_disk);
	arena_free(&a);
	return found;
}

static int granted_below(struct sight_walk *w, const char *dir, struct acl_policy *p)
{
	AUTO_NAMES struct name_list l = {0};
	int found = 0;
	if (acl_is_invalid(p) || acl_policy_level(p) >= (int)LIMIT_DIR_DEPTH)
		return 0;
	bool all = may_help_below(w, p);
	int pending = snap_subdirs(w->s, dir, all, &l);
	for (size_t i = 0; found <= 0 && i < l.n; i++) {
		found = granted_in(w, dir, l.v[i]);
		if (found < 0)
			pending = found;
	}
	if (found <= 0 && all && granted_beside(w, p, &l))
		return 1;
	return found > 0 ? 1 : pending;
}

/*
 * A virtual directory shows what lies beside it, each row by its own place: whoever may know of that place may know of the table too.
 */
static int granted_at_source(struct sight_walk *w, const char *dir, struct acl_policy *p)
{
	const char *slash = strrchr(dir, '/');
	AUTO_FREE char *above = slash ? strndup(dir, (size_t)(slash - dir)) : strdup("");
	return acl_is_virtual(p) && !acl_is_invalid(p) ? granted_in(w, above, p->virt.base) : 0;
}

int acl_snap_sight(struct acl_snap *s, const char *dir, const struct acl_request *rq, struct acl_sight *out)
{
	struct sight_walk w;
	walk_start(&w, s, rq);
	struct acl_policy *p = acl_snap_policy(s, dir);
	struct acl_decision d = acl_decide(p, &w.rq);
	int below = d.effective || (d.admin && acl_admin_unfenced(p, rq->who)) ? 1 : granted_below(&w, dir, p);
	below = below ? below : granted_at_source(&w, dir, p);
	*out = (struct acl_sight){.enter = below > 0 || d.admin, .listed = below > 0, .read = d.effective & V_R};
	acl_policy_unref(p);
	walk_end(&w);
	return below < 0 ? (d.admin && below == -EAGAIN ? 0 : below) : 0;
}
