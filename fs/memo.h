/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the daemon remembers for one user about one directory, and shows in its .zddc.d: the text that was refused, the name that a new
 * record got. In memory only, the oldest goes first. Any thread, no lock needed.
 */
#ifndef FS_MEMO_H
#define FS_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

enum memo_kind {
	MEMO_REJECTED, /* the text of the last commit that was refused */
	MEMO_CREATED, /* the path of the last record made */
	MEMO_KINDS
};

/* 'dir' is a path from the archive root. Replaces what was there. */
void memo_keep(enum memo_kind kind, uid_t uid, const char *dir, const char *text, size_t len);
void memo_forget(enum memo_kind kind, uid_t uid, const char *dir);
/* Appends the text; false if there is none. 'out' may be NULL. */
bool memo_get(enum memo_kind kind, uid_t uid, const char *dir, struct buf *out);
void memo_free(void);

#endif
