/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc show-defaults, show-schema: the built-in policy, and the schema of any policy, as text or as data. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/ynode.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/out.h"
#include "cli/policy_schema.h"

/* A whole number that JSON writes the same way; 0007 is none. */
static bool plain_number(const char *s)
{
	size_t n = strlen(s);

	return n < 16 && s[strspn(s, "0123456789")] == 0 && (*s != '0' || n == 1);
}

static void scalar(const struct ynode *n, struct buf *out)
{
	bool yes;

	switch (n->type) {
	case Y_NULL:
		buf_adds(out, "null");
		return;
	case Y_BOOL:
		buf_adds(out, ynode_bool(n, &yes) && yes ? "true" : "false");
		return;
	case Y_INT:
	case Y_FLOAT:
	case Y_STR:
		break;
	}
	if (n->type == Y_INT && plain_number(n->text))
		buf_adds(out, n->text);
	else
		json_quoted(out, n->text, n->len);
}

static void node(const struct ynode *n, struct buf *out)
{
	if (n->kind == Y_SCALAR) {
		scalar(n, out);
		return;
	}
	buf_addc(out, n->kind == Y_MAP ? '{' : '[');
	ynode_each(m, n) {
		if (n->kind == Y_MAP)
			json_key(out, m->key->text);
		else
			json_sep(out);
		node(m, out);
	}
	buf_addc(out, n->kind == Y_MAP ? '}' : ']');
}

static int as_json(const struct buf *text, struct buf *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *tree;
	unsigned char sum[SHA256_LEN];
	char hex[SHA256_HEX];

	if (ynode_parse(&a, "defaults", buf_str(text), text->len, &d, &tree) < 0) {
		out_diags(&d);
		arena_free(&a);
		return ZDDC_POLICY;
	}
	sha256(buf_str(text), text->len, sum);
	sha256_hex(sum, hex);
	buf_addc(out, '{');
	json_kv(out, "file", "defaults");
	json_kv(out, "sha256", hex);
	json_key(out, "policy");
	node(tree, out);
	buf_adds(out, "}\n");
	arena_free(&a);
	return ZDDC_YES;
}

int cmd_show_defaults(const struct cli *c)
{
	AUTO_BUF text = BUF_INIT, out = BUF_INIT;
	int status = engine_defaults_text(c, &text);

	if (status == ZDDC_YES && cli_has(c, OPT_JSON))
		status = as_json(&text, &out);
	out_put(cli_has(c, OPT_JSON) ? &out : &text);
	return status;
}

int cmd_show_schema(const struct cli *c)
{
	AUTO_BUF text = BUF_INIT, out = BUF_INIT;
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *tree;
	int status = ZDDC_YES;

	policy_schema(&text);
	if (ynode_parse(&a, "schema", buf_str(&text), text.len, &d, &tree) < 0) {
		out_diags(&d);
		status = ZDDC_POLICY;
	} else if (cli_has(c, OPT_JSON)) {
		node(tree, &out);
		buf_addc(&out, '\n');
	}
	out_put(cli_has(c, OPT_JSON) ? &out : &text);
	arena_free(&a);
	return status;
}
