/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Model documents as YAML text, in varying style; and YAML text back into the model. */
#ifndef TESTS_RANDOM_LIB_YAML_H
#define TESTS_RANDOM_LIB_YAML_H

#include "tests/random/lib_model.h"

/* Fill doc->text (from the pool) and the line numbers of entries. The style comes from doc->style alone. */
void doc_render(struct pool *p, struct doc *doc);
void world_render(struct world *w);

/* Print the whole world for people: options, then each document with its file name. */
void world_print(const struct world *w);

/* Read a policy text into a body. Keys that the model does not know are skipped; NULL if it is not YAML. */
struct body *body_load(struct pool *p, const char *text, size_t len);

#endif
