/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the texts of .zddc.d are made from, between virt_ctl.c, which finds the row, and the files that write them. Under tree_lock. */
#ifndef FS_VIRT_ASK_H
#define FS_VIRT_ASK_H

#include "acl/acl.h"

struct buf;
struct identity;
struct node;

/* One question: who asks about what. */
struct ask {
	const struct identity *who;
	struct node *node; /* of an xattr */
	struct node *dir; /* the directory whose .zddc.d it is */
	const char *name; /* of explain/NAME */
	enum acl_op what; /* of explain.OP */
	enum acl_format format;
};

/* The path of a directory as people write it; malloc()ed. */
char *ask_shown_path(const struct node *dir);
/* The address, or "anonymous". */
const char *ask_shown_who(const struct identity *who);

/* virt_of.c: of another, whose address is the name. */
void make_access_of(const struct ask *a, struct buf *out);
void make_access_of_op(const struct ask *a, struct buf *out);

/* virt_whoami.c */
void make_whoami(const struct ask *a, struct buf *out);
void make_identities(const struct ask *a, struct buf *out);
/* For status: who is elevated just now; in JSON a member "elevated". */
void elevated_text(struct buf *out);
void elevated_json(struct buf *out);

#endif
