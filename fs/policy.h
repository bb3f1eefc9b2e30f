/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy as the mount holds it: one acl_snap fed from the backing tree, a generation that every change raises, the index of
 * directories that carry policy, and the watch for changes made behind the mount.
 */
#ifndef FS_POLICY_H
#define FS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "acl/acl.h"

struct node;
struct options;

/* Reads defaults and the root .zddc; refuses to start on an invalid or missing one with a sentence that says how to go on. */
int policy_init(const struct options *o);
/* Starts the index builder and the watch; after the daemon has detached. */
int policy_start(void);
/* Stops both and writes the index. */
void policy_stop(void);
/* Frees the engine; after the node table is gone. */
void policy_exit(void);
/* SIGHUP: reads the file of -o defaults= again, forgets every document and looks again. */
void policy_reload(void);
/* -o policy=none: nothing is decided. */
bool policy_none(void);
/* -o strict. */
bool policy_strict(void);

struct acl *policy_engine(void);
struct acl_snap *policy_snap(void);
/* Raised by every change that may alter an answer (policy, identity, rename of a directory). */
uint64_t policy_generation(void);

/* The policy of a directory node (any kind of directory), cached in the node. One reference. Under tree_lock. */
struct acl_policy *policy_of(struct node *dir);
/* True for what policy_of gives where a directory was moved or removed behind the mount: nothing is granted, nothing is seen. */
bool policy_is_nowhere(const struct acl_policy *p);
/* The policy that 'segment' below dir has or would have. One reference. */
struct acl_policy *policy_of_child(struct node *dir, const char *segment);

/* dir's .zddc changed through the mount, or the directory was made, removed, renamed. Under tree_lock for writing. */
void policy_changed(const char *dir);
void policy_dir_renamed(const char *from, const char *to);
void policy_dir_removed(const char *dir);
/* A directory with a .zddc of its own has appeared (auto-own). */
void policy_dir_added(const char *dir, bool with_policy);

/* Something about dir's .zddc, or dir itself, changed behind the mount: forget, then raise the generation. No lock needed. */
void policy_behind(const char *dir);
/* An identity or a group changed. */
void policy_bump(void);

/*
 * Every text of policy, defaults and identities that takes effect is kept under the root's .zddc.d/policy/<sha256 of the bytes>.
 * Written before it returns (0 or -errno), or by the background thread.
 */
int policy_keep(const char *text, size_t len);
void policy_keep_later(const char *text, size_t len);

/* The invalid documents known just now, for status: each() gets directory and text. */
void policy_invalid_each(void (*each)(void *arg, const char *dir, const char *text), void *arg);

/* The policy of a path, without a node; one reference. */
struct acl_policy *policy_at(const char *dir);
/* The document the engine holds for dir (a path); one reference or NULL. */
struct zddc_doc *policy_doc(const char *dir, bool *invalid);

/* When policy_init was called: for status, and the times that control files show. */
struct timespec policy_began(void);

/* Milliseconds of a clock that never jumps, coarse (a few ms) and cheap. */
uint64_t policy_clock_ms(void);

/* The index (index.c): true/false in *below, or -EAGAIN while it is being built: is there a .zddc anywhere strictly below dir? */
int index_policy_below(const char *dir, bool *below);
/* Waits until the index is complete (at most 'ms'); 0 or -EBUSY. */
int index_wait(int ms);
bool index_ready(void);

#endif
