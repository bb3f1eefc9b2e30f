/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a file's versions when it goes, gets another name or place, or its directory goes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/history.h"
#include "fs/history_private.h"
#include "fs/node.h"

enum { SAME_SECOND = 100, NAME_BYTES = 255 };

void history_stamp(const struct identity *who, const char *middle, struct buf *out)
{
	char time[32];
	const char *email = who->who.email ? who->who.email : "anonymous";

	str_time_format(gate_now(), time);
	for (const char *s = time; *s; s++)
		if (*s != '-' && *s != ':')
			buf_addc(out, *s);
	buf_addc(out, '-');
	buf_addf(out, "%.*s", NAME_BYTES / 2, middle);
	if (*middle)
		buf_addc(out, '-');
	for (const char *s = email; *s && out->len < NAME_BYTES - 10; s++)
		buf_addc(out, *s == '/' || (unsigned char)*s < ' ' || *s == 0x7f ? '_' : *s);
}

/* Renames to a name that is not taken: "NAME", "NAME-2", ... */
static int rename_free(int from, const char *name, int to, const char *wanted)
{
	int r = back_rename(from, name, to, wanted, RENAME_NOREPLACE);

	for (int i = 2; r == -EEXIST && i < SAME_SECOND; i++) {
		char other[NAME_BYTES + 1];

		snprintf(other, sizeof(other), "%.240s-%d", wanted, i);
		r = back_rename(from, name, to, other, RENAME_NOREPLACE);
	}
	return r;
}

static int live_dir(int dirfd, int *fd)
{
	AUTO_CLOSE int store = back_opendir(dirfd, ".zddc.d");

	*fd = store < 0 ? store : back_opendir(store, HISTORY_LIVE);
	return *fd < 0 ? *fd : 0;
}

/* One line: when, who, which path. */
static int write_pointer(int chain, const char *name, const struct identity *who, const char *path)
{
	AUTO_BUF text = BUF_INIT;
	char time[32];

	str_time_format(gate_now(), time);
	buf_addf(&text, "%s %s %s\n", time, who->who.email ? who->who.email : "anonymous", path);
	return back_replace(chain, name, text.data, text.len, 0600, geteuid(), getegid());
}

static int end_chain(const struct identity *who, int dirfd, const char *name)
{
	AUTO_CLOSE int live = -1, store = -1, ended = -1, mine = -1;
	AUTO_BUF stamp = BUF_INIT;
	struct stat st;
	int r = live_dir(dirfd, &live);

	if (r == 0)
		r = back_stat(live, name, &st);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = back_own_subdir(dirfd, ".zddc.d", &store);
	if (r == 0)
		r = back_own_subdir(store, HISTORY_ENDED, &ended);
	if (r == 0)
		r = back_own_subdir(ended, name, &mine);
	history_stamp(who, "", &stamp);
	return r < 0 ? r : rename_free(live, name, mine, buf_str(&stamp));
}

/* The file itself has gone its way: what cannot be noted of its versions is no reason to stop it. */
static void report(int r, struct node *dir, const char *name, const char *what)
{
	if (r >= 0)
		return;
	AUTO_FREE char *path = node_path_in(dir, name);

	log_warn("history of %s: %s: %s", path, what, strerror(-r));
}

void history_removed(const struct identity *who, struct node *dir, int dirfd, const char *name)
{
	report(end_chain(who, dirfd, name), dir, name, "its end could not be noted");
}

void history_renamed(const struct identity *who, struct node *dir, int dirfd, const char *name, const char *new_name, bool over)
{
	AUTO_CLOSE int live = -1, chain = -1;
	struct stat st;
	int r = live_dir(dirfd, &live);

	if (r == 0)
		r = back_stat(live, name, &st);
	if (r < 0)
		return; /* it has no versions */
	if (!over) { /* what a file of that name has left behind is not this one's */
		end_chain(who, dirfd, new_name);
		r = back_rename(live, name, live, new_name, RENAME_NOREPLACE);
	} else {
		AUTO_FREE char *path = node_path_in(dir, new_name);

		chain = back_opendir(live, name);
		r = chain < 0 ? chain : write_pointer(chain, HISTORY_TO, who, path);
		if (r == 0)
			r = end_chain(who, dirfd, name);
	}
	report(r, dir, new_name, "its versions could not go along");
}

void history_exchanged(struct node *dir, int dirfd, const char *name, const char *other)
{
	AUTO_CLOSE int live = -1;
	struct stat st;
	int r = live_dir(dirfd, &live);
	bool a = r == 0 && back_stat(live, name, &st) == 0, b = r == 0 && back_stat(live, other, &st) == 0;

	if (a && b)
		r = back_rename(live, name, live, other, RENAME_EXCHANGE);
	else if (a || b)
		r = back_rename(live, a ? name : other, live, a ? other : name, RENAME_NOREPLACE);
	else
		r = 0;
	report(r, dir, name, "versions could not be exchanged");
}

static int leave(const struct identity *who, struct node *from, int from_fd, const char *name, const char *to_path)
{
	AUTO_CLOSE int chain = -1;
	int r = history_chain(from_fd, name, history_keeps(from, name), &chain);

	if (r == 0)
		r = write_pointer(chain, HISTORY_TO, who, to_path);
	if (r == 0)
		r = end_chain(who, from_fd, name);
	return r == -ENOENT ? 0 : r;
}

static int arrive(const struct identity *who, struct node *to, int to_fd, const char *new_name, const char *from_path)
{
	AUTO_CLOSE int chain = -1;
	int r = history_keeps(to, new_name) ? history_chain(to_fd, new_name, true, &chain) : -ENOENT;

	if (r == 0)
		r = write_pointer(chain, HISTORY_FROM, who, from_path);
	return r == -ENOENT ? 0 : r;
}

void history_moved(const struct identity *who, struct node *from, int from_fd, const char *name, struct node *to, int to_fd, const char *new_name)
{
	AUTO_FREE char *from_path = node_path_in(from, name), *to_path = node_path_in(to, new_name);

	report(leave(who, from, from_fd, name, to_path), from, name, "whither it went could not be noted");
	report(arrive(who, to, to_fd, new_name, from_path), to, new_name, "whence it came could not be noted");
}

/* ------------------------------------------------------------------------------------------------ directories */

static bool note_kept(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	(void)type;
	(void)ino;
	*(bool *)arg |= !strcmp(name, HISTORY_LIVE) || !strcmp(name, HISTORY_ENDED) || !strcmp(name, HISTORY_REMOVED);
	return true;
}

int history_dir_removed(const struct identity *who, int fd, int parent_fd, const char *name)
{
	AUTO_CLOSE int store = -1, removed = -1;
	AUTO_BUF stamp = BUF_INIT;
	bool kept = false;
	int r = back_list(fd, ".zddc.d", note_kept, &kept);

	if (r < 0 || !kept)
		return r < 0 ? r : back_rmtree(fd, ".zddc.d");
	r = back_own_subdir(parent_fd, ".zddc.d", &store);
	if (r == 0)
		r = back_own_subdir(store, HISTORY_REMOVED, &removed);
	history_stamp(who, name, &stamp);
	return r < 0 ? r : rename_free(fd, ".zddc.d", removed, buf_str(&stamp));
}

/* ------------------------------------------------------------------------------------------------ all of it */

struct walk {
	int fd;
	bool (*each)(void *arg, int fd);
	void *arg;
	bool stop;
};

static bool walk_one(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct walk *w = arg;
	AUTO_CLOSE int fd = type == DT_DIR ? back_opendir(w->fd, name) : type == DT_REG ? back_open(w->fd, name, O_RDONLY, 0) : -1;

	(void)ino;
	if (fd >= 0 && type == DT_REG)
		w->stop = !w->each(w->arg, fd);
	if (fd >= 0 && type == DT_DIR) {
		struct walk below = {fd, w->each, w->arg, false};

		back_list(fd, "", walk_one, &below);
		w->stop = below.stop;
	}
	return !w->stop;
}

int history_each(int dirfd, bool (*each)(void *arg, int fd), void *arg)
{
	static const char *const places[] = {HISTORY_LIVE, HISTORY_ENDED};
	AUTO_CLOSE int store = back_opendir(dirfd, ".zddc.d");
	struct walk w = {.each = each, .arg = arg};
	int r = store == -ENOENT ? 0 : store < 0 ? store : 0;

	for (size_t i = 0; store >= 0 && r == 0 && !w.stop && i < ARRAY_LEN(places); i++) {
		AUTO_CLOSE int fd = back_opendir(store, places[i]);

		if (fd == -ENOENT)
			continue;
		w.fd = fd;
		r = fd < 0 ? fd : back_list(fd, "", walk_one, &w);
	}
	return r;
}

struct removed {
	struct walk walk;
	char middle[NAME_BYTES]; /* as history_stamp puts it between time and address */
};

static bool walk_removed(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct removed *r = arg;
	const char *dash = strchr(name, '-');

	if (type != DT_DIR || !dash || strncmp(dash, r->middle, strlen(r->middle)) != 0)
		return true;
	return walk_one(&r->walk, name, type, ino);
}

int history_each_removed(int dirfd, const char *name, bool (*each)(void *arg, int fd), void *arg)
{
	AUTO_CLOSE int store = back_opendir(dirfd, ".zddc.d"), fd = store < 0 ? store : back_opendir(store, HISTORY_REMOVED);
	struct removed r = {.walk = {fd, each, arg, false}};

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	snprintf(r.middle, sizeof(r.middle), "-%.*s-", NAME_BYTES / 2, name);
	return back_list(fd, "", walk_removed, &r);
}
