/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Warnings that one document alone cannot give: what is valid and can never work where it stands (SPEC sections 3.3, 9). What the
 * engine says of one document by itself comes from zddc_parse.
 */
#ifndef CLI_LINT_H
#define CLI_LINT_H

#include <stdbool.h>

struct diags;
struct engine;
struct ynode;
struct zddc_doc;

/* Role names that have a member in some document of the tree. Zero-initialised; free with lint_roles_free. */
struct lint_roles {
	struct lint_role *by_name; /* uthash */
};

void lint_roles_add(struct lint_roles *r, const struct zddc_doc *doc);
void lint_roles_free(struct lint_roles *r);

/* The document of directory 'dir'. Adds to d. */
void lint_document_in(const struct engine *e, const char *dir, const struct zddc_doc *doc, const struct lint_roles *seen,
		      struct diags *d);
/* The archive as a whole: who administers it. */
void lint_root(const struct engine *e, struct diags *d);
/* An entry of 'dir': names that pose as policy, parties that no register would list. */
void lint_entry(const struct engine *e, const char *dir, const char *name, bool is_dir, struct diags *d);

#endif
