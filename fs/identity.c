/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zddc identity: who is which address, addresses that are retired, and homes that get an heir (SPEC section 13). For elevated root
 * administrators.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/ynode.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/command_line.h"
#include "fs/commit.h"
#include "fs/gate.h"
#include "fs/identities.h"
#include "fs/index.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/tenant.h"

/* ------------------------------------------------------------------------------------------------ the file */

static int refuse_edit(struct op *op, struct node *dir, int r, const struct diags *d)
{
	if (r == -EINVAL && d->n)
		return self_refuse(op, dir, EINVAL, "identities were not changed: %s", d->v[0].text);
	if (r == -ENOENT)
		return self_refuse(op, dir, EINVAL, "identities were not changed: that user is not listed");
	if (r == -EXDEV)
		return self_refuse(op, dir, EINVAL, "this mount has its identities from a file outside of the archive (-o identities=): change them there");
	return r;
}

static void say_edit(const char *act, const struct idmap_edit *e, long long homes)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("act", act), LEDGER_ATTR_TEXT(e->user ? "user" : "retired", e->user ? e->user : e->retire),
		LEDGER_ATTR_TEXT(e->user ? "email" : "heir", e->user ? e->email : e->heir), LEDGER_ATTR_NUMBER("homes", homes)};

	audit_event(&(struct audit_event){.event = LEDGER_IDENTITY_CHANGE, .path = ".zddc.d/identities.yaml", .attrs = attrs, .n_attrs = e->user ? 3 : 4,
		.active_admin = true, AUDIT_EVENT_INIT});
}

static int edit(struct op *op, struct node *dir, const char *act, const struct idmap_edit *e)
{
	AUTO_DIAGS d = DIAGS_INIT;
	int r = identities_edit(e, &d);

	if (r < 0)
		return refuse_edit(op, dir, r, &d);
	if (e->user)
		say_edit(act, e, 0);
	return 0;
}

static int may_edit(struct op *op, struct node *dir, const struct line *l, const char *const *known)
{
	int r = self_check(op, dir, l, known);

	if (r == 0 && tenant_is())
		r = self_refuse(op, dir, EACCES, "this mount shows one project, and identities are for all: change them where the whole archive is mounted");
	return r < 0 ? r : gate_check_root(op, dir, ACL_OP_WRITE, ".zddc.d/identities.yaml", "changing identities");
}

static bool is_self(const struct op *op, const char *user)
{
	const struct identity *me = op->caller.id;
	char uid[24];

	snprintf(uid, sizeof(uid), "%u", me->uid);
	return !strcmp(user, uid) || (me->unix_name && !strcmp(user, me->unix_name));
}

static int set_user(struct op *op, struct node *dir, const struct line *l, const char *act, bool needs_email)
{
	struct idmap_edit e = {.user = line_option(l, "user"), .email = line_option(l, "email")};

	if (!e.user || !e.email != !needs_email)
		return self_refuse(op, dir, EINVAL, "%s", needs_email ? "identity-set needs --user USER and --email EMAIL" : "identity-remove needs --user USER");
	if (is_self(op, e.user))
		return self_refuse(op, dir, EINVAL, "nobody changes who he is himself, or the archive could be left without an administrator: ask another one");
	return edit(op, dir, act, &e);
}

int run_identity_set(struct op *op, struct node *dir, const struct line *l)
{
	static const char *const known[] = {"user", "email", NULL};
	int r = may_edit(op, dir, l, known);

	return r < 0 ? r : set_user(op, dir, l, "set", true);
}

int run_identity_remove(struct op *op, struct node *dir, const struct line *l)
{
	static const char *const known[] = {"user", NULL};
	int r = may_edit(op, dir, l, known);

	return r < 0 ? r : set_user(op, dir, l, "remove", false);
}

/* ------------------------------------------------------------------------------------------------ homes of the retired */

struct handover {
	struct op *op;
	const char *from, *to;
	long long done, failed;
};

/* A directory that belongs to whoever made it, and that was the retired one. */
static bool is_home(const struct zddc_doc *doc, const char *email)
{
	const struct ynode *maker = ynode_get(zddc_tree(doc), "created_by");

	return maker && maker->kind == Y_SCALAR && str_ieq(maker->text, email);
}

static bool ends_address(char c)
{
	return !c || strchr(" \t\r\n:,\"'[]{}#", c);
}

/* Everywhere the one address stands, as a whole, the other one. */
static void replace_address(const char *text, const char *from, const char *to, struct buf *out)
{
	size_t n = strlen(from);

	for (const char *at = text; *at;) {
		if ((at == text || ends_address(at[-1])) && !strncasecmp(at, from, n) && ends_address(at[n])) {
			buf_adds(out, to);
			at += n;
		} else {
			buf_addc(out, *at++);
		}
	}
}

static int hand_over(struct handover *h, const char *dir, const char *file)
{
	AUTO_BUF text = BUF_INIT, now = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	int r = back_path_read(file, &text, LIMIT_DOC_BYTES);

	if (r < 0)
		return r;
	replace_address(buf_str(&text), h->from, h->to, &now);
	r = zddc_parse(file, buf_str(&now), now.len, false, &d, &doc); /* the heir may stand there already */
	if (r == 0)
		r = policy_put(h->op, h->op->caller.id, dir, buf_str(&now), now.len);
	zddc_unref(doc);
	return r;
}

static void look_at(struct handover *h, const char *dir)
{
	AUTO_BUF file = BUF_INIT;
	struct zddc_doc *doc = policy_doc(dir, NULL);
	bool home = doc && is_home(doc, h->from);
	int r;

	zddc_unref(doc);
	if (!home)
		return;
	buf_addf(&file, "%s%s.zddc", dir, *dir ? "/" : "");
	r = hand_over(h, dir, buf_str(&file));
	if (r < 0)
		log_warn("%s still names %s, who is retired, and could not be given to %s: edit it (%s)", buf_str(&file), h->from, h->to, strerror(-r));
	*(r < 0 ? &h->failed : &h->done) += 1;
}

static bool collect(void *arg, const char *name)
{
	buf_add(arg, name, strlen(name) + 1);
	return true;
}

/* Every directory that carries policy. */
static void each_home(struct handover *h, const char *dir)
{
	AUTO_BUF names = BUF_INIT;

	look_at(h, dir);
	index_children(dir, collect, &names);
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
		AUTO_BUF child = BUF_INIT;

		buf_addf(&child, "%s%s%s", dir, *dir ? "/" : "", names.data + at);
		each_home(h, buf_str(&child));
	}
}

int run_identity_retire(struct op *op, struct node *dir, const struct line *l)
{
	static const char *const known[] = {"email", "heir", NULL};
	struct idmap_edit e = {.retire = line_option(l, "email"), .heir = line_option(l, "heir")};
	struct handover h = {.op = op, .from = e.retire, .to = e.heir};
	int r = may_edit(op, dir, l, known);

	if (r == 0 && !e.retire)
		r = self_refuse(op, dir, EINVAL, "identity-retire needs --email EMAIL");
	if (r == 0 && op->caller.id->who.email && str_ieq(op->caller.id->who.email, e.retire))
		r = self_refuse(op, dir, EINVAL, "nobody retires himself: ask another root administrator");
	if (r == 0 && e.heir && !index_figures().ready)
		r = self_refuse(op, dir, EBUSY, "which folders carry policy is still being found out: try again in a moment");
	if (r == 0)
		r = edit(op, dir, "retire", &e);
	if (r < 0)
		return r;
	if (e.heir)
		each_home(&h, "");
	say_edit("retire", &e, h.done);
	log_notice("%s is retired by %s; %lld homes for the heir, %lld could not be given", e.retire, op->caller.id->who.email, h.done, h.failed);
	return 0;
}
