/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/memo.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

struct memo {
	uid_t uid;
	char *dir;
	struct buf text;
	struct memo *next;
};

/* Refused texts may have a MiB each; a path has none. */
static const unsigned most[MEMO_KINDS] = {[MEMO_REJECTED] = 64, [MEMO_CREATED] = 1024};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct memo *memos[MEMO_KINDS]; /* lock: the newest first */

static void memo_delete(struct memo *m)
{
	free(m->dir);
	buf_free(&m->text);
	free(m);
}

static bool is_about(const struct memo *m, uid_t uid, const char *dir)
{
	return m->uid == uid && !strcmp(m->dir, dir);
}

/* Under lock. */
static void drop(enum memo_kind kind, uid_t uid, const char *dir)
{
	for (struct memo **at = &memos[kind]; *at;) {
		struct memo *m = *at;

		if (!is_about(m, uid, dir)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		memo_delete(m);
	}
}

/* Under lock. */
static void bound(enum memo_kind kind)
{
	struct memo **at = &memos[kind];

	for (unsigned n = 0; *at && n < most[kind]; n++)
		at = &(*at)->next;
	while (*at) {
		struct memo *m = *at;

		*at = m->next;
		memo_delete(m);
	}
}

void memo_keep(enum memo_kind kind, uid_t uid, const char *dir, const char *text, size_t len)
{
	struct memo *m = calloc(1, sizeof(*m));

	if (!m || !(m->dir = strdup(dir)))
		abort();
	m->uid = uid;
	buf_add(&m->text, text, len);
	WITH_MUTEX(&lock);
	drop(kind, uid, dir);
	m->next = memos[kind];
	memos[kind] = m;
	bound(kind);
}

void memo_forget(enum memo_kind kind, uid_t uid, const char *dir)
{
	WITH_MUTEX(&lock);
	drop(kind, uid, dir);
}

bool memo_get(enum memo_kind kind, uid_t uid, const char *dir, struct buf *out)
{
	WITH_MUTEX(&lock);
	for (const struct memo *m = memos[kind]; m; m = m->next)
		if (is_about(m, uid, dir)) {
			if (out)
				buf_add(out, buf_str(&m->text), m->text.len);
			return true;
		}
	return false;
}

void memo_free(void)
{
	WITH_MUTEX(&lock);
	for (int kind = 0; kind < MEMO_KINDS; kind++)
		while (memos[kind]) {
			struct memo *m = memos[kind];

			memos[kind] = m->next;
			memo_delete(m);
		}
}
