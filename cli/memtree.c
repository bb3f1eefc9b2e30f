/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/memtree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/table.h"

struct memdir {
	char *path;
	const char *name; /* its last part */
	struct buf text;
	bool has_text;
	struct memdir *children, *sibling;
	UT_hash_handle hh;
};

struct memtree {
	struct memdir *dirs; /* uthash by path */
	struct buf last;
	bool has_last;
	struct zddc_source source;
};

static struct memdir *find(const struct memtree *t, const char *dir)
{
	struct memdir *d;

	HASH_FIND_STR(t->dirs, dir, d);
	return d;
}

static struct memdir *add(struct memtree *t, const char *dir)
{
	struct memdir *d = find(t, dir), *parent;
	const char *slash = strrchr(dir, '/');

	if (d)
		return d;
	d = calloc(1, sizeof *d);
	if (!d || !(d->path = strdup(dir)))
		abort();
	d->name = slash ? d->path + (slash - dir) + 1 : d->path;
	HASH_ADD_KEYPTR(hh, t->dirs, d->path, strlen(d->path), d);
	if (!*dir)
		return d;
	AUTO_FREE char *above = strndup(dir, slash ? (size_t)(slash - dir) : 0);
	parent = add(t, above);
	d->sibling = parent->children;
	parent->children = d;
	return d;
}

static int mem_read(void *ctx, const char *dir, struct buf *text)
{
	const struct memdir *d = find(ctx, dir);

	if (!d || !d->has_text)
		return -ENOENT;
	buf_add(text, buf_str(&d->text), d->text.len);
	return 0;
}

static int mem_subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	const struct memdir *d = find(ctx, dir);

	if (!d)
		return -ENOENT;
	for (const struct memdir *c = d->children; c; c = c->sibling)
		if (!each(arg, c->name))
			break;
	return 0;
}

static int mem_last_root(void *ctx, struct buf *text)
{
	const struct memtree *t = ctx;

	if (!t->has_last)
		return -ENOENT;
	buf_add(text, buf_str(&t->last), t->last.len);
	return 0;
}

struct memtree *memtree_new(void)
{
	struct memtree *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->source = (struct zddc_source){.read = mem_read, .subdirs = mem_subdirs, .last_root = mem_last_root, .ctx = t};
	add(t, "");
	return t;
}

void memtree_free(struct memtree *t)
{
	struct memdir *d, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->dirs, d, next) {
		HASH_DEL(t->dirs, d);
		buf_free(&d->text);
		free(d->path);
		free(d);
	}
	buf_free(&t->last);
	free(t);
}

void memtree_dir(struct memtree *t, const char *dir)
{
	add(t, dir);
}

void memtree_doc(struct memtree *t, const char *dir, const char *text, size_t len)
{
	struct memdir *d = add(t, dir);

	buf_reset(&d->text);
	buf_add(&d->text, text, len);
	d->has_text = true;
}

void memtree_last_root(struct memtree *t, const char *text, size_t len)
{
	buf_reset(&t->last);
	buf_add(&t->last, text, len);
	t->has_last = true;
}

void memtree_each_doc(const struct memtree *t, void (*each)(void *arg, const char *dir), void *arg)
{
	for (const struct memdir *d = t->dirs; d; d = d->hh.next)
		if (d->has_text)
			each(arg, d->path);
}

const struct zddc_source *memtree_source(struct memtree *t)
{
	return &t->source;
}
