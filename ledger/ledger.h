/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ledger (SPEC section 12): who did what, by which rule, provably unchanged. Pure: no system calls, no clock, no printing, no
 * global state; whoever writes or reads the files hands in bytes and times.
 *
 *   ledger_entry --ledger_chain_add--> one line --(file)--> ledger_verify_feed --> first bad line, and what is wrong with it
 *                                                      \--> ledger_entry_parse --> ledger_match
 *
 * A file is lines of JSON, each with every key of keys.def in that order, without blanks, and a newline. A line's hash is the SHA-256
 * of the line without its last key: cut from `,"hash":` and put `}` there. Its prev_hash is the hash of the line before, and 64 zeros
 * in the first line of a chain, which has seq 1. The Merkle tree of RFC 6962 over a chain has the 32 bytes of each hash as its data:
 * leaf n - 1 is the line with seq n.
 *
 * Threads: nothing here locks. An object is used by one thread at a time; different objects by different threads. Times are
 * microseconds since 1970 UTC. Functions that can fail return 0 or -errno and leave their output alone on failure.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "base/sign.h"

struct arena;

#define LEDGER_LINE_MAX (1u << 20) /* bytes of a line, with its newline */
#define LEDGER_ANONYMOUS "anonymous" /* the principal of a user without an e-mail address; NULL is the daemon itself */

/* ------------------------------------------------------------------ events */

enum ledger_event {
#define EVENT(id, name, when, synced, text) LEDGER_##id,
#include "ledger/events.def"
#undef EVENT
	LEDGER_EVENT_COUNT,
	LEDGER_OTHER = LEDGER_EVENT_COUNT /* read from a line that a newer version wrote */
};

enum ledger_when { LEDGER_ALWAYS, LEDGER_FOLDED, LEDGER_READS };

struct ledger_event_info {
	const char *name; /* "file_create" */
	enum ledger_when when;
	bool synced; /* the line must be on disk before the operation is answered */
	const char *text; /* "a file was created" */
};

extern const struct ledger_event_info ledger_events[LEDGER_EVENT_COUNT];
/* By name of n bytes; false if there is none. */
bool ledger_event_find(const char *name, size_t n, enum ledger_event *out);

/* ------------------------------------------------------------------ entries */

enum ledger_decision { LEDGER_ALLOW, LEDGER_DENY };

enum ledger_attr_type { LEDGER_TEXT, LEDGER_NUMBER, LEDGER_BOOL };

/*
 * What an event has beyond the fixed keys, and the attributes of SPEC section 13. Names in use: owner environment provenance risk_score;
 * to (new name of a rename), reason, old_hash and new_hash (of a policy), count and since (folded refusals), file and tree (rotation),
 * previous_chain, previous_seq and previous_hash (of the chain of the last boot, in the mount line: its end cannot be cut unseen).
 */
struct ledger_attr {
	const char *key;
	enum ledger_attr_type type;
	const char *text; /* NULL is null */
	int64_t number; /* also of a bool */
};

#define LEDGER_ATTR_TEXT(k, v) ((struct ledger_attr){(k), LEDGER_TEXT, (v), 0})
#define LEDGER_ATTR_NUMBER(k, v) ((struct ledger_attr){(k), LEDGER_NUMBER, NULL, (v)})
#define LEDGER_ATTR_BOOL(k, v) ((struct ledger_attr){(k), LEDGER_BOOL, NULL, (v)})

struct ledger_src {
	const char *file; /* NULL: nothing decided */
	int64_t line;
};

struct ledger_object {
	const char *sha256; /* hex, or NULL */
	int64_t size; /* bytes, -1 unknown */
	const char *revision; /* of a record "3", of a document "A+B1"; NULL if it has none */
};

/* One line. Strings are bytes without NUL, need not be UTF-8, and belong to whoever made the entry (ledger_entry_parse: the arena). */
struct ledger_entry {
	uint64_t seq; /* given by ledger_chain_add, as are the hashes */
	int64_t time_us;
	enum ledger_event event;
	const char *event_name; /* after parsing always; otherwise only with LEDGER_OTHER */
	enum ledger_decision decision;
	int64_t err; /* positive errno of a refusal or failure, 0 */
	const char *verb, *op, *path, *canonical, *principal; /* each NULL for null */
	int64_t uid, pid; /* -1 unknown */
	const char *exe;
	const char *const *roles;
	size_t n_roles;
	struct ledger_src src;
	const char *policy_hash;
	const struct ledger_attr *attrs;
	size_t n_attrs;
	struct ledger_object object;
	bool elevated, active_admin;
	unsigned char prev_hash[SHA256_LEN], hash[SHA256_LEN];
};

/* Nothing known yet: start from this, or uid, pid and size say 0. */
#define LEDGER_ENTRY_INIT {.uid = -1, .pid = -1, .object = {.size = -1}}

/* Appends the line without a newline, hashes as they stand in the entry. -EINVAL if the time is not in the years 0 to 9999. */
int ledger_entry_format(const struct ledger_entry *e, struct buf *out);
/*
 * Reads one line of n bytes without its newline; strings come from the arena. Only what ledger_entry_format writes is read (each key,
 * their order, no blanks, no other escape for the same byte), so formatting gives the same n bytes again. -EINVAL for anything else.
 * Hashes are read, not checked. (jansson cannot do this: it refuses the lone surrogates \udc80 to \udcff of names that are not UTF-8.)
 */
int ledger_entry_parse(const char *line, size_t n, struct arena *a, struct ledger_entry *out);
/* The first attribute of that name, or NULL. */
const struct ledger_attr *ledger_attr_find(const struct ledger_entry *e, const char *key);

#define LEDGER_TIME_SIZE 28
/* "2026-01-31T12:00:00.000000Z" with a NUL. False (and "") outside the years 0 to 9999. */
bool ledger_time_format(int64_t us, char out[LEDGER_TIME_SIZE]);
/* Exactly that form of n bytes; false if it is none. */
bool ledger_time_parse(const char *s, size_t n, int64_t *us);

/* ------------------------------------------------------------------ Merkle tree (RFC 6962) */

/* The head of a growing tree: the roots of its complete subtrees. Plain data, may be copied. */
struct ledger_tree {
	uint64_t size; /* leaves */
	unsigned char peak[64][SHA256_LEN]; /* [i] counts where bit i of size is set: the root of 2^i leaves */
};

/* One way through a tree: the nodes that a verifier cannot compute. */
struct ledger_path {
	unsigned n;
	unsigned char node[65][SHA256_LEN];
};

void ledger_leaf_hash(const void *data, size_t n, unsigned char out[SHA256_LEN]);
void ledger_tree_add(struct ledger_tree *t, const unsigned char leaf[SHA256_LEN]);
/* The root; of an empty tree the SHA-256 of nothing. */
void ledger_tree_root(const struct ledger_tree *t, unsigned char out[SHA256_LEN]);
/* The roots in hex, largest first: "" for an empty tree. */
void ledger_tree_format(const struct ledger_tree *t, struct buf *out);
/* The same back, for a tree of 'size' leaves. -EINVAL if the text does not fit it. */
int ledger_tree_parse(uint64_t size, const char *text, struct ledger_tree *out);

/* Proof that leaf 'at' is in the tree of the first n leaves. -EINVAL unless at < n. Time and memory traffic grow with n. */
int ledger_prove_inclusion(const unsigned char (*leaves)[SHA256_LEN], uint64_t n, uint64_t at, struct ledger_path *out);
/* Proof that the tree of the first 'old' leaves is a beginning of the tree of the first n. -EINVAL unless 0 < old <= n. */
int ledger_prove_consistency(const unsigned char (*leaves)[SHA256_LEN], uint64_t n, uint64_t old, struct ledger_path *out);
bool ledger_check_inclusion(const unsigned char leaf[SHA256_LEN], uint64_t at, uint64_t n, const struct ledger_path *path,
			    const unsigned char root[SHA256_LEN]);
bool ledger_check_consistency(uint64_t old, const unsigned char old_root[SHA256_LEN], uint64_t n,
			      const unsigned char root[SHA256_LEN], const struct ledger_path *path);

/* ------------------------------------------------------------------ chain */

/* Where a chain ends. Plain data: the writer keeps a copy before a batch and puts it back when the batch could not be written. */
struct ledger_chain {
	uint64_t seq; /* of the last line, 0 before the first */
	unsigned char head[SHA256_LEN]; /* its hash, zeros before the first */
	struct ledger_tree tree;
};

#define LEDGER_CHAIN_INIT {0}

/*
 * Numbers, links and hashes the entry and appends its line with the newline. -EINVAL for a time that cannot be written, -E2BIG for a
 * line over LEDGER_LINE_MAX: then chain and out are as before.
 */
int ledger_chain_add(struct ledger_chain *c, struct ledger_entry *e, struct buf *out);
/*
 * The first line of a file that continues a chain: an event ledger_rotated that says which file came before (attrs.file) and carries
 * the tree (attrs.tree), so that files from this one on verify without the earlier ones.
 */
int ledger_chain_rotate(struct ledger_chain *c, const char *previous_file, int64_t time_us, struct buf *out);

/* What a line says of its place, without reading the rest. */
struct ledger_link {
	uint64_t seq;
	const char *event; /* in the line */
	size_t event_len;
	unsigned char prev_hash[SHA256_LEN], hash[SHA256_LEN];
	bool intact; /* the hash is that of the text */
};

/* False if it is no line of a ledger at all. 'line' without its newline; 'scratch' is room to work in. */
bool ledger_link_read(const char *line, size_t n, struct buf *scratch, struct ledger_link *out);

/* ------------------------------------------------------------------ lines of a stream */

/* Cuts bytes that arrive in pieces into lines. Free with buf_free(&l->rest). */
struct ledger_lines {
	struct buf rest; /* the beginning of a line whose end has not come; never over LEDGER_LINE_MAX: what is more is left out */
};

#define LEDGER_LINES_INIT {0}

/*
 * Calls each() for every complete line, without its newline, until it returns other than 0, which is then returned (what follows in p
 * is lost). An overlong line comes as its first LEDGER_LINE_MAX bytes, which no reader accepts.
 */
int ledger_lines_feed(struct ledger_lines *l, const void *p, size_t n, int (*each)(void *arg, const char *line, size_t n), void *arg);

/* ------------------------------------------------------------------ files */

#define LEDGER_NAME_MAX 255

/*
 * Each host has one chain for each run of its daemon, HOST-RUN, in files HOST-RUN-PART.jsonl: PART counts them from 1, RUN the runs of that
 * host from 1. The first line of a chain is an event mount, which names the end of the chain before.
 */
struct ledger_file {
	char host[65]; /* letters, digits, '.', '-', '_' */
	unsigned run, part;
};

void ledger_chain_name(const char *host, unsigned run, char name[LEDGER_NAME_MAX + 1]);
void ledger_file_name(const char *host, unsigned run, unsigned part, char name[LEDGER_NAME_MAX + 1]);
/* False if that is no such name. */
bool ledger_file_parse(const char *name, struct ledger_file *out);
/* By host, run and part: the order in which they were written. */
int ledger_file_cmp(const struct ledger_file *a, const struct ledger_file *b);

/* ------------------------------------------------------------------ verification */

#define LEDGER_FAULTS(X) \
	X(NONE, "sound") \
	X(EDITED, "the line was changed: its hash is not that of its text") \
	X(REWRITTEN, "the line was replaced by one with a hash of its own: the next line names another predecessor") \
	X(RELINKED, "the line names a predecessor that is not the line before it") \
	X(INSERTED, "a line that does not belong there") \
	X(MISSING, "lines are missing") \
	X(REORDERED, "lines stand in another order") \
	X(TORN, "the last line is incomplete: a write was cut off") \
	X(UNSIGNED, "not what the checkpoint signed: this line or lines before it were replaced") \
	X(TRUNCATED, "the end is missing: a checkpoint signed more lines than there are") \
	X(UNCONNECTED, "it does not continue what came before it")

enum ledger_fault {
#define LEDGER_FAULT(id, text) LEDGER_FAULT_##id,
	LEDGER_FAULTS(LEDGER_FAULT)
#undef LEDGER_FAULT
};

/* The first thing that is wrong. */
struct ledger_finding {
	enum ledger_fault fault;
	uint64_t seq; /* the first bad one: the number that should stand there */
	uint64_t until; /* MISSING: the last missing one, as far as can be told */
	uint64_t claimed; /* the number that the line there gives itself, 0 if it gives none */
	unsigned file; /* from 0: how often ledger_verify_next_file was called before */
	uint64_t line; /* in that file, from 1; 0: its last one */
};

struct ledger_checkpoint;

/* A verification under way. Read the public part; all of it must be set up by ledger_verify_init. */
struct ledger_verify {
	struct ledger_chain chain; /* what is proved sound: its last line, hash and tree; a writer may go on from it */
	uint64_t first; /* seq of the first line */
	uint64_t lines, bytes; /* looked at, of all files: for progress */
	uint64_t sound_bytes; /* of this file: sound lines with their newlines; with TORN, where the incomplete one begins */
	struct ledger_finding found; /* final after ledger_verify_end; NONE so far otherwise means no fault yet */

	/* private */
	struct ledger_lines cut;
	struct buf scratch;
	const struct ledger_checkpoint *cps;
	size_t n_cps;
	unsigned file;
	uint64_t line; /* in this file */
	bool started, tree_known;
	unsigned char bad_hash[SHA256_LEN]; /* of the first bad line */
	uint64_t after; /* lines seen after it */
	bool followed, expected_seen, claimed_again, later_seen; /* what they told: see classify() in verify.c */
};

/*
 * Begins at the first line of a chain, or at the first line after a rotation, which is taken at its word: then v->first is over 1, and
 * whoever reports must say that earlier lines were not there to be looked at. 'cps' (may be NULL) are checkpoints of this chain whose
 * signatures the caller has checked, by ascending seq; they must stay while the verification lasts.
 */
void ledger_verify_init(struct ledger_verify *v, const struct ledger_checkpoint *cps, size_t n_cps);
/* Instead: goes on after a line that is known to be sound. */
void ledger_verify_init_after(struct ledger_verify *v, const struct ledger_chain *known, const struct ledger_checkpoint *cps, size_t n_cps);
/* Bytes of the ledger in order. Feed all of it also after a fault: what comes later tells an insertion from a swap or a cut. */
void ledger_verify_feed(struct ledger_verify *v, const void *p, size_t n);
/* The next bytes are of another file of the same chain. */
void ledger_verify_next_file(struct ledger_verify *v);
/* Has a line begun that has not ended yet? Of a ledger that is being written the rest may come. */
bool ledger_verify_partial(const struct ledger_verify *v);
/* No more bytes: the finding is final. True if nothing is wrong. */
bool ledger_verify_end(struct ledger_verify *v);
void ledger_verify_free(struct ledger_verify *v);
/* One sentence without newline: "line 17 (seq 17): the line was changed: ...". */
void ledger_finding_text(const struct ledger_finding *f, struct buf *out);
const char *ledger_fault_name(enum ledger_fault fault); /* "edited" */

/* ------------------------------------------------------------------ folding of refusals */

#define LEDGER_FOLD_US 10000000 /* SPEC section 12: identical refusals within 10 s */

/*
 * Which refusals get a line of their own. Two are identical if all but time, pid and the chain's own keys is the same. The first is
 * written at once; those within LEDGER_FOLD_US after it are counted, and one more line says how many.
 */
struct ledger_fold;

/* Remembers at most 'slots' different refusals at a time; any more each get their own line (nothing is ever dropped). */
struct ledger_fold *ledger_fold_new(size_t slots);
void ledger_fold_free(struct ledger_fold *f);
/*
 * A refusal at 'now' (microseconds of a clock that does not jump; e->time_us is what the line shows). True: write its line now.
 * False: it was counted. Entries that are not of class LEDGER_FOLDED are always true. Drain ledger_fold_due before.
 */
bool ledger_fold_add(struct ledger_fold *f, const struct ledger_entry *e, int64_t now);
/*
 * A line that says how many were counted, if one is due at 'now' (INT64_MAX: all, before an unmount): the entry (strings in the arena)
 * with the time of the last one, attrs.count and attrs.since. Call until it is false.
 */
bool ledger_fold_due(struct ledger_fold *f, int64_t now, struct arena *a, struct ledger_entry *out);
/* When ledger_fold_due will next have something, or -1. */
int64_t ledger_fold_next(const struct ledger_fold *f);

/* ------------------------------------------------------------------ keys and checkpoints */

/* "zddc-ledger-secret-1:HEX" and a newline; the public one likewise, "zddc-ledger-public-1:". */
void ledger_key_format_secret(const unsigned char seed[SIGN_SEED_LEN], struct buf *out);
void ledger_key_format_public(const unsigned char pub[SIGN_PUBLIC_LEN], struct buf *out);
/* With or without the newline. -EINVAL if it is not such a key. */
int ledger_key_parse_secret(const char *text, size_t n, unsigned char seed[SIGN_SEED_LEN]);
int ledger_key_parse_public(const char *text, size_t n, unsigned char pub[SIGN_PUBLIC_LEN]);

/* The head of a chain at one time, signed. Plain data. */
struct ledger_checkpoint {
	char archive[LEDGER_NAME_MAX + 1], chain[LEDGER_NAME_MAX + 1]; /* what people call them */
	uint64_t seq; /* of the last line, and the size of the tree */
	unsigned char hash[SHA256_LEN], tree[SHA256_LEN];
	int64_t time_us;
	unsigned char pub[SIGN_PUBLIC_LEN]; /* who says to have signed; trust is the verifier's business */
	unsigned char sig[SIGN_LEN]; /* over the text up to and without its "sig" line */
};

/* Signs. -EINVAL if a name is empty, too long, not UTF-8 or holds a control character, or the time cannot be written. */
int ledger_checkpoint_make(const struct ledger_chain *c, const char *archive, const char *chain, int64_t time_us,
			   const unsigned char seed[SIGN_SEED_LEN], struct ledger_checkpoint *out);
/* Nine lines: "zddc ledger checkpoint 1", then archive chain seq hash tree time key sig, each with a blank and its value. */
void ledger_checkpoint_format(const struct ledger_checkpoint *cp, struct buf *out);
/* Exactly that text. -EINVAL otherwise. The signature is not checked. */
int ledger_checkpoint_parse(const char *text, size_t n, struct ledger_checkpoint *out);
/* True if the holder of the secret key of 'trusted' signed it. */
bool ledger_checkpoint_check(const struct ledger_checkpoint *cp, const unsigned char trusted[SIGN_PUBLIC_LEN]);

/* ------------------------------------------------------------------ proofs to hand out */

/* A line, its way to the root of a signed tree: checked without the archive. */
struct ledger_proof {
	struct buf line; /* without newline */
	struct ledger_path path;
	struct ledger_checkpoint cp;
};

/* An old and a new checkpoint, and that the new chain begins with all of the old one. */
struct ledger_extension {
	struct ledger_path path;
	struct ledger_checkpoint old, cp;
};

void ledger_proof_free(struct ledger_proof *p);
void ledger_proof_format(const struct ledger_proof *p, struct buf *out);
/* Frees nothing that was in out. -EINVAL if it is not such a text; then there is nothing to free. */
int ledger_proof_parse(const char *text, size_t n, struct ledger_proof *out);
/* NULL if all holds, or what does not, as half a sentence for people. */
const char *ledger_proof_check(const struct ledger_proof *p, const unsigned char trusted[SIGN_PUBLIC_LEN]);
void ledger_extension_format(const struct ledger_extension *x, struct buf *out);
int ledger_extension_parse(const char *text, size_t n, struct ledger_extension *out);
const char *ledger_extension_check(const struct ledger_extension *x, const unsigned char trusted[SIGN_PUBLIC_LEN]);

/* ------------------------------------------------------------------ queries */

/* Which entries to show. All that is set must hold. */
struct ledger_query {
	int64_t since_us, until_us; /* since inclusive, until exclusive; 0: no bound */
	/*
	 * "alice@example.com", "*@example.com" (case-blind, '*' does not cross the '@', the bare '*' is everybody with an address),
	 * "anonymous", or a uid in digits; NULL: anybody, the daemon too
	 */
	const char *who;
	const char *const *events; /* "file_create", "version_*": any of them */
	size_t n_events; /* 0: all */
	const char *path; /* this path or anything below it, as path, canonical or attrs.to; NULL or "" is everything */
};

bool ledger_match(const struct ledger_query *q, const struct ledger_entry *e);

/* ------------------------------------------------------------------ what was in force at a time */

/*
 * The policy texts in force at a time: fed with the entries in the order in which they were written, it follows the texts that took effect
 * and the folders that moved. A document is named by its file: "archive/Acme/.zddc", "defaults", "identities".
 */
struct ledger_asof;

/* What happened before 'until_us'. */
struct ledger_asof *ledger_asof_new(int64_t until_us);
void ledger_asof_free(struct ledger_asof *a);
void ledger_asof_feed(struct ledger_asof *a, const struct ledger_entry *e);
/* Could that line matter? Most need not be parsed. */
bool ledger_asof_wants(const char *line, size_t n);
/* Was there a ledger by then; when the first line that was fed was written. */
bool ledger_asof_known(const struct ledger_asof *a);
int64_t ledger_asof_first(const struct ledger_asof *a);
/* Was the archive mounted with -o strict? */
bool ledger_asof_strict(const struct ledger_asof *a);
/* The SHA-256 of the text, by which it is kept, or NULL; *invalid (may be NULL): an invalid one had taken its place. */
const char *ledger_asof_text(const struct ledger_asof *a, const char *file, bool *invalid);
void ledger_asof_each(const struct ledger_asof *a, void (*each)(void *arg, const char *file), void *arg);

#endif
