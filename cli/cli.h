/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every command of zddc sees: the parsed command line, and the exit statuses. One thread, no state kept between commands. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_status {
#define STATUS(code, id, text) ZDDC_##id = (code),
#include "cli/cmds.def"
};

enum cli_cmd {
#define CMD(id, ...) CMD_##id,
#include "cli/cmds.def"
	CMD_COUNT
};
_Static_assert(CMD_COUNT <= 64, "struct opt_row has one bit for each command");

enum cli_opt {
#define OPT(id, ...) OPT_##id,
#include "cli/cmds.def"
	OPT_COUNT
};

struct cli;

/* Each command prints its answer and returns an exit status. */
#define CMD(id, function, ...) int function(const struct cli *c);
#include "cli/cmds.def"

struct cmd_row {
	int (*run)(const struct cli *c);
	const char *name, *args;
	size_t fewest, most; /* arguments */
	const char *summary, *text;
};

struct opt_row {
	const char *name, *arg; /* arg NULL: a flag */
	char letter; /* 0: none */
	uint64_t on; /* bit 1 << CMD_x for each command that takes it; all bits: every command */
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
	const char *arg; /* the first argument, or NULL */
	char *const *args; /* all of them, NULL behind the last; what follows "--" is among them */
	size_t n_args;
};

static inline bool cli_has(const struct cli *c, enum cli_opt o) { return c->opt[o] != NULL; }
static inline bool cli_everywhere(const struct opt_row *o) { return o->on == UINT64_MAX; }
static inline bool cli_takes(enum cli_cmd cmd, const struct opt_row *o) { return o->on >> cmd & 1; }

/* help.c: the text of one command, and of all. */
struct buf;
void help_command(enum cli_cmd cmd, struct buf *out);
void help_all(struct buf *out);

#endif
