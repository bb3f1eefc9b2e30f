/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A valid document must not be a bomb either. Documents of hostile shapes, as large as a document may be, go through everything that
 * the engine does with one; four times the size may cost at most eight times as much processor time (linear is 4, quadratic 16), and
 * never more than MOST_MS. Measured is the processor time of the thread, the best of three, so that a busy machine changes nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MOST_MS = 4000, SHRINK = 4 };
#else
enum { MOST_MS = 400, SHRINK = 1 };
#endif
enum { MOST_RATIO = 8, NOISE_US = 10000, TRIES = 3, LEVELS = 240, EDITED = LEVELS };

/* ------------------------------------------------------------------------------------------------ shapes */

typedef void home_fn(struct buf *text, unsigned n);
/* Documents by level: 0 the root's, 1 that of home/, 2 that of home/d/, and so on. EDITED: what is written over that of home/. */
typedef void level_fn(struct buf *text, unsigned level, unsigned n);

static void role_grants(struct buf *b, unsigned n, const char *verbs)
{
	buf_adds(b, "acl:\n permissions:\n");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "  role:r%u: %s\n", i, verbs);
}

static void roles(struct buf *b, unsigned n, const char *body)
{
	buf_adds(b, "roles:\n");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, " r%u: {%s}\n", i, body);
}

static void bodies(struct buf *b, unsigned n, const char *body)
{
	buf_adds(b, "paths:\n");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, " p%u: {%s}\n", i, body);
}

/* n lines, each with its number in the middle. */
static void lines(struct buf *b, unsigned n, const char *before, const char *behind)
{
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%s%u%s", before, i, behind);
}

/* What made one stat by a stranger cost seconds: no principal holds a role here, and each was looked for in each body. */
static void grants_and_bodies(struct buf *b, unsigned n)
{
	buf_adds(b, "paths:\n x: {acl: {permissions: {\n");
	lines(b, n, "  role:r", ": r,\n");
	buf_adds(b, "  z@z.z: r}}}\n");
	lines(b, n, " p", ": {title: t}\n");
}

static void grants_nobody_holds(struct buf *b, unsigned n)
{
	role_grants(b, n, "rwcda");
	roles(b, n, "members: [z@z.z]");
}

static void roles_everybody_holds(struct buf *b, unsigned n)
{
	role_grants(b, n, "r");
	roles(b, n, "members: ['*'], reset: true");
}

static void lists_of_roles(struct buf *b, unsigned n)
{
	roles(b, n, "members: ['*@y.org', '*@z.org']");
	buf_adds(b, "worm:\n");
	lines(b, n, "- r", "\n");
	buf_adds(b, "admins:\n");
	lines(b, n, "- r", "\n");
}

static void roles_in_bodies(struct buf *b, unsigned n)
{
	buf_adds(b, "paths:\n");
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, " p%u: {roles: {r%u: {members: ['*@y.org', v%u@x.org]}}, acl: {permissions: {r%u: rw}}}\n", i, i, i, n - 1 - i);
}

/* Globs that almost match. */
static void globs(struct buf *b, unsigned n)
{
	role_grants(b, 30, "r");
	lines(b, n, "  '*v*i*c*t*i*m*", "@x.org': rw\n");
	buf_adds(b, "roles:\n r1:\n  members:\n");
	lines(b, n, "  - '*vi*ct*im*", "@*x*.*or*g'\n");
}

static void denials(struct buf *b, unsigned n)
{
	buf_adds(b, "acl:\n permissions:\n  r0: rwcda\n");
	lines(b, n, "  u", "@x.org: ''\n");
	lines(b, n, "  role:q", ": ''\n");
	buf_adds(b, "roles:\n r0:\n  members:\n");
	lines(b, n, "  - w", "@x.org\n");
}

static void denials_below(struct buf *b, unsigned level, unsigned n)
{
	(void)n;
	if (!level)
		buf_adds(b, "admins: [root@x.org]\npaths: {home: {auto_own: true, auto_own_roles: [r0]}}\n");
}

/* Two documents, of which one declares directories below each of those that the other declares. */
static void slots_below_slots(struct buf *b, unsigned n)
{
	buf_adds(b, "paths: {'*': {paths: {'*': {paths: {\n");
	lines(b, n, "  y", ": {acl: {permissions: {'*': r}}},\n");
	buf_adds(b, "  z: {}}}}}}\n");
}

static void slots_above(struct buf *b, unsigned level, unsigned n)
{
	if (level == 2)
		bodies(b, n, "acl: {inherit: false}");
}

static void slots_that_deny(struct buf *b, unsigned n) { bodies(b, n, "acl: {permissions: {'*': r, '*@x.org': ''}}"); }

/* A literal is compared with the "*" that selected it before. */
static void star(struct buf *b, unsigned n)
{
	buf_adds(b, " '*': {paths: {\n");
	lines(b, n, "  q", ": {worm: [], roles: {a: {}}},\n");
	buf_adds(b, "  '*': {worm: [], roles: {a: {}}}}}\n");
}

static void literals_beside_a_star(struct buf *b, unsigned n)
{
	bodies(b, n, "paths: {'*': {worm: [], roles: {a: {}}}}");
	star(b, n);
}

static void only_the_star(struct buf *b, unsigned level, unsigned n)
{
	if (level != EDITED)
		return;
	buf_adds(b, "paths:\n");
	star(b, n);
}

static void deep_paths(struct buf *b, unsigned n)
{
	buf_adds(b, "paths: {\n");
	for (unsigned i = 0; i < n / 12; i++) {
		buf_addf(b, " p%u: ", i);
		for (unsigned k = 0; k < 12; k++)
			buf_addf(b, "{paths: {'%s': ", k % 2 ? "*" : "a");
		buf_adds(b, "{acl: {permissions: {nobody@y.org: r}}}");
		for (unsigned k = 0; k < 12; k++)
			buf_adds(b, "}}");
		buf_adds(b, ",\n");
	}
	buf_adds(b, "}\n");
}

/* A chain of directories, each with a fence and a reset, above which one document names many roles. */
static void two_thousand_roles(struct buf *b, unsigned n)
{
	(void)n;
	roles_everybody_holds(b, 2000);
}

static void fences_and_resets(struct buf *b, unsigned level, unsigned n)
{
	if (level > 1 && level < n)
		buf_addf(b, "acl: {inherit: %s, permissions: {role:none: r}}\nroles: {r7: {reset: true, members: [z@z.z]}}\n"
			    "paths: {'*': {paths: {'*': {paths: {'*': {paths: {'*': {title: t}}}}}}}}\n",
			 level % 2 ? "false" : "true");
}

/* ... and at whose end directories are declared below declared ones. */
static void slots_at_the_end(struct buf *b, unsigned level, unsigned n)
{
	if (level == LEVELS - 2)
		slots_below_slots(b, n);
	else if (level == LEVELS - 1)
		slots_above(b, 2, n);
	else
		fences_and_resets(b, level, LEVELS);
}

static void many_keys(struct buf *b, unsigned n)
{
	buf_adds(b, "records:\n");
	lines(b, n, " '*", ".yaml': {schema: s, locked: {a: b}}\n");
	buf_adds(b, "field_codes:\n");
	lines(b, n, " f", ": {kind: enum, codes: [A, B]}\n");
	buf_adds(b, "display:\n");
	lines(b, n, " k", ": v\n");
}

/* Names that a hash without a secret would put into one place of a table for n. */
static void names_that_collide(struct buf *b, unsigned n)
{
	char key[32];
	uint64_t mask = 4;
	while (mask < 2 * n)
		mask *= 2;
	buf_adds(b, "paths:\n");
	for (unsigned i = 0, found = 0; found < n; i++) {
		int len = snprintf(key, sizeof(key), "%x", i);
		if ((hash64(key, (size_t)len) & (mask - 1)) > 15)
			continue;
		buf_addf(b, " '%s': {}\n", key);
		found++;
	}
}

static const struct shape {
	const char *name;
	home_fn *home;
	level_fn *other; /* levels but that of home/; NULL: only the root has one more */
	unsigned n; /* and 4 n */
	unsigned levels;
	bool capped; /* not in line, but what is over a limit is not looked at: only MOST_MS counts */
} shapes[] = {
	{"role grants and bodies", grants_and_bodies, NULL, 3500, 2, false},
	{"grants nobody holds", grants_nobody_holds, NULL, 2500, 2, false},
	{"roles everybody holds", roles_everybody_holds, NULL, 2200, 2, false},
	{"lists of roles", lists_of_roles, NULL, 2200, 2, false},
	{"roles in bodies", roles_in_bodies, NULL, 1100, 2, false},
	{"globs", globs, NULL, 3000, 2, false},
	{"denials and members", denials, denials_below, 3500, 2, true},
	{"slots below slots", slots_below_slots, slots_above, 1500, 3, true},
	{"slots that deny", slots_that_deny, NULL, 1700, 2, false},
	{"literals beside a star", literals_beside_a_star, only_the_star, 700, 2, true},
	{"deep paths", deep_paths, NULL, 3000, 2, false},
	{"deep chain", two_thousand_roles, fences_and_resets, LEVELS / 4, LEVELS, false},
	{"slots behind a chain", two_thousand_roles, slots_at_the_end, 400, LEVELS, true},
	{"many keys", many_keys, NULL, 1000, 2, false},
	{"names that collide", names_that_collide, NULL, 1000, 2, false},
};

static void write_level(const struct shape *s, struct buf *b, unsigned level, unsigned n)
{
	size_t from = b->len;
	if (level == 1)
		s->home(b, n);
	else if (s->other)
		s->other(b, level, n);
	if (!level && b->len == from)
		buf_adds(b, "admins: [root@x.org]\nroles: {boss: {members: [root@x.org]}}\n");
}

/* ------------------------------------------------------------------------------------------------ one archive of a shape */

struct archive {
	const struct shape *shape;
	unsigned n;
	struct buf text[LEVELS];
	struct zddc_doc *doc[LEVELS], *again; /* again: the document of home/ with one grant more */
	struct acl *acl, *strict;
	struct acl_policy *root, *home, *below, *severe; /* severe: home under strict */
};

static const char *const staff[] = {"staff", "users", "lp"};
static const struct acl_principal victim = {"victim@x.org", staff, 3};
static const struct acl_attrs attrs = {.now = 1000, .risk_score = 20};

static void file_of(unsigned level, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s", level ? "home/" : "");
	for (unsigned i = 1; i < level; i++)
		n += (size_t)snprintf(out + n, size - n, "d/");
	snprintf(out + n, size - n, ".zddc");
}

static struct zddc_doc *parse(const char *file, struct buf *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	if (text->len && zddc_parse(file, buf_str(text), text->len, true, &d, &doc))
		fail_msg("%s: %s", file, d.v[0].text);
	return doc;
}

static void read_all(struct archive *a)
{
	char file[1024];
	for (unsigned i = 0; i < a->shape->levels; i++) {
		file_of(i, file, sizeof(file));
		write_level(a->shape, &a->text[i], i, a->n);
		a->doc[i] = parse(file, &a->text[i]);
	}
}

static struct acl_policy *policy(struct archive *a, struct acl *acl, unsigned levels)
{
	struct acl_policy *p = acl_root(acl, &(struct acl_own){.doc = a->doc[0]});
	for (unsigned i = 1; i < levels; i++) {
		struct acl_policy *child = acl_child(acl, p, i == 1 ? "home" : "d", &(struct acl_own){.doc = a->doc[i]});
		acl_policy_unref(p);
		p = child;
	}
	return p;
}

static void archive_open(struct archive *a, const struct shape *shape, unsigned n)
{
	AUTO_BUF edited = BUF_INIT;
	*a = (struct archive){.shape = shape, .n = n};
	read_all(a);
	buf_adds(&edited, "title: edited\n");
	write_level(shape, &edited, EDITED, n);
	if (shape->other != only_the_star)
		buf_add(&edited, a->text[1].data, a->text[1].len);
	a->again = parse("home/.zddc", &edited);
	a->acl = acl_new(NULL, false);
	a->strict = acl_new(NULL, true);
	a->root = policy(a, a->acl, 1);
	a->home = policy(a, a->acl, 2);
	a->below = policy(a, a->acl, shape->levels);
	a->severe = policy(a, a->strict, shape->levels);
}

static void archive_close(struct archive *a)
{
	acl_policy_unref(a->root);
	acl_policy_unref(a->home);
	acl_policy_unref(a->below);
	acl_policy_unref(a->severe);
	acl_free(a->acl);
	acl_free(a->strict);
	zddc_unref(a->again);
	for (unsigned i = 0; i < LEVELS; i++) {
		zddc_unref(a->doc[i]);
		buf_free(&a->text[i]);
	}
}

/* ---- as a source for a snapshot ---- */

static int level_of(const struct archive *a, const char *dir)
{
	char file[1024];
	size_t n = strlen(dir);
	for (unsigned i = 0; i < a->shape->levels; i++) {
		file_of(i, file, sizeof(file));
		if (i == 0 ? !n : !strncmp(file, dir, n) && !strcmp(file + n, "/.zddc"))
			return (int)i;
	}
	return -1;
}

static int read_doc(void *ctx, const char *dir, struct buf *text)
{
	struct archive *a = ctx;
	int i = level_of(a, dir);
	if (i < 0 || !a->text[i].len)
		return -ENOENT;
	buf_add(text, a->text[i].data, a->text[i].len);
	return 0;
}

static int list_dirs(void *ctx, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	struct archive *a = ctx;
	int i = level_of(a, dir);
	if (i < 0)
		return -ENOENT;
	if (i + 1 < (int)a->shape->levels)
		each(arg, i ? "d" : "home");
	return 0;
}

/* ------------------------------------------------------------------------------------------------ what is measured */

static void do_parse(struct archive *a)
{
	for (unsigned i = 0; i < a->shape->levels && i < 3; i++)
		zddc_unref(parse(".zddc", &a->text[i]));
}

static void do_compile(struct archive *a)
{
	struct acl *acl = acl_new(NULL, false);
	struct acl_policy *p = policy(a, acl, a->shape->levels), *child = acl_child(acl, p, "p1", NULL);
	acl_policy_unref(child);
	acl_policy_unref(p);
	acl_free(acl);
}

static void ask(const struct acl_policy *p, enum acl_op op)
{
	struct acl_request rq = acl_request_for(op, "x", &victim, &attrs, 0);
	struct acl_decision d = acl_decide(p, &rq);
	assert_true(!d.allowed || d.effective);
}

static void do_decide(struct archive *a)
{
	ask(a->home, ACL_OP_UNLINK);
	ask(a->below, ACL_OP_READ);
	acl_is_root_admin(a->below, &victim);
}

static void do_strict(struct archive *a) { ask(a->severe, ACL_OP_UNLINK); }

static void do_explain(struct archive *a)
{
	struct acl_request rq = acl_request_for(ACL_OP_UNLINK, "x", &victim, &attrs, 0);
	struct acl_policy *const at[] = {a->home, a->below};
	for (int i = 0; i < 2; i++) {
		AUTO_BUF out = BUF_INIT;
		struct acl_decision d = acl_decide(at[i], &rq);
		acl_explain(at[i], &rq, &d, ACL_OP_UNLINK, "home/x", NULL, ACL_JSON, &out);
		assert_true(out.len > 0);
	}
}

static bool unreadable(void *arg, const char *file)
{
	(void)arg;
	return !*file;
}

static void do_effective(struct archive *a)
{
	AUTO_BUF all = BUF_INIT, hidden = BUF_INIT;
	acl_effective(a->below, &victim, NULL, &all);
	acl_effective(a->below, &victim, &(struct acl_view){unreadable, NULL}, &hidden);
	assert_true(hidden.len <= all.len);
}

static void do_guards(struct archive *a)
{
	for (int i = 0; i < 4; i++) {
		AUTO_DIAGS d = DIAGS_INIT;
		struct zddc_doc *before = i == 1 ? NULL : a->doc[1], *after = i == 2 ? NULL : i == 3 ? a->doc[0] : a->again;
		zddc_guard_check(before, after, &d);
		acl_admin_roles_check(a->acl, a->root, "home", before, after, &d);
		acl_mandate_check(a->acl, a->root, "home", before, after, &d);
	}
}

static void do_sight(struct archive *a)
{
	struct zddc_source source = {.read = read_doc, .subdirs = list_dirs, .ctx = a};
	struct acl_snap *s = acl_snap_new(a->acl, &source);
	struct acl_request rq = {.who = &victim, .attrs = &attrs};
	struct acl_sight sight;
	AUTO_DIAGS d = DIAGS_INIT;
	assert_int_equal(acl_snap_sight(s, "", &rq, &sight), 0);
	acl_snap_roles_check(s, "", a->doc[1], a->again, &d);
	acl_snap_roles_check(s, "", NULL, a->again, &d);
	acl_snap_names_admins(s, "home", a->home);
	acl_snap_guarded(s, "home");
	acl_snap_free(s);
}

static void do_class(struct archive *a)
{
	struct zddc_source source = {.read = read_doc, .subdirs = list_dirs, .ctx = a};
	struct acl_snap *s = acl_snap_new(a->acl, &source);
	static const char *const where[][2] = {{"", "home"}, {"home", "p1"}, {"home", "x"}, {"home", NULL}, {"home/p1", NULL}};
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++)
		assert_true(acl_snap_class(s, where[i][0], where[i][1], NULL, NULL) <= ACL_UNIFORM_BUT_ADMINS);
	acl_snap_free(s);
}

static const struct {
	const char *name;
	void (*run)(struct archive *a);
} acts[] = {
	{"parse", do_parse},   {"compile", do_compile},	    {"decide", do_decide}, {"strict", do_strict},
	{"explain", do_explain}, {"effective", do_effective}, {"guards", do_guards}, {"sight", do_sight},
	{"class", do_class},
};
enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

static long us_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static long best_us(struct archive *a, void (*run)(struct archive *a))
{
	long best = 0;
	for (int i = 0; i < TRIES; i++) {
		long from = us_now();
		run(a);
		long us = us_now() - from;
		best = !i || us < best ? us : best;
		if (us > MOST_MS * 1000L)
			break;
	}
	return best;
}

static void costs_in_line(void **state)
{
	const struct shape *s = *state;
	unsigned n = s->levels == LEVELS ? s->n : s->n / SHRINK;
	struct archive *small = calloc(1, sizeof(*small)), *large = calloc(1, sizeof(*large));
	bool bad = false;
	assert_true(small && large);
	archive_open(small, s, n);
	archive_open(large, s, 4 * n);
	printf("%-24s %7zu bytes:", s->name, large->text[1].len);
	for (int i = 0; i < ACTS; i++) {
		long few = best_us(small, acts[i].run), many = best_us(large, acts[i].run);
		bool over = many > MOST_MS * 1000L || (!s->capped && many > NOISE_US && many > MOST_RATIO * few);
		printf(" %s %ld.%ld->%ld.%ld ms%s", acts[i].name, few / 1000, few / 100 % 10, many / 1000, many / 100 % 10, over ? " OVER" : "");
		fflush(stdout);
		bad |= over;
	}
	printf("\n");
	archive_close(small);
	archive_close(large);
	free(small);
	free(large);
	assert_false(bad);
}

int main(void)
{
	enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };
	struct CMUnitTest tests[SHAPES];
	for (size_t i = 0; i < SHAPES; i++)
		tests[i] = (struct CMUnitTest){.name = shapes[i].name, .test_func = costs_in_line, .initial_state = (void *)&shapes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
