/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which roles a change of a policy text touches: a line role_change for each. Any thread, any lock. */
#ifndef FS_AUDIT_ROLES_H
#define FS_AUDIT_ROLES_H

struct identity;
struct zddc_doc;

/* 'old' and 'new' may be NULL; 'file' is the document. Roles in paths: bodies too. */
void audit_roles_changed(const struct identity *who, const char *file, const struct zddc_doc *old, const struct zddc_doc *new);

#endif
