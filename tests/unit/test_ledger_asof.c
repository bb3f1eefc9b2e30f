/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which policy texts were in force at a time: texts that take effect, folders that move, change places and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ledger/ledger.h"

static char sha_of[10][SHA256_HEX];

static void feed(struct ledger_asof *a, int64_t at, enum ledger_event event, const char *path, const struct ledger_attr *attrs, size_t n)
{
	struct ledger_entry e = LEDGER_ENTRY_INIT;

	e.time_us = at;
	e.event = event;
	e.path = path;
	e.attrs = attrs;
	e.n_attrs = n;
	ledger_asof_feed(a, &e);
}

static void text(struct ledger_asof *a, int64_t at, const char *file, int n)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("new_hash", n < 0 ? NULL : sha_of[n])};

	feed(a, at, LEDGER_POLICY_CHANGE, file, attrs, 1);
}

static void move(struct ledger_asof *a, int64_t at, const char *from, const char *to, bool exchange)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("to", to), LEDGER_ATTR_BOOL("exchange", exchange)};

	feed(a, at, LEDGER_FILE_RENAME, from, attrs, 2);
}

/* What happened, as far as 'until'. */
static struct ledger_asof *story(int64_t until)
{
	struct ledger_asof *a = ledger_asof_new(until);
	const struct ledger_attr strict[] = {LEDGER_ATTR_BOOL("strict", true)};

	for (int i = 0; i < 10; i++)
		memset(sha_of[i], '0' + i, SHA256_HEX - 1);
	feed(a, 1, LEDGER_MOUNT, NULL, strict, 1);
	text(a, 2, ".zddc", 0);
	text(a, 3, "a/.zddc", 1);
	text(a, 4, "a/b/.zddc", 2);
	text(a, 5, "ab/.zddc", 3);
	move(a, 6, "a", "c", false);
	text(a, 7, "x/.zddc", 4);
	move(a, 8, "c", "x", true);
	text(a, 9, "x/b/.zddc", -1);
	feed(a, 10, LEDGER_POLICY_INVALID, "x/.zddc", NULL, 0);
	feed(a, 11, LEDGER_DIR_REMOVE, "c", NULL, 0);
	text(a, 12, "x/.zddc", 5);
	move(a, 13, "x", "y", false);
	feed(a, 13, LEDGER_PARTY_RENAME, "x", (const struct ledger_attr[]){LEDGER_ATTR_TEXT("to", "y")}, 1); /* said twice, of the one rename */
	feed(a, 14, LEDGER_FILE_REPLACE, "z", (const struct ledger_attr[]){LEDGER_ATTR_TEXT("to", "y")}, 1);
	return a;
}

static void holds(int64_t until, const char *file, int n)
{
	struct ledger_asof *a = story(until);
	const char *sha = ledger_asof_text(a, file, NULL);

	if (n < 0)
		assert_null(sha);
	else
		assert_string_equal(sha, sha_of[n]);
	ledger_asof_free(a);
}

static void texts_and_moves(void **state)
{
	bool invalid;

	(void)state;
	holds(3, "a/.zddc", -1);
	holds(4, "a/.zddc", 1);
	holds(7, "a/.zddc", -1);
	holds(7, "c/.zddc", 1);
	holds(7, "c/b/.zddc", 2);
	holds(7, "ab/.zddc", 3); /* only looks as if it were below */
	holds(9, "x/.zddc", 1);
	holds(9, "c/.zddc", 4);
	holds(9, "x/b/.zddc", 2);
	holds(10, "x/b/.zddc", -1);
	holds(12, "c/.zddc", -1);
	holds(13, "x/.zddc", 5);
	holds(13, ".zddc", 0);
	holds(14, "y/.zddc", 5);
	holds(15, "y/.zddc", -1);
	struct ledger_asof *a = story(12);
	ledger_asof_text(a, "x/.zddc", &invalid);
	assert_true(invalid);
	assert_true(ledger_asof_strict(a));
	ledger_asof_free(a);
	a = story(13);
	ledger_asof_text(a, "x/.zddc", &invalid);
	assert_false(invalid);
	ledger_asof_free(a);
}

static void before_it_began(void **state)
{
	struct ledger_asof *a = story(1);

	(void)state;
	assert_false(ledger_asof_known(a));
	assert_int_equal(ledger_asof_first(a), 1);
	ledger_asof_free(a);
}

/* What was refused or failed changed nothing. */
static void refusals(void **state)
{
	struct ledger_asof *a = story(100);
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("new_hash", sha_of[9])};

	(void)state;
	e.time_us = 50;
	e.event = LEDGER_POLICY_CHANGE;
	e.path = ".zddc";
	e.attrs = attrs;
	e.n_attrs = 1;
	e.decision = LEDGER_DENY;
	e.err = 13;
	ledger_asof_feed(a, &e);
	assert_string_equal(ledger_asof_text(a, ".zddc", NULL), sha_of[0]);
	ledger_asof_free(a);
}

/* Lines that matter are never passed over. */
static void wants(void **state)
{
	struct ledger_chain c = LEDGER_CHAIN_INIT;
	bool any = false;

	(void)state;
	for (int i = 0; i < LEDGER_EVENT_COUNT; i++) {
		struct ledger_entry e = LEDGER_ENTRY_INIT;
		AUTO_BUF line = BUF_INIT;

		e.event = (enum ledger_event)i;
		e.time_us = 1700000000000000;
		assert_int_equal(ledger_chain_add(&c, &e, &line), 0);
		bool matters = i == LEDGER_MOUNT || i == LEDGER_POLICY_CHANGE || i == LEDGER_POLICY_RELOAD || i == LEDGER_POLICY_INVALID || i == LEDGER_AUTO_OWN ||
			       i == LEDGER_IDENTITY_CHANGE || i == LEDGER_DIR_REMOVE || i == LEDGER_FILE_RENAME || i == LEDGER_FILE_REPLACE || i == LEDGER_PARTY_RENAME;
		assert_true(!matters || ledger_asof_wants(line.data, line.len));
		any |= !ledger_asof_wants(line.data, line.len);
	}
	assert_true(any);
}

static void names_of_files(void **state)
{
	char name[LEDGER_NAME_MAX + 1];
	struct ledger_file f;

	(void)state;
	ledger_file_name("web-1.example", 12, 3, name);
	assert_string_equal(name, "web-1.example-000012-0003.jsonl");
	assert_true(ledger_file_parse(name, &f));
	assert_string_equal(f.host, "web-1.example");
	assert_true(f.run == 12 && f.part == 3);
	assert_true(ledger_file_cmp(&f, &(struct ledger_file){"web-1.example", 12, 4}) < 0);
	assert_true(ledger_file_cmp(&f, &(struct ledger_file){"web-1.example", 9, 9}) > 0);
	assert_false(ledger_file_parse("web-000012-0003.jsonl.torn-5", &f));
	assert_false(ledger_file_parse("web-12-3.jsonl", &f));
	assert_false(ledger_file_parse("-000012-0003.jsonl", &f));
	assert_false(ledger_file_parse("key.pub", &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_moves),
		cmocka_unit_test(before_it_began),
		cmocka_unit_test(refusals),
		cmocka_unit_test(wants),
		cmocka_unit_test(names_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
