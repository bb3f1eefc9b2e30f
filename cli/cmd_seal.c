/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zddc seal, accept, mark, hold, withdraw: one line written into .zddc.d/ctl of the file's directory, where the mount runs it. The errno of
 * the write is the answer; why, the mount remembers as this user's last refusal.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/place.h"

static void add_quoted(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addc(out, '\\');
		if (*text == '\n')
			buf_adds(out, "\\n");
		else
			buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

/* "accept NAME", "mark --void TEXT NAME": the options of the command line that this command takes, then the name. */
static void add_line(const struct cli *c, const char *name, struct buf *out)
{
	static const enum cli_opt passed[] = {OPT_VOID, OPT_REASON, OPT_MOVED_TO, OPT_ON, OPT_OFF};

	buf_adds(out, cli_cmds[c->cmd].name);
	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		if (!cli_has(c, passed[i]))
			continue;
		buf_addf(out, " --%s ", cli_opts[passed[i]].name);
		add_quoted(out, c->opt[passed[i]]);
	}
	buf_addc(out, ' ');
	add_quoted(out, name);
	buf_addc(out, '\n');
}

/* 0 or -errno. */
static int run_line(const char *dir, const struct buf *line)
{
	AUTO_BUF path = BUF_INIT;

	buf_addf(&path, "%s/.zddc.d/ctl", dir);
	AUTO_CLOSE int fd = open(buf_str(&path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, line->data, line->len) < 0 ? -errno : 0;
}

/* Why it was refused, as the mount says it. */
static void refusal(const char *dir, int err, struct buf *out)
{
	AUTO_BUF json = BUF_INIT;
	json_t *root = control_read(dir, "last-error.json", &json) == 0 ? control_json(&json) : NULL;
	const char *said = json_string_value(json_object_get(root, "sentence"));

	if (said && json_integer_value(json_object_get(root, "errno")) == -err)
		buf_adds(out, said);
	else
		buf_adds(out, strerror(-err));
	json_decref(root);
}

static int answer(const struct cli *c, const char *dir, int err)
{
	AUTO_BUF why = BUF_INIT, out = BUF_INIT;

	if (err)
		refusal(dir, err, &why);
	if (cli_has(c, OPT_JSON)) {
		buf_addc(&out, '{');
		json_kv(&out, "command", cli_cmds[c->cmd].name);
		json_kv(&out, "path", c->arg);
		json_kv_bool(&out, "done", !err);
		json_kv_int(&out, "errno", -err);
		json_kv(&out, "why", err ? buf_str(&why) : NULL);
		buf_adds(&out, "}\n");
		out_put(&out);
		return err ? ZDDC_NO : ZDDC_YES;
	}
	return err ? out_fail(ZDDC_NO, "%s", buf_str(&why)) : ZDDC_YES;
}

static int on_file(const struct cli *c)
{
	AUTO_FREE char *copy = strdup(c->arg), *dir = NULL;
	AUTO_BUF line = BUF_INIT;
	char *slash = copy ? strrchr(copy, '/') : NULL;
	const char *name = slash ? slash + 1 : copy;

	if (!copy || !*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return out_fail(ZDDC_USAGE, "%s is no file: zddc %s %s", c->arg, cli_cmds[c->cmd].name, cli_cmds[c->cmd].args);
	add_line(c, name, &line);
	if (slash)
		slash[slash == copy ? 1 : 0] = '\0';
	dir = realpath(slash ? copy : ".", NULL);
	if (!dir || !place_has_control(dir))
		return out_fail(ZDDC_IO, "%s is not on a mount", c->arg);
	return answer(c, dir, run_line(dir, &line));
}

int cmd_seal(const struct cli *c)
{
	return on_file(c);
}

int cmd_accept(const struct cli *c)
{
	return on_file(c);
}

int cmd_mark(const struct cli *c)
{
	if (!cli_has(c, OPT_VOID))
		return out_fail(ZDDC_USAGE, "mark needs --void TEXT: why the document no longer holds");
	return on_file(c);
}

int cmd_hold(const struct cli *c)
{
	if (cli_has(c, OPT_ON) == cli_has(c, OPT_OFF))
		return out_fail(ZDDC_USAGE, "hold needs one of --on TEXT and --off TEXT");
	return on_file(c);
}

int cmd_withdraw(const struct cli *c)
{
	if (!cli_has(c, OPT_REASON))
		return out_fail(ZDDC_USAGE, "withdraw needs --reason TEXT");
	return on_file(c);
}
