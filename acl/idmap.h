/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identities.yaml (SPEC sections 13 and 14): which Unix user is which e-mail address.
 *
 *   identities: {alice: alice@example.com, 2001: bot@example.com}
 *   retired: {carol@example.com: alice@example.com, dave@example.com: null}
 *
 * Keys of identities are user names (exact) or numeric uids. A retired address is nobody's, ever; behind it stands who got what was its
 * own, if anybody did. Immutable after parsing; any thread may read. Included by acl.h.
 */
#ifndef ACL_IDMAP_H
#define ACL_IDMAP_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
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
/* Is the address (in any case) retired? *heir (may be NULL): its heir or NULL. */
bool idmap_retired(const struct idmap *m, const char *email, const char **heir);
/* Calls each() for every user ('user' NULL: by uid), then, with 'retired', for every retired address and its heir or NULL. */
void idmap_each(const struct idmap *m, void (*user)(void *arg, const char *user, unsigned long uid, const char *email),
		void (*retired)(void *arg, const char *email, const char *heir), void *arg);

/* One change of identities.yaml. Exactly one of both. */
struct idmap_edit {
	const char *user; /* a user name, or a number for a uid: is that address now */
	const char *email; /* NULL: is nobody any more */
	const char *retire; /* an address is retired, */
	const char *heir; /* in favour of that one, or NULL */
};
/*
 * The text after that change; comments and order stay where they can. -EINVAL with the reason in d: the text is invalid, no user name, no
 * address, an address that is retired (for a user, or as an heir), an address that is its own heir; -ENOENT: nobody to remove.
 */
int idmap_edit(const char *file, const char *text, size_t len, const struct idmap_edit *e, struct diags *d, struct buf *out);
/* A name that may stand before a ':' there, or a number that is a uid. */
bool idmap_user_ok(const char *user);
/* One '@' with something on both sides, no blanks, controls, patterns or separators, at most 254 bytes. */
bool idmap_email_ok(const char *s);

#endif
