/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks R10 to R13: homes, fences, the ratchet and single grants, by what the engine decides. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/memtree.h"
#include "cli/tree.h"
#include "cli/vec.h"
#include "cli/verify.h"

static verbset held(struct verify *v, const struct subject *s, const struct acl_policy *p)
{
	struct acl_decision d = subject_decide(s, p, 0, v->now);

	return acl_before_when(&d);
}

/* What the cascade alone gives: a home may lie in a place that became write-once. */
static verbset granted(struct verify *v, const struct subject *s, const struct acl_policy *p)
{
	return subject_decide(s, p, 0, v->now).granted;
}

static const char *own_text(const struct vplace *p, enum acl_key key)
{
	struct acl_value value = acl_get(p->policy, key);

	if (!p->doc || !value.node || !value.file || strcmp(value.file, zddc_file(p->doc)) != 0)
		return NULL;
	return value.node->text;
}

/* Made by mkdir in an auto-owned place: it says who made it. */
static bool generated(const struct vplace *p)
{
	return acl_auto_own(p->policy) && own_text(p, ACL_KEY_CREATED_BY);
}

/* ------------------------------------------------------------------------------------------------ R10 */

static void check_mandated(struct verify *v, const struct vplace *p)
{
	struct acl_value roles = acl_get(p->policy, ACL_KEY_AUTO_OWN_ROLES);

	ynode_each(r, roles.node) {
		AUTO_FREE char *name = vec_str(str_starts(r->text, "role:") ? r->text + 5 : r->text);
		char verbs[8];
		verbset got;

		str_lower(name);
		got = granted(v, subject_get(v->people, ACL_ROLE, name), p->policy);
		if (got != V_ALL)
			verify_find(v, zddc_file(p->doc), 0, "role %s has only \"%s\" here, and must have rwcda", name, verbs_print(got, verbs));
	}
}

void check_homes(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct vplace *p = &v->v[i];
		const struct subject *maker;
		char verbs[8];
		verbset got;

		if (!generated(p))
			continue;
		maker = subject_named(v->people, own_text(p, ACL_KEY_CREATED_BY));
		got = maker ? granted(v, maker, p->policy) : V_ALL;
		if (got != V_ALL)
			verify_find(v, zddc_file(p->doc), 0, "its maker, %s, has only \"%s\" here", maker->name, verbs_print(got, verbs));
		check_mandated(v, p);
	}
}

/* ------------------------------------------------------------------------------------------------ R11 */

/* The directory that a policy file stands in; NULL for the defaults. */
static char *dir_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!strcmp(file, "defaults"))
		return NULL;
	return slash ? strndup(file, (size_t)(slash - file)) : vec_str("");
}

static bool at_or_below(const char *dir, const char *top)
{
	size_t n = strlen(top);

	return !n || (!strncmp(dir, top, n) && (!dir[n] || dir[n] == '/'));
}

static void check_inside(struct verify *v, const struct vplace *p, const struct vplace *fence)
{
	struct subject_list l;

	subjects_of(v->people, p->policy, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct acl_decision d = subject_decide(l.v[i], p->policy, 0, v->now);
		AUTO_BUF who = BUF_INIT;

		if (!d.granted || !d.grant.file)
			continue;
		AUTO_FREE char *from = dir_of(d.grant.file);
		/* a fence that paths: writes spares the body it stands in */
		if ((from && at_or_below(from, fence->path)) || !fence->doc)
			continue;
		subject_show(l.v[i], &who);
		verify_find(v, p->path, 0, "%s holds something by %s:%u, which lies above the fence", buf_str(&who), d.grant.file, d.grant.line);
	}
	subject_list_free(&l);
}

static const struct vplace *fence_of(const struct vplace *p)
{
	while (p && !acl_is_fenced(p->policy))
		p = p->parent;
	return p;
}

void check_fences(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct vplace *p = &v->v[i], *fence = fence_of(p);
		struct acl_value declared = acl_get(p->policy, ACL_KEY_AUTO_OWN_FENCED);
		bool wanted = false;

		ynode_bool(declared.node, &wanted);
		if (wanted && generated(p) && !acl_is_fenced(p->policy))
			verify_find(v, zddc_file(p->doc), 0, "folders here are private, and this one has no fence any more (acl: {inherit: false})");
		if (fence)
			check_inside(v, p, fence);
	}
}

/* ------------------------------------------------------------------------------------------------ R12 */

struct slots {
	bool any;
};

static bool any_slot(void *arg, const char *segment)
{
	(void)segment;
	((struct slots *)arg)->any = true;
	return false;
}

/* What policy gives to its maker and fills with slots. */
static bool is_party(const struct vplace *p)
{
	struct slots s = {0};

	if (p->how == PLACE_ON_DISK && acl_auto_own(p->policy))
		acl_slots(p->policy, any_slot, &s);
	return s.any;
}

/* An archive with nothing but this party in it, as it is made: the table. */
static void reference(struct verify *v, const struct vplace *party, struct memtree *t)
{
	static const struct acl_principal maker = {.email = "maker@nowhere.invalid"};
	struct engine bare = {0};
	struct acl_policy *p;
	AUTO_BUF text = BUF_INIT;

	memtree_doc(t, "", "{}\n", 3);
	engine_over(memtree_source(t), v->rules->e.defaults ? zddc_ref(v->rules->e.defaults) : NULL, false, &bare);
	p = acl_snap_policy(bare.snap, party->path);
	if (acl_auto_own(p) && acl_auto_own_text(p, &maker, &text) == 0)
		memtree_doc(t, party->path, buf_str(&text), text.len);
	acl_policy_unref(p);
	engine_close(&bare);
}

static void compare_slot(struct verify *v, const struct vplace *p, const struct engine *table)
{
	struct acl_policy *want = acl_snap_policy(table->snap, p->path);
	struct subject_list l;

	subjects_of(v->people, want, &l);
	for (size_t i = 0; i < l.n; i++) {
		verbset more, allowed;
		char got[8], had[8];

		if (l.v[i]->kind != ACL_ROLE)
			continue;
		allowed = held(v, l.v[i], want);
		more = held(v, l.v[i], p->policy) & (verbset)~allowed;
		if (more)
			verify_find(v, p->path, 0, "role %s holds %s beyond the table's \"%s\"", l.v[i]->name, verbs_print(more, got), verbs_print(allowed, had));
	}
	subject_list_free(&l);
	acl_policy_unref(want);
}

void check_ratchet(struct verify *v)
{
	size_t parties = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct memtree *t;
		struct engine table = {0};

		if (!is_party(&v->v[i]))
			continue;
		parties++;
		t = memtree_new();
		reference(v, &v->v[i], t);
		engine_over(memtree_source(t), v->rules->e.defaults ? zddc_ref(v->rules->e.defaults) : NULL, false, &table);
		for (size_t k = i; k < v->n; k++)
			if (v->v[k].parent == &v->v[i] && acl_slot_find(v->v[i].policy, strrchr(v->v[k].path, '/') + 1))
				compare_slot(v, &v->v[k], &table);
		engine_close(&table);
		memtree_free(t);
	}
	if (!parties)
		verify_nothing(v, "there is no party");
}

/* ------------------------------------------------------------------------------------------------ R13 */

struct granting {
	struct verify *v;
	const struct vplace *at;
	const char *file;
};

static void check_wildcard(struct granting *g, const struct acl_rule *r)
{
	verbset strong = r->verbs & (V_W | V_D | V_A);
	char verbs[8];

	if (strong && (r->who == ACL_EVERYONE || r->who == ACL_GLOB))
		verify_find(g->v, g->file, r->line, "\"%s\" gives %s to whoever matches", r->text, verbs_print(strong, verbs));
}

/* Nothing of what it gives is held by those it names, in the very place it is for. */
static void check_dead(struct granting *g, const struct acl_rule *r, const struct acl_policy *p)
{
	const struct subject *s = subject_get(g->v->people, r->who, r->name);
	struct acl_decision d = subject_decide(s, p, 0, g->v->now);

	if (!r->verbs || (r->who == ACL_ROLE && acl_role_state(p, r->name, false) == ACL_ROLE_UNKNOWN))
		return; /* a denial; what R1 says */
	if (!(acl_before_when(&d) & r->verbs))
		verify_find(g->v, g->file, r->line, "the grant to \"%s\" gives nothing: %s", r->text,
			    d.zone ? "the place is write-once" : d.reason == BECAUSE_DENIED ? "another entry of this level denies them" : "it is covered by others");
}

static void check_filer(struct granting *g, const struct acl_rule *r, const struct acl_policy *p)
{
	if (r->who == ACL_ANONYMOUS)
		verify_find(g->v, g->file, r->line, "anonymous in worm: can never file anything");
	else if (r->who == ACL_ROLE && acl_role_state(p, r->name, true) == ACL_ROLE_EMPTY)
		verify_find(g->v, g->file, r->line, "role %s in worm: has no member", r->name);
	else if (!(held(g->v, subject_get(g->v->people, r->who, r->name), p) & V_C))
		verify_find(g->v, g->file, r->line, "\"%s\" in worm: can never file anything here", r->text);
}

static void check_rule(void *arg, const struct acl_rule *r)
{
	struct granting *g = arg;
	AUTO_BUF path = BUF_INIT;
	struct acl_policy *p;

	if (!r->name || (r->kind != ACL_RULE_GRANT && r->kind != ACL_RULE_WORM))
		return;
	if (*r->place)
		tree_join(&path, g->at->path, r->place);
	else
		buf_adds(&path, g->at->path);
	p = acl_snap_policy(g->v->rules->e.snap, buf_str(&path));
	if (r->kind == ACL_RULE_GRANT) {
		check_wildcard(g, r);
		check_dead(g, r, p);
	} else {
		check_filer(g, r, p);
	}
	acl_policy_unref(p);
}

void check_grants(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].doc) {
			struct granting g = {v, &v->v[i], zddc_file(v->v[i].doc)};

			zddc_rules(v->v[i].doc, check_rule, &g);
		}
}
