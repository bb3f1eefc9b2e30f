/* SPDX-License-Identifier: GPL-3.0-or-later */
/* .zddc.d/access-of/ADDRESS: what somebody else holds in a directory, for those who administer it and for auditors. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "fs/gate.h"
#include "fs/virt_ask.h"

static const struct {
	enum acl_op op;
	const char *name;
	bool here;
} explained[] = {
#define CTL(...)
#define CTL_XATTR(...)
#define HERE true
#define NAMED false
#define CHILD false
#define EXPLAINED(place, op, name) {ACL_OP_##op, name, place},
#include "fs/virt.def"
#undef EXPLAINED
#undef CHILD
#undef NAMED
#undef HERE
#undef CTL_XATTR
#undef CTL
};

void make_access_of(const struct ask *a, struct buf *out)
{
	AUTO_FREE char *path = ask_shown_path(a->dir);
	bool json = a->format == ACL_JSON;

	if (json) {
		buf_addc(out, '{');
		json_kv(out, "path", path);
		json_kv(out, "principal", a->name);
		json_key(out, "decisions");
		buf_addc(out, '[');
	}
	for (size_t i = 0; i < ARRAY_LEN(explained); i++) {
		if (!explained[i].here)
			continue;
		if (json)
			json_sep(out);
		else if (out->len)
			buf_addc(out, '\n');
		gate_explain_of(a->who, a->name, explained[i].op, a->dir, explained[i].name, a->format, out);
	}
	buf_adds(out, json ? "]}\n" : "");
}

void make_access_of_op(const struct ask *a, struct buf *out)
{
	gate_explain_of(a->who, a->name, a->what, a->dir, NULL, a->format, out);
	if (a->format == ACL_JSON)
		buf_addc(out, '\n');
}
