/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/current.h"

#include <limits.h>
#include <stdbool.h>

#include "fs/op.h"
#include "fs/proc.h"

static _Thread_local struct {
	struct op *op;
	bool asked, known; /* exe has been read; and is there */
	char exe[PATH_MAX];
} current;

void current_begin(struct op *op)
{
	current.op = op;
	current.asked = false;
}

void current_end(void) { current.op = NULL; }

struct op *current_op(void) { return current.op; }

pid_t current_pid(void) { return current.op ? current.op->caller.pid : 0; }

const char *current_exe(void)
{
	if (!current.op)
		return NULL;
	if (!current.asked)
		current.known = proc_exe(current_pid(), current.exe, sizeof(current.exe)) == 0;
	current.asked = true;
	return current.known ? current.exe : NULL;
}
