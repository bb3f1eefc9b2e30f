/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node table: two chained hash tables (by number, by parent and name) under one mutex. Chained through the nodes themselves and
 * not by a library, because 400 bytes are all an inode may cost (PERFORMANCE) and two uthash handles would take 112 of them.
 */
#include "fs/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "fs/handle.h"

pthread_rwlock_t tree_lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct node **by_id, **by_name; /* table_lock */
	size_t buckets; /* a power of two */
	size_t count;
	uint64_t last_id; /* numbers are never used twice */
	struct node *root;
} table;

static size_t id_bucket(uint64_t id)
{
	return (size_t)(id * 0x9e3779b97f4a7c15ull >> 20) & (table.buckets - 1);
}

static size_t name_bucket(const struct node *dir, const char *name)
{
	return (size_t)(hash64_seeded(name, strlen(name), hash_secret()) ^ dir->id * 0x9e3779b97f4a7c15ull) & (table.buckets - 1);
}

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

static char *xstrdup(const char *s)
{
	char *p = strdup(s);

	if (!p)
		abort();
	return p;
}

static void link_id(struct node *n)
{
	struct node **head = &table.by_id[id_bucket(n->id)];

	n->next_id = *head;
	*head = n;
}

static void link_name(struct node *n)
{
	struct node **head = &table.by_name[name_bucket(n->parent, n->name)];

	n->next_name = *head;
	*head = n;
}

static void unlink_id(struct node *n)
{
	struct node **at = &table.by_id[id_bucket(n->id)];

	while (*at && *at != n)
		at = &(*at)->next_id;
	if (*at)
		*at = n->next_id;
}

/* Harmless for a node that is not in the chain (the root, or gone). */
static void unlink_name(struct node *n)
{
	if (!n->parent)
		return;
	struct node **at = &table.by_name[name_bucket(n->parent, n->name)];

	while (*at && *at != n)
		at = &(*at)->next_name;
	if (*at)
		*at = n->next_name;
}

static void grow(void)
{
	struct node **old = table.by_id;
	size_t n = table.buckets;

	free(table.by_name);
	table.buckets = n ? n * 2 : 1024;
	table.by_id = xcalloc(table.buckets, sizeof(*table.by_id));
	table.by_name = xcalloc(table.buckets, sizeof(*table.by_name));
	for (size_t i = 0; i < n; i++)
		for (struct node *at = old[i], *next; at; at = next) {
			next = at->next_id;
			link_id(at);
			if (at->parent && !at->gone)
				link_name(at);
		}
	free(old);
}

static struct node *by_name(const struct node *dir, const char *name)
{
	for (struct node *n = table.by_name[name_bucket(dir, name)]; n; n = n->next_name)
		if (n->parent == dir && !strcmp(n->name, name))
			return n;
	return NULL;
}

/* table_lock held. The new node has one reference; its parent is counted. */
static struct node *make(struct node *dir, const char *name, enum node_kind kind, const struct back_ref *ref, uint64_t ino)
{
	struct node *n = xcalloc(1, sizeof(*n));

	if (table.count >= table.buckets)
		grow();
	n->id = ++table.last_id;
	n->kind = kind;
	n->parent = dir ? node_ref(dir) : NULL;
	n->name = xstrdup(name);
	if (ref)
		n->ref = *ref;
	n->ino = ino;
	n->refs = 1;
	pthread_mutex_init(&n->lock, NULL);
	link_id(n);
	if (dir)
		link_name(n);
	table.count++;
	return n;
}

int nodes_init(const struct back_ref *root_ref, uint64_t root_ino)
{
	WITH_MUTEX(&table_lock);
	if (table.root)
		return -EALREADY;
	grow();
	table.root = make(NULL, "", NODE_DIR, root_ref, root_ino);
	table.root->lookups = 1; /* the kernel never forgets the root */
	return 0;
}

static void destroy(struct node *n)
{
	back_dir_drop(n);
	acl_policy_unref(n->policy);
	pthread_mutex_destroy(&n->lock);
	free(n->ctl_arg);
	free(n->name);
	free(n);
}

void nodes_each(void (*each)(struct node *n))
{
	for (size_t i = 0; i < table.buckets; i++)
		for (struct node *n = table.by_id[i], *next; n; n = next) {
			next = n->next_id;
			each(n);
		}
}

void nodes_free(void)
{
	nodes_each(destroy);
	free(table.by_id);
	free(table.by_name);
	memset(&table, 0, sizeof(table));
}

struct node *node_root(void)
{
	return table.root;
}

struct node *node_ref(struct node *n)
{
	__atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED);
	return n;
}

struct node *node_get(uint64_t id)
{
	WITH_MUTEX(&table_lock);
	for (struct node *n = table.by_id[id_bucket(id)]; n; n = n->next_id)
		if (n->id == id)
			return node_ref(n);
	return NULL;
}

unsigned node_depth(const struct node *n)
{
	unsigned levels = 0;

	for (; n->parent; n = n->parent)
		levels++;
	return levels;
}

/* Drops a reference that is not the last one without the table lock. */
static bool put_fast(struct node *n)
{
	int refs = __atomic_load_n(&n->refs, __ATOMIC_RELAXED);

	while (refs > 1)
		if (__atomic_compare_exchange_n(&n->refs, &refs, refs - 1, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* True if the node left the table: the caller destroys it. */
static bool put_last(struct node *n)
{
	WITH_MUTEX(&table_lock);
	if (__atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return false;
	unlink_id(n);
	unlink_name(n);
	table.count--;
	return true;
}

void node_put(struct node *n)
{
	while (n && !put_fast(n) && put_last(n)) {
		struct node *parent = n->parent;

		destroy(n);
		n = parent;
	}
}

/* table_lock held. All look-ups of the kernel together are one reference. */
static void count_lookup(struct node *n)
{
	if (n->lookups++ == 0)
		node_ref(n);
}

void node_forget(struct node *n, uint64_t n_lookups)
{
	bool last;

	if (n == table.root)
		return;
	pthread_mutex_lock(&table_lock);
	last = n->lookups && n->lookups <= n_lookups;
	n->lookups = n->lookups > n_lookups ? n->lookups - n_lookups : 0;
	pthread_mutex_unlock(&table_lock);
	if (last)
		node_put(n);
}

static bool same_object(const struct node *n, enum node_kind kind, const struct back_ref *ref)
{
	if (n->kind != kind)
		return false;
	if (!ref)
		return true;
	if (n->ref.ino != ref->ino)
		return false;
	return !n->ref.handle_len || !ref->handle_len ||
	       (n->ref.handle_len == ref->handle_len && !memcmp(n->ref.handle, ref->handle, ref->handle_len));
}

/* table_lock held. */
static void make_gone(struct node *n)
{
	unlink_name(n);
	n->gone = true;
}

struct node *node_enter(struct node *dir, const char *name, enum node_kind kind, const struct back_ref *ref, uint64_t ino)
{
	WITH_MUTEX(&table_lock);
	struct node *n = by_name(dir, name);

	if (n && !same_object(n, kind, ref)) {
		make_gone(n);
		n = NULL;
	}
	n = n ? node_ref(n) : make(dir, name, kind, ref, ino);
	count_lookup(n);
	return n;
}

struct node *node_find(struct node *dir, const char *name)
{
	WITH_MUTEX(&table_lock);
	struct node *n = by_name(dir, name);

	return n ? node_ref(n) : NULL;
}

/* table_lock held. Returns the old parent, whose reference is then the caller's to put without the lock. */
static struct node *place(struct node *n, struct node *to, const char *name)
{
	struct node *old = n->parent;
	char *text = xstrdup(name);

	unlink_name(n);
	free(n->name);
	n->name = text;
	n->parent = node_ref(to);
	link_name(n);
	return old;
}

void node_moved(struct node *n, struct node *to, const char *new_name)
{
	pthread_mutex_lock(&table_lock);
	struct node *old = place(n, to, new_name);
	pthread_mutex_unlock(&table_lock);
	node_put(old);
	handles_recheck(n);
}

void node_exchanged(struct node *a, struct node *b)
{
	pthread_mutex_lock(&table_lock);
	AUTO_FREE char *name_b = xstrdup(b->name);
	struct node *dir_b = node_ref(b->parent);
	struct node *old_b = place(b, a->parent, a->name);
	struct node *old_a = place(a, dir_b, name_b);
	pthread_mutex_unlock(&table_lock);
	node_put(dir_b);
	node_put(old_a);
	node_put(old_b);
	handles_recheck(a);
	handles_recheck(b);
}

void node_gone(struct node *n)
{
	pthread_mutex_lock(&table_lock);
	make_gone(n);
	pthread_mutex_unlock(&table_lock);
	back_dir_drop(n);
}

void node_became_dir(struct node *slot, const struct back_ref *ref, uint64_t ino, const char *spelling)
{
	pthread_mutex_lock(&table_lock);
	struct node *old = NULL;

	slot->kind = NODE_DIR;
	slot->ref = *ref;
	slot->ino = ino;
	if (strcmp(slot->name, spelling) != 0)
		old = place(slot, slot->parent, spelling);
	pthread_mutex_unlock(&table_lock);
	node_put(old);
}

uint64_t node_virtual_ino(const struct node *dir, const char *name)
{
	uint64_t h = hash64(name, strlen(name)) ^ (dir->ino * 0x9e3779b97f4a7c15ull);

	return (h & ((1ull << 61) - 1)) | (1ull << 61);
}

static size_t path_len(const struct node *n)
{
	size_t len = 0;

	for (; n->parent; n = n->parent)
		len += strlen(n->name) + 1;
	return len;
}

/* Writes the path of n so that it ends before 'end'. */
static void path_fill(const struct node *n, char *end)
{
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		end -= len;
		memcpy(end, n->name, len);
		if (n->parent->parent)
			*--end = '/';
	}
}

char *node_path(const struct node *n)
{
	size_t len = path_len(n);
	char *path = xcalloc(1, len + 1);

	if (len)
		path_fill(n, path + len - 1);
	return path;
}

char *node_path_in(const struct node *dir, const char *name)
{
	size_t len = path_len(dir), n = strlen(name);
	char *path = xcalloc(1, len + n + 1);

	if (len) {
		path_fill(dir, path + len - 1);
		path[len - 1] = '/';
	}
	memcpy(path + len, name, n);
	return path;
}

struct node *node_governor(struct node *n)
{
	if (n->kind == NODE_DIR || n->kind == NODE_SLOT)
		return n;
	n = n->parent;
	while (n->kind == NODE_CTL_DIR)
		n = n->parent;
	return n;
}

uint64_t nodes_count(void)
{
	WITH_MUTEX(&table_lock);
	return table.count;
}
