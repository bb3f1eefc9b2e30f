/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/passthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/audit.h"
#include "fs/caller.h"
#include "fs/caps.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/history.h"
#include "fs/node.h"
#include "fs/op.h"
#include "fs/opts.h"
#include "fs/policy.h"
#include "fs/record.h"
#include "fs/seal.h"
#include "fs/session.h"

/* linux/fuse.h of kernels before 6.9 has none of this. */
struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

enum { OVERTAKEN_MOST = 64 };

static struct {
	int device;
	bool strict; /* revoke=strict */
	const char *_Atomic why; /* it is off; NULL: live */
	_Atomic uint64_t opens, writable, inodes, fallbacks;
} pass = {.device = -1, .why = "not asked for"};

void pass_init(const struct options *o, int device)
{
	pass.device = device;
	pass.strict = o->revoke != NULL;
	if (o->passthrough)
		pass.why = "passthrough=off";
	else if (!(caps_get().permitted & CAP_BIT(CAP_SYS_ADMIN)))
		pass.why = "it takes a daemon that root started";
	else
		pass.why = NULL;
}

bool pass_wanted(void) { return !pass.why; }

void pass_negotiated(bool yes)
{
	if (!yes && !pass.why)
		pass.why = "the kernel has no passthrough";
}

/* ------------------------------------------------------------------------------------------------ the kernel */

/*
 * The kernel lets only CAP_SYS_ADMIN do this. The daemon keeps it aside for the unmount; here it is in effect in this thread for one
 * system call.
 */
static int ask_kernel(unsigned long request, void *arg)
{
	struct caps usual = caps_get(), raised = usual;
	int r;

	raised.effective |= CAP_BIT(CAP_SYS_ADMIN);
	r = caps_set(raised);
	if (r < 0)
		return r;
	r = ioctl(pass.device, request, arg);
	r = r < 0 ? -errno : r;
	if (caps_set(usual) < 0)
		abort(); /* less is always allowed */
	return r;
}

/* Positive, or -errno where the backing filesystem or the kernel does not allow it: such a file is read and written through the daemon. */
static int backing_open(int fd)
{
	struct backing_map map = {.fd = fd};
	int id = ask_kernel(BACKING_OPEN, &map);

	if (id > 0)
		return id;
	if (pass.fallbacks++ == 0)
		log_notice("a file is not passed through by the kernel (%s): it is read and written through the daemon", strerror(-id));
	return id < 0 ? id : -EINVAL;
}

static void backing_close(int id)
{
	uint32_t number = (uint32_t)id;
	int r = ask_kernel(BACKING_CLOSE, &number);

	if (r < 0)
		log_warn("backing file %d is not given back: %s", id, strerror(-r));
}

/* ------------------------------------------------------------------------------------------------ what may be */

static bool is_frozen(const struct acl_policy *p) { return acl_freeze_until(p) > gate_now(); }

static bool place_rests(const struct acl_policy *p) { return acl_is_zone(p) || is_frozen(p); }

/* Is every write there decided by policy alone, at open? What elevation or a condition lets ends without a change of policy. */
static bool writes_pass(const struct handle *h, const struct acl_policy *p)
{
	bool for_a_while = identity_elevated(h->who) || acl_has_conditions(p);

	return !pass.strict && !for_a_while && !h->watched && !h->unnamed && h->history == HISTORY_NONE && !place_rests(p);
}

/* May a writer come whom only the state of the file lets write? Not once it is sealed, nor where it has no such state. */
static bool reads_pass(const struct node *n, const struct acl_policy *p)
{
	struct seal_view v;

	if (seal_look_in(n->parent, n->name, NULL, &v) < 0)
		return false;
	if (v.state == SEAL_SEALED)
		return true;
	return !pass.strict && !v.zone && !v.recorded && !is_frozen(p);
}

static bool may_pass(const struct handle *h)
{
	struct node *n = h->node;
	struct acl_policy *p;
	bool yes;

	if (h->direct || n->gone)
		return false;
	if (policy_none())
		return true;
	if (record_is(n->parent, n->name))
		return false;
	p = policy_of(n->parent);
	yes = handle_writable(h) ? writes_pass(h, p) : reads_pass(n, p);
	acl_policy_unref(p);
	return yes;
}

/* ------------------------------------------------------------------------------------------------ the choice */

/* node->lock held: nothing of the inode is open that matters to the kernel. */
static enum pass_mode choose_first(struct node *n, const struct handle *h, bool through)
{
	int id = through ? backing_open(h->fd) : 0;

	if (id <= 0)
		return PASS_CACHED;
	n->io.id = id;
	pass.inodes++;
	return PASS_THROUGH;
}

/* node->lock held. */
static enum pass_mode choose(struct node *n, const struct handle *h, bool through)
{
	bool direct = h->kind != HANDLE_FILE || h->direct;

	if (n->io.id)
		return through ? PASS_THROUGH : PASS_WATCHED;
	if (direct)
		return PASS_NONE;
	return n->io.opens ? PASS_CACHED : choose_first(n, h, through);
}

void pass_opened(struct handle *h)
{
	struct node *n = h->node;
	bool through = h->kind == HANDLE_FILE && !pass.why && n->kind == NODE_FILE && may_pass(h);

	if (n->kind != NODE_FILE || pass.why)
		return;
	WITH_MUTEX(&n->lock);
	h->pass = choose(n, h, through);
	if (h->pass == PASS_NONE)
		return;
	h->backing_id = n->io.id;
	n->io.opens++;
	pass.opens += h->pass == PASS_THROUGH;
	pass.writable += h->pass == PASS_THROUGH && handle_writable(h);
}

/* Through a watched handle only mappings go past the daemon. */
static bool writes_unseen(const struct handle *h)
{
	return h->kind == HANDLE_FILE && ((h->pass == PASS_THROUGH && handle_writable(h)) || (h->pass == PASS_WATCHED && (h->flags & O_ACCMODE) == O_RDWR));
}

int pass_before_reply(struct op *op, struct handle *h)
{
	if (!writes_unseen(h))
		return 0;
	if (h->opened)
		audit_wrote(op, h);
	return history_before_write(h);
}

void pass_closed(struct handle *h)
{
	struct node *n = h->node;

	if (h->pass == PASS_NONE)
		return;
	WITH_MUTEX(&n->lock);
	if (--n->io.opens == 0 && n->io.id) {
		backing_close(n->io.id);
		n->io.id = 0;
		pass.inodes--;
	}
}

/* ------------------------------------------------------------------------------------------------ status */

struct pass_figures pass_figures(void)
{
	const char *why = pass.why;

	return (struct pass_figures){!why, why ? why : "", pass.opens, pass.writable, pass.inodes, pass.fallbacks};
}

static void use_drop(const struct handle_use *u)
{
	identity_put(u->who);
	node_put(u->node);
}

/* One that has no name any more is nobody's record. */
static bool is_stranded(struct node *n)
{
	struct acl_policy *p = n->gone ? NULL : policy_of(n->parent);
	bool yes = p && !policy_none() && (place_rests(p) || record_is(n->parent, n->name));

	acl_policy_unref(p);
	return yes;
}

bool pass_writers_below(struct node *dir)
{
	struct handle_use u;

	if (!handle_passed_writers(dir, UINT64_MAX, &u, 1))
		return false;
	use_drop(&u);
	return true;
}

bool pass_stranded_below(struct node *dir, struct person *who, char **path)
{
	struct handle_use v[OVERTAKEN_MOST];
	size_t n = handle_passed_writers(dir, UINT64_MAX, v, OVERTAKEN_MOST);
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		/* of more than that nobody knows: as if one of the rest were */
		if (!found && (is_stranded(v[i].node) || (n == OVERTAKEN_MOST && i + 1 == n))) {
			found = true;
			person_set(who, v[i].who);
			*path = node_path(v[i].node);
		}
		use_drop(&v[i]);
	}
	return found;
}

static bool is_overtaken(const struct handle_use *u)
{
	struct identity *now = identity_again(u->who);
	bool yes = !file_may_write(u->node, now, u->created, false);

	identity_put(now);
	return yes;
}

void pass_overtaken_each(void (*each)(void *arg, const char *path, const char *who), void *arg)
{
	struct handle_use v[OVERTAKEN_MOST];
	size_t n = handle_passed_writers(node_root(), policy_generation(), v, OVERTAKEN_MOST);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *path = node_path(v[i].node);
		const char *email = v[i].who->who.email;

		if (is_overtaken(&v[i]))
			each(arg, path, email ? email : "anonymous");
		use_drop(&v[i]);
	}
}
