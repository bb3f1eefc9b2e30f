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
/* Prints a text of the mount: JSON as it is, other text cleaned. */
void control_print(const struct cli *c, const struct buf *text);

#endif
