/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fs/audit.h"
#include "fs/policy.h"
#include "fs/proc.h"

enum {
	PER_UID_MOST = 64,
	SAID_BYTES_MOST = 64 << 10, /* of different provenances in one session: each is kept as long as the session */
	LOOK_MS = 60 * 1000, /* the watcher looks at least that often: its poll sleeps while the machine does */
};

/* A declared provenance; older ones stay until the session goes, since requests may be reading them. */
struct said {
	struct said *older;
	char text[];
};

struct session {
	int refs; /* atomic */
	uid_t uid;
	pid_t sid;
	uint64_t start; /* of the leader */
	int leader; /* pidfd: readable when it has ended; -1 where there are none */
	char *email; /* for the ledger */
	_Atomic uint64_t until; /* ms of CLOCK_BOOTTIME; 0: not elevated */
	_Atomic(struct said *) said; /* what holds now */
	struct said *texts; /* lock; all that were ever said */
	size_t text_bytes; /* lock */
	_Atomic int risk; /* -1: not said */
	char *reason; /* lock; of the elevation */
	struct identity *as; /* lock; counted: the variant made last */
	struct session *next; /* lock */
	bool ended; /* lock: no longer in the list */
};

static struct {
	pthread_mutex_t lock;
	struct session *list; /* lock */
	_Atomic int open; /* how many are in the list */
	pthread_t watcher;
	bool watching;
	int wake; /* eventfd: the list has changed, or it is time to stop */
	_Atomic bool stop;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = -1};

static uint64_t boottime_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------ one session */

struct session *session_ref(struct session *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void session_put(struct session *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (struct said *t = s->texts, *older; t; t = older) {
		older = t->older;
		free(t);
	}
	if (s->leader >= 0)
		close(s->leader);
	free(s->reason);
	free(s->email);
	free(s);
}

/* 0 or -EBUSY. */
static int say(struct session *s, const char *provenance)
{
	size_t n = strlen(provenance) + 1;
	struct said *t = s->texts;

	while (t && strcmp(t->text, provenance) != 0)
		t = t->older;
	if (!t && s->text_bytes + n > SAID_BYTES_MOST)
		return -EBUSY;
	if (!t) {
		t = malloc(sizeof(*t) + n);
		if (!t)
			abort();
		memcpy(t->text, provenance, n);
		t->older = s->texts;
		s->texts = t;
		s->text_bytes += n;
	}
	atomic_store(&s->said, t);
	return 0;
}

static bool readable_now(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* The leader that the session was known by lives: while it does, its number is nobody else's. */
static bool leader_lives(const struct session *s)
{
	struct proc_stat st;

	if (s->leader >= 0)
		return !readable_now(s->leader);
	return proc_stat(s->sid, &st) == 0 && st.start == s->start && st.state != 'Z' && st.state != 'X';
}

/* The session of a task and the start time of its leader. 0 or -ESRCH. */
static int session_of(pid_t pid, pid_t *sid, uint64_t *start)
{
	struct proc_stat st, leader;

	if (proc_stat(pid, &st) < 0 || st.session <= 0 || proc_stat(st.session, &leader) < 0)
		return -ESRCH;
	if (leader.state == 'Z' || leader.state == 'X' || leader.session != st.session)
		return -ESRCH;
	*sid = st.session;
	*start = leader.start;
	return 0;
}

/* ------------------------------------------------------------------ the list; under the lock */

static struct session *find(uid_t uid, pid_t sid)
{
	for (struct session *s = all.list; s; s = s->next)
		if (s->uid == uid && s->sid == sid)
			return s;
	return NULL;
}

static int count_of(uid_t uid)
{
	int n = 0;

	for (struct session *s = all.list; s; s = s->next)
		n += s->uid == uid;
	return n;
}

static void wake_watcher(void)
{
	uint64_t one = 1;

	if (all.wake >= 0 && write(all.wake, &one, sizeof(one)) < 0)
		log_debug("the watcher of sessions is awake already");
}

/* 'asked': by a request, else whatever request comes across it has nothing to do with it. */
static void say_ended(const struct session *s, const char *how, bool asked)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("how", how), LEDGER_ATTR_NUMBER("session", s->sid), LEDGER_ATTR_TEXT("reason", s->reason)};
	struct audit_event e = {.event = LEDGER_SESSION_ENDED, .principal = s->email ? s->email : LEDGER_ANONYMOUS, .uid = s->uid, .attrs = attrs,
				.n_attrs = ARRAY_LEN(attrs), .daemon = !asked, .active_admin = true, AUDIT_EVENT_INIT};

	audit_event(&e);
}

/* Handles that were opened by it are decided again. */
static void elevation_over(struct session *s, const char *how, bool asked)
{
	if (!atomic_exchange(&s->until, 0))
		return;
	policy_bump();
	say_ended(s, how, asked);
	log_notice("elevation of %s (uid %u, session %d) has ended: %s", s->email ? s->email : "anonymous", s->uid, (int)s->sid, how);
	free(s->reason);
	s->reason = NULL;
}

/* The list's reference goes. */
static void take_out(struct session *s, const char *how)
{
	struct session **at = &all.list;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	atomic_fetch_sub(&all.open, 1);
	s->ended = true;
	elevation_over(s, how, false);
	identity_put(s->as);
	s->as = NULL;
	session_put(s);
}

static struct session *add(const struct identity *who, pid_t sid, uint64_t start)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->refs = 1;
	s->uid = who->uid;
	s->sid = sid;
	s->start = start;
	s->leader = pidfd_open(sid, 0);
	s->email = who->who.email ? strdup(who->who.email) : NULL;
	atomic_store(&s->risk, -1);
	s->next = all.list;
	all.list = s;
	atomic_fetch_add(&all.open, 1);
	return s;
}

/* Somebody's number that was used again is another session. */
static struct session *find_living(uid_t uid, pid_t sid)
{
	struct session *s = find(uid, sid);

	if (!s || leader_lives(s))
		return s;
	take_out(s, "the leader of its session has ended");
	return NULL;
}

/* The session of 'pid', made if it is not known. */
static int find_or_add(const struct identity *who, pid_t pid, struct session **out)
{
	struct proc_stat leader;
	uint64_t start;
	pid_t sid;
	int r = session_of(pid, &sid, &start);

	if (r < 0)
		return r;
	*out = find_living(who->uid, sid);
	if (*out)
		return 0;
	if (count_of(who->uid) >= PER_UID_MOST)
		return -EBUSY;
	*out = add(who, sid, start);
	/* the descriptor is of the process that has the start time, or that has ended */
	if (proc_stat(sid, &leader) == 0 && leader.start == start && leader_lives(*out))
		return 0;
	take_out(*out, "its leader has ended");
	return -ESRCH;
}

/* ------------------------------------------------------------------ declaring */

static void say_elevated(const struct session *s, const struct session_words *w)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("reason", w->reason), LEDGER_ATTR_NUMBER("seconds", w->seconds), LEDGER_ATTR_NUMBER("session", s->sid)};
	struct audit_event e = {.event = LEDGER_SESSION_ELEVATED, .principal = s->email ? s->email : LEDGER_ANONYMOUS, .uid = s->uid, .attrs = attrs,
				.n_attrs = ARRAY_LEN(attrs), .active_admin = true, AUDIT_EVENT_INIT};

	audit_event(&e);
}

static void elevate(struct session *s, const struct session_words *w)
{
	free(s->reason);
	s->reason = strdup(w->reason);
	atomic_store(&s->until, boottime_ms() + (uint64_t)w->seconds * 1000);
	say_elevated(s, w);
	log_notice("%s (uid %u, session %d) has elevated for %lld s: %s", s->email ? s->email : "anonymous", s->uid, (int)s->sid, w->seconds,
		   w->reason);
}

int session_declare(const struct identity *who, pid_t pid, const struct session_words *w)
{
	struct session *s;
	int r;

	WITH_MUTEX(&all.lock);
	r = find_or_add(who, pid, &s);
	if (r == 0 && w->provenance)
		r = say(s, w->provenance);
	if (r < 0)
		return r;
	if (w->risk >= 0)
		atomic_store(&s->risk, w->risk);
	if (w->seconds)
		elevate(s, w);
	wake_watcher();
	return 0;
}

int session_unelevate(const struct identity *who, pid_t pid)
{
	struct proc_stat st;
	struct session *s;

	WITH_MUTEX(&all.lock);
	s = proc_stat(pid, &st) == 0 ? find_living(who->uid, st.session) : NULL;
	if (!s || !atomic_load(&s->until))
		return -ESRCH;
	elevation_over(s, "by its user", true);
	return 0;
}

/* ------------------------------------------------------------------ asking */

static bool elevated_now(const struct session *s, uint64_t *left)
{
	uint64_t until = atomic_load(&((struct session *)(uintptr_t)s)->until), now = until ? boottime_ms() : 0;

	*left = until > now ? until - now : 0;
	return *left > 0;
}

bool identity_elevated(const struct identity *who)
{
	uint64_t left;

	return who->session && elevated_now(who->session, &left);
}

long long identity_elevated_for(const struct identity *who)
{
	uint64_t left = 0;

	return who->session && elevated_now(who->session, &left) ? (long long)((left + 999) / 1000) : 0;
}

void identity_elevated_why(const struct identity *who, struct buf *out)
{
	if (!identity_elevated(who))
		return;
	WITH_MUTEX(&all.lock);
	if (who->session->reason)
		buf_adds(out, who->session->reason);
}

void sessions_each(void (*each)(void *arg, const struct session_view *v), void *arg)
{
	uint64_t left;

	WITH_MUTEX(&all.lock);
	for (struct session *s = all.list; s; s = s->next)
		if (elevated_now(s, &left))
			each(arg, &(struct session_view){s->email, s->uid, s->sid, (long long)((left + 999) / 1000), s->reason});
}

const char *identity_provenance(const struct identity *who)
{
	struct said *t = who->session ? atomic_load(&who->session->said) : NULL;

	return t ? t->text : NULL;
}

int identity_risk(const struct identity *who) { return who->session ? atomic_load(&who->session->risk) : -1; }

/* Under the lock. */
static struct identity *variant_of(struct session *s, struct identity *base)
{
	if (!s->as || s->as->generation != base->generation) {
		identity_put(s->as);
		s->as = identity_in_session(base, s);
	}
	return identity_ref(s->as);
}

static bool declared_anything(uid_t uid)
{
	WITH_MUTEX(&all.lock);
	for (struct session *s = all.list; s; s = s->next)
		if (s->uid == uid)
			return true;
	return false;
}

struct identity *session_identity(struct identity *base, pid_t pid)
{
	struct identity *as = NULL;
	struct proc_stat st;
	struct session *s;

	if (!pid || !atomic_load_explicit(&all.open, memory_order_relaxed) || !declared_anything(base->uid) || proc_stat(pid, &st) < 0)
		return base;
	pthread_mutex_lock(&all.lock);
	s = find_living(base->uid, st.session);
	if (s)
		as = variant_of(s, base);
	pthread_mutex_unlock(&all.lock);
	if (!as)
		return base;
	identity_put(base);
	return as;
}

struct identity *identity_again(const struct identity *who)
{
	struct identity *base = identity_get(who->uid), *as;

	if (!who->session)
		return base;
	pthread_mutex_lock(&all.lock);
	as = who->session->ended ? identity_in_session(base, who->session) : variant_of(who->session, base);
	pthread_mutex_unlock(&all.lock);
	identity_put(base);
	return as;
}

/* ------------------------------------------------------------------ the watcher */

/* What is over goes; the ms until something else may be. Fills in what to wait for. Under the lock. */
static int sweep(struct pollfd **fds, nfds_t *n)
{
	uint64_t now = boottime_ms(), next = now + LOOK_MS;
	nfds_t most = (nfds_t)atomic_load(&all.open) + 1;

	*fds = calloc(most, sizeof(**fds));
	if (!*fds)
		abort();
	(*fds)[0] = (struct pollfd){.fd = all.wake, .events = POLLIN};
	*n = 1;
	for (struct session *s = all.list, *after; s; s = after) {
		uint64_t until = atomic_load(&s->until);

		after = s->next;
		if (!leader_lives(s)) {
			take_out(s, "the leader of its session has ended");
			continue;
		}
		if (until && until <= now)
			elevation_over(s, "its time is over", false);
		else if (until && until < next)
			next = until;
		(*fds)[(*n)++] = (struct pollfd){.fd = s->leader, .events = POLLIN};
	}
	return (int)(next - now) + 1;
}

static void *watch(void *arg)
{
	while (!atomic_load(&all.stop)) {
		AUTO_FREE struct pollfd *fds = NULL;
		uint64_t count;
		nfds_t n;
		int ms;

		pthread_mutex_lock(&all.lock);
		ms = sweep(&fds, &n);
		pthread_mutex_unlock(&all.lock);
		poll(fds, n, n > 1 ? ms : -1);
		if (fds[0].revents && read(all.wake, &count, sizeof(count)) < 0)
			log_debug("woken for nothing");
	}
	return arg;
}

int sessions_start(void)
{
	int r;

	all.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all.wake < 0)
		return -errno;
	r = pthread_create(&all.watcher, NULL, watch, NULL);
	all.watching = r == 0;
	return -r;
}

void sessions_stop(void)
{
	atomic_store(&all.stop, true);
	wake_watcher();
	if (all.watching)
		pthread_join(all.watcher, NULL);
	WITH_MUTEX(&all.lock);
	while (all.list)
		take_out(all.list, "the mount has ended");
	if (all.wake >= 0)
		close(all.wake);
	all.wake = -1;
}
