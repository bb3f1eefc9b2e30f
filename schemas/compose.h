/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to schemas/: the name of a record's file from its fields (SPEC section 10, filename_format). */
#ifndef SCHEMAS_COMPOSE_H
#define SCHEMAS_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct ynode;

/*
 * Appends the name, ".yaml" included. 0, or -EINVAL and a sentence in 'why': a field is missing or cannot be part of a name; *field is
 * then its value in the document (NULL if it is not there).
 */
int compose_name(const char *format, const struct ynode *doc, struct buf *out, const struct ynode **field, struct buf *why);
/* Is it a format at all? 0, or -EINVAL and why: braces that do not match, no field. */
int compose_check(const char *format, struct buf *why);
/* Does the format use the field? */
bool compose_uses(const char *format, const char *field);

#endif
