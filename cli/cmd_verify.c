/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc verify: runs the checks of checks.def over an archive, a mount, or both. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/mounts.h"
#include "cli/out.h"
#include "cli/tree.h"
#include "cli/vec.h"
#include "cli/verify.h"

enum needs { NEEDS_RULES, NEEDS_TREE, NEEDS_MOUNT, NEEDS_EITHER };

static const struct check_row {
	const char *name;
	enum needs needs;
	void (*run)(struct verify *v);
	const char *text;
} rows[] = {
#define CHECK(name, needs, function, text) {name, NEEDS_##needs, function, text},
#include "cli/checks.def"
#undef CHECK
};

/* ------------------------------------------------------------------------------------------------ what checks say */

void verify_find(struct verify *v, const char *file, uint32_t line, const char *fmt, ...)
{
	AUTO_BUF text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addfv(&text, fmt, ap);
	va_end(ap);
	json_sep(&v->json);
	buf_addc(&v->json, '{');
	json_kv(&v->json, "file", file);
	json_kv_int(&v->json, "line", line);
	json_kv(&v->json, "text", buf_str(&text));
	buf_addc(&v->json, '}');
	if (v->found++)
		return;
	if (file)
		buf_adds(&v->first, *file ? file : ".");
	if (file && line)
		buf_addf(&v->first, ":%u", line);
	buf_addf(&v->first, "%s%s", file ? ": " : "", buf_str(&text));
}

void verify_nothing(struct verify *v, const char *fmt, ...)
{
	AUTO_BUF text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addfv(&text, fmt, ap);
	va_end(ap);
	free(v->nothing);
	v->nothing = buf_steal(&text);
}

/* ------------------------------------------------------------------------------------------------ the places */

static struct vplace *parent_of(struct verify *v, unsigned depth, unsigned *depths)
{
	for (size_t i = v->n; i-- > 0;)
		if (depths[i] + 1 == depth)
			return &v->v[i];
	return NULL;
}

struct gathering {
	struct verify *v;
	unsigned *depths;
};

static bool gather(void *arg, const struct place_found *at)
{
	struct gathering *g = arg;
	struct verify *v = g->v;
	struct vplace *p;

	v->v = vec_room(v->v, v->n, sizeof *v->v);
	g->depths = vec_room(g->depths, v->n, sizeof *g->depths);
	p = &v->v[v->n];
	*p = (struct vplace){.path = vec_str(at->path), .how = at->how, .policy = acl_snap_policy(v->rules->e.snap, at->path)};
	p->doc = at->how == PLACE_ON_DISK ? acl_snap_doc(v->rules->e.snap, at->path, &p->invalid) : NULL;
	if (p->invalid) { /* the last valid text of the root does not count here */
		zddc_unref(p->doc);
		p->doc = NULL;
	}
	g->depths[v->n++] = at->depth;
	return true;
}

static void set_parents(struct verify *v, unsigned *depths)
{
	size_t n = v->n;

	for (size_t i = 0; i < n; i++) {
		v->n = i; /* of what came before it */
		v->v[i].parent = depths[i] ? parent_of(v, depths[i], depths) : NULL;
	}
	v->n = n;
}

static void gather_places(struct verify *v)
{
	struct gathering g = {.v = v};

	places_walk(&(struct places){.e = {&v->rules->e}, .each = gather, .arg = &g}, "");
	set_parents(v, g.depths);
	free(g.depths);
}

/* ------------------------------------------------------------------------------------------------ running them */

static const char *out_of_reach(const struct verify *v, const struct check_row *r)
{
	switch (r->needs) {
	case NEEDS_RULES: return v->rules ? NULL : "you cannot read all of its policy";
	case NEEDS_EITHER: return NULL;
	case NEEDS_TREE: return v->tree ? NULL : "needs the archive behind the mount";
	case NEEDS_MOUNT: return v->mount ? NULL : "needs a mount";
	}
	return NULL;
}

/* --only R1,H3 */
static bool wanted(const struct cli *c, const char *name)
{
	const char *list = c->opt[OPT_ONLY];
	size_t n = strlen(name), len;

	if (!list)
		return true;
	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len == n && !strncasecmp(list, name, n))
			return true;
	}
	return false;
}

static const char *result_word(const struct verify *v)
{
	return v->found ? "fail" : v->nothing ? "nothing" : "ok";
}

static void text_result(const struct verify *v, const struct check_row *r, struct buf *out)
{
	enum out_style style = v->found ? OUT_BAD : v->nothing ? OUT_DIM : OUT_GOOD;
	AUTO_BUF line = BUF_INIT;

	buf_addf(out, "%s%-4s%s  %-4s ", out_style(style), v->found ? "FAIL" : v->nothing ? "--" : "ok", out_style(OUT_PLAIN), r->name);
	buf_adds(&line, r->text);
	if (v->found)
		buf_addf(&line, ": %s", buf_str(&v->first));
	else if (v->nothing)
		buf_addf(&line, ": %s", v->nothing);
	if (v->found > 1)
		buf_addf(&line, " (and %zu more: --json lists them)", v->found - 1);
	out_name(out, buf_str(&line));
	buf_addc(out, '\n');
}

static void json_result(const struct verify *v, const struct check_row *r, struct buf *out)
{
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "check", r->name);
	json_kv(out, "result", result_word(v));
	json_kv(out, "text", r->text);
	json_kv(out, "why", v->found ? NULL : v->nothing);
	buf_addf(out, ",\"findings\":[%s]}", buf_str(&v->json));
}

/* Runs one; true if it found something. */
static bool run(struct verify *v, const struct check_row *r, struct buf *out)
{
	const char *why = out_of_reach(v, r);
	bool bad;

	buf_reset(&v->first);
	buf_reset(&v->json);
	v->found = 0;
	free(v->nothing);
	v->nothing = NULL;
	if (why)
		verify_nothing(v, "%s", why);
	else
		r->run(v);
	if (cli_has(v->c, OPT_JSON))
		json_result(v, r, out);
	else
		text_result(v, r, out);
	bad = v->found > 0;
	return bad;
}

static int run_all(struct verify *v)
{
	AUTO_BUF out = BUF_INIT;
	size_t bad = 0, good = 0, ran = 0;

	if (cli_has(v->c, OPT_JSON))
		buf_adds(&out, "{\"checks\":[");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!wanted(v->c, rows[i].name))
			continue;
		ran++;
		bad += run(v, &rows[i], &out);
		good += !v->found && !v->nothing;
	}
	if (!ran)
		return out_fail(ZDDC_USAGE, "--only %s: there is no such check; without --only all are listed", v->c->opt[OPT_ONLY]);
	if (cli_has(v->c, OPT_JSON)) {
		buf_addc(&out, ']');
		json_kv_int(&out, "failed", (long long)bad);
		json_kv_int(&out, "passed", (long long)good);
		json_kv_int(&out, "not_checked", (long long)(ran - bad - good));
		buf_adds(&out, "}\n");
	} else {
		buf_addf(&out, "%zu passed, %zu failed, %zu with nothing to check\n", good, bad, ran - bad - good);
	}
	out_put(&out);
	return bad ? ZDDC_NO : ZDDC_YES;
}

/* ------------------------------------------------------------------------------------------------ the command */

/* A mount on which one is nobody, as root mostly is: its policy is that of the archive, which must be named as well. */
static bool blind_mount(const char *path, struct scope *s)
{
	struct mount_line m = {0};
	char *root = place_has_control(path) ? NULL : realpath(path, NULL);
	bool found = root && mount_find(root, &m);

	mount_line_free(&m);
	if (found)
		*s = (struct scope){.at = {.on_mount = true, .root = root}};
	else
		free(root);
	return found;
}

static int take(struct verify *v, struct scope *s, const char *path)
{
	int status = blind_mount(path, s) ? ZDDC_YES : scope_find(v->c, path, s);
	struct scope **slot = s->at.on_mount ? &v->mount : &v->tree;

	if (status != ZDDC_YES)
		return status;
	if (*slot)
		return out_fail(ZDDC_USAGE, "%s: one archive and one mount of it can be looked at together", path);
	*slot = s;
	return ZDDC_YES;
}

static void finish(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		acl_policy_unref(v->v[i].policy);
		zddc_unref(v->v[i].doc);
		free(v->v[i].path);
	}
	free(v->v);
	subjects_free(v->people);
	buf_free(&v->first);
	buf_free(&v->json);
	free(v->nothing);
}

int cmd_verify(const struct cli *c)
{
	struct verify v = {.c = c, .now = (long long)time(NULL)};
	AUTO_SCOPE a = {0};
	AUTO_SCOPE b = {0};
	int status = take(&v, &a, c->n_args ? c->args[0] : "."), complaint;

	if (status == ZDDC_YES && c->n_args > 1)
		status = take(&v, &b, c->args[1]);
	if (status != ZDDC_YES)
		return status;
	if (!v.tree && !v.mount->e.snap)
		return out_fail(ZDDC_USAGE, "you are nobody on that mount: name the archive behind it as well, zddc verify ARCHIVE MOUNT");
	v.rules = v.tree ? v.tree : scope_agrees(v.mount, "") ? v.mount : NULL;
	v.people = subjects_open(v.rules ? v.rules->e.tree : NULL);
	if (v.rules)
		gather_places(&v);
	complaint = v.rules ? engine_complaints(&v.rules->e) : ZDDC_YES;
	status = complaint == ZDDC_IO ? complaint : run_all(&v);
	finish(&v);
	return status == ZDDC_USAGE ? status : complaint != ZDDC_YES ? complaint : status;
}
