/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Renames that have to do with records (SPEC section 10). Onto a record's name from outside (an editor's temporary file, a file of another
 * folder): the bytes go through the pipeline like any others. A record to another register: the same, and it goes on as the same record.
 * A record to a temporary name beside it (an editor keeps a backup): it stays in force until the new text is there. Everything else is an
 * ordinary rename, if the name is one that its fields make.
 */
#include "fs/record_move.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/history.h"
#include "fs/op_name.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/seal.h"
#include "fs/transient.h"

enum way {
	PLAIN, /* nothing to do with records, or an ordinary rename */
	REVISION, /* the bytes become a record */
	BACKUP, /* an editor moves the old text away */
	REFUSED, /* -errno in 'err' */
};

struct transfer {
	struct op *op;
	struct node *from, *to;
	const char *name, *new_name;
	unsigned flags;
	bool from_record, to_record;
	struct stat st; /* of the source */
	bool over; /* something is there */
	const char *stored; /* the name it is stored under */
	int err;
};

static int stat_in(struct node *dir, const char *name, struct stat *st)
{
	int fd, r = dir->kind == NODE_DIR ? back_dir_get(dir, &fd) : -ENOENT;

	if (r < 0)
		return r;
	r = back_stat(fd, name, st);
	back_dir_put(dir, fd);
	return r;
}

static bool is_temporary(struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of(dir);
	bool yes = transient_name(p, name);

	acl_policy_unref(p);
	return yes;
}

static enum way refuse(struct transfer *t, int err, const char *why)
{
	AUTO_FREE char *path = node_path_in(t->from, t->name);

	t->err = gate_refuse(t->op, err, ACL_OP_RENAME, path, "%s: %s", path, why);
	return REFUSED;
}

/* ------------------------------------------------------------------------------------------------ which way */

/* Does the record's own text make that name? */
static bool makes_name(const struct transfer *t, struct diags *d)
{
	AUTO_BUF text = BUF_INIT, made = BUF_INIT;
	struct record_place p;
	int r = back_dir_read(t->from, t->name, &text);

	if (r < 0 || !record_place_find(t->to, t->new_name, &p))
		return false;
	AUTO_FREE char *file = node_path_in(t->from, t->name);

	r = record_name(&p.rule, file, buf_str(&text), text.len, d, &made);
	record_place_drop(&p);
	if (r == 0 && made.len && strcmp(buf_str(&made), t->new_name) != 0)
		diag_add(d, DIAG_ERROR, file, 0, 0, "its fields make the name %s", buf_str(&made));
	return d->errors == 0;
}

/* Renamed where it is, to another record's name: only to the one that is right (it was laid here under a wrong one). */
static enum way way_within(struct transfer *t)
{
	AUTO_DIAGS d = DIAGS_INIT;

	if (makes_name(t, &d))
		return PLAIN;
	AUTO_FREE char *path = node_path_in(t->from, t->name);

	t->err = gate_refuse_text(t->op->caller.id, EINVAL, ACL_OP_RENAME, path, &d,
				  "%s was not renamed: a record has the name that its fields make. Make a new record with the fields you want", path);
	return REFUSED;
}

static enum way way_of(struct transfer *t)
{
	struct stat over;

	t->from_record = record_is(t->from, t->name);
	t->to_record = record_is(t->to, t->new_name);
	if ((!t->from_record && !t->to_record) || stat_in(t->from, t->name, &t->st) < 0 || !S_ISREG(t->st.st_mode))
		return PLAIN;
	t->over = stat_in(t->to, t->new_name, &over) == 0;
	if (t->flags & RENAME_EXCHANGE)
		return refuse(t, EPERM, "records do not change places: write each of them");
	if (t->over && !S_ISREG(over.st_mode))
		return PLAIN;
	if (t->from == t->to && t->from_record && t->to_record)
		return way_within(t);
	if (t->to_record)
		return REVISION;
	if (t->from != t->to)
		return PLAIN;
	if (is_temporary(t->to, t->new_name))
		return BACKUP;
	return refuse(t, EINVAL, "a record has the name that its fields make, and no other. Copy it out of the register, or delete it");
}

/* ------------------------------------------------------------------------------------------------ a revision */

/* In the place of the question that a plain write is asked. */
static int decide(struct op *op, struct identity *who, struct record_job *job)
{
	struct transfer *t = job->arg;
	struct seal_plan plan;
	struct stat st;
	int r;

	(void)who;
	if (t->from->gone || t->to->gone)
		return -ENOENT;
	t->over = stat_in(t->to, t->new_name, &st) == 0;
	if (t->over && (t->flags & RENAME_NOREPLACE) && !away_is(t->to, t->new_name))
		return -EEXIST;
	if (t->over != (job->name != NULL))
		return -EAGAIN; /* somebody was faster: the other kind of job */
	r = place_for_new(op, ACL_OP_RENAME_TO, t->to, t->new_name);
	return r < 0 ? r : seal_move_file(op, t->from, t->name, t->to, t->new_name, t->over, false, &plan);
}

/* The old name of a file that is a record now. */
static void leave_history(struct transfer *t, int fd)
{
	const struct identity *who = t->op->caller.id;
	int to_fd;

	if (t->from == t->to) {
		history_renamed(who, t->from, fd, t->name, t->stored, true);
		return;
	}
	if (t->to->gone || back_dir_get(t->to, &to_fd) < 0)
		return;
	history_moved(who, t->from, fd, t->name, t->to, to_fd, t->stored);
	back_dir_put(t->to, to_fd);
}

/* It is a record now: what it came from goes, if it is still that. */
static int remove_source(struct transfer *t)
{
	struct stat st;
	int fd, r;

	WITH_WRLOCK(&tree_lock);
	if (t->from->gone || stat_in(t->from, t->name, &st) < 0 || st.st_ino != t->st.st_ino)
		return 0;
	r = back_dir_get(t->from, &fd);
	if (r < 0)
		return r;
	r = history_keep(t->from, fd, t->name, HISTORY_GOES, NULL);
	if (r == 0)
		r = back_unlink(fd, t->name);
	if (r == 0)
		leave_history(t, fd);
	back_dir_put(t->from, fd);
	if (r < 0)
		return r;
	seal_gone(st.st_ino);
	name_gone(t->from, t->name);
	return 0;
}

static int read_source(struct transfer *t, struct buf *text)
{
	WITH_RDLOCK(&tree_lock);
	int r = t->from->gone ? -ENOENT : stat_in(t->from, t->name, &t->st);

	if (r == 0)
		r = back_dir_read(t->from, t->name, text);
	if (r != -EFBIG)
		return r;
	refuse(t, EINVAL, "a record may have at most 1 MiB");
	return t->err;
}

static int commit_once(struct transfer *t)
{
	AUTO_BUF text = BUF_INIT;
	bool same = t->from_record && t->from != t->to && !t->over;
	struct record_job job = {.dir = t->to,
		.name = t->over ? t->new_name : NULL,
		.typed = t->new_name,
		.from = same ? t->from : NULL,
		.from_name = t->name,
		.decide = decide,
		.arg = t};
	int r = read_source(t, &text);

	if (r < 0)
		return r;
	job.text = buf_str(&text);
	job.len = text.len;
	r = record_commit(t->op, t->op->caller.id, &job);
	t->stored = buf_str(&job.stored);
	if (r == 0)
		r = remove_source(t);
	buf_free(&job.stored);
	return r;
}

static int commit(struct transfer *t)
{
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < 5; i++)
		r = commit_once(t);
	return r;
}

/* ------------------------------------------------------------------------------------------------ a backup */

static int keep_backup(struct transfer *t)
{
	AUTO_BUF text = BUF_INIT;
	struct seal_plan plan;
	int fd, r = t->from->gone ? -ENOENT : place_for_new(t->op, ACL_OP_RENAME_TO, t->to, t->new_name);

	if (r == 0 && t->over && (t->flags & RENAME_NOREPLACE))
		r = -EEXIST;
	if (r == 0)
		r = seal_move_file(t->op, t->from, t->name, t->to, t->new_name, t->over, false, &plan);
	if (r == 0)
		r = back_dir_read(t->from, t->name, &text);
	if (r == 0)
		r = back_dir_get(t->to, &fd);
	if (r < 0)
		return r;
	r = back_replace(fd, t->new_name, buf_str(&text), text.len, t->st.st_mode, t->op->caller.uid, t->op->caller.gid);
	back_dir_put(t->to, fd);
	if (r < 0)
		return r;
	away_add(t->from, t->name);
	name_gone(t->from, t->name);
	name_gone(t->to, t->new_name);
	return 0;
}

static int backup(struct transfer *t)
{
	WITH_WRLOCK(&tree_lock);
	return keep_backup(t);
}

static enum way look(struct transfer *t)
{
	WITH_RDLOCK(&tree_lock);
	if (t->from->gone || t->to->gone || !is_dir_node(t->from) || !is_dir_node(t->to))
		return PLAIN;
	if (name_class(t->name) != NAME_ORDINARY || name_class(t->new_name) != NAME_ORDINARY)
		return PLAIN;
	return way_of(t);
}

bool record_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags, int *result)
{
	struct transfer t = {.op = op, .from = from, .name = name, .to = to, .new_name = new_name, .flags = flags};

	switch (look(&t)) {
	case PLAIN:
		return false;
	case REVISION:
		*result = commit(&t);
		break;
	case BACKUP:
		*result = backup(&t);
		break;
	case REFUSED:
		*result = t.err;
		break;
	}
	return true;
}
