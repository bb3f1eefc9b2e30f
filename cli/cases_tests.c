/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the text of a case to its tests, the rows of its tables (holds:) spelled out. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/cases_priv.h"

struct run {
	const struct test_case *c;
	struct arena *a;
	long long now;
	void (*each)(void *arg, const struct test *t);
	void *arg;
};

/* ------------------------------------------------------------------------------------------------ one test */

static int hex(char c)
{
	return c <= '9' ? c - '0' : str_lower_c(c) - 'a' + 10;
}

static bool is_hex(char c)
{
	return c && strchr("0123456789abcdefABCDEF", c);
}

/* Without a slash at its end; "." is the root, ""; %XX are bytes if 'bytes'. */
static const char *clean_path(struct arena *a, const char *text, bool bytes)
{
	char *path = arena_strdup(a, text), *out = path;
	size_t n;

	for (const char *s = path; *s; s++)
		if (bytes && *s == '%' && is_hex(s[1]) && is_hex(s[2])) {
			*out++ = (char)(hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		} else {
			*out++ = *s;
		}
	*out = 0;
	for (n = (size_t)(out - path); n && path[n - 1] == '/';)
		path[--n] = 0;
	return !strcmp(path, ".") ? "" : path;
}

static void add_groups(struct run *r, const struct ynode *list, struct test *t)
{
	t->who.n_groups = 0;
	if (list && list->kind == Y_SCALAR) {
		t->groups[t->who.n_groups] = arena_strdup(r->a, list->text);
		str_lower((char *)t->groups[t->who.n_groups++]);
	}
	ynode_each(g, list) {
		t->groups[t->who.n_groups] = arena_strdup(r->a, g->text);
		str_lower((char *)t->groups[t->who.n_groups++]);
	}
	t->who.groups = t->groups;
}

/* The principal that 'as' means in this case. */
static void set_who(struct run *r, const char *as, struct test *t)
{
	const struct ynode *groups = ynode_get(r->c->spec, "groups"), *mine;
	const char *email = case_text(ynode_get(r->c->spec, "people"), as);
	char *folded = arena_strdup(r->a, email ? email : as);

	str_lower(folded);
	t->as = as;
	t->who.email = strcmp(folded, "anonymous") ? folded : NULL;
	mine = ynode_get(groups, as);
	if (!mine && email)
		mine = ynode_get(groups, email);
	add_groups(r, mine, t);
}

static void set_attrs(struct run *r, const struct ynode *spec, struct test *t)
{
	const char *risk = case_text(spec, "risk"), *when = case_text(spec, "time");

	t->attrs = (struct acl_attrs){.now = r->now, .risk_score = risk ? atoi(risk) : -1};
	t->attrs.environment = case_text(spec, "environment");
	if (!t->attrs.environment)
		t->attrs.environment = r->c->environment;
	t->attrs.provenance = case_text(spec, "provenance");
	if (when)
		str_time(when, &t->attrs.now);
	t->flags = case_flag(spec, "elevated") ? ACL_IS_ELEVATED : 0;
}

static void set_by(struct run *r, const char *by, struct test *t)
{
	const char *colon = by ? strrchr(by, ':') : NULL;

	t->by = by;
	t->by_line = 0;
	if (!colon || colon == by || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
		return;
	t->by = arena_strndup(r->a, by, (size_t)(colon - by));
	t->by_line = (uint32_t)strtoul(colon + 1, NULL, 10);
}

static void run_test(struct run *r, const struct ynode *spec, struct test *t)
{
	const char *on = case_text(spec, "on"), *to = case_text(spec, "to");
	bool bytes = case_flag(spec, "bytes");

	if (on && !strcmp(on, "mount"))
		return;
	t->line = spec->line;
	t->about = case_text(spec, "about");
	acl_op_find(case_text(spec, "op"), &t->op);
	t->path = clean_path(r->a, case_text(spec, "path"), bytes);
	t->to = to && t->op == ACL_OP_RENAME_FROM ? clean_path(r->a, to, bytes) : NULL;
	t->over = case_flag(spec, "over");
	t->allow = !strcmp(case_text(spec, "expect"), "allow");
	t->reason = case_text(spec, "reason");
	set_by(r, case_text(spec, "by"), t);
	set_who(r, case_text(spec, "as"), t);
	if (ynode_get(spec, "groups"))
		add_groups(r, ynode_get(spec, "groups"), t);
	set_attrs(r, spec, t);
	r->each(r->arg, t);
}

/* ------------------------------------------------------------------------------------------------ a table of verbs */

/* The operations that each verb stands for; of DIR on the directory itself or on one in it. */
static const struct {
	verbset verb;
	enum acl_op op;
	enum { ON_FILE, ON_FOLDER, ON_ITSELF, ON_POLICY } what;
} table_ops[] = {
	{V_R, ACL_OP_LIST, ON_ITSELF},	      {V_R, ACL_OP_READ, ON_FILE},	 {V_R, ACL_OP_STAT, ON_FILE},
	{V_R, ACL_OP_GETXATTR, ON_FILE},      {V_R, ACL_OP_READLINK, ON_FILE},	 {V_W, ACL_OP_WRITE, ON_FILE},
	{V_W, ACL_OP_TRUNCATE, ON_FILE},      {V_W, ACL_OP_FALLOCATE, ON_FILE},	 {V_W, ACL_OP_UTIMENS, ON_FILE},
	{V_W, ACL_OP_CHMOD, ON_FILE},	      {V_W, ACL_OP_CHOWN, ON_FILE},	 {V_W, ACL_OP_SETXATTR, ON_FILE},
	{V_W, ACL_OP_REMOVEXATTR, ON_FILE},   {V_W, ACL_OP_RENAME, ON_FILE},	 {V_C, ACL_OP_CREATE, ON_FILE},
	{V_C, ACL_OP_MKDIR, ON_FOLDER},	      {V_C, ACL_OP_SYMLINK, ON_FILE},	 {V_C, ACL_OP_RENAME_TO, ON_FILE},
	{V_D, ACL_OP_UNLINK, ON_FILE},	      {V_D, ACL_OP_RMDIR, ON_FOLDER},	 {V_D, ACL_OP_RENAME_FROM, ON_FILE},
	{V_A, ACL_OP_WRITE, ON_POLICY},
};

static bool op_wanted(const struct ynode *hold, const char *name)
{
	return !ynode_get(hold, "only") || case_lists(hold, "only", name);
}

static void run_cell(struct run *r, const struct ynode *hold, enum acl_op op, const char *in, bool allow, struct test *t)
{
	const char *dir = clean_path(r->a, case_text(hold, "path"), false);

	t->op = op;
	t->allow = allow;
	t->path = !in ? dir : *dir ? arena_printf(r->a, "%s/%s", dir, in) : in;
	r->each(r->arg, t);
}

/* Links and devices are for nobody, whoever may enter. */
static void run_never(struct run *r, const struct ynode *hold, struct test *t)
{
	if (ynode_get(hold, "only"))
		return;
	run_cell(r, hold, ACL_OP_LINK, "node.bin", false, t);
	run_cell(r, hold, ACL_OP_MKNOD, "node.bin", false, t);
}

static void run_row(struct run *r, const struct ynode *hold, const struct ynode *cell, struct test *t)
{
	const char *file = case_text(hold, "file"), *folder = case_text(hold, "dir");
	bool sees = *cell->text || case_lists(hold, "pass", cell->key->text);
	verbset held;
	char ignored;

	verbs_parse(cell->text, &held, &ignored);
	if (op_wanted(hold, "enter"))
		run_cell(r, hold, ACL_OP_ENTER, NULL, sees, t);
	for (size_t i = 0; i < sizeof table_ops / sizeof *table_ops; i++) {
		const char *in[] = {file ? file : "file.txt", folder ? folder : "folder", NULL, ".zddc"};

		if (op_wanted(hold, acl_ops[table_ops[i].op].name))
			run_cell(r, hold, table_ops[i].op, in[table_ops[i].what], (held & table_ops[i].verb) != 0, t);
	}
	if (sees)
		run_never(r, hold, t);
}

static void run_hold(struct run *r, const struct ynode *hold)
{
	const char *on = case_text(hold, "on");

	if (on && !strcmp(on, "mount"))
		return;
	ynode_each(cell, ynode_get(hold, "who")) {
		struct test t = {.line = cell->key->line, .about = case_text(hold, "about"), .attrs = {.now = r->now, .risk_score = -1}};

		set_who(r, cell->key->text, &t);
		run_row(r, hold, cell, &t);
	}
}

void cases_tests(const struct test_case *c, struct arena *a, long long now, void (*each)(void *arg, const struct test *t), void *arg)
{
	struct run r = {c, a, now, each, arg};
	struct test t = {0};

	ynode_each(spec, ynode_get(c->spec, "tests"))
		run_test(&r, spec, &t);
	ynode_each(hold, ynode_get(c->spec, "holds"))
		run_hold(&r, hold);
}
