/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 and Ed25519: the one file that knows libcrypto. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/sha256.h"
#include "base/sign.h"

/* ------------------------------------------------------------------ SHA-256 */

struct sha256 {
	EVP_MD_CTX *ctx;
};

static EVP_MD *md;
static pthread_once_t md_once = PTHREAD_ONCE_INIT;

/* Looked up once: by name at each hash it costs more than hashing 64 bytes. */
static void md_fetch(void)
{
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!md)
		abort();
}

static const EVP_MD *sha256_md(void)
{
	pthread_once(&md_once, md_fetch);
	return md;
}

struct sha256 *sha256_new(void)
{
	struct sha256 *h = malloc(sizeof(*h));
	if (!h || !(h->ctx = EVP_MD_CTX_new()) || !EVP_DigestInit_ex(h->ctx, sha256_md(), NULL))
		abort();
	return h;
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
	if (!EVP_DigestUpdate(h->ctx, p, n))
		abort();
}

void sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN])
{
	if (!EVP_DigestFinal_ex(h->ctx, out, NULL))
		abort();
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void sha256(const void *p, size_t n, unsigned char out[SHA256_LEN])
{
	if (!EVP_Digest(p, n, out, NULL, sha256_md(), NULL))
		abort();
}

void sha256_hex(const unsigned char in[SHA256_LEN], char out[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < SHA256_LEN; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[SHA256_HEX - 1] = '\0';
}

/* ------------------------------------------------------------------ Ed25519 */

static void free_key(EVP_PKEY **key) { EVP_PKEY_free(*key); }
static void free_ctx(EVP_MD_CTX **ctx) { EVP_MD_CTX_free(*ctx); }
#define AUTO_KEY __attribute__((cleanup(free_key))) EVP_PKEY
#define AUTO_CTX __attribute__((cleanup(free_ctx))) EVP_MD_CTX

int sign_seed_new(unsigned char seed[SIGN_SEED_LEN]) { return RAND_priv_bytes(seed, SIGN_SEED_LEN) == 1 ? 0 : -EIO; }

void sign_forget(void *p, size_t n) { OPENSSL_cleanse(p, n); }

static EVP_PKEY *secret_key(const unsigned char seed[SIGN_SEED_LEN])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SIGN_SEED_LEN);
	if (!key)
		abort();
	return key;
}

void sign_public(const unsigned char seed[SIGN_SEED_LEN], unsigned char pub[SIGN_PUBLIC_LEN])
{
	AUTO_KEY *key = secret_key(seed);
	size_t n = SIGN_PUBLIC_LEN;
	if (EVP_PKEY_get_raw_public_key(key, pub, &n) != 1 || n != SIGN_PUBLIC_LEN)
		abort();
}

void sign_bytes(const unsigned char seed[SIGN_SEED_LEN], const void *p, size_t n, unsigned char sig[SIGN_LEN])
{
	AUTO_KEY *key = secret_key(seed);
	AUTO_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGN_LEN;
	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 || EVP_DigestSign(ctx, sig, &len, p, n) != 1 || len != SIGN_LEN)
		abort();
}

bool sign_check(const unsigned char pub[SIGN_PUBLIC_LEN], const void *p, size_t n, const unsigned char sig[SIGN_LEN])
{
	AUTO_KEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, SIGN_PUBLIC_LEN);
	AUTO_CTX *ctx = EVP_MD_CTX_new();
	return key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 && EVP_DigestVerify(ctx, sig, SIGN_LEN, p, n) == 1;
}
