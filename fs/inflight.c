/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two counters used in turn: a drain turns them round and waits for the old one to reach zero, as new writes count in the other. */
#include "fs/inflight.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/cleanup.h"

static _Atomic unsigned turn_now;
static _Atomic unsigned under_way[2];
static pthread_mutex_t drain_lock = PTHREAD_MUTEX_INITIALIZER; /* one drain at a time */
static pthread_mutex_t wait_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER; /* wait_lock */

unsigned inflight_begin(void)
{
	for (;;) {
		unsigned turn = atomic_load(&turn_now);
		atomic_fetch_add(&under_way[turn & 1], 1);
		if (atomic_load(&turn_now) == turn)
			return turn;
		inflight_end(turn); /* a drain has just begun: count in the other one */
	}
}

void inflight_end(unsigned turn)
{
	if (atomic_fetch_sub(&under_way[turn & 1], 1) != 1 || atomic_load(&turn_now) == turn)
		return;
	WITH_MUTEX(&wait_lock);
	pthread_cond_broadcast(&done);
}

void inflight_drain(void)
{
	WITH_MUTEX(&drain_lock);
	unsigned old = atomic_fetch_add(&turn_now, 1);
	pthread_mutex_lock(&wait_lock);
	while (atomic_load(&under_way[old & 1]))
		pthread_cond_wait(&done, &wait_lock);
	pthread_mutex_unlock(&wait_lock);
}
