/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Row numbers of the records in one directory (rows.h): what records there are, is read from the directory and its history. */
#ifndef FS_RECORD_ROWS_H
#define FS_RECORD_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "fs/rows.h"

struct record_rule;

/* 'dirfd' is the records' directory. Under tree_lock. 0 or -errno. */
int record_row_take(int dirfd, const struct record_rule *rule, const char *scope, unsigned long *row);
/* The end of a number: its record is in place ('kept'), or nothing came of it. 'path' is for the log. */
void record_row_end(int dirfd, const struct record_rule *rule, const char *scope, unsigned long row, bool kept, const char *path);
/* A record has come with its number, if it has one: nobody gets it again here. */
void record_row_mark(int dirfd, const struct record_rule *rule, const char *text, size_t len, const char *path);

#endif
