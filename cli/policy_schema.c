/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/policy_schema.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/yemit.h"

/* The types of keys.def, each under its name in small letters. */
static const char types[] =
	"  string: {type: string, maxLength: 4096}\n"
	"  bool: {type: boolean}\n"
	"  any: {}\n"
	"  map: {type: object}\n"
	"  name:\n"
	"    type: string\n"
	"    minLength: 1\n"
	"    description: >-\n"
	"      an e-mail address, a pattern (* matches any run of characters but never crosses the @), * for everybody who is known, anonymous,\n"
	"      group:NAME for a Unix group, or a role\n"
	"  patterns: {type: array, items: {$ref: '#/$defs/name'}}\n"
	"  role_list: {type: array, items: {type: string, minLength: 1, pattern: '^[^@*]+$'}}\n"
	"  verbs:\n"
	"    type: string\n"
	"    pattern: '^[rwcdaRWCDA \\t]*$'\n"
	"    description: r read and list, w overwrite, c create, d delete, a write .zddc; none includes another; empty denies\n"
	"  acl:\n"
	"    type: object\n"
	"    additionalProperties: false\n"
	"    properties:\n"
	"      permissions:\n"
	"        type: object\n"
	"        additionalProperties: {$ref: '#/$defs/verbs'}\n"
	"        description: who holds which verbs; the deepest level with an entry for somebody decides alone\n"
	"      inherit: {type: boolean, description: 'false: what files above grant does not count from here down'}\n"
	"  roles:\n"
	"    type: object\n"
	"    additionalProperties:\n"
	"      type: object\n"
	"      additionalProperties: false\n"
	"      properties:\n"
	"        members: {$ref: '#/$defs/patterns', description: 'people, patterns and groups; roles do not nest'}\n"
	"        exclusive: {$ref: '#/$defs/role_list', description: 'roles that nobody shall hold beside this one; zddc verify looks'}\n"
	"        reset: {type: boolean, description: 'true: members from above do not count from here down'}\n"
	"  worm_mode: {enum: [governance, compliance]}\n"
	"  naming: {enum: ['off', warn, enforce]}\n"
	"  duration:\n"
	"    anyOf:\n"
	"      - {type: string, pattern: '^[0-9]+[smhdwy]?$'}\n"
	"      - {type: integer, minimum: 0}\n"
	"    description: as in 90s, 10m, 12h, 7d, 2w or 10y\n"
	"  retention:\n"
	"    anyOf:\n"
	"      - {$ref: '#/$defs/duration'}\n"
	"      - type: object\n"
	"        additionalProperties: false\n"
	"        properties:\n"
	"          default: {$ref: '#/$defs/duration'}\n"
	"          min: {$ref: '#/$defs/duration'}\n"
	"          max: {$ref: '#/$defs/duration'}\n"
	"  globs: {type: array, items: {type: string}}\n"
	"  paths:\n"
	"    type: object\n"
	"    additionalProperties: {$ref: '#/$defs/body'}\n"
	"    description: the name of a directory, or * for any other, and its policy\n"
	"  records:\n"
	"    type: object\n"
	"    additionalProperties:\n"
	"      type: object\n"
	"      additionalProperties: false\n"
	"      properties:\n"
	"        filename_format: {type: string}\n"
	"        field_defaults: {type: object}\n"
	"        locked: {}\n"
	"        row_field: {type: string}\n"
	"        row_scope_fields: {type: array, items: {type: string}}\n"
	"        folder_fields: {type: object}\n"
	"        schema: {}\n"
	"  field_codes:\n"
	"    type: object\n"
	"    additionalProperties:\n"
	"      type: object\n"
	"      additionalProperties: false\n"
	"      required: [kind]\n"
	"      properties:\n"
	"        kind: {enum: [enum, pattern, free]}\n"
	"        codes: {}\n"
	"        pattern: {}\n"
	"      if: {properties: {kind: {const: enum}}}\n"
	"      then: {required: [codes]}\n"
	"      else: {if: {properties: {kind: {const: pattern}}}, then: {required: [pattern]}}\n"
	"  timestamp: {type: string, pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}'}\n"
	"  when:\n"
	"    type: object\n"
	"    additionalProperties: false\n"
	"    patternProperties:\n"
	"      '^[rwcdaRWCDA \\t]+$': {type: string, minLength: 1}\n"
	"    description: a verb and the condition under which it is held, such as risk_score < 50\n";

/* ------------------------------------------------------------------------------------------------ what other tables hold */

static void risk(struct buf *out)
{
	buf_adds(out, "  risk:\n    type: object\n    additionalProperties: false\n    properties:\n");
#define RISK(id, word) buf_adds(out, "      " word ": {type: integer, minimum: 0, maximum: 100}\n");
#include "acl/risk.def"
#undef RISK
}

static void virtual(struct buf *out)
{
	const char *comma = "";

	buf_adds(out, "  virtual:\n    anyOf:\n      - {type: boolean}\n      - {enum: [");
#define VIRTUAL_KIND(...)
#define VIRTUAL_SHORT(word, kind, base, below) \
	if (strcmp(word, "true") != 0) { \
		buf_addf(out, "%s%s", comma, word); \
		comma = ", "; \
	}
#include "acl/virtual.def"
#undef VIRTUAL_SHORT
#undef VIRTUAL_KIND
	buf_adds(out, "]}\n      - type: object\n        additionalProperties: false\n        required: [kind]\n        properties:\n          kind: {enum: [");
	comma = "";
#define VIRTUAL_SHORT(...)
#define VIRTUAL_KIND(id, word, below, what) \
	buf_addf(out, "%s%s", comma, word); \
	comma = ", ";
#include "acl/virtual.def"
#undef VIRTUAL_SHORT
#undef VIRTUAL_KIND
	buf_adds(out, "]}\n          from: {type: string}\n");
}

static void property(struct buf *out, const char *name, const char *type, bool guarded, const char *meaning)
{
	AUTO_BUF text = BUF_INIT, ref = BUF_INIT;

	buf_adds(&ref, type);
	str_lower(ref.data);
	buf_addf(&text, "%s%s", meaning, guarded ? " (guarded: only an administrator may change it)" : "");
	buf_addf(out, "      %s:\n        $ref: '#/$defs/%s'\n        description: ", name, buf_str(&ref));
	yemit_scalar(out, buf_str(&text));
	buf_addc(out, '\n');
}

void policy_schema(struct buf *out)
{
	buf_adds(out, "# SPDX-License-Identifier: GPL-3.0-or-later\n"
		      "# What a .zddc may hold. Written by \"zddc show-schema\" from acl/keys.def: edit that.\n"
		      "$schema: https://json-schema.org/draft/2020-12/schema\n"
		      "title: Policy of a project archive (.zddc)\n"
		      "$ref: '#/$defs/body'\n"
		      "$defs:\n  body:\n    type: object\n    additionalProperties: false\n    properties:\n");
#define KEY(id, name, type, overlay, inherit, guarded, meaning) property(out, name, #type, guarded, meaning);
#include "acl/keys.def"
#undef KEY
	buf_adds(out, types);
	risk(out);
	virtual(out);
}
