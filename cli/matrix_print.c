/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The matrix as text for a terminal, as CSV for a spreadsheet, as JSON. The page is html_matrix.c. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/html.h"
#include "cli/matrix.h"
#include "cli/out.h"
#include "schemas/schemas.h"

struct printing {
	const struct matrix *m;
	struct buf *out;
	size_t width; /* of the column of paths */
};

/* ------------------------------------------------------------------------------------------------ text */

static void shown_name(const struct matrix_row *r, struct buf *out)
{
	buf_addf(out, "%*s", 2 * (int)r->depth, "");
	out_name(out, !r->depth ? (*r->path ? r->path : ".") : r->how == PLACE_ANY ? "(any)" : r->name);
	buf_adds(out, "/");
	if (r->twins)
		buf_addf(out, " (+%zu)", r->twins);
}

static void measure(void *arg, const struct matrix_row *r)
{
	struct printing *p = arg;
	AUTO_BUF name = BUF_INIT;

	shown_name(r, &name);
	p->width = name.len > p->width ? name.len : p->width;
}

/* One letter for each thing to know about a place. */
static const char *marks(const struct matrix_row *r, char out[8])
{
	snprintf(out, 8, "%s%s%s%s%s", r->hidden ? "?" : "", r->invalid ? "!" : "", r->zone ? "W" : "", r->fenced ? "F" : "", r->freeze ? "*" : "");
	return out;
}

static void person(const struct matrix_cell *c, struct buf *out)
{
	char verbs[24];

	buf_adds(out, out->len ? ", " : "");
	out_name(out, c->who->name);
	buf_addf(out, " %s", matrix_verbs(c, verbs));
}

static void text_row(void *arg, const struct matrix_row *r)
{
	struct printing *p = arg;
	AUTO_BUF name = BUF_INIT, people = BUF_INIT;
	size_t end;
	char verbs[24], mark[8];

	shown_name(r, &name);
	buf_addf(p->out, "%-*s  %-2s", (int)p->width, buf_str(&name), marks(r, mark));
	for (size_t i = 0; i < p->m->columns.n; i++) {
		size_t width = strlen(p->m->columns.v[i]->name) + (p->m->columns.v[i]->kind == ACL_GROUP ? 6 : 0);

		buf_addf(p->out, "  %-*s", (int)(width < 5 ? 5 : width), r->hidden ? "?" : matrix_verbs(&r->cells[i], verbs));
	}
	for (size_t i = 0; i < r->n_people && !r->hidden; i++)
		person(&r->people[i], &people);
	buf_addf(p->out, "  %s", buf_str(&people));
	for (end = p->out->len; end && p->out->data[end - 1] == ' ';)
		end--;
	p->out->len = end;
	p->out->data[end] = 0;
	buf_addc(p->out, '\n');
}

static void text(struct printing *p)
{
	struct buf *out = p->out;

	matrix_each(p->m, measure, p);
	buf_addf(out, "%s%-*s    ", out_style(OUT_BOLD), (int)p->width, "");
	for (size_t i = 0; i < p->m->columns.n; i++) {
		AUTO_BUF name = BUF_INIT;

		if (p->m->columns.v[i]->kind == ACL_GROUP)
			buf_adds(&name, "group:");
		out_name(&name, p->m->columns.v[i]->name);
		buf_addf(out, "  %-5s", buf_str(&name));
	}
	buf_addf(out, "  people%s\n", out_style(OUT_PLAIN));
	matrix_each(p->m, text_row, p);
	buf_adds(out, "W write-once, F fenced, * frozen, ! invalid, ? hidden from you; (+N) siblings alike; (x) while conditions allow\n");
}

/* ------------------------------------------------------------------------------------------------ CSV (RFC 4180) */

static void csv_row(void *arg, const struct matrix_row *r)
{
	struct printing *p = arg;
	AUTO_BUF people = BUF_INIT;
	char verbs[24], until[32] = "";

	if (r->freeze)
		str_time_format(r->freeze, until);
	csv_cell(p->out, *r->path ? r->path : ".", true);
	buf_addf(p->out, ",%s,%s,%s,%s,%zu", r->zone ? "yes" : "no", r->fenced ? "yes" : "no", r->invalid ? "yes" : "no", until, r->twins);
	for (size_t i = 0; i < p->m->columns.n; i++) {
		buf_addc(p->out, ',');
		csv_cell(p->out, r->hidden ? "?" : matrix_verbs(&r->cells[i], verbs), true);
	}
	for (size_t i = 0; i < r->n_people && !r->hidden; i++)
		person(&r->people[i], &people);
	buf_addc(p->out, ',');
	csv_cell(p->out, buf_str(&people), true);
	buf_adds(p->out, "\r\n");
}

static void csv(struct printing *p)
{
	buf_adds(p->out, "path,write_once,fenced,invalid,frozen_until,alike");
	for (size_t i = 0; i < p->m->columns.n; i++) {
		AUTO_BUF name = BUF_INIT;

		subject_show(p->m->columns.v[i], &name);
		buf_addc(p->out, ',');
		csv_cell(p->out, buf_str(&name), true);
	}
	buf_adds(p->out, ",people\r\n");
	matrix_each(p->m, csv_row, p);
}

/* ------------------------------------------------------------------------------------------------ JSON */

static void json_cell(const struct matrix_cell *c, struct buf *out)
{
	AUTO_BUF name = BUF_INIT;
	char verbs[8];

	subject_show(c->who, &name);
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "who", buf_str(&name));
	json_kv(out, "verbs", verbs_print(c->verbs, verbs));
	json_kv(out, "conditional", verbs_print(c->maybe, verbs));
	json_kv_bool(out, "admin", c->admin);
	json_key(out, "by");
	buf_addc(out, '{');
	for (int v = 0; v < MATRIX_VERBS; v++) {
		AUTO_BUF src = BUF_INIT;

		if (!c->src[v].file)
			continue;
		buf_addf(&src, "%s:%u", c->src[v].file, c->src[v].line);
		json_kv(out, verbs_print((verbset)(1u << v), verbs), buf_str(&src));
	}
	buf_adds(out, "}}");
}

static void json_row(void *arg, const struct matrix_row *r)
{
	struct printing *p = arg;
	char until[32];

	str_time_format(r->freeze, until);
	json_sep(p->out);
	buf_addc(p->out, '{');
	json_kv(p->out, "path", *r->path ? r->path : ".");
	json_kv_bool(p->out, "on_disk", r->how == PLACE_ON_DISK);
	json_kv_bool(p->out, "zone", r->zone);
	json_kv_bool(p->out, "fenced", r->fenced);
	json_kv_bool(p->out, "invalid", r->invalid);
	json_kv_bool(p->out, "hidden", r->hidden);
	json_kv(p->out, "freeze_until", r->freeze ? until : NULL);
	json_kv_int(p->out, "alike", (long long)r->twins);
	json_key(p->out, "cells");
	buf_addc(p->out, '[');
	for (size_t i = 0; i < p->m->columns.n && !r->hidden; i++)
		json_cell(&r->cells[i], p->out);
	buf_addc(p->out, ']');
	json_key(p->out, "people");
	buf_addc(p->out, '[');
	for (size_t i = 0; i < r->n_people && !r->hidden; i++)
		json_cell(&r->people[i], p->out);
	buf_adds(p->out, "]}");
}

void matrix_print(const struct cli *c, const struct matrix *m, enum matrix_format f, struct buf *out)
{
	struct printing p = {.m = m, .out = out};
	struct html *h;

	switch (f) {
	case MATRIX_TEXT:
		text(&p);
		break;
	case MATRIX_CSV:
		csv(&p);
		break;
	case MATRIX_JSON:
		buf_adds(out, "{\"rows\":[");
		matrix_each(m, json_row, &p);
		buf_adds(out, "]}\n");
		break;
	case MATRIX_HTML:
		h = html_begin(out, "Who holds which verbs");
		html_matrix(h, m);
		html_sources(h, c, m->scope);
		html_end(h);
		break;
	}
}
