/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of the ledger: their names, new ones, and how those of the last run ended. At start, and by whoever holds the chain. */
#ifndef FS_AUDIT_FILE_H
#define FS_AUDIT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"

/* This host, as it stands in names: letters, digits, dots, hyphens. */
void audit_host(char host[65]);
/* A new file, synced into its directory; fd or -errno. */
int audit_file_new(const char *host, unsigned run, unsigned part, char name[LEDGER_NAME_MAX + 1]);
/* Removes one that nothing was written to. */
void audit_file_drop(const char *name);

/* How the ledger of the last run ended. */
struct audit_past {
	bool any; /* there is a line */
	char chain[LEDGER_NAME_MAX + 1], file[LEDGER_NAME_MAX + 1];
	unsigned run; /* the highest number of a run; the next one counts on */
	struct ledger_chain end;
	bool unmounted; /* its last line is an unmount */
	uint64_t torn; /* bytes of an incomplete end, moved aside to torn_file */
	char torn_file[LEDGER_NAME_MAX + 1];
	struct ledger_finding found; /* damage, or fault NONE */
};

/*
 * Reads the last file of this host and moves a torn end aside: an incomplete last line, or blocks that were never written before the power
 * went. 0 (past->found tells other damage) or -errno: it cannot be read, or the torn end cannot be moved.
 */
int audit_past_read(const char *host, struct audit_past *past);

#endif
