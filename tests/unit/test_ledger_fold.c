/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identical refusals within 10 s: the first has its line, the others are counted, and no refusal is ever lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ledger/ledger.h"

static const int64_t SECOND = 1000000, WALL = 1769860800000000;

static struct ledger_entry refusal(const char *path, int64_t now)
{
	static const struct ledger_attr attrs[] = {{"environment", LEDGER_TEXT, "prod", 0}};
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	e.event = LEDGER_REFUSED;
	e.decision = LEDGER_DENY;
	e.err = 13;
	e.op = "unlink";
	e.path = path;
	e.principal = "alice@example.com";
	e.uid = 1001;
	e.pid = 77;
	e.time_us = WALL + now;
	e.attrs = attrs;
	e.n_attrs = 1;
	return e;
}

static bool add(struct ledger_fold *f, const char *path, int64_t now)
{
	struct ledger_entry e = refusal(path, now);
	return ledger_fold_add(f, &e, now);
}

static void counted(void **state)
{
	struct ledger_fold *f = ledger_fold_new(8);
	struct arena a = ARENA_INIT;
	struct ledger_entry e;

	(void)state;
	assert_int_equal(ledger_fold_next(f), -1);
	assert_true(add(f, "x\xff\n", 100));
	assert_int_equal(ledger_fold_next(f), -1);
	assert_false(add(f, "x\xff\n", 200));
	assert_false(add(f, "x\xff\n", 9 * SECOND));
	assert_false(add(f, "x\xff\n", 100 + 10 * SECOND - 1));
	assert_int_equal(ledger_fold_next(f), 100 + 10 * SECOND);
	assert_false(ledger_fold_due(f, 100 + 10 * SECOND - 1, &a, &e));
	assert_true(ledger_fold_due(f, 100 + 10 * SECOND, &a, &e));
	assert_string_equal(e.path, "x\xff\n");
	assert_string_equal(e.principal, "alice@example.com");
	assert_int_equal(e.event, LEDGER_REFUSED);
	assert_int_equal(e.err, 13);
	assert_int_equal(e.pid, 77);
	assert_true(e.time_us == WALL + 100 + 10 * SECOND - 1);
	assert_int_equal(e.n_attrs, 3);
	assert_string_equal(ledger_attr_find(&e, "environment")->text, "prod");
	assert_int_equal(ledger_attr_find(&e, "count")->number, 3);
	assert_string_equal(ledger_attr_find(&e, "since")->text, "2026-01-31T12:00:00.000200Z");
	assert_false(ledger_fold_due(f, 100 + 10 * SECOND, &a, &e));
	/* and from the beginning again */
	assert_true(add(f, "x\xff\n", 100 + 10 * SECOND));
	assert_false(add(f, "x\xff\n", 100 + 11 * SECOND));
	arena_free(&a);
	ledger_fold_free(f);
}

/* Whatever else differs makes another refusal; pid and time do not. */
static void what_is_identical(void **state)
{
	static const struct ledger_attr risk[] = {{"environment", LEDGER_TEXT, "test", 0}};
	static const char *const role[] = {"observer"};
	struct ledger_fold *f = ledger_fold_new(100);
	struct arena a = ARENA_INIT;
	struct ledger_entry e[13];

	(void)state;
	for (int i = 0; i < 13; i++)
		e[i] = refusal("x", 5);
	e[1].pid = 78;
	e[2].path = "y";
	e[3].op = "rmdir";
	e[4].principal = "bob@example.com";
	e[5].uid = 1002;
	e[6].err = 1;
	e[7].exe = "/bin/rm";
	e[8].src = (struct ledger_src){".zddc", 1};
	e[9].event = LEDGER_WORM_REFUSED;
	e[10].attrs = risk;
	e[11].roles = role;
	e[11].n_roles = 1;
	e[12].policy_hash = "ab";
	for (int i = 0; i < 13; i++)
		assert_int_equal(ledger_fold_add(f, &e[i], 10), i != 1);
	for (int i = 0; i < 13; i++)
		assert_false(ledger_fold_add(f, &e[i], 11));
	int n = 0;
	for (struct ledger_entry due; ledger_fold_due(f, INT64_MAX, &a, &due); n++) {
		assert_int_equal(ledger_attr_find(&due, "count")->number, n ? 1 : 3);
		assert_int_equal(due.pid, n ? 77 : -1);
	}
	assert_int_equal(n, 12);
	arena_free(&a);
	ledger_fold_free(f);
}

/* What is not a refusal is never folded. */
static void others_pass(void **state)
{
	struct ledger_fold *f = ledger_fold_new(100);
	struct ledger_entry e = refusal("x", 0);
	(void)state;
	for (int i = 0; i <= LEDGER_EVENT_COUNT; i++) {
		bool folded = i == LEDGER_REFUSED || i == LEDGER_WORM_REFUSED || i == LEDGER_RECORD_REJECTED;
		e.event = (enum ledger_event)i;
		e.event_name = "other";
		assert_true(ledger_fold_add(f, &e, 1));
		assert_int_equal(ledger_fold_add(f, &e, 2), !folded);
	}
	ledger_fold_free(f);
}

/* A full table folds no more, and forgets nothing; it has room again when windows close. */
static void full(void **state)
{
	struct ledger_fold *f = ledger_fold_new(2);
	struct arena a = ARENA_INIT;
	struct ledger_entry e;
	(void)state;
	assert_true(add(f, "a", 0));
	assert_true(add(f, "b", 1));
	assert_true(add(f, "c", 2));
	assert_true(add(f, "c", 3));
	assert_false(add(f, "a", 4));
	assert_true(add(f, "c", 10 * SECOND + 1)); /* b's window closed with nothing counted, but a's stands before it */
	assert_true(ledger_fold_due(f, 10 * SECOND + 1, &a, &e));
	assert_string_equal(e.path, "a");
	assert_true(add(f, "c", 10 * SECOND + 2));
	assert_false(add(f, "c", 10 * SECOND + 3));
	arena_free(&a);
	ledger_fold_free(f);
}

/* Windows in which nothing was counted make room by themselves. */
static void room_again(void **state)
{
	struct ledger_fold *f = ledger_fold_new(1);
	(void)state;
	assert_true(add(f, "a", 0));
	assert_true(add(f, "b", 20 * SECOND));
	assert_false(add(f, "b", 21 * SECOND));
	ledger_fold_free(f);
}

/* The caller forgot to ask what is due: the refusal has its own line at once, and the count is still there. */
static void late(void **state)
{
	struct ledger_fold *f = ledger_fold_new(8);
	struct arena a = ARENA_INIT;
	struct ledger_entry e;
	(void)state;
	assert_true(add(f, "a", 0));
	assert_false(add(f, "a", 1));
	assert_true(add(f, "a", 20 * SECOND));
	assert_true(add(f, "a", 21 * SECOND));
	assert_true(ledger_fold_due(f, 21 * SECOND, &a, &e));
	assert_int_equal(ledger_attr_find(&e, "count")->number, 1);
	assert_true(add(f, "a", 22 * SECOND));
	assert_false(add(f, "a", 23 * SECOND));
	arena_free(&a);
	ledger_fold_free(f);
}

/* A clock that went back ends windows rather than keeping them open. */
static void clock_back(void **state)
{
	struct ledger_fold *f = ledger_fold_new(8);
	struct arena a = ARENA_INIT;
	struct ledger_entry e;
	(void)state;
	assert_true(add(f, "a", 3600 * SECOND));
	assert_false(add(f, "a", 3601 * SECOND));
	assert_true(add(f, "a", 0));
	assert_true(ledger_fold_due(f, 0, &a, &e));
	arena_free(&a);
	ledger_fold_free(f);
}

/* An entry that fills a line leaves no room for a count. */
static void huge(void **state)
{
	struct ledger_fold *f = ledger_fold_new(8);
	char *path = malloc(LEDGER_LINE_MAX);
	(void)state;
	assert_non_null(path);
	memset(path, 'p', LEDGER_LINE_MAX - 1);
	path[LEDGER_LINE_MAX - 600] = '\0';
	assert_true(add(f, path, 1));
	assert_true(add(f, path, 2));
	free(path);
	ledger_fold_free(f);
}

/* 20,000 refusals of 50 kinds at any times: own lines and counts add up to all of them, kind by kind. */
static void all_are_there(void **state)
{
	struct ledger_fold *f = ledger_fold_new(30);
	int made[50] = {0}, told[50] = {0}, own = 0;
	uint64_t seed = 7;
	int64_t now = 0;
	char path[8];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct arena a = ARENA_INIT;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		int kind = (int)((seed >> 40) % 50);
		now += (int64_t)((seed >> 20) % (SECOND / 20));
		for (struct ledger_entry e; ledger_fold_due(f, i == 19999 ? INT64_MAX : now, &a, &e);)
			told[atoi(e.path)] += (int)ledger_attr_find(&e, "count")->number;
		snprintf(path, sizeof(path), "%d", kind);
		made[kind]++;
		if (add(f, path, now)) {
			told[kind]++;
			own++;
		}
		arena_free(&a);
	}
	struct arena a = ARENA_INIT;
	for (struct ledger_entry e; ledger_fold_due(f, INT64_MAX, &a, &e);)
		told[atoi(e.path)] += (int)ledger_attr_find(&e, "count")->number;
	arena_free(&a);
	assert_memory_equal(told, made, sizeof(made));
	assert_in_range(own, 100, 15000);
	assert_int_equal(ledger_fold_next(f), -1);
	ledger_fold_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counted),
		cmocka_unit_test(what_is_identical),
		cmocka_unit_test(others_pass),
		cmocka_unit_test(full),
		cmocka_unit_test(room_again),
		cmocka_unit_test(late),
		cmocka_unit_test(clock_back),
		cmocka_unit_test(huge),
		cmocka_unit_test(all_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
