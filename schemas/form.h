/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to schemas/: a form (JSON Schema) as it is applied. Everything lives in the form's arena and never changes. */
#ifndef SCHEMAS_FORM_H
#define SCHEMAS_FORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ynode.h"
#include "schemas/decimal.h"
#include "schemas/pattern.h"

enum keyword {
#define KEYWORD(id, word, argument, check, meaning) KEYWORD_##id,
#include "schemas/keywords.def"
#undef KEYWORD
	KEYWORD_COUNT
};

/* Bits of "type". A number that is whole has both of the last two. */
enum {
	IS_NULL = 1 << 0, IS_BOOLEAN = 1 << 1, IS_STRING = 1 << 2, IS_ARRAY = 1 << 3, IS_OBJECT = 1 << 4, IS_NUMBER = 1 << 5,
	IS_INTEGER = 1 << 6
};

struct subschema;

/* One keyword of one schema, with its value as it is used. */
struct rule {
	enum keyword id;
	const struct ynode *arg; /* the value as written; its key has the line */
	struct subschema **schemas; /* of those that hold schemas, in the order of arg's members (a single one: schemas[0]) */
	const struct pattern *const *patterns; /* "pattern": patterns[0]; "patternProperties": one for each member */
	const struct schema_format *format;
	unsigned types;
	unsigned long long count;
	bool flag;
};

struct subschema {
	const struct ynode *node;
	bool never; /* the schema false */
	struct rule *rules; /* in the order of the table */
	size_t n;
	const struct rule *by_id[KEYWORD_COUNT];
	struct subschema *next; /* all of one form, as they were made */
	int mark; /* while loops of $ref are looked for: 1 being visited, 2 done */
};

struct schema {
	_Atomic int refs;
	struct arena arena;
	const char *file;
	const struct ynode *tree;
	struct subschema *root, *all;
	size_t n;
	struct pattern *patterns; /* freed with the form */
};

struct schema_format {
	const char *word, *example;
	bool (*check)(const char *text, size_t len);
};
/* By name, or NULL. */
const struct schema_format *schema_format_find(const char *word);
extern const char *const schema_keywords[KEYWORD_COUNT];
extern const char *const schema_keyword_meanings[KEYWORD_COUNT];

const struct rule *subschema_rule(const struct subschema *s, enum keyword id);
/* Which types a value is (IS_ bits). .inf and .nan, which JSON does not have, are none. */
unsigned schema_types_of(const struct ynode *n);
const char *schema_type_word(unsigned bit);
/* A text that is the same for equal values and only for these (1 and 1.0 are equal, the order of keys does not matter). */
struct buf;
void schema_canonical(struct buf *out, const struct ynode *n);
bool schema_equal(const struct ynode *a, const struct ynode *b);

#endif
