/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who holds which verbs in each directory of a tree: a row for each directory whose rights differ from those of the one above it, a
 * column for each role, group, pattern and for everybody; people that grants name themselves stand behind them. Siblings below which
 * all is alike (the folders of parties, private homes) share one row.
 */
#ifndef CLI_MATRIX_H
#define CLI_MATRIX_H

#include "acl/acl.h"
#include "base/hash.h"
#include "cli/places.h"
#include "cli/subject.h"

struct buf;
struct scope;

enum matrix_format { MATRIX_TEXT, MATRIX_CSV, MATRIX_JSON, MATRIX_HTML };
enum { MATRIX_VERBS = 5 };

struct matrix_cell {
	const struct subject *who;
	verbset verbs, maybe; /* held; held while conditions allow */
	bool admin, owner; /* owner: the directory was made by them */
	struct acl_src src[MATRIX_VERBS]; /* where each verb comes from, by its bit */
};

struct matrix_row {
	char *path, *name;
	enum places_how how;
	unsigned depth;
	struct acl_policy *policy; /* keeps the strings of the cells alive */
	bool zone, fenced, invalid, hidden; /* hidden: the mount decides there by policy that the caller cannot read */
	long long freeze; /* 0: not frozen now */
	struct matrix_cell *cells; /* one for each column */
	struct matrix_cell *people; /* whom grants name themselves */
	size_t n_people;
	struct hash128 alike; /* of all that is shown of it and below it, but for its name */
	size_t twins; /* siblings that this row stands for as well */
	char *twin_names; /* "Bolt, Chem", or NULL */
	bool shown;
	struct matrix_row *parent, *child, *next, *last; /* last: of the children, while rows are added */
};

struct matrix {
	struct scope *scope;
	struct subjects *people;
	struct subject_list columns;
	long long now;
	struct matrix_row *root;
	int err; /* of a directory that could not be listed */
};

/* The scope must outlive it. */
struct matrix *matrix_make(struct scope *s, const char *dir, long long now);
void matrix_free(struct matrix *m);
/* Each row that is shown, from top to bottom. */
void matrix_each(const struct matrix *m, void (*each)(void *arg, const struct matrix_row *r), void *arg);
/* "rc(d)": what the cell holds, "" for nothing. Returns out. */
const char *matrix_verbs(const struct matrix_cell *c, char out[24]);
/* c: for the text of the defaults. */
struct cli;
void matrix_print(const struct cli *c, const struct matrix *m, enum matrix_format f, struct buf *out);

#endif
