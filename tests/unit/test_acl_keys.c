/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every key of keys.def parses, is refused with a wrong type, and reaches a policy by its merge rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/ynode.h"
#include "defaults/defaults.h"

/* For each key: a valid value, one of a wrong type, and whether the level below still has it (its inherit rule). */
static const struct {
	const char *good, *bad;
	bool below;
} samples[ACL_KEY_COUNT] = {
	[ACL_KEY_TITLE] = {"T", "[1]", false},
	[ACL_KEY_CREATED_BY] = {"a@x.org", "{}", false},
	[ACL_KEY_ACL] = {"{permissions: {a@x.org: r}}", "[]", true},
	[ACL_KEY_INHERIT] = {"true", "no", false},
	[ACL_KEY_ROLES] = {"{t: {members: [a@x.org]}}", "[t]", true},
	[ACL_KEY_ADMINS] = {"[a@x.org]", "a@x.org", true},
	[ACL_KEY_WORM] = {"[]", "true", true},
	[ACL_KEY_WORM_MODE] = {"compliance", "strict", true},
	[ACL_KEY_SEAL_GRACE] = {"10m", "soon", true},
	[ACL_KEY_RETENTION] = {"{default: 10y, max: 20y}", "{least: 1y}", true},
	[ACL_KEY_TRANSIENT] = {"['*.tmp']", "'*.tmp'", true},
	[ACL_KEY_AUTO_OWN] = {"true", "yes", false},
	[ACL_KEY_AUTO_OWN_FENCED] = {"false", "1", false},
	[ACL_KEY_AUTO_OWN_ROLES] = {"[t]", "[a@x.org]", false},
	[ACL_KEY_VIRTUAL] = {"{kind: rows, from: 'archive/*/mdl'}", "table", false},
	[ACL_KEY_PATHS] = {"{sub: {title: S}}", "{a/b: {}}", false},
	[ACL_KEY_RECORDS] = {"{'*.yaml': {schema: s}}", "{'*.yaml': {shema: s}}", false},
	[ACL_KEY_FIELD_CODES] = {"{d: {kind: enum, codes: [A]}}", "{d: {kind: list}}", true},
	[ACL_KEY_HISTORY] = {"true", "on", true},
	[ACL_KEY_NAMING] = {"off", "false", true},
	[ACL_KEY_LIFECYCLE] = {"{validator: make}", "true", false},
	[ACL_KEY_FREEZE_UNTIL] = {"2030-01-01", "tomorrow", true},
	[ACL_KEY_WHEN] = {"{d: risk_score < 50}", "{d: risk < 50}", true},
	[ACL_KEY_ENVIRONMENT] = {"prod", "7", true},
	[ACL_KEY_RISK] = {"{delete: 60}", "{delete: 101}", true},
	[ACL_KEY_DEFAULT_TOOL] = {"x", NULL, true},
	[ACL_KEY_DIR_TOOL] = {"x", NULL, true},
	[ACL_KEY_AVAILABLE_TOOLS] = {"[x]", NULL, true},
	[ACL_KEY_TOOLS] = {"{x: y}", NULL, true},
	[ACL_KEY_APPS] = {"[x]", NULL, true},
	[ACL_KEY_DROP_TARGET] = {"x", NULL, true},
	[ACL_KEY_DISPLAY] = {"{x: y}", NULL, true},
	[ACL_KEY_CONVERT] = {"x", NULL, true},
	[ACL_KEY_RECEIVED_PATH] = {"P/archive/A/received/x", "[x]", false},
	[ACL_KEY_PARTY_SOURCE] = {"x", NULL, true},
};

static const char *const key_names[] = {
#define KEY(id, name, ...) name,
#include "acl/keys.def"
#undef KEY
};
_Static_assert(sizeof(key_names) / sizeof(key_names[0]) == ACL_KEY_COUNT, "one name for each key");

static int parse(const char *key, const char *value, struct zddc_doc **doc, struct diags *d)
{
	AUTO_BUF text = BUF_INIT;
	buf_addf(&text, "%s: %s\n", key, value);
	return zddc_parse(".zddc", buf_str(&text), text.len, false, d, doc);
}

static void every_key_parses(void **state)
{
	(void)state;
	for (int k = 0; k < ACL_KEY_COUNT; k++) {
		AUTO_DIAGS d = DIAGS_INIT;
		struct zddc_doc *doc;
		assert_non_null(samples[k].good); /* a new key needs a row above */
		if (parse(key_names[k], samples[k].good, &doc, &d))
			fail_msg("%s: %s is refused: %s", key_names[k], samples[k].good, d.v[0].text);
		zddc_unref(doc);
	}
}

static void every_key_is_type_checked(void **state)
{
	(void)state;
	for (int k = 0; k < ACL_KEY_COUNT; k++) {
		AUTO_DIAGS d = DIAGS_INIT;
		struct zddc_doc *doc;
		if (samples[k].bad && !parse(key_names[k], samples[k].bad, &doc, &d))
			fail_msg("%s: %s is accepted", key_names[k], samples[k].bad);
		assert_true(!samples[k].bad || d.v[0].line == 1);
	}
}

static void every_key_merges(void **state)
{
	(void)state;
	for (int k = 0; k < ACL_KEY_COUNT; k++) {
		AUTO_DIAGS d = DIAGS_INIT;
		struct zddc_doc *doc;
		assert_int_equal(parse(key_names[k], samples[k].good, &doc, &d), 0);
		struct acl *acl = acl_new(NULL, false);
		struct acl_policy *root = acl_root(acl, &(struct acl_own){.doc = doc});
		struct acl_policy *below = acl_child(acl, root, "other", NULL);
		struct acl_value here = acl_get(root, (enum acl_key)k), there = acl_get(below, (enum acl_key)k);
		if (!here.node || here.line != 1 || strcmp(here.file, ".zddc"))
			fail_msg("%s does not reach its own level", key_names[k]);
		if ((there.node != NULL) != samples[k].below)
			fail_msg("%s below: %s", key_names[k], there.node ? "inherited" : "lost");
		acl_policy_unref(below);
		acl_policy_unref(root);
		acl_free(acl);
		zddc_unref(doc);
	}
}

struct wrong {
	const char *text, *says;
	unsigned line, col;
};

static void errors_name_place_and_mend(void **state)
{
	static const struct wrong cases[] = {
		{"titel: x\n", "did you mean \"title\"", 1, 1},
		{"acl:\n  permisions: {}\n", "did you mean \"permissions\"", 2, 3},
		{"acl:\n  allow: [x]\n", "write acl.permissions", 2, 3},
		{"permissions: {}\n", "acl.permissions", 1, 1},
		{"acl: {permissions: {a@x.org: rx}}\n", "\"x\" is no verb", 1, 30},
		{"acl: {permissions: {A@x.org: r, a@X.org: w}}\n", "is the same as", 1, 33},
		{"acl: {permissions: {T: r, 'role:t': w}}\n", "is the same as", 1, 27},
		{"roles: {'a@b': {}}\n", "cannot name a role", 1, 9},
		{"admins: ['group:eng*']\n", "not a wildcard", 1, 10},
		{"paths: {Archive: {}, archive: {}}\n", "is the same directory", 1, 22},
		{"paths: {'2026-*': {}}\n", "only \"*\" alone", 1, 9},
		{"paths: {x: {titel: y}}\n", "did you mean", 1, 13},
		{"when: {d: environment < prod}\n", "only risk_score has an order", 1, 11},
		{"when: {d: 'risk_score < 5 or owner == a'}\n", "only \"and\" joins", 1, 11},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_DIAGS d = DIAGS_INIT;
		struct zddc_doc *doc;
		if (!zddc_parse(".zddc", cases[i].text, strlen(cases[i].text), false, &d, &doc))
			fail_msg("accepted: %s", cases[i].text);
		if (!strstr(d.v[0].text, cases[i].says) || d.v[0].line != cases[i].line || d.v[0].col != cases[i].col)
			fail_msg("%s-> %u:%u %s", cases[i].text, d.v[0].line, d.v[0].col, d.v[0].text);
	}
}

static void all_errors_are_collected(void **state)
{
	static const char text[] = "titel: x\nacl: {allow: x}\nadmins: y\nfreeze_until: z\n";
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc;
	(void)state;
	assert_int_not_equal(zddc_parse(".zddc", text, sizeof(text) - 1, false, &d, &doc), 0);
	assert_int_equal(d.n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(d.v[i].line, i + 1);
}

static void yaml12_words_are_texts(void **state)
{
	static const char text[] = "acl: {permissions: {no@x.org: r}}\nroles: {on: {members: [12@x.org]}}\nnaming: off\ntitle: 12:30\n";
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc;
	(void)state;
	assert_int_equal(zddc_parse(".zddc", text, sizeof(text) - 1, false, &d, &doc), 0);
	zddc_unref(doc);
}

/* What is generated for where policy says nothing is the list of the built-in policy, item by item. */
static void transient_has_one_owner(void **state)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc;
	size_t n = 0;
	(void)state;
	assert_int_equal(zddc_parse("defaults", defaults_zddc_yaml, defaults_zddc_yaml_len, false, &d, &doc), 0);
	ynode_each(glob, ynode_get(zddc_tree(doc), "transient")) {
		assert_true(n < defaults_transient_len);
		assert_string_equal(glob->text, defaults_transient[n++]);
	}
	assert_int_equal(n, defaults_transient_len);
	assert_true(acl_is_transient(NULL, "a.part") && acl_is_transient(NULL, "4913") && !acl_is_transient(NULL, "a.pdf"));
	zddc_unref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_parses),	     cmocka_unit_test(every_key_is_type_checked),
		cmocka_unit_test(every_key_merges),	     cmocka_unit_test(errors_name_place_and_mend),
		cmocka_unit_test(all_errors_are_collected), cmocka_unit_test(yaml12_words_are_texts),
		cmocka_unit_test(transient_has_one_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
