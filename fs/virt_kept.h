/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Earlier versions as everybody may look at them (SPEC section 11): .zddc.d/history/NAME/ shows the versions of the file that has the name
 * now to whoever may read it; chains that have ended ("TIME-EMAIL/" in it) to holders of w and auditors. .zddc.d/removed/ shows those of
 * removed directories to an elevated administrator. Read-only for everybody: EROFS. Under tree_lock for reading.
 */
#ifndef FS_VIRT_KEPT_H
#define FS_VIRT_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct buf;
struct identity;
struct node;

/* A place below dir's .zddc.d: "history", NAME, ... */
struct kept_place {
	struct node *dir; /* borrowed */
	const char *part[8];
	size_t n;
};
/* False if it is none (too deep, or a .zddc.d itself). 'node' is a NODE_CTL_DIR or NODE_CTL_FILE; 'name' (or NULL) one below it. */
bool kept_place(const struct node *node, const char *name, struct kept_place *out);
/* What is there for this person: 0 and the backing entry (for "history" itself only st_mode counts), or -ENOENT. */
int kept_stat(const struct identity *who, const struct kept_place *p, struct stat *st);
/* The names in it, until each() returns false. */
int kept_list(const struct identity *who, const struct kept_place *p, bool (*each)(void *arg, const char *name, mode_t type), void *arg);
/*
 * A pointer (moved-from, moved-to) as this person may read it: a path that they may not know of is "(hidden)". 1 and the text; 0: it is no pointer;
 * -errno.
 */
int kept_pointer(const struct identity *who, const struct kept_place *p, struct buf *out);
/* A version, to be read: a descriptor of the caller, or -errno. */
int kept_open(const struct identity *who, const struct kept_place *p);

#endif
