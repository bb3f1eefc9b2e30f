/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Form and table of a rollup whose records have a form that the policy itself spells out (SPEC section 9). */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/yemit.h"
#include "base/ynode.h"
#include "schemas/schemas.h"
#include "schemas/yedit.h"

static struct ynode *empty(struct arena *a, enum ykind kind)
{
	struct ynode *n = arena_new(a, struct ynode);
	n->kind = kind;
	return n;
}

/* A copy of the member of that key, or an empty one. */
static struct ynode *part(struct arena *a, const struct ynode *form, const char *key, enum ykind kind)
{
	const struct ynode *n = ynode_get(form, key);
	return n && n->kind == kind ? yaml_copy_top(a, n) : empty(a, kind);
}

static void add_item(struct ynode *list, struct ynode *item)
{
	item->next = list->child;
	list->child = item;
	list->n++;
}

static bool has_item(const struct ynode *list, const char *text)
{
	ynode_each(m, list)
		if (m->kind == Y_SCALAR && !strcmp(m->text, text))
			return true;
	return false;
}

void rollup_form(const struct ynode *form, const char *field, bool required, struct buf *out)
{
	struct arena a = ARENA_INIT;
	struct ynode *all = yaml_copy_top(&a, form), *fields = part(&a, form, "properties", Y_MAP), *must = part(&a, form, "required", Y_LIST);
	struct ynode *type = empty(&a, Y_MAP);
	yaml_set(&a, type, "type", yaml_text(&a, "string"));
	yaml_set_first(&a, fields, field, type);
	yaml_set(&a, all, "properties", fields);
	if (required && !has_item(must, field))
		add_item(must, yaml_text(&a, field));
	if (must->n)
		yaml_set(&a, all, "required", must);
	yemit_node(out, all, 0);
	arena_free(&a);
}

void rollup_table(const struct ynode *form, const char *field, struct buf *out)
{
	buf_adds(out, "columns:\n  - ");
	yemit_scalar(out, field);
	buf_addc(out, '\n');
	ynode_each(m, ynode_get(form, "properties")) {
		if (!strcmp(m->key->text, field))
			continue;
		buf_adds(out, "  - ");
		yemit_scalar(out, m->key->text);
		buf_addc(out, '\n');
	}
}
