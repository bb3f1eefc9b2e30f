/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy bombs: small or large texts that cost a naive reader minutes or gigabytes. Each is refused with an error, in under 10 ms and
 * with under 4 MB of memory. Each runs in a process of its own, so that its memory can be measured.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/err.h"

/* A sanitizer keeps freed memory and runs many times slower: there only the refusal and a looser time count. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MOST_MS = 400, MOST_KB = 400 * 1024 };
#else
enum { MOST_MS = 10, MOST_KB = 4096 };
#endif

struct cost {
	int refused;
	long us, kb;
	char why[160];
};

static long status_kb(const char *field)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, field, strlen(field)))
			sscanf(line + strlen(field), ": %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* From here on VmHWM is the peak of what follows. */
static void reset_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "we");

	if (!f || fputs("5", f) < 0 || fclose(f) != 0)
		_exit(9);
}

static void measure(const struct buf *text, struct cost *c)
{
	struct timespec a, b;
	long before;

	reset_peak();
	before = status_kb("VmRSS");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	struct diags d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	c->refused = zddc_parse("bomb", buf_str(text), text->len, true, &d, &doc) != 0 && d.errors > 0;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	c->us = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
	c->kb = status_kb("VmHWM") - before;
	snprintf(c->why, sizeof c->why, "%s", d.n ? d.v[0].text : "");
	zddc_unref(doc);
	diags_free(&d);
}

static void run(const struct buf *text, struct cost *c)
{
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		measure(text, c);
		_exit(write(fd[1], c, sizeof *c) == sizeof *c ? 0 : 8);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], c, sizeof *c), sizeof *c);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The best processor time of nine: the machine may be busy; what the text itself costs is there every time. */
static void refused_cheaply(const char *name, const struct buf *text)
{
	struct cost best = {0}, c;

	for (int i = 0; i < 9; i++) {
		run(text, &c);
		if (!i || c.us < best.us)
			best = c;
	}
	printf("%-28s %8zu bytes: %6ld us %6ld KiB  %s\n", name, text->len, best.us, best.kb, best.why);
	assert_true(best.refused);
	assert_true(best.us < MOST_MS * 1000L);
	assert_true(best.kb < MOST_KB);
}

static void repeat(struct buf *b, const char *s, size_t up_to)
{
	while (b->len + strlen(s) <= up_to)
		buf_adds(b, s);
}

static void flow_nesting(void **state)
{
	static const char *const units[] = {"[", "{a: ", "[[{a: ["};

	(void)state;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		for (size_t size = 10000; size <= 1000000; size *= 100) {
			AUTO_BUF b = BUF_INIT;

			repeat(&b, units[i], size);
			refused_cheaply("flow nesting", &b);
		}
}

static void block_nesting(void **state)
{
	AUTO_BUF dashes = BUF_INIT, keys = BUF_INIT, questions = BUF_INIT;

	(void)state;
	repeat(&dashes, "- ", 1000000);
	refused_cheaply("block nesting, lists", &dashes);
	for (int depth = 0; depth < 1400; depth++)
		buf_addf(&keys, "%*sa:\n", depth, "");
	refused_cheaply("block nesting, maps", &keys);
	repeat(&questions, "? ", 1000000);
	refused_cheaply("block nesting, keys", &questions);
}

static void aliases(void **state)
{
	AUTO_BUF laughs = BUF_INIT, many = BUF_INIT, anchors = BUF_INIT, cycle = BUF_INIT;

	(void)state;
	buf_adds(&laughs, "a0: &a0 lol\n");
	for (int i = 1; i < 30; i++) {
		buf_addf(&laughs, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_addf(&laughs, "%s*a%d", k ? "," : "", i - 1);
		buf_adds(&laughs, "]\n");
	}
	refused_cheaply("billion laughs", &laughs);
	repeat(&many, "- *a\n", 1000000);
	refused_cheaply("aliases", &many);
	for (int i = 0; anchors.len < 1000000; i++)
		buf_addf(&anchors, "k%d: &a%d x\n", i, i);
	refused_cheaply("anchors", &anchors);
	buf_adds(&cycle, "a: &a [*a]\n");
	refused_cheaply("a cycle", &cycle);
}

static void huge_scalar(void **state)
{
	static const char *const heads[] = {"title: ", "title: '", "title: \"", "title: |\n  ", "title: >\n  ", "", "? ", "title: >\n  "};
	static const char *const units[] = {"x", "x", "\\x41", "x\n  ", "x\n\n  ", "x", "x", "forty bytes of text that says nothing, or\n  "};

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		AUTO_BUF b = BUF_INIT;

		buf_adds(&b, heads[i]);
		repeat(&b, units[i], 1000000);
		if (strchr(heads[i], '\'') || strchr(heads[i], '"'))
			buf_addc(&b, heads[i][strlen(heads[i]) - 1]);
		refused_cheaply("huge scalar", &b);
	}
}

static void many_keys(void **state)
{
	AUTO_BUF unknown = BUF_INIT, grants = BUF_INIT, items = BUF_INIT, flow = BUF_INIT;

	(void)state;
	for (int i = 0; unknown.len < 1000000; i++)
		buf_addf(&unknown, "k%d: 1\n", i);
	refused_cheaply("keys nobody knows", &unknown);
	buf_adds(&grants, "acl:\n permissions:\n");
	for (int i = 0; grants.len < 1000000; i++)
		buf_addf(&grants, "  u%d@x.y: r\n", i);
	refused_cheaply("grants", &grants);
	buf_adds(&items, "admins:\n");
	repeat(&items, "- a\n", 1000000);
	refused_cheaply("list items", &items);
	buf_adds(&flow, "admins: [");
	repeat(&flow, "a,", 1000000);
	buf_adds(&flow, "a]");
	refused_cheaply("flow items", &flow);
}

static void duplicate_keys(void **state)
{
	AUTO_BUF same = BUF_INIT, pairs = BUF_INIT, folded = BUF_INIT;

	(void)state;
	repeat(&same, "a: 1\n", 200000);
	refused_cheaply("one key, 40,000 times", &same);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 8000; i++)
			buf_addf(&pairs, "k%d: 1\n", i);
	refused_cheaply("8,000 keys, twice", &pairs);
	buf_adds(&folded, "acl:\n permissions:\n");
	for (int i = 0; i < 4096; i++) { /* different until they are folded */
		buf_adds(&folded, "  ");
		for (int bit = 0; bit < 12; bit++)
			buf_addc(&folded, i >> bit & 1 ? 'A' : 'a');
		buf_adds(&folded, "@x.y: r\n");
	}
	refused_cheaply("keys equal after folding", &folded);
}

static void too_large(void **state)
{
	AUTO_BUF just = BUF_INIT, large = BUF_INIT;

	(void)state;
	repeat(&just, "# x\n", 1024 * 1024 + 4);
	refused_cheaply("1 MiB and 4 bytes", &just);
	repeat(&large, "title: x\n", 64 * 1024 * 1024);
	refused_cheaply("64 MiB", &large);
}

static void invalid_utf8(void **state)
{
	AUTO_BUF end = BUF_INIT, all = BUF_INIT, overlong = BUF_INIT;

	(void)state;
	repeat(&end, "# comment\n", 1000000);
	buf_adds(&end, "title: \xff\n");
	refused_cheaply("a byte at the end", &end);
	repeat(&all, "\xff", 1000000);
	refused_cheaply("nothing but", &all);
	repeat(&overlong, "title: \xc0\xaf\n", 1000000);
	refused_cheaply("overlong", &overlong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_nesting), cmocka_unit_test(block_nesting),  cmocka_unit_test(aliases),   cmocka_unit_test(huge_scalar),
		cmocka_unit_test(many_keys),	cmocka_unit_test(duplicate_keys), cmocka_unit_test(too_large), cmocka_unit_test(invalid_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
