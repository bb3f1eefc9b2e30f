/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identities.yaml: names and uids to addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "acl/idmap.h"
#include "base/buf.h"
#include "base/err.h"

static struct idmap *parse(const char *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct idmap *m = NULL;

	if (idmap_parse("identities.yaml", text, strlen(text), &d, &m)) {
		assert_true(d.errors > 0);
		return NULL;
	}
	assert_int_equal(d.errors, 0);
	return m;
}

static void finds(void **state)
{
	struct idmap *m = parse("identities:\n  alice: Alice@Example.COM\n  2001: bot@example.com\n  \"2002\": c@example.com\n");
	bool conflict = true;

	(void)state;
	assert_non_null(m);
	assert_int_equal(idmap_count(m), 3);
	assert_string_equal(idmap_find(m, "alice", 1000, &conflict), "alice@example.com");
	assert_false(conflict);
	assert_string_equal(idmap_find(m, NULL, 2001, NULL), "bot@example.com");
	assert_string_equal(idmap_find(m, "somebody", 2002, NULL), "c@example.com");
	assert_null(idmap_find(m, "ALICE", 1, NULL)); /* Unix names have a case */
	assert_null(idmap_find(m, "2001", 3, NULL)); /* a user may be called so; a number is a uid */
	assert_null(idmap_find(NULL, "alice", 1000, NULL));
	idmap_free(m);
}

static void nobody_guesses(void **state)
{
	struct idmap *m = parse("identities: {alice: a@example.com, 1000: b@example.com, bob: b@example.com, 1001: b@example.com}");
	bool conflict = false;

	(void)state;
	assert_non_null(m);
	assert_null(idmap_find(m, "alice", 1000, &conflict));
	assert_true(conflict);
	assert_string_equal(idmap_find(m, "bob", 1001, &conflict), "b@example.com"); /* both say the same */
	assert_false(conflict);
	idmap_free(m);
}

static void empty(void **state)
{
	static const char *const texts[] = {"", "{}", "identities:", "identities: {}", "# nothing\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct idmap *m = parse(texts[i]);

		assert_non_null(m);
		assert_int_equal(idmap_count(m), 0);
		idmap_free(m);
	}
}

static void refused(void **state)
{
	static const char *const texts[] = {
		"identities: [a]", "identities: alice", "identitys: {}", "[]", "identities: {alice: 3}", "identities: {alice: alice}",
		"identities: {alice: a@b@c}", "identities: {alice: \"a b@c\"}", "identities: {alice: \"*@c\"}", "identities: {alice: \"@c\"}",
		"identities: {alice: \"a@\"}", "identities: {alice: \"a@b\\nc\"}", "identities: {alice: \"a\\0@b\"}",
		"identities: {alice: \"role:x@b\"}", "identities: {alice: [a@b]}", "identities: {alice: }",
		"identities: {alice: a@b, alice: c@d}", "identities: {1001: a@b, \"1001\": c@d}", "identities: {01001: a@b}",
		"identities: {4294967295: a@b}", "identities: {99999999999999999999: a@b}", "identities: {\"\": a@b}",
		"identities: {\"a b\": a@b}", "identities: {\"a/b\": a@b}", "identities: {alice: a@b}\nextra: 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (parse(texts[i]))
			fail_msg("accepted: %s", texts[i]);
}

static void says_where(void **state)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF out = BUF_INIT;
	const char text[] = "identities:\n  alice: alice\n  bob: b@c\n  eve: e\n";
	struct idmap *m = NULL;

	(void)state;
	assert_int_not_equal(idmap_parse("x/identities.yaml", text, strlen(text), &d, &m), 0);
	assert_int_equal(d.errors, 2); /* all of them */
	diags_format(&d, &out);
	assert_non_null(strstr(buf_str(&out), "x/identities.yaml:2:10:"));
	assert_non_null(strstr(buf_str(&out), "x/identities.yaml:4:"));
}

static void retired_addresses(void **state)
{
	struct idmap *m = parse("identities: {alice: a@x.org}\nretired: {Bob@x.org: a@x.org, carol@x.org: null}\n");
	const char *heir = "?";

	(void)state;
	assert_non_null(m);
	assert_true(idmap_retired(m, "bob@X.ORG", &heir));
	assert_string_equal(heir, "a@x.org");
	assert_true(idmap_retired(m, "carol@x.org", &heir));
	assert_null(heir);
	assert_false(idmap_retired(m, "a@x.org", NULL) || idmap_retired(NULL, "a@x.org", NULL));
	idmap_free(m);
}

/* What an edit of 'text' gives; "" if it is refused. */
static void edited(const char *text, struct idmap_edit e, const char *want)
{
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF out = BUF_INIT;
	int r = idmap_edit("f", text, strlen(text), &e, &d, &out);

	if (r && *want)
		fail_msg("refused: %s", d.n ? d.v[0].text : "no reason");
	assert_true(!r == !!*want && (r != -EINVAL || d.errors == 1));
	assert_string_equal(r ? "" : buf_str(&out), want);
}

static void edits(void **state)
{
	static const char people[] = "# people\nidentities:\n  alice: a@x.org # the first\n  2001: bot@x.org\n";

	(void)state;
	edited(people, (struct idmap_edit){.user = "bob", .email = "B@x.org"}, "# people\nidentities:\n  alice: a@x.org # the first\n  2001: bot@x.org\n  bob: b@x.org\n");
	edited(people, (struct idmap_edit){.user = "2001", .email = "b@x.org"}, "# people\nidentities:\n  alice: a@x.org # the first\n  2001: b@x.org\n");
	edited("# who\nidentities:\n  61001: a@x.org\n  # team\n  61004: b@x.org\n", (struct idmap_edit){.user = "new", .email = "c@x.org"},
	       "# who\nidentities:\n  61001: a@x.org\n  # team\n  61004: b@x.org\n  new: c@x.org\n");
	edited(people, (struct idmap_edit){.user = "2001"}, "# people\nidentities:\n  alice: a@x.org # the first\n");
	edited(people, (struct idmap_edit){.user = "Alice", .email = "b@x.org"}, "# people\nidentities:\n  alice: a@x.org # the first\n  2001: bot@x.org\n  Alice: b@x.org\n");
	edited(people, (struct idmap_edit){.retire = "Gone@x.org"}, "# people\nidentities:\n  alice: a@x.org # the first\n  2001: bot@x.org\nretired:\n  Gone@x.org: null\n");
	edited("identities: {a: a@x.org}\nretired:\n  b@x.org: null", (struct idmap_edit){.retire = "c@x.org", .heir = "a@x.org"},
	       "identities: {a: a@x.org}\nretired:\n  b@x.org: null\n  c@x.org: a@x.org\n");
	edited("", (struct idmap_edit){.user = "a", .email = "a@x.org"}, "identities:\n  a: a@x.org\n");
	edited("identities: {}\n", (struct idmap_edit){.user = "a", .email = "a@x.org"}, "identities:\n  a: a@x.org\n");
	edited("{identities: {a: a@x.org}}\n", (struct idmap_edit){.user = "b", .email = "b@x.org"}, "identities:\n  a: a@x.org\n  b: b@x.org\n");
	edited("identities: {a: a@x.org, b: b@x.org}\n", (struct idmap_edit){.user = "a"}, "identities:\n  b: b@x.org\n");
}

static void edits_refused(void **state)
{
	static const char text[] = "identities: {a: a@x.org}\nretired: {old@x.org: a@x.org}\n";

	(void)state;
	edited(text, (struct idmap_edit){.user = "b", .email = "OLD@x.org"}, "");
	edited(text, (struct idmap_edit){.user = "b", .email = "b"}, "");
	edited(text, (struct idmap_edit){.user = "b c", .email = "b@x.org"}, "");
	edited(text, (struct idmap_edit){.user = "007", .email = "b@x.org"}, "");
	edited(text, (struct idmap_edit){.user = "b"}, "");
	edited(text, (struct idmap_edit){.retire = "old@x.org"}, "");
	edited(text, (struct idmap_edit){.retire = "a@x.org", .heir = "old@x.org"}, "");
	edited(text, (struct idmap_edit){.retire = "a@x.org", .heir = "A@x.org"}, "");
	edited(text, (struct idmap_edit){.retire = "nobody"}, "");
	edited("identities: [a]\n", (struct idmap_edit){.user = "b", .email = "b@x.org"}, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds), cmocka_unit_test(nobody_guesses), cmocka_unit_test(empty),
		cmocka_unit_test(refused), cmocka_unit_test(says_where), cmocka_unit_test(retired_addresses), cmocka_unit_test(edits),
		cmocka_unit_test(edits_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
