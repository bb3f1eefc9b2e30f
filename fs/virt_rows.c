/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of all parties, kept from one listing to the next. What is kept are names by directory, with the state in which that directory
 * was when they were read, so that a listing costs one look at each directory, and reading only those that have changed, through the
 * mount or behind it. Who may see a row is decided when it is listed, never kept.
 *
 * Locks: rollup->refresh, then the tree lock, then rollups_lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/names.h"
#include "fs/policy.h"
#include "fs/virt_private.h"

enum {
	ROLLUPS_MAX = 64, /* of which rows are kept */
	SETTLE_S = 2, /* no filesystem's clock of changes is coarser */
	NAME_BYTES = 255,
};

/* The kept rows of one place. */
struct rollup {
	int refs; /* rollups_lock */
	enum acl_virtual_kind kind;
	struct node *base; /* counted */
	char *below;
	pthread_mutex_t refresh; /* one at a time brings it up to date */
	struct virt_rows *rows; /* rollups_lock; counted; NULL: never looked */
	struct rollup *next; /* rollups_lock; the latest used first */
};

static pthread_mutex_t rollups_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rollup *rollups; /* rollups_lock */

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* ------------------------------------------------------------------------------------------------ names */

static struct virt_names *names_ref(struct virt_names *v)
{
	if (v)
		__atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
	return v;
}

static void names_put(struct virt_names *v)
{
	if (!v || __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	buf_free(&v->text);
	free(v->v);
	free(v);
}

/* Names on their way: they lie in 'text' one after the other, each with its NUL. */
struct gather {
	const struct virt_filter *filter; /* NULL: parties */
	enum acl_virtual_kind kind;
	const char *party;
	struct buf text;
	size_t n;
};

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static struct virt_names *names_of(struct gather *g)
{
	struct virt_names *v = xcalloc(1, sizeof(*v));
	const char *at = buf_str(&g->text);

	v->refs = 1;
	v->n = g->n;
	v->v = xcalloc(g->n, sizeof(*v->v));
	for (size_t i = 0; i < g->n; i++, at += strlen(at) + 1)
		v->v[i] = at;
	v->text = g->text;
	g->text = (struct buf)BUF_INIT;
	qsort(v->v, v->n, sizeof(*v->v), by_name);
	return v;
}

static void gather_name(struct gather *g, const char *name)
{
	buf_add(&g->text, name, strlen(name) + 1);
	g->n++;
}

static bool gather_party(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	(void)ino;
	if (type == DT_DIR && rollup_is_party(name))
		gather_name(arg, name);
	return true;
}

/* A row whose name would be too long, or that of a table's own, cannot be shown; it is where its record is. */
static bool can_show(const struct gather *g, const char *file)
{
	AUTO_BUF name = BUF_INIT;

	virt_kinds[g->kind].name(g->party, file, &name);
	return name.len <= NAME_BYTES && !virt_text_find(buf_str(&name));
}

static bool gather_row(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct gather *g = arg;

	(void)ino;
	if (type == DT_REG && virt_is_row(g->filter, name) && can_show(g, name))
		gather_name(g, name);
	return true;
}

/* ------------------------------------------------------------------------------------------------ states of directories */

static int64_t ns_of(const struct timespec *t) { return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec; }

static struct virt_stamp stamp_of(const struct stat *st)
{
	struct timespec now;
	struct virt_stamp s = {.ino = st->st_ino, .mtime = ns_of(&st->st_mtim), .ctime = ns_of(&st->st_ctim)};
	int64_t latest = s.mtime > s.ctime ? s.mtime : s.ctime;

	clock_gettime(CLOCK_REALTIME, &now);
	s.settled = ns_of(&now) - latest > (int64_t)SETTLE_S * 1000000000;
	return s;
}

/* Certainly nothing has changed since 'old'. */
static bool same_state(const struct virt_stamp *old, const struct virt_stamp *now)
{
	return old->settled && old->ino == now->ino && old->mtime == now->mtime && old->ctime == now->ctime;
}

static int dir_stamp(int fd, struct virt_stamp *out)
{
	struct stat st;
	int r = back_fstat(fd, &st);

	if (r == 0)
		*out = stamp_of(&st);
	return r;
}

/* ------------------------------------------------------------------------------------------------ one party */

static void slot_drop(struct virt_slot *s)
{
	free(s->party);
	node_put(s->at);
	acl_policy_unref(s->policy);
	names_put(s->names);
}

/* Reads the names of the rows. Links have one: their directory is there. */
static struct virt_names *slot_read(const struct virt_place *p, struct node *at, const char *party, int fd, int *r)
{
	struct gather g = {.kind = p->kind, .party = party};
	struct virt_filter filter;

	*r = 0;

	if (p->kind == ACL_VIRTUAL_LINKS) {
		gather_name(&g, party);
		return names_of(&g);
	}
	virt_filter_get(p, at, &filter);
	g.filter = &filter;
	*r = back_list(fd, "", gather_row, &g);
	virt_filter_drop(&filter);
	return names_of(&g);
}

/* Fills 'out' for a directory on disk; what cannot be read has no rows now, and is looked at again next time. */
static void slot_fill(const struct virt_place *p, const struct virt_slot *old, struct virt_slot *out)
{
	int fd, r = 0;

	if (back_dir_get(out->at, &fd) < 0)
		return;
	if (dir_stamp(fd, &out->stamp) == 0) {
		bool same = old && old->at == out->at && old->policy == out->policy && old->names && same_state(&old->stamp, &out->stamp);

		out->names = same ? names_ref(old->names) : slot_read(p, out->at, out->party, fd, &r);
		out->stamp.settled &= r == 0;
	}
	back_dir_put(out->at, fd);
}

static struct virt_slot slot_look(struct op *op, const struct virt_place *p, const struct virt_slot *old, const char *party)
{
	struct virt_slot s = {.party = strdup(party)};
	int r;

	s.at = virt_slot(op, p, party);
	s.policy = s.at ? policy_of(s.at) : NULL;
	if (s.at && s.at->kind == NODE_DIR)
		slot_fill(p, old, &s);
	else if (s.at && p->kind == ACL_VIRTUAL_LINKS)
		s.names = slot_read(p, s.at, party, -1, &r); /* declared, so that it is there as far as anybody can tell */
	return s;
}

/* ------------------------------------------------------------------------------------------------ all parties */

void virt_rows_put(struct virt_rows *rows)
{
	if (!rows || __atomic_sub_fetch(&rows->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < rows->n; i++)
		slot_drop(&rows->v[i]);
	free(rows->v);
	free(rows);
}

struct virt_rows *virt_rows_ref(struct virt_rows *rows)
{
	__atomic_add_fetch(&rows->refs, 1, __ATOMIC_RELAXED);
	return rows;
}

/* The parties as they were, if that is certain; else as they are. */
static struct virt_names *parties_now(const struct virt_place *p, const struct virt_rows *old, struct virt_stamp *stamp)
{
	struct gather g = {.kind = p->kind};
	int fd;

	WITH_RDLOCK(&tree_lock);
	if (p->base->kind != NODE_DIR || p->base->gone || back_dir_get(p->base, &fd) < 0)
		return names_of(&g);
	if (dir_stamp(fd, stamp) == 0 && !(old && same_state(&old->stamp, stamp)))
		stamp->settled &= back_list(fd, "", gather_party, &g) == 0;
	else if (old)
		for (size_t i = 0; i < old->n; i++)
			gather_name(&g, old->v[i].party);
	back_dir_put(p->base, fd);
	return names_of(&g);
}

/* What 'old' knew of a party; both are sorted, so that *at only moves on. */
static const struct virt_slot *known(const struct virt_rows *old, const char *party, size_t *at)
{
	int order = 1;

	while (old && *at < old->n && (order = strcmp(old->v[*at].party, party)) < 0)
		(*at)++;
	return order == 0 ? &old->v[*at] : NULL;
}

static struct virt_rows *rows_look(struct op *op, const struct virt_place *p, const struct virt_rows *old)
{
	struct virt_rows *rows = xcalloc(1, sizeof(*rows));
	struct virt_names *parties = parties_now(p, old, &rows->stamp);
	size_t at = 0;

	rows->refs = 1;
	rows->kind = p->kind;
	rows->v = xcalloc(parties->n, sizeof(*rows->v));
	for (size_t i = 0; i < parties->n; i++) {
		WITH_RDLOCK(&tree_lock); /* not for all of them at once: others want to write */
		struct virt_slot *s = &rows->v[rows->n++];

		*s = slot_look(op, p, known(old, parties->v[i], &at), parties->v[i]);
		s->first = rows->total;
		rows->total += s->names ? s->names->n : 0;
	}
	names_put(parties);
	return rows;
}

/* Nothing has changed, for certain: each directory is the one it was, and so are its names and what policy says of them. */
static bool same_rows(const struct virt_rows *a, const struct virt_rows *b)
{
	if (!a || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct virt_slot *x = &a->v[i], *y = &b->v[i];

		if (strcmp(x->party, y->party) != 0 || x->at != y->at || x->policy != y->policy || x->names != y->names)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------ what is kept */

/* Nobody else has it. */
static void rollup_free(struct rollup *r)
{
	virt_rows_put(r->rows);
	node_put(r->base);
	pthread_mutex_destroy(&r->refresh);
	free(r->below);
	free(r);
}

static void rollup_put(struct rollup *r)
{
	bool last;

	pthread_mutex_lock(&rollups_lock);
	last = --r->refs == 0;
	pthread_mutex_unlock(&rollups_lock);
	if (last)
		rollup_free(r);
}

/* rollups_lock held: takes it out of the list; true if nobody else has it. */
static bool rollup_take(struct rollup **at)
{
	struct rollup *r = *at;

	*at = r->next;
	r->next = NULL;
	return --r->refs == 0;
}

/* rollups_lock held. */
static struct rollup *rollup_find(const struct virt_place *p)
{
	for (struct rollup **at = &rollups; *at; at = &(*at)->next) {
		struct rollup *r = *at;

		if (r->base != p->base || r->kind != p->kind || strcmp(r->below, p->below) != 0)
			continue;
		*at = r->next; /* to the front */
		r->next = rollups;
		rollups = r;
		return r;
	}
	return NULL;
}

static struct rollup *rollup_new(const struct virt_place *p)
{
	struct rollup *r = xcalloc(1, sizeof(*r));

	r->refs = 1;
	r->kind = p->kind;
	r->base = node_ref(p->base);
	r->below = strdup(p->below);
	pthread_mutex_init(&r->refresh, NULL);
	r->next = rollups;
	return rollups = r;
}

/* rollups_lock held. One that is too many, or whose place is gone, for the caller to free; or NULL. */
static struct rollup *rollup_surplus(void)
{
	struct rollup **at = &rollups;

	for (size_t n = 0; *at; n++, at = &(*at)->next)
		if (n >= ROLLUPS_MAX || (*at)->base->gone) {
			struct rollup *r = *at;

			return rollup_take(at) ? r : NULL;
		}
	return NULL;
}

/* Counted for the caller. */
static struct rollup *rollup_get(const struct virt_place *p)
{
	struct rollup *r, *surplus;

	pthread_mutex_lock(&rollups_lock);
	r = rollup_find(p);
	if (!r)
		r = rollup_new(p);
	r->refs++;
	surplus = rollup_surplus();
	pthread_mutex_unlock(&rollups_lock);
	if (surplus)
		rollup_free(surplus);
	return r;
}

/* One reference for the caller. */
static struct virt_rows *rollup_rows(struct op *op, const struct virt_place *p, struct rollup *r)
{
	WITH_MUTEX(&r->refresh);
	struct virt_rows *old = r->rows, *rows = rows_look(op, p, old);

	if (same_rows(old, rows)) {
		virt_rows_put(rows);
		return virt_rows_ref(old);
	}
	pthread_mutex_lock(&rollups_lock);
	r->rows = virt_rows_ref(rows);
	pthread_mutex_unlock(&rollups_lock);
	virt_rows_put(old);
	return rows;
}

struct virt_rows *virt_rows_get(struct op *op, struct node *dir)
{
	struct virt_place p;
	struct rollup *r = NULL;
	struct virt_rows *rows = NULL;
	bool is;

	pthread_rwlock_rdlock(&tree_lock);
	is = !dir->gone && virt_place_get(op, dir, &p);
	pthread_rwlock_unlock(&tree_lock);
	if (!is)
		return NULL;
	if (p.base)
		r = rollup_get(&p);
	if (r)
		rows = rollup_rows(op, &p, r);
	else {
		rows = xcalloc(1, sizeof(*rows));
		rows->refs = 1;
		rows->kind = p.kind;
	}
	if (r)
		rollup_put(r);
	virt_place_drop(&p);
	return rows;
}

struct virt_rows *virt_rows_last(struct op *op, struct node *dir)
{
	struct virt_place p;
	struct virt_rows *rows = NULL;

	WITH_RDLOCK(&tree_lock);
	if (!dir->gone && virt_place_get(op, dir, &p) && p.base) {
		WITH_MUTEX(&rollups_lock);
		struct rollup *r = rollup_find(&p);

		rows = r && r->rows ? virt_rows_ref(r->rows) : NULL;
	}
	virt_place_drop(&p);
	return rows;
}

void virt_exit(void)
{
	virt_texts_free();
	virt_temps_free();
	while (rollups) {
		struct rollup *r = rollups;

		rollups = r->next;
		rollup_free(r);
	}
}

/* ------------------------------------------------------------------------------------------------ listing */

size_t virt_rows_count(const struct virt_rows *rows) { return rows->total; }

int virt_slot_visible(const struct identity *who, enum acl_virtual_kind kind, const struct virt_slot *s)
{
	struct acl_sight sight;
	int r;

	if (!s->at || !s->names || !s->names->n || s->at->gone)
		return 0;
	if (kind != ACL_VIRTUAL_LINKS)
		return gate_may(who, ACL_OP_STAT, s->at, s->names->v[0], 0);
	r = gate_sight(who, s->at, &sight);
	return r < 0 ? r : sight.listed;
}

/* The slot that holds row number 'at', or one before it that is empty. */
static size_t slot_of(const struct virt_rows *rows, size_t at)
{
	size_t low = 0, high = rows->n;

	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (rows->v[mid].first <= at)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static bool slot_each(struct node *dir, const struct virt_rows *rows, const struct virt_slot *s, size_t first, virt_each each, void *arg)
{
	const struct virt_kind *kind = &virt_kinds[rows->kind];
	AUTO_BUF name = BUF_INIT;

	for (size_t i = first > s->first ? first - s->first : 0; i < s->names->n; i++) {
		buf_reset(&name);
		kind->name(s->party, s->names->v[i], &name);
		if (!each(arg, buf_str(&name), kind->type, node_virtual_ino(dir, buf_str(&name)), s->first + i))
			return false;
	}
	return true;
}

int virt_rows_each(const struct identity *who, struct node *dir, const struct virt_rows *rows, size_t first, virt_each each, void *arg)
{
	for (size_t i = slot_of(rows, first); i < rows->n; i++) {
		const struct virt_slot *s = &rows->v[i];
		int r = first < s->first + (s->names ? s->names->n : 0) ? virt_slot_visible(who, rows->kind, s) : 0;

		if (r < 0)
			return r;
		if (r && !slot_each(dir, rows, s, first, each, arg))
			return 1;
	}
	return 0;
}

void virt_names_each(struct op *op, struct node *dir, bool (*each)(void *arg, const char *name, mode_t type), void *arg)
{
	struct virt_place p;

	if (virt_place_get(op, dir, &p) && p.kind != ACL_VIRTUAL_LINKS) {
		virt_text_each(&p, each, arg);
		virt_temps_each(dir, op->caller.id->uid, each, arg);
	}
	virt_place_drop(&p);
}
