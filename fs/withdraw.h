/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Withdrawn files (SPEC section 5.9): their bytes, with their seal, lie in DIR/.zddc.d/withdrawn/ of the backing tree, each beside a card that
 * says who took it away, when, why and whither. Through the mount the cards are .zddc.d/withdrawn/, for readers of the directory; the bytes
 * are for nobody there.
 */
#ifndef FS_WITHDRAW_H
#define FS_WITHDRAW_H

#include <stdbool.h>

struct buf;
struct node;

/* Has anything been withdrawn from that directory? 'dirfd' is its descriptor. Nobody removes it then. */
bool withdrawn_any(int dirfd);
/* Calls each() for the name of every card, until it returns false. 0 or -errno. Under tree_lock. */
int withdrawn_list(struct node *dir, bool (*each)(void *arg, const char *name), void *arg);
/* The text of a card; -ENOENT. Under tree_lock. */
int withdrawn_card(struct node *dir, const char *name, struct buf *out);

#endif
