/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What callers declare of themselves through .zddc.d/ctl: elevation (SPEC section 6), provenance and risk (section 13). */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/attrs.h"
#include "fs/command_line.h"
#include "fs/gate.h"
#include "fs/node.h"
#include "fs/session.h"

int self_refuse(struct op *op, struct node *dir, int err, const char *fmt, ...)
{
	AUTO_FREE char *path = node_path_in(dir, ".zddc.d/ctl");
	AUTO_BUF text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addfv(&text, fmt, ap);
	va_end(ap);
	return gate_refuse(op, err, ACL_OP_WRITE, path, "%s", buf_str(&text));
}

int self_check(struct op *op, struct node *dir, const struct line *l, const char *const *known)
{
	const char *word = line_unknown(l, known);

	if (word)
		return self_refuse(op, dir, EINVAL, "%s is no option of this command", word);
	return l->name ? self_refuse(op, dir, EINVAL, "this command takes no name: %s is too much", l->name) : 0;
}

/* The provenance and the risk of a line. */
static int read_attributes(struct op *op, struct node *dir, const struct line *l, struct session_words *w)
{
	const char *risk = line_option(l, "risk");
	char *end = NULL;
	long n = risk ? strtol(risk, &end, 10) : -1;

	w->provenance = line_option(l, "provenance");
	w->risk = (int)n;
	if (w->provenance && !attrs_provenance_ok(w->provenance))
		return self_refuse(op, dir, EINVAL, "--provenance needs a URI, such as https://tickets.example.com/4711, without blanks and at most 2000 bytes");
	if (risk && (!*risk || *end || n < 0 || n > 100))
		return self_refuse(op, dir, EINVAL, "--risk needs a whole number from 0 to 100");
	return 0;
}

static int read_elevation(struct op *op, struct node *dir, const struct line *l, struct session_words *w)
{
	const char *time = line_option(l, "for"), *wrong;

	w->reason = line_option(l, "reason");
	w->seconds = SESSION_ELEVATED_USUAL;
	wrong = line_text_wrong(w->reason);
	if (wrong)
		return self_refuse(op, dir, EINVAL, "elevating needs --reason TEXT: it %s", wrong);
	if (time && (!str_duration(time, &w->seconds) || w->seconds < 1 || w->seconds > SESSION_ELEVATED_MOST))
		return self_refuse(op, dir, EINVAL, "--for needs a duration of at most 60m, such as 5m");
	return 0;
}

static int declare(struct op *op, struct node *dir, const struct session_words *w)
{
	int r = session_declare(op->caller.id, op->caller.pid, w);

	if (r == -ESRCH)
		return self_refuse(op, dir, EINVAL, "the process that leads your login session has ended, and what is declared is bound to it: log in "
			      "again, or run one command with \"zddc elevate ... -- COMMAND\" or \"zddc with ... -- COMMAND\"");
	if (r == -EBUSY)
		return self_refuse(op, dir, EBUSY, "too many of your sessions have declared something, or this one too much: end some");
	return r;
}

int run_elevate(struct op *op, struct node *dir, const struct line *l)
{
	static const char *const known[] = {"for", "reason", "provenance", "risk", NULL};
	AUTO_FREE char *path = node_path(dir);
	struct session_words w;
	int r = self_check(op, dir, l, known);

	if (r == 0)
		r = read_attributes(op, dir, l, &w);
	if (r == 0)
		r = read_elevation(op, dir, l, &w);
	if (r < 0)
		return r;
	if (!gate_is_admin(op->caller.id, dir))
		return self_refuse(op, dir, EACCES, "you do not administer %s: no admins: here or above names you; elevate in a directory that you administer",
			      *path ? path : "the archive");
	return declare(op, dir, &w);
}

int run_elevate_end(struct op *op, struct node *dir, const struct line *l)
{
	static const char *const known[] = {NULL};
	int r = self_check(op, dir, l, known);

	if (r < 0)
		return r;
	if (session_unelevate(op->caller.id, op->caller.pid) < 0)
		return self_refuse(op, dir, EINVAL, "this session is not elevated");
	return 0;
}

int run_with(struct op *op, struct node *dir, const struct line *l)
{
	static const char *const known[] = {"provenance", "risk", NULL};
	struct session_words w = {0};
	int r = self_check(op, dir, l, known);

	if (r == 0)
		r = read_attributes(op, dir, l, &w);
	if (r == 0 && !w.provenance && w.risk < 0)
		r = self_refuse(op, dir, EINVAL, "nothing is declared: give --provenance URI, --risk N or both");
	return r < 0 ? r : declare(op, dir, &w);
}
