/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning and the end of the ledger, and its one thread: what is written later, and everything to disk within a second. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	ROTATE_MIB = 64,
	SAVE_EVERY = 30, /* seconds between two lists of what is in force; what a crash loses of it is recorded again */
};

static struct {
	pthread_mutex_t lock; /* of woken; stop is atomic */
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stop, woken;

	/* set once, before threads, but for what try_again() does */
	bool on, reads, strict;
	struct audit_past past;
	int64_t began;
	const struct options *options;
	char mountpoint[PATH_MAX];
	bool waits; /* for room to put in order what the last run left; the thread tries again */
} keep = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool audit_reads(void) { return keep.reads; }

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
	owed_fold(fold_until);
	owed_write();
	owed_lost();
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

	keep.on = !o->read_only && !o->policy_none && !o->ledger_off;
	owed_begin(keep.on);
	if (!keep.on)
		return 0;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&keep.wake, &clock);
	pthread_condattr_destroy(&clock);
	keep.began = audit_now();
	keep.reads = o->ledger_reads;
	keep.strict = o->strict;
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
	if (chain_write(&v, 1, true) < 0)
		owe(&e);
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
	owed_open();
	owed_write();
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
		look_after(owed_clock());
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

void audit_stop(void)
{
	stop_thread();
	if (owed_is_open()) {
		look_after(INT64_MAX);
		audit_policy_save();
		write_now(LEDGER_UNMOUNT, NULL, 0);
		forward_send();
	}
	forward_free();
	chain_close();
	owed_end();
	keep.on = false;
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
	owed_figures(out);
}
