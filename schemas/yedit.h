/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to schemas/: changing top-level fields of a YAML text without touching the rest of it. */
#ifndef SCHEMAS_YEDIT_H
#define SCHEMAS_YEDIT_H

#include <stddef.h>

struct arena;
struct buf;
struct ynode;

/* More fields than any register has; the work of an edit grows with their square. */
enum { YAML_MOST_FIELDS = 1000 };

/*
 * 'before' is what 'text' parses to, 'after' what it shall mean; both are maps. Fields that differ are rewritten where they stand,
 * missing ones removed, new ones written at the end (those that 'after' has in front of every old one: at the top). Comments, order,
 * quotes and line ends of all others stay. A text that cannot be edited so (written as {a: b},
 * for instance, or with more than YAML_MOST_FIELDS) is written anew.
 */
void yaml_edit(const char *text, size_t len, const struct ynode *before, const struct ynode *after, struct buf *out);

/* Trees of a record: a copy whose top-level members may be changed, everything else shared. */
struct ynode *yaml_copy_top(struct arena *a, const struct ynode *map);
struct ynode *yaml_text(struct arena *a, const char *text); /* a string */
struct ynode *yaml_number(struct arena *a, unsigned long long n);
/* Replaces or appends; 'value' is copied shallowly. */
void yaml_set(struct arena *a, struct ynode *map, const char *key, const struct ynode *value);
void yaml_set_first(struct arena *a, struct ynode *map, const char *key, const struct ynode *value);
void yaml_remove(struct ynode *map, const char *key);

#endif
