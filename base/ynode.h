/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A YAML document as a tree that remembers line and column. YAML 1.2 core scalars: only true/false, null, and JSON-like numbers
 * are not strings; "no", "on" and "12:30" are strings. Anchors, aliases, tags, duplicate keys, invalid UTF-8 and everything
 * over limits.h are errors with a position, found inside the event loop (SPEC section 2).
 */
#ifndef BASE_YNODE_H
#define BASE_YNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;

enum ykind { Y_SCALAR, Y_LIST, Y_MAP };

/* What a scalar means under the YAML 1.2 core schema. A quoted scalar is always Y_STR. */
enum yscalar { Y_STR, Y_NULL, Y_BOOL, Y_INT, Y_FLOAT };

struct ynode {
	enum ykind kind;
	enum yscalar type; /* of a scalar */
	uint32_t line, col; /* from 1 */
	const char *text; /* of a scalar: NUL-terminated, len bytes */
	size_t len;
	struct ynode *key; /* of a map's member: its key */
	struct ynode *next; /* the next member of the same list or map */
	struct ynode *child; /* first member */
	size_t n; /* members */
	bool flow; /* written as [..] or {..} */
};

/*
 * Parses one document. 0 and *out (owned by the arena; an empty text is an empty map), or -EINVAL with at least one error in
 * diags. 'file' names the text in messages.
 */
int ynode_parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct ynode **out);

/* The same with other bounds on the whole text, for files that are ours to trust: lists of test cases. */
struct ynode_limits {
	size_t bytes, events, scalar;
};
int ynode_parse_within(struct arena *a, const char *file, const char *text, size_t len, const struct ynode_limits *most, struct diags *d,
		       struct ynode **out);

/* Member of a map by exact key, or NULL. */
const struct ynode *ynode_get(const struct ynode *map, const char *key);
/* Member of a map by key, case-blind, or NULL. */
const struct ynode *ynode_geti(const struct ynode *map, const char *key);
bool ynode_bool(const struct ynode *n, bool *out); /* false if it is not a bool */
bool ynode_int(const struct ynode *n, long long *out);
bool ynode_equal(const struct ynode *a, const struct ynode *b); /* same content; the order of map keys does not matter */
/* What the text would mean if written without quotes. */
enum yscalar ynode_plain_type(const char *text);

/* A comment of a text, from its '#' to the end of the line without trailing blanks. */
struct ycomment {
	uint32_t line, col; /* from 1; col counts characters */
	const char *text;
	bool own_line; /* nothing but blanks before it */
};
/* All comments in their order, of a text that ynode_parse() accepts; owned by the arena. Returns their number. */
size_t ynode_comments(struct arena *a, const char *text, size_t len, struct ycomment **out);

/* Bytes of the line break at s (n > 0), 0 if there is none: what YAML 1.1 readers take for one, with NEL, LS and PS. */
size_t ynode_break(const char *s, size_t n);

#define ynode_each(it, parent) \
	for (const struct ynode *it = (parent) ? (parent)->child : NULL; it; it = it->next)

#endif
