/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "What changed": two policies compared, the one of then and the one of the report, and the events of the ledger between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/audit.h"
#include "cli/chains.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/html.h"
#include "cli/matrix.h"
#include "cli/out.h"
#include "cli/report.h"
#include "cli/scope.h"
#include "cli/vec.h"

enum { MOST_EVENTS = 500, A_MONTH = 30 * 86400 };

/* ------------------------------------------------------------------------------------------------ who gained and who lost */

struct table {
	struct report *r;
	size_t n;
};

static void side(struct html *h, const char *word, verbset sure, verbset maybe, bool admin, const char *admin_word)
{
	char a[8], b[8];

	if (sure | maybe)
		html_tag(h, "%s <span class=\"v\">%s%s%s%s</span> ", word, verbs_print(sure, a), maybe ? "(" : "", verbs_print(maybe, b), maybe ? ")" : "");
	if (admin)
		html_tag(h, "%s ", admin_word);
}

static void change_row(struct table *t, const char *path, const struct delta *d)
{
	struct html *h = t->r->h;
	const struct acl_src *src = d->src_new.file ? &d->src_new : &d->src_old;
	AUTO_BUF who = BUF_INIT, at = BUF_INIT;

	t->n++;
	subject_show(d->who, &who);
	html_tag(h, "<tr><th scope=\"row\">");
	html_text(h, *path ? path : "(archive)");
	html_tag(h, "</th><td>");
	html_text(h, buf_str(&who));
	if (d->members)
		html_tag(h, " <span class=\"tag\">%zu people</span>", d->members);
	html_tag(h, "</td><td class=\"%s\">", delta_gains(d) ? "bad" : "good");
	side(h, "gains", d->gained, d->maybe_gained, d->admin_gained, "becomes administrator");
	side(h, "loses", d->lost, d->maybe_lost, d->admin_lost, "is administrator no longer");
	if (d->conditions)
		html_tag(h, "other conditions");
	html_tag(h, "</td><td>");
	if (src->file)
		buf_addf(&at, "%s:%u", src->file, src->line);
	/* lines of the old policy are not in this page */
	if (src == &d->src_new)
		html_src(h, src, buf_str(&at));
	else
		html_text(h, buf_str(&at));
	html_tag(h, "</td></tr>\n");
}

static void place(void *arg, const struct change_place *p)
{
	struct table *t = arg;

	for (size_t i = 0; i < p->n_news; i++)
		change_row(t, p->path, p->news[i]);
}

/* The engine of an earlier day. An exit status. */
static int open_then(const struct report *r, long long since, char date[32], struct cli *c, struct engine *e)
{
	*c = *r->c;
	str_time_format(since, date);
	c->opt[OPT_DATE] = date;
	return engine_open(c, r->s->at.root, e);
}

static int compare(struct report *r, long long since)
{
	struct table t = {.r = r};
	struct cli then;
	AUTO_ENGINE old = {0};
	char date[32];
	int status = open_then(r, since, date, &then, &old);

	if (status == ZDDC_NO) {
		html_tag(r->h, "<p class=\"dim\">The ledger does not reach back to %.10s, so the policy of then is not known.</p>\n", date);
		return ZDDC_YES;
	}
	if (status != ZDDC_YES)
		return status;
	html_tag(r->h, "<div class=\"wide\"><table><thead><tr><th>place, and below</th><th>who</th><th>since %.10s</th><th>by</th></tr></thead><tbody>\n", date);
	changes_walk(&old, &r->s->e, r->dir, r->m->people, r->now, place, &t);
	html_tag(r->h, "</tbody></table></div>\n");
	if (!t.n)
		html_tag(r->h, "<p>Nobody gained or lost anything since %.10s.</p>\n", date);
	return ZDDC_YES;
}

/* ------------------------------------------------------------------------------------------------ what happened */

static const char *const told[] = {
	"policy_change", "policy_invalid", "policy_reload", "identity_change", "group_change", "role_change", "admin_use", "session_elevated",
	"withdrawn",	 "marked",	   "hold",	    "retention",       "party_create", "party_rename", "freeze_*",    "auto_own",
};

struct events {
	struct ledger_query q;
	struct ledger_lines cut;
	struct arena mem;
	struct buf *rows; /* one text for each */
	size_t n, before;
};

static void cell(struct html *h, const char *text)
{
	html_tag(h, "<td>");
	html_text(h, text ? text : "");
	html_tag(h, "</td>");
}

static int take(void *arg, const char *line, size_t n)
{
	struct events *v = arg;
	struct ledger_entry e;
	struct html *h;
	struct buf *row;
	char when[LEDGER_TIME_SIZE];
	const struct ledger_attr *reason;

	arena_free(&v->mem);
	if (ledger_entry_parse(line, n, &v->mem, &e) != 0 || !ledger_match(&v->q, &e))
		return 0;
	row = &v->rows[v->n % MOST_EVENTS];
	v->before += v->n >= MOST_EVENTS;
	v->n++;
	buf_reset(row);
	h = html_part(row);
	ledger_time_format(e.time_us, when);
	html_tag(h, "<tr><th scope=\"row\">%.10s %.8s</th>", when, when + 11);
	cell(h, e.principal ? e.principal : e.uid >= 0 ? "anonymous" : "the mount");
	cell(h, e.event < LEDGER_EVENT_COUNT ? ledger_events[e.event].text : e.event_name);
	cell(h, e.path);
	reason = ledger_attr_find(&e, "reason");
	cell(h, reason && reason->type == LEDGER_TEXT ? reason->text : NULL);
	html_tag(h, "</tr>\n");
	html_part_end(h);
	return 0;
}

static int feed(void *arg, const void *p, size_t n)
{
	struct events *v = arg;

	out_progress("MiB of the ledger");
	return ledger_lines_feed(&v->cut, p, n, take, v);
}

static int events(struct report *r, int64_t since_us)
{
	struct events v = {.q = {.since_us = since_us, .until_us = (r->now + 1) * 1000000, .events = told, .n_events = ARRAY_LEN(told), .path = r->dir}};
	AUTO_CHAINS ch = {0};
	int status = chains_find(r->s->at.root, &ch);

	v.rows = calloc(MOST_EVENTS, sizeof *v.rows);
	if (!v.rows)
		abort();
	for (size_t i = 0; status == ZDDC_YES && i < ch.n; i++)
		if (chains_read(&ch, i, 0, feed, &v, NULL) < 0)
			status = out_fail(ZDDC_IO, "%s cannot be read", ch.dir);
	html_tag(r->h, "<h3>What was done</h3>\n<div class=\"wide\"><table><thead><tr><th>when (UTC)</th><th>who</th><th>what</th><th>where</th><th>why</th></tr></thead>"
		       "<tbody>\n");
	for (size_t i = 0; i < (v.n < MOST_EVENTS ? v.n : MOST_EVENTS); i++) {
		struct buf *row = &v.rows[(v.n - 1 - i) % MOST_EVENTS]; /* the latest first */

		html_tag(r->h, "%s", buf_str(row));
	}
	html_tag(r->h, "</tbody></table></div>\n");
	if (v.before)
		html_tag(r->h, "<p class=\"dim\">... and %zu earlier ones.</p>\n", v.before);
	if (!v.n)
		html_tag(r->h, "<p>Nothing.</p>\n");
	for (size_t i = 0; i < MOST_EVENTS; i++)
		buf_free(&v.rows[i]);
	free(v.rows);
	buf_free(&v.cut.rest);
	arena_free(&v.mem);
	return status;
}

static bool has_ledger(const struct report *r)
{
	AUTO_BUF dir = BUF_INIT;

	buf_addf(&dir, "%s/.zddc.d/ledger", r->s->at.root);
	return !r->s->at.on_mount && access(buf_str(&dir), R_OK) == 0;
}

int report_changes(struct report *r)
{
	int64_t since = 0;
	int status = audit_time(r->c, OPT_SINCE, &since);

	if (status != ZDDC_YES)
		return status;
	html_heading(r->h, "changes", "What changed");
	if (!has_ledger(r)) {
		html_tag(r->h, "<p class=\"dim\">%s</p>\n", r->s->at.on_mount ? "The ledger is read behind the mount, by whoever owns the archive."
									     : "There is no ledger here: it begins with the first mount.");
		return ZDDC_YES;
	}
	if (since)
		status = compare(r, (long long)(since / 1000000));
	else
		html_tag(r->h, "<p class=\"dim\">The last 30 days; --since also compares the policy of then with this one.</p>\n");
	return status == ZDDC_YES ? events(r, since ? since : (int64_t)(r->now - A_MONTH) * 1000000) : status;
}
