/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the virtual directories share, and nobody else. virt_find.c: what a name stands for. virt_rollup.c: how that is
 * described and read. virt_slots.c: the rows of all parties, virt_rows.c: kept and listed. virt_text.c: forms and tables. virt_temp.c:
 * transient files. virt_create.c, virt_edit.c: new names, changes. virt_commit.c, virt_party.c: what was written takes effect.
 */
#ifndef FS_VIRT_PRIVATE_H
#define FS_VIRT_PRIVATE_H

#include "acl/acl.h"
#include "base/arena.h"
#include "base/buf.h"
#include "fs/virt.h"
#include "schemas/schemas.h"

struct ynode;

/* ------------------------------------------------------------------------------------------------ the kinds */

struct virt_kind {
	const char *field; /* what a row shows besides what is stored; NULL: nothing */
	/* Appends the name of a row. */
	void (*name)(const char *party, const char *file, struct buf *out);
	/* The other way round; 'party' holds DOCNAME_MAX + 1 bytes; *file points into 'name', or is NULL: the place's own. */
	bool (*split)(const char *name, char *party, const char **file);
	mode_t type;
	const char *noun;
};
extern const struct virt_kind virt_kinds[ACL_VIRTUAL_KINDS]; /* from 1 */

/* ------------------------------------------------------------------------------------------------ where the rows are */

struct virt_place {
	enum acl_virtual_kind kind; /* never NONE */
	struct node *dir; /* the virtual directory; borrowed */
	struct node *base; /* that which holds the parties; counted; NULL: it is not there */
	char *below; /* what stands behind the party */
};

/* False if 'dir' is no virtual directory. virt_place_drop() in any case. Under tree_lock. */
bool virt_place_get(struct op *op, struct node *dir, struct virt_place *out);
void virt_place_drop(struct virt_place *p);
/* The kind alone; no lock. */
enum acl_virtual_kind virt_kind_of(struct op *op, struct node *dir);
/* The directory that decides about the rows of a party, on disk or declared; counted, or NULL. Under tree_lock. */
struct node *virt_slot(struct op *op, const struct virt_place *p, const char *party);
/* The name of the record of a party's row: 'file' if the row's name says it. */
const char *virt_file(const struct virt_place *p, const char *file);
/* The path of the directory that a party of that name has, or would have; malloc()ed. */
char *virt_slot_path(const struct virt_place *p, const char *party);

/* Which files of a directory are rows. */
struct virt_filter {
	struct acl_policy *policy; /* counted */
	const struct ynode *records; /* NULL: no rule in scope */
	struct arena mem;
	const char *only; /* this one, or NULL */
};
void virt_filter_get(const struct virt_place *p, struct node *slot, struct virt_filter *out);
/* The same for a policy (its reference is taken over) and the one name, or NULL. */
void virt_filter_of(struct acl_policy *policy, const char *only, struct virt_filter *out);
void virt_filter_drop(struct virt_filter *f);
bool virt_is_row(const struct virt_filter *f, const char *file);

/* ------------------------------------------------------------------------------------------------ what a name stands for */

enum virt_what {
	VIRT_ROW, /* a record */
	VIRT_TEXT, /* form, table */
	VIRT_LINK,
	VIRT_TEMP, /* a transient file of the caller's, or somebody's lock */
	VIRT_TYPED, /* what the caller writes, under the name they gave it; no record yet */
};

struct virt_found {
	enum virt_what what;
	struct virt_place place;
	const struct virt_text *text; /* of VIRT_TEXT */
	struct node *slot; /* of a row or link: the directory of the record; counted */
	char party[DOCNAME_MAX + 1];
	const char *file; /* of a row: the record's name in it; lives as long as the name that was asked for and the place */
	struct stat st; /* of a row: of the record */
};

/* 0, or -ENOENT: nothing that 'who' may know of. Under tree_lock. virt_found_drop() only after 0. */
int virt_find(struct op *op, const struct identity *who, struct node *dir, const char *name, struct virt_found *out);
void virt_found_drop(struct virt_found *f);
/* The whole text of a row as it is shown, without any decision. Under tree_lock. 0 or -errno. */
int virt_row_text(const struct virt_found *f, struct buf *out);
/* Has the name the form of a transient one there? Under tree_lock. */
bool virt_is_transient(struct node *dir, const char *name);
/* The node of a name; a counted look-up and a reference. Under tree_lock. */
struct node *virt_enter(struct node *dir, const char *name);

/* ------------------------------------------------------------------------------------------------ taking effect (virt_commit.c, virt_party.c) */

extern const struct draft_kind virt_draft_kind;
/*
 * Stores the text as the row 'name', or as a new one ('is_new'): decided, checked, on disk when it returns. 0 and in 'stored' the name of
 * the row, or -errno, recorded; a text that is refused is kept as .zddc.d/rejected. No lock.
 */
int virt_put(struct op *op, struct identity *who, struct node *dir, const char *name, bool is_new, const char *text, size_t len, struct buf *stored);
/* A party that is not there yet: its folder with .zddc and record, all or nothing. -EEXIST, -EACCES for a folder that is hidden. No lock. */
int virt_party_make(struct op *op, struct identity *who, struct node *dir, const char *name, const char *text, size_t len);

/* May a name like this stand in the directory at all? Explained. No lock. */
int virt_check_place(struct op *op, enum acl_op what, struct node *dir, const char *name);
/* Writes a new row under the name of a node that stands for nothing any more. 0 or -errno. No lock. */
int virt_open_new(struct op *op, struct node *n, int flags, struct handle **out);
/* May a new row be called so? 0, -EINVAL or -EPERM, explained. No lock. */
int virt_check_new(struct op *op, enum acl_op what, struct node *dir, const char *name);

/* ------------------------------------------------------------------------------------------------ transient names (virt_temp.c) */

/*
 * By directory, name and maker; a lock name (transient_is_lock) is found by everybody, and changed by its maker only. Any thread, no lock
 * needed. False: there is none.
 */
int virt_temp_make(struct op *op, struct node *dir, const char *name); /* 0, -EEXIST or -EDQUOT */
bool virt_temp_own(const struct node *dir, const char *name, uid_t uid);
bool virt_temp_stat(const struct node *dir, const char *name, uid_t uid, struct stat *out); /* but for st_ino */
bool virt_temp_read(const struct node *dir, const char *name, uid_t uid, struct buf *out);
bool virt_temp_write(const struct node *dir, const char *name, uid_t uid, const char *text, size_t len);
bool virt_temp_remove(const struct node *dir, const char *name, uid_t uid);
bool virt_temp_rename(const struct node *dir, const char *name, uid_t uid, const char *new_name); /* replaces the maker's own of that name */
void virt_temps_each(const struct node *dir, uid_t uid, bool (*each)(void *arg, const char *name, mode_t type), void *arg);
void virt_temps_free(void);
/* Forgets those that nobody has written for a day. */
void virt_temps_age(void);

/* ------------------------------------------------------------------------------------------------ forms and tables (virt_text.c) */

struct virt_text {
	const char *name;
	/* For one caller; no lock. 0 or -errno. */
	int (*make)(struct op *op, struct node *dir, struct buf *out);
	const char *of; /* what it is made from: "form" or "table" */
};
/* The row of that name, or NULL. */
const struct virt_text *virt_text_find(const char *name);
/* Is it there at all? A directory without form has no form.yaml. Under tree_lock. */
bool virt_text_there(const struct virt_place *p, const struct virt_text *t);
void virt_text_each(const struct virt_place *p, bool (*each)(void *arg, const char *name, mode_t type), void *arg);
/* The text for this caller, as it was a moment ago at the most; no lock. 0 or -errno. */
int virt_text_make(struct op *op, struct node *dir, const struct virt_text *t, struct buf *out);
void virt_texts_free(void);
/* Forgets tables that nobody has asked for lately. */
void virt_texts_age(void);

/* ------------------------------------------------------------------------------------------------ the rows of all parties (virt_rows.c) */

/* Names of rows in one directory, sorted. Immutable, counted. */
struct virt_names {
	int refs; /* atomic */
	size_t n;
	const char **v;
	struct buf text; /* that v points into */
};

/* What tells one state of a directory from the next. */
struct virt_stamp {
	uint64_t ino;
	int64_t mtime, ctime; /* ns */
	bool settled; /* it had not changed for a while when it was looked at: a change since then has another time */
};

/* One party. */
struct virt_slot {
	char *party;
	struct node *at; /* the directory that decides; counted; NULL: not there */
	struct acl_policy *policy; /* counted: of 'at', which said what is a row */
	struct virt_stamp stamp;
	struct virt_names *names; /* counted; NULL: none */
	size_t first; /* number of its first row among all */
};

struct virt_rows {
	int refs; /* atomic */
	enum acl_virtual_kind kind;
	struct virt_stamp stamp; /* of the directory of the parties */
	struct virt_slot *v; /* by name */
	size_t n, total;
};

struct virt_rows *virt_rows_ref(struct virt_rows *rows);
/* As they are now; 'old' (or NULL) is what is known. One reference for the caller, of 'old' itself if nothing has changed. No lock. */
struct virt_rows *virt_rows_look(struct op *op, const struct virt_place *p, struct virt_rows *old);
/* The rows as they were last looked at, or NULL if they never were; no lock. */
struct virt_rows *virt_rows_last(struct op *op, struct node *dir);
/* May 'who' see the rows of the slot? 1, 0, or -errno: it cannot be said. Under tree_lock. */
int virt_slot_visible(const struct identity *who, enum acl_virtual_kind kind, const struct virt_slot *s);

#endif
