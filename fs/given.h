/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that are not on disk and that everybody who may read the directory sees: form.yaml and table.yaml of a register (SPEC section 9 and
 * 10), where its folder has none of its own. Which form, says the rule of records: that has a wildcard in its pattern. Under tree_lock.
 */
#ifndef FS_GIVEN_H
#define FS_GIVEN_H

#include <stdbool.h>

struct buf;
struct node;

/* Does policy give a file of that name here? Whether one is on disk, which then counts, the caller has to ask. */
bool given_is(struct node *dir, const char *name);
/* Appends its text: 0 or -ENOENT. */
int given_text(struct node *dir, const char *name, struct buf *out);
/* Calls each() for the names given here, until it returns false. */
void given_each(struct node *dir, bool (*each)(void *arg, const char *name), void *arg);

#endif
