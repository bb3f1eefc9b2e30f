/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The signed head of a chain: a text for people and programs, signed as it is read. */
#include "ledger/checkpoint.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "ledger/ledger.h"
#include "ledger/text.h"

/* One line of text: what is signed must not hold a line that looks like another field. */
static bool name_ok(const char *s, size_t n)
{
	if (!n || n > LEDGER_NAME_MAX || !str_utf8_valid(s, n))
		return false;
	for (size_t i = 0, len; i < n; i += len) {
		len = str_utf8_len(s + i, n - i);
		if (str_unprintable(s + i, len, NULL))
			return false;
	}
	return true;
}

static void hex_line(struct buf *out, const char *key, const unsigned char *p, size_t n)
{
	buf_adds(out, key);
	put_hex(out, p, n);
	buf_addc(out, '\n');
}

static void signed_text(const struct ledger_checkpoint *cp, struct buf *out)
{
	char time[LEDGER_TIME_SIZE];
	ledger_time_format(cp->time_us, time);
	buf_addf(out, "zddc ledger checkpoint 1\narchive %s\nchain %s\nseq ", cp->archive, cp->chain);
	put_u64(out, cp->seq);
	hex_line(out, "\nhash ", cp->hash, sizeof(cp->hash));
	hex_line(out, "tree ", cp->tree, sizeof(cp->tree));
	buf_addf(out, "time %s\n", time);
	hex_line(out, "key ", cp->pub, sizeof(cp->pub));
}

void ledger_checkpoint_format(const struct ledger_checkpoint *cp, struct buf *out)
{
	signed_text(cp, out);
	hex_line(out, "sig ", cp->sig, sizeof(cp->sig));
}

int ledger_checkpoint_make(const struct ledger_chain *c, const char *archive, const char *chain, int64_t time_us,
			   const unsigned char seed[SIGN_SEED_LEN], struct ledger_checkpoint *out)
{
	AUTO_BUF text = BUF_INIT;
	struct ledger_checkpoint cp = {.seq = c->seq, .time_us = time_us};
	char time[LEDGER_TIME_SIZE];
	if (!c->seq || !name_ok(archive, strlen(archive)) || !name_ok(chain, strlen(chain)) || !ledger_time_format(time_us, time))
		return -EINVAL;
	strcpy(cp.archive, archive);
	strcpy(cp.chain, chain);
	memcpy(cp.hash, c->head, SHA256_LEN);
	ledger_tree_root(&c->tree, cp.tree);
	sign_public(seed, cp.pub);
	signed_text(&cp, &text);
	sign_bytes(seed, text.data, text.len, cp.sig);
	*out = cp;
	return 0;
}

static bool take_name(struct cursor *c, char out[LEDGER_NAME_MAX + 1])
{
	const char *name;
	size_t n;
	if (!take_line(c, &name, &n) || !name_ok(name, n))
		return false;
	memcpy(out, name, n);
	out[n] = '\0';
	return true;
}

static bool take_time_line(struct cursor *c, int64_t *us)
{
	const char *text;
	size_t n;
	return take_line(c, &text, &n) && ledger_time_parse(text, n, us);
}

bool take_checkpoint(struct cursor *c, struct ledger_checkpoint *out)
{
	return take_lit(c, "zddc ledger checkpoint 1\narchive ") && take_name(c, out->archive) && take_lit(c, "chain ") &&
	       take_name(c, out->chain) && take_lit(c, "seq ") && take_u64(c, &out->seq) && out->seq && take_lit(c, "\nhash ") &&
	       take_hex(c, out->hash, sizeof(out->hash)) && take_lit(c, "\ntree ") && take_hex(c, out->tree, sizeof(out->tree)) &&
	       take_lit(c, "\ntime ") && take_time_line(c, &out->time_us) && take_lit(c, "key ") &&
	       take_hex(c, out->pub, sizeof(out->pub)) && take_lit(c, "\nsig ") && take_hex(c, out->sig, sizeof(out->sig)) &&
	       take_lit(c, "\n");
}

int ledger_checkpoint_parse(const char *text, size_t n, struct ledger_checkpoint *out)
{
	struct cursor c = {text, text + n, NULL};
	struct ledger_checkpoint cp = {0};
	if (!take_checkpoint(&c, &cp) || c.p != c.end)
		return -EINVAL;
	*out = cp;
	return 0;
}

bool ledger_checkpoint_check(const struct ledger_checkpoint *cp, const unsigned char trusted[SIGN_PUBLIC_LEN])
{
	AUTO_BUF text = BUF_INIT;
	signed_text(cp, &text);
	return sign_check(trusted, text.data, text.len, cp->sig);
}
