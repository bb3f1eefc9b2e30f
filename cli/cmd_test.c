/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc test: decides what test files ask, by the same function as everything else, and counts which rules that reached. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/ynode.h"
#include "cli/cases.h"
#include "cli/cli.h"
#include "cli/cover.h"
#include "cli/engine.h"
#include "cli/files.h"
#include "cli/memtree.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/walk.h"

struct session {
	const struct cli *c;
	struct buf out;
	size_t passed, failed, rules, reached;
	int status; /* the worst so far */
	struct engine tree; /* of --tree, opened once */
	struct cover tree_cover;
	/* of the file and case at hand */
	const char *file;
	struct arena arena;
	const struct engine *e;
	struct cover *cover;
};

/* ------------------------------------------------------------------------------------------------ one test */

/* What came of one test: of a move whose ends both count, the end that refused. */
struct outcome {
	bool allowed;
	struct acl_decision d; /* only reason and allowed for what is merely seen */
};

static void decide(const struct session *s, const struct test *t, enum acl_op op, const char *path, struct outcome *o)
{
	bool itself = acl_ops[op].place == ACL_PLACE_DIR;
	const char *name = NULL;
	AUTO_FREE char *parent = itself ? NULL : place_parent(path, &name);
	const char *dir = itself ? path : parent;
	struct acl_request rq = acl_request_for(op, name, &t->who, &t->attrs, t->flags);
	struct acl_policy *p;

	if (itself && !acl_ops[op].verbs) {
		struct acl_sight sight = {0};

		acl_snap_sight(s->e->snap, dir, &rq, &sight);
		o->d = (struct acl_decision){.allowed = sight.enter, .reason = sight.enter ? BECAUSE_VISIBLE : BECAUSE_UNSEEN};
	} else {
		p = acl_snap_policy(s->e->snap, dir);
		o->d = acl_decide(p, &rq);
		cover_mark(s->cover, &o->d);
		acl_policy_unref(p);
	}
	o->allowed = o->d.allowed;
}

static bool as_expected(const struct test *t, const struct outcome *o)
{
	if (o->allowed != t->allow || (t->reason && strcmp(t->reason, acl_reasons[o->d.reason].word) != 0))
		return false;
	if (!t->by)
		return true;
	return o->d.src.file && !strcmp(t->by, o->d.src.file) && (!t->by_line || t->by_line == o->d.src.line);
}

static void say_source(const struct acl_decision *d, struct buf *out)
{
	buf_addf(out, "because %s", acl_reasons[d->reason].word);
	if (!d->src.file)
		return;
	buf_addf(out, " (%s:%u", d->src.file, d->src.line);
	if (d->entry)
		buf_addf(out, " \"%s\"", d->entry);
	if (d->role)
		buf_addf(out, ", role %s", d->role);
	buf_addc(out, ')');
}

static void say_failed(struct session *s, const struct test *t, const struct outcome *o)
{
	AUTO_BUF line = BUF_INIT;

	buf_addf(&s->out, "%sFAIL%s ", out_style(OUT_BAD), out_style(OUT_PLAIN));
	buf_addf(&line, "%s:%u: ", s->file, t->line);
	if (t->about)
		buf_addf(&line, "%s: ", t->about);
	buf_addf(&line, "%s %s %s: expected %s", t->as, acl_ops[t->op].name, *t->path ? t->path : ".", t->allow ? "allow" : "deny");
	if (t->reason)
		buf_addf(&line, " because %s", t->reason);
	if (t->by)
		buf_addf(&line, " by %s", t->by);
	if (t->by_line)
		buf_addf(&line, ":%u", t->by_line);
	buf_addf(&line, ", got %s ", o->allowed ? "allow" : "deny");
	say_source(&o->d, &line);
	out_name(&s->out, buf_str(&line));
	buf_addc(&s->out, '\n');
}

static void json_test(struct session *s, const struct test *t, const struct outcome *o, bool ok)
{
	struct buf *out = &s->out;

	json_sep(out);
	buf_addc(out, '{');
	json_kv_bool(out, "ok", ok);
	json_kv(out, "file", s->file);
	json_kv_int(out, "line", t->line);
	if (t->about)
		json_kv(out, "about", t->about);
	json_kv(out, "as", t->as);
	json_kv(out, "op", acl_ops[t->op].name);
	json_kv(out, "path", *t->path ? t->path : ".");
	json_kv(out, "expect", t->allow ? "allow" : "deny");
	json_kv(out, "got", o->allowed ? "allow" : "deny");
	json_kv(out, "reason", acl_reasons[o->d.reason].word);
	json_kv(out, "by", o->d.src.file);
	json_kv_int(out, "by_line", o->d.src.line);
	buf_addc(out, '}');
}

static void run_test(void *arg, const struct test *t)
{
	struct session *s = arg;
	struct outcome o, other;
	bool ok;

	decide(s, t, t->op, t->path, &o);
	if (t->to && o.allowed) {
		decide(s, t, t->over ? ACL_OP_RENAME_OVER : ACL_OP_RENAME_TO, t->to, &other);
		if (!other.allowed)
			o = other;
	}
	ok = as_expected(t, &o);
	s->passed += ok;
	s->failed += !ok;
	if (cli_has(s->c, OPT_JSON))
		json_test(s, t, &o, ok);
	else if (!ok)
		say_failed(s, t, &o);
}

/* ------------------------------------------------------------------------------------------------ rules */

struct covering {
	const struct engine *e;
	struct cover *cover;
};

static void cover_dir(void *arg, const char *dir)
{
	struct covering *c = arg;
	bool invalid;
	struct zddc_doc *doc = acl_snap_doc(c->e->snap, dir, &invalid);

	if (doc && !invalid)
		cover_add(c->cover, doc);
	zddc_unref(doc);
}

/* Adds up what a tree's tests came to; lists the rules they did not reach. */
static void close_cover(struct session *s, const char *file, struct cover *c)
{
	bool list = cli_has(s->c, OPT_COVERAGE) && !cli_has(s->c, OPT_JSON);

	s->rules += c->n;
	s->reached += cover_hits(c);
	for (size_t i = 0; i < c->n && list; i++) {
		AUTO_BUF line = BUF_INIT;

		if (c->v[i].hit)
			continue;
		buf_addf(&line, "%s: %s:%u: no test reaches %s %s", file, c->v[i].file, c->v[i].line, c->v[i].kind, c->v[i].text);
		out_name(&s->out, buf_str(&line));
		buf_addc(&s->out, '\n');
	}
	cover_free(c);
}

/* ------------------------------------------------------------------------------------------------ one case */

static void plant(const struct ynode *files, struct memtree *t)
{
	ynode_each(f, files) {
		const char *path = f->key->text, *name;
		size_t n = strlen(path);

		if (n && path[n - 1] == '/') {
			AUTO_FREE char *dir = strndup(path, n - 1);
			memtree_dir(t, dir);
			continue;
		}
		AUTO_FREE char *dir = place_parent(path, &name);
		if (strcmp(name, ".zddc") != 0)
			memtree_dir(t, dir);
		else
			memtree_doc(t, dir, f->text, f->len);
	}
}

static struct memtree *tree_of(const struct test_case *c)
{
	struct memtree *t = memtree_new();
	const struct ynode *last = ynode_get(c->spec, "last");

	plant(c->tree, t);
	plant(ynode_get(c->spec, "break"), t);
	if (last)
		memtree_last_root(t, last->text, last->len);
	return t;
}

static int defaults_of(struct session *s, const struct test_case *c, struct zddc_doc **out)
{
	AUTO_DIAGS d = DIAGS_INIT;

	*out = NULL;
	if (c->no_defaults)
		return ZDDC_YES;
	if (!c->defaults)
		return engine_defaults(s->c, out);
	if (zddc_parse("defaults", c->defaults, strlen(c->defaults), false, &d, out) == 0)
		return ZDDC_YES;
	out_diags(&d);
	return out_fail(ZDDC_POLICY, "%s:%u: its defaults: are invalid", s->file, c->spec->line);
}

static void run_own_tree(struct session *s, const struct test_case *c)
{
	struct engine e = {0};
	struct cover cover = {0};
	struct zddc_doc *defaults;
	int status = defaults_of(s, c, &defaults);
	struct memtree *t;

	if (status != ZDDC_YES) {
		s->status = status;
		return;
	}
	t = tree_of(c);
	engine_over(memtree_source(t), defaults, c->strict || cli_has(s->c, OPT_STRICT), &e);
	memtree_each_doc(t, cover_dir, &(struct covering){&e, &cover});
	if (c->defaults || cli_has(s->c, OPT_DEFAULTS))
		cover_add(&cover, defaults);
	s->e = &e;
	s->cover = &cover;
	cases_tests(c, &s->arena, (long long)time(NULL), run_test, s);
	close_cover(s, s->file, &cover);
	engine_close(&e);
	memtree_free(t);
}

static void run_case(void *arg, const struct test_case *c)
{
	struct session *s = arg;

	if (c->tree) {
		run_own_tree(s, c);
		return;
	}
	if (!ynode_get(c->spec, "tests") && !ynode_get(c->spec, "holds"))
		return;
	if (!s->tree.snap) {
		s->status = out_fail(ZDDC_USAGE, "%s has no tree of its own: say which archive it is about with --tree DIR", s->file);
		return;
	}
	s->e = &s->tree;
	s->cover = &s->tree_cover;
	cases_tests(c, &s->arena, (long long)time(NULL), run_test, s);
}

static void run_file(struct session *s, const char *file)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct ynode *spec;
	size_t before = s->passed + s->failed;
	int err = file_read(file, 128u << 20, &text);

	s->file = file;
	if (err) {
		s->status = out_fail(ZDDC_IO, "%s: %s", file, strerror(-err));
		return;
	}
	s->arena = (struct arena)ARENA_INIT;
	if (cases_parse(&s->arena, file, buf_str(&text), text.len, &d, &spec) < 0) {
		out_diags(&d);
		s->status = ZDDC_POLICY;
	} else {
		cases_each(spec, run_case, s);
		if (s->passed + s->failed == before && s->status == ZDDC_YES)
			s->status = out_fail(ZDDC_POLICY, "%s: there is no test in it: write tests: or holds:", file);
	}
	arena_free(&s->arena);
}

/* ------------------------------------------------------------------------------------------------ all of them */

static void finish(struct session *s)
{
	struct buf *out = &s->out;

	if (cli_has(s->c, OPT_JSON)) {
		buf_addc(out, ']');
		json_kv_int(out, "passed", (long long)s->passed);
		json_kv_int(out, "failed", (long long)s->failed);
		json_kv_int(out, "rules", (long long)s->rules);
		json_kv_int(out, "rules_reached", (long long)s->reached);
		buf_adds(out, "}\n");
	} else {
		buf_addf(out, "%zu tests: %zu passed, %zu failed; they reached %zu of %zu rules%s\n", s->passed + s->failed, s->passed, s->failed,
			 s->reached, s->rules, s->reached < s->rules && !cli_has(s->c, OPT_COVERAGE) ? " (--coverage lists the others)" : "");
	}
	out_put(out);
}

int cmd_test(const struct cli *c)
{
	struct session s = {.c = c, .status = ZDDC_YES};

	if (cli_has(c, OPT_TREE)) {
		s.status = engine_open(c, c->opt[OPT_TREE], &s.tree);
		if (s.status == ZDDC_YES)
			walk_tree(s.tree.tree, "", &(struct walk){.dir = cover_dir, .arg = &(struct covering){&s.tree, &s.tree_cover}});
	}
	if (cli_has(c, OPT_JSON))
		buf_adds(&s.out, "{\"tests\":[");
	for (size_t i = 0; i < c->n_args && s.status == ZDDC_YES; i++)
		run_file(&s, c->args[i]);
	if (s.status == ZDDC_YES && s.tree.tree)
		s.status = engine_complaints(&s.tree);
	close_cover(&s, cli_has(c, OPT_TREE) ? c->opt[OPT_TREE] : "", &s.tree_cover);
	if (s.status == ZDDC_YES)
		finish(&s);
	engine_close(&s.tree);
	buf_free(&s.out);
	return s.status != ZDDC_YES ? s.status : s.failed ? ZDDC_NO : ZDDC_YES;
}
