/* SPDX-License-Identifier: GPL-3.0-or-later */
/* virtual: which directories show what lies elsewhere (SPEC section 9). */
#include <string.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/str.h"

const char *const virtual_kinds[ACL_VIRTUAL_KINDS] = {
	NULL,
#define VIRTUAL_KIND(id, word, below, what) word,
#define VIRTUAL_SHORT(...)
#include "acl/virtual.def"
#undef VIRTUAL_KIND
#undef VIRTUAL_SHORT
};

static const char *const behind_star[ACL_VIRTUAL_KINDS] = {
	NULL,
#define VIRTUAL_KIND(id, word, below, what) below,
#define VIRTUAL_SHORT(...)
#include "acl/virtual.def"
#undef VIRTUAL_KIND
#undef VIRTUAL_SHORT
};

static const struct {
	const char *word;
	struct acl_virtual is;
} shorts[] = {
#define VIRTUAL_KIND(...)
#define VIRTUAL_SHORT(word, kind, base, below) {word, {ACL_VIRTUAL_##kind, base, below}},
#include "acl/virtual.def"
#undef VIRTUAL_KIND
#undef VIRTUAL_SHORT
};

enum { N_SHORTS = sizeof(shorts) / sizeof(shorts[0]) };

bool virtual_short(const char *word, struct acl_virtual *out)
{
	for (size_t i = 0; i < N_SHORTS; i++)
		if (!strcmp(shorts[i].word, word)) {
			*out = shorts[i].is;
			return true;
		}
	return false;
}

void virtual_words(struct buf *out)
{
	for (size_t i = 0; i < N_SHORTS; i++)
		buf_addf(out, "%s%s", i ? ", " : "", shorts[i].word);
}

/* "a", "a/b": names that can be segments of a path. */
static bool is_path(const char *s, size_t len)
{
	for (size_t at = 0; at <= len;) {
		const char *end = memchr(s + at, '/', len - at);
		size_t n = end ? (size_t)(end - s) - at : len - at;
		if (!n || n > 255 || memchr(s + at, '*', n) || (n == 1 && s[at] == '.') || (n == 2 && !memcmp(s + at, "..", 2)))
			return false;
		at += n + 1;
	}
	return true;
}

const char *virtual_from(struct arena *a, const char *text, struct acl_virtual *out)
{
	static const char why[] = "\"from\" is a path beside the virtual directory with one \"*\" for the party, as 'archive/*/mdl'";
	const char *star = strstr(text, "/*/");
	if (!star || !is_path(text, (size_t)(star - text)) || !is_path(star + 3, strlen(star + 3)))
		return why;
	if (out->kind == ACL_VIRTUAL_PARTIES && strchr(star + 3, '/'))
		return "the record of a party lies in its own directory, as 'archive/*/ssr.yaml'";
	out->base = arena_strndup(a, text, (size_t)(star - text));
	out->below = arena_strdup(a, star + 3);
	return NULL;
}

struct acl_virtual acl_virtual(const struct acl_policy *p)
{
	return p->virt;
}

bool acl_is_virtual(const struct acl_policy *p) { return p->virt.kind != ACL_VIRTUAL_NONE; }

void acl_virtual_below(const struct acl_virtual *v, const char *name, struct buf *out)
{
	if (v->below)
		buf_adds(out, v->below);
	else
		buf_addf(out, "%s%s", name, behind_star[v->kind]);
}
