/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file identities.yaml: read, noticed when it changes, changed (SPEC section 13). */
#include "fs/identities.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "fs/audit_policy.h"
#include "fs/back.h"
#include "fs/index.h"
#include "fs/opts.h"
#include "fs/policy.h"

enum { RECHECK_MS = 1000 };

static const char DEFAULT_FILE[] = ".zddc.d/identities.yaml", DEFAULT_NAME[] = "identities.yaml";

static struct {
	pthread_mutex_t lock;
	struct idmap *map; /* lock; NULL: nobody is listed */
	struct policy_stamp stamp; /* lock: of the text that map was made of, or that was refused */
	_Atomic uint64_t next_check;
	void (*changed)(void);
	int dirfd; /* identities=FILE: its directory, -1 for the default place */
	char *base; /* and its name there */
	char *shown; /* how messages call the file */
} file = {.lock = PTHREAD_MUTEX_INITIALIZER, .dirfd = -1};

/* ------------------------------------------------------------------ reading */

static int file_stat(struct stat *st)
{
	if (file.dirfd < 0)
		return back_path_stat(DEFAULT_FILE, st);
	return back_stat(file.dirfd, file.base, st);
}

static int file_read(struct buf *out)
{
	AUTO_FCLOSE FILE *f = NULL;
	char part[8192];
	size_t n;
	int fd;

	if (file.dirfd < 0)
		return back_path_read(DEFAULT_FILE, out, LIMIT_DOC_BYTES);
	fd = back_open(file.dirfd, file.base, O_RDONLY, 0);
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
		log_err("%s cannot be read: %s", file.shown, strerror(-r));
		return r;
	}
	r = idmap_parse(file.shown, buf_str(&text), text.len, &d, out);
	log_diags(&d);
	if (!r) {
		policy_keep_later(buf_str(&text), text.len);
		audit_policy_read("identities", buf_str(&text), text.len);
	}
	return r;
}

static void map_set(struct idmap *map)
{
	pthread_mutex_lock(&file.lock);
	idmap_free(file.map);
	file.map = map;
	pthread_mutex_unlock(&file.lock);
	file.changed();
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
	pthread_mutex_lock(&file.lock);
	same = policy_stamp_eq(&now, &file.stamp);
	file.stamp = now;
	pthread_mutex_unlock(&file.lock);
	if (same && !force)
		return 0;
	r = map_read(&map);
	if (r == -ENOENT && file.dirfd < 0)
		r = 0; /* the default file need not exist */
	if (r) {
		log_err("%s is not used; the identities known before stay in force", file.shown);
		return r;
	}
	map_set(map);
	if (map)
		log_info("%s: %zu identities", file.shown, idmap_count(map));
	return 0;
}

void identities_look(void)
{
	uint64_t now = policy_clock_ms(), due = atomic_load(&file.next_check);

	if (now < due || !atomic_compare_exchange_strong(&file.next_check, &due, now + RECHECK_MS))
		return;
	revalidate(false);
}

/* Remembers where identities=FILE lies, so that no path is walked again later. */
static int place_remember(const char *given)
{
	AUTO_FREE char *one = realpath(given, NULL);
	AUTO_FREE char *two = one ? strdup(one) : NULL;
	int fd = two ? open(dirname(one), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0) {
		log_err("identities=%s: %s", given, strerror(errno));
		return -EINVAL;
	}
	file.dirfd = fd;
	file.base = strdup(basename(two));
	file.shown = strdup(given);
	return file.base && file.shown ? 0 : -ENOMEM;
}

int identities_load(const struct options *o, void (*changed)(void))
{
	int r;

	file.changed = changed;
	if (o->identities && (r = place_remember(o->identities)))
		return r;
	if (!file.shown)
		file.shown = strdup(DEFAULT_FILE);
	file.stamp.size = -2; /* no state of a file */
	atomic_store(&file.next_check, policy_clock_ms() + RECHECK_MS);
	return revalidate(true) ? -EINVAL : 0;
}

int identities_reload(void) { return revalidate(true); }

void identities_free(void)
{
	idmap_free(file.map);
	file.map = NULL;
	free(file.base);
	free(file.shown);
	if (file.dirfd >= 0)
		close(file.dirfd);
	file.dirfd = -1;
}

/* ------------------------------------------------------------------ asking */

char *identities_email(const char *unix_name, uid_t uid, bool *conflict)
{
	const char *listed;
	char *email;

	pthread_mutex_lock(&file.lock);
	listed = idmap_find(file.map, unix_name, uid, conflict);
	email = listed ? strdup(listed) : NULL;
	pthread_mutex_unlock(&file.lock);
	if (*conflict)
		log_warn("%s gives user %s and uid %u two addresses: treated as anonymous until one is removed", file.shown, unix_name, uid);
	return email;
}

bool identities_retired(const char *email, char **heir)
{
	const char *to = NULL;

	WITH_MUTEX(&file.lock);
	if (!idmap_retired(file.map, email, &to))
		return false;
	if (heir)
		*heir = to ? strdup(to) : NULL;
	return true;
}

void identities_each(void (*user)(void *arg, const char *user, unsigned long uid, const char *email),
		     void (*retired)(void *arg, const char *email, const char *heir), void *arg)
{
	WITH_MUTEX(&file.lock);
	idmap_each(file.map, user, retired, arg);
}

/* ------------------------------------------------------------------ changing */

int identities_edit(const struct idmap_edit *e, struct diags *d)
{
	AUTO_BUF text = BUF_INIT, edited = BUF_INIT;
	int r;

	if (file.dirfd >= 0)
		return -EXDEV;
	r = file_read(&text);
	if (r == 0 || r == -ENOENT)
		r = idmap_edit(file.shown, buf_str(&text), text.len, e, d, &edited);
	if (r == 0)
		r = policy_keep(buf_str(&edited), edited.len);
	if (r == 0)
		r = back_store_write("", DEFAULT_NAME, buf_str(&edited), edited.len);
	return r < 0 ? r : revalidate(true);
}
