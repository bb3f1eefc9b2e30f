/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that tools give to files they are still making (SPEC section 5.5). The list is the policy's transient:, or the rows of
 * transient.def where policy says nothing. Pure.
 */
#ifndef FS_TRANSIENT_H
#define FS_TRANSIENT_H

#include <stdbool.h>
#include <stdint.h>

struct acl_policy;

/* A name of that kind, in a directory where this policy holds. 'p' NULL: by the table. */
bool transient_name(const struct acl_policy *p, const char *name);
/* ~$* and .~lock.*#: they tell others that a file is being edited, so whoever reads the directory sees them. */
bool transient_is_lock(const char *name);
/* What a record remembers of the name it goes by; never 0. */
uint64_t transient_hash(const char *name);

#endif
