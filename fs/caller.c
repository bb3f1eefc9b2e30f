/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uid -> Unix name -> e-mail and groups (SPEC section 13). */
#include "fs/caller.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "fs/audit.h"
#include "fs/identities.h"
#include "fs/opts.h"
#include "fs/policy.h"
#include "fs/session.h"

enum {
	CACHE_MS = 60 * 1000, /* SPEC: at most 60 s */
	GROUPS_MAX = 65536,
	OVERFLOW_UID = 65534, /* what the kernel shows for a uid that has no number here */
};

/* One remembered uid. */
struct slot {
	uid_t uid;
	struct identity *id;
	uint64_t until; /* ms */
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock;
	struct slot *slots; /* lock */
	uint64_t next_generation; /* lock */
	uint64_t epoch; /* lock; raised when the map changed: what was resolved under an older one does not count */
	char *domain; /* NULL: none */
} ids = {.lock = PTHREAD_MUTEX_INITIALIZER, .next_generation = 1};

/* Everybody is resolved again. */
static void map_changed(void)
{
	struct slot *s, *tmp;

	pthread_mutex_lock(&ids.lock);
	ids.epoch++;
	HASH_ITER(hh, ids.slots, s, tmp)
		s->until = 0;
	pthread_mutex_unlock(&ids.lock);
	policy_bump();
}

/* Would NAME@domain be an address? */
static bool domain_ok(const char *domain)
{
	AUTO_BUF b = BUF_INIT;

	buf_addf(&b, "a@%s", domain);
	return idmap_email_ok(buf_str(&b));
}

int callers_init(const struct options *o)
{
	if (o->domain && !domain_ok(o->domain)) {
		log_err("domain=%s is no domain; write one like domain=example.com", o->domain);
		return -EINVAL;
	}
	ids.domain = o->domain ? strdup(o->domain) : NULL;
	return identities_load(o, map_changed);
}

/* ------------------------------------------------------------------ the name service */

/* The passwd entry as malloc()ed name and primary group; false if the name service knows none (or fails). */
static bool unix_user(uid_t uid, char **name, gid_t *gid)
{
	struct passwd pw, *found = NULL;
	size_t size = 4096;

	for (;;) {
		AUTO_FREE char *space = malloc(size);
		int r = space ? getpwuid_r(uid, &pw, space, size, &found) : ENOMEM;

		if (r == ERANGE && size < (1u << 20)) {
			size *= 2;
			continue;
		}
		if (r || !found)
			return false;
		*name = strdup(pw.pw_name);
		*gid = pw.pw_gid;
		return *name != NULL;
	}
}

/* The group's name in lower case, malloc()ed; NULL if it has none. */
static char *group_name(gid_t gid)
{
	struct group gr, *found = NULL;
	size_t size = 4096;

	for (;;) {
		AUTO_FREE char *space = malloc(size);
		int r = space ? getgrgid_r(gid, &gr, space, size, &found) : ENOMEM;
		char *name;

		if (r == ERANGE && size < (1u << 24)) {
			size *= 2;
			continue;
		}
		if (r || !found)
			return NULL;
		name = strdup(gr.gr_name);
		if (name)
			str_lower(name);
		return name;
	}
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* gids of the user; the number, 0 when the name service fails. */
static int group_ids(const char *name, gid_t primary, gid_t **out)
{
	int n = 64;

	for (;;) {
		int room = n;
		gid_t *v = calloc((size_t)n, sizeof(*v));

		if (!v)
			return 0;
		if (getgrouplist(name, primary, v, &n) >= 0) {
			*out = v;
			return n;
		}
		free(v);
		if (n <= room || n > GROUPS_MAX)
			return 0;
	}
}

/* Sorted, without duplicates. */
static void groups_fill(struct identity *id)
{
	AUTO_FREE gid_t *gids = NULL;
	int n = id->unix_name ? group_ids(id->unix_name, id->gid, &gids) : 0;
	char **names = n ? calloc((size_t)n, sizeof(*names)) : NULL;
	size_t count = 0, kept = 0;

	for (int i = 0; names && i < n; i++)
		if ((names[count] = group_name(gids[i])))
			count++;
	if (count)
		qsort(names, count, sizeof(*names), by_text);
	for (size_t i = 0; i < count; i++) {
		if (kept && !strcmp(names[kept - 1], names[i]))
			free(names[i]);
		else
			names[kept++] = names[i];
	}
	id->who.groups = (const char *const *)names;
	id->who.n_groups = kept;
}

/* ------------------------------------------------------------------ one identity */

/* NAME@DOMAIN, malloc()ed; NULL if that is no address. */
static char *domain_email(const char *name)
{
	AUTO_BUF b = BUF_INIT;

	if (!ids.domain || !name)
		return NULL;
	buf_addf(&b, "%s@%s", name, ids.domain);
	if (!idmap_email_ok(buf_str(&b)))
		return NULL;
	return buf_steal(&b);
}

/* malloc()ed, or NULL: anonymous. The overflow uid is nobody in particular, whatever the map says (THREATS 20). */
static char *email_of(const struct identity *id)
{
	bool conflict = false;
	char *email;

	if (id->uid == OVERFLOW_UID || id->uid == (uid_t)-1)
		return NULL;
	email = identities_email(id->unix_name, id->uid, &conflict);
	if (!email && !conflict)
		email = domain_email(id->unix_name);
	if (email)
		str_lower(email);
	if (email && identities_retired(email, NULL))
		free(steal_ptr(email));
	return email;
}

static struct identity *resolve(uid_t uid)
{
	struct identity *id = calloc(1, sizeof(*id));

	if (!id)
		abort();
	id->uid = uid;
	id->gid = (gid_t)uid;
	id->refs = 1;
	id->resolved_at = (long long)(policy_clock_ms() / 1000);
	unix_user(uid, &id->unix_name, &id->gid);
	id->who.email = email_of(id);
	groups_fill(id);
	return id;
}

static bool same_text(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool same_groups(const struct identity *a, const struct identity *b)
{
	bool same = a->who.n_groups == b->who.n_groups;

	for (size_t i = 0; same && i < a->who.n_groups; i++)
		same = !strcmp(a->who.groups[i], b->who.groups[i]);
	return same;
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
	return same_text(a->who.email, b->who.email) && same_text(a->unix_name, b->unix_name) && same_groups(a, b);
}

struct identity *identity_ref(struct identity *id)
{
	__atomic_add_fetch(&id->refs, 1, __ATOMIC_RELAXED);
	return id;
}

void identity_put(struct identity *id)
{
	if (!id || __atomic_sub_fetch(&id->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < id->who.n_groups; i++)
		free((char *)id->who.groups[i]);
	free((void *)id->who.groups);
	free((char *)id->who.email);
	free(id->unix_name);
	session_put(id->session);
	free(id);
}

static char *copy_text(const char *s)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		abort();
	return copy;
}

struct identity *identity_in_session(const struct identity *base, struct session *s)
{
	struct identity *id = calloc(1, sizeof(*id));
	char **groups = id ? calloc(base->who.n_groups + 1, sizeof(*groups)) : NULL;

	if (!groups)
		abort();
	*id = (struct identity){.uid = base->uid, .gid = base->gid, .generation = base->generation, .resolved_at = base->resolved_at, .refs = 1};
	for (size_t i = 0; i < base->who.n_groups; i++)
		groups[i] = copy_text(base->who.groups[i]);
	id->who = (struct acl_principal){copy_text(base->who.email), (const char *const *)groups, base->who.n_groups};
	id->unix_name = copy_text(base->unix_name);
	id->session = session_ref(s);
	return id;
}

/* ------------------------------------------------------------------ the cache */

/* What is remembered and fresh; NULL if nothing is. */
static struct identity *cached(uid_t uid, uint64_t *epoch)
{
	struct identity *id = NULL;
	struct slot *s;

	pthread_mutex_lock(&ids.lock);
	HASH_FIND(hh, ids.slots, &uid, sizeof(uid), s);
	if (s && policy_clock_ms() < s->until)
		id = identity_ref(s->id);
	*epoch = ids.epoch;
	pthread_mutex_unlock(&ids.lock);
	return id;
}

static void say_person(enum ledger_event event, const struct identity *id)
{
	AUTO_BUF groups = BUF_INIT;

	for (size_t i = 0; i < id->who.n_groups; i++)
		buf_addf(&groups, "%s%s", i ? " " : "", id->who.groups[i]);
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("user", id->unix_name ? id->unix_name : "unknown"), LEDGER_ATTR_TEXT("groups", buf_str(&groups))};
	struct audit_event e = {.event = event, .principal = id->who.email ? id->who.email : LEDGER_ANONYMOUS, .uid = id->uid, .daemon = true, .attrs = attrs,
				.n_attrs = ARRAY_LEN(attrs), AUDIT_EVENT_INIT};

	audit_event(&e);
}

/* What is new of that uid; 'old' is NULL if it was not known. */
static void say_news(const struct identity *old, const struct identity *fresh)
{
	if (!fresh->who.email && (!old || old->who.email))
		say_person(LEDGER_PRINCIPAL_UNMAPPED, fresh);
	if (old && !same_groups(old, fresh))
		say_person(LEDGER_GROUP_CHANGE, fresh);
}

/* Remembers 'fresh' (its reference is taken); *changed tells that this uid was somebody else before. Returns the one to use. */
static struct identity *remember(struct identity *fresh, uint64_t epoch, bool *changed)
{
	struct slot *s;

	WITH_MUTEX(&ids.lock);
	HASH_FIND(hh, ids.slots, &fresh->uid, sizeof(fresh->uid), s);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			abort();
		s->uid = fresh->uid;
		HASH_ADD(hh, ids.slots, uid, sizeof(s->uid), s);
	}
	*changed = s->id && !same_identity(s->id, fresh);
	say_news(s->id, fresh);
	if (s->id && !*changed) {
		identity_put(fresh);
		fresh = s->id;
	} else {
		fresh->generation = ids.next_generation++;
		identity_put(s->id);
		s->id = fresh;
	}
	/* the map changed meanwhile: good for this request, not for the next */
	s->until = epoch == ids.epoch ? policy_clock_ms() + CACHE_MS : 0;
	return identity_ref(fresh);
}

struct identity *identity_get(uid_t uid)
{
	bool changed = false;
	struct identity *id;
	uint64_t epoch;

	identities_look();
	id = cached(uid, &epoch);
	if (id)
		return id;
	id = remember(resolve(uid), epoch, &changed);
	if (changed)
		policy_bump();
	return id;
}

void identity_refresh(const struct identity *who)
{
	if ((long long)(policy_clock_ms() / 1000) - who->resolved_at > CACHE_MS / 1000)
		identity_put(identity_get(who->uid));
}

void callers_free(void)
{
	struct slot *s, *tmp;

	HASH_ITER(hh, ids.slots, s, tmp) {
		HASH_DEL(ids.slots, s);
		identity_put(s->id);
		free(s);
	}
	free(ids.domain);
	identities_free();
}
