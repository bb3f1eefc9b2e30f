/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One revision of a record takes effect (SPEC section 10). In three steps, so that no lock is held while the disk is waited for: prepare
 * (decide, check, number, stamp: tree lock for reading), write (a private file, synced: no lock), place (tree lock for reading again: what
 * prepare has seen must still be so, or all begins anew).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "acl/acl.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "fs/audit.h"
#include "fs/away.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/history.h"
#include "fs/lazy.h"
#include "fs/memo.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/record_rows.h"

enum { TRIES = 20, NEW_MODE = 0644 };

struct commit {
	struct op *op;
	struct identity *who;
	struct record_job *job;
	char *dir, *path; /* from the archive root; the path as messages name it */
	struct record_place place;
	bool placed_by_rule; /* 'place' is set */
	uint64_t generation; /* of policy, when it was decided */
	struct stat st; /* of the record that is replaced */
	struct buf before;
	struct schema *form;
	struct record *rec;
	char scope[SHA256_HEX];
	unsigned long row; /* reserved, 0: none */
	unsigned long numbered; /* the number it got, 0: none */
	bool kept; /* the revision it replaces is in history */
	struct buf name, text;
	int tmp_dir; /* where the new revision lies ready, under 'tmp' */
	char tmp[BACK_TMP_NAME];
};

/* ------------------------------------------------------------------------------------------------ refusals */

/* Everything that is wrong with the text, kept for its writer. */
static int reject(struct commit *c, const struct diags *d)
{
	memo_keep(MEMO_REJECTED, c->who->uid, c->dir, c->job->text, c->job->len);
	audit_event(&(struct audit_event){.event = LEDGER_RECORD_REJECTED, .path = c->path, .who = c->who, .err = EINVAL, AUDIT_EVENT_INIT});
	return gate_refuse_text(c->who, EINVAL, ACL_OP_WRITE, c->path, d,
				"%s was not %s: %zu error%s in the new text. Correct it and save again; your text is kept as %s/.zddc.d/rejected",
				c->path, c->job->name ? "changed" : "made", d->errors, d->errors == 1 ? "" : "s", *c->dir ? c->dir : ".");
}

static int refuse_taken(struct commit *c)
{
	if (!gate_may(c->who, ACL_OP_STAT, c->job->dir, buf_str(&c->name), 0))
		return gate_refuse_text(c->who, EACCES, ACL_OP_CREATE, c->path, NULL, "%s was not made: the name that its fields make cannot be used here", c->path);
	return gate_refuse_text(c->who, EEXIST, ACL_OP_CREATE, c->path, NULL,
				"%s was not made: its fields make the name %s, and that record is there already. Edit that one, or change the fields",
				c->path, buf_str(&c->name));
}

static int refuse_gone(struct commit *c)
{
	return gate_refuse_text(c->who, ENOENT, ACL_OP_WRITE, c->path, NULL, "%s is not there any more: save the text under a new name", c->path);
}

static int refuse_no_room(struct commit *c, int err)
{
	if (err != -ENOSPC && err != -EDQUOT)
		return err;
	return gate_refuse_text(c->who, -err, ACL_OP_WRITE, c->path, NULL, "%s was not %s: %s. What was there is unchanged; try again when there is room",
				c->path, c->job->name ? "changed" : "made", strerror(-err));
}

/* ------------------------------------------------------------------------------------------------ row numbers */

static int take_row(struct commit *c, int dirfd)
{
	record_scope(c->rec, c->scope);
	return record_row_take(c->job->dir, dirfd, &c->place.rule, c->scope, &c->row);
}

static void end_row(struct commit *c, int dirfd, bool kept)
{
	if (c->row)
		record_row_end(c->job->dir, dirfd, &c->place.rule, c->scope, c->row, kept, c->path);
	c->row = 0;
}

static void drop_row(struct commit *c)
{
	int fd;

	if (!c->row || back_dir_get(c->job->dir, &fd) < 0)
		return;
	end_row(c, fd, false);
	back_dir_put(c->job->dir, fd);
}

/* ------------------------------------------------------------------------------------------------ prepare */

static int decide(struct commit *c)
{
	const char *name = c->job->name ? c->job->name : c->job->typed;

	if (c->job->decide)
		return c->job->decide(c->op, c->who, c->job);
	return gate_check_as(c->op, c->who, c->job->name ? ACL_OP_WRITE : ACL_OP_CREATE, c->job->dir, name, 0);
}

/* A record that moves here is the revision before this one. */
static int read_moving(struct commit *c)
{
	int fd, r = c->job->from->gone ? -ENOENT : back_dir_get(c->job->from, &fd);

	if (r < 0)
		return r;
	r = back_read_all(fd, c->job->from_name, &c->before, LIMIT_DOC_BYTES);
	back_dir_put(c->job->from, fd);
	return r;
}

static int read_before(struct commit *c, int dirfd)
{
	int r;

	if (c->job->from)
		return read_moving(c);
	if (!c->job->name)
		return 0;
	r = back_stat(dirfd, c->job->name, &c->st);
	if (r == 0)
		r = back_read_all(dirfd, c->job->name, &c->before, LIMIT_DOC_BYTES);
	if (r == -ENOENT)
		return refuse_gone(c);
	return r == -EFBIG ? 0 : r; /* something far too large was laid there: it can be replaced */
}

static const char *codes_file(void *arg, const char *field)
{
	const struct commit *c = arg;

	return acl_merged_src(c->place.policy, ACL_KEY_FIELD_CODES, field).file;
}

static int begin(struct commit *c)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct record_request rq = {
		.file = c->path,
		.dir = c->dir,
		.name = c->job->from ? c->job->typed : c->job->name,
		.text = c->job->text,
		.len = c->job->len,
		.before = c->job->name || c->job->from ? buf_str(&c->before) : NULL,
		.before_len = c->before.len,
		.moves = c->job->from != NULL,
		.derived = c->job->derived,
		.rule = &c->place.rule,
		.rule_file = c->place.rule_file,
		.field_codes = c->place.field_codes,
		.codes_file = codes_file,
		.codes_arg = c,
		.now = gate_now(),
		.principal = c->who->who.email,
	};
	int r = record_form(c->job->dir, &c->place, &d, &c->form);

	rq.schema = c->form;
	if (r == 0)
		r = record_begin(&rq, &d, &c->rec);
	return r < 0 ? reject(c, &d) : 0;
}

/* Composes and stamps; before a row is reserved once without it, so that no number is taken for what cannot be named. */
static int finish(struct commit *c, int dirfd)
{
	AUTO_DIAGS d = DIAGS_INIT;
	int r = 0;

	if (record_wants_row(c->rec)) {
		AUTO_BUF name = BUF_INIT, text = BUF_INIT;

		r = record_finish(c->rec, 1, &d, &name, &text);
		if (r == 0 && (r = take_row(c, dirfd)) < 0)
			return refuse_no_room(c, r);
	}
	if (r == 0)
		r = record_finish(c->rec, c->row, &d, &c->name, &c->text);
	if (r < 0) {
		end_row(c, dirfd, false);
		return reject(c, &d);
	}
	if (!c->name.len)
		buf_adds(&c->name, c->job->name ? c->job->name : c->job->typed);
	return 0;
}

/* A name that is no record's could never be changed again. */
static int check_name(struct commit *c)
{
	AUTO_DIAGS d = DIAGS_INIT;

	if (!c->placed_by_rule || record_is(c->job->dir, buf_str(&c->name)))
		return 0;
	diag_add(&d, DIAG_ERROR, c->path, 0, 0, "the fields make the name %s, which no records: of %s means", buf_str(&c->name), c->place.rule_file);
	return reject(c, &d);
}

static int prepare_in(struct commit *c, int dirfd)
{
	int r = read_before(c, dirfd);

	if (r == 0)
		r = begin(c);
	if (r == 0)
		r = finish(c, dirfd);
	if (r == 0 && (r = check_name(c)) < 0)
		end_row(c, dirfd, false);
	return r;
}

static int prepare(struct commit *c)
{
	struct node *dir = c->job->dir;
	int fd, r;

	WITH_RDLOCK(&tree_lock);
	if (dir->gone || dir->kind != NODE_DIR)
		return -ENOENT;
	c->dir = node_path(dir);
	c->path = node_path_in(dir, c->job->name ? c->job->name : c->job->typed);
	c->generation = policy_generation();
	c->placed_by_rule = record_place_find(dir, c->job->name ? c->job->name : c->job->typed, &c->place);
	r = decide(c);
	if (r == 0)
		r = back_dir_get(dir, &fd);
	if (r < 0)
		return r;
	r = prepare_in(c, fd);
	back_dir_put(dir, fd);
	return r;
}

/* ------------------------------------------------------------------------------------------------ write, place */

static int write_out(struct commit *c)
{
	gid_t gid = c->op->caller.uid == c->who->uid ? c->op->caller.gid : c->who->gid;
	mode_t mode = c->job->name ? c->st.st_mode & 0666 : NEW_MODE;

	return back_tmp_write(buf_str(&c->text), c->text.len, mode, c->who->uid, gid, c->tmp, &c->tmp_dir);
}

/* -EAGAIN: what was prepared is not true any more. */
static int still_true(struct commit *c, int dirfd)
{
	struct stat st;
	int r;

	if (policy_generation() != c->generation)
		return -EAGAIN;
	if (!c->job->name)
		return 0;
	r = back_stat(dirfd, c->job->name, &st);
	if (r == -ENOENT || (r == 0 && st.st_ino != c->st.st_ino))
		return -EAGAIN;
	return r;
}

/* The name means another inode from here on: what the kernel has of it is old. */
static void placed(struct commit *c)
{
	struct node *n = node_find(c->job->dir, buf_str(&c->name)), *typed = NULL;

	if (!c->job->name)
		typed = node_find(c->job->dir, c->job->typed);
	if (n)
		node_gone(n);
	if (typed && typed != n && typed->kind == NODE_DRAFT)
		node_gone(typed);
	node_put(n);
	node_put(typed);
}

static int keep(struct commit *c, int dirfd)
{
	struct history_version v = {.read = true, .st = c->st};
	unsigned char sha[SHA256_LEN];

	sha256(buf_str(&c->before), c->before.len, sha);
	sha256_hex(sha, v.sha256);
	c->kept = history_keeps(c->job->dir, c->job->name);
	return history_keep(c->job->dir, dirfd, c->job->name, HISTORY_GOES, &v);
}

static int replace(struct commit *c, int dirfd)
{
	int r = keep(c, dirfd);

	return r < 0 ? r : back_rename(c->tmp_dir, c->tmp, dirfd, c->job->name, 0);
}

/* Exclusive whoever else is at work: a link is made or it is not. */
static int add(struct commit *c, int dirfd)
{
	int r = back_link(c->tmp_dir, c->tmp, dirfd, buf_str(&c->name));

	if (r == 0)
		back_unlink(c->tmp_dir, c->tmp);
	if (r == 0 && c->job->from)
		record_row_mark(c->job->dir, dirfd, &c->place.rule, buf_str(&c->text), c->text.len, c->path);
	return r;
}

/* The number is some record's that was laid here past the mount: the next one. */
static int number_taken(struct commit *c, int dirfd)
{
	if (!c->row)
		return refuse_taken(c);
	end_row(c, dirfd, true);
	return -EAGAIN;
}

static int place_in(struct commit *c, int dirfd)
{
	int r = still_true(c, dirfd);

	if (r == 0)
		r = c->job->name ? replace(c, dirfd) : add(c, dirfd);
	if (r == -EEXIST)
		r = number_taken(c, dirfd);
	if (r < 0)
		return r;
	c->numbered = c->row;
	end_row(c, dirfd, true);
	placed(c);
	return r;
}

static int place(struct commit *c)
{
	struct node *dir = c->job->dir;
	int fd, r;

	WITH_RDLOCK(&tree_lock);
	if (dir->gone)
		return -ENOENT;
	r = back_dir_get(dir, &fd);
	if (r < 0)
		return r;
	r = place_in(c, fd);
	back_dir_put(dir, fd);
	return r;
}

/* The entry itself to disk, and that of the revision it replaces. */
static int settle(struct commit *c)
{
	struct node *dir = c->job->dir;
	int fd, r;

	pthread_rwlock_rdlock(&tree_lock);
	r = dir->gone ? 0 : back_dir_get(dir, &fd);
	bool there = !dir->gone && r == 0;
	pthread_rwlock_unlock(&tree_lock);
	if (!there)
		return r;
	r = back_sync_dir(fd);
	if (r == 0 && c->kept)
		r = history_sync(fd, c->job->name);
	back_dir_put(dir, fd);
	return r;
}

/* ------------------------------------------------------------------------------------------------ all of it */

static void forget(struct commit *c)
{
	record_free(c->rec);
	schema_unref(c->form);
	if (c->placed_by_rule)
		record_place_drop(&c->place);
	free(c->dir);
	free(c->path);
	buf_free(&c->before);
	buf_free(&c->name);
	buf_free(&c->text);
}

/* The ledger: which revision, and what its bytes are. A number that was given is a line of its own. */
static void say(struct commit *c, const char *path)
{
	struct record_stamped s;
	unsigned char sha[SHA256_LEN];
	char hex[SHA256_HEX], revision[24], row[24];
	struct ledger_attr number = {.key = "row", .type = LEDGER_TEXT, .text = row};
	struct audit_event e = {.event = c->job->name || c->job->from ? LEDGER_RECORD_UPDATE : LEDGER_RECORD_CREATE, .path = path, .who = c->who};

	record_stamped_read(buf_str(&c->text), c->text.len, &s);
	sha256(buf_str(&c->text), c->text.len, sha);
	sha256_hex(sha, hex);
	snprintf(revision, sizeof(revision), "%lu", s.revision);
	snprintf(row, sizeof(row), "%03lu", c->numbered);
	e.object = (struct ledger_object){.sha256 = hex, .size = (int64_t)c->text.len, .revision = revision};
	if (c->numbered)
		audit_event(&(struct audit_event){.event = LEDGER_SEQUENCE_ASSIGNED, .path = path, .who = c->who, .attrs = &number, .n_attrs = 1, AUDIT_EVENT_INIT});
	audit_event(&e);
	if (audit_in_request())
		audit_by_events(c->op);
}

/* It is in force; the writer may look under which name. */
static void tell(struct commit *c, bool changed)
{
	AUTO_BUF path = BUF_INIT;

	pthread_rwlock_rdlock(&tree_lock);
	away_forget(c->job->dir, buf_str(&c->name));
	pthread_rwlock_unlock(&tree_lock);
	memo_forget(MEMO_REJECTED, c->who->uid, c->dir);
	buf_add(&c->job->stored, buf_str(&c->name), c->name.len);
	buf_addf(&path, "%s%s%s", c->dir, *c->dir ? "/" : "", buf_str(&c->name));
	if (changed)
		say(c, buf_str(&path));
	else
		audit_forget(c->op);
	if (!c->job->name)
		memo_keep(MEMO_CREATED, c->who->uid, c->dir, buf_str(&path), path.len);
}

static int try_once(struct op *op, struct identity *who, struct record_job *job)
{
	struct commit c = {.op = op, .who = who, .job = job};
	int r = prepare(&c);
	bool same = r == 0 && record_unchanged(c.rec);

	if (r == 0 && !same) {
		r = write_out(&c);
		if (r == 0 && (r = place(&c)) < 0)
			back_unlink(c.tmp_dir, c.tmp);
		if (r == 0)
			r = settle(&c);
		if (r < 0)
			drop_row(&c);
	}
	if (r == 0)
		tell(&c, !same);
	r = refuse_no_room(&c, r);
	forget(&c);
	return r;
}

/* Two revisions of one record follow each other. Before the tree lock. */
static pthread_mutex_t *lock_of(const struct record_job *job)
{
	static pthread_mutex_t locks[64] = {[0 ... 63] = PTHREAD_MUTEX_INITIALIZER};

	return &locks[(hash64(job->name, strlen(job->name)) ^ job->dir->id) % ARRAY_LEN(locks)];
}

static int commit_tries(struct op *op, struct identity *who, struct record_job *job)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRIES; i++)
		r = try_once(op, who, job);
	return r == -EAGAIN ? -EBUSY : r;
}

/* A slot that is declared comes into being with its first record. */
static int make_slot(struct op *op, struct identity *who, struct record_job *job)
{
	WITH_WRLOCK(&tree_lock);
	int r = job->dir->kind != NODE_SLOT ? 0 : gate_check_as(op, who, ACL_OP_CREATE, job->dir, job->typed, 0);

	return r == 0 && job->dir->kind == NODE_SLOT ? lazy_materialise(op, job->dir) : r;
}

int record_commit(struct op *op, struct identity *who, struct record_job *job)
{
	int r = job->name ? 0 : make_slot(op, who, job);

	if (r < 0)
		return r;
	if (!job->name)
		return commit_tries(op, who, job);
	WITH_MUTEX(lock_of(job));
	return commit_tries(op, who, job);
}
