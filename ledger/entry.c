/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An entry as one line of JSON. The keys and their order are the rows of keys.def; read.c is the way back. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "ledger/ledger.h"
#include "ledger/text.h"

#define put_lit(out, lit) buf_add((out), "" lit, sizeof(lit) - 1)

enum { TIME_LEN = LEDGER_TIME_SIZE - 1, SECONDS_LEN = 19, ROOM = 1024 /* of most lines */ };
static const long long YEAR_0 = -62167219200, YEAR_10000 = 253402300800;

static bool time_ok(int64_t us) { return us >= YEAR_0 * 1000000 && us < YEAR_10000 * 1000000; }

bool ledger_time_format(int64_t us, char out[LEDGER_TIME_SIZE])
{
	char text[32];
	long long part = us % 1000000, seconds = us / 1000000;
	if (part < 0) {
		part += 1000000;
		seconds--;
	}
	*out = '\0';
	if (!time_ok(us))
		return false;
	str_time_format(seconds, text);
	memcpy(out, text, SECONDS_LEN);
	out[SECONDS_LEN] = '.';
	for (int i = SECONDS_LEN + 6; i > SECONDS_LEN; i--, part /= 10)
		out[i] = (char)('0' + part % 10);
	memcpy(out + TIME_LEN - 1, "Z", 2);
	return true;
}

static void put_string(struct buf *out, const char *s)
{
	size_t n = strlen(s);
	if (!text_plain(s, n)) {
		json_quoted(out, s, n);
		return;
	}
	buf_addc(out, '"');
	buf_add(out, s, n);
	buf_addc(out, '"');
}

static void put_text(struct buf *out, const char *const *s)
{
	if (*s)
		put_string(out, *s);
	else
		put_lit(out, "null");
}

static void put_i64(struct buf *out, const int64_t *n)
{
	if (*n < 0)
		buf_addc(out, '-');
	put_u64(out, *n < 0 ? -(uint64_t)*n : (uint64_t)*n);
}

/* A number that is not known below 0. */
static void put_id(struct buf *out, const int64_t *n)
{
	if (*n < 0)
		put_lit(out, "null");
	else
		put_u64(out, (uint64_t)*n);
}

static void put_bool(struct buf *out, const bool *b) { buf_adds(out, *b ? "true" : "false"); }

static void put_time(struct buf *out, const int64_t *us)
{
	char text[LEDGER_TIME_SIZE];
	ledger_time_format(*us, text);
	put_string(out, text);
}

static void put_event(struct buf *out, const struct ledger_entry *e)
{
	put_string(out, e->event < LEDGER_EVENT_COUNT ? ledger_events[e->event].name : e->event_name);
}

static void put_decision(struct buf *out, const enum ledger_decision *d) { buf_adds(out, *d == LEDGER_DENY ? "\"deny\"" : "\"allow\""); }

static void put_roles(struct buf *out, const struct ledger_entry *e)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < e->n_roles; i++) {
		if (i)
			buf_addc(out, ',');
		put_string(out, e->roles[i]);
	}
	buf_addc(out, ']');
}

static void put_src(struct buf *out, const struct ledger_src *src)
{
	if (!src->file) {
		put_lit(out, "null");
		return;
	}
	put_lit(out, "{\"file\":");
	put_string(out, src->file);
	put_lit(out, ",\"line\":");
	put_i64(out, &src->line);
	buf_addc(out, '}');
}

static void put_attr(struct buf *out, const struct ledger_attr *a)
{
	bool yes = a->number != 0;
	put_string(out, a->key);
	buf_addc(out, ':');
	switch (a->type) {
	case LEDGER_TEXT: put_text(out, &a->text); break;
	case LEDGER_NUMBER: put_i64(out, &a->number); break;
	case LEDGER_BOOL: put_bool(out, &yes); break;
	}
}

static void put_attrs(struct buf *out, const struct ledger_entry *e)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < e->n_attrs; i++) {
		if (i)
			buf_addc(out, ',');
		put_attr(out, &e->attrs[i]);
	}
	buf_addc(out, '}');
}

static void put_object(struct buf *out, const struct ledger_object *o)
{
	if (!o->sha256 && o->size < 0 && !o->revision) {
		put_lit(out, "null");
		return;
	}
	put_lit(out, "{\"sha256\":");
	put_text(out, &o->sha256);
	put_lit(out, ",\"size\":");
	put_id(out, &o->size);
	put_lit(out, ",\"revision\":");
	put_text(out, &o->revision);
	buf_addc(out, '}');
}

static void put_hash(struct buf *out, const unsigned char hash[SHA256_LEN])
{
	buf_addc(out, '"');
	put_hex(out, hash, SHA256_LEN);
	buf_addc(out, '"');
}

static void put_seq(struct buf *out, const uint64_t *n) { put_u64(out, *n); }

int ledger_entry_format(const struct ledger_entry *e, struct buf *out)
{
	char separator = '{';
	if (!time_ok(e->time_us))
		return -EINVAL;
	buf_reserve(out, ROOM);
#define FIELD(key, kind, where) \
	buf_addc(out, separator); \
	separator = ','; \
	put_lit(out, "\"" #key "\":"); \
	put_##kind(out, where);
#include "ledger/keys.def"
	FIELD(hash, hash, e->hash)
#undef FIELD
	buf_addc(out, '}');
	return 0;
}

const struct ledger_attr *ledger_attr_find(const struct ledger_entry *e, const char *key)
{
	for (size_t i = 0; i < e->n_attrs; i++)
		if (!strcmp(e->attrs[i].key, key))
			return &e->attrs[i];
	return NULL;
}
