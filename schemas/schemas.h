/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The public header of schemas/: names of documents, registers, their forms and tables (SPEC sections 9 to 11). Pure: no system
 * calls, no clock, no environment, no global state; time and principal are handed in.
 *
 * Results: 0, or -errno with the reason in 'struct diags' (file, line and column of what a person wrote) or in a sentence.
 * Threads: everything that is const here may be used by any number of threads at once.
 */
#ifndef SCHEMAS_SCHEMAS_H
#define SCHEMAS_SCHEMAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "schemas/docname.h"

struct arena;
struct buf;
struct diags;
struct ynode;

/* ------------------------------------------------------------------ forms: JSON Schema (draft 2020-12) in YAML */

/* A form: immutable, reference-counted. The keywords are those of schemas/keywords.def; "$ref" is local. */
struct schema;

/*
 * Parses and checks. 'file' is how messages name it: "default-mdl.form.yaml". 0 and *out (one reference for the caller), or -EINVAL
 * with every error in d: an unknown keyword or format, a $ref that leads nowhere or round in circles, a value of the wrong kind.
 */
int schema_parse(const char *file, const char *text, size_t len, struct diags *d, struct schema **out);
struct schema *schema_ref(struct schema *s);
void schema_unref(struct schema *s); /* NULL is fine */
const struct ynode *schema_tree(const struct schema *s);

/*
 * Does the document hold to the form? 0, or -EINVAL with one error for each violation, sorted by line: the path of the field, what is
 * wrong, keyword and place of the rule, and what to write instead. Cost is bounded whatever the form; one that cannot be checked
 * within the bound is refused.
 */
int schema_check(const struct schema *s, const char *file, const struct ynode *doc, struct diags *d);

/* ------------------------------------------------------------------ forms and tables that are compiled in */

/* The text of "default-mdl.form.yaml" and the like, or NULL. Never freed; a NUL follows it. */
const char *schemas_embedded(const char *file, size_t *len);
/* The i-th of them, NULL after the last. */
const char *schemas_embedded_name(size_t i);
/*
 * Appends the name of the text that a rollup of records with this form shows as KIND.yaml ("form", "table"): that of the project if
 * there is one ("default-mdl": "default-project-mdl.form.yaml"), else the form's own.
 */
void schemas_rollup_file(const char *form, const char *kind, struct buf *out);

/* ------------------------------------------------------------------ records: which rule, which form (SPEC section 10) */

/* One entry of records: as the policy has it. Pointers into the policy's tree; NULL where a key is not set. */
struct record_rule {
	const char *pattern; /* "*.yaml" */
	const struct ynode *node;
	const char *filename_format, *row_field;
	const struct ynode *schema, *field_defaults, *locked, *row_scope_fields, *folder_fields;
};

/* form.yaml, table.yaml and dot names are never records. */
bool record_never(const char *name);
/*
 * The rule of a file name. 'records' is the value of that key in the file's directory (NULL: none). Of several that match, the one
 * without wildcard, else the longest. False: the file is no record.
 */
bool record_rule_find(const struct ynode *records, const char *name, struct record_rule *out);
/*
 * "default-mdl" where the rule names a form that is compiled in, else NULL (none, or written out in the policy). Its texts are
 * schemas_embedded("NAME.form.yaml") and "NAME.table.yaml".
 */
const char *record_rule_form(const struct record_rule *rule);
/*
 * The form of a rule: 'own' (the archive's own form.yaml, of own_len bytes) if it is not NULL, else what the rule says. 0 and *out,
 * one reference for the caller, NULL if there is none; or -EINVAL and why.
 */
int record_schema(const struct record_rule *rule, const char *own_file, const char *own, size_t own_len, struct diags *d,
		  struct schema **out);

/* ------------------------------------------------------------------ records: a commit */

enum record_stamp {
#define STAMP(id, field) RECORD_##id,
#include "schemas/stamps.def"
#undef STAMP
	RECORD_STAMPS
};
extern const char *const record_stamps[RECORD_STAMPS]; /* "created_at", ... */

struct record_request {
	const char *file; /* how messages name the text */
	const char *dir; /* its directory, from the archive root: "Demo/archive/Acme/mdl" */
	const char *name; /* the name it has, NULL for a new record */
	const char *text; /* what the client wrote */
	size_t len;
	const char *before; /* the bytes it replaces; NULL for a new record */
	size_t before_len;
	bool moves; /* 'before' comes from another register: even the same bytes are a new revision here */
	const char *derived; /* a field that only the rollup shows ("party"): dropped. NULL: none */
	const struct record_rule *rule;
	const char *rule_file; /* where the rule stands, for messages; may be NULL */
	const struct ynode *field_codes; /* the value of that key; may be NULL */
	/* Where the codes of a field stand, for messages (each may come from another file); NULL: in rule_file. */
	const char *(*codes_file)(void *arg, const char *field);
	void *codes_arg;
	const struct schema *schema; /* may be NULL */
	long long now; /* seconds since 1970 UTC */
	const char *principal; /* e-mail; NULL is written as "anonymous" */
};

/* A record on its way to be committed. Keeps pointers to what the request points to. Not for two threads at once. */
struct record;

/*
 * Everything that can fail: the audit fields (and every field that the form calls readOnly) are dropped, field_defaults filled in,
 * folder_fields overwritten, locked, field_codes and the form checked. 0 and *out, or -EINVAL with field, line and rule of each
 * failure in d.
 */
int record_begin(const struct record_request *rq, struct diags *d, struct record **out);
void record_free(struct record *r); /* NULL is fine */
/* The bytes are those of the revision it would replace (but for the derived field): nothing is to be done. */
bool record_unchanged(const struct record *r);
/* True if record_finish needs a row number: a new record under a row_field. */
bool record_wants_row(const struct record *r);
/* The group within which row numbers are unique: 64 hex digits, the same for the same values of row_scope_fields. */
void record_scope(const struct record *r, char out[SHA256_HEX]);
/*
 * Sets the row (ignored unless wanted; 1, 2, ... written as 001, 002, ...), composes the name and stamps. Appends the name ("" for a
 * new record without filename_format: keep the typed one) and the bytes to store. 0, or -EINVAL: the name cannot be composed, is not
 * the one an existing record has, or the text would be over 1 MiB.
 */
int record_finish(struct record *r, unsigned long row, struct diags *d, struct buf *name, struct buf *text);

/* The name that a stored text composes to, for mv. 0 (name "" without filename_format) or -EINVAL. */
int record_name(const struct record_rule *rule, const char *file, const char *text, size_t len, struct diags *d, struct buf *name);
/* Group and number of a stored text, for counting what is there (history too). False: it has no row. */
bool record_row_of(const struct record_rule *rule, const char *text, size_t len, char scope[SHA256_HEX], unsigned long *row);

/* What the audit fields of a stored text say of the revision; 0 and "" where they say nothing. */
struct record_stamped {
	unsigned long revision;
	long long updated_at; /* seconds since 1970 UTC */
	char updated_by[DOCNAME_MAX + 1];
};
void record_stamped_read(const char *text, size_t len, struct record_stamped *out);

/* ------------------------------------------------------------------ rollups (SPEC section 9) */

/* ^[A-Za-z0-9][A-Za-z0-9.-]*$ */
bool rollup_is_party(const char *name);
/* "<party>__<file>" of a row, "<party>.yaml" of a party. */
void rollup_row_name(const char *party, const char *file, struct buf *out);
void rollup_party_name(const char *party, struct buf *out);
/* The other way round; 'party' holds DOCNAME_MAX + 1 bytes, *file points into 'name'. False: no such name. */
bool rollup_row_split(const char *name, char *party, const char **file);
bool rollup_party_split(const char *name, char *party);
/* Appends the stored text with the derived field ("party", "name") in it. */
void rollup_show(const char *field, const char *value, const char *text, size_t len, struct buf *out);
/* The party that a new row names in its body. 0, or -EINVAL with the reason: missing, or no name of a party. */
int rollup_party_of(const char *file, const char *text, size_t len, struct diags *d, struct buf *party);
/*
 * Where policy spells out the form of the records: that of the rollup (with the derived field, 'required' or not), and a table of all its
 * fields. 'form' is a map.
 */
void rollup_form(const struct ynode *form, const char *field, bool required, struct buf *out);
void rollup_table(const struct ynode *form, const char *field, struct buf *out);
/* "<date>-<email>.yaml" for a row without any rule in scope; the n-th of that name (from 1) has "-n" before the extension. */
void rollup_typed_name(long long now, const char *principal, unsigned n, struct buf *out);

/* ------------------------------------------------------------------ tables and CSV */

/* The columns of a table. Lives in the arena. */
struct table;
/* From table.yaml. 0, or -EINVAL with the errors. */
int table_parse(struct arena *a, const char *file, const char *text, size_t len, struct diags *d, struct table **out);
const char *table_title(const struct table *t); /* "" if there is none */
size_t table_columns(const struct table *t);
const char *table_column(const struct table *t, size_t i); /* the field */
/* RFC 4180, UTF-8, CRLF: the names of the fields; one row (the derived field, or NULL, is as if it were in 'doc'). */
void table_csv_header(const struct table *t, struct buf *out);
void table_csv_row(const struct table *t, const struct ynode *doc, const char *derived, const char *value, struct buf *out);
/* The same from the text of a record; one that cannot be read gives a row with the derived field only. */
void table_csv_text(const struct table *t, const char *text, size_t len, const char *derived, const char *value, struct buf *out);
/* One cell of any table. 'guard': what a spreadsheet would take for a formula is shown as text. */
void csv_cell(struct buf *out, const char *text, bool guard);

/* ------------------------------------------------------------------ names of kept versions (SPEC section 11) */

/* .zddc.d/history/<name>/<UTC time>-<revision>-<sha8>-<email> */
struct history_name {
	long long time; /* seconds since 1970 UTC */
	unsigned long revision;
	char sha8[9];
	char email[DOCNAME_MAX + 1];
};
/* "20260131T120000Z-3-1a2b3c4d-alice@example.com"; what a file name cannot hold is "_" in the e-mail. */
void history_name_format(const struct history_name *h, struct buf *out);
bool history_name_parse(const char *name, struct history_name *out);

#endif
