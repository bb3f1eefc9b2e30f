/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies at and below a directory, for an edit or a move by somebody who does not administer it (SPEC section 2, guarded keys). */
#include <errno.h>

#include "acl/snap.h"
#include "base/buf.h"
#include "base/err.h"

typedef int doc_fn(void *arg, const struct zddc_doc *doc);

/* Of an invalid document each() gets NULL: nobody knows what it says. */
static int at(struct acl_snap *s, const char *dir, doc_fn *each, void *arg)
{
	bool invalid;
	struct zddc_doc *doc = acl_snap_doc(s, dir, &invalid);
	int r = doc || invalid ? each(arg, doc) : 0;
	zddc_unref(doc);
	return r;
}

/* Calls each() for every document strictly below dir, until it returns other than 0; that, or -errno. */
static int each_below(struct acl_snap *s, const char *dir, doc_fn *each, void *arg)
{
	AUTO_NAMES struct name_list l = {0};
	int r = snap_subdirs(s, dir, false, &l);
	for (size_t i = 0; !r && i < l.n; i++) {
		AUTO_BUF path = BUF_INIT;
		snap_join(&path, dir, l.v[i]);
		r = at(s, buf_str(&path), each, arg);
		if (!r)
			r = each_below(s, buf_str(&path), each, arg);
	}
	return r;
}

/* ---- roles that documents below name in admins: ---- */

struct role_edit {
	struct names changed;
	struct diags *diags;
	const char *file;
};

static bool report_named(void *arg, const char *role)
{
	const struct role_edit *x = arg;
	const struct role *r = names_get(&x->changed, role);
	if (r)
		diag_add(x->diags, DIAG_ERROR, x->file, r->line, 1,
			 "members of the role %s administer a directory below: only an administrator may change who they are", r->written);
	return !r;
}

/* What is invalid makes nobody administrator, and whoever repairs it sees who would be. */
static int check_named(void *arg, const struct zddc_doc *doc)
{
	return !doc || admin_roles(doc->top, report_named, arg) ? 0 : -EINVAL;
}

int acl_snap_roles_check(struct acl_snap *s, const char *dir, const struct zddc_doc *before, const struct zddc_doc *edited,
			 struct diags *d)
{
	struct arena a = ARENA_INIT;
	struct role_edit x = {.diags = d, .file = edited ? edited->file : before ? before->file : dir};
	int r = roles_changed(before ? before->top : NULL, edited ? edited->top : NULL, &a, &x.changed) ? 0 : -EINVAL;
	if (r)
		diag_add(d, DIAG_ERROR, x.file, 0, 0, "%s", TOO_MUCH_TO_COMPARE);
	else if (x.changed.n)
		r = each_below(s, dir, check_named, &x);
	arena_free(&a);
	return r;
}

/* ---- what only administrators of both places may move ---- */

static int check_guarded(void *arg, const struct zddc_doc *doc)
{
	(void)arg;
	return !doc || doc->top->guards;
}

int acl_snap_guarded(struct acl_snap *s, const char *dir)
{
	int r = at(s, dir, check_guarded, NULL);
	return r ? r : each_below(s, dir, check_guarded, NULL);
}

static int check_speaks(void *arg, const struct zddc_doc *doc) { return !doc || defines_any(doc->top, arg); }

int acl_snap_names_admins(struct acl_snap *s, const char *dir, struct acl_policy *place)
{
	struct arena a = ARENA_INIT;
	struct names named = {0};
	roles_that_administer(place, &a, &named);
	int r = named.n ? at(s, dir, check_speaks, &named) : 0;
	if (!r && named.n)
		r = each_below(s, dir, check_speaks, &named);
	arena_free(&a);
	return r;
}
