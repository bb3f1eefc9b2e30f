/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc audit key, checkpoint, prove, check: heads that are signed, and proofs that need no archive. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/sign.h"
#include "base/str.h"
#include "cli/audit.h"
#include "cli/chains.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/files.h"
#include "cli/ledgerkey.h"
#include "cli/out.h"
#include "cli/place.h"

enum { TEXT_MOST = 2 << 20 };

/* ------------------------------------------------------------------ keys */

static int secret_of(const struct chains *ch, unsigned char seed[SIGN_SEED_LEN])
{
	AUTO_BUF text = BUF_INIT;
	int r = chains_store(ch, "key", &text);

	if (r == -ENOENT)
		r = ledgerkey_make(ch->dir) == 0 ? chains_store(ch, "key", &text) : -ENOENT;
	if (r < 0)
		return out_fail(ZDDC_IO, "%s/key: %s", ch->dir, strerror(-r));
	r = ledger_key_parse_secret(buf_str(&text), text.len, seed);
	sign_forget(text.data, text.len);
	return r < 0 ? out_fail(ZDDC_IO, "%s/key holds no secret key of a ledger", ch->dir) : ZDDC_YES;
}

int audit_key(const struct cli *c, char *const *args, size_t n)
{
	AUTO_CHAINS ch = {0};
	AUTO_BUF text = BUF_INIT;
	unsigned char seed[SIGN_SEED_LEN], pub[SIGN_PUBLIC_LEN];
	int status = n > 1 ? out_fail(ZDDC_USAGE, "zddc audit key [ARCHIVE]") : chains_find(n ? args[0] : ".", &ch);

	(void)c;
	if (status == ZDDC_YES)
		status = secret_of(&ch, seed);
	if (status != ZDDC_YES)
		return status;
	sign_public(seed, pub);
	sign_forget(seed, sizeof seed);
	ledger_key_format_public(pub, &text);
	out_put(&text);
	return ZDDC_YES;
}

/* ------------------------------------------------------------------ checkpoints */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What people call the archive: the name of its directory. */
static void archive_name(const struct chains *ch, char name[LEDGER_NAME_MAX + 1])
{
	AUTO_BUF path = BUF_INIT;
	AUTO_FREE char *abs = NULL;
	const char *base;

	buf_addf(&path, "%s/../..", ch->dir);
	abs = realpath(buf_str(&path), NULL);
	base = abs ? strrchr(abs, '/') : NULL;
	base = base && base[1] && str_utf8_valid(base + 1, strlen(base + 1)) ? base + 1 : "archive";
	snprintf(name, LEDGER_NAME_MAX + 1, "%s", base);
}

static int sign_end(const struct chains *ch, size_t from, const struct ledger_chain *end, struct ledger_checkpoint *cp)
{
	char archive[LEDGER_NAME_MAX + 1], chain[LEDGER_NAME_MAX + 1];
	unsigned char seed[SIGN_SEED_LEN];
	int r, status = secret_of(ch, seed);

	if (status != ZDDC_YES)
		return status;
	archive_name(ch, archive);
	chains_name(ch, from, chain);
	r = ledger_checkpoint_make(end, archive, chain, now_us(), seed, cp);
	sign_forget(seed, sizeof seed);
	return r < 0 ? out_fail(ZDDC_IO, "the head of %s cannot be signed: its name is no plain text", chain) : ZDDC_YES;
}

static int choose_chain(const struct cli *c, const struct chains *ch, size_t *from)
{
	*from = chains_named(ch, c->opt[OPT_CHAIN]);
	if (*from < ch->n)
		return ZDDC_YES;
	return out_fail(ZDDC_NO, cli_has(c, OPT_CHAIN) ? "%s: there is no chain %s" : "%s: there is no chain", ch->dir, c->opt[OPT_CHAIN]);
}

/* Kept in the store as well, where verify looks; the copy that counts is the one that is kept elsewhere. */
static int checkpoint_here(const struct cli *c, const char *archive, struct buf *text)
{
	AUTO_CHAINS ch = {0};
	AUTO_BUF name = BUF_INIT;
	struct ledger_chain end;
	struct ledger_checkpoint cp;
	size_t from;
	int r, status = chains_find(archive, &ch);

	if (status == ZDDC_YES)
		status = choose_chain(c, &ch, &from);
	if (status == ZDDC_YES)
		status = audit_chain_end(&ch, from, &end);
	if (status == ZDDC_YES)
		status = sign_end(&ch, from, &end, &cp);
	if (status != ZDDC_YES)
		return status;
	ledger_checkpoint_format(&cp, text);
	buf_addf(&name, "%s-%llu.checkpoint", cp.chain, (unsigned long long)cp.seq);
	r = chains_store_new(&ch, buf_str(&name), text);
	return r < 0 && r != -EEXIST ? out_fail(ZDDC_IO, "%s/%s: %s", ch.dir, buf_str(&name), strerror(-r)) : ZDDC_YES;
}

/* On a mount the daemon signs, and the ledger says so. */
static int checkpoint_mount(const char *dir, struct buf *text)
{
	int r = control_read(dir, "checkpoint", text);

	if (r == -ENOENT)
		return out_fail(ZDDC_NO, "%s: only administrators and auditors of the whole archive ask the mount for a checkpoint, at its root", dir);
	if (r < 0)
		return out_fail(ZDDC_IO, "%s: the mount gives no checkpoint: %s", dir, strerror(-r));
	return ZDDC_YES;
}

int audit_checkpoint(const struct cli *c, char *const *args, size_t n)
{
	const char *where = n ? args[0] : ".";
	AUTO_BUF text = BUF_INIT;
	int status;

	if (n > 1)
		return out_fail(ZDDC_USAGE, "zddc audit checkpoint [ARCHIVE or MOUNT]");
	status = place_has_control(where) ? checkpoint_mount(where, &text) : checkpoint_here(c, where, &text);
	if (status == ZDDC_YES)
		out_put(&text);
	return status;
}

/* ------------------------------------------------------------------ proofs */

struct leaves {
	struct ledger_lines cut;
	struct buf scratch, line; /* the line that is wanted */
	uint64_t want;
	unsigned char (*v)[SHA256_LEN];
	uint64_t n, cap;
	bool bad;
};

static int take_leaf(void *arg, const char *line, size_t n)
{
	struct leaves *l = arg;
	struct ledger_link link;

	if (!ledger_link_read(line, n, &l->scratch, &link) || !link.intact || link.seq != l->n + 1) {
		l->bad = true;
		return 1;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4096;
		l->v = realloc(l->v, l->cap * sizeof(*l->v));
		if (!l->v)
			abort();
	}
	ledger_leaf_hash(link.hash, SHA256_LEN, l->v[l->n++]);
	if (link.seq == l->want)
		buf_add(&l->line, line, n);
	return 0;
}

static int feed(void *arg, const void *p, size_t n)
{
	struct leaves *l = arg;

	out_progress("MiB of the ledger");
	return ledger_lines_feed(&l->cut, p, n, take_leaf, l);
}

static void leaves_free(struct leaves *l)
{
	buf_free(&l->cut.rest);
	buf_free(&l->scratch);
	buf_free(&l->line);
	free(l->v);
}

static int read_leaves(const struct chains *ch, size_t from, struct leaves *l)
{
	int r = 0;

	for (size_t i = from; r == 0 && i < chains_end(ch, from); i++)
		r = chains_read(ch, i, 0, feed, l, NULL);
	if (r < 0)
		return out_fail(ZDDC_IO, "%s: %s", ch->dir, strerror(-r));
	if (l->bad)
		return out_fail(ZDDC_NO, "the ledger is damaged at line %llu, or its first files are missing: \"zddc audit verify\" says more", (unsigned long long)l->n + 1);
	return ZDDC_YES;
}

/* The checkpoint that the proof leads to: the last of the store that covers 'least' lines, else one made now. */
static int head_for(const struct cli *c, const struct chains *ch, size_t from, uint64_t least, struct ledger_checkpoint *cp)
{
	char chain[LEDGER_NAME_MAX + 1];
	struct ledger_chain end;
	size_t n;
	int status;

	(void)c;
	chains_name(ch, from, chain);
	AUTO_FREE struct ledger_checkpoint *kept = chains_checkpoints(ch, chain, &n);
	if (n && kept[n - 1].seq >= least) {
		*cp = kept[n - 1];
		return ZDDC_YES;
	}
	status = audit_chain_end(ch, from, &end);
	return status == ZDDC_YES ? sign_end(ch, from, &end, cp) : status;
}

static int prove_line(const struct cli *c, const struct chains *ch, size_t from, uint64_t seq, struct buf *out)
{
	struct leaves l = {.want = seq};
	struct ledger_proof p = {0};
	int status = head_for(c, ch, from, seq, &p.cp);

	if (status == ZDDC_YES)
		status = read_leaves(ch, from, &l);
	if (status == ZDDC_YES && (seq > l.n || p.cp.seq > l.n))
		status = out_fail(ZDDC_NO, "the chain has only %llu lines", (unsigned long long)l.n);
	if (status == ZDDC_YES) {
		p.line = l.line;
		l.line = (struct buf)BUF_INIT;
		ledger_prove_inclusion((const unsigned char (*)[SHA256_LEN])l.v, p.cp.seq, seq - 1, &p.path);
		ledger_proof_format(&p, out);
	}
	ledger_proof_free(&p);
	leaves_free(&l);
	return status;
}

/* That the chain of today begins with all that an older checkpoint signed. */
static int prove_extension(const struct cli *c, const struct chains *ch, const struct ledger_checkpoint *old, struct buf *out)
{
	size_t from = chains_named(ch, old->chain);
	struct leaves l = {0};
	struct ledger_extension x = {.old = *old};
	struct ledger_chain end;
	int status;

	(void)c;
	if (from == ch->n)
		return out_fail(ZDDC_NO, "%s: there is no chain %s", ch->dir, old->chain);
	status = audit_chain_end(ch, from, &end);
	if (status == ZDDC_YES)
		status = sign_end(ch, from, &end, &x.cp);
	if (status == ZDDC_YES)
		status = read_leaves(ch, from, &l);
	if (status == ZDDC_YES && ledger_prove_consistency((const unsigned char (*)[SHA256_LEN])l.v, x.cp.seq, old->seq, &x.path) != 0)
		status = out_fail(ZDDC_NO, "the checkpoint signed %llu lines, and the chain has %llu", (unsigned long long)old->seq, (unsigned long long)x.cp.seq);
	if (status == ZDDC_YES)
		ledger_extension_format(&x, out);
	leaves_free(&l);
	return status;
}

static int old_checkpoint(const char *file, struct ledger_checkpoint *cp)
{
	AUTO_BUF text = BUF_INIT;
	int r = file_read(file, TEXT_MOST, &text);

	if (r < 0)
		return out_fail(ZDDC_IO, "%s: %s", file, strerror(-r));
	return ledger_checkpoint_parse(buf_str(&text), text.len, cp) == 0 ? ZDDC_YES : out_fail(ZDDC_USAGE, "%s is no checkpoint of a ledger", file);
}

int audit_prove(const struct cli *c, char *const *args, size_t n)
{
	bool extends = cli_has(c, OPT_CHECKPOINT);
	size_t words = extends ? 0 : 1, from;
	unsigned long long seq = !extends && n ? strtoull(args[0], NULL, 10) : 0;
	AUTO_CHAINS ch = {0};
	AUTO_BUF out = BUF_INIT;
	struct ledger_checkpoint old;
	int status;

	if (n > words + 1 || (!extends && (!seq || args[0][strspn(args[0], "0123456789")])))
		return out_fail(ZDDC_USAGE, "zddc audit prove SEQ [ARCHIVE], or zddc audit prove --checkpoint FILE [ARCHIVE]");
	status = chains_find(n > words ? args[words] : ".", &ch);
	if (status == ZDDC_YES)
		status = extends ? old_checkpoint(c->opt[OPT_CHECKPOINT], &old) : choose_chain(c, &ch, &from);
	if (status == ZDDC_YES)
		status = extends ? prove_extension(c, &ch, &old, &out) : prove_line(c, &ch, from, seq, &out);
	if (status == ZDDC_YES)
		out_put(&out);
	return status;
}

/* ------------------------------------------------------------------ checking */

struct checked {
	const char *kind, *wrong; /* NULL: all holds */
	char line[LEDGER_TIME_SIZE + 64];
	struct ledger_checkpoint cp;
	struct buf what; /* the line that is proved */
};

/* Which of the three texts it is, and whether it holds. 'trusted' NULL: by the key that it names itself. */
static bool check_text(const struct buf *t, const unsigned char *trusted, struct checked *out)
{
	struct ledger_proof p;
	struct ledger_extension x;

	if (ledger_proof_parse(buf_str(t), t->len, &p) == 0) {
		out->kind = "proof";
		out->wrong = ledger_proof_check(&p, trusted ? trusted : p.cp.pub);
		out->cp = p.cp;
		buf_add(&out->what, p.line.data, p.line.len);
		ledger_proof_free(&p);
	} else if (ledger_extension_parse(buf_str(t), t->len, &x) == 0) {
		out->kind = "extension";
		out->wrong = ledger_extension_check(&x, trusted ? trusted : x.cp.pub);
		out->cp = x.cp;
	} else if (ledger_checkpoint_parse(buf_str(t), t->len, &out->cp) == 0) {
		out->kind = "checkpoint";
		out->wrong = ledger_checkpoint_check(&out->cp, trusted ? trusted : out->cp.pub) ? NULL : "the checkpoint is not signed by that key";
	} else {
		return false;
	}
	return true;
}

static void show_checked(const struct cli *c, const struct checked *k, bool trusted)
{
	AUTO_BUF out = BUF_INIT, key = BUF_INIT;
	char when[LEDGER_TIME_SIZE];

	ledger_time_format(k->cp.time_us, when);
	ledger_key_format_public(k->cp.pub, &key);
	key.data[key.len - 1] = '\0';
	if (cli_has(c, OPT_JSON)) {
		buf_addc(&out, '{');
		json_kv(&out, "kind", k->kind);
		json_kv_bool(&out, "holds", !k->wrong);
		json_kv(&out, "wrong", k->wrong);
		json_kv(&out, "archive", k->cp.archive);
		json_kv(&out, "chain", k->cp.chain);
		json_kv_int(&out, "seq", (long long)k->cp.seq);
		json_kv(&out, "time", when);
		json_kv(&out, "key", key.data);
		json_kv_bool(&out, "key_trusted", trusted);
		if (k->what.len) {
			json_key(&out, "line");
			buf_add(&out, k->what.data, k->what.len);
		}
		buf_adds(&out, "}\n");
	} else if (k->wrong) {
		out_fail(0, "the %s does not hold: %s", k->kind, k->wrong);
	} else {
		if (k->what.len)
			buf_addf(&out, "%.*s\n", (int)k->what.len, k->what.data);
		buf_addf(&out, "%sholds%s: %s of %llu lines of chain %s of %s, signed %s\n", out_style(OUT_GOOD), out_style(OUT_PLAIN), k->kind,
			 (unsigned long long)k->cp.seq, k->cp.chain, k->cp.archive, when);
		if (!trusted)
			buf_addf(&out, "if this is the key of that archive (--key FILE checks it): %s\n", key.data);
	}
	out_put(&out);
}

int audit_check(const struct cli *c, char *const *args, size_t n)
{
	AUTO_BUF text = BUF_INIT, keytext = BUF_INIT;
	unsigned char key[SIGN_PUBLIC_LEN];
	struct checked k = {0};
	int r = 0;

	if (n != 1)
		return out_fail(ZDDC_USAGE, "zddc audit check FILE [--key FILE]; FILE may be -");
	if (cli_has(c, OPT_KEY))
		r = file_read(c->opt[OPT_KEY], TEXT_MOST, &keytext);
	if (r < 0 || (cli_has(c, OPT_KEY) && ledger_key_parse_public(buf_str(&keytext), keytext.len, key) != 0))
		return out_fail(r < 0 ? ZDDC_IO : ZDDC_USAGE, "%s: %s", c->opt[OPT_KEY], r < 0 ? strerror(-r) : "no public key of a ledger");
	r = file_read(args[0], TEXT_MOST, &text);
	if (r < 0)
		return out_fail(ZDDC_IO, "%s: %s", args[0], strerror(-r));
	if (!check_text(&text, cli_has(c, OPT_KEY) ? key : NULL, &k))
		return out_fail(ZDDC_NO, "%s is no proof, extension or checkpoint of a ledger, or it was changed", args[0]);
	show_checked(c, &k, cli_has(c, OPT_KEY));
	buf_free(&k.what);
	return k.wrong ? ZDDC_NO : ZDDC_YES;
}
