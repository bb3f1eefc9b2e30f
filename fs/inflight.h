/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes that were decided and are not yet done. Whoever changes what they were decided by (policy, a file's place) waits for them
 * before it answers, so that after the answer nothing lands that only the old rules allowed (THREATS 4 and 8). Nobody holds a lock
 * while writing: a slow disk stops no other request.
 */
#ifndef FS_INFLIGHT_H
#define FS_INFLIGHT_H

/* Before deciding a write; what it returns goes to inflight_end when the bytes are written or refused. Any thread. */
unsigned inflight_begin(void);
void inflight_end(unsigned turn);
/* After a change is in force and tree_lock is released: returns once every write that began before is done. */
void inflight_drain(void);

static inline void cleanup_inflight(unsigned *turn) { inflight_end(*turn); }
/* Until the end of the scope this thread has a write under way. */
#define WITH_WRITE __attribute__((cleanup(cleanup_inflight), unused)) unsigned with_write_ = inflight_begin()

#endif
