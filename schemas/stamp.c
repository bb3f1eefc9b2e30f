/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit fields: who and when from the request, the rest from the revision that is replaced. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "schemas/record.h"
#include "schemas/yedit.h"

const char *const record_stamps[RECORD_STAMPS] = {
#define STAMP(id, field) field,
#include "schemas/stamps.def"
#undef STAMP
};

bool record_is_stamp(const char *field)
{
	for (size_t i = 0; i < RECORD_STAMPS; i++)
		if (!strcmp(field, record_stamps[i]))
			return true;
	return false;
}

/* A text of the replaced revision, or what it would be now. */
static const struct ynode *kept(struct record *r, enum record_stamp stamp, const struct ynode *now)
{
	const struct ynode *old = r->before ? ynode_get(r->before, record_stamps[stamp]) : NULL;
	return old && old->kind == Y_SCALAR && old->type == Y_STR && old->len ? old : now;
}

/* The first is 1. A file that was laid behind the mount and never stamped counts as the first. */
static unsigned long long next_revision(const struct record *r)
{
	long long n;
	if (!r->rq.before)
		return 1;
	const struct ynode *old = r->before ? ynode_get(r->before, record_stamps[RECORD_REVISION]) : NULL;
	return old && ynode_int(old, &n) && n > 0 && n < (1LL << 53) ? (unsigned long long)n + 1 : 2;
}

static struct ynode *sha_of_before(struct record *r)
{
	unsigned char sha[SHA256_LEN];
	char hex[SHA256_HEX];
	sha256(r->rq.before, r->rq.before_len, sha);
	sha256_hex(sha, hex);
	return yaml_text(&r->arena, hex);
}

void record_stamp(struct record *r)
{
	char time[32];
	str_time_format(r->rq.now, time);
	const struct ynode *now = yaml_text(&r->arena, time), *who = yaml_text(&r->arena, r->rq.principal ? r->rq.principal : "anonymous");
	const struct ynode *values[RECORD_STAMPS] = {
		[RECORD_CREATED_AT] = kept(r, RECORD_CREATED_AT, now),
		[RECORD_CREATED_BY] = kept(r, RECORD_CREATED_BY, who),
		[RECORD_UPDATED_AT] = now,
		[RECORD_UPDATED_BY] = who,
		[RECORD_REVISION] = yaml_number(&r->arena, next_revision(r)),
		[RECORD_PREVIOUS_SHA] = r->rq.before ? sha_of_before(r) : NULL,
	};
	for (size_t i = 0; i < RECORD_STAMPS; i++)
		if (values[i])
			yaml_set(&r->arena, r->doc, record_stamps[i], values[i]);
}

/* ------------------------------------------------------------------ reading them back */

static const char *text_in(const struct ynode *doc, enum record_stamp stamp)
{
	const struct ynode *v = ynode_get(doc, record_stamps[stamp]);
	return v && v->kind == Y_SCALAR ? v->text : "";
}

void record_stamped_read(const char *text, size_t len, struct record_stamped *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct ynode *doc;
	*out = (struct record_stamped){0};
	if (!ynode_parse(&a, "", text, len, &ignored, &doc) && doc->kind == Y_MAP) {
		const char *n = text_in(doc, RECORD_REVISION), *who = text_in(doc, RECORD_UPDATED_BY);
		out->revision = n[strspn(n, "0123456789")] ? 0 : strtoul(n, NULL, 10);
		if (!str_time(text_in(doc, RECORD_UPDATED_AT), &out->updated_at))
			out->updated_at = 0;
		snprintf(out->updated_by, sizeof(out->updated_by), "%s", who);
	}
	arena_free(&a);
}
