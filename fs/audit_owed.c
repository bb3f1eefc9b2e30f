/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written later: events that found no room, or came before the mount; refusals that were counted with one like them. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/cleanup.h"
#include "base/table.h"
#include "fs/audit_chain.h"
#include "fs/audit_private.h"

enum {
	FOLD_SLOTS = 4096,
	DIFFERENT_MOST = 1000, /* refusals of one uid that are lines of their own, in 10 s */
	OWED_MOST = 10000, /* events that wait for room; more than that, of a disk that stays full, are only counted */
};

/* An event that waits to be written. */
struct owed {
	struct owed *next;
	struct arena mem;
	struct ledger_entry e;
};

static struct {
	pthread_mutex_t lock; /* of all */
	bool off, open;
	struct ledger_fold *fold;
	struct owed *first, **last;
	size_t n_owed;
	uint64_t folded, lost;
	struct flood *floods; /* by uid */
} owed = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &owed.first};

void owed_begin(bool wanted)
{
	owed.off = !wanted;
	if (wanted)
		owed.fold = ledger_fold_new(FOLD_SLOTS);
}

void owed_open(void)
{
	WITH_MUTEX(&owed.lock);
	owed.open = true;
}

bool owed_is_open(void)
{
	WITH_MUTEX(&owed.lock);
	return owed.open;
}

int64_t owed_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ------------------------------------------------------------------ events that wait */

static const char *copy(struct arena *a, const char *s) { return s ? arena_strdup(a, s) : NULL; }

static struct owed *owed_new(const struct ledger_entry *e)
{
	struct owed *o = calloc(1, sizeof(*o));
	struct ledger_attr *attrs;
	const char **roles;

	if (!o)
		abort();
	o->e = *e;
	o->e.verb = copy(&o->mem, e->verb);
	o->e.op = copy(&o->mem, e->op);
	o->e.path = copy(&o->mem, e->path);
	o->e.canonical = copy(&o->mem, e->canonical);
	o->e.principal = copy(&o->mem, e->principal);
	o->e.exe = copy(&o->mem, e->exe);
	o->e.src.file = copy(&o->mem, e->src.file);
	o->e.policy_hash = copy(&o->mem, e->policy_hash);
	o->e.roles = roles = arena_array(&o->mem, const char *, e->n_roles + 1);
	for (size_t i = 0; i < e->n_roles; i++)
		roles[i] = copy(&o->mem, e->roles[i]);
	o->e.object.sha256 = copy(&o->mem, e->object.sha256);
	o->e.object.revision = copy(&o->mem, e->object.revision);
	o->e.attrs = attrs = arena_array(&o->mem, struct ledger_attr, e->n_attrs + 1);
	for (size_t i = 0; i < e->n_attrs; i++) {
		attrs[i] = e->attrs[i];
		attrs[i].key = copy(&o->mem, e->attrs[i].key);
		attrs[i].text = copy(&o->mem, e->attrs[i].text);
	}
	return o;
}

static void owed_free(struct owed *o)
{
	arena_free(&o->mem);
	free(o);
}

/* Under owed.lock. */
static void owe_locked(const struct ledger_entry *e)
{
	struct owed *o;

	if (owed.n_owed >= OWED_MOST) {
		owed.lost++;
		return;
	}
	o = owed_new(e);
	*owed.last = o;
	owed.last = &o->next;
	owed.n_owed++;
}

void keep_lost(uint64_t n)
{
	WITH_MUTEX(&owed.lock);
	owed.lost += n;
}

void owe(const struct ledger_entry *e)
{
	WITH_MUTEX(&owed.lock);
	owe_locked(e);
}

/* The order of events stays: none overtakes one that waits. */
void keep_event(const struct ledger_entry *e)
{
	struct ledger_entry now = *e, *v = &now;
	bool waits;

	if (owed.off)
		return;
	pthread_mutex_lock(&owed.lock);
	waits = !owed.open || owed.first;
	if (waits)
		owe_locked(e);
	pthread_mutex_unlock(&owed.lock);
	if (waits)
		return;
	if (chain_write(&v, 1, false) < 0) {
		owe(e);
	} else if (e->event < LEDGER_EVENT_COUNT && ledger_events[e->event].synced) {
		keep_wake();
	}
}

static struct owed *owed_first(void)
{
	WITH_MUTEX(&owed.lock);
	return owed.first;
}

static void owed_drop(void)
{
	struct owed *o;

	WITH_MUTEX(&owed.lock);
	o = owed.first;
	owed.first = o->next;
	if (!owed.first)
		owed.last = &owed.first;
	owed.n_owed--;
	owed_free(o);
}

void owed_write(void)
{
	struct owed *o;

	while ((o = owed_first())) {
		struct ledger_entry *v = &o->e;
		int r = chain_write(&v, 1, false);

		if (r < 0 && r != -E2BIG)
			return;
		owed_drop();
	}
}

/* ------------------------------------------------------------------ refusals that were counted */

/* How many different refusals a uid had in this window. */
struct flood {
	int64_t uid, began;
	unsigned n;
	UT_hash_handle hh;
};

/* Under owed.lock. Somebody who is refused something else a hundred times a second would fill the disk with it. */
static bool is_flood(int64_t uid)
{
	struct flood *f;
	int64_t now = owed_clock();

	HASH_FIND(hh, owed.floods, &uid, sizeof(uid), f);
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			abort();
		f->uid = uid;
		HASH_ADD(hh, owed.floods, uid, sizeof(f->uid), f);
	}
	if (now - f->began >= LEDGER_FOLD_US) {
		f->began = now;
		f->n = 0;
	}
	return ++f->n > DIFFERENT_MOST;
}

/* Without what tells one from another: they are counted together. */
static void make_coarse(struct ledger_entry *e)
{
	static const struct ledger_attr attrs[] = {{"reason", LEDGER_TEXT, "many different refusals in a short time: counted together", 0}};

	e->path = e->canonical = e->policy_hash = NULL;
	e->src = (struct ledger_src){0};
	e->attrs = attrs;
	e->n_attrs = 1;
	e->object = (struct ledger_object){.size = -1};
}

bool keep_folded(struct ledger_entry *e)
{
	struct ledger_entry due;
	struct arena mem = ARENA_INIT;
	bool own;

	WITH_MUTEX(&owed.lock);
	if (!owed.fold)
		return true;
	while (ledger_fold_due(owed.fold, owed_clock(), &mem, &due)) {
		owe_locked(&due);
		arena_free(&mem);
	}
	own = ledger_fold_add(owed.fold, e, owed_clock());
	if (own && is_flood(e->uid)) {
		make_coarse(e);
		own = ledger_fold_add(owed.fold, e, owed_clock());
	}
	owed.folded += !own;
	return own;
}

void owed_fold(int64_t now)
{
	struct ledger_entry due;
	struct arena mem = ARENA_INIT;

	WITH_MUTEX(&owed.lock);
	while (owed.fold && ledger_fold_due(owed.fold, now, &mem, &due)) {
		owe_locked(&due);
		arena_free(&mem);
	}
}

static uint64_t take_lost(void)
{
	WITH_MUTEX(&owed.lock);
	uint64_t n = owed.lost;

	owed.lost = 0;
	return n;
}

/* What could not be said is said to be missing. */
void owed_lost(void)
{
	uint64_t n = take_lost();
	struct ledger_attr attrs[] = {LEDGER_ATTR_NUMBER("count", (int64_t)n), LEDGER_ATTR_TEXT("reason", "lines for which there was no room: refusals")};
	struct ledger_entry e = LEDGER_ENTRY_INIT, *v = &e;

	if (!n)
		return;
	e.event = LEDGER_RECOVERY;
	e.time_us = audit_now();
	e.attrs = attrs;
	e.n_attrs = ARRAY_LEN(attrs);
	if (chain_write(&v, 1, false) < 0)
		keep_lost(n);
}

static void free_floods(void)
{
	struct flood *f, *tmp;

	HASH_ITER(hh, owed.floods, f, tmp) {
		HASH_DEL(owed.floods, f);
		free(f);
	}
}

void owed_end(void)
{
	while (owed.first)
		owed_drop();
	ledger_fold_free(owed.fold);
	owed.fold = NULL;
	free_floods();
	owed.open = false;
	owed.off = true;
}

void owed_figures(struct audit_figures *out)
{
	WITH_MUTEX(&owed.lock);
	out->folded = owed.folded;
	out->lost = owed.lost;
}
