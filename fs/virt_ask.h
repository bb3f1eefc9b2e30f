/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the texts of .zddc.d are made from, between virt_ctl.c, which finds the row, and the files that write them. Under tree_lock. */
#ifndef FS_VIRT_ASK_H
#define FS_VIRT_ASK_H

#include <stdbool.h>

#include "acl/acl.h"
#include "fs/memo.h"

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

/* A row of a table is asked about where its record lies. */
struct ask_row {
	struct node *dir; /* counted; NULL: it was none */
	char *file;
};

/* Points a question about a row (dir is a table) at its record; anything else is left as it is. Always ends in ask_row_drop(). */
void ask_row_of(struct ask *a, struct node *dir, const char *name, struct ask_row *row);
void ask_row_drop(struct ask_row *row);

/* virt_explain.c */
void make_last_error(const struct ask *a, struct buf *out);
void make_rejected(const struct ask *a, struct buf *out);
void make_last_created(const struct ask *a, struct buf *out);
void make_access(const struct ask *a, struct buf *out);
void make_explain(const struct ask *a, struct buf *out);
void make_explain_op(const struct ask *a, struct buf *out);
void make_cache(const struct ask *a, struct buf *out);
void make_effective(const struct ask *a, struct buf *out);
/* What is remembered for this caller and directory, if anything; 'out' may be NULL. */
bool ask_memo(enum memo_kind kind, const struct identity *who, const struct node *dir, struct buf *out);

/* virt_status.c */
void make_status(const struct ask *a, struct buf *out);
/* Administrators and auditors of the whole archive. */
bool ask_sees_all(const struct identity *who, struct node *dir);

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
