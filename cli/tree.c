/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "cli/files.h"
#include "cli/past.h"

struct tree {
	int fd;
	struct zddc_source source;
	struct diags errors;
	char *unreadable;
	int unreadable_err;
	struct past *past; /* NULL: as it is now */
};

void tree_join(struct buf *out, const char *dir, const char *name)
{
	if (*dir)
		buf_addf(out, "%s/", dir);
	buf_adds(out, name);
}

/* A descriptor of 'path' beneath the root, or -errno. */
static int open_beneath(const struct tree *t, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, t->fd, *path ? path : ".", &how, sizeof how);

	return fd < 0 ? -errno : (int)fd;
}

/* The documents that the past has: .zddc of any directory, and who is who. False: the file itself. */
static bool of_past(const struct tree *t, const char *path, struct buf *text, int *err)
{
	bool people = !strcmp(path, ".zddc.d/identities.yaml");

	if (!t->past || (!people && strcmp(path, ".zddc") != 0 && !str_ends(path, "/.zddc")))
		return false;
	*err = past_text(t->past, people ? "identities" : path, text);
	return true;
}

int tree_fd(const struct tree *t, const char *path, int flags)
{
	return open_beneath(t, path, flags ? flags : O_PATH | O_NOFOLLOW);
}

int tree_read(struct tree *t, const char *path, size_t most, struct buf *text)
{
	int err;

	if (of_past(t, path, text, &err))
		return err;
	/* O_NONBLOCK: a pipe of that name must not hang us */
	AUTO_CLOSE int fd = open_beneath(t, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return file_read_fd(fd, most, text);
}

static int source_read(void *ctx, const char *dir, struct buf *text)
{
	struct tree *t = ctx;
	AUTO_BUF path = BUF_INIT;
	int err;

	tree_join(&path, dir, ".zddc");
	err = tree_read(t, buf_str(&path), LIMIT_DOC_BYTES, text);
	if (err == -ENOTDIR)
		return -ENOENT;
	if (err && err != -ENOENT && !t->unreadable) {
		t->unreadable_err = err;
		t->unreadable = buf_steal(&path);
	}
	return err;
}

static bool entry_is_dir(DIR *d, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool passed_over(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, ".zddc.d");
}

int tree_list(struct tree *t, const char *dir, bool (*each)(void *arg, const char *name, bool is_dir), void *arg)
{
	int fd = open_beneath(t, dir, O_RDONLY | O_DIRECTORY);
	const struct dirent *e;
	DIR *d;
	int err;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		err = -errno;
		close(fd);
		return err;
	}
	while (errno = 0, (e = readdir(d)))
		if (!passed_over(e->d_name) && !each(arg, e->d_name, entry_is_dir(d, e)))
			break;
	err = e ? 0 : -errno;
	closedir(d);
	return err;
}

struct subdirs {
	bool (*each)(void *arg, const char *name);
	void *arg;
};

static bool only_dirs(void *arg, const char *name, bool is_dir)
{
	struct subdirs *s = arg;

	return !is_dir || s->each(s->arg, name);
}

struct only_new {
	struct subdirs *s;
	struct tree *t;
	const char *dir;
};

/* A directory of the past that is not there any more. */
static bool gone_dir(void *arg, const char *name)
{
	struct only_new *o = arg;
	AUTO_BUF path = BUF_INIT;

	tree_join(&path, o->dir, name);
	AUTO_CLOSE int fd = open_beneath(o->t, buf_str(&path), O_PATH | O_DIRECTORY);
	return fd >= 0 || o->s->each(o->s->arg, name);
}

static int source_subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	struct subdirs s = {each, arg};
	struct only_new o = {&s, ctx, dir};
	int err = tree_list(ctx, dir, only_dirs, &s);

	if (!o.t->past)
		return err;
	past_below(o.t->past, dir, gone_dir, &o);
	return err == -ENOENT || err == -ENOTDIR ? 0 : err;
}

static void source_invalid(void *ctx, const char *dir, const struct diags *d)
{
	struct tree *t = ctx;

	(void)dir;
	for (size_t i = 0; i < d->n; i++)
		diag_add(&t->errors, d->v[i].level, d->v[i].file, d->v[i].line, d->v[i].col, "%s", d->v[i].text);
}

struct tree *tree_open(const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree *t;

	if (fd < 0)
		return NULL;
	t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->fd = fd;
	t->source = (struct zddc_source){.read = source_read, .subdirs = source_subdirs, .invalid = source_invalid, .ctx = t};
	return t;
}

void tree_close(struct tree *t)
{
	if (!t)
		return;
	close(t->fd);
	diags_free(&t->errors);
	past_free(t->past);
	free(t->unreadable);
	free(t);
}

void tree_set_past(struct tree *t, struct past *past)
{
	t->past = past;
}

const struct zddc_source *tree_source(struct tree *t)
{
	return &t->source;
}

const struct diags *tree_errors(const struct tree *t)
{
	return &t->errors;
}

const char *tree_unreadable(const struct tree *t, int *err)
{
	*err = t->unreadable_err;
	return t->unreadable;
}
