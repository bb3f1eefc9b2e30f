/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of a directory, .zddc.d/ctl: a line written there runs in the write, whose errno is the result. Rows of command.def. */
#ifndef FS_COMMAND_H
#define FS_COMMAND_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct node;
struct op;

/* Runs one line in the directory 'dir'. 0, or -errno with the reason in last-error. Takes the tree lock. */
int command_run(struct op *op, struct node *dir, const char *line, size_t len);
/* What reading ctl shows: the commands. */
void command_help(struct buf *out);

#endif
