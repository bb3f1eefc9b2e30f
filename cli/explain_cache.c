/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/explain_cache.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/scope.h"

static int cache_tree(const struct cli *c)
{
	AUTO_SCOPE s = {0};
	AUTO_BUF why = BUF_INIT, out = BUF_INIT;
	enum acl_class class;
	const char *name;
	int status = scope_open(c, c->arg, &s);

	if (status != ZDDC_YES)
		return status;
	AUTO_FREE char *dir = place_parent(s.at.rel, &name);
	class = acl_snap_class_of(s.e.snap, dir, name, scope_is_dir(&s), NULL, &why);
	acl_class_show(class, s.at.rel, buf_str(&why), cli_has(c, OPT_JSON) ? ACL_JSON : ACL_TEXT, &out);
	status = engine_complaints(&s.e);
	if (status != ZDDC_IO)
		control_print(c, &out);
	return status != ZDDC_YES ? status : class == ACL_UNIFORM ? ZDDC_YES : ZDDC_NO;
}

static int cache_status(const struct buf *json)
{
	json_t *root = control_json(json);
	const char *class = json_string_value(json_object_get(root, "class"));
	int status = class && strcmp(class, "mixed") != 0 ? ZDDC_YES : ZDDC_NO;

	json_decref(root);
	return status;
}

static int cache_mount(const struct cli *c, const struct place *at)
{
	AUTO_BUF name = BUF_INIT, text = BUF_INIT, json = BUF_INIT;
	const char *last;
	AUTO_FREE char *above = place_parent(at->rel, &last), *dir = NULL;
	int err;

	if (asprintf(&dir, "%s/%s", at->root, above) < 0)
		abort();
	buf_addf(&name, "cache.json/%s", last);
	err = control_read(dir, buf_str(&name), &json);
	buf_reset(&name);
	control_name(c, "cache", last, &name);
	err = err ? err : control_read(dir, buf_str(&name), &text);
	if (err)
		return out_fail(ZDDC_IO, "%s: the mount gives no answer (%s): the path may be none you can see", c->arg, strerror(-err));
	control_print(c, &text);
	return cache_status(&json);
}

int explain_cache(const struct cli *c, const struct place *at)
{
	if (!*at->rel)
		return out_fail(ZDDC_USAGE, "%s: the root is entered by everybody and has no name that could be kept: ask about what is in it", c->arg);
	return at->on_mount ? cache_mount(c, at) : cache_tree(c);
}
