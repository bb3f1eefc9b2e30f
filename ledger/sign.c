/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys as text: one line, so that they can be kept in a file or sent in a letter. */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/text.h"

static const char SECRET[] = "zddc-ledger-secret-1:", PUBLIC[] = "zddc-ledger-public-1:";

static void key_format(const char *kind, const unsigned char key[32], struct buf *out)
{
	buf_adds(out, kind);
	put_hex(out, key, 32);
	buf_addc(out, '\n');
}

static int key_parse(const char *kind, const char *text, size_t n, unsigned char out[32])
{
	struct cursor c = {text, text + n, NULL};
	unsigned char key[32];
	bool ok = take(&c, kind, strlen(kind)) && take_hex(&c, key, sizeof(key));
	if (ok && c.p < c.end)
		ok = take_lit(&c, "\n") && c.p == c.end;
	if (ok)
		memcpy(out, key, sizeof(key));
	sign_forget(key, sizeof(key));
	return ok ? 0 : -EINVAL;
}

void ledger_key_format_secret(const unsigned char seed[SIGN_SEED_LEN], struct buf *out) { key_format(SECRET, seed, out); }

void ledger_key_format_public(const unsigned char pub[SIGN_PUBLIC_LEN], struct buf *out) { key_format(PUBLIC, pub, out); }

int ledger_key_parse_secret(const char *text, size_t n, unsigned char seed[SIGN_SEED_LEN]) { return key_parse(SECRET, text, n, seed); }

int ledger_key_parse_public(const char *text, size_t n, unsigned char pub[SIGN_PUBLIC_LEN]) { return key_parse(PUBLIC, text, n, pub); }
