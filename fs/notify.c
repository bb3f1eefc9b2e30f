/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fuse_lowlevel.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/node.h"

enum notice_kind { NOTICE_GONE, NOTICE_EXPIRE, NOTICE_INODE, NOTICE_PAGES };

struct notice {
	enum notice_kind kind;
	uint64_t id;
	struct node *node; /* counted; of NOTICE_PAGES */
	struct notice *next;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER; /* work, or the end, or a notice is through */
static struct {
	struct fuse_session *se; /* NULL: not running */
	struct notice *first, **last;
	uint64_t sent, pending;
	bool busy; /* the thread is inside the kernel */
} queue; /* all under lock */

static void send_notice(struct fuse_session *se, const struct notice *n)
{
	switch (n->kind) {
	case NOTICE_GONE:
		fuse_lowlevel_notify_inval_entry(se, n->id, n->name, strlen(n->name));
		break;
	case NOTICE_EXPIRE:
		fuse_lowlevel_notify_expire_entry(se, n->id, n->name, strlen(n->name));
		break;
	case NOTICE_INODE:
	case NOTICE_PAGES:
		fuse_lowlevel_notify_inval_inode(se, n->id, 0, 0);
		break;
	}
}

static void notice_free(struct notice *n)
{
	if (n->node)
		__atomic_sub_fetch(&n->node->tainted, 1, __ATOMIC_RELEASE);
	node_put(n->node);
	free(n);
}

/* The next notice, or NULL at the end. */
static struct notice *next_notice(struct fuse_session **se)
{
	WITH_MUTEX(&lock);
	queue.busy = false;
	pthread_cond_broadcast(&wake);
	while (queue.se && !queue.first)
		pthread_cond_wait(&wake, &lock);
	if (!queue.se)
		return NULL;
	struct notice *n = queue.first;

	queue.first = n->next;
	if (!queue.first)
		queue.last = &queue.first;
	queue.pending--;
	queue.sent++;
	queue.busy = true;
	*se = queue.se;
	return n;
}

static void *run(void *arg)
{
	struct fuse_session *se;
	struct notice *n;

	(void)arg;
	while ((n = next_notice(&se))) {
		send_notice(se, n);
		notice_free(n);
	}
	return NULL;
}

int notify_start(struct fuse_session *se)
{
	pthread_t thread;

	queue.se = se;
	queue.last = &queue.first;
	int r = pthread_create(&thread, NULL, run, NULL);

	return r ? -r : -pthread_detach(thread);
}

bool notify_stop(void)
{
	const struct timespec until = clock_deadline(1000);

	WITH_MUTEX(&lock);
	queue.se = NULL;
	pthread_cond_broadcast(&wake);
	while (queue.busy)
		if (pthread_cond_timedwait(&wake, &lock, &until) == ETIMEDOUT)
			break;
	for (struct notice *n = queue.first, *next; n; n = next) {
		next = n->next;
		notice_free(n);
	}
	queue.first = NULL;
	return !queue.busy;
}

static void post(enum notice_kind kind, uint64_t id, const char *name, struct node *node)
{
	size_t len = strlen(name) + 1;
	struct notice *n = malloc(sizeof(*n) + len);

	if (!n)
		abort();
	*n = (struct notice){.kind = kind, .id = id, .node = node};
	memcpy(n->name, name, len);
	WITH_MUTEX(&lock);
	if (!queue.se) {
		notice_free(n);
		return;
	}
	*queue.last = n;
	queue.last = &n->next;
	queue.pending++;
	pthread_cond_signal(&wake);
}

void notify_entry_gone(uint64_t parent, const char *name)
{
	post(NOTICE_GONE, parent, name, NULL);
}

void notify_entry_expire(uint64_t parent, const char *name)
{
	post(NOTICE_EXPIRE, parent, name, NULL);
}

void notify_inode(uint64_t id)
{
	post(NOTICE_INODE, id, "", NULL);
}

void notify_pages(struct node *n)
{
	__atomic_add_fetch(&n->tainted, 1, __ATOMIC_RELEASE);
	post(NOTICE_PAGES, n->id, "", node_ref(n));
}

uint64_t notify_sent(void)
{
	WITH_MUTEX(&lock);
	return queue.sent;
}

uint64_t notify_pending(void)
{
	WITH_MUTEX(&lock);
	return queue.pending;
}
