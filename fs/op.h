/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each request means. ll.c turns the kernel's words into a struct op and calls one of these; nothing here knows FUSE requests.
 * All return 0 or -errno, decided by SPEC's errno table. "out" parameters are only filled on 0.
 *
 * Locks: every op_* function takes the tree lock for reading (node.h) itself around "decide and act"; those that rename or change
 * policy take it for writing. No lock is held while the kernel is notified or a reply is sent.
 */
#ifndef FS_OP_H
#define FS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "fs/caller.h"
#include "fs/node.h"

struct draft_kind;
struct handle;
struct node;

/* FUSE operations as the counters, the log and the ledger name them: rows of optab.def. */
enum op_id {
#define OP(id, ...) OP_##id,
#include "fs/optab.def"
#undef OP
	OP_COUNT
};

struct audit_said;

struct op {
	enum op_id id;
	struct caller caller;
	struct audit_said *said; /* audit.h: what the gate decided, and what is to be said of it; freed by audit_reply */
	bool has_room; /* audit.h */
};

/* What LOOKUP, CREATE, MKDIR, SYMLINK answer. The node holds one kernel look-up reference for the reply. */
struct entry {
	struct node *node; /* counted besides; whoever gets the entry puts it */
	struct stat attr;
	double entry_timeout, attr_timeout; /* 0 for now (SPEC section 15 classes come later) */
};

/* Which attributes a SETATTR carries; the values are in struct attr_change. */
enum {
	CHANGE_MODE = 1 << 0,
	CHANGE_UID = 1 << 1,
	CHANGE_GID = 1 << 2,
	CHANGE_SIZE = 1 << 3,
	CHANGE_ATIME = 1 << 4,
	CHANGE_MTIME = 1 << 5,
	CHANGE_ATIME_NOW = 1 << 6,
	CHANGE_MTIME_NOW = 1 << 7,
	CHANGE_CTIME = 1 << 8,
};

struct attr_change {
	unsigned what;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	off_t size;
	struct timespec atime, mtime;
};

/* op_dir.c */
int op_lookup(struct op *op, struct node *dir, const char *name, struct entry *out);
int op_mkdir(struct op *op, struct node *dir, const char *name, mode_t mode, struct entry *out);
int op_opendir(struct op *op, struct node *dir, struct handle **out);
/* Calls emit for each entry after 'off' until it returns false (reply full). With 'plus', out is a counted look-up unless emit refuses it. */
typedef bool (*dir_emit)(void *arg, const char *name, const struct stat *attr, off_t next, struct entry *plus);
int op_readdir(struct op *op, struct node *dir, struct handle *h, off_t off, bool plus, dir_emit emit, void *arg);
int op_releasedir(struct handle *h);
int op_statfs(struct op *op, struct node *node, struct statvfs *out);

/* op_file.c */
int op_open(struct op *op, struct node *node, int flags, struct handle **out);
int op_create(struct op *op, struct node *dir, const char *name, mode_t mode, int flags, struct entry *entry, struct handle **out);
ssize_t op_read(struct op *op, struct handle *h, void *data, size_t size, off_t off);
enum write_how {
	WRITE_AT,
	WRITE_APPEND, /* the descriptor has O_APPEND */
	WRITE_BACK, /* pages that were stored to through a shared mapping of h's file, with this descriptor or another one */
};
ssize_t op_write(struct op *op, struct handle *h, const void *data, size_t size, off_t off, enum write_how how);
int op_flush(struct op *op, struct handle *h);
int op_fsync(struct op *op, struct handle *h, bool datasync);
int op_fsyncdir(struct op *op, struct node *dir, bool datasync);
/* It arrives with uid 0 and pid 0: op->caller is whoever opened. */
int op_release(struct op *op, struct handle *h);
int op_fallocate(struct op *op, struct handle *h, int mode, off_t off, off_t len);
ssize_t op_copy_range(struct op *op, struct handle *in, off_t off_in, struct handle *out, off_t off_out, size_t len, int flags);
off_t op_lseek(struct op *op, struct handle *h, off_t off, int whence);

/* op_name.c */
int op_unlink(struct op *op, struct node *dir, const char *name);
int op_rmdir(struct op *op, struct node *dir, const char *name);
int op_rename(struct op *op, struct node *from, const char *name, struct node *to, const char *new_name, unsigned flags);
int op_symlink(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out);
int op_link(struct op *op, struct node *node, struct node *dir, const char *name); /* always EPERM, explained */
int op_mknod(struct op *op, struct node *dir, const char *name, mode_t mode, struct entry *out); /* regular files only */
int op_tmpfile(struct op *op, struct node *dir); /* always EOPNOTSUPP: a nameless file has no policy */
/* The target as malloc()ed text. */
int op_readlink(struct op *op, struct node *node, char **out);

/*
 * Shared by op_*.c, under tree_lock.
 *
 * entry_fill    the entry of 'name' as it is on disk (or declared), without asking who may see it; -ENOENT
 * entry_drop    gives it back unseen
 * entry_visible may the caller know of it? 0, -ENOENT, -EBUSY
 * lock_for_new  tree_lock for making a name in dir: for writing if dir itself has to be made first (a slot). Returns the lock.
 * place_for_new may an entry of that name be in dir at all? Explained; no decision is taken.
 * slot_in_way   -EEXIST where a declared slot has that name, in whatever case
 * dir_prepare   may a directory of that name be made in dir? Decided, explained; dir itself is on disk after 0. tree_lock for writing
 * open_draft    a handle that writes a private copy of the node's text; the gate has been passed
 * file_find     the parent's descriptor (back_dir_put it), after checking that the backing entry is still this node's
 * attr_show     what everybody is shown of a backing entry
 * attr_policy   what this caller is shown of dir's .zddc; -ENOENT
 * attr_given    of a form or table that is not on disk; -ENOENT
 * attr_draft    what this caller is shown of a record they are writing and that is not there yet; -ENOENT
 * note_made     the caller has just made an entry in dir: its maker may set the times of dir for a while
 * may_write     decides a handle's writes again where policy or place have changed; takes tree_lock itself
 */
int entry_fill(struct op *op, struct node *dir, const char *name, struct entry *out);
void entry_drop(struct entry *e);
int entry_visible(struct op *op, struct entry *e);
/* Is something of that name there (or a declared slot that differs only in case), and may the caller know of it? 0, -ENOENT, -EBUSY. Takes tree_lock. */
int entry_in_way(struct op *op, struct node *dir, const char *name, bool *hidden);
/* A name was in the way: -EEXIST, or -EACCES (explained) if the caller may not know of it. Takes tree_lock itself. */
int entry_exists(struct op *op, enum acl_op what, struct node *dir, const char *name);
/* Something is there that the caller may not know of, and nothing else stands in the way: -EACCES, explained. */
int refuse_hidden(struct op *op, enum acl_op what, const char *path);
pthread_rwlock_t *lock_for_new(struct node *dir);
int place_for_new(struct op *op, enum acl_op what, struct node *dir, const char *name);
int dir_prepare(struct op *op, struct node *dir, const char *name);
int open_draft(struct op *op, const struct draft_kind *kind, struct node *n, int flags, struct handle **out);
int slot_in_way(struct op *op, enum acl_op what, struct node *dir, const char *name);
bool policy_visible(struct op *op, struct node *dir);
int file_find(struct node *n, int *dirfd, struct stat *st);
void attr_show(enum node_kind kind, uint64_t ino, const struct stat *backing, struct stat *out);
int attr_policy(struct op *op, struct node *dir, struct stat *out);
int attr_slot(struct node *slot, struct stat *out);
int attr_given(struct node *n, struct stat *out);
int attr_draft(struct op *op, struct node *n, struct stat *out);
void note_made(struct op *op, struct node *dir);
int may_write(struct op *op, struct handle *h);
/* May that person (by a handle that made the file, or is watched) still write the file? By policy, place and record, without recording it. Under tree_lock. */
bool file_may_write(struct node *n, struct identity *who, bool created, bool watched);
/* A descriptor of its own of a directory, for work that no lock is held for; or -errno. Takes tree_lock itself. */
int dir_open(struct node *dir);

/* op_attr.c */
int op_getattr(struct op *op, struct node *node, struct handle *h, struct stat *out);
int op_setattr(struct op *op, struct node *node, struct handle *h, const struct attr_change *c, struct stat *out);
int op_access(struct op *op, struct node *node, int mask);

/* op_xattr.c. size 0 asks for the length (as getxattr(2)). */
ssize_t op_getxattr(struct op *op, struct node *node, const char *name, void *value, size_t size);
ssize_t op_listxattr(struct op *op, struct node *node, char *list, size_t size);
int op_setxattr(struct op *op, struct node *node, const char *name, const void *value, size_t size, int flags);
int op_removexattr(struct op *op, struct node *node, const char *name);

#endif
