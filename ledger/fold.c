/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identical refusals within 10 s become one more line. A slot keeps the whole line (two refusals are identical when these are, byte for
 * byte: a hash would let somebody make two that pass for one), from which the entry is read back when it is due.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "ledger/ledger.h"

enum { COUNT_ROOM = 256 }; /* what time, pid, count and since add to a line */

struct slot {
	struct buf line; /* with time 0 and without pid: the key */
	int64_t opened; /* of the monotonic clock */
	int64_t first_us, last_us; /* what the clock on the wall said when it was counted */
	int64_t count; /* after the first, which has its own line */
	int64_t pid; /* of all of them, -1 if they differ */
	UT_hash_handle hh;
};

struct ledger_fold {
	struct slot *slots; /* uthash by line; its list is in the order of 'opened' */
	size_t most;
};

struct ledger_fold *ledger_fold_new(size_t slots)
{
	struct ledger_fold *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->most = slots;
	return f;
}

static void drop(struct ledger_fold *f, struct slot *s)
{
	HASH_DEL(f->slots, s);
	buf_free(&s->line);
	free(s);
}

void ledger_fold_free(struct ledger_fold *f)
{
	if (!f)
		return;
	while (f->slots)
		drop(f, f->slots);
	free(f);
}

/* A clock that went back closes a window too: a refusal may get one line too many, never wait for hours. */
static bool closed(const struct slot *s, int64_t now) { return now < s->opened || now - s->opened >= LEDGER_FOLD_US; }

/* Windows that counted nothing need no line. Old ones are first in the list. */
static void drop_closed(struct ledger_fold *f, int64_t now)
{
	while (f->slots && closed(f->slots, now) && !f->slots->count)
		drop(f, f->slots);
}

static void open_window(struct ledger_fold *f, struct buf *key, int64_t pid, int64_t now)
{
	struct slot *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->line = *key;
	*key = (struct buf)BUF_INIT;
	s->opened = now;
	s->pid = pid;
	HASH_ADD_KEYPTR(hh, f->slots, s->line.data, s->line.len, s);
}

static void count(struct slot *s, const struct ledger_entry *e)
{
	if (!s->count++)
		s->first_us = e->time_us;
	s->last_us = e->time_us;
	if (s->pid != e->pid)
		s->pid = -1;
}

static void key_of(const struct ledger_entry *e, struct buf *out)
{
	struct ledger_entry same = *e;
	same.seq = 0;
	same.time_us = 0;
	same.pid = -1;
	memset(same.prev_hash, 0, SHA256_LEN);
	memset(same.hash, 0, SHA256_LEN);
	ledger_entry_format(&same, out);
}

bool ledger_fold_add(struct ledger_fold *f, const struct ledger_entry *e, int64_t now)
{
	AUTO_BUF key = BUF_INIT;
	struct slot *s;
	if (e->event >= LEDGER_EVENT_COUNT || ledger_events[e->event].when != LEDGER_FOLDED)
		return true;
	drop_closed(f, now);
	key_of(e, &key);
	if (key.len + COUNT_ROOM >= LEDGER_LINE_MAX)
		return true; /* no room for a count */
	HASH_FIND(hh, f->slots, key.data, key.len, s);
	if (s && !closed(s, now)) {
		count(s, e);
		return false;
	}
	if (s && !s->count)
		drop(f, s);
	else if (s)
		return true; /* its count still waits for ledger_fold_due */
	if (HASH_COUNT(f->slots) < f->most)
		open_window(f, &key, e->pid, now);
	return true;
}

/* The entry that was kept, with what was counted. */
static bool summary(const struct slot *s, struct arena *a, struct ledger_entry *out)
{
	char *since = arena_alloc(a, LEDGER_TIME_SIZE);
	if (ledger_entry_parse(s->line.data, s->line.len, a, out))
		return false;
	struct ledger_attr *attrs = arena_array(a, struct ledger_attr, out->n_attrs + 2);
	if (out->n_attrs)
		memcpy(attrs, out->attrs, out->n_attrs * sizeof(*attrs));
	ledger_time_format(s->first_us, since);
	attrs[out->n_attrs++] = LEDGER_ATTR_NUMBER("count", s->count);
	attrs[out->n_attrs++] = LEDGER_ATTR_TEXT("since", since);
	out->attrs = attrs;
	out->time_us = s->last_us;
	out->pid = s->pid;
	return true;
}

bool ledger_fold_due(struct ledger_fold *f, int64_t now, struct arena *a, struct ledger_entry *out)
{
	bool due = false;
	while (!due && f->slots && (now == INT64_MAX || closed(f->slots, now))) {
		due = f->slots->count && summary(f->slots, a, out);
		drop(f, f->slots);
	}
	return due;
}

int64_t ledger_fold_next(const struct ledger_fold *f)
{
	for (const struct slot *s = f->slots; s; s = s->hh.next)
		if (s->count)
			return s->opened + LEDGER_FOLD_US;
	return -1;
}
