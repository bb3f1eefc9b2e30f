/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schemas/pattern.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* What one match may cost: some milliseconds and a megabyte at most. */
enum { MATCH_STEPS = 50000, MATCH_DEPTH = 2000, MATCH_HEAP_KIB = 1024, MOST_NESTED = 50 };

struct pattern {
	pcre2_code *code;
	struct pattern *next;
};

/* "$" is the very end, \uXXXX is a character, [] matches nothing: the differences between ECMA-262 and Perl. */
static pcre2_code *compile(const char *text, size_t len, int *err, size_t *at)
{
	uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
			   PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	if (!context)
		abort();
	pcre2_set_parens_nest_limit(context, MOST_NESTED);
	pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, len, options, err, at, context);
	pcre2_compile_context_free(context);
	return code;
}

struct pattern *pattern_new(const char *text, size_t len, char why[160])
{
	int err;
	size_t at;
	unsigned char message[120];
	pcre2_code *code = compile(text, len, &err, &at);
	if (!code) {
		pcre2_get_error_message(err, message, sizeof(message));
		snprintf(why, 160, "%s (character %zu)", (const char *)message, at + 1);
		return NULL;
	}
	struct pattern *p = malloc(sizeof(*p));
	if (!p)
		abort();
	*p = (struct pattern){code, NULL};
	return p;
}

void pattern_free(struct pattern *p)
{
	while (p) {
		struct pattern *next = p->next;
		pcre2_code_free(p->code);
		free(p);
		p = next;
	}
}

void pattern_chain(struct pattern *p, struct pattern *list) { p->next = list; }

static enum pattern_match match(const struct pattern *p, const char *text, size_t len, uint32_t options)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	if (!data || !context)
		abort();
	pcre2_set_match_limit(context, MATCH_STEPS);
	pcre2_set_depth_limit(context, MATCH_DEPTH);
	pcre2_set_heap_limit(context, MATCH_HEAP_KIB);
	int n = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, options, data, context);
	pcre2_match_context_free(context);
	pcre2_match_data_free(data);
	return n >= 0 ? PATTERN_YES : n == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_TOO_COSTLY;
}

enum pattern_match pattern_find(const struct pattern *p, const char *text, size_t len) { return match(p, text, len, 0); }

enum pattern_match pattern_whole(const struct pattern *p, const char *text, size_t len)
{
	return match(p, text, len, PCRE2_ANCHORED | PCRE2_ENDANCHORED);
}
