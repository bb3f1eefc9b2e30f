/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to acl/: walking a tree below a directory. The snapshot is locked for one directory at a time, never for a whole walk: what
 * somebody put into his own folders must not keep all others waiting.
 */
#ifndef ACL_SNAP_H
#define ACL_SNAP_H

#include "acl/policy.h"

struct buf;

struct name_list {
	char **v;
	size_t n, cap;
};
#define AUTO_NAMES __attribute__((cleanup(name_list_free)))
void name_list_free(struct name_list *l);

/* The sub-directories of dir on disk: all, or (where the source can tell) those at or below which a .zddc lies. 0 or -errno. */
int snap_subdirs(struct acl_snap *s, const char *dir, bool all, struct name_list *out);
/* What is known of the classes of names (snap_class.c). */
struct classes *snap_classes(struct acl_snap *s);
struct classes *classes_new(void);
void classes_free(struct classes *c);
/* Something changed in dir or below it. */
void classes_forget(struct classes *c, const char *dir);
/* Appends the path of a sub-directory. */
void snap_join(struct buf *out, const char *dir, const char *name);

#endif
