/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to acl/: what is valid and still looks wrong. */
#ifndef ACL_LINT_H
#define ACL_LINT_H

struct diags;
struct zddc_doc;

/* Warnings about one document by itself: dead patterns, nested roles, wildcard grants of w, d or a. */
void lint_document(const struct zddc_doc *doc, struct diags *d);

#endif
