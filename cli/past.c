/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/chains.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/out.h"
#include "ledger/ledger.h"

struct past {
	char *root;
	struct ledger_asof *asof;
	struct ledger_lines cut;
	struct arena mem;
};

enum { DAY = 86400 };

/* False if it is no time. */
static bool moment(const char *text, long long *seconds)
{
	if (!str_time(text, seconds))
		return false;
	if (!strchr(text, 'T'))
		*seconds += DAY - 1;
	return true;
}

long long past_now(const struct cli *c)
{
	long long at;

	return cli_has(c, OPT_DATE) && moment(c->opt[OPT_DATE], &at) ? at : (long long)time(NULL);
}

static int take_line(void *arg, const char *line, size_t n)
{
	struct past *p = arg;
	struct ledger_entry e;

	arena_free(&p->mem);
	if (ledger_asof_wants(line, n) && ledger_entry_parse(line, n, &p->mem, &e) == 0)
		ledger_asof_feed(p->asof, &e);
	return 0;
}

static int feed(void *arg, const void *bytes, size_t n)
{
	struct past *p = arg;

	out_progress("MiB of the ledger");
	return ledger_lines_feed(&p->cut, bytes, n, take_line, p);
}

static int read_ledger(struct past *p)
{
	AUTO_CHAINS ch = {0};
	int status = chains_find(p->root, &ch);

	for (size_t i = 0; status == ZDDC_YES && i < ch.n; i++) {
		int r = chains_read(&ch, i, 0, feed, p, NULL);

		if (r < 0)
			status = out_fail(ZDDC_IO, "%s: %s", ch.dir, strerror(-r));
	}
	return status;
}

static int too_early(const struct past *p, const char *date)
{
	char first[LEDGER_TIME_SIZE];

	ledger_time_format(ledger_asof_first(p->asof), first);
	return out_fail(ZDDC_NO, "--on %s: the ledger begins only at %.19sZ", date, first);
}

int past_open(const struct cli *c, const char *root, struct past **out)
{
	struct past *p;
	long long at;
	int status;

	if (!moment(c->opt[OPT_DATE], &at))
		return out_fail(ZDDC_USAGE, "--on %s: give a date (2026-01-31, its end is meant) or a time (2026-01-31T12:00:00Z)", c->opt[OPT_DATE]);
	p = calloc(1, sizeof *p);
	if (!p || !(p->root = strdup(root)))
		abort();
	p->asof = ledger_asof_new((at + 1) * 1000000);
	status = read_ledger(p);
	if (status == ZDDC_YES && !ledger_asof_known(p->asof))
		status = too_early(p, c->opt[OPT_DATE]);
	if (status == ZDDC_YES)
		*out = p;
	else
		past_free(p);
	return status;
}

void past_free(struct past *p)
{
	if (!p)
		return;
	ledger_asof_free(p->asof);
	buf_free(&p->cut.rest);
	arena_free(&p->mem);
	free(p->root);
	free(p);
}

bool past_strict(const struct past *p) { return ledger_asof_strict(p->asof); }

int past_text(const struct past *p, const char *file, struct buf *out)
{
	bool invalid;
	const char *sha = ledger_asof_text(p->asof, file, &invalid);
	unsigned char sum[SHA256_LEN];
	char hex[SHA256_HEX];
	AUTO_BUF path = BUF_INIT;
	int r;

	if (invalid) {
		buf_adds(out, "[the text of that time was invalid"); /* as no text is valid, it denies everything */
		return 0;
	}
	if (!sha)
		return -ENOENT;
	buf_addf(&path, "%s/.zddc.d/policy/%s", p->root, sha);
	r = file_read(buf_str(&path), LIMIT_DOC_BYTES, out);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	sha256(buf_str(out), out->len, sum);
	sha256_hex(sum, hex);
	return strcmp(hex, sha) ? -EBADMSG : 0;
}

/* ------------------------------------------------------------------------------------------------ directories */

struct names {
	const char *dir;
	char **v;
	size_t n;
};

/* "b" of "a/b/c/.zddc" below "a". */
static void note_name(void *arg, const char *file)
{
	struct names *ns = arg;
	size_t n = strlen(ns->dir), len;

	if (n && (strncmp(file, ns->dir, n) != 0 || file[n] != '/'))
		return;
	file += n + (n > 0);
	len = strcspn(file, "/");
	if (!file[len])
		return;
	for (size_t i = 0; i < ns->n; i++)
		if (strlen(ns->v[i]) == len && !strncmp(ns->v[i], file, len))
			return;
	ns->v = realloc(ns->v, (ns->n + 1) * sizeof(*ns->v));
	if (!ns->v || !(ns->v[ns->n++] = strndup(file, len)))
		abort();
}

void past_below(const struct past *p, const char *dir, bool (*each)(void *arg, const char *name), void *arg)
{
	struct names ns = {.dir = dir};
	bool more = true;

	ledger_asof_each(p->asof, note_name, &ns);
	for (size_t i = 0; i < ns.n; i++) {
		more = more && each(arg, ns.v[i]);
		free(ns.v[i]);
	}
	free(ns.v);
}
