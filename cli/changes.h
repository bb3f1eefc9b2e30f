/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What two policies change, place by place: who gains and who loses, said where it differs from what was said of the directory above. */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include "cli/delta.h"

struct engine;

/* One directory; every one is visited, most without news. */
struct change_place {
	const char *path;
	unsigned depth;
	const struct acl_policy *old, *new;
	bool same; /* the same rules govern both */
	const struct delta *const *news; /* for whom it is not as in the directory above */
	size_t n_news;
	const struct subject *const *ended; /* for whom something changes above, and nothing here */
	size_t n_ended;
};

typedef void changes_fn(void *arg, const struct change_place *p);

/* At and below 'dir'. 0, or -errno of the first directory that could not be listed. */
int changes_walk(const struct engine *old, const struct engine *new, const char *dir, struct subjects *people, long long now, changes_fn *each,
		 void *arg);

#endif
