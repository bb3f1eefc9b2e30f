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
	t->slot = arena_array(a, struct name_slot, size);
	t->mask = size - 1;
}

static struct name_slot *find(const struct names *t, const char *key)
{
	uint32_t i = (uint32_t)hash64(key, strlen(key)) & t->mask;
	while (t->slot[i].key && strcmp(t->slot[i].key, key) != 0)
		i = (i + 1) & t->mask;
	return &t->slot[i];
}

void names_put(struct names *t, const char *key, void *value) { *find(t, key) = (struct name_slot){key, value}; }

void *names_get(const struct names *t, const char *key) { return t->slot ? find(t, key)->value : NULL; }
