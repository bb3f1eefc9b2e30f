/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc access: who holds which verbs in a directory; what one person holds in a tree; the matrix of a tree. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/cli.h"
#include "cli/matrix.h"
#include "cli/out.h"
#include "cli/past.h"
#include "cli/places.h"
#include "cli/scope.h"
#include "cli/subject.h"
#include "cli/walk.h"

struct access {
	const struct cli *c;
	struct scope *s;
	struct subjects *people;
	long long now;
	struct buf out;
	const struct subject *who; /* --who */
	size_t any; /* answers so far */
	/* of --who: the verbs in the directories on the way down */
	struct {
		verbset verbs;
		bool admin;
	} above[300];
};

/* ------------------------------------------------------------------------------------------------ one line */

static void columns(struct buf *out, const char *verbs, const char *name)
{
	AUTO_BUF shown = BUF_INIT;

	out_name(&shown, name);
	buf_addf(out, "  %s%-7s%s %-32s", out_style(OUT_BOLD), verbs, out_style(OUT_PLAIN), buf_str(&shown));
}

static void source(struct buf *out, const struct acl_src *src)
{
	if (!src->file)
		return;
	buf_adds(out, "  ");
	buf_adds(out, out_style(OUT_DIM));
	out_name(out, src->file);
	buf_addf(out, ":%u%s", src->line, out_style(OUT_PLAIN));
}

/* "rc", with letters in parentheses that are held while conditions allow. */
static const char *verbs_text(const struct acl_decision *d, char out[24])
{
	verbset maybe = (verbset)(acl_before_when(d) & ~d->effective);
	char sure[8], perhaps[8];

	verbs_print(d->effective, sure);
	verbs_print(maybe, perhaps);
	snprintf(out, 24, "%s%s%s%s", sure, maybe ? "(" : "", perhaps, maybe ? ")" : "");
	return *out ? out : "none";
}

static void text_line(struct access *a, const struct subject *s, const struct acl_decision *d, const struct acl_policy *p)
{
	struct acl_src admin = {0};
	AUTO_BUF name = BUF_INIT;
	char verbs[24];

	subject_show(s, &name);
	columns(&a->out, verbs_text(d, verbs), buf_str(&name));
	if (d->grant_role)
		buf_addf(&a->out, "  role %s", d->grant_role);
	source(&a->out, &d->grant);
	if (d->reason == BECAUSE_DENIED || d->reason == BECAUSE_STRICT)
		buf_adds(&a->out, "  denied");
	if (d->filer) {
		buf_adds(&a->out, "  files by worm:");
		source(&a->out, &d->mask);
	}
	if (d->condition) {
		buf_adds(&a->out, "  if ");
		out_name(&a->out, d->condition);
	}
	if (d->admin) {
		acl_is_admin(p, &s->p, &admin);
		buf_adds(&a->out, "  administers");
		source(&a->out, &admin);
	}
	buf_addc(&a->out, '\n');
}

static void json_src(struct buf *out, const char *key, const struct acl_src *src)
{
	json_key(out, key);
	if (!src->file) {
		buf_adds(out, "null");
		return;
	}
	buf_addc(out, '{');
	json_kv(out, "file", src->file);
	json_kv_int(out, "line", src->line);
	buf_addc(out, '}');
}

static void json_line(struct access *a, const struct subject *s, const struct acl_decision *d, const struct acl_policy *p)
{
	static const char *const kinds[] = {
		[ACL_PERSON] = "person", [ACL_GLOB] = "pattern", [ACL_EVERYONE] = "everybody",
		[ACL_ANONYMOUS] = "anonymous", [ACL_GROUP] = "group", [ACL_ROLE] = "role",
	};
	struct acl_src admin = {0};
	AUTO_BUF name = BUF_INIT;
	struct buf *out = &a->out;
	char verbs[8];

	subject_show(s, &name);
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "who", buf_str(&name));
	json_kv(out, "kind", kinds[s->kind]);
	json_kv(out, "verbs", verbs_print(d->effective, verbs));
	json_kv(out, "conditional", verbs_print((verbset)(acl_before_when(d) & ~d->effective), verbs));
	json_kv(out, "condition", d->condition);
	json_kv(out, "role", d->grant_role);
	json_kv(out, "entry", d->grant_entry);
	json_src(out, "grant", &d->grant);
	json_kv_bool(out, "denied", d->reason == BECAUSE_DENIED || d->reason == BECAUSE_STRICT);
	json_kv_bool(out, "filer", d->filer);
	json_kv_bool(out, "admin", d->admin);
	acl_is_admin(p, &s->p, &admin);
	json_src(out, "admin_by", &admin);
	buf_addc(out, '}');
}

static void line(struct access *a, const struct subject *s, const struct acl_decision *d, const struct acl_policy *p)
{
	if (cli_has(a->c, OPT_JSON))
		json_line(a, s, d, p);
	else
		text_line(a, s, d, p);
}

/* ------------------------------------------------------------------------------------------------ one directory */

static void head(struct access *a, const char *dir, const struct acl_policy *p)
{
	struct acl_value worm = acl_get(p, ACL_KEY_WORM);
	long long freeze = acl_freeze_until(p);
	struct buf *out = &a->out;
	char until[32];

	str_time_format(freeze, until);
	if (cli_has(a->c, OPT_JSON)) {
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "path", *dir ? dir : ".");
		json_kv_bool(out, "zone", acl_is_zone(p));
		json_kv_bool(out, "fenced", acl_is_fenced(p));
		json_kv_bool(out, "invalid", acl_is_invalid(p));
		json_kv(out, "freeze_until", freeze > a->now ? until : NULL);
		json_kv(out, "policy", acl_policy_hash(p));
		json_key(out, "holders");
		buf_addc(out, '[');
		return;
	}
	out_name(out, *dir ? dir : ".");
	if (acl_is_invalid(p))
		buf_adds(out, "  (policy is invalid: nobody holds anything)");
	if (acl_is_zone(p))
		buf_adds(out, "  write-once");
	if (acl_is_zone(p) && worm.file)
		source(out, &(struct acl_src){worm.file, worm.line});
	if (acl_is_fenced(p))
		buf_adds(out, "  fenced");
	if (freeze > a->now)
		buf_addf(out, "  frozen until %s", until);
	buf_addc(out, '\n');
}

static bool worth_a_line(const struct subject *s, const struct acl_decision *d)
{
	bool denied = d->reason == BECAUSE_DENIED || d->reason == BECAUSE_STRICT;

	return s->kind != ACL_ROLE && (acl_before_when(d) || denied || d->admin);
}

/* Everybody who holds anything in 'dir', or is denied it by name. */
static void holders(struct access *a, const char *dir)
{
	struct acl_policy *p = acl_snap_policy(a->s->e.snap, dir);
	struct subject_list l;
	size_t before = a->any;

	subjects_of(a->people, p, &l);
	head(a, dir, p);
	for (size_t i = 0; i < l.n; i++) {
		struct acl_decision d = subject_decide(l.v[i], p, 0, a->now);

		if (!worth_a_line(l.v[i], &d))
			continue;
		line(a, l.v[i], &d, p);
		a->any += acl_before_when(&d) != 0;
	}
	if (cli_has(a->c, OPT_JSON))
		buf_adds(&a->out, "]}");
	else if (a->any == before)
		buf_adds(&a->out, "  nobody holds any verb here\n");
	subject_list_free(&l);
	acl_policy_unref(p);
}

/* ------------------------------------------------------------------------------------------------ one person */

static bool person_at(void *arg, const struct place_found *at)
{
	struct access *a = arg;
	struct acl_policy *p = acl_snap_policy(a->s->e.snap, at->path);
	struct acl_decision d = subject_decide(a->who, p, 0, a->now);
	verbset verbs = acl_before_when(&d);
	bool admin = d.admin;
	bool news = !at->depth || verbs != a->above[at->depth - 1].verbs || admin != a->above[at->depth - 1].admin;

	a->above[at->depth].verbs = verbs;
	a->above[at->depth].admin = admin;
	a->any += verbs != 0;
	if (news && !scope_agrees(a->s, at->path) && at->how == PLACE_ON_DISK) {
		if (!cli_has(a->c, OPT_JSON)) {
			out_name(&a->out, at->path);
			buf_adds(&a->out, "  (its policy is hidden from you)\n");
		}
	} else if (news) {
		head(a, at->path, p);
		line(a, a->who, &d, p);
		if (cli_has(a->c, OPT_JSON))
			buf_adds(&a->out, "]}");
	}
	acl_policy_unref(p);
	return true;
}

/* ---- where policy speaks of them by name ---- */

struct naming {
	struct access *a;
	const char *file;
};

static const char *rule_words(const struct acl_rule *r)
{
	switch (r->kind) {
	case ACL_RULE_GRANT: return r->verbs ? "grants" : "denies everything";
	case ACL_RULE_MEMBER: return "member of";
	case ACL_RULE_ADMIN: return "administrator";
	case ACL_RULE_WORM: return "files into the write-once place";
	case ACL_RULE_WHEN:
	case ACL_RULE_FREEZE:
	case ACL_RULE_OWN_ROLE:
	case ACL_RULE_EXCLUSIVE: break;
	}
	return "named";
}

static void say_named(struct access *a, const char *file, uint32_t at, const char *words, const char *what, const char *place)
{
	struct buf *out = &a->out;

	if (cli_has(a->c, OPT_JSON)) {
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "file", file);
		json_kv_int(out, "line", at);
		json_kv(out, "as", words);
		json_kv(out, "what", *what ? what : NULL);
		json_kv(out, "place", *place ? place : NULL);
		buf_addc(out, '}');
		return;
	}
	buf_adds(out, "  ");
	out_name(out, file);
	buf_addf(out, ":%u  %s%s", at, words, *what ? " " : "");
	out_name(out, what);
	if (*place) {
		buf_adds(out, " in ");
		out_name(out, place);
	}
	buf_addc(out, '\n');
}

static void names_them(void *arg, const struct acl_rule *r)
{
	struct naming *n = arg;
	char verbs[8];

	if (!r->name || r->who != n->a->who->kind || strcmp(r->name, n->a->who->name) != 0)
		return;
	verbs_print(r->verbs, verbs);
	say_named(n->a, n->file, r->line, rule_words(r), r->kind == ACL_RULE_GRANT ? verbs : r->kind == ACL_RULE_MEMBER ? r->role : "", r->place);
}

static void named_in(void *arg, const char *dir)
{
	struct access *a = arg;
	bool invalid;
	struct zddc_doc *doc = acl_snap_doc(a->s->e.snap, dir, &invalid);
	struct acl_policy *p;
	struct acl_value maker;

	if (!doc)
		return;
	p = acl_snap_policy(a->s->e.snap, dir);
	maker = acl_get(p, ACL_KEY_CREATED_BY);
	if (maker.node && maker.file && !strcmp(maker.file, zddc_file(doc)) && str_ieq(maker.node->text, a->who->name))
		say_named(a, maker.file, maker.line, acl_auto_own(p) ? "home, made by them" : "made by them", "", "");
	zddc_rules(doc, names_them, &(struct naming){a, zddc_file(doc)});
	acl_policy_unref(p);
	zddc_unref(doc);
}

static void person(struct access *a, const char *dir)
{
	bool json = cli_has(a->c, OPT_JSON);

	places_walk(&(struct places){.e = {&a->s->e}, .each = person_at, .arg = a}, dir);
	if (json) {
		buf_adds(&a->out, "],\"named\":[");
	} else {
		AUTO_BUF name = BUF_INIT;

		subject_show(a->who, &name);
		buf_adds(&a->out, "named by policy as ");
		out_name(&a->out, buf_str(&name));
		buf_adds(&a->out, ":\n");
	}
	size_t before = a->out.len;
	walk_tree(a->s->e.tree, dir, &(struct walk){.dir = named_in, .arg = a});
	if (!json && a->out.len == before)
		buf_adds(&a->out, "  nowhere\n");
}

/* ------------------------------------------------------------------------------------------------ the command */

static int one_path(struct access *a, const char *path)
{
	AUTO_SCOPE s = {0};
	int status = scope_open(a->c, path, &s);

	if (status != ZDDC_YES)
		return status;
	a->s = &s;
	a->people = subjects_open(s.e.tree);
	if (cli_has(a->c, OPT_WHO))
		a->who = subject_named(a->people, a->c->opt[OPT_WHO]);
	AUTO_FREE char *dir = scope_dir(&s);
	if (cli_has(a->c, OPT_WHO) && !a->who)
		status = out_fail(ZDDC_USAGE, "--who %s: give an e-mail address, a pattern, group:NAME, role:NAME, * or anonymous", a->c->opt[OPT_WHO]);
	else if (cli_has(a->c, OPT_WHO))
		person(a, dir);
	else
		holders(a, dir);
	subjects_free(a->people);
	return status != ZDDC_YES ? status : engine_complaints(&s.e);
}

static int access_matrix(const struct cli *c)
{
	enum matrix_format f = cli_has(c, OPT_JSON) ? MATRIX_JSON : cli_has(c, OPT_CSV) ? MATRIX_CSV : cli_has(c, OPT_HTML) ? MATRIX_HTML : MATRIX_TEXT;
	AUTO_SCOPE s = {0};
	AUTO_BUF out = BUF_INIT;
	struct matrix *m;
	int status;

	if (c->n_args > 1)
		return out_fail(ZDDC_USAGE, "\"%s\" is one tree too many: a matrix is made of one", c->args[1]);
	if (cli_has(c, OPT_WHO))
		return out_fail(ZDDC_USAGE, "a matrix is about everybody: leave --who away");
	status = scope_open(c, c->arg, &s);
	if (status != ZDDC_YES)
		return status;
	AUTO_FREE char *dir = scope_dir(&s);
	m = matrix_make(&s, dir, past_now(c));
	matrix_print(c, m, f, &out);
	matrix_free(m);
	status = engine_complaints(&s.e);
	if (status != ZDDC_IO)
		out_put(&out);
	return status;
}

int cmd_access(const struct cli *c)
{
	struct access a = {.c = c, .now = past_now(c)};
	bool json = cli_has(c, OPT_JSON);
	int status = ZDDC_YES;

	if (cli_has(c, OPT_MATRIX) || cli_has(c, OPT_CSV) || cli_has(c, OPT_HTML))
		return access_matrix(c);
	if (json)
		buf_adds(&a.out, "{\"places\":[");
	if (cli_has(c, OPT_WHO) && c->n_args > 1)
		return out_fail(ZDDC_USAGE, "\"%s\" is one tree too many: --who looks at one and all below it", c->args[1]);
	for (size_t i = 0; i < c->n_args && status == ZDDC_YES; i++)
		status = one_path(&a, c->args[i]);
	if (json)
		buf_adds(&a.out, "]}\n");
	if (status == ZDDC_YES || status == ZDDC_POLICY)
		out_put(&a.out);
	buf_free(&a.out);
	return status != ZDDC_YES ? status : a.any ? ZDDC_YES : ZDDC_NO;
}
