/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a decision, and hints that are true: applied, they turn the verdict. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "acl/acl.h"
#include "base/buf.h"
#include "base/err.h"

static const char policy_text[] = "admins: [root@x.org]\n"
				  "roles:\n"
				  "  dc: {members: [dc@x.org]}\n"
				  "  pt: {members: ['*@x.org']}\n"
				  "acl: {permissions: {dc: rwcda, pt: r, out@z.org: ''}}\n"
				  "paths: {issued: {worm: [dc]}, cold: {freeze_until: 2030-01-01}}\n";

struct world {
	struct zddc_doc *doc;
	struct acl *acl;
	struct acl_policy *root, *issued, *cold;
};

static int setup(void **state)
{
	static struct world w;
	AUTO_DIAGS d = DIAGS_INIT;
	assert_int_equal(zddc_parse(".zddc", policy_text, sizeof(policy_text) - 1, false, &d, &w.doc), 0);
	w.acl = acl_new(NULL, false);
	w.root = acl_root(w.acl, &(struct acl_own){.doc = w.doc});
	w.issued = acl_child(w.acl, w.root, "issued", NULL);
	w.cold = acl_child(w.acl, w.root, "cold", NULL);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	acl_policy_unref(w->cold);
	acl_policy_unref(w->issued);
	acl_policy_unref(w->root);
	acl_free(w->acl);
	zddc_unref(w->doc);
	return 0;
}

static struct acl_decision decide(const struct acl_policy *p, const char *email, enum acl_op op, const char *name, unsigned flags,
				  const char *path, struct buf *text, struct buf *hint)
{
	struct acl_principal who = {.email = email};
	struct acl_attrs attrs = {.now = 1800000000, .risk_score = -1};
	struct acl_request rq = acl_request_for(op, name, &who, &attrs, flags);
	struct acl_decision d = acl_decide(p, &rq);
	if (text)
		acl_explain(p, &rq, &d, op, path, NULL, ACL_TEXT, text);
	if (hint)
		acl_hint(p, &rq, &d, op, path, NULL, hint);
	return d;
}

static void the_sample_of_the_manual(void **state)
{
	struct world *w = *state;
	AUTO_BUF text = BUF_INIT;
	struct acl_decision d = decide(w->issued, "dc@x.org", ACL_OP_UNLINK, "a.pdf", 0, "issued/a.pdf", &text, NULL);
	assert_false(d.allowed);
	assert_int_equal(d.reason, BECAUSE_MASKED);
	assert_int_equal(d.err, EPERM);
	assert_string_equal(buf_str(&text),
			    "denied   unlink  issued/a.pdf   dc@x.org (dc, pt)\n"
			    "  needs  d      has  rc\n"
			    "  grant  rwcda  role dc                                .zddc:5\n"
			    "  mask   rc     worm: write-once, and you file here    .zddc:6\n"
			    "  why           the place is write-once: what it holds stays .zddc:6\n"
			    "hint: what is filed here stays; file a new revision, or ask a root administrator to withdraw it\n");
}

static void errnos(void **state)
{
	struct world *w = *state;
	assert_int_equal(decide(w->root, "pt@x.org", ACL_OP_WRITE, "f", 0, "", NULL, NULL).err, EACCES);
	assert_int_equal(decide(w->root, "out@z.org", ACL_OP_READ, "f", 0, "", NULL, NULL).reason, BECAUSE_DENIED);
	assert_int_equal(decide(w->root, "else@z.org", ACL_OP_READ, "f", 0, "", NULL, NULL).reason, BECAUSE_NO_ENTRY);
	assert_int_equal(decide(w->issued, "pt@x.org", ACL_OP_CREATE, "f", 0, "", NULL, NULL).reason, BECAUSE_NOT_FILER);
	assert_int_equal(decide(w->issued, "dc@x.org", ACL_OP_CREATE, ".zddc", 0, "", NULL, NULL).err, EACCES);
	assert_int_equal(decide(w->cold, "dc@x.org", ACL_OP_WRITE, "f", 0, "", NULL, NULL).err, EBUSY);
	assert_int_equal(decide(w->root, "root@x.org", ACL_OP_LINK, "f", ACL_IS_ELEVATED, "", NULL, NULL).err, EPERM);
	assert_int_equal(decide(w->root, "dc@x.org", ACL_OP_WRITE, "f", ACL_SEALED, "", NULL, NULL).err, EPERM);
	assert_int_equal(decide(w->root, "else@z.org", ACL_OP_ENTER, NULL, 0, "", NULL, NULL).err, ENOENT);
	assert_true(decide(w->issued, "root@x.org", ACL_OP_WRITE, ".zddc", 0, "", NULL, NULL).reason == BECAUSE_STANDING);
	assert_true(decide(w->issued, "root@x.org", ACL_OP_UNLINK, "f", ACL_IS_ELEVATED, "", NULL, NULL).reason == BECAUSE_ELEVATED);
}

static void hints_name_the_smallest_change(void **state)
{
	struct world *w = *state;
	AUTO_BUF role = BUF_INIT, grant = BUF_INIT, elevate = BUF_INIT;
	decide(w->issued, "pt@x.org", ACL_OP_CREATE, "f", 0, "issued/f", NULL, &role);
	assert_string_equal(buf_str(&role), "ask to be made a member of the role dc");
	decide(w->root, NULL, ACL_OP_READ, "f", 0, "f", NULL, &grant);
	assert_string_equal(buf_str(&grant), "ask whoever administers the place to give anonymous the verbs r in .zddc");
	decide(w->root, "root@x.org", ACL_OP_UNLINK, "f", 0, "f", NULL, &elevate);
	assert_string_equal(buf_str(&elevate), "you administer this place: act as an elevated administrator (zddc elevate --reason TEXT)");
}

/* Every byte a name may hold survives into valid JSON, and the line of text stays one line. */
static void odd_names(void **state)
{
	struct world *w = *state;
	char name[256];
	for (int i = 1; i < 256; i++)
		name[i - 1] = (char)i;
	name[255] = '\0';
	struct acl_principal who = {.email = "pt@x.org"};
	struct acl_request rq = acl_request_for(ACL_OP_UNLINK, name, &who, NULL, 0);
	struct acl_decision d = acl_decide(w->root, &rq);
	AUTO_BUF json = BUF_INIT, line = BUF_INIT;
	acl_explain(w->root, &rq, &d, ACL_OP_UNLINK, "a\nb\"c", NULL, ACL_JSON, &json);
	json_error_t why;
	json_t *parsed = json_loads(buf_str(&json), 0, &why);
	assert_non_null(parsed);
	assert_string_equal(json_string_value(json_object_get(parsed, "path")), "a\nb\"c");
	json_decref(parsed);
	acl_sentence(&rq, &d, ACL_OP_UNLINK, name, &line);
	assert_null(strchr(buf_str(&line), '\n'));
	assert_null(strchr(buf_str(&line), '\x1b'));
}

/* ---- what stands in a file that the reader may not open ---- */

/* home/.zddc is private; the root's can be read. */
static bool only_root(void *arg, const char *file)
{
	(void)arg;
	return !strcmp(file, ".zddc");
}

static const char private_text[] = "title: Private\n"
				   "roles: {insiders: {members: [in@x.org]}}\n"
				   "acl: {permissions: {insiders: rwcda, 'role:pt': r, me@z.org: r}}\n"
				   "worm: [secret@x.org]\n"
				   "when: {c: environment == prod}\n"
				   "paths:\n"
				   "  affair: {acl: {permissions: {'*': '', insiders: rw}}}\n"
				   "  ours: {acl: {permissions: {me@z.org: rw}}}\n"
				   "  deeper: {acl: {permissions: {'*': ''}}, paths: {down: {paths: {there: {acl: {permissions: {me@z.org: r}}}}}}}\n";

static struct acl_policy *private_home(const struct world *w, const char *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	assert_int_equal(zddc_parse("home/.zddc", text, strlen(text), false, &d, &doc), 0);
	struct acl_policy *home = acl_child(w->acl, w->root, "home", &(struct acl_own){.doc = doc});
	zddc_unref(doc);
	return home;
}

static bool says(const struct buf *b, const char *word) { return strstr(buf_str(b), word) != NULL; }

static void effective_leaves_out_what_is_hidden(void **state)
{
	struct acl_principal me = {.email = "me@z.org"};
	struct acl_policy *home = private_home(*state, private_text);
	AUTO_BUF all = BUF_INIT, mine = BUF_INIT;
	static const char *const hidden[] = {"insiders", "affair", "environment", "secret", "Private", "home/.zddc"};
	static const char *const seen[] = {"me@z.org: r", "(hidden)", "- ours", "- deeper", "worm: []", "role: dc", ".zddc:5"};
	acl_effective(home, &me, NULL, &all);
	acl_effective(home, &me, &(struct acl_view){only_root, NULL}, &mine);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (!says(&all, hidden[i]) || says(&mine, hidden[i]))
			fail_msg("%s: %s", hidden[i], buf_str(&mine));
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		if (!says(&mine, seen[i]))
			fail_msg("%s: %s", seen[i], buf_str(&mine));
	acl_policy_unref(home);
}

static void hint_for(const struct acl_policy *p, enum acl_op op, const struct acl_view *view, struct buf *out)
{
	struct acl_principal me = {.email = "me@z.org"};
	struct acl_request rq = acl_request_for(op, "f", &me, NULL, 0);
	struct acl_decision d = acl_decide(p, &rq);
	acl_hint(p, &rq, &d, op, "home/f", view, out);
}

static void hints_name_no_hidden_role(void **state)
{
	static const struct acl_view view = {only_root, NULL};
	const struct world *w = *state;
	struct acl_policy *home = private_home(w, "roles: {insiders: {members: [in@x.org]}}\nacl: {permissions: {insiders: rw, dc: rd}}\n");
	AUTO_BUF open = BUF_INIT, told = BUF_INIT, known = BUF_INIT, granted = BUF_INIT;
	hint_for(home, ACL_OP_WRITE, NULL, &open);
	assert_string_equal(buf_str(&open), "ask to be made a member of the role insiders");
	hint_for(home, ACL_OP_WRITE, &view, &told);
	assert_string_equal(buf_str(&told), "ask whoever administers the place to make you a member of a role that may");
	hint_for(home, ACL_OP_UNLINK, &view, &granted); /* dc is known, what it may here is not */
	assert_string_equal(buf_str(&granted), buf_str(&told));
	hint_for(w->root, ACL_OP_UNLINK, &view, &known);
	assert_string_equal(buf_str(&known), "ask to be made a member of the role dc");
	acl_policy_unref(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_of_the_manual),
		cmocka_unit_test(errnos),
		cmocka_unit_test(hints_name_the_smallest_change),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(effective_leaves_out_what_is_hidden),
		cmocka_unit_test(hints_name_no_hidden_role),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
