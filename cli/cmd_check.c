/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc check: everything that is wrong with the policy of a tree, or of one file. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/lint.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/tree.h"
#include "cli/walk.h"
#include "cli/who.h"

/* What was found so far, and what is needed to go on. */
struct check {
	const struct cli *c;
	struct engine e;
	struct lint_roles roles; /* that have a member somewhere */
	struct buf out;
	struct diags entries; /* of the directory at hand */
	size_t documents, errors, warnings;
	bool unreadable;
	bool partial; /* on a mount: some of the policy is hidden from this user, so what needs all of it is left out */
};

static void print_json(struct check *k, const struct diag *g)
{
	json_sep(&k->out);
	buf_addc(&k->out, '{');
	json_kv(&k->out, "file", g->file);
	json_kv_int(&k->out, "line", g->line);
	json_kv_int(&k->out, "col", g->col);
	json_kv(&k->out, "level", g->level == DIAG_ERROR ? "error" : "warning");
	json_kv(&k->out, "text", g->text);
	buf_addc(&k->out, '}');
}

static void print_text(struct check *k, const struct diag *g)
{
	bool error = g->level == DIAG_ERROR;

	out_name(&k->out, g->file);
	if (g->line)
		buf_addf(&k->out, ":%u:%u", g->line, g->col);
	buf_addf(&k->out, ": %s%s:%s ", out_style(error ? OUT_BAD : OUT_WARN), error ? "error" : "warning", out_style(OUT_PLAIN));
	out_name(&k->out, g->text);
	buf_addc(&k->out, '\n');
}

static void add_findings(struct check *k, struct diags *d)
{
	diags_sort(d);
	k->errors += d->errors;
	for (size_t i = 0; i < d->n; i++) {
		k->warnings += d->v[i].level == DIAG_WARNING;
		if (cli_has(k->c, OPT_JSON))
			print_json(k, &d->v[i]);
		else
			print_text(k, &d->v[i]);
	}
	if (d->errors > d->n && !cli_has(k->c, OPT_JSON))
		buf_addf(&k->out, "... and %zu more errors\n", d->errors - d->n);
}

/* The document of 'dir' parsed; NULL if there is none or it is invalid (then d says why). */
static struct zddc_doc *document(struct check *k, const char *dir, bool lint, struct diags *d)
{
	AUTO_BUF file = BUF_INIT, text = BUF_INIT;
	struct zddc_doc *doc = NULL;
	int err;

	tree_join(&file, dir, ".zddc");
	err = tree_read(k->e.tree, buf_str(&file), LIMIT_DOC_BYTES, &text);
	if (err == -ENOENT)
		return NULL;
	k->documents += lint;
	if (!err)
		zddc_parse(buf_str(&file), buf_str(&text), text.len, lint, d, &doc);
	else if (err == -ELOOP || err == -EINVAL || err == -EISDIR)
		diag_add(d, DIAG_ERROR, buf_str(&file), 0, 0, "is no regular file, so nothing is granted here: replace it");
	else
		diag_add(d, DIAG_ERROR, buf_str(&file), 0, 0, "cannot be read: %s", strerror(-err));
	k->unreadable = k->unreadable || (lint && (err == -EACCES || err == -EPERM || err == -EIO));
	return doc;
}

static void collect(void *arg, const char *dir)
{
	struct check *k = arg;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct zddc_doc *doc = document(k, dir, false, &ignored);

	if (doc)
		lint_roles_add(&k->roles, doc);
	zddc_unref(doc);
}

static void examine(void *arg, const char *dir)
{
	struct check *k = arg;
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = document(k, dir, true, &d);

	if (doc && !k->partial)
		lint_document_in(&k->e, dir, doc, &k->roles, &d);
	zddc_unref(doc);
	add_findings(k, &d);
}

static void examine_entry(void *arg, const char *dir, const char *name, bool is_dir)
{
	struct check *k = arg;

	if (!k->partial)
		lint_entry(&k->e, dir, name, is_dir, &k->entries);
}

static void examined(void *arg, const char *dir, int err)
{
	struct check *k = arg;

	if (err) {
		diag_add(&k->entries, DIAG_ERROR, *dir ? dir : ".", 0, 0, "cannot be listed: %s", strerror(-err));
		k->unreadable = true;
	}
	add_findings(k, &k->entries);
	diags_free(&k->entries);
}

static int finish(struct check *k)
{
	if (cli_has(k->c, OPT_JSON)) {
		buf_addc(&k->out, ']');
		json_kv_bool(&k->out, "partial", k->partial);
		json_kv_int(&k->out, "documents", (long long)k->documents);
		json_kv_int(&k->out, "errors", (long long)k->errors);
		json_kv_int(&k->out, "warnings", (long long)k->warnings);
		buf_adds(&k->out, "}\n");
	} else {
		if (k->partial)
			buf_adds(&k->out, "some policy of this mount is hidden from you: roles and names are not checked\n");
		buf_addf(&k->out, "%zu document%s: ", k->documents, k->documents == 1 ? "" : "s");
		if (k->errors || k->warnings)
			buf_addf(&k->out, "%zu error%s, %zu warning%s\n", k->errors, k->errors == 1 ? "" : "s", k->warnings,
				 k->warnings == 1 ? "" : "s");
		else
			buf_adds(&k->out, "clean\n");
	}
	out_put(&k->out);
	if (k->unreadable)
		return ZDDC_IO;
	return k->errors ? ZDDC_POLICY : k->warnings ? ZDDC_NO : ZDDC_YES;
}

static void start(struct check *k)
{
	if (cli_has(k->c, OPT_JSON))
		buf_adds(&k->out, "{\"diagnostics\":[");
}

/* Does the mount decide here by the same policy as can be read through it? */
static bool sees_all(const struct check *k, const struct place *at)
{
	char hash[SHA256_HEX] = "";
	struct acl_policy *p = acl_snap_policy(k->e.snap, at->rel);
	bool same = getxattr(at->dir, "user.zddc.policy", hash, sizeof hash - 1) >= 0 && !strcmp(hash, acl_policy_hash(p));

	acl_policy_unref(p);
	return same;
}

static int check_tree(struct check *k, const struct place *at)
{
	AUTO_DIAGS d = DIAGS_INIT;
	int status = engine_open(k->c, at->root, &k->e);

	if (status != ZDDC_YES)
		return status;
	start(k);
	k->partial = at->on_mount && !sees_all(k, at);
	walk_tree(k->e.tree, "", &(struct walk){.dir = collect, .arg = k});
	if (!*at->rel && !k->partial) {
		lint_root(&k->e, &d);
		if (!at->on_mount)
			who_check_identities(k->e.tree, &d);
		add_findings(k, &d);
	}
	walk_tree(k->e.tree, at->rel, &(struct walk){examine, examine_entry, examined, k});
	return finish(k);
}

static int check_file(struct check *k, const char *file)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF text = BUF_INIT;
	struct zddc_doc *doc = NULL;
	char *dir = NULL;
	const char *slash = strrchr(file, '/');
	int err;

	dir = slash ? strndup(file, (size_t)(slash - file + 1)) : strdup(".");
	k->e.tree = dir ? tree_open(dir) : NULL;
	free(dir);
	if (!k->e.tree)
		return out_fail(ZDDC_IO, "%s: %s", file, strerror(errno));
	err = tree_read(k->e.tree, slash ? slash + 1 : file, LIMIT_DOC_BYTES, &text);
	if (err)
		return out_fail(ZDDC_IO, "%s: %s", file, strerror(-err));
	start(k);
	k->documents = 1;
	zddc_parse(file, buf_str(&text), text.len, true, &d, &doc);
	zddc_unref(doc);
	add_findings(k, &d);
	return finish(k);
}

int cmd_check(const struct cli *c)
{
	const char *path = c->arg ? c->arg : ".";
	AUTO_PLACE at = {0};
	struct check k = {.c = c};
	struct stat st;
	int status;

	if (stat(path, &st) < 0)
		return out_fail(ZDDC_IO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		status = check_file(&k, path);
	} else {
		status = place_find(path, c->opt[OPT_ROOT], &at);
		if (status == ZDDC_YES)
			status = check_tree(&k, &at);
	}
	lint_roles_free(&k.roles);
	engine_close(&k.e);
	buf_free(&k.out);
	return status;
}
