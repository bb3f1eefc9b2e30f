/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc why: this user's last refusal on a mount, as the daemon recorded it. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/place.h"

/* Is there anything in it? An empty object means that nothing was refused. */
static bool refusal(const struct buf *json)
{
	json_t *root = control_json(json);
	bool any = json_object_size(root) > 0;

	json_decref(root);
	return any;
}

/* The part for people: what stands before the JSON. */
static void sentence(const struct buf *text, struct buf *out)
{
	const char *s = buf_str(text), *json = *s == '{' ? s : strstr(s, "\n{");

	buf_add(out, s, json ? (size_t)(json - s) : text->len);
}

int cmd_why(const struct cli *c)
{
	const char *path = c->arg ? c->arg : ".";
	AUTO_BUF json = BUF_INIT, text = BUF_INIT, shown = BUF_INIT;
	int err;

	if (!place_has_control(path))
		return out_fail(ZDDC_IO, "%s is not on a mount: give a directory of the mount, or go there", path);
	err = control_read(path, "last-error.json", &json);
	if (!err)
		err = control_read(path, "last-error", &text);
	if (err)
		return out_fail(ZDDC_IO, "%s: the mount gives no answer: %s", path, strerror(-err));
	if (!refusal(&json)) {
		buf_adds(&shown, cli_has(c, OPT_JSON) ? "{}\n" : "nothing was refused to you on this mount\n");
		out_put(&shown);
		return ZDDC_YES;
	}
	if (cli_has(c, OPT_JSON))
		buf_adds(&shown, buf_str(&json));
	else
		sentence(&text, &shown);
	control_print(c, &shown);
	return ZDDC_NO;
}
