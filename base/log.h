/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program's log: one line a message, for a person who can act on it. To standard error with a syslog priority prefix
 * ("<4>", sd-daemon(3)) when systemd reads it, plain otherwise. Only programs call this (fs/, cli/), never the libraries.
 * Names go in as they are: the line is escaped here (base/escape.h), so that nobody writes lines of the log by naming files.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LVL_ERR = 3, LOG_LVL_WARN = 4, LOG_LVL_NOTICE = 5, LOG_LVL_INFO = 6, LOG_LVL_DEBUG = 7 };

/* 'name' is printed before each line; messages above 'most' are dropped. Call once, before threads. */
void log_init(const char *name, enum log_level most);
/* After the daemon has detached: to syslog(3) instead of standard error. */
void log_to_syslog(void);
__attribute__((format(printf, 2, 3))) void log_msg(enum log_level level, const char *fmt, ...);

#define log_err(...) log_msg(LOG_LVL_ERR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LVL_WARN, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_LVL_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LVL_DEBUG, __VA_ARGS__)

#endif
