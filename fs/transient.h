/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that tools give to files they are still making (SPEC section 5.5): which they are, acl/transient.c says. Pure.
 */
#ifndef FS_TRANSIENT_H
#define FS_TRANSIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "acl/acl.h"

/* A name of that kind, in a directory where this policy holds. 'p' NULL: by the table. */
static inline bool transient_name(const struct acl_policy *p, const char *name) { return acl_is_transient(p, name); }
/* ~$* and .~lock.*#: they tell others that a file is being edited, so whoever reads the directory sees them. */
static inline bool transient_is_lock(const char *name) { return acl_is_transient_lock(name); }
/* What a record remembers of the name it goes by; never 0. */
uint64_t transient_hash(const char *name);

#endif
