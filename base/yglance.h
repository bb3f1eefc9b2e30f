/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to ynode.c: what can be refused of a YAML text before libyaml sees it. */
#ifndef BASE_YGLANCE_H
#define BASE_YGLANCE_H

#include <stddef.h>

struct diags;
struct ynode_limits;

#define YGLANCE_EVENTS "more than 100,000 YAML events: split the document"

/* 0, or -EINVAL with what is wrong in d: bytes, size, lines that hold too much. */
int yglance(const char *file, const char *text, size_t len, const struct ynode_limits *most, struct diags *d);

#endif
