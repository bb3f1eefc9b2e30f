/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to schemas/: reads the records that nearly all are, lines of "field: value", without the YAML parser: a register of 100,000
 * rows as CSV is bound by that. Whatever is not that plain is not read here (and then the parser decides), so both always agree.
 */
#ifndef SCHEMAS_FLAT_H
#define SCHEMAS_FLAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/ynode.h"

enum { FLAT_FIELDS = 64 };

struct flat_field {
	const char *key;
	size_t key_len;
	const char *text; /* NUL-terminated, in struct flat */
	enum yscalar type;
};

struct flat {
	struct flat_field field[FLAT_FIELDS];
	size_t n;
	char *text; /* what the fields point into */
};

/* False: ask the parser. Free in both cases. */
bool flat_read(const char *text, size_t len, struct flat *out);
void flat_free(struct flat *f);
const struct flat_field *flat_get(const struct flat *f, const char *key);

#endif
