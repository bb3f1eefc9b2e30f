/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "fs/back.h"

enum {
	COMPACT_AT = 1 << 20, /* bytes of log */
	AGAIN_AFTER = 10, /* seconds until an entry that was taken is due again */
	LOG_MAX = 1 << 30,
};

struct item {
	struct flight f;
	bool logged;
	struct item *next, *prev; /* of those due at once, in order */
	bool queued;
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock; /* of all */
	pthread_cond_t more;
	struct item *items; /* by inode */
	struct item *first, *last; /* due at once */
	size_t n_explicit;
	int fd; /* the log, appending; -1: none */
	size_t written; /* its length */
	bool failed; /* said once */
	bool woken;
} jr = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .fd = -1};

/* ------------------------------------------------------------------------------------------------ the table, under jr.lock */

static void unqueue(struct item *i)
{
	if (!i->queued)
		return;
	*(i->prev ? &i->prev->next : &jr.first) = i->next;
	*(i->next ? &i->next->prev : &jr.last) = i->prev;
	i->next = i->prev = NULL;
	i->queued = false;
}

static void enqueue(struct item *i)
{
	if (i->queued)
		return;
	i->prev = jr.last;
	*(jr.last ? &jr.last->next : &jr.first) = i;
	jr.last = i;
	i->queued = true;
	pthread_cond_signal(&jr.more);
}

static struct item *find(uint64_t ino)
{
	struct item *i;

	HASH_FIND(hh, jr.items, &ino, sizeof(ino), i);
	return i;
}

static void drop(struct item *i)
{
	unqueue(i);
	jr.n_explicit -= i->f.explicit;
	HASH_DEL(jr.items, i);
	free(i->f.path);
	free(i);
}

static struct item *put(const struct flight *f, bool logged)
{
	struct item *i = find(f->ino);
	char *path = strdup(f->path);

	if (!path)
		abort();
	if (!i) {
		i = calloc(1, sizeof(*i));
		if (!i)
			abort();
		i->f.ino = f->ino;
		HASH_ADD(hh, jr.items, f.ino, sizeof(i->f.ino), i);
	}
	free(i->f.path);
	jr.n_explicit += (size_t)f->explicit - i->f.explicit;
	i->f = *f;
	i->f.path = path;
	i->logged |= logged;
	unqueue(i);
	if (!f->due)
		enqueue(i);
	return i;
}

/* Is 'path' dir or below it? */
static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !n || (!strncmp(path, dir, n) && (!path[n] || path[n] == '/'));
}

static void move_paths(const char *from, const char *to)
{
	struct item *i, *tmp;
	size_t n = strlen(from);

	HASH_ITER(hh, jr.items, i, tmp) {
		char *path;

		if (!below(i->f.path, from))
			continue;
		if (asprintf(&path, "%s%s", to, i->f.path + n) < 0)
			abort();
		free(i->f.path);
		i->f.path = path;
	}
}

/* ------------------------------------------------------------------------------------------------ the log */

/* "+STATE EXPLICIT INO UID EMAIL\tPATH\0", "-INO\0", ">FROM\0TO\0". */
static void line_put(const struct flight *f, struct buf *out)
{
	buf_addf(out, "+%d %d %llu %u %s\t%s", (int)f->state, f->explicit, (unsigned long long)f->ino, f->who.uid,
		 *f->who.email ? f->who.email : "?", f->path);
	buf_addc(out, '\0');
}

static void append(const struct buf *line)
{
	ssize_t n = jr.fd < 0 ? 0 : back_append(jr.fd, line->data, line->len);

	if (n > 0)
		jr.written += (size_t)n;
	if (n < 0 && !jr.failed) {
		jr.failed = true;
		log_warn("the list of files in flight cannot be written to .zddc.d: %s", strerror((int)-n));
	}
}

static void read_put(const char *line)
{
	struct flight f = {.path = NULL};
	char email[SEAL_RECORD_NAME_MAX + 1];
	unsigned long long ino;
	int state, explicit, uid, len = 0;

	if (sscanf(line, "+%d %d %llu %d %254s%n", &state, &explicit, &ino, &uid, email, &len) != 5 || line[len] != '\t')
		return;
	if (state <= SEAL_FREE || state >= SEAL_STATES)
		return;
	f.ino = ino;
	f.state = (enum seal_state)state;
	f.explicit = explicit;
	f.who.uid = (uid_t)uid;
	snprintf(f.who.email, sizeof(f.who.email), "%s", strcmp(email, "?") ? email : "");
	f.path = (char *)(uintptr_t)(line + len + 1);
	put(&f, true);
}

/* A torn last line is passed over. */
static void read_log(const struct buf *text)
{
	const char *end = buf_str(text) + text->len;

	for (const char *at = buf_str(text); at < end;) {
		size_t n = strnlen(at, (size_t)(end - at));
		const char *to = at + n + 1;

		if (at + n == end)
			return;
		if (*at == '+')
			read_put(at);
		struct item *i = *at == '-' ? find(strtoull(at + 1, NULL, 10)) : NULL;
		if (i)
			drop(i);
		if (*at == '>') {
			size_t m = to < end ? strnlen(to, (size_t)(end - to)) : 0;

			if (to + m >= end)
				return;
			move_paths(at + 1, to);
			n += m + 1;
		}
		at += n + 1;
	}
}

static void whole_log(struct buf *out)
{
	struct item *i, *tmp;

	HASH_ITER(hh, jr.items, i, tmp)
		if (i->logged)
			line_put(&i->f, out);
}

/* Under jr.lock. */
static int open_log(void)
{
	AUTO_CLOSE int dir = -1;
	int r = back_store_dir("inflight", &dir);

	if (r < 0)
		return r;
	if (jr.fd >= 0)
		close(jr.fd);
	jr.fd = back_open(dir, "log", O_WRONLY | O_APPEND | O_CREAT, 0600);
	return jr.fd < 0 ? jr.fd : 0;
}

static int rewrite(void)
{
	AUTO_BUF all = BUF_INIT;
	int r;

	whole_log(&all);
	r = back_store_write("inflight", "log", buf_str(&all), all.len);
	if (r < 0)
		return r;
	jr.written = all.len;
	return open_log();
}

int journal_init(void)
{
	AUTO_BUF text = BUF_INIT;
	int r = back_path_read(".zddc.d/inflight/log", &text, LOG_MAX);

	WITH_MUTEX(&jr.lock);
	if (r == 0)
		read_log(&text);
	else if (r != -ENOENT)
		log_warn(".zddc.d/inflight/log: %s: files in flight will be found when somebody looks at them", strerror(-r));
	return rewrite();
}

void journal_free(void)
{
	struct item *i, *tmp;

	WITH_MUTEX(&jr.lock);
	HASH_ITER(hh, jr.items, i, tmp)
		drop(i);
	cleanup_close(&jr.fd);
	jr.fd = -1;
}

void journal_compact(void)
{
	WITH_MUTEX(&jr.lock);
	AUTO_BUF all = BUF_INIT;

	if (jr.written < COMPACT_AT || jr.fd < 0)
		return;
	whole_log(&all);
	if (all.len < jr.written / 4)
		rewrite();
}

/* ------------------------------------------------------------------------------------------------ what others call */

void journal_put(const struct flight *f, bool logged)
{
	AUTO_BUF line = BUF_INIT;

	WITH_MUTEX(&jr.lock);
	put(f, logged);
	if (!logged)
		return;
	line_put(f, &line);
	append(&line);
}

void journal_drop(uint64_t ino)
{
	AUTO_BUF line = BUF_INIT;

	WITH_MUTEX(&jr.lock);
	struct item *i = find(ino);

	if (!i)
		return;
	if (i->logged) {
		buf_addf(&line, "-%llu", (unsigned long long)ino);
		buf_addc(&line, '\0');
		append(&line);
	}
	drop(i);
}

static void copy(const struct flight *from, struct flight *to)
{
	*to = *from;
	to->path = strdup(from->path);
	if (!to->path)
		abort();
}

bool journal_get(uint64_t ino, struct flight *out)
{
	WITH_MUTEX(&jr.lock);
	struct item *i = find(ino);

	if (i)
		copy(&i->f, out);
	return i;
}

bool journal_has(uint64_t ino)
{
	WITH_MUTEX(&jr.lock);
	return find(ino);
}

size_t journal_count(void)
{
	WITH_MUTEX(&jr.lock);
	return HASH_COUNT(jr.items);
}

void journal_moved(const char *from, const char *to)
{
	AUTO_BUF line = BUF_INIT;

	WITH_MUTEX(&jr.lock);
	if (!jr.items)
		return;
	move_paths(from, to);
	buf_addf(&line, ">%s", from);
	buf_addc(&line, '\0');
	buf_adds(&line, to);
	buf_addc(&line, '\0');
	append(&line);
}

bool journal_explicit_below(const char *dir)
{
	struct item *i, *tmp;

	WITH_MUTEX(&jr.lock);
	if (!jr.n_explicit)
		return false;
	HASH_ITER(hh, jr.items, i, tmp)
		if (i->f.explicit && below(i->f.path, dir))
			return true;
	return false;
}

struct flight *journal_list(const char *dir, size_t *n)
{
	struct item *i, *tmp;
	struct flight *v;

	WITH_MUTEX(&jr.lock);
	*n = 0;
	v = calloc(HASH_COUNT(jr.items) + 1, sizeof(*v));
	if (!v)
		abort();
	HASH_ITER(hh, jr.items, i, tmp)
		if (below(i->f.path, dir) && !(i->f.explicit && i->f.due))
			copy(&i->f, &v[(*n)++]);
	return v;
}

void journal_list_free(struct flight *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].path);
	free(v);
}

/* Under jr.lock. What has come due goes into the queue. */
static void queue_due(long long now)
{
	struct item *i, *tmp;

	HASH_ITER(hh, jr.items, i, tmp)
		if (i->f.due <= now)
			enqueue(i);
}

static void wait_more(int ms)
{
	const struct timespec until = clock_deadline(ms);

	while (!jr.first && !jr.woken)
		if (pthread_cond_timedwait(&jr.more, &jr.lock, &until))
			return;
}

bool journal_next(long long now, int ms, struct flight *out)
{
	WITH_MUTEX(&jr.lock);
	if (!jr.first)
		queue_due(now);
	if (!jr.first)
		wait_more(ms);
	jr.woken = false;
	struct item *i = jr.first;
	if (!i)
		return false;
	unqueue(i);
	i->f.due = now + AGAIN_AFTER;
	copy(&i->f, out);
	return true;
}

void journal_wake(void)
{
	WITH_MUTEX(&jr.lock);
	jr.woken = true;
	pthread_cond_broadcast(&jr.more);
}
