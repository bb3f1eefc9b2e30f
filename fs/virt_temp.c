/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transient names in virtual directories: what editors put beside the file they edit (swap files, locks, the copy that is renamed over it).
 * There is no directory to keep them in, so they live in memory, each for its maker alone; only locks are for all to see. They go with
 * the daemon, and a day after they were last written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/transient.h"
#include "fs/virt_private.h"

enum { TEMPS_PER_UID = 64, TEMP_AGE_S = 86400 };

struct temp {
	struct node *dir; /* counted */
	char *name;
	struct identity *who; /* counted */
	gid_t gid;
	struct buf text;
	struct timespec changed;
	long long at; /* by the gate's clock */
	struct temp *next;
};

static pthread_mutex_t temps_lock = PTHREAD_MUTEX_INITIALIZER;
static struct temp *temps; /* temps_lock */

static void temp_free(struct temp *t)
{
	node_put(t->dir);
	identity_put(t->who);
	buf_free(&t->text);
	free(t->name);
	free(t);
}

/* temps_lock held: takes it out. */
static struct temp *take(struct temp **at)
{
	struct temp *t = *at;

	*at = t->next;
	return t;
}

/* temps_lock held. The caller's own, or a lock that anybody holds. */
static struct temp **find(const struct node *dir, const char *name, uid_t uid)
{
	struct temp **at = &temps;

	while (*at && ((*at)->dir != dir || strcmp((*at)->name, name) != 0 || ((*at)->who->uid != uid && !transient_is_lock(name))))
		at = &(*at)->next;
	return at;
}

/* temps_lock held. The caller's own only. */
static struct temp **find_own(const struct node *dir, const char *name, uid_t uid)
{
	struct temp **at = find(dir, name, uid);

	while (*at && ((*at)->dir != dir || strcmp((*at)->name, name) != 0 || (*at)->who->uid != uid))
		at = &(*at)->next;
	return at;
}

/* temps_lock held: one that nobody has written for a day, or NULL. */
static struct temp *take_old(void)
{
	long long now = gate_now();

	for (struct temp **at = &temps; *at; at = &(*at)->next)
		if ((*at)->at + TEMP_AGE_S < now)
			return take(at);
	return NULL;
}

void virt_temps_age(void)
{
	struct temp *t;

	do {
		pthread_mutex_lock(&temps_lock);
		t = take_old();
		pthread_mutex_unlock(&temps_lock);
		if (t)
			temp_free(t);
	} while (t);
}

static void touch(struct temp *t)
{
	clock_gettime(CLOCK_REALTIME, &t->changed);
	t->at = gate_now();
}

static struct temp *temp_new(struct op *op, struct node *dir, const char *name)
{
	struct temp *t = calloc(1, sizeof(*t));

	if (!t || !(t->name = strdup(name)))
		abort();
	t->dir = node_ref(dir);
	t->who = identity_ref(op->caller.id);
	t->gid = op->caller.gid;
	touch(t);
	return t;
}

/* temps_lock held. */
static int room(const struct node *dir, const char *name, uid_t uid)
{
	unsigned mine = 0;

	for (const struct temp *t = temps; t; t = t->next)
		mine += t->who->uid == uid;
	if (*find(dir, name, uid))
		return -EEXIST;
	return mine < TEMPS_PER_UID ? 0 : -EDQUOT;
}

int virt_temp_make(struct op *op, struct node *dir, const char *name)
{
	struct temp *t = temp_new(op, dir, name);
	int r;

	virt_temps_age();
	pthread_mutex_lock(&temps_lock);
	r = room(dir, name, t->who->uid);
	if (r == 0) {
		t->next = temps;
		temps = t;
	}
	pthread_mutex_unlock(&temps_lock);
	if (r < 0)
		temp_free(t);
	return r;
}

bool virt_temp_stat(const struct node *dir, const char *name, uid_t uid, struct stat *out)
{
	WITH_MUTEX(&temps_lock);
	const struct temp *t = *find(dir, name, uid);

	if (!t)
		return false;
	*out = (struct stat){.st_mode = S_IFREG | 0644, .st_nlink = 1, .st_uid = t->who->uid, .st_gid = t->gid, .st_size = (off_t)t->text.len,
			     .st_blksize = 4096, .st_blocks = (blkcnt_t)(t->text.len + 511) / 512, .st_atim = t->changed, .st_mtim = t->changed,
			     .st_ctim = t->changed};
	return true;
}

bool virt_temp_own(const struct node *dir, const char *name, uid_t uid)
{
	WITH_MUTEX(&temps_lock);
	return *find_own(dir, name, uid);
}

bool virt_temp_read(const struct node *dir, const char *name, uid_t uid, struct buf *out)
{
	WITH_MUTEX(&temps_lock);
	const struct temp *t = *find(dir, name, uid);

	if (t)
		buf_add(out, buf_str(&t->text), t->text.len);
	return t;
}

bool virt_temp_write(const struct node *dir, const char *name, uid_t uid, const char *text, size_t len)
{
	WITH_MUTEX(&temps_lock);
	struct temp *t = *find_own(dir, name, uid);

	if (!t)
		return false;
	buf_reset(&t->text);
	buf_add(&t->text, text, len);
	touch(t);
	return true;
}

bool virt_temp_remove(const struct node *dir, const char *name, uid_t uid)
{
	struct temp *t = NULL, **at;

	pthread_mutex_lock(&temps_lock);
	at = find_own(dir, name, uid);
	if (*at)
		t = take(at);
	pthread_mutex_unlock(&temps_lock);
	if (t)
		temp_free(t);
	return t;
}

bool virt_temp_rename(const struct node *dir, const char *name, uid_t uid, const char *new_name)
{
	struct temp *t, **over, *replaced = NULL;

	pthread_mutex_lock(&temps_lock);
	over = strcmp(name, new_name) ? find_own(dir, new_name, uid) : NULL;
	if (over && *over && *find_own(dir, name, uid))
		replaced = take(over);
	t = *find_own(dir, name, uid);
	if (t) {
		free(t->name);
		t->name = strdup(new_name);
	}
	pthread_mutex_unlock(&temps_lock);
	if (replaced)
		temp_free(replaced);
	return t;
}

void virt_temps_each(const struct node *dir, uid_t uid, bool (*each)(void *arg, const char *name, mode_t type), void *arg)
{
	WITH_MUTEX(&temps_lock);
	for (const struct temp *t = temps; t; t = t->next)
		if (t->dir == dir && (t->who->uid == uid || transient_is_lock(t->name)) && !each(arg, t->name, S_IFREG))
			return;
}

void virt_temps_free(void)
{
	while (temps)
		temp_free(take(&temps));
}
