/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ed25519 signatures (RFC 8032) from libcrypto. Any thread. A refusal of the library other than those named ends the process. */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#define SIGN_SEED_LEN 32 /* the secret key */
#define SIGN_PUBLIC_LEN 32
#define SIGN_LEN 64

/* A new secret key from the system's random source. 0, or -EIO if it has none to give. */
int sign_seed_new(unsigned char seed[SIGN_SEED_LEN]);
/* Overwrites a secret in a way that the compiler does not leave out. */
void sign_forget(void *p, size_t n);
void sign_public(const unsigned char seed[SIGN_SEED_LEN], unsigned char pub[SIGN_PUBLIC_LEN]);
/* The same bytes and key always give the same signature. */
void sign_bytes(const unsigned char seed[SIGN_SEED_LEN], const void *p, size_t n, unsigned char sig[SIGN_LEN]);
/* True if the holder of the secret key signed exactly these bytes; a public key that is none is false. */
bool sign_check(const unsigned char pub[SIGN_PUBLIC_LEN], const void *p, size_t n, const unsigned char sig[SIGN_LEN]);

#endif
