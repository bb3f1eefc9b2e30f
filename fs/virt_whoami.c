/* SPDX-License-Identifier: GPL-3.0-or-later */
/* .zddc.d/whoami: who the caller is in a directory, and what their session has declared. .zddc.d/identities: who everybody is. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/json.h"
#include "fs/attrs.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/identities.h"
#include "fs/policy.h"
#include "fs/session.h"
#include "fs/virt_ask.h"

struct roles {
	const struct identity *who;
	struct buf *out;
	enum acl_format format;
};

static void add_role(void *arg, const char *role, struct acl_src src)
{
	struct roles *r = arg;
	bool readable = src.file && gate_file_readable(r->who, src.file);
	const char *file = readable ? src.file : "(hidden)";

	if (r->format == ACL_TEXT) {
		buf_addf(r->out, "role    %s  %s", role, file);
		if (readable)
			buf_addf(r->out, ":%u", src.line);
		buf_addc(r->out, '\n');
		return;
	}
	json_sep(r->out);
	buf_addc(r->out, '{');
	json_kv(r->out, "role", role);
	json_kv(r->out, "file", file);
	json_kv_int(r->out, "line", readable ? src.line : 0);
	buf_addc(r->out, '}');
}

/* The attributes that a change in this directory is decided with. */
static struct acl_attrs attrs_here(const struct ask *a, const struct acl_policy *p)
{
	struct acl_attrs declared = attrs_of(a->who);
	struct acl_request rq = acl_request_for(ACL_OP_WRITE, "any name", &a->who->who, &declared, 0);
	struct acl_attrs here = acl_attributes(p, &rq);

	here.provenance = attrs_provenance(a->who);
	return here;
}

static void whoami_session_json(const struct ask *a, const struct acl_policy *p, struct buf *out)
{
	struct acl_attrs attrs = attrs_here(a, p);
	AUTO_BUF why = BUF_INIT;

	identity_elevated_why(a->who, &why);
	json_kv_bool(out, "elevated", identity_elevated(a->who));
	json_kv_int(out, "elevated_seconds_left", identity_elevated_for(a->who));
	json_kv(out, "elevated_reason", why.len ? buf_str(&why) : NULL);
	json_kv(out, "environment", attrs.environment);
	json_kv(out, "provenance", attrs.provenance);
	json_kv_bool(out, "provenance_declared", identity_provenance(a->who) != NULL);
	json_kv_int(out, "risk_declared", identity_risk(a->who));
	json_kv_int(out, "risk_score_write", attrs.risk_score);
}

static void add_elevated(long long left, const char *why, struct buf *out)
{
	buf_addf(out, "elevated for %lld:%02lld more: ", left / 60, left % 60);
	escape_adds(out, why);
	buf_addc(out, '\n');
}

static void whoami_session_text(const struct ask *a, const struct acl_policy *p, struct buf *out)
{
	struct acl_attrs attrs = attrs_here(a, p);
	long long left = identity_elevated_for(a->who);
	AUTO_BUF why = BUF_INIT;

	identity_elevated_why(a->who, &why);
	if (left)
		add_elevated(left, buf_str(&why), out);
	if (attrs.environment)
		buf_addf(out, "environment %s\n", attrs.environment);
	if (attrs.provenance)
		buf_addf(out, "provenance %s%s\n", attrs.provenance, identity_provenance(a->who) ? " (declared)" : "");
	if (identity_risk(a->who) >= 0)
		buf_addf(out, "risk    at least %d (declared)\n", identity_risk(a->who));
}

static void whoami_json(const struct ask *a, struct acl_policy *p, const char *path, struct buf *out)
{
	struct roles roles = {a->who, out, ACL_JSON};
	struct acl_src admin = {0};
	char verbs[8];
	bool is_admin = acl_is_admin(p, &a->who->who, &admin);

	buf_addc(out, '{');
	json_kv(out, "email", a->who->who.email);
	json_kv_bool(out, "anonymous", !a->who->who.email);
	json_kv_int(out, "uid", a->who->uid);
	json_kv(out, "user", a->who->unix_name);
	json_key(out, "groups");
	buf_addc(out, '[');
	for (size_t i = 0; i < a->who->who.n_groups; i++) {
		json_sep(out);
		json_str(out, a->who->who.groups[i]);
	}
	buf_addc(out, ']');
	json_kv(out, "path", path);
	json_key(out, "roles");
	buf_addc(out, '[');
	acl_roles(p, &a->who->who, add_role, &roles);
	buf_addc(out, ']');
	json_kv(out, "verbs", verbs_print(gate_verbs(a->who, a->dir).effective, verbs));
	json_kv_bool(out, "admin", is_admin);
	json_kv(out, "admin_file", is_admin ? admin.file : NULL);
	json_kv_int(out, "admin_line", is_admin ? admin.line : 0);
	json_kv_bool(out, "root_admin", acl_is_root_admin(p, &a->who->who));
	whoami_session_json(a, p, out);
	json_kv_bool(out, "strict", policy_strict());
	json_kv(out, "policy", acl_policy_hash(p));
	buf_adds(out, "}\n");
}

static void whoami_text(const struct ask *a, struct acl_policy *p, const char *path, struct buf *out)
{
	struct roles roles = {a->who, out, ACL_TEXT};
	struct acl_src admin = {0};
	char verbs[8];

	buf_addf(out, "email   %s\n", ask_shown_who(a->who));
	buf_addf(out, "user    %s (uid %u)\n", a->who->unix_name ? a->who->unix_name : "unknown", a->who->uid);
	buf_adds(out, "groups ");
	for (size_t i = 0; i < a->who->who.n_groups; i++)
		buf_addf(out, " %s", a->who->who.groups[i]);
	verbs_print(gate_verbs(a->who, a->dir).effective, verbs);
	buf_addf(out, "\nhere    %s\nverbs   %s\n", path, *verbs ? verbs : "none");
	acl_roles(p, &a->who->who, add_role, &roles);
	if (acl_is_admin(p, &a->who->who, &admin))
		buf_addf(out, "admin   %s:%u\n", admin.file, admin.line);
	whoami_session_text(a, p, out);
}

void make_whoami(const struct ask *a, struct buf *out)
{
	struct acl_policy *p = policy_of(a->dir);
	AUTO_FREE char *path = ask_shown_path(a->dir);

	if (a->format == ACL_JSON)
		whoami_json(a, p, path, out);
	else
		whoami_text(a, p, path, out);
	acl_policy_unref(p);
}

/* ------------------------------------------------------------------ who is who */

static void text_user(void *arg, const char *user, unsigned long uid, const char *email)
{
	if (user)
		buf_addf(arg, "%-20s %s\n", user, email);
	else
		buf_addf(arg, "%-20lu %s\n", uid, email);
}

static void text_retired(void *arg, const char *email, const char *heir)
{
	buf_addf(arg, "retired              %s%s%s\n", email, heir ? ", heir " : "", heir ? heir : "");
}

static void json_user(void *arg, const char *user, unsigned long uid, const char *email)
{
	json_sep(arg);
	buf_addc(arg, '{');
	if (user)
		json_kv(arg, "user", user);
	else
		json_kv_int(arg, "uid", (long long)uid);
	json_kv(arg, "email", email);
	buf_addc(arg, '}');
}

static void json_retired(void *arg, const char *email, const char *heir)
{
	json_sep(arg);
	buf_addc(arg, '{');
	json_kv(arg, "email", email);
	json_kv(arg, "heir", heir);
	buf_addc(arg, '}');
}

void make_identities(const struct ask *a, struct buf *out)
{
	if (a->format == ACL_TEXT) {
		identities_each(text_user, text_retired, out);
		return;
	}
	buf_addc(out, '{');
	json_key(out, "identities");
	buf_addc(out, '[');
	identities_each(json_user, NULL, out);
	buf_addc(out, ']');
	json_key(out, "retired");
	buf_addc(out, '[');
	identities_each(NULL, json_retired, out);
	buf_adds(out, "]}\n");
}

/* ------------------------------------------------------------------ who is elevated */

static void text_elevated(void *arg, const struct session_view *v)
{
	buf_addf(arg, "elevated %s (uid %u, session %d) for %lld:%02lld more: ", v->email ? v->email : "anonymous", v->uid, (int)v->sid, v->left / 60, v->left % 60);
	escape_adds(arg, v->reason);
	buf_addc(arg, '\n');
}

static void json_elevated(void *arg, const struct session_view *v)
{
	json_sep(arg);
	buf_addc(arg, '{');
	json_kv(arg, "email", v->email);
	json_kv_int(arg, "uid", v->uid);
	json_kv_int(arg, "session", v->sid);
	json_kv_int(arg, "seconds_left", v->left);
	json_kv(arg, "reason", v->reason);
	buf_addc(arg, '}');
}

void elevated_text(struct buf *out) { sessions_each(text_elevated, out); }

void elevated_json(struct buf *out)
{
	json_key(out, "elevated");
	buf_addc(out, '[');
	sessions_each(json_elevated, out);
	buf_addc(out, ']');
}
