/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to acl/: text -> pointer, filled while a document is parsed and only read afterwards. (uthash puts its links into each
 * object and mallocs; these live in the document's arena and are probed on the decision path.)
 */
#ifndef ACL_NAMES_H
#define ACL_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct names {
	struct name_slot {
		const char *key;
		void *value;
	} *slot; /* NULL: empty table */
	uint32_t mask;
};

/* Room for n names; keys are kept, not copied. */
void names_init(struct names *t, struct arena *a, size_t n);
void names_put(struct names *t, const char *key, void *value);
/* Byte-exact. NULL if there is none. */
void *names_get(const struct names *t, const char *key);

#endif
