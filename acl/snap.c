/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policies of a whole tree by path, fed by a zddc_source, and "visible, may enter" (SPEC section 1), which looks below a directory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

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
};

struct acl_snap *acl_snap_new(struct acl *acl, const struct zddc_source *source)
{
	struct acl_snap *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	s->acl = acl;
	s->source = *source;
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
	WITH_MUTEX(&s->lock);
	forget(s, dir);
}

void acl_snap_free(struct acl_snap *s)
{
	if (!s)
		return;
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

/* ---- could anything below help? an upper bound from the documents alone ---- */

struct bound {
	const struct acl_policy *p;
	const struct acl_principal *who;
};

static bool list_has(const struct pattern_index *x, const struct acl_principal *who)
{
	struct pattern_walk w;
	pattern_walk_start(&w, x, who);
	return pattern_walk_next(&w) >= 0;
}

static bool defines_member(const struct body *b, const char *role, const struct acl_principal *who)
{
	const struct role *r = body_role(b, role);
	if (r && list_has(&r->members.index, who))
		return true;
	for (size_t i = 0; i < b->n_paths; i++)
		if (defines_member(b->paths[i].body, role, who))
			return true;
	return b->star && defines_member(b->star, role, who);
}

static bool may_hold(const struct bound *x, const char *role)
{
	for (size_t i = 0; x->who->email && i < x->p->n; i++)
		if (defines_member(x->p->c[i].body, role, x->who))
			return true;
	return false;
}

static bool list_may_help(const struct bound *x, const struct pattern_list *l)
{
	if (list_has(&l->index, x->who))
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == PAT_ROLE && may_hold(x, l->v[i].text))
			return true;
	return false;
}

static bool grants_may_help(const struct bound *x, const struct body *b)
{
	if (list_has(&b->grant_index, x->who))
		return true;
	for (size_t i = 0; i < b->n_grants; i++)
		if (b->grants[i].verbs && b->grants[i].who.kind == PAT_ROLE && may_hold(x, b->grants[i].who.text))
			return true;
	return false;
}

static bool body_may_help(const struct bound *x, const struct body *b)
{
	return grants_may_help(x, b) || list_may_help(x, &b->worm) || list_may_help(x, &b->admins);
}

static bool below_may_help(const struct bound *x, const struct body *b)
{
	for (size_t i = 0; i < b->n_paths; i++)
		if (body_may_help(x, b->paths[i].body) || below_may_help(x, b->paths[i].body))
			return true;
	return b->star && (body_may_help(x, b->star) || below_may_help(x, b->star));
}

/*
 * Without a document below, a directory deeper down differs from p only by the bodies that paths: lands there: a level on which
 * nothing lands decides as the one above it does.
 */
static bool may_help_below(const struct acl_policy *p, const struct acl_principal *who)
{
	struct bound x = {p, who};
	for (size_t i = 0; i < p->n_threads; i++)
		if (below_may_help(&x, p->threads[i].body))
			return true;
	return false;
}

/* ---- sight ---- */

struct name_list {
	char **v;
	size_t n, cap;
};

static bool collect(void *arg, const char *name)
{
	struct name_list *l = arg;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = realloc(l->v, l->cap * sizeof(*l->v));
		if (!l->v)
			abort();
	}
	l->v[l->n++] = strdup(name);
	return true;
}

static void names_free(struct name_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static int granted_below(struct acl_snap *s, const char *dir, struct acl_policy *p, const struct acl_request *rq);

static struct acl_decision any_verb(const struct acl_policy *p, const struct acl_request *rq)
{
	struct acl_request any = *rq;
	any.needed = 0;
	any.flags &= ACL_IS_ELEVATED;
	return acl_decide(p, &any);
}

/* 1, 0, or -errno: is 'child' of dir, or anything below it, granted? */
static int granted_in(struct acl_snap *s, const char *dir, const char *child, const struct acl_request *rq)
{
	AUTO_BUF path = BUF_INIT;
	buf_addf(&path, "%s%s%s", dir, *dir ? "/" : "", child);
	struct acl_policy *p = acl_policy_ref(get(s, buf_str(&path))->policy);
	struct acl_decision d = any_verb(p, rq);
	bool here = d.effective || (d.admin && acl_admin_unfenced(p, rq->who));
	int found = here ? 1 : granted_below(s, buf_str(&path), p, rq);
	acl_policy_unref(p);
	return found;
}

/* A declared slot that is on disk under another spelling is that directory (SPEC section 8). */
static bool collect_slot(void *arg, const char *name)
{
	struct name_list *l = arg;
	for (size_t i = 0; i < l->n; i++)
		if (str_ieq(l->v[i], name))
			return true;
	return collect(l, name);
}

/* Which directories below could differ: all that are declared or on disk if a paths: body may help, else those with documents. */
static int candidates(struct acl_snap *s, const char *dir, struct acl_policy *p, const struct acl_request *rq, struct name_list *l)
{
	const struct zddc_source *src = &s->source;
	bool all = may_help_below(p, rq->who);
	int err;
	if (all || !src->policy_below)
		err = src->subdirs(src->ctx, dir, collect, l);
	else
		err = src->policy_below(src->ctx, dir, collect, l);
	if (all)
		acl_slots(p, collect_slot, l);
	return err == -ENOENT ? 0 : err;
}

static int granted_below(struct acl_snap *s, const char *dir, struct acl_policy *p, const struct acl_request *rq)
{
	struct name_list l = {0};
	int found = 0, pending = 0;
	if (acl_is_invalid(p) || acl_policy_level(p) >= (int)LIMIT_DIR_DEPTH)
		return 0;
	pending = candidates(s, dir, p, rq, &l);
	for (size_t i = 0; found <= 0 && i < l.n; i++) {
		found = granted_in(s, dir, l.v[i], rq);
		if (found < 0)
			pending = found;
	}
	names_free(&l);
	return found > 0 ? 1 : pending;
}

/*
 * A virtual directory shows what lies beside it, each row by its own place: whoever may know of that place may know of the table too.
 * 1, 0, or -errno.
 */
static int granted_at_source(struct acl_snap *s, const char *dir, struct acl_policy *p, const struct acl_request *rq)
{
	const char *slash = strrchr(dir, '/');
	AUTO_FREE char *above = slash ? strndup(dir, (size_t)(slash - dir)) : strdup("");
	return acl_is_virtual(p) && !acl_is_invalid(p) ? granted_in(s, above, p->virt.base, rq) : 0;
}

int acl_snap_sight(struct acl_snap *s, const char *dir, const struct acl_request *rq, struct acl_sight *out)
{
	WITH_MUTEX(&s->lock);
	struct acl_policy *p = acl_policy_ref(get_bounded(s, dir)->policy);
	struct acl_decision d = any_verb(p, rq);
	int below = d.effective || (d.admin && acl_admin_unfenced(p, rq->who)) ? 1 : granted_below(s, dir, p, rq);
	below = below ? below : granted_at_source(s, dir, p, rq);
	*out = (struct acl_sight){.enter = below > 0 || d.admin, .listed = below > 0, .read = d.effective & V_R};
	acl_policy_unref(p);
	return below < 0 ? (d.admin && below == -EAGAIN ? 0 : below) : 0;
}

/* ---- documents at and below a directory ---- */

/* Calls each() for every valid document strictly below dir, until it returns other than 0; that, or -errno. */
static int each_below(struct acl_snap *s, const char *dir, int (*each)(void *arg, const struct zddc_doc *doc), void *arg)
{
	const struct zddc_source *src = &s->source;
	struct name_list l = {0};
	int r = (src->policy_below ? src->policy_below : src->subdirs)(src->ctx, dir, collect, &l);
	if (r == -ENOENT)
		r = 0;
	for (size_t i = 0; !r && i < l.n; i++) {
		AUTO_BUF path = BUF_INIT;
		buf_addf(&path, "%s%s%s", dir, *dir ? "/" : "", l.v[i]);
		const struct entry *e = get(s, buf_str(&path));
		r = e->own.doc && !e->own.invalid ? each(arg, e->own.doc) : 0;
		if (!r)
			r = each_below(s, buf_str(&path), each, arg);
	}
	names_free(&l);
	return r;
}

struct role_edit {
	const struct body *before, *edited;
	struct diags *diags;
	const char *file;
};

static int report_named(const struct role_edit *x, const struct role *r, const struct zddc_doc *doc)
{
	if (!admins_name(doc->top, r->name))
		return 0;
	diag_add(x->diags, DIAG_ERROR, x->file, r->line, 1,
		 "members of the role %s administer a directory below: only an administrator may change who they are", r->written);
	return -EINVAL;
}

/* The roles of one body and of those nested in it: all may land above a document that names them. Each body may be NULL. */
static int find_named(const struct role_edit *x, const struct body *before, const struct body *b, const struct zddc_doc *doc)
{
	int r = 0;
	for (size_t i = 0; !r && b && i < b->n_roles; i++)
		if (role_members_change(before, &b->roles[i]))
			r = report_named(x, &b->roles[i], doc);
	for (size_t i = 0; !r && before && i < before->n_roles; i++)
		if (role_reset_lost(b, &before->roles[i]))
			r = report_named(x, &before->roles[i], doc);
	for (size_t i = 0; !r && b && i < b->n_paths; i++)
		r = find_named(x, before ? body_step(before, b->paths[i].segment) : NULL, b->paths[i].body, doc);
	for (size_t i = 0; !r && before && i < before->n_paths; i++)
		if (!b || !body_path(b, before->paths[i].segment))
			r = find_named(x, before->paths[i].body, b ? body_step(b, before->paths[i].segment) : NULL, doc);
	if (!r && ((b && b->star) || (before && before->star)))
		r = find_named(x, before ? before->star : NULL, b ? b->star : NULL, doc);
	return r;
}

static int check_named(void *arg, const struct zddc_doc *doc)
{
	const struct role_edit *x = arg;
	return find_named(x, x->before, x->edited, doc);
}

int acl_snap_roles_check(struct acl_snap *s, const char *dir, const struct zddc_doc *before, const struct zddc_doc *edited,
			 struct diags *d)
{
	struct role_edit x = {before ? before->top : NULL, edited ? edited->top : NULL, d,
			      edited ? edited->file : before ? before->file : dir};
	WITH_MUTEX(&s->lock);
	get_bounded(s, dir);
	return each_below(s, dir, check_named, &x);
}

static int check_guarded(void *arg, const struct zddc_doc *doc)
{
	AUTO_DIAGS d = DIAGS_INIT;
	(void)arg;
	return zddc_guard_check(NULL, doc, &d) ? 1 : 0;
}

int acl_snap_guarded(struct acl_snap *s, const char *dir)
{
	WITH_MUTEX(&s->lock);
	const struct entry *e = get_bounded(s, dir);
	if (e->own.doc && !e->own.invalid && check_guarded(NULL, e->own.doc))
		return 1;
	return each_below(s, dir, check_guarded, NULL);
}

static int check_speaks(void *arg, const struct zddc_doc *doc) { return doc_speaks_of_admins(arg, doc); }

int acl_snap_names_admins(struct acl_snap *s, const char *dir, struct acl_policy *place)
{
	WITH_MUTEX(&s->lock);
	const struct entry *e = get_bounded(s, dir);
	if (e->own.doc && !e->own.invalid && doc_speaks_of_admins(place, e->own.doc))
		return 1;
	return each_below(s, dir, check_speaks, place);
}
