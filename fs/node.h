/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node table: what the kernel knows by number. A node is a *name in a directory* (parent and name), not a backing inode: two
 * hard links made behind the mount are two nodes, each under the policy of its own directory. Node ids are never reused for
 * something else while the kernel may hold them.
 *
 * Locks: tree_lock (a writer-preferring rwlock) covers parent, name and the table's shape: readers while they decide and act, writers
 * while they rename, remove or change policy. node->lock covers the fields that say so. Order: tree_lock, node->lock, table shard.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "acl/acl.h"
#include "fs/back.h"

enum node_kind {
	NODE_DIR, /* a directory of the backing tree */
	NODE_FILE, /* a regular file there */
	NODE_LINK, /* a symlink there */
	NODE_SLOT, /* a directory that paths: declares and that is not on disk (lazy.h) */
	NODE_POLICY, /* .zddc (commit.h) */
	NODE_GIVEN, /* a file that policy gives and that is not on disk: form.yaml, table.yaml (given.h) */
	NODE_DRAFT, /* a new record under the name its writer typed, until it is committed (draft.h): nobody else sees it */
	NODE_CTL_DIR, /* .zddc.d and directories in it (virt_ctl.h) */
	NODE_CTL_FILE, /* control files in it */
	NODE_VIRT, /* what a virtual directory shows (virt.h) */
};

struct ctl_row;
struct back_dir;

struct node {
	uint64_t id; /* what FUSE calls the inode number; 1 is the root */
	enum node_kind kind;
	struct node *parent; /* tree_lock; counted; NULL for the root */
	char *name; /* tree_lock */
	struct back_ref ref; /* how the backing tree finds it again; unused for virtual kinds */
	uint64_t ino; /* st_ino shown */
	uint64_t lookups; /* what the kernel must forget; atomic */
	int refs; /* children, handles, requests; atomic */
	_Atomic bool gone; /* unlinked, renamed over, or replaced behind the mount; never false again */
	pthread_mutex_t lock;
	struct acl_policy *policy; /* lock: of a directory; valid while policy_gen is the current generation */
	uint64_t policy_gen;
	uint64_t policy_checked; /* lock: when its .zddc was last compared with the backing tree (ms, policy.c) */
	struct handle *handles; /* lock: open handles of this node */
	const struct ctl_row *ctl; /* of control files */
	char *ctl_arg; /* of explain/NAME: NAME */
	struct back_dir *dir; /* back.c: the live descriptor of a directory, if it has one */
	_Atomic long long last_made; /* of a directory: when somebody last made an entry in it through the mount, */
	_Atomic uid_t last_maker; /* and who */
	_Atomic uint64_t sealed; /* of a file: size and time (hashed) with which it was last seen to be sealed; 0: look at its record (seal.c) */
	struct {
		uint64_t state, size;
	} shown; /* lock: of a row of a table: how long its text was for that state of its record; 0: never asked */
	struct {
		int id; /* the kernel's number of the backing file; 0: not passed through */
		unsigned opens; /* handles, cached or passed through, never both */
	} io; /* lock: passthrough.h */
	unsigned tainted; /* atomic: of a file: the kernel still keeps pages that were refused (notify_pages) */
	struct node *next_id, *next_name; /* node.c: chains of the table */
};

extern pthread_rwlock_t tree_lock;

/* The table; root is made by it. */
int nodes_init(const struct back_ref *root_ref, uint64_t root_ino);
/* At exit, after the kernel has gone: calls each() for every node (handles are released there), then frees all. */
void nodes_each(void (*each)(struct node *n));
void nodes_free(void);
struct node *node_root(void);
/* By the kernel's number; one reference, NULL if the kernel made it up. */
struct node *node_get(uint64_t id);
struct node *node_ref(struct node *n);
void node_put(struct node *n);
void node_forget(struct node *n, uint64_t n_lookups);
/*
 * The node of 'name' in 'dir' with that backing identity, made if needed (an old node of that name with another identity is marked
 * gone). Counts one kernel look-up. One reference besides. ref is NULL for what is not on disk and for .zddc (whose backing inode is
 * another one after each commit): such nodes are the same as long as name and kind are. Under tree_lock.
 */
struct node *node_enter(struct node *dir, const char *name, enum node_kind kind, const struct back_ref *ref, uint64_t ino);
/* The node of that name if the table has it; one reference or NULL. */
struct node *node_find(struct node *dir, const char *name);
/* Under tree_lock for writing: the name moved, or both were exchanged, or it is gone. */
void node_moved(struct node *n, struct node *to, const char *new_name);
void node_exchanged(struct node *a, struct node *b);
void node_gone(struct node *n);
/* A declared slot is on disk now, perhaps under another spelling: same number, a directory from here on. */
void node_became_dir(struct node *slot, const struct back_ref *ref, uint64_t ino, const char *spelling);
/* A stable st_ino for a name that is not on disk (bit 61 is set, bit 62 is .zddc's). */
uint64_t node_virtual_ino(const struct node *dir, const char *name);
#define NODE_POLICY_INO_BIT (1ull << 62)

/* Under tree_lock: path from the archive root ("" for the root; for control files the canonical directory + "/.zddc.d/..."). malloc()ed. */
char *node_path(const struct node *n);
/* The path of 'name' in 'dir'. malloc()ed. */
char *node_path_in(const struct node *dir, const char *name);
/* Levels below the root (0). Under tree_lock. */
unsigned node_depth(const struct node *n);
/* The directory whose policy governs n: itself for directories and slots, else its parent (past .zddc.d). Borrowed. */
struct node *node_governor(struct node *n);
/* Table figures for status. */
uint64_t nodes_count(void);

#endif
