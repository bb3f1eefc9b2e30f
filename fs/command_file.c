/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands on a file, for whoever files or writes there: seal, accept, mark (SPEC section 5). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/command_line.h"
#include "fs/gate.h"
#include "fs/journal.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/seal_move.h"
#include "fs/session.h"

#define NOTE_ATTR "user.zddc.note"

/* ------------------------------------------------------------------------------------------------ the file it is about */

int target_say(const struct target *t, int err, const char *why)
{
	return gate_refuse(t->op, err, ACL_OP_WRITE, t->path, "%s: %s", t->path, why);
}

static void leave(struct target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->dirfd >= 0)
		back_dir_put(t->dir, t->dirfd);
	acl_policy_unref(t->p);
	free(t->path);
}

/* Finds it and judges it; the caller may read it, or it looks absent. */
static int look(struct op *op, struct node *dir, const struct line *l, struct target *t)
{
	int r;

	*t = (struct target){.op = op, .dir = dir, .line = l, .path = node_path_in(dir, l->name), .p = policy_of(dir), .dirfd = -1, .fd = -1};
	if (name_class(l->name) != NAME_ORDINARY || dir->kind != NODE_DIR)
		return -ENOENT;
	if (!gate_may(op->caller.id, ACL_OP_READ, dir, l->name, 0) || seal_hides(op->caller.id, dir, l->name))
		return -ENOENT;
	r = back_dir_get(dir, &t->dirfd);
	if (r == 0)
		r = seal_look_in(dir, l->name, op->caller.id, &t->v);
	if (r == 0)
		t->fd = back_open(t->dirfd, l->name, O_RDONLY, 0);
	return r == 0 && t->fd < 0 ? t->fd : r;
}

void target_forget_shown(const struct target *t)
{
	struct node *n = node_find(t->dir, t->line->name);

	if (n)
		__atomic_store_n(&n->sealed, 0, __ATOMIC_RELEASE);
	node_put(n);
}

void target_follow(const struct target *t, const struct seal_record *rec, enum seal_event what, const char *detail)
{
	struct flight f = {.ino = t->v.st.st_ino, .state = SEAL_SEALED, .explicit = rec->explicit, .who = rec->creator, .path = t->path};

	if (rec->state == SEAL_SEALED)
		journal_put(&f, true);
	else
		journal_drop(f.ino);
	target_forget_shown(t);
	seal_landed(what, t->path, rec, detail);
}

/* Closes it for good, by somebody's word. Under the lock of the inode. */
static int close_now(struct target *t, enum seal_event what)
{
	struct seal_record rec = t->v.rec;
	int r;

	if (!t->v.recorded)
		rec = (struct seal_record){.made = t->v.st.st_mtim.tv_sec, .explicit = rec.explicit};
	if (!t->v.mine)
		person_set(&rec.filer, t->op->caller.id);
	rec.final = true;
	rec.released = rec.released ? rec.released : gate_now();
	r = seal_close_record(t->fd, t->p, &rec, &t->v.st);
	if (r == 0)
		target_follow(t, &rec, what, NULL);
	return r;
}

/* ------------------------------------------------------------------------------------------------ the commands */

static bool files_here(const struct target *t)
{
	return gate_may(t->op->caller.id, ACL_OP_CREATE, t->dir, t->line->name, 0);
}

int target_refuse_state(const struct target *t, const char *why)
{
	AUTO_BUF text = BUF_INIT;

	seal_describe(&t->v, t->path, &text);
	return gate_refuse(t->op, EPERM, ACL_OP_WRITE, t->path, "%s; %s", buf_str(&text), why);
}

/* Outside a zone the sealed file stands alone among others: its record says so, whatever the place. */
int run_seal(struct target *t)
{
	int r = t->v.zone ? gate_check(t->op, ACL_OP_CREATE, t->dir, t->line->name, 0) : gate_check(t->op, ACL_OP_WRITE, t->dir, t->line->name, 0);

	if (r < 0)
		return r;
	if (t->v.state == SEAL_SEALED && !(t->v.recorded && t->v.rec.state == SEAL_CLOSED))
		return 0; /* it is */
	if (t->v.state == SEAL_TORN || t->v.state == SEAL_TRANSIENT || t->v.state == SEAL_ALTERED)
		return target_refuse_state(t, t->v.state == SEAL_TORN ? "\"zddc accept\" keeps a torn file" : "that cannot be sealed");
	r = seal_busy(t->op, ACL_OP_WRITE, t->dir, t->line->name);
	if (r < 0)
		return r;
	t->v.rec.explicit = !t->v.zone;
	return close_now(t, SEAL_EV_SEALED);
}

int run_accept(struct target *t)
{
	int r;

	if (t->v.state != SEAL_TORN)
		return target_refuse_state(t, "only a torn file can be accepted");
	r = t->v.mine || t->v.zone ? gate_check(t->op, ACL_OP_CREATE, t->dir, t->line->name, 0) :
				     gate_check(t->op, ACL_OP_WRITE, t->dir, t->line->name, 0);
	if (r == 0)
		r = seal_busy(t->op, ACL_OP_WRITE, t->dir, t->line->name);
	return r < 0 ? r : close_now(t, SEAL_EV_ACCEPTED);
}

static void note_text(const struct target *t, const char *text, struct buf *out)
{
	char when[32];
	struct person p;

	str_time_format(gate_now(), when);
	person_set(&p, t->op->caller.id);
	buf_addf(out, "%s %s void: ", when, p.email);
	for (; *text; text++)
		buf_addc(out, *text == '\n' ? ' ' : *text);
	buf_addc(out, '\n');
}

int run_mark(struct target *t)
{
	const char *text = line_option(t->line, "void"), *wrong = line_text_wrong(text);
	AUTO_BUF note = BUF_INIT;
	int r;

	if (wrong)
		return gate_refuse(t->op, EINVAL, ACL_OP_WRITE, t->path, "mark needs --void TEXT, why %s no longer holds: it %s", t->path, wrong);
	if (t->v.state != SEAL_SEALED && t->v.state != SEAL_ALTERED)
		return target_refuse_state(t, "only a sealed file is marked; change the others");
	r = files_here(t) ? 0 : gate_check(t->op, t->v.zone ? ACL_OP_CREATE : ACL_OP_WRITE, t->dir, t->line->name, 0);
	if (r < 0)
		return r;
	note_text(t, text, &note);
	r = seal_write_attr(t->fd, NOTE_ATTR, note.data, note.len);
	if (r == 0)
		seal_landed(SEAL_EV_MARKED, t->path, &t->v.rec, buf_str(&note));
	return r;
}

/* ------------------------------------------------------------------------------------------------ running one */

int target_run(struct op *op, struct node *dir, const struct line *l, int (*run)(struct target *t))
{
	struct target t;
	int r = look(op, dir, l, &t);

	if (r == 0) {
		WITH_MUTEX(seal_lock_of(t.v.st.st_ino));
		r = seal_look_in(dir, l->name, op->caller.id, &t.v);
		if (r == 0)
			r = run(&t);
	} else if (r == -ENOENT) {
		r = target_say(&t, ENOENT, gate_is_admin(op->caller.id, dir) && !identity_elevated(op->caller.id) ?
					   "you see no such file here; you administer the place: elevate first (zddc elevate --reason TEXT)" :
					   "there is no such file here");
	}
	leave(&t);
	return r;
}
