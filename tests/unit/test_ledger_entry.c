/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One entry as one line and back, byte for byte; the vocabulary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ledger/ledger.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const char *const roles[] = {"document_controller", "obs\"erver"};
static const struct ledger_attr attrs[] = {
	{"to", LEDGER_TEXT, "archive/Acme/issued/b", 0},
	{"risk_score", LEDGER_NUMBER, NULL, -7},
	{"new", LEDGER_BOOL, NULL, 1},
	{"old", LEDGER_BOOL, NULL, 0},
	{"none", LEDGER_TEXT, NULL, 0},
};

static struct ledger_entry full(void)
{
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	e.seq = 18446744073709551615u;
	e.time_us = 1769860800123456;
	e.event = LEDGER_WORM_REFUSED;
	e.decision = LEDGER_DENY;
	e.err = EPERM;
	e.verb = "d";
	e.op = "unlink";
	e.path = "archive/Acme/issued/a b\n\xff";
	e.canonical = "";
	e.principal = "alice@example.com";
	e.uid = 1001;
	e.pid = 4194304;
	e.exe = "/usr/bin/rm";
	e.roles = roles;
	e.n_roles = 2;
	e.src = (struct ledger_src){"archive/Acme/.zddc", 14};
	e.policy_hash = ZEROS;
	e.attrs = attrs;
	e.n_attrs = 5;
	e.object = (struct ledger_object){"ab", 0, "A+B1"};
	e.elevated = true;
	memset(e.prev_hash, 0xab, sizeof(e.prev_hash));
	memset(e.hash, 0x10, sizeof(e.hash));
	return e;
}

static const char full_line[] =
	"{\"seq\":18446744073709551615,\"time\":\"2026-01-31T12:00:00.123456Z\",\"event\":\"worm_refused\",\"decision\":\"deny\",\"errno\":1,"
	"\"verb\":\"d\",\"op\":\"unlink\",\"path\":\"archive/Acme/issued/a b\\n\\udcff\",\"canonical\":\"\",\"principal\":\"alice@example.com\","
	"\"uid\":1001,\"pid\":4194304,\"exe\":\"/usr/bin/rm\",\"roles\":[\"document_controller\",\"obs\\\"erver\"],"
	"\"src\":{\"file\":\"archive/Acme/.zddc\",\"line\":14},\"policy_hash\":\"" ZEROS "\","
	"\"attrs\":{\"to\":\"archive/Acme/issued/b\",\"risk_score\":-7,\"new\":true,\"old\":false,\"none\":null},"
	"\"object\":{\"sha256\":\"ab\",\"size\":0,\"revision\":\"A+B1\"},\"elevated\":true,\"active_admin\":false,"
	"\"prev_hash\":\"abababababababababababababababababababababababababababababababab\","
	"\"hash\":\"1010101010101010101010101010101010101010101010101010101010101010\"}";

static const char bare_line[] =
	"{\"seq\":0,\"time\":\"1970-01-01T00:00:00.000000Z\",\"event\":\"mount\",\"decision\":\"allow\",\"errno\":0,"
	"\"verb\":null,\"op\":null,\"path\":null,\"canonical\":null,\"principal\":null,\"uid\":null,\"pid\":null,\"exe\":null,\"roles\":[],"
	"\"src\":null,\"policy_hash\":null,\"attrs\":{},\"object\":null,\"elevated\":false,\"active_admin\":false,"
	"\"prev_hash\":\"" ZEROS "\",\"hash\":\"" ZEROS "\"}";

static void written(void **state)
{
	AUTO_BUF out = BUF_INIT;
	struct ledger_entry e = full(), none = LEDGER_ENTRY_INIT;

	(void)state;
	assert_int_equal(ledger_entry_format(&e, &out), 0);
	assert_string_equal(buf_str(&out), full_line);
	buf_reset(&out);
	assert_int_equal(ledger_entry_format(&none, &out), 0);
	assert_string_equal(buf_str(&out), bare_line);
}

static void read_back(void **state)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF out = BUF_INIT;
	struct ledger_entry want = full(), e;

	(void)state;
	assert_int_equal(ledger_entry_parse(full_line, strlen(full_line), &a, &e), 0);
	assert_true(e.seq == want.seq && e.time_us == want.time_us && e.event == want.event && e.decision == want.decision);
	assert_true(e.err == want.err && e.uid == want.uid && e.pid == want.pid && e.elevated && !e.active_admin);
	assert_string_equal(e.event_name, "worm_refused");
	assert_string_equal(e.path, want.path);
	assert_string_equal(e.canonical, "");
	assert_string_equal(e.principal, want.principal);
	assert_int_equal(e.n_roles, 2);
	assert_string_equal(e.roles[1], roles[1]);
	assert_string_equal(e.src.file, want.src.file);
	assert_int_equal(e.src.line, 14);
	assert_int_equal(e.n_attrs, 5);
	assert_int_equal(ledger_attr_find(&e, "risk_score")->number, -7);
	assert_int_equal(ledger_attr_find(&e, "new")->type, LEDGER_BOOL);
	assert_null(ledger_attr_find(&e, "none")->text);
	assert_null(ledger_attr_find(&e, "absent"));
	assert_string_equal(e.object.revision, "A+B1");
	assert_memory_equal(e.prev_hash, want.prev_hash, SHA256_LEN);
	assert_int_equal(ledger_entry_format(&e, &out), 0);
	assert_string_equal(buf_str(&out), full_line);

	assert_int_equal(ledger_entry_parse(bare_line, strlen(bare_line), &a, &e), 0);
	assert_true(!e.verb && !e.path && !e.principal && !e.exe && !e.src.file && !e.policy_hash);
	assert_true(e.uid == -1 && e.pid == -1 && e.object.size == -1 && !e.n_roles && !e.n_attrs);
	arena_free(&a);
}

/* The line of an entry with that path, and the path read back from it. */
static char *through(const char *path, struct arena *a, struct buf *line)
{
	struct ledger_entry e = LEDGER_ENTRY_INIT, back;
	e.path = path;
	buf_reset(line);
	assert_int_equal(ledger_entry_format(&e, line), 0);
	assert_int_equal(ledger_entry_parse(line->data, line->len, a, &back), 0);
	return (char *)back.path;
}

/* THREATS row 16: names of every byte, alone and next to every other, stay what they were, and each line is one line of ASCII or UTF-8. */
static void names_of_all_bytes(void **state)
{
	AUTO_BUF line = BUF_INIT;
	char all[256];

	(void)state;
	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	for (unsigned hi = 1; hi < 256; hi++)
		for (unsigned lo = 0; lo < 256; lo++) {
			struct arena a = ARENA_INIT;
			char name[] = {'x', (char)hi, (char)lo, lo ? 'y' : '\0', '\0'};
			assert_string_equal(through(name, &a, &line), name);
			assert_null(memchr(line.data, '\n', line.len));
			arena_free(&a);
		}
	struct arena a = ARENA_INIT;
	assert_string_equal(through(all, &a, &line), all);
	assert_string_equal(through("\\udcff \\u0085 \xc2\x85 \xe2\x80\xa8 \xed\xb3\xbf \xf0\x9f\x98\x80 \xf4\x90\x80\x80", &a, &line),
			    "\\udcff \\u0085 \xc2\x85 \xe2\x80\xa8 \xed\xb3\xbf \xf0\x9f\x98\x80 \xf4\x90\x80\x80");
	arena_free(&a);
}

/* Why there is a reader of our own: other JSON readers take our lines, but jansson none with a name that is not UTF-8. */
static void other_readers(void **state)
{
	AUTO_BUF line = BUF_INIT;
	struct arena a = ARENA_INIT;
	json_t *v;

	(void)state;
	through("a\n\"\\ \xc3\xa4 \xe2\x80\xa8 \x7f", &a, &line);
	v = json_loads(buf_str(&line), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(v);
	assert_int_equal(json_object_size(v), 22);
	assert_string_equal(json_string_value(json_object_get(v, "path")), "a\n\"\\ \xc3\xa4 \xe2\x80\xa8 \x7f");
	json_decref(v);
	through("\xff", &a, &line);
	assert_null(json_loads(buf_str(&line), 0, NULL));
	arena_free(&a);
}

/* 'line' with the first 'old' replaced must be refused. */
static void refused(const char *line, const char *old, const char *new)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF text = BUF_INIT;
	struct ledger_entry e = {.seq = 42};
	const char *at = strstr(line, old);

	assert_non_null(at);
	buf_add(&text, line, (size_t)(at - line));
	buf_adds(&text, new);
	buf_adds(&text, at + strlen(old));
	if (ledger_entry_parse(text.data, text.len, &a, &e) != -EINVAL)
		fail_msg("accepted: %s", text.data);
	assert_int_equal(e.seq, 42);
	arena_free(&a);
}

/* The same meaning in other bytes is another line. */
static void only_one_form(void **state)
{
	(void)state;
	refused(full_line, "{\"seq\"", " {\"seq\"");
	refused(full_line, "\"seq\":1", "\"seq\": 1");
	refused(full_line, "\"seq\":", "\"seq\":0");
	refused(full_line, "18446744073709551615", "18446744073709551616");
	refused(full_line, "18446744073709551615", "-1");
	refused(full_line, "18446744073709551615", "1.0");
	refused(full_line, ",\"errno\":1", "");
	refused(full_line, "\"errno\":1", "\"errno\":01");
	refused(full_line, "\"errno\":1", "\"errno\":-0");
	refused(full_line, "\"errno\":1", "\"errno\":9223372036854775808");
	refused(full_line, "\"errno\":1", "\"errno\":1,\"errno\":1");
	refused(full_line, "\"deny\"", "\"DENY\"");
	refused(full_line, "12:00:00.123456Z", "12:00:00.12345Z");
	refused(full_line, "12:00:00.123456Z", "12:00:00.123456z");
	refused(full_line, "12:00:00.123456Z", "12:00:60.123456Z");
	refused(full_line, "12:00:00.123456Z", "24:00:00.123456Z");
	refused(full_line, "2026-01-31T", "2026-02-30T");
	refused(full_line, "2026-01-31T", "2026-01-31 ");
	refused(full_line, "\\n", "\\u000a");
	refused(full_line, "\\n", "\n");
	refused(full_line, "\\n", "\\u0000");
	refused(full_line, "\\n", "\\/");
	refused(full_line, "\\udcff", "\\udcFF");
	refused(full_line, "\\udcff", "\\udcff\\"); /* takes the closing quote */
	refused(full_line, "\\udcff", "\\udc7f");
	refused(full_line, "\\udcff", "\\ud83d\\ude00");
	refused(full_line, "\\udcff", "\\udcc3\\udca4"); /* together UTF-8: written as it is */
	refused(full_line, "\\udcff", "\xff");
	refused(full_line, "\\udcff", "\\u0061");
	refused(full_line, "\"pid\":4194304", "\"pid\":-2");
	refused(full_line, "\"uid\":1001", "\"uid\":\"1001\"");
	refused(full_line, "{\"sha256\":\"ab\",\"size\":0,\"revision\":\"A+B1\"}", "{\"sha256\":null,\"size\":null,\"revision\":null}");
	refused(full_line, "\"line\":14", "\"line\":null");
	refused(full_line, "\"none\":null", "\"none\":[]");
	refused(full_line, "\"none\":null", "\"none\":null,");
	refused(full_line, "\"elevated\":true", "\"elevated\":1");
	refused(full_line, "abab", "ABAB");
	refused(full_line, "abab", "ab");
	refused(full_line, "1010\"}", "1010\"} ");
	refused(full_line, "1010\"}", "1010\"}\n");
	refused(full_line, "1010\"}", "1010\"");
	refused(full_line, "\"}", "\"");
	refused(bare_line, "\"roles\":[]", "\"roles\":[,]");
	refused(bare_line, "\"roles\":[]", "\"roles\":null");
	refused(bare_line, "\"event\":\"mount\"", "\"event\":null");
}

static void raw_zero(void **state)
{
	struct arena a = ARENA_INIT;
	struct ledger_entry e;
	char line[sizeof(full_line)];

	(void)state;
	memcpy(line, full_line, sizeof(line));
	*strstr(line, "a b") = '\0';
	assert_int_equal(ledger_entry_parse(line, sizeof(line) - 1, &a, &e), -EINVAL);
	arena_free(&a);
}

/* The longest line there may be, and one byte more. */
static void longest(void **state)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF line = BUF_INIT;
	struct ledger_entry e = LEDGER_ENTRY_INIT, back;
	char *path = malloc(LEDGER_LINE_MAX);

	(void)state;
	assert_non_null(path);
	memset(path, 'p', LEDGER_LINE_MAX);
	e.path = path;
	path[LEDGER_LINE_MAX - (sizeof(bare_line) - 1) + 2 - 1] = '\0'; /* "p..." for null */
	assert_int_equal(ledger_entry_format(&e, &line), 0);
	assert_int_equal(line.len, LEDGER_LINE_MAX - 1);
	assert_int_equal(ledger_entry_parse(line.data, line.len, &a, &back), 0);
	path[LEDGER_LINE_MAX - (sizeof(bare_line) - 1) + 2 - 1] = 'p';
	path[LEDGER_LINE_MAX - (sizeof(bare_line) - 1) + 2] = '\0';
	buf_reset(&line);
	assert_int_equal(ledger_entry_format(&e, &line), 0);
	assert_int_equal(line.len, LEDGER_LINE_MAX);
	assert_int_equal(ledger_entry_parse(line.data, line.len, &a, &back), -EINVAL);
	free(path);
	arena_free(&a);
}

static void extreme_numbers(void **state)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF line = BUF_INIT;
	const struct ledger_attr v[] = {LEDGER_ATTR_NUMBER("least", INT64_MIN), LEDGER_ATTR_NUMBER("most", INT64_MAX)};
	struct ledger_entry e = LEDGER_ENTRY_INIT, back;

	(void)state;
	e.attrs = v;
	e.n_attrs = 2;
	assert_int_equal(ledger_entry_format(&e, &line), 0);
	assert_non_null(strstr(line.data, "{\"least\":-9223372036854775808,\"most\":9223372036854775807}"));
	assert_int_equal(ledger_entry_parse(line.data, line.len, &a, &back), 0);
	assert_true(back.attrs[0].number == INT64_MIN && back.attrs[1].number == INT64_MAX);
	arena_free(&a);
}

/* Every beginning of a line is refused, and none is read beyond its end (asan). */
static void cut_short(void **state)
{
	(void)state;
	for (size_t n = 0; n < strlen(full_line); n++) {
		struct arena a = ARENA_INIT;
		struct ledger_entry e;
		char *copy = malloc(n + 1);
		assert_non_null(copy);
		memcpy(copy, full_line, n);
		char *exact = realloc(copy, n ? n : 1);
		assert_int_equal(ledger_entry_parse(exact, n, &a, &e), -EINVAL);
		free(exact);
		arena_free(&a);
	}
}

static void times(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{1, "1970-01-01T00:00:00.000001Z"},
		{951782400000000, "2000-02-29T00:00:00.000000Z"},
		{253402300799999999, "9999-12-31T23:59:59.999999Z"},
		{-62167219200000000, "0000-01-01T00:00:00.000000Z"},
	};
	char text[LEDGER_TIME_SIZE];
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(ledger_time_format(rows[i].us, text));
		assert_string_equal(text, rows[i].text);
		assert_true(ledger_time_parse(text, strlen(text), &us));
		assert_true(us == rows[i].us);
	}
	assert_false(ledger_time_format(253402300800000000, text));
	assert_false(ledger_time_format(-62167219200000001, text));
	assert_false(ledger_time_format(INT64_MIN, text));
	assert_string_equal(text, "");
}

static void no_line_without_a_time(void **state)
{
	AUTO_BUF out = BUF_INIT;
	struct ledger_entry e = LEDGER_ENTRY_INIT;

	(void)state;
	e.time_us = INT64_MAX;
	assert_int_equal(ledger_entry_format(&e, &out), -EINVAL);
	assert_int_equal(out.len, 0);
}

/* CHECKS.md, word for word. */
static void vocabulary(void **state)
{
	static const char words[] =
		"mount unmount principal_unmapped session_elevated session_ended file_create file_write file_seal file_torn file_replace "
		"file_rename file_unlink dir_create dir_remove auto_own meta_change adopted quarantined withdrawn marked hold retention "
		"refused worm_refused policy_change policy_invalid policy_reload identity_change group_change role_change admin_use "
		"record_create record_update record_delete record_rejected sequence_assigned party_create party_rename rollup_write "
		"draft_create draft_edit draft_diff draft_validate draft_validate_failed draft_submit request_changes version_publish "
		"version_supersede version_archive version_rollback version_repair draft_discard item_unpublish freeze_set "
		"freeze_override idempotent_replay check_run check_failed checkpoint recovery";
	const char *s = words;
	int n = 0;

	(void)state;
	for (; *s; n++) {
		size_t len = strcspn(s, " ");
		enum ledger_event e;
		assert_true(ledger_event_find(s, len, &e));
		assert_int_equal(e, n);
		s += len + (s[len] == ' ');
	}
	assert_string_equal(ledger_events[n].name, "ledger_rotated");
	assert_int_equal(n + 3, LEDGER_EVENT_COUNT);
	for (int i = 0; i < LEDGER_EVENT_COUNT; i++) {
		assert_true(ledger_events[i].when == LEDGER_ALWAYS || !ledger_events[i].synced);
		assert_true(*ledger_events[i].text);
	}
	assert_true(ledger_events[LEDGER_POLICY_CHANGE].synced && ledger_events[LEDGER_FILE_SEAL].synced);
	assert_true(ledger_events[LEDGER_VERSION_PUBLISH].synced && !ledger_events[LEDGER_FILE_CREATE].synced);
	assert_int_equal(ledger_events[LEDGER_REFUSED].when, LEDGER_FOLDED);
	assert_int_equal(ledger_events[LEDGER_FILE_READ].when, LEDGER_READS);
	enum ledger_event e;
	assert_false(ledger_event_find("moun", 4, &e));
	assert_false(ledger_event_find("mounts", 6, &e));
	assert_false(ledger_event_find("", 0, &e));
}

/* A line of a newer version is still a line. */
static void unknown_events(void **state)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF line = BUF_INIT, out = BUF_INIT;
	struct ledger_entry e = LEDGER_ENTRY_INIT, back;

	(void)state;
	e.event = LEDGER_OTHER;
	e.event_name = "file_teleported";
	assert_int_equal(ledger_entry_format(&e, &line), 0);
	assert_int_equal(ledger_entry_parse(line.data, line.len, &a, &back), 0);
	assert_int_equal(back.event, LEDGER_OTHER);
	assert_string_equal(back.event_name, "file_teleported");
	assert_int_equal(ledger_entry_format(&back, &out), 0);
	assert_string_equal(out.data, line.data);
	arena_free(&a);
}

/* Arrays of any length, so that their growing is seen. */
static void many(void **state)
{
	struct ledger_attr v[70];
	const char *names[70];
	char text[70][16];

	(void)state;
	for (int i = 0; i < 70; i++) {
		snprintf(text[i], sizeof(text[i]), "n%d", i);
		names[i] = text[i];
		v[i] = LEDGER_ATTR_NUMBER(text[i], i);
	}
	for (size_t n = 0; n <= 70; n++) {
		struct arena a = ARENA_INIT;
		AUTO_BUF line = BUF_INIT;
		struct ledger_entry e = LEDGER_ENTRY_INIT, back;
		e.roles = names;
		e.attrs = v;
		e.n_roles = e.n_attrs = n;
		assert_int_equal(ledger_entry_format(&e, &line), 0);
		assert_int_equal(ledger_entry_parse(line.data, line.len, &a, &back), 0);
		assert_true(back.n_roles == n && back.n_attrs == n);
		for (size_t i = 0; i < n; i++) {
			assert_string_equal(back.roles[i], names[i]);
			assert_int_equal(back.attrs[i].number, i);
		}
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(read_back),
		cmocka_unit_test(names_of_all_bytes),
		cmocka_unit_test(other_readers),
		cmocka_unit_test(only_one_form),
		cmocka_unit_test(raw_zero),
		cmocka_unit_test(longest),
		cmocka_unit_test(extreme_numbers),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(times),
		cmocka_unit_test(no_line_without_a_time),
		cmocka_unit_test(vocabulary),
		cmocka_unit_test(unknown_events),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
