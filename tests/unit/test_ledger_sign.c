/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ed25519 by RFC 8032; keys, checkpoints and proofs as texts; nothing that was touched is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "ledger/ledger.h"

static size_t unhex(const char *hex, unsigned char *out)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		out[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	return n;
}

/* RFC 8032 section 7.1, tests 1 to 3 and SHA(abc). */
static const struct {
	const char *seed, *pub, *message, *sig;
} vectors[] = {
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	{"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	 "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	 "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

static void ed25519(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		unsigned char seed[SIGN_SEED_LEN], pub[SIGN_PUBLIC_LEN], want[SIGN_LEN], sig[SIGN_LEN], message[64] = {0};
		size_t n = unhex(vectors[i].message, message);
		unhex(vectors[i].seed, seed);
		unhex(vectors[i].pub, want);
		sign_public(seed, pub);
		assert_memory_equal(pub, want, SIGN_PUBLIC_LEN);
		unhex(vectors[i].sig, want);
		sign_bytes(seed, message, n, sig);
		assert_memory_equal(sig, want, SIGN_LEN);
		assert_true(sign_check(pub, message, n, sig));
		for (size_t k = 0; k < SIGN_LEN; k++) {
			sig[k] ^= 1;
			assert_false(sign_check(pub, message, n, sig));
			sig[k] ^= 1;
		}
		for (size_t k = 0; k < n; k++) {
			message[k] ^= 0x40;
			assert_false(sign_check(pub, message, n, sig));
			message[k] ^= 0x40;
		}
		pub[3] ^= 4;
		assert_false(sign_check(pub, message, n, sig));
	}
}

static void new_keys_differ(void **state)
{
	unsigned char a[SIGN_SEED_LEN] = {0}, b[SIGN_SEED_LEN] = {0};
	(void)state;
	assert_int_equal(sign_seed_new(a), 0);
	assert_int_equal(sign_seed_new(b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	sign_forget(a, sizeof(a));
	memset(b, 0, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

static void keys_as_text(void **state)
{
	AUTO_BUF text = BUF_INIT;
	unsigned char seed[SIGN_SEED_LEN], back[SIGN_SEED_LEN];
	(void)state;
	unhex(vectors[0].seed, seed);
	ledger_key_format_secret(seed, &text);
	assert_string_equal(buf_str(&text), "zddc-ledger-secret-1:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n");
	assert_int_equal(ledger_key_parse_secret(text.data, text.len, back), 0);
	assert_memory_equal(back, seed, sizeof(seed));
	assert_int_equal(ledger_key_parse_secret(text.data, text.len - 1, back), 0);
	assert_int_equal(ledger_key_parse_public(text.data, text.len, back), -EINVAL);
	assert_int_equal(ledger_key_parse_secret(text.data, text.len - 2, back), -EINVAL);
	buf_addc(&text, '\n');
	assert_int_equal(ledger_key_parse_secret(text.data, text.len, back), -EINVAL);
	buf_reset(&text);
	ledger_key_format_public(seed, &text);
	assert_int_equal(strncmp(text.data, "zddc-ledger-public-1:9d61", 25), 0);
	assert_int_equal(ledger_key_parse_public(text.data, text.len, back), 0);
	assert_int_equal(ledger_key_parse_public("", 0, back), -EINVAL);
}

/* ------------------------------------------------------------------ a chain to sign */

enum { N = 13 };

static struct buf lines;
static size_t at[N + 1];
static struct ledger_chain after[N + 1];
static unsigned char leaves[N][SHA256_LEN];
static unsigned char seed1[SIGN_SEED_LEN], pub1[SIGN_PUBLIC_LEN], pub2[SIGN_PUBLIC_LEN];

static int make_chain(void **state)
{
	struct ledger_chain c = LEDGER_CHAIN_INIT;
	(void)state;
	for (int i = 0; i < N; i++) {
		struct ledger_entry e = LEDGER_ENTRY_INIT;
		e.event = LEDGER_FILE_CREATE;
		e.path = "a\xff";
		e.time_us = i;
		if (ledger_chain_add(&c, &e, &lines))
			return -1;
		ledger_leaf_hash(e.hash, SHA256_LEN, leaves[i]);
		after[i + 1] = c;
		at[i + 1] = lines.len;
	}
	unhex(vectors[0].seed, seed1);
	unhex(vectors[0].pub, pub1);
	unhex(vectors[1].pub, pub2);
	return 0;
}

static int free_chain(void **state)
{
	(void)state;
	buf_free(&lines);
	return 0;
}

static struct ledger_checkpoint checkpoint_at(int n)
{
	struct ledger_checkpoint cp;
	assert_int_equal(ledger_checkpoint_make(&after[n], "Plant 7, M\xc3\xbcnchen", "host-1.jsonl", 1769860800000000, seed1, &cp), 0);
	return cp;
}

static void checkpoint_text(void **state)
{
	AUTO_BUF text = BUF_INIT, again = BUF_INIT;
	struct ledger_checkpoint cp = checkpoint_at(N), back;
	(void)state;
	ledger_checkpoint_format(&cp, &text);
	assert_int_equal(strncmp(text.data, "zddc ledger checkpoint 1\narchive Plant 7, M\xc3\xbcnchen\nchain host-1.jsonl\nseq 13\nhash ", 82), 0);
	assert_non_null(strstr(text.data, "\ntime 2026-01-31T12:00:00.000000Z\nkey d75a980182b1"));
	assert_int_equal(ledger_checkpoint_parse(text.data, text.len, &back), 0);
	assert_true(ledger_checkpoint_check(&back, pub1));
	assert_false(ledger_checkpoint_check(&back, pub2));
	ledger_checkpoint_format(&back, &again);
	assert_string_equal(again.data, text.data);
}

/* Every byte of the text counts: changed, it is either no checkpoint or not signed. Cut or with more behind, it is none. */
static void checkpoint_touched(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct ledger_checkpoint cp = checkpoint_at(N), back;
	(void)state;
	ledger_checkpoint_format(&cp, &text);
	for (size_t i = 0; i < text.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			text.data[i] ^= (char)(1 << bit);
			assert_false(!ledger_checkpoint_parse(text.data, text.len, &back) && ledger_checkpoint_check(&back, pub1));
			text.data[i] ^= (char)(1 << bit);
		}
	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(ledger_checkpoint_parse(text.data, n, &back), -EINVAL);
	buf_addc(&text, '\n');
	assert_int_equal(ledger_checkpoint_parse(text.data, text.len, &back), -EINVAL);
}

/* A name must not be able to bring lines of its own. */
static void checkpoint_names(void **state)
{
	static const char *const bad[] = {"", "a\nseq 5", "a\rb", "a\x7f", "\xff", "a\xe2\x80\xa8" "b"};
	struct ledger_checkpoint cp;
	char name[LEDGER_NAME_MAX + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ledger_checkpoint_make(&after[1], bad[i], "c", 0, seed1, &cp), -EINVAL);
		assert_int_equal(ledger_checkpoint_make(&after[1], "a", bad[i], 0, seed1, &cp), -EINVAL);
	}
	memset(name, 'n', sizeof(name));
	name[LEDGER_NAME_MAX + 1] = '\0';
	assert_int_equal(ledger_checkpoint_make(&after[1], name, "c", 0, seed1, &cp), -EINVAL);
	name[LEDGER_NAME_MAX] = '\0';
	assert_int_equal(ledger_checkpoint_make(&after[1], name, name, 0, seed1, &cp), 0);
	assert_true(ledger_checkpoint_check(&cp, pub1));
	assert_int_equal(ledger_checkpoint_make(&after[0], "a", "c", 0, seed1, &cp), -EINVAL); /* no line, nothing to sign */
	assert_int_equal(ledger_checkpoint_make(&after[1], "a", "c", INT64_MAX, seed1, &cp), -EINVAL);
}

/* ------------------------------------------------------------------ proofs */

static struct ledger_proof proof_of(int seq, int n)
{
	struct ledger_proof p = {.cp = checkpoint_at(n)};
	buf_add(&p.line, lines.data + at[seq - 1], at[seq] - at[seq - 1] - 1);
	assert_int_equal(ledger_prove_inclusion(leaves, (uint64_t)n, (uint64_t)seq - 1, &p.path), 0);
	return p;
}

static void proofs(void **state)
{
	(void)state;
	for (int n = 1; n <= N; n++)
		for (int seq = 1; seq <= n; seq++) {
			AUTO_BUF text = BUF_INIT;
			struct ledger_proof p = proof_of(seq, n), back;
			ledger_proof_format(&p, &text);
			assert_int_equal(ledger_proof_parse(text.data, text.len, &back), 0);
			assert_null(ledger_proof_check(&back, pub1));
			assert_string_equal(ledger_proof_check(&back, pub2), "the checkpoint is not signed by the trusted key");
			ledger_proof_free(&p);
			ledger_proof_free(&back);
		}
}

/* Of another line, of a line that was changed, of one that was changed and hashed again. */
static void proofs_of_what_is_not_so(void **state)
{
	struct ledger_proof p = proof_of(5, N), other = proof_of(6, N);
	struct ledger_chain c = after[4];
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	(void)state;
	other.path = p.path;
	assert_string_equal(ledger_proof_check(&other, pub1), "the line is not in the tree that the checkpoint signed");
	p.line.data[20] ^= 1;
	assert_non_null(ledger_proof_check(&p, pub1));
	buf_reset(&p.line);
	assert_int_equal(ledger_chain_add(&c, &e, &p.line), 0);
	p.line.len--;
	assert_string_equal(ledger_proof_check(&p, pub1), "the line is not in the tree that the checkpoint signed");
	p.line.data[10] ^= 1;
	assert_non_null(ledger_proof_check(&p, pub1));
	buf_reset(&p.line);
	assert_string_equal(ledger_proof_check(&p, pub1), "the line is not a line of a ledger");
	ledger_proof_free(&p);
	ledger_proof_free(&other);
}

/* Any byte of the text of a proof changed: it is no proof, or does not hold. */
static void proof_touched(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct ledger_proof p = proof_of(7, N), back;
	(void)state;
	ledger_proof_format(&p, &text);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 2;
		if (!ledger_proof_parse(text.data, text.len, &back)) {
			assert_non_null(ledger_proof_check(&back, pub1));
			ledger_proof_free(&back);
		}
		text.data[i] ^= 2;
	}
	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(ledger_proof_parse(text.data, n, &back), -EINVAL);
	ledger_proof_free(&p);
}

static void too_many_nodes(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct ledger_checkpoint cp = checkpoint_at(N);
	struct ledger_proof p;
	struct ledger_extension x;
	(void)state;
	buf_adds(&text, "zddc ledger extension 1\n");
	for (int i = 0; i < 66; i++)
		buf_adds(&text, "node 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n");
	ledger_checkpoint_format(&cp, &text);
	ledger_checkpoint_format(&cp, &text);
	assert_int_equal(ledger_extension_parse(text.data, text.len, &x), -EINVAL);
	/* one less is as many as there can be */
	char *first = strstr(text.data, "node "), *second = strstr(first + 1, "node ");
	memmove(first, second, strlen(second) + 1);
	assert_int_equal(ledger_extension_parse(text.data, strlen(text.data), &x), 0);
	assert_int_equal(x.path.n, 65);
	assert_int_equal(ledger_proof_parse(text.data, strlen(text.data), &p), -EINVAL);
}

static void extensions(void **state)
{
	(void)state;
	for (int n = 1; n <= N; n++)
		for (int old = 1; old <= n; old++) {
			AUTO_BUF text = BUF_INIT;
			struct ledger_extension x = {.old = checkpoint_at(old), .cp = checkpoint_at(n)}, back;
			assert_int_equal(ledger_prove_consistency(leaves, (uint64_t)n, (uint64_t)old, &x.path), 0);
			ledger_extension_format(&x, &text);
			assert_int_equal(ledger_extension_parse(text.data, text.len, &back), 0);
			assert_null(ledger_extension_check(&back, pub1));
			assert_non_null(ledger_extension_check(&back, pub2));
			for (size_t cut = 0; cut < text.len; cut += 13)
				assert_int_equal(ledger_extension_parse(text.data, cut, &back), -EINVAL);
		}
}

/* Both ends must be signed. */
static void extension_by_somebody_else(void **state)
{
	unsigned char seed2[SIGN_SEED_LEN];
	struct ledger_extension x = {.old = checkpoint_at(5), .cp = checkpoint_at(N)};
	struct ledger_extension mine = x;
	(void)state;
	unhex(vectors[1].seed, seed2);
	assert_int_equal(ledger_prove_consistency(leaves, N, 5, &x.path), 0);
	assert_null(ledger_extension_check(&x, pub1));
	assert_int_equal(ledger_checkpoint_make(&after[5], x.old.archive, x.old.chain, 0, seed2, &x.old), 0);
	assert_string_equal(ledger_extension_check(&x, pub1), "the old checkpoint is not signed by the trusted key");
	x.old = mine.old;
	assert_int_equal(ledger_checkpoint_make(&after[N], x.old.archive, x.old.chain, 0, seed2, &x.cp), 0);
	assert_string_equal(ledger_extension_check(&x, pub1), "the new checkpoint is not signed by the trusted key");
	/* signed by one, said to be by the other */
	memcpy(x.cp.pub, pub1, sizeof(pub1));
	assert_false(ledger_checkpoint_check(&x.cp, pub1));
	assert_false(ledger_checkpoint_check(&x.cp, pub2));
}

/* The old lines were replaced: both heads are signed, but the new chain does not hold the old one. */
static void a_chain_written_anew(void **state)
{
	struct ledger_extension x = {.old = checkpoint_at(5), .cp = checkpoint_at(N)};
	struct ledger_chain c = after[3];
	unsigned char others[N][SHA256_LEN];
	(void)state;
	memcpy(others, leaves, sizeof(leaves));
	while (c.seq < N) {
		AUTO_BUF line = BUF_INIT;
		struct ledger_entry e = LEDGER_ENTRY_INIT;
		assert_int_equal(ledger_chain_add(&c, &e, &line), 0);
		ledger_leaf_hash(e.hash, SHA256_LEN, others[e.seq - 1]);
	}
	assert_int_equal(ledger_checkpoint_make(&c, x.old.archive, x.old.chain, 0, seed1, &x.cp), 0);
	assert_int_equal(ledger_prove_consistency(others, N, 5, &x.path), 0);
	assert_string_equal(ledger_extension_check(&x, pub1), "the new chain does not begin with all of the old one");
	assert_int_equal(ledger_checkpoint_make(&after[N], "another", x.old.chain, 0, seed1, &x.cp), 0);
	assert_string_equal(ledger_extension_check(&x, pub1), "the checkpoints are of different chains");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519),
		cmocka_unit_test(new_keys_differ),
		cmocka_unit_test(keys_as_text),
		cmocka_unit_test(checkpoint_text),
		cmocka_unit_test(checkpoint_touched),
		cmocka_unit_test(checkpoint_names),
		cmocka_unit_test(proofs),
		cmocka_unit_test(proofs_of_what_is_not_so),
		cmocka_unit_test(proof_touched),
		cmocka_unit_test(too_many_nodes),
		cmocka_unit_test(extensions),
		cmocka_unit_test(extension_by_somebody_else),
		cmocka_unit_test(a_chain_written_anew),
	};

	return cmocka_run_group_tests(tests, make_chain, free_chain);
}
