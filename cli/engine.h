/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The policy engine over a plain tree: the defaults, the tree's documents and their compiled policies, opened and closed as one. */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include "acl/acl.h"

struct cli;
struct tree;
struct buf;

struct engine {
	struct tree *tree; /* NULL over another source */
	const struct zddc_source *source;
	struct zddc_doc *defaults;
	struct acl *acl;
	struct acl_snap *snap;
};

/* Opens the archive at 'root' with --defaults and --strict of c. An exit status; an error was printed. Close also after a failure. */
int engine_open(const struct cli *c, const char *root, struct engine *e);
/* The same over another source, which outlives it; e->tree is NULL. Takes over the reference to 'defaults' (NULL: none). */
void engine_over(const struct zddc_source *source, struct zddc_doc *defaults, bool strict, struct engine *e);
void engine_close(struct engine *e);
/* The parsed --defaults, or built-in ones: one reference for the caller. An exit status; an error was printed. */
int engine_defaults(const struct cli *c, struct zddc_doc **out);
/* The text of --defaults, or the built-in one. An exit status; an error was printed. */
int engine_defaults_text(const struct cli *c, struct buf *out);
/*
 * After questions were asked: ZDDC_YES, or, where the answer rests on documents that are invalid or cannot be read, prints them and
 * returns ZDDC_POLICY or ZDDC_IO.
 */
int engine_complaints(const struct engine *e);

#define AUTO_ENGINE __attribute__((cleanup(engine_close))) struct engine

#endif
