/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to schemas/: a record between what the client wrote and what is stored. */
#ifndef SCHEMAS_RECORD_H
#define SCHEMAS_RECORD_H

#include "base/arena.h"
#include "base/ynode.h"
#include "schemas/schemas.h"

struct record {
	struct record_request rq;
	struct arena arena;
	const struct ynode *written; /* what the client's text says */
	const struct ynode *before; /* the replaced revision; NULL: new, or it cannot be read */
	struct ynode *doc; /* what is stored */
	bool unchanged;
};

/* Writes the audit fields of the next revision into r->doc (stamp.c). */
void record_stamp(struct record *r);
bool record_is_stamp(const char *field);

#endif
