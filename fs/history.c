/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeping one version of one file. */
#include "fs/history.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/caller.h"
#include "fs/creator.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/history_private.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/transient.h"
#include "schemas/schemas.h"

enum { BLOCK = 1 << 20, EMAIL_MOST = 190, STRIPES = 64 };

#define SHA_ATTR "user.zddc.sha256"

bool history_keeps(struct node *dir, const char *name)
{
	struct acl_policy *p;
	bool yes;

	if (dir->kind != NODE_DIR || policy_none())
		return false;
	p = policy_of(dir);
	yes = acl_keeps_history(p) && !transient_name(p, name);
	acl_policy_unref(p);
	return yes;
}

/* ------------------------------------------------------------------------------------------------ reading a file */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The SHA-256 of a file, and its bytes into 'out' if that is a descriptor. */
static int hash_and_copy(int fd, int out, char hex[SHA256_HEX])
{
	AUTO_FREE char *block = malloc(BLOCK);
	unsigned char sha[SHA256_LEN];
	struct sha256 *h = sha256_new();
	off_t at = 0;
	ssize_t n = 0;

	if (!block || !h)
		abort();
	while ((n = back_pread(fd, block, BLOCK, at)) > 0) {
		sha256_add(h, block, (size_t)n);
		ssize_t done = out < 0 ? n : back_pwrite(out, block, (size_t)n, at);

		at += n;
		if (done != n) {
			n = done < 0 ? done : -ENOSPC;
			break;
		}
	}
	sha256_end(h, sha);
	sha256_hex(sha, hex);
	return (int)n;
}

/* By reflink where there is one; then the hash is read from the copy, which nobody changes. */
static int copy_out(int fd, struct history_version *v)
{
	AUTO_CLOSE int out = back_tmp_file(v->tmp, &v->tmp_dir);
	int r = out < 0 ? out : back_clone(fd, out);

	if (out < 0)
		return r;
	r = r == 0 ? hash_and_copy(out, -1, v->sha256) : hash_and_copy(fd, out, v->sha256);
	if (r == 0)
		r = back_fsetxattr(out, SHA_ATTR, v->sha256, SHA256_HEX - 1) == -ENOSPC ? -ENOSPC : 0;
	v->copied = r == 0;
	if (r < 0)
		back_unlink(v->tmp_dir, v->tmp);
	return r;
}

static int read_version(int fd, enum history_how how, struct history_version *v)
{
	struct stat after;
	int r = back_fstat(fd, &v->st);

	if (r == 0)
		r = how == HISTORY_STAYS ? copy_out(fd, v) : hash_and_copy(fd, -1, v->sha256);
	if (r == 0)
		r = back_fstat(fd, &after);
	v->read = r == 0 && is_same(&v->st, &after);
	return r;
}

void history_read_drop(struct history_version *v)
{
	if (v->copied)
		back_unlink(v->tmp_dir, v->tmp);
	*v = (struct history_version){0};
}

/* A descriptor on the regular file, if versions of it are kept; -ENOENT if not. */
static int open_kept(struct node *dir, const char *name)
{
	struct stat st;
	int dirfd, r;

	WITH_RDLOCK(&tree_lock);
	if (dir->gone || !history_keeps(dir, name) || back_dir_get(dir, &dirfd) < 0)
		return -ENOENT;
	r = back_stat(dirfd, name, &st);
	if (r == 0)
		r = S_ISREG(st.st_mode) && st.st_size ? back_open(dirfd, name, O_RDONLY, 0) : -ENOENT;
	back_dir_put(dir, dirfd);
	return r;
}

void history_read(struct node *dir, const char *name, enum history_how how, struct history_version *v)
{
	AUTO_CLOSE int fd = open_kept(dir, name);

	if (fd >= 0 && (read_version(fd, how, v) < 0 || !v->read))
		history_read_drop(v);
}

/* ------------------------------------------------------------------------------------------------ a chain of versions */

int history_chain(int dirfd, const char *name, bool make, int *fd)
{
	AUTO_CLOSE int store = -1, all = -1;
	int r;

	if (!make) {
		store = back_opendir(dirfd, ".zddc.d");
		all = store < 0 ? store : back_opendir(store, HISTORY_LIVE);
		*fd = all < 0 ? all : back_opendir(all, name);
		return *fd < 0 ? *fd : 0;
	}
	r = back_own_subdir(dirfd, ".zddc.d", &store);
	if (r == 0)
		r = back_own_subdir(store, HISTORY_LIVE, &all);
	return r < 0 ? r : back_own_subdir(all, name, fd);
}

struct last {
	char name[256]; /* "" if the chain is empty */
	unsigned long revision;
};

static bool note_last(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct history_name h;
	struct last *last = arg;

	(void)type;
	(void)ino;
	if (history_name_parse(name, &h) && (!*last->name || h.revision > last->revision || (h.revision == last->revision && strcmp(name, last->name) > 0))) {
		last->revision = h.revision;
		snprintf(last->name, sizeof(last->name), "%s", name);
	}
	return true;
}

static void hash_of_kept(int chain, const char *name, char hex[SHA256_HEX])
{
	ssize_t n = back_getxattr(chain, name, SHA_ATTR, hex, SHA256_HEX - 1);

	hex[n == SHA256_HEX - 1 ? n : 0] = '\0';
	if (*hex)
		return;
	AUTO_CLOSE int fd = back_open(chain, name, O_RDONLY, 0);

	if (fd < 0 || hash_and_copy(fd, -1, hex) < 0)
		*hex = '\0';
}

/* ------------------------------------------------------------------------------------------------ whose version it is */

/* A record says so itself. */
static bool told_by_record(struct node *dir, int dirfd, const char *name, struct history_name *h)
{
	AUTO_BUF text = BUF_INIT;
	struct record_stamped s;

	if (!record_is(dir, name) || back_read_all(dirfd, name, &text, LIMIT_DOC_BYTES) < 0)
		return false;
	record_stamped_read(buf_str(&text), text.len, &s);
	if (!s.revision || !s.updated_at)
		return false;
	h->revision = s.revision;
	h->time = s.updated_at;
	snprintf(h->email, sizeof(h->email), "%.*s", EMAIL_MOST, *s.updated_by ? s.updated_by : "anonymous");
	return true;
}

/* Any other file: who wrote it last through the mount, else who owns it. */
static void told_by_file(int dirfd, const char *name, const struct stat *st, unsigned long revision, struct history_name *h)
{
	struct identity *owner;

	h->revision = revision;
	if (writer_read(dirfd, name, h->email, EMAIL_MOST, &h->time))
		return;
	owner = identity_get(st->st_uid);
	h->time = st->st_mtim.tv_sec;
	snprintf(h->email, sizeof(h->email), "%.*s", EMAIL_MOST, owner->who.email ? owner->who.email : "anonymous");
	identity_put(owner);
}

long long history_written_at(struct node *dir, int dirfd, const char *name, const struct stat *st)
{
	struct history_name h = {0};

	if (!told_by_record(dir, dirfd, name, &h))
		told_by_file(dirfd, name, st, 0, &h);
	return h.time;
}

/* ------------------------------------------------------------------------------------------------ keeping */

/* The version is there already, under 'last'; but if that is the live inode itself, it gets bytes of its own. */
static int keep_same(int chain, const struct last *last, enum history_how how, const struct history_version *v)
{
	struct stat st;
	int r = back_stat(chain, last->name, &st);

	if (r < 0 || how == HISTORY_GOES || st.st_ino != v->st.st_ino)
		return r;
	return back_rename(v->tmp_dir, v->tmp, chain, last->name, 0);
}

static int keep_new(int dirfd, const char *name, int chain, const char *as, enum history_how how, struct history_version *v)
{
	int r;

	if (how == HISTORY_STAYS) {
		r = back_rename(v->tmp_dir, v->tmp, chain, as, 0);
		v->copied = v->copied && r < 0;
		return r;
	}
	back_setxattr(dirfd, name, SHA_ATTR, v->sha256, SHA256_HEX - 1, 0); /* without it the hash is read again when it is wanted */
	r = back_link(dirfd, name, chain, as);
	return r == -EEXIST ? 0 : r;
}

static int put_in_chain(struct node *dir, int dirfd, const char *name, enum history_how how, struct history_version *v)
{
	AUTO_CLOSE int chain = -1;
	AUTO_BUF as = BUF_INIT;
	struct history_name h = {0};
	struct last last = {0};
	char sha[SHA256_HEX];
	int r = history_chain(dirfd, name, true, &chain);

	if (r == 0)
		r = back_list(chain, "", note_last, &last);
	if (r < 0)
		return r;
	if (*last.name) {
		hash_of_kept(chain, last.name, sha);
		if (!strcmp(sha, v->sha256))
			return keep_same(chain, &last, how, v);
	}
	if (!told_by_record(dir, dirfd, name, &h))
		told_by_file(dirfd, name, &v->st, last.revision + 1, &h);
	snprintf(h.sha8, sizeof(h.sha8), "%.8s", v->sha256);
	history_name_format(&h, &as);
	return keep_new(dirfd, name, chain, buf_str(&as), how, v);
}

/* One writer still has it open: what he writes must not get into the version. */
static enum history_how really(struct node *dir, const char *name, enum history_how how)
{
	struct node *n = how == HISTORY_GOES ? node_find(dir, name) : NULL;
	bool open = n && handle_writer_below(n, false, NULL, NULL);

	node_put(n);
	return open ? HISTORY_STAYS : how;
}

static int read_again(int dirfd, const char *name, enum history_how how, struct history_version *v)
{
	AUTO_CLOSE int fd = back_open(dirfd, name, O_RDONLY, 0);

	history_read_drop(v);
	return fd < 0 ? fd : read_version(fd, how, v);
}

static pthread_mutex_t *lock_of(uint64_t ino)
{
	static pthread_mutex_t locks[STRIPES] = {[0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER};

	return &locks[ino * 0x9e3779b97f4a7c15ull >> 32 & (STRIPES - 1)];
}

int history_keep(struct node *dir, int dirfd, const char *name, enum history_how how, struct history_version *v)
{
	struct history_version own = {0};
	struct stat st;
	int r = history_keeps(dir, name) ? back_stat(dirfd, name, &st) : -ENOENT;

	if (r < 0 || !S_ISREG(st.st_mode) || !st.st_size) /* an empty one holds nothing */
		return r == -ENOENT || r == 0 ? 0 : r;
	how = really(dir, name, how);
	v = v ? v : &own;
	if (!v->read || !is_same(&v->st, &st) || (how == HISTORY_STAYS && !v->copied))
		r = read_again(dirfd, name, how, v);
	if (r == 0) {
		WITH_MUTEX(lock_of(dir->ino)); /* two versions of one chain at once would get one number */
		r = put_in_chain(dir, dirfd, name, how, v);
	}
	history_read_drop(&own);
	return r;
}

int history_sync(int dirfd, const char *name)
{
	AUTO_CLOSE int chain = -1;
	int r = history_chain(dirfd, name, false, &chain);

	return r == -ENOENT ? 0 : r < 0 ? r : back_sync_dir(chain);
}

/* ------------------------------------------------------------------------------------------------ files that are written in place */

void history_opened(struct handle *h, bool created)
{
	struct node *n = h->node;

	bool changes = handle_writable(h) || (h->flags & O_TRUNC);

	if (h->kind != HANDLE_FILE || !changes || n->kind != NODE_FILE || !history_keeps(n->parent, n->name))
		return;
	h->history = created ? HISTORY_WRITES : HISTORY_WAITS; /* until a new file is released, its owner and its time say enough */
}

/* Under tree_lock: the file as it was is kept, from what has been read of it if it is still that. */
static int keep_open_file(struct handle *h, struct history_version *v)
{
	struct node *n = h->node;
	struct stat st;
	int fd, r;

	WITH_RDLOCK(&tree_lock);
	if (n->gone)
		return 0; /* nobody finds it any more */
	r = back_dir_get(n->parent, &fd);
	if (r < 0)
		return r;
	r = back_stat(fd, n->name, &st);
	if (r == 0 && st.st_ino == n->ref.ino)
		r = history_keep(n->parent, fd, n->name, HISTORY_STAYS, v);
	back_dir_put(n->parent, fd);
	return r == -ENOENT ? 0 : r;
}

int history_before_write(struct handle *h)
{
	struct history_version v = {0};
	struct node *dir;
	int r;

	if (__atomic_load_n(&h->history, __ATOMIC_ACQUIRE) != HISTORY_WAITS)
		return 0;
	WITH_MUTEX(&h->lock);
	if (h->history != HISTORY_WAITS)
		return 0;
	pthread_rwlock_rdlock(&tree_lock);
	dir = node_ref(h->node->parent);
	AUTO_FREE char *name = strdup(h->node->name);
	pthread_rwlock_unlock(&tree_lock);
	if (!name)
		abort();
	history_read(dir, name, HISTORY_STAYS, &v);
	r = keep_open_file(h, &v);
	history_read_drop(&v);
	node_put(dir);
	if (r < 0)
		return r;
	writer_mark(h->fd, h->who);
	__atomic_store_n(&h->history, HISTORY_WRITES, __ATOMIC_RELEASE);
	return 0;
}

void history_written(struct handle *h)
{
	struct stat st;

	if (__atomic_load_n(&h->history, __ATOMIC_ACQUIRE) == HISTORY_WRITES && back_fstat(h->fd, &st) == 0 && st.st_size)
		writer_mark(h->fd, h->who);
}
