/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The background of write-once: hashes what was sealed, seals what time has sealed, adopts what was found, moves old torn and transient
 * files to quarantine, empties that, and keeps the clock that never goes back over restarts. One thread.
 */
#ifndef FS_REAP_H
#define FS_REAP_H

int reap_start(void);
void reap_stop(void);
/* The clock of the last run: now is not before that. */
void reap_read_clock(void);

#endif
