/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Extended attributes. Only user.* is stored; user.zddc.* are answers of the daemon, by name only. Everything else is answered before
 * any policy work: the kernel asks for security.capability all the time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/seal.h"
#include "fs/virt_ctl.h"

#define POLICY ".zddc"

enum attr_class {
	ATTR_USER, /* stored with the file */
	ATTR_OURS, /* user.zddc.*: made by the daemon */
	ATTR_ACL, /* POSIX ACLs: accepted without effect, so that cp -a is quiet */
	ATTR_FOREIGN, /* security.*, trusted.*, other system.* */
	ATTR_UNKNOWN,
};

static enum attr_class class_of(const char *name)
{
	if (str_starts(name, "user.zddc."))
		return ATTR_OURS;
	if (str_starts(name, "user."))
		return ATTR_USER;
	if (!strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default"))
		return ATTR_ACL;
	if (str_starts(name, "security.") || str_starts(name, "trusted.") || str_starts(name, "system."))
		return ATTR_FOREIGN;
	return ATTR_UNKNOWN;
}

/* The object of a node as dirfd and name ("" is the directory itself). On 0 the caller puts 'holder'. */
static int reach(struct node *n, int *dirfd, const char **name, struct node **holder)
{
	struct stat st;
	int r;

	if (n->gone)
		return -ENOENT;
	*holder = n->kind == NODE_DIR ? n : n->parent;
	*name = n->kind == NODE_DIR ? "" : n->name;
	r = n->kind == NODE_DIR ? back_dir_get(n, dirfd) : file_find(n, dirfd, &st);
	return r;
}

static ssize_t give(const void *data, size_t len, void *value, size_t size)
{
	if (!size)
		return (ssize_t)len;
	if (size < len)
		return -ERANGE;
	if (len)
		memcpy(value, data, len);
	return (ssize_t)len;
}

static ssize_t get_ours(struct op *op, struct node *n, const char *name, void *value, size_t size)
{
	AUTO_BUF text = BUF_INIT;
	int r = ctl_xattr(op, n, name, &text);

	return r < 0 ? r : give(text.data, text.len, value, size);
}

/* May the caller see the object, and read its attributes? */
static int may_read(struct op *op, struct node *n)
{
	if (n->kind == NODE_DIR)
		return gate_enter(op, n);
	if (n->kind == NODE_FILE && seal_hides(op->caller.id, n->parent, n->name))
		return -ENOENT;
	return gate_may(op->caller.id, ACL_OP_GETXATTR, n->parent, n->name, 0) || seal_own_transient(op->caller.id, n->parent, n->name) ? 0 : -ENOENT;
}

static bool stores_attrs(const struct node *n)
{
	return n->kind == NODE_DIR || n->kind == NODE_FILE;
}

static ssize_t get_stored(struct op *op, struct node *n, const char *name, void *value, size_t size)
{
	const char *entry = NULL;
	struct node *holder = NULL;
	ssize_t r;
	int fd = -1;

	if (!stores_attrs(n))
		return -ENODATA;
	r = may_read(op, n);
	if (r == 0)
		r = reach(n, &fd, &entry, &holder);
	if (r < 0)
		return r;
	r = back_getxattr(fd, entry, name, value, size);
	back_dir_put(holder, fd);
	return r;
}

ssize_t op_getxattr(struct op *op, struct node *node, const char *name, void *value, size_t size)
{
	switch (class_of(name)) {
	case ATTR_ACL:
	case ATTR_FOREIGN:
		return -ENODATA;
	case ATTR_UNKNOWN:
		return -EOPNOTSUPP;
	case ATTR_OURS:
	case ATTR_USER:
		break;
	}
	WITH_RDLOCK(&tree_lock);
	return class_of(name) == ATTR_OURS ? get_ours(op, node, name, value, size) : get_stored(op, node, name, value, size);
}

/* Keeps what is ours to show: user.* without user.zddc.*. */
static size_t filter(char *list, size_t len)
{
	size_t out = 0;

	for (size_t at = 0; at < len; at += strlen(list + at) + 1) {
		size_t n = strlen(list + at) + 1;

		if (class_of(list + at) != ATTR_USER)
			continue;
		memmove(list + out, list + at, n);
		out += n;
	}
	return out;
}

static ssize_t list_stored(int fd, const char *entry, char *list, size_t size)
{
	ssize_t n = back_listxattr(fd, entry, NULL, 0);

	if (n <= 0)
		return n;
	AUTO_FREE char *all = malloc((size_t)n);
	if (!all)
		return -ENOMEM;
	n = back_listxattr(fd, entry, all, (size_t)n);
	return n < 0 ? n : give(all, filter(all, (size_t)n), list, size);
}

ssize_t op_listxattr(struct op *op, struct node *node, char *list, size_t size)
{
	const char *entry = NULL;
	struct node *holder = NULL;
	ssize_t r;
	int fd = -1;

	if (!stores_attrs(node))
		return 0;
	WITH_RDLOCK(&tree_lock);
	r = may_read(op, node);
	if (r == 0)
		r = reach(node, &fd, &entry, &holder);
	if (r < 0)
		return r;
	r = list_stored(fd, entry, list, size);
	back_dir_put(holder, fd);
	return r;
}

/*
 * 1 if the attribute may be changed, 0 if the call succeeds without effect, -errno. On a directory w sets, and c is quietly enough, as for
 * times.
 */
static int may_change(struct op *op, struct node *n, enum acl_op what)
{
	int r;

	switch (n->kind) {
	case NODE_FILE:
		r = n->gone ? -ENOENT : seal_check(op, what, n->parent, n->name);
		return r < 0 ? r : 1;
	case NODE_DIR:
	case NODE_SLOT:
		if (gate_may(op->caller.id, what, n, NULL, 0))
			return n->kind == NODE_DIR;
		return gate_may(op->caller.id, ACL_OP_CREATE, n, NULL, 0) ? 0 : gate_check(op, what, n, NULL, 0);
	case NODE_POLICY:
		r = gate_check(op, what, n->parent, POLICY, ACL_POLICY_FILE);
		return r < 0 ? r : -EOPNOTSUPP;
	case NODE_GIVEN:
		return -EROFS;
	case NODE_DRAFT: /* a new inode for each revision keeps none */
	case NODE_VIRT: /* what is copied to a table, and what tables show, has no attributes of its own */
		return -EOPNOTSUPP;
	case NODE_LINK:
	case NODE_CTL_DIR:
	case NODE_CTL_FILE:
		break;
	}
	return -EPERM;
}

/* The answer for names that are never stored; 1 if policy decides. */
static int settle_by_name(const char *name)
{
	switch (class_of(name)) {
	case ATTR_USER:
		return 1;
	case ATTR_ACL:
		return 0;
	case ATTR_OURS:
	case ATTR_FOREIGN:
		return -EPERM;
	case ATTR_UNKNOWN:
		break;
	}
	return -EOPNOTSUPP;
}

/* The layout of system.posix_acl_access (acl(5), linux/posix_acl_xattr.h): a version, then tag, permissions and id of each entry. */
enum { ACL_USER_OBJ = 0x01, ACL_GROUP_OBJ = 0x04, ACL_MASK = 0x10, ACL_OTHER = 0x20 };

static unsigned le16(const unsigned char *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

/* The execute bits of a file mode that an ACL stands for. */
static mode_t exec_bits(const unsigned char *acl, size_t size)
{
	mode_t bits = 0, group = 0;
	bool masked = false;

	for (size_t at = 4; at + 8 <= size; at += 8) {
		unsigned tag = le16(acl + at);
		mode_t x = le16(acl + at + 2) & 1;

		if (tag == ACL_USER_OBJ)
			bits |= x << 6;
		if (tag == ACL_OTHER)
			bits |= x;
		if (tag == ACL_MASK || (tag == ACL_GROUP_OBJ && !masked))
			group = x << 3;
		masked |= tag == ACL_MASK;
	}
	return bits | group;
}

static bool may_chmod(struct op *op, struct node *n)
{
	WITH_RDLOCK(&tree_lock);
	return !n->gone && seal_ask(op->caller.id, ACL_OP_CHMOD, n->parent, n->name) == 0;
}

/* cp -a sets the mode of a copy by its ACL and not by chmod: the execute bits in it count, as they would there. */
static void take_exec_bits(struct op *op, struct node *n, const char *name, const void *value, size_t size)
{
	struct attr_change c = {.what = CHANGE_MODE, .mode = 0644 | exec_bits(value, size)};
	struct stat st;

	if (n->kind == NODE_FILE && !strcmp(name, "system.posix_acl_access") && may_chmod(op, n))
		op_setattr(op, n, NULL, &c, &st);
}

/* Sets the attribute, or removes it ('what'). The seal hears of both. */
static int change(struct op *op, struct node *node, enum acl_op what, const char *name, const void *value, size_t size, int flags)
{
	const char *entry = NULL;
	struct node *holder = NULL;
	int fd = -1, r = settle_by_name(name);

	if (r <= 0)
		return r;
	WITH_RDLOCK(&tree_lock);
	r = may_change(op, node, what);
	if (r <= 0)
		return r;
	r = reach(node, &fd, &entry, &holder);
	if (r < 0)
		return r;
	if (node->kind == NODE_FILE)
		seal_meta_begin(node, fd);
	r = what == ACL_OP_SETXATTR ? back_setxattr(fd, entry, name, value, size, flags) : back_removexattr(fd, entry, name);
	if (node->kind == NODE_FILE)
		seal_meta_changed(node, fd);
	back_dir_put(holder, fd);
	return r;
}

int op_setxattr(struct op *op, struct node *node, const char *name, const void *value, size_t size, int flags)
{
	if (class_of(name) == ATTR_ACL)
		take_exec_bits(op, node, name, value, size);
	return change(op, node, ACL_OP_SETXATTR, name, value, size, flags);
}

int op_removexattr(struct op *op, struct node *node, const char *name)
{
	return change(op, node, ACL_OP_REMOVEXATTR, name, NULL, 0, 0);
}
