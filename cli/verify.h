/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc verify: what the checks of checks.def look at, and how they say what they find. Each check is a function over struct verify. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/places.h"
#include "cli/scope.h"
#include "cli/subject.h"

/* A directory that policy speaks of. */
struct vplace {
	char *path;
	enum places_how how;
	struct acl_policy *policy;
	struct zddc_doc *doc; /* its own; NULL: none, or invalid */
	bool invalid;
	struct vplace *parent; /* NULL of the first */
};

struct verify {
	const struct cli *c;
	struct scope *tree, *mount; /* either may be NULL */
	struct scope *rules; /* whose policy is looked at: the tree, else the mount; NULL: its policy is hidden from the caller */
	struct subjects *people;
	struct vplace *v; /* of 'rules' */
	size_t n;
	long long now;
	/* of the check that runs */
	struct buf first, json; /* the first finding; all of them */
	size_t found;
	char *nothing; /* why there was nothing to look at */
};

/* The check that runs found something wrong. file NULL: about no file; line 0: about all of it. */
__attribute__((format(printf, 4, 5))) void verify_find(struct verify *v, const char *file, uint32_t line, const char *fmt, ...);
/* There was nothing to look at, or it cannot be looked at: half a sentence. */
__attribute__((format(printf, 2, 3))) void verify_nothing(struct verify *v, const char *fmt, ...);

/* verify_tree.c: the parts of checks that look behind the mount, for those that look at both. */
void tree_hard_links(struct verify *v);
void tree_nodes(struct verify *v);
void tree_xattrs(struct verify *v);
void tree_sealed(struct verify *v);

#define CHECK(name, needs, function, text) void function(struct verify *v);
#include "cli/checks.def"
#undef CHECK

#endif
