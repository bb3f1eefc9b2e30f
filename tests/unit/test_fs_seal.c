/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of write-once: records, the judgement of a file's state, what its creator may, transient names (SPEC section 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "fs/caller.h"
#include "fs/seal.h"
#include "fs/transient.h"

enum { NOW = 1000000, BOOT = 7, OTHER = 8 };

static struct seal_record full_record(void)
{
	struct seal_record r = {.state = SEAL_SEALED, .zone = true, .explicit = true, .final = true, .compliance = true, .id = 0x1234, .boot = BOOT, .as = 99, .made = 1,
			   .released = 2, .since = 3, .size = 4, .mtime = 5, .retain = RETAIN_FOREVER, .hold = 6};

	r.creator = (struct person){.uid = 1001, .email = "alice@example.com"};
	r.filer = (struct person){.uid = 1002, .email = "-"};
	memset(r.sha256, 'a', SHA256_HEX - 1);
	memset(r.policy, 'b', SHA256_HEX - 1);
	return r;
}

static void record_round_trip(void **state)
{
	struct seal_record r = full_record(), back;
	AUTO_BUF text = BUF_INIT, again = BUF_INIT;

	(void)state;
	seal_record_format(&r, &text);
	assert_true(seal_record_parse(text.data, text.len, &back));
	seal_record_format(&back, &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
	assert_int_equal(back.state, SEAL_SEALED);
	assert_string_equal(back.creator.email, "alice@example.com");
	assert_int_equal(back.filer.uid, 1002);
	assert_true(back.retain == RETAIN_FOREVER && back.hold == 6 && back.as == 99 && back.explicit && back.final && back.zone && back.compliance);
}

/* A record as it is born has room for all that is written into it until it is sealed and hashed. */
static void record_keeps_its_length(void **state)
{
	struct seal_record r = {.state = SEAL_OPEN, .id = UINT64_MAX}, end;
	AUTO_BUF born = BUF_INIT, sealed = BUF_INIT;

	(void)state;
	r.creator.uid = UINT32_MAX;
	for (size_t n = 1; n <= SEAL_RECORD_NAME_MAX; n += 11) {
		memset(r.creator.email, 'x', n);
		end = r;
		end.state = SEAL_TRANSIENT;
		end.zone = end.explicit = end.final = end.compliance = true;
		end.boot = end.as = UINT64_MAX;
		end.made = end.released = end.since = end.hold = 99999999999;
		end.size = end.mtime = INT64_MAX;
		end.retain = 99999999999;
		memset(end.sha256, 'a', SHA256_HEX - 1);
		memset(end.policy, 'b', SHA256_HEX - 1);
		buf_reset(&born);
		buf_reset(&sealed);
		seal_record_format(&r, &born);
		seal_record_format(&end, &sealed);
		assert_int_equal(born.len, sealed.len);
	}
}

static void record_refuses_rubbish(void **state)
{
	static const char *const bad[] = {"", "x", "zddc-seal 2\nstate=sealed\n", "zddc-seal 1\n", "zddc-seal 1\nstate=king\n", "zddc-seal 1\nno equals\n",
					  "zddc-seal 1\nstate=free\n"};
	struct seal_record r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(seal_record_parse(bad[i], strlen(bad[i]), &r));
	assert_true(seal_record_parse("zddc-seal 1\nstate=torn\nfuture=1\nsha256=zz\ncreator=x\n", 52, &r));
	assert_true(r.state == SEAL_TORN && !*r.sha256 && !*r.creator.email);
}

static void people(void **state)
{
	struct identity alice = {.who.email = "alice@example.com", .uid = 5}, other_uid = {.who.email = "alice@example.com", .uid = 6};
	struct identity nobody = {.uid = 5};
	struct person p;

	(void)state;
	person_set(&p, &alice);
	assert_true(person_is(&p, &alice));
	assert_false(person_is(&p, &other_uid));
	assert_false(person_is(&p, &nobody));
	person_set(&p, &nobody);
	assert_true(person_is(&p, &nobody));
	assert_false(person_is(&(struct person){.uid = 5}, &nobody));
}

/* ------------------------------------------------------------------------------------------------ judging */

static struct seal_facts facts(const struct seal_record *r)
{
	return (struct seal_facts){.zone = true, .recorded = true, .size = 10, .now = NOW, .boot = BOOT, .rec = r};
}

static void judge_without_record(void **state)
{
	struct seal_record none = {0};
	struct seal_facts f = facts(&none);

	(void)state;
	f.recorded = false;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	f.zone = false;
	assert_int_equal(seal_judge(&f), SEAL_FREE);
}

static void judge_open(void **state)
{
	struct seal_record r = {.state = SEAL_OPEN, .zone = true, .boot = BOOT};
	struct seal_facts f = facts(&r);

	(void)state;
	assert_int_equal(seal_judge(&f), SEAL_SEALED); /* no handle any more: its release is on the way */
	f.writers = true;
	assert_int_equal(seal_judge(&f), SEAL_OPEN);
	f.killed = true;
	assert_int_equal(seal_judge(&f), SEAL_TORN);
	f.killed = false;
	f.size = 0;
	assert_int_equal(seal_judge(&f), SEAL_EMPTY);
	f.writers = false;
	assert_int_equal(seal_judge(&f), SEAL_EMPTY);
	f.size = 10;
	f.torn_here = true;
	assert_int_equal(seal_judge(&f), SEAL_TORN);
	f.torn_here = false;
	r.boot = OTHER; /* the daemon died */
	assert_int_equal(seal_judge(&f), SEAL_TORN);
	f.size = 0;
	assert_int_equal(seal_judge(&f), SEAL_TORN);
}

static void judge_by_time(void **state)
{
	struct seal_record r = {.state = SEAL_EMPTY, .zone = true, .boot = OTHER, .made = NOW - 700, .released = NOW - 599};
	struct seal_facts f = facts(&r);

	(void)state;
	f.size = 0;
	assert_int_equal(seal_judge(&f), SEAL_EMPTY);
	r.released = NOW - 600;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	f.zone = r.zone = false;
	assert_int_equal(seal_judge(&f), SEAL_CLOSED);
	f.zone = r.zone = true;
	r.released = NOW - 5;
	f.size = 1; /* truncated by path: not empty, and nothing calls it open */
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
}

static void judge_grace(void **state)
{
	struct seal_record r = {.state = SEAL_CLOSED, .zone = true, .made = NOW - 100, .released = NOW - 20};
	struct seal_facts f = facts(&r);

	(void)state;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	f.seal_grace = 21;
	assert_int_equal(seal_judge(&f), SEAL_CLOSED);
	r.final = true;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	r.final = false;
	f.seal_grace = 3600;
	r.made = NOW - 600; /* at most 10 minutes after its creation */
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
}

static void judge_seals(void **state)
{
	struct seal_record r = {.state = SEAL_SEALED, .zone = true, .boot = BOOT, .size = 10, .mtime = 3};
	struct seal_facts f = facts(&r);

	(void)state;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	f.size = 9;
	assert_int_equal(seal_judge(&f), SEAL_ALTERED);
	r.boot = OTHER; /* no hash yet, and not all of it on disk: the power went */
	assert_int_equal(seal_judge(&f), SEAL_TORN);
	memset(r.sha256, 'a', SHA256_HEX - 1);
	assert_int_equal(seal_judge(&f), SEAL_ALTERED);
	f.size = 10;
	assert_int_equal(seal_judge(&f), SEAL_ALTERED); /* another time */
	f.mtime = 3;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
}

static void judge_places(void **state)
{
	struct seal_record lane = {.state = SEAL_TORN, .zone = false}, zone = {.state = SEAL_SEALED, .zone = true, .size = 10};
	struct seal_facts f = facts(&lane);

	(void)state;
	assert_int_equal(seal_judge(&f), SEAL_SEALED); /* what it was elsewhere does not count in a zone */
	f.zone = false;
	assert_int_equal(seal_judge(&f), SEAL_TORN);
	f.rec = &zone;
	assert_int_equal(seal_judge(&f), SEAL_FREE); /* the zone was lifted */
	zone.explicit = true;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
}

/* Policy that is lifted frees a file, unless it was sealed in compliance mode and is kept, or is held. */
static void judge_bound(void **state)
{
	struct seal_record r = {.state = SEAL_SEALED, .zone = true, .size = 10};
	struct seal_facts f = facts(&r);

	(void)state;
	f.zone = false;
	assert_int_equal(seal_judge(&f), SEAL_FREE);
	r.hold = NOW - 5;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	r.hold = 0;
	r.compliance = true;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	r.retain = RETAIN_FOREVER;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	r.retain = NOW + 1;
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	r.retain = NOW;
	assert_int_equal(seal_judge(&f), SEAL_FREE);
	r.state = SEAL_TORN;
	r.retain = RETAIN_FOREVER;
	assert_false(seal_record_bound(&r, NOW));
}

static void judge_transient(void **state)
{
	struct seal_record r = {.state = SEAL_TRANSIENT, .zone = true, .boot = OTHER};
	struct seal_facts f = facts(&r);

	(void)state;
	f.named = true;
	assert_int_equal(seal_judge(&f), SEAL_TRANSIENT);
	f.named = false; /* renamed, and then the daemon died */
	assert_int_equal(seal_judge(&f), SEAL_SEALED);
	f.size = 0;
	assert_int_equal(seal_judge(&f), SEAL_EMPTY);
}

/* ------------------------------------------------------------------------------------------------ what a creator may */

static void creators_rights(void **state)
{
	struct seal_record r = {.made = NOW - 500, .released = NOW - 59, .since = NOW - 59};
	static const enum seal_act all[] = {ACT_WRITE, ACT_META, ACT_RENAME, ACT_MOVE, ACT_UNLINK};

	(void)state;
	assert_true(seal_state_lets(SEAL_SEALED, ACT_META, &r, NOW, 0));
	assert_false(seal_state_lets(SEAL_SEALED, ACT_META, &r, NOW + 1, 0));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(seal_state_lets(SEAL_SEALED, all[i], &r, NOW, 600), all[i] == ACT_META);
		assert_int_equal(seal_state_lets(SEAL_OPEN, all[i], &r, NOW, 600), all[i] == ACT_META);
		assert_int_equal(seal_state_lets(SEAL_CLOSED, all[i], &r, NOW, 0), all[i] == ACT_META);
		assert_true(seal_state_lets(SEAL_CLOSED, all[i], &r, NOW, 600));
		assert_true(seal_state_lets(SEAL_TRANSIENT, all[i], &r, NOW + 900000, 0));
		assert_int_equal(seal_state_lets(SEAL_EMPTY, all[i], &r, NOW, 0), all[i] != ACT_MOVE);
		assert_false(seal_state_lets(SEAL_EMPTY, all[i], &r, NOW + 600, 0));
		assert_int_equal(seal_state_lets(SEAL_TORN, all[i], &r, NOW, 0), all[i] != ACT_MOVE && all[i] != ACT_RENAME);
		assert_false(seal_state_lets(SEAL_TORN, all[i], &r, NOW + 86400, 0));
		assert_false(seal_state_lets(SEAL_ALTERED, all[i], &r, NOW, 600));
	}
}

static void transient_names(void **state)
{
	static const char *const yes[] = {".f.pdf.aB3dE9", ".goutputstream-X1Y2Z3", "sedAb12Cd", "a.part", "a.partial", "b.crdownload", "c.tmp", "~WRL0001.tmp",
					  "0A1b2C3d", "~$report.docx", ".~lock.a b.odt#", ".x.swp", ".x.swo", ".x.swx", "4913", "notes~", ".fuse_hidden00001"};
	static const char *const no[] = {"f.pdf", ".f.pdf.aB3dE", ".f.pdf.aB3dE9x", "sedAb12C", "sedAb12C-", "0A1b2C3", "0A1b2C3g", "0A1b2C3d.x", "x.swp", "49130",
					 "report$~.docx", ".lock", "part", "123456-EL-SPC-2623_A (IFR) - Spec.pdf"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(transient_name(NULL, yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(transient_name(NULL, no[i]));
	assert_true(transient_is_lock("~$report.docx") && transient_is_lock(".~lock.a b.odt#"));
	assert_false(transient_is_lock("a.tmp") || transient_is_lock("notes~"));
	assert_int_not_equal(transient_hash("a"), transient_hash("b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_round_trip), cmocka_unit_test(record_keeps_its_length), cmocka_unit_test(record_refuses_rubbish),
		cmocka_unit_test(people), cmocka_unit_test(judge_without_record), cmocka_unit_test(judge_open), cmocka_unit_test(judge_by_time),
		cmocka_unit_test(judge_grace), cmocka_unit_test(judge_seals), cmocka_unit_test(judge_places), cmocka_unit_test(judge_bound), cmocka_unit_test(judge_transient),
		cmocka_unit_test(creators_rights), cmocka_unit_test(transient_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
