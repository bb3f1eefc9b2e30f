/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc status: what a mount says of itself; with --doctor, what the filesystem below an archive can do. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/doctor.h"
#include "cli/mounts.h"
#include "cli/out.h"
#include "cli/place.h"

enum { SOON = 2 };

/* ------------------------------------------------------------------------------------------------ what the mount says */

static void row(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "  %-22s ", name);
	out_name(out, value);
	buf_addc(out, '\n');
}

static void duration(long long s, struct buf *out)
{
	if (s >= 86400)
		buf_addf(out, "%lld d ", s / 86400);
	if (s >= 3600)
		buf_addf(out, "%lld h ", s / 3600 % 24);
	if (s >= 60)
		buf_addf(out, "%lld min", s / 60 % 60);
	else
		buf_addf(out, "%lld s", s);
}

static void value_text(const json_t *v, struct buf *out)
{
	switch (json_typeof(v)) {
	case JSON_STRING: buf_adds(out, json_string_value(v)); return;
	case JSON_INTEGER: buf_addf(out, "%lld", (long long)json_integer_value(v)); return;
	case JSON_REAL: buf_addf(out, "%g", json_real_value(v)); return;
	case JSON_TRUE: buf_adds(out, "yes"); return;
	case JSON_FALSE: buf_adds(out, "no"); return;
	case JSON_NULL: buf_adds(out, "none"); return;
	case JSON_OBJECT:
	case JSON_ARRAY: break;
	}
	char *text = json_dumps(v, JSON_COMPACT);
	buf_adds(out, text ? text : "?");
	free(text);
}

static void operations(json_t *ops, struct buf *out)
{
	const char *name;
	json_t *v;

	json_object_foreach(ops, name, v) {
		AUTO_BUF text = BUF_INIT;

		buf_addf(&text, "%lld, %lld failed, half within %lld us, 99%% within %lld us", (long long)json_integer_value(json_object_get(v, "count")),
			 (long long)json_integer_value(json_object_get(v, "errors")), (long long)json_integer_value(json_object_get(v, "p50_us")),
			 (long long)json_integer_value(json_object_get(v, "p99_us")));
		row(out, name, buf_str(&text));
	}
}

static void members(json_t *object, const char *prefix, struct buf *out)
{
	const char *name;
	json_t *v;

	json_object_foreach(object, name, v) {
		AUTO_BUF text = BUF_INIT, shown = BUF_INIT;

		if (!strcmp(name, "version") || !strcmp(name, "uptime"))
			continue;
		if (!*prefix && !strcmp(name, "operations")) {
			operations(v, out);
			continue;
		}
		buf_addf(&shown, "%s%s%s", prefix, *prefix ? " " : "", name);
		for (char *s = shown.data; *s; s++)
			*s = *s == '_' ? ' ' : *s;
		if (json_is_object(v)) {
			members(v, !*prefix && !strcmp(name, "counters") ? "your" : buf_str(&shown), out);
		} else if (!json_is_array(v) || json_array_size(v)) {
			value_text(v, &text);
			row(out, buf_str(&shown), buf_str(&text));
		}
	}
}

static void text_status(const char *where, const struct mount_line *m, json_t *root, struct buf *out)
{
	AUTO_BUF up = BUF_INIT;
	const char *version = json_string_value(json_object_get(root, "version"));

	duration(json_integer_value(json_object_get(root, "uptime")), &up);
	buf_adds(out, out_style(OUT_BOLD));
	out_name(out, where);
	buf_addf(out, "%s  zddcfs %s, up %s\n", out_style(OUT_PLAIN), version ? version : "?", buf_str(&up));
	if (m)
		row(out, "mount options", m->options);
	members(root, "", out);
}

/* Does it report policy that is invalid, or a ledger that cannot be written? */
static bool complains(json_t *root)
{
	const char *ledger = json_string_value(json_object_get(json_object_get(root, "ledger"), "state"));

	return json_array_size(json_object_get(root, "invalid")) || (ledger && strcmp(ledger, "good") != 0);
}

/* One mount. Status 1 if it complains. */
static int one(const struct cli *c, const char *where, struct buf *out)
{
	AUTO_BUF text = BUF_INIT;
	struct mount_line m = {0};
	int err = control_read(where, "status.json", &text), status = ZDDC_YES;
	bool found = mount_find(where, &m);
	json_t *root = err ? NULL : control_json(&text);

	if (!root)
		status = out_fail(ZDDC_IO, "%s: the mount gives no answer%s%s", where, err ? ": " : "", err ? strerror(-err) : "");
	else if (cli_has(c, OPT_JSON)) {
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "mount", where);
		json_kv(out, "options", found ? m.options : NULL);
		buf_adds(out, ",\"status\":");
		buf_add(out, buf_str(&text), text.len - (text.len && text.data[text.len - 1] == '\n'));
		buf_addc(out, '}');
	} else {
		text_status(where, found ? &m : NULL, root, out);
	}
	if (root && complains(root))
		status = ZDDC_NO;
	json_decref(root);
	mount_line_free(&m);
	return status;
}

struct several {
	const struct cli *c;
	struct buf *out;
	size_t n;
	int status;
};

static void each_mount(void *arg, const struct mount_line *m)
{
	struct several *s = arg;
	int status;

	s->n++;
	if (!mount_answers(m->point, SOON))
		status = out_fail(ZDDC_IO, "%s: the mount does not answer: its daemon hangs or is gone", m->point);
	else
		status = one(s->c, m->point, s->out);
	s->status = status > s->status ? status : s->status;
}

static int mounts(const struct cli *c, struct buf *out)
{
	struct several s = {.c = c, .out = out, .status = ZDDC_YES};

	if (c->arg || place_has_control(".")) {
		const char *path = c->arg ? c->arg : ".";
		AUTO_PLACE at = {0};
		int status;

		if (!place_has_control(path))
			return out_fail(ZDDC_IO, "%s is a directory of no mount that you can see: \"zddc status\" alone lists them", path);
		status = place_find(path, NULL, &at);
		return status != ZDDC_YES ? status : one(c, at.root, out);
	}
	mounts_each(each_mount, &s);
	return s.n ? s.status : out_fail(ZDDC_IO, "no archive is mounted here that you can see: name one, or mount one with zddcfs ARCHIVE MOUNTPOINT");
}

/* ------------------------------------------------------------------------------------------------ what the filesystem can do */

static int doctor(const struct cli *c, struct buf *out)
{
	struct doctor_row rows[DOCTOR_ROWS];
	const char *dir = c->arg ? c->arg : ".";
	bool json = cli_has(c, OPT_JSON);
	int err, status = ZDDC_YES;

	if (place_has_control(dir))
		return out_fail(ZDDC_USAGE, "%s is on a mount: give a directory of the filesystem that shall lie below one", dir);
	err = doctor_examine(dir, rows);
	if (err)
		return out_fail(ZDDC_IO, "%s: no scratch directory can be made in it: %s", dir, strerror(-err));
	for (int i = 0; i < DOCTOR_ROWS; i++) {
		const struct doctor_row *r = &rows[i];

		if (r->err && r->must)
			status = ZDDC_NO;
		if (json) {
			json_sep(out);
			buf_addc(out, '{');
			json_kv(out, "promise", r->name);
			json_kv_bool(out, "holds", !r->err);
			json_kv_bool(out, "required", r->must);
			json_kv(out, "error", r->err ? strerror(r->err) : NULL);
			json_kv(out, "what_for", r->what_for);
			buf_addc(out, '}');
			continue;
		}
		buf_addf(out, "%s%-4s%s  %-26s %s%s%s%s\n", out_style(r->err ? r->must ? OUT_BAD : OUT_WARN : OUT_GOOD),
			 r->err ? r->must ? "FAIL" : "no" : "ok", out_style(OUT_PLAIN), r->name, r->what_for, r->err ? " (" : "", r->err ? strerror(r->err) : "",
			 r->err ? ")" : "");
	}
	return status;
}

int cmd_status(const struct cli *c)
{
	AUTO_BUF out = BUF_INIT;
	int status;

	if (cli_has(c, OPT_JSON))
		buf_addc(&out, '[');
	status = cli_has(c, OPT_DOCTOR) ? doctor(c, &out) : mounts(c, &out);
	if (cli_has(c, OPT_JSON))
		buf_adds(&out, "]\n");
	if (status == ZDDC_YES || status == ZDDC_NO || (status == ZDDC_IO && out.len > 3))
		out_put(&out);
	return status;
}
