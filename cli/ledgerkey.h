/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key that signs the heads of a ledger: "key" (0600) and "key.pub" in .zddc.d/ledger. Made by zddc init. */
#ifndef CLI_LEDGERKEY_H
#define CLI_LEDGERKEY_H

/* Makes both in 'dir' (which it makes, 0700, if it is not there), unless there is a key. 0 or -errno. */
int ledgerkey_make(const char *dir);

#endif
