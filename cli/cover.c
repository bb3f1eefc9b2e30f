/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cover.h"

#include <stdlib.h>
#include <string.h>

#include "cli/vec.h"

static const char *kind_word(enum acl_rule_kind k)
{
	switch (k) {
	case ACL_RULE_GRANT: return "grant";
	case ACL_RULE_MEMBER: return "member";
	case ACL_RULE_ADMIN: return "admins";
	case ACL_RULE_WORM: return "worm";
	case ACL_RULE_WHEN: return "when";
	case ACL_RULE_FREEZE: return "freeze";
	case ACL_RULE_OWN_ROLE:
	case ACL_RULE_EXCLUSIVE: return NULL; /* takes part in no decision by itself */
	}
	return NULL;
}

struct adding {
	struct cover *c;
	const struct zddc_doc *doc;
};

static void add(void *arg, const struct acl_rule *r)
{
	struct adding *a = arg;
	struct cover *c = a->c;
	const char *kind = kind_word(r->kind);

	if (!kind)
		return;
	c->v = vec_room(c->v, c->n, sizeof *c->v);
	c->v[c->n++] = (struct cover_rule){.file = vec_str(zddc_file(a->doc)), .text = vec_str(r->text), .kind = kind, .line = r->line};
}

void cover_add(struct cover *c, const struct zddc_doc *doc)
{
	struct adding a = {c, doc};

	zddc_rules(doc, add, &a);
	c->sorted = false;
}

static int by_place(const void *a, const void *b)
{
	const struct cover_rule *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Marks the rules of that line which have that text, or all of its line and kind if text is NULL. */
static void mark(struct cover *c, const struct acl_src *src, const char *text, const char *kind)
{
	size_t low = 0, high = c->n;
	struct cover_rule key = {.file = (char *)src->file, .line = src->line};

	if (!src->file)
		return;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_place(&c->v[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < c->n && !by_place(&c->v[low], &key); low++)
		if (text ? !strcmp(c->v[low].text, text) : !strcmp(c->v[low].kind, kind))
			c->v[low].hit = true;
}

void cover_mark(struct cover *c, const struct acl_decision *d)
{
	if (!c->sorted && c->n)
		qsort(c->v, c->n, sizeof *c->v, by_place);
	c->sorted = true;
	if (d->entry)
		mark(c, &d->src, d->entry, NULL);
	if (d->grant_entry)
		mark(c, &d->grant, d->grant_entry, NULL);
	if (d->member)
		mark(c, &d->role_src, d->member, NULL);
	if (d->reason == BECAUSE_MASKED || d->reason == BECAUSE_NOT_FILER || d->reason == BECAUSE_SEALED)
		mark(c, &d->mask, NULL, "worm");
	if (d->reason == BECAUSE_FROZEN)
		mark(c, &d->src, NULL, "freeze");
}

size_t cover_hits(const struct cover *c)
{
	size_t hits = 0;

	for (size_t i = 0; i < c->n; i++)
		hits += c->v[i].hit;
	return hits;
}

void cover_free(struct cover *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].file);
		free(c->v[i].text);
	}
	free(c->v);
	*c = (struct cover){0};
}
