/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uid -> Unix name -> e-mail and groups (SPEC section 13). */
#include "fs/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "fs/audit.h"
#include "fs/audit_policy.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/index.h"
#include "fs/opts.h"
#include "fs/policy.h"
#include "fs/session.h"

enum {
	CACHE_MS = 60 * 1000, /* SPEC: at most 60 s */
	RECHECK_MS = 1000, /* identities file */
	GROUPS_MAX = 65536,
	OVERFLOW_UID = 65534, /* what the kernel shows for a uid that has no number here */
};

static const char DEFAULT_FILE[] = ".zddc.d/identities.yaml";

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
	struct idmap *map; /* lock; NULL: nobody is listed */
	uint64_t next_generation; /* lock */
	uint64_t epoch; /* lock; raised when the map changed: what was resolved under an older one does not count */
	struct policy_stamp stamp; /* lock: of the text that map was made of, or that was refused */
	_Atomic uint64_t next_check;
	char *domain; /* NULL: none */
	int dirfd; /* identities=FILE: its directory, -1 for the default place */
	char *base; /* and its name there */
	char *shown; /* how messages call the file */
} ids = {.lock = PTHREAD_MUTEX_INITIALIZER, .dirfd = -1, .next_generation = 1};

/* ------------------------------------------------------------------ identities.yaml */

static int file_stat(struct stat *st)
{
	if (ids.dirfd < 0)
		return back_path_stat(DEFAULT_FILE, st);
	return back_stat(ids.dirfd, ids.base, st);
}

static int file_read(struct buf *out)
{
	AUTO_FCLOSE FILE *f = NULL;
	char part[8192];
	size_t n;
	int fd;

	if (ids.dirfd < 0)
		return back_path_read(DEFAULT_FILE, out, LIMIT_DOC_BYTES);
	fd = back_open(ids.dirfd, ids.base, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && out->len <= LIMIT_DOC_BYTES)
		buf_add(out, part, n);
	if (ferror(f))
		return -EIO;
	return out->len > LIMIT_DOC_BYTES ? -EFBIG : 0;
}

static void log_diags(const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].line)
			log_err("%s:%u:%u: %s", d->v[i].file, d->v[i].line, d->v[i].col, d->v[i].text);
		else
			log_err("%s: %s", d->v[i].file, d->v[i].text);
}

/* The map the file holds now. 0, -ENOENT, or another error that was logged. */
static int map_read(struct idmap **out)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	int r = file_read(&text);

	if (r == -ENOENT)
		return r;
	if (r) {
		log_err("%s cannot be read: %s", ids.shown, strerror(-r));
		return r;
	}
	r = idmap_parse(ids.shown, buf_str(&text), text.len, &d, out);
	log_diags(&d);
	if (!r) {
		policy_keep_later(buf_str(&text), text.len);
		audit_policy_read("identities", buf_str(&text), text.len);
	}
	return r;
}

/* Puts a new map in place; everybody is resolved again. */
static void map_set(struct idmap *map)
{
	struct slot *s, *tmp;

	pthread_mutex_lock(&ids.lock);
	idmap_free(ids.map);
	ids.map = map;
	ids.epoch++;
	HASH_ITER(hh, ids.slots, s, tmp)
		s->until = 0;
	pthread_mutex_unlock(&ids.lock);
	policy_bump();
}

/* Reads the file if it is another than the one known. 'force' reads it in any case. */
static int revalidate(bool force)
{
	struct stat st;
	int r = file_stat(&st);
	struct policy_stamp now = policy_stamp_of(r ? NULL : &st);
	struct idmap *map = NULL;
	bool same;

	if (r && r != -ENOENT)
		return r;
	pthread_mutex_lock(&ids.lock);
	same = policy_stamp_eq(&now, &ids.stamp);
	ids.stamp = now;
	pthread_mutex_unlock(&ids.lock);
	if (same && !force)
		return 0;
	r = map_read(&map);
	if (r == -ENOENT && ids.dirfd < 0)
		r = 0; /* the default file need not exist */
	if (r) {
		log_err("%s is not used; the identities known before stay in force", ids.shown);
		return r;
	}
	map_set(map);
	if (map)
		log_info("%s: %zu identities", ids.shown, idmap_count(map));
	return 0;
}

static void revalidate_now_and_then(void)
{
	uint64_t now = policy_clock_ms(), due = atomic_load(&ids.next_check);

	if (now < due || !atomic_compare_exchange_strong(&ids.next_check, &due, now + RECHECK_MS))
		return;
	revalidate(false);
}

/* Remembers where identities=FILE lies, so that no path is walked again later. */
static int place_remember(const char *file)
{
	AUTO_FREE char *one = realpath(file, NULL);
	AUTO_FREE char *two = one ? strdup(one) : NULL;
	int fd = two ? open(dirname(one), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0) {
		log_err("identities=%s: %s", file, strerror(errno));
		return -EINVAL;
	}
	ids.dirfd = fd;
	ids.base = strdup(basename(two));
	ids.shown = strdup(file);
	return ids.base && ids.shown ? 0 : -ENOMEM;
}

/* Would NAME@domain be an address? */
static bool domain_ok(const char *domain)
{
	AUTO_BUF b = BUF_INIT;

	buf_addf(&b, "a@%s", domain);
	return idmap_email_ok(buf_str(&b));
}

int identities_load(const struct options *o)
{
	int r;

	if (o->domain && !domain_ok(o->domain)) {
		log_err("domain=%s is no domain; write one like domain=example.com", o->domain);
		return -EINVAL;
	}
	ids.domain = o->domain ? strdup(o->domain) : NULL;
	if (o->identities && (r = place_remember(o->identities)))
		return r;
	if (!ids.shown)
		ids.shown = strdup(DEFAULT_FILE);
	ids.stamp.size = -2; /* no state of a file */
	atomic_store(&ids.next_check, policy_clock_ms() + RECHECK_MS);
	return revalidate(true) ? -EINVAL : 0;
}

int identities_reload(void) { return revalidate(true); }

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
	const char *listed;
	char *email = NULL;

	if (id->uid == OVERFLOW_UID || id->uid == (uid_t)-1)
		return NULL;
	pthread_mutex_lock(&ids.lock);
	listed = idmap_find(ids.map, id->unix_name, id->uid, &conflict);
	if (listed)
		email = strdup(listed);
	pthread_mutex_unlock(&ids.lock);
	if (conflict)
		log_warn("%s gives user %s and uid %u two addresses: treated as anonymous until one is removed", ids.shown,
			 id->unix_name, id->uid);
	if (!email && !conflict)
		email = domain_email(id->unix_name);
	if (email)
		str_lower(email);
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

	revalidate_now_and_then();
	id = cached(uid, &epoch);
	if (id)
		return id;
	id = remember(resolve(uid), epoch, &changed);
	if (changed)
		policy_bump();
	return id;
}

void identities_free(void)
{
	struct slot *s, *tmp;

	HASH_ITER(hh, ids.slots, s, tmp) {
		HASH_DEL(ids.slots, s);
		identity_put(s->id);
		free(s);
	}
	idmap_free(ids.map);
	ids.map = NULL;
	free(ids.domain);
	free(ids.base);
	free(ids.shown);
	if (ids.dirfd >= 0)
		close(ids.dirfd);
	ids.dirfd = -1;
}
