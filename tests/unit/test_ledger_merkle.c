/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 6962: the published roots and proofs, then every proof of every tree up to 70 leaves against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "ledger/ledger.h"

enum { MOST = 70 };

static unsigned char leaves[MOST][SHA256_LEN];

/* The leaves of the vectors of Certificate Transparency. */
static const struct {
	const char *data;
	size_t n;
} inputs[8] = {
	{"", 0},
	{"\x00", 1},
	{"\x10", 1},
	{"\x20\x21", 2},
	{"\x30\x31", 2},
	{"\x40\x41\x42\x43", 4},
	{"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
	{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};

static const char *const roots[9] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static int make_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < MOST; i++)
		if (i < 8)
			ledger_leaf_hash(inputs[i].data, inputs[i].n, leaves[i]);
		else
			ledger_leaf_hash(&i, sizeof(i), leaves[i]);
	return 0;
}

static void assert_hex(const unsigned char hash[SHA256_LEN], const char *want)
{
	char hex[SHA256_HEX];
	sha256_hex(hash, hex);
	assert_string_equal(hex, want);
}

static void published_roots(void **state)
{
	struct ledger_tree t = {0};
	unsigned char root[SHA256_LEN];
	(void)state;
	for (int n = 0; n <= 8; n++) {
		ledger_tree_root(&t, root);
		assert_hex(root, roots[n]);
		if (n < 8)
			ledger_tree_add(&t, leaves[n]);
	}
}

static void assert_path(const struct ledger_path *path, const char *const *want, unsigned n)
{
	assert_int_equal(path->n, n);
	for (unsigned i = 0; i < n; i++)
		assert_hex(path->node[i], want[i]);
}

static void published_proofs(void **state)
{
	static const char *const first_of_8[] = {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
						 "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
						 "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"};
	static const char *const sixth_of_8[] = {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
						 "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
						 "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"};
	static const char *const third_of_3[] = {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"};
	static const char *const six_to_8[] = {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
					       "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
					       "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"};
	static const char *const two_to_5[] = {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
					       "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"};
	struct ledger_path path;

	(void)state;
	assert_int_equal(ledger_prove_inclusion(leaves, 8, 0, &path), 0);
	assert_path(&path, first_of_8, 3);
	assert_int_equal(ledger_prove_inclusion(leaves, 8, 5, &path), 0);
	assert_path(&path, sixth_of_8, 3);
	assert_int_equal(ledger_prove_inclusion(leaves, 3, 2, &path), 0);
	assert_path(&path, third_of_3, 1);
	assert_int_equal(ledger_prove_inclusion(leaves, 1, 0, &path), 0);
	assert_path(&path, NULL, 0);
	assert_int_equal(ledger_prove_consistency(leaves, 8, 1, &path), 0);
	assert_path(&path, first_of_8, 3);
	assert_int_equal(ledger_prove_consistency(leaves, 8, 6, &path), 0);
	assert_path(&path, six_to_8, 3);
	assert_int_equal(ledger_prove_consistency(leaves, 5, 2, &path), 0);
	assert_path(&path, two_to_5, 2);
	assert_int_equal(ledger_prove_consistency(leaves, 8, 8, &path), 0);
	assert_path(&path, NULL, 0);
}

/* The definition, word for word: MTH(D[n]) = H(1, MTH(D[0:k]), MTH(D[k:n])). */
static void defined_root(size_t from, size_t n, unsigned char out[SHA256_LEN])
{
	unsigned char text[1 + 2 * SHA256_LEN] = {1};
	size_t k = 1;
	if (n == 1) {
		memcpy(out, leaves[from], SHA256_LEN);
		return;
	}
	while (2 * k < n)
		k *= 2;
	defined_root(from, k, text + 1);
	defined_root(from + k, n - k, text + 1 + SHA256_LEN);
	sha256(text, sizeof(text), out);
}

static void heads_by_definition(void **state)
{
	struct ledger_tree t = {0}, again;
	unsigned char root[SHA256_LEN], want[SHA256_LEN];
	(void)state;
	for (size_t n = 1; n <= MOST; n++) {
		AUTO_BUF text = BUF_INIT;
		ledger_tree_add(&t, leaves[n - 1]);
		defined_root(0, n, want);
		ledger_tree_root(&t, root);
		assert_memory_equal(root, want, SHA256_LEN);
		/* as text and back */
		ledger_tree_format(&t, &text);
		assert_int_equal(text.len, 64 * (size_t)__builtin_popcountll(n));
		assert_int_equal(ledger_tree_parse(n, buf_str(&text), &again), 0);
		ledger_tree_root(&again, root);
		assert_memory_equal(root, want, SHA256_LEN);
		assert_int_equal(ledger_tree_parse(2 * n + 1, buf_str(&text), &again), -EINVAL);
		buf_addc(&text, '0');
		assert_int_equal(ledger_tree_parse(n, buf_str(&text), &again), -EINVAL);
	}
	assert_int_equal(ledger_tree_parse(0, "", &again), 0);
	assert_int_equal(ledger_tree_parse(1, "", &again), -EINVAL);
}

/* Every proof holds, and none does with another leaf, place, size, root, node, one node less or more. */
static void all_inclusions(void **state)
{
	unsigned char root[SHA256_LEN];
	struct ledger_path path, bad;
	(void)state;
	for (uint64_t n = 1; n <= MOST; n++) {
		defined_root(0, n, root);
		for (uint64_t at = 0; at < n; at++) {
			assert_int_equal(ledger_prove_inclusion(leaves, n, at, &path), 0);
			assert_true(ledger_check_inclusion(leaves[at], at, n, &path, root));
			for (uint64_t other = 0; other < n + 2; other++)
				assert_int_equal(ledger_check_inclusion(leaves[at], other, n, &path, root), other == at);
			assert_false(n > 1 && ledger_check_inclusion(leaves[(at + 1) % n], at, n, &path, root));
			assert_false(ledger_check_inclusion(leaves[at], at, 2 * n + 1, &path, root));
			assert_false(ledger_check_inclusion(leaves[at], at, 0, &path, root));
			for (unsigned i = 0; i < path.n; i++) {
				bad = path;
				bad.node[i][i % SHA256_LEN] ^= 0x80;
				assert_false(ledger_check_inclusion(leaves[at], at, n, &bad, root));
				bad = path;
				bad.n = i;
				assert_false(ledger_check_inclusion(leaves[at], at, n, &bad, root));
			}
			bad = path;
			memset(bad.node[bad.n++], 0, SHA256_LEN);
			assert_false(ledger_check_inclusion(leaves[at], at, n, &bad, root));
		}
		assert_int_equal(ledger_prove_inclusion(leaves, n, n, &path), -EINVAL);
	}
	assert_int_equal(ledger_prove_inclusion(leaves, 0, 0, &path), -EINVAL);
}

static void all_consistencies(void **state)
{
	unsigned char root[SHA256_LEN], old_root[SHA256_LEN], wrong[SHA256_LEN];
	struct ledger_path path, bad;
	(void)state;
	for (uint64_t n = 1; n <= MOST; n++) {
		defined_root(0, n, root);
		for (uint64_t old = 1; old <= n; old++) {
			defined_root(0, old, old_root);
			assert_int_equal(ledger_prove_consistency(leaves, n, old, &path), 0);
			assert_true(ledger_check_consistency(old, old_root, n, root, &path));
			memcpy(wrong, old_root, SHA256_LEN);
			wrong[0] ^= 1;
			assert_false(ledger_check_consistency(old, wrong, n, root, &path));
			memcpy(wrong, root, SHA256_LEN);
			wrong[31] ^= 1;
			assert_false(ledger_check_consistency(old, old_root, n, wrong, &path));
			for (unsigned i = 0; i < path.n; i++) {
				bad = path;
				bad.node[i][i % SHA256_LEN] ^= 0x80;
				assert_false(ledger_check_consistency(old, old_root, n, root, &bad));
				bad = path;
				bad.n = i;
				assert_false(ledger_check_consistency(old, old_root, n, root, &bad));
			}
			bad = path;
			memset(bad.node[bad.n++], 0, SHA256_LEN);
			assert_false(ledger_check_consistency(old, old_root, n, root, &bad));
			/* nobody is told that a smaller tree continues a larger one */
			assert_false(old < n && ledger_check_consistency(n, root, old, old_root, &path));
		}
		assert_int_equal(ledger_prove_consistency(leaves, n, n + 1, &path), -EINVAL);
		assert_int_equal(ledger_prove_consistency(leaves, n, 0, &path), -EINVAL);
		assert_false(ledger_check_consistency(0, root, n, root, &(struct ledger_path){0}));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_roots),
		cmocka_unit_test(published_proofs),
		cmocka_unit_test(heads_by_definition),
		cmocka_unit_test(all_inclusions),
		cmocka_unit_test(all_consistencies),
	};

	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
