/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policies of a whole tree by path, fed by a zddc_source: compiled when first asked for, forgotten when something changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/snap.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/table.h"

enum { MOST_ENTRIES = 200000 }; /* then all is forgotten: names that somebody only tried must not fill memory */

struct entry {
	char *dir;
	struct acl_policy *policy;
	struct acl_own own;
	char *file; /* of an invalid document */
	struct entry *parent, *child, *next, **link; /* the tree: a directory is known only if the one above it is */
	UT_hash_handle hh;
};

struct acl_snap {
	pthread_mutex_t lock;
	struct acl *acl;
	struct zddc_source source;
	struct entry *entries; /* lock */
	struct classes *classes;
};

struct classes *snap_classes(struct acl_snap *s) { return s->classes; }

struct acl_snap *acl_snap_new(struct acl *acl, const struct zddc_source *source)
{
	struct acl_snap *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	s->acl = acl;
	s->source = *source;
	s->classes = classes_new();
	return s;
}

static void drop_entry(struct acl_snap *s, struct entry *e)
{
	while (e->child)
		drop_entry(s, e->child);
	if (e->link) {
		*e->link = e->next;
		if (e->next)
			e->next->link = e->link;
	}
	HASH_DEL(s->entries, e);
	acl_policy_unref(e->policy);
	zddc_unref(e->own.doc);
	free(e->file);
	free(e->dir);
	free(e);
}

static struct entry *find(struct acl_snap *s, const char *dir)
{
	struct entry *e;
	HASH_FIND_STR(s->entries, dir, e);
	return e;
}

/* Costs what is known at and below dir, however large the archive. */
static void forget(struct acl_snap *s, const char *dir)
{
	struct entry *e = find(s, dir);
	if (e)
		drop_entry(s, e);
}

void acl_snap_forget(struct acl_snap *s, const char *dir)
{
	pthread_mutex_lock(&s->lock);
	forget(s, dir);
	pthread_mutex_unlock(&s->lock);
	classes_forget(s->classes, dir);
}

void acl_snap_free(struct acl_snap *s)
{
	if (!s)
		return;
	classes_free(s->classes);
	forget(s, "");
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- documents ---- */

static void take_last_root(struct acl_snap *s, struct entry *e)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	if (s->source.last_root && !s->source.last_root(s->source.ctx, &text))
		zddc_parse(".zddc", buf_str(&text), text.len, false, &d, &e->own.doc);
}

static void mark_invalid(struct acl_snap *s, struct entry *e, const char *file, const struct diags *d)
{
	e->file = strdup(file);
	e->own.invalid = true;
	e->own.file = e->file;
	e->own.line = d->n ? d->v[0].line : 0;
	if (!*e->dir)
		take_last_root(s, e);
	if (s->source.invalid)
		s->source.invalid(s->source.ctx, e->dir, d);
}

static void read_own(struct acl_snap *s, struct entry *e)
{
	AUTO_BUF text = BUF_INIT, file = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	int err = s->source.read(s->source.ctx, e->dir, &text);
	if (err == -ENOENT)
		return;
	buf_addf(&file, "%s%s.zddc", e->dir, *e->dir ? "/" : "");
	if (err)
		diag_add(&d, DIAG_ERROR, buf_str(&file), 0, 0, "cannot be read: %s", strerror(-err));
	else
		err = zddc_parse(buf_str(&file), buf_str(&text), text.len, false, &d, &e->own.doc);
	if (err)
		mark_invalid(s, e, buf_str(&file), &d);
	else if (s->source.valid)
		s->source.valid(s->source.ctx, e->dir, buf_str(&text), text.len);
}

/* ---- policies ---- */

static struct entry *get(struct acl_snap *s, const char *dir);

static void link_below(struct entry *parent, struct entry *e)
{
	e->parent = parent;
	e->next = parent->child;
	if (e->next)
		e->next->link = &e->next;
	parent->child = e;
	e->link = &parent->child;
}

static struct acl_policy *compile(struct acl_snap *s, struct entry *e)
{
	const char *slash = strrchr(e->dir, '/');
	if (!*e->dir)
		return acl_root(s->acl, &e->own);
	AUTO_FREE char *above = slash ? strndup(e->dir, (size_t)(slash - e->dir)) : strdup("");
	link_below(get(s, above), e);
	return acl_child(s->acl, e->parent->policy, slash ? slash + 1 : e->dir, &e->own);
}

static struct entry *get(struct acl_snap *s, const char *dir)
{
	struct entry *e = find(s, dir);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || !(e->dir = strdup(dir)))
		abort();
	read_own(s, e);
	e->policy = compile(s, e);
	HASH_ADD_KEYPTR(hh, s->entries, e->dir, strlen(e->dir), e);
	return e;
}

/* Bounds what is kept, at a moment when no entry is in use. */
static struct entry *get_bounded(struct acl_snap *s, const char *dir)
{
	if (HASH_COUNT(s->entries) > MOST_ENTRIES)
		forget(s, "");
	return get(s, dir);
}

struct acl_policy *acl_snap_policy(struct acl_snap *s, const char *dir)
{
	WITH_MUTEX(&s->lock);
	return acl_policy_ref(get_bounded(s, dir)->policy);
}

struct zddc_doc *acl_snap_doc(struct acl_snap *s, const char *dir, bool *invalid)
{
	WITH_MUTEX(&s->lock);
	struct entry *e = get_bounded(s, dir);
	if (invalid)
		*invalid = e->own.invalid;
	return e->own.invalid ? NULL : zddc_ref(e->own.doc);
}

/* ---- what lies below ---- */

static bool collect(void *arg, const char *name)
{
	struct name_list *l = arg;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = realloc(l->v, l->cap * sizeof(*l->v));
		if (!l->v)
			abort();
	}
	if (!(l->v[l->n] = strdup(name)))
		abort();
	l->n++;
	return true;
}

void name_list_free(struct name_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

int snap_subdirs(struct acl_snap *s, const char *dir, bool all, struct name_list *out)
{
	WITH_MUTEX(&s->lock);
	const struct zddc_source *src = &s->source;
	int r = (!all && src->policy_below ? src->policy_below : src->subdirs)(src->ctx, dir, collect, out);
	return r == -ENOENT ? 0 : r;
}

void snap_join(struct buf *out, const char *dir, const char *name) { buf_addf(out, "%s%s%s", dir, *dir ? "/" : "", name); }
