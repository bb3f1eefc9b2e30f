/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to ledger/: a checkpoint inside another text. */
#ifndef LEDGER_CHECKPOINT_H
#define LEDGER_CHECKPOINT_H

#include <stdbool.h>

struct cursor;
struct ledger_checkpoint;

/* Reads one from where the cursor stands to the end of its "sig" line. */
bool take_checkpoint(struct cursor *c, struct ledger_checkpoint *out);

#endif
