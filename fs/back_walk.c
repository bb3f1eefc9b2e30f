/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/back_walk.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/names.h"

struct walk {
	enum walk_on (*each)(void *arg, const struct walked *at);
	void *arg;
	struct buf path; /* of the directory being read */
	int fd; /* of it */
	unsigned depth;
	bool ended;
	int err;
};

static void walk_dir(struct walk *w, const char *name);

static void walk_into(struct walk *w, const char *name)
{
	int above = w->fd;

	w->depth++;
	if (w->depth <= LIMIT_DIR_DEPTH)
		walk_dir(w, name);
	else if (!w->err)
		w->err = -ELOOP;
	w->depth--;
	w->fd = above;
}

static bool walk_entry(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct walk *w = arg;
	enum name_class class = name_class(name);
	size_t len = w->path.len;
	enum walk_on on;

	if (class == NAME_POLICY || class == NAME_CONTROL)
		return true;
	buf_addf(&w->path, "%s%s", len ? "/" : "", name);
	on = w->each(w->arg, &(struct walked){buf_str(&w->path), name, w->fd, w->depth, type, ino});
	w->ended = on == WALK_END;
	if (on == WALK_ON && type == DT_DIR)
		walk_into(w, name);
	w->path.data[w->path.len = len] = '\0';
	return !w->ended;
}

/* The directory 'name' of w->fd. */
static void walk_dir(struct walk *w, const char *name)
{
	AUTO_CLOSE int fd = back_opendir(w->fd, name);
	int r = w->fd = fd;

	if (fd >= 0)
		r = back_list(fd, "", walk_entry, w);
	if (r < 0 && !w->err)
		w->err = r;
}

int back_walk(int dirfd, const char *name, enum walk_on (*each)(void *arg, const struct walked *at), void *arg)
{
	struct walk w = {.each = each, .arg = arg, .path = BUF_INIT, .fd = dirfd};

	walk_dir(&w, name);
	buf_free(&w.path);
	return w.err;
}
