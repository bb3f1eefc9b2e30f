/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request that this thread serves, for what is not handed an op: attributes of decisions, the ledger. ll.c begins and ends it. Outside a
 * request there is none: pid 0, no executable.
 */
#ifndef FS_CURRENT_H
#define FS_CURRENT_H

#include <sys/types.h>

struct op;

void current_begin(struct op *op);
void current_end(void);
/* NULL outside a request. */
struct op *current_op(void);
/* The calling task; 0 outside a request, and for what the kernel does on its own. */
pid_t current_pid(void);
/* The file it runs, read once for each request; NULL if that cannot be told. Valid until the request ends. */
const char *current_exe(void);

#endif
