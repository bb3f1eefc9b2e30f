/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tree of directories that carry a .zddc, and the thread that walks the backing tree for it. */
#include "fs/index.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"
#include "fs/back.h"
#include "fs/policy.h"

/* One directory at or below which a .zddc lies. */
struct place {
	char *name; /* "" at the root */
	struct place *parent;
	struct place *children; /* by name */
	bool policy; /* it has a .zddc of its own */
	bool read; /* the engine has read it in the state of 'stamp' */
	uint64_t epoch; /* of the walk or change that last saw it */
	struct policy_stamp stamp;
	UT_hash_handle hh;
};

/* A subtree that the builder has yet to walk. */
struct task {
	char *dir;
	bool sweep; /* the whole tree: what is not found any more goes */
	bool counted; /* in ix.pending */
	struct task *next;
};

static struct {
	pthread_mutex_t lock; /* of everything here */
	pthread_cond_t more, done;
	pthread_t thread;
	bool running, stop;
	struct place root;
	struct task *first, *last;
	size_t pending; /* tasks that answers wait for: queued or being walked */
	uint64_t epoch;
	struct index_figures figures;
} ix = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .root = {.name = (char *)""}};

static const char MAGIC[] = "zddc-index 1";

/* ------------------------------------------------------------------ stamps */

struct policy_stamp policy_stamp_of(const struct stat *st)
{
	if (!st)
		return (struct policy_stamp){.size = -1};
	return (struct policy_stamp){.ino = st->st_ino, .ctime_ns = clock_ns(st->st_ctim), .mtime_ns = clock_ns(st->st_mtim), .size = st->st_size};
}

bool policy_stamp_eq(const struct policy_stamp *a, const struct policy_stamp *b)
{
	return a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->mtime_ns == b->mtime_ns && a->size == b->size;
}

/* ------------------------------------------------------------------ the tree; all under ix.lock */

static struct place *child_find(struct place *p, const char *name, size_t len)
{
	struct place *c = NULL;

	HASH_FIND(hh, p->children, name, len, c);
	return c;
}

static struct place *child_make(struct place *p, const char *name, size_t len)
{
	struct place *c = calloc(1, sizeof(*c));

	if (!c || !(c->name = strndup(name, len)))
		abort();
	c->parent = p;
	HASH_ADD_KEYPTR(hh, p->children, c->name, len, c);
	return c;
}

/* The place of a path, made on the way if 'make'; NULL if it is not there. */
static struct place *place_at(const char *dir, bool make)
{
	struct place *p = &ix.root;

	while (p && *dir) {
		size_t len = strcspn(dir, "/");
		struct place *c = child_find(p, dir, len);

		p = c || !make ? c : child_make(p, dir, len);
		dir += len;
		dir += *dir == '/';
	}
	return p;
}

static void place_free(struct place *p)
{
	struct place *c, *tmp;

	HASH_ITER(hh, p->children, c, tmp) {
		HASH_DEL(p->children, c);
		place_free(c);
	}
	if (p->policy && ix.figures.directories)
		ix.figures.directories--;
	if (p == &ix.root) {
		p->policy = p->read = false;
		return;
	}
	free(p->name);
	free(p);
}

/* Takes away what neither carries policy nor leads to any. */
static void place_prune(struct place *p)
{
	while (p != &ix.root && !p->policy && !p->children) {
		struct place *up = p->parent;

		HASH_DEL(up->children, p);
		free(p->name);
		free(p);
		p = up;
	}
}

static bool place_set(struct place *p, bool present)
{
	bool news = p->policy != present;

	p->epoch = ix.epoch;
	if (!news)
		return false;
	p->policy = present;
	p->read = false;
	if (present)
		ix.figures.directories++;
	else
		ix.figures.directories--;
	return true;
}

/* Everything below p was seen just now. */
static void place_touch(struct place *p)
{
	struct place *c, *tmp;

	p->epoch = ix.epoch;
	HASH_ITER(hh, p->children, c, tmp)
		place_touch(c);
}

/* What a whole walk has not found any more. */
static void place_expire(struct place *p, uint64_t epoch)
{
	struct place *c, *tmp;

	HASH_ITER(hh, p->children, c, tmp)
		place_expire(c, epoch);
	if (p->policy && p->epoch < epoch) {
		p->policy = p->read = false;
		ix.figures.directories--;
	}
	if (p != &ix.root && !p->policy && !p->children) {
		HASH_DEL(p->parent->children, p);
		free(p->name);
		free(p);
	}
}

bool index_set(const char *dir, bool present)
{
	struct place *p;
	bool news;

	WITH_MUTEX(&ix.lock);
	p = place_at(dir, present);
	if (!p)
		return false;
	news = place_set(p, present);
	place_prune(p);
	return news;
}

static bool drop_locked(const char *dir)
{
	struct place *p = place_at(dir, false), *up;

	if (!p)
		return false;
	up = p->parent;
	if (up)
		HASH_DEL(up->children, p);
	place_free(p);
	if (up)
		place_prune(up);
	return true;
}

bool index_drop(const char *dir)
{
	WITH_MUTEX(&ix.lock);
	return drop_locked(dir);
}

bool index_has(const char *dir)
{
	WITH_MUTEX(&ix.lock);
	return place_at(dir, false) != NULL;
}

/* ------------------------------------------------------------------ questions */

int index_policy_below(const char *dir, bool *below)
{
	struct place *p;

	WITH_MUTEX(&ix.lock);
	p = place_at(dir, false);
	*below = p && p->children;
	return *below || !ix.pending ? 0 : -EAGAIN;
}

/* Names of p's children, each ended by NUL. */
static void children_copy(const struct place *p, struct buf *out)
{
	struct place *c, *tmp;

	HASH_ITER(hh, p->children, c, tmp)
		buf_add(out, c->name, strlen(c->name) + 1);
}

int index_children(const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	AUTO_BUF names = BUF_INIT;
	struct place *p;
	bool complete;

	pthread_mutex_lock(&ix.lock);
	p = place_at(dir, false);
	if (p)
		children_copy(p, &names);
	complete = !ix.pending;
	pthread_mutex_unlock(&ix.lock);
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1)
		if (!each(arg, names.data + at))
			return 0;
	return complete ? 0 : -EAGAIN;
}

void index_seen(const char *dir, const struct policy_stamp *stamp)
{
	struct place *p;

	WITH_MUTEX(&ix.lock);
	p = place_at(dir, stamp->size >= 0);
	if (!p)
		return;
	place_set(p, stamp->size >= 0);
	p->read = p->policy;
	p->stamp = *stamp;
	place_prune(p);
}

bool index_current(const char *dir, const struct policy_stamp *stamp)
{
	struct place *p;

	WITH_MUTEX(&ix.lock);
	p = place_at(dir, false);
	if (!p || !p->policy)
		return stamp->size < 0;
	return stamp->size >= 0 && (!p->read || policy_stamp_eq(&p->stamp, stamp));
}

/* p at 'path', and all below, each with its path. */
static void place_each(const struct place *p, struct buf *path, void (*each)(struct buf *out, const struct place *p, const struct buf *path), struct buf *out)
{
	size_t len = path->len;
	const struct place *c;

	each(out, p, path);
	for (c = p->children; c; c = c->hh.next) {
		if (path->len)
			buf_addc(path, '/');
		buf_adds(path, c->name);
		place_each(c, path, each, out);
		path->len = len;
		if (path->data)
			path->data[len] = '\0';
	}
}

/* A stamp and its path, packed behind each other. */
static void add_seen(struct buf *out, const struct place *p, const struct buf *path)
{
	if (!p->policy || !p->read)
		return;
	buf_add(out, &p->stamp, sizeof(p->stamp));
	buf_add(out, buf_str(path), path->len + 1);
}

static void add_policy(struct buf *out, const struct place *p, const struct buf *path)
{
	if (p->policy)
		buf_add(out, buf_str(path), path->len + 1);
}

void index_each_policy(void (*each)(void *arg, const char *dir), void *arg)
{
	AUTO_BUF all = BUF_INIT, path = BUF_INIT;

	pthread_mutex_lock(&ix.lock);
	place_each(&ix.root, &path, add_policy, &all);
	pthread_mutex_unlock(&ix.lock);
	for (size_t at = 0; at < all.len; at += strlen(all.data + at) + 1)
		each(arg, all.data + at);
}

void index_each_seen(void (*each)(void *arg, const char *dir, const struct policy_stamp *stamp), void *arg)
{
	AUTO_BUF all = BUF_INIT, path = BUF_INIT;

	pthread_mutex_lock(&ix.lock);
	place_each(&ix.root, &path, add_seen, &all);
	pthread_mutex_unlock(&ix.lock);
	for (size_t at = 0; at < all.len;) {
		const char *dir = all.data + at + sizeof(struct policy_stamp);
		struct policy_stamp stamp;

		memcpy(&stamp, all.data + at, sizeof(stamp));
		each(arg, dir, &stamp);
		at += sizeof(stamp) + strlen(dir) + 1;
	}
}

bool index_ready(void)
{
	WITH_MUTEX(&ix.lock);
	return !ix.pending;
}

int index_wait(int ms)
{
	const struct timespec until = clock_deadline(ms);
	int r = 0;

	WITH_MUTEX(&ix.lock);
	while (ix.pending && ix.running && !r)
		r = pthread_cond_timedwait(&ix.done, &ix.lock, &until);
	return ix.pending ? -EBUSY : 0;
}

struct index_figures index_figures(void)
{
	struct index_figures f;

	WITH_MUTEX(&ix.lock);
	f = ix.figures;
	f.ready = !ix.pending;
	return f;
}

/* ------------------------------------------------------------------ tasks */

/* Under ix.lock. */
static void task_add(const char *dir, bool sweep, bool counted)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t || !(t->dir = strdup(dir)))
		abort();
	t->sweep = sweep;
	t->counted = counted;
	if (ix.last)
		ix.last->next = t;
	else
		ix.first = t;
	ix.last = t;
	ix.pending += counted;
	pthread_cond_signal(&ix.more);
}

void index_walk(const char *dir)
{
	WITH_MUTEX(&ix.lock);
	task_add(dir, false, true);
}

void index_rebuild(bool wait)
{
	WITH_MUTEX(&ix.lock);
	if (!wait && ix.last && ix.last->sweep)
		return; /* one that has not begun will see everything */
	task_add("", true, wait);
}

void index_move(const char *from, const char *to)
{
	struct place *p, *up, *dest;
	const char *slash = strrchr(to, '/');
	AUTO_FREE char *to_dir = slash ? strndup(to, (size_t)(slash - to)) : strdup("");

	WITH_MUTEX(&ix.lock);
	drop_locked(to);
	if (ix.pending)
		task_add(to, false, true); /* the builder may have come too early there and be too late here */
	p = place_at(from, false);
	if (!p || p == &ix.root)
		return;
	up = p->parent;
	HASH_DEL(up->children, p);
	place_prune(up);
	free(p->name);
	p->name = strdup(slash ? slash + 1 : to);
	dest = place_at(to_dir, true);
	p->parent = dest;
	HASH_ADD_KEYPTR(hh, dest->children, p->name, strlen(p->name), p);
	place_touch(p);
}

/* ------------------------------------------------------------------ the walk */

struct walk {
	struct buf path;
	size_t depth; /* of the directory being walked: 0 is the root */
	size_t visited;
	bool search; /* nobody told us to look: what is news was made behind the mount, and the engine has to hear of it */
	struct buf subdirs; /* names of this level, each ended by NUL */
	bool policy;
};

static bool walk_entry(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct walk *w = arg;

	(void)ino;
	if (!strcmp(name, ".zddc"))
		w->policy = true;
	else if (type == DT_DIR && strcmp(name, ".zddc.d") != 0)
		buf_add(&w->subdirs, name, strlen(name) + 1);
	return true;
}

static bool stopping(void)
{
	WITH_MUTEX(&ix.lock);
	return ix.stop;
}

/* What was found in the directory at w->path. */
static void walk_note(struct walk *w)
{
	if (w->policy && index_set(buf_str(&w->path), true) && w->search)
		policy_behind(buf_str(&w->path));
	w->policy = false;
}

/* The directory 'fd' (kept by the caller) at w->path and everything below. */
static void walk_dir(struct walk *w, int fd)
{
	AUTO_BUF here = BUF_INIT;
	size_t len = w->path.len;

	w->subdirs = (struct buf)BUF_INIT;
	if (back_list(fd, "", walk_entry, w) || stopping()) {
		buf_free(&w->subdirs);
		return;
	}
	w->visited++;
	here = w->subdirs;
	walk_note(w);
	if (++w->depth <= LIMIT_DIR_DEPTH)
		for (size_t at = 0; at < here.len; at += strlen(here.data + at) + 1) {
			AUTO_CLOSE int sub = back_opendir(fd, here.data + at);

			if (sub < 0)
				continue;
			if (len)
				buf_addc(&w->path, '/');
			buf_adds(&w->path, here.data + at);
			walk_dir(w, sub);
			w->path.len = len;
			if (w->path.data)
				w->path.data[len] = '\0';
		}
	w->depth--;
}

static size_t walk_from(const char *dir, bool search)
{
	struct walk w = {.path = BUF_INIT, .search = search};
	AUTO_CLOSE int fd = -1;

	w.depth = *dir != '\0';
	for (const char *c = dir; *c; c++)
		w.depth += *c == '/';
	buf_adds(&w.path, dir);
	if (back_path_dir(dir, &fd)) {
		fd = -1;
		index_drop(dir);
	} else {
		walk_dir(&w, fd);
	}
	buf_free(&w.path);
	return w.visited;
}

/* ------------------------------------------------------------------ on disk */

static void add_path(struct buf *out, const struct place *p, const struct buf *path)
{
	if (p->policy)
		buf_add(out, buf_str(path), path->len + 1);
}

/* Paths, each ended by NUL, behind a first line. */
static void index_save(void)
{
	AUTO_BUF path = BUF_INIT, out = BUF_INIT;
	bool complete;
	int r;

	buf_add(&out, MAGIC, sizeof(MAGIC));
	pthread_mutex_lock(&ix.lock);
	place_each(&ix.root, &path, add_path, &out);
	complete = !ix.pending;
	pthread_mutex_unlock(&ix.lock);
	if (!complete)
		return;
	r = back_store_write("", "index", out.data, out.len);
	if (r)
		log_warn("the index of policy directories cannot be kept in .zddc.d: %s", strerror(-r));
}

/* A path as we wrote it: relative, no empty, "." or ".." component. */
static bool path_sane(const char *p)
{
	while (*p) {
		size_t len = strcspn(p, "/");

		if (!len || len > 255 || (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.'))))
			return false;
		p += len;
		if (*p == '/' && !*++p)
			return false;
	}
	return true;
}

/* Candidates only: the walk confirms them, and the engine reads each before it counts. */
static void index_load(void)
{
	AUTO_BUF text = BUF_INIT;

	if (back_path_read(".zddc.d/index", &text, 256u << 20) || text.len < sizeof(MAGIC) || memcmp(text.data, MAGIC, sizeof(MAGIC)) != 0)
		return;
	for (size_t at = sizeof(MAGIC); at < text.len;) {
		const char *path = text.data + at;
		size_t len = strnlen(path, text.len - at);

		if (at + len >= text.len)
			return; /* torn */
		if (path_sane(path))
			index_set(path, true);
		at += len + 1;
	}
}

/* ------------------------------------------------------------------ the thread */

/* Waits for work; NULL when the mount stops. *epoch is that of its walk. */
static struct task *task_next(uint64_t *epoch)
{
	struct task *t;

	WITH_MUTEX(&ix.lock);
	while (!ix.first && !ix.stop)
		pthread_cond_wait(&ix.more, &ix.lock);
	if (ix.stop)
		return NULL;
	t = ix.first;
	ix.first = t->next;
	if (!ix.first)
		ix.last = NULL;
	*epoch = ++ix.epoch;
	return t;
}

static void task_free(struct task *t)
{
	free(t->dir);
	free(t);
}

/* True if nothing is left to wait for. */
static bool task_done(const struct task *t, uint64_t epoch, size_t visited, uint64_t took)
{
	WITH_MUTEX(&ix.lock);
	if (t->sweep && !ix.stop)
		place_expire(&ix.root, epoch);
	ix.figures.walks++;
	ix.figures.walked += visited;
	ix.figures.last_walk_ms = took;
	ix.pending -= t->counted;
	if (!ix.pending)
		pthread_cond_broadcast(&ix.done);
	return !ix.pending && !ix.stop;
}

static void *builder(void *arg)
{
	struct task *t;
	uint64_t epoch;
	bool saved = false;

	(void)arg;
	while ((t = task_next(&epoch))) {
		uint64_t began = policy_clock_ms();
		size_t visited = walk_from(t->dir, !t->counted);
		bool idle = task_done(t, epoch, visited, policy_clock_ms() - began);

		if (idle && t->sweep && !saved) {
			saved = true;
			index_save();
		}
		task_free(t);
	}
	return NULL;
}

int index_start(void)
{
	int r;

	index_load();
	index_rebuild(true);
	ix.running = true;
	r = pthread_create(&ix.thread, NULL, builder, NULL);
	ix.running = !r;
	return -r;
}

void index_stop(void)
{
	if (!ix.running)
		return;
	pthread_mutex_lock(&ix.lock);
	ix.stop = true;
	pthread_cond_broadcast(&ix.more);
	pthread_cond_broadcast(&ix.done);
	pthread_mutex_unlock(&ix.lock);
	pthread_join(ix.thread, NULL);
	ix.running = false;
	index_save();
}

void index_free(void)
{
	struct task *t;

	while ((t = ix.first)) {
		ix.first = t->next;
		task_free(t);
	}
	place_free(&ix.root);
}
