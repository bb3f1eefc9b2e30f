/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/audit_forward.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"

enum { WAITING_MOST = 16 << 20 };

static struct {
	pthread_mutex_t lock; /* of waiting and lost */
	struct buf waiting;
	unsigned long lost;
	const char *to; /* NULL: not wanted */
	int fd; /* only forward_send()'s */
	bool warned;
} fwd = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void forward_init(const char *to) { fwd.to = to && !strcmp(to, "syslog") ? "/dev/log" : to; }
bool forward_wanted(void) { return fwd.to; }

void forward_add(const struct buf *lines)
{
	WITH_MUTEX(&fwd.lock);
	if (fwd.waiting.len + lines->len > WAITING_MOST)
		fwd.lost++;
	else
		buf_add(&fwd.waiting, lines->data, lines->len);
}

static int connect_log(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fwd.to);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* 0, or -errno of a socket that does not take it now. */
static int send_line(const char *line, size_t n)
{
	AUTO_BUF message = BUF_INIT;

	buf_addf(&message, "<%d>zddc-ledger[%d]: ", LOG_AUTHPRIV | LOG_INFO, (int)getpid());
	buf_add(&message, line, n);
	if (send(fwd.fd, message.data, message.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	if (errno != EMSGSIZE)
		return -errno;
	log_warn("a line of the ledger is too long for %s: it is in the ledger only", fwd.to);
	return 0;
}

/* How much of the lines was sent. */
static size_t send_lines(const struct buf *lines)
{
	size_t at = 0;

	while (at < lines->len) {
		const char *end = memchr(lines->data + at, '\n', lines->len - at);
		size_t n = end ? (size_t)(end - lines->data) - at : lines->len - at;
		int r = send_line(lines->data + at, n);

		if (r < 0 && r != -EAGAIN && r != -ENOBUFS) {
			close(fwd.fd);
			fwd.fd = -1;
		}
		if (r < 0)
			return at;
		at += n + 1;
	}
	return lines->len;
}

static bool connected(void)
{
	if (fwd.fd < 0)
		fwd.fd = connect_log();
	if (fwd.fd < 0 && !fwd.warned)
		log_warn("the ledger cannot be forwarded to %s: %s; tried again every second", fwd.to, strerror(-fwd.fd));
	fwd.warned = fwd.fd < 0;
	return fwd.fd >= 0;
}

/* Puts back what was not sent, before what came meanwhile. */
static void put_back(const struct buf *lines, size_t sent)
{
	struct buf all = BUF_INIT;

	WITH_MUTEX(&fwd.lock);
	buf_add(&all, lines->data + sent, lines->len - sent);
	buf_add(&all, fwd.waiting.data, fwd.waiting.len);
	buf_free(&fwd.waiting);
	fwd.waiting = all;
}

void forward_send(void)
{
	AUTO_BUF lines = BUF_INIT;
	unsigned long lost;
	size_t sent;

	if (!fwd.to || !connected())
		return;
	pthread_mutex_lock(&fwd.lock);
	lines = fwd.waiting;
	fwd.waiting = (struct buf)BUF_INIT;
	lost = fwd.lost;
	fwd.lost = 0;
	pthread_mutex_unlock(&fwd.lock);
	if (lost)
		log_warn("%s did not take lines of the ledger for long: %lu batches are in the ledger only", fwd.to, lost);
	sent = send_lines(&lines);
	if (sent < lines.len)
		put_back(&lines, sent);
}

void forward_free(void)
{
	if (fwd.fd >= 0)
		close(fwd.fd);
	fwd.fd = -1;
	buf_free(&fwd.waiting);
}
