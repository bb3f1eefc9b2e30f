/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and texts of the rows that a virtual directory shows (SPEC section 9). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yemit.h"
#include "base/ynode.h"
#include "schemas/schemas.h"
#include "schemas/yedit.h"

static const char extension[] = ".yaml";

static bool is_alnum(char c) { return (c >= '0' && c <= '9') || (str_lower_c(c) >= 'a' && str_lower_c(c) <= 'z'); }

/* The first n bytes. */
static bool is_party(const char *s, size_t n)
{
	if (!n || n > DOCNAME_MAX || !is_alnum(s[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '.' && s[i] != '-')
			return false;
	return true;
}

bool rollup_is_party(const char *name) { return is_party(name, strlen(name)); }

/* ---- names ---- */

void rollup_row_name(const char *party, const char *file, struct buf *out)
{
	buf_adds(out, party);
	buf_adds(out, "__");
	buf_adds(out, file);
}

void rollup_party_name(const char *party, struct buf *out) { buf_addf(out, "%s%s", party, extension); }

/* A party has no underscore, so the first two end it, whatever the file is called. */
bool rollup_row_split(const char *name, char *party, const char **file)
{
	size_t n = strcspn(name, "_");
	if (name[n] != '_' || name[n + 1] != '_' || !name[n + 2] || !is_party(name, n))
		return false;
	memcpy(party, name, n);
	party[n] = '\0';
	*file = name + n + 2;
	return true;
}

bool rollup_party_split(const char *name, char *party)
{
	size_t n = strlen(name), m = sizeof(extension) - 1;
	if (!str_ends(name, extension) || !is_party(name, n - m))
		return false;
	memcpy(party, name, n - m);
	party[n - m] = '\0';
	return true;
}

/* What a person's address may look like in a file name. */
static void add_principal(const char *principal, struct buf *out)
{
	const char *s = principal ? principal : "anonymous";
	for (size_t n; *s; s += n) {
		n = str_utf8_len(s, strlen(s));
		bool bad = !n || *s == '/' || str_unprintable(s, n, NULL);
		n = n ? n : 1;
		if (bad)
			buf_addc(out, '_');
		else
			buf_add(out, s, n);
	}
}

void rollup_typed_name(long long now, const char *principal, unsigned n, struct buf *out)
{
	char time[32];
	str_time_format(now, time);
	time[strcspn(time, "T")] = '\0';
	buf_addf(out, "%s-", time);
	add_principal(principal, out);
	if (n > 1)
		buf_addf(out, "-%u", n);
	buf_adds(out, extension);
}

/* ---- texts ---- */

/* The first line that is neither blank nor comment. */
static size_t first_line(const char *s, size_t len)
{
	size_t i = 0;
	while (i < len) {
		size_t n = strspn(s + i, " \t");
		if (s[i + n] != '#' && s[i + n] != '\n' && s[i + n] != '\r')
			return i;
		const char *end = memchr(s + i, '\n', len - i);
		if (!end)
			return len;
		i = (size_t)(end - s) + 1;
	}
	return i;
}

/* Does a line in front of the text say what it should? Only where the first field starts a line and the derived one is not there. */
static bool can_prepend(const char *field, const char *text, size_t len)
{
	size_t at = first_line(text, len), n = strlen(field);
	if (at >= len || !is_alnum(text[at]) || memchr(text, '\r', len))
		return false;
	for (const char *line = text; line; line = memchr(line, '\n', len - (size_t)(line - text))) {
		line += *line == '\n';
		if ((size_t)(line - text) >= len)
			break;
		if (!strncmp(line, field, n) || *line == '"' || *line == '\'' || *line == '?' || *line == '-' || *line == '.')
			return false;
	}
	return true;
}

static void add_field_line(const char *field, const char *value, struct buf *out)
{
	buf_addf(out, "%s: ", field);
	yemit_scalar(out, value);
	buf_addc(out, '\n');
}

void rollup_show(const char *field, const char *value, const char *text, size_t len, struct buf *out)
{
	struct arena a = ARENA_INIT;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct ynode *tree;
	AUTO_BUF copy = BUF_INIT;
	buf_add(&copy, text, len); /* so that a NUL ends it */
	text = buf_str(&copy);
	if (can_prepend(field, text, len)) {
		add_field_line(field, value, out);
		buf_add(out, text, len);
	} else if (!ynode_parse(&a, "", text, len, &ignored, &tree) && tree->kind == Y_MAP) {
		struct ynode *after = yaml_copy_top(&a, tree);
		yaml_set_first(&a, after, field, yaml_text(&a, value));
		yaml_edit(text, len, tree, after, out);
	} else {
		buf_add(out, text, len); /* not a record: shown as it is */
	}
	arena_free(&a);
}

int rollup_party_of(const char *file, const char *text, size_t len, struct diags *d, struct buf *party)
{
	struct arena a = ARENA_INIT;
	struct ynode *tree;
	int err = ynode_parse(&a, file, text, len, d, &tree);
	const struct ynode *v = !err && tree->kind == Y_MAP ? ynode_get(tree, "party") : NULL;
	if (!err && (!v || v->kind != Y_SCALAR || !v->len)) {
		diag_add(d, DIAG_ERROR, file, v ? v->line : 0, v ? v->col : 0,
			 "party: the field is missing: a new row names the folder of archive/ where it is kept; a new party is made in ssr/");
		err = -EINVAL;
	} else if (!err && !rollup_is_party(v->text)) {
		diag_add(d, DIAG_ERROR, file, v->line, v->col,
			 "party: \"%s\" cannot be a party: use letters, digits, dots and hyphens, a letter or digit first", v->text);
		err = -EINVAL;
	}
	if (!err)
		buf_adds(party, v->text);
	arena_free(&a);
	return err;
}
