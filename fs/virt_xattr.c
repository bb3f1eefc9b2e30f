/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The xattrs user.zddc.*: by name only, never listed (SPEC section 16). */
#include "fs/virt_ctl.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/virt_ask.h"

static const char PREFIX[] = "user.zddc.";

static void xattr_effective(const struct ask *a, struct buf *out)
{
	char verbs[8];

	buf_adds(out, verbs_print(gate_verbs(a->who, a->dir).effective, verbs));
}

static void xattr_explain(const struct ask *a, struct buf *out)
{
	if (a->name)
		make_explain(a, out);
	else
		make_access(a, out);
}

static void xattr_policy(const struct ask *a, struct buf *out)
{
	struct acl_policy *p = policy_of(a->dir);

	buf_adds(out, acl_policy_hash(p));
	acl_policy_unref(p);
}

static void xattr_principal(const struct ask *a, struct buf *out) { buf_adds(out, ask_shown_who(a->who)); }

/* "sealed", "hashing" while its hash is not known, "open", "torn", ...; with a note, that behind it. Nothing for what has no state. */
static void xattr_state(const struct ask *a, struct buf *out)
{
	struct seal_view v;
	char note[1200];
	ssize_t n = 0;
	int fd;

	if (!a->name || seal_look_in(a->dir, a->name, a->who, &v) < 0)
		return;
	buf_adds(out, v.state == SEAL_SEALED && !*v.rec.sha256 ? "hashing" : seal_state_word(v.state));
	if (back_dir_get(a->dir, &fd) == 0) {
		n = back_getxattr(fd, a->name, "user.zddc.note", note, sizeof(note));
		back_dir_put(a->dir, fd);
	}
	if (n > 0)
		buf_addf(out, "; %.*s", (int)n - 1, note);
}

static void xattr_sha256(const struct ask *a, struct buf *out)
{
	struct seal_view v;

	if (a->name && seal_look_in(a->dir, a->name, a->who, &v) == 0 && v.state == SEAL_SEALED)
		buf_adds(out, v.rec.sha256);
}

/* Where the thing is: of a row of a table, the record. */
static void xattr_canonical(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = a->name ? node_path_in(a->dir, a->name) : node_path(a->dir);

	buf_adds(out, *path ? path : ".");
}

/* Where it has come to, of what the caller has open and what was stored under another name since; else where it was found. */
static void xattr_location(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *stored = handle_draft_path(a->node, a->who->uid), *path = stored ? NULL : node_path(a->node);

	buf_adds(out, stored ? stored : *path ? path : ".");
}

static void xattr_last_error(const struct ask *a, struct buf *out) { gate_last_error(a->who, ACL_TEXT, out); }

static const struct {
	const char *name;
	void (*make)(const struct ask *a, struct buf *out);
} xattrs[] = {
#define CTL(...)
#define CTL_XATTR(name, make) {name, make},
#define EXPLAINED(...)
#include "fs/virt.def"
#undef CTL
#undef CTL_XATTR
#undef EXPLAINED
};

static int make_xattr(struct op *op, const struct ask *a, const char *name, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(xattrs); i++) {
		if (strcmp(name, xattrs[i].name) != 0)
			continue;
		int r = gate_enter(op, a->dir);

		if (r)
			return r;
		xattrs[i].make(a, out);
		return out->len || (xattrs[i].make != xattr_state && xattrs[i].make != xattr_sha256) ? 0 : -ENODATA;
	}
	return -ENODATA;
}

int ctl_xattr(struct op *op, struct node *node, const char *name, struct buf *out)
{
	struct ask a = {.who = op->caller.id, .node = node, .dir = node_governor(node), .format = ACL_TEXT};
	struct ask_row row = {0};
	int r;

	if (!str_starts(name, PREFIX) || node->kind == NODE_CTL_DIR || node->kind == NODE_CTL_FILE || node->kind == NODE_LINK)
		return -ENODATA;
	if (node->kind == NODE_FILE || node->kind == NODE_POLICY)
		a.name = node->name;
	if (node->kind == NODE_VIRT)
		ask_row_of(&a, node->parent, node->name, &row);
	r = make_xattr(op, &a, name + strlen(PREFIX), out);
	ask_row_drop(&row);
	return r;
}
