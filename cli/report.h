/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of zddc report while it is made. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

struct cli;
struct html;
struct matrix;
struct scope;

struct report {
	const struct cli *c;
	struct scope *s;
	struct html *h;
	struct matrix *m;
	const char *dir; /* the part of the archive that it is about */
	const char *path; /* --path, or NULL */
	long long now; /* the moment that it is about */
};

/* report_changes.c: what the ledger tells: who gained and lost since, and what was done about policy and people. An exit status. */
int report_changes(struct report *r);

#endif
