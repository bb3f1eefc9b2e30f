/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a PATH of the command line lies: on a mount, or in the plain tree of an archive. */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <stdbool.h>

#include "base/buf.h"

struct place {
	bool on_mount;
	char *root; /* absolute; of the archive tree, or of what could be seen of the mount's tree upwards (by device) */
	char *rel; /* PATH below root, "" for the root itself, no slash at either end */
	char *dir; /* absolute: PATH itself if it is an existing directory, else the deepest existing directory on the way to it */
	bool is_dir; /* PATH is an existing directory, or was written with a slash at its end */
	bool exists;
};

/*
 * Fills 'out' (free it with place_free, also after a failure). 'root' is --root or NULL. An exit status: ZDDC_YES, or the error was
 * printed. The last part of PATH is not followed if it is a symbolic link; none of its parts need exist.
 */
int place_find(const char *path, const char *root, struct place *out);
void place_free(struct place *p);
/* True if the control files of a mount are there. */
bool place_has_control(const char *dir);
/* The directory part of rel and its last name; parent is malloc()ed, the name points into rel. */
char *place_parent(const char *rel, const char **name);

#define AUTO_PLACE __attribute__((cleanup(place_free))) struct place

#endif
