/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The naming convention (SPEC section 11, "Names").
 *
 *   document    <tracking>_<revision> (<status>) - <title>.<ext>      123456-EL-SPC-2623_A+C1 (RSB) - Switchgear.pdf
 *   transmittal YYYY-MM-DD_<tracking> (<status>) - <title>            2025-10-31_123456-EM-SUB-0001 (IFR) - For Review
 *
 * All results are values without pointers; nothing is allocated but by the format functions. Any thread.
 */
#ifndef SCHEMAS_DOCNAME_H
#define SCHEMAS_DOCNAME_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum { DOCNAME_MAX = 255, DOCREV_BASE_MAX = 31, DOCREV_DIGITS_MAX = 9 };

enum docstatus {
#define DOCSTATUS(id, word, meaning) DOCSTATUS_##id,
#include "schemas/docstatus.def"
#undef DOCSTATUS
	DOCSTATUS_COUNT
};

enum docmod {
	DOCMOD_NONE,
#define DOCMOD(id, letter, meaning) DOCMOD_##id,
#include "schemas/docmod.def"
#undef DOCMOD
	DOCMOD_COUNT
};

enum docpart {
#define DOCPART(id, word) DOCPART_##id,
#include "schemas/docpart.def"
#undef DOCPART
	DOCPART_COUNT
};

/* What a base revision is, in the order of revisions. */
enum docrev_kind { DOCREV_DATE, DOCREV_LETTERS, DOCREV_NUMBER };

/* ['~'] base ['+' ['~'] LETTER DIGITS] */
struct docrev {
	bool draft;
	enum docrev_kind kind;
	char base[DOCREV_BASE_MAX + 1];
	enum docmod mod; /* DOCMOD_NONE: no modifier */
	bool mod_draft;
	char mod_digits[DOCREV_DIGITS_MAX + 1]; /* as written */
};

struct docname {
	char tracking[DOCNAME_MAX + 1];
	struct docrev revision;
	enum docstatus status;
	char title[DOCNAME_MAX + 1];
	char ext[DOCNAME_MAX + 1]; /* without the dot */
};

struct transmittal {
	char date[11]; /* "2025-10-31" */
	char tracking[DOCNAME_MAX + 1];
	enum docstatus status;
	char title[DOCNAME_MAX + 1];
};

/* Why a name was refused: the part, and the rule as one sentence without newline: "no status in brackets after the revision". */
struct docname_error {
	enum docpart part;
	char text[512];
};

/* 0, or -EINVAL and *why (which may be NULL). 'name' is one path component, NUL-terminated, of any bytes. */
int docname_parse(const char *name, struct docname *out, struct docname_error *why);
int transmittal_parse(const char *name, struct transmittal *out, struct docname_error *why);
int docrev_parse(const char *text, struct docrev *out, struct docname_error *why);
/* No blank, no "_", no "/", not empty, no dot in front. */
int docname_tracking_check(const char *tracking, struct docname_error *why);

/*
 * May an entry of this name be where naming: enforce holds? A file needs a document name, a directory a transmittal name or a bare
 * tracking number. 0 or -EINVAL as above. Transient names, .zddc and .zddc.d are the caller's to let pass.
 */
int docname_check_file(const char *name, struct docname_error *why);
int docname_check_dir(const char *name, struct docname_error *why);

/* Appends the text. What was parsed is written back byte for byte. */
void docname_format(const struct docname *n, struct buf *out);
void transmittal_format(const struct transmittal *t, struct buf *out);
void docrev_format(const struct docrev *r, struct buf *out);

/*
 * The order of revisions: < 0, 0, > 0. Date < letters < number (dates by day, letters A..Z then AA.., case-blind, numbers by value),
 * draft before final, plain before modified, modifiers by letter, number, draft before final. 0 only for the same text.
 */
int docrev_cmp(const struct docrev *a, const struct docrev *b);
/* By tracking number (bytes), then revision, then status, title and extension. */
int docname_cmp(const struct docname *a, const struct docname *b);

/* The n-th set of comments on a document: its base revision with the modifier +C<n>; 0 < n < 1,000,000,000. */
void docname_comment(const struct docname *on, unsigned n, struct docname *out);

/* Case-sensitive; false if there is no such status. */
bool docstatus_find(const char *word, enum docstatus *out);
const char *docstatus_word(enum docstatus s); /* "IFR" */
const char *docstatus_meaning(enum docstatus s); /* "issued for review" */
char docmod_letter(enum docmod m); /* 'C', NUL for none */
const char *docmod_meaning(enum docmod m);
const char *docpart_word(enum docpart p); /* "tracking number" */

#endif
