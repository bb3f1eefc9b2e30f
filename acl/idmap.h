/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identities.yaml (SPEC sections 13 and 14): which Unix user is which e-mail address.
 *
 *   identities: {alice: alice@example.com, 2001: bot@example.com}
 *
 * Keys are user names (exact) or numeric uids. Immutable after parsing; any thread may read. Included by acl.h.
 */
#ifndef ACL_IDMAP_H
#define ACL_IDMAP_H

#include <stdbool.h>
#include <stddef.h>

struct diags;
struct idmap;

/* 0 and *out (owned by the caller: idmap_free), or -EINVAL with every error in d. An empty text is an empty map. */
int idmap_parse(const char *file, const char *text, size_t len, struct diags *d, struct idmap **out);
void idmap_free(struct idmap *m); /* NULL is fine */
/*
 * The address of that user, lower case, owned by the map; NULL if there is none. A user who is listed by name and by uid with
 * two addresses has none: *conflict (may be NULL) tells, and nobody guesses which.
 */
const char *idmap_find(const struct idmap *m, const char *unix_name, unsigned long uid, bool *conflict);
size_t idmap_count(const struct idmap *m);
/* One '@' with something on both sides, no blanks, controls, patterns or separators, at most 254 bytes. */
bool idmap_email_ok(const char *s);

#endif
