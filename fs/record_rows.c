/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/record_rows.h"

#include <dirent.h>
#include <errno.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "fs/back.h"
#include "fs/history.h"
#include "fs/node.h"
#include "fs/seal.h"
#include "schemas/schemas.h"

struct counting {
	const struct record_rule *rule;
	struct node *dir;
	int dirfd;
	void (*each)(void *arg, const char *scope, unsigned long row);
	void *arg;
};

static bool count_text(struct counting *n, const struct buf *text)
{
	char scope[SHA256_HEX];
	unsigned long row;

	if (record_row_of(n->rule, buf_str(text), text->len, scope, &row))
		n->each(n->arg, scope, row);
	return true;
}

static bool count_file(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct counting *n = arg;
	AUTO_BUF text = BUF_INIT;

	(void)ino;
	return type != DT_REG || back_read_all(n->dirfd, name, &text, LIMIT_DOC_BYTES) < 0 || count_text(n, &text);
}

static bool count_kept(void *arg, int fd)
{
	AUTO_BUF text = BUF_INIT;

	return back_read_fd(fd, &text, LIMIT_DOC_BYTES) < 0 || count_text(arg, &text);
}

/* A register that is removed and made again goes on where it was. */
static int count_removed(struct counting *n)
{
	int fd, r = n->dir->parent ? back_dir_get(n->dir->parent, &fd) : -ENOENT;

	if (r < 0)
		return n->dir->parent ? r : 0;
	r = history_each_removed(fd, n->dir->name, count_kept, n);
	back_dir_put(n->dir->parent, fd);
	return r;
}

/* The numbers that records here have, or had. */
static int count_used(void *arg, void (*each)(void *each_arg, const char *scope, unsigned long row), void *each_arg)
{
	struct counting *n = arg;
	int r;

	n->each = each;
	n->arg = each_arg;
	r = back_list(n->dirfd, "", count_file, n);
	if (r == 0)
		r = history_each(n->dirfd, count_kept, n);
	return r < 0 ? r : count_removed(n);
}

static struct rows rows_of(struct counting *n, const char *scope)
{
	return (struct rows){.dirfd = n->dirfd, .scope = scope, .boot = seal_boot(), .used = count_used, .arg = n};
}

int record_row_take(struct node *dir, int dirfd, const struct record_rule *rule, const char *scope, unsigned long *row)
{
	struct counting n = {.rule = rule, .dir = dir, .dirfd = dirfd};
	struct rows rows = rows_of(&n, scope);

	return rows_take(&rows, row);
}

void record_row_end(struct node *dir, int dirfd, const struct record_rule *rule, const char *scope, unsigned long row, bool kept, const char *path)
{
	struct counting n = {.rule = rule, .dir = dir, .dirfd = dirfd};
	struct rows rows = rows_of(&n, scope);

	if (!kept)
		rows_drop(&rows, row);
	else if (rows_keep(&rows, row) < 0)
		log_warn("%s: row %lu could not be marked as used", path, row);
}

void record_row_mark(struct node *dir, int dirfd, const struct record_rule *rule, const char *text, size_t len, const char *path)
{
	struct counting n = {.rule = rule, .dir = dir, .dirfd = dirfd};
	char scope[SHA256_HEX];
	unsigned long row;

	if (!record_row_of(rule, text, len, scope, &row))
		return;
	struct rows rows = rows_of(&n, scope);

	if (rows_mark(&rows, row) < 0)
		log_warn("%s: row %lu could not be marked as used", path, row);
}
