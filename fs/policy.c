/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policy as the mount holds it: the snapshot, where its documents come from, the generation, the kept texts. */
#include "fs/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/table.h"
#include "defaults/defaults.h"
#include "fs/audit.h"
#include "fs/audit_policy.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/index.h"
#include "fs/memo.h"
#include "fs/node.h"
#include "fs/opts.h"
#include "fs/past.h"
#include "fs/record.h"
#include "fs/watch.h"

enum {
	FRESH_MS = 500, /* a level that was compared with the backing tree less than this ago is believed */
	RACY_NS = 100 * 1000 * 1000, /* a file that changed so shortly before it was read may change again with the same stamp */
};

/* An invalid document, as it was last found. */
struct invalid {
	char *dir;
	char *text; /* its diagnostics */
	bool active; /* it still is */
	UT_hash_handle hh;
};

/* A text that waits to be kept. */
struct kept {
	char *text;
	size_t len;
	struct kept *next;
};

static struct {
	struct acl *engine;
	struct acl_snap *snap;
	struct acl_policy *nowhere; /* what holds in a directory that was moved or removed behind the mount: nothing is granted */
	_Atomic uint64_t generation;
	bool none, strict;
	const char *defaults_file; /* NULL: the built-in ones */
	struct timespec began;

	struct buf last_root; /* the root's last valid text; only used under the snapshot's lock */

	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t work;
	struct invalid *invalid;
	struct kept *keep_first, *keep_last;
	pthread_t keeper;
	bool keeping, stop, keep_failed;
} pol = {.generation = 1, .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

uint64_t policy_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct acl *policy_engine(void) { return pol.engine; }
struct acl_snap *policy_snap(void) { return pol.snap; }
uint64_t policy_generation(void) { return atomic_load(&pol.generation); }
void policy_bump(void) { atomic_fetch_add(&pol.generation, 1); }
bool policy_none(void) { return pol.none; }
bool policy_strict(void) { return pol.strict; }
struct timespec policy_began(void) { return pol.began; }

bool policy_is_nowhere(const struct acl_policy *p) { return p == pol.nowhere; }
struct acl_policy *policy_at(const char *dir) { return acl_snap_policy(pol.snap, dir); }
struct zddc_doc *policy_doc(const char *dir, bool *invalid) { return acl_snap_doc(pol.snap, dir, invalid); }

/* ------------------------------------------------------------------ kept texts */

int policy_keep(const char *text, size_t len)
{
	unsigned char sum[SHA256_LEN];
	char hex[SHA256_HEX], path[sizeof(".zddc.d/policy/") + SHA256_HEX];
	struct stat st;

	sha256(text, len, sum);
	sha256_hex(sum, hex);
	snprintf(path, sizeof(path), ".zddc.d/policy/%s", hex);
	if (!back_path_stat(path, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size == len)
		return 0;
	return back_store_write("policy", hex, text, len);
}

void policy_keep_later(const char *text, size_t len)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k || !(k->text = malloc(len + 1)))
		abort();
	memcpy(k->text, text, len);
	k->len = len;
	WITH_MUTEX(&pol.lock);
	if (pol.keep_last)
		pol.keep_last->next = k;
	else
		pol.keep_first = k;
	pol.keep_last = k;
	pthread_cond_signal(&pol.work);
}

/* The next text to keep; NULL when nothing is left and the mount stops (or 'wait' is false). */
static struct kept *keep_next(bool wait)
{
	struct kept *k;

	WITH_MUTEX(&pol.lock);
	while (wait && !pol.keep_first && !pol.stop)
		pthread_cond_wait(&pol.work, &pol.lock);
	k = pol.keep_first;
	if (k)
		pol.keep_first = k->next;
	if (!pol.keep_first)
		pol.keep_last = NULL;
	return k;
}

/* Said once. */
static void keep_warn(int err)
{
	if (!__atomic_exchange_n(&pol.keep_failed, true, __ATOMIC_RELAXED))
		log_warn("policy texts cannot be kept in .zddc.d/policy: %s; make room there", strerror(-err));
}

static void keep_all(bool wait)
{
	struct kept *k;

	while ((k = keep_next(wait))) {
		int r = policy_keep(k->text, k->len);

		if (r)
			keep_warn(r);
		free(k->text);
		free(k);
	}
}

static void *keeper(void *arg)
{
	(void)arg;
	keep_all(true);
	return NULL;
}

/* ------------------------------------------------------------------ invalid documents */

/* Under pol.lock. */
static struct invalid *invalid_find(const char *dir)
{
	struct invalid *v = NULL;

	HASH_FIND_STR(pol.invalid, dir, v);
	return v;
}

static void log_each(const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].line)
			log_err("%s:%u:%u: %s", d->v[i].file, d->v[i].line, d->v[i].col, d->v[i].text);
		else
			log_err("%s: %s", d->v[i].file, d->v[i].text);
}

static void say_invalid(const char *dir, const char *text)
{
	AUTO_BUF file = BUF_INIT;
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("reason", text)};

	buf_addf(&file, "%s%s.zddc", dir, *dir ? "/" : "");
	audit_event(&(struct audit_event){.event = LEDGER_POLICY_INVALID, .path = buf_str(&file), .daemon = true, .attrs = attrs, .n_attrs = 1, AUDIT_EVENT_INIT});
}

/* Log each text once; remember it for status. */
static void invalid_note(const char *dir, const struct diags *d)
{
	AUTO_BUF text = BUF_INIT;
	struct invalid *v;
	bool news;

	diags_format(d, &text);
	WITH_MUTEX(&pol.lock);
	v = invalid_find(dir);
	if (!v) {
		v = calloc(1, sizeof(*v));
		if (!v || !(v->dir = strdup(dir)) || !(v->text = strdup("")))
			abort();
		HASH_ADD_KEYPTR(hh, pol.invalid, v->dir, strlen(v->dir), v);
	}
	news = strcmp(v->text, buf_str(&text)) != 0;
	v->active = true;
	if (!news)
		return;
	free(v->text);
	v->text = buf_steal(&text);
	say_invalid(dir, v->text);
	log_err("%s%s.zddc is invalid, so nothing is granted there and below until it is repaired", dir, *dir ? "/" : "");
	log_each(d);
}

/* What is said of dir and below is no longer known; it is found again when it is read again. */
static void invalid_forget(const char *dir)
{
	struct invalid *v, *tmp;
	size_t len = strlen(dir);

	WITH_MUTEX(&pol.lock);
	HASH_ITER(hh, pol.invalid, v, tmp)
		if (!strncmp(v->dir, dir, len) && (!len || !v->dir[len] || v->dir[len] == '/'))
			v->active = false;
}

void policy_invalid_each(void (*each)(void *arg, const char *dir, const char *text), void *arg)
{
	struct invalid *v, *tmp;

	WITH_MUTEX(&pol.lock);
	HASH_ITER(hh, pol.invalid, v, tmp)
		if (v->active)
			each(arg, v->dir, v->text);
}

/* ------------------------------------------------------------------ where documents come from; called under the snapshot's lock */

/* NULL: there is none. */
static void say_read(const char *dir, const char *text, size_t len)
{
	AUTO_BUF file = BUF_INIT;

	buf_addf(&file, "%s%s.zddc", dir, *dir ? "/" : "");
	audit_policy_read(buf_str(&file), text, len);
}

static bool racy(const struct policy_stamp *stamp)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_ns(now) - stamp->ctime_ns < RACY_NS;
}

static void read_seen(const char *dir, const struct stat *st)
{
	struct policy_stamp stamp = policy_stamp_of(st);

	if (st && racy(&stamp))
		stamp.ctime_ns = 0; /* equals no file: it is looked at again */
	index_seen(dir, &stamp);
}

static bool absent(int r) { return r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG; }

static int source_read(void *ctx, const char *dir, struct buf *text)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	(void)ctx;
	invalid_forget(dir);
	r = back_path_dir(dir, &fd);
	if (r)
		fd = -1;
	else
		r = back_stat(fd, ".zddc", &st);
	if (absent(r)) {
		read_seen(dir, NULL);
		say_read(dir, NULL, 0);
		return -ENOENT;
	}
	if (r)
		return r;
	read_seen(dir, &st);
	if (!S_ISREG(st.st_mode))
		return S_ISLNK(st.st_mode) ? -ELOOP : -EISDIR;
	r = back_read_all(fd, ".zddc", text, LIMIT_DOC_BYTES);
	return r == -ENOENT ? -EAGAIN : r; /* it was there a moment ago: not "no policy" */
}

struct each_dir {
	bool (*each)(void *arg, const char *name);
	void *arg;
};

static bool each_subdir(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct each_dir *e = arg;

	(void)ino;
	return type != DT_DIR || !strcmp(name, ".zddc.d") || e->each(e->arg, name);
}

static int source_subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	struct each_dir e = {each, arg};
	AUTO_CLOSE int fd = -1;
	int r = back_path_dir(dir, &fd);

	(void)ctx;
	if (r) {
		fd = -1;
		return absent(r) ? -ENOENT : r;
	}
	return back_list(fd, "", each_subdir, &e);
}

static int source_policy_below(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	(void)ctx;
	return index_children(dir, each, arg);
}

static int source_last_root(void *ctx, struct buf *text)
{
	(void)ctx;
	if (!pol.last_root.data)
		return -ENOENT;
	buf_add(text, pol.last_root.data, pol.last_root.len);
	return 0;
}

static void source_invalid(void *ctx, const char *dir, const struct diags *d)
{
	(void)ctx;
	invalid_note(dir, d);
}

static void source_valid(void *ctx, const char *dir, const char *text, size_t len)
{
	(void)ctx;
	policy_keep_later(text, len);
	say_read(dir, text, len);
	if (*dir)
		return;
	buf_reset(&pol.last_root);
	buf_add(&pol.last_root, text, len);
}

static const struct zddc_source source = {
	.read = source_read,
	.subdirs = source_subdirs,
	.policy_below = source_policy_below,
	.last_root = source_last_root,
	.invalid = source_invalid,
	.valid = source_valid,
};

/* ------------------------------------------------------------------ what holds in a directory */

/* Has n's .zddc the state that the engine has read? If not it is forgotten. False: n is not where we think it is. */
static bool level_compare(struct node *n)
{
	struct stat st;
	struct policy_stamp stamp;
	AUTO_FREE char *path = NULL;
	int fd, r = back_dir_get(n, &fd);

	if (r)
		return false;
	r = back_stat(fd, ".zddc", &st);
	back_dir_put(n, fd);
	if (r && !absent(r))
		return false;
	stamp = policy_stamp_of(r ? NULL : &st);
	path = node_path(n);
	if (!index_current(path, &stamp))
		policy_behind(path);
	return true;
}

/* Is n still what its parent calls by its name? */
static bool level_in_place(struct node *n)
{
	struct stat st;
	int fd, r;

	if (!n->parent || n->parent->kind != NODE_DIR)
		return true;
	if (back_dir_get(n->parent, &fd))
		return false;
	r = back_stat(fd, n->name, &st);
	back_dir_put(n->parent, fd);
	return !r && S_ISDIR(st.st_mode) && st.st_ino == n->ref.ino;
}

static bool level_check(struct node *n, uint64_t now)
{
	bool fresh;

	pthread_mutex_lock(&n->lock);
	fresh = n->policy_checked && now - n->policy_checked < FRESH_MS;
	pthread_mutex_unlock(&n->lock);
	if (fresh || n->kind != NODE_DIR)
		return true;
	if (n->gone || !level_in_place(n) || !level_compare(n))
		return false;
	pthread_mutex_lock(&n->lock);
	n->policy_checked = now;
	pthread_mutex_unlock(&n->lock);
	return true;
}

/* Compares every level of the chain that was not looked at lately. */
static bool chain_check(struct node *dir)
{
	uint64_t now = policy_clock_ms();

	for (struct node *n = dir; n; n = n->parent)
		if (!level_check(n, now))
			return false;
	return true;
}

static struct acl_policy *policy_find(struct node *dir)
{
	AUTO_FREE char *path = NULL;
	struct acl_policy *p, *old;
	uint64_t generation;

	if (!chain_check(dir))
		return acl_policy_ref(pol.nowhere);
	path = node_path(dir);
	generation = policy_generation();
	p = acl_snap_policy(pol.snap, path);
	pthread_mutex_lock(&dir->lock);
	old = dir->policy;
	dir->policy = acl_policy_ref(p);
	dir->policy_gen = generation;
	if (dir->kind != NODE_DIR)
		dir->policy_checked = policy_clock_ms();
	pthread_mutex_unlock(&dir->lock);
	acl_policy_unref(old);
	return p;
}

struct acl_policy *policy_of(struct node *dir)
{
	struct acl_policy *p = NULL;
	uint64_t generation = policy_generation(), now = policy_clock_ms();

	pthread_mutex_lock(&dir->lock);
	if (dir->policy && dir->policy_gen == generation && now - dir->policy_checked < FRESH_MS)
		p = acl_policy_ref(dir->policy);
	pthread_mutex_unlock(&dir->lock);
	return p ? p : policy_find(dir);
}

struct acl_policy *policy_of_child(struct node *dir, const char *segment)
{
	AUTO_FREE char *path = NULL;

	if (!chain_check(dir))
		return acl_policy_ref(pol.nowhere);
	path = node_path_in(dir, segment);
	return acl_snap_policy(pol.snap, path);
}

/* ------------------------------------------------------------------ changes */

void policy_behind(const char *dir)
{
	acl_snap_forget(pol.snap, dir);
	invalid_forget(dir);
	policy_bump();
}

void policy_changed(const char *dir)
{
	AUTO_BUF path = BUF_INIT;
	struct stat st;

	buf_addf(&path, "%s%s.zddc", dir, *dir ? "/" : "");
	index_set(dir, !back_path_stat(buf_str(&path), &st));
	policy_behind(dir);
}

/*
 * The engine knows policies by path, whether or not the directory exists: one without a .zddc changes nothing when it comes or goes,
 * and one that moves changes only what is remembered of its nodes.
 */
void policy_dir_added(const char *dir, bool with_policy)
{
	if (!with_policy)
		return;
	index_set(dir, true);
	policy_behind(dir);
}

void policy_dir_removed(const char *dir)
{
	audit_policy_dropped(dir);
	if (index_drop(dir))
		policy_behind(dir);
}

void policy_dir_renamed(const char *from, const char *to)
{
	bool carried = index_has(from) || index_has(to) || !index_ready();

	index_move(from, to);
	audit_policy_moved(from, to);
	if (carried) {
		policy_behind(from);
		policy_behind(to);
	}
	policy_bump();
}

/* ------------------------------------------------------------------ start and stop */

/* The whole of a file outside the archive. */
static int read_file(const char *name, struct buf *out)
{
	AUTO_FCLOSE FILE *f = fopen(name, "re");
	char part[8192];
	size_t n;

	if (!f)
		return -errno;
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && out->len <= LIMIT_DOC_BYTES)
		buf_add(out, part, n);
	return ferror(f) ? -EIO : out->len > LIMIT_DOC_BYTES ? -EFBIG : 0;
}

/* What takes effect at the start is kept before anybody is served. */
static void keep_at_start(const struct buf *text)
{
	int r = policy_keep(buf_str(text), text->len);

	if (r)
		keep_warn(r);
}

/* The built-in ones, or the file of -o defaults=. */
static int defaults_load(struct zddc_doc **out)
{
	const char *file = pol.defaults_file;
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	int r = 0;

	if (file)
		r = read_file(file, &text);
	else
		buf_add(&text, defaults_zddc_yaml, defaults_zddc_yaml_len);
	if (r) {
		log_err("defaults=%s cannot be read: %s", file, strerror(-r));
		return -EINVAL;
	}
	if (zddc_parse("defaults", buf_str(&text), text.len, false, &d, out)) {
		log_each(&d);
		log_err("the defaults%s%s are invalid; correct them first", file ? " in " : "", file ? file : "");
		return -EINVAL;
	}
	keep_at_start(&text);
	audit_policy_read("defaults", buf_str(&text), text.len);
	return 0;
}

/* An invalid text changes nothing, and is logged. */
static void defaults_reload(void)
{
	struct zddc_doc *defaults;

	if (!pol.defaults_file)
		return;
	if (defaults_load(&defaults)) {
		log_err("the defaults known before stay in force");
		return;
	}
	acl_set_defaults(pol.engine, defaults);
	zddc_unref(defaults);
}

void policy_reload(void)
{
	defaults_reload();
	index_rebuild(false);
	policy_behind("");
	log_notice("policy is read again");
}

/* Refuses an archive whose root says nothing, or nonsense. */
static int root_check(const struct options *o)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	int r = back_path_read(".zddc", &text, LIMIT_DOC_BYTES);

	if (r == -ENOENT && o->insecure) {
		log_warn("%s has no .zddc: only the defaults hold (insecure)", o->archive);
		return 0;
	}
	if (r == -ENOENT)
		log_err("%s has no .zddc, so nobody could be allowed anything. Write one with: zddc init --here %s", o->archive, o->archive);
	else if (r)
		log_err("%s/.zddc cannot be read: %s. It must be a regular file of at most 1 MiB", o->archive, strerror(-r));
	else
		r = zddc_parse(".zddc", buf_str(&text), text.len, false, &d, &doc);
	log_each(&d);
	if (!r)
		keep_at_start(&text);
	if (d.errors)
		log_err("%s/.zddc is invalid. Correct it (zddc check %s) and mount again", o->archive, o->archive);
	zddc_unref(doc);
	return r ? -EINVAL : 0;
}

int policy_init(const struct options *o)
{
	struct zddc_doc *defaults = NULL;

	clock_gettime(CLOCK_REALTIME, &pol.began);
	audit_policy_init();
	pol.none = o->policy_none;
	pol.strict = o->strict;
	pol.defaults_file = o->defaults;
	if (defaults_load(&defaults))
		return -EINVAL;
	if (root_check(o)) {
		zddc_unref(defaults);
		return -EINVAL;
	}
	pol.engine = acl_new(defaults, o->strict);
	zddc_unref(defaults);
	pol.snap = acl_snap_new(pol.engine, &source);
	pol.nowhere = acl_root(pol.engine, &(struct acl_own){.invalid = true, .file = "(moved or removed behind the mount)"});
	acl_policy_unref(acl_snap_policy(pol.snap, ""));
	watch_open();
	return 0;
}

int policy_start(void)
{
	int r = index_start();

	if (!r)
		r = -pthread_create(&pol.keeper, NULL, keeper, NULL);
	pol.keeping = !r;
	if (!r)
		r = watch_start();
	if (r)
		log_err("the threads that watch policy cannot be started: %s", strerror(-r));
	return r;
}

void policy_stop(void)
{
	watch_stop();
	index_stop();
	if (!pol.keeping)
		return;
	pthread_mutex_lock(&pol.lock);
	pol.stop = true;
	pthread_cond_broadcast(&pol.work);
	pthread_mutex_unlock(&pol.lock);
	pthread_join(pol.keeper, NULL);
	pol.keeping = false;
}

void policy_exit(void)
{
	struct invalid *v, *tmp;

	if (!pol.engine)
		return;
	gate_free();
	away_free();
	memo_free();
	records_free();
	past_free();
	keep_all(false);
	acl_policy_unref(pol.nowhere);
	acl_snap_free(pol.snap);
	acl_free(pol.engine);
	pol.engine = NULL;
	buf_free(&pol.last_root);
	HASH_ITER(hh, pol.invalid, v, tmp) {
		HASH_DEL(pol.invalid, v);
		free(v->dir);
		free(v->text);
		free(v);
	}
	index_free();
}
