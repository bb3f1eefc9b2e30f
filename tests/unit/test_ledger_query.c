/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/ledger.h"

static struct ledger_entry entry(void)
{
	static const struct ledger_attr attrs[] = {{"to", LEDGER_TEXT, "archive/Acme/issued/y", 0}};
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	e.time_us = 1000;
	e.event = LEDGER_FILE_RENAME;
	e.path = "proj/mdl/row.yaml";
	e.canonical = "archive/Acme/mdl/row*.yaml";
	e.principal = "alice@example.com";
	e.uid = 1001;
	e.attrs = attrs;
	e.n_attrs = 1;
	return e;
}

static bool who(const char *pattern, const char *principal)
{
	struct ledger_entry e = entry();
	struct ledger_query q = {.who = pattern};
	e.principal = principal;
	return ledger_match(&q, &e);
}

static void everything(void **state)
{
	struct ledger_entry e = entry(), none = LEDGER_ENTRY_INIT;
	struct ledger_query q = {0};
	(void)state;
	assert_true(ledger_match(&q, &e));
	assert_true(ledger_match(&q, &none));
}

static void by_time(void **state)
{
	struct ledger_entry e = entry();
	(void)state;
	assert_true(ledger_match(&(struct ledger_query){.since_us = 1000}, &e));
	assert_false(ledger_match(&(struct ledger_query){.since_us = 1001}, &e));
	assert_true(ledger_match(&(struct ledger_query){.until_us = 1001}, &e));
	assert_false(ledger_match(&(struct ledger_query){.until_us = 1000}, &e));
}

static void by_who(void **state)
{
	struct ledger_entry e = entry();
	(void)state;
	assert_true(who("alice@example.com", "alice@example.com"));
	assert_true(who("Alice@EXAMPLE.com", "alice@example.com"));
	assert_false(who("alice", "alice@example.com"));
	assert_false(who("alice@example.co", "alice@example.com"));
	assert_false(who("lice@example.com", "alice@example.com"));
	assert_true(who("*@example.com", "alice@example.com"));
	assert_true(who("a*e@*.com", "alice@example.com"));
	assert_true(who("*@*", "alice@example.com"));
	assert_false(who("a*", "alice@example.com")); /* does not cross the @ */
	assert_false(who("*com", "alice@example.com"));
	assert_true(who("a*", "alice"));
	assert_true(who("**ali**ce@e*", "alice@example.com"));
	assert_false(who("alic?@example.com", "alice@example.com")); /* only '*' is special */
	assert_true(who("*", "alice@example.com"));
	assert_false(who("*", LEDGER_ANONYMOUS));
	assert_false(who("*", NULL));
	assert_true(who("anonymous", LEDGER_ANONYMOUS));
	assert_false(who("anonymous", NULL));
	assert_false(who("", "alice@example.com"));
	assert_true(who("1001", "bob@example.com"));
	assert_false(who("100", "bob@example.com"));
	assert_false(who("10011", "bob@example.com"));
	e.uid = -1;
	assert_false(ledger_match(&(struct ledger_query){.who = "0"}, &e));
	e.uid = 0;
	assert_true(ledger_match(&(struct ledger_query){.who = "0"}, &e));
	/* many stars on a name that nearly fits take no time */
	assert_false(who("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void by_event(void **state)
{
	static const char *const one[] = {"file_rename"}, *const glob[] = {"version_*", "file_*"}, *const other[] = {"file_create", "file"};
	struct ledger_entry e = entry();
	(void)state;
	assert_true(ledger_match(&(struct ledger_query){.events = one, .n_events = 1}, &e));
	assert_true(ledger_match(&(struct ledger_query){.events = glob, .n_events = 2}, &e));
	assert_false(ledger_match(&(struct ledger_query){.events = glob, .n_events = 1}, &e));
	assert_false(ledger_match(&(struct ledger_query){.events = other, .n_events = 2}, &e));
	e.event = LEDGER_OTHER;
	e.event_name = "file_teleported";
	assert_true(ledger_match(&(struct ledger_query){.events = glob, .n_events = 2}, &e));
}

static bool path(const char *top)
{
	struct ledger_entry e = entry();
	return ledger_match(&(struct ledger_query){.path = top}, &e);
}

static void by_path(void **state)
{
	struct ledger_entry none = LEDGER_ENTRY_INIT;
	(void)state;
	assert_true(path(""));
	assert_true(path("proj"));
	assert_true(path("proj/mdl/row.yaml"));
	assert_false(path("proj/mdl/row"));
	assert_false(path("proj/mdl/row.yaml/x"));
	assert_false(path("pro"));
	assert_true(path("archive/Acme"));
	assert_true(path("archive/Acme/mdl/row*.yaml")); /* names, not patterns */
	assert_false(path("archive/*/mdl"));
	assert_true(path("archive/Acme/issued"));
	assert_false(path("archive/acme"));
	assert_false(ledger_match(&(struct ledger_query){.path = "a"}, &none));
	assert_true(ledger_match(&(struct ledger_query){.path = ""}, &none));
}

static void all_must_hold(void **state)
{
	static const char *const events[] = {"file_rename"};
	struct ledger_entry e = entry();
	struct ledger_query q = {1000, 1001, "alice@*", events, 1, "proj"};
	(void)state;
	assert_true(ledger_match(&q, &e));
	q.who = "bob@*";
	assert_false(ledger_match(&q, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(by_time),
		cmocka_unit_test(by_who),
		cmocka_unit_test(by_event),
		cmocka_unit_test(by_path),
		cmocka_unit_test(all_must_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
