/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by fs/history*.c and what shows versions (fs/virt_*.c), and nobody else: where versions lie below a directory's .zddc.d, and how they are named. */
#ifndef FS_HISTORY_PRIVATE_H
#define FS_HISTORY_PRIVATE_H

#define HISTORY_LIVE "history"
#define HISTORY_ENDED "ended"
#define HISTORY_REMOVED "removed"
#define HISTORY_AT "at"
#define HISTORY_FROM "moved-from"
#define HISTORY_TO "moved-to"

struct buf;
struct identity;

/* "20260131T120000Z-alice@example.com": when something ended, and by whom. */
void history_stamp(const struct identity *who, const char *middle, struct buf *out);
/* The chain of a name: its directory (O_PATH), the caller's to close. 0 or -errno; 'make' it if it is not there. */
int history_chain(int dirfd, const char *name, bool make, int *fd);

#endif
