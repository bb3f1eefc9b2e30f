/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mounts of zddcfs that the kernel knows of, from /proc/self/mountinfo. */
#ifndef CLI_MOUNTS_H
#define CLI_MOUNTS_H

#include <stdbool.h>

struct mount_line {
	char *point, *source, *options; /* options: of the mount and of the filesystem */
};

/* Fills 'out' (mount_line_free it) for the mount at that point; false if there is none of that name. */
bool mount_find(const char *point, struct mount_line *out);
/* Each mount whose type is fuse.zddcfs, fuse.zddc or zddc. */
void mounts_each(void (*each)(void *arg, const struct mount_line *m), void *arg);
/* Does it answer within some seconds? One whose daemon hangs would hold whoever asks. */
bool mount_answers(const char *point, int seconds);
void mount_line_free(struct mount_line *m);

#endif
