/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The effective value of a key, by the merge rules of keys.def; declared slots. */
#include <string.h>

#include "acl/policy.h"
#include "base/arena.h"
#include "base/str.h"
#include "base/ynode.h"

static struct acl_value value_in(const struct contrib *c, enum acl_key key)
{
	const struct ynode *v = c->body->value[key];
	return (struct acl_value){v, c->body->doc->file, v->key ? v->key->line : v->line};
}

/* The deepest level, and there the strongest source, that sets it. 'fences': sources that an inherit: false stopped count too. */
static struct acl_value deepest(const struct acl_policy *p, enum acl_key key, bool fences)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->c[i].level >= 0 && (fences || !p->c[i].cut) && p->c[i].body->value[key])
			return value_in(&p->c[i], key);
	return (struct acl_value){0};
}

static struct acl_value latest(const struct acl_policy *p, enum acl_key key)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->c[i].level >= 0 && p->c[i].body->value[key] && p->c[i].body->freeze_until == p->freeze_until)
			return value_in(&p->c[i], key);
	return (struct acl_value){0};
}

struct acl_value acl_get(const struct acl_policy *p, enum acl_key key)
{
	const struct contrib *own;
	switch (acl_keys[key].inherit) {
	case INHERIT_OWN:
		own = own_level(p, key);
		return own ? value_in(own, key) : (struct acl_value){0};
	case INHERIT_LATEST:
		return latest(p, key);
	case INHERIT_DEEPEST:
		return deepest(p, key, key == ACL_KEY_HISTORY);
	case INHERIT_UPWARD:
	case INHERIT_KEYWISE:
	case INHERIT_CASCADE:
	case INHERIT_ALL:
		return deepest(p, key, false);
	case INHERIT_UNION:
		return deepest(p, key, key == ACL_KEY_ADMINS);
	}
	return (struct acl_value){0};
}

/* Does this source count for a mapping that is merged entry by entry? */
static bool counts_for(const struct acl_policy *p, const struct contrib *c, enum acl_key key)
{
	const struct ynode *v = c->body->value[key];
	bool here = acl_keys[key].inherit == INHERIT_OWN ? c->level == p->level : c->level >= 0;
	return here && !c->cut && v && v->kind == Y_MAP;
}

static void append_missing(struct arena *a, struct ynode *map, struct ynode ***end, const struct ynode *from)
{
	ynode_each(m, from) {
		if (ynode_get(map, m->key->text))
			continue;
		struct ynode *copy = arena_new(a, struct ynode);
		*copy = *m;
		copy->next = NULL;
		**end = copy;
		*end = &copy->next;
		map->n++;
	}
}

const struct ynode *acl_merged(const struct acl_policy *p, enum acl_key key, struct arena *a)
{
	struct ynode *map = NULL, **end = NULL;
	for (size_t i = p->n; i-- > 0;) {
		if (!counts_for(p, &p->c[i], key))
			continue;
		if (!map) {
			map = arena_new(a, struct ynode);
			map->kind = Y_MAP;
			end = &map->child;
		}
		append_missing(a, map, &end, p->c[i].body->value[key]);
	}
	return map;
}

struct acl_src acl_merged_src(const struct acl_policy *p, enum acl_key key, const char *entry)
{
	for (size_t i = p->n; i-- > 0;) {
		const struct ynode *v = counts_for(p, &p->c[i], key) ? ynode_get(p->c[i].body->value[key], entry) : NULL;
		if (v)
			return (struct acl_src){p->c[i].body->doc->file, v->key->line};
	}
	return (struct acl_src){0};
}

bool acl_keeps_history(const struct acl_policy *p)
{
	bool on = false;
	return ynode_bool(acl_get(p, ACL_KEY_HISTORY).node, &on) && on;
}

static bool declared_above(const struct acl_policy *p, size_t i, const char *segment)
{
	for (size_t j = i + 1; j < p->n_threads; j++)
		if (!p->threads[j].cut && body_path(p->threads[j].body, segment))
			return true;
	return false;
}

void acl_slots(const struct acl_policy *p, bool (*each)(void *arg, const char *segment), void *arg)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct body *b = p->threads[i].body;
		for (size_t k = 0; !p->threads[i].cut && k < b->n_paths; k++)
			if (!declared_above(p, i, b->paths[k].segment) && !each(arg, b->paths[k].segment))
				return;
	}
}

const char *acl_slot_find(const struct acl_policy *p, const char *name)
{
	for (size_t i = p->n_threads; i-- > 0;) {
		const struct path_entry *e = p->threads[i].cut ? NULL : body_path(p->threads[i].body, name);
		if (e)
			return e->segment;
	}
	return NULL;
}
