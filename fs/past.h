/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What policy was at a moment, for time travel (SPEC section 11): from what the ledger says took effect, and the texts that are kept. Any
 * thread.
 */
#ifndef FS_PAST_H
#define FS_PAST_H

#include <stdbool.h>

struct identity;

/* Reads what the ledger has said of policy since the last time. No lock may be held: the first time may take a while. */
void past_follow(void);
/* Did this person hold r then, for a file in dir (a path)? False also where it cannot be told: the ledger begins later, a text is lost. */
bool past_may_read(const struct identity *who, const char *dir, const char *name, long long at);
void past_free(void);

#endif
