/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to acl/: text -> pointer, filled by one thread and only read afterwards. (uthash puts its links into each object and mallocs;
 * these live in an arena and are probed on the decision path.) Whoever writes a document chooses the keys: where the table lies in
 * memory is the seed of its hash, which nobody outside can know, so that no keys can be made to meet.
 */
#ifndef ACL_NAMES_H
#define ACL_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct name_slot {
	const char *key; /* NULL: free */
	void *value;
};

struct names {
	struct name_slot *slot; /* NULL: empty table */
	uint32_t mask, n;
};

/* Room for n names at first; it grows. */
void names_init(struct names *t, struct arena *a, size_t n);
/* Sets what the key stands for; keys are kept, not copied. 'a' as for names_init, for growing. */
void names_put(struct names *t, struct arena *a, const char *key, void *value);
/* Byte-exact. NULL if there is none. */
void *names_get(const struct names *t, const char *key);

#define names_each(it, t) \
	for (struct name_slot *it = (t)->slot, *it##_end = it ? it + (t)->mask + 1 : NULL; it != it##_end; it++) \
		if (it->key)

#endif
