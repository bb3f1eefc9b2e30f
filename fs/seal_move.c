/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/seal_move.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/log.h"
#include "fs/back.h"
#include "fs/back_walk.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/journal.h"
#include "fs/naming.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/transient.h"


static bool is_zone(struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool zone = acl_is_zone(p);

	acl_policy_unref(p);
	return zone && !policy_none();
}

static bool is_transient_name(struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of(dir);
	bool yes = transient_name(p, name);

	acl_policy_unref(p);
	return yes;
}

/* ------------------------------------------------------------------------------------------------ who has it open */

int seal_busy(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	struct node *n = node_find(dir, name);
	AUTO_FREE char *open_path = NULL;
	AUTO_BUF who = BUF_INIT;
	struct person p;
	bool busy = n && handle_writer_below(n, false, &p, &open_path);

	node_put(n);
	if (!busy)
		return 0;
	person_show(&p, &who);
	AUTO_FREE char *path = node_path_in(dir, name);
	return gate_refuse(op, EBUSY, what, path, "%s is open for writing by %s: what comes to rest in a write-once place must be closed first", open_path,
			   buf_str(&who));
}

/* ------------------------------------------------------------------------------------------------ one file */

static int refuse_exists(struct op *op, struct node *to, const char *name, const struct seal_view *v)
{
	AUTO_FREE char *path = node_path_in(to, name);
	AUTO_BUF text = BUF_INIT;

	seal_describe(v, path, &text);
	return gate_refuse(op, EEXIST, ACL_OP_RENAME_OVER, path, "%s; nothing takes its place: file a new revision under its own name", buf_str(&text));
}

/* Something that is in the way has to make room. 'by_verbs': w let the source go within this directory. */
static int target_ok(struct op *op, struct node *to, const char *name, bool by_verbs)
{
	const struct identity *who = op->caller.id;
	struct seal_view v;
	bool own;

	if (seal_look_in(to, name, who, &v) < 0) /* no regular file */
		v = (struct seal_view){.zone = is_zone(to), .state = is_zone(to) ? SEAL_SEALED : SEAL_FREE};
	own = v.mine && seal_state_lets(v.state, ACT_UNLINK, &v.rec, gate_now(), v.seal_grace) && gate_may(who, ACL_OP_CREATE, to, name, 0);
	if (own)
		return 0;
	if (v.zone || v.state == SEAL_SEALED || v.state == SEAL_ALTERED)
		return refuse_exists(op, to, name, &v);
	return by_verbs ? 0 : gate_check(op, ACL_OP_RENAME_OVER, to, name, 0);
}

static int destination_ok(struct op *op, struct node *from, struct node *to, const char *name, bool over, bool by_verbs)
{
	int r = 0;

	if (over)
		r = target_ok(op, to, name, by_verbs && from == to);
	if (r == 0 && (from != to || !by_verbs))
		r = gate_check(op, ACL_OP_RENAME_TO, to, name, 0);
	return r;
}

/* A symlink has no record: in a write-once place it is sealed from the start. */
static int source_ok(struct op *op, struct node *from, const char *name, enum acl_op what, struct seal_plan *plan)
{
	plan->file = seal_look_in(from, name, op->caller.id, &plan->v) == 0;
	if (plan->file)
		return seal_check(op, what, from, name);
	plan->v = (struct seal_view){.zone = is_zone(from)};
	return gate_check(op, what, from, name, plan->v.zone ? ACL_SEALED : 0);
}

static void make_plan(struct seal_plan *plan, bool zone_to, bool transient_to)
{
	bool transient = plan->file && plan->v.state == SEAL_TRANSIENT;

	plan->arrives = zone_to && !plan->v.zone;
	plan->commits = transient && !transient_to && !plan->arrives;
	plan->stays_transient = transient && transient_to;
	if (plan->stays_transient)
		plan->arrives = false;
}

int seal_move_file(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, bool over, bool exchange,
		   struct seal_plan *plan)
{
	enum acl_op what = from == to ? ACL_OP_RENAME : ACL_OP_RENAME_FROM;
	bool by_verbs = gate_may(op->caller.id, what, from, name, 0), zone_to = is_zone(to);
	int r;

	*plan = (struct seal_plan){0};
	r = source_ok(op, from, name, what, plan);
	if (r == 0 && exchange && (plan->v.zone || zone_to))
		r = seal_refuse(op, what, from, name, &plan->v);
	if (r == 0)
		r = destination_ok(op, from, to, new_name, over, by_verbs);
	if (r == 0)
		r = naming_check(op, ACL_OP_RENAME_TO, to, new_name, false, plan->file && !plan->v.st.st_size);
	if (r == 0 && from != to)
		r = naming_check_dir_named(op, ACL_OP_RENAME_TO, to);
	if (r < 0)
		return r;
	make_plan(plan, zone_to, is_transient_name(to, new_name));
	return plan->arrives ? seal_busy(op, ACL_OP_RENAME_TO, from, name) : 0;
}

/* ------------------------------------------------------------------------------------------------ one file: afterwards */

static void put_flight(uint64_t ino, enum seal_state s, long long due, const struct person *who, const char *path)
{
	struct flight f = {.ino = ino, .state = s, .due = due, .who = *who, .path = (char *)(uintptr_t)path};

	journal_put(&f, true);
}

/* It was made under a temporary name and has its own now. Under the lock of the inode. */
static int commit_record(int fd, struct acl_policy *p, struct seal_record *rec, const struct seal_view *v, const struct stat *st)
{
	rec->zone = acl_is_zone(p);
	rec->as = 0;
	rec->boot = seal_boot();
	if (v->writers)
		rec->state = SEAL_OPEN;
	else if (!st->st_size)
		rec->state = SEAL_EMPTY;
	if (v->writers || !st->st_size) {
		rec->released = v->writers ? 0 : gate_now();
		return seal_write_record(fd, rec);
	}
	rec->released = gate_now();
	return seal_close_record(fd, p, rec, st);
}

static long long due_after(const struct seal_record *rec, struct acl_policy *p)
{
	if (rec->state == SEAL_OPEN)
		return LLONG_MAX;
	if (rec->state == SEAL_EMPTY)
		return rec->released + 600;
	return rec->state == SEAL_CLOSED ? seal_grace_end(rec, seal_grace_of(p)) : 0;
}

static void finish_commit(struct acl_policy *p, int fd, const struct seal_plan *plan, const char *path)
{
	struct seal_record rec = plan->v.rec;
	struct stat st;
	int r = back_fstat(fd, &st);

	if (r == 0)
		r = commit_record(fd, p, &rec, &plan->v, &st);
	if (r < 0)
		log_warn("%s counts as %s; that cannot be written down yet: %s", path, seal_state_word(rec.state), strerror(-r));
	if (rec.zone || rec.state != SEAL_CLOSED)
		put_flight(plan->v.st.st_ino, rec.state, due_after(&rec, p), &rec.creator, path);
	else
		journal_drop(plan->v.st.st_ino);
	seal_landed(SEAL_EV_COMMITTED, path, &rec, NULL);
}

static void finish_transient(struct acl_policy *p, int fd, const struct seal_plan *plan, const char *name)
{
	struct seal_record rec = plan->v.rec;

	rec.as = transient_hash(name);
	rec.zone = acl_is_zone(p);
	seal_write_record(fd, &rec);
}

/* Out of a zone (only its creator's transient gets there) or within a lane: the life goes on by the rules of the place. */
static void finish_elsewhere(struct acl_policy *p, int fd, const struct seal_plan *plan)
{
	struct seal_record rec = plan->v.rec;

	if (!plan->v.recorded || rec.zone == acl_is_zone(p))
		return;
	rec.zone = acl_is_zone(p);
	seal_write_record(fd, &rec);
}

void seal_moved_file(struct op *op, const struct seal_plan *plan, const char *from_path, struct node *to, const char *new_name)
{
	AUTO_FREE char *path = node_path_in(to, new_name);
	struct acl_policy *p;
	struct person who;
	int dirfd;

	if (!plan->file)
		return;
	if (journal_has(plan->v.st.st_ino))
		journal_moved(from_path, path);
	if (plan->arrives) {
		person_set(&who, op->caller.id);
		put_flight(plan->v.st.st_ino, SEAL_SEALED, 0, &who, path);
		return;
	}
	if (!plan->v.recorded || back_dir_get(to, &dirfd) < 0)
		return;
	p = policy_of(to);
	pthread_mutex_lock(seal_lock_of(plan->v.st.st_ino));
	AUTO_CLOSE int fd = back_open(dirfd, new_name, O_RDONLY, 0);
	if (fd >= 0 && plan->commits)
		finish_commit(p, fd, plan, path);
	else if (fd >= 0 && plan->stays_transient)
		finish_transient(p, fd, plan, new_name);
	else if (fd >= 0)
		finish_elsewhere(p, fd, plan);
	pthread_mutex_unlock(seal_lock_of(plan->v.st.st_ino));
	acl_policy_unref(p);
	back_dir_put(to, dirfd);
}

/* ------------------------------------------------------------------------------------------------ folders: sealed below? */

static int refuse_sealed_below(struct op *op, struct node *dir, const char *name, int why)
{
	AUTO_FREE char *path = node_path_in(dir, name);

	if (why < 0)
		return gate_refuse(op, EBUSY, ACL_OP_RENAME, path, "whether anything in %s is sealed cannot be said just now (%s): try again in a moment", path,
				   strerror(-why));
	return gate_refuse(op, EPERM, ACL_OP_RENAME, path,
			   "%s holds write-once places with files in them: a sealed file keeps its place, and so does every folder above it; rename it where it is, "
			   "or ask a root administrator", path);
}

/* ------------------------------------------------------------------------------------------------ folders: into a zone */

/*
 * A record of a life in a zone, on a file outside of any: its zone was lifted, and it may have been changed since. It must not count again
 * where the file gets to now.
 */
static void forget_old_life(int dirfd, const char *name)
{
	char text[SEAL_RECORD_MAX];
	struct seal_record rec;
	ssize_t n = back_getxattr(dirfd, name, SEAL_RECORD_ATTR, text, sizeof(text));

	if (n > 0 && seal_record_parse(text, (size_t)n, &rec) && rec.zone && !rec.explicit && !seal_record_bound(&rec, gate_now()))
		back_removexattr(dirfd, name, SEAL_RECORD_ATTR);
}

/* A folder on its way: the mover, and the path it will have. */
struct arrival {
	struct person who;
	const char *to_path;
};

static enum walk_on enter_file(void *arg, const struct walked *at)
{
	const struct arrival *a = arg;
	AUTO_BUF path = BUF_INIT;

	if (at->type != DT_REG)
		return WALK_ON;
	forget_old_life(at->dirfd, at->name);
	buf_addf(&path, "%s/%s", a->to_path, at->path);
	put_flight(at->ino, SEAL_SEALED, 0, &a->who, buf_str(&path));
	return WALK_ON;
}

static void sync_file(int dirfd, const char *name)
{
	AUTO_CLOSE int file = back_open(dirfd, name, O_RDONLY, 0);

	if (file >= 0)
		back_fsync(file, false);
}

static enum walk_on sync_entry(void *arg, const struct walked *at)
{
	(void)arg;
	if (at->type == DT_REG)
		sync_file(at->dirfd, at->name);
	return WALK_ON;
}

static int into_zone(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, bool over)
{
	AUTO_FREE char *path = node_path_in(to, new_name);
	int r;

	if (over)
		return gate_refuse(op, EEXIST, ACL_OP_RENAME_OVER, path, "%s is there already: what comes into a write-once place needs a new name", path);
	r = gate_check(op, ACL_OP_RENAME_TO, to, new_name, 0);
	return r < 0 ? r : seal_busy(op, ACL_OP_RENAME_TO, from, name);
}

void seal_move_enter(struct op *op, const struct seal_plan *plan, struct node *from, const char *name, const char *to_path)
{
	struct arrival a = {.to_path = to_path};
	int fd;

	if (!plan->arrives || back_dir_get(from, &fd) < 0)
		return;
	person_set(&a.who, op->caller.id);
	if (plan->file)
		forget_old_life(fd, name);
	else
		back_walk(fd, name, enter_file, &a);
	back_dir_put(from, fd);
}

/* Names by the convention of the place; in place only its own name changes. */
static int names_ok(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name)
{
	int fd, r;

	r = naming_check_dir_named(op, ACL_OP_RENAME_TO, to);
	if (r < 0 || from == to)
		return r < 0 ? r : naming_check(op, ACL_OP_RENAME_TO, to, new_name, true, false);
	r = from->kind == NODE_DIR ? back_dir_get(from, &fd) : -ENOENT;
	if (r == 0) {
		r = naming_check_tree(op, to, new_name, fd, name);
		back_dir_put(from, fd);
	}
	return r;
}

/*
 * What holds sealed files keeps its place; but those whom the zone lists may move it there, and elevated root administrators may move what is
 * sealed in governance mode. 'lies_in_zone': who that is has been decided.
 */
static int holders_of_sealed(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, bool lies_in_zone)
{
	const struct identity *who = op->caller.id;
	bool elevated = gate_may(who, ACL_OP_RENAME, from, name, ACL_SEALED | ACL_SEALED_REMOVAL);
	int found = seal_below(from, name, elevated);

	if (!found || (found == SEALED_SOME && elevated))
		return 0;
	if (found > 0 && !lies_in_zone && is_zone(to) && gate_may(who, ACL_OP_RENAME_TO, to, new_name, 0))
		return 0;
	return refuse_sealed_below(op, from, name, found);
}

int seal_move_dir(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, bool over, bool moves, bool exchange,
		  struct seal_plan *plan)
{
	bool zone_from = is_zone(from), zone_to = is_zone(to);
	int r;

	*plan = (struct seal_plan){0};
	if (policy_none())
		return 0;
	if (zone_from || (exchange && zone_to))
		r = gate_check(op, ACL_OP_RENAME, zone_from ? from : to, zone_from ? name : new_name, ACL_SEALED | (exchange ? 0 : ACL_SEALED_REMOVAL));
	else
		r = 0;
	if (r == 0 && (moves || zone_from))
		r = holders_of_sealed(op, from, name, to, new_name, zone_from);
	if (r < 0)
		return r;
	r = zone_to && !zone_from ? into_zone(op, from, name, to, new_name, over) : 0;
	plan->arrives = zone_to && !zone_from && r == 0;
	return r < 0 ? r : names_ok(op, from, name, to, new_name);
}

void seal_moved_dir(const char *from_path, const char *to_path)
{
	journal_moved(from_path, to_path);
}

/* The rename failed: what was entered for it is not there. */
void seal_move_undo(const struct seal_plan *plan, const char *to_path)
{
	struct flight *v;
	size_t n;

	if (!plan->arrives || plan->file)
		return;
	v = journal_list(to_path, &n);
	for (size_t i = 0; i < n; i++)
		journal_drop(v[i].ino);
	journal_list_free(v, n);
}

/* ------------------------------------------------------------------------------------------------ around the lock */

void seal_before_move(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name)
{
	AUTO_CLOSE int dir = -1;
	bool comes;

	{
		WITH_RDLOCK(&tree_lock);
		comes = !from->gone && !to->gone && (from->kind == NODE_DIR) && (to->kind == NODE_DIR || to->kind == NODE_SLOT) && is_zone(to) &&
			gate_may(op->caller.id, ACL_OP_RENAME_TO, to, new_name, 0);
	}
	if (!comes)
		return;
	if (from != to)
		handles_settle_at(from, name);
	dir = dir_open(from);
	if (dir < 0)
		return;
	sync_file(dir, name);
	back_walk(dir, name, sync_entry, NULL);
}

static void sync_node(struct node *dir)
{
	AUTO_CLOSE int fd = dir_open(dir);

	if (fd >= 0)
		back_fsync(fd, false);
}

void seal_after_move(struct node *from, struct node *to)
{
	bool zone;

	{
		WITH_RDLOCK(&tree_lock);
		zone = !to->gone && (to->kind == NODE_DIR) && is_zone(to);
	}
	if (!zone)
		return;
	sync_node(to);
	if (from != to)
		sync_node(from);
}
