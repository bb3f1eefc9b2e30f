/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/caller.h"
#include "fs/commit.h"
#include "fs/node.h"
#include "fs/policy.h"

/* Who holds how many: a chained table by uid; a row stays once made (there are few uids). */
struct holder {
	uid_t uid;
	size_t count;
	struct holder *next;
};

static pthread_mutex_t quota_lock = PTHREAD_MUTEX_INITIALIZER;
static struct holder *holders[256]; /* quota_lock */
static size_t total, most_handles = 512; /* quota_lock */

void handles_init(size_t most)
{
	most_handles = most;
}

uint64_t handles_count(void)
{
	WITH_MUTEX(&quota_lock);
	return total;
}

/* quota_lock held; NULL if memory is short. */
static struct holder *holder_of(uid_t uid)
{
	struct holder **head = &holders[uid % ARRAY_LEN(holders)], *h;

	for (h = *head; h; h = h->next)
		if (h->uid == uid)
			return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->uid = uid;
	h->next = *head;
	return *head = h;
}

static bool quota_take(uid_t uid)
{
	WITH_MUTEX(&quota_lock);
	struct holder *h = holder_of(uid);

	if (!h || total >= most_handles)
		return false;
	if (h->count >= (most_handles - (total - h->count)) / 2)
		return false;
	h->count++;
	total++;
	return true;
}

static void quota_give(uid_t uid)
{
	WITH_MUTEX(&quota_lock);
	struct holder *h = holder_of(uid);

	if (h)
		h->count--;
	total--;
}

int handle_new(enum handle_kind kind, struct node *node, struct identity *who, int flags, struct handle **out)
{
	struct handle *h;

	if (!quota_take(who->uid))
		return -EMFILE;
	h = calloc(1, sizeof(*h));
	if (!h) {
		quota_give(who->uid);
		return -ENOMEM;
	}
	h->kind = kind;
	h->node = node_ref(node);
	h->who = identity_ref(who);
	h->flags = flags;
	h->fd = -1;
	h->policy_gen = policy_generation();
	pthread_mutex_init(&h->lock, NULL);
	WITH_MUTEX(&node->lock);
	h->next = node->handles;
	node->handles = h;
	*out = h;
	return 0;
}

static void leave_list(struct handle *h)
{
	WITH_MUTEX(&h->node->lock);
	struct handle **at = &h->node->handles;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
}

void handle_free(struct handle *h)
{
	leave_list(h);
	if (h->fd >= 0)
		close(h->fd);
	quota_give(h->who->uid);
	buf_free(&h->text);
	arena_free(&h->names_mem);
	free(h->names);
	pthread_mutex_destroy(&h->lock);
	identity_put(h->who);
	node_put(h->node);
	free(h);
}

void handle_set_fd(struct handle *h, int fd)
{
	WITH_MUTEX(&h->node->lock);
	h->fd = fd;
}

void handle_set_draft(struct handle *h, struct draft *d)
{
	WITH_MUTEX(&h->node->lock);
	h->draft = d;
}

struct draft *handle_take_draft(struct handle *h)
{
	WITH_MUTEX(&h->node->lock);
	return steal_ptr(h->draft);
}

bool handle_writable(const struct handle *h)
{
	return (h->flags & O_ACCMODE) != O_RDONLY;
}

void handles_recheck(struct node *node)
{
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		__atomic_store_n(&h->recheck, true, __ATOMIC_RELEASE);
}

bool handle_of_uid(struct node *node, uid_t uid, bool created)
{
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		if (h->who->uid == uid && (!created || h->created))
			return true;
	return false;
}

off_t handle_draft_size(struct node *node, uid_t uid)
{
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		if (h->draft && h->who->uid == uid)
			return draft_size(h->draft);
	return -1;
}

int handle_any_fd(struct node *node)
{
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		if (h->fd >= 0) {
			int fd = fcntl(h->fd, F_DUPFD_CLOEXEC, 0);

			return fd < 0 ? -errno : fd;
		}
	return -EBADF;
}

bool handle_any(struct node *node)
{
	WITH_MUTEX(&node->lock);
	return node->handles != NULL;
}
