/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open files and directories. A handle keeps the principal that opened it: what arrives later from the kernel itself (write-back,
 * RELEASE: uid 0, pid 0) is authorised by the handle (SPEC section 4). A handle belongs to the kernel from the reply to OPEN until
 * RELEASE; requests on it may come from several threads at once.
 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "fs/passthrough.h"

struct node;
struct identity;
struct audit_opened;
struct audit_view;
struct draft;
struct virt_rows;

enum handle_kind {
	HANDLE_FILE, /* fd: the backing file */
	HANDLE_DRAFT, /* draft: a private copy of a .zddc or record (draft.h) */
	HANDLE_TEXT, /* text: a control file as it was when opened */
	HANDLE_DIR, /* names: a listing as it was at offset 0 */
};

/* One name of a listing. Who may see it is decided when it is read, not when it is collected. */
struct listed {
	const char *name;
	uint64_t ino;
	mode_t type; /* S_IFDIR, S_IFREG, S_IFLNK */
	bool slot; /* declared, not on disk */
};

struct handle {
	enum handle_kind kind;
	struct node *node; /* counted */
	struct identity *who; /* the opener's; counted */
	int flags; /* of open(2) */
	int fd; /* HANDLE_FILE, or -1 */
	enum { HISTORY_NONE, HISTORY_WAITS, HISTORY_WRITES } history; /* atomic: its file is kept before the first change; has been, or is new */
	bool truncates; /* O_TRUNC is still to be done: what it takes away is kept first */
	enum pass_mode pass; /* how the kernel reads and writes (passthrough.h); set before the reply to OPEN */
	int backing_id; /* the kernel's number of the backing file, 0: none */
	bool direct; /* nothing of it is kept by the kernel: each commit puts another inode in place */
	bool created; /* this handle made the file (or its creator opened it again in time): it may write it without w, until it is closed */
	bool watched; /* and the file has a record (seal.h): when the last such handle is released, it is closed or sealed */
	bool unnamed; /* atomic: its name is one that naming: enforce takes for empty files only */
	bool failed; /* atomic: a write through a watched handle failed */
	bool killed; /* atomic: the last FLUSH came from a task that is being killed */
	bool flushed; /* atomic: nothing was written since the last FLUSH, so that its RELEASE may be on the way */
	bool recheck; /* atomic: the file has moved since its writes were last decided */
	uint64_t policy_gen; /* atomic: the generation under which writes were last decided */
	struct audit_opened *opened; /* atomic; audit.h: what allowed to write here, until the first write is in the ledger */
	struct draft *draft;
	struct buf text;
	struct audit_view *view; /* HANDLE_TEXT: a stream (audit_view.h) instead of text */
	pthread_mutex_t lock; /* of the four below */
	struct arena names_mem;
	struct listed *names;
	size_t n_names;
	struct virt_rows *rows; /* of a virtual directory, besides the names; counted */
	struct handle *next; /* node->lock: other handles of the node */
	struct handle *next_writer, *prev_writer; /* handle.c: all that may write to a backing file */
};

/*
 * A handle on 'node' for 'who' (both are counted), in the node's list. 0, or -EMFILE when this uid holds its share: half of what
 * the others leave free (one greedy user never stops the others).
 */
int handle_new(enum handle_kind kind, struct node *node, struct identity *who, int flags, struct handle **out);
/* Takes it from the node's list, closes and frees. A draft must have been released before. */
void handle_free(struct handle *h);
/* What it reads and writes, once it is open (others may be looking at the node's handles meanwhile). */
void handle_set_fd(struct handle *h, int fd);
/*
 * A handle that reads a text as it is now, for as long as it is open; takes it from 'text'. What handle_new() says, or -ENOMEM when this
 * user's open texts would take too much memory.
 */
int handle_of_text(struct node *node, struct identity *who, int flags, struct buf *text, struct handle **out);
void handle_set_draft(struct handle *h, struct draft *d);
/* Takes the draft out, for releasing it. NULL if it has none. */
struct draft *handle_take_draft(struct handle *h);
bool handle_writable(const struct handle *h);
/* Were its writes decided under that generation, and has the file not moved since? */
bool handle_decided(const struct handle *h, uint64_t generation);
/* The file of the node has moved: every handle decides its writes again. Under tree_lock for writing. */
void handles_recheck(struct node *node);
/* Is there a handle of that uid (made by creating the file, if 'created') on the node? */
bool handle_of_uid(struct node *node, uid_t uid, bool created);
/* From here on h is watched: its file has a record, and it may write without w. */
void handle_watch(struct handle *h);
/* Are there watched handles on the node, and did all of them last hear of a task that is being killed? */
void handle_watchers(struct node *node, bool *any, bool *killed);
/* h is no longer watched. True if others of the node still are: a failed write is theirs to remember then. */
bool handle_leave_watch(struct handle *h);
struct person;
/*
 * Is the file 'top', or one below that directory, open for writing? Names one who has it, and the file (malloc()ed). 'settling': only those
 * whose RELEASE seems to be on its way count. Under tree_lock.
 */
bool handle_writer_below(struct node *top, bool settling, struct person *who, char **path);
/* Waits at most 'ms' until no RELEASE seems to be on its way there: close(2) returns before it is sent. Takes tree_lock. */
void handles_settle(struct node *top, int ms);
/* The same for an entry by name, at most a second; takes tree_lock for reading to find it. */
void handles_settle_at(struct node *dir, const char *name);
/* One who may have the file mapped for writing. */
struct mapper {
	struct identity *who; /* counted */
	bool created, watched; /* as its handle */
};
/*
 * All such, unless each of them was decided under that generation: a store through a shared mapping takes a descriptor that reads and
 * writes, and the kernel sends what was stored with any of them. *out is malloc()ed: the caller puts each 'who' and frees it.
 */
size_t handle_mappers(struct node *node, uint64_t generation, struct mapper **out);
/* A file that somebody has open for writing. */
struct handle_use {
	struct node *node; /* counted, as the next */
	struct identity *who;
	bool created;
};
/*
 * Those at or below 'top' that are passed through to the kernel and not decided under that generation, 'most' at most: how many. The caller
 * puts nodes and persons. Under tree_lock.
 */
size_t handle_passed_writers(struct node *top, uint64_t generation, struct handle_use *out, size_t most);
/* Is the node open at all? */
bool handle_any(struct node *node);
struct stat;
/* Has this uid an open draft on the node? Fills in what its writer sees (draft_stat). */
bool handle_draft_stat(struct node *node, uid_t uid, struct stat *st);
/* Where that draft is stored, or would be by the name it was given: malloc()ed; NULL: this uid has none. Under tree_lock. */
char *handle_draft_path(struct node *node, uid_t uid);
/* A duplicate of the descriptor of any open handle on the node, or -EBADF: how a deleted file is still described. */
int handle_any_fd(struct node *node);
/* How many handles one archive may have open, from the descriptor limit. Once, at start. */
void handles_init(size_t most);
uint64_t handles_count(void);

#endif
