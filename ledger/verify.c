/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks a chain and finds the first bad line. What is wrong with it shows only in what comes later: a line out of place is an
 * insertion, a swap or a cut, depending on whether the expected line and the one that stands in its place come again. So after the
 * first fault the walk goes on, keeps what classify() needs, and names the fault at the end.
 */
#include <string.h>

#include "base/arena.h"
#include "ledger/ledger.h"

const char *ledger_fault_name(enum ledger_fault fault)
{
	switch (fault) {
	case LEDGER_FAULT_NONE: return "sound";
	case LEDGER_FAULT_EDITED: return "edited";
	case LEDGER_FAULT_REWRITTEN: return "rewritten";
	case LEDGER_FAULT_RELINKED: return "relinked";
	case LEDGER_FAULT_INSERTED: return "inserted";
	case LEDGER_FAULT_MISSING: return "missing";
	case LEDGER_FAULT_REORDERED: return "reordered";
	case LEDGER_FAULT_TORN: return "torn";
	case LEDGER_FAULT_UNSIGNED: return "unsigned";
	case LEDGER_FAULT_TRUNCATED: return "truncated";
	case LEDGER_FAULT_UNCONNECTED: return "unconnected";
	}
	return "?";
}

void ledger_verify_init(struct ledger_verify *v, const struct ledger_checkpoint *cps, size_t n_cps)
{
	*v = (struct ledger_verify){.cps = cps, .n_cps = n_cps, .tree_known = true};
}

static void note(struct ledger_verify *v, enum ledger_fault fault, uint64_t seq, const struct ledger_link *l)
{
	v->found = (struct ledger_finding){.fault = fault, .seq = seq, .file = v->file, .line = v->line};
	if (l) {
		v->found.claimed = l->seq;
		memcpy(v->bad_hash, l->hash, SHA256_LEN);
	}
}

/* The checkpoints of this line (there may be several) say what its hash and the tree up to it must be. */
static void compare_signed(struct ledger_verify *v)
{
	unsigned char root[SHA256_LEN];
	for (; v->n_cps && v->cps->seq <= v->chain.seq; v->cps++, v->n_cps--) {
		ledger_tree_root(&v->chain.tree, root);
		if (memcmp(v->cps->hash, v->chain.head, SHA256_LEN) != 0 || (v->tree_known && memcmp(v->cps->tree, root, SHA256_LEN) != 0)) {
			note(v, LEDGER_FAULT_UNSIGNED, v->chain.seq, NULL);
			return;
		}
	}
}

/* Checkpoints of lines that nobody will see again. */
static void forget_signed(struct ledger_verify *v)
{
	while (v->n_cps && v->cps->seq < v->chain.seq) {
		v->cps++;
		v->n_cps--;
	}
}

void ledger_verify_init_after(struct ledger_verify *v, const struct ledger_chain *known, const struct ledger_checkpoint *cps, size_t n_cps)
{
	ledger_verify_init(v, cps, n_cps);
	v->chain = *known;
	v->started = known->seq > 0;
	v->first = known->seq + 1;
	forget_signed(v);
	compare_signed(v);
}

void ledger_verify_free(struct ledger_verify *v)
{
	buf_free(&v->cut.rest);
	buf_free(&v->scratch);
}

/* ------------------------------------------------------------------ the sound part */

static bool event_is(const struct ledger_link *l, enum ledger_event event)
{
	const char *name = ledger_events[event].name;
	return l->event_len == strlen(name) && !memcmp(l->event, name, l->event_len);
}

/* The tree of the lines that a rotation left behind. Without it the lines verify, only tree heads cannot be compared. */
static bool carried_tree(const char *line, size_t n, struct ledger_tree *out)
{
	struct arena a = ARENA_INIT;
	struct ledger_entry e;
	bool ok = false;
	if (!ledger_entry_parse(line, n, &a, &e)) {
		const struct ledger_attr *tree = ledger_attr_find(&e, "tree");
		ok = tree && tree->text && !ledger_tree_parse(e.seq - 1, tree->text, out);
	}
	arena_free(&a);
	return ok;
}

/* Where the chain is taken up: at its line 1 (what init has set), or at the first line after a rotation, which says what to expect. */
static void start(struct ledger_verify *v, const struct ledger_link *l, const char *line, size_t n)
{
	v->started = true;
	v->first = 1;
	if (!l || !l->intact || l->seq < 2 || !event_is(l, LEDGER_LEDGER_ROTATED))
		return;
	v->first = l->seq;
	v->chain.seq = l->seq - 1;
	memcpy(v->chain.head, l->prev_hash, SHA256_LEN);
	v->tree_known = carried_tree(line, n, &v->chain.tree);
	forget_signed(v);
	compare_signed(v);
}

static void accept_line(struct ledger_verify *v, const struct ledger_link *l, size_t n)
{
	unsigned char leaf[SHA256_LEN];
	v->chain.seq = l->seq;
	memcpy(v->chain.head, l->hash, SHA256_LEN);
	ledger_leaf_hash(l->hash, SHA256_LEN, leaf);
	if (v->tree_known)
		ledger_tree_add(&v->chain.tree, leaf);
	v->sound_bytes += n + 1;
}

/* Provisional: classify() has the last word. */
static enum ledger_fault fault_of(const struct ledger_verify *v, const struct ledger_link *l)
{
	uint64_t expected = v->chain.seq + 1;
	if (!l || !l->intact)
		return LEDGER_FAULT_EDITED;
	if (l->seq != expected)
		return l->seq > expected ? LEDGER_FAULT_MISSING : LEDGER_FAULT_INSERTED;
	return memcmp(l->prev_hash, v->chain.head, SHA256_LEN) != 0 ? LEDGER_FAULT_RELINKED : LEDGER_FAULT_NONE;
}

static void judge(struct ledger_verify *v, const struct ledger_link *l, const char *line, size_t n)
{
	if (!v->started)
		start(v, l, line, n);
	if (v->found.fault != LEDGER_FAULT_NONE)
		return;
	enum ledger_fault fault = fault_of(v, l);
	if (fault != LEDGER_FAULT_NONE) {
		note(v, fault, v->chain.seq + 1, l);
		return;
	}
	accept_line(v, l, n);
	compare_signed(v);
}

/* ------------------------------------------------------------------ after the first fault */

static void look_back(struct ledger_verify *v, const struct ledger_link *l)
{
	v->after++;
	if (!l || !l->intact)
		return;
	if (v->after == 1)
		v->followed = !memcmp(l->prev_hash, v->bad_hash, SHA256_LEN);
	if (l->seq == v->chain.seq + 1 && !memcmp(l->prev_hash, v->chain.head, SHA256_LEN))
		v->expected_seen = true;
	if (l->seq == v->found.claimed)
		v->claimed_again = true;
	if (l->seq > v->chain.seq + 1)
		v->later_seen = true;
}

/* The line before the one that gave it away. */
static void blame_previous(struct ledger_verify *v, enum ledger_fault fault)
{
	v->found.fault = fault;
	v->found.seq = v->found.claimed = v->chain.seq;
	if (v->found.line > 1) {
		v->found.line--;
	} else if (v->found.file) {
		v->found.file--;
		v->found.line = 0;
	}
}

/* A number too far on: the lines between are gone, or stand elsewhere, or this one does not belong here. */
static void classify_gap(struct ledger_verify *v)
{
	if (v->expected_seen)
		v->found.fault = v->claimed_again ? LEDGER_FAULT_INSERTED : LEDGER_FAULT_REORDERED;
	else
		v->found.until = v->found.claimed - 1;
}

/* A number that was there before. */
static void classify_back(struct ledger_verify *v)
{
	if (v->found.claimed == v->chain.seq && v->followed && memcmp(v->bad_hash, v->chain.head, SHA256_LEN) != 0) {
		blame_previous(v, LEDGER_FAULT_INSERTED); /* of two lines with one number the chain goes on from the second */
	} else if (v->later_seen && !v->expected_seen) {
		v->found.fault = LEDGER_FAULT_MISSING; /* it stands in the place of another */
		v->found.until = v->found.seq;
	}
}

/* The right number after the wrong line. */
static void classify_link(struct ledger_verify *v)
{
	if (v->expected_seen)
		v->found.fault = LEDGER_FAULT_INSERTED;
	else if (v->chain.seq + 1 == v->first)
		v->found.fault = LEDGER_FAULT_UNCONNECTED;
	else if (v->followed || !v->after)
		blame_previous(v, LEDGER_FAULT_REWRITTEN);
}

static void classify(struct ledger_verify *v)
{
	enum ledger_fault fault = v->found.fault;
	if (fault == LEDGER_FAULT_EDITED && v->expected_seen)
		v->found.fault = LEDGER_FAULT_INSERTED;
	else if (fault == LEDGER_FAULT_MISSING)
		classify_gap(v);
	else if (fault == LEDGER_FAULT_INSERTED)
		classify_back(v);
	else if (fault == LEDGER_FAULT_RELINKED)
		classify_link(v);
}

/* ------------------------------------------------------------------ the stream */

static int one_line(void *arg, const char *line, size_t n)
{
	struct ledger_verify *v = arg;
	struct ledger_link link, *l = ledger_link_read(line, n, &v->scratch, &link) ? &link : NULL;
	v->lines++;
	v->line++;
	if (v->found.fault == LEDGER_FAULT_NONE)
		judge(v, l, line, n);
	else
		look_back(v, l);
	return 0;
}

void ledger_verify_feed(struct ledger_verify *v, const void *p, size_t n)
{
	v->bytes += n;
	ledger_lines_feed(&v->cut, p, n, one_line, v);
}

/* Every file ends with a newline, or its last line was cut off. */
static void end_of_file(struct ledger_verify *v)
{
	if (!v->cut.rest.len)
		return;
	v->line++;
	v->lines++;
	if (v->found.fault == LEDGER_FAULT_NONE)
		note(v, LEDGER_FAULT_TORN, v->chain.seq + 1, NULL);
	buf_reset(&v->cut.rest);
}

void ledger_verify_next_file(struct ledger_verify *v)
{
	end_of_file(v);
	v->file++;
	v->line = 0;
	v->sound_bytes = 0;
}

bool ledger_verify_partial(const struct ledger_verify *v) { return v->cut.rest.len > 0; }

bool ledger_verify_end(struct ledger_verify *v)
{
	end_of_file(v);
	classify(v);
	if (v->found.fault == LEDGER_FAULT_NONE && v->n_cps)
		note(v, LEDGER_FAULT_TRUNCATED, v->chain.seq + 1, NULL);
	return v->found.fault == LEDGER_FAULT_NONE;
}

void ledger_finding_text(const struct ledger_finding *f, struct buf *out)
{
	static const char *const texts[] = {
#define LEDGER_FAULT(id, text) text,
		LEDGER_FAULTS(LEDGER_FAULT)
#undef LEDGER_FAULT
	};
	if (f->fault == LEDGER_FAULT_NONE) {
		buf_adds(out, texts[f->fault]);
		return;
	}
	if (f->line)
		buf_addf(out, "line %llu ", (unsigned long long)f->line);
	buf_addf(out, "(seq %llu", (unsigned long long)f->seq);
	if (f->until > f->seq)
		buf_addf(out, " to %llu", (unsigned long long)f->until);
	buf_addf(out, "): %s", texts[f->fault]);
	if (f->claimed && f->claimed != f->seq)
		buf_addf(out, "; the line there says seq %llu", (unsigned long long)f->claimed);
}
