/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/virt_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/history_private.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/seal.h"
#include "fs/session.h"
#include "fs/virt_at.h"
#include "schemas/schemas.h"

bool kept_place(const struct node *node, const char *name, struct kept_place *out)
{
	const char *up[ARRAY_LEN(out->part)];
	size_t n = 0;

	if (name)
		up[n++] = name;
	for (; node->ctl && n < ARRAY_LEN(up); node = node->parent)
		up[n++] = node->name;
	if (node->ctl || node->kind != NODE_CTL_DIR || !n)
		return false;
	*out = (struct kept_place){.dir = node->parent};
	while (n)
		out->part[out->n++] = up[--n];
	return true;
}

/* ------------------------------------------------------------------------------------------------ who may see what */

static bool reads_file(const struct identity *who, const struct kept_place *p, const char *name)
{
	return gate_may(who, ACL_OP_READ, p->dir, name, 0) && !seal_hides(who, p->dir, name);
}

static bool reads_ended(const struct identity *who, const struct kept_place *p)
{
	return gate_may(who, ACL_OP_WRITE, p->dir, NULL, 0) || gate_is_auditor(who, p->dir);
}

/* What lay in a removed directory may have been nobody else's to read. */
static bool reads_removed(const struct identity *who, const struct kept_place *p)
{
	return gate_is_admin(who, p->dir) && identity_elevated(who);
}

/* ------------------------------------------------------------------------------------------------ where it lies */

static bool is(const struct kept_place *p, size_t i, const char *word) { return p->n > i && !strcmp(p->part[i], word); }

static bool is_version(const char *name)
{
	struct history_name h;

	return history_name_parse(name, &h) || !strcmp(name, HISTORY_FROM) || !strcmp(name, HISTORY_TO);
}

/* ".zddc.d/" and the parts from 'from' on behind dir and 'place', as a path from the archive root. */
static void add_path(const struct kept_place *p, const char *place, size_t from, struct buf *out)
{
	AUTO_FREE char *dir = node_path(p->dir);

	buf_addf(out, "%s%s.zddc.d/%s", dir, *dir ? "/" : "", place);
	for (size_t i = from; i < p->n; i++)
		buf_addf(out, "/%s", p->part[i]);
}

static bool are_names(const struct kept_place *p)
{
	for (size_t i = 1; i < p->n; i++)
		if (name_class(p->part[i]) == NAME_INVALID || name_class(p->part[i]) == NAME_CONTROL)
			return false;
	return true;
}

/* history/NAME/VERSION, or history/NAME/TIME-EMAIL[/VERSION] of a chain that has ended. False: not there, or not for this person. */
static bool history_path(const struct identity *who, const struct kept_place *p, struct buf *out)
{
	bool ended = p->n > 2 && !is_version(p->part[2]);

	if (ended ? !reads_ended(who, p) : !reads_file(who, p, p->part[1]))
		return false;
	if (p->n > (ended ? 4 : 3) || (ended && p->n == 4 && !is_version(p->part[3])))
		return false;
	add_path(p, ended ? HISTORY_ENDED : HISTORY_LIVE, 1, out);
	return true;
}

static bool backing_path(const struct identity *who, const struct kept_place *p, struct buf *out)
{
	if (!are_names(p))
		return false;
	if (is(p, 0, HISTORY_REMOVED)) {
		add_path(p, HISTORY_REMOVED, 1, out);
		return reads_removed(who, p);
	}
	return is(p, 0, HISTORY_LIVE) && p->n > 1 && history_path(who, p, out);
}

/* at/DATE, at/DATE/NAME: the file, wherever its bytes lie. */
static bool at_backing(const struct identity *who, const struct kept_place *p, struct buf *out)
{
	long long at;

	return p->n == 3 && are_names(p) && at_moment(p->dir, p->part[1], &at) && at_path(who, p->dir, p->part[2], at, out);
}

static int at_stat(const struct identity *who, const struct kept_place *p, struct stat *st)
{
	AUTO_BUF path = BUF_INIT;
	long long at;

	*st = (struct stat){.st_mode = S_IFDIR};
	if (p->n == 1)
		return 0;
	if (p->n == 2)
		return at_moment(p->dir, p->part[1], &at) ? 0 : -ENOENT;
	return at_backing(who, p, &path) ? back_path_stat(buf_str(&path), st) : -ENOENT;
}

/* A name has something to show if its file has versions that this person reads, or ended ones. */
static int stat_name(const struct identity *who, const struct kept_place *p, struct stat *st)
{
	AUTO_BUF live = BUF_INIT, ended = BUF_INIT;

	add_path(p, HISTORY_LIVE, 1, &live);
	add_path(p, HISTORY_ENDED, 1, &ended);
	if (are_names(p) && reads_file(who, p, p->part[1]) && back_path_stat(buf_str(&live), st) == 0)
		return 0;
	return are_names(p) && reads_ended(who, p) ? back_path_stat(buf_str(&ended), st) : -ENOENT;
}

int kept_stat(const struct identity *who, const struct kept_place *p, struct stat *st)
{
	AUTO_BUF path = BUF_INIT;
	int r;

	if (is(p, 0, HISTORY_AT))
		return at_stat(who, p, st);
	*st = (struct stat){.st_mode = S_IFDIR};
	if (p->n == 1 && is(p, 0, HISTORY_LIVE))
		return 0;
	if (p->n == 2 && is(p, 0, HISTORY_LIVE))
		return stat_name(who, p, st);
	if (!backing_path(who, p, &path))
		return -ENOENT;
	r = back_path_stat(buf_str(&path), st);
	if (r == -ENOENT && p->n == 1) { /* nothing was removed yet */
		*st = (struct stat){.st_mode = S_IFDIR};
		return 0;
	}
	return r == 0 && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) ? -ENOENT : r;
}

int kept_open(const struct identity *who, const struct kept_place *p)
{
	AUTO_BUF path = BUF_INIT;

	if (is(p, 0, HISTORY_AT))
		return at_backing(who, p, &path) ? back_path_open(buf_str(&path), O_RDONLY) : -ENOENT;
	return backing_path(who, p, &path) ? back_path_open(buf_str(&path), O_RDONLY) : -ENOENT;
}

/* Whoever may know what happens in the other place is told its name. */
static bool knows(const struct identity *who, const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);

	return gate_knows(who, dir);
}

int kept_pointer(const struct identity *who, const struct kept_place *p, struct buf *out)
{
	const char *name = p->part[p->n - 1];
	AUTO_BUF path = BUF_INIT, text = BUF_INIT;
	char *to;
	int r;

	if (strcmp(name, HISTORY_FROM) != 0 && strcmp(name, HISTORY_TO) != 0)
		return 0;
	r = backing_path(who, p, &path) ? back_path_read(buf_str(&path), &text, LIMIT_DOC_BYTES) : -ENOENT;
	if (r < 0)
		return r;
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	to = strchr(buf_str(&text), ' '); /* when, who, which path */
	to = to ? strchr(to + 1, ' ') : NULL;
	if (!to)
		return -EIO;
	*to++ = '\0';
	buf_addf(out, "%s %s\n", buf_str(&text), knows(who, to) ? to : "(hidden)");
	return 1;
}

/* ------------------------------------------------------------------------------------------------ listing */

struct listing {
	const struct identity *who;
	const struct kept_place *p;
	bool (*each)(void *arg, const char *name, mode_t type);
	void *arg;
	bool names; /* of files: those that this person may read */
	bool ended; /* chains that have ended */
	const char *twice; /* a directory whose names have been listed already */
};

static bool listed_already(const struct listing *l, const char *name)
{
	AUTO_BUF path = BUF_INIT;
	struct stat st;

	if (!l->twice || !reads_file(l->who, l->p, name))
		return false;
	buf_addf(&path, "%s/%s", l->twice, name);
	return back_path_stat(buf_str(&path), &st) == 0;
}

static bool list_one(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct listing *l = arg;

	(void)ino;
	if ((type != DT_DIR && type != DT_REG) || (l->names && !l->ended && !reads_file(l->who, l->p, name)) || listed_already(l, name))
		return true;
	return l->each(l->arg, name, DTTOIF(type));
}

static int list_path(const struct buf *path, struct listing *l)
{
	AUTO_CLOSE int fd = -1;
	int r = back_path_dir(buf_str(path), &fd);

	if (r == 0)
		r = back_list(fd, "", list_one, l);
	return r == -ENOENT ? 0 : r;
}

/* history/ or history/NAME: what is live, then what has ended. */
static int list_history(struct listing *l)
{
	AUTO_BUF live = BUF_INIT, ended = BUF_INIT;
	int r = 0;

	add_path(l->p, HISTORY_LIVE, 1, &live);
	add_path(l->p, HISTORY_ENDED, 1, &ended);
	l->names = l->p->n == 1;
	if (l->names || reads_file(l->who, l->p, l->p->part[1]))
		r = list_path(&live, l);
	if (r < 0 || !reads_ended(l->who, l->p))
		return r;
	l->ended = true;
	l->twice = l->names ? buf_str(&live) : NULL;
	return list_path(&ended, l);
}

int kept_list(const struct identity *who, const struct kept_place *p, bool (*each)(void *arg, const char *name, mode_t type), void *arg)
{
	struct listing l = {.who = who, .p = p, .each = each, .arg = arg};
	AUTO_BUF path = BUF_INIT;
	long long at;

	if (is(p, 0, HISTORY_AT))
		return p->n == 2 && at_moment(p->dir, p->part[1], &at) ? at_list(who, p->dir, at, each, arg) : 0;
	if (is(p, 0, HISTORY_LIVE) && p->n < 3)
		return are_names(p) ? list_history(&l) : -ENOENT;
	return backing_path(who, p, &path) ? list_path(&path, &l) : -ENOENT;
}
