/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc COMMAND [OPTIONS] [ARGUMENT]: reads the command line by the table of cmds.def and calls the command. */
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/out.h"

#define ON(id) (UINT64_C(1) << CMD_##id)
#define EVERY UINT64_MAX
#define MANY SIZE_MAX

const struct cmd_row cli_cmds[CMD_COUNT] = {
#define CMD(id, function, name, args, fewest, most, summary, text) {function, name, args, fewest, most, summary, text},
#include "cli/cmds.def"
};

const struct opt_row cli_opts[OPT_COUNT] = {
#define OPT(id, name, arg, letter, on, meaning) {name, arg, letter, on, meaning},
#include "cli/cmds.def"
};

const struct status_row cli_statuses[] = {
#define STATUS(code, id, meaning) {code, meaning},
#include "cli/cmds.def"
};
const size_t cli_n_statuses = ARRAY_LEN(cli_statuses);

static int unknown_command(const char *word)
{
	const char *names[CMD_COUNT];
	const char *near;

	for (int i = 0; i < CMD_COUNT; i++)
		names[i] = cli_cmds[i].name;
	near = str_nearest(word, names, CMD_COUNT);
	if (near)
		return out_fail(ZDDC_USAGE, "there is no command \"%s\": did you mean \"%s\"?", word, near);
	return out_fail(ZDDC_USAGE, "there is no command \"%s\": \"zddc --help\" lists them", word);
}

static int unknown_option(const struct cli *c, const char *word, size_t len)
{
	const char *names[OPT_COUNT];
	size_t n = 0;
	char name[64] = "";
	const char *near;

	memcpy(name, word, len < sizeof name ? len : sizeof name - 1);
	for (int i = 0; i < OPT_COUNT; i++)
		if (cli_takes(c->cmd, &cli_opts[i]))
			names[n++] = cli_opts[i].name;
	near = str_nearest(name, names, n);
	if (near)
		return out_fail(ZDDC_USAGE, "%s has no option --%s: did you mean --%s?", cli_cmds[c->cmd].name, name, near);
	return out_fail(ZDDC_USAGE, "%s has no option --%s: \"zddc %s --help\" lists them", cli_cmds[c->cmd].name, name,
			cli_cmds[c->cmd].name);
}

static int option_of(const struct cli *c, const char *name, size_t len)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if (cli_takes(c->cmd, &cli_opts[i]) && strlen(cli_opts[i].name) == len && !memcmp(cli_opts[i].name, name, len))
			return i;
	return -1;
}

/* "--name", "--name=value" or "--name value"; *i moves past what was taken. */
static int long_option(struct cli *c, char **argv, int argc, int *i)
{
	const char *word = argv[*i] + 2;
	size_t len = strcspn(word, "=");
	int o = option_of(c, word, len);

	if (o < 0)
		return unknown_option(c, word, len);
	if (!cli_opts[o].arg) {
		if (word[len])
			return out_fail(ZDDC_USAGE, "--%s takes no value: leave \"%s\" away", cli_opts[o].name, word + len);
		c->opt[o] = "";
		return ZDDC_YES;
	}
	if (word[len])
		c->opt[o] = word + len + 1;
	else if (*i + 1 < argc)
		c->opt[o] = argv[++*i];
	else
		return out_fail(ZDDC_USAGE, "--%s needs a value: --%s %s", cli_opts[o].name, cli_opts[o].name, cli_opts[o].arg);
	return ZDDC_YES;
}

/* "-h", or "-o FILE". */
static int short_option(struct cli *c, char **argv, int argc, int *i)
{
	const char *word = argv[*i];

	for (int o = 0; o < OPT_COUNT; o++) {
		if (!cli_opts[o].letter || cli_opts[o].letter != word[1] || word[2] || !cli_takes(c->cmd, &cli_opts[o]))
			continue;
		if (cli_opts[o].arg && *i + 1 >= argc)
			return out_fail(ZDDC_USAGE, "%s needs a value: %s %s", word, word, cli_opts[o].arg);
		c->opt[o] = cli_opts[o].arg ? argv[++*i] : "";
		return ZDDC_YES;
	}
	return out_fail(ZDDC_USAGE, "%s has no option %s: \"zddc %s --help\" lists them", cli_cmds[c->cmd].name, word,
			cli_cmds[c->cmd].name);
}

/* Arguments are moved to the front of argv, where c->args points. */
static int argument(struct cli *c, char **argv, char *word)
{
	const struct cmd_row *row = &cli_cmds[c->cmd];

	if (c->n_args >= row->most)
		return out_fail(ZDDC_USAGE, "\"%s\" is one argument too many: zddc %s %s", word, row->name, row->args);
	argv[2 + c->n_args++] = word;
	c->arg = argv[2];
	return ZDDC_YES;
}

static int enough(const struct cli *c)
{
	const struct cmd_row *row = &cli_cmds[c->cmd];

	if (cli_has(c, OPT_HELP) || c->n_args >= row->fewest)
		return ZDDC_YES;
	return out_fail(ZDDC_USAGE, "%s needs %s argument: zddc %s %s", row->name, c->n_args ? "one more" : "an", row->name, row->args);
}

static int read_line(struct cli *c, int argc, char **argv)
{
	bool options = true;
	int status = ZDDC_YES;

	c->args = argv + 2;
	for (int i = 2; i < argc && status == ZDDC_YES; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && str_starts(argv[i], "--"))
			status = long_option(c, argv, argc, &i);
		else if (options && argv[i][0] == '-' && argv[i][1])
			status = short_option(c, argv, argc, &i);
		else
			status = argument(c, argv, argv[i]);
	}
	argv[2 + c->n_args] = NULL;
	return status == ZDDC_YES ? enough(c) : status;
}

static int command_of(const char *word)
{
	for (int i = 0; i < CMD_COUNT; i++)
		if (!strcmp(cli_cmds[i].name, word))
			return i;
	return -1;
}

static int overview(int status)
{
	AUTO_BUF text = BUF_INIT;

	help_all(&text);
	if (status == ZDDC_YES)
		out_put(&text);
	else
		fputs(buf_str(&text), stderr);
	return status;
}

static int run(int argc, char **argv)
{
	struct cli c = {0};
	int cmd, status;

	if (argc < 2)
		return overview(ZDDC_USAGE);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return overview(ZDDC_YES);
	cmd = command_of(argv[1]);
	if (cmd < 0)
		return unknown_command(argv[1]);
	c.cmd = (enum cli_cmd)cmd;
	status = read_line(&c, argc, argv);
	if (status != ZDDC_YES)
		return status;
	if (cli_has(&c, OPT_HELP)) {
		AUTO_BUF text = BUF_INIT;

		help_command(c.cmd, &text);
		out_put(&text);
		return ZDDC_YES;
	}
	return cli_cmds[c.cmd].run(&c);
}

int main(int argc, char **argv)
{
	out_init();
	return out_end(run(argc, argv));
}
