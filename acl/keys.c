/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of verbs, operations, reasons and keys as arrays. */
#include <errno.h>
#include <string.h>

#include "acl/doc.h"
#include "base/str.h"

const struct key_info acl_keys[ACL_KEY_COUNT] = {
#define KEY(id, name, type, overlay, inherit, guarded, meaning) \
	[ACL_KEY_##id] = {name, TYPE_##type, OVERLAY_##overlay, INHERIT_##inherit, guarded, meaning},
#include "acl/keys.def"
#undef KEY
};

const struct acl_reason_info acl_reasons[BECAUSE_COUNT] = {
#define REASON(id, word, err, text) [BECAUSE_##id] = {word, err, text},
#include "acl/reasons.def"
#undef REASON
};

const struct acl_op_info acl_ops[ACL_OP_COUNT] = {
#define ACL_OP(id, name, place, verbs, change, risk, text) \
	[ACL_OP_##id] = {name, ACL_PLACE_##place, verbs, change, ACL_RISK_##risk, text},
#include "acl/ops.def"
#undef ACL_OP
};

bool acl_op_find(const char *name, enum acl_op *out)
{
	for (int i = 0; i < ACL_OP_COUNT; i++)
		if (!strcmp(acl_ops[i].name, name)) {
			*out = (enum acl_op)i;
			return true;
		}
	return false;
}

static const struct {
	char letter;
	verbset bit;
} verb_letters[] = {
#define VERB(id, letter, bit, risk, text) {letter, V_##id},
#include "acl/verbs.def"
#undef VERB
};

enum { VERB_COUNT = sizeof(verb_letters) / sizeof(verb_letters[0]) };
_Static_assert(VERB_COUNT == 5, "V_ALL and verbs_print's buffer count on five verbs");

char *verbs_print(verbset v, char out[8])
{
	char *p = out;
	for (int i = 0; i < VERB_COUNT; i++)
		if (v & verb_letters[i].bit)
			*p++ = verb_letters[i].letter;
	*p = '\0';
	return out;
}

static verbset verb_of(char c)
{
	for (int i = 0; i < VERB_COUNT; i++)
		if (verb_letters[i].letter == str_lower_c(c))
			return verb_letters[i].bit;
	return 0;
}

bool verbs_parse(const char *s, verbset *out, char *bad)
{
	*out = 0;
	for (; *s; s++) {
		verbset v = verb_of(*s);
		if (!v && *s != ' ' && *s != '\t') {
			*bad = *s;
			return false;
		}
		*out |= v;
	}
	return true;
}
