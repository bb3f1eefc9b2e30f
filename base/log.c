/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

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

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	if (level > log_most)
		return;
	va_start(ap, fmt);
	if (log_syslog) {
		vsyslog((int)level, fmt, ap);
	} else {
		flockfile(stderr);
		if (log_journal)
			fprintf(stderr, "<%d>", (int)level);
		else
			fprintf(stderr, "%s: %s", log_name, level == LOG_LVL_WARN ? "warning: " : "");
		vfprintf(stderr, fmt, ap);
		fputc('\n', stderr);
		funlockfile(stderr);
	}
	va_end(ap);
}
