/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one write-once file: made, opened again, flushed, released, its metadata (SPEC section 5, points 1 to 4, 6 to 8, 10). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/ynode.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/journal.h"
#include "fs/naming.h"
#include "fs/node.h"
#include "fs/opts.h"
#include "fs/policy.h"
#include "fs/proc.h"
#include "fs/reap.h"
#include "fs/seal.h"
#include "fs/transient.h"

enum {
	STRIPES = 64,
	KEEP_TORN = 86400,
	EMPTY_FOR = 600,
};

static struct {
	uint64_t boot;
	bool immutable, read_only;
	pthread_mutex_t stripe[STRIPES]; /* by inode: judging and rewriting its record */
} life;

uint64_t seal_boot(void)
{
	return life.boot;
}

bool seal_immutable(void)
{
	return life.immutable;
}

bool seal_read_only(void)
{
	return life.read_only;
}

static uint64_t chance(void)
{
	uint64_t r = 0;

	while (getrandom(&r, sizeof(r), 0) != sizeof(r) || !r)
		;
	return r;
}

pthread_mutex_t *seal_lock_of(uint64_t ino)
{
	return &life.stripe[(ino * 0x9e3779b97f4a7c15ull >> 32) % STRIPES];
}

/* ------------------------------------------------------------------------------------------------ records on disk */

bool seal_read_record(int fd, struct seal_record *out)
{
	char text[SEAL_RECORD_MAX];
	ssize_t n = back_fgetxattr(fd, SEAL_RECORD_ATTR, text, sizeof(text));

	return n > 0 && seal_record_parse(text, (size_t)n, out);
}

/* A sealed file is not writable for its owner either, and perhaps immutable: both are lifted for as long as it takes. */
static int write_lifted(int fd, const char *attr, const void *data, size_t n)
{
	struct stat st;
	int r = back_fstat(fd, &st);

	if (r < 0)
		return r;
	if (life.immutable)
		back_set_immutable(fd, false);
	if (!(st.st_mode & S_IWUSR))
		back_fchmod(fd, st.st_mode | S_IWUSR);
	r = back_fsetxattr(fd, attr, data, n);
	if (!(st.st_mode & S_IWUSR))
		back_fchmod(fd, st.st_mode);
	return r;
}

int seal_write_attr(int fd, const char *attr, const void *data, size_t n)
{
	bool lifted = life.immutable && back_is_immutable(fd);
	int r = lifted ? -EPERM : back_fsetxattr(fd, attr, data, n);

	if (r == -EACCES || r == -EPERM)
		r = write_lifted(fd, attr, data, n);
	if (lifted)
		back_set_immutable(fd, true);
	return r;
}

int seal_write_record(int fd, const struct seal_record *rec)
{
	AUTO_BUF text = BUF_INIT;
	int r;

	seal_record_format(rec, &text);
	r = seal_write_attr(fd, SEAL_RECORD_ATTR, text.data, text.len);
	if (r == 0 && life.immutable && rec->state == SEAL_SEALED && *rec->sha256)
		r = back_set_immutable(fd, true);
	return r;
}

/* ------------------------------------------------------------------------------------------------ retention */

static long long duration_in(const struct ynode *map, const char *key)
{
	const struct ynode *n = map->kind == Y_MAP ? ynode_get(map, key) : !strcmp(key, "default") ? map : NULL;
	long long s = 0;

	return n && n->kind == Y_SCALAR && str_duration(n->text, &s) ? s : -1;
}

bool seal_in_compliance(const struct acl_policy *p)
{
	struct acl_value v = acl_get(p, ACL_KEY_WORM_MODE);

	return v.node && v.node->kind == Y_SCALAR && !strcmp(v.node->text, "compliance");
}

long long seal_retention(struct acl_policy *p, long long now, long long wanted)
{
	struct acl_value v = acl_get(p, ACL_KEY_RETENTION);
	long long least, most, usual;

	if (!v.node)
		return seal_in_compliance(p) ? RETAIN_FOREVER : wanted;
	usual = duration_in(v.node, "default");
	least = duration_in(v.node, "min");
	most = duration_in(v.node, "max");
	if (!wanted && usual < 0)
		return least >= 0 ? now + least : seal_in_compliance(p) ? RETAIN_FOREVER : 0;
	if (!wanted)
		wanted = now + usual;
	if (least >= 0 && wanted < now + least)
		wanted = now + least;
	return most >= 0 && wanted > now + most ? now + most : wanted;
}

bool seal_retention_over(const struct acl_policy *p, const struct seal_record *rec, long long now)
{
	if (!rec->retain)
		return !rec->compliance && !seal_in_compliance(p);
	return rec->retain != RETAIN_FOREVER && now >= rec->retain;
}

/* ------------------------------------------------------------------------------------------------ made */

static struct seal_record first_record(struct op *op, struct acl_policy *p, const char *name)
{
	struct seal_record rec = {.state = SEAL_OPEN, .zone = acl_is_zone(p), .id = chance(), .boot = life.boot, .made = gate_now()};

	if (transient_name(p, name)) {
		rec.state = SEAL_TRANSIENT;
		rec.as = transient_hash(name);
	}
	person_set(&rec.creator, op->caller.id);
	return rec;
}

/* With its record before anybody can see it. */
static int create_marked(struct op *op, int dirfd, const char *name, mode_t mode, int flags, const struct seal_record *rec)
{
	char tmp[BACK_TMP_NAME];
	int tmpfd, r;
	AUTO_CLOSE int fd = back_create_tmp(mode, op->caller.uid, op->caller.gid, flags, tmp, &tmpfd);

	if (fd < 0)
		return fd;
	r = seal_write_record(fd, rec);
	if (r == 0)
		r = back_rename(tmpfd, tmp, dirfd, name, RENAME_NOREPLACE);
	if (r < 0)
		back_unlink(tmpfd, tmp);
	return r < 0 ? r : steal_fd(&fd);
}

int seal_create(struct op *op, struct node *dir, int dirfd, const char *name, mode_t mode, int flags, bool *watched)
{
	struct acl_policy *p = policy_of(dir);
	bool zone = acl_is_zone(p);
	int r = -EOPNOTSUPP;

	*watched = !policy_none() && (zone || !gate_may(op->caller.id, ACL_OP_WRITE, dir, name, 0));
	if (*watched) {
		struct seal_record rec = first_record(op, p, name);

		r = create_marked(op, dirfd, name, mode, flags, &rec);
	}
	acl_policy_unref(p);
	if (r != -EOPNOTSUPP || (*watched && zone))
		return r;
	*watched = false; /* a lane on a filesystem without attributes: closed is closed, there is no grace */
	return back_create(dirfd, name, mode, op->caller.uid, op->caller.gid, flags);
}

/* When the journal has to look at a file in that state. */
static long long due_of(const struct seal_record *rec, enum seal_state s, long long seal_grace)
{
	switch (s) {
	case SEAL_EMPTY:
		return rec->released + EMPTY_FOR;
	case SEAL_CLOSED:
		return seal_grace_end(rec, seal_grace);
	case SEAL_TORN:
		return rec->since + KEEP_TORN;
	case SEAL_TRANSIENT:
		return rec->made + KEEP_TORN;
	case SEAL_OPEN:
		return LLONG_MAX;
	case SEAL_SEALED:
	case SEAL_ALTERED:
	case SEAL_FREE:
	case SEAL_STATES:
		break;
	}
	return 0;
}

static void note(struct node *n, uint64_t ino, const struct seal_record *rec, enum seal_state s, long long seal_grace)
{
	struct flight f = {.ino = ino, .state = s, .explicit = rec->explicit, .due = due_of(rec, s, seal_grace), .who = rec->creator};

	f.path = node_path(n);
	journal_put(&f, true);
	free(f.path);
}

void seal_created(struct node *n, int fd, struct handle *h)
{
	struct seal_record rec;
	struct stat st;

	if (back_fstat(fd, &st) < 0)
		return;
	WITH_MUTEX(seal_lock_of(st.st_ino));
	if (!seal_read_record(fd, &rec))
		return;
	if (h) {
		handle_watch(h);
		h->unnamed = rec.state == SEAL_OPEN && naming_is_pending(n->parent, n->name, false);
	} else if (rec.state == SEAL_OPEN) {
		rec.state = SEAL_EMPTY;
		rec.released = rec.made;
		seal_write_record(fd, &rec);
	}
	note(n, st.st_ino, &rec, rec.state, 0);
}

/* ------------------------------------------------------------------------------------------------ opened again */

/* By descriptor, so that nothing else of that name gets the record. */
static int mark_open(int dirfd, struct node *n, struct seal_record *rec)
{
	AUTO_CLOSE int fd = back_open(dirfd, n->name, O_RDONLY, 0);

	if (fd < 0)
		return fd;
	if (rec->state != SEAL_TRANSIENT)
		rec->state = SEAL_OPEN;
	rec->boot = life.boot;
	return seal_write_record(fd, rec);
}

/* Only its creator, by state. Under the lock of the inode. */
static int open_watched(struct op *op, struct node *n, int dirfd, struct handle *h, struct acl_policy *p)
{
	struct seal_view v;
	int r = seal_look(p, dirfd, n->name, n, op->caller.id, &v);

	if (r == 0 && v.st.st_ino != n->ref.ino)
		r = -ENOENT;
	if (r == 0)
		r = seal_check(op, ACL_OP_WRITE, n->parent, n->name);
	if (r < 0 || !v.mine || (!v.zone && gate_may(op->caller.id, ACL_OP_WRITE, n->parent, n->name, 0)))
		return r;
	if (v.rec.explicit || v.rec.zone != v.zone)
		return 0;
	r = mark_open(dirfd, n, &v.rec);
	if (r < 0)
		return r;
	handle_watch(h);
	h->unnamed = v.rec.state == SEAL_OPEN && naming_is_pending(n->parent, n->name, false);
	note(n, n->ref.ino, &v.rec, v.rec.state, v.seal_grace);
	return 0;
}

int seal_open_write(struct op *op, struct node *n, int dirfd, struct handle *h)
{
	struct acl_policy *p;
	int r;

	if (policy_none())
		return 0;
	p = policy_of(n->parent);
	pthread_mutex_lock(seal_lock_of(n->ref.ino));
	r = open_watched(op, n, dirfd, h, p);
	pthread_mutex_unlock(seal_lock_of(n->ref.ino));
	acl_policy_unref(p);
	return r;
}

/* ------------------------------------------------------------------------------------------------ written */

void seal_wrote(struct handle *h, ssize_t done, size_t asked)
{
	__atomic_store_n(&h->flushed, false, __ATOMIC_RELEASE);
	if (!h->watched || __atomic_load_n(&h->unnamed, __ATOMIC_ACQUIRE))
		return;
	__atomic_store_n(&h->killed, false, __ATOMIC_RELEASE);
	if (done < 0 || (size_t)done < asked)
		__atomic_store_n(&h->failed, true, __ATOMIC_RELEASE);
}

int seal_before_write(struct op *op, struct handle *h)
{
	struct node *n = h->node;

	if (!__atomic_load_n(&h->unnamed, __ATOMIC_ACQUIRE))
		return 0;
	WITH_RDLOCK(&tree_lock);
	if (!n->gone && naming_is_pending(n->parent, n->name, false))
		return naming_refuse_pending(op, ACL_OP_WRITE, n->parent, n->name);
	__atomic_store_n(&h->unnamed, false, __ATOMIC_RELEASE);
	return 0;
}

#define PF_EXITING 0x4ul

/*
 * Is that task being killed, rather than ending by itself? The exit code is shown to whoever may trace the task: hence CAP_SYS_PTRACE.
 * PF_SIGNALED would not do: the threads of a program that ends normally have it too.
 */
static bool being_killed(pid_t tid)
{
	struct proc_stat st;

	return proc_stat(tid, &st) == 0 && (st.flags & PF_EXITING) && (st.exit_code & 0x7f);
}

void seal_flushed(struct op *op, struct handle *h)
{
	if (h->watched)
		__atomic_store_n(&h->killed, being_killed(op->caller.pid), __ATOMIC_RELEASE);
	__atomic_store_n(&h->flushed, true, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------------------------------------ released */

static void fill_sealed(struct acl_policy *p, struct seal_record *rec, const struct stat *st)
{
	rec->state = SEAL_SEALED;
	rec->since = gate_now();
	rec->size = st->st_size;
	rec->mtime = 0;
	rec->sha256[0] = '\0';
	rec->compliance = seal_in_compliance(p);
	if (!rec->retain)
		rec->retain = seal_retention(p, rec->since, 0);
	snprintf(rec->policy, sizeof(rec->policy), "%s", acl_policy_hash(p));
}

/*
 * Sealed by hand among ordinary files, or to stay sealed whatever the place becomes: without write bits it is told from others at a glance
 * (seal.c); these go last, after the record.
 */
int seal_close_record(int fd, struct acl_policy *p, struct seal_record *rec, const struct stat *st)
{
	long long now = gate_now();
	int r;

	rec->zone = acl_is_zone(p);
	rec->boot = life.boot;
	if (!rec->released)
		rec->released = now;
	if (!rec->id)
		rec->id = chance();
	rec->as = 0;
	if (rec->explicit || (rec->zone && seal_grace_end(rec, seal_grace_of(p)) <= now)) {
		fill_sealed(p, rec, st);
	} else {
		rec->state = SEAL_CLOSED;
		rec->since = now;
	}
	r = seal_write_record(fd, rec);
	if (r == 0 && (rec->explicit || (rec->state == SEAL_SEALED && rec->compliance)))
		r = back_fchmod(fd, st->st_mode & 0555);
	return r;
}

/* What becomes of it. Under the lock of the inode. */
static int settle(struct handle *h, struct acl_policy *p, struct seal_record *rec, const struct stat *st)
{
	bool torn = h->failed || h->killed;

	if (rec->state == SEAL_TRANSIENT)
		return 0;
	if (!torn && st->st_size) {
		rec->released = gate_now();
		return seal_close_record(h->fd, p, rec, st);
	}
	rec->zone = acl_is_zone(p);
	rec->state = torn ? SEAL_TORN : SEAL_EMPTY;
	if (!rec->released)
		rec->released = gate_now();
	rec->since = gate_now();
	return seal_write_record(h->fd, rec);
}

static void tell_settled(struct node *n, uint64_t ino, const struct seal_record *rec, struct acl_policy *p)
{
	AUTO_FREE char *path = node_path(n);

	if (rec->state == SEAL_CLOSED && !rec->zone)
		journal_drop(ino);
	else
		note(n, ino, rec, rec->state, seal_grace_of(p));
	if (rec->state == SEAL_TORN)
		seal_landed(SEAL_EV_TORN, path, rec, "its writer was killed, or a write failed");
}

/* The last handle that may write it is going. */
static void last_release(struct handle *h, struct node *n)
{
	struct acl_policy *p = policy_of(n->parent);
	struct seal_record rec;
	struct stat st;
	int r = back_fstat(h->fd, &st);

	if (r == 0 && seal_read_record(h->fd, &rec)) {
		r = settle(h, p, &rec, &st);
		if (r < 0)
			log_warn("what became of %s cannot be written down (%s): tried again later", n->name, strerror(-r));
		tell_settled(n, st.st_ino, &rec, p);
	}
	acl_policy_unref(p);
}

void seal_abandon(struct handle *h)
{
	struct node *n = h->node;
	bool others;

	if (!h->watched || h->fd < 0)
		return;
	WITH_MUTEX(seal_lock_of(n->ref.ino));
	others = handle_leave_watch(h);
	if (n->gone)
		journal_drop(n->ref.ino);
	else if (!others)
		last_release(h, n);
	__atomic_store_n(&n->sealed, 0, __ATOMIC_RELEASE);
}

void seal_released(struct handle *h)
{
	WITH_RDLOCK(&tree_lock);
	seal_abandon(h);
}

void seal_truncated(struct node *n)
{
	struct acl_policy *p = policy_of(n->parent);
	struct seal_view v;
	int dirfd;

	if (back_dir_get(n->parent, &dirfd) == 0) {
		WITH_MUTEX(seal_lock_of(n->ref.ino));
		AUTO_CLOSE int fd = back_open(dirfd, n->name, O_RDONLY, 0);

		if (fd >= 0 && seal_look(p, dirfd, n->name, n, NULL, &v) == 0 && v.recorded && v.rec.zone == v.zone && v.st.st_size && !v.writers &&
		    (v.rec.state == SEAL_EMPTY || v.rec.state == SEAL_TORN)) {
			v.rec.released = gate_now();
			seal_close_record(fd, p, &v.rec, &v.st);
			tell_settled(n, v.st.st_ino, &v.rec, p);
		}
		back_dir_put(n->parent, dirfd);
	}
	acl_policy_unref(p);
}

void seal_gone(uint64_t ino)
{
	journal_drop(ino);
}

/* ------------------------------------------------------------------------------------------------ metadata */

void seal_meta_begin(struct node *n, int dirfd)
{
	AUTO_CLOSE int fd = life.immutable ? back_open(dirfd, n->name, O_RDONLY, 0) : -1;

	if (fd >= 0)
		back_set_immutable(fd, false);
}

void seal_meta_changed(struct node *n, int dirfd)
{
	struct seal_record rec;
	struct stat st;

	WITH_MUTEX(seal_lock_of(n->ref.ino));
	AUTO_CLOSE int fd = back_open(dirfd, n->name, O_RDONLY, 0);
	if (fd < 0 || !seal_read_record(fd, &rec) || rec.state != SEAL_SEALED || !*rec.sha256 || back_fstat(fd, &st) < 0)
		return;
	if (rec.mtime != clock_ns(st.st_mtim) || life.immutable) {
		rec.mtime = clock_ns(st.st_mtim);
		seal_write_record(fd, &rec);
	}
	__atomic_store_n(&n->sealed, 0, __ATOMIC_RELEASE);
}

static bool longer(long long a, long long b)
{
	return b != RETAIN_FOREVER && (a == RETAIN_FOREVER || a > b);
}

/* Under the lock of the inode. */
static int keep_longer(struct node *n, int fd, struct seal_record *rec, long long until)
{
	AUTO_FREE char *path = node_path(n);
	char text[32] = "for ever";
	int r;

	rec->retain = until;
	r = seal_write_record(fd, rec);
	if (until != RETAIN_FOREVER)
		str_time_format(until, text);
	if (r == 0)
		seal_landed(SEAL_EV_RETAINED, path, rec, text);
	return r;
}

/* In the metadata grace or in seal_grace. Under the lock of the inode. */
static int make_final(struct node *n, int fd, struct acl_policy *p, struct seal_view *v)
{
	long long atime = v->st.st_atim.tv_sec, until = atime > gate_now() ? seal_retention(p, gate_now(), atime) : 0;
	int r = 0;

	if (v->state == SEAL_CLOSED) {
		v->rec.final = true;
		v->rec.retain = until;
		r = seal_close_record(fd, p, &v->rec, &v->st);
		tell_settled(n, v->st.st_ino, &v->rec, p);
	} else if (until && longer(until, v->rec.retain)) {
		r = keep_longer(n, fd, &v->rec, until);
	}
	__atomic_store_n(&n->sealed, 0, __ATOMIC_RELEASE);
	return r;
}

int seal_chmod_readonly(struct op *op, struct node *n)
{
	struct acl_policy *p = policy_of(n->parent);
	struct seal_view v;
	int dirfd, r = 1;

	if (acl_is_zone(p) && back_dir_get(n->parent, &dirfd) == 0) {
		WITH_MUTEX(seal_lock_of(n->ref.ino));
		AUTO_CLOSE int fd = back_open(dirfd, n->name, O_RDONLY, 0);

		if (fd >= 0 && seal_look(p, dirfd, n->name, n, op->caller.id, &v) == 0 && v.mine && !v.writers &&
		    (v.state == SEAL_CLOSED || v.state == SEAL_SEALED) &&
		    seal_state_lets(v.state, ACT_META, &v.rec, gate_now(), v.seal_grace) &&
		    gate_may(op->caller.id, ACL_OP_CREATE, n->parent, n->name, 0))
			r = make_final(n, fd, p, &v);
		back_dir_put(n->parent, dirfd);
	}
	acl_policy_unref(p);
	return r;
}

static int refuse_shorter(struct op *op, struct node *n, const struct seal_record *rec)
{
	AUTO_FREE char *path = node_path(n);
	char until[32] = "for ever";

	if (rec->retain != RETAIN_FOREVER)
		str_time_format(rec->retain, until);
	return gate_refuse(op, EPERM, ACL_OP_UTIMENS, path, "%s is kept %s%s: that can be lengthened, within the policy's bounds, never shortened",
			   path, rec->retain == RETAIN_FOREVER ? "" : "until ", until);
}

int seal_extend(struct op *op, struct node *n, const struct timespec *atime, bool quiet)
{
	struct acl_policy *p = policy_of(n->parent);
	struct timespec ts[2] = {*atime, {.tv_nsec = UTIME_OMIT}};
	struct seal_view v;
	long long until;
	int dirfd, r = 1;

	if (acl_is_zone(p) && atime->tv_sec > gate_now() && gate_may(op->caller.id, ACL_OP_CREATE, n->parent, n->name, 0) &&
	    back_dir_get(n->parent, &dirfd) == 0) {
		WITH_MUTEX(seal_lock_of(n->ref.ino));
		AUTO_CLOSE int fd = back_open(dirfd, n->name, O_RDONLY, 0);

		if (fd >= 0 && seal_look(p, dirfd, n->name, n, NULL, &v) == 0 && v.state == SEAL_SEALED && v.recorded &&
		    v.rec.state == SEAL_SEALED) {
			until = seal_retention(p, v.rec.since, atime->tv_sec);
			r = longer(until, v.rec.retain) ? keep_longer(n, fd, &v.rec, until) : quiet ? 1 : refuse_shorter(op, n, &v.rec);
			if (r == 0) {
				seal_meta_begin(n, dirfd);
				back_futimens(fd, ts);
				if (life.immutable)
					back_set_immutable(fd, true);
			}
		}
		back_dir_put(n->parent, dirfd);
	}
	acl_policy_unref(p);
	return r;
}

/* ------------------------------------------------------------------------------------------------ start and end */

/* Better said now than with the first file that should have been immutable. */
static int try_immutable(void)
{
	char name[BACK_TMP_NAME];
	int dirfd, r;
	AUTO_CLOSE int fd = back_tmp_file(name, &dirfd);

	if (fd < 0)
		return fd;
	r = back_set_immutable(fd, true);
	if (r == 0)
		back_set_immutable(fd, false);
	back_unlink(dirfd, name);
	if (r < 0)
		log_err("-o immutable: the filesystem of the archive, or this user, cannot set that flag: %s", strerror(-r));
	return r;
}

int seal_init(const struct options *o)
{
	int r;

	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&life.stripe[i], NULL);
	life.boot = chance();
	life.read_only = o->read_only;
	life.immutable = o->immutable;
	if (life.read_only)
		return 0;
	if (life.immutable) {
		r = try_immutable();
		if (r < 0)
			return r;
	}
	reap_read_clock();
	r = journal_init();
	if (r < 0)
		log_warn("the list of files in flight cannot be kept in .zddc.d: %s", strerror(-r));
	return 0;
}

int seal_start(void)
{
	return life.read_only ? 0 : reap_start();
}

void seal_stop(void)
{
	reap_stop();
}

void seal_exit(void)
{
	journal_free();
}
