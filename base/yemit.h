/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Canonical YAML: block style, two blanks, keys in the given order, quotes only where YAML 1.2 or 1.1 readers need them. */
#ifndef BASE_YEMIT_H
#define BASE_YEMIT_H

struct buf;
struct ynode;

/* One scalar, quoted as needed, without a newline. */
void yemit_scalar(struct buf *out, const char *text);
/* The key of a map and its ':', with no blank behind it. */
void yemit_key(struct buf *out, const char *text, unsigned indent);
/* A whole tree, indented by 'indent' blanks. Keeps the order of the tree. */
void yemit_node(struct buf *out, const struct ynode *n, unsigned indent);
/* The form that is hashed: one line, JSON-like, map keys sorted bytewise, scalars with their type. Comments and style do not count. */
void yemit_canonical(struct buf *out, const struct ynode *n);

#endif
