/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times as they come from the system. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since 1970 (or since whatever the clock of t counts from). */
static inline int64_t clock_ns(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }

/* The moment in 'ms' milliseconds, for pthread_cond_timedwait(3) on a condition with the default clock. */
static inline struct timespec clock_deadline(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

#endif
