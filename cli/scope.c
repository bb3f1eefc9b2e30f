/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/scope.h"

#include <jansson.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/vec.h"

bool scope_is_dir(const struct scope *s)
{
	const struct place *at = &s->at;
	const char *name;
	struct acl_policy *parent;
	bool slot;

	if (at->is_dir || at->exists || !*at->rel)
		return at->is_dir || !*at->rel;
	AUTO_FREE char *dir = place_parent(at->rel, &name);
	parent = acl_snap_policy(s->e.snap, dir);
	slot = acl_slot_find(parent, name) != NULL;
	acl_policy_unref(parent);
	return slot;
}

char *scope_dir(const struct scope *s)
{
	const char *name;

	return scope_is_dir(s) ? vec_str(s->at.rel) : place_parent(s->at.rel, &name);
}

bool scope_agrees(const struct scope *s, const char *dir)
{
	AUTO_BUF path = BUF_INIT;
	char hash[SHA256_HEX] = "";
	struct acl_policy *p;
	bool same;

	if (!s->at.on_mount)
		return true;
	buf_addf(&path, "%s%s%s", s->at.root, *dir ? "/" : "", dir);
	if (getxattr(buf_str(&path), "user.zddc.policy", hash, sizeof hash - 1) < 0)
		return false;
	p = acl_snap_policy(s->e.snap, dir);
	same = !strcmp(acl_policy_hash(p), hash);
	acl_policy_unref(p);
	return same;
}

/* 'dir' of the place, below its root. */
static const char *existing(const struct place *at)
{
	const char *rel = strlen(at->dir) > strlen(at->root) ? at->dir + strlen(at->root) : "";

	return *rel == '/' ? rel + 1 : rel;
}

static int same_rules(const struct cli *c, const struct scope *s)
{
	AUTO_BUF whoami = BUF_INIT;
	json_t *root;
	bool strict;
	int status;

	if (control_read(s->at.dir, "whoami.json", &whoami) < 0)
		return out_fail(ZDDC_IO, "%s: the mount does not say by which rules it decides", s->at.dir);
	root = control_json(&whoami);
	strict = json_is_true(json_object_get(root, "strict"));
	json_decref(root);
	if (strict != cli_has(c, OPT_STRICT))
		return out_fail(ZDDC_USAGE, "the mount is%s strict: %s --strict", strict ? "" : " not", strict ? "add" : "leave away");
	if (scope_agrees(s, existing(&s->at)))
		return ZDDC_YES;
	status = engine_complaints(&s->e);
	return status != ZDDC_YES ? status : out_fail(ZDDC_IO, "you cannot read all the policy that decides there, or the mount has other "
							       "defaults: ask as an administrator, or name them with --defaults FILE");
}

int scope_find(const struct cli *c, const char *path, struct scope *out)
{
	int status;

	*out = (struct scope){0};
	status = place_find(path, c->opt[OPT_ROOT], &out->at);
	if (status == ZDDC_YES && out->at.on_mount && cli_has(c, OPT_DATE))
		return out_fail(ZDDC_USAGE, "--on needs the archive itself, with its ledger and the texts that are kept: ask there, as the user who owns it");
	return status == ZDDC_YES ? engine_open(c, out->at.root, &out->e) : status;
}

int scope_open(const struct cli *c, const char *path, struct scope *out)
{
	int status = scope_find(c, path, out);

	return status == ZDDC_YES && out->at.on_mount ? same_rules(c, out) : status;
}

void scope_close(struct scope *s)
{
	engine_close(&s->e);
	place_free(&s->at);
}
