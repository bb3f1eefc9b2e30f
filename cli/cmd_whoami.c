/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc whoami: who one is in a directory, as the mount sees it, or as a mount of that tree would. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/engine.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/who.h"

/* ------------------------------------------------------------------------------------------------ on a mount */

static int whoami_mount(const struct cli *c, const struct place *at)
{
	AUTO_BUF json = BUF_INIT, text = BUF_INIT;
	json_t *root;
	bool known;
	int err = control_read(at->dir, "whoami.json", &json);

	if (!err)
		err = control_read(at->dir, "whoami", &text);
	if (err)
		return out_fail(ZDDC_IO, "%s: the mount gives no answer: %s", at->dir, strerror(-err));
	root = control_json(&json);
	known = json_is_string(json_object_get(root, "email"));
	json_decref(root);
	control_print(c, cli_has(c, OPT_JSON) ? &json : &text);
	return known ? ZDDC_YES : ZDDC_NO;
}

/* ------------------------------------------------------------------------------------------------ in a tree */

struct view {
	const struct place *at;
	const struct who *who;
	const struct acl_policy *policy;
	struct acl_decision d;
	struct buf *out;
	bool any;
};

static void text_role(void *arg, const char *role, struct acl_src src)
{
	struct view *v = arg;

	buf_adds(v->out, v->any ? "         " : "roles    ");
	out_name(v->out, role);
	buf_addf(v->out, "%s  %s:%u%s\n", out_style(OUT_DIM), src.file, src.line, out_style(OUT_PLAIN));
	v->any = true;
}

static void json_role(void *arg, const char *role, struct acl_src src)
{
	struct view *v = arg;

	json_sep(v->out);
	buf_addc(v->out, '{');
	json_kv(v->out, "role", role);
	json_kv(v->out, "file", src.file);
	json_kv_int(v->out, "line", src.line);
	buf_addc(v->out, '}');
}

static void view_text(struct view *v)
{
	struct acl_src src = {0};
	char verbs[8];

	buf_adds(v->out, "you are  ");
	out_name(v->out, v->who->email ? v->who->email : "anonymous");
	buf_adds(v->out, "\ngroups   ");
	for (size_t i = 0; i < v->who->p.n_groups; i++) {
		buf_adds(v->out, i ? ", " : "");
		out_name(v->out, v->who->p.groups[i]);
	}
	buf_adds(v->out, v->who->p.n_groups ? "\n" : "none\n");
	acl_roles(v->policy, &v->who->p, text_role, v);
	if (!v->any)
		buf_adds(v->out, "roles    none\n");
	verbs_print(v->d.effective, verbs);
	buf_addf(v->out, "verbs    %s in ", *verbs ? verbs : "none");
	out_name(v->out, *v->at->rel ? v->at->rel : ".");
	buf_addc(v->out, '\n');
	if (acl_is_admin(v->policy, &v->who->p, &src))
		buf_addf(v->out, "admin    yes, by %s:%u\n", src.file, src.line);
}

static void view_json(struct view *v, bool strict)
{
	struct acl_src src = {0};
	char verbs[8];
	bool admin = acl_is_admin(v->policy, &v->who->p, &src);

	buf_addc(v->out, '{');
	json_kv(v->out, "email", v->who->email);
	json_kv_bool(v->out, "anonymous", !v->who->email);
	json_key(v->out, "groups");
	buf_addc(v->out, '[');
	for (size_t i = 0; i < v->who->p.n_groups; i++) {
		json_sep(v->out);
		json_str(v->out, v->who->p.groups[i]);
	}
	buf_addc(v->out, ']');
	json_kv(v->out, "path", *v->at->rel ? v->at->rel : ".");
	json_key(v->out, "roles");
	buf_addc(v->out, '[');
	acl_roles(v->policy, &v->who->p, json_role, v);
	buf_addc(v->out, ']');
	json_kv(v->out, "verbs", verbs_print(v->d.effective, verbs));
	json_kv_bool(v->out, "admin", admin);
	json_kv(v->out, "admin_file", admin ? src.file : NULL);
	json_kv_int(v->out, "admin_line", admin ? src.line : 0);
	json_kv_bool(v->out, "root_admin", acl_is_root_admin(v->policy, &v->who->p));
	json_kv_bool(v->out, "elevated", false);
	json_kv_bool(v->out, "strict", strict);
	json_kv(v->out, "policy", acl_policy_hash(v->policy));
	buf_adds(v->out, "}\n");
}

static int whoami_tree(const struct cli *c, struct place *at)
{
	AUTO_ENGINE e = {0};
	AUTO_WHO who = {0};
	AUTO_BUF out = BUF_INIT;
	struct acl_attrs attrs = {.now = (long long)time(NULL), .risk_score = -1};
	int status = engine_open(c, at->root, &e), complaint;

	if (status == ZDDC_YES)
		status = who_find(e.tree, c->opt[OPT_AS], c->opt[OPT_GROUPS], &who);
	if (status != ZDDC_YES)
		return status;
	if (!at->is_dir) { /* a file: the directory that holds it */
		const char *name;
		char *dir = place_parent(at->rel, &name);

		free(at->rel);
		at->rel = dir;
	}
	struct acl_policy *p = acl_snap_policy(e.snap, at->rel);
	struct acl_request rq = {.who = &who.p, .needed = V_R, .attrs = &attrs};
	struct view v = {.at = at, .who = &who, .policy = p, .d = acl_decide(p, &rq), .out = &out};

	if (cli_has(c, OPT_JSON))
		view_json(&v, cli_has(c, OPT_STRICT));
	else
		view_text(&v);
	acl_policy_unref(p);
	complaint = engine_complaints(&e);
	if (complaint != ZDDC_IO)
		out_put(&out);
	return complaint != ZDDC_YES ? complaint : who.email ? ZDDC_YES : ZDDC_NO;
}

int cmd_whoami(const struct cli *c)
{
	AUTO_PLACE at = {0};
	int status = place_find(c->arg ? c->arg : ".", c->opt[OPT_ROOT], &at);

	if (status != ZDDC_YES)
		return status;
	if (at.on_mount && !cli_has(c, OPT_AS))
		return whoami_mount(c, &at);
	if (at.on_mount)
		return out_fail(ZDDC_USAGE, "on a mount whoami answers for you only: \"zddc explain %s --as %s\" answers for another",
				c->arg ? c->arg : ".", c->opt[OPT_AS]);
	return whoami_tree(c, &at);
}
