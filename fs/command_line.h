/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between command.c, which reads a line and finds its row, and the files that hold the commands. */
#ifndef FS_COMMAND_LINE_H
#define FS_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "fs/seal.h"

enum { COMMAND_OPTIONS_MAX = 8, COMMAND_BYTES_MAX = 8192, COMMAND_TEXT_MAX = 1000 };

/* "WORD --option VALUE ... NAME", taken apart. */
struct line {
	struct {
		const char *word, *value;
	} option[COMMAND_OPTIONS_MAX];
	size_t n;
	const char *name; /* NULL: none was given; never with a command on a file */
	char text[2 * COMMAND_BYTES_MAX]; /* what the pointers point into */
	size_t used;
};

/* The value of --word, or NULL. */
const char *line_option(const struct line *l, const char *word);
/* The first option that is not one of 'known' (ends in NULL); NULL if all are. */
const char *line_unknown(const struct line *l, const char *const *known);
/* Text that people write: not empty, UTF-8, at most COMMAND_TEXT_MAX bytes. NULL, or what is wrong. */
const char *line_text_wrong(const char *text);

/* The file that a command is about. */
struct target {
	struct op *op;
	struct node *dir;
	const struct line *line;
	char *path;
	struct acl_policy *p;
	int dirfd, fd;
	struct seal_view v;
};

/* One command: exactly one of both is set. Called under the tree lock; about a file, under the lock of its inode as well. */
struct command {
	const char *word;
	int (*on_file)(struct target *t);
	int (*by_self)(struct op *op, struct node *dir, const struct line *l);
	bool alone; /* names or policies change: tree lock for writing */
	const char *args, *meaning;
};

#define COMMAND(word, kind, run, args, meaning) COMMAND_DECLARE_##kind(run)
#define COMMAND_DECLARE_FILE(run) int run(struct target *t);
#define COMMAND_DECLARE_GOES(run) int run(struct target *t);
#define COMMAND_DECLARE_SELF(run) int run(struct op *op, struct node *dir, const struct line *l);
#define COMMAND_DECLARE_MOUNT(run) int run(struct op *op, struct node *dir, const struct line *l);
#include "fs/command.def"
#undef COMMAND

/* ---- elevate.c ---- */
/* A refusal of such a command, as the caller's last; -err. */
__attribute__((format(printf, 4, 5))) int self_refuse(struct op *op, struct node *dir, int err, const char *fmt, ...);
/* -EINVAL if the line has a name, or an option that is not one of 'known' (ends in NULL). */
int self_check(struct op *op, struct node *dir, const struct line *l, const char *const *known);

/* ---- command_file.c ---- */
/* Finds the file of the line and runs the command on it. 0 or -errno, explained. */
int target_run(struct op *op, struct node *dir, const struct line *l, int (*run)(struct target *t));
/* Records "PATH: why" as the caller's last refusal; -err. */
int target_say(const struct target *t, int err, const char *why);
/* What state the file is in, and why that is in the way; -EPERM. */
int target_refuse_state(const struct target *t, const char *why);
/* Nothing that was remembered of how it is shown counts any more. */
void target_forget_shown(const struct target *t);
/* Its record has been written: what else has to know, and the ledger. 'detail' may be NULL. */
void target_follow(const struct target *t, const struct seal_record *rec, enum seal_event what, const char *detail);

#endif
