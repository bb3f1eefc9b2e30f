/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/audit_tail.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/back.h"

enum { CHUNK = 256 << 10 };

struct next {
	struct ledger_file after, found;
	bool any;
};

static bool note_file(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct next *n = arg;
	struct ledger_file f;

	(void)type;
	(void)ino;
	if (!ledger_file_parse(name, &f) || ledger_file_cmp(&f, &n->after) <= 0 || (n->any && ledger_file_cmp(&f, &n->found) > 0))
		return true;
	n->any = true;
	n->found = f;
	return true;
}

/* 1: the next file is open, 0: there is none yet, or -errno. */
static int next_file(struct audit_tail *t)
{
	struct next n = {.after = t->file};
	char name[LEDGER_NAME_MAX + 1];
	AUTO_CLOSE int dir = -1;
	int fd, r = back_store_dir("ledger", &dir);

	if (r == 0)
		r = back_list(dir, "", note_file, &n);
	if (r < 0 || !n.any)
		return r;
	ledger_file_name(n.found.host, n.found.run, n.found.part, name);
	fd = back_open(dir, name, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = fd;
	t->at = 0;
	t->file = n.found;
	buf_reset(&t->cut.rest);
	return 1;
}

int audit_tail_read(struct audit_tail *t, int (*each)(void *arg, const char *line, size_t n), void *arg)
{
	ssize_t n;

	if (!t->chunk && !(t->chunk = malloc(CHUNK)))
		abort();
	n = t->fd < 0 ? 0 : back_pread(t->fd, t->chunk, CHUNK, t->at);
	if (n < 0)
		return (int)n;
	if (n == 0)
		return next_file(t);
	t->at += n;
	ledger_lines_feed(&t->cut, t->chunk, (size_t)n, each, arg);
	return 1;
}

void audit_tail_reset(struct audit_tail *t)
{
	if (t->fd >= 0)
		close(t->fd);
	buf_free(&t->cut.rest);
	free(t->chunk);
	*t = (struct audit_tail)AUDIT_TAIL_INIT;
}
