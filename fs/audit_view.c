/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/audit_view.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/table.h"
#include "fs/audit_tail.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/policy.h"
#include "fs/tenant.h"
#include "ledger/ledger.h"

enum { KNOWN_MOST = 4096 };

#define HIDDEN "(hidden)"

/* What this reader may know of one directory. */
struct known {
	char *dir;
	bool yes;
	UT_hash_handle hh;
};

struct audit_view {
	pthread_mutex_t lock; /* of all */
	struct identity *who; /* counted */
	char *dir;
	bool all, plain;

	struct audit_tail tail;

	struct buf out; /* what has not been read yet, and where it stands in the stream */
	off_t out_at;

	struct known *known;
	uint64_t generation; /* of policy, for known */
	struct arena mem;
};

/* Does it stand in JSON as it is? */
static bool is_plain(const char *dir)
{
	for (; *dir; dir++)
		if (*dir < ' ' || *dir > '~' || *dir == '"' || *dir == '\\')
			return false;
	return true;
}

struct audit_view *audit_view_new(struct identity *who, const char *dir, bool all)
{
	struct audit_view *v = calloc(1, sizeof(*v));

	if (!v || !(v->dir = strdup(dir)))
		abort();
	pthread_mutex_init(&v->lock, NULL);
	v->who = identity_ref(who);
	v->all = all;
	v->plain = is_plain(dir);
	v->tail = (struct audit_tail)AUDIT_TAIL_INIT;
	return v;
}

static void forget_known(struct audit_view *v)
{
	struct known *k, *tmp;

	HASH_ITER(hh, v->known, k, tmp) {
		HASH_DEL(v->known, k);
		free(k->dir);
		free(k);
	}
}

void audit_view_free(struct audit_view *v)
{
	if (!v)
		return;
	audit_tail_reset(&v->tail);
	forget_known(v);
	buf_free(&v->out);
	arena_free(&v->mem);
	identity_put(v->who);
	pthread_mutex_destroy(&v->lock);
	free(v->dir);
	free(v);
}

/* ------------------------------------------------------------------ what may be known */

static bool knows_dir(struct audit_view *v, const char *dir)
{
	struct known *k;

	if (v->generation != policy_generation() || HASH_COUNT(v->known) > KNOWN_MOST) {
		forget_known(v);
		v->generation = policy_generation();
	}
	HASH_FIND_STR(v->known, dir, k);
	if (k)
		return k->yes;
	k = calloc(1, sizeof(*k));
	if (!k || !(k->dir = strdup(dir)))
		abort();
	k->yes = gate_knows(v->who, dir);
	HASH_ADD_KEYPTR(hh, v->known, k->dir, strlen(k->dir), k);
	return k->yes;
}

/* What happened to a path is known where its directory is. */
static bool knows_path(struct audit_view *v, const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);

	return knows_dir(v, dir);
}

static const char *hidden(struct audit_view *v, const char *src)
{
	return src && !gate_file_readable(v->who, src) ? HIDDEN : src;
}

/* The other end of a move is known only where its directory is. */
static const char *hidden_path(struct audit_view *v, const char *path)
{
	return path && !knows_path(v, path) ? HIDDEN : path;
}

static const char *hidden_attr(struct audit_view *v, const struct ledger_attr *a)
{
	AUTO_FREE char *file = NULL;

	if (!strcmp(a->key, "to"))
		return hidden_path(v, a->text);
	if (!a->text || strcmp(a->key, "to_src") != 0)
		return a->text;
	file = strndup(a->text, strcspn(a->text, ":"));
	return hidden(v, file) == file ? a->text : HIDDEN;
}

/* Takes out what stands in policy that the reader cannot see, and where they know of nothing. True if there was anything. */
static bool hide(struct audit_view *v, struct ledger_entry *e)
{
	const char *file = hidden(v, e->src.file), *path = hidden_path(v, e->path), *canonical = hidden_path(v, e->canonical);
	bool changed = file != e->src.file || path != e->path || canonical != e->canonical;
	struct ledger_attr *attrs = arena_array(&v->mem, struct ledger_attr, e->n_attrs + 1);

	if (file != e->src.file)
		e->src = (struct ledger_src){file, 0};
	e->path = path;
	e->canonical = canonical;
	for (size_t i = 0; i < e->n_attrs; i++) {
		attrs[i] = e->attrs[i];
		attrs[i].text = hidden_attr(v, &attrs[i]);
		changed |= attrs[i].text != e->attrs[i].text;
	}
	e->attrs = attrs;
	return changed;
}

static bool wanted(struct audit_view *v, const struct ledger_entry *e)
{
	struct ledger_query q = {.path = v->dir};
	const struct ledger_attr *to = ledger_attr_find(e, "to");

	if (!e->path || !strcmp(e->path, "."))
		return v->all;
	if (!strcmp(e->path, "defaults") || !strcmp(e->path, "identities"))
		return v->all;
	if (!ledger_match(&q, e) || tenant_hides(e->path) || (to && to->text && tenant_hides(to->text)) || (e->canonical && tenant_hides(e->canonical)))
		return false;
	return knows_path(v, e->path) || (to && to->text && knows_path(v, to->text)) || (e->canonical && knows_path(v, e->canonical));
}

/* Most lines are about something else, and need not be parsed: a path that stands in a line as it is stands there as it is written. */
static bool may_be_wanted(const struct audit_view *v, const char *line, size_t n)
{
	return !v->plain || memmem(line, n, v->dir, strlen(v->dir));
}

static int take_line(void *arg, const char *line, size_t n)
{
	struct audit_view *v = arg;
	struct ledger_entry e;

	arena_free(&v->mem);
	if (!may_be_wanted(v, line, n) || ledger_entry_parse(line, n, &v->mem, &e) != 0 || !wanted(v, &e))
		return 0;
	if (hide(v, &e))
		ledger_entry_format(&e, &v->out);
	else
		buf_add(&v->out, line, n);
	buf_addc(&v->out, '\n');
	return 0;
}

/* ------------------------------------------------------------------ the stream */

static void rewind_to_start(struct audit_view *v)
{
	audit_tail_reset(&v->tail);
	buf_reset(&v->out);
	v->out_at = 0;
}

/* What lies before 'off' has been read. */
static void drop_before(struct audit_view *v, off_t off)
{
	size_t n = off > v->out_at ? (size_t)(off - v->out_at) : 0;

	n = n < v->out.len ? n : v->out.len;
	if (!n)
		return;
	memmove(v->out.data, v->out.data + n, v->out.len - n);
	v->out.len -= n;
	v->out_at += (off_t)n;
}

ssize_t audit_view_read(struct audit_view *v, void *data, size_t size, off_t off)
{
	int r = 1;

	WITH_MUTEX(&v->lock);
	if (off < v->out_at)
		rewind_to_start(v);
	drop_before(v, off);
	while (r > 0 && v->out_at + (off_t)v->out.len < off + (off_t)size) {
		r = audit_tail_read(&v->tail, take_line, v);
		drop_before(v, off);
	}
	if (r < 0)
		return r;
	if (v->out_at != off)
		return 0;
	size = size < v->out.len ? size : v->out.len;
	if (size)
		memcpy(data, v->out.data, size);
	return (ssize_t)size;
}
