/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every directory that policy speaks of: those on disk, those that paths: declares by name, and, where paths: has "*", one called "*"
 * that stands for any other. In the order of names.
 */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct engine;

enum places_how { PLACE_ON_DISK, PLACE_DECLARED, PLACE_ANY };

struct place_found {
	const char *path, *name; /* of the last part; "" for the first */
	enum places_how how;
	unsigned depth; /* below the first */
};

struct places {
	const struct engine *e[2]; /* what any of them knows; the second may be NULL */
	bool any; /* with the "*" */
	/* False: nothing below it is looked at. */
	bool (*each)(void *arg, const struct place_found *p);
	void (*done)(void *arg, const struct place_found *p); /* after what is below it; may be NULL */
	void *arg;
};

/* 'dir' and all below. 0, or the first -errno of a directory that could not be listed (the walk goes on). */
int places_walk(const struct places *w, const char *dir);

#endif
