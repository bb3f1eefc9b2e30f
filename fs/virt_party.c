/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new party (SPEC section 9, ssr/): its folder, the .zddc that makes it its maker's, and its record appear in one step or not at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/autoown.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/policy.h"
#include "fs/virt_private.h"

enum { FOLDER_MODE = 0755, RECORD_MODE = 0644 };

struct party {
	struct op *op;
	struct identity *who;
	struct node *base; /* counted; where the parties are */
	const char *name;
	char *file; /* name of the record in the folder */
	char *path, *folder, *here; /* of the row, the folder and the virtual directory */
	const char *text;
	size_t len;
	struct buf record; /* as it is stored */
};

static int reject(struct party *p, const struct diags *d)
{
	return gate_refuse_text(p->who, EINVAL, ACL_OP_CREATE, p->path, d,
				"the party %s was not made: %zu error%s in the text. Correct it and save again; your text is kept as %s/.zddc.d/rejected",
				p->name, d->errors, d->errors == 1 ? "" : "s", p->here);
}

/* ------------------------------------------------------------------------------------------------ its record */

/* By the policy that the folder will have. */
static int compose(struct party *p, struct acl_policy *policy, struct diags *d)
{
	struct arena mem = ARENA_INIT;
	struct record_rule rule = {0};
	const struct ynode *records = acl_merged(policy, ACL_KEY_RECORDS, &mem);
	struct schema *form = NULL;
	struct record *rec = NULL;
	AUTO_BUF name = BUF_INIT;
	bool ruled = records && record_rule_find(records, p->file, &rule);
	struct record_request rq = {.file = p->path, .dir = p->folder, .text = p->text, .len = p->len, .derived = virt_kinds[ACL_VIRTUAL_PARTIES].field,
				    .rule = &rule, .field_codes = acl_merged(policy, ACL_KEY_FIELD_CODES, &mem), .now = gate_now(),
				    .principal = p->who->who.email};
	int r = 0;

	if (ruled)
		rq.rule_file = acl_merged_src(policy, ACL_KEY_RECORDS, rule.pattern).file;
	if (ruled)
		r = record_schema(&rule, NULL, NULL, 0, d, &form);
	rq.schema = form;
	if (r == 0)
		r = record_begin(&rq, d, &rec);
	if (r == 0)
		r = record_finish(rec, 1, d, &name, &p->record);
	if (r == 0 && name.len && strcmp(buf_str(&name), p->file) != 0) {
		diag_add(d, DIAG_ERROR, p->path, 0, 0, "the rule of %s makes the name %s of these fields", p->file, buf_str(&name));
		r = -EINVAL;
	}
	record_free(rec);
	schema_unref(form);
	arena_free(&mem);
	return r;
}

static int make_record(struct party *p)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct acl_policy *policy;
	int r;

	WITH_RDLOCK(&tree_lock);
	policy = policy_of_child(p->base, p->name);
	r = compose(p, policy, &d);
	acl_policy_unref(policy);
	return r < 0 ? reject(p, &d) : 0;
}

/* ------------------------------------------------------------------------------------------------ its folder */

static int put_record(void *arg, int dirfd)
{
	struct party *p = arg;

	return back_replace(dirfd, p->file, p->record.data, p->record.len, RECORD_MODE, p->op->caller.uid, p->op->caller.gid);
}

/* The folder's name to disk, so that the party is there after a crash, too. */
static int settle(struct party *p)
{
	int fd, r = back_dir_get(p->base, &fd);

	if (r < 0)
		return r;
	r = back_sync_dir(fd);
	back_dir_put(p->base, fd);
	return r;
}

static int make_folder(struct party *p)
{
	int r;

	WITH_WRLOCK(&tree_lock);
	r = dir_prepare(p->op, p->base, p->name);
	if (r == 0)
		r = autoown_mkdir_with(p->op, p->base, p->name, FOLDER_MODE, put_record, p);
	return r < 0 ? r : settle(p);
}

/* A descriptor may be closed by somebody else than who opened it: what is made belongs to whoever did. */
static int make_as(struct party *p)
{
	struct caller caller = p->op->caller;
	int r;

	if (caller.uid != p->who->uid) {
		p->op->caller.uid = p->who->uid;
		p->op->caller.gid = p->who->gid;
	}
	p->op->caller.id = p->who;
	r = make_folder(p);
	if (r == -EEXIST)
		r = entry_exists(p->op, ACL_OP_MKDIR, p->base, p->name);
	p->op->caller = caller;
	return r;
}

static int refuse_room(struct party *p, int err)
{
	if (err != -ENOSPC && err != -EDQUOT)
		return err;
	return gate_refuse_text(p->who, -err, ACL_OP_CREATE, p->path, NULL, "the party %s was not made: %s. Nothing of it is there; try again when there is room",
				p->name, strerror(-err));
}

/* Fills what it takes from the virtual directory; 0 or -ENOENT. */
static int party_find(struct party *p, struct node *dir)
{
	struct virt_place at;
	AUTO_BUF row = BUF_INIT;

	WITH_RDLOCK(&tree_lock);
	if (virt_place_get(p->op, dir, &at) && at.base) {
		p->base = node_ref(at.base);
		p->file = strdup(at.below);
		virt_kinds[at.kind].name(p->name, NULL, &row);
		p->path = node_path_in(dir, buf_str(&row));
		p->folder = virt_slot_path(&at, p->name);
		p->here = node_path(dir);
	}
	virt_place_drop(&at);
	return p->base ? 0 : -ENOENT;
}

int virt_party_make(struct op *op, struct identity *who, struct node *dir, const char *name, const char *text, size_t len)
{
	struct party p = {.op = op, .who = who, .name = name, .text = text, .len = len};
	int r = party_find(&p, dir);

	if (r == 0)
		r = make_record(&p);
	if (r == 0)
		r = refuse_room(&p, make_as(&p));
	node_put(p.base);
	free(p.file);
	free(p.path);
	free(p.folder);
	free(p.here);
	buf_free(&p.record);
	return r;
}
