/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THREATS row 19: processes of two users that get the same pid one after the other. Each reads whoami and tries a file of the first.
 *
 *   pidreuse MOUNT PRIVATE TIMES UID-A MAIL-A UID-B MAIL-B
 *
 * PRIVATE is a file only A may read. Prints "times N, same pid N, wrong N" and ends with 1 if an identity was wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct user {
	uid_t uid;
	const char *mail;
	int may_read;
};

enum { RIGHT = 0, WRONG = 1, BROKEN = 2 };

static int look(const char *mount, const char *private, const struct user *u)
{
	char text[4096] = "", path[4096];
	if (setgroups(0, NULL) < 0 || setresgid(u->uid, u->uid, u->uid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0)
		return BROKEN;
	snprintf(path, sizeof path, "%s/.zddc.d/whoami", mount);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return BROKEN;
	if (!strstr(text, u->mail))
		return WRONG;
	fd = open(private, O_RDONLY);
	return (fd >= 0) == u->may_read ? RIGHT : WRONG;
}

static void next_pid(int last, pid_t pid)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%d", pid - 1);
	if (lseek(last, 0, SEEK_SET) < 0 || write(last, text, (size_t)n) != n)
		perror("ns_last_pid");
}

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: pidreuse MOUNT PRIVATE TIMES UID-A MAIL-A UID-B MAIL-B\n");
		return 2;
	}
	const struct user users[2] = {{(uid_t)atoi(argv[4]), argv[5], 1}, {(uid_t)atoi(argv[6]), argv[7], 0}};
	int times = atoi(argv[3]), wrong = 0, broken = 0, same = 0;
	int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	pid_t before = 0;
	for (int i = 0; i < times; i++) {
		if (before && last >= 0)
			next_pid(last, before);
		pid_t pid = fork();
		if (pid == 0)
			_exit(look(argv[1], argv[2], &users[i & 1]));
		int status = 0;
		waitpid(pid, &status, 0);
		wrong += WEXITSTATUS(status) == WRONG;
		broken += !WIFEXITED(status) || WEXITSTATUS(status) == BROKEN;
		same += pid == before;
		before = pid;
	}
	printf("times %d, same pid %d, wrong %d, broken %d\n", times, same, wrong, broken);
	return wrong || broken ? 1 : 0;
}
