/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/engine.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/out.h"
#include "cli/past.h"
#include "cli/tree.h"
#include "defaults/defaults.h"

int engine_defaults_text(const struct cli *c, struct buf *out)
{
	int err;

	if (!cli_has(c, OPT_DEFAULTS)) {
		buf_add(out, defaults_zddc_yaml, defaults_zddc_yaml_len);
		return ZDDC_YES;
	}
	err = file_read(c->opt[OPT_DEFAULTS], LIMIT_DOC_BYTES, out);
	if (err)
		return out_fail(ZDDC_IO, "--defaults %s: %s", c->opt[OPT_DEFAULTS], strerror(-err));
	return ZDDC_YES;
}

int engine_defaults(const struct cli *c, struct zddc_doc **out)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	int status = engine_defaults_text(c, &text);

	if (status != ZDDC_YES)
		return status;
	if (zddc_parse("defaults", buf_str(&text), text.len, false, &d, out) == 0)
		return ZDDC_YES;
	out_diags(&d);
	return out_fail(ZDDC_POLICY, "the defaults (%s) are invalid: repair what is listed above",
			cli_has(c, OPT_DEFAULTS) ? c->opt[OPT_DEFAULTS] : "built in");
}

void engine_over(const struct zddc_source *source, struct zddc_doc *defaults, bool strict, struct engine *e)
{
	e->source = source;
	e->defaults = defaults;
	e->acl = acl_new(defaults, strict);
	e->snap = acl_snap_new(e->acl, source);
}

/* --on: everything as it was, the defaults and -o strict too. */
static int open_past(const struct cli *c, const char *root, struct engine *e)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *defaults = NULL;
	struct past *past;
	int r, status = past_open(c, root, &past);

	if (status != ZDDC_YES)
		return status;
	tree_set_past(e->tree, past);
	r = past_text(past, "defaults", &text);
	if (r == 0)
		r = zddc_parse("defaults", buf_str(&text), text.len, false, &d, &defaults);
	if (r < 0)
		return out_fail(ZDDC_IO, "the defaults of that time cannot be read: %s", strerror(-r));
	engine_over(tree_source(e->tree), defaults, past_strict(past) || cli_has(c, OPT_STRICT), e);
	return ZDDC_YES;
}

int engine_open(const struct cli *c, const char *root, struct engine *e)
{
	struct zddc_doc *defaults;
	int status;

	*e = (struct engine){0};
	e->tree = tree_open(root);
	if (!e->tree)
		return out_fail(ZDDC_IO, "%s: %s", root, strerror(errno));
	if (cli_has(c, OPT_DATE))
		return open_past(c, root, e);
	status = engine_defaults(c, &defaults);
	if (status == ZDDC_YES)
		engine_over(tree_source(e->tree), defaults, cli_has(c, OPT_STRICT), e);
	return status;
}

void engine_close(struct engine *e)
{
	if (e->snap)
		acl_snap_free(e->snap);
	if (e->acl)
		acl_free(e->acl);
	zddc_unref(e->defaults);
	tree_close(e->tree);
}

int engine_complaints(const struct engine *e)
{
	int err;
	const char *file = tree_unreadable(e->tree, &err);

	if (file)
		return out_fail(ZDDC_IO, "%s cannot be read (%s), so the answer is not known: ask somebody who may read it", file,
				strerror(-err));
	if (!tree_errors(e->tree)->errors)
		return ZDDC_YES;
	out_diags(tree_errors(e->tree));
	return out_fail(ZDDC_POLICY, "policy is invalid, so nothing is granted there until it is repaired");
}
