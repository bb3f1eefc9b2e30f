/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/seal_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/caller.h"

enum { FIXED_BYTES = 464 }; /* more than all keys with their longest values, names of people apart */

static const char MAGIC[] = "zddc-seal 1";

static const char *const words[SEAL_STATES] = {
#define SEAL_STATE(id, word, meaning) [SEAL_##id] = word,
#define MAY(...)
#include "fs/seal.def"
#undef SEAL_STATE
#undef MAY
};

const char *seal_state_word(enum seal_state s)
{
	return words[s];
}

/* ------------------------------------------------------------------------------------------------ people */

void person_set(struct person *p, const struct identity *who)
{
	*p = (struct person){.uid = who->uid};
	snprintf(p->email, sizeof(p->email), "%s", who->who.email ? who->who.email : "-");
	for (char *c = p->email; *c; c++)
		if ((unsigned char)*c <= ' ')
			*c = '?';
}

bool person_same(const struct person *a, const struct person *b)
{
	return *a->email && a->uid == b->uid && !strcmp(a->email, b->email);
}

bool person_is(const struct person *p, const struct identity *who)
{
	struct person now;

	person_set(&now, who);
	return person_same(p, &now);
}

void person_show(const struct person *p, struct buf *out)
{
	if (!*p->email)
		buf_adds(out, "somebody unknown");
	else if (!strcmp(p->email, "-"))
		buf_addf(out, "anonymous (uid %u)", p->uid);
	else
		buf_adds(out, p->email);
}

/* ------------------------------------------------------------------------------------------------ writing */

static void add_num(struct buf *out, const char *key, long long v)
{
	if (v)
		buf_addf(out, "%s=%lld\n", key, v);
}

static void add_hex(struct buf *out, const char *key, uint64_t v)
{
	if (v)
		buf_addf(out, "%s=%016llx\n", key, (unsigned long long)v);
}

static void add_text(struct buf *out, const char *key, const char *v)
{
	if (*v)
		buf_addf(out, "%s=%s\n", key, v);
}

static void add_person(struct buf *out, const char *key, const struct person *p)
{
	if (*p->email)
		buf_addf(out, "%s=%u %s\n", key, p->uid, p->email);
}

void seal_record_format(const struct seal_record *r, struct buf *out)
{
	size_t start = out->len, room = FIXED_BYTES + strlen(r->creator.email) + strlen(r->filer.email);

	buf_addf(out, "%s\n", MAGIC);
	add_text(out, "state", words[r->state]);
	add_num(out, "zone", r->zone);
	add_num(out, "explicit", r->explicit);
	add_num(out, "final", r->final);
	add_num(out, "compliance", r->compliance);
	add_hex(out, "id", r->id);
	add_hex(out, "boot", r->boot);
	add_hex(out, "as", r->as);
	add_person(out, "creator", &r->creator);
	add_person(out, "filer", &r->filer);
	add_num(out, "made", r->made);
	add_num(out, "released", r->released);
	add_num(out, "since", r->since);
	add_num(out, "size", r->size);
	add_num(out, "mtime", r->mtime);
	add_num(out, "retain", r->retain);
	add_num(out, "hold", r->hold);
	add_text(out, "sha256", r->sha256);
	add_text(out, "policy", r->policy);
	while (out->len - start < (room > SEAL_RECORD_BYTES ? room : SEAL_RECORD_BYTES))
		buf_addc(out, '\n');
}

/* ------------------------------------------------------------------------------------------------ reading */

static bool get_state(const char *v, enum seal_state *out)
{
	for (int i = 0; i < SEAL_STATES; i++)
		if (!strcmp(v, words[i])) {
			*out = (enum seal_state)i;
			return true;
		}
	return false;
}

static void get_person(const char *v, struct person *p)
{
	char *end;
	unsigned long uid = strtoul(v, &end, 10);

	if (end == v || *end != ' ' || !end[1] || strlen(end + 1) > SEAL_RECORD_NAME_MAX)
		return;
	p->uid = (uid_t)uid;
	snprintf(p->email, sizeof(p->email), "%s", end + 1);
}

static void get_hash(const char *v, char out[SHA256_HEX])
{
	if (strlen(v) == SHA256_HEX - 1 && strspn(v, "0123456789abcdef") == SHA256_HEX - 1)
		memcpy(out, v, SHA256_HEX);
}

static void get_number(const char *key, const char *v, struct seal_record *r)
{
	const struct {
		const char *key;
		long long *to;
	} numbers[] = {{"made", &r->made}, {"released", &r->released}, {"since", &r->since}, {"size", &r->size},
		       {"mtime", &r->mtime}, {"retain", &r->retain}, {"hold", &r->hold}};
	const struct {
		const char *key;
		uint64_t *to;
	} ids[] = {{"id", &r->id}, {"boot", &r->boot}, {"as", &r->as}};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (!strcmp(key, numbers[i].key))
			*numbers[i].to = strtoll(v, NULL, 10);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (!strcmp(key, ids[i].key))
			*ids[i].to = strtoull(v, NULL, 16);
}

/* False if the value makes the record worthless. */
static bool get_line(const char *key, const char *v, struct seal_record *r)
{
	if (!strcmp(key, "state"))
		return get_state(v, &r->state);
	if (!strcmp(key, "zone"))
		r->zone = !strcmp(v, "1");
	else if (!strcmp(key, "explicit"))
		r->explicit = !strcmp(v, "1");
	else if (!strcmp(key, "final"))
		r->final = !strcmp(v, "1");
	else if (!strcmp(key, "compliance"))
		r->compliance = !strcmp(v, "1");
	else if (!strcmp(key, "creator"))
		get_person(v, &r->creator);
	else if (!strcmp(key, "filer"))
		get_person(v, &r->filer);
	else if (!strcmp(key, "sha256"))
		get_hash(v, r->sha256);
	else if (!strcmp(key, "policy"))
		get_hash(v, r->policy);
	else
		get_number(key, v, r);
	return true;
}

bool seal_record_parse(const char *text, size_t len, struct seal_record *out)
{
	AUTO_FREE char *copy = strndup(text, len);
	char *save = NULL, *line = copy ? strtok_r(copy, "\n", &save) : NULL;

	*out = (struct seal_record){0};
	if (!line || strcmp(line, MAGIC) != 0)
		return false;
	while ((line = strtok_r(NULL, "\n", &save))) {
		char *eq = strchr(line, '=');

		if (!eq)
			return false;
		*eq = '\0';
		if (!get_line(line, eq + 1, out))
			return false;
	}
	return out->state != SEAL_FREE;
}

bool seal_record_bound(const struct seal_record *r, long long now)
{
	if (r->state != SEAL_SEALED)
		return false;
	return r->hold || (r->compliance && (r->retain <= 0 || now < r->retain));
}
