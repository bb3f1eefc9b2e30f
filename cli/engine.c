/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/tree.h"
#include "defaults/defaults.h"

static int read_file(const char *file, struct buf *out)
{
	AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && out->len <= LIMIT_DOC_BYTES) {
		buf_reserve(out, 65536);
		n = read(fd, out->data + out->len, 65536);
		if (n < 0)
			return -errno;
		out->len += (size_t)n;
		out->data[out->len] = 0;
	}
	return 0;
}

int engine_defaults_text(const struct cli *c, struct buf *out)
{
	int err;

	if (!cli_has(c, OPT_DEFAULTS)) {
		buf_add(out, defaults_zddc_yaml, defaults_zddc_yaml_len);
		return ZDDC_YES;
	}
	err = read_file(c->opt[OPT_DEFAULTS], out);
	if (err)
		return out_fail(ZDDC_IO, "--defaults %s: %s", c->opt[OPT_DEFAULTS], strerror(-err));
	return ZDDC_YES;
}

static int parse_defaults(const struct cli *c, struct zddc_doc **out)
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

int engine_open(const struct cli *c, const char *root, struct engine *e)
{
	int status;

	*e = (struct engine){0};
	e->tree = tree_open(root);
	if (!e->tree)
		return out_fail(ZDDC_IO, "%s: %s", root, strerror(errno));
	status = parse_defaults(c, &e->defaults);
	if (status != ZDDC_YES)
		return status;
	e->acl = acl_new(e->defaults, cli_has(c, OPT_STRICT));
	e->snap = acl_snap_new(e->acl, tree_source(e->tree));
	return ZDDC_YES;
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
