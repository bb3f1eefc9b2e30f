/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cases.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "acl/idmap.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/cases_priv.h"

/* ------------------------------------------------------------------------------------------------ the keys */

enum kind { K_TEXT, K_FLAG, K_TIME, K_TEXTS, K_MAP, K_LIST, K_ANY };
enum where { IN_CASE, IN_TEST, IN_HOLD };

static const struct key_row {
	enum where where;
	const char *name;
	enum kind kind;
} keys[] = {
#define KEY_OF(where, name, kind, meaning) {IN_##where, name, K_##kind},
#include "cli/cases.def"
#undef KEY_OF
};

struct reading {
	const char *file;
	struct diags *d;
};

__attribute__((format(printf, 3, 4))) static void bad(const struct reading *r, const struct ynode *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_addv(r->d, DIAG_ERROR, r->file, at->line, at->col, fmt, ap);
	va_end(ap);
}

static const struct key_row *row_of(enum where where, const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].where == where && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static void unknown(const struct reading *r, enum where where, const struct ynode *key)
{
	const char *names[sizeof keys / sizeof *keys], *near;
	size_t n = 0;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].where == where)
			names[n++] = keys[i].name;
	near = str_nearest(key->text, names, n);
	if (near)
		bad(r, key, "there is no key \"%s\" here: did you mean \"%s\"?", key->text, near);
	else
		bad(r, key, "there is no key \"%s\" here: \"zddc test --help\" lists them", key->text);
}

static bool flag_ok(const struct ynode *n)
{
	return n->kind == Y_SCALAR && (!strcmp(n->text, "true") || !strcmp(n->text, "false"));
}

static bool texts_ok(const struct ynode *n)
{
	ynode_each(m, n)
		if (m->kind != Y_SCALAR)
			return false;
	return n->kind != Y_MAP;
}

static bool kind_ok(const struct ynode *n, enum kind k, const char **want)
{
	long long t;

	switch (k) {
	case K_TEXT: *want = "a text"; return n->kind == Y_SCALAR;
	case K_FLAG: *want = "true or false"; return flag_ok(n);
	case K_TIME: *want = "a time like 2026-01-31T12:00:00Z"; return n->kind == Y_SCALAR && str_time(n->text, &t);
	case K_TEXTS: *want = "a text or a list of texts"; return texts_ok(n);
	case K_MAP: *want = "a map (key: value)"; return n->kind == Y_MAP;
	case K_LIST: *want = "a list"; return n->kind == Y_LIST;
	case K_ANY: return true;
	}
	return false;
}

/* Every member is a known key of the right kind. */
static void check_keys(const struct reading *r, enum where where, const struct ynode *map)
{
	if (map->kind != Y_MAP) {
		bad(r, map, "a map (key: value) belongs here");
		return;
	}
	ynode_each(m, map) {
		const struct key_row *row = row_of(where, m->key->text);
		const char *want = "";

		if (!row)
			unknown(r, where, m->key);
		else if (!kind_ok(m, row->kind, &want))
			bad(r, m, "%s is %s", m->key->text, want);
	}
}

const char *case_text(const struct ynode *map, const char *key)
{
	const struct ynode *n = ynode_get(map, key);

	return n && n->kind == Y_SCALAR ? n->text : NULL;
}

bool case_flag(const struct ynode *map, const char *key)
{
	const char *text = case_text(map, key);

	return text && !strcmp(text, "true");
}

bool case_lists(const struct ynode *map, const char *key, const char *word)
{
	const struct ynode *n = ynode_get(map, key);

	if (n && n->kind == Y_SCALAR)
		return !strcmp(n->text, word);
	ynode_each(m, n)
		if (!strcmp(m->text, word))
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------------ the values */

static const struct ynode *need(const struct reading *r, const struct ynode *map, const char *key)
{
	const struct ynode *n = ynode_get(map, key);

	if (!n)
		bad(r, map, "%s: is missing", key);
	return n;
}

static void check_who(const struct reading *r, const struct ynode *spec, const char *who, const struct ynode *at)
{
	const char *email = case_text(ynode_get(spec, "people"), who);

	if (!email)
		email = who;
	if (strcmp(email, "anonymous") != 0 && !idmap_email_ok(email))
		bad(r, at, "\"%s\" is no e-mail address, not \"anonymous\" and no short name of people:", who);
}

static void check_words(const struct reading *r, const struct ynode *t)
{
	const struct ynode *op = need(r, t, "op"), *expect = need(r, t, "expect"), *risk = ynode_get(t, "risk"), *reason = ynode_get(t, "reason");
	enum acl_op found;
	bool known = !reason;

	if (op && !acl_op_find(op->text, &found))
		bad(r, op, "there is no operation \"%s\": zddc(5) lists them, for example create, unlink, read", op->text);
	if (expect && strcmp(expect->text, "allow") != 0 && strcmp(expect->text, "deny") != 0)
		bad(r, expect, "expect is allow or deny, not \"%s\"", expect->text);
	for (int i = 0; i < BECAUSE_COUNT && !known; i++)
		known = !strcmp(acl_reasons[i].word, reason->text);
	if (!known)
		bad(r, reason, "there is no reason \"%s\": zddc(5) lists them", reason->text);
	if (risk && (!*risk->text || strlen(risk->text) > 3 || strspn(risk->text, "0123456789") != strlen(risk->text) || atoi(risk->text) > 100))
		bad(r, risk, "risk is a number from 0 to 100");
}

static void check_groups(const struct reading *r, const struct ynode *map)
{
	const struct ynode *groups = ynode_get(map, "groups");

	if (groups && groups->n > CASES_MOST_GROUPS)
		bad(r, groups, "more than %d groups", CASES_MOST_GROUPS);
}

/* A path below the archive's root, as the engine sees it. */
static void check_path(const struct reading *r, const struct ynode *path)
{
	const char *s = path ? path->text : "";

	if (*s == '/')
		bad(r, path, "paths start from the root of the archive: leave the first slash away");
	for (; *s; s += strcspn(s, "/"), s += *s == '/')
		if (!strncmp(s, "..", 2) && (!s[2] || s[2] == '/')) {
			bad(r, path, "paths start from the root of the archive and have no \"..\"");
			return;
		}
}

static void check_test(const struct reading *r, const struct ynode *spec, const struct ynode *t)
{
	size_t before = r->d->errors;
	const struct ynode *as;

	check_keys(r, IN_TEST, t);
	if (r->d->errors > before)
		return;
	as = need(r, t, "as");
	check_path(r, need(r, t, "path"));
	check_path(r, ynode_get(t, "to"));
	check_words(r, t);
	check_groups(r, t);
	if (as)
		check_who(r, spec, as->text, as);
}

static void check_hold(const struct reading *r, const struct ynode *spec, const struct ynode *h)
{
	size_t before = r->d->errors;
	verbset v;
	char letter;

	check_keys(r, IN_HOLD, h);
	if (r->d->errors > before || !need(r, h, "path"))
		return;
	check_path(r, ynode_get(h, "path"));
	ynode_each(w, need(r, h, "who")) {
		check_who(r, spec, w->key->text, w->key);
		if (w->kind != Y_SCALAR)
			bad(r, w, "verbs belong here: rwcda, or \"\" for none");
		else if (!verbs_parse(w->text, &v, &letter))
			bad(r, w, "there is no verb \"%c\": r, w, c, d, a", letter);
	}
}

static const char ENVIRONMENT[] = "environment=";

static void check_option(const struct reading *r, const struct ynode *o)
{
	if (strcmp(o->text, "strict") != 0 && !str_starts(o->text, ENVIRONMENT))
		bad(r, o, "strict and environment=NAME are the options that change decisions");
}

static void check_options(const struct reading *r, const struct ynode *spec)
{
	const struct ynode *options = ynode_get(spec, "options");

	if (options && options->kind == Y_SCALAR)
		check_option(r, options);
	ynode_each(o, options)
		check_option(r, o);
}

/* Of the mount, as the options say; NULL. */
static const char *environment_of(const struct ynode *spec)
{
	const struct ynode *options = ynode_get(spec, "options");

	ynode_each(o, options)
		if (str_starts(o->text, ENVIRONMENT))
			return o->text + strlen(ENVIRONMENT);
	return options && options->kind == Y_SCALAR && str_starts(options->text, ENVIRONMENT) ? options->text + strlen(ENVIRONMENT) : NULL;
}

static void check_tree(const struct reading *r, const struct ynode *spec)
{
	const struct ynode *tree = ynode_get(spec, "tree"), *change = ynode_get(spec, "break");

	ynode_each(f, tree)
		if (f->kind != Y_SCALAR)
			bad(r, f, "the text of the file belongs here, as \"path: |\" and indented lines");
	ynode_each(f, change)
		if (f->kind != Y_SCALAR)
			bad(r, f, "the text of the file belongs here, as \"path: |\" and indented lines");
	if (!tree && (ynode_get(spec, "defaults") || ynode_get(spec, "options") || change || ynode_get(spec, "last")))
		bad(r, spec, "defaults:, options:, last: and break: belong to a tree:, and there is none here");
}

static void check_case(const struct reading *r, const struct ynode *spec)
{
	size_t before = r->d->errors;

	check_keys(r, IN_CASE, spec);
	if (r->d->errors > before)
		return;
	check_options(r, spec);
	check_tree(r, spec);
	ynode_each(g, ynode_get(spec, "groups"))
		if (!texts_ok(g) || g->n > CASES_MOST_GROUPS)
			bad(r, g, "a list of at most %d group names belongs here", CASES_MOST_GROUPS);
	ynode_each(t, ynode_get(spec, "tests"))
		check_test(r, spec, t);
	ynode_each(h, ynode_get(spec, "holds"))
		check_hold(r, spec, h);
}

int cases_parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct ynode **out)
{
	static const struct ynode_limits most = {128u << 20, 20u * 1000 * 1000, LIMIT_DOC_BYTES};
	const struct reading r = {file, d};
	const struct ynode *list;

	if (ynode_parse_within(a, file, text, len, &most, d, out) < 0)
		return -EINVAL;
	if ((*out)->kind != Y_MAP) {
		bad(&r, *out, "a file of tests is a map: tests: [{as: ..., op: ..., path: ..., expect: ...}]");
		return -EINVAL;
	}
	list = ynode_get(*out, "cases");
	if (list && list->kind == Y_LIST)
		ynode_each(c, list)
			check_case(&r, c);
	else
		check_case(&r, *out);
	return d->errors ? -EINVAL : 0;
}

/* ------------------------------------------------------------------------------------------------ walking through */

static void one_case(const struct ynode *spec, void (*each)(void *arg, const struct test_case *c), void *arg)
{
	const char *defaults = case_text(spec, "defaults");
	struct test_case c = {
		.spec = spec,
		.about = case_text(spec, "about"),
		.tree = ynode_get(spec, "tree"),
		.no_defaults = defaults && !strcmp(defaults, "none"),
		.strict = case_lists(spec, "options", "strict"),
		.environment = environment_of(spec),
	};

	if (defaults && !c.no_defaults && strcmp(defaults, "builtin") != 0)
		c.defaults = defaults;
	each(arg, &c);
}

void cases_each(const struct ynode *file, void (*each)(void *arg, const struct test_case *c), void *arg)
{
	const struct ynode *list = ynode_get(file, "cases");

	if (!list)
		one_case(file, each, arg);
	ynode_each(c, list)
		one_case(c, each, arg);
}
