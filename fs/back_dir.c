/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/back.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back_private.h"
#include "fs/node.h"

struct back_dir {
	int fd;
	unsigned users;
	bool dropped; /* not in the list any more; freed by the last user */
	struct node *node;
	struct back_dir *prev, *next;
};

static pthread_mutex_t lru_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct back_dir head; /* of a ring, the latest used first */
	size_t count, most;
} lru = {.head = {.fd = -1, .prev = &lru.head, .next = &lru.head}, .most = 64};

static void ring_out(struct back_dir *d)
{
	d->prev->next = d->next;
	d->next->prev = d->prev;
	lru.count--;
}

static void ring_in(struct back_dir *d)
{
	d->next = lru.head.next;
	d->prev = &lru.head;
	d->next->prev = d;
	lru.head.next = d;
	lru.count++;
}

static void dir_free(struct back_dir *d)
{
	d->node->dir = NULL;
	close(d->fd);
	free(d);
}

/* lru_lock held. Those in use stay, whatever the bound. */
static void evict(void)
{
	struct back_dir *d = lru.head.prev, *prev;

	for (; lru.count > lru.most && d != &lru.head; d = prev) {
		prev = d->prev;
		if (d->users)
			continue;
		ring_out(d);
		dir_free(d);
	}
}

/* The live descriptor, one more user; -1 if there is none. */
static int dir_take(struct node *dir)
{
	WITH_MUTEX(&lru_lock);
	struct back_dir *d = dir->dir;

	if (!d)
		return -1;
	d->users++;
	if (!d->dropped) {
		ring_out(d);
		ring_in(d);
	}
	return d->fd;
}

static int open_by_parent(struct node *dir)
{
	int pfd, fd, r = back_dir_get(dir->parent, &pfd);

	if (r < 0)
		return r;
	fd = back_open_at(pfd, dir->name, O_PATH | O_DIRECTORY, 0);
	back_dir_put(dir->parent, pfd);
	return fd;
}

static int open_node(struct node *dir)
{
	AUTO_CLOSE int fd = dir->ref.handle_len ? back_open_handle(&dir->ref) : -EPERM;
	struct stat st;

	if (fd == -EPERM || fd == -EOPNOTSUPP)
		fd = open_by_parent(dir);
	if (fd < 0)
		return fd == -ESTALE || fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
	int r = back_fstat(fd, &st);
	if (r < 0)
		return r;
	return st.st_ino == dir->ref.ino && st.st_nlink ? steal_fd(&fd) : -ENOENT;
}

int back_dir_get(struct node *dir, int *fd)
{
	if (!dir->parent) {
		*fd = back.fd;
		return 0;
	}
	*fd = dir_take(dir);
	if (*fd >= 0)
		return 0;
	AUTO_CLOSE int fresh = open_node(dir);
	if (fresh < 0)
		return fresh;
	AUTO_FREE struct back_dir *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	WITH_MUTEX(&lru_lock);
	if (dir->dir) { /* another thread was faster */
		dir->dir->users++;
		*fd = dir->dir->fd;
		return 0;
	}
	*d = (struct back_dir){.fd = steal_fd(&fresh), .users = 1, .node = dir};
	ring_in(d);
	*fd = d->fd;
	dir->dir = steal_ptr(d);
	evict();
	return 0;
}

void back_dir_put(struct node *dir, int fd)
{
	if (fd == back.fd)
		return;
	WITH_MUTEX(&lru_lock);
	struct back_dir *d = dir->dir;

	if (--d->users == 0 && d->dropped)
		dir_free(d);
}

void back_dir_drop(struct node *dir)
{
	WITH_MUTEX(&lru_lock);
	struct back_dir *d = dir->dir;

	if (!d || d->dropped)
		return;
	ring_out(d);
	d->dropped = true;
	if (!d->users)
		dir_free(d);
}

uint64_t back_open_dirs(void)
{
	WITH_MUTEX(&lru_lock);
	return lru.count;
}

size_t back_raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 1024;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		getrlimit(RLIMIT_NOFILE, &rl);
	size_t n = rl.rlim_cur > 1u << 20 ? 1u << 20 : (size_t)rl.rlim_cur;

	lru.most = n / 4 > 4096 ? 4096 : n / 4;
	return n;
}

int back_dir_read(struct node *dir, const char *name, struct buf *out)
{
	int fd, r = dir->kind == NODE_DIR ? back_dir_get(dir, &fd) : -ENOENT;

	if (r < 0)
		return r;
	r = back_read_all(fd, name, out, LIMIT_DOC_BYTES);
	back_dir_put(dir, fd);
	return r;
}
