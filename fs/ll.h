/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's words (libfuse's low-level requests) turned into op_*() and back. Thin: nothing is decided here. */
#ifndef FS_LL_H
#define FS_LL_H

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops ll_ops;
/* Called once, when the kernel and we have agreed on how to talk: the mount serves. Set before the loop. */
void ll_when_ready(void (*ready)(void));

#endif
