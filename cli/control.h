/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control files that a live mount shows below .zddc.d (SPEC section 8), read for the calling user. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

struct buf;
struct cli;

/* The text of DIR/.zddc.d/NAME (a path below it); 0 or -errno. */
int control_read(const char *dir, const char *name, struct buf *out);
/*
 * The path below .zddc.d of one answer: "whoami", or "whoami.json" with --json; with an entry "explain/ENTRY", "explain.json/ENTRY".
 */
void control_name(const struct cli *c, const char *base, const char *entry, struct buf *out);
/*
 * The JSON of the mount, to look into: bytes of names that are not UTF-8, which jansson refuses, are "?" here. NULL if it is none;
 * the caller owns it (json_decref).
 */
struct json_t *control_json(const struct buf *text);
/* A word of a command line for .zddc.d/ctl, in quotes; and " --word VALUE", nothing if the value is NULL. */
void control_quote(struct buf *out, const char *text);
void control_option(struct buf *out, const char *word, const char *value);
/* Runs one line in DIR/.zddc.d/ctl: 0, or the -errno of the mount. */
int control_run(const char *dir, const struct buf *line);
/* Says how that went, about that path: nothing if it is done (with --json: that), else why not. An exit status. */
int control_answer(const struct cli *c, const char *dir, const char *about, int err);
/* Prints a text of the mount: JSON as it is, other text cleaned. */
void control_print(const struct cli *c, const struct buf *text);

#endif
