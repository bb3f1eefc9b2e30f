/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"

static void objects(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	buf_addc(&b, '{');
	json_kv(&b, "a", "x");
	json_kv(&b, "none", NULL);
	json_kv_int(&b, "n", -9223372036854775807LL);
	json_kv_bool(&b, "yes", true);
	json_kv_bool(&b, "no", false);
	json_key(&b, "list");
	buf_addc(&b, '[');
	json_sep(&b);
	json_str(&b, "1");
	json_sep(&b);
	json_str(&b, "[");
	json_sep(&b);
	json_str(&b, "3");
	buf_adds(&b, "]}");
	assert_string_equal(buf_str(&b),
			    "{\"a\":\"x\",\"none\":null,\"n\":-9223372036854775807,\"yes\":true,\"no\":false,\"list\":[\"1\",\"[\",\"3\"]}");
}

/* Another reader must get back what was put in, for every byte that may stand in text. */
static void read_back(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0x80; c++) {
		AUTO_BUF b = BUF_INIT;
		char text[] = {'a', (char)c, 'b', 0};
		json_t *v;

		json_str(&b, text);
		v = json_loads(buf_str(&b), JSON_DECODE_ANY, NULL);
		assert_non_null(v);
		assert_string_equal(json_string_value(v), text);
		json_decref(v);
	}
}

static void utf8_stays(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	json_str(&b, "Müller \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_string_equal(buf_str(&b), "\"Müller \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

/* Line breaks outside ASCII are escaped: the same text serves as a YAML scalar. */
static void breaks_are_escaped(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	json_str(&b, "\xc2\x85 \xe2\x80\xa8 \xe2\x80\xa9 \xef\xbb\xbf \xc2\x9f \xef\xbf\xbe \xc2\xa0");
	assert_string_equal(buf_str(&b), "\"\\u0085 \\u2028 \\u2029 \\ufeff \\u009f \\ufffe \xc2\xa0\"");
}

/* Names of files are bytes: each that is not UTF-8 becomes one escape, so nothing is lost. */
static void bytes_are_kept(void **state)
{
	AUTO_BUF b = BUF_INIT;

	(void)state;
	json_str(&b, "a\xff" "b\xc3" "c\xed\xa0\x80");
	assert_string_equal(buf_str(&b), "\"a\\udcffb\\udcc3c\\udced\\udca0\\udc80\"");
	buf_reset(&b);
	json_quoted(&b, "a\0b", 3);
	assert_string_equal(buf_str(&b), "\"a\\u0000b\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),
		cmocka_unit_test(read_back),
		cmocka_unit_test(utf8_stays),
		cmocka_unit_test(breaks_are_escaped),
		cmocka_unit_test(bytes_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
