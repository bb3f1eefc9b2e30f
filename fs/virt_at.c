/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/virt_at.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/acl.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/history.h"
#include "fs/history_private.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/past.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "schemas/schemas.h"

enum { DAY = 86400, STAMP = 16 /* "20260131T120000Z" */ };

static bool keeps_or_kept(struct node *dir)
{
	AUTO_FREE char *path = node_path(dir);
	static const char *const places[] = {HISTORY_LIVE, HISTORY_ENDED};
	struct acl_policy *p = policy_of(dir);
	bool yes = acl_keeps_history(p);
	struct stat st;

	acl_policy_unref(p);
	for (size_t i = 0; !yes && i < ARRAY_LEN(places); i++) {
		AUTO_BUF place = BUF_INIT;

		buf_addf(&place, "%s%s.zddc.d/%s", path, *path ? "/" : "", places[i]);
		yes = back_path_stat(buf_str(&place), &st) == 0;
	}
	return yes;
}

bool at_moment(struct node *dir, const char *date, long long *at)
{
	long long now = gate_now();

	if (dir->kind != NODE_DIR || !str_time(date, at) || *at > now || !keeps_or_kept(dir))
		return false;
	if (!strchr(date, 'T'))
		*at += DAY - 1;
	if (*at > now)
		*at = now;
	return true;
}

/* ------------------------------------------------------------------------------------------------ one file */

/* Versions of one chain, and the last of them that was there by then. */
struct found {
	long long at;
	struct history_name best;
	char name[256]; /* "" : none */
	long long arrived; /* moved-from: before that it was elsewhere */
	int fd;
};

/* When it came, as the first word of the pointer says. */
static long long arrival(int fd, const char *name)
{
	AUTO_BUF text = BUF_INIT;
	long long at = 0;

	if (back_read_all(fd, name, &text, 8192) < 0 || !text.len)
		return 0;
	text.data[strcspn(buf_str(&text), " \n")] = '\0';
	return str_time(buf_str(&text), &at) ? at : 0;
}

static bool note_version(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct found *f = arg;
	struct history_name h;

	(void)type;
	(void)ino;
	if (!strcmp(name, HISTORY_FROM))
		f->arrived = arrival(f->fd, name);
	if (!history_name_parse(name, &h) || h.time > f->at)
		return true;
	if (!*f->name || h.time > f->best.time || (h.time == f->best.time && h.revision > f->best.revision)) {
		f->best = h;
		snprintf(f->name, sizeof(f->name), "%s", name);
	}
	return true;
}

/* The path of a chain or file below dir. */
static void add_in(struct node *dir, const char *place, const char *name, struct buf *out)
{
	AUTO_FREE char *path = node_path(dir);

	buf_addf(out, "%s%s%s%s%s", path, *path ? "/" : "", place, *place ? "/" : "", name);
}

static void look_into(const char *chain, long long at, struct found *f)
{
	*f = (struct found){.at = at, .fd = -1};
	if (back_path_dir(chain, &f->fd) < 0)
		return;
	back_list(f->fd, "", note_version, f);
	close(f->fd);
}

static bool give(const char *chain, const char *version, struct buf *out)
{
	buf_addf(out, "%s/%s", chain, version);
	return true;
}

/* The file that has the name now: itself, if it was written by then, else one of its versions. */
static bool of_live(struct node *dir, const char *name, long long at, struct buf *out)
{
	AUTO_BUF chain = BUF_INIT;
	struct found f;
	struct stat st;
	long long written = 0;
	int fd, r = back_dir_get(dir, &fd);

	if (r < 0)
		return false;
	r = back_stat(fd, name, &st);
	if (r == 0 && S_ISREG(st.st_mode))
		written = history_written_at(dir, fd, name, &st);
	back_dir_put(dir, fd);
	add_in(dir, ".zddc.d/" HISTORY_LIVE, name, &chain);
	look_into(buf_str(&chain), at, &f);
	if (f.arrived > at)
		return false;
	if (r == 0 && S_ISREG(st.st_mode) && written <= at) {
		add_in(dir, "", name, out);
		return true;
	}
	return *f.name && give(buf_str(&chain), f.name, out);
}

struct ends {
	struct node *dir;
	const char *name, *chains;
	long long at;
	struct buf *out;
	bool found;
};

/* "20260131T120000Z-..." */
static bool stamp_time(const char *name, long long *at)
{
	char time[32];

	if (strlen(name) < STAMP)
		return false;
	snprintf(time, sizeof(time), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6, name + 9, name + 11, name + 13);
	return str_time(time, at);
}

static bool try_end(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct ends *e = arg;
	AUTO_BUF chain = BUF_INIT;
	struct found f;
	long long end;

	(void)ino;
	if (type != DT_DIR || !stamp_time(name, &end) || end <= e->at)
		return true;
	buf_addf(&chain, "%s/%s", e->chains, name);
	look_into(buf_str(&chain), e->at, &f);
	e->found = *f.name && f.arrived <= e->at && give(buf_str(&chain), f.name, e->out);
	return !e->found;
}

/* One that has been removed since. */
static bool of_ended(struct node *dir, const char *name, long long at, struct buf *out)
{
	AUTO_BUF chains = BUF_INIT;
	struct ends e = {.dir = dir, .name = name, .at = at, .out = out};
	AUTO_CLOSE int fd = -1;

	add_in(dir, ".zddc.d/" HISTORY_ENDED, name, &chains);
	e.chains = buf_str(&chains);
	if (back_path_dir(e.chains, &fd) == 0)
		back_list(fd, "", try_end, &e);
	return e.found;
}

bool at_path(const struct identity *who, struct node *dir, const char *name, long long at, struct buf *out)
{
	AUTO_FREE char *path = node_path(dir);

	if (name_class(name) != NAME_ORDINARY || !gate_may(who, ACL_OP_READ, dir, name, 0) || seal_hides(who, dir, name))
		return false;
	return past_may_read(who, path, name, at) && (of_live(dir, name, at, out) || of_ended(dir, name, at, out));
}

/* ------------------------------------------------------------------------------------------------ the listing */

struct names {
	struct arena mem;
	const char **v;
	size_t n;
	unsigned char type; /* what counts */
};

static bool note_name(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct names *n = arg;

	(void)ino;
	if (type != n->type)
		return true;
	n->v = realloc(n->v, (n->n + 1) * sizeof(*n->v));
	if (!n->v)
		abort();
	n->v[n->n++] = arena_strdup(&n->mem, name);
	return true;
}

static int collect(struct node *dir, const char *place, unsigned char type, struct names *n)
{
	AUTO_BUF path = BUF_INIT;
	AUTO_CLOSE int fd = -1;
	int r;

	add_in(dir, place, "", &path);
	while (path.len && path.data[path.len - 1] == '/')
		path.data[--path.len] = '\0';
	n->type = type;
	r = back_path_dir(buf_str(&path), &fd);
	if (r == 0)
		r = back_list(fd, "", note_name, n);
	return r == -ENOENT ? 0 : r;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

int at_list(const struct identity *who, struct node *dir, long long at, bool (*each)(void *arg, const char *name, mode_t type), void *arg)
{
	struct names n = {0};
	int r = collect(dir, "", DT_REG, &n);
	bool more = true;

	if (r == 0)
		r = collect(dir, ".zddc.d/" HISTORY_LIVE, DT_DIR, &n);
	if (r == 0)
		r = collect(dir, ".zddc.d/" HISTORY_ENDED, DT_DIR, &n);
	if (n.n)
		qsort(n.v, n.n, sizeof(*n.v), by_name);
	for (size_t i = 0; r == 0 && more && i < n.n; i++) {
		AUTO_BUF path = BUF_INIT;

		if ((!i || strcmp(n.v[i], n.v[i - 1])) && at_path(who, dir, n.v[i], at, &path))
			more = each(arg, n.v[i], S_IFREG);
	}
	free(n.v);
	arena_free(&n.mem);
	return r;
}
