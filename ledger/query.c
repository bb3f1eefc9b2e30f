/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which entries somebody asked for. */
#include <string.h>

#include "base/str.h"
#include "ledger/ledger.h"

/* Patterns as policy has them: case-blind, '*' is any run without an '@'. */
static bool who_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *from = NULL; /* the last '*', and where what it matches ends so far */
	while (*s)
		if (*pattern == '*') {
			star = ++pattern;
			from = s;
		} else if (str_lower_c(*pattern) == str_lower_c(*s)) {
			pattern++;
			s++;
		} else if (star && *from != '@') {
			pattern = star;
			s = ++from;
		} else {
			return false;
		}
	return !pattern[strspn(pattern, "*")];
}

static bool who_matches(const char *who, const struct ledger_entry *e)
{
	AUTO_BUF uid = BUF_INIT;
	bool anonymous = !e->principal || !strcmp(e->principal, LEDGER_ANONYMOUS);
	if (who[strspn(who, "0123456789")] || !*who) {
		if (!strcmp(who, "*"))
			return !anonymous;
		return e->principal && who_glob(who, e->principal);
	}
	buf_addf(&uid, "%lld", (long long)e->uid);
	return !strcmp(who, buf_str(&uid));
}

static bool event_matches(const struct ledger_query *q, const struct ledger_entry *e)
{
	const char *name = e->event < LEDGER_EVENT_COUNT ? ledger_events[e->event].name : e->event_name;
	for (size_t i = 0; i < q->n_events; i++)
		if (str_glob(q->events[i], name, GLOB_BYTE))
			return true;
	return !q->n_events;
}

static bool at_or_below(const char *top, const char *path)
{
	size_t n = strlen(top);
	return path && !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

static bool path_matches(const char *top, const struct ledger_entry *e)
{
	const struct ledger_attr *to = ledger_attr_find(e, "to");
	return at_or_below(top, e->path) || at_or_below(top, e->canonical) || (to && at_or_below(top, to->text));
}

bool ledger_match(const struct ledger_query *q, const struct ledger_entry *e)
{
	if (e->time_us < q->since_us || (q->until_us && e->time_us >= q->until_us))
		return false;
	if (q->who && !who_matches(q->who, e))
		return false;
	return event_matches(q, e) && (!q->path || !*q->path || path_matches(q->path, e));
}
