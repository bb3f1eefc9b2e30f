/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/audit_policy.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/table.h"
#include "fs/audit.h"
#include "fs/audit_roles.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/index.h"
#include "fs/node.h"
#include "fs/policy.h"

enum { LIST_MOST = 256 << 20 };

static const char LIST_FILE[] = ".zddc.d/ledger/in-force";

struct doc {
	char *file;
	char sha[SHA256_HEX];
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock; /* of all */
	struct doc *docs;
	bool changed;
} in_force = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ------------------------------------------------------------------ the list; under in_force.lock */

static struct doc *find(const char *file)
{
	struct doc *d;

	HASH_FIND_STR(in_force.docs, file, d);
	return d;
}

static void drop(struct doc *d)
{
	HASH_DEL(in_force.docs, d);
	free(d->file);
	free(d);
	in_force.changed = true;
}

static void put(const char *file, const char *sha)
{
	struct doc *d = find(file);

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d || !(d->file = strdup(file)))
			abort();
		HASH_ADD_KEYPTR(hh, in_force.docs, d->file, strlen(d->file), d);
	}
	memcpy(d->sha, sha, SHA256_HEX);
	in_force.changed = true;
}

/* False if it says what is known; *old ("" for none) is what was in force before. */
static bool change(const char *file, const char *sha, char old[SHA256_HEX])
{
	WITH_MUTEX(&in_force.lock);
	struct doc *d = find(file);

	memcpy(old, d ? d->sha : "", d ? SHA256_HEX : 1);
	if (!strcmp(old, sha ? sha : ""))
		return false;
	if (sha)
		put(file, sha);
	else
		drop(d);
	return true;
}

/* ------------------------------------------------------------------ lines */

static void hash_text(const char *text, size_t len, char hex[SHA256_HEX])
{
	unsigned char sum[SHA256_LEN];

	sha256(text, len, sum);
	sha256_hex(sum, hex);
}

/* The directory of a document: "archive/Acme" of "archive/Acme/.zddc", "." of ".zddc"; NULL of what is no .zddc. */
static char *dir_of(const char *file)
{
	size_t n = strlen(file), end = strlen(".zddc");

	if (!str_ends(file, ".zddc"))
		return NULL;
	return n == end ? strdup(".") : strndup(file, n - end - 1);
}

static void say(enum ledger_event event, const struct identity *who, bool daemon, const char *file, const char *old, const char *sha)
{
	AUTO_FREE char *dir = dir_of(file);
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("directory", dir), LEDGER_ATTR_TEXT("old_hash", *old ? old : NULL), LEDGER_ATTR_TEXT("new_hash", sha)};

	audit_event(&(struct audit_event){.event = event, .path = file, .who = who, .daemon = daemon, .attrs = dir ? attrs : attrs + 1,
		.n_attrs = dir ? 3 : 2, AUDIT_EVENT_INIT});
}

static char *policy_in(const char *dir)
{
	AUTO_BUF file = BUF_INIT;

	buf_addf(&file, "%s%s.zddc", dir, *dir ? "/" : "");
	return buf_steal(&file);
}

/* The engine has the old text still. */
static void say_roles(const struct identity *who, const char *dir, const char *file, const char *text, size_t len)
{
	struct zddc_doc *old = policy_doc(dir, NULL), *new = NULL;
	AUTO_DIAGS d = DIAGS_INIT;

	if (text && zddc_parse(file, text, len, false, &d, &new) != 0)
		new = NULL;
	audit_roles_changed(who, file, old, new);
	zddc_unref(new);
	zddc_unref(old);
}

void audit_policy_committed(struct op *op, const struct identity *who, const char *dir, const char *text, size_t len)
{
	AUTO_FREE char *file = policy_in(dir);
	char sha[SHA256_HEX], old[SHA256_HEX];

	if (text)
		hash_text(text, len, sha);
	change(file, text ? sha : NULL, old);
	audit_by_events(op);
	say(LEDGER_POLICY_CHANGE, who, false, file, old, text ? sha : NULL);
	say_roles(who, dir, file, text, len);
}

static void arrived(enum ledger_event event, const char *dir, const char *text, size_t len)
{
	AUTO_FREE char *file = policy_in(dir);
	char sha[SHA256_HEX], old[SHA256_HEX];

	policy_keep_later(text, len);
	hash_text(text, len, sha);
	change(file, sha, old);
	say(event, NULL, false, file, old, sha);
}

void audit_policy_born(struct op *op, const char *path, const char *text, size_t len)
{
	(void)op;
	arrived(LEDGER_AUTO_OWN, path, text, len);
}

void audit_policy_arrived(struct op *op, const char *path, bool owned)
{
	AUTO_FREE char *file = policy_in(path);
	AUTO_BUF text = BUF_INIT;

	(void)op;
	if (back_path_read(file, &text, LIMIT_DOC_BYTES) == 0)
		arrived(owned ? LEDGER_AUTO_OWN : LEDGER_POLICY_CHANGE, path, buf_str(&text), text.len);
}

void audit_policy_read(const char *file, const char *text, size_t len)
{
	char sha[SHA256_HEX], old[SHA256_HEX];

	if (text)
		hash_text(text, len, sha);
	if (change(file, text ? sha : NULL, old))
		say(strcmp(file, "identities") ? LEDGER_POLICY_RELOAD : LEDGER_IDENTITY_CHANGE, NULL, true, file, old, text ? sha : NULL);
}

/* ------------------------------------------------------------------ what nobody has read yet */

static bool known_as(const char *file, const char *sha)
{
	WITH_MUTEX(&in_force.lock);
	const struct doc *d = find(file);

	return d && !strcmp(d->sha, sha);
}

/* A text that is valid takes effect when it is first asked for: that it did is said now, while nobody changes it. */
static void survey_one(const char *dir)
{
	AUTO_FREE char *file = policy_in(dir);
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	char sha[SHA256_HEX];

	WITH_RDLOCK(&tree_lock);
	if (back_path_read(file, &text, LIMIT_DOC_BYTES) != 0)
		return;
	hash_text(buf_str(&text), text.len, sha);
	if (known_as(file, sha) || zddc_parse(file, buf_str(&text), text.len, false, &d, &doc) != 0)
		return;
	zddc_unref(doc);
	policy_keep_later(buf_str(&text), text.len);
	audit_policy_read(file, buf_str(&text), text.len);
}

static void drop_if_gone(const char *file)
{
	struct stat st;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = back_path_stat(file, &st);
	if (r == -ENOENT || r == -ENOTDIR)
		audit_policy_read(file, NULL, 0);
}

static void survey_dir(void *arg, const char *dir)
{
	if (!__atomic_load_n((const bool *)arg, __ATOMIC_ACQUIRE))
		survey_one(dir);
}

/* The files of the list, each with its NUL. */
static void list_files(struct buf *out)
{
	WITH_MUTEX(&in_force.lock);
	for (const struct doc *d = in_force.docs; d; d = d->hh.next)
		if (str_ends(d->file, ".zddc"))
			buf_add(out, d->file, strlen(d->file) + 1);
}

void audit_policy_survey(const bool *stop)
{
	AUTO_BUF files = BUF_INIT;

	index_each_policy(survey_dir, (void *)(uintptr_t)stop);
	list_files(&files);
	for (size_t at = 0; at < files.len && !__atomic_load_n(stop, __ATOMIC_ACQUIRE); at += strlen(files.data + at) + 1)
		drop_if_gone(files.data + at);
}

/* ------------------------------------------------------------------ directories that move */

/* What follows 'dir' in a file at or below it, or NULL. */
static const char *below(const char *file, const char *dir)
{
	size_t n = strlen(dir);

	return n && !strncmp(file, dir, n) && file[n] == '/' ? file + n : NULL;
}

void audit_policy_moved(const char *from, const char *to)
{
	struct doc *d, *tmp, *moved = NULL;

	WITH_MUTEX(&in_force.lock);
	HASH_ITER(hh, in_force.docs, d, tmp)
		if (below(d->file, from)) {
			HASH_DEL(in_force.docs, d);
			HASH_ADD_KEYPTR(hh, moved, d->file, strlen(d->file), d);
		}
	HASH_ITER(hh, moved, d, tmp) {
		AUTO_BUF file = BUF_INIT;

		HASH_DEL(moved, d);
		buf_addf(&file, "%s%s", to, below(d->file, from));
		put(buf_str(&file), d->sha);
		free(d->file);
		free(d);
	}
}

void audit_policy_dropped(const char *dir)
{
	struct doc *d, *tmp;

	WITH_MUTEX(&in_force.lock);
	HASH_ITER(hh, in_force.docs, d, tmp)
		if (below(d->file, dir))
			drop(d);
}

/* ------------------------------------------------------------------ the file: "SHA FILE" and a NUL for each */

void audit_policy_init(void)
{
	AUTO_BUF text = BUF_INIT;
	int r = back_path_read(LIST_FILE, &text, LIST_MOST);

	if (r < 0 && r != -ENOENT)
		log_warn("%s cannot be read (%s): the texts of policy that are in force are recorded again", LIST_FILE, strerror(-r));
	WITH_MUTEX(&in_force.lock);
	for (size_t at = 0; r == 0 && at < text.len; at += strlen(text.data + at) + 1) {
		char *line = text.data + at;

		if (strnlen(line, SHA256_HEX) < SHA256_HEX || line[SHA256_HEX - 1] != ' ')
			break;
		char sha[SHA256_HEX] = "";
		memcpy(sha, line, SHA256_HEX - 1);
		put(line + SHA256_HEX, sha);
	}
	in_force.changed = false;
}

void audit_policy_save(void)
{
	AUTO_BUF text = BUF_INIT;
	struct doc *d, *tmp;
	bool changed;

	pthread_mutex_lock(&in_force.lock);
	changed = in_force.changed;
	in_force.changed = false;
	if (changed)
		HASH_ITER(hh, in_force.docs, d, tmp) {
			buf_addf(&text, "%s %s", d->sha, d->file);
			buf_addc(&text, '\0');
		}
	pthread_mutex_unlock(&in_force.lock);
	if (changed)
		back_store_write("ledger", "in-force", text.len ? text.data : "", text.len);
}

void audit_policy_free(void)
{
	struct doc *d, *tmp;

	HASH_ITER(hh, in_force.docs, d, tmp)
		drop(d);
}
