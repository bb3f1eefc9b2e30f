/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records (SPEC section 10): which files are, and the one way in which a revision of one takes effect. schemas/schemas.h has the rules;
 * this is what needs a disk and a policy.
 */
#ifndef FS_RECORD_H
#define FS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "schemas/schemas.h"

struct acl_policy;
struct entry;
struct handle;
struct identity;
struct node;
struct op;

/* ------------------------------------------------------------------------------------------------ which files */

/* The rule of a name in a directory, and what else policy says of it there. Valid until record_place_drop. */
struct record_place {
	struct record_rule rule;
	const char *rule_file; /* where it stands; NULL if nowhere */
	const struct ynode *field_codes;
	struct acl_policy *policy; /* counted */
	struct arena mem;
};

/* Is 'name' in dir (on disk or a declared slot) a record, or would it be one? Under tree_lock. */
bool record_is(struct node *dir, const char *name);
/* The same with the rule. False: no record (and nothing to drop). Under tree_lock. */
bool record_place_find(struct node *dir, const char *name, struct record_place *out);
void record_place_drop(struct record_place *p);
/*
 * The form that records of this place have to hold to: the directory's own form.yaml if there is one, else what the rule says. 0 and *out
 * (one reference, NULL if there is none), or -EINVAL with the errors of the form in d. Under tree_lock.
 */
int record_form(struct node *dir, const struct record_place *p, struct diags *d, struct schema **out);

/* ------------------------------------------------------------------------------------------------ a revision */

struct record_job {
	struct node *dir; /* the canonical directory, on disk or a declared slot */
	const char *name; /* the record that is replaced; NULL: a new one */
	const char *typed; /* of a new one: what the client called it; it keeps that name only where no filename_format makes one */
	const char *text;
	size_t len;
	const char *derived; /* a field that only a rollup shows ("party"), dropped; or NULL */
	struct node *from; /* a record of another register moves here as 'typed', and goes on as the same record; or NULL */
	const char *from_name;
	/* Asks in the place of the ordinary question (c or w here), under tree_lock for reading; NULL: the ordinary one. -EAGAIN: begin anew. */
	int (*decide)(struct op *op, struct identity *who, struct record_job *job);
	void *arg;
	struct buf stored; /* out: the name under which it is stored; the caller frees it */
};

/*
 * The pipeline: decides for 'who' (c for a new record, w for a revision), checks, numbers, stamps, keeps the bytes that are replaced, puts a
 * new inode in place, on disk when it returns. 0 (also when nothing has changed), or -errno with the refusal recorded: -EINVAL names field,
 * line and rule and keeps the text as .zddc.d/rejected; -EEXIST for a new record whose name is taken. Where no rule is in scope the text
 * is stamped and kept as 'typed'. Takes tree_lock itself; nothing is held while the disk is waited for.
 */
int record_commit(struct op *op, struct identity *who, struct record_job *job);

/* What a draft of a record becomes (draft.h). */
extern const struct draft_kind record_draft_kind;

/*
 * OPEN of a record's node, whether or not the last commit has left it behind; of a name that its writer has typed (NODE_DRAFT): another
 * record; CREATE of a name that would be a record's. Decisions are taken here, but for the c of a new one. Under tree_lock.
 */
int record_open(struct op *op, struct node *n, int flags, struct handle **out);
int record_open_typed(struct op *op, struct node *n, int flags, struct handle **out);
int record_create(struct op *op, struct node *dir, const char *name, int flags, struct entry *entry, struct handle **out);
int record_refuse_mknod(struct op *op, struct node *dir, const char *name);

void records_free(void);

#endif
