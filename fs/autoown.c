/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders that belong to whoever makes them. */
#include "fs/autoown.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/audit_policy.h"
#include "fs/back.h"
#include "fs/creator.h"
#include "fs/gate.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/survey.h"

enum { POLICY_MODE = 0644 };

static const char INSIDE[] = "d"; /* the new directory's name in its private one */

/* The text of the .zddc that 'name' in 'dir' gets: 0 and *own, or -EACCES for anonymous, recorded. */
static int owner_text(struct op *op, enum acl_op what, struct node *dir, const char *name, bool *own, struct buf *text)
{
	const struct identity *who = op->caller.id;
	struct acl_policy *p = policy_of_child(dir, name);
	int r = 0;

	*own = !policy_none() && acl_auto_own(p);
	if (*own)
		r = acl_auto_own_text(p, &who->who, text);
	acl_policy_unref(p);
	return r == -EACCES ? gate_refuse_why(who, what, dir, name, BECAUSE_NEEDS_OWNER) : r;
}

static int mkdir_plain(struct op *op, struct node *dir, const char *name, mode_t mode)
{
	int fd, r = back_dir_get(dir, &fd);

	if (r)
		return r;
	r = back_mkdir(fd, name, mode, op->caller.uid, op->caller.gid);
	if (!r)
		creator_mark(fd, name, op->caller.id);
	back_dir_put(dir, fd);
	return r;
}

/* What a new directory is made with. */
struct content {
	mode_t mode;
	struct buf text; /* of its .zddc; empty: it has none */
	autoown_fill fill; /* NULL: nothing more */
	void *arg;
};

/* Makes the directory with its content inside the private one, synced: after a crash it must not be there without. */
static int make_inside(struct op *op, int private_fd, const struct content *c)
{
	AUTO_CLOSE int fd = -1;
	int r = back_mkdir(private_fd, INSIDE, c->mode, op->caller.uid, op->caller.gid);

	if (r)
		return r;
	creator_mark(private_fd, INSIDE, op->caller.id);
	fd = back_opendir(private_fd, INSIDE);
	if (fd < 0)
		return fd;
	if (c->text.len)
		r = back_replace(fd, ".zddc", c->text.data, c->text.len, POLICY_MODE, op->caller.uid, op->caller.gid);
	return !r && c->fill ? c->fill(c->arg, fd) : r;
}

/* Moves it to its place; never over something. */
static int put_in_place(int private_fd, struct node *dir, const char *name)
{
	struct stat st;
	int fd, r = back_dir_get(dir, &fd);

	if (r)
		return r;
	r = back_rename(private_fd, INSIDE, fd, name, RENAME_NOREPLACE);
	if (r == -EINVAL || r == -ENOSYS) { /* a filesystem without it; the tree lock keeps others of ours away */
		r = back_stat(fd, name, &st);
		r = !r ? -EEXIST : r == -ENOENT ? back_rename(private_fd, INSIDE, fd, name, 0) : r;
	}
	back_dir_put(dir, fd);
	return r;
}

static int mkdir_aside(struct op *op, struct node *dir, const char *name, const struct content *c)
{
	char tmp[BACK_TMP_NAME];
	int store, r = back_tmp_dir(tmp, &store);

	if (r)
		return r;
	AUTO_CLOSE int private_fd = back_opendir(store, tmp);
	r = private_fd < 0 ? private_fd : make_inside(op, private_fd, c);
	if (!r)
		r = put_in_place(private_fd, dir, name);
	if (r)
		back_rmtree(store, tmp);
	else
		back_rmdir(store, tmp);
	return r;
}

static int too_deep(struct op *op, struct node *dir, const char *name)
{
	if (node_depth(dir) < LIMIT_DIR_DEPTH)
		return 0;
	AUTO_FREE char *path = node_path_in(dir, name);
	return gate_refuse(op, ENAMETOOLONG, ACL_OP_MKDIR, path, "folders lie at most %u levels deep", LIMIT_DIR_DEPTH);
}

static int make(struct op *op, struct node *dir, const char *name, struct content *c)
{
	AUTO_FREE char *path = NULL;
	bool own;
	int r = too_deep(op, dir, name);

	if (!r)
		r = owner_text(op, ACL_OP_MKDIR, dir, name, &own, &c->text);
	if (!r)
		r = own || c->fill ? mkdir_aside(op, dir, name, c) : mkdir_plain(op, dir, name, c->mode);
	if (r)
		return r;
	survey_tell(dir);
	path = node_path_in(dir, name);
	if (own)
		audit_policy_born(op, path, buf_str(&c->text), c->text.len);
	policy_dir_added(path, own);
	return 0;
}

int autoown_mkdir_with(struct op *op, struct node *dir, const char *name, mode_t mode, autoown_fill fill, void *arg)
{
	struct content c = {.mode = mode, .fill = fill, .arg = arg};
	int r = make(op, dir, name, &c);

	buf_free(&c.text);
	return r;
}

int autoown_mkdir(struct op *op, struct node *dir, const char *name, mode_t mode) { return autoown_mkdir_with(op, dir, name, mode, NULL, NULL); }

int autoown_before_rename(struct op *op, int from_fd, const char *from_name, struct node *to, const char *name, int *wrote)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	bool own;
	int r;

	*wrote = 0;
	fd = back_opendir(from_fd, from_name);
	if (fd < 0)
		return fd;
	r = back_stat(fd, ".zddc", &st);
	if (r != -ENOENT)
		return r; /* an existing one is never overwritten */
	r = owner_text(op, ACL_OP_RENAME_TO, to, name, &own, &text);
	if (r || !own)
		return r;
	r = back_replace(fd, ".zddc", text.data, text.len, POLICY_MODE, op->caller.uid, op->caller.gid);
	*wrote = !r;
	return r;
}

void autoown_undo(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, name);

	if (fd >= 0)
		back_unlink(fd, ".zddc");
}
