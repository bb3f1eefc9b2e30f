/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attempts to gain something by editing policy (THREATS row 31): an archive under the default policy, and edits of `.zddc`
 * by a document controller, a home owner and others. Only the attempts are made here; who judges them is somebody else:
 * tests/random/escalate.c on the engine, the mount tests with real system calls (`escalate --emit`).
 */
#ifndef TESTS_RANDOM_LIB_EDITS_H
#define TESTS_RANDOM_LIB_EDITS_H

#include <stdio.h>

#include "tests/random/lib_model.h"
#include "tests/random/lib_rng.h"

/* The principals of every scenario, by index. */
enum { WHO_ROOT, WHO_DC1, WHO_DC2, WHO_ANN, WHO_BOB, WHO_CARL, WHO_OBS, WHO_MALLORY, WHO_ANON, WHO_COUNT };

enum edit_kind { EDIT_WRITE, EDIT_REMOVE, EDIT_MOVE_POLICY, EDIT_RENAME, EDIT_MKDIR };

struct edit {
	enum edit_kind kind;
	int actor, dir;
	int to;           /* the other directory: of a moved .zddc, or the new parent of a renamed directory */
	const char *name; /* of a new or renamed directory */
	struct doc doc;   /* EDIT_WRITE: rendered */
};

/* The directories that the scenario wants, parents first, with who makes each (WHO_ROOT: put there behind the mount). */
struct wanted {
	const char *path;
	int maker;
	bool sealed;
};
extern const struct wanted edit_tree[];
extern const int edit_tree_count;

/* The principals, and the root's own document; variants differ in what an administrator has added. */
void edit_people(struct world *w);
struct body *edit_root_body(struct world *w, struct rng *r);
/* What an administrator wrote by hand into the `.zddc` of the root, of a party (added to the generated text) and of its folder
 * `special`; and what stands in that of a folder in staging, where controllers hold `a`. Maybe nothing. */
void edit_additions(struct pool *p, struct rng *r, struct body *root, struct body *party, struct body *special, struct body *staged);

/* The next attempt. `holds_a` tells for each directory whether the actor may write its .zddc: most attempts go there. */
struct edit edit_next(struct world *w, struct rng *r, int actor, const bool holds_a[]);

/* One JSON line: {"seq":,"actor":,"op":"write|remove|move-policy|rename|mkdir","dir":,"to":,"text":,"accepted":}. */
void edit_emit(FILE *out, const struct world *w, uint64_t seq, const struct edit *e, bool accepted);
void edit_emit_text(FILE *out, const char *s);

#endif
