/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is written later: refusals that were counted with one like them, events that found no room, and everything to disk within a second.
 * One thread; and the beginning and the end of the ledger.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/audit_chain.h"
#include "fs/audit_file.h"
#include "fs/audit_forward.h"
#include "fs/audit_policy.h"
#include "fs/audit_private.h"
#include "fs/back.h"
#include "fs/opts.h"
#include "fs/policy.h"

#ifndef ZDDC_VERSION
#define ZDDC_VERSION "0.1"
#endif

enum {
	LOOK_MS = 1000,
	FOLD_SLOTS = 4096,
	DIFFERENT_MOST = 1000, /* refusals of one uid that are lines of their own, in 10 s */
	OWED_MOST = 10000, /* events that wait for room; more than that, of a disk that stays full, are only counted */
	ROTATE_MIB = 64,
	SAVE_EVERY = 30, /* seconds between two lists of what is in force; what a crash loses of it is recorded again */
};

/* An event that waits to be written. */
struct owed {
	struct owed *next;
	struct arena mem;
	struct ledger_entry e;
};

static struct {
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stop, woken;
	bool open; /* the line "mount" is written: events go through */
	struct ledger_fold *fold;
	struct owed *first, **last;
	size_t n_owed;
	uint64_t folded, lost;
	struct flood *floods; /* by uid */

	/* set once, before threads */
	bool on, off, reads, strict; /* neither on nor off: audit_init has not been called yet */
	struct audit_past past;
	int64_t began;
	const struct options *options;
	char mountpoint[PATH_MAX];
	bool waits; /* for room to put in order what the last run left; the thread tries again */
} keep = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &keep.first};

bool audit_reads(void) { return keep.reads; }

static int64_t monotonic(void)
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

/* Under keep.lock. */
static void owe(const struct ledger_entry *e)
{
	struct owed *o;

	if (keep.n_owed >= OWED_MOST) {
		keep.lost++;
		return;
	}
	o = owed_new(e);
	*keep.last = o;
	keep.last = &o->next;
	keep.n_owed++;
}

void keep_lost(uint64_t n)
{
	WITH_MUTEX(&keep.lock);
	keep.lost += n;
}

/* The order of events stays: none overtakes one that waits. */
void keep_event(const struct ledger_entry *e)
{
	struct ledger_entry now = *e, *v = &now;
	bool waits;

	if (keep.off)
		return;
	pthread_mutex_lock(&keep.lock);
	waits = !keep.open || keep.first;
	if (waits)
		owe(e);
	pthread_mutex_unlock(&keep.lock);
	if (waits)
		return;
	if (chain_write(&v, 1, false) < 0) {
		WITH_MUTEX(&keep.lock);
		owe(e);
	} else if (e->event < LEDGER_EVENT_COUNT && ledger_events[e->event].synced) {
		keep_wake();
	}
}

static struct owed *owed_first(void)
{
	WITH_MUTEX(&keep.lock);
	return keep.first;
}

static void owed_drop(void)
{
	struct owed *o;

	WITH_MUTEX(&keep.lock);
	o = keep.first;
	keep.first = o->next;
	if (!keep.first)
		keep.last = &keep.first;
	keep.n_owed--;
	owed_free(o);
}

/* Only one thread takes from the list: the one of keep.thread, or whoever starts and stops. */
static void write_owed(void)
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

/* Under keep.lock. Somebody who is refused something else a hundred times a second would fill the disk with it. */
static bool is_flood(int64_t uid)
{
	struct flood *f;
	int64_t now = monotonic();

	HASH_FIND(hh, keep.floods, &uid, sizeof(uid), f);
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			abort();
		f->uid = uid;
		HASH_ADD(hh, keep.floods, uid, sizeof(f->uid), f);
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

	WITH_MUTEX(&keep.lock);
	if (!keep.fold)
		return true;
	while (ledger_fold_due(keep.fold, monotonic(), &mem, &due)) {
		owe(&due);
		arena_free(&mem);
	}
	own = ledger_fold_add(keep.fold, e, monotonic());
	if (own && is_flood(e->uid)) {
		make_coarse(e);
		own = ledger_fold_add(keep.fold, e, monotonic());
	}
	keep.folded += !own;
	return own;
}

static void fold_flush(int64_t now)
{
	struct ledger_entry due;
	struct arena mem = ARENA_INIT;

	WITH_MUTEX(&keep.lock);
	while (keep.fold && ledger_fold_due(keep.fold, now, &mem, &due)) {
		owe(&due);
		arena_free(&mem);
	}
}

static uint64_t take_lost(void)
{
	WITH_MUTEX(&keep.lock);
	uint64_t n = keep.lost;

	keep.lost = 0;
	return n;
}

/* What could not be said is said to be missing. */
static void write_lost(void)
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

/* ------------------------------------------------------------------ the thread */

void keep_wake(void)
{
	WITH_MUTEX(&keep.lock);
	keep.woken = true;
	pthread_cond_signal(&keep.wake);
}

/* Until the next second, or until somebody wants something on disk. False when it is over. */
static bool wait_turn(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_MS / 1000;
	WITH_MUTEX(&keep.lock);
	while (!keep.stop && !keep.woken)
		if (pthread_cond_timedwait(&keep.wake, &keep.lock, &until) == ETIMEDOUT)
			break;
	keep.woken = false;
	return !keep.stop;
}

static void look_after(int64_t fold_until)
{
	chain_attend();
	fold_flush(fold_until);
	write_owed();
	write_lost();
	forward_send();
	chain_rotate(false);
	if (chain_unsynced())
		chain_sync();
}

/* ------------------------------------------------------------------ start and end */

static uint64_t rotate_at(const struct options *o)
{
	char *end;
	unsigned long long mib = o->ledger_rotate ? strtoull(o->ledger_rotate, &end, 10) : ROTATE_MIB;

	return (mib ? mib : ROTATE_MIB) << 20;
}

/* What an administrator has looked at and accepted: "FILE SEQ", in .zddc.d/ledger/accepted (zddc audit accept). */
static bool damage_accepted(void)
{
	AUTO_BUF text = BUF_INIT, want = BUF_INIT;

	buf_addf(&want, "%s %llu\n", keep.past.file, (unsigned long long)keep.past.found.seq);
	return back_path_read(".zddc.d/ledger/accepted", &text, 65536) == 0 && strstr(buf_str(&text), buf_str(&want));
}

static void open_chain(void)
{
	AUTO_BUF why = BUF_INIT;
	char host[65];

	audit_host(host);
	int r = audit_past_read(host, &keep.past);

	keep.waits = r == -ENOSPC || r == -EDQUOT;
	if (keep.waits) {
		chain_full();
	} else if (r < 0) {
		buf_addf(&why, "the ledger of the last run cannot be read: %s", strerror(-r));
		chain_damaged(buf_str(&why));
	} else if (keep.past.found.fault != LEDGER_FAULT_NONE && !damage_accepted()) {
		buf_addf(&why, "the ledger is damaged, %s ", keep.past.file);
		ledger_finding_text(&keep.past.found, &why);
		chain_damaged(buf_str(&why));
	} else {
		chain_open(host, &keep.past, rotate_at(keep.options));
	}
}

int audit_init(const struct options *o)
{
	pthread_condattr_t clock;

	keep.off = o->read_only || o->policy_none || o->ledger_off;
	if (keep.off)
		return 0;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&keep.wake, &clock);
	pthread_condattr_destroy(&clock);
	keep.on = true;
	keep.began = audit_now();
	keep.reads = o->ledger_reads;
	keep.strict = o->strict;
	keep.fold = ledger_fold_new(FOLD_SLOTS);
	forward_init(o->ledger_forward);
	keep.options = o;
	open_chain();
	return 0;
}

static void write_now(enum ledger_event event, const struct ledger_attr *attrs, size_t n)
{
	struct ledger_entry e = LEDGER_ENTRY_INIT, *v = &e;

	e.event = event;
	e.time_us = audit_now();
	e.attrs = attrs;
	e.n_attrs = n;
	if (chain_write(&v, 1, true) < 0) {
		WITH_MUTEX(&keep.lock);
		owe(&e);
	}
}

static void say_mount(void)
{
	struct chain_figures f;
	char hash[SHA256_HEX];
	struct ledger_attr attrs[8];
	size_t n = 0;

	chain_figures(&f);
	attrs[n++] = LEDGER_ATTR_TEXT("mountpoint", keep.mountpoint);
	attrs[n++] = LEDGER_ATTR_TEXT("version", ZDDC_VERSION);
	attrs[n++] = LEDGER_ATTR_TEXT("chain", f.chain);
	attrs[n++] = LEDGER_ATTR_BOOL("strict", keep.strict);
	if (keep.past.any) {
		sha256_hex(keep.past.end.head, hash);
		attrs[n++] = LEDGER_ATTR_TEXT("previous_chain", keep.past.chain);
		attrs[n++] = LEDGER_ATTR_NUMBER("previous_seq", (int64_t)keep.past.end.seq);
		attrs[n++] = LEDGER_ATTR_TEXT("previous_hash", hash);
	}
	write_now(LEDGER_MOUNT, attrs, n);
}

static void say_recovery(void)
{
	AUTO_BUF why = BUF_INIT;
	struct ledger_attr attrs[4];
	size_t n = 0;

	if (keep.past.found.fault != LEDGER_FAULT_NONE) {
		buf_adds(&why, "the damage was accepted by an administrator: ");
		ledger_finding_text(&keep.past.found, &why);
	} else if (keep.past.torn) {
		buf_adds(&why, "the end of the ledger was incomplete: it was moved aside");
	} else if (keep.past.any && !keep.past.unmounted) {
		buf_adds(&why, "the last run ended without an unmount");
	} else {
		return;
	}
	attrs[n++] = LEDGER_ATTR_TEXT("reason", buf_str(&why));
	attrs[n++] = LEDGER_ATTR_TEXT("file", keep.past.file);
	if (keep.past.torn) {
		attrs[n++] = LEDGER_ATTR_TEXT("moved_to", keep.past.torn_file);
		attrs[n++] = LEDGER_ATTR_NUMBER("bytes", (int64_t)keep.past.torn);
	}
	write_now(LEDGER_RECOVERY, attrs, n);
}

/* Behind the line of the mount, what was told before it. */
static void begin_lines(void)
{
	say_mount();
	say_recovery();
	pthread_mutex_lock(&keep.lock);
	keep.open = true;
	pthread_mutex_unlock(&keep.lock);
	write_owed();
}

static void try_again(void)
{
	open_chain();
	if (!keep.waits)
		begin_lines();
}

static void *keeper(void *arg)
{
	bool surveyed = false;

	for (unsigned turn = 1; wait_turn(); turn++) {
		if (keep.waits)
			try_again();
		look_after(monotonic());
		if (!surveyed && index_ready()) {
			audit_policy_survey(&keep.stop);
			surveyed = true;
		}
		if (turn % SAVE_EVERY == 0)
			audit_policy_save();
	}
	return arg;
}

int audit_start(const char *mountpoint)
{
	int r;

	if (!keep.on)
		return 0;
	snprintf(keep.mountpoint, sizeof(keep.mountpoint), "%s", mountpoint);
	if (!keep.waits)
		begin_lines();
	r = pthread_create(&keep.thread, NULL, keeper, NULL);
	keep.running = !r;
	return -r;
}

static void stop_thread(void)
{
	if (!keep.running)
		return;
	pthread_mutex_lock(&keep.lock);
	__atomic_store_n(&keep.stop, true, __ATOMIC_RELEASE);
	pthread_cond_signal(&keep.wake);
	pthread_mutex_unlock(&keep.lock);
	pthread_join(keep.thread, NULL);
	keep.running = false;
}

static void free_floods(void)
{
	struct flood *f, *tmp;

	HASH_ITER(hh, keep.floods, f, tmp) {
		HASH_DEL(keep.floods, f);
		free(f);
	}
}

void audit_stop(void)
{
	stop_thread();
	if (keep.open) {
		look_after(INT64_MAX);
		audit_policy_save();
		write_now(LEDGER_UNMOUNT, NULL, 0);
		forward_send();
	}
	forward_free();
	chain_close();
	while (keep.first)
		owed_drop();
	ledger_fold_free(keep.fold);
	free_floods();
	keep.fold = NULL;
	keep.on = keep.open = false;
	keep.off = true;
	audit_policy_free();
}

void audit_figures(struct audit_figures *out)
{
	static const char *const words[] = {[CHAIN_OFF] = "off", [CHAIN_GOOD] = "good", [CHAIN_FULL] = "full", [CHAIN_FAILED] = "failed", [CHAIN_DAMAGED] = "damaged"};
	struct chain_figures f;

	chain_figures(&f);
	*out = (struct audit_figures){.seq = f.seq, .lines = f.lines, .batches = f.batches, .syncs = f.syncs, .bytes = f.bytes};
	snprintf(out->chain, sizeof(out->chain), "%s", f.chain);
	snprintf(out->file, sizeof(out->file), "%s", f.file);
	snprintf(out->state, sizeof(out->state), "%s", words[f.state]);
	snprintf(out->why, sizeof(out->why), "%s", f.why);
	WITH_MUTEX(&keep.lock);
	out->folded = keep.folded;
	out->lost = keep.lost;
}
