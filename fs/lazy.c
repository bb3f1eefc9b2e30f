/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories that paths: declares. */
#include "fs/lazy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fs/audit.h"
#include "fs/autoown.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/node.h"
#include "fs/policy.h"

enum { SLOT_MODE = 0755 };

/* ------------------------------------------------------------------ what is on disk */

struct search {
	const char *name;
	char *found;
};

static bool same_but_case(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct search *s = arg;

	(void)type;
	(void)ino;
	if (!str_ieq(name, s->name))
		return true;
	free(s->found);
	s->found = strdup(name);
	return strcmp(name, s->name) != 0; /* the exact spelling is the best */
}

/* The spelling of 'name' that is in dir on disk, malloc()ed; NULL if none. */
static char *spelling_on_disk(struct node *dir, const char *name)
{
	struct search s = {.name = name};
	struct stat st;
	int fd;

	if (dir->kind != NODE_DIR || back_dir_get(dir, &fd))
		return NULL;
	if (!back_stat(fd, name, &st))
		s.found = strdup(name);
	else
		back_list(fd, "", same_but_case, &s);
	back_dir_put(dir, fd);
	return s.found;
}

static char *declared_as(struct node *dir, const char *name)
{
	struct acl_policy *p;
	const char *found;
	char *copy;

	if (policy_none() || (dir->kind != NODE_DIR && dir->kind != NODE_SLOT))
		return NULL;
	p = policy_of(dir);
	found = acl_slot_find(p, name);
	copy = found && *found ? strdup(found) : NULL;
	acl_policy_unref(p);
	return copy;
}

char *lazy_declared(struct node *dir, const char *name)
{
	char *declared = declared_as(dir, name);
	AUTO_FREE char *there = declared ? spelling_on_disk(dir, declared) : NULL;

	if (!there)
		return declared;
	free(declared);
	return NULL;
}

char *lazy_spelling(struct node *dir, const char *name)
{
	char *declared = declared_as(dir, name);
	char *there = declared ? spelling_on_disk(dir, declared) : NULL;

	if (!there)
		return declared;
	free(declared);
	return there;
}

bool lazy_collides(struct node *dir, const char *name)
{
	AUTO_FREE char *declared = declared_as(dir, name);
	AUTO_FREE char *there = declared ? spelling_on_disk(dir, name) : NULL;

	if (!declared)
		return false;
	return strcmp(there ? there : declared, name) != 0;
}

struct slots {
	bool (*on_disk)(void *arg, const char *name);
	bool (*each)(void *arg, const char *name);
	void *arg;
};

static bool one_slot(void *arg, const char *segment)
{
	struct slots *s = arg;

	return !*segment || s->on_disk(s->arg, segment) || s->each(s->arg, segment);
}

void lazy_each(struct node *dir, bool (*on_disk)(void *arg, const char *name), bool (*each)(void *arg, const char *name), void *arg)
{
	struct slots s = {on_disk, each, arg};
	struct acl_policy *p;

	if (policy_none())
		return;
	p = policy_of(dir);
	acl_slots(p, one_slot, &s);
	acl_policy_unref(p);
}

/* ------------------------------------------------------------------ making one */

static int refuse_virtual(struct op *op, struct node *slot)
{
	struct acl_policy *p = policy_of(slot);
	bool is_virtual = acl_is_virtual(p);

	acl_policy_unref(p);
	return is_virtual ? gate_refuse_why(op->caller.id, ACL_OP_MKDIR, slot->parent, slot->name, BECAUSE_NEVER) : 0;
}

/* The slot's node learns what is on disk under 'name' now. */
static int become(struct node *slot, const char *name)
{
	struct back_ref ref;
	struct stat st;
	int fd, r = back_dir_get(slot->parent, &fd);

	if (r)
		return r;
	r = back_ref_of(fd, name, &ref, &st);
	back_dir_put(slot->parent, fd);
	if (!r && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (!r)
		node_became_dir(slot, &ref, st.st_ino, name);
	return r;
}

/* It comes into being with what is written below it: a line besides that of the request. */
static int make_slot(struct op *op, struct node *slot)
{
	AUTO_FREE char *path = node_path(slot);
	int r = autoown_mkdir(op, slot->parent, slot->name, SLOT_MODE);

	if (r == 0)
		audit_event(&(struct audit_event){.event = LEDGER_DIR_CREATE, .path = path, AUDIT_EVENT_INIT});
	return r;
}

int lazy_materialise(struct op *op, struct node *slot)
{
	AUTO_FREE char *there = NULL;
	int r;

	if (slot->kind != NODE_SLOT)
		return 0;
	if (slot->gone || !slot->parent)
		return -ENOENT;
	r = refuse_virtual(op, slot);
	if (!r)
		r = lazy_materialise(op, slot->parent);
	if (r)
		return r;
	there = spelling_on_disk(slot->parent, slot->name);
	if (!there)
		r = make_slot(op, slot);
	return r ? r : become(slot, there ? there : slot->name);
}
