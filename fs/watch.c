/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of policy made behind the mount. */
#include "fs/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/back.h"
#include "fs/index.h"
#include "fs/policy.h"

enum {
	SWEEP_MS = 300, /* between two sweeps, unless they take long */
	SWEEP_SHARE = 8, /* a sweep may take an eighth of the time, */
	WALK_SHARE = 20, /* a walk of the whole tree a twentieth */
};

static const uint64_t MASK = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CLOSE_WRITE | FAN_ONDIR;

static struct {
	int fan; /* -1: stamps */
	int wake; /* eventfd: stop */
	pthread_t thread;
	bool running;
	_Atomic uint64_t events, changes, overflows;
} w = {.fan = -1, .wake = -1};

/* ------------------------------------------------------------------ what one event means */

static bool in_store(const char *dir)
{
	const char *at = strstr(dir, ".zddc.d");

	return at && (at == dir || at[-1] == '/') && (!at[7] || at[7] == '/');
}

/*
 * A directory came or went with all that is in it. Of one that is removed with its content the kernel tells us about each file too, but
 * where they were can no longer be said when we get to hear of it: the removal of the topmost counts for all.
 */
static void dir_changed(const char *path, uint64_t mask)
{
	bool known = index_drop(path);

	if (mask & FAN_MOVED_TO)
		index_walk(path);
	if (known || mask & (FAN_MOVED_FROM | FAN_MOVED_TO))
		policy_behind(path);
}

/* The entry 'name' of 'dir' was made, removed, moved or written. */
static void entry_changed(const char *dir, const char *name, uint64_t mask)
{
	AUTO_BUF path = BUF_INIT;

	if (in_store(dir) || !strcmp(name, ".zddc.d"))
		return;
	atomic_fetch_add(&w.changes, 1);
	if (!strcmp(name, ".zddc")) {
		policy_changed(dir);
		return;
	}
	buf_addf(&path, "%s%s%s", dir, *dir ? "/" : "", name);
	dir_changed(buf_str(&path), mask);
}

/* The record of a directory and a name in it; NULL if the event has none. */
static const struct fanotify_event_info_fid *event_fid(const struct fanotify_event_metadata *m, const char **name)
{
	const char *at = (const char *)m + m->metadata_len, *end = (const char *)m + m->event_len;

	while (at + sizeof(struct fanotify_event_info_header) <= end) {
		const struct fanotify_event_info_fid *fid = (const void *)at;
		const struct file_handle *h = (const void *)fid->handle;

		if (fid->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
			*name = (const char *)h->f_handle + h->handle_bytes;
			return fid;
		}
		if (!fid->hdr.len)
			return NULL;
		at += fid->hdr.len;
	}
	return NULL;
}

static void overflowed(void)
{
	atomic_fetch_add(&w.overflows, 1);
	log_notice("too many changes behind the mount at once: every policy is read again");
	index_rebuild(true);
	policy_behind("");
}

/* A directory that is made is empty. Everything that is not a directory must be called .zddc. */
static bool event_matters(uint64_t mask, const char *name)
{
	return !strcmp(name, ".zddc") || (mask & FAN_ONDIR && mask & (FAN_MOVED_FROM | FAN_MOVED_TO | FAN_DELETE));
}

static void event(const struct fanotify_event_metadata *m)
{
	const struct fanotify_event_info_fid *fid;
	const char *name;
	AUTO_FREE char *dir = NULL;

	atomic_fetch_add(&w.events, 1);
	if (m->mask & FAN_Q_OVERFLOW) {
		overflowed();
		return;
	}
	if (m->pid == getpid())
		return;
	fid = event_fid(m, &name);
	if (!fid || !event_matters(m->mask, name))
		return;
	if (!back_handle_path(fid->handle, &dir))
		entry_changed(dir, name, m->mask);
}

/* False when there is nothing more to read. Events are only aligned to four bytes, so that each is copied. */
static bool events_read(void)
{
	static char space[65536], one[65536] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	const struct fanotify_event_metadata *m = (const void *)one;
	ssize_t n = read(w.fan, space, sizeof(space));
	uint32_t len;

	if (n <= 0)
		return false;
	for (const char *at = space; n >= (ssize_t)sizeof(*m); at += len, n -= len) {
		memcpy(&len, at, sizeof(len));
		if (len < sizeof(*m) || len > n)
			break;
		memcpy(one, at, len);
		if (m->vers == FANOTIFY_METADATA_VERSION)
			event(m);
	}
	return true;
}

/* ------------------------------------------------------------------ without fanotify */

static void sweep_one(void *arg, const char *dir, const struct policy_stamp *seen)
{
	AUTO_BUF path = BUF_INIT;
	struct policy_stamp now;
	struct stat st;
	int r;

	(void)arg;
	buf_addf(&path, "%s%s.zddc", dir, *dir ? "/" : "");
	r = back_path_stat(buf_str(&path), &st);
	now = policy_stamp_of(r ? NULL : &st);
	if (policy_stamp_eq(&now, seen))
		return;
	atomic_fetch_add(&w.changes, 1);
	policy_changed(dir);
}

/* One sweep, and a walk if it is time for one. Returns how long to wait until the next. */
static int sweep(uint64_t *next_walk)
{
	uint64_t began = policy_clock_ms(), took;

	index_each_seen(sweep_one, NULL);
	took = policy_clock_ms() - began;
	if (began + SWEEP_MS / 2 >= *next_walk) { /* not a whole sweep later because of a millisecond */
		uint64_t pause = index_figures().last_walk_ms * WALK_SHARE;

		index_rebuild(false);
		*next_walk = began + (pause > SWEEP_MS ? pause : SWEEP_MS);
	}
	return took * SWEEP_SHARE > SWEEP_MS ? (int)took * SWEEP_SHARE : SWEEP_MS;
}

/* ------------------------------------------------------------------ the thread */

static void *watcher(void *arg)
{
	struct pollfd fds[2] = {{.fd = w.wake, .events = POLLIN}, {.fd = w.fan, .events = POLLIN}};
	uint64_t next_walk = 0;
	int pause = -1;

	(void)arg;
	for (;;) {
		if (w.fan < 0)
			pause = sweep(&next_walk);
		if (poll(fds, 2, pause) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		while (w.fan >= 0 && events_read() && poll(fds, 1, 0) <= 0)
			;
	}
}

void watch_open(void)
{
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);

	if (fan < 0)
		return;
	if (!back_has_handles() || fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MASK, back_root_fd(), NULL))
		close(fan);
	else
		w.fan = fan;
}

int watch_start(void)
{
	int r;

	w.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w.wake < 0)
		return -errno;
	if (w.fan < 0)
		log_info("changes of policy behind the mount are found by looking (no fanotify here)");
	r = pthread_create(&w.thread, NULL, watcher, NULL);
	w.running = !r;
	return -r;
}

void watch_stop(void)
{
	uint64_t one = 1;

	if (w.running && write(w.wake, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(w.thread, NULL);
	w.running = false;
	if (w.fan >= 0)
		close(w.fan);
	if (w.wake >= 0)
		close(w.wake);
	w.fan = w.wake = -1;
}

struct watch_figures watch_figures(void)
{
	return (struct watch_figures){
		.kind = w.fan >= 0 ? "fanotify" : "stamps",
		.events = atomic_load(&w.events),
		.changes = atomic_load(&w.changes),
		.overflows = atomic_load(&w.overflows),
	};
}
