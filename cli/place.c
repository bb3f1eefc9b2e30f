/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/out.h"

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "dir/name" exists, whatever it is. */
static bool holds(const char *dir, const char *name)
{
	AUTO_BUF path = BUF_INIT;
	struct stat st;

	buf_addf(&path, "%s/%s", dir, name);
	return lstat(buf_str(&path), &st) == 0;
}

bool place_has_control(const char *dir)
{
	return holds(dir, ".zddc.d/whoami");
}

char *place_parent(const char *rel, const char **name)
{
	const char *slash = strrchr(rel, '/');
	char *parent = slash ? strndup(rel, (size_t)(slash - rel)) : strdup("");

	if (!parent)
		abort();
	*name = slash ? slash + 1 : rel;
	return parent;
}

/* Cuts the last part off an absolute path; false at "/". */
static bool up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !path[1])
		return false;
	slash[slash == path ? 1 : 0] = 0;
	return true;
}

/* Takes the last part of 'path' away and puts it in front of 'rest'. */
static void shift(char *path, struct buf *rest)
{
	AUTO_BUF joined = BUF_INIT;
	char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;

	buf_addf(&joined, "%s%s%s", last, *last && rest->len ? "/" : "", buf_str(rest));
	buf_reset(rest);
	buf_adds(rest, buf_str(&joined));
	if (!slash)
		strcpy(path, ".");
	else
		slash[slash == path ? 1 : 0] = 0;
}

static bool climbs(const char *rest)
{
	for (const char *s = rest; *s; s += strcspn(s, "/"), s += *s == '/')
		if (!strncmp(s, "..", 2) && (!s[2] || s[2] == '/'))
			return true;
	return false;
}

/*
 * The real path of the deepest existing directory of 'path', and what follows it. A last part that is no directory (or a link, if
 * no slash follows) stays in 'rest', so that links are asked about themselves.
 */
static char *deepest(char *path, struct buf *rest)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		shift(path, rest);
	while (!is_dir(path)) {
		if (!strcmp(path, "/") || !strcmp(path, "."))
			return NULL;
		shift(path, rest);
	}
	return realpath(path, NULL);
}

static bool strip_slashes(char *path)
{
	size_t n = strlen(path);
	bool any = false;

	for (; n > 1 && path[n - 1] == '/'; n--, any = true)
		path[n - 1] = 0;
	return any;
}

/* The topmost directory upwards from 'dir' that holds a .zddc; NULL if none does. */
static char *topmost(const char *dir)
{
	AUTO_FREE char *at = strdup(dir);
	char *best = NULL;

	if (!at)
		abort();
	do {
		if (!holds(at, ".zddc"))
			continue;
		free(best);
		best = strdup(at);
	} while (up(at));
	return best;
}

/* The topmost directory of the same mount upwards. */
static char *mount_root(const char *dir)
{
	char *at = strdup(dir), *next = strdup(dir);
	struct stat here, above;

	if (!at || !next || stat(dir, &here) < 0)
		abort();
	while (up(next) && stat(next, &above) == 0 && above.st_dev == here.st_dev && place_has_control(next)) {
		free(at);
		at = strdup(next);
	}
	free(next);
	return at;
}

/* 'abs' below 'root', or NULL if it is not below. */
static const char *below(const char *root, const char *abs)
{
	size_t n = strlen(root);

	if (!strcmp(root, "/"))
		return abs + 1;
	if (strncmp(root, abs, n) != 0 || (abs[n] && abs[n] != '/'))
		return NULL;
	return abs[n] ? abs + n + 1 : abs + n;
}

static int find_root(const char *path, const char *root, struct place *out)
{
	out->on_mount = !root && place_has_control(out->dir);
	if (root)
		out->root = realpath(root, NULL);
	else
		out->root = out->on_mount ? mount_root(out->dir) : topmost(out->dir);
	if (root && !out->root)
		return out_fail(ZDDC_IO, "--root %s: %s", root, strerror(errno));
	if (!out->root)
		return out_fail(ZDDC_IO, "%s is neither on a mount nor in an archive: no directory above it holds a .zddc (\"zddc init\" makes "
					 "one, --root names one)", path);
	return ZDDC_YES;
}

static int set_rel(const char *path, const struct buf *rest, struct place *out)
{
	const char *rel = below(out->root, out->dir);
	AUTO_BUF whole = BUF_INIT;

	if (!rel)
		return out_fail(ZDDC_USAGE, "%s is not below --root %s", path, out->root);
	buf_addf(&whole, "%s%s%s", rel, *rel && rest->len ? "/" : "", buf_str(rest));
	out->rel = buf_steal(&whole);
	return ZDDC_YES;
}

int place_find(const char *path, const char *root, struct place *out)
{
	AUTO_FREE char *work = strdup(*path ? path : ".");
	AUTO_BUF rest = BUF_INIT;
	int status;

	*out = (struct place){0};
	if (!work)
		abort();
	out->is_dir = strip_slashes(work);
	if (out->is_dir && is_dir(work))
		out->dir = realpath(work, NULL);
	else
		out->dir = deepest(work, &rest);
	if (!out->dir)
		return out_fail(ZDDC_IO, "%s: %s", path, strerror(errno));
	if (climbs(buf_str(&rest)))
		return out_fail(ZDDC_USAGE, "%s: \"..\" behind a part that does not exist leads nowhere", path);
	status = find_root(path, root, out);
	if (status == ZDDC_YES)
		status = set_rel(path, &rest, out);
	if (status != ZDDC_YES)
		return status;
	out->is_dir = out->is_dir || !rest.len;
	out->exists = !rest.len || (!strchr(buf_str(&rest), '/') && holds(out->dir, buf_str(&rest)));
	return ZDDC_YES;
}

void place_free(struct place *p)
{
	free(p->root);
	free(p->rel);
	free(p->dir);
}
