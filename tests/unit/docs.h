/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of a whole tree share: an archive as a table of texts, fed to the engine. */
#ifndef TESTS_UNIT_DOCS_H
#define TESTS_UNIT_DOCS_H

#include <errno.h>
#include <string.h>

#include "acl/acl.h"
#include "base/buf.h"

/* An archive in a table: the text of each .zddc. */
struct doc {
	const char *dir, *text;
};

static int read_doc(void *ctx, const char *dir, struct buf *text)
{
	for (const struct doc *d = ctx; d->dir; d++)
		if (!strcmp(d->dir, dir)) {
			buf_adds(text, d->text);
			return 0;
		}
	return -ENOENT;
}

static int subdirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	size_t n = strlen(dir);
	for (const struct doc *d = ctx; d->dir; d++)
		if (!strncmp(d->dir, dir, n) && d->dir[n] && (!n || d->dir[n] == '/') && !strchr(d->dir + n + (n > 0), '/'))
			each(arg, d->dir + n + (n > 0));
	return 0;
}

static struct acl_snap *snap_of(struct acl *acl, const struct doc *docs)
{
	return acl_snap_new(acl, &(struct zddc_source){.read = read_doc, .subdirs = subdirs, .ctx = (void *)docs});
}

#endif
