/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/journal.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/seal_move.h"

enum { WORDS_MAX = 8, LINE_MAX_BYTES = 8192, NOTE_MAX = 1000 };

#define NOTE_ATTR "user.zddc.note"

struct line {
	struct {
		const char *word, *value;
	} option[WORDS_MAX];
	size_t n;
	const char *name;
	char text[2 * LINE_MAX_BYTES]; /* what the pointers point into */
	size_t used;
};

struct target {
	struct op *op;
	struct node *dir;
	const struct line *line;
	char *path;
	struct acl_policy *p;
	int dirfd, fd;
	struct seal_view v;
};

/* ------------------------------------------------------------------------------------------------ reading a line */

static char *room(struct line *l, size_t n)
{
	char *at = l->text + l->used;

	if (l->used + n + 1 > sizeof(l->text))
		return NULL;
	l->used += n + 1;
	return at;
}

/* "..." with \", \\ and \n. Moves *s behind it; NULL if it does not end. */
static const char *quoted(struct line *l, const char **s, const char *end)
{
	char *out = room(l, (size_t)(end - *s)), *at = out;
	const char *c = *s + 1;

	for (; out && c < end && *c != '"'; c++) {
		if (*c == '\\' && c + 1 < end)
			c++;
		*at++ = *c == 'n' && c[-1] == '\\' ? '\n' : *c;
	}
	if (!out || c >= end)
		return NULL;
	*at = '\0';
	*s = c + 1;
	return out;
}

static const char *copied(struct line *l, const char *s, size_t n)
{
	char *out = room(l, n);

	if (!out)
		return NULL;
	memcpy(out, s, n);
	out[n] = '\0';
	return out;
}

static void skip_blanks(const char **s, const char *end)
{
	while (*s < end && **s == ' ')
		(*s)++;
}

static const char *one_word(struct line *l, const char **s, const char *end)
{
	const char *from = *s, *blank;

	if (from < end && *from == '"')
		return quoted(l, s, end);
	blank = memchr(from, ' ', (size_t)(end - from));
	*s = blank ? blank : end;
	return copied(l, from, (size_t)(*s - from));
}

/* Behind the command's word. NULL, or what is wrong. */
static const char *parse(struct line *l, const char *s, const char *end)
{
	skip_blanks(&s, end);
	while (end - s > 2 && s[0] == '-' && s[1] == '-') {
		if (s[2] == ' ') { /* "--": nothing but the name follows */
			s += 2;
			skip_blanks(&s, end);
			break;
		}
		if (l->n == WORDS_MAX || !(l->option[l->n].word = one_word(l, &s, end)))
			return "too many options, or one that does not end";
		skip_blanks(&s, end);
		l->option[l->n].value = s < end ? one_word(l, &s, end) : NULL;
		if (!l->option[l->n++].value)
			return "an option has no value, or its quotes do not end";
		skip_blanks(&s, end);
	}
	if (s < end && *s == '"')
		l->name = quoted(l, &s, end);
	else if (s < end)
		l->name = copied(l, s, (size_t)(end - s));
	return l->name ? NULL : "the name of the entry is missing, or its quotes do not end";
}

static const char *option(const struct line *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->option[i].word + 2, word))
			return l->option[i].value;
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ the file it is about */

static int say(const struct target *t, int err, const char *why)
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

static void forget_shown(const struct target *t)
{
	struct node *n = node_find(t->dir, t->line->name);

	if (n)
		__atomic_store_n(&n->sealed, 0, __ATOMIC_RELEASE);
	node_put(n);
}

static void follow(const struct target *t, const struct seal_record *rec, enum seal_event what, const char *detail)
{
	struct flight f = {.ino = t->v.st.st_ino, .state = SEAL_SEALED, .explicit = rec->explicit, .who = rec->creator, .path = t->path};

	if (rec->state == SEAL_SEALED)
		journal_put(&f, true);
	else
		journal_drop(f.ino);
	forget_shown(t);
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
		follow(t, &rec, what, NULL);
	return r;
}

/* ------------------------------------------------------------------------------------------------ the commands */

static bool files_here(const struct target *t)
{
	return gate_may(t->op->caller.id, ACL_OP_CREATE, t->dir, t->line->name, 0);
}

static int refuse_state(const struct target *t, const char *why)
{
	AUTO_BUF text = BUF_INIT;

	seal_describe(&t->v, t->path, &text);
	return gate_refuse(t->op, EPERM, ACL_OP_WRITE, t->path, "%s; %s", buf_str(&text), why);
}

/* Outside a zone the sealed file stands alone among others: its record says so, whatever the place. */
static int run_seal(struct target *t)
{
	int r = t->v.zone ? gate_check(t->op, ACL_OP_CREATE, t->dir, t->line->name, 0) : gate_check(t->op, ACL_OP_WRITE, t->dir, t->line->name, 0);

	if (r < 0)
		return r;
	if (t->v.state == SEAL_SEALED && !(t->v.recorded && t->v.rec.state == SEAL_CLOSED))
		return 0; /* it is */
	if (t->v.state == SEAL_TORN || t->v.state == SEAL_TRANSIENT || t->v.state == SEAL_ALTERED)
		return refuse_state(t, t->v.state == SEAL_TORN ? "\"zddc accept\" keeps a torn file" : "that cannot be sealed");
	r = seal_busy(t->op, ACL_OP_WRITE, t->dir, t->line->name);
	if (r < 0)
		return r;
	t->v.rec.explicit = !t->v.zone;
	return close_now(t, SEAL_EV_SEALED);
}

static int run_accept(struct target *t)
{
	int r;

	if (t->v.state != SEAL_TORN)
		return refuse_state(t, "only a torn file can be accepted");
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

static int run_mark(struct target *t)
{
	const char *text = option(t->line, "void");
	AUTO_BUF note = BUF_INIT;
	int r;

	if (!text || !*text)
		return say(t, EINVAL, "mark needs --void TEXT, why it no longer holds");
	if (strlen(text) > NOTE_MAX || !str_utf8_valid(text, strlen(text)))
		return say(t, EINVAL, "the text is longer than 1000 bytes, or not UTF-8");
	if (t->v.state != SEAL_SEALED && t->v.state != SEAL_ALTERED)
		return refuse_state(t, "only a sealed file is marked; change the others");
	r = files_here(t) ? 0 : gate_check(t->op, t->v.zone ? ACL_OP_CREATE : ACL_OP_WRITE, t->dir, t->line->name, 0);
	if (r < 0)
		return r;
	note_text(t, text, &note);
	r = seal_write_attr(t->fd, NOTE_ATTR, note.data, note.len);
	if (r == 0)
		seal_landed(SEAL_EV_MARKED, t->path, &t->v.rec, buf_str(&note));
	return r;
}

static int needs_elevation(const struct target *t, const char *what)
{
	AUTO_BUF why = BUF_INIT;

	buf_addf(&why, "%s needs an elevated root administrator, and elevation comes with the ledger: this version has none yet", what);
	return say(t, EACCES, buf_str(&why));
}

static int run_hold(struct target *t)
{
	return needs_elevation(t, "a legal hold");
}

static int run_withdraw(struct target *t)
{
	return needs_elevation(t, "withdrawing a sealed file");
}

/* ------------------------------------------------------------------------------------------------ the table */

static const struct {
	const char *word;
	int (*run)(struct target *t);
	const char *args, *meaning;
} commands[] = {
#define COMMAND(word, run, args, meaning) {word, run, args, meaning},
#include "fs/command.def"
#undef COMMAND
};

void command_help(struct buf *out)
{
	buf_adds(out, "Write one line into this file; an error of the write is the answer, last-error says why.\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		buf_addf(out, "%s %s\n    %s\n", commands[i].word, commands[i].args, commands[i].meaning);
}

static int run_locked(struct op *op, struct node *dir, size_t i, const struct line *l)
{
	struct target t;
	int r = look(op, dir, l, &t);

	if (r == 0) {
		WITH_MUTEX(seal_lock_of(t.v.st.st_ino));
		r = seal_look_in(dir, l->name, op->caller.id, &t.v);
		if (r == 0)
			r = commands[i].run(&t);
	} else if (r == -ENOENT) {
		r = say(&t, ENOENT, "there is no such file here");
	}
	leave(&t);
	return r;
}

static int refuse_line(struct op *op, struct node *dir, const char *why)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_BUF help = BUF_INIT;
	AUTO_FREE char *path = node_path_in(dir, ".zddc.d/ctl");

	command_help(&help);
	return gate_refuse(op, EINVAL, ACL_OP_WRITE, path, "%s. %s", why, buf_str(&help));
}

int command_run(struct op *op, struct node *dir, const char *line, size_t len)
{
	AUTO_FREE struct line *l = calloc(1, sizeof(*l));
	const char *end = line + len, *wrong;

	if (!l)
		return -ENOMEM;
	while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	if (len > LINE_MAX_BYTES || memchr(line, '\0', len))
		return refuse_line(op, dir, "the line is too long, or no text");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t n = strlen(commands[i].word);

		if ((size_t)(end - line) < n || memcmp(line, commands[i].word, n) != 0 || (line + n < end && line[n] != ' '))
			continue;
		wrong = parse(l, line + n, end);
		if (wrong)
			return refuse_line(op, dir, wrong);
		handles_settle_at(dir, l->name);
		WITH_RDLOCK(&tree_lock);
		return dir->gone ? -ENOENT : run_locked(op, dir, i, l);
	}
	return refuse_line(op, dir, "there is no such command");
}
