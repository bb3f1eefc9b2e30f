/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The class of every name of a tree (SPEC section 15): the proof of uniform.c, made once for each policy and set of documents below. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/snap.h"
#include "acl/uniform.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/table.h"

/* Of one directory below which documents say something, until one of them changes. */
struct classing {
	char *dir;
	struct guests *below; /* counted: what documents strictly below say */
	struct acl_policy *policy; /* counted: what the rest was worked out for; NULL: it was not yet */
	struct entrants *entrants;
	bool files_known;
	struct acl_verdict files;
	struct child_class *children;
	UT_hash_handle hh;
};

/* Its sub-directories by their policy. */
struct child_class {
	struct acl_policy *policy; /* counted */
	struct acl_verdict verdict;
	UT_hash_handle hh;
};

struct classes {
	pthread_mutex_t lock;
	struct classing *v; /* lock */
	uint64_t changes; /* lock: how often anything was forgotten */
};

/* Where no document below says anything, it hangs on the policy alone. */
struct policy_class {
	struct entrants *entrants;
	bool files_known, name_known;
	struct acl_verdict files, name;
};

static void *room(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

void policy_class_free(struct policy_class *c)
{
	if (c)
		entrants_free(c->entrants);
	free(c);
}

/* ------------------------------------------------------------------ what is remembered */

/* What was worked out for another policy of the directory. */
static void classing_reset(struct classing *c)
{
	struct child_class *child, *tmp;

	HASH_ITER(hh, c->children, child, tmp) {
		HASH_DEL(c->children, child);
		acl_policy_unref(child->policy);
		free(child);
	}
	entrants_free(c->entrants);
	c->entrants = NULL;
	c->files_known = false;
	acl_policy_unref(c->policy);
	c->policy = NULL;
}

static void classing_drop(struct classes *t, struct classing *c)
{
	HASH_DEL(t->v, c);
	classing_reset(c);
	guests_unref(c->below);
	free(c->dir);
	free(c);
}

struct classes *classes_new(void)
{
	struct classes *t = room(sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void classes_free(struct classes *t)
{
	struct classing *c, *tmp;

	HASH_ITER(hh, t->v, c, tmp)
		classing_drop(t, c);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static bool at_or_below(const char *top, const char *dir)
{
	size_t n = strlen(top);

	return !strncmp(top, dir, n) && (!n || !dir[n] || dir[n] == '/');
}

void classes_forget(struct classes *t, const char *dir)
{
	struct classing *c, *tmp;

	WITH_MUTEX(&t->lock);
	t->changes++;
	HASH_ITER(hh, t->v, c, tmp)
		if (at_or_below(c->dir, dir) || at_or_below(dir, c->dir))
			classing_drop(t, c);
}

static struct classing *find(struct classes *t, const char *dir)
{
	struct classing *c;

	HASH_FIND_STR(t->v, dir, c);
	return c;
}

static struct guests *remembered(struct classes *t, const char *dir, uint64_t *changes)
{
	WITH_MUTEX(&t->lock);
	struct classing *c = find(t, dir);

	*changes = t->changes;
	return c ? guests_ref(c->below) : NULL;
}

static void remember(struct classes *t, const char *dir, struct guests *below, uint64_t changes)
{
	struct classing *c;

	WITH_MUTEX(&t->lock);
	if (t->changes != changes || find(t, dir))
		return;
	c = room(sizeof(*c));
	c->dir = strdup(dir);
	if (!c->dir)
		abort();
	c->below = guests_ref(below);
	HASH_ADD_KEYPTR(hh, t->v, c->dir, strlen(c->dir), c);
}

/* ------------------------------------------------------------------ what documents below say */

static int below(struct acl_snap *s, const char *dir, unsigned level, struct guests **out);

static int add_child(struct acl_snap *s, const char *dir, const char *name, unsigned level, struct guests *g)
{
	AUTO_BUF path = BUF_INIT;
	struct guests *deeper;
	struct zddc_doc *doc;
	int r;

	snap_join(&path, dir, name);
	doc = acl_snap_doc(s, buf_str(&path), NULL);
	if (doc)
		guests_add_body(g, doc->top);
	zddc_unref(doc);
	r = level < LIMIT_DIR_DEPTH ? below(s, buf_str(&path), level, &deeper) : 0;
	if (!r && level < LIMIT_DIR_DEPTH) {
		guests_add_all(g, deeper);
		guests_unref(deeper);
	}
	return r;
}

/* One reference, or -errno while it cannot be said. Everybody enters the root anyway. */
static int below(struct acl_snap *s, const char *dir, unsigned level, struct guests **out)
{
	AUTO_NAMES struct name_list l = {0};
	uint64_t changes;
	struct guests *g = remembered(snap_classes(s), dir, &changes);
	int r = 0;

	if (!g) {
		g = guests_new();
		r = level ? snap_subdirs(s, dir, false, &l) : 0;
		for (size_t i = 0; !r && i < l.n; i++)
			r = add_child(s, dir, l.v[i], level + 1, g);
		guests_settle(g);
		if (!r && g->n)
			remember(snap_classes(s), dir, g, changes);
	}
	if (r)
		guests_unref(g);
	else
		*out = g;
	return r;
}

/* ------------------------------------------------------------------ verdicts, each worked out once */

/* A directory and one sub-directory of it, or its files. */
struct question {
	struct acl_policy *dir, *child; /* counted; child NULL: files */
	struct guests *below; /* counted */
	const char *path;
};

static struct policy_class *class_of_policy(struct acl_policy *p)
{
	if (!p->class)
		p->class = room(sizeof(*p->class));
	return p->class;
}

/* acl->class_lock held. */
static struct acl_verdict by_policy(const struct question *q)
{
	struct policy_class *d = class_of_policy(q->dir), *n = q->child ? class_of_policy(q->child) : NULL;

	if (!d->entrants)
		d->entrants = entrants_of(q->dir, NULL);
	if (!n && !d->files_known) {
		d->files = uniform_files(q->dir, d->entrants);
		d->files_known = true;
	}
	if (n && !n->name_known) {
		n->name = uniform_dir(q->child, d->entrants);
		n->name_known = true;
	}
	return n ? n->name : d->files;
}

static struct acl_verdict child_by_place(struct classing *c, struct acl_policy *child)
{
	struct child_class *x;

	HASH_FIND_PTR(c->children, &child, x);
	if (!x) {
		x = room(sizeof(*x));
		x->policy = acl_policy_ref(child);
		x->verdict = uniform_dir(child, c->entrants);
		HASH_ADD_PTR(c->children, policy, x);
	}
	return x->verdict;
}

/* classes->lock held. */
static struct acl_verdict by_place(struct classing *c, const struct question *q)
{
	if (c->policy != q->dir) {
		classing_reset(c);
		c->policy = acl_policy_ref(q->dir);
		c->entrants = entrants_of(q->dir, c->below);
	}
	if (q->child)
		return child_by_place(c, q->child);
	if (!c->files_known)
		c->files = uniform_files(q->dir, c->entrants);
	c->files_known = true;
	return c->files;
}

/* Nobody remembers it: something changes all the time. */
static struct acl_verdict afresh(const struct question *q, struct entrants **keep)
{
	*keep = entrants_of(q->dir, q->below);
	return q->child ? uniform_dir(q->child, *keep) : uniform_files(q->dir, *keep);
}

/* ------------------------------------------------------------------ saying it */

static const char *const sentences[] = {
#define CLASS_WHY(id, sentence) [CLASS_##id] = sentence,
#include "acl/class.def"
#undef CLASS_WHY
};

/* What a verdict says, in memory of its own. */
struct told {
	enum acl_class_why why;
	char *who, *role, *who_file, *file;
	uint32_t who_line, line;
};

static char *copy(const char *s) { return s ? strdup(s) : NULL; }

static struct told tell(const struct acl_verdict *v)
{
	return (struct told){v->why, copy(v->who), copy(v->role), copy(v->who_src.file), copy(v->src.file), v->who_src.line, v->src.line};
}

static void told_free(struct told *t)
{
	free(t->who);
	free(t->role);
	free(t->who_file);
	free(t->file);
}

static void add_place(struct buf *out, const char *file, uint32_t line)
{
	buf_adds(out, file);
	if (line)
		buf_addf(out, ":%u", line);
}

static void add_who(const struct told *t, bool unreadable, struct buf *out)
{
	if (unreadable || !t->who) {
		buf_adds(out, "somebody whom a policy names that you cannot read");
		return;
	}
	buf_adds(out, t->who);
	if (t->role)
		buf_addf(out, ", a member of %s", t->role);
	buf_adds(out, " (");
	add_place(out, t->who_file, t->who_line);
	buf_adds(out, ")");
}

static bool hidden(const struct acl_view *view, const char *file) { return file && view && !view->readable(view->arg, file); }

static void add_sentence(const struct told *t, const struct acl_view *view, struct buf *out)
{
	const char *at = sentences[t->why], *mark;

	for (; (mark = strchr(at, '$')); at = mark + 4) {
		buf_add(out, at, (size_t)(mark - at));
		if (str_starts(mark, "$who"))
			add_who(t, hidden(view, t->who_file), out);
		else if (hidden(view, t->file))
			buf_adds(out, "(hidden)");
		else if (t->file)
			add_place(out, t->file, t->line);
	}
	buf_adds(out, at);
}

/* The verdict's class; what it says is copied while it may be pointed to. */
static enum acl_class answer(struct acl_snap *s, const struct question *q, struct told *t)
{
	struct classes *all = snap_classes(s);
	struct entrants *keep = NULL;
	struct acl_verdict v;

	if (!q->below->n) {
		WITH_MUTEX(&q->dir->acl->class_lock);
		v = by_policy(q);
		*t = tell(&v);
		return v.class;
	}
	WITH_MUTEX(&all->lock);
	struct classing *c = find(all, q->path);

	v = c && c->below == q->below ? by_place(c, q) : afresh(q, &keep);
	*t = tell(&v);
	entrants_free(keep);
	return v.class;
}

static enum acl_class ask(struct acl_snap *s, const char *dir, const char *name, struct told *t)
{
	struct question q = {.path = dir};
	AUTO_BUF path = BUF_INIT;
	enum acl_class class = ACL_MIXED;

	q.dir = acl_snap_policy(s, dir);
	snap_join(&path, dir, name ? name : "");
	q.child = name ? acl_snap_policy(s, buf_str(&path)) : NULL;
	if (q.dir->level >= (int)LIMIT_DIR_DEPTH || below(s, dir, (unsigned)q.dir->level, &q.below))
		*t = (struct told){.why = CLASS_UNKNOWN};
	else
		class = answer(s, &q, t);
	guests_unref(q.below);
	acl_policy_unref(q.child);
	acl_policy_unref(q.dir);
	return class;
}

enum acl_class acl_snap_class(struct acl_snap *s, const char *dir, const char *name, const struct acl_view *view, struct buf *why)
{
	struct told t = {0};
	enum acl_class class = ask(s, dir, name, &t);

	if (why)
		add_sentence(&t, view, why);
	told_free(&t);
	return class;
}

enum acl_class acl_name_class(const struct acl_policy *p, const char *name, struct buf *why)
{
	enum acl_class_why because = CLASS_ALL_SEE;

	if (!strncasecmp(name, ".zddc", strlen(".zddc")))
		because = CLASS_POLICY_NAME;
	else if (acl_is_transient(p, name))
		because = CLASS_TRANSIENT;
	if (why)
		buf_adds(why, sentences[because]);
	return because == CLASS_ALL_SEE ? ACL_UNIFORM : ACL_MIXED;
}

enum acl_class acl_snap_class_of(struct acl_snap *s, const char *dir, const char *name, bool is_dir, const struct acl_view *view,
				 struct buf *why)
{
	struct acl_policy *p = acl_snap_policy(s, dir);
	AUTO_BUF by_name = BUF_INIT;
	enum acl_class class = acl_name_class(p, name, &by_name);

	acl_policy_unref(p);
	if (class == ACL_UNIFORM)
		return acl_snap_class(s, dir, is_dir ? name : NULL, view, why);
	if (why)
		buf_adds(why, buf_str(&by_name));
	return class;
}

static const char *const words[] = {
	[ACL_MIXED] = "mixed", [ACL_UNIFORM] = "uniform", [ACL_UNIFORM_BUT_ADMINS] = "mixed"};

void acl_class_show(enum acl_class class, const char *path, const char *why, enum acl_format format, struct buf *out)
{
	if (format == ACL_TEXT) {
		buf_addf(out, "%s  %s\n  because  %s\n", words[class], path, why);
		return;
	}
	buf_addc(out, '{');
	json_kv(out, "path", path);
	json_kv(out, "class", words[class]);
	json_kv(out, "why", why);
	buf_adds(out, "}\n");
}

bool acl_is_plain(const struct acl_policy *p) { return p->parent && p->n == p->parent->n && p->invalid_level != p->level; }
