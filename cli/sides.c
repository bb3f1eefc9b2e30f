/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/sides.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/memtree.h"
#include "cli/out.h"
#include "cli/tree.h"
#include "cli/vec.h"

/* ------------------------------------------------------------------------------------------------ a tree with one other text */

struct overlay {
	const struct zddc_source *base;
	const char *dir;
	struct buf text;
	struct zddc_source source;
};

static int over_read(void *ctx, const char *dir, struct buf *text)
{
	const struct overlay *o = ctx;

	if (strcmp(dir, o->dir) != 0)
		return o->base->read(o->base->ctx, dir, text);
	buf_add(text, buf_str(&o->text), o->text.len);
	return 0;
}

static int over_subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	const struct overlay *o = ctx;

	return o->base->subdirs(o->base->ctx, dir, each, arg);
}

/* Takes over the text. */
static struct overlay *overlay_new(const struct zddc_source *base, const char *dir, struct buf *text)
{
	struct overlay *o = calloc(1, sizeof *o);

	if (!o)
		abort();
	*o = (struct overlay){.base = base, .dir = dir, .text = *text};
	*text = (struct buf)BUF_INIT;
	o->source = (struct zddc_source){.read = over_read, .subdirs = over_subdirs, .ctx = o};
	return o;
}

/* ------------------------------------------------------------------------------------------------ what the names mean */

enum side_kind { A_TREE, A_POLICY, A_TEXT };

/* A .zddc is policy where an archive is around it. */
static enum side_kind kind_of(const char *name)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	struct stat st;

	if (strcmp(name, "-") != 0 && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
		return A_TREE;
	return !strcmp(base, ".zddc") ? A_POLICY : A_TEXT;
}

/* The text of a file, and whether it is valid. An exit status; an error was printed. */
static int read_policy(const char *name, struct buf *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	int err = file_read(name, LIMIT_DOC_BYTES, text);

	if (err)
		return out_fail(ZDDC_IO, "%s: %s", name, strerror(-err));
	err = zddc_parse(name, buf_str(text), text->len, false, &d, &doc);
	zddc_unref(doc);
	if (!err)
		return ZDDC_YES;
	out_diags(&d);
	return out_fail(ZDDC_POLICY, "%s is no valid policy: a mount would refuse it", name);
}

static int open_trees(const struct cli *c, const char *old, const char *new, struct sides *s)
{
	int status = scope_open(c, old, &s->scope[0]);

	if (status == ZDDC_YES)
		status = scope_open(c, new, &s->scope[1]);
	if (status != ZDDC_YES)
		return status;
	if (strcmp(s->scope[0].at.rel, s->scope[1].at.rel) != 0)
		return out_fail(ZDDC_USAGE, "%s and %s are not the same place of two archives: compare what is called the same in both", old, new);
	s->old = &s->scope[0].e;
	s->new = &s->scope[1].e;
	s->dir = vec_str(s->scope[0].at.rel);
	return ZDDC_YES;
}

/* 'tree' (a directory, or the .zddc in it) as it is, and with 'text' in that place. */
static int open_overlay(const struct cli *c, const char *tree, const char *text, bool text_is_new, struct sides *s)
{
	AUTO_BUF body = BUF_INIT;
	struct zddc_doc *defaults;
	int status = read_policy(text, &body);

	if (status == ZDDC_YES)
		status = scope_open(c, tree, &s->scope[0]);
	if (status == ZDDC_YES)
		status = engine_defaults(c, &defaults);
	if (status != ZDDC_YES)
		return status;
	s->dir = scope_dir(&s->scope[0]);
	s->overlay = overlay_new(s->scope[0].e.source, s->dir, &body);
	engine_over(&s->overlay->source, defaults, cli_has(c, OPT_STRICT), &s->own[0]);
	s->old = text_is_new ? &s->scope[0].e : &s->own[0];
	s->new = text_is_new ? &s->own[0] : &s->scope[0].e;
	return ZDDC_YES;
}

/* Two texts, each as the root policy of an archive without anything in it. */
static int open_texts(const struct cli *c, const char *const names[2], struct sides *s)
{
	for (int i = 0; i < 2; i++) {
		AUTO_BUF text = BUF_INIT;
		struct zddc_doc *defaults;
		int status = read_policy(names[i], &text);

		if (status == ZDDC_YES)
			status = engine_defaults(c, &defaults);
		if (status != ZDDC_YES)
			return status;
		s->memory[i] = memtree_new();
		memtree_doc(s->memory[i], "", buf_str(&text), text.len);
		engine_over(memtree_source(s->memory[i]), defaults, cli_has(c, OPT_STRICT), &s->own[i]);
	}
	s->old = &s->own[0];
	s->new = &s->own[1];
	s->dir = vec_str("");
	return ZDDC_YES;
}

int sides_open(const struct cli *c, const char *old, const char *new, struct sides *s)
{
	enum side_kind a = kind_of(old), b = kind_of(new);

	*s = (struct sides){0};
	if (a == A_TREE && b == A_TREE)
		return open_trees(c, old, new, s);
	if (a != A_TEXT && b != A_TREE)
		return open_overlay(c, old, new, true, s);
	if (b != A_TEXT)
		return open_overlay(c, new, old, false, s);
	return open_texts(c, (const char *const[]){old, new}, s);
}

int sides_complaints(const struct sides *s)
{
	int status = ZDDC_YES;

	for (int i = 0; i < 2 && status == ZDDC_YES; i++)
		if (s->scope[i].e.tree)
			status = engine_complaints(&s->scope[i].e);
	return status;
}

void sides_close(struct sides *s)
{
	for (int i = 0; i < 2; i++)
		engine_close(&s->own[i]);
	if (s->overlay)
		buf_free(&s->overlay->text);
	free(s->overlay);
	for (int i = 0; i < 2; i++) {
		memtree_free(s->memory[i]);
		scope_close(&s->scope[i]);
	}
	free(s->dir);
}
