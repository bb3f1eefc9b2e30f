/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roles by places: each verb a link to the line that gives it; write-once places hatched, fences bordered. */
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/html.h"
#include "cli/matrix.h"

struct drawing {
	struct html *h;
	const struct matrix *m;
};

static void verbs(struct html *h, const struct matrix_cell *c)
{
	bool paren = false;

	html_tag(h, "<span class=\"v\">");
	for (int maybe = 0; maybe < 2; maybe++)
		for (int v = 0; v < MATRIX_VERBS; v++) {
			char letter[8];

			if (!((maybe ? c->maybe : c->verbs) & 1u << v))
				continue;
			if (maybe && !paren)
				html_tag(h, "(");
			paren |= maybe;
			html_src(h, &c->src[v], verbs_print((verbset)(1u << v), letter));
		}
	html_tag(h, "%s</span>", paren ? ")" : "");
}

static void cell(struct html *h, const struct matrix_cell *c)
{
	html_tag(h, "<td>");
	if (c->verbs | c->maybe)
		verbs(h, c);
	else
		html_tag(h, "<span class=\"none\" title=\"nothing\">&middot;</span>");
	if (c->admin)
		html_tag(h, " <span class=\"tag\">admin</span>");
	html_tag(h, "</td>");
}

/* The nearest row at or above that is fenced. */
static const struct matrix_row *fence_of(const struct matrix_row *r)
{
	while (r && !r->fenced)
		r = r->parent;
	return r;
}

static const struct matrix_row *first_shown(const struct matrix_row *r)
{
	while (r && !r->shown)
		r = r->next;
	return r;
}

/* The row that is drawn after r. */
static const struct matrix_row *next_shown(const struct matrix_row *r)
{
	const struct matrix_row *n = first_shown(r->child);

	for (; r && !n; r = r->parent)
		n = first_shown(r->next);
	return n;
}

static bool inside(const struct matrix_row *r, const struct matrix_row *fence)
{
	while (r && r != fence)
		r = r->parent;
	return r != NULL;
}

static void name(struct html *h, const struct matrix_row *r)
{
	const char *shown = r->depth ? (r->how == PLACE_ANY ? "(any)" : r->name) : *r->path ? r->path : "(archive)";
	char until[32];

	html_tag(h, "<th scope=\"row\" style=\"padding-left:%.2fem\" title=\"", 0.6 + 1.1 * r->depth);
	html_text(h, *r->path ? r->path : ".");
	html_tag(h, "\">");
	html_text(h, shown);
	html_tag(h, "/");
	if (r->twins) {
		html_tag(h, "<span class=\"tag\" title=\"");
		html_text(h, r->twin_names ? r->twin_names : "");
		html_tag(h, "\">+%zu alike</span>", r->twins);
	}
	if (r->zone && !(r->parent && r->parent->zone))
		html_tag(h, "<span class=\"tag\">write-once</span>");
	if (r->fenced)
		html_tag(h, "<span class=\"tag\">fence</span>");
	if (r->invalid)
		html_tag(h, "<span class=\"tag bad\">invalid policy</span>");
	if (r->freeze && !(r->parent && r->parent->freeze == r->freeze)) {
		str_time_format(r->freeze, until);
		html_tag(h, "<span class=\"tag\">frozen until %s</span>", until);
	}
	html_tag(h, "</th>");
}

static void people(struct html *h, const struct matrix_row *r)
{
	html_tag(h, "<td class=\"people\">");
	for (size_t i = 0; i < r->n_people; i++) {
		html_tag(h, "%s", i ? ", " : "");
		if (r->twins && r->people[i].owner)
			html_tag(h, "<i>its owner</i>");
		else
			html_text(h, r->people[i].who->name);
		html_tag(h, " ");
		verbs(h, &r->people[i]);
	}
	html_tag(h, "</td>");
}

static void row(void *arg, const struct matrix_row *r)
{
	struct drawing *d = arg;
	const struct matrix_row *fence = fence_of(r), *next = next_shown(r);

	html_tag(d->h, "<tr class=\"%s%s%s%s\">", r->zone ? "zone " : "", fence ? "fenced " : "", r->fenced ? "fence-top " : "",
		 fence && !(next && inside(next, fence)) ? "fence-end" : "");
	name(d->h, r);
	if (r->hidden) {
		html_tag(d->h, "<td colspan=\"%zu\" class=\"dim\">its policy is hidden from you</td></tr>\n", d->m->columns.n + 1);
		return;
	}
	for (size_t i = 0; i < d->m->columns.n; i++)
		cell(d->h, &r->cells[i]);
	people(d->h, r);
	html_tag(d->h, "</tr>\n");
}

static void legend(struct html *h)
{
	html_tag(h, "<div class=\"legend\"><span><span class=\"v\">r</span> read, <span class=\"v\">w</span> overwrite, <span class=\"v\">c</span> create, "
		    "<span class=\"v\">d</span> delete, <span class=\"v\">a</span> write policy</span><span><span class=\"v\">(x)</span> while conditions allow"
		    "</span><span><span class=\"swatch zone\"></span>write-once</span><span><span class=\"swatch fenced\"></span>fenced: nothing from above "
		    "counts inside</span><span>each letter leads to the line that gives it</span></div>\n");
}

/* A long name may go on in the next line behind these. */
static void breakable(struct html *h, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "_@.-:");
		AUTO_FREE char *part = strndup(s, n + (s[n] != 0));

		html_text(h, part);
		s += strlen(part);
		html_tag(h, "%s", *s ? "<wbr>" : "");
	}
}

void html_matrix(struct html *h, const struct matrix *m)
{
	struct drawing d = {h, m};

	legend(h);
	html_tag(h, "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">place</th>");
	for (size_t i = 0; i < m->columns.n; i++) {
		AUTO_BUF shown = BUF_INIT;

		if (m->columns.v[i]->kind == ACL_GROUP)
			buf_adds(&shown, "group:");
		buf_adds(&shown, m->columns.v[i]->name);
		html_tag(h, "<th scope=\"col\">");
		breakable(h, buf_str(&shown));
		html_tag(h, "</th>");
	}
	html_tag(h, "<th scope=\"col\">people by name</th></tr></thead>\n<tbody>\n");
	matrix_each(m, row, &d);
	html_tag(h, "</tbody></table></div>\n");
}
