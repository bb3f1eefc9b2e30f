/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text -> document: every key checked by the type that keys.def gives it, all errors collected, then indexed for deciding. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/doc.h"
#include "acl/lint.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/yemit.h"

struct parse {
	struct zddc_doc *doc;
	struct arena *arena;
	struct diags *diags;
};

__attribute__((format(printf, 3, 4))) static void fail(struct parse *p, const struct ynode *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_addv(p->diags, DIAG_ERROR, p->doc->file, at->line, at->col, fmt, ap);
	va_end(ap);
}

/* ---- small types ---- */

static const char *text_of(struct parse *p, const struct ynode *n, const char *what)
{
	if (n->kind == Y_SCALAR && n->type == Y_STR)
		return n->text;
	fail(p, n, "%s must be a text%s", what, n->kind == Y_SCALAR ? ": put it in quotes" : "");
	return NULL;
}

static bool want(struct parse *p, const struct ynode *n, enum ykind kind, const char *what, const char *example)
{
	if (n->kind == kind)
		return true;
	fail(p, n, "%s must be a %s, as %s", what, kind == Y_MAP ? "map" : "list", example);
	return false;
}

static bool bool_of(struct parse *p, const struct ynode *n, const char *what)
{
	bool b = false;
	if (!ynode_bool(n, &b))
		fail(p, n, "%s is true or false%s", what, n->kind == Y_SCALAR && str_ieq(n->text, "no") ? " (in YAML 1.2 \"no\" is a text)" : "");
	return b;
}

static void one_of(struct parse *p, const struct ynode *n, const char *what, const char *const *words, size_t count)
{
	struct buf all = BUF_INIT;
	for (size_t i = 0; i < count; i++) {
		if (n->kind == Y_SCALAR && n->type == Y_STR && !strcmp(n->text, words[i]))
			goto out;
		buf_addf(&all, "%s%s", i ? ", " : "", words[i]);
	}
	fail(p, n, "%s is one of: %s", what, buf_str(&all));
out:
	buf_free(&all);
}

/* "did you mean" for a word that is not in the table. */
static void unknown_key(struct parse *p, const struct ynode *key, const char *where, const char *const *known, size_t n)
{
	const char *near = str_nearest(key->text, known, n);
	if (near)
		fail(p, key, "unknown key \"%s\"%s: did you mean \"%s\"?", key->text, where, near);
	else
		fail(p, key, "unknown key \"%s\"%s: see zddc(5) for the keys", key->text, where);
}

static bool duration_of(struct parse *p, const struct ynode *n, const char *what)
{
	long long seconds;
	if (n->kind == Y_SCALAR && (n->type == Y_STR || n->type == Y_INT) && str_duration(n->text, &seconds))
		return true;
	fail(p, n, "%s is a duration such as 90s, 10m, 12h, 7d, 2w or 10y", what);
	return false;
}

/* ---- patterns ---- */

static const struct pattern *const *pattern_refs(struct arena *a, const struct pattern *v, size_t n)
{
	const struct pattern **refs = arena_array(a, const struct pattern *, n + 1);
	for (size_t i = 0; i < n; i++)
		refs[i] = &v[i];
	return refs;
}

static void parse_patterns(struct parse *p, const struct ynode *n, const char *what, struct pattern_list *out)
{
	if (!want(p, n, Y_LIST, what, "[alice@example.com, '*@example.com', group:staff]"))
		return;
	struct pattern *v = arena_array(p->arena, struct pattern, n->n + 1);
	size_t count = 0;
	ynode_each(m, n) {
		const char *text = text_of(p, m, "a name in this list");
		const char *why = text ? pattern_parse(p->arena, text, m->line, &v[count]) : NULL;
		if (why)
			fail(p, m, "\"%s\": %s", text, why);
		else if (text)
			count++;
	}
	*out = (struct pattern_list){.v = v, .n = count, .set = true, .line = n->key ? n->key->line : n->line};
	for (size_t i = 0; i < count; i++)
		out->n_roles += v[i].kind == PAT_ROLE;
	pattern_index_build(p->arena, &out->index, pattern_refs(p->arena, v, count), count);
}

static void parse_role_list(struct parse *p, const struct ynode *n, const char *what, struct pattern_list *out)
{
	parse_patterns(p, n, what, out);
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].kind != PAT_ROLE)
			fail(p, n, "%s names roles only, not \"%s\"", what, out->v[i].written);
}

/* ---- acl ---- */

const struct grant *body_grant(const struct body *b, const char *key) { return names_get(&b->by_key, key); }

static void add_grant(struct parse *p, struct body *b, const struct ynode *m)
{
	struct grant *g = &b->grants[b->n_grants];
	const char *why = pattern_parse(p->arena, m->key->text, m->key->line, &g->who);
	if (why) {
		fail(p, m->key, "\"%s\": %s", m->key->text, why);
		return;
	}
	const char *verbs = text_of(p, m, "the verbs of a grant (\"\" denies)");
	char bad;
	if (!verbs)
		return;
	if (!verbs_parse(verbs, &g->verbs, &bad)) {
		fail(p, m, "\"%c\" is no verb: r read, w write, c create, d delete, a administer", bad);
		return;
	}
	const struct grant *twin = body_grant(b, g->who.key);
	if (twin) {
		fail(p, m->key, "\"%s\" is the same as \"%s\" in line %u: keep one of them", m->key->text, twin->who.written, twin->who.line);
		return;
	}
	names_put(&b->by_key, p->arena, g->who.key, g);
	b->has_deny |= !g->verbs;
	b->n_role_grants += g->who.kind == PAT_ROLE;
	b->n_grants++;
}

static void parse_permissions(struct parse *p, struct body *b, const struct ynode *n)
{
	if (!want(p, n, Y_MAP, "acl.permissions", "{alice@example.com: rw, role:observer: r}"))
		return;
	b->grants = arena_array(p->arena, struct grant, n->n + 1);
	names_init(&b->by_key, p->arena, n->n);
	ynode_each(m, n)
		add_grant(p, b, m);
	const struct pattern **refs = arena_array(p->arena, const struct pattern *, b->n_grants + 1);
	for (size_t i = 0; i < b->n_grants; i++)
		refs[i] = &b->grants[i].who;
	pattern_index_build(p->arena, &b->grant_index, refs, b->n_grants);
}

static void parse_acl(struct parse *p, struct body *b, const struct ynode *n)
{
	static const char *const known[] = {"permissions", "inherit"};
	if (!want(p, n, Y_MAP, "acl", "acl: {permissions: {alice@example.com: rw}}"))
		return;
	ynode_each(m, n) {
		const char *key = m->key->text;
		if (!strcmp(key, "permissions")) {
			parse_permissions(p, b, m);
		} else if (!strcmp(key, "inherit")) {
			b->acl_inherit = bool_of(p, m, "acl.inherit");
			b->acl_inherit_line = m->key->line;
		} else if (!strcmp(key, "allow") || !strcmp(key, "deny")) {
			fail(p, m->key, "acl.%s is not used: write acl.permissions (a name, then its verbs; \"\" denies)", key);
		} else {
			unknown_key(p, m->key, " in acl", known, 2);
		}
	}
}

/* ---- roles ---- */

const struct role *body_role(const struct body *b, const char *name) { return names_get(&b->by_role, name); }

static void parse_role_body(struct parse *p, struct role *r, const struct ynode *n)
{
	static const char *const known[] = {"members", "reset", "exclusive"};
	if (!want(p, n, Y_MAP, "a role", "document_controller: {members: [alice@example.com]}"))
		return;
	ynode_each(m, n) {
		if (!strcmp(m->key->text, "members"))
			parse_patterns(p, m, "members", &r->members);
		else if (!strcmp(m->key->text, "reset"))
			r->reset = bool_of(p, m, "reset");
		else if (!strcmp(m->key->text, "exclusive"))
			parse_role_list(p, m, "exclusive", &r->exclusive);
		else
			unknown_key(p, m->key, " in a role", known, 3);
	}
}

static void add_role(struct parse *p, struct body *b, const struct ynode *m)
{
	struct role *r = &b->roles[b->n_roles];
	char *name = arena_strdup(p->arena, m->key->text);
	str_lower(name);
	if (!role_name_valid(name)) {
		fail(p, m->key, "\"%s\" cannot name a role: no @, *, : or blank, and not \"anonymous\"", m->key->text);
		return;
	}
	const struct role *twin = body_role(b, name);
	if (twin) {
		fail(p, m->key, "the role \"%s\" is already there in line %u: keep one of them", m->key->text, twin->line);
		return;
	}
	*r = (struct role){.name = name, .written = m->key->text, .line = m->key->line, .reset = -1};
	r->key = arena_printf(p->arena, "role:%s", name);
	parse_role_body(p, r, m);
	b->has_reset |= r->reset == 1;
	b->says_reset |= r->reset >= 0;
	names_put(&b->by_role, p->arena, name, r);
	b->n_roles++;
}

/* One index over the members of all roles: which roles hold this principal? */
static void index_members(struct parse *p, struct body *b)
{
	size_t n = 0, k = 0;
	for (size_t i = 0; i < b->n_roles; i++)
		n += b->roles[i].members.n;
	const struct pattern **refs = arena_array(p->arena, const struct pattern *, n + 1);
	uint32_t *role = arena_array(p->arena, uint32_t, n + 1);
	for (size_t i = 0; i < b->n_roles; i++)
		for (size_t j = 0; j < b->roles[i].members.n; j++) {
			refs[k] = &b->roles[i].members.v[j];
			role[k++] = (uint32_t)i;
		}
	pattern_index_build(p->arena, &b->member_index, refs, n);
	b->member_role = role;
}

static void parse_roles(struct parse *p, struct body *b, const struct ynode *n)
{
	if (!want(p, n, Y_MAP, "roles", "roles: {project_team: {members: ['*@example.com']}}"))
		return;
	b->roles = arena_array(p->arena, struct role, n->n + 1);
	names_init(&b->by_role, p->arena, n->n);
	ynode_each(m, n)
		add_role(p, b, m);
	index_members(p, b);
}

/* ---- the other types ---- */

static void parse_retention(struct parse *p, const struct ynode *n)
{
	static const char *const known[] = {"default", "min", "max"};
	if (n->kind == Y_SCALAR) {
		duration_of(p, n, "retention");
		return;
	}
	if (!want(p, n, Y_MAP, "retention", "10y or {default: 10y, min: 1y, max: 30y}"))
		return;
	ynode_each(m, n) {
		if (!strcmp(m->key->text, "default") || !strcmp(m->key->text, "min") || !strcmp(m->key->text, "max"))
			duration_of(p, m, m->key->text);
		else
			unknown_key(p, m->key, " in retention", known, 3);
	}
}

static void parse_texts(struct parse *p, const struct ynode *n, const char *what)
{
	if (want(p, n, Y_LIST, what, "['*.part', '*.tmp']"))
		ynode_each(m, n)
			text_of(p, m, what);
}

/* "virtual: mdl"; false switches off what a weaker source says. */
static void parse_virtual_short(struct parse *p, struct body *b, const struct ynode *n)
{
	AUTO_BUF words = BUF_INIT;
	if (virtual_short(n->text, &b->virt) || (n->type == Y_BOOL && !strcmp(n->text, "false")))
		return;
	virtual_words(&words);
	fail(p, n, "virtual is one of: %s, false, or {kind: rows, from: 'archive/*/mdl'}", buf_str(&words));
}

static enum acl_virtual_kind virtual_kind_of(const struct ynode *n)
{
	for (int k = 1; n && n->kind == Y_SCALAR && k < ACL_VIRTUAL_KINDS; k++)
		if (!strcmp(n->text, virtual_kinds[k]))
			return (enum acl_virtual_kind)k;
	return ACL_VIRTUAL_NONE;
}

static void parse_virtual_from(struct parse *p, struct body *b, const struct ynode *n)
{
	const char *text = text_of(p, n, "virtual.from"), *why = text ? virtual_from(p->arena, text, &b->virt) : NULL;
	if (why)
		fail(p, n, "%s", why);
}

static void parse_virtual(struct parse *p, struct body *b, const struct ynode *n)
{
	static const char *const known[] = {"kind", "from"};
	if (n->kind == Y_SCALAR) {
		parse_virtual_short(p, b, n);
		return;
	}
	if (!want(p, n, Y_MAP, "virtual", "true, mdl, or {kind: rows, from: 'archive/*/mdl'}"))
		return;
	virtual_short("true", &b->virt); /* where the map does not say it */
	b->virt.kind = virtual_kind_of(ynode_get(n, "kind"));
	if (!ynode_get(n, "kind"))
		fail(p, n, "virtual needs a kind: rows, parties or links");
	ynode_each(m, n) {
		if (!strcmp(m->key->text, "kind"))
			one_of(p, m, "virtual.kind", virtual_kinds + 1, ACL_VIRTUAL_KINDS - 1);
		else if (!strcmp(m->key->text, "from"))
			parse_virtual_from(p, b, m);
		else
			unknown_key(p, m->key, " in virtual", known, 2);
	}
}

static void parse_record_rule(struct parse *p, const struct ynode *rule)
{
	static const char *const known[] = {"filename_format", "field_defaults", "locked", "row_field",
					    "row_scope_fields", "folder_fields", "schema"};
	if (!want(p, rule, Y_MAP, "a record rule", "'*.yaml': {schema: default-mdl}"))
		return;
	ynode_each(m, rule) {
		size_t i = 0;
		while (i < 7 && strcmp(known[i], m->key->text))
			i++;
		if (i == 7)
			unknown_key(p, m->key, " in a record rule", known, 7);
		else if ((i == 0 || i == 3) && !text_of(p, m, known[i]))
			continue;
		else if (i == 4)
			parse_texts(p, m, known[i]);
		else if (i == 1 || i == 5)
			want(p, m, Y_MAP, known[i], "{field: value}");
	}
}

static void parse_records(struct parse *p, const struct ynode *n)
{
	if (want(p, n, Y_MAP, "records", "records: {'*.yaml': {schema: default-mdl}}"))
		ynode_each(m, n)
			parse_record_rule(p, m);
}

static void parse_field_code(struct parse *p, const struct ynode *n)
{
	static const char *const kinds[] = {"enum", "pattern", "free"}, *const known[] = {"kind", "codes", "pattern"};
	const struct ynode *kind = ynode_get(n, "kind");
	if (!want(p, n, Y_MAP, "a field code", "{kind: enum, codes: [A, B]}"))
		return;
	ynode_each(m, n)
		if (strcmp(m->key->text, "kind") && strcmp(m->key->text, "codes") && strcmp(m->key->text, "pattern"))
			unknown_key(p, m->key, " in a field code", known, 3);
	if (!kind) {
		fail(p, n, "a field code needs a kind: enum, pattern or free");
		return;
	}
	one_of(p, kind, "kind", kinds, 3);
	if (kind->kind == Y_SCALAR && !strcmp(kind->text, "enum") && !ynode_get(n, "codes"))
		fail(p, n, "kind: enum needs codes: [..]");
	if (kind->kind == Y_SCALAR && !strcmp(kind->text, "pattern") && !ynode_get(n, "pattern"))
		fail(p, n, "kind: pattern needs pattern: '..'");
}

static void parse_field_codes(struct parse *p, const struct ynode *n)
{
	if (want(p, n, Y_MAP, "field_codes", "field_codes: {discipline: {kind: enum, codes: [EL, ME]}}"))
		ynode_each(m, n)
			parse_field_code(p, m);
}

static void parse_risk(struct parse *p, struct body *b, const struct ynode *n)
{
	if (!want(p, n, Y_MAP, "risk", "risk: {delete: 60}"))
		return;
	ynode_each(m, n) {
		long long v;
		int kind = risk_find(m->key->text);
		if (kind < 0)
			unknown_key(p, m->key, " in risk", acl_risks, ACL_RISK_COUNT);
		if (!ynode_int(m, &v) || v < 0 || v > 100)
			fail(p, m, "a risk is a whole number from 0 to 100");
		else if (kind >= 0)
			b->risk[kind] = (int8_t)(v + 1);
	}
}

static void parse_when(struct parse *p, struct body *b, const struct ynode *n)
{
	if (!want(p, n, Y_MAP, "when", "when: {d: risk_score < 50}"))
		return;
	b->when = arena_array(p->arena, struct when_rule, n->n + 1);
	verbset seen = 0;
	ynode_each(m, n) {
		struct when_rule *r = &b->when[b->n_when];
		char bad = ' ';
		const char *text = text_of(p, m, "a condition");
		if (!verbs_parse(m->key->text, &r->verbs, &bad) || !r->verbs)
			fail(p, m->key, "\"%s\" is no verb: a condition belongs to one of r w c d a", m->key->text);
		if (seen & r->verbs)
			fail(p, m->key, "the verb \"%s\" has a condition already: join them with \"and\"", m->key->text);
		seen |= r->verbs;
		const char *why = text ? when_parse(p->arena, text, r) : NULL;
		if (why)
			fail(p, m, "condition \"%s\": %s", text, why);
		r->line = m->key->line;
		b->n_when++;
	}
}

static void parse_timestamp(struct parse *p, struct body *b, const struct ynode *n)
{
	if (n->kind != Y_SCALAR || !str_time(n->text, &b->freeze_until))
		fail(p, n, "a time is written 2026-12-31T18:00:00Z or 2026-12-31");
}

/* ---- paths ---- */

static struct body *parse_body(struct parse *p, const struct ynode *n);

const struct path_entry *body_path(const struct body *b, const char *segment)
{
	char folded[LIMIT_NAME_BYTES + 1];
	size_t n = strlen(segment);
	if (!b->n_paths || n > LIMIT_NAME_BYTES)
		return NULL;
	memcpy(folded, segment, n + 1);
	str_lower(folded);
	return names_get(&b->by_path, folded);
}

static bool segment_ok(struct parse *p, const struct ynode *key)
{
	const char *s = key->text;
	if (!*s || !strcmp(s, ".") || !strcmp(s, "..") || strchr(s, '/') || strlen(s) > LIMIT_NAME_BYTES)
		fail(p, key, "\"%s\" is not the name of one directory: nest paths: for deeper ones", s);
	else if (str_ieq(s, ".zddc") || str_ieq(s, ".zddc.d"))
		fail(p, key, "%s belongs to zddcfs and carries no policy of its own", s);
	else if (strchr(s, '*') && strcmp(s, "*"))
		fail(p, key, "\"%s\": only \"*\" alone stands for any directory", s);
	else
		return true;
	return false;
}

static void add_path(struct parse *p, struct body *b, const struct ynode *m)
{
	if (!segment_ok(p, m->key))
		return;
	const struct path_entry *twin = body_path(b, m->key->text);
	if (twin) {
		fail(p, m->key, "\"%s\" is the same directory as \"%s\" above: keep one of them", m->key->text, twin->segment);
		return;
	}
	struct body *child = parse_body(p, m);
	if (!strcmp(m->key->text, "*")) {
		b->star = child;
		return;
	}
	char *folded = arena_strdup(p->arena, m->key->text);
	str_lower(folded);
	struct path_entry *e = &b->paths[b->n_paths++];
	*e = (struct path_entry){m->key->text, child};
	names_put(&b->by_path, p->arena, folded, e);
}

static void parse_paths(struct parse *p, struct body *b, const struct ynode *n)
{
	if (!want(p, n, Y_MAP, "paths", "paths: {archive: {acl: {permissions: {'*': r}}}}"))
		return;
	b->paths = arena_array(p->arena, struct path_entry, n->n + 1);
	names_init(&b->by_path, p->arena, n->n);
	ynode_each(m, n)
		add_path(p, b, m);
}

const struct body *body_step(const struct body *b, const char *segment)
{
	const struct path_entry *e = body_path(b, segment);
	return e ? e->body : b->star;
}

/* ---- a body ---- */

static void parse_key(struct parse *p, struct body *b, enum acl_key key, const struct ynode *n)
{
	static const char *const modes[] = {"governance", "compliance"}, *const naming[] = {"off", "warn", "enforce"};
	const char *name = acl_keys[key].name;
	b->value[key] = n;
	switch (acl_keys[key].type) {
	case TYPE_STRING:
		text_of(p, n, name);
		break;
	case TYPE_BOOL:
		bool_of(p, n, name);
		break;
	case TYPE_ACL:
		parse_acl(p, b, n);
		break;
	case TYPE_ROLES:
		parse_roles(p, b, n);
		break;
	case TYPE_PATTERNS:
		parse_patterns(p, n, name, key == ACL_KEY_WORM ? &b->worm : &b->admins);
		break;
	case TYPE_ROLE_LIST:
		parse_role_list(p, n, name, &b->auto_own_roles);
		break;
	case TYPE_WORM_MODE:
		one_of(p, n, name, modes, 2);
		break;
	case TYPE_NAMING:
		one_of(p, n, name, naming, 3);
		break;
	case TYPE_DURATION:
		duration_of(p, n, name);
		break;
	case TYPE_RETENTION:
		parse_retention(p, n);
		break;
	case TYPE_GLOBS:
		parse_texts(p, n, name);
		break;
	case TYPE_VIRTUAL:
		parse_virtual(p, b, n);
		break;
	case TYPE_PATHS:
		parse_paths(p, b, n);
		break;
	case TYPE_RECORDS:
		parse_records(p, n);
		break;
	case TYPE_FIELD_CODES:
		parse_field_codes(p, n);
		break;
	case TYPE_MAP:
		want(p, n, Y_MAP, name, "{..}");
		break;
	case TYPE_TIMESTAMP:
		parse_timestamp(p, b, n);
		break;
	case TYPE_WHEN:
		parse_when(p, b, n);
		break;
	case TYPE_RISK:
		parse_risk(p, b, n);
		break;
	case TYPE_ANY:
		break;
	}
}

static void bad_key(struct parse *p, const struct ynode *key)
{
	const char *known[ACL_KEY_COUNT];
	static const char *const of_acl[] = {"permissions", "allow", "deny"};
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(key->text, of_acl[i])) {
			fail(p, key, "unknown key \"%s\": grants stand in acl.permissions", key->text);
			return;
		}
	for (int k = 0; k < ACL_KEY_COUNT; k++)
		known[k] = acl_keys[k].name;
	unknown_key(p, key, "", known, ACL_KEY_COUNT);
}

static int key_find(const char *name)
{
	for (int k = 0; k < ACL_KEY_COUNT; k++)
		if (!strcmp(acl_keys[k].name, name))
			return k;
	return -1;
}

static bool flag_of(const struct body *b, enum acl_key key)
{
	bool v = false;
	ynode_bool(b->value[key], &v);
	return v;
}

static void summarise_nested(struct body *b, const struct body *nested)
{
	b->guards |= nested->guards;
	b->speaks_of_roles |= nested->speaks_of_roles;
	b->zone_below |= nested->worm.set || nested->zone_below;
}

static void summarise(struct body *b)
{
	for (int k = 0; k < ACL_KEY_COUNT; k++)
		b->guards |= b->value[k] && acl_keys[k].guarded;
	b->speaks_of_roles = b->n_roles > 0;
	for (size_t i = 0; i < b->n_paths; i++)
		summarise_nested(b, b->paths[i].body);
	if (b->star)
		summarise_nested(b, b->star);
}

static struct body *parse_body(struct parse *p, const struct ynode *n)
{
	struct body *b = arena_new(p->arena, struct body);
	bool inherit;
	b->doc = p->doc;
	b->id = p->doc->n_bodies++;
	b->acl_inherit = b->inherit = -1;
	if (n->kind != Y_MAP) {
		fail(p, n, "policy is a map of keys, as \"acl: {permissions: {alice@example.com: rw}}\"; an empty one is {}");
		return b;
	}
	ynode_each(m, n) {
		int key = key_find(m->key->text);
		if (key < 0)
			bad_key(p, m->key);
		else
			parse_key(p, b, (enum acl_key)key, m);
	}
	if (ynode_bool(b->value[ACL_KEY_INHERIT], &inherit))
		b->inherit = inherit;
	summarise(b);
	b->auto_own = flag_of(b, ACL_KEY_AUTO_OWN);
	b->auto_own_fenced = flag_of(b, ACL_KEY_AUTO_OWN_FENCED);
	return b;
}

/* ---- a document ---- */

static void seal_document(struct zddc_doc *doc, const char *text, size_t len)
{
	AUTO_BUF canonical = BUF_INIT;
	yemit_canonical(&canonical, doc->tree);
	sha256(canonical.data, canonical.len, doc->sha256);
	buf_reset(&canonical);
	buf_add(&canonical, doc->file, strlen(doc->file) + 1);
	buf_add(&canonical, text, len);
	sha256(canonical.data, canonical.len, doc->identity);
}

int zddc_parse(const char *file, const char *text, size_t len, bool lint, struct diags *d, struct zddc_doc **out)
{
	struct zddc_doc *doc = calloc(1, sizeof(*doc));
	struct ynode *tree;
	size_t errors = d->errors;
	if (!doc)
		abort();
	atomic_init(&doc->refs, 1);
	doc->file = arena_strdup(&doc->arena, file);
	struct parse p = {doc, &doc->arena, d};
	if (!ynode_parse(&doc->arena, doc->file, text, len, d, &tree)) {
		doc->tree = tree;
		doc->top = parse_body(&p, tree->kind == Y_SCALAR && tree->type == Y_NULL ? &(struct ynode){.kind = Y_MAP} : tree);
	}
	if (d->errors > errors) {
		diags_sort(d);
		zddc_unref(doc);
		return -EINVAL;
	}
	seal_document(doc, text, len);
	if (lint)
		lint_document(doc, d);
	*out = doc;
	return 0;
}

struct zddc_doc *zddc_ref(struct zddc_doc *doc)
{
	if (doc)
		atomic_fetch_add_explicit(&doc->refs, 1, memory_order_relaxed);
	return doc;
}

void zddc_unref(struct zddc_doc *doc)
{
	if (!doc || atomic_fetch_sub_explicit(&doc->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_free(&doc->arena);
	free(doc);
}

const char *zddc_file(const struct zddc_doc *doc) { return doc->file; }
const unsigned char *zddc_sha256(const struct zddc_doc *doc) { return doc->sha256; }
const struct ynode *zddc_tree(const struct zddc_doc *doc) { return doc->tree; }
