/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heads of the chain that the daemon signs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sign.h"
#include "base/str.h"
#include "fs/audit.h"
#include "fs/audit_chain.h"
#include "fs/audit_private.h"
#include "fs/back.h"

static const char KEY[] = ".zddc.d/ledger/key";

static int key_make(unsigned char seed[SIGN_SEED_LEN])
{
	AUTO_BUF secret = BUF_INIT, public = BUF_INIT;
	unsigned char pub[SIGN_PUBLIC_LEN];
	int r = sign_seed_new(seed);

	if (r < 0)
		return r;
	sign_public(seed, pub);
	ledger_key_format_secret(seed, &secret);
	ledger_key_format_public(pub, &public);
	r = back_store_write("ledger", "key", secret.data, secret.len);
	sign_forget(secret.data, secret.len);
	return r < 0 ? r : back_store_write("ledger", "key.pub", public.data, public.len);
}

static int key_read(unsigned char seed[SIGN_SEED_LEN])
{
	AUTO_BUF text = BUF_INIT;
	int r = back_path_read(KEY, &text, 4096);

	if (r == -ENOENT)
		return key_make(seed);
	if (r == 0)
		r = ledger_key_parse_secret(buf_str(&text), text.len, seed);
	if (text.data)
		sign_forget(text.data, text.len);
	return r;
}

/* What people call the archive: the name of its directory. */
static const char *archive_name(void)
{
	const char *slash = strrchr(back_archive(), '/'), *name = slash ? slash + 1 : back_archive();

	return *name && str_utf8_valid(name, strlen(name)) ? name : "archive";
}

static int sign_head(struct ledger_checkpoint *cp)
{
	unsigned char seed[SIGN_SEED_LEN];
	struct chain_figures f;
	int r = chain_sync();

	chain_figures(&f);
	if (r == 0)
		r = key_read(seed);
	if (r == 0)
		r = ledger_checkpoint_make(&f.head, archive_name(), f.chain, audit_now(), seed, cp);
	sign_forget(seed, sizeof(seed));
	return r;
}

static void keep_checkpoint(const struct ledger_checkpoint *cp, const struct buf *text)
{
	AUTO_BUF name = BUF_INIT;
	char hash[SHA256_HEX];
	int r;

	sha256_hex(cp->hash, hash);
	const struct ledger_attr attrs[] = {LEDGER_ATTR_NUMBER("signed_seq", (int64_t)cp->seq), LEDGER_ATTR_TEXT("signed_hash", hash)};
	buf_addf(&name, "%s-%llu.checkpoint", cp->chain, (unsigned long long)cp->seq);
	r = back_store_write("ledger", buf_str(&name), text->data, text->len);
	if (r < 0)
		log_warn("%s cannot be kept: %s", buf_str(&name), strerror(-r));
	audit_event(&(struct audit_event){.event = LEDGER_CHECKPOINT, .attrs = attrs, .n_attrs = ARRAY_LEN(attrs), AUDIT_EVENT_INIT});
}

void audit_checkpoint(struct buf *out)
{
	struct ledger_checkpoint cp;
	int r = sign_head(&cp);

	if (r < 0) {
		buf_addf(out, "the ledger cannot be signed: %s\n", strerror(-r));
		return;
	}
	ledger_checkpoint_format(&cp, out);
	keep_checkpoint(&cp, out);
}

void audit_rotate(void)
{
	struct chain_figures f;
	int r = chain_rotate(true);

	chain_figures(&f);
	if (r == 0)
		log_notice("the ledger goes on in %s", f.file);
}
