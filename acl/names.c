/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "acl/names.h"

#include <string.h>

#include "base/arena.h"
#include "base/hash.h"

void names_init(struct names *t, struct arena *a, size_t n)
{
	uint32_t size = 4;
	while (size < 2 * n)
		size *= 2;
	*t = (struct names){.slot = arena_array(a, struct name_slot, size), .mask = size - 1};
}

static struct name_slot *find(const struct names *t, const char *key)
{
	uint32_t i = (uint32_t)hash64_seeded(key, strlen(key), (uintptr_t)t->slot) & t->mask;
	while (t->slot[i].key && strcmp(t->slot[i].key, key) != 0)
		i = (i + 1) & t->mask;
	return &t->slot[i];
}

static void grow(struct names *t, struct arena *a)
{
	struct names more;
	names_init(&more, a, 2 * ((size_t)t->n + 1));
	names_each(s, t)
		*find(&more, s->key) = *s;
	more.n = t->n;
	*t = more;
}

void names_put(struct names *t, struct arena *a, const char *key, void *value)
{
	if (!t->slot || 2 * (t->n + 1) > t->mask + 1)
		grow(t, a);
	struct name_slot *s = find(t, key);
	t->n += !s->key;
	*s = (struct name_slot){key, value};
}

void *names_get(const struct names *t, const char *key) { return t->slot ? find(t, key)->value : NULL; }
