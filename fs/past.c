/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/past.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sha256.h"
#include "fs/audit_tail.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/policy.h"
#include "ledger/ledger.h"

enum { MOMENTS = 4 };

/* The policies of one moment. */
struct moment {
	long long at;
	struct ledger_asof *asof;
	struct acl *acl; /* NULL, as snap: what was in force then is not known */
	struct acl_snap *snap;
	struct moment *next;
};

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER; /* of the file that is read; before 'lock' */
static struct audit_tail tail = AUDIT_TAIL_INIT;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf lines; /* lock: all that speak of policy, as they were written */
static struct moment *moments; /* lock: the newest first */

/* ------------------------------------------------------------------------------------------------ reading the ledger */

static int note_line(void *arg, const char *line, size_t n)
{
	(void)arg;
	if (!ledger_asof_wants(line, n))
		return 0;
	WITH_MUTEX(&lock);
	buf_add(&lines, line, n);
	buf_addc(&lines, '\n');
	return 0;
}

void past_follow(void)
{
	int r;

	WITH_MUTEX(&reading);
	do
		r = audit_tail_read(&tail, note_line, NULL);
	while (r > 0);
	if (r < 0)
		log_warn("the ledger cannot be read for time travel: %s", strerror(-r));
}

/* ------------------------------------------------------------------------------------------------ the texts of a moment */

/* A text of that time: 0, -ENOENT if there was none; an invalid one denies everything, as then. */
static int text_of(const struct moment *m, const char *file, struct buf *out)
{
	AUTO_BUF path = BUF_INIT;
	bool invalid;
	const char *sha = ledger_asof_text(m->asof, file, &invalid);
	unsigned char sum[SHA256_LEN];
	char hex[SHA256_HEX];
	int r;

	if (invalid)
		buf_adds(out, "[the text of that time was invalid");
	if (invalid || !sha)
		return invalid ? 0 : -ENOENT;
	buf_addf(&path, ".zddc.d/policy/%s", sha);
	r = back_path_read(buf_str(&path), out, LIMIT_DOC_BYTES);
	if (r < 0)
		return -EIO;
	sha256(buf_str(out), out->len, sum);
	sha256_hex(sum, hex);
	return strcmp(hex, sha) ? -EIO : 0;
}

static int source_read(void *ctx, const char *dir, struct buf *text)
{
	AUTO_BUF file = BUF_INIT;

	buf_addf(&file, "%s%s.zddc", dir, *dir ? "/" : "");
	return text_of(ctx, buf_str(&file), text);
}

static int source_subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	(void)ctx;
	(void)dir;
	(void)each;
	(void)arg;
	return 0; /* asked for sight only */
}

static void moment_delete(struct moment *m)
{
	if (m->acl) {
		acl_snap_free(m->snap);
		acl_free(m->acl);
	}
	ledger_asof_free(m->asof);
	free(m);
}

static void feed(struct moment *m)
{
	struct arena mem = ARENA_INIT;
	struct ledger_entry e;

	m->asof = ledger_asof_new((m->at + 1) * 1000000);
	for (const char *s = buf_str(&lines), *end; (end = strchr(s, '\n')); s = end + 1) {
		if (ledger_entry_parse(s, (size_t)(end - s), &mem, &e) == 0)
			ledger_asof_feed(m->asof, &e);
		arena_free(&mem);
	}
}

/* Under lock. */
static struct moment *moment_make(long long at)
{
	struct moment *m = calloc(1, sizeof(*m));
	struct zddc_doc *defaults = NULL;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF text = BUF_INIT;

	if (!m)
		abort();
	m->at = at;
	feed(m);
	if (!ledger_asof_known(m->asof) || text_of(m, "defaults", &text) < 0 || zddc_parse("defaults", buf_str(&text), text.len, false, &d, &defaults) != 0)
		return m;
	m->acl = acl_new(defaults, ledger_asof_strict(m->asof));
	zddc_unref(defaults);
	m->snap = acl_snap_new(m->acl, &(struct zddc_source){.read = source_read, .subdirs = source_subdirs, .ctx = m});
	return m;
}

/* Under lock. */
static void cut_moments(struct moment **from)
{
	while (*from) {
		struct moment *m = *from;

		*from = m->next;
		moment_delete(m);
	}
}

static struct moment *moment_of(long long at)
{
	struct moment *m = moments, **end = &moments;

	while (m && m->at != at)
		m = m->next;
	if (m)
		return m;
	m = moment_make(at);
	m->next = moments;
	moments = m;
	for (unsigned n = 0; *end && n < MOMENTS; n++)
		end = &(*end)->next;
	cut_moments(end);
	return m;
}

bool past_may_read(const struct identity *who, const char *dir, const char *name, long long at)
{
	if (policy_none())
		return true;
	WITH_MUTEX(&lock);
	struct moment *m = moment_of(at);
	struct acl_policy *p = m->acl ? acl_snap_policy(m->snap, dir) : NULL;
	bool may = p && gate_may_under(who, p, ACL_OP_READ, name);

	acl_policy_unref(p);
	return may;
}

void past_free(void)
{
	WITH_MUTEX(&lock);
	cut_moments(&moments);
	buf_free(&lines);
	audit_tail_reset(&tail);
}
