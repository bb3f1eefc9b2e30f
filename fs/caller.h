/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is calling: uid -> principal (SPEC section 13). Cached at most 60 s per uid; any thread may ask. */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "acl/acl.h"

/* One principal as resolved at one time. Immutable, reference-counted; handles keep theirs (verbs are bound to the handle). */
struct identity {
	struct acl_principal who; /* lower-cased e-mail, group names */
	uid_t uid;
	gid_t gid; /* primary group, for files made without a request of its own */
	char *unix_name; /* NULL if the name service knows none */
	uint64_t generation; /* changes when e-mail or groups of this uid changed */
	long long resolved_at;
	int refs; /* atomic */
	uint64_t decisions, refusals; /* atomic: of this identity, for status */
	struct session *session; /* counted: what the login session has declared (session.h); NULL: nothing */
};

/* The process behind one request. By value; holds a reference to its identity while the request lives. */
struct caller {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0 for what the kernel does on its own (write-back, RELEASE) */
	mode_t umask;
	struct identity *id;
};

struct options;
struct session;
/* Remembers domain= and reads identities.yaml (identities.h). 0, or -EINVAL with a logged message. */
int callers_init(const struct options *o);

/* Never fails: a name service failure means no groups, an unmapped uid is anonymous. One reference for the caller. */
struct identity *identity_get(uid_t uid);
/* The same person as 'base', acting in a session that has declared something. One reference for the caller. */
struct identity *identity_in_session(const struct identity *base, struct session *s);
/* Looks again who that is if the last look was more than a minute ago: what changed (groups) is a new policy generation. */
void identity_refresh(const struct identity *who);
struct identity *identity_ref(struct identity *id);
void identity_put(struct identity *id);
void callers_free(void);

#endif
