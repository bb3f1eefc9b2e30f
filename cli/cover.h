/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules of some documents took part in a decision. */
#ifndef CLI_COVER_H
#define CLI_COVER_H

#include <stdbool.h>

#include "acl/acl.h"

struct cover_rule {
	char *file, *text; /* text: the entry, or "worm", "freeze_until" */
	const char *kind; /* "grant", "member", "admins", "worm", "when", "freeze" */
	uint32_t line;
	bool hit;
};

struct cover {
	struct cover_rule *v;
	size_t n;
	bool sorted;
};

void cover_add(struct cover *c, const struct zddc_doc *doc);
void cover_mark(struct cover *c, const struct acl_decision *d);
size_t cover_hits(const struct cover *c);
void cover_free(struct cover *c);

#endif
