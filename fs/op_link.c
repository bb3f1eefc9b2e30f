/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Links: symbolic ones stay inside their project, hard ones are never made (SPEC section 4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/lazy.h"
#include "fs/op_name.h"
#include "fs/virt.h"

/* The component at 'at' is "..". */
static bool is_up(const char *at)
{
	return at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/');
}

/* Past one component and the slashes behind it. */
static const char *next_part(const char *at)
{
	at += strcspn(at, "/");
	return at + strspn(at, "/");
}

/* The first component that is a name, or the end. *ups: how often ".." stands before it. */
static const char *past_ups(const char *at, unsigned *ups)
{
	for (*ups = 0; *at == '.'; at = next_part(at)) {
		if (is_up(at))
			++*ups;
		else if (at[1] && at[1] != '/')
			break;
	}
	return at;
}

unsigned link_climbs(const char *target)
{
	unsigned ups;

	past_ups(target, &ups);
	return ups;
}

/*
 * Why a target is refused, or NULL. The project is the first component below the root. ".." is only counted where it leads: behind a
 * name it could go anywhere, that name being a link itself.
 */
const char *link_bad_target(const char *target, const struct node *dir)
{
	unsigned depth = node_depth(dir), ups;
	const char *at = past_ups(target, &ups);

	if (*target == '/')
		return "a link must be relative";
	if (!depth)
		return "a link at the top of the archive belongs to no project";
	if (ups >= depth)
		return "a link must stay inside its project";
	for (; *at; at = next_part(at))
		if (is_up(at))
			return "\"..\" is only possible at the beginning of a link";
	return NULL;
}

static int make_link(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out)
{
	int fd, r = back_dir_get(dir, &fd);

	if (r < 0)
		return r;
	r = back_symlink(target, fd, name, op->caller.uid, op->caller.gid);
	back_dir_put(dir, fd);
	if (r < 0)
		return r;
	survey_tell(dir);
	note_made(op, dir);
	return entry_fill(op, dir, name, out);
}

static int symlink_locked(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out)
{
	const char *why;

	if (virt_is(dir))
		return virt_refuse(op, ACL_OP_SYMLINK, dir, name);
	int r = is_dir_node(dir) ? gate_check(op, ACL_OP_SYMLINK, dir, name, is_policy(name) ? ACL_POLICY_FILE : 0) : 0;

	if (r == 0)
		r = place_for_new(op, ACL_OP_SYMLINK, dir, name);
	if (r < 0)
		return r;
	why = link_bad_target(target, dir);
	if (why) {
		AUTO_FREE char *path = node_path_in(dir, name);
		return gate_refuse(op, EPERM, ACL_OP_SYMLINK, path, "%s", why);
	}
	r = slot_in_way(op, ACL_OP_SYMLINK, dir, name);
	if (r == 0 && dir->kind == NODE_SLOT)
		r = lazy_materialise(op, dir);
	return r < 0 ? r : make_link(op, target, dir, name, out);
}

int op_symlink(struct op *op, const char *target, struct node *dir, const char *name, struct entry *out)
{
	pthread_rwlock_t *held = lock_for_new(dir);
	int r = symlink_locked(op, target, dir, name, out);

	pthread_rwlock_unlock(held);
	return r == -EEXIST ? entry_exists(op, ACL_OP_SYMLINK, dir, name) : r;
}

int op_link(struct op *op, struct node *node, struct node *dir, const char *name)
{
	WITH_RDLOCK(&tree_lock);
	int r = is_dir_node(dir) ? gate_check(op, ACL_OP_LINK, dir, name, ACL_IS_NEVER) : 0;

	(void)node;
	return r < 0 ? r : -EPERM;
}

int op_readlink(struct op *op, struct node *node, char **out)
{
	AUTO_BUF text = BUF_INIT;
	struct stat st;
	int fd, r;

	if (node->kind == NODE_VIRT)
		return virt_readlink(op, node, out);
	if (node->kind != NODE_LINK)
		return -EINVAL;
	WITH_RDLOCK(&tree_lock);
	if (!gate_may(op->caller.id, ACL_OP_READLINK, node->parent, node->name, 0))
		return -ENOENT;
	r = file_find(node, &fd, &st);
	if (r < 0)
		return r;
	r = back_readlink(fd, node->name, &text);
	back_dir_put(node->parent, fd);
	if (r == 0)
		*out = buf_steal(&text);
	return r;
}
