/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random worlds: names from tiny alphabets, so that patterns, roles, segments and fences meet all the time. */
#ifndef TESTS_RANDOM_LIB_GEN_H
#define TESTS_RANDOM_LIB_GEN_H

#include "tests/random/lib_model.h"
#include "tests/random/lib_rng.h"

/* A world of its own for each (seed, number); free with world_free. Not rendered yet. */
struct world *gen_world(uint64_t seed, uint64_t number);

/* A place of the world: mostly a directory on disk, else a declared slot or a name that nothing declares. */
struct place gen_place(struct rng *r, const struct world *w);

/* The alphabets, for whoever asks about single patterns and roles. NULL-terminated. */
extern const char *const gen_patterns[];
extern const char *const gen_roles[];

#endif
