/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of all parties, kept from one listing to the next. What is kept are names by directory, with the state in which that directory
 * was when they were read, so that a listing costs one look at each directory, and reading only those that have changed, through the
 * mount or behind it. Who may see a row is decided when it is listed, never kept.
 *
 * Locks: rollup->refresh, then the tree lock, then rollups_lock.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/virt_private.h"

enum { ROLLUPS_MAX = 64 }; /* of which rows are kept */

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
	struct rollup *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
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
	struct virt_rows *old = r->rows, *rows = virt_rows_look(op, p, old);

	if (rows == old)
		return rows;
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
	rows = r ? rollup_rows(op, &p, r) : virt_rows_look(op, &p, NULL);
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

void virt_age(void)
{
	virt_texts_age();
	virt_temps_age();
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
