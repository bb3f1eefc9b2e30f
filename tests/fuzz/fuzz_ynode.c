/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer on the YAML reader and writer: what is accepted keeps its bounds, and what is written is read as the same tree. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/yemit.h"
#include "base/yformat.h"
#include "base/ynode.h"

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Every node is well formed and within limits.h. */
static void check_node(const struct ynode *n, unsigned depth, size_t *count)
{
	size_t members = 0;

	must(++*count <= LIMIT_DOC_EVENTS);
	must(depth <= LIMIT_DOC_DEPTH);
	if (n->kind == Y_SCALAR) {
		must(n->len <= LIMIT_SCALAR_BYTES && strlen(n->text) == n->len && !n->child);
		return;
	}
	ynode_each(m, n) {
		members++;
		must((m->key != NULL) == (n->kind == Y_MAP));
		if (m->key)
			must(m->key->kind == Y_SCALAR && ynode_get(n, m->key->text) == m); /* no duplicate before it */
		check_node(m, depth + 1, count);
	}
	must(members == n->n);
}

static void round_trip(const struct ynode *tree, void (*emit)(struct buf *out, const struct ynode *n))
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF text = BUF_INIT, again = BUF_INIT, first = BUF_INIT;
	struct ynode *copy;

	emit(&text, tree);
	yemit_canonical(&first, tree);
	if (text.len <= LIMIT_DOC_BYTES / 2 && text.len < 20000) { /* written out it may pass a limit that the original kept */
		must(ynode_parse(&a, "again", buf_str(&text), text.len, &d, &copy) == 0);
		must(ynode_equal(tree, copy) && ynode_equal(copy, tree));
		yemit_canonical(&again, copy);
		must(!strcmp(buf_str(&first), buf_str(&again)));
	}
	arena_free(&a);
}

static void as_block(struct buf *out, const struct ynode *n)
{
	yemit_node(out, n, 0);
}

/* Formatting keeps the meaning and the comments (yformat checks both), and a second time changes nothing. */
static void format(const char *text, size_t len, const struct ynode *tree)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF once = BUF_INIT, twice = BUF_INIT;
	struct ynode *copy;

	must(yformat(text, len, tree, &once) == 0);
	must(ynode_parse(&a, "formatted", buf_str(&once), once.len, &d, &copy) == 0);
	must(yformat(buf_str(&once), once.len, copy, &twice) == 0);
	must(once.len == twice.len && !strcmp(buf_str(&once), buf_str(&twice)));
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	char *text = malloc(size ? size : 1); /* of the exact size: a byte too far is seen */
	struct ynode *tree = NULL;
	size_t count = 0;
	int err;

	if (!text)
		abort();
	memcpy(text, data, size);
	err = ynode_parse(&a, "fuzz", text, size, &d, &tree);
	must((err != 0) == (d.errors > 0));
	must(d.n <= LIMIT_DIAGS);
	if (!err) {
		check_node(tree, 0, &count);
		must(ynode_equal(tree, tree));
		round_trip(tree, as_block);
		if (size < 20000)
			format(text, size, tree);
	}
	free(text);
	arena_free(&a);
	return 0;
}
