/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -o ledger_forward: every line, once it is written, to the system's log as well: as a message of facility authpriv to /dev/log ("syslog"; the
 * journal listens there, too) or to another socket of that kind. What cannot be sent is sent later, in order; the ledger does not wait
 * for it. A line that is too long for the socket, or was not taken for a long time, is only in the ledger, and the log says so.
 */
#ifndef FS_AUDIT_FORWARD_H
#define FS_AUDIT_FORWARD_H

#include <stdbool.h>

struct buf;

/* Before threads; 'to' is "syslog" or the path of a socket. */
void forward_init(const char *to);
bool forward_wanted(void);
/* Lines with their newlines, as they were written. Any thread. */
void forward_add(const struct buf *lines);
/* Sends what waits. One thread. */
void forward_send(void);
void forward_free(void);

#endif
