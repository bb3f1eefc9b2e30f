/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `zddc audit prove` hands out: a line or an older checkpoint, the way to a signed root, and that root's checkpoint. */
#include <errno.h>
#include <string.h>

#include "ledger/checkpoint.h"
#include "ledger/ledger.h"
#include "ledger/text.h"

/* "node HEX" for each. */
static void path_format(const struct ledger_path *path, struct buf *out)
{
	for (unsigned i = 0; i < path->n; i++) {
		buf_adds(out, "node ");
		put_hex(out, path->node[i], SHA256_LEN);
		buf_addc(out, '\n');
	}
}

static bool take_path(struct cursor *c, struct ledger_path *path)
{
	while (take_lit(c, "node ")) {
		if (path->n == sizeof(path->node) / sizeof(path->node[0]) || !take_hex(c, path->node[path->n++], SHA256_LEN) ||
		    !take_lit(c, "\n"))
			return false;
	}
	return true;
}

void ledger_proof_free(struct ledger_proof *p) { buf_free(&p->line); }

void ledger_proof_format(const struct ledger_proof *p, struct buf *out)
{
	buf_adds(out, "zddc ledger proof 1\nline ");
	buf_add(out, buf_str(&p->line), p->line.len);
	buf_addc(out, '\n');
	path_format(&p->path, out);
	ledger_checkpoint_format(&p->cp, out);
}

int ledger_proof_parse(const char *text, size_t n, struct ledger_proof *out)
{
	struct cursor c = {text, text + n, NULL};
	struct ledger_proof p = {0};
	const char *line;
	size_t len;
	if (!take_lit(&c, "zddc ledger proof 1\nline ") || !take_line(&c, &line, &len) || !take_path(&c, &p.path) ||
	    !take_checkpoint(&c, &p.cp) || c.p != c.end)
		return -EINVAL;
	buf_add(&p.line, line, len);
	*out = p;
	return 0;
}

const char *ledger_proof_check(const struct ledger_proof *p, const unsigned char trusted[SIGN_PUBLIC_LEN])
{
	AUTO_BUF scratch = BUF_INIT;
	struct ledger_link l;
	unsigned char leaf[SHA256_LEN];
	if (!ledger_checkpoint_check(&p->cp, trusted))
		return "the checkpoint is not signed by the trusted key";
	if (!ledger_link_read(buf_str(&p->line), p->line.len, &scratch, &l))
		return "the line is not a line of a ledger";
	if (!l.intact)
		return "the line was changed: its hash is not that of its text";
	ledger_leaf_hash(l.hash, SHA256_LEN, leaf);
	if (!l.seq || !ledger_check_inclusion(leaf, l.seq - 1, p->cp.seq, &p->path, p->cp.tree))
		return "the line is not in the tree that the checkpoint signed";
	return NULL;
}

void ledger_extension_format(const struct ledger_extension *x, struct buf *out)
{
	buf_adds(out, "zddc ledger extension 1\n");
	path_format(&x->path, out);
	ledger_checkpoint_format(&x->old, out);
	ledger_checkpoint_format(&x->cp, out);
}

int ledger_extension_parse(const char *text, size_t n, struct ledger_extension *out)
{
	struct cursor c = {text, text + n, NULL};
	struct ledger_extension x = {0};
	if (!take_lit(&c, "zddc ledger extension 1\n") || !take_path(&c, &x.path) || !take_checkpoint(&c, &x.old) ||
	    !take_checkpoint(&c, &x.cp) || c.p != c.end)
		return -EINVAL;
	*out = x;
	return 0;
}

const char *ledger_extension_check(const struct ledger_extension *x, const unsigned char trusted[SIGN_PUBLIC_LEN])
{
	if (!ledger_checkpoint_check(&x->old, trusted))
		return "the old checkpoint is not signed by the trusted key";
	if (!ledger_checkpoint_check(&x->cp, trusted))
		return "the new checkpoint is not signed by the trusted key";
	if (strcmp(x->old.archive, x->cp.archive) != 0 || strcmp(x->old.chain, x->cp.chain) != 0)
		return "the checkpoints are of different chains";
	if (!ledger_check_consistency(x->old.seq, x->old.tree, x->cp.seq, x->cp.tree, &x->path))
		return "the new chain does not begin with all of the old one";
	return NULL;
}
