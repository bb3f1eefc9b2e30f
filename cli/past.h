/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The policy texts of an archive as they were at a time (--on): from its ledger and the texts that are kept. One thread. */
#ifndef CLI_PAST_H
#define CLI_PAST_H

#include <stdbool.h>

struct buf;
struct cli;
struct past;

/* The moment that --on names, in seconds since 1970: a date is its end; without --on, now. */
long long past_now(const struct cli *c);
/* Reads the ledger of the archive at 'root'. An exit status; an error was printed. */
int past_open(const struct cli *c, const char *root, struct past **out);
void past_free(struct past *p); /* NULL is fine */
bool past_strict(const struct past *p);
/*
 * The text of a document ("archive/Acme/.zddc", "defaults", "identities"): 0, -ENOENT if there was none, -EBADMSG if the kept text is not
 * what it was, or another -errno. One that was invalid is a text that still is.
 */
int past_text(const struct past *p, const char *file, struct buf *out);
/* The names directly below dir at or below which there was a document. */
void past_below(const struct past *p, const char *dir, bool (*each)(void *arg, const char *name), void *arg);

#endif
