/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of the ledger, .zddc.d/ledger/HOST-RUN-PART.jsonl: RUN counts the mounts of this host, PART the files of one. How the last run
 * ended is read when the next begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/audit_chain.h"
#include "fs/audit_file.h"
#include "fs/back.h"

enum { CHUNK = 1 << 20, TORN_MOST = 256 << 20 };

void audit_host(char host[65])
{
	char name[HOST_NAME_MAX + 1] = "";
	size_t n = 0;

	if (gethostname(name, sizeof(name) - 1) < 0)
		*name = '\0';
	for (const char *s = name; *s && n < 64; s++)
		host[n++] = strchr("-.", *s) || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ? *s : '_';
	if (!n)
		n = (size_t)snprintf(host, 65, "localhost");
	host[n] = '\0';
}

static int sync_dir(int dirfd)
{
	AUTO_CLOSE int fd = back_opendir(dirfd, "");

	return fd < 0 ? fd : back_fsync(fd, false);
}

int audit_file_new(const char *host, unsigned run, unsigned part, char name[LEDGER_NAME_MAX + 1])
{
	AUTO_CLOSE int dir = -1;
	int r = back_store_dir("ledger", &dir);

	if (r < 0)
		return r;
	ledger_file_name(host, run, part, name);
	AUTO_CLOSE int fd = back_create(dir, name, 0600, geteuid(), getegid(), O_RDWR);
	if (fd < 0)
		return fd;
	r = sync_dir(dir);
	return r < 0 ? r : steal_fd(&fd);
}

void audit_file_drop(const char *name)
{
	AUTO_CLOSE int dir = -1;

	if (back_store_dir("ledger", &dir) == 0)
		back_unlink(dir, name);
}

/* ------------------------------------------------------------------ the last run */

struct newest {
	struct ledger_file newest, below; /* the newest before 'below' */
	bool any;
	unsigned most; /* the highest run there is */
};

static bool note_file(void *arg, const char *name, unsigned char type, uint64_t ino)
{
	struct newest *n = arg;
	struct ledger_file f;

	(void)type;
	(void)ino;
	if (!ledger_file_parse(name, &f) || strcmp(f.host, n->newest.host) != 0)
		return true;
	n->most = f.run > n->most ? f.run : n->most;
	if (ledger_file_cmp(&f, &n->below) < 0 && (!n->any || ledger_file_cmp(&f, &n->newest) > 0)) {
		n->any = true;
		n->newest = f;
	}
	return true;
}

/* One file through the verifier. 0 or -errno. */
static int feed(int fd, struct ledger_verify *v)
{
	AUTO_FREE char *chunk = malloc(CHUNK);
	ssize_t n = chunk ? 1 : -ENOMEM;

	for (off_t at = 0; n > 0; at += n) {
		n = back_pread(fd, chunk, CHUNK, at);
		if (n > 0)
			ledger_verify_feed(v, chunk, (size_t)n);
	}
	return n < 0 ? (int)n : 0;
}

/* Bytes that no line has: blocks that were never written before the power went. */
static bool is_hole(int fd, off_t at)
{
	char first = 1;

	return back_pread(fd, &first, 1, at) == 1 && !first;
}

/* What stands behind the last sound line, into a file beside it. */
static int move_aside(int dir, int fd, const char *file, off_t at, struct audit_past *past)
{
	AUTO_BUF torn = BUF_INIT;
	struct stat st;
	int r = back_fstat(fd, &st);

	if (r < 0)
		return r;
	if (st.st_size - at > TORN_MOST)
		return -EFBIG;
	past->torn = (uint64_t)(st.st_size - at);
	buf_reserve(&torn, past->torn + 1);
	ssize_t n = back_pread(fd, torn.data, past->torn, at);
	if (n < 0)
		return (int)n;
	snprintf(past->torn_file, sizeof(past->torn_file), "%.200s.torn-%lld", file, (long long)at);
	r = back_replace(dir, past->torn_file, torn.data, (size_t)n, 0600, geteuid(), getegid());
	if (r == 0)
		r = back_truncate(fd, at);
	return r < 0 ? r : back_fsync(fd, false);
}

/* Is the last of 'end' bytes' lines an unmount? */
static bool ends_unmounted(int fd, uint64_t end)
{
	AUTO_FREE char *tail = malloc(LEDGER_LINE_MAX + 1);
	AUTO_BUF scratch = BUF_INIT;
	size_t n = end < LEDGER_LINE_MAX ? end : LEDGER_LINE_MAX;
	struct ledger_link link;
	const char *line;

	if (!tail || !n || back_pread(fd, tail, n, (off_t)(end - n)) != (ssize_t)n)
		return false;
	line = n > 1 ? memrchr(tail, '\n', n - 1) : NULL;
	line = line ? line + 1 : tail;
	if (!ledger_link_read(line, n - 1 - (size_t)(line - tail), &scratch, &link))
		return false;
	return link.event_len == strlen("unmount") && !memcmp(link.event, "unmount", link.event_len);
}

static int read_file(int dir, const struct ledger_file *f, struct audit_past *past)
{
	char name[LEDGER_NAME_MAX + 1];
	struct ledger_verify v;
	int r;

	ledger_file_name(f->host, f->run, f->part, name);
	AUTO_CLOSE int fd = back_open(dir, name, O_RDWR, 0);
	if (fd < 0)
		return fd;
	ledger_verify_init(&v, NULL, 0);
	r = feed(fd, &v);
	if (r == 0 && !ledger_verify_end(&v) && (v.found.fault == LEDGER_FAULT_TORN || is_hole(fd, (off_t)v.sound_bytes))) {
		r = move_aside(dir, fd, name, (off_t)v.sound_bytes, past);
		v.found.fault = LEDGER_FAULT_NONE;
	}
	past->found = v.found;
	past->end = v.chain;
	if (r == 0 && v.sound_bytes) {
		past->any = true;
		past->unmounted = ends_unmounted(fd, v.sound_bytes);
		snprintf(past->file, sizeof(past->file), "%s", name);
		ledger_chain_name(f->host, f->run, past->chain);
	}
	ledger_verify_free(&v);
	return r;
}

/* A run may have ended before its first line was whole: then the one before it is the last that said anything. */
int audit_past_read(const char *host, struct audit_past *past)
{
	struct newest n = {0};
	AUTO_CLOSE int dir = -1;
	int r = back_store_dir("ledger", &dir);

	*past = (struct audit_past){0};
	snprintf(n.newest.host, sizeof(n.newest.host), "%s", host);
	n.below = (struct ledger_file){.run = UINT_MAX};
	memcpy(n.below.host, n.newest.host, sizeof(n.below.host));
	while (r == 0 && !past->any && past->found.fault == LEDGER_FAULT_NONE) {
		n.any = false;
		r = back_list(dir, "", note_file, &n);
		if (r < 0 || !n.any)
			break;
		r = read_file(dir, &n.newest, past);
		n.below = n.newest;
	}
	past->run = n.most;
	return r;
}
