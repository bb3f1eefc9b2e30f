/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why: last refusals, explanations, the merged policy, as texts of .zddc.d. */
#include "fs/virt_ask.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "fs/cache.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/lazy.h"
#include "fs/names.h"
#include "fs/policy.h"
#include "fs/seal.h"

enum ctl_place { CTL_HERE, CTL_NAMED, CTL_CHILD };

void make_last_error(const struct ask *a, struct buf *out) { gate_last_error(a->who, a->format, out); }

bool ask_memo(enum memo_kind kind, const struct identity *who, const struct node *dir, struct buf *out)
{
	AUTO_FREE char *path = node_path(dir);

	return memo_get(kind, who->uid, path, out);
}

void make_rejected(const struct ask *a, struct buf *out) { ask_memo(MEMO_REJECTED, a->who, a->dir, out); }

void make_last_created(const struct ask *a, struct buf *out)
{
	if (ask_memo(MEMO_CREATED, a->who, a->dir, out))
		buf_addc(out, '\n');
}

static const struct {
	enum ctl_place place;
	enum acl_op what;
	const char *name;
} explained[] = {
#define CTL(...)
#define CTL_XATTR(...)
#define EXPLAINED(place, op, name) {CTL_##place, ACL_OP_##op, name},
#include "fs/virt.def"
#undef CTL
#undef CTL_XATTR
#undef EXPLAINED
};

/* Is 'name' a directory here, on disk or declared, that this caller may enter? */
static bool is_visible_dir(const struct ask *a)
{
	AUTO_FREE char *path = node_path_in(a->dir, a->name), *declared = NULL;
	struct acl_sight sight;
	struct stat st;
	bool there;

	if (name_class(a->name) == NAME_CONTROL || name_class(a->name) == NAME_POLICY)
		return false;
	there = !back_path_stat(path, &st) && S_ISDIR(st.st_mode);
	if (!there)
		declared = lazy_declared(a->dir, a->name);
	return (there || declared) && !gate_sight_path(a->who, path, &sight) && sight.enter;
}

/* A file of that name may be in a state that says more than the verbs. */
static void explain_named(const struct ask *a, enum acl_op what, const char *name, struct buf *out)
{
	AUTO_BUF state = BUF_INIT;
	unsigned flags = 0;
	bool by_state = false;

	if (name && seal_explain(a->who, what, a->dir, name, &flags, &by_state, &state))
		gate_explain_state(a->who, what, a->dir, name, flags, by_state, buf_str(&state), a->format, out);
	else
		gate_explain(a->who, what, a->dir, name, a->format, out);
}

/* One of the table's operations, if it is about 'place'. */
static void explain_rows(const struct ask *a, enum ctl_place place, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(explained); i++) {
		const char *name = place == CTL_HERE ? explained[i].name : a->name;

		if (explained[i].place != place)
			continue;
		if (a->format == ACL_JSON)
			json_sep(out);
		else if (out->len)
			buf_addc(out, '\n');
		if (place == CTL_CHILD)
			gate_explain_dir(a->who, explained[i].what, a->dir, name, true, a->format, out);
		else
			explain_named(a, explained[i].what, name, out);
	}
}

static void explain_open(const struct ask *a, const char *path, struct buf *out)
{
	if (a->format != ACL_JSON)
		return;
	buf_addc(out, '{');
	json_kv(out, "path", path);
	json_kv(out, "principal", ask_shown_who(a->who));
	json_key(out, "decisions");
	buf_addc(out, '[');
}

static void explain_close(const struct ask *a, struct buf *out) { buf_adds(out, a->format == ACL_JSON ? "]}\n" : ""); }

void make_access(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = ask_shown_path(a->dir);

	explain_open(a, path, out);
	explain_rows(a, CTL_HERE, out);
	explain_close(a, out);
}

void make_explain(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = node_path_in(a->dir, a->name);

	explain_open(a, path, out);
	if (is_visible_dir(a))
		explain_rows(a, CTL_CHILD, out);
	explain_rows(a, CTL_NAMED, out);
	explain_close(a, out);
}

void make_explain_op(const struct ask *a, struct buf *out)
{
	if (acl_ops[a->what].place == ACL_PLACE_DIR)
		gate_explain_dir(a->who, a->what, a->dir, a->name, is_visible_dir(a), a->format, out);
	else
		explain_named(a, a->what, a->name, out);
	if (a->format == ACL_JSON)
		buf_addc(out, '\n');
}

void make_cache(const struct ask *a, struct buf *out)
{
	cache_explain(a->who, a->dir, a->name, is_visible_dir(a), a->format, out);
}

void make_effective(const struct ask *a, struct buf *out)
{
	struct acl_policy *p = policy_of(a->dir);
	struct acl_view view = gate_view(a->who);

	acl_effective(p, &a->who->who, &view, out);
	acl_policy_unref(p);
}
