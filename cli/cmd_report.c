/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc report: one page about who may do what in an archive, and why. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/html.h"
#include "cli/matrix.h"
#include "cli/out.h"
#include "cli/past.h"
#include "cli/report.h"
#include "cli/scope.h"

enum { MOST_STRIPS = 6 };

/* ------------------------------------------------------------------------------------------------ head */

static void head(struct report *r)
{
	struct acl_policy *p = acl_snap_policy(r->s->e.snap, "");
	struct acl_value title = acl_get(p, ACL_KEY_TITLE);
	char made[32], as_of[32];

	str_time_format((long long)time(NULL), made);
	str_time_format(r->now, as_of);
	html_tag(r->h, "<p class=\"dim\">");
	if (title.node && title.file && strcmp(title.file, "defaults") != 0) {
		html_text(r->h, title.node->text);
		html_tag(r->h, " &middot; ");
	}
	html_text(r->h, r->s->at.root);
	if (*r->dir) {
		html_tag(r->h, " &middot; ");
		html_text(r->h, r->dir);
	}
	html_tag(r->h, " &middot; %s%s &middot; policy of the root <code>%.12s</code></p>\n", cli_has(r->c, OPT_DATE) ? "as of " : "",
		 cli_has(r->c, OPT_DATE) ? as_of : made, acl_policy_hash(p));
	html_tag(r->h, "<nav><a href=\"#people\">roles</a> <a href=\"#matrix\">places</a> <a href=\"#ratchet\">from working to issued</a> "
		       "<a href=\"#changes\">what changed</a>%s <a href=\"#sources\">policy files</a></nav>\n",
		 r->path ? " <a href=\"#path\">who can read it</a>" : "");
	acl_policy_unref(p);
}

/* ------------------------------------------------------------------------------------------------ roles and administrators */

struct listing {
	struct report *r;
	const char *file, *dir;
	size_t n;
};

static void role_row(void *arg, const struct acl_rule *rule)
{
	struct listing *l = arg;
	struct html *h = l->r->h;
	bool admin = rule->kind == ACL_RULE_ADMIN;

	if (rule->kind != ACL_RULE_MEMBER && !admin)
		return;
	l->n++;
	html_tag(h, "<tr><th scope=\"row\">");
	html_text(h, admin ? "administrator" : rule->role);
	html_tag(h, "</th><td>");
	html_text(h, rule->text);
	html_tag(h, "</td><td>");
	html_text(h, *l->dir ? l->dir : "(archive)");
	if (*rule->place) {
		html_tag(h, "/");
		html_text(h, rule->place);
	}
	html_tag(h, "</td><td>");
	AUTO_BUF at = BUF_INIT;
	buf_addf(&at, "%s:%u", l->file, rule->line);
	html_src(h, &(struct acl_src){l->file, rule->line}, buf_str(&at));
	html_tag(h, "</td></tr>\n");
}

static void members_of(void *arg, const struct matrix_row *row)
{
	struct listing *l = arg;
	bool invalid;
	struct zddc_doc *doc = row->how == PLACE_ON_DISK ? acl_snap_doc(l->r->s->e.snap, row->path, &invalid) : NULL;

	if (!doc)
		return;
	l->file = zddc_file(doc);
	l->dir = row->path;
	zddc_rules(doc, role_row, l);
	zddc_unref(doc);
}

static void people(struct report *r)
{
	struct listing l = {.r = r};

	html_heading(r->h, "people", "Who is in which role");
	html_tag(r->h, "<div class=\"wide\"><table><thead><tr><th>role</th><th>member</th><th>here and below</th><th>by</th></tr></thead><tbody>\n");
	matrix_each(r->m, members_of, &l);
	html_tag(r->h, "</tbody></table></div>\n");
	if (!l.n)
		html_tag(r->h, "<p>No role has a member, and nobody administers the archive.</p>\n");
}

/* ------------------------------------------------------------------------------------------------ the ratchet */

static const char *const steps[] = {"working", "staging", "reviewing", "issued"};

static const struct matrix_row *child(const struct matrix_row *row, const char *name)
{
	for (const struct matrix_row *c = row->child; c; c = c->next)
		if (str_ieq(c->name, name))
			return c;
	return NULL;
}

static void step(struct report *r, const struct matrix_row *row)
{
	html_tag(r->h, "<div class=\"step%s\"><h4>", row->zone ? " zone" : "");
	html_text(r->h, row->name);
	html_tag(r->h, "/</h4><dl>");
	for (size_t i = 0; i < r->m->columns.n; i++) {
		char verbs[24];

		if (r->m->columns.v[i]->kind != ACL_ROLE || !*matrix_verbs(&row->cells[i], verbs))
			continue;
		html_tag(r->h, "<dt>");
		html_text(r->h, r->m->columns.v[i]->name);
		html_tag(r->h, "</dt><dd class=\"v\">%s</dd>", verbs);
	}
	html_tag(r->h, "</dl></div>");
}

struct strips {
	struct report *r;
	size_t n, more;
};

/* A place that belongs to its maker and has both ends of the way. */
static void strip(void *arg, const struct matrix_row *row)
{
	struct strips *s = arg;
	struct html *h = s->r->h;
	bool first = true;

	if (!acl_auto_own(row->policy) || !child(row, steps[0]) || !child(row, steps[3]))
		return;
	if (s->n >= MOST_STRIPS) {
		s->more += 1 + row->twins;
		return;
	}
	s->n++;
	html_tag(h, "<h3>");
	html_text(h, row->path);
	if (row->twins)
		html_tag(h, " <span class=\"tag\">+%zu alike</span>", row->twins);
	html_tag(h, "</h3>\n<div class=\"strip\">");
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const struct matrix_row *c = child(row, steps[i]);

		if (!c)
			continue;
		html_tag(h, "%s", first ? "" : "<div class=\"arrow\" aria-hidden=\"true\">&rarr;</div>");
		first = false;
		step(s->r, c);
	}
	html_tag(h, "</div>\n");
}

static void ratchet(struct report *r)
{
	struct strips s = {.r = r};

	html_heading(r->h, "ratchet", "From working to issued");
	html_tag(r->h, "<p>One way: with each hand-over, whoever handed over can change less of it. What is hatched is write-once.</p>\n");
	matrix_each(r->m, strip, &s);
	if (!s.n)
		html_tag(r->h, "<p class=\"dim\">No place here has a working and an issued folder.</p>\n");
	if (s.more)
		html_tag(r->h, "<p class=\"dim\">... and %zu more.</p>\n", s.more);
}

/* ------------------------------------------------------------------------------------------------ who can read one path */

static void reader(struct report *r, const struct subject *who, const struct acl_policy *p)
{
	struct acl_decision d = subject_decide(who, p, V_R, r->now);
	AUTO_BUF name = BUF_INIT, at = BUF_INIT;

	if (who->kind == ACL_ROLE || !(acl_before_when(&d) & V_R))
		return;
	subject_show(who, &name);
	html_tag(r->h, "<tr><th scope=\"row\">");
	html_text(r->h, buf_str(&name));
	html_tag(r->h, "</th><td>");
	html_text(r->h, d.grant_role ? d.grant_role : "");
	html_tag(r->h, "</td><td>");
	if (d.grant.file)
		buf_addf(&at, "%s:%u", d.grant.file, d.grant.line);
	html_src(r->h, &d.grant, buf_str(&at));
	html_tag(r->h, "</td><td>");
	html_text(r->h, d.effective & V_R ? "" : d.condition ? d.condition : "while conditions allow");
	html_tag(r->h, "</td></tr>\n");
}

static int readers(struct report *r)
{
	AUTO_SCOPE at = {0};
	AUTO_BUF path = BUF_INIT;
	struct subject_list l;
	struct acl_policy *p;
	int status;

	if (!r->path)
		return ZDDC_YES;
	buf_addf(&path, "%s/%s", r->s->at.root, r->path);
	status = scope_open(r->c, *r->path == '/' ? r->path : buf_str(&path), &at);
	if (status != ZDDC_YES)
		return status;
	AUTO_FREE char *dir = scope_dir(&at);
	p = acl_snap_policy(r->s->e.snap, dir);
	html_heading(r->h, "path", "Who can read it");
	html_tag(r->h, "<p><code>");
	html_text(r->h, *at.at.rel ? at.at.rel : ".");
	html_tag(r->h, "</code>, by the policy of %s</p>\n<div class=\"wide\"><table><thead><tr><th>who</th><th>through role</th><th>by</th><th>if</th></tr>"
		       "</thead><tbody>\n", cli_has(r->c, OPT_DATE) ? r->c->opt[OPT_DATE] : "today");
	subjects_of(r->m->people, p, &l);
	for (size_t i = 0; i < l.n; i++)
		reader(r, l.v[i], p);
	html_tag(r->h, "</tbody></table></div>\n");
	subject_list_free(&l);
	acl_policy_unref(p);
	return ZDDC_YES;
}

/* ------------------------------------------------------------------------------------------------ the command */

static int put(const struct cli *c, const struct buf *page)
{
	const char *file = c->opt[OPT_OUTPUT];
	int err;

	if (!file || !strcmp(file, "-")) {
		out_put(page);
		return ZDDC_YES;
	}
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : file_write_fd(fd, page);
	return err ? out_fail(ZDDC_IO, "%s: %s", file, strerror(-err)) : ZDDC_YES;
}

static int sections(struct report *r)
{
	int status;

	head(r);
	people(r);
	html_heading(r->h, "matrix", "Who holds which verbs where");
	html_matrix(r->h, r->m);
	ratchet(r);
	status = report_changes(r);
	if (status == ZDDC_YES)
		status = readers(r);
	if (status == ZDDC_YES)
		html_sources(r->h, r->c, r->s);
	return status;
}

int cmd_report(const struct cli *c)
{
	AUTO_SCOPE s = {0};
	AUTO_BUF page = BUF_INIT;
	struct report r = {.c = c, .s = &s, .path = c->opt[OPT_PATH], .now = past_now(c)};
	int status, complaint;

	if (cli_has(c, OPT_JSON))
		return out_fail(ZDDC_USAGE, "a report is a page for people: \"zddc access --matrix --json\" and \"zddc audit --json\" have its data");
	status = scope_open(c, c->arg ? c->arg : ".", &s);
	if (status != ZDDC_YES)
		return status;
	AUTO_FREE char *dir = scope_dir(&s);
	r.dir = dir;
	r.m = matrix_make(&s, dir, r.now);
	r.h = html_begin(&page, "Who may do what");
	status = sections(&r);
	html_end(r.h);
	matrix_free(r.m);
	complaint = engine_complaints(&s.e);
	if (status == ZDDC_YES && complaint != ZDDC_IO)
		status = put(c, &page);
	return status != ZDDC_YES ? status : complaint;
}
