/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zddc seal, accept, mark, hold, withdraw: one line written into .zddc.d/ctl of the file's directory, where the mount runs it. The errno of
 * the write is the answer; why, the mount remembers as this user's last refusal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/place.h"

/* "accept NAME", "mark --void TEXT NAME": the options of the command line that this command takes, then the name. */
static void add_line(const struct cli *c, const char *name, struct buf *out)
{
	static const enum cli_opt passed[] = {OPT_VOID, OPT_REASON, OPT_MOVED_TO};

	buf_adds(out, cli_cmds[c->cmd].name);
	if (c->cmd == CMD_HOLD)
		control_option(out, c->args[1], c->opt[OPT_REASON]);
	for (size_t i = 0; c->cmd != CMD_HOLD && i < ARRAY_LEN(passed); i++)
		control_option(out, cli_opts[passed[i]].name, c->opt[passed[i]]);
	buf_addc(out, ' ');
	control_quote(out, name);
	buf_addc(out, '\n');
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
	return control_answer(c, dir, c->arg, control_run(dir, &line));
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
	if (strcmp(c->args[1], "on") != 0 && strcmp(c->args[1], "off") != 0)
		return out_fail(ZDDC_USAGE, "\"%s\" is neither on nor off: zddc hold FILE on|off --reason TEXT", c->args[1]);
	if (!cli_has(c, OPT_REASON))
		return out_fail(ZDDC_USAGE, "hold needs --reason TEXT");
	return on_file(c);
}

int cmd_withdraw(const struct cli *c)
{
	if (!cli_has(c, OPT_REASON))
		return out_fail(ZDDC_USAGE, "withdraw needs --reason TEXT");
	return on_file(c);
}
