/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Uniform and mixed names (SPEC section 15): what the random test (tests/random/classes.c) meets too seldom, and the reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "defaults/defaults.h"
#include "tests/unit/docs.h"

static bool strict;

static struct zddc_doc *parse_defaults(void)
{
	struct zddc_doc *doc = NULL;
	AUTO_DIAGS d = DIAGS_INIT;
	assert_int_equal(zddc_parse("defaults", defaults_zddc_yaml, defaults_zddc_yaml_len, false, &d, &doc), 0);
	return doc;
}

static enum acl_class class_in(const struct doc *docs, bool with_defaults, const char *dir, const char *name, struct buf *why)
{
	struct zddc_doc *defaults = with_defaults ? parse_defaults() : NULL;
	struct acl *acl = acl_new(defaults, strict);
	struct acl_snap *s = snap_of(acl, docs);
	enum acl_class c = acl_snap_class(s, dir, name, NULL, why);
	acl_snap_free(s);
	acl_free(acl);
	zddc_unref(defaults);
	return c;
}

struct row {
	const char *dir, *name; /* NULL: files */
	enum acl_class class;
	const char *why; /* part of the reason */
};

static void check_rows(const struct doc *docs, bool with_defaults, const struct row *rows)
{
	for (; rows->dir; rows++) {
		AUTO_BUF why = BUF_INIT;
		enum acl_class c = class_in(docs, with_defaults, rows->dir, rows->name, &why);
		if (c != rows->class || !strstr(buf_str(&why), rows->why))
			print_error("%s in \"%s\": %s\n", rows->name ? rows->name : "files", rows->dir, buf_str(&why));
		assert_int_equal(c, rows->class);
		assert_non_null(strstr(buf_str(&why), rows->why));
	}
}

static void default_archive(void **state)
{
	static const struct doc docs[] = {
		{"", "admins: [boss@x.org]\nroles:\n  document_controller: {members: [boss@x.org]}\n  project_team: {members: [\"*@x.org\"]}\n"},
		{"P", "{}"},
		{"P/archive", "{}"},
		{"P/archive/Acme", "acl: {permissions: {boss@x.org: rwcda, document_controller: rwcda}}"},
		{"P/archive/Acme/working", "{}"},
		{"P/archive/Acme/working/ann", "acl: {inherit: false, permissions: {ann@x.org: rwcda}}"},
		{0},
	};
	static const struct row rows[] = {
		{"", "P", ACL_MIXED, "lets everybody into the root"},
		{"", NULL, ACL_MIXED, "lets everybody into the root"},
		{"P", NULL, ACL_UNIFORM, "everybody who may enter"},
		{"P", "archive", ACL_UNIFORM, "everybody who may enter"},
		{"P/archive", "Acme", ACL_UNIFORM, ""},
		{"P/archive/Acme", "issued", ACL_UNIFORM, ""},
		{"P/archive/Acme/issued", NULL, ACL_UNIFORM, ""},
		{"P/archive/Acme/working", NULL, ACL_UNIFORM, ""},
		{"P/archive/Acme/working", "ann", ACL_MIXED, "*@x.org, a member of project_team (.zddc:4) may enter"},
		{"P/archive/Acme/working/ann", NULL, ACL_UNIFORM_BUT_ADMINS, "boss@x.org (.zddc:1) administers"},
		{"P/archive/Acme/working/ann", "sub", ACL_MIXED, "administers"},
		{"P/mdl", NULL, ACL_MIXED, "each row of a virtual folder"},
		{0},
	};
	(void)state;
	check_rows(docs, true, rows);
}

static void one_guest_below(void **state)
{
	static const struct doc docs[] = {
		{"", "acl: {permissions: {\"*@x.org\": r}}"},
		{"a", "{}"},
		{"a/b", "{}"},
		{"a/b/c", "acl:\n  permissions:\n    guest@y.net: r\n"},
		{"a/d", "{}"},
		{0},
	};
	static const struct row rows[] = {
		{"a", NULL, ACL_MIXED, "guest@y.net (a/b/c/.zddc:3) may pass through"},
		{"a", "b", ACL_MIXED, "guest@y.net"},
		{"a/b/c", NULL, ACL_UNIFORM, ""},
		{"a/d", NULL, ACL_UNIFORM, ""},
		{0},
	};
	(void)state;
	check_rows(docs, false, rows);
}

static void the_line_in_the_way(void **state)
{
	static const struct doc docs[] = {
		{"", "acl: {permissions: {\"*\": r}}\nroles: {dc: {members: [\"group:g1\"]}}\n"},
		{"denied", "acl:\n  permissions:\n    ann@x.org: r\n    role:dc: ''\n"},
		{"denied/in", "acl:\n  permissions:\n    role:dc: ''\n"},
		{"when", "{}"},
		{"when/x", "when: {r: risk_score < 3}"},
		{"when/y", "when: {w: risk_score < 3}"},
		{"bad", "{}"},
		{"bad/x", "acl: 3"},
		{"drop", "acl: {permissions: {ann@x.org: c}}"},
		{0},
	};
	static const struct row rows[] = {
		{"denied", "in", ACL_MIXED, "the empty grant denied/in/.zddc:3"},
		{"denied", NULL, ACL_MIXED, "the empty grant denied/.zddc:4"},
		{"when", "x", ACL_MIXED, "when/x/.zddc:1"},
		{"when", "y", ACL_UNIFORM, ""},
		{"when/x", NULL, ACL_MIXED, "a condition"},
		{"bad", "x", ACL_MIXED, "invalid: bad/x/.zddc:1"},
		{"drop", NULL, ACL_MIXED, "(.zddc:1) may enter"},
		{"drop", "sub", ACL_UNIFORM, ""},
		{0},
	};
	(void)state;
	check_rows(docs, false, rows);
}

/* A role whose only member is a group: an address may be in it. */
static void groups(void **state)
{
	static const struct doc docs[] = {
		{"", "acl: {permissions: {ann@x.org: r}}\nroles: {dc: {members: [\"group:g1\"]}}\n"},
		{"a", "{}"},
		{"a/b", "acl: {permissions: {role:dc: ''}}\n"},
		{0},
	};
	static const struct row rows[] = {{"a", "b", ACL_MIXED, "ann@x.org"}, {0}};
	(void)state;
	check_rows(docs, false, rows);
}

/* A filer enters a zone by the worm: list alone, whatever the cascade says; only strict takes that away, from a folder below too. */
static void filers(void **state)
{
	static const struct doc docs[] = {
		{"", "{}"},
		{"zone", "worm: [filer@x.org]\nacl: {permissions: {ann@x.org: r}}\n"},
		{"zone/shut", "acl: {permissions: {filer@x.org: ''}}\n"},
		{"zone/deep", "acl: {permissions: {filer@x.org: w}}\n"},
		{"zone/deep/shut", "acl: {permissions: {filer@x.org: ''}}\n"},
		{0},
	};
	static const struct row rows[] = {
		{"zone", NULL, ACL_UNIFORM, ""},
		{"zone", "shut", ACL_UNIFORM, ""},
		{"zone/deep", "shut", ACL_UNIFORM, ""},
		{0},
	};
	static const struct row strictly[] = {
		{"zone", NULL, ACL_UNIFORM, ""},
		{"zone", "shut", ACL_MIXED, "filer@x.org"},
		{"zone/deep", "shut", ACL_MIXED, "filer@x.org"},
		{0},
	};
	(void)state;
	check_rows(docs, false, rows);
	strict = true;
	check_rows(docs, false, strictly);
	strict = false;
}

static int not_known_yet(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	(void)ctx;
	(void)dir;
	(void)each;
	(void)arg;
	return -EAGAIN;
}

static bool nothing_readable(void *arg, const char *file)
{
	(void)arg;
	(void)file;
	return false;
}

static void not_known(void **state)
{
	static const struct doc docs[] = {{"", "acl: {permissions: {\"*\": r}}"}, {0}};
	AUTO_BUF why = BUF_INIT, hidden = BUF_INIT;
	struct acl *acl = acl_new(NULL, false);
	struct acl_snap *s = acl_snap_new(acl, &(struct zddc_source){
						       .read = read_doc, .subdirs = subdirs, .policy_below = not_known_yet, .ctx = (void *)docs});
	(void)state;
	assert_int_equal(acl_snap_class(s, "a", NULL, NULL, &why), ACL_MIXED);
	assert_non_null(strstr(buf_str(&why), "still being found out"));
	acl_snap_free(s);
	s = snap_of(acl, docs);
	assert_int_equal(acl_snap_class(s, "a", NULL, NULL, NULL), ACL_UNIFORM);
	acl_snap_free(s);
	acl_free(acl);
	static const struct doc one[] = {{"", "{}"}, {"a", "acl: {permissions: {ann@x.org: c}}"}, {0}};
	acl = acl_new(NULL, false);
	s = snap_of(acl, one);
	assert_int_equal(acl_snap_class(s, "a", NULL, &(struct acl_view){nothing_readable, NULL}, &hidden), ACL_MIXED);
	assert_null(strstr(buf_str(&hidden), "ann@x.org"));
	assert_null(strstr(buf_str(&hidden), "a/.zddc"));
	acl_snap_free(s);
	acl_free(acl);
}

/* More members than a proof may take steps for: given up, not taken for proved. */
static void too_many(void **state)
{
	AUTO_BUF text = BUF_INIT;
	(void)state;
	buf_adds(&text, "acl:\n  permissions:\n");
	for (int i = 0; i < 1500; i++)
		buf_addf(&text, "    \"group:g%d\": r\n", i);
	struct doc docs[] = {{"", "{}"}, {"a", buf_str(&text)}, {0}};
	AUTO_BUF why = BUF_INIT;
	assert_int_equal(class_in(docs, false, "a", NULL, &why), ACL_MIXED);
	assert_non_null(strstr(buf_str(&why), "too many"));
	buf_reset(&text);
	buf_adds(&text, "acl: {permissions: {staff: r}}\nroles:\n  staff:\n    members:\n");
	for (int i = 0; i < 5000; i++)
		buf_addf(&text, "      - p%d@x.org\n", i);
	struct doc people[] = {{"", "{}"}, {"a", buf_str(&text)}, {0}};
	assert_int_equal(class_in(people, false, "a", NULL, NULL), ACL_UNIFORM);
}

static void names(void **state)
{
	static const char *const bad[] = {".zddc", ".zddc.d", ".ZDDC", ".zddc-old", "x.tmp", "~$a.docx", "a~", "4913"};
	struct acl *acl = acl_new(NULL, false);
	struct acl_policy *p = acl_root(acl, NULL), *child = acl_child(acl, p, "a", NULL);
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(acl_name_class(p, bad[i], NULL), ACL_MIXED);
	assert_int_equal(acl_name_class(p, "Specification.pdf", NULL), ACL_UNIFORM);
	assert_false(acl_is_plain(p));
	assert_true(acl_is_plain(child));
	acl_policy_unref(child);
	acl_policy_unref(p);
	acl_free(acl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_archive),
		cmocka_unit_test(one_guest_below),
		cmocka_unit_test(the_line_in_the_way),
		cmocka_unit_test(groups),
		cmocka_unit_test(filers),
		cmocka_unit_test(not_known),
		cmocka_unit_test(too_many),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
