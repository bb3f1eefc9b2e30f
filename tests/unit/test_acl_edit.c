/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an edit of .zddc may change: guarded keys, mandated grants, roles that administer, root administrators. */
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

static struct zddc_doc *doc(const char *file, const char *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *out = NULL;
	if (text && zddc_parse(file, text, strlen(text), false, &d, &out))
		fail_msg("%s: %s", text, d.v[0].text);
	return out;
}

static int guard(const char *old, const char *new)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *a = doc("d/.zddc", old), *b = doc("d/.zddc", new);
	int err = zddc_guard_check(a, b, &d);
	assert_true((err == -EINVAL) == (d.errors > 0));
	assert_true(!err || d.v[0].line > 0);
	zddc_unref(a);
	zddc_unref(b);
	return err;
}

static void guarded_keys(void **state)
{
	static const char *const keys[] = {
		"inherit: false", "admins: [m@x.org]", "worm: []", "worm_mode: compliance", "seal_grace: 1m", "retention: 1y",
		"transient: ['*']", "auto_own: true", "auto_own_fenced: true", "auto_own_roles: [r]", "virtual: mdl", "history: false",
		"naming: off", "lifecycle: {}", "freeze_until: 2000-01-01", "when: {r: risk_score < 1}", "environment: dev", "risk: {read: 1}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		AUTO_BUF nested = BUF_INIT;
		buf_addf(&nested, "paths: {a: {paths: {'*': {%s}}}}", keys[i]);
		assert_int_equal(guard(NULL, keys[i]), -EINVAL);
		assert_int_equal(guard(keys[i], NULL), -EINVAL);
		assert_int_equal(guard("{}", keys[i]), -EINVAL);
		assert_int_equal(guard(keys[i], keys[i]), 0);
		assert_int_equal(guard("{}", buf_str(&nested)), -EINVAL);
		assert_int_equal(guard(buf_str(&nested), "paths: {a: {}}"), -EINVAL);
		assert_int_equal(guard(buf_str(&nested), buf_str(&nested)), 0);
	}
}

/* The text of the guarded key stays, its effect would not: a literal segment excludes "*". */
static void a_literal_beside_a_star_lifts_nothing(void **state)
{
	(void)state;
	assert_int_equal(guard("paths: {'*': {worm: []}}", "paths: {'*': {worm: []}, issued: {}}"), -EINVAL);
	assert_int_equal(guard("paths: {'*': {worm: []}}", "paths: {'*': {worm: []}, issued: {worm: []}}"), 0);
	assert_int_equal(guard("paths: {'*': {worm: []}, issued: {}}", "paths: {'*': {worm: []}}"), -EINVAL);
	assert_int_equal(guard("paths: {'*': {title: x}}", "paths: {'*': {title: x}, issued: {}}"), 0);
	assert_int_equal(guard("paths: {A: {worm: []}}", "paths: {a: {worm: []}}"), 0);
}

static const char defaults_text[] = "roles: {dc: {members: [d@x.org, 'group:g', '*@y.org']}}\n"
				    "paths: {p: {auto_own: true, auto_own_roles: [dc]}}\n";

static int mandate(const char *edited)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *defaults = doc("defaults", defaults_text);
	struct zddc_doc *before = doc("p/.zddc", "acl: {permissions: {o@x.org: rwcda, dc: rwcda}}"), *after = doc("p/.zddc", edited);
	struct acl *acl = acl_new(defaults, false);
	struct acl_policy *root = acl_root(acl, NULL);
	int err = acl_mandate_check(acl, root, "p", before, after, &d);
	assert_true((err != 0) == (d.errors > 0));
	acl_policy_unref(root);
	acl_free(acl);
	zddc_unref(before);
	zddc_unref(after);
	zddc_unref(defaults);
	return err;
}

static void mandated_grants(void **state)
{
	(void)state;
	assert_int_equal(mandate("acl: {permissions: {o@x.org: r, dc: rwcda}}"), 0);
	assert_int_equal(mandate("acl: {permissions: {o@x.org: rwcda, 'role:DC': adcwr, anonymous: r}}"), 0);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, z@x.org: ''}}"), -EINVAL); /* may be in group g */
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda}, inherit: false}"), 0);
	assert_int_equal(mandate(NULL), -EINVAL);
	assert_int_equal(mandate("{}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {o@x.org: rwcda, dc: rwcd}}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, d@x.org: ''}}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, '*': ''}}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, '*@y.org': ''}}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, 'group:other': ''}}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, q: ''}}\nroles: {q: {members: [d@x.org]}}"), -EINVAL);
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda, q: ''}}\nroles: {q: {members: [q@x.org]}}"), -EINVAL); /* may be in group g */
	assert_int_equal(mandate("acl: {permissions: {dc: rwcda}}\nroles: {dc: {reset: true, members: [o@x.org]}}"), -EINVAL);
}

static int roles(const char *above, const char *before, const char *edited)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *top = doc(".zddc", above), *a = doc("p/.zddc", before), *b = doc("p/.zddc", edited);
	struct acl *acl = acl_new(NULL, false);
	struct acl_policy *root = acl_root(acl, &(struct acl_own){.doc = top});
	int err = acl_admin_roles_check(acl, root, "p", a, b, &d);
	acl_policy_unref(root);
	acl_free(acl);
	zddc_unref(top);
	zddc_unref(a);
	zddc_unref(b);
	return err;
}

static int root_role(const char *before, const char *edited)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *a = doc(".zddc", before), *b = doc(".zddc", edited);
	struct acl *acl = acl_new(NULL, false);
	int err = acl_admin_roles_check(acl, NULL, NULL, a, b, &d);
	acl_free(acl);
	zddc_unref(a);
	zddc_unref(b);
	return err;
}

/* admins: [lead] lands on p or below: whoever names the members of lead there names administrators. */
static void roles_that_administer(void **state)
{
	static const char me[] = "roles: {lead: {members: [m@x.org]}}";
	(void)state;
	assert_int_equal(roles("paths: {p: {admins: [lead]}}", NULL, me), -EINVAL);
	assert_int_equal(roles("paths: {p: {paths: {'*': {admins: ['role:Lead']}}}}", NULL, me), -EINVAL);
	assert_int_equal(roles("paths: {p: {admins: [lead]}}", me, me), 0);
	assert_int_equal(roles("paths: {q: {admins: [lead]}}", NULL, me), 0);
	assert_int_equal(roles("admins: [lead]", NULL, me), 0); /* seen from the root, which does not look down */
	assert_int_equal(root_role("admins: [lead]", "admins: [lead]\nroles: {lead: {members: [m@x.org]}}"), -EINVAL);
	assert_int_equal(roles("{}", "admins: [lead]", "admins: [lead]\nroles: {lead: {members: [m@x.org]}}"), -EINVAL);
	static const char apart[] = "roles: {lead: {members: [m@x.org]}}\npaths: {p: {admins: [lead], roles: {lead: {reset: true, members: [o@x.org]}}}}";
	assert_int_equal(roles(apart, NULL, "roles: {lead: {reset: false}}"), -EINVAL); /* the own document wins: m would be in again */
	assert_int_equal(roles(apart, "roles: {lead: {reset: true}}", NULL), -EINVAL);
	assert_int_equal(roles(apart, NULL, "roles: {lead: {members: []}}"), 0);
}

static int root_admins(const char *before, const char *after, const char *editor)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *a = doc(".zddc", before), *b = doc(".zddc", after);
	struct acl *acl = acl_new(NULL, false);
	struct acl_principal who = {.email = editor};
	int err = acl_root_admins_check(acl, a, b, &who, &d);
	acl_free(acl);
	zddc_unref(a);
	zddc_unref(b);
	return err;
}

static void root_administrators(void **state)
{
	(void)state;
	assert_int_equal(root_admins("admins: [a@x.org, b@x.org]", "admins: [a@x.org]", "a@x.org"), 0);
	assert_int_equal(root_admins("admins: [a@x.org, b@x.org]", "admins: [b@x.org]", "a@x.org"), -EINVAL);
	assert_int_equal(root_admins("admins: [a@x.org]", "{}", "a@x.org"), -EINVAL);
	assert_int_equal(root_admins("admins: [a@x.org]", "admins: [nobody_role]", "a@x.org"), -EINVAL);
	assert_int_equal(root_admins("admins: [a@x.org]", "admins: [t]\nroles: {t: {members: [a@x.org]}}", "a@x.org"), 0);
}

static void generated_text(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct zddc_doc *top = doc(".zddc", "paths: {p: {auto_own: true, auto_own_fenced: true, auto_own_roles: [DC]}}");
	struct acl *acl = acl_new(NULL, false);
	struct acl_policy *root = acl_root(acl, &(struct acl_own){.doc = top}), *p = acl_child(acl, root, "P", NULL);
	struct acl_principal alice = {.email = "alice@x.org"}, nobody = {0};
	(void)state;
	assert_true(acl_auto_own(p));
	assert_int_equal(acl_auto_own_text(p, &nobody, &text), -EACCES);
	assert_int_equal(acl_auto_own_text(p, &alice, &text), 0);
	assert_string_equal(buf_str(&text), "created_by: alice@x.org\nacl:\n  permissions:\n    alice@x.org: rwcda\n    dc: rwcda\n"
					    "  inherit: false\n");
	acl_policy_unref(p);
	acl_policy_unref(root);
	acl_free(acl);
	zddc_unref(top);
}

/* What nobody can read may hold anything. */
static int broken_read(void *ctx, const char *dir, struct buf *text)
{
	(void)ctx;
	if (strcmp(dir, "p/q") != 0)
		return -ENOENT;
	buf_adds(text, "worm: [\n");
	return 0;
}

static int broken_dirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	(void)ctx;
	if (strlen(dir) < 3)
		each(arg, *dir ? "q" : "p");
	return 0;
}

static void invalid_policy_binds(void **state)
{
	static const struct zddc_source source = {.read = broken_read, .subdirs = broken_dirs};
	struct acl_principal admin = {.email = "a@x.org"};
	struct acl_request rq = {.who = &admin, .needed = V_D, .flags = ACL_SEALED | ACL_SEALED_REMOVAL | ACL_IS_ELEVATED | ACL_CHANGE};
	struct acl_own first = {.invalid = true, .file = "p/.zddc", .line = 3}, second = {.invalid = true, .file = "q/.zddc", .line = 3};
	struct zddc_doc *top = doc(".zddc", "admins: [a@x.org]\nworm: []\n");
	struct acl *acl = acl_new(NULL, false);
	struct acl_policy *root = acl_root(acl, &(struct acl_own){.doc = top});
	struct acl_policy *p = acl_child(acl, root, "p", &first), *q = acl_child(acl, root, "q", &second);
	struct acl_snap *s = acl_snap_new(acl, &source);
	(void)state;
	assert_true(acl_decide(root, &rq).allowed);
	assert_false(acl_decide(p, &rq).allowed); /* it may have said compliance */
	rq.flags = 0;
	assert_string_equal(acl_decide(p, &rq).src.file, "p/.zddc");
	assert_string_equal(acl_decide(q, &rq).src.file, "q/.zddc");
	assert_int_equal(acl_snap_guarded(s, "p"), 1);
	assert_int_equal(acl_snap_guarded(s, "p/q/r"), 0);
	acl_snap_free(s);
	acl_policy_unref(p);
	acl_policy_unref(q);
	acl_policy_unref(root);
	acl_free(acl);
	zddc_unref(top);
}

/* Whatever a role is called, the generated text grants to it. */
static void generated_grants(void **state)
{
	struct acl_principal maker = {.email = "o'm@x.org"};
	struct zddc_doc *top = doc(".zddc", "auto_own: true\nauto_own_roles: ['#team', '&x', '-y', 'true']\n"), *made;
	struct acl *acl = acl_new(NULL, false);
	struct acl_policy *root = acl_root(acl, &(struct acl_own){.doc = top});
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	(void)state;
	assert_int_equal(acl_auto_own_text(root, &maker, &text), 0);
	made = doc("p/.zddc", buf_str(&text));
	assert_int_equal(acl_mandate_check(acl, root, "p", NULL, made, &d), 0);
	assert_non_null(strstr(buf_str(&text), "'#team': rwcda"));
	zddc_unref(made);
	acl_policy_unref(root);
	acl_free(acl);
	zddc_unref(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guarded_keys),	 cmocka_unit_test(a_literal_beside_a_star_lifts_nothing),
		cmocka_unit_test(mandated_grants), cmocka_unit_test(roles_that_administer),
		cmocka_unit_test(root_administrators), cmocka_unit_test(invalid_policy_binds),
		cmocka_unit_test(generated_grants),
		cmocka_unit_test(generated_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
