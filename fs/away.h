/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that an editor has moved away to keep a backup (SPEC section 4): what a commit put there, a policy or a record, stays as it is, but
 * its name is hidden until a new text is written or 10 s have passed. Any thread, no lock needed.
 */
#ifndef FS_AWAY_H
#define FS_AWAY_H

#include <stdbool.h>

struct node;

void away_add(const struct node *dir, const char *name);
/* Written again, or removed. */
void away_forget(const struct node *dir, const char *name);
bool away_is(const struct node *dir, const char *name);
void away_free(void);

#endif
