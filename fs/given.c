/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/given.h"

#include <errno.h>
#include <string.h>

#include "acl/acl.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/yemit.h"
#include "base/ynode.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "schemas/schemas.h"

static const char *const names[] = {"form", "table"};

/* "form" of "form.yaml", or NULL. */
static const char *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (!strncmp(name, names[i], n) && !strcmp(name + n, ".yaml"))
			return names[i];
	}
	return NULL;
}

/* A rule for many files makes a register of the directory; one for a single name does not. NULL if there is none. */
static const struct ynode *register_rule(struct acl_policy *p, struct arena *a)
{
	ynode_each(rule, acl_merged(p, ACL_KEY_RECORDS, a))
		if (strpbrk(rule->key->text, "*?") && rule->kind == Y_MAP && ynode_get(rule, "schema"))
			return ynode_get(rule, "schema");
	return NULL;
}

static int text_of(const struct ynode *schema, const char *kind, struct buf *out)
{
	AUTO_BUF file = BUF_INIT;
	const char *text;
	size_t len;

	if (schema->kind == Y_MAP && !strcmp(kind, "form")) {
		yemit_node(out, schema, 0);
		return 0;
	}
	if (schema->kind != Y_SCALAR)
		return -ENOENT;
	buf_addf(&file, "%s.%s.yaml", schema->text, kind);
	text = schemas_embedded(buf_str(&file), &len);
	if (text)
		buf_add(out, text, len);
	return text ? 0 : -ENOENT;
}

int given_text(struct node *dir, const char *name, struct buf *out)
{
	const char *kind = kind_of(name);
	struct arena mem = ARENA_INIT;
	const struct ynode *schema;
	struct acl_policy *p;
	int r = -ENOENT;

	if (!kind || (dir->kind != NODE_DIR && dir->kind != NODE_SLOT) || policy_none())
		return -ENOENT;
	p = policy_of(dir);
	schema = acl_is_virtual(p) ? NULL : register_rule(p, &mem);
	if (schema)
		r = text_of(schema, kind, out);
	arena_free(&mem);
	acl_policy_unref(p);
	return r;
}

bool given_is(struct node *dir, const char *name)
{
	AUTO_BUF text = BUF_INIT;

	return given_text(dir, name, &text) == 0;
}

void given_each(struct node *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF name = BUF_INIT;

		buf_addf(&name, "%s.yaml", names[i]);
		if (given_is(dir, buf_str(&name)) && !each(arg, buf_str(&name)))
			return;
	}
}
