/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks for sealed files at and below a folder, as far as policy says that there can be any. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/index.h"
#include "fs/journal.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/seal_move.h"

struct search {
	struct buf path; /* of the directory being listed */
	int fd;
	bool zone, compliance; /* that directory is write-once; and in compliance mode */
	bool all; /* the search goes on for files in compliance mode */
	enum seal_below found;
	int err;
	unsigned depth;
};

static void search_dir(struct search *s, const char *name);

static bool search_entry(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct search *s = arg;

	(void)ino;
	if (!strcmp(name, ".zddc") || !strcmp(name, ".zddc.d"))
		return true;
	if (type == DT_DIR)
		search_dir(s, name);
	else if (s->zone)
		s->found = s->compliance || s->found == SEALED_COMPLIANCE ? SEALED_COMPLIANCE : SEALED_SOME;
	return !s->err && s->found < (s->all ? SEALED_COMPLIANCE : SEALED_SOME);
}

/* Can there be a write-once place here or below, by what policy above says or by a .zddc below? */
static bool may_hold_zone(struct search *s, struct acl_policy *p)
{
	bool below = false;

	if (acl_is_zone(p) || acl_zone_below(p))
		return true;
	if (index_policy_below(buf_str(&s->path), &below) < 0)
		s->err = -EBUSY;
	return below;
}

/* The directory 'name' of s->fd, whose path is s->path already. */
static void search_here(struct search *s, int fd)
{
	struct acl_policy *p = policy_at(buf_str(&s->path));
	bool zone = s->zone, compliance = s->compliance;
	int above = s->fd, r = 0;

	if (may_hold_zone(s, p)) {
		s->fd = fd;
		s->zone = acl_is_zone(p);
		s->compliance = seal_in_compliance(p);
		r = back_list(fd, "", search_entry, s);
		s->fd = above;
		s->zone = zone;
		s->compliance = compliance;
	}
	if (r < 0 && !s->err)
		s->err = r;
	acl_policy_unref(p);
}

static void search_dir(struct search *s, const char *name)
{
	AUTO_CLOSE int fd = back_opendir(s->fd, name);
	size_t len = s->path.len;

	if (fd < 0 || s->depth >= LIMIT_DIR_DEPTH) {
		s->err = s->err ? s->err : fd < 0 ? fd : -ELOOP;
		return;
	}
	if (len)
		buf_addc(&s->path, '/');
	buf_adds(&s->path, name);
	s->depth++;
	search_here(s, fd);
	s->depth--;
	s->path.len = len;
	if (s->path.data)
		s->path.data[len] = '\0';
}

int seal_below(struct node *dir, const char *name, bool all)
{
	AUTO_FREE char *parent = node_path(dir), *path = node_path_in(dir, name);
	struct search s = {.path = BUF_INIT, .all = all};
	int r = dir->kind == NODE_DIR ? back_dir_get(dir, &s.fd) : -ENOENT;

	if (r < 0)
		return r;
	if (journal_explicit_below(path))
		s.found = SEALED_SOME;
	int fd = s.fd;
	buf_adds(&s.path, parent);
	if (!s.found || all)
		search_dir(&s, name);
	back_dir_put(dir, fd);
	buf_free(&s.path);
	return s.err < 0 && (all || !s.found) ? s.err : (int)s.found;
}
