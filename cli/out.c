/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/out.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
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

void out_name(struct buf *out, const char *s)
{
	escape_adds(out, s);
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
	escape_add(out, s, n, true);
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

/* ------------------------------------------------------------------------------------------------ progress */

static struct {
	bool off, shown;
	double began, last; /* seconds, of the monotonic clock */
	unsigned long n;
} progress;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void out_progress(const char *what)
{
	double now;

	progress.n++;
	if (progress.off || (progress.began > 0 && progress.n % 16))
		return;
	now = seconds();
	if (progress.began <= 0) {
		progress.began = progress.last = now;
		progress.off = !isatty(STDERR_FILENO);
		return;
	}
	if (now - progress.began < 1 || now - progress.last < 0.2)
		return;
	fprintf(stderr, "\rzddc: %lu %s ...", progress.n, what);
	progress.last = now;
	progress.shown = true;
}

static void progress_end(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.shown = false;
}

/* ------------------------------------------------------------------------------------------------ printing */

void out_put(const struct buf *text)
{
	progress_end();
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
	progress_end();
	fputs(buf_str(&line), stderr);
	return status;
}

void out_diags(const struct diags *d)
{
	AUTO_BUF raw = BUF_INIT, text = BUF_INIT;

	diags_format(d, &raw);
	escape_add(&text, buf_str(&raw), raw.len, true);
	fflush(stdout);
	progress_end();
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
