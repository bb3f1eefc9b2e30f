/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine side of the policy cases: reads trees and questions from standard input, one a line, and answers each with a line.
 * Only acl.h is used, over a tree held in memory. run.py writes the questions.
 *
 * Fields are separated by tabs; bytes below 0x21, above 0x7e and '%' are written %XX.
 *   new FLAGS           a new tree; FLAGS holds "s" for strict, "b" for the built-in defaults; "-" for none
 *   defaults TEXT       own defaults instead
 *   dir PATH            a directory on disk
 *   doc PATH TEXT       its .zddc
 *   last TEXT           the last valid text of the root
 *   ask ID EMAIL GROUPS OP DIR NAME FLAGS NOW     EMAIL, GROUPS and NAME may be "-"; FLAGS "e" elevated; GROUPS joined by commas
 * Answer: ID allowed|denied ERRNO REASON FILE LINE ENTRY ROLE EFFECTIVE ADMIN
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "defaults/defaults.h"

enum { MAX_FIELDS = 12, MAX_GROUPS = 16 };

struct dir {
	char *path;
	char *text; /* NULL: no .zddc */
	size_t len;
};

static struct {
	struct dir *v;
	size_t n, cap;
	char *last;
	size_t last_len;
	char *defaults; /* own text */
	size_t defaults_len;
	bool strict, builtin;
	struct acl *acl;
	struct acl_snap *snap;
	struct zddc_doc *defaults_doc;
} tree;

static _Noreturn void die(const char *what, const char *detail)
{
	fprintf(stderr, "engine: %s: %s\n", what, detail);
	exit(2);
}

/* ------------------------------------------------------------------ the tree in memory */

static struct dir *dir_find(const char *path)
{
	for (size_t i = 0; i < tree.n; i++)
		if (strcmp(tree.v[i].path, path) == 0)
			return &tree.v[i];
	return NULL;
}

static struct dir *dir_add(const char *path)
{
	struct dir *d = dir_find(path);
	if (d)
		return d;
	if (tree.n == tree.cap) {
		tree.cap = tree.cap ? tree.cap * 2 : 64;
		tree.v = realloc(tree.v, tree.cap * sizeof *tree.v);
		if (!tree.v)
			die("memory", "none left");
	}
	tree.v[tree.n] = (struct dir){.path = strdup(path)};
	return &tree.v[tree.n++];
}

static int source_read(void *ctx, const char *dir, struct buf *text)
{
	(void)ctx;
	const struct dir *d = dir_find(dir);
	if (!d || !d->text)
		return -ENOENT;
	buf_add(text, d->text, d->len);
	return 0;
}

/* The name of 'path' directly below 'dir', or NULL. */
static const char *child_name(const char *dir, const char *path)
{
	size_t n = strlen(dir);
	if (strncmp(dir, path, n) != 0 || !*path)
		return NULL;
	const char *rest = path + n;
	if (n) {
		if (*rest != '/')
			return NULL;
		rest++;
	}
	return *rest && !strchr(rest, '/') ? rest : NULL;
}

static int source_subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	(void)ctx;
	if (*dir && !dir_find(dir))
		return -ENOENT;
	for (size_t i = 0; i < tree.n; i++) {
		const char *name = child_name(dir, tree.v[i].path);
		if (name && !each(arg, name))
			return 0;
	}
	return 0;
}

static int source_last(void *ctx, struct buf *text)
{
	(void)ctx;
	if (!tree.last)
		return -ENOENT;
	buf_add(text, tree.last, tree.last_len);
	return 0;
}

static void close_tree(void)
{
	if (tree.snap)
		acl_snap_free(tree.snap);
	if (tree.acl)
		acl_free(tree.acl);
	zddc_unref(tree.defaults_doc);
	for (size_t i = 0; i < tree.n; i++) {
		free(tree.v[i].path);
		free(tree.v[i].text);
	}
	free(tree.v);
	free(tree.last);
	free(tree.defaults);
	memset(&tree, 0, sizeof tree);
}

static void load_defaults(void)
{
	const char *text = tree.builtin ? defaults_zddc_yaml : tree.defaults;
	size_t len = tree.builtin ? defaults_zddc_yaml_len : tree.defaults_len;
	AUTO_DIAGS d = DIAGS_INIT;
	if (!text || zddc_parse("defaults", text, len, false, &d, &tree.defaults_doc) == 0)
		return;
	AUTO_BUF out = BUF_INIT;
	diags_format(&d, &out);
	die("defaults", buf_str(&out));
}

static void open_tree(void)
{
	static const struct zddc_source source = {.read = source_read, .subdirs = source_subdirs, .last_root = source_last};
	load_defaults();
	tree.acl = acl_new(tree.defaults_doc, tree.strict);
	tree.snap = acl_snap_new(tree.acl, &source);
}

/* ------------------------------------------------------------------ questions */

struct question {
	const char *id, *dir, *name;
	enum acl_op op;
	unsigned flags;
	struct acl_principal who;
	const char *groups[MAX_GROUPS];
	struct acl_attrs attrs;
};

static void answer_sight(const struct question *q)
{
	struct acl_sight sight = {0};
	struct acl_request rq = acl_request_for(q->op, NULL, &q->who, &q->attrs, q->flags);
	int r = acl_snap_sight(tree.snap, q->dir, &rq, &sight);
	if (r < 0)
		die("acl_snap_sight", strerror(-r));
	printf("%s\t%s\t%d\t%s\t-\t0\t-\t-\t-\t-\n", q->id, sight.enter ? "allowed" : "denied", sight.enter ? 0 : ENOENT,
	       sight.enter ? "visible" : "not-visible");
}

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static void answer_decision(const struct question *q)
{
	struct acl_policy *p = acl_snap_policy(tree.snap, q->dir);
	struct acl_request rq = acl_request_for(q->op, q->name, &q->who, &q->attrs, q->flags);
	struct acl_decision d = acl_decide(p, &rq);
	char verbs[8];
	printf("%s\t%s\t%d\t%s\t%s\t%u\t%s\t%s\t%s\t%s\n", q->id, d.allowed ? "allowed" : "denied",
	       d.allowed ? 0 : acl_reasons[d.reason].err, acl_reasons[d.reason].word, or_dash(d.src.file), d.src.line, or_dash(d.entry),
	       or_dash(d.role), or_dash(verbs_print(d.effective, verbs)), d.admin ? "admin" : "-");
	acl_policy_unref(p);
}

static size_t split_groups(char *text, const char **out)
{
	size_t n = 0;
	if (strcmp(text, "-") == 0)
		return 0;
	for (char *save = NULL, *g = strtok_r(text, ",", &save); g && n < MAX_GROUPS; g = strtok_r(NULL, ",", &save))
		out[n++] = g;
	return n;
}

/* ask ID EMAIL GROUPS OP DIR NAME FLAGS NOW */
static void ask(char **f)
{
	if (!tree.snap)
		open_tree();
	struct question q = {.id = f[1], .dir = f[5], .name = strcmp(f[6], "-") ? f[6] : NULL};
	if (!acl_op_find(f[4], &q.op))
		die("no such operation", f[4]);
	q.who.email = strcmp(f[2], "-") ? f[2] : NULL;
	q.who.n_groups = split_groups(f[3], q.groups);
	q.who.groups = q.groups;
	q.flags = strchr(f[7], 'e') ? ACL_IS_ELEVATED : 0;
	q.attrs = (struct acl_attrs){.now = atoll(f[8]), .risk_score = -1};
	if (acl_ops[q.op].place == ACL_PLACE_DIR && !acl_ops[q.op].verbs)
		answer_sight(&q);
	else
		answer_decision(&q);
}

/* ------------------------------------------------------------------ lines */

static int hex(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* In place; returns the length. */
static size_t unescape(char *s)
{
	char *out = s;
	for (const char *in = s; *in; in++) {
		if (*in == '%' && in[1] && in[2]) {
			*out++ = (char)(hex(in[1]) << 4 | hex(in[2]));
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = 0;
	return (size_t)(out - s);
}

static char *copy(const char *text, size_t len)
{
	char *p = malloc(len + 1);
	if (!p)
		die("memory", "none left");
	memcpy(p, text, len);
	p[len] = 0;
	return p;
}

static void do_line(char **f, const size_t *len, int n)
{
	if (strcmp(f[0], "new") == 0 && n == 2) {
		close_tree();
		tree.strict = strchr(f[1], 's');
		tree.builtin = strchr(f[1], 'b');
		dir_add("");
	} else if (strcmp(f[0], "defaults") == 0 && n == 2) {
		tree.defaults = copy(f[1], len[1]);
		tree.defaults_len = len[1];
	} else if (strcmp(f[0], "dir") == 0 && n == 2) {
		dir_add(f[1]);
	} else if (strcmp(f[0], "doc") == 0 && n == 3) {
		struct dir *d = dir_add(f[1]);
		free(d->text);
		d->text = copy(f[2], len[2]);
		d->len = len[2];
	} else if (strcmp(f[0], "last") == 0 && n == 2) {
		tree.last = copy(f[1], len[1]);
		tree.last_len = len[1];
	} else if (strcmp(f[0], "ask") == 0 && n == 9) {
		ask(f);
	} else {
		die("not a command", f[0]);
	}
}

int main(void)
{
	AUTO_FREE char *line = NULL;
	size_t cap = 0;
	ssize_t got;
	while ((got = getline(&line, &cap, stdin)) > 0) {
		char *f[MAX_FIELDS] = {0};
		size_t len[MAX_FIELDS] = {0};
		int n = 0;
		line[strcspn(line, "\n")] = 0;
		for (char *p = line; p && n < MAX_FIELDS; n++)
			f[n] = strsep(&p, "\t");
		for (int i = 0; i < n; i++)
			len[i] = unescape(f[i]);
		do_line(f, len, n);
	}
	close_tree();
	return 0;
}
