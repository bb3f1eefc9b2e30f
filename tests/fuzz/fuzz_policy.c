/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libFuzzer on the whole engine: up to four texts, separated by a line "%%", are the defaults, the root's policy, that of a
 * directory in it and that of one below. What parses is compiled, decided for several people, explained and merged. Nothing may
 * crash, and what holds for every policy is checked: see must().
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/yemit.h"
#include "base/ynode.h"

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

enum { DEFAULTS, TOP, MIDDLE, BOTTOM, DOCS };

static const char *const groups[] = {"eng", "staff"};
static const struct acl_principal people[] = {
	{.email = NULL},
	{.email = "a@b.c"},
	{.email = "dc@example.com", .groups = groups, .n_groups = 2},
	{.email = NULL, .groups = groups, .n_groups = 1},
};

/* The document, and that its canonical form stands for it. */
static struct zddc_doc *parse(const char *file, const char *text, size_t len)
{
	AUTO_DIAGS d = DIAGS_INIT, again = DIAGS_INIT;
	AUTO_BUF canonical = BUF_INIT;
	struct zddc_doc *doc = NULL, *copy = NULL;
	int err = zddc_parse(file, text, len, true, &d, &doc);

	must((err != 0) == (d.errors > 0));
	must((err != 0) == (doc == NULL));
	if (err)
		return NULL;
	must(zddc_guard_check(doc, doc, &again) == 0);
	yemit_node(&canonical, zddc_tree(doc), 0);
	if (canonical.len < 20000) {
		must(zddc_parse(file, buf_str(&canonical), canonical.len, false, &again, &copy) == 0);
		must(!memcmp(zddc_sha256(doc), zddc_sha256(copy), SHA256_LEN));
		must(zddc_guard_check(doc, copy, &again) == 0);
		zddc_unref(copy);
	}
	return doc;
}

/* The texts between lines of "%%"; the last takes the rest. */
static unsigned split(const char *text, size_t len, const char *part[DOCS], size_t size[DOCS])
{
	unsigned n = 0;

	while (n < DOCS - 1) {
		const char *cut = len ? memmem(text, len, "\n%%\n", 4) : NULL;

		if (!cut)
			break;
		part[n] = text;
		size[n++] = (size_t)(cut - text) + 1;
		len -= (size_t)(cut - text) + 4;
		text = cut + 4;
	}
	part[n] = text;
	size[n++] = len;
	return n;
}

static void explain(const struct acl_policy *p, const struct acl_request *rq, const struct acl_decision *d, enum acl_op op)
{
	AUTO_BUF text = BUF_INIT, json = BUF_INIT, hint = BUF_INIT, sentence = BUF_INIT;

	acl_explain(p, rq, d, op, "some/path", NULL, ACL_TEXT, &text);
	acl_explain(p, rq, d, op, "some/path", NULL, ACL_JSON, &json);
	acl_hint(p, rq, d, op, "some/path", NULL, &hint);
	acl_sentence(rq, d, op, "some/path", &sentence);
	must(text.len && json.len && sentence.len && !strchr(buf_str(&hint), '\n'));
	must(!d->allowed || !hint.len);
}

static void decide(const struct acl_policy *p, const struct acl_principal *who, unsigned flags, enum acl_op op, const char *name,
		   bool in_words)
{
	static const struct acl_attrs attrs = {.now = 1800000000, .environment = "dev", .provenance = "tool:x", .risk_score = 20};
	struct acl_request rq = acl_request_for(op, name, who, &attrs, flags);
	struct acl_rights *kept = malloc(acl_rights_size());
	struct acl_decision d = acl_decide(p, &rq), again;

	if (!kept)
		abort();
	acl_rights_compute(p, who, kept);
	again = acl_decide_with(p, kept, &rq);
	free(kept);
	must(d.allowed == again.allowed && d.reason == again.reason && d.effective == again.effective && d.src.line == again.src.line);
	must(d.reason < BECAUSE_COUNT && (d.allowed == (acl_reasons[d.reason].err == 0)));
	must(!(d.effective & ~V_ALL) && !(d.missing & d.effective));
	if (acl_is_zone(p) && !(flags & ACL_IS_ELEVATED))
		must(!(d.effective & (V_W | V_D | V_A))); /* nobody changes what a zone holds */
	if (acl_is_invalid(p))
		must(d.effective == 0 && (!d.allowed || d.reason == BECAUSE_STANDING));
	if (!who->email)
		must(!d.admin && !d.filer && !d.role);
	if (in_words)
		explain(p, &rq, &d, op);
}

static void ask(const struct acl_policy *p)
{
	static const struct {
		enum acl_op op;
		const char *name;
	} asked[] = {{ACL_OP_LIST, NULL}, {ACL_OP_READ, "x"}, {ACL_OP_WRITE, "x"}, {ACL_OP_MKDIR, "x"}, {ACL_OP_UNLINK, "x"},
		     {ACL_OP_WRITE, ".zddc"}, {ACL_OP_READ, ".zddc"}, {ACL_OP_LINK, "x"}};

	for (size_t w = 0; w < sizeof people / sizeof *people; w++)
		for (size_t o = 0; o < sizeof asked / sizeof *asked; o++)
			decide(p, &people[w], o & 1 ? ACL_IS_ELEVATED : 0, asked[o].op, asked[o].name,
			       (w + o) % 8 == (unsigned)acl_policy_level(p)); /* words are slow: some of them, each at some level */
}

/* The merged policy is YAML, whatever went into it. */
static void merged(const struct acl_policy *p)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	AUTO_BUF text = BUF_INIT, own = BUF_INIT;
	struct ynode *tree;

	acl_effective(p, &people[1], NULL, &text);
	if (text.len < 20000)
		must(ynode_parse(&a, "merged", buf_str(&text), text.len, &d, &tree) == 0);
	if (acl_auto_own(p)) {
		struct zddc_doc *doc = NULL;

		must(acl_auto_own_text(p, &people[1], &own) == 0);
		must(zddc_parse("own", buf_str(&own), own.len, false, &d, &doc) == 0);
		zddc_unref(doc);
	}
	must(acl_auto_own_text(p, &people[0], &own) != 0);
	arena_free(&a);
}

static struct acl_policy *step(struct acl *acl, struct acl_policy *parent, const char *segment, struct zddc_doc *doc, bool given)
{
	struct acl_own own = {.doc = doc, .invalid = given && !doc, .file = given && !doc ? "bad/.zddc" : NULL, .line = 1};
	struct acl_policy *p = parent ? acl_child(acl, parent, segment, &own) : acl_root(acl, &own);

	must(strlen(acl_policy_hash(p)) == 64);
	must(acl_policy_same_rules(p, p));
	must(acl_is_invalid(p) == (own.invalid || (parent && acl_is_invalid(parent))));
	ask(p);
	merged(p);
	return p;
}

static void compile(struct zddc_doc *const doc[DOCS], unsigned n)
{
	struct acl *acl = acl_new(doc[DEFAULTS], doc[TOP] && zddc_sha256(doc[TOP])[0] & 1);
	struct acl_policy *top = step(acl, NULL, NULL, doc[TOP], n > TOP);
	struct acl_policy *middle = step(acl, top, "archive", doc[MIDDLE], n > MIDDLE);
	struct acl_policy *bottom = step(acl, middle, "issued", doc[BOTTOM], n > BOTTOM);
	struct acl_policy *twin = acl_child(acl, middle, "issued", &(struct acl_own){.doc = doc[BOTTOM]});
	AUTO_DIAGS d = DIAGS_INIT;

	if (!acl_is_invalid(bottom))
		must(!strcmp(acl_policy_hash(twin), acl_policy_hash(bottom)));
	must((acl_mandate_check(acl, middle, "issued", doc[BOTTOM], doc[MIDDLE], &d) != 0) == (d.errors > 0));
	acl_policy_unref(twin);
	acl_policy_unref(bottom);
	acl_policy_unref(middle);
	acl_policy_unref(top);
	acl_free(acl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const files[DOCS] = {"defaults", ".zddc", "archive/.zddc", "archive/issued/.zddc"};
	const char *part[DOCS];
	size_t len[DOCS];
	struct zddc_doc *doc[DOCS] = {NULL};
	AUTO_DIAGS d = DIAGS_INIT;
	unsigned n = split((const char *)data, size, part, len);

	for (unsigned i = 0; i < n; i++) {
		char *exact = malloc(len[i] ? len[i] : 1);

		if (!exact)
			abort();
		memcpy(exact, part[i], len[i]);
		doc[i] = parse(files[i], exact, len[i]);
		free(exact);
	}
	if (doc[TOP] && doc[MIDDLE])
		zddc_guard_check(doc[TOP], doc[MIDDLE], &d);
	compile(doc, n);
	for (unsigned i = 0; i < n; i++)
		zddc_unref(doc[i]);
	return 0;
}
