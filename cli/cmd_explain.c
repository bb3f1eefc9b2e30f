/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc explain: the engine's own answer, in a plain tree by the engine itself, on a mount by the daemon's. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/explain_cache.h"
#include "cli/out.h"
#include "cli/past.h"
#include "cli/place.h"
#include "cli/scope.h"
#include "cli/tree.h"
#include "cli/who.h"

/* One question: the governing directory, the entry in it (NULL: the directory itself, or any entry of it), how it is shown. */
struct question {
	char *dir;
	const char *name;
	struct buf shown;
};

static void question_free(struct question *q)
{
	free(q->dir);
	buf_free(&q->shown);
}

/* What explain was asked with. */
struct asked {
	const struct cli *c;
	const struct scope *s;
	const struct who *who;
	struct acl_attrs attrs;
	unsigned flags;
};

/* Asked of a directory, these are about a file or folder in it. */
static bool works_inside(enum acl_op op)
{
	switch (op) {
	case ACL_OP_READ:
	case ACL_OP_READLINK:
	case ACL_OP_CREATE:
	case ACL_OP_MKDIR:
	case ACL_OP_SYMLINK:
	case ACL_OP_WRITE:
	case ACL_OP_TRUNCATE:
	case ACL_OP_FALLOCATE:
	case ACL_OP_UNLINK:
	case ACL_OP_MKNOD:
	case ACL_OP_LINK:
		return true;
	case ACL_OP_ENTER:
	case ACL_OP_STATDIR:
	case ACL_OP_LIST:
	case ACL_OP_STAT:
	case ACL_OP_GETXATTR:
	case ACL_OP_UTIMENS:
	case ACL_OP_CHMOD:
	case ACL_OP_CHOWN:
	case ACL_OP_SETXATTR:
	case ACL_OP_REMOVEXATTR:
	case ACL_OP_RMDIR:
	case ACL_OP_RENAME:
	case ACL_OP_RENAME_FROM:
	case ACL_OP_RENAME_TO:
	case ACL_OP_RENAME_OVER:
	case ACL_OP_COUNT:
		break;
	}
	return false;
}

static void question_for(const struct place *at, bool is_dir, enum acl_op op, struct question *q)
{
	bool inside = is_dir && (acl_ops[op].place == ACL_PLACE_DIR || works_inside(op) || !*at->rel);

	*q = (struct question){0};
	if (acl_ops[op].place == ACL_PLACE_DIR || inside)
		q->dir = strdup(at->rel);
	else
		q->dir = place_parent(at->rel, &q->name);
	buf_adds(&q->shown, *at->rel ? at->rel : ".");
	if (inside && acl_ops[op].place == ACL_PLACE_IN)
		buf_addc(&q->shown, '/');
}

/* ------------------------------------------------------------------------------------------------ in a tree */

static bool about_seeing(enum acl_op op)
{
	return op == ACL_OP_ENTER || op == ACL_OP_STATDIR || op == ACL_OP_LIST;
}

/* Entering, describing and listing: visible is enough (SPEC section 4), whatever the verbs. */
static void decide_sight(const struct asked *a, const char *dir, const struct acl_request *rq, enum acl_op op, struct acl_decision *d)
{
	struct acl_sight sight = {0};

	if (acl_snap_sight(a->s->e.snap, dir, rq, &sight) < 0 || d->allowed == sight.enter || (op == ACL_OP_LIST && d->allowed))
		return;
	d->allowed = sight.enter;
	d->reason = sight.enter ? BECAUSE_VISIBLE : BECAUSE_UNSEEN;
	d->err = acl_reasons[d->reason].err;
}

/* Decides one operation; appends the explanation. Returns what was decided. */
static bool explain_op(const struct asked *a, enum acl_op op, const struct question *q, struct buf *out, verbset *held)
{
	struct acl_policy *p = acl_snap_policy(a->s->e.snap, q->dir);
	struct acl_request rq = acl_request_for(op, q->name, &a->who->p, &a->attrs, a->flags);
	struct acl_decision d = acl_decide(p, &rq);
	AUTO_BUF shown = BUF_INIT, text = BUF_INIT;
	bool json = cli_has(a->c, OPT_JSON);

	if (about_seeing(op))
		decide_sight(a, q->dir, &rq, op, &d);
	if (json)
		buf_adds(&shown, buf_str(&q->shown));
	else
		out_name(&shown, buf_str(&q->shown));
	acl_explain(p, &rq, &d, op, buf_str(&shown), NULL, json ? ACL_JSON : ACL_TEXT, &text);
	while (json && text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = 0;
	if (json)
		buf_adds(out, buf_str(&text));
	else
		out_engine(out, buf_str(&text));
	*held = d.effective;
	acl_policy_unref(p);
	return d.allowed;
}

static void json_head(const struct asked *a, struct buf *out)
{
	buf_addc(out, '{');
	json_kv(out, "path", *a->s->at.rel ? a->s->at.rel : ".");
	json_kv(out, "principal", a->who->email);
	json_key(out, "groups");
	buf_addc(out, '[');
	for (size_t i = 0; i < a->who->p.n_groups; i++) {
		json_sep(out);
		json_str(out, a->who->groups[i]);
	}
	buf_addc(out, ']');
	json_kv(out, "root", a->s->at.root);
}

/* Verb by verb: for each, the operation that stands for it. */
static int explain_verbs(const struct asked *a, struct buf *out)
{
	bool is_dir = scope_is_dir(a->s), json = cli_has(a->c, OPT_JSON);
	const enum acl_op ops[] = {is_dir ? ACL_OP_LIST : ACL_OP_READ, ACL_OP_WRITE, ACL_OP_CREATE, ACL_OP_UNLINK};
	verbset held = 0;
	char verbs[8];

	if (json) {
		json_head(a, out);
		json_key(out, "decisions");
		buf_addc(out, '[');
	}
	for (size_t i = 0; i <= ARRAY_LEN(ops); i++) {
		bool last = i == ARRAY_LEN(ops);
		__attribute__((cleanup(question_free))) struct question q;

		question_for(&a->s->at, is_dir, last ? ACL_OP_WRITE : ops[i], &q);
		if (last) { /* the verb a is the right to write the policy file of the governing directory */
			q.name = ".zddc";
			buf_reset(&q.shown);
			tree_join(&q.shown, q.dir, q.name);
		}
		if (json)
			json_sep(out);
		explain_op(a, last ? ACL_OP_WRITE : ops[i], &q, out, &held);
	}
	verbs_print(held, verbs);
	if (json) {
		buf_addc(out, ']');
		json_kv(out, "verbs", verbs);
		buf_adds(out, "}\n");
	} else {
		buf_addf(out, "%sverbs%s  %s\n", out_style(OUT_BOLD), out_style(OUT_PLAIN), *verbs ? verbs : "none");
	}
	return held ? ZDDC_YES : ZDDC_NO;
}

static int explain_one(const struct asked *a, enum acl_op op, struct buf *out)
{
	__attribute__((cleanup(question_free))) struct question q;
	verbset held;
	bool allowed;

	question_for(&a->s->at, scope_is_dir(a->s), op, &q);
	allowed = explain_op(a, op, &q, out, &held);
	if (cli_has(a->c, OPT_JSON))
		buf_addc(out, '\n');
	return allowed ? ZDDC_YES : ZDDC_NO;
}

static int attributes(const struct cli *c, struct acl_attrs *out)
{
	long risk = -1;

	if (cli_has(c, OPT_RISK)) {
		char *end;

		risk = strtol(c->opt[OPT_RISK], &end, 10);
		if (*end || end == c->opt[OPT_RISK] || risk < 0 || risk > 100)
			return out_fail(ZDDC_USAGE, "--risk %s: give a number from 0 to 100", c->opt[OPT_RISK]);
	}
	*out = (struct acl_attrs){
		.now = past_now(c),
		.environment = c->opt[OPT_ENVIRONMENT],
		.provenance = c->opt[OPT_PROVENANCE],
		.risk_score = (int)risk,
	};
	return ZDDC_YES;
}

static int explain_tree(const struct cli *c, int op)
{
	AUTO_SCOPE scope = {0};
	AUTO_WHO who = {0};
	AUTO_BUF out = BUF_INIT;
	struct asked a = {.c = c, .s = &scope, .who = &who, .flags = cli_has(c, OPT_ELEVATED) ? ACL_IS_ELEVATED : 0};
	int status = attributes(c, &a.attrs), complaint;

	if (status == ZDDC_YES)
		status = scope_open(c, c->arg, &scope);
	if (status == ZDDC_YES)
		status = who_find(scope.e.tree, c->opt[OPT_AS], c->opt[OPT_GROUPS], &who);
	if (status != ZDDC_YES)
		return status;
	status = op < 0 ? explain_verbs(&a, &out) : explain_one(&a, (enum acl_op)op, &out);
	complaint = engine_complaints(&scope.e);
	if (complaint != ZDDC_IO)
		out_put(&out);
	return complaint != ZDDC_YES ? complaint : status;
}

/* ------------------------------------------------------------------------------------------------ on a mount */

/* The answer of the daemon's JSON: of one decision, or whether any of several allows. */
static int status_of(const struct buf *json)
{
	json_t *root = control_json(json);
	json_t *list = json_object_get(root, "decisions"), *one;
	int status = json_is_true(json_object_get(root, "allowed")) ? ZDDC_YES : ZDDC_NO;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_is_true(json_object_get(one, "allowed")))
			status = ZDDC_YES;
	if (!root)
		status = out_fail(ZDDC_IO, "the mount's answer cannot be read: is zddcfs of another version than zddc?");
	json_decref(root);
	return status;
}

/* The directory whose .zddc.d answers, the control file, and the entry below it. */
static void control_for(const struct place *at, int op, char **dir, struct buf *base, struct buf *entry)
{
	bool self = at->is_dir && at->exists && (op < 0 || !*at->rel);
	bool inside = at->is_dir && at->exists && op >= 0 && works_inside((enum acl_op)op);

	*dir = strdup(at->dir);
	if (self && (op < 0 || acl_ops[op].place == ACL_PLACE_DIR)) {
		buf_adds(base, "access");
		return;
	}
	buf_adds(base, "explain");
	if (op >= 0)
		buf_addf(base, ".%s", acl_ops[op].name);
	if (inside || self) {
		buf_adds(entry, "(any name)");
		return;
	}
	if (at->is_dir && at->exists) { /* asked of its parent */
		char *slash = strrchr(*dir, '/');

		buf_adds(entry, slash + 1);
		slash[slash == *dir] = 0;
		return;
	}
	buf_adds(entry, at->rel + (strlen(at->dir) > strlen(at->root) ? strlen(at->dir) - strlen(at->root) : 0));
	while (entry->len && entry->data[0] == '/') {
		memmove(entry->data, entry->data + 1, entry->len);
		entry->len--;
	}
}

static int ask_mount(const char *dir, const char *name, const char *path, struct buf *out)
{
	int err = control_read(dir, name, out);

	if (!err)
		return ZDDC_YES;
	return out_fail(ZDDC_IO, "%s: the mount gives no answer (%s): the path may be none you can see", path, strerror(-err));
}

/* The calling user's own rights, as the daemon sees them. */
static int explain_mount(const struct cli *c, const struct place *at, int op)
{
	AUTO_FREE char *dir = NULL;
	AUTO_BUF base = BUF_INIT, entry = BUF_INIT, name = BUF_INIT, text = BUF_INIT, answer = BUF_INIT;
	struct cli json = *c;
	int status;

	if (cli_has(c, OPT_ELEVATED) || cli_has(c, OPT_GROUPS) || cli_has(c, OPT_ENVIRONMENT) || cli_has(c, OPT_RISK) ||
	    cli_has(c, OPT_PROVENANCE))
		return out_fail(ZDDC_USAGE, "on a mount the daemon answers for you as you are: add --as WHO to suppose something else");
	control_for(at, op, &dir, &base, &entry);
	if (strchr(buf_str(&entry), '/'))
		return out_fail(ZDDC_IO, "%s: its directory does not exist on the mount, or is none you can see", c->arg);
	json.opt[OPT_JSON] = "";
	control_name(&json, buf_str(&base), entry.len ? buf_str(&entry) : NULL, &name);
	status = ask_mount(dir, buf_str(&name), c->arg, &answer);
	if (status != ZDDC_YES)
		return status;
	status = status_of(&answer);
	buf_reset(&name);
	control_name(c, buf_str(&base), entry.len ? buf_str(&entry) : NULL, &name);
	if (!cli_has(c, OPT_JSON) && ask_mount(dir, buf_str(&name), c->arg, &text) != ZDDC_YES)
		return ZDDC_IO;
	control_print(c, cli_has(c, OPT_JSON) ? &answer : &text);
	return status;
}

/*
 * Another's rights on a mount, where some of the policy cannot be read here: the daemon answers to administrators, holders of a and
 * auditors of the directory. False: it does not, or need not be asked.
 */
static bool explain_of(const struct cli *c, int op, int *status)
{
	AUTO_SCOPE s = {0};
	AUTO_BUF base = BUF_INIT, name = BUF_INIT, path = BUF_INIT, json = BUF_INIT, text = BUF_INIT;
	struct cli as_json = *c;

	if (cli_has(c, OPT_GROUPS) || cli_has(c, OPT_ELEVATED) || cli_has(c, OPT_DEFAULTS) || strchr(c->opt[OPT_AS], '/') ||
	    scope_find(c, c->arg, &s) != ZDDC_YES)
		return false;
	AUTO_FREE char *dir = scope_dir(&s);
	if (scope_agrees(&s, dir))
		return false;
	buf_addf(&path, "%s%s%s", s.at.root, *dir ? "/" : "", dir);
	buf_addf(&base, "access-of%s%s", op < 0 ? "" : ".", op < 0 ? "" : acl_ops[op].name);
	as_json.opt[OPT_JSON] = "";
	control_name(&as_json, buf_str(&base), c->opt[OPT_AS], &name);
	if (control_read(buf_str(&path), buf_str(&name), &json) < 0)
		return false;
	*status = status_of(&json);
	buf_reset(&name);
	control_name(c, buf_str(&base), c->opt[OPT_AS], &name);
	if (!cli_has(c, OPT_JSON) && control_read(buf_str(&path), buf_str(&name), &text) < 0)
		return false;
	control_print(c, cli_has(c, OPT_JSON) ? &json : &text);
	return true;
}

static int op_of(const struct cli *c, int *op)
{
	const char *names[ACL_OP_COUNT];
	const char *near;
	enum acl_op found;

	*op = -1;
	if (!cli_has(c, OPT_OP))
		return ZDDC_YES;
	if (acl_op_find(c->opt[OPT_OP], &found)) {
		*op = (int)found;
		return ZDDC_YES;
	}
	for (int i = 0; i < ACL_OP_COUNT; i++)
		names[i] = acl_ops[i].name;
	near = str_nearest(c->opt[OPT_OP], names, ACL_OP_COUNT);
	if (near)
		return out_fail(ZDDC_USAGE, "there is no operation \"%s\": did you mean \"%s\"?", c->opt[OPT_OP], near);
	return out_fail(ZDDC_USAGE, "there is no operation \"%s\": \"man zddc\" lists them, for example create, unlink, read",
			c->opt[OPT_OP]);
}

int cmd_explain(const struct cli *c)
{
	AUTO_PLACE at = {0};
	int op, status = op_of(c, &op);

	if (status != ZDDC_YES)
		return status;
	status = place_find(c->arg, c->opt[OPT_ROOT], &at);
	if (status != ZDDC_YES)
		return status;
	if (cli_has(c, OPT_CACHE))
		return explain_cache(c, &at);
	if (at.on_mount && cli_has(c, OPT_AS) && !cli_has(c, OPT_DATE) && explain_of(c, op, &status))
		return status;
	/* another's rights on a mount are otherwise worked out here, from the policy that one may read */
	return at.on_mount && !cli_has(c, OPT_AS) && !cli_has(c, OPT_DATE) ? explain_mount(c, &at, op) : explain_tree(c, op);
}
