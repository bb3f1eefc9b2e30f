/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line (SPEC section 14). Rows of opts.def. */
#ifndef FS_OPTS_H
#define FS_OPTS_H

#include <stdbool.h>

struct buf;

struct options {
	const char *archive, *mountpoint; /* as given; absolute paths after start-up checks */
	bool foreground, debug, version, help;
	bool fake; /* mount.zddc -f: all but the mount */
	bool sloppy; /* mount.zddc -s: unknown options are passed over */
	/* behaviour */
	const char *domain; /* NULL: unlisted users are anonymous */
	const char *identities; /* NULL: ARCHIVE/.zddc.d/identities.yaml */
	const char *defaults; /* NULL: built in */
	const char *policy; /* NULL or "none" */
	const char *tenant; /* NULL: all projects */
	const char *environment; /* NULL: not said */
	bool strict, insecure, immutable, ledger_reads;
	bool require_attributes;
	const char *ledger; /* NULL or "off" */
	bool ledger_off; /* checked together with insecure */
	const char *ledger_forward; /* "syslog", the path of a socket, or NULL */
	const char *ledger_rotate; /* MiB of a file of the ledger, NULL: the usual */
	const char *revoke; /* NULL or "strict" */
	const char *passthrough; /* NULL or "off" */
	bool policy_none; /* policy=none, checked together with insecure */
	/* mount flags */
	bool read_only, no_exec, no_atime;
	bool allow_other; /* root mounts */
};

/*
 * Reads argv. 0, or -EINVAL after a sentence on standard error that names the nearest known option. Strings point into argv or are
 * never freed. With version or help set, nothing else was checked.
 */
int options_parse(int argc, char **argv, struct options *o);
/* --help, made from the table. */
void options_help(struct buf *out);
/* The "-o" string for libfuse: malloc()ed. */
char *options_for_kernel(const struct options *o);

#endif
