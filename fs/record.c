/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files are records, and by which rule and form. */
#include "fs/record.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "fs/back.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/transient.h"

static const char FORM[] = "form.yaml";

static bool holds_records(const struct node *dir)
{
	return (dir->kind == NODE_DIR || dir->kind == NODE_SLOT) && !policy_none();
}

bool record_place_find(struct node *dir, const char *name, struct record_place *out)
{
	const struct ynode *records;

	if (!holds_records(dir) || record_never(name))
		return false;
	*out = (struct record_place){.policy = policy_of(dir)};
	records = acl_merged(out->policy, ACL_KEY_RECORDS, &out->mem);
	if (!records || !record_rule_find(records, name, &out->rule) || transient_name(out->policy, name)) {
		record_place_drop(out);
		return false;
	}
	out->rule_file = acl_merged_src(out->policy, ACL_KEY_RECORDS, out->rule.pattern).file;
	out->field_codes = acl_merged(out->policy, ACL_KEY_FIELD_CODES, &out->mem);
	return true;
}

void record_place_drop(struct record_place *p)
{
	acl_policy_unref(p->policy);
	arena_free(&p->mem);
}

bool record_is(struct node *dir, const char *name)
{
	struct record_place p;
	bool yes = record_place_find(dir, name, &p);

	if (yes)
		record_place_drop(&p);
	return yes;
}

/* ------------------------------------------------------------------ forms */

/* Those that are compiled in are parsed once. */
static struct cached {
	char *name;
	struct schema *form;
	struct cached *next;
} *forms; /* forms_lock */
static pthread_mutex_t forms_lock = PTHREAD_MUTEX_INITIALIZER;

static int built_in(const struct record_rule *rule, struct diags *d, struct schema **out)
{
	const char *name = record_rule_form(rule);
	int r;

	WITH_MUTEX(&forms_lock);
	for (struct cached *c = forms; c; c = c->next)
		if (!strcmp(c->name, name)) {
			*out = schema_ref(c->form);
			return 0;
		}
	r = record_schema(rule, NULL, NULL, 0, d, out);
	if (r < 0 || !*out)
		return r;
	struct cached *c = calloc(1, sizeof(*c));

	if (!c || !(c->name = strdup(name)))
		abort();
	c->form = schema_ref(*out);
	c->next = forms;
	forms = c;
	return 0;
}

void records_free(void)
{
	WITH_MUTEX(&forms_lock);
	while (forms) {
		struct cached *c = forms;

		forms = c->next;
		schema_unref(c->form);
		free(c->name);
		free(c);
	}
}

int record_form(struct node *dir, const struct record_place *p, struct diags *d, struct schema **out)
{
	AUTO_BUF own = BUF_INIT;
	int r = back_dir_read(dir, FORM, &own);

	if (r == -ENOENT)
		return record_rule_form(&p->rule) ? built_in(&p->rule, d, out) : record_schema(&p->rule, NULL, NULL, 0, d, out);
	AUTO_FREE char *file = node_path_in(dir, FORM);

	if (r == 0)
		return record_schema(&p->rule, file, buf_str(&own), own.len, d, out);
	diag_add(d, DIAG_ERROR, file, 0, 0, "the form of these records cannot be read: %s", strerror(-r));
	return -EINVAL;
}
