/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the users of an archive see on its mount, asked as themselves, with the kernel's caches filled by the others before; against what
 * the engine says they may see. Needs root, and the archive beside its mount.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct verify;

/* About one directory. */
struct probe_answer {
	bool seen, listed, differs; /* by stat; in the listing above it; in some way not like a name that is not there */
	bool may_see, may_list, broken; /* by the engine; broken: its policy is invalid */
};

struct probe {
	uid_t uid;
	char *who; /* the address, or "uid 7" */
	size_t n;
	char **dirs; /* shared by all probes */
	struct probe_answer *answers;
};

struct probes {
	struct probe *v;
	size_t n;
	char **dirs;
	size_t n_dirs;
};

/* Fills 'out' (probes_free() it in any case). NULL, or why nobody can be asked. */
const char *probes_run(struct verify *v, struct probes *out);
void probes_free(struct probes *p);

#endif
