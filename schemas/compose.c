/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "{a}-{b?}-{c}": literal text and fields. An optional field that is empty goes together with the separator before it, or, at the
 * front, with the one behind it.
 */
#include "schemas/compose.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/ynode.h"

enum { NAME_MAX_BYTES = 255, FIELD_MAX_BYTES = 64 };
static const char extension[] = ".yaml";

struct token {
	bool field, optional;
	const char *text; /* of a literal */
	size_t len;
	char name[FIELD_MAX_BYTES + 1]; /* of a field */
};

/* The next token, 1; 0 at the end; -EINVAL for braces that make no sense. */
static int next_token(const char **s, struct token *t)
{
	*t = (struct token){.text = *s};
	if (!**s)
		return 0;
	if (**s == '}')
		return -EINVAL;
	t->field = **s == '{';
	t->len = strcspn(*s + t->field, "{}");
	if (!t->field) {
		*s += t->len;
		return 1;
	}
	const char *end = *s + 1 + t->len;
	t->optional = t->len && end[-1] == '?';
	t->len -= t->optional;
	if (*end != '}' || !t->len || t->len > FIELD_MAX_BYTES)
		return -EINVAL;
	memcpy(t->name, *s + 1, t->len);
	*s = end + 1;
	return 1;
}

int compose_check(const char *format, struct buf *why)
{
	struct token t;
	size_t fields = 0;
	int more;
	bool slash = strchr(format, '/') != NULL;
	while ((more = next_token(&format, &t)) > 0)
		fields += t.field;
	if (more || !fields || slash)
		buf_adds(why, "a filename_format holds {field} or {field?}, with separators between, and no slash");
	return more || !fields || slash ? -EINVAL : 0;
}

bool compose_uses(const char *format, const char *field)
{
	struct token t;
	while (next_token(&format, &t) > 0)
		if (t.field && !strcmp(t.name, field))
			return true;
	return false;
}

static bool fits_a_name(const struct ynode *v)
{
	for (size_t i = 0; i < v->len;) {
		size_t n = str_utf8_len(v->text + i, v->len - i);
		if (!n || str_unprintable(v->text + i, n, NULL) || v->text[i] == '/')
			return false;
		i += n;
	}
	return true;
}

/* The value of a field, "" if there is none. */
static int value_of(const struct token *t, const struct ynode *v, struct buf *why)
{
	if (v && v->kind != Y_SCALAR)
		buf_addf(why, "%s: a list or map cannot be part of the file name", t->name);
	else if (v && !fits_a_name(v))
		buf_addf(why, "%s: a slash or control character cannot be part of the file name", t->name);
	else if (!t->optional && (!v || !v->len || v->type == Y_NULL))
		buf_addf(why, "%s: the file name is made of this field, and it is %s", t->name, v ? "empty" : "missing");
	else
		return 0;
	return -EINVAL;
}

struct composing {
	struct buf *out;
	struct buf pending; /* literals since the last field */
	bool any; /* a field has been written */
	bool drop_next; /* the literal that follows belongs to an optional field that is not there */
};

static void add_literal(struct composing *c, const struct token *t)
{
	if (!c->drop_next)
		buf_add(&c->pending, t->text, t->len);
	c->drop_next = false;
}

static void add_field(struct composing *c, const struct ynode *v)
{
	bool empty = !v || !v->len || v->type == Y_NULL;
	if (empty && c->any)
		buf_reset(&c->pending);
	else if (empty)
		c->drop_next = true;
	if (empty)
		return;
	buf_add(c->out, buf_str(&c->pending), c->pending.len);
	buf_reset(&c->pending);
	buf_add(c->out, v->text, v->len);
	c->any = true;
	c->drop_next = false;
}

static int check_result(const char *name, struct buf *why)
{
	if (!*name || *name == '.' || !strcmp(name, extension))
		buf_adds(why, "the fields make no file name: it would be empty or begin with a dot");
	else if (!strcmp(name, "form.yaml") || !strcmp(name, "table.yaml"))
		buf_addf(why, "the fields make the name %s, which is never a record", name);
	else if (strlen(name) > NAME_MAX_BYTES)
		buf_adds(why, "the fields make a file name of more than 255 bytes: shorten them");
	else
		return 0;
	return -EINVAL;
}

int compose_name(const char *format, const struct ynode *doc, struct buf *out, const struct ynode **field, struct buf *why)
{
	struct composing c = {.out = out};
	struct token t;
	size_t start = out->len;
	int err = 0;
	*field = NULL;
	while (!err && next_token(&format, &t) > 0) {
		if (!t.field) {
			add_literal(&c, &t);
			continue;
		}
		*field = ynode_get(doc, t.name);
		err = value_of(&t, *field, why);
		if (!err)
			add_field(&c, *field);
	}
	if (!err) {
		*field = NULL;
		buf_add(out, buf_str(&c.pending), c.pending.len);
		if (!str_ends(buf_str(out) + start, extension))
			buf_adds(out, extension);
		err = check_result(buf_str(out) + start, why);
	}
	buf_free(&c.pending);
	return err;
}
