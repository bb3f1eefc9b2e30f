/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What login sessions have declared to this mount: elevation (SPEC section 6), provenance and risk (section 13). A session is one uid in
 * one kernel session (getsid), known by its number and its leader's start time, so that a number that is used again is another session. It
 * ends with its leader. Nothing of it outlives the mount.
 *
 * A request that comes from such a session is made by a variant of its uid's identity (identity.session is set): whatever is asked with
 * that identity carries what the session declared, handles included. Requests of uids that declared nothing cost one atomic load, or a
 * look into a table while somebody else has declared something; the others one read of /proc/PID/stat each.
 */
#ifndef FS_SESSION_H
#define FS_SESSION_H

#include <stdbool.h>
#include <sys/types.h>

#include "fs/caller.h"

struct buf;
struct session;

enum {
	SESSION_ELEVATED_MOST = 3600, /* seconds */
	SESSION_ELEVATED_USUAL = 300,
};

/* The thread that sees leaders end and times run out; after privileges have been dropped. 0 or -errno. */
int sessions_start(void);
/* All end; after the last request. */
void sessions_stop(void);

/*
 * Who makes a request of that base identity in task 'pid': the base itself, or the variant of its session. Takes the reference of 'base',
 * returns one.
 */
struct identity *session_identity(struct identity *base, pid_t pid);
/* Who 'who' is by now: address and groups looked up again, in the same session. One reference. */
struct identity *identity_again(const struct identity *who);

/* What is declared; what is not said stays as it was. */
struct session_words {
	long long seconds; /* of elevation, 0: not said; at most SESSION_ELEVATED_MOST */
	const char *reason; /* for it */
	const char *provenance; /* NULL: not said */
	int risk; /* -1: not said */
};
/*
 * Declares for the session of 'pid', as 'who'. 0, or -ESRCH (the task or the leader of its session is gone), -EBUSY (this uid has declared
 * for too many sessions, or too much in this one).
 */
int session_declare(const struct identity *who, pid_t pid, const struct session_words *w);
/* Ends the elevation of that session: 0, or -ESRCH if there is none. */
int session_unelevate(const struct identity *who, pid_t pid);

struct session *session_ref(struct session *s);
void session_put(struct session *s); /* NULL is fine */

/* May this identity act as an administrator just now? The clock does not stop while the machine sleeps and cannot be set. */
bool identity_elevated(const struct identity *who);
/* Seconds that are left of it, 0 if it is not elevated. */
long long identity_elevated_for(const struct identity *who);
/* What was declared; NULL and -1 if nothing. Lives as long as the identity. */
const char *identity_provenance(const struct identity *who);
int identity_risk(const struct identity *who);
/* Who acts as an administrator just now. */
struct session_view {
	const char *email; /* NULL: anonymous */
	uid_t uid;
	pid_t sid;
	long long left; /* seconds */
	const char *reason;
};
/* Calls each() for every session that is elevated; nothing of this file may be called meanwhile. */
void sessions_each(void (*each)(void *arg, const struct session_view *v), void *arg);
/* Why it elevated, appended; nothing if it is not elevated. */
void identity_elevated_why(const struct identity *who, struct buf *out);

#endif
