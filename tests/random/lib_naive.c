/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quotations in the comments are from SPEC; "3.2" is rule 2 of section 3, "fine print" the list at its end. */
#include "tests/random/lib_naive.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---------------------------------------------------------------- patterns (section 2) */

/* "`*` matches any run of characters but never crosses the `@`"; "Case-blind"; "Only `*` is special". */
static bool glob(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p != '*')
		return *s != '\0' && tolower((unsigned char)*p) == tolower((unsigned char)*s) && glob(p + 1, s + 1);
	for (;; s++) {
		if (glob(p + 1, s))
			return true;
		if (*s == '\0' || *s == '@')
			return false;
	}
}

/* "`group:NAME` matches members of a Unix group" */
static bool in_group(const struct principal *who, const char *name)
{
	for (int i = 0; i < who->n_groups; i++)
		if (same_name(who->group[i], name))
			return true;
	return false;
}

/* "Anonymous ... matches no e-mail pattern"; "may match `anonymous` and `group:` in permissions". */
bool naive_pattern(const char *pattern, const struct principal *who)
{
	if (strncasecmp(pattern, "group:", 6) == 0)
		return in_group(who, pattern + 6);
	if (same_name(pattern, "anonymous"))
		return who->email == NULL;
	if (who->email == NULL)
		return false;
	return strcmp(pattern, "*") == 0 || glob(pattern, who->email);
}

/* In lists (members, admins, worm) anonymous matches nothing: "never through a role". */
static bool list_pattern(const char *pattern, const struct principal *who) { return who->email != NULL && naive_pattern(pattern, who); }

/* ---------------------------------------------------------------- levels (3.1) */

struct contribution {
	const struct body *body;
	int src;
};

struct level {
	int n;
	struct contribution by[MAX_LEVELS + 1]; /* the strongest first: own document, nearer files, ..., defaults */
	int acl_fence, inherit_fence;           /* the source that sets the fence on this level, or SRC_NONE */
};

struct chain {
	const struct world *w;
	int last;   /* the governing directory's level */
	int broken; /* the first level with an invalid document, or last + 1 */
	struct level level[MAX_LEVELS];
};

/* "literal segment first (case-blind), else "*"": "within one source and one step, a literal segment excludes "*"". */
static const struct body *step(const struct body *from, const char *name)
{
	for (int i = 0; i < from->n_paths; i++)
		if (strcmp(from->path[i].segment, "*") != 0 && same_name(from->path[i].segment, name))
			return from->path[i].body;
	for (int i = 0; i < from->n_paths; i++)
		if (strcmp(from->path[i].segment, "*") == 0)
			return from->path[i].body;
	return NULL;
}

/* What one source puts on each level from its own downwards. */
static void thread_source(struct chain *c, const struct place *at, const struct body *top, int src)
{
	int level = src < 0 ? 0 : src;
	for (const struct body *b = top; b && level <= c->last; level++) {
		struct level *l = &c->level[level];
		l->by[l->n++] = (struct contribution){b, src};
		if (level < c->last)
			b = step(b, place_name(c->w, at, level + 1));
	}
}

static const struct doc *own_doc(const struct world *w, const struct place *at, int level)
{
	int dir = place_dir(w, at, level);
	return dir >= 0 && w->dir[dir].doc.present ? &w->dir[dir].doc : NULL;
}

/* "`inherit: false`: the built-in defaults and every `paths:` contribution from above stop here", "drops only what lands on its
 * own level or below", and a fence in a body "spares that body and what is nested in it". */
static bool passes_inherit(const struct chain *c, int src, int lands_on)
{
	for (int b = 0; b <= lands_on; b++) {
		int fence = c->level[b].inherit_fence;
		if (fence != SRC_NONE && src < b && src != fence)
			return false;
	}
	return true;
}

/* 3.4 "by source file": what lies in a file above a fence is hidden from there down, "whichever level they land on". All fences
 * at or above the level that looks (`from`) count. */
static bool is_visible(const struct chain *c, int from, int src, int lands_on)
{
	if (!passes_inherit(c, src, lands_on))
		return false;
	for (int b = 0; b <= from; b++) {
		int fence = c->level[b].acl_fence;
		bool spared = src == fence && lands_on >= b;
		if (fence != SRC_NONE && src < b && !spared)
			return false;
	}
	return true;
}

/* Overlay of a scalar: "the most specific wins", among what is not stopped. Two passes, since `inherit` decides what is stopped. */
static void find_fences(struct chain *c, int at)
{
	struct level *l = &c->level[at];
	l->inherit_fence = l->acl_fence = SRC_NONE;
	for (int i = 0; i < l->n; i++) {
		if (!passes_inherit(c, l->by[i].src, at) || l->by[i].body->inherit == UNSET)
			continue;
		l->inherit_fence = l->by[i].body->inherit == NO ? l->by[i].src : SRC_NONE;
		break;
	}
	for (int i = 0; i < l->n; i++) {
		if (!passes_inherit(c, l->by[i].src, at) || l->by[i].body->acl_inherit == UNSET)
			continue;
		l->acl_fence = l->by[i].body->acl_inherit == NO ? l->by[i].src : SRC_NONE;
		break;
	}
}

static void build_chain(struct chain *c, const struct world *w, const struct place *at)
{
	c->w = w;
	c->last = place_level(w, at);
	c->broken = c->last + 1;
	for (int level = 0; level <= c->last; level++)
		c->level[level].n = 0;
	for (int level = c->last; level >= 0; level--) {
		const struct doc *d = own_doc(w, at, level);
		if (d && d->broken)
			c->broken = level;
		else if (d)
			thread_source(c, at, d->top, level);
	}
	if (w->defaults.present)
		thread_source(c, at, w->defaults.top, SRC_DEFAULTS);
	for (int level = 0; level <= c->last; level++)
		find_fences(c, level);
}

/* ---------------------------------------------------------------- roles (3.3) */

static const struct role *find_role(const struct body *b, const char *name)
{
	for (int i = 0; i < b->n_roles; i++)
		if (same_name(b->role[i].name, name))
			return &b->role[i];
	return NULL;
}

/* "Anonymous has no role"; "Role names inside `members` are not nested". */
static bool is_member(const struct role *r, const struct principal *who)
{
	for (int i = 0; i < r->members.n; i++)
		if (list_pattern(r->members.item[i], who))
			return true;
	return false;
}

enum role_found { NO_ROLE, NOT_MEMBER, MEMBER };

/* One level's part of the union; *reset is the strongest visible source's word. */
static enum role_found role_on_level(
	const struct chain *c, int from, int level, const char *name, bool through, const struct principal *who, bool *reset)
{
	enum role_found found = NO_ROLE;
	enum tri said = UNSET;
	const struct level *l = &c->level[level];
	for (int i = 0; i < l->n; i++) {
		const struct role *r = find_role(l->by[i].body, name);
		if (!r || !(through || is_visible(c, from, l->by[i].src, level)))
			continue;
		if (found != MEMBER)
			found = is_member(r, who) ? MEMBER : NOT_MEMBER;
		if (said == UNSET)
			said = r->reset;
	}
	*reset = said == YES;
	return found;
}

/* "Membership unites upwards, as seen from the level that names the role, stopped by `reset` and by fences". */
static enum role_found resolve_role(const struct chain *c, int from, const char *name, bool through, const struct principal *who)
{
	enum role_found found = NO_ROLE;
	bool reset = false;
	for (int level = from; level >= 0 && !reset; level--) {
		enum role_found here = role_on_level(c, from, level, name, through, who, &reset);
		found = here > found ? here : found;
	}
	return found;
}

/* "A key that is the name of a role visible at that level is that role"; "`role:X` with no visible role X matches nobody". */
static bool names_principal(const struct chain *c, int level, const char *key, bool through, bool in_list, const struct principal *who)
{
	enum role_found found = resolve_role(c, level, bare_key(key), through, who);
	if (found != NO_ROLE)
		return found == MEMBER;
	if (bare_key(key) != key)
		return false;
	return in_list ? list_pattern(key, who) : naive_pattern(key, who);
}

/* Roles named in worm: and admins: "resolve through fences". */
static bool list_names(const struct chain *c, int level, const struct list *l, const struct principal *who)
{
	for (int i = 0; i < l->n; i++)
		if (names_principal(c, level, l->item[i], true, true, who))
			return true;
	return false;
}

/* ---------------------------------------------------------------- auto-own and mandated grants (section 7) */

static bool level_auto_owns(const struct chain *c, int level)
{
	const struct level *l = &c->level[level];
	for (int i = 0; i < l->n; i++)
		if (passes_inherit(c, l->by[i].src, level) && l->by[i].body->auto_own != UNSET)
			return l->by[i].body->auto_own == YES;
	return false;
}

/* `auto_own_roles`: "own level, replaces". */
static const struct list *level_owner_roles(const struct chain *c, int level)
{
	const struct level *l = &c->level[level];
	for (int i = 0; i < l->n; i++)
		if (passes_inherit(c, l->by[i].src, level) && l->by[i].body->auto_own_roles.present)
			return &l->by[i].body->auto_own_roles;
	return NULL;
}

/* "Mandated grants are, where the level has `auto_own: true`, the entries of the directory's own `.zddc` whose key is in the
 * level's `auto_own_roles`." */
static bool is_mandated(const struct chain *c, int level, int src, const char *key)
{
	const struct list *roles = level_owner_roles(c, level);
	if (src != level || !roles || !level_auto_owns(c, level))
		return false;
	for (int i = 0; i < roles->n; i++)
		if (same_key(roles->item[i], key))
			return true;
	return false;
}

/* ---------------------------------------------------------------- permissions (3.2, 3.6) */

/* "any order and case, blanks ignored" */
static unsigned verb_bits(const char *s)
{
	static const char letter[] = "rwcda";
	unsigned bits = 0;
	for (; *s; s++) {
		const char *at = strchr(letter, tolower((unsigned char)*s));
		bits |= at ? 1u << (at - letter) : 0;
	}
	return bits;
}

/* Is the key already set by a stronger source of this level? "maps, key by key". `all`: whether or not that source is visible. */
static bool is_overlaid(const struct chain *c, int level, int i, const char *key, bool all)
{
	const struct level *l = &c->level[level];
	for (int j = 0; j < i; j++) {
		if (!all && !is_visible(c, level, l->by[j].src, level))
			continue;
		for (int k = 0; k < l->by[j].body->n_perms; k++)
			if (same_key(l->by[j].body->perm[k].key, key))
				return true;
	}
	return false;
}

struct verdict {
	int matches, src, line;
	bool denied;
	unsigned verbs;
};

/* "If any matching entry there is "", the result is nothing; otherwise the union of the matching entries." */
static struct verdict decide_level(const struct chain *c, int level, const struct principal *who)
{
	struct verdict v = {.src = SRC_NONE};
	const struct level *l = &c->level[level];
	for (int i = 0; i < l->n; i++) {
		if (!is_visible(c, c->last, l->by[i].src, level))
			continue;
		for (int k = 0; k < l->by[i].body->n_perms; k++) {
			const struct perm *p = &l->by[i].body->perm[k];
			bool through = is_mandated(c, level, l->by[i].src, p->key);
			if (is_overlaid(c, level, i, p->key, false) || !names_principal(c, level, p->key, through, false, who))
				continue;
			v.matches++;
			v.src = l->by[i].src;
			v.line = p->line;
			v.denied |= verb_bits(p->verbs) == 0;
			v.verbs |= verb_bits(p->verbs);
		}
	}
	if (v.denied)
		v.verbs = 0;
	return v;
}

/* Strict: "an explicit deny at any level is absolute, fences or not"; "a level is its overlay"; "its roles resolved through them". */
static bool strictly_denied_on(const struct chain *c, int level, const struct principal *who)
{
	const struct level *l = &c->level[level];
	for (int i = 0; i < l->n; i++)
		for (int k = 0; k < l->by[i].body->n_perms; k++) {
			const struct perm *p = &l->by[i].body->perm[k];
			if (verb_bits(p->verbs) == 0 && !is_overlaid(c, level, i, p->key, true) &&
				names_principal(c, level, p->key, true, false, who))
				return true;
		}
	return false;
}

static bool strictly_denied(const struct chain *c, const struct principal *who)
{
	for (int level = 0; level <= c->last && c->w->strict; level++)
		if (strictly_denied_on(c, level, who))
			return true;
	return false;
}

/* "The deepest level with any matching entry decides alone." */
static void cascade(const struct chain *c, const struct principal *who, struct answer *a)
{
	a->level = -1;
	for (int level = c->last; level >= 0 && a->level < 0; level--) {
		struct verdict v = decide_level(c, level, who);
		if (v.matches == 0)
			continue;
		a->level = level;
		a->matches = v.matches;
		a->src = v.src;
		a->line = v.line;
		a->denied = v.denied;
		a->granted = v.verbs;
	}
	a->strictly_denied = strictly_denied(c, who);
	if (a->strictly_denied)
		a->granted = 0;
}

/* ---------------------------------------------------------------- administrators (section 6) */

/* `admins`: "union", "not stopped by fences". The deepest level that names them, or -1. "Administrators named by a body that
 * lands on or below the broken level are not "above" it." */
static int naming_level(const struct chain *c, const struct principal *who)
{
	for (int level = c->last < c->broken ? c->last : c->broken - 1; level >= 0; level--)
		for (int i = 0; i < c->level[level].n; i++)
			if (list_names(c, level, &c->level[level].by[i].body->admins, who))
				return level;
	return -1;
}

/* "at the root, the administrators of its last valid text". Their roles resolve in that text and in the defaults. */
static bool last_text_names(const struct world *w, const struct principal *who)
{
	struct chain c = {.w = w, .broken = 1};
	const struct place root = {0};
	if (w->n_dirs == 0 || !w->dir[0].doc.broken || !w->last_root.present)
		return false;
	thread_source(&c, &root, w->last_root.top, 0);
	if (w->defaults.present)
		thread_source(&c, &root, w->defaults.top, SRC_DEFAULTS);
	find_fences(&c, 0);
	return list_names(&c, 0, &w->last_root.top->admins, who);
}

static int admin_level(const struct chain *c, const struct principal *who)
{
	int level = naming_level(c, who);
	return level < 0 && last_text_names(c->w, who) ? 0 : level;
}

/* ---------------------------------------------------------------- zones, freezes, conditions */

/* "`worm`: marks a zone; those listed may file into it"; "lists unite down the tree"; stopped by a top-level `inherit: false`. */
static void find_zone(const struct chain *c, const struct principal *who, struct answer *a)
{
	for (int level = 0; level <= c->last; level++)
		for (int i = 0; i < c->level[level].n; i++) {
			const struct contribution *by = &c->level[level].by[i];
			if (!by->body->worm.present || !passes_inherit(c, by->src, level))
				continue;
			a->zone = true;
			a->filer |= list_names(c, level, &by->body->worm, who);
		}
}

/* "Of several `freeze_until` the latest counts, within a level too"; it ignores both kinds of fence. */
static int64_t latest_freeze(const struct chain *c)
{
	int64_t latest = 0;
	for (int level = 0; level <= c->last; level++)
		for (int i = 0; i < c->level[level].n; i++)
			if (c->level[level].by[i].body->freeze_until > latest)
				latest = c->level[level].by[i].body->freeze_until;
	return latest;
}

/* `history`: "deepest, ignores fences". */
static bool keeps_history(const struct chain *c)
{
	for (int level = c->last; level >= 0; level--)
		for (int i = 0; i < c->level[level].n; i++)
			if (c->level[level].by[i].body->history != UNSET)
				return c->level[level].by[i].body->history == YES;
	return false;
}

static const char *attribute(const struct world *w, const struct principal *who, enum cond_attr attr)
{
	switch (attr) {
	case AT_ENVIRONMENT: return w->attrs.environment;
	case AT_PROVENANCE: return w->attrs.provenance;
	case AT_OWNER: /* "the owner of anonymous is `anonymous`" */ return who->email ? who->email : "anonymous";
	case AT_RISK: break;
	}
	return NULL;
}

static bool holds_number(int value, const struct cond_term *t)
{
	int first = atoi(t->literal[0]);
	switch (t->op) {
	case OP_LT: return value < first;
	case OP_LE: return value <= first;
	case OP_EQ: return value == first;
	case OP_NE: return value != first;
	case OP_GT: return value > first;
	case OP_GE: return value >= first;
	case OP_IN: return value == first || value == atoi(t->literal[1]);
	case OP_MATCHES: break;
	}
	abort();
}

static bool holds_text(const char *value, const struct cond_term *t)
{
	switch (t->op) {
	case OP_EQ: return strcmp(value, t->literal[0]) == 0;
	case OP_NE: return strcmp(value, t->literal[0]) != 0;
	case OP_IN: return strcmp(value, t->literal[0]) == 0 || strcmp(value, t->literal[1]) == 0;
	case OP_MATCHES: /* "the glob of principal patterns" */ return glob(t->literal[0], value);
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE: break;
	}
	abort();
}

/* "joined by `and`"; "an unset attribute fails its condition". */
static bool holds(const struct world *w, const struct principal *who, const struct cond *c)
{
	for (int i = 0; i < c->n; i++) {
		const struct cond_term *t = &c->term[i];
		const char *text = attribute(w, who, t->attr);
		if (t->attr == AT_RISK ? w->attrs.risk < 0 || !holds_number(w->attrs.risk, t) : !text || !holds_text(text, t))
			return false;
	}
	return true;
}

/* `when`: "only ever take verbs away", "every level must hold", and within a level every source: one condition does not replace another. */
static unsigned removed_by_when(const struct chain *c, const struct principal *who)
{
	unsigned removed = 0;
	for (int level = 0; level <= c->last; level++)
		for (int v = 0; v < N_VERBS; v++)
			for (int i = 0; i < c->level[level].n; i++) {
				const struct contribution *by = &c->level[level].by[i];
				if (!by->body->when[v].present || !passes_inherit(c, by->src, level))
					continue;
				removed |= holds(c->w, who, &by->body->when[v]) ? 0 : 1u << v;
			}
	return removed;
}

/* ---------------------------------------------------------------- the decision (3.7) */

static bool frozen_at(const struct chain *c) { return c->w->now < latest_freeze(c); }

/* Zone mask (section 5): "(cascade and r) or (rc if a worm: list on the chain names the principal)". */
static unsigned masked(const struct answer *a)
{
	unsigned filer = a->filer && !a->strictly_denied ? VERB_R | VERB_C : 0;
	return a->zone ? (a->granted & VERB_R) | filer : a->granted;
}

/* "elevated administrator -> freeze (for changes) -> standing right -> cascade -> zone mask -> `when`"; "Invalid policy binds the
 * elevated too". */
static void decide(const struct chain *c, const struct principal *who, struct answer *a)
{
	cascade(c, who, a);
	find_zone(c, who, a);
	a->broken = c->broken <= c->last;
	a->admin = admin_level(c, who) >= 0;
	a->freeze_until = latest_freeze(c);
	a->frozen = frozen_at(c);
	a->conditioned = removed_by_when(c, who);
	if (a->broken)
		a->granted = 0;
	if (a->broken)
		a->effective = 0;
	else if (a->admin && who->elevated)
		a->effective = VERB_ALL;
	else
		a->effective = masked(a) & ~a->conditioned;
}

/* "Reading `.zddc` needs `r`, `a` or the standing right"; writing `a` or the standing right; "a freeze also stops un-elevated
 * writing of `.zddc` by standing right". */
static void decide_policy_file(const struct principal *who, struct answer *a)
{
	bool above_freeze = a->admin && who->elevated;
	a->reads_policy = a->admin || (a->effective & (VERB_R | VERB_A));
	a->writes_policy = (a->admin || (a->effective & VERB_A)) && (!a->frozen || above_freeze);
}

bool naive_may(const struct answer *a, const struct principal *who, unsigned verb, bool *frozen)
{
	bool above_freeze = a->admin && who->elevated;
	*frozen = verb != VERB_R && a->frozen && !above_freeze && !a->broken;
	return !*frozen && (a->effective & verb);
}

/* ---------------------------------------------------------------- what can be seen (section 1, fine print) */

static bool on_disk(const struct world *w, const struct place *at, const char *name)
{
	for (int i = 1; i < w->n_dirs && at->n_more == 0; i++)
		if (w->dir[i].parent == at->dir && same_name(w->dir[i].name, name))
			return true;
	return false;
}

/* "A declared literal slot": a literal segment of `paths` of anything that lands here and is not stopped. */
int naive_slots(const struct world *w, const struct place *at, const char *name[], int max)
{
	int n = 0;
	struct chain c;
	build_chain(&c, w, at);
	const struct level *l = &c.level[c.last];
	for (int i = 0; i < l->n; i++) {
		const struct body *b = l->by[i].body;
		if (!passes_inherit(&c, l->by[i].src, c.last))
			continue;
		for (int k = 0; k < b->n_paths && n < max; k++)
			if (strcmp(b->path[k].segment, "*") != 0 && !on_disk(w, at, b->path[k].segment))
				name[n++] = b->path[k].segment;
	}
	return n;
}

bool naive_declares(const struct world *w, const struct place *at, const char *name)
{
	struct chain c;
	build_chain(&c, w, at);
	const struct level *l = &c.level[c.last];
	for (int i = 0; i < l->n; i++)
		for (int k = 0; k < l->by[i].body->n_paths; k++)
			if (passes_inherit(&c, l->by[i].src, c.last) && same_name(l->by[i].body->path[k].segment, name))
				return true;
	return false;
}

static bool grant_below(const struct world *w, const struct place *at, const struct principal *who, int above);

/* An effective verb there, or administrator by a naming deeper than `above`, or so further down. */
static bool grant_at_or_below(const struct world *w, const struct place *at, const struct principal *who, int above)
{
	struct chain c;
	struct answer a = {0};
	build_chain(&c, w, at);
	decide(&c, who, &a);
	return a.effective != 0 || admin_level(&c, who) > above || grant_below(w, at, who, above);
}

/* "a directory below, on disk or a declared literal slot, where the principal has an effective verb (after denials, mask and
 * `when`; a freeze does not count) or is administrator. A "*" body with no directory to match is not below anything." */
static bool grant_below(const struct world *w, const struct place *at, const struct principal *who, int above)
{
	for (int i = 1; i < w->n_dirs && at->n_more == 0; i++) {
		struct place child = {.dir = i};
		if (w->dir[i].parent == at->dir && grant_at_or_below(w, &child, who, above))
			return true;
	}
	const char *slot[MAX_ITEMS * 4];
	int n = naive_slots(w, at, slot, MAX_ITEMS * 4);
	for (int i = 0; i < n && at->n_more < 4; i++) {
		struct place child = *at;
		child.more[child.n_more++] = slot[i];
		if (grant_at_or_below(w, &child, who, above))
			return true;
	}
	return false;
}

static bool fence_below(const struct chain *c, int level)
{
	for (int b = level + 1; b <= c->last; b++)
		if (c->level[b].acl_fence != SRC_NONE)
			return true;
	return false;
}

/* "visible: any verb in the directory, or a grant somewhere below it, or is its administrator"; by standing right they "may enter
 * every directory of the subtree (fenced ones are not listed to them)". */
static void look(const struct chain *c, const struct place *at, const struct principal *who, struct answer *a)
{
	int named = admin_level(c, who);
	bool below = grant_below(c->w, at, who, c->last);
	a->enter = a->effective || named >= 0 || below;
	a->listed = a->effective || below || (named >= 0 && !fence_below(c, named));
}

struct answer naive_decide(const struct world *w, const struct place *at, const struct principal *who)
{
	struct chain c, root;
	struct answer a = {0};
	build_chain(&c, w, at);
	decide(&c, who, &a);
	decide_policy_file(who, &a);
	a.fenced = c.level[c.last].acl_fence != SRC_NONE;
	a.auto_own = level_auto_owns(&c, c.last);
	a.history = keeps_history(&c);
	build_chain(&root, w, &(struct place){0});
	a.root_admin = admin_level(&root, who) >= 0;
	return a;
}

struct answer naive_answer(const struct world *w, const struct place *at, const struct principal *who)
{
	struct answer a = naive_decide(w, at, who);
	struct chain c;
	build_chain(&c, w, at);
	look(&c, at, who, &a);
	return a;
}

bool naive_enters(const struct world *w, const struct place *at, const struct principal *who) { return naive_answer(w, at, who).enter; }

/* "any member of a mandated role": as the roles are seen, through fences, from the directory's own level. */
bool naive_is_mandated(const struct world *w, const struct place *at, const struct principal *who)
{
	struct chain c;
	build_chain(&c, w, at);
	const struct list *roles = level_owner_roles(&c, c.last);
	if (!roles || !level_auto_owns(&c, c.last))
		return false;
	for (int i = 0; i < roles->n; i++)
		if (resolve_role(&c, c.last, bare_key(roles->item[i]), true, who) == MEMBER)
			return true;
	return false;
}

int naive_role(const struct world *w, const struct place *at, const char *role, const struct principal *who)
{
	struct chain c;
	build_chain(&c, w, at);
	enum role_found found = resolve_role(&c, c.last, role, false, who);
	return found == NO_ROLE ? -1 : found == MEMBER;
}
