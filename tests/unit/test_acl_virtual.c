/* SPDX-License-Identifier: GPL-3.0-or-later */
/* virtual: what each form means, which are refused, and who may know of a virtual directory (SPEC section 9). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/docs.h"

static struct acl_virtual of(const char *value, const char *name, struct buf *below)
{
	AUTO_BUF text = BUF_INIT;
	struct acl *acl = acl_new(NULL, false);
	buf_addf(&text, "virtual: %s\n", value);
	struct doc docs[] = {{"", "{}"}, {name, buf_str(&text)}, {0}};
	struct acl_snap *s = snap_of(acl, docs);
	struct acl_policy *p = acl_snap_policy(s, name);
	static char base[300];
	struct acl_virtual v = acl_virtual(p);
	assert_false(acl_is_invalid(p));
	assert_int_equal(v.kind != ACL_VIRTUAL_NONE, acl_is_virtual(p));
	buf_reset(below);
	if (v.kind)
		acl_virtual_below(&v, name, below);
	v.base = v.kind ? strcpy(base, v.base) : NULL;
	acl_policy_unref(p);
	acl_snap_free(s);
	acl_free(acl);
	return v;
}

static void forms(void **state)
{
	static const struct {
		const char *value, *name;
		enum acl_virtual_kind kind;
		const char *base, *below;
	} want[] = {
		{"true", "staging", ACL_VIRTUAL_LINKS, "archive", "staging"},
		{"ssr", "parties", ACL_VIRTUAL_PARTIES, "archive", "ssr.yaml"},
		{"mdl", "register", ACL_VIRTUAL_ROWS, "archive", "mdl"},
		{"rsk", "rsk", ACL_VIRTUAL_ROWS, "archive", "rsk"},
		{"{kind: rows}", "notes", ACL_VIRTUAL_ROWS, "archive", "notes"},
		{"{kind: parties}", "vendors", ACL_VIRTUAL_PARTIES, "archive", "vendors.yaml"},
		{"{kind: links, from: 'a/b/*/c/d'}", "x", ACL_VIRTUAL_LINKS, "a/b", "c/d"},
		{"{from: 'vendors/*/card.yaml', kind: parties}", "x", ACL_VIRTUAL_PARTIES, "vendors", "card.yaml"},
		{"false", "x", ACL_VIRTUAL_NONE, NULL, ""},
	};
	AUTO_BUF below = BUF_INIT;
	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct acl_virtual v = of(want[i].value, want[i].name, &below);
		assert_int_equal(v.kind, want[i].kind);
		if (v.kind)
			assert_string_equal(v.base, want[i].base);
		assert_string_equal(buf_str(&below), want[i].below);
	}
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"table", "1", "[]", "{}", "{from: 'archive/*/mdl'}", "{kind: table}", "{kind: rows, from: archive}", "{kind: rows, from: 'archive/*'}",
		"{kind: rows, from: '*/mdl'}", "{kind: rows, from: '/archive/*/mdl'}", "{kind: rows, from: '../archive/*/mdl'}",
		"{kind: rows, from: 'archive/*/../mdl'}", "{kind: rows, from: 'archive/*/*/mdl'}", "{kind: rows, from: 'archive/*/m*l'}",
		"{kind: rows, from: 'archive//*/mdl'}", "{kind: rows, from: 'archive/*/mdl/'}", "{kind: rows, from: 'archive/*/mdl', to: x}",
		"{kind: parties, from: 'archive/*/meta/ssr.yaml'}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_BUF text = BUF_INIT;
		AUTO_DIAGS d = DIAGS_INIT;
		struct zddc_doc *doc = NULL;
		buf_addf(&text, "virtual: %s\n", bad[i]);
		if (!zddc_parse("t", buf_str(&text), text.len, false, &d, &doc))
			fail_msg("accepted: %s", bad[i]);
	}
}

static void the_root_is_none(void **state)
{
	AUTO_BUF below = BUF_INIT;
	(void)state;
	assert_int_equal(of("mdl", "", &below).kind, ACL_VIRTUAL_NONE);
}

static bool enters(struct acl_snap *s, const char *dir, const char *who)
{
	struct acl_principal p = {.email = who};
	struct acl_request rq = acl_request_for(ACL_OP_ENTER, NULL, &p, NULL, 0);
	struct acl_sight sight;
	assert_int_equal(acl_snap_sight(s, dir, &rq, &sight), 0);
	assert_int_equal(sight.enter, sight.listed);
	return sight.enter;
}

/* Who may know of the place of the rows may know of their table; nobody else, if the directory itself gives nothing. */
static void sight(void **state)
{
	static const struct doc docs[] = {
		{"", "{}"},
		{"P", "paths: {mdl: {virtual: mdl}, links: {virtual: {kind: links, from: 'other/*/x'}}}\n"},
		{"P/archive", "{}"},
		{"P/archive/Acme", "acl: {permissions: {ann@x.org: r}}\n"},
		{0},
	};
	struct acl *acl = acl_new(NULL, false);
	struct acl_snap *s = snap_of(acl, docs);
	(void)state;
	assert_true(enters(s, "P/mdl", "ann@x.org"));
	assert_false(enters(s, "P/mdl", "bob@x.org"));
	assert_false(enters(s, "P/links", "ann@x.org"));
	assert_false(enters(s, "P/mdl/below", "ann@x.org"));
	acl_snap_free(s);
	acl_free(acl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(refused),
		cmocka_unit_test(the_root_is_none),
		cmocka_unit_test(sight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
