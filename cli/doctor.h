/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a mount counts on of the filesystem below an archive, tried out in a scratch directory that is removed again. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

struct doctor_row {
	const char *name, *what_for;
	bool must;
	int err; /* 0: it holds; else a positive errno */
};

enum {
	DOCTOR_ROWS = 0
#define PROMISE(...) +1
#include "cli/doctor.def"
#undef PROMISE
};

/* 0, or -errno if no scratch directory can be made in 'dir'. */
int doctor_examine(const char *dir, struct doctor_row out[DOCTOR_ROWS]);

#endif
