/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The attributes that a request brings to its decision (SPEC section 13): the mount's environment, what the caller's session declared, and
 * where the request comes from. What policy adds to them, the engine knows (acl_attributes). Any thread.
 */
#ifndef FS_ATTRS_H
#define FS_ATTRS_H

#include <stdbool.h>

#include "acl/acl.h"

struct identity;
struct options;

/* Once, when the mount point is known. 0, or -EINVAL with a logged message. */
int attrs_init(const struct options *o, const char *mountpoint);
/*
 * A provenance that was not declared is only found out if a condition asks for it: it needs a look at the calling process. Valid until the
 * request ends.
 */
struct acl_attrs attrs_of(const struct identity *who);
/* Makes them last: the provenance is known now ('asked': somebody may want it; else it is NULL), and the caller's to free. */
void attrs_keep(struct acl_attrs *a, const struct identity *who, bool asked);
/* Declared, or "zddc://HOST/MOUNT/POINT?exe=/the/program" of the request this thread serves; NULL if that is too long to say. */
const char *attrs_provenance(const struct identity *who);
/* -o require_attributes, and this caller has declared no provenance: nothing may be changed. */
bool attrs_missing(const struct identity *who);
/* May that be declared as a provenance: a URI of at most 2000 bytes? */
bool attrs_provenance_ok(const char *uri);

#endif
