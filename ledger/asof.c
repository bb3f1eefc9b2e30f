/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which policy texts were in force at a time, from the lines that say what took effect. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/table.h"
#include "ledger/ledger.h"

struct doc {
	char *file;
	char sha[SHA256_HEX];
	bool invalid;
	UT_hash_handle hh;
};

struct ledger_asof {
	int64_t until_us;
	struct doc *docs;
	bool any, strict;
	int64_t first_us;
};

struct ledger_asof *ledger_asof_new(int64_t until_us)
{
	struct ledger_asof *a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	a->until_us = until_us;
	return a;
}

static void doc_drop(struct doc **docs, struct doc *d)
{
	HASH_DEL(*docs, d);
	free(d->file);
	free(d);
}

void ledger_asof_free(struct ledger_asof *a)
{
	if (!a)
		return;
	while (a->docs)
		doc_drop(&a->docs, a->docs);
	free(a);
}

static struct doc *doc_find(const struct ledger_asof *a, const char *file)
{
	struct doc *d;
	HASH_FIND_STR(a->docs, file, d);
	return d;
}

static struct doc *doc_make(struct ledger_asof *a, const char *file)
{
	struct doc *d = doc_find(a, file);
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d || !(d->file = strdup(file)))
		abort();
	HASH_ADD_KEYPTR(hh, a->docs, d->file, strlen(d->file), d);
	return d;
}

/* What follows 'dir' in a file below it, or NULL. */
static const char *below(const char *file, const char *dir)
{
	size_t n = strlen(dir);
	return n && !strncmp(file, dir, n) && file[n] == '/' ? file + n : NULL;
}

static void drop_below(struct ledger_asof *a, const char *dir)
{
	struct doc *d, *tmp;
	HASH_ITER(hh, a->docs, d, tmp)
		if (below(d->file, dir))
			doc_drop(&a->docs, d);
}

/* Takes everything below 'from' out. */
static struct doc *take_below(struct ledger_asof *a, const char *from)
{
	struct doc *d, *tmp, *taken = NULL;
	HASH_ITER(hh, a->docs, d, tmp)
		if (below(d->file, from)) {
			HASH_DEL(a->docs, d);
			HASH_ADD_KEYPTR(hh, taken, d->file, strlen(d->file), d);
		}
	return taken;
}

static void put_below(struct ledger_asof *a, struct doc *taken, const char *from, const char *to)
{
	struct doc *d, *tmp;
	HASH_ITER(hh, taken, d, tmp) {
		const char *rest = below(d->file, from);
		char *file = malloc(strlen(to) + strlen(rest) + 1);
		if (!file)
			abort();
		strcpy(stpcpy(file, to), rest);
		struct doc *new = doc_make(a, file);
		memcpy(new->sha, d->sha, sizeof(new->sha));
		new->invalid = d->invalid;
		free(file);
		doc_drop(&taken, d);
	}
}

static void renamed(struct ledger_asof *a, const struct ledger_entry *e, const char *to)
{
	const struct ledger_attr *exchange = ledger_attr_find(e, "exchange");
	struct doc *one = take_below(a, e->path), *other = exchange && exchange->number ? take_below(a, to) : NULL;
	if (e->event == LEDGER_FILE_REPLACE && !other)
		drop_below(a, to);
	put_below(a, one, e->path, to);
	put_below(a, other, to, e->path);
}

static void changed(struct ledger_asof *a, const struct ledger_entry *e)
{
	const struct ledger_attr *new = ledger_attr_find(e, "new_hash");
	struct doc *d;
	if (!new || new->type != LEDGER_TEXT)
		return;
	if (!new->text) {
		d = doc_find(a, e->path);
		if (d)
			doc_drop(&a->docs, d);
	} else if (strlen(new->text) == SHA256_HEX - 1) {
		d = doc_make(a, e->path);
		memcpy(d->sha, new->text, SHA256_HEX);
		d->invalid = false;
	}
}

/* auto_own and the like name the folder; the text is its .zddc. */
static void take_event(struct ledger_asof *a, const struct ledger_entry *e)
{
	const struct ledger_attr *strict = ledger_attr_find(e, "strict"), *to = ledger_attr_find(e, "to");
	bool moved = e->event == LEDGER_FILE_RENAME || e->event == LEDGER_FILE_REPLACE || e->event == LEDGER_PARTY_RENAME;
	bool text = e->event == LEDGER_POLICY_CHANGE || e->event == LEDGER_POLICY_RELOAD || e->event == LEDGER_AUTO_OWN || e->event == LEDGER_IDENTITY_CHANGE;
	if (e->event == LEDGER_MOUNT)
		a->strict = strict && strict->number;
	else if (e->path && text)
		changed(a, e);
	else if (e->path && e->event == LEDGER_POLICY_INVALID)
		doc_make(a, e->path)->invalid = true;
	else if (e->path && e->event == LEDGER_DIR_REMOVE)
		drop_below(a, e->path);
	else if (e->path && moved && to && to->text)
		renamed(a, e, to->text);
}

void ledger_asof_feed(struct ledger_asof *a, const struct ledger_entry *e)
{
	if (!a->first_us || e->time_us < a->first_us)
		a->first_us = e->time_us;
	if (e->time_us >= a->until_us)
		return;
	a->any = true;
	if (e->decision == LEDGER_ALLOW && !e->err)
		take_event(a, e);
}

bool ledger_asof_wants(const char *line, size_t n)
{
	static const char *const events[] = {"mount", "policy_", "auto_own", "identity_change", "dir_remove", "file_rename", "file_replace", "party_rename"};
	const char *at = n > 60 ? memmem(line, n < 120 ? n : 120, "\"event\":\"", 9) : NULL;
	for (size_t i = 0; at && i < sizeof(events) / sizeof(events[0]); i++)
		if (str_starts(at + 9, events[i]))
			return true;
	return false;
}

bool ledger_asof_known(const struct ledger_asof *a) { return a->any; }
bool ledger_asof_strict(const struct ledger_asof *a) { return a->strict; }
int64_t ledger_asof_first(const struct ledger_asof *a) { return a->first_us; }

const char *ledger_asof_text(const struct ledger_asof *a, const char *file, bool *invalid)
{
	const struct doc *d = doc_find(a, file);
	if (invalid)
		*invalid = d && d->invalid;
	return d && *d->sha ? d->sha : NULL;
}

void ledger_asof_each(const struct ledger_asof *a, void (*each)(void *arg, const char *file), void *arg)
{
	for (const struct doc *d = a->docs; d; d = d->hh.next)
		each(arg, d->file);
}
