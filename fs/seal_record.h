/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record of one file's write-once life: the text kept in the xattr user.zddc.seal of the backing file, so that a copy of the tree
 * keeps it (SPEC section 5). "key=value" lines. It is born as long as it can become while nobody but its creator is named in it: on a
 * full disk, or beside attributes that a user made as large as they may be, it can still be rewritten in place. Pure; any thread.
 */
#ifndef FS_SEAL_RECORD_H
#define FS_SEAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/sha256.h"

struct buf;
struct identity;

enum {
	SEAL_RECORD_BYTES = 576, /* at least; a filesystem with blocks of 1 KiB has no more than one of them for all attributes of a file */
	SEAL_RECORD_MAX = 2048,
	SEAL_RECORD_NAME_MAX = 254, /* of an e-mail address */
};

#define SEAL_RECORD_ATTR "user.zddc.seal"
#define RETAIN_FOREVER (-1LL)

enum seal_state {
#define SEAL_STATE(id, word, meaning) SEAL_##id,
#define MAY(...)
#include "fs/seal.def"
#undef SEAL_STATE
#undef MAY
	SEAL_STATES
};

/* A person, as the mount knew them when it happened. */
struct person {
	uid_t uid;
	char email[SEAL_RECORD_NAME_MAX + 1]; /* "-": anonymous; "": nobody known */
};

struct seal_record {
	enum seal_state state; /* as it was last written: seal_judge() says what it means today */
	bool zone; /* a life in a zone; in a lane it is another life, and neither counts in the other place */
	bool explicit; /* sealed by zddc seal outside any zone */
	bool final; /* seal_grace is over */
	bool compliance; /* sealed in compliance mode */
	uint64_t id; /* chance: no two records are the same bytes (filesystems share blocks of equal xattrs, and need room to part them) */
	uint64_t boot; /* which daemon had it open */
	uint64_t as; /* hash of the transient name it goes by */
	struct person creator;
	struct person filer; /* who moved it into the zone, sealed or accepted it, if that was not its release */
	long long made, released, since; /* seconds since 1970; since: when it came into its state. 0: not yet, not known */
	long long size; /* when sealed */
	long long mtime; /* ns, when hashed */
	long long retain; /* until then; 0: no date, RETAIN_FOREVER */
	long long hold; /* legal hold since, 0: none */
	char sha256[SHA256_HEX]; /* "" until it is known */
	char policy[SHA256_HEX]; /* hash of the policy under which it was sealed */
};

void person_set(struct person *p, const struct identity *who);
bool person_is(const struct person *p, const struct identity *who);
bool person_same(const struct person *a, const struct person *b);
/* "alice@example.com", "anonymous (uid 7)", "somebody unknown". */
void person_show(const struct person *p, struct buf *out);

/* Line ends fill it up. */
void seal_record_format(const struct seal_record *r, struct buf *out);
/* False if that is no record. Unknown keys are passed over. */
bool seal_record_parse(const char *text, size_t len, struct seal_record *out);
/*
 * Must it stay as it is even if the place is no longer write-once? Under a legal hold, and sealed in compliance mode until its retention
 * ends: whoever administers the zone cannot lift these by editing policy.
 */
bool seal_record_bound(const struct seal_record *r, long long now);
/* "sealed" */
const char *seal_state_word(enum seal_state s);

#endif
