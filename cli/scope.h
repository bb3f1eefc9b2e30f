/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PATH of the command line with the engine that decides about it: of the plain tree, or, on a mount, over the policy that one may
 * read through it, after it was made sure that the mount decides by the same rules.
 */
#ifndef CLI_SCOPE_H
#define CLI_SCOPE_H

#include "cli/engine.h"
#include "cli/place.h"

struct scope {
	struct place at;
	struct engine e;
};

/* Fills 'out' (close it also after a failure). An exit status; an error was printed. */
int scope_open(const struct cli *c, const char *path, struct scope *out);
/* The same without asking a mount by which rules it decides: nothing may be concluded there from what the engine says. */
int scope_find(const struct cli *c, const char *path, struct scope *out);
void scope_close(struct scope *s);
/* On a mount: does it decide in 'dir' by the policy that the engine sees? In a plain tree: yes. */
bool scope_agrees(const struct scope *s, const char *dir);
/* The directory that governs: PATH if it is one (on disk, by its slash, or declared), else the one that holds it. malloc()ed. */
char *scope_dir(const struct scope *s);
bool scope_is_dir(const struct scope *s);

#define AUTO_SCOPE __attribute__((cleanup(scope_close))) struct scope

#endif
