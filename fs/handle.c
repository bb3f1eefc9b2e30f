/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/audit.h"
#include "fs/audit_view.h"
#include "fs/caller.h"
#include "fs/draft.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/virt.h"
#include "fs/seal_record.h"

enum {
	SETTLE_MS = 1000, /* how long a RELEASE that is on its way is waited for */
	TEXT_BYTES = 256 << 20, /* of the texts that one user has open */
};

/* Who holds how many: a chained table by uid; a row stays once made (there are few uids). */
struct holder {
	uid_t uid;
	size_t count;
	size_t bytes; /* of texts */
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

static void quota_give(uid_t uid, size_t bytes)
{
	WITH_MUTEX(&quota_lock);
	struct holder *h = holder_of(uid);

	if (h) {
		h->count--;
		h->bytes -= bytes;
	}
	total--;
}

static bool quota_take_bytes(uid_t uid, size_t bytes)
{
	WITH_MUTEX(&quota_lock);
	struct holder *h = holder_of(uid);

	if (!h || bytes > TEXT_BYTES - h->bytes)
		return false;
	h->bytes += bytes;
	return true;
}

/* ------------------------------------------------------------------------------------------------ who may write */

static pthread_mutex_t writers_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t writer_left = PTHREAD_COND_INITIALIZER;
static struct handle *writers; /* writers_lock: open for writing to a backing file */

static void writer_in(struct handle *h)
{
	if (h->kind != HANDLE_FILE || !handle_writable(h))
		return;
	WITH_MUTEX(&writers_lock);
	h->next_writer = writers;
	if (writers)
		writers->prev_writer = h;
	writers = h;
}

static void writer_out(struct handle *h)
{
	if (h->kind != HANDLE_FILE || !handle_writable(h))
		return;
	WITH_MUTEX(&writers_lock);
	*(h->prev_writer ? &h->prev_writer->next_writer : &writers) = h->next_writer;
	if (h->next_writer)
		h->next_writer->prev_writer = h->prev_writer;
	pthread_cond_broadcast(&writer_left);
}

static bool lies_below(const struct node *n, const struct node *top)
{
	for (; n && n != top; n = n->parent)
		;
	return n;
}

/* writers_lock held. */
static struct handle *writer_below(struct node *top, bool settling)
{
	struct handle *h = writers;

	while (h && (h->node->gone || (settling && !__atomic_load_n(&h->flushed, __ATOMIC_ACQUIRE)) || !lies_below(h->node, top)))
		h = h->next_writer;
	return h;
}

bool handle_writer_below(struct node *top, bool settling, struct person *who, char **path)
{
	WITH_MUTEX(&writers_lock);
	struct handle *h = writer_below(top, settling);

	if (h && who)
		person_set(who, h->who);
	if (h && path)
		*path = node_path(h->node);
	return h;
}

size_t handle_passed_writers(struct node *top, uint64_t generation, struct handle_use *out, size_t most)
{
	size_t n = 0;

	WITH_MUTEX(&writers_lock);
	for (struct handle *h = writers; h && n < most; h = h->next_writer)
		if (h->pass == PASS_THROUGH && !handle_decided(h, generation) && lies_below(h->node, top))
			out[n++] = (struct handle_use){node_ref(h->node), identity_ref(h->who), h->created};
	return n;
}

static bool settled(struct node *top)
{
	WITH_RDLOCK(&tree_lock);
	return !handle_writer_below(top, true, NULL, NULL);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A leaving handle wakes us; looked at again at least every 10 ms, since one may leave between looking and waiting. */
static void wait_for_writer(void)
{
	const struct timespec until = clock_deadline(10);

	WITH_MUTEX(&writers_lock);
	pthread_cond_timedwait(&writer_left, &writers_lock, &until);
}

void handles_settle(struct node *top, int ms)
{
	long long end = now_ms() + ms;

	while (!settled(top) && now_ms() < end)
		wait_for_writer();
}

void handles_settle_at(struct node *dir, const char *name)
{
	struct node *n;

	pthread_rwlock_rdlock(&tree_lock);
	n = node_find(dir, name);
	pthread_rwlock_unlock(&tree_lock);
	if (n)
		handles_settle(n, SETTLE_MS);
	node_put(n);
}

/* ------------------------------------------------------------------------------------------------ handles */

int handle_new(enum handle_kind kind, struct node *node, struct identity *who, int flags, struct handle **out)
{
	struct handle *h;

	if (!quota_take(who->uid))
		return -EMFILE;
	h = calloc(1, sizeof(*h));
	if (!h) {
		quota_give(who->uid, 0);
		return -ENOMEM;
	}
	h->kind = kind;
	h->node = node_ref(node);
	h->who = identity_ref(who);
	h->flags = flags;
	h->fd = -1;
	h->policy_gen = policy_generation();
	pthread_mutex_init(&h->lock, NULL);
	writer_in(h);
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
	writer_out(h);
	pass_closed(h);
	if (h->fd >= 0)
		close(h->fd);
	quota_give(h->who->uid, h->text.len);
	audit_handle_free(h);
	audit_view_free(h->view);
	buf_free(&h->text);
	virt_rows_put(h->rows);
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

int handle_of_text(struct node *node, struct identity *who, int flags, struct buf *text, struct handle **out)
{
	int r = handle_new(HANDLE_TEXT, node, who, flags, out);

	if (r < 0)
		return r;
	if (!quota_take_bytes(who->uid, text->len)) {
		handle_free(*out);
		return -ENOMEM;
	}
	(*out)->text = *text;
	*text = (struct buf)BUF_INIT;
	return 0;
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

void handle_watch(struct handle *h)
{
	WITH_MUTEX(&h->node->lock);
	h->created = h->watched = true;
}

void handle_watchers(struct node *node, bool *any, bool *killed)
{
	WITH_MUTEX(&node->lock);
	*any = false;
	*killed = true;
	for (struct handle *h = node->handles; h; h = h->next)
		if (h->watched) {
			*any = true;
			*killed &= __atomic_load_n(&h->killed, __ATOMIC_ACQUIRE);
		}
	*killed &= *any;
}

bool handle_leave_watch(struct handle *h)
{
	bool others = false;

	WITH_MUTEX(&h->node->lock);
	h->watched = false;
	for (struct handle *o = h->node->handles; o; o = o->next)
		if (o->watched) {
			others = true;
			if (h->failed)
				__atomic_store_n(&o->failed, true, __ATOMIC_RELEASE);
		}
	return others;
}

bool handle_draft_stat(struct node *node, uid_t uid, struct stat *st)
{
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		if (h->draft && h->who->uid == uid) {
			draft_stat(h->draft, st);
			return true;
		}
	return false;
}

char *handle_draft_path(struct node *node, uid_t uid)
{
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		if (h->draft && h->who->uid == uid)
			return draft_path(h->draft);
	return NULL;
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

bool handle_decided(const struct handle *h, uint64_t generation)
{
	return __atomic_load_n(&h->policy_gen, __ATOMIC_ACQUIRE) == generation && !__atomic_load_n(&h->recheck, __ATOMIC_ACQUIRE);
}

static bool may_map(const struct handle *h)
{
	return (h->flags & O_ACCMODE) == O_RDWR && h->kind == HANDLE_FILE;
}

size_t handle_mappers(struct node *node, uint64_t generation, struct mapper **out)
{
	size_t n = 0;
	bool news = false;

	*out = NULL;
	WITH_MUTEX(&node->lock);
	for (struct handle *h = node->handles; h; h = h->next)
		news |= may_map(h) && !handle_decided(h, generation);
	for (struct handle *h = node->handles; h && news; h = h->next) {
		if (!may_map(h))
			continue;
		*out = realloc(*out, (n + 1) * sizeof(**out));
		if (!*out)
			abort();
		(*out)[n++] = (struct mapper){identity_ref(h->who), h->created, h->watched};
	}
	return n;
}

bool handle_any(struct node *node)
{
	WITH_MUTEX(&node->lock);
	return node->handles != NULL;
}
