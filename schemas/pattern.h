/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to schemas/: regular expressions as JSON Schema means them (ECMA-262 as far as pcre2 has it), with limits on what a match
 * may cost. A compiled pattern may be used by any number of threads.
 */
#ifndef SCHEMAS_PATTERN_H
#define SCHEMAS_PATTERN_H

#include <stddef.h>

struct pattern;

enum pattern_match { PATTERN_NO, PATTERN_YES, PATTERN_TOO_COSTLY };

/* NULL if it is no regular expression: 'why' (at least 160 bytes) says what and where. */
struct pattern *pattern_new(const char *text, size_t len, char why[160]);
void pattern_free(struct pattern *p); /* and all that are chained behind it */
/* Chains p in front of list, for whoever owns many. */
void pattern_chain(struct pattern *p, struct pattern *list);
/* Anywhere in the text, which is UTF-8. */
enum pattern_match pattern_find(const struct pattern *p, const char *text, size_t len);
/* The whole text. */
enum pattern_match pattern_whole(const struct pattern *p, const char *text, size_t len);

#endif
