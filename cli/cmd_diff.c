/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc diff: who gains and who loses what if one policy replaced another. */
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/sides.h"
#include "cli/vec.h"

struct diffing {
	const struct cli *c;
	struct sides s;
	struct subjects *people;
	long long now;
	struct buf out;
	size_t gains, losses, directories;
	char *keys[300]; /* what else changes, in the directories on the way down */
};

/* ------------------------------------------------------------------------------------------------ one line */

static void side_text(const struct delta *d, bool gain, struct buf *out)
{
	verbset sure = gain ? d->gained : d->lost, maybe = gain ? d->maybe_gained : d->maybe_lost;
	char a[8], b[8];

	if (sure | maybe)
		buf_addf(out, "  %s %s%s%s%s", gain ? "gains" : "loses", verbs_print(sure, a), maybe ? "(" : "", verbs_print(maybe, b), maybe ? ")" : "");
	if (d->conditions && gain)
		buf_addf(out, "  other conditions on %s", verbs_print(d->conditions, a));
	if (gain ? d->admin_gained : d->admin_lost)
		buf_adds(out, gain ? "  becomes administrator" : "  is administrator no longer");
}

static void begin_line(struct buf *out, const char *sign, enum out_style style, const struct subject *who)
{
	AUTO_BUF name = BUF_INIT, shown = BUF_INIT;

	subject_show(who, &name);
	out_name(&shown, buf_str(&name));
	buf_addf(out, "  %s%s%s %-32s", out_style(style), sign, out_style(OUT_PLAIN), buf_str(&shown));
}

static void text_line(struct buf *out, const struct delta *d, bool gain)
{
	const struct acl_src *src = gain ? &d->src_new : &d->src_old;
	AUTO_BUF said = BUF_INIT;

	side_text(d, gain, &said);
	if (!said.len)
		return;
	begin_line(out, gain ? "+" : "-", gain ? OUT_BAD : OUT_GOOD, d->who);
	buf_adds(out, buf_str(&said));
	if (src->file) {
		buf_adds(out, gain ? "  by " : "  had it by ");
		out_name(out, src->file);
		buf_addf(out, ":%u", src->line);
	}
	if (d->members)
		buf_addf(out, "  (%zu %s)", d->members, d->members == 1 ? "person" : "people");
	buf_addc(out, '\n');
}

static void json_delta(struct buf *out, const struct delta *d)
{
	AUTO_BUF name = BUF_INIT;
	char verbs[8];

	subject_show(d->who, &name);
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "who", buf_str(&name));
	json_kv(out, "gains", verbs_print(d->gained, verbs));
	json_kv(out, "loses", verbs_print(d->lost, verbs));
	json_kv(out, "gains_conditional", verbs_print(d->maybe_gained, verbs));
	json_kv(out, "loses_conditional", verbs_print(d->maybe_lost, verbs));
	json_kv(out, "conditions_changed", verbs_print(d->conditions, verbs));
	json_kv_bool(out, "becomes_admin", d->admin_gained);
	json_kv_bool(out, "no_longer_admin", d->admin_lost);
	json_kv(out, "by", d->src_new.file);
	json_kv_int(out, "by_line", d->src_new.line);
	json_kv(out, "was", d->src_old.file);
	json_kv_int(out, "was_line", d->src_old.line);
	json_kv_int(out, "members", (long long)d->members);
	buf_addc(out, '}');
}

/* ------------------------------------------------------------------------------------------------ keys */

static void value_text(const struct acl_value *v, struct buf *out)
{
	if (v->node)
		yemit_canonical(out, v->node);
	else
		buf_adds(out, "not set");
}

/* Inherited and own keys that mean something else now; grants, zones and freezes show in what people hold. */
static void keys(struct diffing *d, const struct acl_policy *old, const struct acl_policy *new, struct buf *out)
{
	static const enum acl_key watched[] = {
		ACL_KEY_WORM_MODE, ACL_KEY_SEAL_GRACE, ACL_KEY_RETENTION, ACL_KEY_TRANSIENT, ACL_KEY_AUTO_OWN, ACL_KEY_AUTO_OWN_FENCED,
		ACL_KEY_AUTO_OWN_ROLES, ACL_KEY_VIRTUAL, ACL_KEY_HISTORY, ACL_KEY_NAMING, ACL_KEY_LIFECYCLE, ACL_KEY_ENVIRONMENT, ACL_KEY_RISK,
	};
	static const char *const names[] = {
#define KEY(id, name, ...) [ACL_KEY_##id] = name,
#include "acl/keys.def"
#undef KEY
	};

	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		AUTO_BUF a = BUF_INIT, b = BUF_INIT, line = BUF_INIT;
		struct acl_value was = acl_get(old, watched[i]), is = acl_get(new, watched[i]);

		value_text(&was, &a);
		value_text(&is, &b);
		if (!strcmp(buf_str(&a), buf_str(&b)))
			continue;
		/* a promise that nobody can take back would end */
		d->gains += watched[i] == ACL_KEY_WORM_MODE && strstr(buf_str(&a), "compliance");
		if (cli_has(d->c, OPT_JSON)) {
			json_sep(out);
			buf_addc(out, '{');
			json_kv(out, "key", names[watched[i]]);
			json_kv(out, "was", buf_str(&a));
			json_kv(out, "is", buf_str(&b));
			buf_addc(out, '}');
			continue;
		}
		buf_addf(&line, "  * %s: %s, was %s", names[watched[i]], buf_str(&b), buf_str(&a));
		out_name(out, buf_str(&line));
		buf_addc(out, '\n');
	}
}

static void freeze(struct diffing *d, const struct acl_policy *old, const struct acl_policy *new, struct buf *out)
{
	long long was = acl_freeze_until(old), is = acl_freeze_until(new);
	char a[32], b[32];

	was = was > d->now ? was : 0;
	is = is > d->now ? is : 0;
	if (was == is)
		return;
	str_time_format(was, a);
	str_time_format(is, b);
	d->gains += is < was;
	d->losses += is > was;
	if (cli_has(d->c, OPT_JSON)) {
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "key", "freeze_until");
		json_kv(out, "was", was ? a : NULL);
		json_kv(out, "is", is ? b : NULL);
		buf_addc(out, '}');
	} else {
		buf_addf(out, "  * frozen %s%s, was %s%s\n", is ? "until " : "no longer", is ? b : "", was ? "frozen until " : "not frozen", was ? a : "");
	}
}

/* ------------------------------------------------------------------------------------------------ one directory */

/* What is news against the directory above; also those for whom nothing changes here any more. */
static void say_people(struct diffing *d, const struct change_place *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_news; i++) {
		d->gains += delta_gains(p->news[i]);
		d->losses += delta_loses(p->news[i]);
		if (cli_has(d->c, OPT_JSON)) {
			json_delta(out, p->news[i]);
			continue;
		}
		text_line(out, p->news[i], true);
		text_line(out, p->news[i], false);
	}
	for (size_t i = 0; i < p->n_ended; i++) {
		if (cli_has(d->c, OPT_JSON)) {
			json_delta(out, &(struct delta){.who = p->ended[i]});
			continue;
		}
		begin_line(out, "=", OUT_DIM, p->ended[i]);
		buf_adds(out, "  as before\n");
	}
}

static void say(struct diffing *d, const char *path, const char *people, const char *keys)
{
	d->directories++;
	if (cli_has(d->c, OPT_JSON)) {
		json_sep(&d->out);
		buf_addc(&d->out, '{');
		json_kv(&d->out, "path", *path ? path : ".");
		buf_addf(&d->out, ",\"who\":[%s],\"keys\":[%s]}", people, keys);
		return;
	}
	out_name(&d->out, *path ? path : ".");
	buf_addf(&d->out, "\n%s%s", people, keys);
}

/* Freezes and keys, unless the directory above says the same. */
static void say_keys(struct diffing *d, const struct change_place *p, struct buf *out)
{
	size_t gains = d->gains, losses = d->losses;

	if (!p->same) {
		freeze(d, p->old, p->new, out);
		keys(d, p->old, p->new, out);
	}
	free(d->keys[p->depth]);
	d->keys[p->depth] = vec_str(buf_str(out));
	if (!p->depth || strcmp(d->keys[p->depth - 1], buf_str(out)) != 0)
		return;
	buf_reset(out);
	d->gains = gains;
	d->losses = losses;
}

static void visit(void *arg, const struct change_place *p)
{
	struct diffing *d = arg;
	AUTO_BUF who = BUF_INIT, what = BUF_INIT;

	say_keys(d, p, &what);
	say_people(d, p, &who);
	if (who.len || what.len)
		say(d, p->path, buf_str(&who), buf_str(&what));
}

/* ------------------------------------------------------------------------------------------------ the command */

static void finish(struct diffing *d)
{
	if (cli_has(d->c, OPT_JSON)) {
		buf_addc(&d->out, ']');
		json_kv_int(&d->out, "gains", (long long)d->gains);
		json_kv_int(&d->out, "losses", (long long)d->losses);
		buf_adds(&d->out, "}\n");
	} else if (!d->directories) {
		buf_adds(&d->out, "nothing changes for anybody\n");
	} else {
		buf_addf(&d->out, "%s, %s; what is not listed is as in the directory above it\n", d->gains ? "somebody gains" : "nobody gains",
			 d->losses ? "somebody loses" : "nobody loses");
	}
	out_put(&d->out);
}

int cmd_diff(const struct cli *c)
{
	struct diffing d = {.c = c, .now = (long long)time(NULL)};
	int status = sides_open(c, c->args[0], c->args[1], &d.s);

	if (status == ZDDC_YES) {
		d.people = subjects_open(d.s.old->tree);
		if (cli_has(c, OPT_JSON))
			buf_adds(&d.out, "{\"places\":[");
		changes_walk(d.s.old, d.s.new, d.s.dir, d.people, d.now, visit, &d);
		status = sides_complaints(&d.s);
	}
	if (status == ZDDC_YES)
		finish(&d);
	subjects_free(d.people);
	sides_close(&d.s);
	for (size_t i = 0; i < ARRAY_LEN(d.keys); i++)
		free(d.keys[i]);
	buf_free(&d.out);
	return status != ZDDC_YES ? status : d.gains ? ZDDC_NO : ZDDC_YES;
}
