/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only an elevated root administrator does to sealed files: withdrawing them, and legal holds (SPEC section 5, points 8 and 9). */
#include "fs/withdraw.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/command_line.h"
#include "fs/gate.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/op_name.h"

#define PLACE "withdrawn"
#define CARD ".card"

enum { STEM_MOST = NAME_MAX - sizeof(CARD), CARD_MODE = 0600 };

/* ------------------------------------------------------------------------------------------------ the place */

/* Readable, to be closed; -ENOENT if nothing was ever withdrawn. */
static int place_open(int dirfd)
{
	AUTO_CLOSE int store = back_opendir(dirfd, CONTROL);

	return store < 0 ? store : back_opendir(store, PLACE);
}

static int place_make(int dirfd)
{
	AUTO_CLOSE int store = -1;
	int place, r = back_own_subdir(dirfd, CONTROL, &store);

	if (r == 0)
		r = back_own_subdir(store, PLACE, &place);
	return r < 0 ? r : place;
}

/* ------------------------------------------------------------------------------------------------ the cards */

struct list {
	int fd;
	bool (*each)(void *arg, const char *name);
	void *arg;
};

/* A card whose bytes are not there is what a crash left of a withdrawal that did not happen. */
static bool list_entry(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct list *l = arg;
	AUTO_FREE char *stem = type == DT_REG && str_ends(name, CARD) ? strndup(name, strlen(name) - strlen(CARD)) : NULL;
	struct stat st;

	(void)ino;
	return !stem || back_stat(l->fd, stem, &st) < 0 || l->each(l->arg, stem);
}

static int list_in(int dirfd, bool (*each)(void *arg, const char *name), void *arg)
{
	AUTO_CLOSE int fd = place_open(dirfd);
	struct list l = {fd, each, arg};

	return fd < 0 ? fd : back_list(fd, "", list_entry, &l);
}

static bool note_any(void *arg, const char *name)
{
	(void)name;
	*(bool *)arg = true;
	return false;
}

bool withdrawn_any(int dirfd)
{
	bool any = false;

	return list_in(dirfd, note_any, &any) == 0 && any;
}

int withdrawn_list(struct node *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	int dirfd, r = dir->kind == NODE_DIR ? back_dir_get(dir, &dirfd) : -ENOENT;

	if (r < 0)
		return r;
	r = list_in(dirfd, each, arg);
	back_dir_put(dir, dirfd);
	return r;
}

int withdrawn_card(struct node *dir, const char *name, struct buf *out)
{
	AUTO_BUF card = BUF_INIT;
	int dirfd, r = dir->kind == NODE_DIR && strlen(name) <= STEM_MOST ? back_dir_get(dir, &dirfd) : -ENOENT;

	if (r < 0)
		return r;
	AUTO_CLOSE int fd = place_open(dirfd);
	back_dir_put(dir, dirfd);
	buf_addf(&card, "%s" CARD, name);
	return fd < 0 ? fd : back_read_all(fd, buf_str(&card), out, LIMIT_DOC_BYTES);
}

/* One line, whatever is in it. */
static void card_line(struct buf *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(out, "%-10s ", key);
	escape_adds(out, value);
	buf_addc(out, '\n');
}

static void card_person(struct buf *out, const char *key, const struct person *p)
{
	AUTO_BUF who = BUF_INIT;

	person_show(p, &who);
	card_line(out, key, *p->email ? buf_str(&who) : NULL);
}

static void card_time(struct buf *out, const char *key, long long at)
{
	char text[32];

	str_time_format(at, text);
	card_line(out, key, at > 0 ? text : NULL);
}

static void make_card(const struct target *t, const char *reason, struct buf *out)
{
	struct person by;

	person_set(&by, t->op->caller.id);
	card_line(out, "file", t->line->name);
	card_line(out, "from", t->path);
	card_time(out, "withdrawn", gate_now());
	card_person(out, "by", &by);
	card_line(out, "reason", reason);
	card_line(out, "moved to", line_option(t->line, "moved-to"));
	card_person(out, "made by", &t->v.rec.creator);
	card_person(out, "filed by", &t->v.rec.filer);
	card_time(out, "sealed", t->v.rec.since);
	buf_addf(out, "%-10s %lld\n", "size", (long long)t->v.st.st_size);
	card_line(out, "sha256", t->v.rec.sha256);
}

/* Sorts by time, never twice the same, and says what it is. */
static void make_stem(const struct target *t, struct buf *out)
{
	char when[32];

	str_time_format(gate_now(), when);
	buf_addf(out, "%s-%llx-%s", when, (unsigned long long)t->v.st.st_ino, t->line->name);
	for (size_t whole = out->len; out->len > STEM_MOST || (out->len < whole && (out->data[out->len] & 0xc0) == 0x80);)
		out->len--; /* to the beginning of a character */
	out->data[out->len] = '\0';
}

/* ------------------------------------------------------------------------------------------------ may it */

static bool is_sealed(const struct target *t)
{
	return t->v.state == SEAL_SEALED || t->v.state == SEAL_ALTERED;
}

static int refuse_until(const struct target *t, const char *why)
{
	AUTO_BUF text = BUF_INIT;

	seal_describe(&t->v, t->path, &text);
	return gate_refuse(t->op, EPERM, ACL_OP_UNLINK, t->path, "%s; %s", buf_str(&text), why);
}

static int may_withdraw(const struct target *t)
{
	unsigned flags = ACL_SEALED | ACL_SEALED_REMOVAL;

	if (!is_sealed(t))
		return target_refuse_state(t, "only a sealed file is withdrawn; others can be removed by whoever may");
	if (seal_retention_over(t->p, &t->v.rec, gate_now()))
		flags |= ACL_RETENTION_OVER;
	int r = gate_check(t->op, ACL_OP_UNLINK, t->dir, t->line->name, flags);
	if (r < 0)
		return r;
	if (t->v.rec.hold)
		return refuse_until(t, "nobody withdraws it before the hold is lifted (zddc hold FILE off --reason TEXT)");
	if (t->v.rec.compliance && !(flags & ACL_RETENTION_OVER))
		return refuse_until(t, "it was sealed in compliance mode: nobody withdraws it before its retention ends");
	return 0;
}

/* ------------------------------------------------------------------------------------------------ doing it */

/* The card is on disk before the file goes: whatever a crash leaves, the bytes are in one of both places and nothing is unexplained. */
static int take_away(struct target *t, int place, const char *stem, const struct buf *card)
{
	AUTO_BUF name = BUF_INIT;
	int r;

	buf_addf(&name, "%s" CARD, stem);
	r = back_replace(place, buf_str(&name), card->data, card->len, CARD_MODE, geteuid(), getegid());
	if (r < 0)
		return r;
	if (seal_immutable())
		back_set_immutable(t->fd, false);
	r = back_rename(t->dirfd, t->line->name, place, stem, RENAME_NOREPLACE);
	if (r < 0)
		back_unlink(place, buf_str(&name));
	if (seal_immutable())
		back_set_immutable(t->fd, true);
	return r;
}

static void sync_both(const struct target *t, int place)
{
	if (back_sync_dir(place) < 0 || back_sync_dir(t->dirfd) < 0)
		log_err("%s: its withdrawal may not be on disk", t->path);
}

static void say_withdrawn(const struct target *t, const char *reason, const char *stem)
{
	const char *to = line_option(t->line, "moved-to");
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("reason", reason), LEDGER_ATTR_TEXT("kept_as", stem), LEDGER_ATTR_TEXT("moved_to", to)};
	struct audit_event e = {.event = LEDGER_WITHDRAWN, .path = t->path, .attrs = attrs, .n_attrs = to ? 3 : 2, AUDIT_EVENT_INIT};

	if (*t->v.rec.sha256)
		e.object = (struct ledger_object){.sha256 = t->v.rec.sha256, .size = t->v.rec.size};
	audit_event(&e);
	log_notice("%s was withdrawn by %s: %s", t->path, t->op->caller.id->who.email, reason);
}

int run_withdraw(struct target *t)
{
	const char *reason = line_option(t->line, "reason"), *wrong = line_text_wrong(reason);
	AUTO_BUF card = BUF_INIT, stem = BUF_INIT;
	int r;

	if (wrong)
		return gate_refuse(t->op, EINVAL, ACL_OP_UNLINK, t->path, "withdraw needs --reason TEXT: it %s", wrong);
	r = may_withdraw(t);
	if (r < 0)
		return r;
	AUTO_CLOSE int place = place_make(t->dirfd);
	if (place < 0)
		return place;
	make_card(t, reason, &card);
	make_stem(t, &stem);
	r = take_away(t, place, buf_str(&stem), &card);
	if (r < 0)
		return r;
	sync_both(t, place);
	seal_gone(t->v.st.st_ino);
	name_gone(t->dir, t->line->name);
	say_withdrawn(t, reason, buf_str(&stem));
	return 0;
}

/* ------------------------------------------------------------------------------------------------ legal hold */

static void say_held(const struct target *t, bool on, const char *reason)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_BOOL("on", on), LEDGER_ATTR_TEXT("reason", reason)};
	struct audit_event e = {.event = LEDGER_HOLD, .path = t->path, .attrs = attrs, .n_attrs = ARRAY_LEN(attrs), .active_admin = true, AUDIT_EVENT_INIT};

	audit_event(&e);
	log_notice("%s: legal hold %s by %s: %s", t->path, on ? "set" : "lifted", t->op->caller.id->who.email, reason);
}

/* What was laid down behind the mount is sealed before its record says so. */
static int adopt(struct target *t, struct seal_record *rec)
{
	int r;

	*rec = (struct seal_record){.made = t->v.st.st_mtim.tv_sec, .final = true};
	r = seal_close_record(t->fd, t->p, rec, &t->v.st);
	if (r == 0)
		target_follow(t, rec, SEAL_EV_ADOPTED, NULL);
	return r;
}

int run_hold(struct target *t)
{
	const char *on = line_option(t->line, "on"), *off = line_option(t->line, "off"), *wrong = line_text_wrong(on ? on : off);
	struct seal_record rec = t->v.rec;
	int r;

	if (wrong || !on == !off)
		return gate_refuse(t->op, EINVAL, ACL_OP_WRITE, t->path, "hold needs one of --on TEXT and --off TEXT: why");
	r = gate_check_root(t->op, t->dir, ACL_OP_WRITE, t->path, "a legal hold");
	if (r < 0)
		return r;
	if (!is_sealed(t))
		return target_refuse_state(t, "only a sealed file is held");
	if (!t->v.recorded && (r = adopt(t, &rec)) < 0)
		return r;
	if (!rec.hold == !on)
		return 0; /* it is */
	rec.hold = on ? gate_now() : 0;
	r = seal_write_record(t->fd, &rec);
	if (r == 0 && on) /* it stays, also if the place is no longer write-once some day */
		r = back_fchmod(t->fd, t->v.st.st_mode & 0555);
	target_forget_shown(t);
	if (r == 0)
		say_held(t, on != NULL, on ? on : off);
	return r;
}
