/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/survey.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/back_walk.h"
#include "fs/gate.h"
#include "fs/op_name.h"

enum { TRIES = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct survey *under_way; /* lock */

static void enlist(struct survey *s)
{
	WITH_MUTEX(&lock);
	s->next = under_way;
	__atomic_store_n(&under_way, s, __ATOMIC_RELEASE);
}

static void delist(struct survey *s)
{
	WITH_MUTEX(&lock);
	struct survey **at = &under_way;

	while (*at != s)
		at = &(*at)->next;
	__atomic_store_n(at, s->next, __ATOMIC_RELEASE);
}

static bool lies_below(const struct node *n, const struct node *top)
{
	for (; n && n != top; n = n->parent)
		;
	return n;
}

void survey_tell(const struct node *dir)
{
	if (!__atomic_load_n(&under_way, __ATOMIC_ACQUIRE))
		return;
	WITH_MUTEX(&lock);
	for (struct survey *s = under_way; s; s = s->next)
		if (lies_below(dir, s->top))
			__atomic_store_n(&s->stale, true, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------------------------------------ looking through it */

static void note_link(struct survey *s, const struct walked *at)
{
	AUTO_BUF target = BUF_INIT;
	unsigned ups;

	if (back_readlink(at->dirfd, at->name, &target) < 0)
		return;
	ups = link_climbs(buf_str(&target));
	if (ups + 1 <= at->depth + s->climb)
		return;
	s->climb = ups + 1 - at->depth;
	free(s->climber);
	s->climber = strdup(at->path);
}

static enum walk_on note_entry(void *arg, const struct walked *at)
{
	struct survey *s = arg;

	if (++s->entries > LIMIT_MOVE_ENTRIES) {
		s->err = -E2BIG;
		return WALK_END;
	}
	if (at->type == DT_LNK)
		note_link(s, at);
	if (at->type == DT_DIR && s->height <= at->depth)
		s->height = at->depth + 1;
	return s->height > LIMIT_DIR_DEPTH ? WALK_PAST : WALK_ON;
}

static void look_through(struct survey *s)
{
	AUTO_CLOSE int fd = dir_open(s->top);
	int r;

	__atomic_store_n(&s->stale, false, __ATOMIC_RELEASE);
	free(steal_ptr(s->climber));
	s->climb = s->height = 0;
	s->entries = 0;
	s->err = 0;
	r = fd < 0 ? fd : back_walk(fd, "", note_entry, s);
	if (r < 0 && !s->err)
		s->err = r;
}

/* The folder, if it is one that will be nearer to the root or farther from it. Nothing is done for those who may not move it anyway. */
static struct node *what_to_survey(struct op *op, struct node *from, const char *name, struct node *to)
{
	WITH_RDLOCK(&tree_lock);
	struct node *n;

	if (from->gone || to->gone || !is_dir_node(from) || !is_dir_node(to) || node_depth(from) == node_depth(to))
		return NULL;
	if (!gate_may(op->caller.id, ACL_OP_RENAME_FROM, from, name, 0) || !gate_may(op->caller.id, ACL_OP_RENAME_TO, to, name, 0))
		return NULL;
	n = node_find(from, name);
	if (!n || n->kind == NODE_DIR)
		return n;
	node_put(n);
	return NULL;
}

void survey_take(struct survey *s, struct op *op, struct node *from, const char *name, struct node *to)
{
	*s = (struct survey){.top = what_to_survey(op, from, name, to)};
	if (!s->top)
		return;
	enlist(s);
	for (int i = 0; i < TRIES && (!i || __atomic_load_n(&s->stale, __ATOMIC_ACQUIRE)); i++)
		look_through(s);
}

void survey_drop(struct survey *s)
{
	if (!s->top)
		return;
	delist(s);
	node_put(s->top);
	free(s->climber);
}

bool survey_holds(const struct survey *s, struct node *dir, const char *name)
{
	struct node *n = s->top ? node_find(dir, name) : NULL;
	bool same = n && n == s->top && !__atomic_load_n(&s->stale, __ATOMIC_ACQUIRE);

	node_put(n);
	return same;
}
