/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The random tests' own picture of an archive: a tree of directories, each with or without a
 * policy document, as plain structs. Nothing here knows the engine. The generator fills it,
 * the renderer turns it into YAML for the engine, the naive evaluator reads it as it is.
 *
 * Memory: everything hangs on the world's pool and is freed with it. Single thread.
 */
#ifndef TESTS_RANDOM_LIB_MODEL_H
#define TESTS_RANDOM_LIB_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_DEPTH = 14, MAX_LEVELS = MAX_DEPTH + 1, MAX_DIRS = 48, MAX_ITEMS = 24, N_VERBS = 5 };

/* Verb bits of the naive evaluator, in the printing order `rwcda`. */
enum { VERB_R = 1, VERB_W = 2, VERB_C = 4, VERB_D = 8, VERB_A = 16, VERB_ALL = 31 };

/* A key that a document may leave out. */
enum tri { UNSET = -1, NO = 0, YES = 1 };

struct pool; /* bump allocator, see lib_model.c */
void *pool_alloc(struct pool *p, size_t n);
char *pool_strdup(struct pool *p, const char *s);
struct pool *pool_new(void);
void pool_free(struct pool *p);

struct list { /* a YAML list of strings; `present` tells [] from absent */
	bool present;
	int n, line[MAX_ITEMS]; /* lines are filled in by the renderer */
	const char *item[MAX_ITEMS];
};

struct perm {
	const char *key, *verbs;
	int line;
};

struct role {
	const char *name;
	enum tri reset;
	struct list members;
};

enum cond_attr { AT_RISK, AT_ENVIRONMENT, AT_PROVENANCE, AT_OWNER };
enum cond_op { OP_LT, OP_LE, OP_EQ, OP_NE, OP_GT, OP_GE, OP_IN, OP_MATCHES };

struct cond_term {
	enum cond_attr attr;
	enum cond_op op;
	int n;
	const char *literal[2];
};

struct extra {
	const char *key, *flow;
}; /* a key that decides nothing here, with its value in YAML flow style */

struct cond {
	bool present;
	int n, line;
	struct cond_term term[2];
}; /* terms joined by `and` */

struct body;
struct path {
	const char *segment;
	struct body *body;
};

struct body { /* one policy mapping: a document's top, or a `paths:` body */
	int n_perms, n_roles, n_paths, n_extras;
	struct perm perm[MAX_ITEMS];
	struct role role[MAX_ITEMS];
	struct path path[MAX_ITEMS];
	struct extra extra[MAX_ITEMS];
	enum tri acl_inherit, inherit, auto_own, auto_own_fenced, history;
	struct list auto_own_roles, admins, worm;
	int64_t freeze_until; /* seconds since the epoch; 0: key absent */
	struct cond when[N_VERBS];
};

struct doc {
	bool present;
	const char *broken; /* not NULL: an invalid document with exactly this text */
	struct body *top;
	char *text;     /* as rendered */
	uint64_t style; /* seed of the rendering style */
};

struct dir {
	const char *name;
	int parent, depth;
	struct doc doc;
};

struct principal {
	const char *email; /* NULL: anonymous */
	int n_groups;
	const char *group[4];
	bool elevated;
};

struct attributes { /* NULL: unset */
	const char *environment, *provenance;
	int risk; /* -1: unset */
};

struct world {
	struct pool *pool;
	struct doc defaults;
	struct doc last_root; /* the root's last valid text, for when the present one is broken */
	int n_dirs;
	struct dir dir[MAX_DIRS]; /* dir[0] is the root; a parent comes before its children */
	bool strict;
	int64_t now;
	struct attributes attrs;
	int n_principals;
	struct principal principal[16];
};

/* A directory to ask about: one on disk, and names below it that are not (declared slots, or what a mkdir would get). */
struct place {
	int dir, n_more;
	const char *more[4];
};

struct body *body_new(struct pool *p);
struct body *body_clone(struct pool *p, const struct body *from);

/* A deep copy with a pool of its own. */
struct world *world_clone(const struct world *w);
struct world *world_new(void);
void world_free(struct world *w);

/* Add a directory; returns its index. */
int world_add_dir(struct world *w, int parent, const char *name);

/* Hang a directory below another parent under a name; depths below it follow. */
void world_move_dir(struct world *w, int dir, int parent, const char *name);
/* Is `above` the directory itself or one of its ancestors? */
bool is_at_or_above(const struct world *w, int above, int dir);

/* Write the path of a place below the archive root into buf; the root is "". */
void place_path(const struct world *w, const struct place *at, char *buf, size_t size);

/* The level of a place: 0 for the root. And the name it has at one level of its path (1 and up). */
int place_level(const struct world *w, const struct place *at);
const char *place_name(const struct world *w, const struct place *at, int level);
/* The directory on disk that the place has at a level, or -1. */
int place_dir(const struct world *w, const struct place *at, int level);

/* Remove the k-th removable thing (directory, document, entry, key, flag) of the world, or return
 * false when k is past the last. `keep_dir` and its ancestors stay, as does `keep_principal`. */
bool world_reduce(struct world *w, unsigned k, int *keep_dir, int *keep_principal);

/* Case-blind equality and the canonical form of a permission key: lower case without `role:`. */
bool same_name(const char *a, const char *b);
const char *bare_key(const char *key);
bool same_key(const char *a, const char *b);

#endif
