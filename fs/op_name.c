/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names: removing (SPEC section 4). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/ynode.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/commit.h"
#include "fs/draft.h"
#include "fs/creator.h"
#include "fs/gate.h"
#include "fs/given.h"
#include "fs/handle.h"
#include "fs/inflight.h"
#include "fs/lazy.h"
#include "fs/op_name.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/seal.h"
#include "fs/virt.h"
#include "fs/virt_ctl.h"
#include "fs/withdraw.h"

int name_see_first(struct op *op, struct node *dir, const char *name)
{
	struct entry e;
	int r;

	WITH_RDLOCK(&tree_lock);
	if (dir->gone || !is_dir_node(dir))
		return dir->gone ? -ENOENT : ctl_is_kept(dir) ? -EROFS : -EPERM;
	r = entry_fill(op, dir, name, &e);
	if (r < 0)
		return r;
	r = entry_visible(op, &e);
	entry_drop(&e);
	return r;
}

void name_gone(struct node *dir, const char *name)
{
	struct node *n = node_find(dir, name);

	if (n)
		node_gone(n);
	node_put(n);
}

/* ------------------------------------------------------------------------------------------------ unlink */

static int unlink_policy(struct op *op, struct node *dir)
{
	int r = dir->kind == NODE_DIR && policy_visible(op, dir) ? 0 : -ENOENT;

	if (r == 0)
		r = gate_check(op, ACL_OP_UNLINK, dir, POLICY, ACL_POLICY_FILE);
	if (r == 0)
		r = policy_remove(op, op->caller.id, dir);
	if (r == 0)
		name_gone(dir, POLICY);
	return r;
}

static void say_deleted(struct op *op, struct node *dir, const char *name)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	audit_event(&(struct audit_event){.event = LEDGER_RECORD_DELETE, .path = path, AUDIT_EVENT_INIT});
	audit_by_events(op);
}

/* *keep holds the file until the lock is released: freeing a large one takes its time. */
static int unlink_file(struct op *op, struct node *dir, const char *name, int *keep, struct history_version *kept)
{
	struct stat st;
	int fd, r = seal_check(op, ACL_OP_UNLINK, dir, name);

	if (r == 0)
		r = back_dir_get(dir, &fd);
	if (r < 0)
		return r;
	r = back_stat(fd, name, &st);
	if (r == -ENOENT && given_is(dir, name)) { /* as a declared folder: rm -r of a register must not stumble over it */
		back_dir_put(dir, fd);
		return 0;
	}
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0 && S_ISREG(st.st_mode))
		*keep = back_open(fd, name, O_PATH, 0);
	if (r == 0)
		r = history_keep(dir, fd, name, HISTORY_GOES, kept);
	if (r == 0)
		r = back_unlink(fd, name);
	if (r == 0) {
		history_removed(op->caller.id, dir, fd, name);
		if (record_is(dir, name))
			say_deleted(op, dir, name);
		seal_gone(st.st_ino);
		name_gone(dir, name);
	}
	back_dir_put(dir, fd);
	return r;
}

static int remove_policy(struct op *op, struct node *dir)
{
	WITH_WRLOCK(&tree_lock);
	return dir->gone ? -ENOENT : unlink_policy(op, dir);
}

void name_read_first(struct op *op, enum acl_op what, struct node *dir, const char *name, enum history_how how, struct history_version *kept)
{
	pthread_rwlock_rdlock(&tree_lock);
	bool may = !dir->gone && is_dir_node(dir) && seal_ask(op->caller.id, what, dir, name) == 0;
	pthread_rwlock_unlock(&tree_lock);
	if (may)
		history_read(dir, name, how, kept);
}

static int unlink_locked(struct op *op, struct node *dir, const char *name, int *keep, struct history_version *kept)
{
	if (dir->gone)
		return -ENOENT;
	if (draft_cancel(dir, name, op->caller.uid)) {
		name_gone(dir, name);
		return 0;
	}
	if (dir->kind == NODE_SLOT && given_is(dir, name))
		return gate_check(op, ACL_OP_UNLINK, dir, name, 0);
	return dir->kind == NODE_DIR ? unlink_file(op, dir, name, keep, kept) : -EISDIR;
}

int op_unlink(struct op *op, struct node *dir, const char *name)
{
	AUTO_CLOSE int keep = -1; /* before the lock, so that it is closed after it */
	struct history_version kept = {0};
	int r;

	if (is_policy(name)) {
		r = remove_policy(op, dir);
		inflight_drain();
		return r;
	}
	if (virt_here(dir))
		return virt_unlink(op, dir, name);
	r = name_see_first(op, dir, name);
	if (r < 0)
		return r;
	name_read_first(op, ACL_OP_UNLINK, dir, name, HISTORY_GOES, &kept);
	pthread_rwlock_wrlock(&tree_lock);
	r = unlink_locked(op, dir, name, &keep, &kept);
	pthread_rwlock_unlock(&tree_lock);
	history_read_drop(&kept);
	return r;
}

/* ------------------------------------------------------------------------------------------------ rmdir */

struct content {
	bool policy, control, other;
};

static bool note_content(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct content *c = arg;

	(void)type;
	(void)ino;
	if (!strcmp(name, POLICY))
		c->policy = true;
	else if (!strcmp(name, CONTROL))
		c->control = true;
	else
		c->other = true;
	return !c->other;
}

bool name_is_empty_dir(int dirfd, const char *name)
{
	struct content c = {0};
	AUTO_CLOSE int fd = back_opendir(dirfd, name);

	return fd >= 0 && back_list(fd, "", note_content, &c) == 0 && !c.other && !(c.control && withdrawn_any(fd));
}

/* The address that a directory's policy names as its maker, or NULL. Lives as long as the policy. */
static const char *made_by(const struct acl_policy *p)
{
	struct acl_value v = acl_get(p, ACL_KEY_CREATED_BY);

	return v.node && v.node->kind == Y_SCALAR ? v.node->text : NULL;
}

/* Is the text of that .zddc still the one that was generated for its maker? */
static bool is_generated(const struct acl_policy *p, int dirfd)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF want = BUF_INIT;
	struct acl_principal maker = {.email = made_by(p)};

	if (!maker.email || !acl_auto_own(p))
		return false;
	if (acl_auto_own_text(p, &maker, &want) < 0 || back_read_all(dirfd, POLICY, &text, LIMIT_DOC_BYTES) < 0)
		return false;
	return text.len == want.len && !memcmp(text.data, want.data, text.len);
}

/*
 * Whoever made an empty directory that was auto-owned, or that they made without holding d, may remove it while they may still make one
 * here. Where the backing filesystem keeps no creators the address in the generated .zddc tells.
 */
static bool is_maker(struct op *op, struct node *dir, const char *name, int dirfd, const struct acl_policy *p)
{
	const char *maker = made_by(p), *me = op->caller.id->who.email;
	bool named = maker && me && !strcmp(maker, me) && acl_auto_own(p);

	return (named || creator_is(dirfd, name, op->caller.id, NULL)) && gate_may(op->caller.id, ACL_OP_MKDIR, dir, name, 0);
}

static int empty_aside(const struct identity *who, int fd, int dirfd, const char *name)
{
	struct content c = {0};
	int r = back_list(fd, "", note_content, &c);

	if (r == 0 && c.other)
		r = -ENOTEMPTY; /* somebody wrote behind the mount meanwhile */
	if (r == 0 && c.control)
		r = history_dir_removed(who, fd, dirfd, name);
	if (r == 0 && c.policy)
		r = back_unlink(fd, POLICY);
	return r;
}

/* With the daemon's own files in it, it is first moved out of sight in one step, so that nobody ever sees half of it. */
static int remove_aside(const struct identity *who, int dirfd, const char *name)
{
	char tmp[BACK_TMP_NAME];
	int tmpfd, r = back_tmp_dir(tmp, &tmpfd);

	if (r < 0)
		return r;
	r = back_rename(dirfd, name, tmpfd, tmp, 0);
	if (r < 0) {
		back_rmdir(tmpfd, tmp);
		return r;
	}
	AUTO_CLOSE int fd = back_opendir(tmpfd, tmp);
	r = fd < 0 ? fd : empty_aside(who, fd, dirfd, name);
	if (r == 0)
		r = back_rmdir(tmpfd, tmp);
	if (r < 0 && back_rename(tmpfd, tmp, dirfd, name, RENAME_NOREPLACE) < 0)
		log_err("a removed folder could not be put back: it is .zddc.d/tmp/%s in the archive", tmp);
	return r;
}

static int remove_dir(const struct identity *who, const char *name, int dirfd, const struct acl_policy *p)
{
	struct content c = {0};
	AUTO_CLOSE int fd = back_opendir(dirfd, name);
	int r = fd < 0 ? fd : back_list(fd, "", note_content, &c);

	if (r < 0)
		return r;
	if (c.other || (c.policy && !is_generated(p, fd)) || (c.control && withdrawn_any(fd)))
		return -ENOTEMPTY;
	return c.policy || c.control ? remove_aside(who, dirfd, name) : back_rmdir(dirfd, name);
}

static bool keeps_withdrawn(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, name);

	return fd >= 0 && withdrawn_any(fd);
}

static int refuse_withdrawn(struct op *op, struct node *dir, const char *name)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	return gate_refuse(op, ENOTEMPTY, ACL_OP_RMDIR, path, "files were withdrawn from %s, and it keeps them: see its .zddc.d/withdrawn/", path);
}

static int rmdir_decided(struct op *op, struct node *dir, const char *name, int dirfd, const struct acl_policy *p)
{
	bool maker = !gate_may(op->caller.id, ACL_OP_RMDIR, dir, name, 0) && is_maker(op, dir, name, dirfd, p);
	int r = maker ? 0 : gate_check(op, ACL_OP_RMDIR, dir, name, 0);

	if (maker)
		gate_allow_why(op, ACL_OP_RMDIR, dir, name, BECAUSE_CREATOR);
	if (r == 0)
		r = remove_dir(op->caller.id, name, dirfd, p);
	return r == -ENOTEMPTY && keeps_withdrawn(dirfd, name) ? refuse_withdrawn(op, dir, name) : r;
}

static int rmdir_on_disk(struct op *op, struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of_child(dir, name);
	AUTO_FREE char *path = node_path_in(dir, name);
	int fd, r = back_dir_get(dir, &fd);

	if (r == 0) {
		r = rmdir_decided(op, dir, name, fd, p);
		back_dir_put(dir, fd);
	}
	acl_policy_unref(p);
	if (r < 0)
		return r;
	name_gone(dir, name);
	policy_dir_removed(path);
	return 0;
}

static int rmdir_locked(struct op *op, struct node *dir, const char *name)
{
	struct entry e;
	int r;

	if (dir->gone)
		return -ENOENT;
	r = entry_fill(op, dir, name, &e);
	if (r < 0)
		return r;
	enum node_kind kind = e.node->kind;
	entry_drop(&e);
	if (kind == NODE_SLOT)
		return 0; /* it is declared: it stays, and keeps nobody from anything */
	return kind == NODE_DIR ? rmdir_on_disk(op, dir, name) : -ENOTDIR;
}

int op_rmdir(struct op *op, struct node *dir, const char *name)
{
	int r;

	if (name_class(name) == NAME_CONTROL)
		return -EPERM;
	if (is_policy(name))
		return -ENOTDIR;
	if (virt_here(dir))
		return virt_rmdir(op, dir, name);
	r = name_see_first(op, dir, name);
	if (r < 0)
		return r;
	WITH_WRLOCK(&tree_lock);
	return rmdir_locked(op, dir, name);
}
