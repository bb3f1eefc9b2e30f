/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine under test, fed with the rendered texts of a world through its public contract (acl/acl.h). */
#ifndef TESTS_RANDOM_LIB_ENGINE_H
#define TESTS_RANDOM_LIB_ENGINE_H

#include "acl/acl.h"
#include "tests/random/lib_model.h"
#include "tests/random/lib_rng.h"

struct engine {
	struct world *w; /* borrowed; must be rendered and must not change */
	struct acl *acl;
	bool owns_acl;
	struct acl_snap *snap;
	char path[MAX_DIRS][256]; /* of each directory of the world */
};

/* False if the engine refuses the defaults; then `why` says so. */
bool engine_open(struct engine *e, struct world *w, char *why, size_t size);
/* The same with an engine that outlives it: its defaults must be the world's. */
void engine_open_with(struct engine *e, struct world *w, struct acl *acl);
void engine_close(struct engine *e);
/* Parse the world's defaults; NULL if the engine refuses them, or if there are none. */
struct zddc_doc *engine_defaults(const struct world *w, char *why, size_t size);
/* Directories were added or renamed: their paths again. */
void engine_repath(struct engine *e);

/* One document goes away or changes places with another; the engine is told by acl_snap_forget. */
void engine_change(struct engine *e, struct rng *r);

/* A principal and the attributes in the engine's words; they point into the model. */
struct acl_principal engine_principal(const struct principal *who);
struct acl_attrs engine_attrs(const struct world *w);

/* The name of the file that a source (SRC_DEFAULTS or a level of the place) has in decisions. */
void engine_file(const struct world *w, const struct place *at, int src, char *buf, size_t size);

#endif
