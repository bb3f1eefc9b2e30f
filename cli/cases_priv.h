/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cases.c and cases_tests.c: values of a checked file. */
#ifndef CLI_CASES_PRIV_H
#define CLI_CASES_PRIV_H

#include "cli/cases.h"

const char *case_text(const struct ynode *map, const char *key); /* NULL: not there */
bool case_flag(const struct ynode *map, const char *key);
/* Is 'word' the text, or a member of the list, under 'key'? */
bool case_lists(const struct ynode *map, const char *key, const char *word);

#endif
