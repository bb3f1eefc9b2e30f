/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a table holds besides its rows: form.yaml and table.yaml say what its rows look like, table.csv is all of it for a spreadsheet.
 * Form and table are the archive's own (REGISTER.form.yaml beside the parties) or those of the rule that holds for the records.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/ynode.h"
#include "fs/back.h"
#include "fs/policy.h"
#include "fs/virt_private.h"

static int text_form(struct op *op, struct node *dir, struct buf *out);
static int text_csv(struct op *op, struct node *dir, struct buf *out);
static int text_table(struct op *op, struct node *dir, struct buf *out);

static const struct virt_text texts[] = {
#define VIRT_KIND(...)
#define VIRT_TEXT(id, name, make, of) {name, make, of},
#include "fs/virt_rollup.def"
#undef VIRT_KIND
#undef VIRT_TEXT
};

const struct virt_text *virt_text_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!strcmp(texts[i].name, name))
			return &texts[i];
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ forms and tables */

static const char yaml[] = ".yaml";

/* "mdl.form.yaml" beside the parties. */
static void own_name(const struct virt_place *p, const char *what, struct buf *out)
{
	const char *last = strrchr(p->below, '/') ? strrchr(p->below, '/') + 1 : p->below;
	size_t n = strlen(last) - (str_ends(last, yaml) ? strlen(yaml) : 0);

	buf_addf(out, "%.*s.%s%s", (int)n, last, what, yaml);
}

/* Under tree_lock. 0 or -errno. */
static int own_text(const struct virt_place *p, const char *what, struct buf *out)
{
	AUTO_BUF name = BUF_INIT;
	int fd, r = p->base && p->base->kind == NODE_DIR ? back_dir_get(p->base, &fd) : -ENOENT;

	if (r < 0)
		return r;
	own_name(p, what, &name);
	r = back_read_all(fd, buf_str(&name), out, LIMIT_DOC_BYTES);
	back_dir_put(p->base, fd);
	return r;
}

/* A name that the glob matches. */
static char *sample_of(const char *glob)
{
	char *name = strdup(glob);

	for (char *c = name; *c; c++)
		if (*c == '*' || *c == '?')
			*c = 'x';
	return name;
}

/* The rule of the records in a policy. */
static bool rule_of(const struct virt_place *p, struct acl_policy *policy, struct arena *a, struct record_rule *out)
{
	const struct ynode *records = acl_merged(policy, ACL_KEY_RECORDS, a);
	AUTO_FREE char *name = NULL;

	if (!records || !records->child)
		return false;
	name = p->kind == ACL_VIRTUAL_PARTIES ? strdup(p->below) : sample_of(records->child->key->text);
	return record_rule_find(records, name, out);
}

/* The text that is compiled in, if the rule names such a form; what is made of a form that stands in the policy. False: the rule has none. */
static bool text_of(const struct virt_place *p, const struct record_rule *rule, const char *what, struct buf *out)
{
	const char *form = record_rule_form(rule), *field = virt_kinds[p->kind].field, *text = NULL;
	AUTO_BUF file = BUF_INIT;
	size_t len;

	if (form)
		schemas_rollup_file(form, what, &file);
	if (form && (text = schemas_embedded(buf_str(&file), &len)))
		buf_add(out, text, len);
	if (form || !rule->schema || rule->schema->kind != Y_MAP)
		return text;
	if (!strcmp(what, "form"))
		rollup_form(rule->schema, field, p->kind == ACL_VIRTUAL_ROWS, out);
	else
		rollup_table(rule->schema, field, out);
	return true;
}

/* The same of the rule for all parties ('-' can be the name of none). Under tree_lock. */
static bool rule_text(const struct virt_place *p, const char *what, struct buf *out)
{
	AUTO_FREE char *path = virt_slot_path(p, "-");
	struct acl_policy *policy = policy_at(path);
	struct arena a = ARENA_INIT;
	struct record_rule rule;
	bool there = rule_of(p, policy, &a, &rule) && text_of(p, &rule, what, out);

	arena_free(&a);
	acl_policy_unref(policy);
	return there;
}

/* Under tree_lock. 0 or -ENOENT. */
static int spec_text(const struct virt_place *p, const char *what, struct buf *out)
{
	if (own_text(p, what, out) == 0)
		return 0;
	buf_reset(out);
	return rule_text(p, what, out) ? 0 : -ENOENT;
}

static int spec_of(struct op *op, struct node *dir, const char *what, struct buf *out)
{
	struct virt_place p;
	int r;

	WITH_RDLOCK(&tree_lock);
	r = virt_place_get(op, dir, &p) && p.kind != ACL_VIRTUAL_LINKS ? spec_text(&p, what, out) : -ENOENT;
	virt_place_drop(&p);
	return r;
}

static int text_form(struct op *op, struct node *dir, struct buf *out) { return spec_of(op, dir, "form", out); }
static int text_table(struct op *op, struct node *dir, struct buf *out) { return spec_of(op, dir, "table", out); }

bool virt_text_there(const struct virt_place *p, const struct virt_text *t)
{
	AUTO_BUF text = BUF_INIT;

	return spec_text(p, t->of, &text) == 0;
}

void virt_text_each(const struct virt_place *p, bool (*each)(void *arg, const char *name, mode_t type), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (virt_text_there(p, &texts[i]) && !each(arg, texts[i].name, S_IFREG))
			return;
}

/* ------------------------------------------------------------------------------------------------ table.csv */

struct csv {
	struct op *op;
	const struct table *table;
	const char *field;
	enum acl_virtual_kind kind;
	struct buf *out;
};

static void csv_slot(const struct csv *c, const struct virt_slot *s, int fd)
{
	AUTO_BUF text = BUF_INIT;

	for (size_t i = 0; i < s->names->n; i++) {
		buf_reset(&text);
		if (back_read_all(fd, s->names->v[i], &text, LIMIT_DOC_BYTES) == 0)
			table_csv_text(c->table, buf_str(&text), text.len, c->field, s->party, c->out);
	}
}

/* Whether the caller may see it, and a descriptor to read it with; no lock is held while that is done. */
static bool csv_enter(const struct csv *c, const struct virt_slot *s, int *fd)
{
	WITH_RDLOCK(&tree_lock);
	return virt_slot_visible(c->op->caller.id, c->kind, s) > 0 && back_dir_get(s->at, fd) == 0;
}

static void csv_rows(const struct csv *c, const struct virt_rows *rows)
{
	int fd;

	for (size_t i = 0; i < rows->n; i++)
		if (csv_enter(c, &rows->v[i], &fd)) {
			csv_slot(c, &rows->v[i], fd);
			back_dir_put(rows->v[i].at, fd);
		}
}

static int csv_of(struct op *op, struct node *dir, const struct virt_rows *rows, struct buf *out)
{
	AUTO_BUF spec = BUF_INIT;
	AUTO_DIAGS d = DIAGS_INIT;
	struct arena a = ARENA_INIT;
	struct table *table;
	int r = text_table(op, dir, &spec);

	if (r == 0)
		r = table_parse(&a, "table.yaml", buf_str(&spec), spec.len, &d, &table);
	if (r == 0) {
		struct csv c = {op, table, virt_kinds[rows->kind].field, rows->kind, out};

		table_csv_header(table, out);
		csv_rows(&c, rows);
	}
	arena_free(&a);
	return r;
}

/*
 * The last few tables that were made, because programs ask how long a file is before they open it. One is the table of a moment ago if
 * the rows, the caller and all policy are the same; only edits of a record in place, behind the mount, show a moment later.
 */
struct made {
	uint64_t dir; /* number of the node */
	struct virt_rows *rows; /* counted */
	struct identity *who; /* counted */
	uint64_t generation, at;
	struct buf text;
};

enum { MADE_MAX = 4, MADE_BYTES = 16 << 20, MADE_MS = 1000, MADE_KEEP_MS = 30000 };

static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;
static struct made made[MADE_MAX]; /* made_lock; the latest first */

static void made_drop(struct made *m)
{
	virt_rows_put(m->rows);
	identity_put(m->who);
	buf_free(&m->text);
	*m = (struct made){0};
}

static bool made_get(struct op *op, struct node *dir, const struct virt_rows *rows, struct buf *out)
{
	uint64_t now = policy_clock_ms(), generation = policy_generation();

	WITH_MUTEX(&made_lock);
	for (size_t i = 0; i < MADE_MAX; i++) {
		const struct made *m = &made[i];

		if (m->rows == rows && m->dir == dir->id && m->who == op->caller.id && m->generation == generation && now - m->at < MADE_MS) {
			buf_add(out, m->text.data, m->text.len);
			return true;
		}
	}
	return false;
}

/* 'm' was worked out under that generation. */
static void made_keep(struct made *m)
{
	struct made oldest;

	if (m->text.len > MADE_BYTES) {
		made_drop(m);
		return;
	}
	pthread_mutex_lock(&made_lock);
	oldest = made[MADE_MAX - 1];
	memmove(made + 1, made, sizeof(made) - sizeof(made[0]));
	made[0] = *m;
	pthread_mutex_unlock(&made_lock);
	made_drop(&oldest);
}

void virt_texts_age(void)
{
	uint64_t now = policy_clock_ms();

	for (size_t i = 0; i < MADE_MAX; i++) {
		struct made old = {0};

		pthread_mutex_lock(&made_lock);
		if (made[i].rows && now - made[i].at > MADE_KEEP_MS) {
			old = made[i];
			made[i] = (struct made){0};
		}
		pthread_mutex_unlock(&made_lock);
		made_drop(&old);
	}
}

void virt_texts_free(void)
{
	for (size_t i = 0; i < MADE_MAX; i++)
		made_drop(&made[i]);
}

static void made_now(struct op *op, struct node *dir, struct virt_rows *rows, uint64_t generation, const struct buf *text)
{
	struct made m = {.dir = dir->id, .rows = virt_rows_ref(rows), .who = identity_ref(op->caller.id), .generation = generation, .at = policy_clock_ms()};

	buf_add(&m.text, text->data, text->len);
	made_keep(&m);
}

static int text_csv(struct op *op, struct node *dir, struct buf *out)
{
	uint64_t generation = policy_generation();
	struct virt_rows *rows = virt_rows_get(op, dir);
	int r = rows ? 0 : -ENOENT;

	if (r == 0 && !made_get(op, dir, rows, out)) {
		r = csv_of(op, dir, rows, out);
		if (r == 0)
			made_now(op, dir, rows, generation, out);
	}
	virt_rows_put(rows);
	return r;
}

int virt_text_make(struct op *op, struct node *dir, const struct virt_text *t, struct buf *out) { return t->make(op, dir, out); }
