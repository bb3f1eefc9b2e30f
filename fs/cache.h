/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel may keep (SPEC section 15). Its caches are shared by all users: only names that are proved uniform stay in them. */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include <stdbool.h>

#include "acl/acl.h"

struct buf;
struct identity;
struct node;

/* How 'name' of dir is classed and why, for this caller: nothing of policies that they cannot read. Under tree_lock. */
void cache_explain(const struct identity *who, struct node *dir, const char *name, bool is_dir, enum acl_format format, struct buf *out);

#endif
