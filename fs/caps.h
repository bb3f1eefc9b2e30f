/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capabilities of the calling thread (they belong to threads, not to the process). */
#ifndef FS_CAPS_H
#define FS_CAPS_H

#include <linux/capability.h>
#include <stdint.h>

#define CAP_BIT(c) (1ull << (c))

struct caps {
	uint64_t effective, permitted;
};

/* Zeros if the kernel does not say. */
struct caps caps_get(void);
/* 0 or -errno. Nothing can be permitted that is not already. */
int caps_set(struct caps c);

#endif
