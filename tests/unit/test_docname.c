/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The naming convention of SPEC section 11: what is a name, which part of another failed, and the order of revisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "schemas/docname.h"

static void passes(const char *name)
{
	struct docname n;
	struct docname_error why;
	AUTO_BUF again = BUF_INIT;

	if (docname_parse(name, &n, &why))
		fail_msg("\"%s\" is refused: %s", name, why.text);
	docname_format(&n, &again);
	assert_string_equal(buf_str(&again), name);
	assert_int_equal(docname_check_file(name, NULL), 0);
}

static void valid_names(void **state)
{
	static const char *const names[] = {
		"123456-EL-SPC-2623_A (IFR) - Specification For Switchgear.pdf",
		"123456-EL-SPC-2623_~B (IFR) - X.pdf",
		"123456-EL-SPC-2623_A+C1 (RSB) - X.pdf",
		"123456-EL-SPC-2623_A+~C12 (---) - X.pdf",
		"123456-EL-SPC-2623_0 (IFC) - X.dwg",
		"1_AA (REC) - a.b (c) - d_e.7z",
		"1_2025-10-31 (IFI) - X.pdf",
		"1_~2024-02-29+Q3 (RSI) - X.pdf",
		"1_01 (IFC) - X.pdf",
		"1_1.5 (IFC) - X.pdf",
		"Nr-\xc3\xa4_A (IFR) - \xc3\x9c" "bersicht \xe2\x80\x93 Teil 1.pdf",
		"1_A (IFR) - -.c++",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		passes(names[i]);
}

static void parts(void **state)
{
	struct docname n;

	(void)state;
	assert_int_equal(docname_parse("123456-EL-SPC-2623_~A+~C12 (RSB) - Spec. For Gear.pdf", &n, NULL), 0);
	assert_string_equal(n.tracking, "123456-EL-SPC-2623");
	assert_true(n.revision.draft && n.revision.mod_draft);
	assert_int_equal(n.revision.kind, DOCREV_LETTERS);
	assert_string_equal(n.revision.base, "A");
	assert_int_equal(n.revision.mod, DOCMOD_COMMENT);
	assert_string_equal(n.revision.mod_digits, "12");
	assert_int_equal(n.status, DOCSTATUS_RSB);
	assert_string_equal(n.title, "Spec. For Gear");
	assert_string_equal(n.ext, "pdf");
}

static const struct {
	const char *name;
	enum docpart part;
	const char *text;
} refused[] = {
	{"random-document.pdf", DOCPART_REVISION, "no revision: an underscore and a revision follow the tracking number"},
	{"123 456_A (IFR) - X.pdf", DOCPART_TRACKING, "a blank in the tracking number \"123 456\""},
	{"123\xc2\xa0" "456_A (IFR) - X.pdf", DOCPART_TRACKING, "a blank in the tracking number \"123\xc2\xa0" "456\""},
	{"123456_EL_SPC_2623_A (IFR) - X.pdf", DOCPART_TRACKING,
	 "an underscore in the tracking number \"123456_EL_SPC_2623\": only one, before the revision"},
	{"_A (IFR) - X.pdf", DOCPART_TRACKING, "the tracking number is empty"},
	{".x_A (IFR) - X.pdf", DOCPART_TRACKING, "a tracking number does not begin with a dot"},
	{"123456-EL-SPC-2623 (IFR) - X.pdf", DOCPART_REVISION, "no revision: an underscore and a revision follow the tracking number"},
	{"123456-EL-SPC-2623 (IFR) - my_file.pdf", DOCPART_REVISION,
	 "no revision: an underscore and a revision follow the tracking number"},
	{"123_ (IFR) - X.pdf", DOCPART_REVISION, "the revision is empty"},
	{"123_~ (IFR) - X.pdf", DOCPART_REVISION, "the revision is empty"},
	{"123_+C1 (IFR) - X.pdf", DOCPART_REVISION, "the revision is empty"},
	{"123_A1 (IFR) - X.pdf", DOCPART_REVISION, "the revision \"A1\" is neither letters, nor a number, nor a date (YYYY-MM-DD)"},
	{"123_2025-02-29 (IFR) - X.pdf", DOCPART_REVISION, "the revision \"2025-02-29\" is no day of the calendar"},
	{"123_A+ (IFR) - X.pdf", DOCPART_REVISION, "a \"+\" in the revision needs one of B, C, N, Q and a number, as in +C1"},
	{"123_A+X1 (IFR) - X.pdf", DOCPART_REVISION, "a \"+\" in the revision needs one of B, C, N, Q and a number, as in +C1"},
	{"123_A+c1 (IFR) - X.pdf", DOCPART_REVISION, "a \"+\" in the revision needs one of B, C, N, Q and a number, as in +C1"},
	{"123_A+C (IFR) - X.pdf", DOCPART_REVISION, "the modifier \"+C\" needs a number after its letter, as in +C1"},
	{"123_A+C1+C2 (IFR) - X.pdf", DOCPART_REVISION, "the modifier \"+C1+C2\" needs a number after its letter, as in +C1"},
	{"123_A+C1234567890 (IFR) - X.pdf", DOCPART_REVISION, "the number of the modifier \"+C1234567890\" has more than 9 digits"},
	{"123_A.pdf", DOCPART_STATUS, "no status in brackets after the revision"},
	{"123_A - X.pdf", DOCPART_STATUS, "no status in brackets after the revision"},
	{"123_A - X (draft).pdf", DOCPART_STATUS, "no status in brackets after the revision"},
	{"123_A(IFR) - X.pdf", DOCPART_REVISION, "the revision \"A(IFR)\" is neither letters, nor a number, nor a date (YYYY-MM-DD)"},
	{"123_A () - X.pdf", DOCPART_STATUS, "the status in the brackets is empty"},
	{"123_A (IFR - X.pdf", DOCPART_STATUS, "the bracket of the status is not closed"},
	{"123_A (ifr) - X.pdf", DOCPART_STATUS, "the status \"ifr\" must be written IFR"},
	{"123_A (IFX) - X.pdf", DOCPART_STATUS,
	 "\"IFX\" is no status, use one of ---, DFT, IFA, IFB, IFC, IFD, IFI, IFP, IFR, IFU, REC, RSA, RSB, RSC, RSD, RSI"},
	{"123_A (IFR).pdf", DOCPART_TITLE, "no title: \" - \" and a title follow the status"},
	{"123_A (IFR) X.pdf", DOCPART_TITLE, "no title: \" - \" and a title follow the status"},
	{"123_A (IFR) - .pdf", DOCPART_TITLE, "the title is empty"},
	{"123_A (IFR) - ", DOCPART_TITLE, "the title is empty"},
	{"123_A (IFR) -  X.pdf", DOCPART_TITLE, "the title \" X\" begins or ends with a blank"},
	{"123_A (IFR) - X\xc2\xa0.pdf", DOCPART_TITLE, "the title \"X\xc2\xa0\" begins or ends with a blank"},
	{"123_A (IFR) - X", DOCPART_EXTENSION, "no extension: the name ends with a dot and letters or digits, as in .pdf"},
	{"123_A (IFR) - Dr. No", DOCPART_EXTENSION, "no extension: the name ends with a dot and letters or digits, as in .pdf"},
	{"123_A (IFR) - X.", DOCPART_EXTENSION, "the extension after the last dot is empty"},
	{"", DOCPART_NAME, "the name is empty"},
	{"123_A (IFR) - X\n.pdf", DOCPART_NAME, "a control character in the name (byte 16)"},
	{"123_A (IFR) - \xff.pdf", DOCPART_NAME, "the name is not UTF-8 (byte 15 is 0xff)"},
	{"a/123_A (IFR) - X.pdf", DOCPART_NAME, "a \"/\" in the name"},
};

static void refused_names(void **state)
{
	struct docname n;
	struct docname_error why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (!docname_parse(refused[i].name, &n, &why))
			fail_msg("\"%s\" passes", refused[i].name);
		assert_string_equal(why.text, refused[i].text);
		assert_int_equal(why.part, refused[i].part);
		assert_true(docname_check_file(refused[i].name, NULL) < 0);
	}
}

static void length(void **state)
{
	char name[300];
	struct docname_error why;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "1_A (IFR) - ", 12);
	strcpy(name + 251, ".pdf");
	passes(name);
	strcpy(name + 251, "x.pdf");
	assert_true(docname_check_file(name, &why) < 0);
	assert_string_equal(why.text, "the name is longer than 255 bytes");
	memset(name, '1', 299);
	name[299] = '\0';
	memcpy(name, "1_", 2);
	strcpy(name + 40, " (IFR) - X.pdf");
	assert_true(docname_check_file(name, &why) < 0);
	assert_int_equal(why.part, DOCPART_REVISION);
}

static void order(void **state)
{
	static const char *const revisions[] = {
		"~2024-01-31", "2024-01-31", "2025-01-01", "~A", "A", "A+B1", "A+C1", "A+~C2", "A+C2", "A+C10", "A+N1", "A+Q1", "~B", "B",
		"Z", "AA", "AB", "0", "~1", "1", "1+C1", "1.5", "~2", "2", "10", "100",
	};
	struct docrev v[ARRAY_LEN(revisions)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(revisions); i++)
		assert_int_equal(docrev_parse(revisions[i], &v[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(revisions); i++)
		for (size_t j = 0; j < ARRAY_LEN(revisions); j++) {
			int c = docrev_cmp(&v[i], &v[j]);
			if ((c < 0) != (i < j) || (c > 0) != (i > j))
				fail_msg("%s against %s is %d", revisions[i], revisions[j], c);
		}
}

static int cmp(const char *a, const char *b)
{
	struct docrev x, y;
	assert_int_equal(docrev_parse(a, &x, NULL), 0);
	assert_int_equal(docrev_parse(b, &y, NULL), 0);
	return docrev_cmp(&x, &y);
}

static void order_by_value(void **state)
{
	(void)state;
	assert_true(cmp("a", "B") < 0 && cmp("A", "b") < 0);
	assert_true(cmp("09", "10") < 0 && cmp("2", "010") < 0);
	assert_true(cmp("1.10", "1.2") < 0);
	assert_true(cmp("1", "01") && cmp("1", "01") == -cmp("01", "1")); /* different texts are never equal */
	assert_true(cmp("A+C1", "A+C01") && cmp("A", "a"));
}

static void whole_names(void **state)
{
	struct docname a, b;

	(void)state;
	assert_int_equal(docname_parse("1_B (IFR) - X.pdf", &a, NULL), 0);
	assert_int_equal(docname_parse("1_0 (IFC) - X.pdf", &b, NULL), 0);
	assert_true(docname_cmp(&a, &b) < 0 && docname_cmp(&b, &a) > 0 && docname_cmp(&a, &a) == 0);
	assert_int_equal(docname_parse("2_A (IFC) - X.pdf", &b, NULL), 0);
	assert_true(docname_cmp(&a, &b) < 0);
	assert_int_equal(docname_parse("1_B (IFR) - X.doc", &b, NULL), 0);
	assert_true(docname_cmp(&a, &b) > 0);
}

static void comments(void **state)
{
	struct docname a, c;
	AUTO_BUF text = BUF_INIT;

	(void)state;
	assert_int_equal(docname_parse("1_~B+~N2 (IFR) - X.pdf", &a, NULL), 0);
	docname_comment(&a, 3, &c);
	docname_format(&c, &text);
	assert_string_equal(buf_str(&text), "1_~B+C3 (IFR) - X.pdf");
}

static void transmittals(void **state)
{
	static const char *const names[] = {
		"2025-10-31_123456-EM-SUB-0001 (IFR) - General Arrangement for Review",
		"2025-10-31_123456-EL-TRN-0043 (IFC) - Electrical Design. Issued",
		"2024-02-29_1 (---) - X",
	};
	struct transmittal t;
	struct docname_error why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF again = BUF_INIT;
		if (transmittal_parse(names[i], &t, &why))
			fail_msg("\"%s\" is refused: %s", names[i], why.text);
		transmittal_format(&t, &again);
		assert_string_equal(buf_str(&again), names[i]);
		assert_int_equal(docname_check_dir(names[i], NULL), 0);
	}
	assert_string_equal(t.date, "2024-02-29");
	assert_string_equal(t.tracking, "1");
	assert_string_equal(t.title, "X");
}

static const struct {
	const char *name;
	enum docpart part;
	const char *text;
} refused_dirs[] = {
	{"2025-13-01_1 (IFR) - X", DOCPART_DATE, "the date \"2025-13-01\" is no day of the calendar"},
	{"2025-10-31 1 (IFR) - X", DOCPART_TRACKING, "no tracking number: an underscore and a tracking number follow the date"},
	{"2025-10-31_ (IFR) - X", DOCPART_TRACKING, "the tracking number is empty"},
	{"2025-10-31_1 2 (IFR) - X", DOCPART_TRACKING, "a blank in the tracking number \"1 2\""},
	{"2025-10-31_1_A (IFR) - X", DOCPART_TRACKING, "an underscore in the tracking number \"1_A\": only one, before the revision"},
	{"2025-10-31_1", DOCPART_STATUS, "no status in brackets after the tracking number"},
	{"2025-10-31_1 - X", DOCPART_STATUS, "no status in brackets after the tracking number"},
	{"2025-10-31_1 (IFR)", DOCPART_TITLE, "no title: \" - \" and a title follow the status"},
	{"2025-10-31_1 (IFR) - ", DOCPART_TITLE, "the title is empty"},
	{"New folder", DOCPART_TRACKING,
	 "a blank in the tracking number \"New folder\"; a folder is a transmittal (YYYY-MM-DD_<tracking> (<status>) - <title>) or a bare "
	 "tracking number"},
	{".hidden", DOCPART_TRACKING,
	 "a tracking number does not begin with a dot; a folder is a transmittal (YYYY-MM-DD_<tracking> (<status>) - <title>) or a bare "
	 "tracking number"},
	{"", DOCPART_NAME, "the name is empty"},
	{"a\tb", DOCPART_NAME, "a control character in the name (byte 2)"},
};

static void refused_directories(void **state)
{
	struct docname_error why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused_dirs); i++) {
		if (!docname_check_dir(refused_dirs[i].name, &why))
			fail_msg("\"%s\" passes", refused_dirs[i].name);
		assert_string_equal(why.text, refused_dirs[i].text);
		assert_int_equal(why.part, refused_dirs[i].part);
	}
	assert_int_equal(docname_check_dir("123456-EM-SUB-0001", NULL), 0);
	assert_int_equal(docname_check_dir("2025-10-31", NULL), 0);
	assert_int_equal(docname_check_dir("123456-EL-SPC-2623_A (IFR) - X", &why), -22);
}

static void transmittal_parts(void **state)
{
	struct transmittal t;
	struct docname_error why;

	(void)state;
	assert_true(transmittal_parse("123456-EM-SUB-0001 (IFR) - X", &t, &why) < 0);
	assert_int_equal(why.part, DOCPART_DATE);
	assert_string_equal(why.text, "a transmittal begins with its date, as in 2025-10-31_");
}

static void tables(void **state)
{
	static const char order_of[] = "BCNQ";
	enum docstatus s;

	(void)state;
	assert_int_equal(DOCSTATUS_COUNT, 16);
	for (enum docstatus i = 0; i < DOCSTATUS_COUNT; i++) {
		assert_true(docstatus_find(docstatus_word(i), &s));
		assert_int_equal(s, i);
		assert_true(strlen(docstatus_meaning(i)) > 3);
	}
	assert_false(docstatus_find("", &s) || docstatus_find("IF", &s) || docstatus_find("ifr", &s) || docstatus_find("IFRR", &s));
	for (enum docmod m = DOCMOD_NONE + 1; m < DOCMOD_COUNT; m++)
		assert_int_equal(docmod_letter(m), order_of[m - 1]);
	assert_int_equal(docmod_letter(DOCMOD_NONE), '\0');
	assert_string_equal(docpart_word(DOCPART_TRACKING), "tracking number");
	assert_string_equal(docmod_meaning(DOCMOD_COMMENT), "comments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_names), cmocka_unit_test(parts), cmocka_unit_test(refused_names), cmocka_unit_test(length),
		cmocka_unit_test(order), cmocka_unit_test(order_by_value), cmocka_unit_test(whole_names), cmocka_unit_test(comments),
		cmocka_unit_test(transmittals), cmocka_unit_test(refused_directories), cmocka_unit_test(transmittal_parts),
		cmocka_unit_test(tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
