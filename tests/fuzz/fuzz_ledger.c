/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libFuzzer on everything of the ledger that reads: what is accepted is written as the same bytes; a stream verifies alike however it is
 * cut; nothing that is not what was written is sound.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "ledger/ledger.h"

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* A line that is read is the line that is written, and reads as a link too. */
static void one_line(const char *line, size_t n)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF again = BUF_INIT, scratch = BUF_INIT;
	struct ledger_entry e;
	struct ledger_link link;
	bool linked = ledger_link_read(line, n, &scratch, &link);

	if (!ledger_entry_parse(line, n, &a, &e)) {
		must(!ledger_entry_format(&e, &again));
		must(again.len == n && !memcmp(again.data, line, n));
		must(linked && link.seq == e.seq && !memcmp(link.hash, e.hash, SHA256_LEN));
		must(!memcmp(link.prev_hash, e.prev_hash, SHA256_LEN));
		ledger_match(&(struct ledger_query){.who = "a*@*", .path = "archive"}, &e);
	}
	arena_free(&a);
}

/* What was read of it may be chained, and what is chained is sound. */
static void chained(const char *line, size_t n)
{
	struct arena a = ARENA_INIT;
	AUTO_BUF out = BUF_INIT;
	struct ledger_entry e;
	struct ledger_chain c = LEDGER_CHAIN_INIT;
	struct ledger_verify v;

	if (!ledger_entry_parse(line, n, &a, &e)) {
		for (int i = 0; i < 3; i++)
			must(!ledger_chain_add(&c, &e, &out));
		ledger_verify_init(&v, NULL, 0);
		ledger_verify_feed(&v, out.data, out.len);
		must(ledger_verify_end(&v) && v.chain.seq == 3);
		ledger_verify_free(&v);
	}
	arena_free(&a);
}

/* The text as a stream in two pieces, and as one. */
static void stream(const char *text, size_t n, size_t cut)
{
	struct ledger_verify whole, pieces;
	AUTO_BUF words = BUF_INIT;

	ledger_verify_init(&whole, NULL, 0);
	ledger_verify_feed(&whole, text, n);
	bool ok = ledger_verify_end(&whole);
	ledger_verify_init(&pieces, NULL, 0);
	ledger_verify_feed(&pieces, text, cut);
	ledger_verify_feed(&pieces, text + cut, n - cut);
	must(ledger_verify_end(&pieces) == ok);
	must(!memcmp(&whole.found, &pieces.found, sizeof(whole.found)));
	must(!memcmp(&whole.chain, &pieces.chain, sizeof(whole.chain)));
	must(whole.lines == pieces.lines && whole.sound_bytes == pieces.sound_bytes && whole.sound_bytes <= n);
	must(!ok || whole.sound_bytes == n);
	ledger_finding_text(&whole.found, &words);
	ledger_verify_free(&whole);
	ledger_verify_free(&pieces);
}

static void texts(const char *text, size_t n)
{
	AUTO_BUF cp_text = BUF_INIT, proof_text = BUF_INIT, ext_text = BUF_INIT;
	static const unsigned char nobody[SIGN_PUBLIC_LEN] = {1};
	unsigned char key[SIGN_SEED_LEN];
	struct ledger_checkpoint cp;
	struct ledger_proof p;
	struct ledger_extension x;

	ledger_key_parse_secret(text, n, key);
	ledger_key_parse_public(text, n, key);
	if (!ledger_checkpoint_parse(text, n, &cp)) {
		ledger_checkpoint_format(&cp, &cp_text);
		must(cp_text.len == n && !memcmp(cp_text.data, text, n) && !ledger_checkpoint_check(&cp, nobody));
	}
	if (!ledger_proof_parse(text, n, &p)) {
		ledger_proof_format(&p, &proof_text);
		must(proof_text.len == n && !memcmp(proof_text.data, text, n) && ledger_proof_check(&p, nobody));
		ledger_proof_check(&p, p.cp.pub);
		ledger_proof_free(&p);
	}
	if (!ledger_extension_parse(text, n, &x)) {
		ledger_extension_format(&x, &ext_text);
		must(ext_text.len == n && !memcmp(ext_text.data, text, n) && ledger_extension_check(&x, nobody));
		ledger_extension_check(&x, x.cp.pub);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1); /* of the exact size: a byte too far is seen */
	size_t first;

	if (!text)
		abort();
	memcpy(text, data, size);
	for (first = 0; first < size && text[first] != '\n'; first++)
		;
	one_line(text, first);
	chained(text, first);
	stream(text, size, first / 2);
	texts(text, size);
	free(text);
	return 0;
}
