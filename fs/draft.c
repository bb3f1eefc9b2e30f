/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The private copy of a policy or record that is being written. */
#include "fs/draft.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/audit.h"
#include "fs/caller.h"
#include "fs/inflight.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/session.h"

struct draft {
	const struct draft_kind *kind;
	uid_t uid;
	pthread_mutex_t committing; /* one commit at a time; before tree_lock */
	pthread_mutex_t lock; /* of text, its times and the flags; after tree_lock */
	struct buf text;
	struct timespec began, changed;
	bool fresh; /* began empty: to be committed at release even if nobody writes (touch, ": > .zddc") */
	bool written; /* since the last commit that was tried: a FLUSH commits */
	bool seen; /* it is new, or was written: its times are its own */
	bool pending; /* written since the last commit that succeeded: RELEASE tries */
	bool too_big; /* a write did not fit: what is here is not what was meant */
	/* drafts_lock: */
	struct node *dir; /* counted */
	char *name;
	bool is_new; /* nothing of that name was there when it was opened, and nothing was committed yet */
	bool cancelled; /* its writer has removed the name */
	struct draft *next;
};

static pthread_mutex_t drafts_lock = PTHREAD_MUTEX_INITIALIZER; /* the innermost, but for draft->lock */
static struct draft *drafts;

enum { DRAFTS_PER_UID = 64 };

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
	free(d->name);
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->committing);
	buf_free(&d->text);
	free(d);
}

static struct draft *draft_new(const struct draft_kind *kind, struct node *dir, const char *name, uid_t uid)
{
	struct draft *d = calloc(1, sizeof(*d));

	if (!d || !(d->name = strdup(name)))
		abort();
	d->kind = kind;
	d->dir = node_ref(dir);
	d->uid = uid;
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->committing, NULL);
	clock_gettime(CLOCK_REALTIME, &d->began);
	d->changed = d->began;
	return d;
}

int draft_open(struct op *op, const struct draft_kind *kind, struct node *dir, const char *name, bool fresh, struct draft **out)
{
	struct draft *d = draft_new(kind, dir, name, op->caller.id->uid);
	int r = kind->read(dir, name, &d->text);

	d->is_new = r == -ENOENT;
	d->fresh = fresh || d->is_new;
	d->seen = d->is_new;
	if (fresh)
		buf_reset(&d->text);
	/* one that is too large or no file can be replaced, not edited */
	r = r && !d->fresh ? r : drafts_add(d);
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

static void touched(struct draft *d)
{
	d->written = d->pending = d->seen = true;
	clock_gettime(CLOCK_REALTIME, &d->changed);
}

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

void draft_stat(const struct draft *d, struct stat *st)
{
	WITH_MUTEX((pthread_mutex_t *)&d->lock);
	st->st_size = (off_t)d->text.len;
	st->st_blocks = (blkcnt_t)((d->text.len + 511) / 512);
	if (!d->seen)
		return;
	st->st_atim = d->began;
	st->st_mtim = st->st_ctim = d->changed;
}

/* ------------------------------------------------------------------ committing */

/* What is written now, as it will not change while it is being committed. */
struct snapshot {
	struct draft_goal goal; /* dir counted, name malloc()ed */
	struct buf text;
	bool cancelled;
};

static void snapshot_take(struct draft *d, struct snapshot *s)
{
	*s = (struct snapshot){0};
	pthread_mutex_lock(&d->lock);
	buf_add(&s->text, buf_str(&d->text), d->text.len);
	s->goal.too_big = d->too_big;
	d->written = false;
	pthread_mutex_unlock(&d->lock);
	WITH_MUTEX(&drafts_lock);
	s->goal.dir = node_ref(d->dir);
	s->goal.name = strdup(d->name);
	s->goal.is_new = d->is_new;
	s->cancelled = d->cancelled;
	if (!s->goal.name)
		abort();
}

static void snapshot_free(struct snapshot *s)
{
	node_put(s->goal.dir);
	free((char *)(uintptr_t)s->goal.name);
	buf_free(&s->text);
}

/* drafts_lock held. */
static void set_name(struct draft *d, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		abort();
	free(d->name);
	d->name = copy;
}

static void committed(struct draft *d, const struct buf *stored)
{
	pthread_mutex_lock(&d->lock);
	d->pending = d->written;
	d->fresh = false;
	pthread_mutex_unlock(&d->lock);
	WITH_MUTEX(&drafts_lock);
	d->is_new = false;
	if (stored->len)
		set_name(d, buf_str(stored));
}

/* No write that only the old text allowed lands after the answer. */
static int commit(struct op *op, struct draft *d, struct identity *who)
{
	AUTO_BUF stored = BUF_INIT;
	struct identity *now;
	struct snapshot s;
	int r = audit_room(op);

	if (r < 0)
		return r; /* it stays pending */
	now = identity_again(who); /* who may have become somebody else since the open */
	pthread_mutex_lock(&d->committing);
	snapshot_take(d, &s);
	if (!s.cancelled)
		r = d->kind->commit(op, now, &s.goal, buf_str(&s.text), s.text.len, &stored);
	if (r == 0)
		committed(d, &stored);
	pthread_mutex_unlock(&d->committing);
	snapshot_free(&s);
	identity_put(now);
	inflight_drain();
	return r;
}

static bool has_writes(struct draft *d)
{
	WITH_MUTEX(&d->lock);
	return d->written;
}

int draft_commit(struct op *op, struct draft *d, struct identity *who)
{
	return has_writes(d) ? commit(op, d, who) : 0;
}

/* What a FLUSH has refused and nobody has touched since would only be refused again. */
static bool worth_a_try(struct draft *d)
{
	WITH_MUTEX(&d->lock);
	return d->written || (d->fresh && !d->pending && d->kind->empty_is_text);
}

void draft_release(struct op *op, struct draft *d, struct identity *who)
{
	if (worth_a_try(d))
		commit(op, d, who);
	draft_free(d);
}

/* ------------------------------------------------------------------ by name */

/* Under drafts_lock. */
static bool is_of(const struct draft *d, const struct node *dir, const char *name)
{
	return d->dir == dir && !d->cancelled && !strcmp(d->name, name);
}

bool draft_pending(const struct node *dir, const char *name, uid_t uid)
{
	WITH_MUTEX(&drafts_lock);
	for (const struct draft *d = drafts; d; d = d->next)
		if (d->uid == uid && d->is_new && is_of(d, dir, name))
			return true;
	return false;
}

bool draft_cancel(const struct node *dir, const char *name, uid_t uid)
{
	bool any = false;

	WITH_MUTEX(&drafts_lock);
	for (struct draft *d = drafts; d; d = d->next)
		if (d->uid == uid && d->is_new && is_of(d, dir, name))
			any = d->cancelled = true;
	return any;
}

static int peek(struct draft *d, struct buf *out)
{
	WITH_MUTEX(&d->lock);
	buf_add(out, buf_str(&d->text), d->text.len);
	return d->too_big ? -EFBIG : 0;
}

int draft_peek(const struct node *dir, const char *name, uid_t uid, struct buf *out)
{
	WITH_MUTEX(&drafts_lock);
	for (struct draft *d = drafts; d; d = d->next)
		if (d->uid == uid && is_of(d, dir, name))
			return peek(d, out);
	return -ENOENT;
}

void draft_renamed(const struct node *dir, const char *name, uid_t uid, const char *new_name)
{
	WITH_MUTEX(&drafts_lock);
	for (struct draft *d = drafts; d; d = d->next)
		if (d->uid == uid && is_of(d, dir, name))
			set_name(d, new_name);
}

void draft_moved(const struct node *dir, const char *name, struct node *to, const char *new_name)
{
	WITH_MUTEX(&drafts_lock);
	for (struct draft *d = drafts; d; d = d->next) {
		if (d->is_new || !is_of(d, dir, name))
			continue;
		set_name(d, new_name);
		node_ref(to);
		node_put(d->dir);
		d->dir = to;
	}
}

char *draft_path(struct draft *d)
{
	WITH_MUTEX(&drafts_lock);
	return node_path_in(d->dir, d->name);
}
