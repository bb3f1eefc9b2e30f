/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read from left to right; the first part that fails is the one that is named. */
#include "schemas/docname.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

static const struct {
	const char *word, *meaning;
} statuses[DOCSTATUS_COUNT] = {
#define DOCSTATUS(id, word, meaning) {word, meaning},
#include "schemas/docstatus.def"
#undef DOCSTATUS
};

static const struct {
	const char *letter, *meaning;
} mods[DOCMOD_COUNT] = {
	{"", ""},
#define DOCMOD(id, letter, meaning) {letter, meaning},
#include "schemas/docmod.def"
#undef DOCMOD
};

static const char *const parts[DOCPART_COUNT] = {
#define DOCPART(id, word) word,
#include "schemas/docpart.def"
#undef DOCPART
};

/* ", ---, DFT, ..." and ", B, C, ...", for messages */
#define DOCSTATUS(id, word, meaning) ", " word
static const char status_words[] =
#include "schemas/docstatus.def"
	;
#undef DOCSTATUS
#define DOCMOD(id, letter, meaning) ", " letter
static const char mod_letters[] =
#include "schemas/docmod.def"
	;
#undef DOCMOD

/* A part of the name that is being read. */
struct slice {
	const char *s;
	size_t n;
};

#define SHOWN(slice) (int)((slice).n > 80 ? 80 : (slice).n), (slice).s

__attribute__((format(printf, 3, 4))) static int refuse(struct docname_error *why, enum docpart part, const char *fmt, ...)
{
	va_list ap;
	if (!why)
		return -EINVAL;
	why->part = part;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void copy(char *out, struct slice from)
{
	memcpy(out, from.s, from.n);
	out[from.n] = '\0';
}

static bool all_digits(struct slice t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.s[i] < '0' || t.s[i] > '9')
			return false;
	return t.n > 0;
}

static bool is_letter(char c) { return str_lower_c(c) >= 'a' && str_lower_c(c) <= 'z'; }

/* A blank of any width: the narrow and the no-break ones look like the plain one. */
static bool is_blank(const char *s, size_t n)
{
	unsigned code;
	str_unprintable(s, n, &code);
	return code == ' ' || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200b) || code == 0x202f || code == 0x205f ||
	       code == 0x3000;
}

/* Before anything is split: length, UTF-8, control characters, "/". */
static int check_bytes(const char *name, struct docname_error *why)
{
	size_t len = strlen(name), n;
	if (!len || len > DOCNAME_MAX)
		return refuse(why, DOCPART_NAME, len ? "the name is longer than 255 bytes" : "the name is empty");
	for (const char *s = name; *s; s += n) {
		n = str_utf8_len(s, len - (size_t)(s - name));
		if (!n)
			return refuse(why, DOCPART_NAME, "the name is not UTF-8 (byte %zu is 0x%02x)", (size_t)(s - name) + 1,
				      (unsigned char)*s);
		if (str_unprintable(s, n, NULL))
			return refuse(why, DOCPART_NAME, "a control character in the name (byte %zu)", (size_t)(s - name) + 1);
		if (*s == '/')
			return refuse(why, DOCPART_NAME, "a \"/\" in the name");
	}
	return 0;
}

/* ---- tracking number ---- */

static int check_tracking(struct slice t, struct docname_error *why)
{
	size_t n;
	if (!t.n)
		return refuse(why, DOCPART_TRACKING, "the tracking number is empty");
	if (t.s[0] == '.')
		return refuse(why, DOCPART_TRACKING, "a tracking number does not begin with a dot");
	for (size_t i = 0; i < t.n; i += n) {
		n = str_utf8_len(t.s + i, t.n - i);
		if (is_blank(t.s + i, n))
			return refuse(why, DOCPART_TRACKING, "a blank in the tracking number \"%.*s\"", SHOWN(t));
		if (t.s[i] == '_')
			return refuse(why, DOCPART_TRACKING, "an underscore in the tracking number \"%.*s\": only one, before the revision",
				      SHOWN(t));
	}
	return 0;
}

int docname_tracking_check(const char *tracking, struct docname_error *why)
{
	int err = *tracking ? check_bytes(tracking, why) : 0;
	return err ? err : check_tracking((struct slice){tracking, strlen(tracking)}, why);
}

/* ---- revision ---- */

static bool date_shape(struct slice t)
{
	return t.n == 10 && t.s[4] == '-' && t.s[7] == '-' && all_digits((struct slice){t.s, 4}) &&
	       all_digits((struct slice){t.s + 5, 2}) && all_digits((struct slice){t.s + 8, 2});
}

/* A day of the calendar. */
static bool date_exists(struct slice t)
{
	char text[11];
	long long seconds;
	copy(text, t);
	return str_time(text, &seconds);
}

/* 12 or 1.5 */
static bool number_shape(struct slice t)
{
	const char *dot = memchr(t.s, '.', t.n);
	if (!dot)
		return all_digits(t);
	size_t whole = (size_t)(dot - t.s);
	return all_digits((struct slice){t.s, whole}) && all_digits((struct slice){dot + 1, t.n - whole - 1});
}

static bool letters_shape(struct slice t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!is_letter(t.s[i]))
			return false;
	return t.n > 0;
}

static int parse_base(struct slice t, struct docrev *out, struct docname_error *why)
{
	if (!t.n)
		return refuse(why, DOCPART_REVISION, "the revision is empty");
	if (t.n > DOCREV_BASE_MAX)
		return refuse(why, DOCPART_REVISION, "the revision \"%.*s\" is longer than 31 characters", SHOWN(t));
	if (date_shape(t) && !date_exists(t))
		return refuse(why, DOCPART_REVISION, "the revision \"%.*s\" is no day of the calendar", SHOWN(t));
	if (date_shape(t))
		out->kind = DOCREV_DATE;
	else if (letters_shape(t))
		out->kind = DOCREV_LETTERS;
	else if (number_shape(t))
		out->kind = DOCREV_NUMBER;
	else
		return refuse(why, DOCPART_REVISION, "the revision \"%.*s\" is neither letters, nor a number, nor a date (YYYY-MM-DD)",
			      SHOWN(t));
	copy(out->base, t);
	return 0;
}

static enum docmod find_mod(char letter)
{
	for (enum docmod m = DOCMOD_NONE + 1; m < DOCMOD_COUNT; m++)
		if (mods[m].letter[0] == letter)
			return m;
	return DOCMOD_NONE;
}

/* What follows the '+'. */
static int parse_mod(struct slice t, struct docrev *out, struct docname_error *why)
{
	struct slice digits;
	out->mod_draft = t.n && t.s[0] == '~';
	t.s += out->mod_draft;
	t.n -= out->mod_draft;
	out->mod = t.n ? find_mod(t.s[0]) : DOCMOD_NONE;
	if (out->mod == DOCMOD_NONE)
		return refuse(why, DOCPART_REVISION, "a \"+\" in the revision needs one of %s and a number, as in +C1", mod_letters + 2);
	digits = (struct slice){t.s + 1, t.n - 1};
	if (!all_digits(digits))
		return refuse(why, DOCPART_REVISION, "the modifier \"+%.*s\" needs a number after its letter, as in +C1", SHOWN(t));
	if (digits.n > DOCREV_DIGITS_MAX)
		return refuse(why, DOCPART_REVISION, "the number of the modifier \"+%.*s\" has more than 9 digits", SHOWN(t));
	copy(out->mod_digits, digits);
	return 0;
}

static int parse_revision(struct slice t, struct docrev *out, struct docname_error *why)
{
	const char *plus = memchr(t.s, '+', t.n);
	size_t base = plus ? (size_t)(plus - t.s) : t.n;
	*out = (struct docrev){.draft = t.n && t.s[0] == '~'};
	int err = parse_base((struct slice){t.s + out->draft, base - out->draft}, out, why);
	return err || !plus ? err : parse_mod((struct slice){plus + 1, t.n - base - 1}, out, why);
}

int docrev_parse(const char *text, struct docrev *out, struct docname_error *why)
{
	int err = *text ? check_bytes(text, why) : 0;
	return err ? err : parse_revision((struct slice){text, strlen(text)}, out, why);
}

/* ---- " (status) - title" ---- */

static int refuse_status(struct slice t, struct docname_error *why)
{
	for (enum docstatus s = 0; s < DOCSTATUS_COUNT; s++)
		if (t.n == strlen(statuses[s].word) && !strncasecmp(t.s, statuses[s].word, t.n))
			return refuse(why, DOCPART_STATUS, "the status \"%.*s\" must be written %s", SHOWN(t), statuses[s].word);
	return refuse(why, DOCPART_STATUS, "\"%.*s\" is no status, use one of %s", SHOWN(t), status_words + 2);
}

static int parse_status(struct slice t, enum docstatus *out, struct docname_error *why)
{
	if (!t.n)
		return refuse(why, DOCPART_STATUS, "the status in the brackets is empty");
	for (enum docstatus s = 0; s < DOCSTATUS_COUNT; s++)
		if (t.n == strlen(statuses[s].word) && !memcmp(t.s, statuses[s].word, t.n)) {
			*out = s;
			return 0;
		}
	return refuse_status(t, why);
}

static int check_title(struct slice t, struct docname_error *why)
{
	size_t n, last = 0;
	if (!t.n)
		return refuse(why, DOCPART_TITLE, "the title is empty");
	for (size_t i = 0; i < t.n; i += n) {
		n = str_utf8_len(t.s + i, t.n - i);
		last = i;
	}
	if (is_blank(t.s, str_utf8_len(t.s, t.n)) || is_blank(t.s + last, t.n - last))
		return refuse(why, DOCPART_TITLE, "the title \"%.*s\" begins or ends with a blank", SHOWN(t));
	return 0;
}

/* 's' is what follows 'before' (the revision, or the tracking number). *title is what follows " - ". */
static int parse_tail(const char *s, const char *before, enum docstatus *status, struct slice *title, struct docname_error *why)
{
	if (!str_starts(s, " ("))
		return refuse(why, DOCPART_STATUS, "no status in brackets after the %s", before);
	s += 2;
	const char *end = strchr(s, ')');
	if (!end)
		return refuse(why, DOCPART_STATUS, "the bracket of the status is not closed");
	int err = parse_status((struct slice){s, (size_t)(end - s)}, status, why);
	if (err)
		return err;
	if (!str_starts(end + 1, " - "))
		return refuse(why, DOCPART_TITLE, "no title: \" - \" and a title follow the status");
	*title = (struct slice){end + 4, strlen(end + 4)};
	return 0;
}

/* ---- documents ---- */

static bool is_ext(struct slice t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!is_letter(t.s[i]) && !(t.s[i] >= '0' && t.s[i] <= '9') && !strchr("_+-", t.s[i]))
			return false;
	return t.n > 0;
}

static int parse_title_ext(struct slice t, struct docname *out, struct docname_error *why)
{
	const char *dot = memrchr(t.s, '.', t.n);
	struct slice title = {t.s, dot ? (size_t)(dot - t.s) : t.n}, ext = {dot ? dot + 1 : NULL, dot ? t.n - title.n - 1 : 0};
	if (dot && title.n && !ext.n)
		return refuse(why, DOCPART_EXTENSION, "the extension after the last dot is empty");
	if (title.n && !is_ext(ext))
		return refuse(why, DOCPART_EXTENSION, "no extension: the name ends with a dot and letters or digits, as in .pdf");
	int err = check_title(title, why);
	if (err)
		return err;
	copy(out->title, title);
	copy(out->ext, ext);
	return 0;
}

/*
 * Splits "<tracking>_<revision>" off. The revision ends at a blank; without any, at the last dot, so that "123_A.pdf" is a name
 * without status and not one with a strange revision.
 */
static int split_head(const char *name, struct slice *tracking, struct slice *revision, struct docname_error *why)
{
	const char *bar = strchr(name, '_'), *bracket = strstr(name, " (");
	if (!bar || (bracket && bracket < bar))
		return refuse(why, DOCPART_REVISION, "no revision: an underscore and a revision follow the tracking number");
	*tracking = (struct slice){name, (size_t)(bar - name)};
	*revision = (struct slice){bar + 1, strcspn(bar + 1, " ")};
	const char *dot = memrchr(revision->s, '.', revision->n);
	if (!revision->s[revision->n] && dot)
		revision->n = (size_t)(dot - revision->s);
	const char *second = memrchr(revision->s, '_', revision->n);
	if (second)
		tracking->n = (size_t)(second - name); /* so that check_tracking finds it */
	return 0;
}

int docname_parse(const char *name, struct docname *out, struct docname_error *why)
{
	struct slice tracking, revision, title;
	int err = check_bytes(name, why);
	if (!err)
		err = split_head(name, &tracking, &revision, why);
	if (!err)
		err = check_tracking(tracking, why);
	if (!err)
		err = parse_revision(revision, &out->revision, why);
	if (!err)
		err = parse_tail(revision.s + revision.n, "revision", &out->status, &title, why);
	if (!err)
		err = parse_title_ext(title, out, why);
	if (!err)
		copy(out->tracking, tracking);
	return err;
}

int docname_check_file(const char *name, struct docname_error *why)
{
	struct docname n;
	return docname_parse(name, &n, why);
}

/* ---- transmittals ---- */

static int parse_date(const char *name, struct transmittal *out, struct docname_error *why)
{
	struct slice date = {name, strcspn(name, "_ ")};
	if (!date_shape(date))
		return refuse(why, DOCPART_DATE, "a transmittal begins with its date, as in 2025-10-31_");
	if (!date_exists(date))
		return refuse(why, DOCPART_DATE, "the date \"%.*s\" is no day of the calendar", SHOWN(date));
	if (name[date.n] != '_')
		return refuse(why, DOCPART_TRACKING, "no tracking number: an underscore and a tracking number follow the date");
	copy(out->date, date);
	return 0;
}

int transmittal_parse(const char *name, struct transmittal *out, struct docname_error *why)
{
	struct slice tracking, title;
	int err = check_bytes(name, why);
	if (!err)
		err = parse_date(name, out, why);
	if (err)
		return err;
	tracking.s = name + sizeof(out->date);
	const char *bracket = strstr(tracking.s, " (");
	tracking.n = bracket ? (size_t)(bracket - tracking.s) : strcspn(tracking.s, " ");
	err = check_tracking(tracking, why);
	if (!err)
		err = parse_tail(tracking.s + tracking.n, "tracking number", &out->status, &title, why);
	if (!err)
		err = check_title(title, why);
	if (err)
		return err;
	copy(out->tracking, tracking);
	copy(out->title, title);
	return 0;
}

int docname_check_dir(const char *name, struct docname_error *why)
{
	struct transmittal t;
	struct docname_error of_number;
	int err = check_bytes(name, why);
	if (err || !docname_tracking_check(name, &of_number))
		return err;
	if (date_shape((struct slice){name, strcspn(name, "_ ")}))
		return transmittal_parse(name, &t, why);
	return refuse(why, of_number.part, "%s; a folder is a transmittal (YYYY-MM-DD_<tracking> (<status>) - <title>) or a bare tracking number",
		      of_number.text);
}

/* ---- writing ---- */

void docrev_format(const struct docrev *r, struct buf *out)
{
	buf_addf(out, "%s%s", r->draft ? "~" : "", r->base);
	if (r->mod != DOCMOD_NONE)
		buf_addf(out, "+%s%s%s", r->mod_draft ? "~" : "", mods[r->mod].letter, r->mod_digits);
}

void docname_format(const struct docname *n, struct buf *out)
{
	buf_addf(out, "%s_", n->tracking);
	docrev_format(&n->revision, out);
	buf_addf(out, " (%s) - %s.%s", statuses[n->status].word, n->title, n->ext);
}

void transmittal_format(const struct transmittal *t, struct buf *out)
{
	buf_addf(out, "%s_%s (%s) - %s", t->date, t->tracking, statuses[t->status].word, t->title);
}

/* ---- order ---- */

static int sign(long long a, long long b) { return (a > b) - (a < b); }

/* Letters count as columns of a spreadsheet do: Z, AA, AB. */
static int letters_cmp(const char *a, const char *b)
{
	int c = sign((long long)strlen(a), (long long)strlen(b));
	return c ? c : strcasecmp(a, b);
}

/* Whole parts without leading zeros by length and digits, then the fractions digit by digit. */
static int number_cmp(const char *a, const char *b)
{
	a += strspn(a, "0");
	b += strspn(b, "0");
	size_t n = strcspn(a, "."), m = strcspn(b, ".");
	int c = n != m ? sign((long long)n, (long long)m) : strncmp(a, b, n);
	if (c)
		return c;
	for (a += n + (a[n] == '.'), b += m + (b[m] == '.'); *a || *b; a += *a != '\0', b += *b != '\0') {
		char x = *a ? *a : '0', y = *b ? *b : '0';
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static int base_cmp(const struct docrev *a, const struct docrev *b)
{
	int c = sign(a->kind, b->kind);
	if (!c && a->kind == DOCREV_LETTERS)
		c = letters_cmp(a->base, b->base);
	else if (!c && a->kind == DOCREV_NUMBER)
		c = number_cmp(a->base, b->base);
	return c ? c : strcmp(a->base, b->base);
}

static int mod_cmp(const struct docrev *a, const struct docrev *b)
{
	int c = sign(a->mod, b->mod);
	if (!c)
		c = number_cmp(a->mod_digits, b->mod_digits);
	if (!c)
		c = strcmp(a->mod_digits, b->mod_digits);
	return c ? c : sign(!a->mod_draft, !b->mod_draft);
}

int docrev_cmp(const struct docrev *a, const struct docrev *b)
{
	int c = base_cmp(a, b);
	if (!c)
		c = sign(!a->draft, !b->draft);
	return c ? c : mod_cmp(a, b);
}

int docname_cmp(const struct docname *a, const struct docname *b)
{
	int c = strcmp(a->tracking, b->tracking);
	if (!c)
		c = docrev_cmp(&a->revision, &b->revision);
	if (!c)
		c = sign(a->status, b->status);
	if (!c)
		c = strcmp(a->title, b->title);
	return c ? c : strcmp(a->ext, b->ext);
}

void docname_comment(const struct docname *on, unsigned n, struct docname *out)
{
	*out = *on;
	out->revision.mod = DOCMOD_COMMENT;
	out->revision.mod_draft = false;
	snprintf(out->revision.mod_digits, sizeof(out->revision.mod_digits), "%u", n % 1000000000);
}

/* ---- tables ---- */

bool docstatus_find(const char *word, enum docstatus *out)
{
	return !parse_status((struct slice){word, strlen(word)}, out, NULL);
}

const char *docstatus_word(enum docstatus s) { return statuses[s].word; }
const char *docstatus_meaning(enum docstatus s) { return statuses[s].meaning; }
char docmod_letter(enum docmod m) { return mods[m].letter[0]; }
const char *docmod_meaning(enum docmod m) { return mods[m].meaning; }
const char *docpart_word(enum docpart p) { return parts[p]; }
