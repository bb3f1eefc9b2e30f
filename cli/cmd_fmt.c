/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc fmt: the canonical form of policy files, comments kept. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yformat.h"
#include "base/ynode.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/tree.h"
#include "cli/walk.h"

struct formatting {
	const struct cli *c;
	const char *top; /* the TREE at hand */
	struct buf out;
	size_t files, differ;
	int status; /* the worst so far */
};

static void worse(struct formatting *f, int status)
{
	if (status > f->status)
		f->status = status;
}

/* ------------------------------------------------------------------------------------------------ writing */

/* On a mount the file is written as an editor does it: closing commits, or says why not. */
static int write_through(const char *path, const struct buf *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = file_write_fd(fd, text);
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

/* In a plain tree a new file, owner and mode as before, takes the place of the old one in one step. */
static int write_beside(const char *path, const struct buf *text)
{
	AUTO_BUF name = BUF_INIT;
	struct stat st;
	int fd, err;

	buf_addf(&name, "%s.XXXXXX", path);
	if (stat(path, &st) < 0 || (fd = mkostemp(name.data, O_CLOEXEC)) < 0)
		return -errno;
	err = file_write_fd(fd, text);
	if (!err && (fchmod(fd, st.st_mode & 07777) < 0 || (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM) || fsync(fd) < 0))
		err = -errno;
	close(fd);
	if (!err && rename(name.data, path) < 0)
		err = -errno;
	if (err)
		unlink(name.data);
	return err;
}

static int rewrite(const char *path, const struct buf *text)
{
	AUTO_FREE char *copy = strdup(path);
	bool on_mount = copy && place_has_control(dirname(copy));
	int err = on_mount ? write_through(path, text) : write_beside(path, text);

	if (!err)
		return ZDDC_YES;
	return out_fail(ZDDC_IO, "%s is left as it was: %s%s", path, strerror(-err), on_mount ? " (\"zddc why\" says more)" : "");
}

/* ------------------------------------------------------------------------------------------------ one file */

/* The canonical form of 'text'. An exit status; errors were printed. */
static int canonical(const char *path, const struct buf *text, struct buf *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *tree;
	int status = ZDDC_YES;

	if (ynode_parse(&a, path, buf_str(text), text->len, &d, &tree) < 0) {
		out_diags(&d);
		status = ZDDC_POLICY;
	} else if (yformat(buf_str(text), text->len, tree, out) < 0) {
		status = out_fail(ZDDC_IO, "%s cannot be formatted without changing it, so it is left as it is: please report this text", path);
	}
	arena_free(&a);
	return status;
}

static void note(struct formatting *f, const char *path, const struct buf *text)
{
	bool json = cli_has(f->c, OPT_JSON);

	if (json) {
		json_sep(&f->out);
		buf_addc(&f->out, '{');
		json_kv(&f->out, "file", path);
		json_kv(&f->out, "text", buf_str(text));
		buf_addc(&f->out, '}');
	} else {
		out_name(&f->out, path);
		buf_adds(&f->out, cli_has(f->c, OPT_WRITE) ? ": written in canonical form\n" : ": is not in canonical form\n");
	}
}

static void format_file(struct formatting *f, const char *path)
{
	AUTO_BUF text = BUF_INIT, out = BUF_INIT;
	int err = file_read(path, LIMIT_DOC_BYTES, &text), status;
	bool same;

	if (err) {
		worse(f, out_fail(ZDDC_IO, "%s: %s", path, strerror(-err)));
		return;
	}
	f->files++;
	status = canonical(path, &text, &out);
	same = text.len == out.len && !memcmp(buf_str(&text), buf_str(&out), out.len);
	if (status == ZDDC_YES && !cli_has(f->c, OPT_WRITE) && !cli_has(f->c, OPT_CHECK) && !cli_has(f->c, OPT_JSON)) {
		buf_add(&f->out, buf_str(&out), out.len);
		return;
	}
	if (status == ZDDC_YES && !same) {
		f->differ++;
		if (cli_has(f->c, OPT_WRITE))
			status = rewrite(path, &out);
		if (status == ZDDC_YES)
			note(f, path, &out);
	}
	worse(f, status);
}

/* ------------------------------------------------------------------------------------------------ all of them */

static void entry(void *arg, const char *dir, const char *name, bool is_dir)
{
	struct formatting *f = arg;
	AUTO_BUF path = BUF_INIT;

	if (is_dir || strcmp(name, ".zddc") != 0)
		return;
	buf_addf(&path, "%s/%s%s.zddc", f->top, dir, *dir ? "/" : "");
	format_file(f, buf_str(&path));
}

static void listed(void *arg, const char *dir, int err)
{
	struct formatting *f = arg;

	if (err)
		worse(f, out_fail(ZDDC_IO, "%s/%s cannot be listed: %s", f->top, dir, strerror(-err)));
}

static void format_tree(struct formatting *f, const char *top)
{
	struct tree *t = tree_open(top);

	if (!t) {
		worse(f, out_fail(ZDDC_IO, "%s: %s", top, strerror(errno)));
		return;
	}
	f->top = top;
	walk_tree(t, "", &(struct walk){.entry = entry, .listed = listed, .arg = f});
	tree_close(t);
}

static void format_path(struct formatting *f, const char *path)
{
	struct stat st;
	bool quiet = cli_has(f->c, OPT_WRITE) || cli_has(f->c, OPT_CHECK) || cli_has(f->c, OPT_JSON);

	if (strcmp(path, "-") != 0 && stat(path, &st) < 0)
		worse(f, out_fail(ZDDC_IO, "%s: %s", path, strerror(errno)));
	else if (!strcmp(path, "-") ? cli_has(f->c, OPT_WRITE) : S_ISDIR(st.st_mode) && !quiet)
		worse(f, out_fail(ZDDC_USAGE, "%s is no single file: add --check to list what differs, --write to change it", path));
	else if (strcmp(path, "-") != 0 && S_ISDIR(st.st_mode))
		format_tree(f, path);
	else
		format_file(f, path);
}

static void finish(struct formatting *f)
{
	if (cli_has(f->c, OPT_JSON)) {
		buf_addc(&f->out, ']');
		json_kv_int(&f->out, "files", (long long)f->files);
		json_kv_int(&f->out, "differ", (long long)f->differ);
		buf_adds(&f->out, "}\n");
	}
	out_put(&f->out);
}

int cmd_fmt(const struct cli *c)
{
	struct formatting f = {.c = c, .status = ZDDC_YES};

	if (cli_has(c, OPT_WRITE) && cli_has(c, OPT_CHECK))
		return out_fail(ZDDC_USAGE, "--check only looks and --write changes: give one of them");
	if (cli_has(c, OPT_JSON))
		buf_adds(&f.out, "{\"changed\":[");
	for (size_t i = 0; i < c->n_args; i++)
		format_path(&f, c->args[i]);
	if (f.status != ZDDC_USAGE)
		finish(&f);
	buf_free(&f.out);
	if (f.status != ZDDC_YES)
		return f.status;
	return f.differ && !cli_has(c, OPT_WRITE) ? ZDDC_NO : ZDDC_YES;
}
