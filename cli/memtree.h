/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zddc_source (acl.h) over a tree in memory: that of a test file, or a supposed one. One thread. */
#ifndef CLI_MEMTREE_H
#define CLI_MEMTREE_H

#include <stddef.h>

struct memtree;
struct zddc_source;

struct memtree *memtree_new(void);
void memtree_free(struct memtree *t); /* NULL is fine */
/* A directory, and all above it. */
void memtree_dir(struct memtree *t, const char *dir);
/* The text of its .zddc; replaces an earlier one. */
void memtree_doc(struct memtree *t, const char *dir, const char *text, size_t len);
/* The last valid text of the root's .zddc. */
void memtree_last_root(struct memtree *t, const char *text, size_t len);
/* Each directory that has a .zddc. */
void memtree_each_doc(const struct memtree *t, void (*each)(void *arg, const char *dir), void *arg);
/* Lives as long as the tree. */
const struct zddc_source *memtree_source(struct memtree *t);

#endif
