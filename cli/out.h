/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What zddc prints. Names of files are bytes: what is not printable UTF-8 is shown as \xNN, so that a name can neither break a
 * line nor talk to the terminal. Colour only on a terminal and without NO_COLOR. A closed pipe is no error.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stddef.h>

struct buf;
struct diags;

enum out_style { OUT_PLAIN, OUT_GOOD, OUT_BAD, OUT_WARN, OUT_DIM, OUT_BOLD };

/* Call once before anything is printed. */
void out_init(void);
/* The escape that starts a style on standard output; "" without colour. OUT_PLAIN ends it. */
const char *out_style(enum out_style s);
/* A name or other single-line text, escaped (base/escape.h). */
void out_name(struct buf *out, const char *s);
/* Text of several lines made by the engine: cleaned, its verdicts coloured. */
void out_engine(struct buf *out, const char *s);
/* To standard output as it is. */
void out_put(const struct buf *text);
/* "zddc: ..." to standard error, one line, cleaned. Returns status, so that a command can end with it. */
__attribute__((format(printf, 2, 3))) int out_fail(int status, const char *fmt, ...);
/* Diagnostics to standard error, one a line. */
void out_diags(const struct diags *d);
/* One more of 'what' is done: counts on standard error, if that is a terminal, from the second second on. Ends when anything is printed. */
void out_progress(const char *what);
/* Flushes; the status to exit with: 'status', or that of an I/O error if the text could not be written. */
int out_end(int status);

#endif
