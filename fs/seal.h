/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Write-once (SPEC section 5): the one owner of what state a file is in, and the one predicate that every request passes which would
 * change a file or its name. Table: seal.def (state x act).
 *
 * A file has a record (record.h) in its own xattr where its maker does not hold w, and always in a zone. There it is born with it: made
 * in the daemon's tmp, marked, then renamed into place, so that after a crash a file in a zone either has a record that names a
 * dead daemon (torn) or counts as sealed (5.12). What a record says is judged anew each time: a missing or late write never loosens.
 *
 * Locks: all functions want the tree lock unless they say otherwise. Inside it a lock for each inode (striped) covers "judge, then let
 * somebody write" against "nobody writes any more, then seal".
 */
#ifndef FS_SEAL_H
#define FS_SEAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "acl/acl.h"
#include "fs/op.h"
#include "fs/seal_record.h"

struct buf;
struct handle;
struct options;

/* ------------------------------------------------------------------ start and end */

/* After policy_init and before the mount: the journal of the last run, the clock, whether the immutable flag works. */
int seal_init(const struct options *o);
/* The background thread (reap.h); after privileges have been dropped. */
int seal_start(void);
void seal_stop(void);
/* After the last handle has been released. */
void seal_exit(void);
/* Chance that tells this run of the daemon from every other. */
uint64_t seal_boot(void);
/* -o immutable */
bool seal_immutable(void);
/* -o ro: nothing is adopted, sealed late or reaped. */
bool seal_read_only(void);

/* ------------------------------------------------------------------ what state a file is in */

/* What a judgement is made of. */
struct seal_facts {
	bool zone; /* the place is write-once */
	bool recorded; /* the file has a record, and that is 'rec' */
	bool named; /* it goes by the transient name of its record, or by another one */
	bool writers; /* a handle that may write it without w is open */
	bool killed; /* and the last FLUSH of each such handle came from a task that is being killed */
	bool torn_here; /* this daemon knows it is torn, and could not write that down */
	long long size, mtime; /* ns */
	long long now, seal_grace;
	uint64_t boot;
	const struct seal_record *rec;
};
/* Pure. */
enum seal_state seal_judge(const struct seal_facts *f);
/* The policy's seal_grace in seconds. */
long long seal_grace_of(const struct acl_policy *p);
/* Until when the creator may do anything to a closed file; 0 if there is no such time. Pure. */
long long seal_grace_end(const struct seal_record *rec, long long seal_grace);

enum seal_act {
	ACT_WRITE,
	ACT_META,
	ACT_RENAME,
	ACT_MOVE,
	ACT_UNLINK,
};
/* The table of seal.def. Pure. */
bool seal_state_lets(enum seal_state s, enum seal_act act, const struct seal_record *rec, long long now, long long seal_grace);

/* A file as it is now. */
struct seal_view {
	enum seal_state state;
	bool zone, mine, recorded, writers;
	long long seal_grace;
	struct seal_record rec; /* zeros if there is none */
	struct stat st; /* of the backing file */
};

/* 'name' in 'dirfd', governed by p. 'n' is its node, or NULL if the table has none. 0 or -errno (-ENOENT: not a regular file). */
int seal_look(struct acl_policy *p, int dirfd, const char *name, struct node *n, const struct identity *who, struct seal_view *out);
/* The same for a name in a directory node. */
int seal_look_in(struct node *dir, const char *name, const struct identity *who, struct seal_view *out);

/* ------------------------------------------------------------------ the predicate */

/*
 * May op->caller do 'what' (WRITE, TRUNCATE, UTIMENS, CHMOD, CHOWN, SETXATTR, REMOVEXATTR, UNLINK, RENAME, RENAME_FROM) to the regular file
 * 'name' of dir? In the place of gate_check: verbs, then what its creator may in its state; a sealed file refuses everybody. 0, or
 * -errno with the refusal recorded: which rule, since when, by whom, what to do instead. Opening for writing: seal_open_write.
 */
int seal_check(struct op *op, enum acl_op what, struct node *dir, const char *name);
/* Asks without recording: 0 or -errno. */
int seal_ask(const struct identity *who, enum acl_op what, struct node *dir, const char *name);
/* The refusal of seal_check, for whoever has looked already. -errno. */
int seal_refuse(struct op *op, enum acl_op what, struct node *dir, const char *name, const struct seal_view *v);
/* Reading: r, or one's own transient; somebody else's transient is not there. */
int seal_check_read(struct op *op, struct node *dir, const char *name);
/* Somebody else's transient, which this caller does not see. */
bool seal_hides(const struct identity *who, struct node *dir, const char *name);
/* One's own transient file: its creator may look at it and read it without r. */
bool seal_own_transient(const struct identity *who, struct node *dir, const char *name);
/* What everybody is shown of it: r--r--r-- when sealed, the sticky bit for a directory that is a zone. 'backing' may be NULL for directories. */
void seal_show(struct node *n, const struct stat *backing, struct stat *shown);

/* ------------------------------------------------------------------ the life of one */

/*
 * Makes 'name' in dir (whose descriptor is dirfd), with its record where it has one (*watched tells). The gate has been passed and the
 * name checked. A descriptor or -errno.
 */
int seal_create(struct op *op, struct node *dir, int dirfd, const char *name, mode_t mode, int flags, bool *watched);
/* It has a node; 'h' is NULL if nobody has it open (mknod): its 10 minutes begin. */
void seal_created(struct node *n, int fd, struct handle *h);
/* May the handle write, whose file is open and not yet truncated? Makes it a writer of a watched file if only its creator may. */
int seal_open_write(struct op *op, struct node *n, int dirfd, struct handle *h);
/* A write or truncation through h: 'done' of 'asked' bytes, or -errno. */
void seal_wrote(struct handle *h, ssize_t done, size_t asked);
/* May h get its first byte? -EINVAL while the file has a name that naming: enforce takes for empty files only. Takes the tree lock. */
int seal_before_write(struct op *op, struct handle *h);
void seal_flushed(struct op *op, struct handle *h);
/* The last descriptor is closed. Takes the tree lock. */
void seal_released(struct handle *h);
/* The same under the tree lock: it never came to anything. */
void seal_abandon(struct handle *h);
/* The size was changed by path, without a handle. */
void seal_truncated(struct node *n);
/* Times, mode or attributes of it are about to be changed (an immutable flag is lifted), and have been. */
void seal_meta_begin(struct node *n, int dirfd);
void seal_meta_changed(struct node *n, int dirfd);
/* chmod that takes away every write bit, by path: ends seal_grace; a future atime becomes the retention. 0, or 1 if that is not for this caller. */
int seal_chmod_readonly(struct op *op, struct node *n);
/*
 * Only the atime is set, to a date ahead: lengthens the retention of a sealed file. 0 done, 1 not a case of it, -errno recorded ('quiet': a
 * date that is not later is not a case of it).
 */
int seal_extend(struct op *op, struct node *n, const struct timespec *atime, bool quiet);
/* The name is gone (unlink, rename over). */
void seal_gone(uint64_t ino);

/* Records of an inode are rewritten under its lock. */
pthread_mutex_t *seal_lock_of(uint64_t ino);
/* Under that lock. By descriptor; 0 or -errno. Where the immutable flag is set it is lifted meanwhile. */
int seal_write_record(int fd, const struct seal_record *rec);
bool seal_read_record(int fd, struct seal_record *out);
/* Any attribute of ours on a file that may be sealed, the same way. */
int seal_write_attr(int fd, const char *attr, const void *data, size_t n);
/* Under that lock: makes the closed file 'fd' sealed (or closed, in a lane): fills rec and writes it. */
int seal_close_record(int fd, struct acl_policy *p, struct seal_record *rec, const struct stat *st);
bool seal_in_compliance(const struct acl_policy *p);
/* The date until which a file sealed now is kept. */
long long seal_retention(struct acl_policy *p, long long now, long long wanted);
/* Has the retention of a sealed file ended? In compliance mode one without a date never does. */
bool seal_retention_over(const struct acl_policy *p, const struct seal_record *rec, long long now);

/* ------------------------------------------------------------------ what the ledger and the log hear */

enum seal_event {
#define SEAL_EVENT(id, ...) SEAL_EV_##id,
#include "fs/seal_event.def"
#undef SEAL_EVENT
};
/* Something about a file is a matter of record. Any thread, any lock but none of the ledger's. */
void seal_landed(enum seal_event what, const char *path, const struct seal_record *rec, const char *detail);

/*
 * What the state of 'name' has to do with such a request: 1 and *flags (for gate_check), *by_state (its creator may), 'text' (a sentence); 0 if
 * nothing.
 */
int seal_explain(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned *flags, bool *by_state,
		 struct buf *text);
/* How a refusal that is about the state is told. */
void seal_describe(const struct seal_view *v, const char *path, struct buf *out);

#endif
