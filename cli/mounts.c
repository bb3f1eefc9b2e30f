/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/mounts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/vec.h"

/* \040 is a blank: mountinfo writes blanks, tabs, newlines and backslashes so. */
static char *unescape(const char *s)
{
	char *copy = vec_str(s), *out = copy;

	for (; *s; s++) {
		if (*s == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
	return copy;
}

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS"; false if it is none of ours. */
static bool parse(char *line, struct mount_line *out)
{
	char *field[7] = {0}, *tail = strstr(line, " - "), *save = NULL;
	const char *type, *source, *super;
	AUTO_BUF options = BUF_INIT;

	if (!tail)
		return false;
	*tail = 0;
	type = strtok_r(tail + 3, " \n", &save);
	source = strtok_r(NULL, " \n", &save);
	super = strtok_r(NULL, " \n", &save);
	if (!type || !source || (strcmp(type, "fuse.zddcfs") != 0 && strcmp(type, "fuse.zddc") != 0 && strcmp(type, "zddc") != 0))
		return false;
	save = NULL;
	for (int i = 0; i < 6; i++)
		field[i] = strtok_r(i ? NULL : line, " ", &save);
	if (!field[5])
		return false;
	buf_addf(&options, "%s%s%s", field[5], super ? "," : "", super ? super : "");
	*out = (struct mount_line){unescape(field[4]), unescape(source), unescape(buf_str(&options))};
	return true;
}

void mount_line_free(struct mount_line *m)
{
	free(m->point);
	free(m->source);
	free(m->options);
	*m = (struct mount_line){0};
}

void mounts_each(void (*each)(void *arg, const struct mount_line *m), void *arg)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/self/mountinfo", "re");
	AUTO_FREE char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		struct mount_line m;

		if (!parse(line, &m))
			continue;
		each(arg, &m);
		mount_line_free(&m);
	}
}

struct looking {
	const char *point;
	struct mount_line *out;
};

static void look(void *arg, const struct mount_line *m)
{
	struct looking *l = arg;

	if (strcmp(m->point, l->point) != 0)
		return;
	mount_line_free(l->out); /* the last one lies on top */
	*l->out = (struct mount_line){vec_str(m->point), vec_str(m->source), vec_str(m->options)};
}

bool mount_find(const char *point, struct mount_line *out)
{
	*out = (struct mount_line){0};
	mounts_each(look, &(struct looking){point, out});
	return out->point != NULL;
}

bool mount_answers(const char *point, int seconds)
{
	struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
	struct stat st;
	pid_t pid = fork();

	if (pid == 0) /* only a signal that kills ends the wait for a daemon */
		_exit(lstat(point, &st) < 0 && errno == ENOTCONN);
	for (int i = 0; pid > 0 && i < 100 * seconds; i++) {
		int status;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status == 0;
		nanosleep(&step, NULL);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
	}
	return false;
}
