/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of all parties as they are now. What the last look found is kept where it is certainly still true: a directory costs one look,
 * and is read only if it has changed, through the mount or behind it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/names.h"
#include "fs/policy.h"
#include "fs/virt_private.h"

enum {
	SETTLE_S = 2, /* no filesystem's clock of changes is coarser */
	NAME_BYTES = 255,
};

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

static struct virt_stamp stamp_of(const struct stat *st)
{
	struct timespec now;
	struct virt_stamp s = {.ino = st->st_ino, .mtime = clock_ns(st->st_mtim), .ctime = clock_ns(st->st_ctim)};
	int64_t latest = s.mtime > s.ctime ? s.mtime : s.ctime;

	clock_gettime(CLOCK_REALTIME, &now);
	s.settled = clock_ns(now) - latest > (int64_t)SETTLE_S * 1000000000;
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
	if (!p->base || p->base->kind != NODE_DIR || p->base->gone || back_dir_get(p->base, &fd) < 0)
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

static struct virt_rows *look(struct op *op, const struct virt_place *p, const struct virt_rows *old)
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

struct virt_rows *virt_rows_look(struct op *op, const struct virt_place *p, struct virt_rows *old)
{
	struct virt_rows *rows = look(op, p, old);

	if (!same_rows(old, rows))
		return rows;
	virt_rows_put(rows);
	return virt_rows_ref(old);
}
