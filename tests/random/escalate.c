/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THREATS row 31 on the engine: a document controller, a home owner and others edit, remove, move and rename `.zddc` under the
 * default policy, one to four accepted edits in a row. The engine says for each whether it may be; the naive evaluator says
 * afterwards whether anything was gained:
 *
 *   - somebody administers a directory that they did not administer;
 *   - a zone is no zone any more, or somebody holds `w`, `d` or `a` in one;
 *   - somebody may enter the fenced home of another who did not act;
 *   - a member of a mandated role holds less than `rwcda` after an edit by somebody without `a` at the parent.
 *
 *   escalate [--cases N] [--seed S] [--sequence I] [--emit]     a case is one attempted edit
 *   --emit prints the scenario and the attempts as JSON lines, for driving a mount; --sequence replays one
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "defaults/defaults.h"
#include "tests/random/lib_edits.h"
#include "tests/random/lib_engine.h"
#include "tests/random/lib_naive.h"
#include "tests/random/lib_yaml.h"

enum { MAX_EDITS = 4, MAX_TRIES = 40 };

/* What must not be gained, as it was when the directory came into being. */
struct guard {
	bool sealed, zone, slot_zone[2];
	int home_of; /* owner of a fenced home, or -1 */
	bool entered[WHO_COUNT], admin[WHO_COUNT];
};

struct state {
	struct world *w;
	struct engine e;
	struct rng rng;
	uint64_t seq;
	bool emit;
	bool acted[WHO_COUNT];
	struct guard guard[MAX_DIRS];
	struct buf story; /* the accepted edits, for the report */
	char gained[500];
};

struct run {
	uint64_t seed, attempts, accepted, passed, failed;
	bool emit;
	struct zddc_doc *defaults;
	const struct doc *model;
};

static const char *const slots[2] = {"issued", "received"};

/* ---------------------------------------------------------------- asking the engine */

static struct acl_policy *policy_of(struct state *s, int dir) { return acl_snap_policy(s->e.snap, s->e.path[dir]); }

static struct acl_principal actor_of(const struct state *s, int who) { return engine_principal(&s->w->principal[who]); }

static bool allowed(struct state *s, struct acl_policy *p, int who, enum acl_op op, const char *name)
{
	struct acl_principal principal = actor_of(s, who);
	struct acl_attrs attrs = engine_attrs(s->w);
	struct acl_request rq = acl_request_for(op, name, &principal, &attrs, 0);
	return acl_decide(p, &rq).allowed;
}

static bool allowed_at(struct state *s, int dir, int who, enum acl_op op, const char *name)
{
	struct acl_policy *p = policy_of(s, dir);
	bool yes = allowed(s, p, who, op, name);
	acl_policy_unref(p);
	return yes;
}

static bool holds(struct state *s, int dir, int who, verbset verbs)
{
	struct acl_principal principal = actor_of(s, who);
	struct acl_attrs attrs = engine_attrs(s->w);
	struct acl_request rq = {.who = &principal, .needed = verbs, .attrs = &attrs, .flags = ACL_CHANGE};
	struct acl_policy *p = policy_of(s, dir);
	bool yes = acl_decide(p, &rq).allowed;
	acl_policy_unref(p);
	return yes;
}

static bool sees(struct state *s, int dir, int who)
{
	struct acl_principal principal = actor_of(s, who);
	struct acl_attrs attrs = engine_attrs(s->w);
	struct acl_request rq = {.who = &principal, .attrs = &attrs};
	struct acl_sight sight = {0};
	return acl_snap_sight(s->e.snap, s->e.path[dir], &rq, &sight) == 0 && sight.enter;
}

/* Guarded keys, roles of administrators and mandated grants: may `text` (NULL: removal) replace what the directory has? */
static bool content_allowed(struct state *s, int dir, int who, const char *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	bool invalid, ok = true;
	struct acl_src src;
	struct acl_principal principal = actor_of(s, who);
	struct acl_policy *here = policy_of(s, dir);
	struct zddc_doc *now = acl_snap_doc(s->e.snap, s->e.path[dir], &invalid), *next = NULL;
	if (text && zddc_parse("new", text, strlen(text), false, &d, &next) < 0)
		ok = false;
	bool admin = acl_is_admin(here, &principal, &src);
	ok = ok && (admin || zddc_guard_check(now, next, &d) == 0);
	ok = ok && (admin || acl_snap_roles_check(s->e.snap, s->e.path[dir], now, next, &d) == 0);
	if (ok && dir == 0)
		ok = (admin || acl_admin_roles_check(s->e.acl, NULL, NULL, now, next, &d) == 0) &&
		     acl_root_admins_check(s->e.acl, now, next, &principal, &d) == 0;
	if (ok && dir > 0) {
		struct acl_policy *parent = policy_of(s, s->w->dir[dir].parent);
		const char *name = s->w->dir[dir].name;
		ok = (admin || acl_admin_roles_check(s->e.acl, parent, name, now, next, &d) == 0) &&
		     (holds(s, s->w->dir[dir].parent, who, V_A) || acl_mandate_check(s->e.acl, parent, name, now, next, &d) == 0);
		acl_policy_unref(parent);
	}
	zddc_unref(now);
	zddc_unref(next);
	acl_policy_unref(here);
	return ok;
}

/* ---------------------------------------------------------------- SPEC section 4: what the mount would ask */

static int child_named(const struct world *w, int parent, const char *name)
{
	for (int i = 1; i < w->n_dirs; i++)
		if (w->dir[i].parent == parent && same_name(w->dir[i].name, name))
			return i;
	return -1;
}

static bool is_slot(struct state *s, int parent, const char *name)
{
	struct acl_policy *p = policy_of(s, parent);
	bool yes = acl_slot_find(p, name) != NULL;
	acl_policy_unref(p);
	return yes;
}

static bool any_below(const struct state *s, int top, bool sealed, bool itself)
{
	for (int i = 1; i < s->w->n_dirs; i++)
		if ((itself || i != top) && is_at_or_above(s->w, top, i) && (sealed ? s->guard[i].sealed : s->w->dir[i].doc.present))
			return true;
	return false;
}

static bool zone_at(struct state *s, int dir)
{
	struct acl_policy *p = policy_of(s, dir);
	bool zone = acl_is_zone(p);
	acl_policy_unref(p);
	return zone;
}

/* The policy that a directory would have under another parent or name, with the `.zddc` it carries. */
static struct acl_policy *policy_moved(struct state *s, int dir, int to, const char *name)
{
	struct acl_own own = {0};
	struct acl_policy *parent = policy_of(s, to);
	own.doc = acl_snap_doc(s->e.snap, s->e.path[dir], &own.invalid);
	struct acl_policy *p = acl_child(s->e.acl, parent, name, own.doc ? &own : NULL);
	zddc_unref(own.doc);
	acl_policy_unref(parent);
	return p;
}

static bool keeps_policy(struct state *s, const struct edit *e)
{
	struct acl_policy *now = policy_of(s, e->dir), *then = policy_moved(s, e->dir, e->to, e->name);
	bool same = acl_policy_same_rules(now, then);
	acl_policy_unref(now);
	acl_policy_unref(then);
	return same;
}

/*
 * Guarded keys that a moved `.zddc` would add there and take away here ("only an administrator ... may add, change or remove"), and
 * roles that administer there.
 */
static bool carries_guarded_keys(struct state *s, const struct edit *e)
{
	struct acl_src src;
	struct acl_principal mover = actor_of(s, e->actor);
	struct acl_policy *from = policy_of(s, s->w->dir[e->dir].parent), *to = policy_of(s, e->to);
	bool admin = acl_is_admin(from, &mover, &src) && acl_is_admin(to, &mover, &src);
	struct acl_policy *place = acl_child(s->e.acl, to, e->name, NULL);
	const char *path = s->e.path[e->dir];
	bool guarded = !admin && (acl_snap_guarded(s->e.snap, path) != 0 || acl_snap_names_admins(s->e.snap, path, place) != 0);
	acl_policy_unref(place);
	acl_policy_unref(from);
	acl_policy_unref(to);
	return guarded;
}

/* The three rows about renaming a directory. */
static bool rename_allowed(struct state *s, const struct edit *e)
{
	struct world *w = s->w;
	if (e->dir == 0 || is_at_or_above(w, e->dir, e->to) || child_named(w, e->to, e->name) >= 0)
		return false;
	int from = w->dir[e->dir].parent;
	if (!sees(s, e->dir, e->actor) || !sees(s, e->to, e->actor) || is_slot(s, from, w->dir[e->dir].name) ||
		is_slot(s, e->to, e->name) || zone_at(s, from))
		return false;
	if (from == e->to && keeps_policy(s, e))
		return holds(s, from, e->actor, V_W) && holds(s, e->dir, e->actor, V_A);
	if (!allowed_at(s, from, e->actor, ACL_OP_RENAME_FROM, w->dir[e->dir].name) ||
		!allowed_at(s, e->to, e->actor, ACL_OP_RENAME_TO, e->name) || any_below(s, e->dir, true, true))
		return false;
	if (carries_guarded_keys(s, e))
		return false;
	if (zone_at(s, e->to))
		return !any_below(s, e->dir, false, false);
	return !any_below(s, e->dir, false, true) || holds(s, e->to, e->actor, V_A);
}

static bool mkdir_allowed(struct state *s, const struct edit *e)
{
	return s->w->n_dirs < MAX_DIRS && s->w->dir[e->dir].depth < MAX_DEPTH - 4 && sees(s, e->dir, e->actor) &&
	       child_named(s->w, e->dir, e->name) < 0 && !is_slot(s, e->dir, e->name) &&
	       allowed_at(s, e->dir, e->actor, ACL_OP_MKDIR, e->name);
}

static bool may_write_policy(struct state *s, int dir, int who)
{
	return sees(s, dir, who) && allowed_at(s, dir, who, ACL_OP_WRITE, ".zddc");
}

static bool edit_allowed(struct state *s, const struct edit *e)
{
	const struct doc *here = &s->w->dir[e->dir].doc;
	switch (e->kind) {
	case EDIT_WRITE: return may_write_policy(s, e->dir, e->actor) && content_allowed(s, e->dir, e->actor, e->doc.text);
	case EDIT_REMOVE: return here->present && may_write_policy(s, e->dir, e->actor) && content_allowed(s, e->dir, e->actor, NULL);
	case EDIT_MOVE_POLICY:
		return here->present && e->to != e->dir && may_write_policy(s, e->dir, e->actor) && may_write_policy(s, e->to, e->actor) &&
		       content_allowed(s, e->dir, e->actor, NULL) && content_allowed(s, e->to, e->actor, here->text);
	case EDIT_RENAME: return rename_allowed(s, e);
	case EDIT_MKDIR: return mkdir_allowed(s, e);
	}
	return false;
}

/* ---------------------------------------------------------------- doing it, in the model */

static void set_doc(struct state *s, int dir, const char *text)
{
	struct doc *d = &s->w->dir[dir].doc;
	*d = (struct doc){.present = true, .text = pool_strdup(s->w->pool, text)};
	d->top = body_load(s->w->pool, d->text, strlen(d->text));
	if (!d->top)
		abort();
	acl_snap_forget(s->e.snap, s->e.path[dir]);
}

/* Section 7: the generated `.zddc`, if the directory's level says so and it has none. False if that is refused. */
static bool auto_own(struct state *s, int dir, int maker)
{
	AUTO_BUF text = BUF_INIT;
	struct acl_policy *p = policy_of(s, dir);
	struct acl_principal who = actor_of(s, maker);
	bool wanted = acl_auto_own(p) && !s->w->dir[dir].doc.present;
	int rc = wanted ? acl_auto_own_text(p, &who, &text) : 0;
	acl_policy_unref(p);
	if (wanted && rc == 0)
		set_doc(s, dir, buf_str(&text));
	return rc == 0;
}

/* Which write-once places the directory is or declares. */
static void note_zones(struct state *s, int dir)
{
	struct guard *g = &s->guard[dir];
	struct place at = {.dir = dir};
	const struct principal *anybody = &s->w->principal[WHO_OBS];
	g->zone = naive_decide(s->w, &at, anybody).zone;
	for (int i = 0; i < 2; i++) {
		struct place slot = {.dir = dir, .n_more = 1, .more = {slots[i]}};
		g->slot_zone[i] = naive_declares(s->w, &at, slots[i]) && naive_decide(s->w, &slot, anybody).zone;
	}
}

/* From here on the directory has something to lose. */
static void note_guard(struct state *s, int dir, int maker)
{
	struct guard *g = &s->guard[dir];
	struct place at = {.dir = dir};
	g->home_of = -1;
	for (int who = 0; who < WHO_COUNT; who++) {
		struct answer a = naive_answer(s->w, &at, &s->w->principal[who]);
		g->admin[who] = a.admin;
		g->entered[who] = a.enter;
		if (a.fenced && who == maker && maker != WHO_ROOT)
			g->home_of = maker;
	}
	note_zones(s, dir);
}

/* A directory that moved to another policy: the administrators of its new parent administer it, and nothing in it was sealed,
 * so that leaving a zone loses nothing. */
static void note_moved(struct state *s, int top, int parent)
{
	for (int dir = 1; dir < s->w->n_dirs; dir++) {
		if (!is_at_or_above(s->w, top, dir))
			continue;
		for (int who = 0; who < WHO_COUNT; who++)
			s->guard[dir].admin[who] |= s->guard[parent].admin[who];
		note_zones(s, dir);
	}
}

static int add_dir(struct state *s, int parent, const char *name, int maker)
{
	int dir = world_add_dir(s->w, parent, name);
	engine_repath(&s->e);
	acl_snap_forget(s->e.snap, s->e.path[dir]);
	if (!auto_own(s, dir, maker)) {
		s->w->n_dirs--;
		return -1;
	}
	return dir;
}

static void drop_doc(struct state *s, int dir)
{
	s->w->dir[dir].doc = (struct doc){0};
	acl_snap_forget(s->e.snap, s->e.path[dir]);
}

static void rename_dir(struct state *s, const struct edit *e)
{
	AUTO_BUF kept = BUF_INIT;
	bool into_zone = zone_at(s, e->to) && s->w->dir[e->dir].doc.present;
	bool kept_policy = s->w->dir[e->dir].parent == e->to && keeps_policy(s, e);
	if (into_zone) {
		bool invalid;
		struct zddc_doc *doc = acl_snap_doc(s->e.snap, s->e.path[e->dir], &invalid);
		acl_zone_text(doc, &kept);
		zddc_unref(doc);
	}
	acl_snap_forget(s->e.snap, s->e.path[e->dir]);
	world_move_dir(s->w, e->dir, e->to, e->name);
	engine_repath(&s->e);
	acl_snap_forget(s->e.snap, s->e.path[e->dir]);
	if (into_zone && kept.len)
		set_doc(s, e->dir, buf_str(&kept));
	else if (into_zone)
		drop_doc(s, e->dir);
	auto_own(s, e->dir, e->actor);
	if (!kept_policy)
		note_moved(s, e->dir, e->to);
}

/* Does it; false if the engine refuses at the last moment (a generated `.zddc` for anonymous). */
static bool apply(struct state *s, const struct edit *e)
{
	switch (e->kind) {
	case EDIT_WRITE:
		s->w->dir[e->dir].doc = e->doc;
		acl_snap_forget(s->e.snap, s->e.path[e->dir]);
		return true;
	case EDIT_REMOVE: drop_doc(s, e->dir); return true;
	case EDIT_MOVE_POLICY:
		s->w->dir[e->to].doc = s->w->dir[e->dir].doc;
		acl_snap_forget(s->e.snap, s->e.path[e->to]);
		drop_doc(s, e->dir);
		return true;
	case EDIT_RENAME: rename_dir(s, e); return true;
	case EDIT_MKDIR: break;
	}
	int dir = add_dir(s, e->dir, e->name, e->actor);
	if (dir >= 0)
		note_guard(s, dir, e->actor);
	return dir >= 0;
}

/* ---------------------------------------------------------------- was anything gained? */

static bool gain(struct state *s, const char *what, int who, int dir, const char *slot)
{
	char path[300];
	const char *email = s->w->principal[who].email;
	place_path(s->w, &(struct place){.dir = dir, .n_more = slot != NULL, .more = {slot}}, path, sizeof(path));
	snprintf(s->gained, sizeof(s->gained), "%s: %s at \"%s\"", what, email ? email : "anonymous", path);
	return true;
}

static bool zone_lost(struct state *s, const struct place *at, int who, const char *slot)
{
	struct answer a = naive_decide(s->w, at, &s->w->principal[who]);
	if (!a.zone)
		return gain(s, "the zone is lifted", who, at->dir, slot);
	return (a.effective & (VERB_W | VERB_D | VERB_A)) && gain(s, "w, d or a in a zone", who, at->dir, slot);
}

static bool gained_at(struct state *s, int dir, int who)
{
	const struct guard *g = &s->guard[dir];
	struct place at = {.dir = dir};
	const struct principal *p = &s->w->principal[who];
	if (!g->admin[who] && naive_decide(s->w, &at, p).admin)
		return gain(s, "administration", who, dir, NULL);
	if (g->zone && zone_lost(s, &at, who, NULL))
		return true;
	for (int i = 0; i < 2; i++) {
		struct place slot = {.dir = dir, .n_more = 1, .more = {slots[i]}};
		if (g->slot_zone[i] && child_named(s->w, dir, slots[i]) < 0 && zone_lost(s, &slot, who, slots[i]))
			return true;
	}
	bool private_home = g->home_of >= 0 && !s->acted[g->home_of] && !g->entered[who];
	return private_home && naive_enters(s->w, &at, p) && gain(s, "entry to another's fenced home", who, dir, NULL);
}

static bool anything_gained(struct state *s)
{
	for (int dir = 0; dir < s->w->n_dirs; dir++)
		for (int who = 0; who < WHO_COUNT; who++)
			if (who != WHO_ROOT && gained_at(s, dir, who))
				return true;
	return false;
}

/* Who holds a mandated rwcda at a directory whose `.zddc` changes, unless the editor holds `a` at the parent. */
struct mandate {
	int dir;
	bool full[WHO_COUNT];
};

static struct mandate mandate_before(struct state *s, int dir, int editor)
{
	struct mandate m = {.dir = dir};
	struct place at = {.dir = dir};
	struct doc own = s->w->dir[dir].doc;
	if (dir == 0 || holds(s, s->w->dir[dir].parent, editor, V_A))
		return m;
	for (int who = 0; who < WHO_COUNT; who++)
		m.full[who] = naive_decide(s->w, &at, &s->w->principal[who]).effective == VERB_ALL;
	/* Members by what others wrote: whom the document itself makes a member, it may drop again. */
	s->w->dir[dir].doc = (struct doc){0};
	for (int who = 0; who < WHO_COUNT; who++)
		m.full[who] &= naive_is_mandated(s->w, &at, &s->w->principal[who]);
	s->w->dir[dir].doc = own;
	return m;
}

static bool mandate_broken(struct state *s, const struct mandate *m)
{
	struct place at = {.dir = m->dir};
	for (int who = 0; who < WHO_COUNT; who++)
		if (m->full[who] && naive_decide(s->w, &at, &s->w->principal[who]).effective != VERB_ALL)
			return gain(s, "less than rwcda for a mandated role", who, m->dir, NULL);
	return false;
}

/* ---------------------------------------------------------------- one sequence */

static void setup_line(const struct state *s, const char *op, int maker, int dir, const char *text)
{
	if (!s->emit)
		return;
	printf("{\"seq\":%" PRIu64 ",\"setup\":\"%s\",\"actor\":", s->seq, op);
	edit_emit_text(stdout, s->w->principal[maker].email);
	printf(",\"dir\":");
	edit_emit_text(stdout, s->e.path[dir]);
	if (text) {
		printf(",\"text\":");
		edit_emit_text(stdout, text);
	}
	printf("}\n");
}

static void write_as_admin(struct state *s, int dir, struct body *b)
{
	struct doc d = {.present = true, .top = b, .style = rng_next(&s->rng)};
	doc_render(s->w->pool, &d);
	s->w->dir[dir].doc = d;
	acl_snap_forget(s->e.snap, s->e.path[dir]);
	setup_line(s, "write", WHO_ROOT, dir, d.text);
}

static int dir_by_path(const struct state *s, const char *path, size_t n)
{
	for (int i = 0; i < s->w->n_dirs; i++)
		if (strlen(s->e.path[i]) == n && strncmp(s->e.path[i], path, n) == 0)
			return i;
	abort();
}

static int dir_at(const struct state *s, const char *path) { return dir_by_path(s, path, strlen(path)); }

static void build_tree(struct state *s)
{
	for (int i = 0; i < edit_tree_count; i++) {
		const struct wanted *t = &edit_tree[i];
		const char *slash = strrchr(t->path, '/');
		int parent = slash ? dir_by_path(s, t->path, (size_t)(slash - t->path)) : 0;
		int dir = add_dir(s, parent, slash ? slash + 1 : t->path, t->maker);
		if (dir < 0)
			abort();
		s->guard[dir].sealed = t->sealed;
		setup_line(s, t->sealed ? "mkdir-with-sealed-file" : "mkdir", t->maker, dir, NULL);
	}
}

static void build_scenario(struct state *s, const struct run *run)
{
	s->w->defaults = *run->model;
	s->w->now = 1800000000;
	s->w->attrs.risk = -1;
	s->w->strict = rng_chance(&s->rng, 20);
	edit_people(s->w);
	world_add_dir(s->w, -1, "");
	engine_open_with(&s->e, s->w, acl_new(run->defaults, s->w->strict));
	s->e.owns_acl = true;
	struct body *root = edit_root_body(s->w, &s->rng);
	write_as_admin(s, 0, root);
	build_tree(s);
	int acme = dir_at(s, "P/archive/Acme");
	struct body *party = body_clone(s->w->pool, s->w->dir[acme].doc.top), *special = body_new(s->w->pool), *staged = body_new(s->w->pool);
	edit_additions(s->w->pool, &s->rng, root, party, special, staged);
	write_as_admin(s, 0, root);
	write_as_admin(s, acme, party);
	write_as_admin(s, dir_at(s, "P/archive/Acme/special"), special);
	write_as_admin(s, dir_at(s, "P/archive/Acme/staging/st1"), staged);
	for (int dir = 0; dir < s->w->n_dirs; dir++)
		note_guard(s, dir, dir ? edit_tree[dir - 1].maker : WHO_ROOT);
}

static void tell(struct state *s, const struct edit *e)
{
	static const char *const verb[] = {"writes", "removes", "moves the .zddc of", "renames", "makes a directory in"};
	const char *email = s->w->principal[e->actor].email;
	buf_addf(&s->story, "%s %s \"%s\"", email ? email : "anonymous", verb[e->kind], s->e.path[e->dir]);
	if (e->kind == EDIT_MOVE_POLICY || e->kind == EDIT_RENAME)
		buf_addf(&s->story, " to \"%s\"", s->e.path[e->to]);
	if (e->kind == EDIT_RENAME || e->kind == EDIT_MKDIR)
		buf_addf(&s->story, " as \"%s\"", e->name);
	buf_addf(&s->story, "\n%s", e->kind == EDIT_WRITE ? e->doc.text : "");
}

static int pick_actor(struct rng *r)
{
	static const int actors[] = {
		WHO_DC1, WHO_DC1, WHO_DC1, WHO_DC1, WHO_DC2, WHO_ANN, WHO_ANN, WHO_ANN, WHO_BOB, WHO_CARL, WHO_MALLORY, WHO_ANON};
	return actors[rng_below(r, (int)(sizeof(actors) / sizeof(actors[0])))];
}

/* One attempt. 1: accepted, 0: refused, -1: accepted, and something was gained. */
static int attempt(struct state *s)
{
	bool writes[MAX_DIRS] = {0};
	int actor = pick_actor(&s->rng);
	for (int dir = 0; dir < s->w->n_dirs; dir++)
		writes[dir] = naive_decide(s->w, &(struct place){.dir = dir}, &s->w->principal[actor]).writes_policy;
	struct edit e = edit_next(s->w, &s->rng, actor, writes);
	bool ok = edit_allowed(s, &e);
	if (s->emit)
		edit_emit(stdout, s->w, s->seq, &e, ok);
	if (!ok)
		return 0;
	bool changes_policy = e.kind == EDIT_WRITE || e.kind == EDIT_REMOVE || e.kind == EDIT_MOVE_POLICY;
	struct mandate here = mandate_before(s, changes_policy ? e.dir : 0, actor);
	struct mandate there = mandate_before(s, e.kind == EDIT_MOVE_POLICY ? e.to : 0, actor);
	tell(s, &e);
	if (!apply(s, &e))
		return 0;
	s->acted[actor] = true;
	return mandate_broken(s, &here) || mandate_broken(s, &there) || anything_gained(s) ? -1 : 1;
}

static void report(struct state *s, uint64_t seed)
{
	FILE *out = s->emit ? stderr : stdout;
	fprintf(out, "\nGAINED  --seed %" PRIu64 " --sequence %" PRIu64 "\n%s\n\nafter:\n%s\nthe policies at the end:\n", seed, s->seq,
		s->gained, buf_str(&s->story));
	for (int i = 0; i < s->w->n_dirs; i++)
		if (s->w->dir[i].doc.present)
			fprintf(out, "--- %s/.zddc\n%s", s->e.path[i], s->w->dir[i].doc.text);
	fprintf(out, "\n");
}

static void run_sequence(struct run *run, uint64_t seq)
{
	struct state s = {.w = world_new(), .rng = rng_fork(run->seed, seq), .seq = seq, .emit = run->emit};
	int edits = 1 + rng_below(&s.rng, MAX_EDITS), result = 0;
	build_scenario(&s, run);
	for (int tries = 0, done = 0; tries < MAX_TRIES && done < edits && result >= 0; tries++) {
		result = attempt(&s);
		run->attempts++;
		run->accepted += result != 0;
		done += result != 0;
	}
	if (result < 0)
		report(&s, run->seed);
	*(result < 0 ? &run->failed : &run->passed) += 1;
	engine_close(&s.e);
	buf_free(&s.story);
	world_free(s.w);
}

/* The compiled-in policy, for the engine and for the model. */
static bool load_defaults(struct run *run, struct world *holder)
{
	char why[300];
	holder->defaults = (struct doc){.present = true, .text = pool_strdup(holder->pool, defaults_zddc_yaml)};
	holder->defaults.top = body_load(holder->pool, defaults_zddc_yaml, defaults_zddc_yaml_len);
	run->defaults = engine_defaults(holder, why, sizeof(why));
	run->model = &holder->defaults;
	if (!run->defaults || !holder->defaults.top)
		fprintf(stderr, "%s\n", run->defaults ? "the defaults are not YAML" : why);
	return run->defaults && holder->defaults.top;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"cases", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
		{"sequence", required_argument, NULL, 'q'}, {"keep-going", required_argument, NULL, 'k'}, {"emit", no_argument, NULL, 'e'},
		{0}};
	struct run run = {.seed = (uint64_t)time(NULL)};
	uint64_t cases = 100000, only = UINT64_MAX, most = 1;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == '?')
			return 2;
		if (c == 'e')
			run.emit = true;
		else
			*(c == 'n' ? &cases : c == 's' ? &run.seed : c == 'k' ? &most : &only) = strtoull(optarg, NULL, 0);
	}
	struct world *holder = world_new();
	if (!load_defaults(&run, holder))
		return 1;
	fprintf(run.emit ? stderr : stdout, "seed %" PRIu64 "\n", run.seed);
	if (only != UINT64_MAX)
		run_sequence(&run, only);
	for (uint64_t i = 0; only == UINT64_MAX && run.attempts < cases && run.failed < most; i++)
		run_sequence(&run, i);
	FILE *out = run.emit ? stderr : stdout;
	fprintf(out, "%" PRIu64 " attempts, %" PRIu64 " accepted by the engine\n", run.attempts, run.accepted);
	fprintf(out, "%" PRIu64 " passed, %" PRIu64 " failed\n", run.passed, run.failed);
	zddc_unref(run.defaults);
	world_free(holder);
	return run.failed != 0;
}
