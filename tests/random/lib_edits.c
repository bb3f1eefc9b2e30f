/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/random/lib_edits.h"

#include <inttypes.h>
#include <string.h>

#include "tests/random/lib_yaml.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

const struct wanted edit_tree[] = {
	{"P", WHO_ROOT, false},
	{"P/archive", WHO_ROOT, false},
	{"P/archive/Acme", WHO_DC1, false},
	{"P/archive/Acme/issued", WHO_ROOT, false},
	{"P/archive/Acme/issued/T1", WHO_DC1, true},
	{"P/archive/Acme/received", WHO_ROOT, false},
	{"P/archive/Acme/incoming", WHO_ROOT, false},
	{"P/archive/Acme/incoming/in1", WHO_DC1, false},
	{"P/archive/Acme/working", WHO_ROOT, false},
	{"P/archive/Acme/working/ann", WHO_ANN, false},
	{"P/archive/Acme/working/ann/sub", WHO_ANN, false},
	{"P/archive/Acme/working/bob", WHO_BOB, false},
	{"P/archive/Acme/working/bob/sub", WHO_BOB, false},
	{"P/archive/Acme/staging", WHO_ROOT, false},
	{"P/archive/Acme/staging/st1", WHO_ANN, false},
	{"P/archive/Acme/reviewing", WHO_ROOT, false},
	{"P/archive/Acme/reviewing/it1", WHO_ANN, false},
	{"P/archive/Acme/special", WHO_DC1, false},
	{"P/archive/Beta", WHO_DC2, false},
	{"P/archive/Beta/working", WHO_ROOT, false},
	{"P/archive/Beta/working/carl", WHO_CARL, false},
};
const int edit_tree_count = COUNT(edit_tree);

void edit_people(struct world *w)
{
	static const char *const email[WHO_COUNT] = {
		"root@x.org", "dc1@x.org", "dc2@x.org", "ann@x.org", "bob@x.org", "carl@y.net", "obs@x.org", "mallory@z.net", NULL};
	w->n_principals = WHO_COUNT;
	for (int i = 0; i < WHO_COUNT; i++)
		w->principal[i] = (struct principal){.email = email[i]};
	w->principal[WHO_DC2].group[w->principal[WHO_DC2].n_groups++] = "dcs";
	w->principal[WHO_BOB].group[w->principal[WHO_BOB].n_groups++] = "team";
}

static void list_add(struct list *l, const char *item)
{
	for (int i = 0; i < l->n; i++)
		if (same_key(l->item[i], item))
			return;
	l->present = true;
	if (l->n < MAX_ITEMS)
		l->item[l->n++] = item;
}

static struct role *role_of(struct body *b, const char *name)
{
	for (int i = 0; i < b->n_roles; i++)
		if (same_name(b->role[i].name, name))
			return &b->role[i];
	if (b->n_roles == MAX_ITEMS)
		return &b->role[0];
	b->role[b->n_roles] = (struct role){.name = name, .reset = UNSET};
	return &b->role[b->n_roles++];
}

static struct body *path_of(struct pool *p, struct body *b, const char *segment)
{
	for (int i = 0; i < b->n_paths; i++)
		if (same_name(b->path[i].segment, segment))
			return b->path[i].body;
	if (b->n_paths == MAX_ITEMS)
		return b->path[0].body;
	b->path[b->n_paths] = (struct path){segment, body_new(p)};
	return b->path[b->n_paths++].body;
}

static void set_perm(struct body *b, const char *key, const char *verbs)
{
	int i = 0;
	while (i < b->n_perms && !same_key(b->perm[i].key, key))
		i++;
	if (i == MAX_ITEMS)
		return;
	b->perm[i] = (struct perm){.key = key, .verbs = verbs};
	b->n_perms = i < b->n_perms ? b->n_perms : i + 1;
}

static void drop_extra(struct body *b, int i) { b->extra[i] = b->extra[--b->n_extras]; }

static void set_extra(struct body *b, const char *key, const char *flow)
{
	for (int i = b->n_extras - 1; i >= 0; i--)
		if (strcmp(b->extra[i].key, key) == 0)
			drop_extra(b, i);
	if (b->n_extras < MAX_ITEMS)
		b->extra[b->n_extras++] = (struct extra){key, flow};
}

struct body *edit_root_body(struct world *w, struct rng *r)
{
	struct body *b = body_new(w->pool);
	list_add(&b->admins, "root@x.org");
	struct role *dc = role_of(b, "document_controller");
	list_add(&dc->members, "dc1@x.org");
	list_add(&dc->members, rng_chance(r, 50) ? "dc2@x.org" : "group:dcs");
	struct role *team = role_of(b, "project_team");
	list_add(&team->members, "ann@x.org");
	list_add(&team->members, rng_chance(r, 50) ? "bob@x.org" : "group:team");
	list_add(&team->members, "carl@y.net");
	if (rng_chance(r, 30))
		list_add(&team->members, "dc1@x.org"); /* one person in both roles */
	list_add(&role_of(b, "observer")->members, "obs@x.org");
	if (rng_chance(r, 25))
		set_perm(b, "*", "r");
	return b;
}

static void kept_apart(struct role *r)
{
	r->reset = YES;
	list_add(&r->members, "obs@x.org");
}

/* Each makes guarded keys that the holders of `a` at the party must not be able to weaken, drop, shadow or use. */
void edit_additions(struct pool *p, struct rng *r, struct body *root, struct body *party, struct body *special, struct body *staged)
{
	if (rng_chance(r, 30))
		list_add(&role_of(staged, "boss")->members, rng_chance(r, 50) ? "dc1@x.org" : "*@x.org");
	switch (rng_below(r, 22)) {
	case 0: path_of(p, party, "*")->worm.present = true; return;
	case 1: list_add(&path_of(p, party, "special")->worm, "document_controller"); return;
	case 2: list_add(&path_of(p, path_of(p, party, "special"), "*")->worm, "obs@x.org"); return;
	case 3: list_add(&path_of(p, party, "special")->admins, "obs@x.org"); return;
	case 4: list_add(&party->admins, "obs@x.org"); return;
	case 5: path_of(p, path_of(p, party, "*"), "*")->worm.present = true; return;
	case 6: /* an administrator by role, named where the controllers hold `a` ... */
		list_add(&role_of(root, "boss")->members, "obs@x.org");
		list_add(&party->admins, "role:boss");
		return;
	case 7: /* ... or named from above, landing there */
		list_add(&role_of(root, "boss")->members, "obs@x.org");
		list_add(&path_of(p, path_of(p, path_of(p, root, "*"), "archive"), "*")->admins, "boss");
		return;
	case 8: /* ... or one step further down, from above ... */
		list_add(&path_of(p, path_of(p, path_of(p, path_of(p, root, "*"), "archive"), "*"), "special")->admins, "boss");
		return;
	case 9: /* ... or in a document of its own */
		list_add(&role_of(root, "boss")->members, "obs@x.org");
		list_add(&special->admins, "role:boss");
		return;
	case 10: list_add(&special->admins, "boss"); return;
	case 11: special->worm.present = true; return;
	case 12:
		special->inherit = NO;
		set_perm(special, "document_controller", "rwcda");
		return;
	case 13: /* an administrator by role, whom reset keeps apart from members that the controllers may name above ... */
		list_add(&role_of(root, "boss")->members, "dc1@x.org");
		kept_apart(role_of(party, "boss"));
		list_add(&party->admins, "role:boss");
		return;
	case 14: /* ... or that stand above already, for a document below */
		list_add(&role_of(root, "boss")->members, "dc1@x.org");
		kept_apart(role_of(party, "boss"));
		list_add(&special->admins, "role:boss");
		return;
	case 15: /* ... or for whatever comes below */
		list_add(&role_of(root, "boss")->members, "dc1@x.org");
		kept_apart(role_of(path_of(p, party, "special"), "boss"));
		list_add(&path_of(p, path_of(p, path_of(p, path_of(p, root, "*"), "archive"), "*"), "special")->admins, "boss");
		return;
	case 16: /* an administrator by role of what somebody may move there */
	case 17: list_add(&path_of(p, party, "*")->admins, "boss"); return;
	case 18:
		staged->n_roles = 0; /* it would make administrators from the start */
		list_add(&path_of(p, path_of(p, party, "*"), "*")->admins, "role:boss");
		return;
	default: return;
	}
}

/* ---------------------------------------------------------------- edits */

static const char *const segments[] = {
	"*",
	"working",
	"issued",
	"received",
	"staging",
	"reviewing",
	"incoming",
	"ISSUED",
	"Working",
	"archive",
	"Acme",
	"ann",
	"bob",
	"carl",
	"sub",
	"special",
	"T1",
	"it1",
	"mdl",
};
static const char *const keys[] = {
	"dc1@x.org",
	"dc2@x.org",
	"ann@x.org",
	"bob@x.org",
	"carl@y.net",
	"obs@x.org",
	"mallory@z.net",
	"*",
	"*@x.org",
	"anonymous",
	"group:dcs",
	"group:team",
	"document_controller",
	"role:document_controller",
	"project_team",
	"role:observer",
	"mine",
};
static const char *const role_names[] = {
	"document_controller", "Document_Controller", "project_team", "observer", "auditor", "mine", "boss"};
static const char *const verbs[] = {"rwcda", "rwcda", "rwcd", "r", "rc", "", "a", "wd"};

/* The guarded keys that the model does not decide by, and some unguarded ones. */
static const struct extra extras[] = {
	{"worm_mode", "governance"},
	{"seal_grace", "10m"},
	{"retention", "1d"},
	{"transient", "[\"*\"]"},
	{"virtual", "true"},
	{"naming", "off"},
	{"lifecycle", "{}"},
	{"environment", "dev"},
	{"title", "hello"},
	{"created_by", "ann@x.org"},
	{"received_path", "x"},
	{"title", "\"admins: [ann@x.org]\""},
};

#define PICK(r, array) ((array)[rng_below((r), COUNT(array))])

/* A key that favours whoever edits. */
static const char *key_for(struct world *w, struct rng *r, int actor)
{
	const char *self = w->principal[actor].email;
	return self && rng_chance(r, 40) ? self : PICK(r, keys);
}

/* What a role keeps out stands or falls with reset, whatever its members are. */
static void edit_reset(struct rng *r, struct body *b)
{
	struct role *role = &b->role[rng_below(r, b->n_roles)];
	if (rng_chance(r, 60))
		role->reset = role->reset == YES ? (rng_chance(r, 50) ? NO : UNSET) : YES;
	else
		*role = b->role[--b->n_roles];
}

static void edit_role(struct world *w, struct rng *r, int actor, struct body *b)
{
	if (b->n_roles && rng_chance(r, 35)) {
		edit_reset(r, b);
		return;
	}
	struct role *role = role_of(b, rng_chance(r, 30) ? "boss" : PICK(r, role_names));
	role->members.present = true;
	for (int n = rng_below(r, 3); n > 0; n--)
		list_add(&role->members, key_for(w, r, actor));
	if (rng_chance(r, 40))
		role->reset = rng_chance(r, 80) ? YES : NO;
}

static void edit_flag(struct rng *r, struct body *b)
{
	enum tri value = (enum tri)(rng_below(r, 3) - 1);
	enum tri *const flag[] = {&b->acl_inherit, &b->acl_inherit, &b->inherit, &b->auto_own, &b->auto_own_fenced, &b->history};
	*PICK(r, flag) = value;
}

static void edit_list(struct world *w, struct rng *r, int actor, struct body *b)
{
	struct list *const lists[] = {&b->admins, &b->worm, &b->auto_own_roles};
	struct list *l = PICK(r, lists);
	if (l->present && rng_chance(r, 30)) {
		*l = (struct list){0};
		return;
	}
	l->present = true;
	if (l == &b->auto_own_roles ? rng_chance(r, 50) : rng_chance(r, 85))
		list_add(l, l == &b->auto_own_roles ? PICK(r, role_names) : key_for(w, r, actor));
}

static void edit_other_key(struct rng *r, struct world *w, struct body *b)
{
	const struct extra x = PICK(r, extras);
	if (rng_chance(r, 15)) {
		b->freeze_until = w->now + (rng_chance(r, 50) ? 86400 : -86400);
	} else if (rng_chance(r, 15)) {
		struct cond *c = &b->when[rng_below(r, N_VERBS)];
		*c = (struct cond){.present = true, .n = 1, .term = {{.attr = AT_OWNER, .op = OP_EQ, .n = 1, .literal = {"ann@x.org"}}}};
	} else if (b->n_extras && rng_chance(r, 20)) {
		drop_extra(b, rng_below(r, b->n_extras));
	} else {
		set_extra(b, x.key, x.flow);
	}
}

static void edit_drop(struct rng *r, struct body *b)
{
	if (b->n_perms && rng_chance(r, 40))
		b->perm[rng_below(r, b->n_perms)] = b->perm[b->n_perms - 1], b->n_perms--;
	else if (b->n_paths && rng_chance(r, 50))
		b->path[rng_below(r, b->n_paths)] = b->path[b->n_paths - 1], b->n_paths--;
	else if (b->n_roles)
		b->role[rng_below(r, b->n_roles)] = b->role[b->n_roles - 1], b->n_roles--;
}

/* One change, at the top or some steps into `paths:`; a step alone (an empty literal body) is one as well. */
static void edit_body(struct world *w, struct rng *r, int actor, struct body *b)
{
	for (int steps = rng_chance(r, 45) ? 1 + rng_below(r, 3) : 0; steps > 0; steps--)
		b = path_of(w->pool, b, b->n_paths && rng_chance(r, 50) ? b->path[rng_below(r, b->n_paths)].segment : PICK(r, segments));
	int what = rng_below(r, 100);
	if (what < 35)
		set_perm(b, key_for(w, r, actor), PICK(r, verbs));
	else if (what < 50)
		edit_role(w, r, actor, b);
	else if (what < 60)
		edit_flag(r, b);
	else if (what < 70)
		edit_list(w, r, actor, b);
	else if (what < 78)
		edit_other_key(r, w, b);
	else if (what < 92)
		edit_drop(r, b);
}

static struct doc edit_doc(struct world *w, struct rng *r, int actor, const struct doc *old)
{
	struct doc d = {.present = true, .style = rng_next(r)};
	bool keep = old->present && old->top && !rng_chance(r, 15);
	d.top = keep ? body_clone(w->pool, old->top) : body_new(w->pool);
	for (int n = 1 + rng_below(r, 3); n > 0; n--)
		edit_body(w, r, actor, d.top);
	doc_render(w->pool, &d);
	return d;
}

static int pick_dir(const struct world *w, struct rng *r, const bool holds_a[])
{
	int dir = rng_below(r, w->n_dirs);
	for (int tries = rng_chance(r, 80) ? 40 : 0; tries > 0 && !holds_a[dir]; tries--)
		dir = rng_below(r, w->n_dirs);
	return dir;
}

/* ---------------------------------------------------------------- edits with a purpose: the steps of known attacks */

static bool has_roles(const struct body *b) { return b->n_roles > 0; }

static bool has_reset(const struct body *b)
{
	for (int i = 0; i < b->n_roles; i++)
		if (b->role[i].reset == YES)
			return true;
	for (int i = 0; i < b->n_paths; i++)
		if (has_reset(b->path[i].body))
			return true;
	return false;
}

static bool has_admins_below(const struct body *b)
{
	for (int i = 0; i < b->n_paths; i++)
		if (b->path[i].body->admins.n || has_admins_below(b->path[i].body))
			return true;
	return false;
}

/* A directory, but the root, whose own document is of that kind. */
static int pick_with(const struct world *w, struct rng *r, bool (*kind)(const struct body *b), int otherwise)
{
	for (int tries = 40; tries > 0; tries--) {
		int dir = rng_below(r, w->n_dirs);
		const struct doc *d = &w->dir[dir].doc;
		if (dir > 0 && d->present && d->top && kind(d->top))
			return dir;
	}
	return otherwise;
}

static void lift_resets(struct rng *r, struct body *b)
{
	for (int i = b->n_roles - 1; i >= 0; i--)
		if (b->role[i].reset == YES && rng_chance(r, 50))
			b->role[i].reset = rng_chance(r, 50) ? NO : UNSET;
		else if (b->role[i].reset == YES)
			b->role[i] = b->role[--b->n_roles];
	for (int i = 0; i < b->n_paths; i++)
		lift_resets(r, b->path[i].body);
}

/* Members that stand above count again; or a role that administers elsewhere gets members here, and moves there. */
static void edit_on_purpose(struct world *w, struct rng *r, struct edit *e)
{
	enum { ADD_MEMBER, LIFT_RESET, SPEAK_AGAINST_RESET, MOVE_IN, PURPOSES } what = (int)rng_below(r, PURPOSES);
	if (what == MOVE_IN) {
		e->kind = EDIT_RENAME;
		e->dir = pick_with(w, r, has_roles, e->dir);
		e->to = pick_with(w, r, has_admins_below, e->to);
		return;
	}
	e->kind = EDIT_WRITE;
	e->dir = what == LIFT_RESET ? pick_with(w, r, has_reset, e->dir) : e->dir;
	const struct doc *old = &w->dir[e->dir].doc;
	e->doc = (struct doc){.present = true, .style = rng_next(r)};
	e->doc.top = old->present && old->top ? body_clone(w->pool, old->top) : body_new(w->pool);
	if (what == LIFT_RESET)
		lift_resets(r, e->doc.top);
	else if (what == SPEAK_AGAINST_RESET)
		role_of(e->doc.top, "boss")->reset = NO;
	else if (w->principal[e->actor].email)
		list_add(&role_of(e->doc.top, "boss")->members, w->principal[e->actor].email);
	doc_render(w->pool, &e->doc);
}

struct edit edit_next(struct world *w, struct rng *r, int actor, const bool holds_a[])
{
	static const char *const names[] = {"new", "ann", "carl", "issued", "Received", "working", "T1", "special", "bob", "home"};
	struct edit e = {.actor = actor, .dir = pick_dir(w, r, holds_a), .name = PICK(r, names)};
	int what = rng_below(r, 100);
	e.kind = what < 62 ? EDIT_WRITE : what < 70 ? EDIT_REMOVE : what < 78 ? EDIT_MOVE_POLICY : what < 90 ? EDIT_RENAME : EDIT_MKDIR;
	e.to = pick_dir(w, r, holds_a);
	if (rng_chance(r, 20)) {
		edit_on_purpose(w, r, &e);
		return e;
	}
	if (e.kind == EDIT_RENAME && rng_chance(r, 50) && e.dir > 0)
		e.to = w->dir[e.dir].parent;
	if (e.kind == EDIT_WRITE)
		e.doc = edit_doc(w, r, actor, &w->dir[e.dir].doc);
	return e;
}

/* ---------------------------------------------------------------- JSON lines */

void edit_emit_text(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			fprintf(out, "\\u%04x", (unsigned)*s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static void emit_path(FILE *out, const struct world *w, const char *key, int dir, const char *name)
{
	char path[512];
	place_path(w, &(struct place){.dir = dir, .n_more = name != NULL, .more = {name}}, path, sizeof(path));
	fprintf(out, ",\"%s\":", key);
	edit_emit_text(out, path);
}

void edit_emit(FILE *out, const struct world *w, uint64_t seq, const struct edit *e, bool accepted)
{
	static const char *const op[] = {"write", "remove", "move-policy", "rename", "mkdir"};
	const char *actor = w->principal[e->actor].email;
	fprintf(out, "{\"seq\":%" PRIu64 ",\"actor\":", seq);
	edit_emit_text(out, actor ? actor : "anonymous");
	fprintf(out, ",\"op\":\"%s\"", op[e->kind]);
	emit_path(out, w, "dir", e->dir, e->kind == EDIT_MKDIR ? e->name : NULL);
	if (e->kind == EDIT_MOVE_POLICY || e->kind == EDIT_RENAME)
		emit_path(out, w, "to", e->to, e->kind == EDIT_RENAME ? e->name : NULL);
	if (e->kind == EDIT_WRITE) {
		fprintf(out, ",\"text\":");
		edit_emit_text(out, e->doc.text);
	}
	fprintf(out, ",\"accepted\":%s}\n", accepted ? "true" : "false");
}
