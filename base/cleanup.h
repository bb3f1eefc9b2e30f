/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scope-bound release of descriptors, memory and locks. A function that owns something says so in the declaration. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p) { free(*(void **)p); }

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_unlock(pthread_mutex_t **m)
{
	if (*m)
		pthread_mutex_unlock(*m);
}

static inline void cleanup_rwunlock(pthread_rwlock_t **l)
{
	if (*l)
		pthread_rwlock_unlock(*l);
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))
#define AUTO_FCLOSE __attribute__((cleanup(cleanup_fclose)))

/* Hold a mutex until the end of the enclosing scope. */
#define WITH_MUTEX(m) \
	__attribute__((cleanup(cleanup_unlock), unused)) pthread_mutex_t *with_mutex_ = (pthread_mutex_lock(m), (m))
#define WITH_RDLOCK(l) \
	__attribute__((cleanup(cleanup_rwunlock), unused)) pthread_rwlock_t *with_rdlock_ = (pthread_rwlock_rdlock(l), (l))
#define WITH_WRLOCK(l) \
	__attribute__((cleanup(cleanup_rwunlock), unused)) pthread_rwlock_t *with_wrlock_ = (pthread_rwlock_wrlock(l), (l))

/* Hand ownership out of an AUTO_ variable. */
#define steal_ptr(p) \
	({ __typeof__(p) steal_tmp_ = (p); (p) = NULL; steal_tmp_; })

static inline int steal_fd(int *fd)
{
	int r = *fd;
	*fd = -1;
	return r;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
