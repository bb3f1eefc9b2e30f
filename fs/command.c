/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a line written into .zddc.d/ctl and finds its row. What the commands do is in command_file.c, withdraw.c, elevate.c. */
#include "fs/command.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "fs/command_line.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/inflight.h"
#include "fs/node.h"

/* ------------------------------------------------------------------------------------------------ reading a line */

static char *room(struct line *l, size_t n)
{
	char *at = l->text + l->used;

	if (l->used + n + 1 > sizeof(l->text))
		return NULL;
	l->used += n + 1;
	return at;
}

/* "..." with \", \\ and \n. Moves *s behind it; NULL if it does not end. */
static const char *quoted(struct line *l, const char **s, const char *end)
{
	char *out = room(l, (size_t)(end - *s)), *at = out;
	const char *c = *s + 1;

	for (; out && c < end && *c != '"'; c++) {
		if (*c == '\\' && c + 1 < end)
			c++;
		*at++ = *c == 'n' && c[-1] == '\\' ? '\n' : *c;
	}
	if (!out || c >= end)
		return NULL;
	*at = '\0';
	*s = c + 1;
	return out;
}

static const char *copied(struct line *l, const char *s, size_t n)
{
	char *out = room(l, n);

	if (!out)
		return NULL;
	memcpy(out, s, n);
	out[n] = '\0';
	return out;
}

static void skip_blanks(const char **s, const char *end)
{
	while (*s < end && **s == ' ')
		(*s)++;
}

static const char *one_word(struct line *l, const char **s, const char *end)
{
	const char *from = *s, *blank;

	if (from < end && *from == '"')
		return quoted(l, s, end);
	blank = memchr(from, ' ', (size_t)(end - from));
	*s = blank ? blank : end;
	return copied(l, from, (size_t)(*s - from));
}

/* Behind the command's word. NULL, or what is wrong. */
static const char *parse(struct line *l, const char *s, const char *end)
{
	skip_blanks(&s, end);
	while (end - s > 2 && s[0] == '-' && s[1] == '-') {
		if (s[2] == ' ') { /* "--": nothing but the name follows */
			s += 2;
			skip_blanks(&s, end);
			break;
		}
		if (l->n == COMMAND_OPTIONS_MAX || !(l->option[l->n].word = one_word(l, &s, end)))
			return "too many options, or one that does not end";
		skip_blanks(&s, end);
		l->option[l->n].value = s < end ? one_word(l, &s, end) : NULL;
		if (!l->option[l->n++].value)
			return "an option has no value, or its quotes do not end";
		skip_blanks(&s, end);
	}
	if (s == end)
		return NULL;
	l->name = *s == '"' ? quoted(l, &s, end) : copied(l, s, (size_t)(end - s));
	return l->name ? NULL : "the quotes of the name do not end";
}

const char *line_option(const struct line *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->option[i].word + 2, word))
			return l->option[i].value;
	return NULL;
}

const char *line_unknown(const struct line *l, const char *const *known)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t k = 0;

		while (known[k] && strcmp(known[k], l->option[i].word + 2) != 0)
			k++;
		if (!known[k])
			return l->option[i].word;
	}
	return NULL;
}

const char *line_text_wrong(const char *text)
{
	if (!text || !*text)
		return "is missing";
	return strlen(text) > COMMAND_TEXT_MAX || !str_utf8_valid(text, strlen(text)) ? "is longer than 1000 bytes, or not UTF-8" : NULL;
}

/* ------------------------------------------------------------------------------------------------ the table */

#define KIND_FILE(f) .on_file = f
#define KIND_GOES(f) .on_file = f, .alone = true
#define KIND_SELF(f) .by_self = f
#define KIND_MOUNT(f) .by_self = f, .alone = true

static const struct command commands[] = {
#define COMMAND(w, kind, run, a, m) {.word = w, KIND_##kind(run), .args = a, .meaning = m},
#include "fs/command.def"
#undef COMMAND
};

void command_help(struct buf *out)
{
	buf_adds(out, "Write one line into this file; an error of the write is the answer, last-error says why.\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		buf_addf(out, "%s %s\n    %s\n", commands[i].word, commands[i].args, commands[i].meaning);
}

static int refuse_line(struct op *op, struct node *dir, const char *why)
{
	WITH_RDLOCK(&tree_lock);
	AUTO_BUF help = BUF_INIT;
	AUTO_FREE char *path = node_path_in(dir, ".zddc.d/ctl");

	command_help(&help);
	return gate_refuse(op, EINVAL, ACL_OP_WRITE, path, "%s. %s", why, buf_str(&help));
}

static int run_locked(struct op *op, struct node *dir, const struct command *c, const struct line *l)
{
	if (dir->gone)
		return -ENOENT;
	return c->on_file ? target_run(op, dir, l, c->on_file) : c->by_self(op, dir, l);
}

/* What was decided before is done before the answer. */
static int run_alone(struct op *op, struct node *dir, const struct command *c, const struct line *l)
{
	int r;

	pthread_rwlock_wrlock(&tree_lock);
	r = run_locked(op, dir, c, l);
	pthread_rwlock_unlock(&tree_lock);
	inflight_drain();
	return r;
}

static int run(struct op *op, struct node *dir, const struct command *c, const struct line *l)
{
	if (!l->name && c->on_file)
		return refuse_line(op, dir, "the name of the entry is missing");
	if (c->on_file)
		handles_settle_at(dir, l->name);
	if (c->alone)
		return run_alone(op, dir, c, l);
	WITH_RDLOCK(&tree_lock);
	return run_locked(op, dir, c, l);
}

/* The row whose word the line begins with; NULL if there is none. */
static const struct command *command_find(const char *line, const char *end)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t n = strlen(commands[i].word);

		if ((size_t)(end - line) >= n && !memcmp(line, commands[i].word, n) && (line + n == end || line[n] == ' '))
			return &commands[i];
	}
	return NULL;
}

int command_run(struct op *op, struct node *dir, const char *line, size_t len)
{
	AUTO_FREE struct line *l = calloc(1, sizeof(*l));
	const char *end = line + len, *wrong;
	const struct command *c;

	if (!l)
		return -ENOMEM;
	while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	if (len > COMMAND_BYTES_MAX || memchr(line, '\0', len))
		return refuse_line(op, dir, "the line is too long, or no text");
	c = command_find(line, end);
	if (!c)
		return refuse_line(op, dir, "there is no such command");
	wrong = parse(l, line + strlen(c->word), end);
	return wrong ? refuse_line(op, dir, wrong) : run(op, dir, c, l);
}
