/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may become policy, and how it does. */
#include "fs/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "fs/audit.h"
#include "fs/audit_policy.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/draft.h"
#include "fs/gate.h"
#include "fs/memo.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/passthrough.h"
#include "fs/policy.h"
#include "fs/seal_record.h"

enum { POLICY_MODE = 0644 };

#define POLICY ".zddc"

/* ------------------------------------------------------------------ the checks */

static bool holds_a(const struct identity *who, struct node *dir)
{
	return (gate_verbs(who, dir).effective & V_A) != 0;
}

/* What nobody but an administrator may do: guarded keys, and naming the members of roles that administer, here or below. */
static int check_guarded(struct node *dir, const char *path, struct zddc_doc *old, struct zddc_doc *new, struct diags *d)
{
	struct acl_policy *above = dir->parent ? policy_of(dir->parent) : NULL;
	int r = zddc_guard_check(old, new, d);

	if (acl_admin_roles_check(policy_engine(), above, dir->name, old, new, d))
		r = -EINVAL;
	acl_policy_unref(above);
	return r ? r : acl_snap_roles_check(policy_snap(), path, old, new, d);
}

/* What an owner may not take from the mandated roles. */
static int check_mandate(struct node *dir, struct zddc_doc *old, struct zddc_doc *new, struct diags *d)
{
	struct acl_policy *above = policy_of(dir->parent);
	int r = acl_mandate_check(policy_engine(), above, dir->name, old, new, d);

	acl_policy_unref(above);
	return r;
}

/* 0, -EINVAL with the reasons in d, or -EAGAIN while the index is being built. 'new' NULL: removal. */
static int check_rights(struct identity *who, struct node *dir, const char *path, struct zddc_doc *old, struct zddc_doc *new,
			struct diags *d)
{
	int r = gate_is_admin(who, dir) ? 0 : check_guarded(dir, path, old, new, d);

	if (!dir->parent)
		return acl_root_admins_check(policy_engine(), old, new, &who->who, d) ? -EINVAL : r;
	if (!holds_a(who, dir->parent) && check_mandate(dir, old, new, d))
		return -EINVAL;
	return r;
}

static int refuse_for_now(struct identity *who, enum acl_op what, const char *file)
{
	return gate_refuse_text(who, EBUSY, what, file, NULL,
				"which folders below %s carry policy is still being found out: try again in a moment", file);
}

static const char *plural(size_t n) { return n == 1 ? "" : "s"; }

/* Tells the writer everything that is wrong with the text, and keeps it for him. */
static int reject(struct identity *who, const char *path, const char *file, const struct diags *d, const char *text, size_t len)
{
	memo_keep(MEMO_REJECTED, who->uid, path, text, len);
	return gate_refuse_text(who, EINVAL, ACL_OP_WRITE, file, d,
				"%s was not changed: %zu error%s in the new text. Correct it and save again; your text is kept as "
				"%s%s.zddc.d/rejected",
				file, d->errors, plural(d->errors), path, *path ? "/" : "");
}

static int check_text(struct identity *who, struct node *dir, const char *path, const char *file, const char *text, size_t len)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *new = NULL, *old = NULL;
	int r;

	if (len > LIMIT_DOC_BYTES) {
		diag_add(&d, DIAG_ERROR, file, 0, 0, "is larger than %u bytes", LIMIT_DOC_BYTES);
		return reject(who, path, file, &d, text, len < LIMIT_DOC_BYTES ? len : LIMIT_DOC_BYTES);
	}
	r = zddc_parse(file, text, len, false, &d, &new);
	if (!r) {
		old = policy_doc(path, NULL);
		r = check_rights(who, dir, path, old, new, &d);
	}
	zddc_unref(old);
	zddc_unref(new);
	if (!r)
		return 0;
	if (r == -EAGAIN)
		return refuse_for_now(who, ACL_OP_WRITE, file);
	diags_sort(&d);
	return reject(who, path, file, &d, text, len);
}

/* ------------------------------------------------------------------ putting it in place */

static int put_in_place(struct op *op, struct identity *who, struct node *dir, const char *text, size_t len)
{
	gid_t gid = op->caller.uid == who->uid ? op->caller.gid : who->gid;
	int fd, r = policy_keep(text, len);

	if (!r)
		r = back_dir_get(dir, &fd);
	if (r)
		return r;
	r = back_replace(fd, ".zddc", text, len, POLICY_MODE, who->uid, gid);
	back_dir_put(dir, fd);
	return r;
}

static char *file_in(const char *dir)
{
	AUTO_BUF b = BUF_INIT;

	buf_addf(&b, "%s%s.zddc", dir, *dir ? "/" : "");
	return buf_steal(&b);
}

int policy_put(struct op *op, struct identity *who, const char *dir, const char *text, size_t len)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = policy_keep(text, len);

	if (r == 0)
		r = back_path_dir(dir, &fd);
	if (r == 0)
		r = back_stat(fd, POLICY, &st);
	if (r == 0)
		r = back_replace(fd, POLICY, text, len, POLICY_MODE, st.st_uid, st.st_gid);
	if (r < 0)
		return r;
	audit_policy_committed(op, who, dir, text, len);
	policy_changed(dir);
	return 0;
}

/* Back to what it was: the text 'old', or none if there was none ('had' false). */
static int take_back(struct op *op, struct identity *who, struct node *dir, bool had, const struct buf *old)
{
	int fd, r;

	if (had)
		return put_in_place(op, who, dir, old->data, old->len);
	r = back_dir_get(dir, &fd);
	if (r == 0) {
		r = back_unlink(fd, POLICY);
		back_dir_put(dir, fd);
	}
	return r;
}

static int refuse_stranded(struct identity *who, const char *file, const struct person *writer, const char *path)
{
	AUTO_BUF name = BUF_INIT;

	person_show(writer, &name);
	return gate_refuse_text(who, EBUSY, ACL_OP_WRITE, file, NULL,
				"%s was not changed: it would make %s write-once, frozen or a record, which %s has open for writing. Try again when it is closed, or "
				"mount with revoke=strict", file, path, buf_str(&name));
}

/*
 * Puts the text in place, unless it brings to rest what somebody writes without the daemon's seeing it (passthrough.h): -EBUSY then, and all
 * is as before. Policy is compiled to know; nobody sees it in between, since the caller has tree_lock for writing.
 */
static int put_if_free(struct op *op, struct identity *who, struct node *dir, const char *path, const char *file, const char *text, size_t len)
{
	AUTO_BUF old = BUF_INIT;
	AUTO_FREE char *busy = NULL;
	struct person writer;
	int r = back_dir_read(dir, POLICY, &old);
	bool had = r == 0;

	if (r == 0 || r == -ENOENT)
		r = put_in_place(op, who, dir, text, len);
	if (r < 0)
		return r;
	policy_changed(path);
	if (!pass_stranded_below(dir, &writer, &busy))
		return 0;
	r = take_back(op, who, dir, had, &old);
	policy_changed(path);
	acl_policy_unref(policy_of(dir)); /* read, so that the ledger knows which text is in force again */
	if (r < 0)
		log_warn("%s is in force, although %s is still open for writing: the old text cannot be put back: %s", file, busy, strerror(-r));
	return r < 0 ? 0 : refuse_stranded(who, file, &writer, busy);
}

int policy_commit(struct op *op, struct identity *who, struct node *dir, const char *text, size_t len)
{
	AUTO_FREE char *path = node_path(dir);
	AUTO_FREE char *file = file_in(path);
	int r;

	if (dir->kind != NODE_DIR || dir->gone)
		return -ENOENT;
	r = check_text(who, dir, path, file, text, len);
	if (!r)
		r = pass_writers_below(dir) ? put_if_free(op, who, dir, path, file, text, len) : put_in_place(op, who, dir, text, len);
	if (r)
		return r;
	audit_policy_committed(op, who, path, text, len);
	memo_forget(MEMO_REJECTED, who->uid, path);
	away_forget(dir, POLICY);
	policy_changed(path);
	log_info("%s: new policy by %s", file, who->who.email ? who->who.email : "anonymous");
	return 0;
}

/* ------------------------------------------------------------------ removal */

static bool counts_as_empty(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	bool *empty = arg;

	(void)type;
	(void)ino;
	if (strcmp(name, ".zddc") != 0 && strcmp(name, ".zddc.d") != 0)
		*empty = false;
	return *empty;
}

static int check_alone(struct identity *who, const char *file, int fd)
{
	bool empty = true;
	int r = back_list(fd, "", counts_as_empty, &empty);

	if (r || empty)
		return r;
	return gate_refuse_text(who, EBUSY, ACL_OP_UNLINK, file, NULL,
				"%s goes last: something else is still in its directory, and would be left without its policy. "
				"To lift the policy, write an empty file",
				file);
}

static int check_removal(struct identity *who, struct node *dir, const char *path, const char *file)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *old = policy_doc(path, NULL);
	int r = check_rights(who, dir, path, old, NULL, &d);

	zddc_unref(old);
	if (!r)
		return 0;
	if (r == -EAGAIN)
		return refuse_for_now(who, ACL_OP_UNLINK, file);
	return gate_refuse_text(who, EINVAL, ACL_OP_UNLINK, file, &d, "%s was not removed: %zu error%s", file, d.errors, plural(d.errors));
}

int policy_remove(struct op *op, struct identity *who, struct node *dir)
{
	AUTO_FREE char *path = node_path(dir);
	AUTO_FREE char *file = file_in(path);
	int fd, r = back_dir_get(dir, &fd);

	if (r)
		return r;
	r = check_alone(who, file, fd);
	if (!r)
		r = check_removal(who, dir, path, file);
	if (!r)
		r = back_unlink(fd, ".zddc");
	back_dir_put(dir, fd);
	if (r)
		return r;
	audit_policy_committed(op, who, path, NULL, 0);
	away_forget(dir, POLICY);
	policy_changed(path);
	log_info("%s: removed by %s", file, who->who.email ? who->who.email : "anonymous");
	return 0;
}

/* ------------------------------------------------------------------ rename away */

/* A file with that text as 'name' in 'to'. */
static int copy_out(struct op *op, struct identity *who, struct node *to, const char *name, const struct buf *text, bool noreplace)
{
	struct stat st;
	int fd, r;

	if (!strcmp(name, ".zddc"))
		return policy_commit(op, who, to, buf_str(text), text->len);
	r = back_dir_get(to, &fd);
	if (r)
		return r;
	r = back_stat(fd, name, &st);
	if (!r && noreplace)
		r = -EEXIST;
	else if (!r && S_ISDIR(st.st_mode))
		r = -EISDIR;
	else if (!r || r == -ENOENT)
		r = back_replace(fd, name, buf_str(text), text->len, POLICY_MODE, who->uid, op->caller.gid);
	back_dir_put(to, fd);
	return r;
}

/* Both texts change places; the new policy is checked first. */
static int exchange(struct op *op, struct identity *who, struct node *dir, struct node *to, const char *name, const struct buf *old)
{
	AUTO_BUF other = BUF_INIT;
	int r = back_dir_read(to, name, &other);

	if (!r)
		r = policy_commit(op, who, dir, buf_str(&other), other.len);
	return r ? r : copy_out(op, who, to, name, old, false);
}

int policy_move_away(struct op *op, struct identity *who, struct node *dir, struct node *to, const char *new_name, unsigned flags)
{
	AUTO_BUF text = BUF_INIT;
	int r = back_dir_read(dir, POLICY, &text);

	if (r)
		return r;
	if (dir == to && !strcmp(new_name, ".zddc"))
		return 0;
	if (flags & RENAME_EXCHANGE)
		return exchange(op, who, dir, to, new_name, &text);
	r = copy_out(op, who, to, new_name, &text, flags & RENAME_NOREPLACE);
	if (!r)
		away_add(dir, POLICY);
	return r;
}

/* ------------------------------------------------------------------ drafts of .zddc */

static int refuse_too_big(struct identity *who, const char *path)
{
	return gate_refuse_text(who, EFBIG, ACL_OP_WRITE, path, NULL, "%s was not changed: a policy may have at most 1 MiB", path);
}

static int refuse_no_room(struct identity *who, const char *path, int err)
{
	return gate_refuse_text(who, -err, ACL_OP_WRITE, path, NULL,
				"%s was not changed, the old text is in force: %s; try again when there is room", path, strerror(-err));
}

static int policy_draft(struct op *op, struct identity *who, const struct draft_goal *goal, const char *text, size_t len, struct buf *stored)
{
	WITH_WRLOCK(&tree_lock);
	AUTO_FREE char *path = node_path_in(goal->dir, POLICY);
	int r = goal->dir->gone ? -ENOENT : gate_check_as(op, who, ACL_OP_WRITE, goal->dir, POLICY, ACL_POLICY_FILE);

	if (r < 0)
		return r;
	if (goal->too_big)
		return refuse_too_big(who, path);
	r = policy_commit(op, who, goal->dir, text, len);
	if (r == -ENOSPC || r == -EDQUOT)
		return refuse_no_room(who, path, r);
	if (r == 0)
		buf_adds(stored, POLICY);
	return r;
}

const struct draft_kind policy_draft_kind = {.empty_is_text = true, .read = back_dir_read, .commit = policy_draft};
