/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two policies to compare: two trees; or one tree as it is and as it would be with another text in place of one of its .zddc.
 */
#ifndef CLI_SIDES_H
#define CLI_SIDES_H

#include "cli/scope.h"

struct overlay;
struct memtree;

struct sides {
	const struct engine *old, *new;
	char *dir; /* the directory to look at, with all below it */
	/* what they rest on */
	struct scope scope[2];
	struct engine own[2];
	struct overlay *overlay;
	struct memtree *memory[2];
};

/*
 * Each name is a directory, a .zddc of an archive, or (one of them at least being that) any other text; "-" is standard input. Two
 * texts that lie in no archive are taken for the root policy of one. An exit status; an error was printed. Close also after a failure.
 */
int sides_open(const struct cli *c, const char *old, const char *new, struct sides *out);
/* As engine_complaints, of both. */
int sides_complaints(const struct sides *s);
void sides_close(struct sides *s);

#endif
