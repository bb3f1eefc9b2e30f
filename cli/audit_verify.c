/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc audit verify: walks every chain, and from each to the one before it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/audit.h"
#include "cli/chains.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/out.h"

enum { SMALL = 65536, WAITS = 10, WAIT_MS = 20 };

struct verifying {
	const struct cli *c;
	const struct chains *ch;
	unsigned char key[SIGN_PUBLIC_LEN];
	bool has_key;
	struct ledger_checkpoint *given; /* --checkpoint, or NULL */
	unsigned long long lines, bytes;
	unsigned bad;
	struct buf out;
	struct buf *said; /* only what is wrong, and nothing is printed; or NULL */
};

/* ------------------------------------------------------------------ one chain */

static int feed(void *arg, const void *p, size_t n)
{
	out_progress("MiB of the ledger");
	ledger_verify_feed(arg, p, n);
	return 0;
}

/* What the first line says of the chain before. */
struct before {
	struct ledger_lines cut;
	struct arena mem;
	struct ledger_entry e;
	bool read;
};

static int take_first(void *arg, const char *line, size_t n)
{
	struct before *b = arg;

	b->read = ledger_entry_parse(line, n, &b->mem, &b->e) == 0;
	return 1;
}

static int feed_first(void *arg, const void *p, size_t n)
{
	struct before *b = arg;

	return ledger_lines_feed(&b->cut, p, n, take_first, b);
}

/* The checkpoints of this chain whose signature holds, by seq; those whose does not are findings. malloc()ed. */
static struct ledger_checkpoint *good_checkpoints(struct verifying *v, const char *chain, size_t *n, struct buf *bad)
{
	struct ledger_checkpoint *all = chains_checkpoints(v->ch, chain, n);
	size_t kept = 0;

	if (v->given && !strcmp(v->given->chain, chain)) {
		size_t at = *n;

		all = realloc(all, (*n + 1) * sizeof(*all));
		if (!all)
			abort();
		for (; at && all[at - 1].seq > v->given->seq; at--)
			all[at] = all[at - 1];
		all[at] = *v->given;
		++*n;
	}
	for (size_t i = 0; i < *n; i++)
		if (v->has_key && ledger_checkpoint_check(&all[i], v->key))
			all[kept++] = all[i];
		else if (v->has_key)
			buf_addf(bad, "a checkpoint of line %llu is not signed by the key of this archive", (unsigned long long)all[i].seq);
	*n = kept;
	return all;
}

static int verify_files(const struct chains *ch, size_t from, struct ledger_verify *lv)
{
	size_t end = chains_end(ch, from);
	unsigned long long at = 0;
	int r = 0;

	for (size_t i = from; r == 0 && i < end; i++) {
		if (i > from)
			ledger_verify_next_file(lv);
		r = chains_read(ch, i, 0, feed, lv, &at);
	}
	/* the archive may be mounted, and its last line just being written */
	for (int i = 0; r == 0 && i < WAITS && ledger_verify_partial(lv); i++) {
		usleep(WAIT_MS * 1000);
		r = chains_read(ch, end - 1, at, feed, lv, &at);
	}
	ledger_verify_end(lv);
	return r;
}

static void add_place(const struct chains *ch, size_t from, const struct ledger_finding *f, struct buf *out)
{
	char name[LEDGER_NAME_MAX + 1];
	const struct ledger_file *file = &ch->v[from + f->file];

	ledger_file_name(file->host, file->run, file->part, name);
	buf_addf(out, "%s ", name);
	ledger_finding_text(f, out);
}

int audit_chain_end(const struct chains *ch, size_t from, struct ledger_chain *end)
{
	struct ledger_verify lv;
	AUTO_BUF text = BUF_INIT;
	int r, status = ZDDC_YES;

	ledger_verify_init(&lv, NULL, 0);
	r = verify_files(ch, from, &lv);
	if (lv.found.fault != LEDGER_FAULT_NONE && lv.found.fault != LEDGER_FAULT_TORN)
		add_place(ch, from, &lv.found, &text);
	*end = lv.chain;
	ledger_verify_free(&lv);
	if (r < 0)
		status = out_fail(ZDDC_IO, "%s: %s", ch->dir, strerror(-r));
	else if (text.len)
		status = out_fail(ZDDC_NO, "the ledger is damaged: %s", buf_str(&text));
	else if (!end->seq)
		status = out_fail(ZDDC_NO, "%s: the chain has no lines yet", ch->dir);
	return status;
}

/* ------------------------------------------------------------------ from a chain to the one before it */

static const char *text_of(const struct ledger_entry *e, const char *key)
{
	const struct ledger_attr *a = ledger_attr_find(e, key);

	return a && a->type == LEDGER_TEXT ? a->text : NULL;
}

/* Half a sentence if the first line of the chain at 'from' does not name the end of the chain before, which is 'prev'. */
static void check_link(const struct chains *ch, size_t from, const struct ledger_chain *prev, const char *prev_name, struct buf *bad)
{
	struct before b = {.mem = ARENA_INIT};
	char hash[SHA256_HEX];
	const struct ledger_attr *seq;
	const char *name, *said;

	chains_read(ch, from, 0, feed_first, &b, NULL);
	name = b.read ? text_of(&b.e, "previous_chain") : NULL;
	said = b.read ? text_of(&b.e, "previous_hash") : NULL;
	seq = b.read ? ledger_attr_find(&b.e, "previous_seq") : NULL;
	sha256_hex(prev->head, hash);
	if (!b.read || ch->v[from].part != 1)
		buf_adds(bad, b.read ? "its beginning is missing" : "");
	else if (!name && *prev_name)
		buf_addf(bad, "its first line does not name the chain before it, %s", prev_name);
	else if (name && strcmp(name, prev_name) != 0)
		buf_addf(bad, "its first line continues chain %s, which is missing", name);
	else if (name && seq && said && ((uint64_t)seq->number != prev->seq || strcmp(said, hash) != 0))
		buf_addf(bad, "chain %s had %lld lines when this one began, and does not end as it did: its end was cut off or replaced", name, (long long)seq->number);
	buf_free(&b.cut.rest);
	arena_free(&b.mem);
}

/* ------------------------------------------------------------------ the report */

static void report_json(struct verifying *v, const char *chain, const struct ledger_verify *lv, const struct buf *bad)
{
	json_sep(&v->out);
	buf_addc(&v->out, '{');
	json_kv(&v->out, "chain", chain);
	json_kv_bool(&v->out, "sound", !bad->len);
	json_kv_int(&v->out, "lines", (long long)lv->lines);
	json_kv_int(&v->out, "first", (long long)lv->first);
	json_kv(&v->out, "fault", ledger_fault_name(lv->found.fault));
	json_kv_int(&v->out, "seq", (long long)(lv->found.fault == LEDGER_FAULT_NONE ? lv->chain.seq : lv->found.seq));
	json_kv(&v->out, "text", bad->len ? buf_str(bad) : NULL);
	buf_addc(&v->out, '}');
}

static void report_text(struct verifying *v, const char *chain, const struct ledger_verify *lv, const struct buf *bad, size_t n_cps)
{
	out_name(&v->out, chain);
	if (bad->len) {
		buf_addf(&v->out, "  %sdamaged%s  ", out_style(OUT_BAD), out_style(OUT_PLAIN));
		out_name(&v->out, buf_str(bad));
		buf_addc(&v->out, '\n');
		return;
	}
	buf_addf(&v->out, "  %ssound%s  %llu lines", out_style(OUT_GOOD), out_style(OUT_PLAIN), (unsigned long long)lv->lines);
	if (lv->first > 1)
		buf_addf(&v->out, " from line %llu on; what came before was not there to be looked at", (unsigned long long)lv->first);
	if (n_cps)
		buf_addf(&v->out, ", as %zu checkpoint%s signed", n_cps, n_cps == 1 ? "" : "s");
	buf_addc(&v->out, '\n');
}

static void report(struct verifying *v, const char *chain, const struct ledger_verify *lv, const struct buf *bad, size_t n_cps)
{
	if (!v->said && cli_has(v->c, OPT_JSON))
		report_json(v, chain, lv, bad);
	else if (!v->said)
		report_text(v, chain, lv, bad, n_cps);
	else if (bad->len)
		buf_addf(v->said, "%schain %s: %s", v->said->len ? "; " : "", chain, buf_str(bad));
}

/* One chain; *end is what the next one must continue. */
static int verify_one(struct verifying *v, size_t from, struct ledger_chain *end, char *name)
{
	AUTO_BUF bad = BUF_INIT;
	struct ledger_chain before = *end;
	char chain[LEDGER_NAME_MAX + 1], was[LEDGER_NAME_MAX + 1];
	struct ledger_verify lv;
	size_t n_cps;
	int r;

	memcpy(was, name, sizeof was);
	chains_name(v->ch, from, chain);
	AUTO_FREE struct ledger_checkpoint *cps = good_checkpoints(v, chain, &n_cps, &bad);
	ledger_verify_init(&lv, cps, n_cps);
	r = verify_files(v->ch, from, &lv);
	if (r < 0)
		return out_fail(ZDDC_IO, "%s: chain %s: %s", v->ch->dir, chain, strerror(-r));
	if (lv.found.fault != LEDGER_FAULT_NONE)
		add_place(v->ch, from, &lv.found, &bad);
	if (!bad.len)
		check_link(v->ch, from, &before, was, &bad);
	v->lines += lv.lines;
	v->bytes += lv.bytes;
	v->bad += bad.len > 0;
	report(v, chain, &lv, &bad, n_cps);
	if (lv.chain.seq) {
		*end = lv.chain;
		memcpy(name, chain, sizeof chain);
	}
	ledger_verify_free(&lv);
	return ZDDC_YES;
}

static int verify_all(struct verifying *v)
{
	struct ledger_chain end = LEDGER_CHAIN_INIT;
	char name[LEDGER_NAME_MAX + 1] = "";
	int status = ZDDC_YES;

	for (size_t i = 0; status == ZDDC_YES && i < v->ch->n; i = chains_end(v->ch, i)) {
		if (i && strcmp(v->ch->v[i].host, v->ch->v[i - 1].host) != 0) {
			end = (struct ledger_chain)LEDGER_CHAIN_INIT;
			*name = '\0';
		}
		status = verify_one(v, i, &end, name);
	}
	return status;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------ what it is compared with */

static int take_key(struct verifying *v)
{
	AUTO_BUF text = BUF_INIT;
	int r = cli_has(v->c, OPT_KEY) ? file_read(v->c->opt[OPT_KEY], SMALL, &text) : chains_store(v->ch, "key.pub", &text);

	if (r == -ENOENT && !cli_has(v->c, OPT_KEY))
		return ZDDC_YES; /* an archive without a key has no checkpoints */
	if (r < 0)
		return out_fail(ZDDC_IO, "the public key cannot be read: %s", strerror(-r));
	v->has_key = ledger_key_parse_public(buf_str(&text), text.len, v->key) == 0;
	return v->has_key ? ZDDC_YES : out_fail(ZDDC_USAGE, "%s holds no public key of a ledger", cli_has(v->c, OPT_KEY) ? v->c->opt[OPT_KEY] : "key.pub");
}

static int take_checkpoint(struct verifying *v, struct ledger_checkpoint *cp)
{
	AUTO_BUF text = BUF_INIT;
	int r;

	if (!cli_has(v->c, OPT_CHECKPOINT))
		return ZDDC_YES;
	r = file_read(v->c->opt[OPT_CHECKPOINT], SMALL, &text);
	if (r < 0)
		return out_fail(ZDDC_IO, "%s: %s", v->c->opt[OPT_CHECKPOINT], strerror(-r));
	if (ledger_checkpoint_parse(buf_str(&text), text.len, cp) != 0)
		return out_fail(ZDDC_USAGE, "%s is no checkpoint of a ledger", v->c->opt[OPT_CHECKPOINT]);
	v->given = cp;
	if (chains_named(v->ch, cp->chain) < v->ch->n)
		return ZDDC_YES;
	return out_fail(ZDDC_NO, "chain %s, which the checkpoint signed, is missing", cp->chain);
}

static void summary(struct verifying *v, double took)
{
	if (cli_has(v->c, OPT_JSON)) {
		buf_addc(&v->out, ']');
		json_kv_bool(&v->out, "sound", !v->bad);
		json_kv_int(&v->out, "lines", (long long)v->lines);
		json_kv_int(&v->out, "bytes", (long long)v->bytes);
		json_kv_int(&v->out, "ms", (long long)(took * 1000));
		buf_adds(&v->out, "}\n");
	} else {
		buf_addf(&v->out, "%s: %llu lines in %.2f s (%.0f a second)\n", v->bad ? "damaged" : "sound", v->lines, took, (double)v->lines / (took > 0.001 ? took : 0.001));
	}
	out_put(&v->out);
}

int audit_verify(const struct cli *c, char *const *args, size_t n)
{
	AUTO_CHAINS ch = {0};
	struct ledger_checkpoint cp;
	struct verifying v = {.c = c, .ch = &ch};
	double began = seconds();
	int status;

	if (n > 1)
		return out_fail(ZDDC_USAGE, "\"%s\" is one argument too many: zddc audit verify [ARCHIVE]", args[1]);
	status = chains_find(n ? args[0] : ".", &ch);
	if (status == ZDDC_YES)
		status = take_key(&v);
	if (status == ZDDC_YES)
		status = take_checkpoint(&v, &cp);
	if (cli_has(c, OPT_JSON))
		buf_adds(&v.out, "{\"chains\":[");
	if (status == ZDDC_YES)
		status = verify_all(&v);
	if (status == ZDDC_YES)
		summary(&v, seconds() - began);
	buf_free(&v.out);
	return status == ZDDC_YES && v.bad ? ZDDC_NO : status;
}

int audit_examine(const struct cli *c, const char *archive, struct buf *said)
{
	AUTO_CHAINS ch = {0};
	struct verifying v = {.c = c, .ch = &ch, .said = said};
	int status = chains_find(archive, &ch);

	if (status == ZDDC_YES)
		status = take_key(&v);
	return status == ZDDC_YES ? verify_all(&v) : status;
}

/* ------------------------------------------------------------------ damage that somebody has looked at */

/* The last chain of each host that is damaged: "FILE SEQ" of its finding, and the reason, at the end of the list that the daemon reads. */
static int accept_chain(const struct cli *c, const struct chains *ch, size_t from, struct buf *list)
{
	struct ledger_verify lv;
	size_t last = chains_end(ch, from) - 1;
	char name[LEDGER_NAME_MAX + 1];
	int r;

	ledger_verify_init(&lv, NULL, 0);
	r = chains_read(ch, last, 0, feed, &lv, NULL);
	ledger_verify_end(&lv);
	ledger_file_name(ch->v[last].host, ch->v[last].run, ch->v[last].part, name);
	if (r == 0 && lv.found.fault != LEDGER_FAULT_NONE && lv.found.fault != LEDGER_FAULT_TORN)
		buf_addf(list, "%s %llu\n%s\n", name, (unsigned long long)lv.found.seq, c->opt[OPT_REASON]);
	ledger_verify_free(&lv);
	return r < 0 ? out_fail(ZDDC_IO, "%s/%s: %s", ch->dir, name, strerror(-r)) : ZDDC_YES;
}

static int append(const struct chains *ch, const struct buf *text)
{
	AUTO_BUF path = BUF_INIT;
	int r;

	buf_addf(&path, "%s/accepted", ch->dir);
	AUTO_CLOSE int fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : file_write_fd(fd, text);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? out_fail(ZDDC_IO, "%s: %s", buf_str(&path), strerror(-r)) : ZDDC_YES;
}

int audit_accept(const struct cli *c, char *const *args, size_t n)
{
	AUTO_CHAINS ch = {0};
	AUTO_BUF list = BUF_INIT;
	int status;

	if (!cli_has(c, OPT_REASON) || n > 1)
		return out_fail(ZDDC_USAGE, "zddc audit accept --reason TEXT [ARCHIVE]");
	status = chains_find(n ? args[0] : ".", &ch);
	for (size_t i = 0; status == ZDDC_YES && i < ch.n; i = chains_end(&ch, i)) {
		size_t end = chains_end(&ch, i);

		if (end == ch.n || strcmp(ch.v[end].host, ch.v[i].host) != 0)
			status = accept_chain(c, &ch, i, &list);
	}
	if (status == ZDDC_YES && !list.len)
		return out_fail(ZDDC_NO, "the end of the ledger is not damaged: there is nothing to accept");
	return status == ZDDC_YES ? append(&ch, &list) : status;
}
