/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Room for the ledger on the disk: blocks ahead of the end of its file, of which requests take shares (audit_chain.h). Where a filesystem
 * cannot allocate ahead, its free space is looked at instead, which is a good guess and no promise.
 * Taking and giving is lock-free; the others are called by the one who holds the chain.
 */
#ifndef FS_AUDIT_ROOM_H
#define FS_AUDIT_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/* A fresh file, or one whose blocks ahead were freed, that ends at 'end'. 0 or -ENOSPC, -EIO. */
int room_begin(int fd, uint64_t end);
/* The file ends at 'end' now. */
void room_used(uint64_t end);
/* More blocks, then a share as room_take. */
int room_grow(int fd, bool frees);
/* Blocks again for what comes, without a share. */
int room_refill(int fd);
/* No shares any more. */
void room_close(void);

/* 0; -ENOSPC: blocks are wanted first (room_grow); -EAGAIN: there is no file. */
int room_take(bool frees);
void room_give(void);

#endif
