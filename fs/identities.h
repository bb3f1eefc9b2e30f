/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file identities.yaml (SPEC section 13): who is which address, and which addresses are nobody's any more. Any thread. Who a uid is in
 * the end, caller.c says.
 */
#ifndef FS_IDENTITIES_H
#define FS_IDENTITIES_H

#include <stdbool.h>
#include <sys/types.h>

#include "acl/acl.h"

struct options;

/* Reads it; from then on changed() is called after each change. 0 or -EINVAL with a logged message that names the line. */
int identities_load(const struct options *o, void (*changed)(void));
/* SIGHUP. Keeps the old map when the new text is invalid. */
int identities_reload(void);
/* The same if a second has passed since the last look and the file is another one now. */
void identities_look(void);
void identities_free(void);

/* malloc()ed; NULL if that user is not listed, or with two addresses (*conflict; logged). */
char *identities_email(const char *unix_name, uid_t uid, bool *conflict);
/* *heir (may be NULL) is malloc()ed, or NULL. */
bool identities_retired(const char *email, char **heir);
/* As idmap_each; nothing of ours may be called meanwhile. */
void identities_each(void (*user)(void *arg, const char *user, unsigned long uid, const char *email),
		     void (*retired)(void *arg, const char *email, const char *heir), void *arg);
/* Changes the file, in force at once. As idmap_edit; -EXDEV with identities=FILE, which is not ours to write. */
int identities_edit(const struct idmap_edit *e, struct diags *d);

#endif
