/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patterns of principals (SPEC section 2, "Patterns") and how to find those that match without trying each. */
#include <string.h>

#include "acl/doc.h"
#include "base/hash.h"
#include "base/str.h"

enum { NAME_MAX_PATTERN = 320 }; /* the longest address RFC 5321 allows */

bool role_name_valid(const char *name)
{
	if (!*name || str_ieq(name, "anonymous"))
		return false;
	for (const char *c = name; *c; c++)
		if (strchr("@*:", *c) || (unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return true;
}

static bool has_blank(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return true;
	return false;
}

static const char *parse_group(struct pattern *p)
{
	if (!*p->text)
		return "group: needs the name of a Unix group behind it";
	if (strchr(p->text, '*'))
		return "group: takes one group's name, not a wildcard";
	p->kind = PAT_GROUP;
	return NULL;
}

static const char *parse_address(struct arena *a, struct pattern *p)
{
	const char *at = strchr(p->text, '@'), *star = strchr(p->text, '*');
	if (at && strchr(at + 1, '@'))
		return "an address has one @";
	if (!star)
		p->kind = at ? PAT_EMAIL : PAT_ROLE;
	else
		p->kind = at && !strchr(at, '*') ? PAT_DOMAIN : PAT_GLOB;
	if (p->kind != PAT_ROLE)
		return NULL;
	p->key = arena_printf(a, "role:%s", p->text);
	return role_name_valid(p->text) ? NULL : "not an address, a pattern with *, group:NAME, role:NAME or anonymous";
}

const char *pattern_parse(struct arena *a, const char *written, uint32_t line, struct pattern *p)
{
	char *text = arena_strdup(a, written);
	str_lower(text);
	*p = (struct pattern){PAT_EVERYONE, text, text, written, line};
	if (!*text)
		return "an empty name";
	if (strlen(text) > NAME_MAX_PATTERN)
		return "a name of over 320 characters";
	if (str_starts(text, "group:")) {
		p->text = text + strlen("group:");
		return parse_group(p);
	}
	if (has_blank(text))
		return "a blank inside a name";
	if (!strcmp(text, "*"))
		return NULL;
	if (!strcmp(text, "anonymous")) {
		p->kind = PAT_ANONYMOUS;
		return NULL;
	}
	if (str_starts(text, "role:")) {
		p->text = text + strlen("role:");
		p->kind = PAT_ROLE;
		return role_name_valid(p->text) ? NULL : "role: needs the name of a role behind it, without @, * or :";
	}
	return parse_address(a, p);
}

bool pattern_glob(const char *p, const char *s) { return str_glob(p, s, GLOB_FOLD | GLOB_AT); }

static bool in_group(const struct acl_principal *who, const char *group)
{
	for (size_t i = 0; i < who->n_groups; i++)
		if (!strcmp(who->groups[i], group))
			return true;
	return false;
}

bool pattern_matches(const struct pattern *p, const struct acl_principal *who)
{
	switch (p->kind) {
	case PAT_EMAIL:
		return who->email && !strcmp(p->text, who->email);
	case PAT_DOMAIN:
	case PAT_GLOB:
		return who->email && pattern_glob(p->text, who->email);
	case PAT_EVERYONE:
		return who->email != NULL;
	case PAT_ANONYMOUS:
		return who->email == NULL;
	case PAT_GROUP:
		return in_group(who, p->text);
	case PAT_ROLE:
		return false;
	}
	return false;
}

bool acl_pattern_match(const char *pattern, const struct acl_principal *who)
{
	struct arena a = ARENA_INIT;
	struct pattern p;
	bool yes = !pattern_parse(&a, pattern, 0, &p) && pattern_matches(&p, who);
	arena_free(&a);
	return yes;
}

static const char *domain_of(const char *address)
{
	const char *at = strchr(address, '@');
	return at ? at + 1 : "";
}

bool patterns_may_meet(const struct pattern *a, const struct pattern *b)
{
	if (a->kind > b->kind)
		return patterns_may_meet(b, a);
	if (a->kind == PAT_ANONYMOUS || b->kind == PAT_ANONYMOUS)
		return (a->kind == b->kind) || b->kind == PAT_GROUP;
	if (a->kind == PAT_EMAIL && b->kind <= PAT_GLOB)
		return b->kind == PAT_EMAIL ? !strcmp(a->text, b->text) : pattern_glob(b->text, a->text);
	if (a->kind == PAT_DOMAIN && b->kind == PAT_DOMAIN)
		return !strcmp(domain_of(a->text), domain_of(b->text));
	return true;
}

/* ---- the index ---- */

static uint64_t text_hash(const char *s, enum pattern_kind kind) { return hash64(s, strlen(s)) + (uint64_t)kind; }

static uint64_t item_hash(const struct pattern *p)
{
	return text_hash(p->kind == PAT_DOMAIN ? domain_of(p->text) : p->text, p->kind);
}

static uint32_t *chain_for(struct pattern_index *x, const struct pattern *p)
{
	switch (p->kind) {
	case PAT_EVERYONE:
		return &x->everyone;
	case PAT_ANONYMOUS:
		return &x->anonymous;
	case PAT_GLOB:
		return &x->globs;
	case PAT_EMAIL:
		x->emails = true;
		break;
	case PAT_DOMAIN:
		x->domains = true;
		break;
	case PAT_GROUP:
		x->groups = true;
		break;
	case PAT_ROLE:
		return NULL; /* roles are looked up by name */
	}
	return &x->head[item_hash(p) & x->mask];
}

void pattern_index_build(struct arena *a, struct pattern_index *x, const struct pattern *const *item, size_t n)
{
	uint32_t size = 4;
	while (size < n * 2)
		size *= 2;
	*x = (struct pattern_index){.item = item, .n = (uint32_t)n, .mask = size - 1};
	if (!n)
		return;
	x->head = arena_array(a, uint32_t, size);
	x->next = arena_array(a, uint32_t, n);
	for (size_t i = n; i-- > 0;) { /* backwards, so that chains run in file order */
		uint32_t *head = chain_for(x, item[i]);
		if (!head)
			continue;
		x->next[i] = *head;
		*head = (uint32_t)i + 1;
	}
}

void pattern_walk_start(struct pattern_walk *w, const struct pattern_index *x, const struct acl_principal *who)
{
	*w = (struct pattern_walk){.index = x, .who = who, .domain = who->email ? domain_of(who->email) : ""};
}

/* Chains in order: everyone, address, domain, globs (or anonymous), then one for each group. False when there are no more. */
static bool next_chain(struct pattern_walk *w)
{
	const struct pattern_index *x = w->index;
	const char *email = w->who->email;
	switch (w->stage++) {
	case 0:
		w->at = email ? x->everyone : x->anonymous;
		return true;
	case 1:
		w->at = email && x->emails ? x->head[text_hash(email, PAT_EMAIL) & x->mask] : 0;
		return true;
	case 2:
		w->at = email && x->domains ? x->head[text_hash(w->domain, PAT_DOMAIN) & x->mask] : 0;
		return true;
	case 3:
		w->at = email ? x->globs : 0;
		return true;
	}
	if (!x->groups || w->group >= w->who->n_groups)
		return false;
	w->at = x->head[text_hash(w->who->groups[w->group++], PAT_GROUP) & x->mask];
	return true;
}

/* A bucket may hold items of other kinds: each chain yields its own kind only, so that no item comes twice. */
static bool belongs(const struct pattern_walk *w, const struct pattern *p)
{
	switch (w->stage - 1) {
	case 0:
		return true;
	case 1:
		return p->kind == PAT_EMAIL && !strcmp(p->text, w->who->email);
	case 2:
		return p->kind == PAT_DOMAIN && pattern_glob(p->text, w->who->email);
	case 3:
		return pattern_glob(p->text, w->who->email);
	}
	return p->kind == PAT_GROUP && !strcmp(p->text, w->who->groups[w->group - 1]);
}

int pattern_walk_next(struct pattern_walk *w)
{
	const struct pattern_index *x = w->index;
	if (!x->n)
		return -1;
	for (;;) {
		while (w->at) {
			uint32_t i = w->at - 1;
			w->at = x->next[i];
			if (belongs(w, x->item[i]))
				return (int)i;
		}
		if (!next_chain(w))
			return -1;
	}
}
