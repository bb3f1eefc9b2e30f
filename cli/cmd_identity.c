/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc identity: who is which address, on a mount. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/place.h"

static const struct {
	const char *word, *line; /* what is written into ctl */
	const char *option[2]; /* its arguments there, in order; NULL: none */
} acts[] = {
	{"set", "identity-set", {"user", "email"}},
	{"remove", "identity-remove", {"user"}},
	{"retire", "identity-retire", {"email"}},
};

static int list(const struct cli *c, const struct place *at)
{
	AUTO_BUF text = BUF_INIT, name = BUF_INIT;
	int err;

	control_name(c, "identities", NULL, &name);
	err = control_read(at->root, buf_str(&name), &text);
	if (err)
		return out_fail(ZDDC_NO, "%s: only root administrators and auditors see who is who", at->root);
	control_print(c, &text);
	return ZDDC_YES;
}

static size_t wants(size_t act)
{
	return acts[act].option[1] ? 2 : 1;
}

static int change(const struct cli *c, const struct place *at, size_t act)
{
	AUTO_BUF line = BUF_INIT;

	if (c->n_args != 1 + wants(act))
		return out_fail(ZDDC_USAGE, "zddc identity %s %s", acts[act].word, act == 0 ? "USER EMAIL" : act == 1 ? "USER" : "EMAIL [--heir EMAIL]");
	buf_adds(&line, acts[act].line);
	for (size_t i = 0; i < wants(act); i++)
		control_option(&line, acts[act].option[i], c->args[1 + i]);
	control_option(&line, "heir", c->opt[OPT_HEIR]);
	buf_addc(&line, '\n');
	return control_answer(c, at->root, c->args[1], control_run(at->root, &line));
}

int cmd_identity(const struct cli *c)
{
	AUTO_PLACE at = {0};
	int status = place_find(cli_has(c, OPT_AT) ? c->opt[OPT_AT] : ".", NULL, &at);

	if (status != ZDDC_YES)
		return status;
	if (!at.on_mount)
		return out_fail(ZDDC_IO, "%s is not on a mount: edit .zddc.d/identities.yaml of the archive, or name a mount with --at", at.dir);
	if (!c->n_args || (c->n_args == 1 && !strcmp(c->arg, "list")))
		return list(c, &at);
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		if (!strcmp(c->arg, acts[i].word))
			return change(c, &at, i);
	return out_fail(ZDDC_USAGE, "\"%s\" is none of list, set, remove, retire", c->arg);
}
