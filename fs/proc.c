/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The numbers of the fields in proc(5). */
enum { FIELD_STATE = 3, FIELD_SESSION = 6, FIELD_FLAGS = 9, FIELD_START = 22, FIELD_EXIT = 52 };

static void take(int field, const char *word, struct proc_stat *out)
{
	switch (field) {
	case FIELD_STATE:
		out->state = *word;
		break;
	case FIELD_SESSION:
		out->session = (pid_t)strtol(word, NULL, 10);
		break;
	case FIELD_FLAGS:
		out->flags = strtoul(word, NULL, 10);
		break;
	case FIELD_START:
		out->start = strtoull(word, NULL, 10);
		break;
	case FIELD_EXIT:
		out->exit_code = strtoul(word, NULL, 10);
		break;
	}
}

/* The program's name, in brackets, may hold anything: what counts comes behind the last bracket. */
static int parse(char *text, struct proc_stat *out)
{
	char *at = strrchr(text, ')'), *save = NULL;
	int field = FIELD_STATE;

	if (!at)
		return -EIO;
	for (char *word = strtok_r(at + 1, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		take(field++, word, out);
	return field > FIELD_START ? 0 : -EIO;
}

int proc_stat(pid_t tid, struct proc_stat *out)
{
	char path[40], text[2048];
	ssize_t n;

	*out = (struct proc_stat){0};
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	AUTO_CLOSE int fd = tid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH; /* it ended meanwhile */
	text[n] = '\0';
	return parse(text, out);
}

int proc_exe(pid_t pid, char *out, size_t size)
{
	char path[40];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = pid > 0 ? readlink(path, out, size) : -1;
	if (n < 0)
		return pid > 0 ? -errno : -ESRCH;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}
