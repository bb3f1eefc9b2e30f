/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells the service manager that the mount serves (sd_notify(3)) without linking libsystemd. Nothing happens outside systemd. */
#ifndef BASE_SDNOTIFY_H
#define BASE_SDNOTIFY_H

/* 'state' as "READY=1" or "STOPPING=1". 0, or -errno when NOTIFY_SOCKET is set and cannot be reached. */
int sd_notify_state(const char *state);

#endif
