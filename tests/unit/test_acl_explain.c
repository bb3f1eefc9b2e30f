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
		acl_explain(p, &rq, &d, op, path, ACL_TEXT, text);
	if (hint)
		acl_hint(p, &rq, &d, op, path, hint);
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
	acl_explain(w->root, &rq, &d, ACL_OP_UNLINK, "a\nb\"c", ACL_JSON, &json);
	json_error_t why;
	json_t *parsed = json_loads(buf_str(&json), 0, &why);
	assert_non_null(parsed);
	assert_string_equal(json_string_value(json_object_get(parsed, "path")), "a\nb\"c");
	json_decref(parsed);
	acl_sentence(&rq, &d, ACL_OP_UNLINK, name, &line);
	assert_null(strchr(buf_str(&line), '\n'));
	assert_null(strchr(buf_str(&line), '\x1b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_of_the_manual),
		cmocka_unit_test(errnos),
		cmocka_unit_test(hints_name_the_smallest_change),
		cmocka_unit_test(odd_names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
