/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines that each hold the hash of the one before. */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/text.h"

/* ,"prev_hash":"HEX","hash":"HEX"} is the end of each line, of one length. */
enum { HEX = 2 * SHA256_LEN, HASH_TAIL = 9 + HEX + 2, LINK_TAIL = 14 + HEX + 1 + HASH_TAIL };

/* The hash of a line of n bytes: as if "hash" were not in it. The line is changed for as long as it takes. */
static void hash_line(char *line, size_t n, unsigned char out[SHA256_LEN])
{
	char *cut = line + n - HASH_TAIL, was = *cut;
	*cut = '}';
	sha256(line, n - HASH_TAIL + 1, out);
	*cut = was;
}

static void write_hash(char *line, size_t n, const unsigned char hash[SHA256_LEN])
{
	char hex[SHA256_HEX];
	sha256_hex(hash, hex);
	memcpy(line + n - HASH_TAIL + 9, hex, HEX);
}

static void advance(struct ledger_chain *c, const unsigned char hash[SHA256_LEN])
{
	unsigned char leaf[SHA256_LEN];
	c->seq++;
	memcpy(c->head, hash, SHA256_LEN);
	ledger_leaf_hash(hash, SHA256_LEN, leaf);
	ledger_tree_add(&c->tree, leaf);
}

static void buf_cut(struct buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

int ledger_chain_add(struct ledger_chain *c, struct ledger_entry *e, struct buf *out)
{
	size_t start = out->len;
	e->seq = c->seq + 1;
	memcpy(e->prev_hash, c->head, SHA256_LEN);
	memset(e->hash, 0, SHA256_LEN);
	int err = ledger_entry_format(e, out);
	if (!err && out->len - start >= LEDGER_LINE_MAX)
		err = -E2BIG;
	if (err) {
		buf_cut(out, start);
		return err;
	}
	size_t n = out->len - start;
	hash_line(out->data + start, n, e->hash);
	write_hash(out->data + start, n, e->hash);
	buf_addc(out, '\n');
	advance(c, e->hash);
	return 0;
}

int ledger_chain_rotate(struct ledger_chain *c, const char *previous_file, int64_t time_us, struct buf *out)
{
	AUTO_BUF tree = BUF_INIT;
	ledger_tree_format(&c->tree, &tree);
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("file", previous_file), LEDGER_ATTR_TEXT("tree", buf_str(&tree))};
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	e.time_us = time_us;
	e.event = LEDGER_LEDGER_ROTATED;
	e.attrs = attrs;
	e.n_attrs = sizeof(attrs) / sizeof(attrs[0]);
	return ledger_chain_add(c, &e, out);
}

/* {"seq":N,"time":"T","event":"NAME" */
static bool take_begin(struct cursor *c, struct ledger_link *l)
{
	const char *quote;
	if (!take_lit(c, "{\"seq\":") || !take_u64(c, &l->seq) || !take_lit(c, ",\"time\":\""))
		return false;
	if ((size_t)(c->end - c->p) < LEDGER_TIME_SIZE - 1)
		return false;
	c->p += LEDGER_TIME_SIZE - 1;
	if (!take_lit(c, "\",\"event\":\"") || !(quote = memchr(c->p, '"', (size_t)(c->end - c->p))))
		return false;
	l->event = c->p;
	l->event_len = (size_t)(quote - c->p);
	c->p = quote;
	return true;
}

static bool take_end(struct cursor *c, struct ledger_link *l)
{
	if (c->end - c->p < LINK_TAIL)
		return false;
	c->p = c->end - LINK_TAIL;
	return take_lit(c, ",\"prev_hash\":\"") && take_hex(c, l->prev_hash, SHA256_LEN) && take_lit(c, "\",\"hash\":\"") &&
	       take_hex(c, l->hash, SHA256_LEN) && take_lit(c, "\"}");
}

bool ledger_link_read(const char *line, size_t n, struct buf *scratch, struct ledger_link *out)
{
	struct cursor c = {line, line + n, NULL};
	struct ledger_link l;
	unsigned char hash[SHA256_LEN];
	if (n >= LEDGER_LINE_MAX || !take_begin(&c, &l) || !take_end(&c, &l))
		return false;
	buf_reset(scratch);
	buf_add(scratch, line, n);
	hash_line(scratch->data, n, hash);
	l.intact = !memcmp(hash, l.hash, SHA256_LEN);
	*out = l;
	return true;
}
