/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole files by name, for what the command line names. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <stddef.h>

struct buf;

/* The bytes of a file ("-": standard input), at most 'most' + 1 of them, so that the caller sees that there are more. 0 or -errno. */
int file_read(const char *path, size_t most, struct buf *out);
/* Reads on from a descriptor, in the same way. */
int file_read_fd(int fd, size_t most, struct buf *out);
/* All of 'text' to a descriptor. 0 or -errno. */
int file_write_fd(int fd, const struct buf *text);

#endif
