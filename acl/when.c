/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conditions of when: (SPEC section 13): attribute, operator, literal, joined by "and", nothing else. They only ever take verbs away,
 * so everything that cannot be told (an unset attribute) fails the condition.
 */
#include <stdlib.h>
#include <string.h>

#include "acl/doc.h"
#include "base/str.h"

enum { MAX_TERMS = 16, MAX_LITERALS = 32 };

static const char *const attr_names[] = {
	[ATTR_RISK] = "risk_score", [ATTR_ENVIRONMENT] = "environment", [ATTR_PROVENANCE] = "provenance", [ATTR_OWNER] = "owner"};

/* Longer operators first: "<=" before "<". */
static const struct {
	const char *word;
	enum condition_op op;
} operators[] = {{"<=", COND_LE}, {">=", COND_GE}, {"==", COND_EQ}, {"!=", COND_NE}, {"<", COND_LT},
		 {">", COND_GT},  {"in", COND_IN}, {"matches", COND_MATCHES}};

struct scan {
	struct arena *arena;
	const char *s;
};

static void skip_blank(struct scan *c)
{
	while (*c->s == ' ' || *c->s == '\t')
		c->s++;
}

/* Takes 'word' if it comes next; a word of letters must end there. */
static bool take(struct scan *c, const char *word)
{
	size_t n = strlen(word);
	skip_blank(c);
	if (strncmp(c->s, word, n))
		return false;
	bool letters = (word[0] | 32) >= 'a' && (word[0] | 32) <= 'z';
	char after = c->s[n];
	if (letters && after && !strchr(" \t[\"'<>=!", after))
		return false;
	c->s += n;
	return true;
}

static const char *quoted(struct scan *c)
{
	char q = *c->s++;
	const char *end = strchr(c->s, q);
	if (!end)
		return NULL;
	const char *text = arena_strndup(c->arena, c->s, (size_t)(end - c->s));
	c->s = end + 1;
	return text;
}

static const char *literal(struct scan *c)
{
	skip_blank(c);
	if (*c->s == '"' || *c->s == '\'')
		return quoted(c);
	size_t n = strcspn(c->s, " \t,[]\"'");
	if (!n)
		return NULL;
	const char *text = arena_strndup(c->arena, c->s, n);
	c->s += n;
	return text;
}

static const char *literal_list(struct scan *c, const char **v, size_t *n)
{
	if (!take(c, "["))
		return "\"in\" needs a list: in [a, b]";
	do {
		if (*n == MAX_LITERALS)
			return "more than 32 values in one list";
		if (!(v[(*n)++] = literal(c)))
			return "a value is missing in the list";
	} while (take(c, ","));
	return take(c, "]") ? NULL : "the list does not end with ]";
}

static bool number(const char *s, long long *out)
{
	char *end;
	*out = strtoll(s, &end, 10);
	return *s && !*end;
}

static const char *set_numbers(struct scan *c, struct condition *t)
{
	long long *v = arena_array(c->arena, long long, t->n);
	for (size_t i = 0; i < t->n; i++)
		if (!number(t->text[i], &v[i]))
			return "risk_score is compared with whole numbers";
	t->number = v;
	return NULL;
}

static const char *check_term(struct scan *c, struct condition *t)
{
	if (t->attr == ATTR_RISK)
		return t->op == COND_MATCHES ? "risk_score is a number: \"matches\" is for texts" : set_numbers(c, t);
	if (t->op == COND_LT || t->op == COND_LE || t->op == COND_GE || t->op == COND_GT)
		return "only risk_score has an order: use ==, !=, in or matches";
	return NULL;
}

static const char *term(struct scan *c, struct condition *t)
{
	const char *text[MAX_LITERALS];
	size_t a = 0, o = 0;
	while (a < 4 && !take(c, attr_names[a]))
		a++;
	if (a == 4)
		return "a condition starts with risk_score, environment, provenance or owner";
	while (o < 8 && !take(c, operators[o].word))
		o++;
	if (o == 8)
		return "an operator must follow: < <= == != >= > in matches";
	*t = (struct condition){.attr = (enum condition_attr)a, .op = operators[o].op};
	if (t->op == COND_IN) {
		const char *why = literal_list(c, text, &t->n);
		if (why)
			return why;
	} else if (!(text[t->n++] = literal(c))) {
		return "a value must follow the operator";
	}
	const char **copy = arena_array(c->arena, const char *, t->n);
	memcpy(copy, text, t->n * sizeof(*copy));
	t->text = copy;
	return check_term(c, t);
}

const char *when_parse(struct arena *a, const char *text, struct when_rule *out)
{
	struct scan c = {a, text};
	struct condition *v = arena_array(a, struct condition, MAX_TERMS);
	size_t n = 0;
	do {
		if (n == MAX_TERMS)
			return "more than 16 conditions joined by \"and\"";
		const char *why = term(&c, &v[n++]);
		if (why)
			return why;
	} while (take(&c, "and"));
	skip_blank(&c);
	if (*c.s)
		return "only \"and\" joins conditions";
	out->v = v;
	out->n = n;
	out->written = text;
	return NULL;
}

/* ---- evaluation ---- */

static bool number_holds(const struct condition *t, long long x)
{
	switch (t->op) {
	case COND_LT:
		return x < t->number[0];
	case COND_LE:
		return x <= t->number[0];
	case COND_EQ:
		return x == t->number[0];
	case COND_NE:
		return x != t->number[0];
	case COND_GE:
		return x >= t->number[0];
	case COND_GT:
		return x > t->number[0];
	case COND_IN:
		for (size_t i = 0; i < t->n; i++)
			if (x == t->number[i])
				return true;
		return false;
	case COND_MATCHES:
		return false;
	}
	return false;
}

static bool text_holds(const struct condition *t, const char *x)
{
	switch (t->op) {
	case COND_EQ:
		return !strcmp(x, t->text[0]);
	case COND_NE:
		return strcmp(x, t->text[0]) != 0;
	case COND_MATCHES:
		return !strcmp(t->text[0], "*") || pattern_glob(t->text[0], x);
	case COND_IN:
		for (size_t i = 0; i < t->n; i++)
			if (!strcmp(x, t->text[i]))
				return true;
		return false;
	case COND_LT:
	case COND_LE:
	case COND_GE:
	case COND_GT:
		return false;
	}
	return false;
}

static bool term_holds(const struct condition *t, const struct acl_attrs *attrs, const struct acl_principal *who)
{
	const char *text = NULL;
	switch (t->attr) {
	case ATTR_RISK:
		return attrs && attrs->risk_score >= 0 && number_holds(t, attrs->risk_score);
	case ATTR_ENVIRONMENT:
		text = attrs ? attrs->environment : NULL;
		break;
	case ATTR_PROVENANCE:
		text = attrs ? attrs->provenance : NULL;
		if (!text && attrs && attrs->ask_provenance)
			text = attrs->ask_provenance(attrs->arg);
		break;
	case ATTR_OWNER:
		text = who->email ? who->email : "anonymous";
		break;
	}
	return text && text_holds(t, text);
}

bool when_holds(const struct when_rule *r, const struct acl_attrs *attrs, const struct acl_principal *who)
{
	for (size_t i = 0; i < r->n; i++)
		if (!term_holds(&r->v[i], attrs, who))
			return false;
	return true;
}
