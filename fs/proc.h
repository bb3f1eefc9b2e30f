/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What /proc says of a task: its stat and the exe link are all that is ever read of it (SPEC section 12). Any thread. */
#ifndef FS_PROC_H
#define FS_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state; /* 'R', 'S', ..., 'Z' a zombie, 'X' dead */
	pid_t session;
	unsigned long flags; /* PF_* */
	uint64_t start; /* clock ticks since boot */
	unsigned long exit_code; /* shown to those who may trace the task */
};

/* Of a process or thread. 0, -ESRCH if there is none (or it cannot be seen), -EIO if the text makes no sense. */
int proc_stat(pid_t tid, struct proc_stat *out);
/* The file it runs, as text that ends in 0. 0 or -errno; -ENAMETOOLONG if it does not fit. */
int proc_exe(pid_t pid, char *out, size_t size);

#endif
