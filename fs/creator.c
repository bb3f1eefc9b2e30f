/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The creator's mark. */
#include "fs/creator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/gate.h"

enum { MARK_MAX = 512 };

static const char ATTR[] = "user.zddc.creator", WRITER[] = "user.zddc.writer";

/* "UID EMAIL": two anonymous users of one uid are the same as far as anybody can tell. */
static void mark_text(const struct identity *who, struct buf *out)
{
	buf_addf(out, "%u %s ", who->uid, who->who.email ? who->who.email : "-");
}

void creator_mark(int dirfd, const char *name, const struct identity *who)
{
	AUTO_BUF text = BUF_INIT;

	mark_text(who, &text);
	buf_addf(&text, "%lld", gate_now());
	back_setxattr(dirfd, name, ATTR, text.data, text.len, 0);
}

bool creator_is(int dirfd, const char *name, const struct identity *who, long long *made_at)
{
	AUTO_BUF text = BUF_INIT;
	char mark[MARK_MAX + 1];
	ssize_t n = back_getxattr(dirfd, name, ATTR, mark, MARK_MAX);

	mark_text(who, &text);
	if (n <= (ssize_t)text.len || memcmp(mark, text.data, text.len) != 0)
		return false;
	mark[n] = '\0';
	if (made_at)
		*made_at = strtoll(mark + text.len, NULL, 10);
	return true;
}

void writer_mark(int fd, const struct identity *who)
{
	AUTO_BUF text = BUF_INIT;

	mark_text(who, &text);
	buf_addf(&text, "%lld", gate_now());
	back_fsetxattr(fd, WRITER, text.data, text.len);
}

bool writer_read(int dirfd, const char *name, char *email, size_t most, long long *at)
{
	char mark[MARK_MAX + 1], *end, *who;
	ssize_t n = back_getxattr(dirfd, name, WRITER, mark, MARK_MAX);

	mark[n > 0 ? n : 0] = '\0';
	who = strchr(mark, ' ');
	end = who ? strchr(who + 1, ' ') : NULL;
	if (!end)
		return false;
	*at = strtoll(end, NULL, 10);
	snprintf(email, most + 1, "%.*s", who[1] == '-' ? 9 : (int)(end - who - 1), who[1] == '-' ? "anonymous" : who + 1);
	return true;
}
