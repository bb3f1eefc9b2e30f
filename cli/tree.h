/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zddc_source (acl.h) over a plain directory tree, for use without a mount. Nothing outside the root is ever read: paths are
 * opened beneath it and symbolic links are not followed. One thread.
 */
#ifndef CLI_TREE_H
#define CLI_TREE_H

#include <stdbool.h>

#include "acl/acl.h"

struct buf;
struct diags;
struct tree;

/* Opens the root directory; NULL with errno set. */
struct tree *tree_open(const char *root);
void tree_close(struct tree *t);
/* From now on its policy documents and identities are those of the past (past.h), which the tree frees. */
struct past;
void tree_set_past(struct tree *t, struct past *past);
/* Lives as long as the tree. */
const struct zddc_source *tree_source(struct tree *t);
/* Errors of the documents that were found invalid so far; owned by the tree. */
const struct diags *tree_errors(const struct tree *t);
/* The first policy file that could not be opened or read (relative to the root), its -errno in *err; NULL if none. */
const char *tree_unreadable(const struct tree *t, int *err);

/* The bytes of a file below the root, at most 'most' + 1 of them. 0 or -errno; -EINVAL if it is no regular file. */
int tree_read(struct tree *t, const char *path, size_t most, struct buf *text);
/* Names and whether each is a directory, .zddc.d left out, until each() returns false. 0 or -errno. */
int tree_list(struct tree *t, const char *dir, bool (*each)(void *arg, const char *name, bool is_dir), void *arg);
/* A descriptor of what lies there, a symbolic link itself (O_PATH), or -errno; 'flags' may ask for more. The caller closes it. */
int tree_fd(const struct tree *t, const char *path, int flags);
/* "dir/name", or "name" at the root. */
void tree_join(struct buf *out, const char *dir, const char *name);

#endif
