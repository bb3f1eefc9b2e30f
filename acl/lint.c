/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "acl/lint.h"

#include <string.h>

#include "acl/doc.h"
#include "base/err.h"

static void warn_pattern(const struct zddc_doc *doc, const struct pattern *p, struct diags *d)
{
	if (p->kind == PAT_GLOB && !strchr(p->text, '@'))
		diag_add(d, DIAG_WARNING, doc->file, p->line, 1, "\"%s\" matches nobody: * does not cross the @; write \"%s@*\" or \"*@example.com\"",
			 p->written, p->written);
}

static void lint_grants(const struct body *b, struct diags *d)
{
	for (size_t i = 0; i < b->n_grants; i++) {
		const struct grant *g = &b->grants[i];
		char verbs[8];
		warn_pattern(b->doc, &g->who, d);
		if (g->who.kind == PAT_EVERYONE && g->verbs & (V_W | V_D | V_A))
			diag_add(d, DIAG_WARNING, b->doc->file, g->who.line, 1, "\"*\" gives everybody %s: name a role or people instead",
				 verbs_print(g->verbs & (V_W | V_D | V_A), verbs));
	}
}

static void lint_members(const struct body *b, const struct role *r, struct diags *d)
{
	for (size_t i = 0; i < r->members.n; i++) {
		const struct pattern *p = &r->members.v[i];
		warn_pattern(b->doc, p, d);
		if (p->kind == PAT_ROLE)
			diag_add(d, DIAG_WARNING, b->doc->file, p->line, 1,
				 "\"%s\" in members matches nobody: roles do not nest, list the people, a pattern or a group", p->written);
		if (p->kind == PAT_ANONYMOUS)
			diag_add(d, DIAG_WARNING, b->doc->file, p->line, 1, "anonymous is never a member of a role: grant to anonymous directly");
	}
}

static void lint_list(const struct body *b, const struct pattern_list *l, const char *key, struct diags *d)
{
	for (size_t i = 0; i < l->n; i++) {
		warn_pattern(b->doc, &l->v[i], d);
		if (l->v[i].kind == PAT_ANONYMOUS)
			diag_add(d, DIAG_WARNING, b->doc->file, l->v[i].line, 1, "anonymous in %s matches nobody: name people", key);
	}
}

static void lint_body(const struct body *b, struct diags *d)
{
	lint_grants(b, d);
	lint_list(b, &b->admins, "admins", d);
	lint_list(b, &b->worm, "worm", d);
	for (size_t i = 0; i < b->n_roles; i++)
		lint_members(b, &b->roles[i], d);
	for (size_t i = 0; i < b->n_paths; i++)
		lint_body(b->paths[i].body, d);
	if (b->star)
		lint_body(b->star, d);
}

void lint_document(const struct zddc_doc *doc, struct diags *d)
{
	lint_body(doc->top, d);
	diags_sort(d);
}
