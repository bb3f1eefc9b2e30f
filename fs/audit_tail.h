/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading all files of the ledger forward, line by line, and on from there as it grows (audit_view.c, past.c). One reader holds one of
 * these and calls it from one thread at a time. No lock may be held: it reads the disk.
 */
#ifndef FS_AUDIT_TAIL_H
#define FS_AUDIT_TAIL_H

#include <stddef.h>
#include <sys/types.h>

#include "ledger/ledger.h"

struct audit_tail {
	struct ledger_file file; /* the one that is read; run 0: none yet */
	int fd;
	off_t at;
	struct ledger_lines cut;
	char *chunk; /* what was read last; made when it is first wanted */
};

#define AUDIT_TAIL_INIT {.fd = -1}

/* Gives the next lines, without their ends, to each(). 1: something came, 0: that was all there is, or -errno. */
int audit_tail_read(struct audit_tail *t, int (*each)(void *arg, const char *line, size_t n), void *arg);
/* Back to the first line of the first file; also frees what it holds. */
void audit_tail_reset(struct audit_tail *t);

#endif
