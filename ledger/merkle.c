/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merkle trees: RFC 6962 section 2.1; checking as in RFC 9162 sections 2.1.3.2 and 2.1.4.2, which say the same as a loop. */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/text.h"

#define HASH SHA256_LEN

/* Leaves and nodes begin with different bytes, so that none can be taken for the other. */
void ledger_leaf_hash(const void *data, size_t n, unsigned char out[HASH])
{
	AUTO_BUF text = BUF_INIT;
	buf_addc(&text, '\0');
	buf_add(&text, data, n);
	sha256(text.data, text.len, out);
}

/* out may be one of the two. */
static void node_hash(const unsigned char left[HASH], const unsigned char right[HASH], unsigned char out[HASH])
{
	unsigned char text[1 + 2 * HASH] = {1};
	memcpy(text + 1, left, HASH);
	memcpy(text + 1 + HASH, right, HASH);
	sha256(text, sizeof(text), out);
}

/* ------------------------------------------------------------------ the head */

void ledger_tree_add(struct ledger_tree *t, const unsigned char leaf[HASH])
{
	unsigned char hash[HASH];
	unsigned i = 0;
	memcpy(hash, leaf, HASH);
	for (; t->size >> i & 1; i++)
		node_hash(t->peak[i], hash, hash);
	memcpy(t->peak[i], hash, HASH);
	t->size++;
}

void ledger_tree_root(const struct ledger_tree *t, unsigned char out[HASH])
{
	unsigned i = t->size ? (unsigned)__builtin_ctzll(t->size) : 64;
	if (i == 64) {
		sha256("", 0, out);
		return;
	}
	memcpy(out, t->peak[i], HASH);
	for (i++; i < 64; i++)
		if (t->size >> i & 1)
			node_hash(t->peak[i], out, out);
}

void ledger_tree_format(const struct ledger_tree *t, struct buf *out)
{
	for (unsigned i = 64; i-- > 0;)
		if (t->size >> i & 1)
			put_hex(out, t->peak[i], HASH);
}

int ledger_tree_parse(uint64_t size, const char *text, struct ledger_tree *out)
{
	struct cursor c = {text, text + strlen(text), NULL};
	struct ledger_tree t = {.size = size};
	for (unsigned i = 64; i-- > 0;)
		if (size >> i & 1 && !take_hex(&c, t.peak[i], HASH))
			return -EINVAL;
	if (c.p != c.end)
		return -EINVAL;
	*out = t;
	return 0;
}

/* ------------------------------------------------------------------ making proofs */

typedef const unsigned char (*leaves_t)[HASH];

static void range_root(leaves_t leaves, uint64_t n, unsigned char out[HASH])
{
	struct ledger_tree t = {0};
	for (uint64_t i = 0; i < n; i++)
		ledger_tree_add(&t, leaves[i]);
	ledger_tree_root(&t, out);
}

static void add_range(struct ledger_path *path, leaves_t leaves, uint64_t n) { range_root(leaves, n, path->node[path->n++]); }

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n) { return 1ull << (63 - __builtin_clzll(n - 1)); }

static void inclusion(leaves_t leaves, uint64_t n, uint64_t at, struct ledger_path *path)
{
	if (n == 1)
		return;
	uint64_t k = split(n);
	if (at < k) {
		inclusion(leaves, k, at, path);
		add_range(path, leaves + k, n - k);
	} else {
		inclusion(leaves + k, n - k, at - k, path);
		add_range(path, leaves, k);
	}
}

/* RFC 6962's SUBPROOF; 'known': the verifier has the root of these old leaves. */
static void consistency(leaves_t leaves, uint64_t n, uint64_t old, bool known, struct ledger_path *path)
{
	if (old == n) {
		if (!known)
			add_range(path, leaves, n);
		return;
	}
	uint64_t k = split(n);
	if (old <= k) {
		consistency(leaves, k, old, known, path);
		add_range(path, leaves + k, n - k);
	} else {
		consistency(leaves + k, n - k, old - k, false, path);
		add_range(path, leaves, k);
	}
}

int ledger_prove_inclusion(leaves_t leaves, uint64_t n, uint64_t at, struct ledger_path *out)
{
	if (at >= n)
		return -EINVAL;
	out->n = 0;
	inclusion(leaves, n, at, out);
	return 0;
}

int ledger_prove_consistency(leaves_t leaves, uint64_t n, uint64_t old, struct ledger_path *out)
{
	if (!old || old > n)
		return -EINVAL;
	out->n = 0;
	consistency(leaves, n, old, true, out);
	return 0;
}

/* ------------------------------------------------------------------ checking them */

/* Up one or more levels past those where the right-most node stands alone. */
static void skip_alone(uint64_t *fn, uint64_t *sn)
{
	while (*fn && !(*fn & 1)) {
		*fn >>= 1;
		*sn >>= 1;
	}
}

static bool same(const unsigned char a[HASH], const unsigned char b[HASH]) { return !memcmp(a, b, HASH); }

bool ledger_check_inclusion(const unsigned char leaf[HASH], uint64_t at, uint64_t n, const struct ledger_path *path,
			    const unsigned char root[HASH])
{
	unsigned char r[HASH];
	uint64_t fn = at, sn = n - 1;
	if (at >= n)
		return false;
	memcpy(r, leaf, HASH);
	for (unsigned i = 0; i < path->n; i++, fn >>= 1, sn >>= 1) {
		if (!sn)
			return false;
		if (fn & 1 || fn == sn) {
			node_hash(path->node[i], r, r);
			if (!(fn & 1))
				skip_alone(&fn, &sn);
		} else {
			node_hash(r, path->node[i], r);
		}
	}
	return !sn && same(r, root);
}

/* Both roots from what they share: fr becomes the old one, sr the new one. */
static bool climb(uint64_t fn, uint64_t sn, const struct ledger_path *path, unsigned from, unsigned char fr[HASH], unsigned char sr[HASH])
{
	for (unsigned i = from; i < path->n; i++, fn >>= 1, sn >>= 1) {
		if (!sn)
			return false;
		if (fn & 1 || fn == sn) {
			node_hash(path->node[i], fr, fr);
			node_hash(path->node[i], sr, sr);
			if (!(fn & 1))
				skip_alone(&fn, &sn);
		} else {
			node_hash(sr, path->node[i], sr);
		}
	}
	return !sn;
}

bool ledger_check_consistency(uint64_t old, const unsigned char old_root[HASH], uint64_t n, const unsigned char root[HASH],
			      const struct ledger_path *path)
{
	unsigned char fr[HASH], sr[HASH];
	uint64_t fn = old - 1, sn = n - 1;
	bool whole = old && !(old & (old - 1)); /* the old tree is one node of the new one, and its root is known */
	if (!old || old > n)
		return false;
	if (old == n)
		return !path->n && same(old_root, root);
	if (!path->n)
		return false;
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	memcpy(fr, whole ? old_root : path->node[0], HASH);
	memcpy(sr, fr, HASH);
	return climb(fn, sn, path, whole ? 0 : 1, fr, sr) && same(fr, old_root) && same(sr, root);
}
