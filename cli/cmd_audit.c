/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc audit: what the ledger says, filtered, as a table or as it is written; and its parts (audit.h). */
#include <errno.h>
#include <fcntl.h>
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
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/place.h"

enum { EVENTS_MOST = 32, FOLLOW_MS = 300 };

/* ------------------------------------------------------------------ one line for people */

struct show {
	const struct cli *c;
	struct ledger_query q;
	const char *events[EVENTS_MOST];
	char *event_text;
	struct ledger_lines cut;
	struct arena mem;
	struct buf out;
	unsigned long long unreadable;
};

static const char *text_attr(const struct ledger_entry *e, const char *key)
{
	const struct ledger_attr *a = ledger_attr_find(e, key);

	return a && a->type == LEDGER_TEXT ? a->text : NULL;
}

static void add_detail(struct buf *out, const char *before, const char *text)
{
	if (!text)
		return;
	buf_adds(out, before);
	out_name(out, text);
}

static void add_why(struct buf *out, const struct ledger_entry *e)
{
	const struct ledger_attr *count = ledger_attr_find(e, "count");
	const char *because = text_attr(e, "because");

	if (e->err)
		buf_addf(out, "  %s", strerrorname_np((int)e->err) ? strerrorname_np((int)e->err) : "error");
	if (e->decision == LEDGER_DENY)
		add_detail(out, " ", because);
	if (count)
		buf_addf(out, " (%lld times)", (long long)count->number);
	add_detail(out, "  ", e->src.file);
	if (e->src.file && e->src.line)
		buf_addf(out, ":%lld", (long long)e->src.line);
}

/* 2026-01-31 12:00:00  alice@example.com  file_create  d/f  d/.zddc:4 */
static void add_row(struct buf *out, const struct ledger_entry *e)
{
	char when[LEDGER_TIME_SIZE];
	bool deny = e->decision == LEDGER_DENY;

	ledger_time_format(e->time_us, when);
	buf_addf(out, "%s%.10s %.8s%s  ", out_style(OUT_DIM), when, when + 11, out_style(OUT_PLAIN));
	out_name(out, e->principal ? e->principal : "(daemon)");
	if (e->uid >= 0 && e->principal && !strcmp(e->principal, LEDGER_ANONYMOUS))
		buf_addf(out, "(uid %lld)", (long long)e->uid);
	buf_addf(out, "  %s", deny ? out_style(OUT_BAD) : e->active_admin ? out_style(OUT_WARN) : "");
	out_name(out, e->event_name);
	if (deny && e->op)
		add_detail(out, " ", e->op);
	buf_addf(out, "%s", deny || e->active_admin ? out_style(OUT_PLAIN) : "");
	add_detail(out, "  ", e->path);
	add_detail(out, " -> ", text_attr(e, "to"));
	add_why(out, e);
	add_detail(out, "  ", text_attr(e, "reason"));
	buf_addc(out, '\n');
}

static int show_line(void *arg, const char *line, size_t n)
{
	struct show *s = arg;
	struct ledger_entry e;

	arena_free(&s->mem);
	if (ledger_entry_parse(line, n, &s->mem, &e) != 0) {
		s->unreadable++;
		return 0;
	}
	if (!ledger_match(&s->q, &e))
		return 0;
	if (cli_has(s->c, OPT_JSON)) {
		buf_add(&s->out, line, n);
		buf_addc(&s->out, '\n');
	} else {
		add_row(&s->out, &e);
	}
	if (s->out.len > 1 << 16) {
		out_put(&s->out);
		buf_reset(&s->out);
	}
	return 0;
}

static int feed(void *arg, const void *p, size_t n)
{
	struct show *s = arg;

	out_progress("MiB of the ledger");
	return ledger_lines_feed(&s->cut, p, n, show_line, s);
}

static void flush(struct show *s)
{
	out_put(&s->out);
	buf_reset(&s->out);
	fflush(stdout);
}

/* ------------------------------------------------------------------ what is asked */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A time, a date, or how long ago. */
int audit_time(const struct cli *c, int o, int64_t *us)
{
	long long s;

	if (!cli_has(c, o))
		return ZDDC_YES;
	if (str_time(c->opt[o], &s))
		*us = s * 1000000;
	else if (str_duration(c->opt[o], &s))
		*us = now_us() - s * 1000000;
	else
		return out_fail(ZDDC_USAGE, "--%s %s: give a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (2h, 7d)", cli_opts[o].name,
				c->opt[o]);
	return ZDDC_YES;
}

static bool event_known(const char *pattern)
{
	for (size_t i = 0; i < LEDGER_EVENT_COUNT; i++)
		if (str_glob(pattern, ledger_events[i].name, GLOB_BYTE))
			return true;
	return false;
}

static int take_events(struct show *s)
{
	const char *names[LEDGER_EVENT_COUNT], *near;
	char *rest, *word;

	if (!cli_has(s->c, OPT_EVENT))
		return ZDDC_YES;
	rest = s->event_text = strdup(s->c->opt[OPT_EVENT]);
	while ((word = strsep(&rest, ","))) {
		if (s->q.n_events == EVENTS_MOST)
			return out_fail(ZDDC_USAGE, "--event: at most %d names", EVENTS_MOST);
		if (!event_known(word)) {
			for (size_t i = 0; i < LEDGER_EVENT_COUNT; i++)
				names[i] = ledger_events[i].name;
			near = str_nearest(word, names, LEDGER_EVENT_COUNT);
			return out_fail(ZDDC_USAGE, "--event %s: there is no such event%s%s%s", word, near ? ": did you mean " : "", near ? near : "",
					near ? "?" : "");
		}
		s->events[s->q.n_events++] = word;
	}
	s->q.events = s->events;
	return ZDDC_YES;
}

static int take_query(struct show *s)
{
	int status = audit_time(s->c, OPT_SINCE, &s->q.since_us);

	if (status == ZDDC_YES)
		status = audit_time(s->c, OPT_UNTIL, &s->q.until_us);
	if (status == ZDDC_YES)
		status = take_events(s);
	s->q.who = s->c->opt[OPT_WHO];
	if (cli_has(s->c, OPT_PATH))
		s->q.path = s->c->opt[OPT_PATH];
	return status;
}

/* ------------------------------------------------------------------ where it comes from */

/* The mount gives what this user may know of the directory. Read to its end, it goes on where there is more. */
static int from_mount(struct show *s, const char *dir)
{
	AUTO_BUF path = BUF_INIT;
	char chunk[65536];
	ssize_t n;

	buf_addf(&path, "%s/.zddc.d/audit.jsonl", dir);
	AUTO_CLOSE int fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return out_fail(ZDDC_NO, "%s: the ledger is for holders of a there and for auditors", dir);
	if (fd < 0)
		return out_fail(ZDDC_IO, "%s: %s", buf_str(&path), strerror(errno));
	for (;;) {
		n = read(fd, chunk, sizeof chunk);
		if (n < 0)
			return out_fail(ZDDC_IO, "%s: %s", buf_str(&path), strerror(errno));
		if (n > 0)
			feed(s, chunk, (size_t)n);
		else if (!cli_has(s->c, OPT_FOLLOW))
			return ZDDC_YES;
		else
			usleep(FOLLOW_MS * 1000);
		if (n == 0)
			flush(s);
	}
}

static int bad_file(const struct chains *ch, size_t i, int r)
{
	char name[LEDGER_NAME_MAX + 1];

	ledger_file_name(ch->v[i].host, ch->v[i].run, ch->v[i].part, name);
	return out_fail(ZDDC_IO, "%s/%s: %s", ch->dir, name, strerror(-r));
}

/* What comes to the last file, and files that begin after it. */
static int follow(struct show *s, const char *archive, struct chains *ch, unsigned long long at)
{
	int status = ZDDC_YES;

	while (status == ZDDC_YES) {
		AUTO_CHAINS again = {0};
		struct ledger_file last = ch->n ? ch->v[ch->n - 1] : (struct ledger_file){0};
		size_t i = 0;

		flush(s);
		usleep(FOLLOW_MS * 1000);
		status = chains_find(archive, &again);
		while (i < again.n && ledger_file_cmp(&again.v[i], &last) < 0)
			i++;
		for (; status == ZDDC_YES && i < again.n; i++) {
			int r = chains_read(&again, i, ledger_file_cmp(&again.v[i], &last) ? 0 : at, feed, s, &at);

			if (r < 0)
				status = bad_file(&again, i, r);
		}
		struct chains old = *ch;
		*ch = again;
		again = old;
	}
	return status;
}

static int from_archive(struct show *s, const char *archive)
{
	AUTO_CHAINS ch = {0};
	unsigned long long at = 0;
	int status = chains_find(archive, &ch);

	for (size_t i = 0; status == ZDDC_YES && i < ch.n; i++) {
		int r = chains_read(&ch, i, 0, feed, s, &at);

		if (r < 0)
			status = bad_file(&ch, i, r);
	}
	return status == ZDDC_YES && cli_has(s->c, OPT_FOLLOW) ? follow(s, archive, &ch, at) : status;
}

int audit_show(const struct cli *c, char *const *args, size_t n)
{
	const char *where = n ? args[0] : ".";
	struct show s = {.c = c, .mem = ARENA_INIT};
	int status = n > 1 ? out_fail(ZDDC_USAGE, "\"%s\" is one argument too many: zddc audit [ARCHIVE or MOUNT]", args[1]) : take_query(&s);

	if (status == ZDDC_YES)
		status = place_has_control(where) ? from_mount(&s, where) : from_archive(&s, where);
	flush(&s);
	if (s.unreadable || s.cut.rest.len)
		out_fail(0, "%llu lines cannot be read: \"zddc audit verify\" says where", s.unreadable + !!s.cut.rest.len);
	free(s.event_text);
	buf_free(&s.cut.rest);
	buf_free(&s.out);
	arena_free(&s.mem);
	return status;
}

int cmd_audit(const struct cli *c)
{
	static const struct {
		const char *word;
		int (*run)(const struct cli *c, char *const *args, size_t n);
	} parts[] = {
		{"verify", audit_verify}, {"checkpoint", audit_checkpoint}, {"prove", audit_prove}, {"check", audit_check},
		{"accept", audit_accept}, {"key", audit_key},
	};

	for (size_t i = 0; c->n_args && i < ARRAY_LEN(parts); i++)
		if (!strcmp(c->args[0], parts[i].word))
			return parts[i].run(c, c->args + 1, c->n_args - 1);
	return audit_show(c, c->args, c->n_args);
}
