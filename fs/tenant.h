/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -o tenant=PROJECT (SPEC section 13): the mount shows one project at the top of the archive and nothing of any other, to nobody: they look
 * absent, whoever asks. Policy of the root still holds. Any thread.
 */
#ifndef FS_TENANT_H
#define FS_TENANT_H

#include <stdbool.h>

struct node;
struct options;
struct stat;
struct statvfs;

/* After policy_init. 0, or -EINVAL with a logged message: there is no such folder at the top of the archive. */
int tenant_init(const struct options *o);
bool tenant_is(void);
/* A path from the archive root ("" is the root, which is shown; ".zddc" and ".zddc.d" of the root are too). */
bool tenant_hides(const char *path);
/* 'name' in dir (NULL: dir itself). Under tree_lock. */
bool tenant_hides_in(const struct node *dir, const char *name);
/* Size and times of the archive's root would tell of other projects: they are the mount's own. */
void tenant_show(const struct node *n, struct stat *shown);
/* What the filesystem has room for is said, not what all projects use of it. */
void tenant_statfs(struct statvfs *st);

#endif
