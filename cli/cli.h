/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every command of zddc sees: the parsed command line, and the exit statuses. One thread, no state kept between commands. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum cli_status {
#define STATUS(code, id, text) ZDDC_##id = (code),
#include "cli/cmds.def"
};

enum cli_cmd {
#define CMD(id, ...) CMD_##id,
#include "cli/cmds.def"
	CMD_COUNT
};

enum cli_opt {
#define OPT(id, ...) OPT_##id,
#include "cli/cmds.def"
	OPT_COUNT
};

struct cmd_row {
	const char *name, *args;
	int fewest, most;
	const char *summary, *text;
};

struct opt_row {
	const char *name, *arg; /* arg NULL: a flag */
	char letter; /* 0: none */
	unsigned on; /* bit 1 << CMD_x for each command that takes it */
	const char *meaning;
};

struct status_row {
	int code;
	const char *meaning;
};

extern const struct cmd_row cli_cmds[CMD_COUNT];
extern const struct opt_row cli_opts[OPT_COUNT];
extern const struct status_row cli_statuses[];
extern const size_t cli_n_statuses;

/* One command line. Strings belong to argv. */
struct cli {
	enum cli_cmd cmd;
	const char *opt[OPT_COUNT]; /* NULL: not given; "" for a flag */
	const char *arg; /* the one argument, or NULL */
};

static inline bool cli_has(const struct cli *c, enum cli_opt o) { return c->opt[o] != NULL; }

/* The commands: each prints its answer and returns an exit status. */
int cmd_init(const struct cli *c);
int cmd_explain(const struct cli *c);
int cmd_why(const struct cli *c);
int cmd_whoami(const struct cli *c);
int cmd_check(const struct cli *c);
int cmd_show_defaults(const struct cli *c);
int cmd_seal(const struct cli *c);
int cmd_accept(const struct cli *c);
int cmd_mark(const struct cli *c);
int cmd_hold(const struct cli *c);
int cmd_withdraw(const struct cli *c);
int cmd_help(const struct cli *c);

/* help.c: the text of one command, and of all. */
struct buf;
void help_command(enum cli_cmd cmd, struct buf *out);
void help_all(struct buf *out);

#endif
