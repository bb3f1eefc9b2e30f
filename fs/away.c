/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/away.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/node.h"
#include "fs/policy.h"

enum { AWAY_MS = 10 * 1000 };

struct away {
	char *path;
	uint64_t until;
	struct away *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct away *list; /* lock */

static void away_delete(struct away *a)
{
	free(a->path);
	free(a);
}

/* Takes out what is over, and 'path'. Under lock. */
static void drop(const char *path)
{
	uint64_t now = policy_clock_ms();

	for (struct away **at = &list; *at;) {
		struct away *a = *at;

		if (now < a->until && strcmp(a->path, path) != 0) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		away_delete(a);
	}
}

void away_add(const struct node *dir, const char *name)
{
	struct away *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->path = node_path_in(dir, name);
	a->until = policy_clock_ms() + AWAY_MS;
	WITH_MUTEX(&lock);
	drop(a->path);
	a->next = list;
	list = a;
}

/* Nothing is away nearly always: no path is made then. */
static bool any(void) { return __atomic_load_n(&list, __ATOMIC_ACQUIRE); }

void away_forget(const struct node *dir, const char *name)
{
	if (!any())
		return;
	AUTO_FREE char *path = node_path_in(dir, name);

	WITH_MUTEX(&lock);
	drop(path);
}

bool away_is(const struct node *dir, const char *name)
{
	uint64_t now = policy_clock_ms();

	if (!any())
		return false;
	AUTO_FREE char *path = node_path_in(dir, name);

	WITH_MUTEX(&lock);
	for (const struct away *a = list; a; a = a->next)
		if (now < a->until && !strcmp(a->path, path))
			return true;
	return false;
}

void away_free(void)
{
	WITH_MUTEX(&lock);
	while (list) {
		struct away *a = list;

		list = a->next;
		away_delete(a);
	}
}
