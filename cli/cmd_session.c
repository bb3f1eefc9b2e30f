/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zddc elevate, with: what a login session declares to a mount. With a command, that runs in a session of its own, which the mount forgets
 * when it ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/place.h"

enum { CANNOT_RUN = 126, NOT_FOUND = 127 }; /* as shells say it */

/* The directory whose mount is meant, malloc()ed; NULL after a message. */
static char *mount_dir(const struct cli *c)
{
	const char *at = cli_has(c, OPT_AT) ? c->opt[OPT_AT] : ".";
	char *dir = realpath(at, NULL);

	if (dir && place_has_control(dir))
		return dir;
	out_fail(ZDDC_IO, "%s is not on a mount: go there, or name a directory of it with --at", at);
	free(dir);
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ a command */

static volatile sig_atomic_t child;

static void pass_on(int sig)
{
	if (child > 0)
		kill(-(pid_t)child, sig);
}

static void pass_signals_on(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	struct sigaction act = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &act, NULL);
}

/* In the new process: its own session, so that the mount knows it from every other. Does not return. */
__attribute__((noreturn)) static void run_command(const struct cli *c, const char *dir, const struct buf *line)
{
	int err;

	setsid();
	err = control_run(dir, line);
	if (err)
		_exit(out_end(control_answer(c, dir, dir, err)));
	execvp(c->args[0], c->args);
	err = errno;
	_exit(out_fail(err == ENOENT ? NOT_FOUND : CANNOT_RUN, "%s: %s", c->args[0], strerror(err)));
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return out_fail(ZDDC_IO, "the command cannot be waited for: %s", strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_in_session(const struct cli *c, const char *dir, const struct buf *line)
{
	pid_t pid;

	fflush(NULL);
	pass_signals_on();
	pid = fork();
	if (pid < 0)
		return out_fail(ZDDC_IO, "the command cannot be run: %s", strerror(errno));
	if (pid == 0)
		run_command(c, dir, line);
	child = pid;
	return wait_for(pid);
}

/* ------------------------------------------------------------------------------------------------ the commands */

static void add_attributes(const struct cli *c, struct buf *line)
{
	control_option(line, "provenance", c->opt[OPT_PROVENANCE]);
	control_option(line, "risk", c->opt[OPT_RISK]);
	buf_addc(line, '\n');
}

static int here(const struct cli *c, const char *dir, const struct buf *line)
{
	int status = control_answer(c, dir, dir, control_run(dir, line));

	if (status == ZDDC_YES && !cli_has(c, OPT_JSON) && !cli_has(c, OPT_END))
		printf("this session (%d) acts as an administrator for %s; \"zddc elevate --end\" ends it\n", (int)getsid(0),
		       cli_has(c, OPT_FOR) ? c->opt[OPT_FOR] : "5m");
	return status;
}

int cmd_elevate(const struct cli *c)
{
	AUTO_FREE char *dir = NULL;
	AUTO_BUF line = BUF_INIT;

	if (cli_has(c, OPT_END) && c->n_args)
		return out_fail(ZDDC_USAGE, "--end takes no command");
	if (!cli_has(c, OPT_END) && !cli_has(c, OPT_REASON))
		return out_fail(ZDDC_USAGE, "elevate needs --reason TEXT: it is recorded with what you do");
	dir = mount_dir(c);
	if (!dir)
		return ZDDC_IO;
	buf_adds(&line, cli_has(c, OPT_END) ? "elevate-end" : "elevate");
	control_option(&line, "for", cli_has(c, OPT_END) ? NULL : c->opt[OPT_FOR]);
	control_option(&line, "reason", cli_has(c, OPT_END) ? NULL : c->opt[OPT_REASON]);
	add_attributes(c, &line);
	return c->n_args ? run_in_session(c, dir, &line) : here(c, dir, &line);
}

int cmd_with(const struct cli *c)
{
	AUTO_FREE char *dir = NULL;
	AUTO_BUF line = BUF_INIT;

	if (!cli_has(c, OPT_PROVENANCE) && !cli_has(c, OPT_RISK))
		return out_fail(ZDDC_USAGE, "with needs --provenance URI, --risk N or both");
	dir = mount_dir(c);
	if (!dir)
		return ZDDC_IO;
	buf_adds(&line, "with");
	add_attributes(c, &line);
	return run_in_session(c, dir, &line);
}
