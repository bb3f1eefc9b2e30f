/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which directories carry a .zddc (SPEC section 15): a tree of their paths in memory, built by one background thread that walks the
 * backing tree, kept in <root>/.zddc.d/index, and kept exact by what the mount does and what the watch reports.
 *
 * What stands in it may be wrong in one direction only while it is being built: an entry may be stale (the engine reads the
 * document and finds none); that something is *not* there is known once index_ready(). Any thread; locks itself, calls nobody
 * with its lock held.
 */
#ifndef FS_INDEX_H
#define FS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* What identifies one state of a .zddc: enough to see that it was edited, replaced, made or removed. */
struct policy_stamp {
	uint64_t ino;
	int64_t ctime_ns, mtime_ns;
	int64_t size; /* -1: absent */
};

struct policy_stamp policy_stamp_of(const struct stat *st); /* NULL: absent */
bool policy_stamp_eq(const struct policy_stamp *a, const struct policy_stamp *b);

int index_start(void); /* loads candidates, starts the builder */
void index_stop(void); /* stops it and writes the index if it is complete */
void index_free(void);

/* dir has a .zddc of its own, or no longer. True if that was news. */
bool index_set(const char *dir, bool present);
/* dir and everything below is gone from there. True if a .zddc was known there or below. */
bool index_drop(const char *dir);
/* Is a .zddc known at or below dir? */
bool index_has(const char *dir);
void index_move(const char *from, const char *to);
/* Something appeared at dir that nobody has walked: the builder does; not complete until it has. */
void index_walk(const char *dir);
/* Forget what is believed and walk everything; answers wait meanwhile if 'wait'. */
void index_rebuild(bool wait);

/* The engine has read dir's .zddc (or its absence) in that state. */
void index_seen(const char *dir, const struct policy_stamp *stamp);
/* Is that what the engine has read? True also if it has not read it yet. */
bool index_current(const char *dir, const struct policy_stamp *stamp);

/* Children of dir at or below which a .zddc lies. 0, or -EAGAIN after all known ones if there may be more. */
int index_children(const char *dir, bool (*each)(void *arg, const char *name), void *arg);
/* Every directory that carries policy and that the engine has read, with its stamp, in any order: for the sweep. */
void index_each_seen(void (*each)(void *arg, const char *dir, const struct policy_stamp *stamp), void *arg);

/* Every directory that is known to carry policy, in any order. */
void index_each_policy(void (*each)(void *arg, const char *dir), void *arg);

struct index_figures {
	uint64_t directories; /* that carry policy */
	bool ready;
	uint64_t walks, walked; /* walks done, directories visited by them */
	uint64_t last_walk_ms;
};
struct index_figures index_figures(void);

#endif
