/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/out.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"

static bool colour;
static int write_error; /* the first errno of standard output, 0: none */

void out_init(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	colour = isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
	/* EPIPE is then seen by out_end(), which is quiet about it: the reader has what it wanted */
	signal(SIGPIPE, SIG_IGN);
}

const char *out_style(enum out_style s)
{
	if (!colour)
		return "";
	switch (s) {
	case OUT_PLAIN: return "\033[0m";
	case OUT_GOOD: return "\033[32m";
	case OUT_BAD: return "\033[31m";
	case OUT_WARN: return "\033[33m";
	case OUT_DIM: return "\033[2m";
	case OUT_BOLD: return "\033[1m";
	}
	return "";
}

/* What makes text run backwards, or has no width: a name could pose as another (U+200B-U+200F, U+202A-U+202E, U+2066-U+2069). */
static bool turns_around(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n != 3 || u[0] != 0xe2)
		return false;
	if (u[1] == 0x80)
		return (u[2] >= 0x8b && u[2] <= 0x8f) || (u[2] >= 0xaa && u[2] <= 0xae);
	return u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9;
}

/* How many bytes from s can be shown as they are; 0 if the first must be escaped. */
static size_t showable(const char *s, size_t left, int lines)
{
	size_t n = str_utf8_len(s, left);

	if (lines && (*s == '\n' || *s == '\t'))
		return 1;
	if (!n || str_unprintable(s, n, NULL) || turns_around(s, n))
		return 0;
	return n;
}

void out_clean(struct buf *out, const char *s, size_t n, int lines)
{
	for (size_t i = 0; i < n;) {
		size_t len = showable(s + i, n - i, lines);

		if (len)
			buf_add(out, s + i, len);
		else
			buf_addf(out, "\\x%02x", (unsigned char)s[i]);
		i += len ? len : 1;
	}
}

void out_name(struct buf *out, const char *s)
{
	out_clean(out, s, strlen(s), 0);
}

/* Colours the word a line starts with, if it is a verdict. */
static void verdict_line(struct buf *out, const char *s, size_t n)
{
	static const struct {
		const char *word;
		enum out_style style;
	} words[] = {{"denied", OUT_BAD}, {"allowed", OUT_GOOD}, {"hint:", OUT_BOLD}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i].word);

		if (n < len || memcmp(s, words[i].word, len) != 0)
			continue;
		buf_addf(out, "%s%s%s", out_style(words[i].style), words[i].word, out_style(OUT_PLAIN));
		s += len;
		n -= len;
		break;
	}
	out_clean(out, s, n, 1);
}

void out_engine(struct buf *out, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");

		verdict_line(out, s, n);
		buf_addc(out, '\n');
		s += n + (s[n] == '\n');
	}
}

void out_put(const struct buf *text)
{
	errno = 0;
	if (text->len && fwrite(text->data, 1, text->len, stdout) < text->len && !write_error)
		write_error = errno ? errno : EIO;
}

int out_fail(int status, const char *fmt, ...)
{
	AUTO_BUF raw = BUF_INIT, line = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addfv(&raw, fmt, ap);
	va_end(ap);
	buf_adds(&line, "zddc: ");
	out_name(&line, buf_str(&raw));
	buf_addc(&line, '\n');
	fflush(stdout);
	fputs(buf_str(&line), stderr);
	return status;
}

void out_diags(const struct diags *d)
{
	AUTO_BUF raw = BUF_INIT, text = BUF_INIT;

	diags_format(d, &raw);
	out_clean(&text, buf_str(&raw), raw.len, 1);
	fflush(stdout);
	fputs(buf_str(&text), stderr);
}

int out_end(int status)
{
	errno = 0;
	if (fflush(stdout) != 0 && !write_error)
		write_error = errno ? errno : EIO;
	if (!write_error || write_error == EPIPE)
		return status;
	return out_fail(ZDDC_IO, "the answer cannot be written (%s): look at where standard output goes", strerror(write_error));
}
