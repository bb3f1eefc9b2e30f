/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The canonical form of a YAML text with its comments: two blanks of indentation, quotes only where a reader needs them, short flow
 * collections ([..], {..}) on one line, comments where they stood, at most one empty line in a row. Order and meaning do not change.
 */
#ifndef BASE_YFORMAT_H
#define BASE_YFORMAT_H

#include <stddef.h>

struct buf;
struct ynode;

/*
 * 'tree' is what 'text' parses to. 0, or -EINVAL if the result would not mean the same or would lose a comment (a fault of this code;
 * 'out' then holds nothing). Formatting the result again gives the same bytes.
 */
int yformat(const char *text, size_t len, const struct ynode *tree, struct buf *out);

#endif
