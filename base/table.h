/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * uthash, with a secret: names of files, directories and people are keys that others choose, and whoever knows the hash can choose
 * thousands that meet in one bucket, so that each look-up walks them all, often under a lock. The secret is where the program lies in
 * memory. Include this, never <uthash.h>: all that share a table must share its hash.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/hash.h"

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)hash64_seeded((keyptr), (keylen), hash_secret()))
#include <uthash.h>

#endif
