/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer: lines in order, group commit, room. */
#include "fs/audit_chain.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/audit_file.h"
#include "fs/audit_forward.h"
#include "fs/audit_room.h"
#include "fs/back.h"

/* One thread's lines on their way; on its stack. */
struct wait {
	uint64_t seq; /* of its last line */
	bool done;
	int result;
	struct wait *next;
};

static struct {
	pthread_mutex_t lock; /* of everything here but 'room' */
	pthread_cond_t moved; /* something was written, synced or given up */
	enum chain_state state;
	char why[512];

	char host[65], name[LEDGER_NAME_MAX + 1], file[LEDGER_NAME_MAX + 1];
	unsigned run, part;
	uint64_t rotate_at;
	int fd; /* -1: there is no file yet */
	bool busy; /* somebody writes to fd, or changes it */
	bool syncing;
	uint64_t end; /* bytes of the file */
	bool continues; /* its first line, which says what file it continues, is still to be added */

	struct ledger_chain chain; /* with the lines that wait */
	struct ledger_chain written, synced; /* what is in the file, and on disk */
	struct buf lines; /* that wait */
	struct wait *first, **last; /* whose they are */

	uint64_t n_lines, n_batches, n_syncs;
} ch = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .fd = -1, .last = &ch.first};

/* ------------------------------------------------------------------ state; under ch.lock */

/* The worse one stays. */
static void set_state(enum chain_state s, const char *why)
{
	if (ch.state == s || ch.state == CHAIN_DAMAGED || (ch.state == CHAIN_FAILED && s != CHAIN_DAMAGED))
		return;
	if (s == CHAIN_GOOD && ch.state == CHAIN_FULL)
		log_notice("the ledger can be written again: changes are allowed");
	if (s != CHAIN_GOOD)
		log_err("%s: nothing is changed until that is mended; reading goes on", why);
	if (s == CHAIN_FAILED || s == CHAIN_DAMAGED)
		room_close();
	ch.state = s;
	snprintf(ch.why, sizeof(ch.why), "%s", s == CHAIN_GOOD ? "" : why);
}

static void set_failed(int err)
{
	char why[256];

	if (err == -ENOSPC || err == -EDQUOT) {
		set_state(CHAIN_FULL, "there is no room for the ledger");
		return;
	}
	snprintf(why, sizeof(why), "the ledger cannot be written: %s", strerror(-err));
	set_state(CHAIN_FAILED, why);
}

static int state_error(void)
{
	switch (ch.state) {
	case CHAIN_OFF:
	case CHAIN_GOOD:
		return 0;
	case CHAIN_FULL:
		return -ENOSPC;
	case CHAIN_FAILED:
		return -EIO;
	case CHAIN_DAMAGED:
		break;
	}
	return -EROFS;
}

/* ------------------------------------------------------------------ writing */

static void finish(struct wait *w, int result)
{
	for (struct wait *next; w; w = next) {
		next = w->next;
		w->result = result;
		w->done = true; /* from here on it may be gone */
	}
}

static struct wait *take_waiting(void)
{
	struct wait *w = ch.first;

	ch.first = NULL;
	ch.last = &ch.first;
	return w;
}

/* What waits hangs on what could not be written: nobody gets through, and the chain goes on from the last good line. */
static void give_up(struct wait *batch, int err)
{
	finish(batch, err);
	finish(take_waiting(), err);
	buf_reset(&ch.lines);
	ch.chain = ch.written;
	ch.continues = !ch.end && ch.part > 1;
	set_failed(err);
}

/* The whole batch or nothing of it. Without any lock: ch.busy is ours. */
static int append(int fd, uint64_t at, const struct buf *lines)
{
	ssize_t n = back_pwrite(fd, lines->data, lines->len, (off_t)at);

	if (n == (ssize_t)lines->len)
		return 0;
	back_truncate(fd, (off_t)at);
	room_begin(fd, at); /* that freed the blocks ahead, too */
	return n < 0 ? (int)n : -ENOSPC;
}

/* Writes all that waits. Under ch.lock, which is given back meanwhile; !ch.busy. */
static void write_batch(void)
{
	struct buf lines = ch.lines;
	struct wait *batch = take_waiting();
	struct ledger_chain upto = ch.chain;
	int r;

	ch.lines = (struct buf)BUF_INIT;
	ch.busy = true;
	pthread_mutex_unlock(&ch.lock);
	r = append(ch.fd, ch.end, &lines);
	pthread_mutex_lock(&ch.lock);
	ch.busy = false;
	if (r < 0) {
		give_up(batch, r);
	} else {
		ch.end += lines.len;
		ch.written = upto;
		ch.n_batches++;
		room_used(ch.end);
		if (forward_wanted())
			forward_add(&lines);
		finish(batch, 0);
	}
	if (!ch.lines.data) { /* the room for text is used again */
		ch.lines = lines;
		buf_reset(&ch.lines);
	} else {
		buf_free(&lines);
	}
	pthread_cond_broadcast(&ch.moved);
}

/* Adds the lines of v; the first line of a file that is not the first says what it continues. 0 or -errno, as before then. */
static int add_lines(struct ledger_entry *const *v, size_t n)
{
	struct ledger_chain before = ch.chain;
	size_t len = ch.lines.len;
	char previous[LEDGER_NAME_MAX + 1];
	int r = 0;

	if (ch.continues) {
		ledger_file_name(ch.host, ch.run, ch.part - 1, previous);
		r = ledger_chain_rotate(&ch.chain, previous, v[0]->time_us, &ch.lines);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ledger_chain_add(&ch.chain, v[i], &ch.lines);
	if (r == 0) {
		ch.n_lines += n;
		ch.continues = false;
		return 0;
	}
	ch.chain = before;
	ch.lines.len = len;
	return r;
}

static void wait_written(struct wait *w)
{
	while (!w->done)
		if (ch.busy)
			pthread_cond_wait(&ch.moved, &ch.lock);
		else
			write_batch();
}

/* ------------------------------------------------------------------ syncing */

/* Under ch.lock, which is given back meanwhile; !ch.syncing. The file does not change while somebody syncs it. */
static void sync_once(void)
{
	struct ledger_chain upto = ch.written;
	int r, fd = ch.fd;

	ch.syncing = true;
	pthread_mutex_unlock(&ch.lock);
	r = back_fsync(fd, true);
	pthread_mutex_lock(&ch.lock);
	ch.syncing = false;
	ch.n_syncs++;
	if (r < 0)
		set_failed(-EIO); /* whatever it says: what was not synced now will not be */
	else
		ch.synced = upto;
	pthread_cond_broadcast(&ch.moved);
}

/* 0 when everything up to line seq is on disk. A failed sync is final: a later one may say that all is well although data is gone. */
static int wait_synced(uint64_t seq)
{
	while (ch.synced.seq < seq) {
		if (ch.state == CHAIN_FAILED)
			return -EIO;
		if (ch.syncing)
			pthread_cond_wait(&ch.moved, &ch.lock);
		else
			sync_once();
	}
	return 0;
}

int chain_write(struct ledger_entry *const *v, size_t n, bool sync)
{
	struct wait w = {0};
	int r;

	WITH_MUTEX(&ch.lock);
	if (ch.state == CHAIN_OFF || !n)
		return 0;
	r = ch.fd < 0 ? -ENOSPC : ch.state == CHAIN_FULL ? 0 : state_error();
	if (r == 0)
		r = add_lines(v, n);
	if (r < 0)
		return r;
	w.seq = ch.chain.seq;
	*ch.last = &w;
	ch.last = &w.next;
	wait_written(&w);
	return w.result == 0 && sync ? wait_synced(w.seq) : w.result;
}

int chain_sync(void)
{
	WITH_MUTEX(&ch.lock);
	return ch.fd < 0 ? 0 : wait_synced(ch.written.seq);
}

bool chain_unsynced(void)
{
	WITH_MUTEX(&ch.lock);
	return ch.fd >= 0 && ch.state != CHAIN_FAILED && ch.synced.seq < ch.written.seq;
}

/* ------------------------------------------------------------------ room */

int chain_take_room(bool frees)
{
	int r = room_take(frees);

	if (r != -ENOSPC && r != -EAGAIN)
		return r;
	WITH_MUTEX(&ch.lock);
	if (ch.state == CHAIN_OFF)
		return 0;
	r = state_error();
	if (r < 0 && r != -ENOSPC)
		return r;
	if (ch.fd < 0)
		return -ENOSPC; /* not opened yet */
	r = room_grow(ch.fd, frees);
	if (r == 0)
		set_state(CHAIN_GOOD, "");
	else if (!frees)
		set_failed(r);
	return r;
}

void chain_give_room(void) { room_give(); }

/* ------------------------------------------------------------------ files */

/* Under ch.lock, nobody writes or syncs. */
static int next_file(unsigned part)
{
	char name[LEDGER_NAME_MAX + 1];
	int fd = audit_file_new(ch.host, ch.run, part, name), r;

	if (fd < 0)
		return fd;
	r = room_begin(fd, 0);
	if (r < 0) {
		close(fd);
		audit_file_drop(name);
		return r;
	}
	memcpy(ch.file, name, sizeof(ch.file));
	if (ch.fd >= 0) {
		back_truncate(ch.fd, (off_t)ch.end); /* gives back the blocks ahead */
		close(ch.fd);
	}
	ch.fd = fd;
	ch.part = part;
	ch.end = 0;
	ch.continues = part > 1;
	return 0;
}

/* Under ch.lock: nobody writes, and all that was added is written. */
static void settle(void)
{
	while (ch.busy || ch.syncing || ch.first)
		if (!ch.busy && ch.first)
			write_batch();
		else
			pthread_cond_wait(&ch.moved, &ch.lock);
}

/* Most of it is synced while others go on; only for the rest and the switch they wait. */
int chain_rotate(bool now)
{
	int r;

	WITH_MUTEX(&ch.lock);
	if (ch.fd < 0 || ch.state != CHAIN_GOOD || !ch.end || (!now && ch.end < ch.rotate_at))
		return 0;
	r = wait_synced(ch.written.seq);
	if (r == 0)
		settle();
	if (r == 0)
		r = back_fsync(ch.fd, true);
	if (r < 0) {
		set_failed(-EIO);
		return r;
	}
	ch.synced = ch.written;
	r = next_file(ch.part + 1);
	if (r < 0) {
		log_warn("the ledger goes on in %s: a new file cannot be made: %s", ch.file, strerror(-r));
		r = room_begin(ch.fd, ch.end);
	}
	return r;
}

void chain_attend(void)
{
	WITH_MUTEX(&ch.lock);
	if (ch.state == CHAIN_FULL && ch.fd < 0 && (!ch.run || next_file(1) < 0))
		return;
	if (ch.state != CHAIN_FULL || ch.busy)
		return;
	if (room_grow(ch.fd, false) == 0)
		set_state(CHAIN_GOOD, "");
}

void chain_open(const char *host, const struct audit_past *past, uint64_t rotate_at)
{
	int r;

	WITH_MUTEX(&ch.lock);
	snprintf(ch.host, sizeof(ch.host), "%s", host);
	ch.run = past->run + 1;
	ch.rotate_at = rotate_at;
	ledger_chain_name(ch.host, ch.run, ch.name);
	ch.state = CHAIN_GOOD;
	ch.chain = ch.written = ch.synced = (struct ledger_chain)LEDGER_CHAIN_INIT;
	ch.n_lines = ch.n_batches = ch.n_syncs = 0;
	r = next_file(1);
	if (r < 0)
		set_failed(r);
}

void chain_full(void)
{
	WITH_MUTEX(&ch.lock);
	set_failed(-ENOSPC);
}

void chain_damaged(const char *why)
{
	WITH_MUTEX(&ch.lock);
	set_state(CHAIN_DAMAGED, why);
}

void chain_close(void)
{
	WITH_MUTEX(&ch.lock);
	if (ch.fd < 0)
		return;
	settle();
	if (ch.state == CHAIN_GOOD || ch.state == CHAIN_FULL)
		wait_synced(ch.written.seq);
	room_close();
	back_truncate(ch.fd, (off_t)ch.end);
	close(ch.fd);
	ch.fd = -1;
	ch.state = CHAIN_OFF;
	buf_free(&ch.lines);
}

void chain_figures(struct chain_figures *out)
{
	WITH_MUTEX(&ch.lock);
	*out = (struct chain_figures){.state = ch.state, .seq = ch.written.seq, .bytes = ch.end, .lines = ch.n_lines, .batches = ch.n_batches, .syncs = ch.n_syncs};
	snprintf(out->chain, sizeof(out->chain), "%s", ch.name);
	snprintf(out->file, sizeof(out->file), "%s", ch.file);
	snprintf(out->why, sizeof(out->why), "%s", ch.why);
	out->head = ch.written;
}
