/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Row numbers of the records in one directory (rows.h): what records there are, is read from the directory and its history,
 * and from what is kept of directories of that name that were removed there. */
#ifndef FS_RECORD_ROWS_H
#define FS_RECORD_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "fs/rows.h"

struct node;
struct record_rule;

/* 'dir' is the records' directory, 'dirfd' a descriptor of it. Under tree_lock. 0 or -errno. */
int record_row_take(struct node *dir, int dirfd, const struct record_rule *rule, const char *scope, unsigned long *row);
/* The end of a number: its record is in place ('kept'), or nothing came of it. 'path' is for the log. */
void record_row_end(struct node *dir, int dirfd, const struct record_rule *rule, const char *scope, unsigned long row, bool kept, const char *path);
/* A record has come with its number, if it has one: nobody gets it again here. */
void record_row_mark(struct node *dir, int dirfd, const struct record_rule *rule, const char *text, size_t len, const char *path);

#endif
