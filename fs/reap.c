/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/reap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/journal.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/virt.h"

enum {
	LOOK_MS = 1000, /* how long the thread sleeps at most */
	CLOCK_EVERY = 15, /* seconds between two notes of the clock */
	PURGE_EVERY = 3600,
	KEEP_QUARANTINED = 30 * 86400,
	KEEP_TORN = 86400,
	AGAIN_AFTER = 60,
	WARN_EVERY = 60,
	CHUNK = 1 << 20,
};

static const char CLOCK_FILE[] = ".zddc.d/clock";

static struct {
	pthread_t thread;
	bool running;
	bool stop; /* atomic */
} reap;

static bool stopping(void)
{
	return __atomic_load_n(&reap.stop, __ATOMIC_ACQUIRE);
}

/* ------------------------------------------------------------------------------------------------ the clock */

void reap_read_clock(void)
{
	AUTO_BUF text = BUF_INIT;
	long long at;

	if (back_path_read(CLOCK_FILE, &text, 64) < 0)
		return;
	at = strtoll(buf_str(&text), NULL, 10);
	if (at > gate_now() + 60)
		log_warn("the clock of this machine is %lld s behind the archive's, which never goes back: it goes on from there", at - gate_now());
	gate_clock_floor(at);
}

static void write_clock(void)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lld\n", gate_now());

	back_store_write("", "clock", text, (size_t)n);
}

/* ------------------------------------------------------------------------------------------------ one file */

/* A file of the journal, found again. */
struct found {
	const struct flight *f;
	struct acl_policy *p;
	struct node *n; /* NULL: the table has none */
	int dirfd;
	const char *name;
	struct seal_view v;
};

/* The node of a path as far as the table knows it; one reference or NULL. */
static struct node *node_at(const char *path)
{
	struct node *n = node_ref(node_root());
	AUTO_FREE char *copy = strdup(path);
	char *save = NULL;

	for (char *part = strtok_r(copy, "/", &save); n && part; part = strtok_r(NULL, "/", &save)) {
		struct node *next = node_find(n, part);

		node_put(n);
		n = next;
	}
	return n;
}

static void leave(struct found *at)
{
	if (at->dirfd >= 0)
		close(at->dirfd);
	acl_policy_unref(at->p);
	node_put(at->n);
}

/* Under the tree lock. 0, or -errno: it is not there any more. */
static int find(const struct flight *f, struct found *out)
{
	const char *slash = strrchr(f->path, '/');
	AUTO_FREE char *dir = strndup(f->path, slash ? (size_t)(slash - f->path) : 0);
	int r;

	*out = (struct found){.f = f, .dirfd = -1, .name = slash ? slash + 1 : f->path};
	r = back_path_dir(dir, &out->dirfd);
	if (r < 0) {
		out->dirfd = -1;
		return r;
	}
	out->p = policy_at(dir);
	out->n = node_at(f->path);
	r = seal_look(out->p, out->dirfd, out->name, out->n, NULL, &out->v);
	return r == 0 && out->v.st.st_ino != f->ino ? -ENOENT : r;
}

static void look_again(const struct flight *f, enum seal_state s, long long due)
{
	struct flight again = *f;

	again.state = s;
	again.due = due > gate_now() ? due : gate_now() + AGAIN_AFTER;
	journal_put(&again, s != SEAL_SEALED || f->explicit);
}

/* At rest, and its record says so. */
static void done(const struct found *at)
{
	if (at->f->explicit)
		look_again(at->f, SEAL_SEALED, LLONG_MAX);
	else
		journal_drop(at->f->ino);
	if (at->n)
		__atomic_store_n(&at->n->sealed, 0, __ATOMIC_RELEASE);
}

/* On a full disk it is the same for many files, every few seconds: said once a minute. */
static void warn_sometimes(const char *path, int err)
{
	static long long said; /* only the thread's own */

	if (gate_now() < said + WARN_EVERY)
		return;
	said = gate_now();
	log_warn("%s: its seal cannot be written down: %s: nobody can change it meanwhile, and it is tried again every few seconds", path, strerror(-err));
}

/* ------------------------------------------------------------------------------------------------ hashing */

/* The bytes are on disk before anybody says what they are. -EINTR: the mount stops. */
static int hash_file(int fd, char hex[SHA256_HEX])
{
	AUTO_FREE char *chunk = malloc(CHUNK);
	unsigned char sum[SHA256_LEN];
	struct sha256 *h = sha256_new();
	ssize_t n = chunk ? 1 : -ENOMEM;
	int r;

	for (off_t off = 0; n > 0 && !stopping(); off += n) {
		n = back_pread(fd, chunk, CHUNK, off);
		if (n > 0)
			sha256_add(h, chunk, (size_t)n);
	}
	sha256_end(h, sum);
	sha256_hex(sum, hex);
	if (n != 0)
		return n < 0 ? (int)n : -EINTR;
	r = back_fsync(fd, false);
	return r;
}

/* A record for a file that counts as sealed and has none that says so: found, moved in, or its closing could not be written. */
static int close_late(struct found *at, int fd)
{
	struct seal_record *rec = &at->v.rec;
	bool adopted = !at->v.recorded || rec->zone != at->v.zone;

	if (adopted) {
		struct person creator = at->v.recorded ? rec->creator : (struct person){0};

		*rec = (struct seal_record){.creator = creator, .final = true};
		if (*at->f->who.email && !person_same(&at->f->who, &creator))
			rec->filer = at->f->who;
		if (!*creator.email)
			rec->made = clock_ns(at->v.st.st_mtim) / 1000000000;
	}
	int r = seal_close_record(fd, at->p, rec, &at->v.st);
	if (r == 0 && adopted)
		seal_landed(*rec->filer.email ? SEAL_EV_ARRIVED : SEAL_EV_ADOPTED, at->f->path, rec, NULL);
	return r;
}

/* After hashing, under all locks again: what was hashed is what is there. */
static int write_hash(struct found *at, int fd, const char hex[SHA256_HEX], off_t size)
{
	struct seal_record *rec = &at->v.rec;
	int r;

	if (at->v.st.st_size != size)
		return -EAGAIN;
	if (rec->size != size || (*rec->sha256 && strcmp(rec->sha256, hex) != 0)) {
		rec->state = SEAL_ALTERED;
		seal_landed(SEAL_EV_ALTERED, at->f->path, rec, "its bytes are not those that were sealed: changed behind the mount");
		return seal_write_record(fd, rec);
	}
	bool first = !*rec->sha256;
	memcpy(rec->sha256, hex, SHA256_HEX);
	rec->state = SEAL_SEALED;
	rec->mtime = clock_ns(at->v.st.st_mtim);
	r = seal_write_record(fd, rec);
	if (r == 0 && first)
		r = back_fsync(fd, false);
	if (r == 0 && first)
		seal_landed(SEAL_EV_SEALED, at->f->path, rec, NULL);
	return r;
}

/* Opens what is to be hashed and, if need be, closes its record first. Under the tree lock. */
static int begin_hash(struct found *at)
{
	/* hashing is no reading: the access time stays, or a call that would change nothing would change it */
	AUTO_CLOSE int fd = back_open(at->dirfd, at->name, O_RDONLY | O_NOATIME, 0);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return fd;
	WITH_MUTEX(seal_lock_of(at->f->ino));
	if (back_fstat(fd, &st) < 0 || st.st_ino != at->f->ino)
		return -ENOENT;
	r = seal_look(at->p, at->dirfd, at->name, at->n, NULL, &at->v);
	if (r == 0 && at->v.state != SEAL_SEALED && at->v.state != SEAL_ALTERED)
		return -EAGAIN; /* its creator was faster */
	if (r == 0 && !(at->v.recorded && (at->v.rec.state == SEAL_SEALED || at->v.rec.state == SEAL_ALTERED)))
		r = close_late(at, fd);
	else if (r == 0 && at->v.rec.zone != at->v.zone && !at->v.rec.explicit && !seal_record_bound(&at->v.rec, gate_now()))
		r = close_late(at, fd);
	return r < 0 ? r : steal_fd(&fd);
}

/* What was hashed without any lock is written with them. */
static int end_hash(const struct flight *f, int fd, const char hex[SHA256_HEX], off_t size)
{
	struct found at;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = find(f, &at);
	if (r == 0) {
		WITH_MUTEX(seal_lock_of(f->ino));
		r = seal_look(at.p, at.dirfd, at.name, at.n, NULL, &at.v);
		if (r == 0 && at.v.recorded && (at.v.rec.state == SEAL_SEALED || at.v.rec.state == SEAL_ALTERED))
			r = write_hash(&at, fd, hex, size);
		else if (r == 0)
			r = -EAGAIN;
	}
	if (r == 0)
		done(&at);
	leave(&at);
	return r;
}

/* A sealed file without a hash, or whose times are not those of its seal. Takes the locks itself. */
static void hash_one(const struct flight *f, int fd, off_t size)
{
	char hex[SHA256_HEX];
	int r = hash_file(fd, hex);

	if (r == 0)
		r = end_hash(f, fd, hex, size);
	if (r == -ENOENT)
		journal_drop(f->ino);
	if (r == -EIO)
		log_err("%s cannot be read back: %s: its seal has no hash", f->path, strerror(-r));
	else if (r < 0 && r != -EINTR && r != -EAGAIN && r != -ENOENT)
		warn_sometimes(f->path, r);
	close(fd);
}

/* ------------------------------------------------------------------------------------------------ quarantine */

static void quarantine_name(const struct found *at, struct buf *out)
{
	char when[32];

	str_time_format(gate_now(), when);
	buf_addf(out, "%s-%llx-", when, (unsigned long long)at->f->ino);
	buf_adds(out, at->name);
	if (out->len > 250)
		out->data[out->len = 250] = '\0';
}

/* Under the tree lock for writing. */
static int move_away(struct found *at)
{
	AUTO_BUF name = BUF_INIT;
	AUTO_CLOSE int dir = -1;
	int r = back_store_dir("quarantine", &dir);

	if (r < 0)
		return r;
	quarantine_name(at, &name);
	r = back_rename(at->dirfd, at->name, dir, buf_str(&name), RENAME_NOREPLACE);
	if (r < 0)
		return r;
	back_setxattr(dir, buf_str(&name), "user.zddc.from", at->f->path, strlen(at->f->path), 0);
	if (at->n)
		node_gone(at->n);
	journal_drop(at->f->ino);
	seal_landed(SEAL_EV_QUARANTINED, at->f->path, &at->v.rec, buf_str(&name));
	return 0;
}

static void quarantine(const struct flight *f)
{
	struct found at;
	long long since;

	WITH_WRLOCK(&tree_lock);
	int r = find(f, &at);

	if (r == 0 && !at.v.writers && (at.v.state == SEAL_TORN || at.v.state == SEAL_TRANSIENT)) {
		since = at.v.state == SEAL_TORN ? at.v.rec.since : at.v.rec.made;
		if (since + KEEP_TORN <= gate_now())
			r = move_away(&at);
	}
	if (r < 0 && r != -ENOENT)
		log_warn("%s cannot be moved to quarantine: %s", f->path, strerror(-r));
	leave(&at);
}

struct purge {
	struct buf names;
};

static bool collect_old(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct purge *p = arg;
	char stamp[21] = "";
	long long at;

	(void)ino;
	if (type == DT_REG && strlen(name) > 20) {
		memcpy(stamp, name, 20);
		if (str_time(stamp, &at) && at + KEEP_QUARANTINED <= gate_now())
			buf_add(&p->names, name, strlen(name) + 1);
	}
	return true;
}

static void purge_quarantine(void)
{
	struct purge p = {.names = BUF_INIT};
	AUTO_CLOSE int dir = -1;

	if (back_store_dir("quarantine", &dir) == 0) {
		back_list(dir, "", collect_old, &p);
		for (size_t at = 0; at < p.names.len; at += strlen(p.names.data + at) + 1)
			if (back_unlink(dir, p.names.data + at) == 0)
				log_notice("%s has been in quarantine for 30 days: deleted", p.names.data + at);
	}
	buf_free(&p.names);
}

/* ------------------------------------------------------------------------------------------------ what is due */

/* The daemon that had it open is dead: written down, so that its 24 hours begin. Under the lock of the inode. */
static void write_torn(struct found *at)
{
	struct seal_record *rec = &at->v.rec;
	AUTO_CLOSE int fd = back_open(at->dirfd, at->name, O_RDONLY, 0);

	if (rec->state == SEAL_TORN)
		return;
	rec->state = SEAL_TORN;
	rec->zone = at->v.zone;
	rec->since = gate_now();
	rec->boot = seal_boot();
	if (fd >= 0 && seal_write_record(fd, rec) == 0)
		seal_landed(SEAL_EV_TORN, at->f->path, rec, "the mount or its writer ended before it was closed");
}

static void attend_unsealed(struct found *at, bool *away)
{
	const struct seal_record *rec = &at->v.rec;
	long long since;

	switch (at->v.state) {
	case SEAL_OPEN:
		look_again(at->f, SEAL_OPEN, LLONG_MAX);
		return;
	case SEAL_EMPTY:
		look_again(at->f, SEAL_EMPTY, at->v.writers || !rec->released ? LLONG_MAX : rec->released + 600);
		return;
	case SEAL_CLOSED:
		if (at->v.zone)
			look_again(at->f, SEAL_CLOSED, seal_grace_end(rec, at->v.seal_grace));
		else
			journal_drop(at->f->ino);
		return;
	case SEAL_TORN:
		if (!at->v.writers)
			write_torn(at);
		break;
	case SEAL_TRANSIENT:
		break;
	case SEAL_FREE:
		journal_drop(at->f->ino);
		return;
	case SEAL_SEALED:
	case SEAL_ALTERED:
	case SEAL_STATES:
		return;
	}
	since = at->v.state == SEAL_TORN ? rec->since : rec->made;
	*away = since + KEEP_TORN <= gate_now() && !at->v.writers;
	look_again(at->f, at->v.state, since + KEEP_TORN);
}

/* Does the record of a sealed file want nothing any more? */
static bool is_complete(const struct seal_view *v)
{
	if (v->state == SEAL_ALTERED)
		return v->rec.state == SEAL_ALTERED;
	return v->recorded && v->rec.state == SEAL_SEALED && *v->rec.sha256 && (v->rec.zone == v->zone || v->rec.explicit);
}

/* -1, or a descriptor of what is to be hashed. */
static int attend_locked(struct found *at, bool *away)
{
	int fd = -1;

	if (at->v.state != SEAL_SEALED && at->v.state != SEAL_ALTERED) {
		WITH_MUTEX(seal_lock_of(at->f->ino));
		if (seal_look(at->p, at->dirfd, at->name, at->n, NULL, &at->v) == 0)
			attend_unsealed(at, away);
		return -1;
	}
	if (is_complete(&at->v)) {
		done(at);
		return -1;
	}
	fd = begin_hash(at);
	if (fd < 0 && fd != -EAGAIN)
		warn_sometimes(at->f->path, fd);
	return fd < 0 ? -1 : fd;
}

static void attend(const struct flight *f)
{
	struct found at;
	bool away = false;
	off_t size = 0;
	int fd = -1;

	pthread_rwlock_rdlock(&tree_lock);
	int r = find(f, &at);
	if (r == 0)
		fd = attend_locked(&at, &away);
	else
		journal_drop(f->ino);
	size = at.v.st.st_size;
	leave(&at);
	pthread_rwlock_unlock(&tree_lock);
	if (fd >= 0)
		hash_one(f, fd, size);
	if (away)
		quarantine(f);
}

static void *reaper(void *arg)
{
	long long clock_at = 0, purge_at = 0;
	struct flight f;

	while (!stopping()) {
		if (journal_next(gate_now(), LOOK_MS, &f)) {
			attend(&f);
			free(f.path);
		}
		if (gate_now() >= clock_at + CLOCK_EVERY) {
			clock_at = gate_now();
			write_clock();
			journal_compact();
			virt_age();
		}
		if (gate_now() >= purge_at + PURGE_EVERY) {
			purge_at = gate_now();
			purge_quarantine();
		}
	}
	return arg;
}

int reap_start(void)
{
	int r = pthread_create(&reap.thread, NULL, reaper, NULL);

	reap.running = !r;
	return -r;
}

void reap_stop(void)
{
	if (!reap.running)
		return;
	__atomic_store_n(&reap.stop, true, __ATOMIC_RELEASE);
	journal_wake();
	pthread_join(reap.thread, NULL);
	reap.running = false;
	write_clock();
}
