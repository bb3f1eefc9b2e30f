/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values as JSON sees them: which types they are, and when two are equal. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "schemas/form.h"

static unsigned number_types(const struct ynode *n)
{
	struct decimal d;
	if (!decimal_of(n, &d))
		return 0;
	return decimal_whole(&d) ? IS_NUMBER | IS_INTEGER : IS_NUMBER;
}

static unsigned scalar_types(const struct ynode *n)
{
	switch (n->type) {
	case Y_STR: return IS_STRING;
	case Y_NULL: return IS_NULL;
	case Y_BOOL: return IS_BOOLEAN;
	case Y_INT:
	case Y_FLOAT: return number_types(n);
	}
	return 0;
}

unsigned schema_types_of(const struct ynode *n)
{
	return n->kind == Y_MAP ? IS_OBJECT : n->kind == Y_LIST ? IS_ARRAY : scalar_types(n);
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct ynode *const *)a)->key->text, (*(const struct ynode *const *)b)->key->text);
}

static void canonical_map(struct buf *out, const struct ynode *map)
{
	AUTO_FREE const struct ynode **v = malloc((map->n + 1) * sizeof(*v));
	size_t n = 0;
	if (!v)
		abort();
	ynode_each(m, map)
		v[n++] = m;
	qsort(v, n, sizeof(*v), by_key);
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		json_quoted(out, v[i]->key->text, v[i]->key->len);
		buf_addc(out, ':');
		schema_canonical(out, v[i]);
		buf_addc(out, ',');
	}
	buf_addc(out, '}');
}

static void canonical_list(struct buf *out, const struct ynode *list)
{
	buf_addc(out, '[');
	ynode_each(m, list) {
		schema_canonical(out, m);
		buf_addc(out, ',');
	}
	buf_addc(out, ']');
}

static void canonical_scalar(struct buf *out, const struct ynode *n)
{
	struct decimal d;
	unsigned types = scalar_types(n);
	if (types & IS_NUMBER && decimal_of(n, &d))
		decimal_canonical(&d, out);
	else if (types & IS_STRING)
		json_quoted(out, n->text, n->len);
	else if (types & IS_BOOLEAN)
		buf_adds(out, str_lower_c(n->text[0]) == 't' ? "true" : "false");
	else
		buf_adds(out, types & IS_NULL ? "null" : n->text);
}

void schema_canonical(struct buf *out, const struct ynode *n)
{
	if (n->kind == Y_MAP)
		canonical_map(out, n);
	else if (n->kind == Y_LIST)
		canonical_list(out, n);
	else
		canonical_scalar(out, n);
}

bool schema_equal(const struct ynode *a, const struct ynode *b)
{
	AUTO_BUF x = BUF_INIT, y = BUF_INIT;
	if (a->kind != b->kind || (a->kind != Y_SCALAR && a->n != b->n))
		return false;
	if (a->kind == Y_SCALAR && a->type == Y_STR && b->type == Y_STR)
		return a->len == b->len && !memcmp(a->text, b->text, a->len);
	schema_canonical(&x, a);
	schema_canonical(&y, b);
	return x.len == y.len && !memcmp(buf_str(&x), buf_str(&y), x.len);
}
