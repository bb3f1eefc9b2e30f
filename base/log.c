/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "base/buf.h"
#include "base/escape.h"

static const char *log_name = "zddc";
static enum log_level log_most = LOG_LVL_INFO;
static bool log_journal; /* standard error is the journal: prefix the priority (sd-daemon(3)) */
static bool log_syslog;

void log_init(const char *name, enum log_level most)
{
	log_name = name;
	log_most = most;
	log_journal = getenv("JOURNAL_STREAM") || getenv("NOTIFY_SOCKET");
}

void log_to_syslog(void)
{
	openlog(log_name, LOG_PID, LOG_DAEMON);
	log_syslog = true;
}

/* One line, whatever names are in it. */
static void log_line(enum log_level level, const char *line)
{
	if (log_syslog) {
		syslog((int)level, "%s", line);
		return;
	}
	flockfile(stderr);
	if (log_journal)
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "%s: %s%s\n", log_name, level == LOG_LVL_WARN ? "warning: " : "", line);
	funlockfile(stderr);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	AUTO_BUF raw = BUF_INIT, line = BUF_INIT;
	va_list ap;

	if (level > log_most)
		return;
	va_start(ap, fmt);
	buf_addfv(&raw, fmt, ap);
	va_end(ap);
	escape_adds(&line, buf_str(&raw));
	log_line(level, buf_str(&line));
}
