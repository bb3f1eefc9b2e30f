/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose rights are asked about in a plain tree: by identities.yaml and the name service, as a mount would see them. */
#ifndef CLI_WHO_H
#define CLI_WHO_H

#include "acl/acl.h"

struct tree;

struct who {
	struct acl_principal p; /* points into the two below */
	char *email; /* lower case; NULL: anonymous */
	char **groups;
};

/*
 * 'as' is --as (NULL: the calling user), 'groups' is --groups (NULL: those of the Unix user that identities.yaml maps to the
 * address, none if there is no such user). An exit status; an error was printed. Free with who_free also after a failure.
 */
int who_find(struct tree *t, const char *as, const char *groups, struct who *out);
void who_free(struct who *w);
/* Checks .zddc.d/identities.yaml, adding what is wrong to d; -ENOENT if there is none, 0 or -EINVAL. */
struct diags;
int who_check_identities(struct tree *t, struct diags *d);

/* identities.yaml, read once for many questions; without one, or with one that cannot be read, nobody's groups are known. */
struct who_map;
struct who_map *who_map_open(struct tree *t); /* NULL: none */
void who_map_free(struct who_map *m); /* NULL is fine */
/* Somebody by their address, with the groups of their Unix user. who_free() it. */
void who_of(const struct who_map *m, const char *email, struct who *out);

#define AUTO_WHO __attribute__((cleanup(who_free))) struct who

#endif
