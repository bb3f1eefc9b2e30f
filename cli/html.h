/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages that need nothing but themselves: no script, no network, light and dark, made for screen, phone and paper. Everything that
 * came from elsewhere is escaped. Sources that were referred to are printed at the end, with a place to jump to for each line.
 */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "acl/acl.h"

struct buf;
struct matrix;
struct scope;
struct html;

/* Writes the head; the page belongs to the caller. */
struct html *html_begin(struct buf *out, const char *title);
/* A piece that becomes part of a page later; links to sources are not for pieces. */
struct html *html_part(struct buf *out);
void html_part_end(struct html *h);
/* "<h2 id=...>" */
void html_heading(struct html *h, const char *id, const char *title);
/* Text from anywhere, escaped. */
void html_text(struct html *h, const char *s);
/* Our own markup. */
__attribute__((format(printf, 2, 3))) void html_tag(struct html *h, const char *fmt, ...);
/* A link to a line of a policy file around 'label'; the bare label if there is no file. */
void html_src(struct html *h, const struct acl_src *src, const char *label);
/* The policy files that html_src() named, whole, each line with its number; from the scope's tree, "defaults" from its options. */
struct cli;
void html_sources(struct html *h, const struct cli *c, const struct scope *s);
/* Ends the page and frees h. */
void html_end(struct html *h);

/* html_matrix.c: the matrix as a table, and the legend of its signs. */
void html_matrix(struct html *h, const struct matrix *m);

#endif
