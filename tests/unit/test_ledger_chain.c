/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A chain of 1,000 lines, damaged in every way at every line: the first bad line is found, and what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ledger/ledger.h"

enum { N = 1000 };

/* The sound chain: text, where each line begins ([0] is line 1), and the chain after each line. */
static struct {
	struct buf text;
	size_t at[N + 1];
	struct ledger_chain after[N + 1];
} sound;

static const int64_t BEGAN = 1769860800000000;

static void add_line(struct ledger_chain *c, const char *path, struct buf *out)
{
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("environment", "prod"), LEDGER_ATTR_NUMBER("risk_score", 20)};
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	e.time_us = BEGAN + (int64_t)c->seq * 1000;
	e.event = LEDGER_FILE_CREATE;
	e.verb = "c";
	e.op = "create";
	e.path = path;
	e.principal = "alice@example.com";
	e.uid = 1001;
	e.pid = (int64_t)c->seq + 300;
	e.src = (struct ledger_src){"archive/.zddc", 12};
	e.attrs = attrs;
	e.n_attrs = 2;
	assert_int_equal(ledger_chain_add(c, &e, out), 0);
}

static int make_sound(void **state)
{
	struct ledger_chain c = LEDGER_CHAIN_INIT;
	(void)state;
	for (int i = 0; i < N; i++) {
		char path[64];
		snprintf(path, sizeof(path), "archive/Acme/working/%d\xff.txt", i);
		sound.at[i] = sound.text.len;
		add_line(&c, path, &sound.text);
		sound.after[i + 1] = c;
	}
	sound.at[N] = sound.text.len;
	return 0;
}

static int free_sound(void **state)
{
	(void)state;
	buf_free(&sound.text);
	return 0;
}

/* Lines from..to (from 1, inclusive) as they are. */
static void lines(struct buf *out, int from, int to)
{
	if (from <= to)
		buf_add(out, sound.text.data + sound.at[from - 1], sound.at[to] - sound.at[from - 1]);
}

/* Line k of its own making: another path, and a hash that fits. */
static void forged(struct buf *out, int k, bool right_prev)
{
	struct ledger_chain c = sound.after[k - 1];
	if (!right_prev)
		c.head[0] ^= 1;
	add_line(&c, "archive/Acme/working/forged", out);
}

/* ------------------------------------------------------------------ ways to do damage */

struct want {
	enum ledger_fault fault;
	int seq, line; /* of the finding; line in the whole chain */
	int until; /* 0: not looked at */
};

static struct want want(enum ledger_fault fault, int seq, int line) { return (struct want){fault, seq, line, 0}; }
static struct want missing(int k, int until) { return (struct want){LEDGER_FAULT_MISSING, k, k, until}; }

/*
 * Appends what stands in place of lines from..to, of which k (from <= k <= to) is harmed, and says what must be found. 'to' is either N
 * or far behind k. -1 as fault: this harm cannot be done here.
 */
typedef struct want (*harm)(struct buf *out, int from, int k, int to);

static const struct want NOT_HERE = {(enum ledger_fault)-1, 0, 0, 0};

static struct want change_byte(struct buf *out, int from, int k, int to, size_t at)
{
	size_t start;
	lines(out, from, k - 1);
	start = out->len;
	lines(out, k, to);
	out->data[start + at] ^= 1;
	return want(LEDGER_FAULT_EDITED, k, k);
}

static size_t length(int k) { return sound.at[k] - sound.at[k - 1]; }

static struct want edit_begin(struct buf *out, int from, int k, int to) { return change_byte(out, from, k, to, 0); }
static struct want edit_seq(struct buf *out, int from, int k, int to) { return change_byte(out, from, k, to, 7); }
static struct want edit_middle(struct buf *out, int from, int k, int to) { return change_byte(out, from, k, to, length(k) / 2); }
static struct want edit_prev(struct buf *out, int from, int k, int to) { return change_byte(out, from, k, to, length(k) - 80); }
static struct want edit_hash(struct buf *out, int from, int k, int to) { return change_byte(out, from, k, to, length(k) - 4); }

static struct want edit_newline(struct buf *out, int from, int k, int to)
{
	struct want w = change_byte(out, from, k, to, length(k) - 1);
	if (k == N)
		w.fault = LEDGER_FAULT_TORN;
	return w;
}

/* Two lines for one: the newline inside. */
static struct want split(struct buf *out, int from, int k, int to)
{
	struct want w = change_byte(out, from, k, to, 20);
	out->data[out->len - (sound.at[to] - sound.at[k - 1]) + 20] = '\n';
	return w;
}

static struct want shorten(struct buf *out, int from, int k, int to)
{
	lines(out, from, k - 1);
	buf_add(out, sound.text.data + sound.at[k - 1], 100);
	buf_add(out, sound.text.data + sound.at[k - 1] + 103, length(k) - 103);
	lines(out, k + 1, to);
	return want(LEDGER_FAULT_EDITED, k, k);
}

/* With a hash of its own: the next line gives it away. Of the last line only a checkpoint does. */
static struct want rewrite(struct buf *out, int from, int k, int to)
{
	lines(out, from, k - 1);
	forged(out, k, true);
	lines(out, k + 1, to);
	return k < N ? want(LEDGER_FAULT_REWRITTEN, k, k) : want(LEDGER_FAULT_NONE, 0, 0);
}

static struct want relink(struct buf *out, int from, int k, int to)
{
	if (k == N)
		return NOT_HERE; /* nothing tells it from a rewritten line before */
	lines(out, from, k - 1);
	forged(out, k, false);
	lines(out, k + 1, to);
	return want(k == 1 ? LEDGER_FAULT_UNCONNECTED : LEDGER_FAULT_RELINKED, k, k);
}

/* Before line k. */
static struct want insert(struct buf *out, int from, int k, int to, const char *text, size_t n)
{
	lines(out, from, k - 1);
	buf_add(out, text, n);
	lines(out, k, to);
	return want(LEDGER_FAULT_INSERTED, k, k);
}

static struct want insert_blank(struct buf *out, int from, int k, int to) { return insert(out, from, k, to, "\n", 1); }
static struct want insert_words(struct buf *out, int from, int k, int to) { return insert(out, from, k, to, "{\"seq\":1}\n", 10); }

/* A good line, in its right place; the true one follows. */
static struct want insert_forged(struct buf *out, int from, int k, int to)
{
	AUTO_BUF line = BUF_INIT;
	forged(&line, k, true);
	struct want w = insert(out, from, k, to, line.data, line.len);
	return k < N ? w : want(LEDGER_FAULT_INSERTED, N + 1, N + 1); /* which of the two, no later line says */
}

static struct want insert_unlinked(struct buf *out, int from, int k, int to)
{
	AUTO_BUF line = BUF_INIT;
	forged(&line, k, false);
	return insert(out, from, k, to, line.data, line.len);
}

static struct want insert_old(struct buf *out, int from, int k, int to)
{
	if (k < 3)
		return NOT_HERE;
	return insert(out, from, k, to, sound.text.data + sound.at[0], length(1));
}

static struct want insert_later(struct buf *out, int from, int k, int to)
{
	if (k + 3 > to)
		return NOT_HERE;
	return insert(out, from, k, to, sound.text.data + sound.at[k + 2], length(k + 3));
}

static struct want repeat(struct buf *out, int from, int k, int to)
{
	lines(out, from, k);
	lines(out, k, to);
	return want(LEDGER_FAULT_INSERTED, k + 1, k + 1);
}

static struct want delete_n(struct buf *out, int from, int k, int to, int n)
{
	lines(out, from, k - 1);
	lines(out, k + n, to);
	return k + n - 1 < N ? missing(k, k + n - 1) : want(LEDGER_FAULT_NONE, 0, 0);
}

static struct want delete_one(struct buf *out, int from, int k, int to) { return delete_n(out, from, k, to, 1); }
static struct want delete_three(struct buf *out, int from, int k, int to) { return delete_n(out, from, k, to, 3); }

static struct want cover_with_old(struct buf *out, int from, int k, int to)
{
	if (k < 3 || k == N)
		return NOT_HERE;
	lines(out, from, k - 1);
	lines(out, 1, 1);
	lines(out, k + 1, to);
	return want(LEDGER_FAULT_MISSING, k, k);
}

static struct want cover_with_later(struct buf *out, int from, int k, int to)
{
	if (k == N)
		return NOT_HERE;
	lines(out, from, k - 1);
	lines(out, k + 1, k + 1);
	lines(out, k + 1, to);
	return missing(k, k);
}

static struct want swap(struct buf *out, int from, int k, int to)
{
	if (k == N)
		return NOT_HERE;
	lines(out, from, k - 1);
	lines(out, k + 1, k + 1);
	lines(out, k, k);
	lines(out, k + 2, to);
	return want(LEDGER_FAULT_REORDERED, k, k);
}

static struct want swap_far(struct buf *out, int from, int k, int to)
{
	if (k + 4 > to)
		return NOT_HERE;
	lines(out, from, k - 1);
	lines(out, k + 4, k + 4);
	lines(out, k + 1, k + 3);
	lines(out, k, k);
	lines(out, k + 5, to);
	return want(LEDGER_FAULT_REORDERED, k, k);
}

static struct want move_to_end(struct buf *out, int from, int k, int to)
{
	if (k == to)
		return NOT_HERE;
	lines(out, from, k - 1);
	lines(out, k + 1, to);
	lines(out, k, k);
	return want(LEDGER_FAULT_REORDERED, k, k);
}

static struct want move_forward(struct buf *out, int from, int k, int to)
{
	if (k + 3 > to)
		return NOT_HERE;
	lines(out, from, k - 1);
	lines(out, k + 3, k + 3);
	lines(out, k, k + 2);
	lines(out, k + 4, to);
	return want(LEDGER_FAULT_REORDERED, k, k);
}

/* The write of line k was cut off. */
static struct want tear(struct buf *out, int from, int k, int to)
{
	(void)to;
	lines(out, from, k - 1);
	buf_add(out, sound.text.data + sound.at[k - 1], length(k) / 3);
	return want(LEDGER_FAULT_TORN, k, k);
}

static struct want tear_newline(struct buf *out, int from, int k, int to)
{
	(void)to;
	lines(out, from, k);
	out->len--;
	return want(LEDGER_FAULT_TORN, k, k);
}

static struct want tear_zeros(struct buf *out, int from, int k, int to)
{
	static const char zeros[4096];
	(void)to;
	lines(out, from, k - 1);
	buf_add(out, zeros, sizeof(zeros));
	return want(LEDGER_FAULT_TORN, k, k);
}

static const struct {
	const char *name;
	harm harm;
} harms[] = {
	{"edit_begin", edit_begin},
	{"edit_seq", edit_seq},
	{"edit_middle", edit_middle},
	{"edit_prev", edit_prev},
	{"edit_hash", edit_hash},
	{"edit_newline", edit_newline},
	{"split", split},
	{"shorten", shorten},
	{"rewrite", rewrite},
	{"relink", relink},
	{"insert_blank", insert_blank},
	{"insert_words", insert_words},
	{"insert_forged", insert_forged},
	{"insert_unlinked", insert_unlinked},
	{"insert_old", insert_old},
	{"insert_later", insert_later},
	{"repeat", repeat},
	{"delete_one", delete_one},
	{"delete_three", delete_three},
	{"cover_with_old", cover_with_old},
	{"cover_with_later", cover_with_later},
	{"swap", swap},
	{"swap_far", swap_far},
	{"move_to_end", move_to_end},
	{"move_forward", move_forward},
	{"tear", tear},
	{"tear_newline", tear_newline},
	{"tear_zeros", tear_zeros},
};

/* ------------------------------------------------------------------ what is found */

static void compare(const char *name, int k, struct want w, const struct ledger_finding *f, int lines_before)
{
	AUTO_BUF text = BUF_INIT;
	ledger_finding_text(f, &text);
	if (f->fault != w.fault)
		fail_msg("%s at %d: %s instead of %s: %s", name, k, ledger_fault_name(f->fault), ledger_fault_name(w.fault), text.data);
	if (w.fault == LEDGER_FAULT_NONE)
		return;
	if ((int)f->seq != w.seq || (int)f->line + lines_before != w.line || (w.until && (int)f->until != w.until))
		fail_msg("%s at %d: wrong place: %s, not seq %d until %d line %d", name, k, text.data, w.seq, w.until, w.line);
}

/* The chain with harm at k: all of it, or (much faster) from a few lines before, whose end is known, to a few lines behind. */
static void harmed(size_t which, int k, bool whole)
{
	AUTO_BUF text = BUF_INIT;
	struct ledger_verify v;
	int from = whole || k <= 4 ? 1 : k - 3, to = whole || k + 8 > N - 4 ? N : k + 8;
	struct want w = harms[which].harm(&text, from, k, to);

	if (w.fault == NOT_HERE.fault)
		return;
	if (from == 1)
		ledger_verify_init(&v, NULL, 0);
	else
		ledger_verify_init_after(&v, &sound.after[from - 1], NULL, 0);
	ledger_verify_feed(&v, text.data, text.len);
	assert_int_equal(ledger_verify_end(&v), w.fault == LEDGER_FAULT_NONE);
	compare(harms[which].name, k, w, &v.found, from - 1);
	ledger_verify_free(&v);
}

static void every_harm_at_every_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		for (int k = 1; k <= N; k++)
			harmed(i, k, false);
		for (int k = 1; k <= N; k = k < 4 || k > 995 ? k + 1 : k + 71)
			harmed(i, k, true);
		harmed(i, N, true);
	}
}

/* Lines from..to of the chain with one byte changed in line k: found there. */
static void changed_byte(const char *byte, int k, int from, int to)
{
	size_t begin = from > 1 ? sound.at[from - 1] : 0;
	struct ledger_verify v;

	if (from == 1)
		ledger_verify_init(&v, NULL, 0);
	else
		ledger_verify_init_after(&v, &sound.after[from - 1], NULL, 0);
	ledger_verify_feed(&v, sound.text.data + begin, sound.at[to] - begin);
	assert_false(ledger_verify_end(&v));
	compare("random", k, want(byte == sound.text.data + sound.text.len - 1 ? LEDGER_FAULT_TORN : LEDGER_FAULT_EDITED, k, k), &v.found, from - 1);
	ledger_verify_free(&v);
}

/* 1,000 random single bytes of the whole chain changed to another value; looked at with some lines around, and now and then with all. */
static void random_bytes(void **state)
{
	uint64_t seed = 20260131;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char *byte, was;
		int k = 1;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		byte = sound.text.data + (seed >> 33) % sound.text.len;
		was = *byte;
		*byte ^= (char)(1 + (seed >> 20) % 255);
		while ((size_t)(byte - sound.text.data) >= sound.at[k])
			k++;
		if (i % 50)
			changed_byte(byte, k, k > 10 ? k - 10 : 1, k + 10 < N ? k + 10 : N);
		else
			changed_byte(byte, k, 1, N);
		*byte = was;
	}
}

static void is_sound(const struct ledger_verify *v)
{
	assert_int_equal(v->found.fault, LEDGER_FAULT_NONE);
	assert_int_equal(v->chain.seq, N);
	assert_int_equal(v->lines, N);
	assert_int_equal(v->first, 1);
	assert_int_equal(v->bytes, sound.text.len);
	assert_int_equal(v->sound_bytes, sound.text.len);
	assert_memory_equal(&v->chain, &sound.after[N], sizeof(v->chain));
}

/* However the bytes come. */
static void in_pieces(void **state)
{
	static const size_t sizes[] = {1, 7, 511, 4096, 65536, 1u << 30};
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ledger_verify v;
		ledger_verify_init(&v, NULL, 0);
		for (size_t at = 0; at < sound.text.len; at += sizes[i])
			ledger_verify_feed(&v, sound.text.data + at, sound.text.len - at < sizes[i] ? sound.text.len - at : sizes[i]);
		assert_true(ledger_verify_end(&v));
		is_sound(&v);
		ledger_verify_free(&v);
	}
}

static void nothing(void **state)
{
	struct ledger_verify v;
	(void)state;
	ledger_verify_init(&v, NULL, 0);
	assert_true(ledger_verify_end(&v));
	ledger_verify_free(&v);
}

/* A torn line: where it begins is where the writer cuts, and the chain goes on from there. */
static void goes_on_after_a_tear(void **state)
{
	AUTO_BUF text = BUF_INIT;
	struct ledger_verify v;
	(void)state;
	tear(&text, 1, 500, N);
	ledger_verify_init(&v, NULL, 0);
	ledger_verify_feed(&v, text.data, text.len);
	assert_false(ledger_verify_end(&v));
	assert_int_equal(v.found.fault, LEDGER_FAULT_TORN);
	assert_int_equal(v.sound_bytes, sound.at[499]);
	text.len = v.sound_bytes;
	struct ledger_chain c = v.chain;
	ledger_verify_free(&v);
	add_line(&c, "after the crash", &text);
	ledger_verify_init(&v, NULL, 0);
	ledger_verify_feed(&v, text.data, text.len);
	assert_true(ledger_verify_end(&v));
	assert_int_equal(v.chain.seq, 500);
	ledger_verify_free(&v);
}

/* A line as long as one may be, and one that is longer. */
static void long_lines(void **state)
{
	AUTO_BUF out = BUF_INIT, path = BUF_INIT;
	struct ledger_chain c = LEDGER_CHAIN_INIT, before;
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	struct ledger_verify v;

	(void)state;
	add_line(&c, "", &out);
	before = c;
	size_t shortest = out.len, len = LEDGER_LINE_MAX;
	while (path.len < len)
		buf_addc(&path, 'p');
	e.path = path.data;
	assert_int_equal(ledger_chain_add(&c, &e, &out), -E2BIG);
	assert_int_equal(out.len, shortest);
	assert_memory_equal(&c, &before, sizeof(c));
	/* shorter by a byte at a time until it fits: then it is exactly the most, newline included */
	for (len -= 300; ledger_chain_add(&c, &e, &out); len--)
		path.data[len] = '\0';
	assert_int_equal(out.len - shortest, LEDGER_LINE_MAX);
	ledger_verify_init(&v, NULL, 0);
	ledger_verify_feed(&v, out.data, out.len / 2);
	ledger_verify_feed(&v, out.data + out.len / 2, out.len - out.len / 2);
	assert_true(ledger_verify_end(&v));
	assert_int_equal(v.chain.seq, 2);
	ledger_verify_free(&v);
	/* and something endless in the place of line 3 */
	ledger_verify_init_after(&v, &c, NULL, 0);
	for (int i = 0; i < 3; i++)
		ledger_verify_feed(&v, out.data + shortest, LEDGER_LINE_MAX - 1);
	assert_true(v.cut.rest.len <= LEDGER_LINE_MAX);
	ledger_verify_feed(&v, "\n", 1);
	assert_false(ledger_verify_end(&v));
	compare("endless", 3, want(LEDGER_FAULT_EDITED, 3, 1), &v.found, 0);
	ledger_verify_free(&v);
}

static void refused_entries_change_nothing(void **state)
{
	AUTO_BUF out = BUF_INIT;
	struct ledger_chain c = sound.after[3];
	struct ledger_entry e = LEDGER_ENTRY_INIT;
	(void)state;
	buf_adds(&out, "before");
	e.time_us = INT64_MIN;
	assert_int_equal(ledger_chain_add(&c, &e, &out), -EINVAL);
	assert_string_equal(out.data, "before");
	assert_memory_equal(&c, &sound.after[3], sizeof(c));
}

/* ------------------------------------------------------------------ rotation */

/* Three files of one chain; the second begins at file_at[1]. */
static struct buf rotated[3];

static void make_rotated(void)
{
	struct ledger_chain c = LEDGER_CHAIN_INIT;
	for (int i = 0; i < 3; i++) {
		buf_reset(&rotated[i]);
		if (i)
			assert_int_equal(ledger_chain_rotate(&c, "chain.1.jsonl", BEGAN, &rotated[i]), 0);
		for (int k = 0; k < 10 + i; k++)
			add_line(&c, "archive/x", &rotated[i]);
	}
}

static void feed_files(struct ledger_verify *v, int from, int to)
{
	for (int i = from; i <= to; i++) {
		if (i > from)
			ledger_verify_next_file(v);
		ledger_verify_feed(v, rotated[i].data, rotated[i].len);
	}
}

/* All files, or only the later ones: same head, same tree. */
static void rotation_carries(void **state)
{
	struct ledger_verify all, some;
	(void)state;
	make_rotated();
	ledger_verify_init(&all, NULL, 0);
	feed_files(&all, 0, 2);
	assert_true(ledger_verify_end(&all));
	assert_int_equal(all.chain.seq, 35);
	assert_int_equal(all.sound_bytes, rotated[2].len);
	for (int first = 1; first < 3; first++) {
		ledger_verify_init(&some, NULL, 0);
		feed_files(&some, first, 2);
		assert_true(ledger_verify_end(&some));
		assert_int_equal(some.first, first == 1 ? 11 : 23);
		assert_true(some.tree_known);
		unsigned char want[SHA256_LEN], got[SHA256_LEN];
		ledger_tree_root(&all.chain.tree, want);
		ledger_tree_root(&some.chain.tree, got);
		assert_memory_equal(got, want, SHA256_LEN);
		assert_memory_equal(some.chain.head, all.chain.head, SHA256_LEN);
		ledger_verify_free(&some);
	}
	ledger_verify_free(&all);
}

static struct ledger_finding finding_of(int from, int to)
{
	struct ledger_verify v;
	ledger_verify_init(&v, NULL, 0);
	feed_files(&v, from, to);
	ledger_verify_end(&v);
	ledger_verify_free(&v);
	return v.found;
}

/* Cuts the first line off. */
static void behead(struct buf *b)
{
	size_t n = (size_t)(strchr(b->data, '\n') + 1 - b->data);
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

static void rotation_faults(void **state)
{
	struct ledger_finding f;
	(void)state;
	/* a file in the middle is gone */
	make_rotated();
	struct buf middle = rotated[1];
	rotated[1] = rotated[2];
	f = finding_of(0, 1);
	assert_true(f.fault == LEDGER_FAULT_MISSING && f.seq == 11 && f.until == 22 && f.file == 1 && f.line == 1);
	rotated[1] = middle;
	/* the line that carries the chain over is gone: nothing to begin with, and a gap when read from the start */
	make_rotated();
	behead(&rotated[1]);
	f = finding_of(1, 2);
	assert_true(f.fault == LEDGER_FAULT_MISSING && f.seq == 1 && f.until == 11 && f.file == 0 && f.line == 1);
	f = finding_of(0, 2);
	assert_true(f.fault == LEDGER_FAULT_MISSING && f.seq == 11 && f.until == 11 && f.file == 1 && f.line == 1);
	/* a file that was cut off in the middle of a line */
	make_rotated();
	rotated[0].len -= 5;
	f = finding_of(0, 2);
	assert_true(f.fault == LEDGER_FAULT_TORN && f.seq == 10 && f.file == 0 && f.line == 10);
	/* the last line of a file rewritten: the next file gives it away */
	make_rotated();
	struct ledger_verify v;
	ledger_verify_init(&v, NULL, 0);
	size_t last = rotated[0].len - 2;
	while (rotated[0].data[last - 1] != '\n')
		last--;
	ledger_verify_feed(&v, rotated[0].data, last);
	rotated[0].len = last;
	add_line(&v.chain, "archive/forged", &rotated[0]);
	ledger_verify_free(&v);
	f = finding_of(0, 2);
	assert_true(f.fault == LEDGER_FAULT_REWRITTEN && f.seq == 10 && f.file == 0 && f.line == 0);
	for (int i = 0; i < 3; i++)
		buf_free(&rotated[i]);
}

/* What says that it continues a chain is not believed unless it is intact, nor with a number that continues nothing. */
static void false_rotation(void **state)
{
	static const uint64_t seqs[] = {UINT64_MAX, 0, 41};
	(void)state;
	for (int i = 0; i < 3; i++) {
		AUTO_BUF text = BUF_INIT;
		struct ledger_chain c = LEDGER_CHAIN_INIT;
		struct ledger_verify v;
		c.seq = seqs[i];
		assert_int_equal(ledger_chain_rotate(&c, "f", BEGAN, &text), 0);
		if (i == 2)
			text.data[text.len - 5] ^= 1;
		ledger_verify_init(&v, NULL, 0);
		ledger_verify_feed(&v, text.data, text.len);
		assert_int_equal(ledger_verify_end(&v), i == 1); /* as the first line of all it is an odd one, but sound */
		assert_int_equal(v.first, 1);
		if (i == 0)
			compare("seq 0", 1, want(LEDGER_FAULT_INSERTED, 1, 1), &v.found, 0);
		if (i == 2)
			compare("not intact", 1, want(LEDGER_FAULT_EDITED, 1, 1), &v.found, 0);
		ledger_verify_free(&v);
	}
}

/* ------------------------------------------------------------------ against checkpoints */

static const unsigned char seed[SIGN_SEED_LEN] = "a secret of thirty-two bytes....";

static struct ledger_finding against(const struct ledger_checkpoint *cps, size_t n, const struct buf *text)
{
	struct ledger_verify v;
	ledger_verify_init(&v, cps, n);
	ledger_verify_feed(&v, text->data, text->len);
	ledger_verify_end(&v);
	ledger_verify_free(&v);
	return v.found;
}

static void checkpoints(void **state)
{
	struct ledger_checkpoint cps[3];
	AUTO_BUF cut = BUF_INIT, replaced = BUF_INIT, grown = BUF_INIT;
	struct ledger_finding f;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ledger_checkpoint_make(&sound.after[i == 2 ? N : 400 * (i + 1)], "an archive", "c", BEGAN, seed, &cps[i]), 0);
	assert_int_equal(against(cps, 3, &sound.text).fault, LEDGER_FAULT_NONE);
	/* the tail cut off at a line: only the checkpoint knows */
	lines(&cut, 1, N - 1);
	assert_int_equal(against(cps, 2, &cut).fault, LEDGER_FAULT_NONE);
	f = against(cps, 3, &cut);
	assert_true(f.fault == LEDGER_FAULT_TRUNCATED && f.seq == N);
	/* all from line 700 on written anew, every hash right */
	lines(&replaced, 1, 699);
	struct ledger_chain c = sound.after[699];
	while (c.seq < N)
		add_line(&c, "archive/another", &replaced);
	assert_int_equal(against(NULL, 0, &replaced).fault, LEDGER_FAULT_NONE);
	f = against(cps, 3, &replaced);
	assert_true(f.fault == LEDGER_FAULT_UNSIGNED && f.seq == 800 && f.line == 800);
	/* nothing left at all */
	f = against(cps, 1, &(struct buf)BUF_INIT);
	assert_true(f.fault == LEDGER_FAULT_TRUNCATED && f.seq == 1);
	/* more lines than were signed are fine */
	lines(&grown, 1, N);
	c = sound.after[N];
	add_line(&c, "archive/more", &grown);
	assert_int_equal(against(cps, 3, &grown).fault, LEDGER_FAULT_NONE);
	/* right line, wrong tree */
	cps[1].tree[0] ^= 1;
	f = against(cps, 3, &sound.text);
	assert_true(f.fault == LEDGER_FAULT_UNSIGNED && f.seq == 800);
}

/* Taken up in the middle: what was signed there must be what is known. */
static void checkpoints_in_the_middle(void **state)
{
	struct ledger_checkpoint cps[2];
	struct ledger_verify v;
	(void)state;
	assert_int_equal(ledger_checkpoint_make(&sound.after[10], "a", "c", BEGAN, seed, &cps[0]), 0);
	assert_int_equal(ledger_checkpoint_make(&sound.after[20], "a", "c", BEGAN, seed, &cps[1]), 0);
	for (int known = 9; known <= 21; known++) {
		ledger_verify_init_after(&v, &sound.after[known], cps, 2);
		ledger_verify_feed(&v, sound.text.data + sound.at[known], sound.text.len - sound.at[known]);
		assert_true(ledger_verify_end(&v));
		ledger_verify_free(&v);
	}
	cps[1].hash[5] ^= 1;
	for (int known = 9; known <= 21; known++) {
		ledger_verify_init_after(&v, &sound.after[known], cps, 2);
		ledger_verify_feed(&v, sound.text.data + sound.at[known], sound.text.len - sound.at[known]);
		assert_int_equal(ledger_verify_end(&v), known == 21);
		assert_int_equal(v.found.fault, known == 21 ? LEDGER_FAULT_NONE : LEDGER_FAULT_UNSIGNED);
		ledger_verify_free(&v);
	}
	/* and so of a rotated file that is taken up alone: the checkpoint of the line before its first */
	AUTO_BUF file = BUF_INIT;
	struct ledger_chain c = sound.after[20];
	cps[1].hash[5] ^= 1;
	assert_int_equal(ledger_chain_rotate(&c, "f", BEGAN, &file), 0);
	assert_int_equal(against(cps, 2, &file).fault, LEDGER_FAULT_NONE);
	cps[1].tree[5] ^= 1;
	assert_int_equal(against(cps, 2, &file).fault, LEDGER_FAULT_UNSIGNED);
}

static void says_it_in_words(void **state)
{
	AUTO_BUF out = BUF_INIT;
	struct ledger_finding f = {.fault = LEDGER_FAULT_MISSING, .seq = 17, .until = 19, .claimed = 20, .line = 17};
	(void)state;
	ledger_finding_text(&f, &out);
	assert_string_equal(buf_str(&out), "line 17 (seq 17 to 19): lines are missing; the line there says seq 20");
	buf_reset(&out);
	f = (struct ledger_finding){.fault = LEDGER_FAULT_NONE};
	ledger_finding_text(&f, &out);
	assert_string_equal(buf_str(&out), "sound");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(nothing),
		cmocka_unit_test(every_harm_at_every_line),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(goes_on_after_a_tear),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(refused_entries_change_nothing),
		cmocka_unit_test(rotation_carries),
		cmocka_unit_test(rotation_faults),
		cmocka_unit_test(false_rotation),
		cmocka_unit_test(checkpoints),
		cmocka_unit_test(checkpoints_in_the_middle),
		cmocka_unit_test(says_it_in_words),
	};

	return cmocka_run_group_tests(tests, make_sound, free_sound);
}
