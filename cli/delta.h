/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each of those whom two policies name holds more or less under the second. */
#ifndef CLI_DELTA_H
#define CLI_DELTA_H

#include "cli/subject.h"

struct delta {
	const struct subject *who;
	verbset gained, lost; /* for certain */
	verbset maybe_gained, maybe_lost; /* while conditions allow; a verb that conditions are put on is lost and maybe_gained */
	verbset conditions; /* held under conditions before and after, but other ones */
	bool admin_gained, admin_lost;
	struct acl_src src_old, src_new; /* what gives the first verb that changes */
	bool by_role; /* a role that is listed says the same of all its members, this one among them */
	size_t members; /* of a role: how many people are listed that this stands for */
};

struct deltas {
	struct delta *v;
	size_t n;
};

/* Only those for whom something changes. */
void deltas_find(struct subjects *s, const struct acl_policy *old, const struct acl_policy *new, long long now, struct deltas *out);
void deltas_free(struct deltas *l);
bool delta_gains(const struct delta *d); /* other conditions count: nobody can say that they are narrower */
bool delta_loses(const struct delta *d);
bool delta_same(const struct delta *a, const struct delta *b); /* but for where it comes from */

#endif
