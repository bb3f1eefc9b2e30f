/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that describes zddc, from the rows of cmds.def: --help, zddc(1), completions, and the table as JSON. */
#include <stdio.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/out.h"

enum { WIDTH = 96, RIGHT = 26 }; /* columns: of a line, and where explanations begin */

/* Wraps text at blanks, each line after 'indent' blanks; the first starts at column 'at'. */
static void wrap(struct buf *out, const char *text, int indent, int at)
{
	while (*text) {
		size_t n = strcspn(text, " ");

		if (at + (int)n > WIDTH && at > indent) {
			buf_addf(out, "\n%*s", indent, "");
			at = indent;
		}
		buf_add(out, text, n);
		at += (int)n;
		text += n;
		if (*text == ' ') {
			text++;
			if (at < WIDTH)
				buf_addc(out, ' ');
			at++;
		}
	}
	buf_addc(out, '\n');
}

/* "--groups G1,G2" or "-h, --help" */
static void spelling(struct buf *out, const struct opt_row *o)
{
	if (o->letter)
		buf_addf(out, "-%c, ", o->letter);
	buf_addf(out, "--%s", o->name);
	if (o->arg)
		buf_addf(out, " %s", o->arg);
}

static void row(struct buf *out, const char *left, const char *right)
{
	if (strlen(left) + 2 < RIGHT)
		buf_addf(out, "  %-*s", RIGHT - 2, left);
	else
		buf_addf(out, "  %s\n%*s", left, RIGHT, "");
	wrap(out, right, RIGHT, RIGHT);
}

static void statuses(struct buf *out)
{
	buf_adds(out, "\nExit status\n");
	for (size_t i = 0; i < cli_n_statuses; i++) {
		char code[8];

		snprintf(code, sizeof code, "%d", cli_statuses[i].code);
		row(out, code, cli_statuses[i].meaning);
	}
}

/* What files of zddc test hold. */
static const struct {
	const char *where, *name, *meaning;
} test_keys[] = {
#define KEY_OF(where, name, kind, meaning) {#where, name, meaning},
#include "cli/cases.def"
#undef KEY_OF
};

static const struct {
	const char *where, *title;
} test_parts[] = {{"CASE", "a file, or a member of cases:"}, {"TEST", "a member of tests:"}, {"HOLD", "a member of holds:"}};

static void test_file_keys(struct buf *out)
{
	for (size_t p = 0; p < ARRAY_LEN(test_parts); p++) {
		buf_addf(out, "\nKeys of %s\n", test_parts[p].title);
		for (size_t i = 0; i < ARRAY_LEN(test_keys); i++)
			if (!strcmp(test_keys[i].where, test_parts[p].where))
				row(out, test_keys[i].name, test_keys[i].meaning);
	}
}

void help_command(enum cli_cmd cmd, struct buf *out)
{
	const struct cmd_row *c = &cli_cmds[cmd];

	buf_addf(out, "zddc %s%s%s: %s\n\n", c->name, *c->args ? " " : "", c->args, c->summary);
	wrap(out, c->text, 0, 0);
	buf_adds(out, "\nOptions\n");
	for (int i = 0; i < OPT_COUNT; i++) {
		AUTO_BUF left = BUF_INIT;

		if (!cli_takes(cmd, &cli_opts[i]))
			continue;
		spelling(&left, &cli_opts[i]);
		row(out, buf_str(&left), cli_opts[i].meaning);
	}
	if (cmd == CMD_TEST)
		test_file_keys(out);
	statuses(out);
}

void help_all(struct buf *out)
{
	buf_adds(out, "zddc COMMAND [OPTIONS]: what the policy of a project archive says, on a mount or in a plain tree\n\nCommands\n");
	for (int i = 0; i < CMD_COUNT; i++) {
		AUTO_BUF left = BUF_INIT;

		buf_addf(&left, "%s %s", cli_cmds[i].name, cli_cmds[i].args);
		row(out, buf_str(&left), cli_cmds[i].summary);
	}
	buf_adds(out, "\n\"zddc COMMAND --help\" says what it takes; every command has --json.\n");
	statuses(out);
}

/* ------------------------------------------------------------------------------------------------ zddc(1) */

/* One troff line: a backslash, and a dot or quote at the start of the line, are for the formatter. */
static void troff(struct buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_adds(out, "\\&");
	for (; *text; text++)
		switch (*text) {
		case '\\': buf_adds(out, "\\e"); break;
		case '-': buf_adds(out, "\\-"); break;
		default: buf_addc(out, *text);
		}
	buf_addc(out, '\n');
}

static void man_command(struct buf *out, enum cli_cmd cmd)
{
	buf_adds(out, ".SS ");
	troff(out, cli_cmds[cmd].name);
	buf_addf(out, ".B zddc %s\n", cli_cmds[cmd].name);
	if (*cli_cmds[cmd].args)
		buf_addf(out, ".I %s\n", cli_cmds[cmd].args);
	buf_adds(out, ".PP\n");
	troff(out, cli_cmds[cmd].text);
	for (int i = 0; i < OPT_COUNT; i++) {
		AUTO_BUF left = BUF_INIT;

		if (cli_everywhere(&cli_opts[i]) || !cli_takes(cmd, &cli_opts[i]))
			continue;
		spelling(&left, &cli_opts[i]);
		buf_adds(out, ".TP\n.B ");
		troff(out, buf_str(&left));
		troff(out, cli_opts[i].meaning);
	}
}

static void man_test_files(struct buf *out)
{
	buf_adds(out, ".SH TEST FILES\nWhat a file of\n.B zddc test\nholds: YAML, with these keys.\n");
	for (size_t p = 0; p < ARRAY_LEN(test_parts); p++) {
		buf_addf(out, ".SS Keys of %s\n", test_parts[p].title);
		for (size_t i = 0; i < ARRAY_LEN(test_keys); i++) {
			if (strcmp(test_keys[i].where, test_parts[p].where) != 0)
				continue;
			buf_addf(out, ".TP\n.B %s\n", test_keys[i].name);
			troff(out, test_keys[i].meaning);
		}
	}
}

static void man_tail(struct buf *out)
{
	buf_adds(out, ".SH OPERATIONS\nNames that \\-\\-op takes:\n");
	for (int i = 0; i < ACL_OP_COUNT; i++)
		buf_addf(out, ".BR %s%s\n", acl_ops[i].name, i + 1 < ACL_OP_COUNT ? " ," : " .");
	man_test_files(out);
	buf_adds(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < cli_n_statuses; i++)
		buf_addf(out, ".TP\n.B %d\n%s\n", cli_statuses[i].code, cli_statuses[i].meaning);
	buf_adds(out, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nif set and not empty, no colour\n");
	buf_adds(out, ".SH FILES\n.TP\n.B .zddc\nthe policy of a directory and all below it\n.TP\n.B .zddc.d/identities.yaml\n"
		      "which Unix user has which e\\-mail address\n.TP\n.B .zddc.d/whoami, last\\-error, explain/NAME\n"
		      "what a mount answers without this tool\n");
	buf_adds(out, ".SH SEE ALSO\n.BR zddcfs (8)\n");
}

static void man_page(struct buf *out)
{
	buf_adds(out, ".\\\" Written by \"zddc help --man\" from cli/cmds.def: edit that\n.TH ZDDC 1\n.SH NAME\n"
		      "zddc \\- what the policy of a project archive says\n.SH SYNOPSIS\n.B zddc\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
		      ".SH DESCRIPTION\nA project archive is a directory tree whose policy stands in files named\n.BR .zddc .\n"
		      "This tool makes one, checks its policy and says who may do what and why, on a mount of\n.BR zddcfs (8)\n"
		      "or in the plain tree, by the same rules.\n.SH OPTIONS OF EVERY COMMAND\n");
	for (int i = 0; i < OPT_COUNT; i++) {
		AUTO_BUF left = BUF_INIT;

		if (!cli_everywhere(&cli_opts[i]))
			continue;
		spelling(&left, &cli_opts[i]);
		buf_adds(out, ".TP\n.B ");
		troff(out, buf_str(&left));
		troff(out, cli_opts[i].meaning);
	}
	buf_adds(out, ".SH COMMANDS\n");
	for (int i = 0; i < CMD_COUNT; i++)
		man_command(out, (enum cli_cmd)i);
	man_tail(out);
}

/* -------------------------------------------------------------------------------------------- completions */

static void op_names(struct buf *out)
{
	for (int i = 0; i < ACL_OP_COUNT; i++)
		buf_addf(out, "%s%s", i ? " " : "", acl_ops[i].name);
}

static void option_names(struct buf *out, enum cli_cmd cmd)
{
	const char *blank = "";

	for (int i = 0; i < OPT_COUNT; i++)
		if (cli_takes(cmd, &cli_opts[i])) {
			buf_addf(out, "%s--%s", blank, cli_opts[i].name);
			blank = " ";
		}
}

static void command_names(struct buf *out)
{
	for (int i = 0; i < CMD_COUNT; i++)
		buf_addf(out, "%s%s", i ? " " : "", cli_cmds[i].name);
}

static void bash_completion(struct buf *out)
{
	buf_adds(out, "# SPDX-License-Identifier: GPL-3.0-or-later\n# Written by \"zddc help --completion bash\" from cli/cmds.def\n"
		      "_zddc() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n    COMPREPLY=()\n"
		      "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        mapfile -t COMPREPLY < <(compgen -W '");
	command_names(out);
	buf_adds(out, "' -- \"$cur\")\n        return\n    fi\n    case $prev in\n    --op) mapfile -t COMPREPLY < <(compgen -W '");
	op_names(out);
	buf_adds(out, "' -- \"$cur\"); return ;;\n    --completion) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- \"$cur\"); "
		      "return ;;\n    esac\n    case $cur in\n    -*) ;;\n    *)  if [ \"${COMP_WORDS[1]}\" = help ]; then\n"
		      "            mapfile -t COMPREPLY < <(compgen -W '");
	command_names(out);
	buf_adds(out, "' -- \"$cur\")\n        else\n            compopt -o filenames\n"
		      "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		      "        fi\n        return ;;\n    esac\n    case ${COMP_WORDS[1]} in\n");
	for (int i = 0; i < CMD_COUNT; i++) {
		buf_addf(out, "    %s) mapfile -t COMPREPLY < <(compgen -W '", cli_cmds[i].name);
		option_names(out, (enum cli_cmd)i);
		buf_adds(out, "' -- \"$cur\") ;;\n");
	}
	buf_adds(out, "    esac\n}\ncomplete -F _zddc zddc\n");
}

/* Text between single quotes, for zsh and fish alike. */
static void quoted(struct buf *out, const char *text, const char *escape)
{
	for (; *text; text++)
		if (*text == '\'')
			buf_adds(out, escape);
		else if (strchr("[]:", *text) && *escape == '\'')
			buf_addf(out, "\\%c", *text);
		else
			buf_addc(out, *text);
}

static void zsh_option(struct buf *out, const struct opt_row *o)
{
	buf_addf(out, " \\\n            '--%s%s[", o->name, o->arg ? "=" : "");
	quoted(out, o->meaning, "'\\''");
	buf_adds(out, "]");
	if (o->arg) {
		buf_addf(out, ":%s:", o->arg);
		if (!strcmp(o->name, "op")) {
			buf_adds(out, "(");
			op_names(out);
			buf_adds(out, ")");
		} else if (!strcmp(o->arg, "SHELL")) {
			buf_adds(out, "(bash zsh fish)");
		} else if (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "DIR")) {
			buf_adds(out, "_files");
		}
	}
	buf_adds(out, "'");
}

static void zsh_completion(struct buf *out)
{
	buf_adds(out, "#compdef zddc\n# SPDX-License-Identifier: GPL-3.0-or-later\n"
		      "# Written by \"zddc help --completion zsh\" from cli/cmds.def\n_zddc() {\n    if (( CURRENT == 2 )); then\n"
		      "        local -a commands=(\n");
	for (int i = 0; i < CMD_COUNT; i++) {
		buf_addf(out, "            '%s:", cli_cmds[i].name);
		quoted(out, cli_cmds[i].summary, "'\\''");
		buf_adds(out, "'\n");
	}
	buf_adds(out, "        )\n        _describe command commands\n        return\n    fi\n    case $words[2] in\n");
	for (int i = 0; i < CMD_COUNT; i++) {
		buf_addf(out, "    %s) shift words; (( CURRENT-- )); _arguments", cli_cmds[i].name);
		for (int o = 0; o < OPT_COUNT; o++)
			if (cli_takes((enum cli_cmd)i, &cli_opts[o]))
				zsh_option(out, &cli_opts[o]);
		if (cli_cmds[i].most)
			buf_addf(out, " \\\n            '*:%s:%s'", i == CMD_HELP ? "command" : "path", i == CMD_HELP ? "" : "_files");
		buf_adds(out, " ;;\n");
	}
	buf_adds(out, "    esac\n}\n_zddc \"$@\"\n");
}

static void fish_completion(struct buf *out)
{
	buf_adds(out, "# SPDX-License-Identifier: GPL-3.0-or-later\n# Written by \"zddc help --completion fish\" from cli/cmds.def\n");
	for (int i = 0; i < CMD_COUNT; i++) {
		buf_addf(out, "complete -c zddc -n __fish_use_subcommand -f -a %s -d '", cli_cmds[i].name);
		quoted(out, cli_cmds[i].summary, "\\'");
		buf_adds(out, "'\n");
	}
	for (int o = 0; o < OPT_COUNT; o++) {
		buf_adds(out, "complete -c zddc -n '__fish_seen_subcommand_from");
		for (int i = 0; i < CMD_COUNT; i++)
			if (cli_takes((enum cli_cmd)i, &cli_opts[o]))
				buf_addf(out, " %s", cli_cmds[i].name);
		buf_addf(out, "' -l %s%s -d '", cli_opts[o].name, cli_opts[o].arg ? " -r" : "");
		quoted(out, cli_opts[o].meaning, "\\'");
		buf_adds(out, "'");
		if (!strcmp(cli_opts[o].name, "op")) {
			buf_adds(out, " -f -a '");
			op_names(out);
			buf_adds(out, "'");
		}
		buf_adds(out, "\n");
	}
}

/* ------------------------------------------------------------------------------------------------ command */

static void json_options(struct buf *out, int cmd)
{
	json_key(out, "options");
	buf_addc(out, '[');
	for (int o = 0; o < OPT_COUNT; o++) {
		if (!cli_takes((enum cli_cmd)cmd, &cli_opts[o]))
			continue;
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "name", cli_opts[o].name);
		json_kv(out, "argument", cli_opts[o].arg);
		json_kv(out, "meaning", cli_opts[o].meaning);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void help_json(struct buf *out, int only)
{
	buf_addc(out, '[');
	for (int i = 0; i < CMD_COUNT; i++) {
		if (only >= 0 && only != i)
			continue;
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "command", cli_cmds[i].name);
		json_kv(out, "arguments", cli_cmds[i].args);
		json_kv(out, "summary", cli_cmds[i].summary);
		json_kv(out, "text", cli_cmds[i].text);
		json_options(out, i);
		buf_addc(out, '}');
	}
	buf_adds(out, "]\n");
}

static int completion(const char *shell, struct buf *out)
{
	if (!strcmp(shell, "bash"))
		bash_completion(out);
	else if (!strcmp(shell, "zsh"))
		zsh_completion(out);
	else if (!strcmp(shell, "fish"))
		fish_completion(out);
	else
		return out_fail(ZDDC_USAGE, "there is no completion for \"%s\": take bash, zsh or fish", shell);
	return ZDDC_YES;
}

static int command_named(const char *name)
{
	for (int i = 0; i < CMD_COUNT; i++)
		if (!strcmp(cli_cmds[i].name, name))
			return i;
	return -1;
}

int cmd_help(const struct cli *c)
{
	AUTO_BUF out = BUF_INIT;
	int cmd = c->arg ? command_named(c->arg) : -1;
	int status = ZDDC_YES;

	if (c->arg && cmd < 0)
		return out_fail(ZDDC_USAGE, "there is no command \"%s\": \"zddc --help\" lists them", c->arg);
	if (cli_has(c, OPT_MAN))
		man_page(&out);
	else if (cli_has(c, OPT_COMPLETION))
		status = completion(c->opt[OPT_COMPLETION], &out);
	else if (cli_has(c, OPT_JSON))
		help_json(&out, cmd);
	else if (cmd >= 0)
		help_command((enum cli_cmd)cmd, &out);
	else
		help_all(&out);
	out_put(&out);
	return status;
}
