/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The private copy of a .zddc that is being written. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/commit.h"
#include "fs/gate.h"
#include "fs/inflight.h"
#include "fs/node.h"
#include "fs/op.h"

struct draft {
	pthread_mutex_t lock; /* of text and the flags; after tree_lock */
	struct node *dir; /* counted */
	uid_t uid;
	struct buf text;
	bool fresh; /* began empty: to be committed at release even if nobody writes (touch, ": > .zddc") */
	bool written; /* since the last commit that was tried: a FLUSH commits */
	bool pending; /* written since the last commit that succeeded: RELEASE tries */
	bool too_big; /* a write did not fit: what is here is not what was meant */
	bool is_new; /* there was no .zddc when it was opened, and nothing was committed yet */
	struct draft *next; /* drafts_lock */
};

static pthread_mutex_t drafts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct draft *drafts;

enum { DRAFTS_PER_UID = 64 };

static int read_current(struct node *dir, struct buf *out)
{
	int fd, r = back_dir_get(dir, &fd);

	if (r)
		return r;
	r = back_read_all(fd, ".zddc", out, LIMIT_DOC_BYTES);
	back_dir_put(dir, fd);
	return r;
}

/* A text may have 1 MiB, so that nobody opens as many as descriptors allow. 0 or -EMFILE. */
static int drafts_add(struct draft *d)
{
	unsigned mine = 0;

	WITH_MUTEX(&drafts_lock);
	for (const struct draft *other = drafts; other; other = other->next)
		mine += other->uid == d->uid;
	if (mine >= DRAFTS_PER_UID)
		return -EMFILE;
	d->next = drafts;
	drafts = d;
	return 0;
}

static void drafts_take(struct draft *d)
{
	WITH_MUTEX(&drafts_lock);
	for (struct draft **at = &drafts; *at; at = &(*at)->next)
		if (*at == d) {
			*at = d->next;
			return;
		}
}

static void draft_free(struct draft *d)
{
	drafts_take(d);
	node_put(d->dir);
	pthread_mutex_destroy(&d->lock);
	buf_free(&d->text);
	free(d);
}

int draft_open(struct op *op, struct node *dir, bool fresh, struct draft **out)
{
	struct draft *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = read_current(dir, &d->text);
	/* one that is too large or no file can be replaced, not edited */
	if (r && r != -ENOENT && !fresh) {
		free(d);
		return r;
	}
	d->is_new = r == -ENOENT;
	d->fresh = fresh || d->is_new;
	if (fresh)
		buf_reset(&d->text);
	pthread_mutex_init(&d->lock, NULL);
	d->dir = node_ref(dir);
	d->uid = op->caller.id->uid;
	r = drafts_add(d);
	if (r < 0)
		draft_free(d);
	else
		*out = d;
	return r;
}

ssize_t draft_read(struct draft *d, void *data, size_t n, off_t off)
{
	size_t left;

	if (off < 0)
		return -EINVAL;
	WITH_MUTEX(&d->lock);
	if ((uint64_t)off >= d->text.len)
		return 0;
	left = d->text.len - (size_t)off;
	n = n < left ? n : left;
	memcpy(data, d->text.data + off, n);
	return (ssize_t)n;
}

/* Under d->lock: makes the text 'size' long, zeroes behind what was there. */
static void resize(struct draft *d, size_t size)
{
	size_t old = d->text.len;

	if (size > old) {
		buf_reserve(&d->text, size - old + 1);
		memset(d->text.data + old, 0, size - old);
	}
	d->text.len = size;
	if (d->text.data)
		d->text.data[size] = '\0';
}

static void touched(struct draft *d) { d->written = d->pending = true; }

ssize_t draft_write(struct draft *d, const void *data, size_t n, off_t off, bool append)
{
	WITH_MUTEX(&d->lock);
	if (append)
		off = (off_t)d->text.len;
	if (off < 0)
		return -EINVAL;
	if ((uint64_t)off > LIMIT_DOC_BYTES || n > LIMIT_DOC_BYTES - (uint64_t)off) {
		d->too_big = true;
		touched(d);
		return -EFBIG;
	}
	if ((size_t)off + n > d->text.len)
		resize(d, (size_t)off + n);
	if (n)
		memcpy(d->text.data + off, data, n);
	touched(d);
	return (ssize_t)n;
}

int draft_truncate(struct draft *d, off_t size)
{
	WITH_MUTEX(&d->lock);
	if (size < 0)
		return -EINVAL;
	if ((uint64_t)size > LIMIT_DOC_BYTES)
		return -EFBIG;
	resize(d, (size_t)size);
	d->too_big = d->too_big && size;
	touched(d);
	return 0;
}

off_t draft_size(const struct draft *d)
{
	WITH_MUTEX((pthread_mutex_t *)&d->lock);
	return (off_t)d->text.len;
}

static int refuse_too_big(struct draft *d, struct identity *who)
{
	AUTO_FREE char *path = node_path_in(d->dir, ".zddc");

	return gate_refuse_text(who, EFBIG, ACL_OP_WRITE, path, NULL, "%s was not changed: a policy may have at most 1 MiB", path);
}

static int refuse_no_room(struct draft *d, struct identity *who, int err)
{
	AUTO_FREE char *path = node_path_in(d->dir, ".zddc");

	return gate_refuse_text(who, -err, ACL_OP_WRITE, path, NULL, "%s was not changed, the old text is in force: %s; try again when there is room", path,
				strerror(-err));
}

/* Decided again: the policy may have changed since the open, by this very text too. */
static int commit_once(struct op *op, struct draft *d, struct identity *who)
{
	int r;

	WITH_WRLOCK(&tree_lock);
	WITH_MUTEX(&d->lock);
	d->written = false;
	if (d->dir->gone)
		return -ENOENT;
	r = gate_check_as(op, who, ACL_OP_WRITE, d->dir, ".zddc", ACL_POLICY_FILE);
	if (!r && d->too_big)
		r = refuse_too_big(d, who);
	else if (!r)
		r = policy_commit(op, who, d->dir, buf_str(&d->text), d->text.len);
	if (r)
		return r == -ENOSPC || r == -EDQUOT ? refuse_no_room(d, who, r) : r;
	d->pending = d->fresh = false;
	__atomic_store_n(&d->is_new, false, __ATOMIC_RELAXED);
	return 0;
}

static bool has_writes(struct draft *d)
{
	WITH_MUTEX(&d->lock);
	return d->written;
}

/* No write that only the old text allowed lands after the answer. */
static int commit(struct op *op, struct draft *d, struct identity *who)
{
	struct identity *now = identity_get(who->uid); /* who may have become somebody else since the open */
	int r = commit_once(op, d, now);

	identity_put(now);
	inflight_drain();
	return r;
}

int draft_commit(struct op *op, struct draft *d, struct identity *who)
{
	return has_writes(d) ? commit(op, d, who) : 0;
}

/* What a FLUSH has refused and nobody has touched since would only be refused again. */
static bool worth_a_try(struct draft *d)
{
	WITH_MUTEX(&d->lock);
	return d->written || (d->fresh && !d->pending);
}

void draft_release(struct op *op, struct draft *d, struct identity *who)
{
	if (worth_a_try(d))
		commit(op, d, who);
	draft_free(d);
}

bool draft_pending(const struct node *dir, uid_t uid)
{
	WITH_MUTEX(&drafts_lock);
	for (struct draft *d = drafts; d; d = d->next)
		if (d->dir == dir && d->uid == uid && __atomic_load_n(&d->is_new, __ATOMIC_RELAXED))
			return true;
	return false;
}
