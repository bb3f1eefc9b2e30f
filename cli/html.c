/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/html_style.h"
#include "cli/scope.h"
#include "cli/tree.h"
#include "cli/vec.h"

struct html {
	struct buf *out;
	char **files; /* that were linked to; the index is part of each anchor */
	size_t n;
};

struct html *html_part(struct buf *out)
{
	struct html *h = calloc(1, sizeof *h);

	if (!h)
		abort();
	h->out = out;
	return h;
}

void html_part_end(struct html *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->files[i]);
	free(h->files);
	free(h);
}

struct html *html_begin(struct buf *out, const char *title)
{
	struct html *h = html_part(out);

	buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
		      "<title>");
	html_text(h, title);
	buf_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", html_style);
	html_text(h, title);
	buf_adds(out, "</h1>\n");
	return h;
}

void html_text(struct html *h, const char *s)
{
	AUTO_BUF clean = BUF_INIT;

	escape_adds(&clean, s);
	for (const char *p = buf_str(&clean); *p; p++)
		switch (*p) {
		case '&': buf_adds(h->out, "&amp;"); break;
		case '<': buf_adds(h->out, "&lt;"); break;
		case '>': buf_adds(h->out, "&gt;"); break;
		case '"': buf_adds(h->out, "&quot;"); break;
		case '\'': buf_adds(h->out, "&#39;"); break;
		default: buf_addc(h->out, *p);
		}
}

void html_tag(struct html *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addfv(h->out, fmt, ap);
	va_end(ap);
}

void html_heading(struct html *h, const char *id, const char *title)
{
	buf_addf(h->out, "<h2 id=\"%s\">", id);
	html_text(h, title);
	buf_adds(h->out, "</h2>\n");
}

static size_t file_number(struct html *h, const char *file)
{
	for (size_t i = 0; i < h->n; i++)
		if (!strcmp(h->files[i], file))
			return i;
	h->files = vec_room(h->files, h->n, sizeof *h->files);
	h->files[h->n] = vec_str(file);
	return h->n++;
}

void html_src(struct html *h, const struct acl_src *src, const char *label)
{
	if (!src->file) {
		html_text(h, label);
		return;
	}
	buf_addf(h->out, "<a href=\"#s%zu-%u\" title=\"", file_number(h, src->file), src->line);
	html_text(h, src->file);
	buf_addf(h->out, ":%u\">", src->line);
	html_text(h, label);
	buf_adds(h->out, "</a>");
}

static void source_lines(struct html *h, size_t number, const char *text)
{
	unsigned line = 1;

	buf_adds(h->out, "<pre>");
	while (*text) {
		AUTO_FREE char *one = strndup(text, strcspn(text, "\n"));

		buf_addf(h->out, "<span id=\"s%zu-%u\"><i>%u</i>", number, line, line);
		html_text(h, one);
		buf_adds(h->out, "\n</span>");
		text += strlen(one);
		text += *text == '\n';
		line++;
	}
	buf_adds(h->out, "</pre>\n");
}

void html_sources(struct html *h, const struct cli *c, const struct scope *s)
{
	if (!h->n)
		return;
	html_heading(h, "sources", "Policy files");
	for (size_t i = 0; i < h->n; i++) {
		AUTO_BUF text = BUF_INIT;
		bool builtin = !strcmp(h->files[i], "defaults");

		if (builtin)
			engine_defaults_text(c, &text);
		else
			tree_read(s->e.tree, h->files[i], LIMIT_DOC_BYTES, &text);
		buf_adds(h->out, "<h3>");
		html_text(h, builtin ? "built-in defaults" : h->files[i]);
		buf_adds(h->out, "</h3>\n");
		source_lines(h, i, buf_str(&text));
	}
}

void html_end(struct html *h)
{
	buf_adds(h->out, "</main>\n</body>\n</html>\n");
	html_part_end(h);
}
