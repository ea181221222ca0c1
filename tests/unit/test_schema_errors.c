/* The engine: each error and the field that it names, and what is read behind it. */
#include "schema_demo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *in;
	enum err_code code;
	const char *field;
} bad[] = {
	{ "{}", ERR_MISSING_FIELD, "text" },
	{ "{'number': 1}", ERR_MISSING_FIELD, "text" },
	{ "{'text': 'a', 'nope': 1}", ERR_UNKNOWN_FIELD, "nope" },
	{ "{'text': 'a', 'Text': 'a'}", ERR_UNKNOWN_FIELD, "Text" },
	{ "{'text': 'a', '': 'a'}", ERR_UNKNOWN_FIELD, "" },
	{ "{'text': 'a', 'text': 'a'}", ERR_DUPLICATE_FIELD, "text" },
	{ "{'text': 'a', 'number': 1, 'number': 2}", ERR_DUPLICATE_FIELD, "number" },
	{ "{'text': 'a', 'bytes': nil, 'bytes': nil}", ERR_DUPLICATE_FIELD, "bytes" },
	{ "{'old_text': 'a', 'old_text': 'a'}", ERR_DUPLICATE_FIELD, "old_text" },
	{ "{'old_text': 'a', 'text': 'b'}", ERR_DUPLICATE_FIELD, "text" },
	{ "{'text': 'a', 'old_text': 'b'}", ERR_DUPLICATE_FIELD, "old_text" },
	{ "{'text': 'a', 'flag': false, 'old_flag': true}", ERR_DUPLICATE_FIELD, "old_flag" },
	{ "{'text': 'a', 'list': 'x', 'old_list': 'x,y'}", ERR_DUPLICATE_FIELD, "old_list" },
	{ "{'text': 'a', 'list': 'x,z', 'old_list': 'x,y'}", ERR_DUPLICATE_FIELD, "old_list" },
	/* types */
	{ "{'text': 1}", ERR_WRONG_TYPE, "text" },
	{ "{'text': nil}", ERR_WRONG_TYPE, "text" },
	{ "{'text': b'a'}", ERR_WRONG_TYPE, "text" },
	{ "{'old_text': 1}", ERR_WRONG_TYPE, "old_text" },
	{ "{'text': 'a', 'number': true}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'number': <ca 3f 80 00 00>}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'number': ''}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'number': '-'}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'number': '+1'}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'number': '1 '}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'number': '0x10'}", ERR_WRONG_TYPE, "number" },
	{ "{'text': 'a', 'span': true}", ERR_WRONG_TYPE, "span" },
	{ "{'text': 'a', 'flag': 1}", ERR_WRONG_TYPE, "flag" },
	{ "{'text': 'a', 'flag': 'yes'}", ERR_WRONG_TYPE, "flag" },
	{ "{'text': 'a', 'flag': ''}", ERR_WRONG_TYPE, "flag" },
	{ "{'text': 'a', 'flag': nil}", ERR_WRONG_TYPE, "flag" },
	{ "{'text': 'a', 'bytes': 'xy'}", ERR_WRONG_TYPE, "bytes" },
	{ "{'text': 'a', 'list': 1}", ERR_WRONG_TYPE, "list" },
	{ "{'text': 'a', 'list': {}}", ERR_WRONG_TYPE, "list" },
	{ "{'text': 'a', 'list': ['x', 1]}", ERR_WRONG_TYPE, "list" },
	{ "{'text': 'a', 'list': ['x', nil]}", ERR_WRONG_TYPE, "list" },
	{ "{'text': 'a', 'list': [['x']]}", ERR_WRONG_TYPE, "list" },
	{ "{'text': 'a', 'pems': 'x'}", ERR_WRONG_TYPE, "pems" },
	{ "{'text': 'a', 'blobs': b'x'}", ERR_WRONG_TYPE, "blobs" },
	{ "{'text': 'a', 'blobs': ['x']}", ERR_WRONG_TYPE, "blobs" },
	{ "{'text': 'a', 'map': []}", ERR_WRONG_TYPE, "map" },
	{ "{'text': 'a', 'map': nil}", ERR_WRONG_TYPE, "map" },
	{ "{'text': 'a', 'raws': {}}", ERR_WRONG_TYPE, "raws" },
	{ "{'text': 'a', 'raws': <d4 01 01>}", ERR_WRONG_TYPE, "raws" },
	/* ranges */
	{ "{'text': ''}", ERR_OUT_OF_RANGE, "text" },
	{ "{'text': '123456789'}", ERR_OUT_OF_RANGE, "text" },
	{ "{'text': 'a', 'number': -6}", ERR_OUT_OF_RANGE, "number" },
	{ "{'text': 'a', 'number': 101}", ERR_OUT_OF_RANGE, "number" },
	{ "{'text': 'a', 'number': '101'}", ERR_OUT_OF_RANGE, "number" },
	{ "{'text': 'a', 'number': '-99999999999999999999999'}", ERR_OUT_OF_RANGE, "number" },
	{ "{'text': 'a', 'number': '18446744073709551617'}", ERR_OUT_OF_RANGE, "number" },
	/* 40, if what passes 64 bits were forgotten at the next digit */
	{ "{'text': 'a', 'number': '184467440737095516200'}", ERR_OUT_OF_RANGE, "number" },
	{ "{'text': 'a', 'number': <cf ff ff ff ff ff ff ff ff>}", ERR_OUT_OF_RANGE, "number" },
	{ "{'text': 'a', 'span': -1}", ERR_OUT_OF_RANGE, "span" },
	{ "{'text': 'a', 'span': 7201}", ERR_OUT_OF_RANGE, "span" },
	{ "{'text': 'a', 'span': '3h'}", ERR_OUT_OF_RANGE, "span" },
	{ "{'text': 'a', 'bytes': b'x'}", ERR_OUT_OF_RANGE, "bytes" },
	{ "{'text': 'a', 'bytes': b'xxxxx'}", ERR_OUT_OF_RANGE, "bytes" },
	{ "{'text': 'a', 'list': ['w', 'x', 'y', 'z']}", ERR_OUT_OF_RANGE, "list" },
	{ "{'text': 'a', 'list': 'w,x,y,z'}", ERR_OUT_OF_RANGE, "list" },
	{ "{'text': 'a', 'blobs': [b'', b'', b'']}", ERR_OUT_OF_RANGE, "blobs" },
	{ "{'text': 'a', 'map': {'k': 'too long a text'}}", ERR_OUT_OF_RANGE, "map" },
	{ "{'text': 'a', 'raws': [1, 2, 3]}", ERR_OUT_OF_RANGE, "raws" },
	/* values */
	{ "{'text': <a2 c3 28>}", ERR_INVALID_VALUE, "text" },
	{ "{'text': <a3 61 00 62>}", ERR_INVALID_VALUE, "text" },
	{ "{'text': 'a', 'list': ['x', <a1 00>]}", ERR_INVALID_VALUE, "list" },
	{ "{'text': 'a', 'list': <a1 ff>}", ERR_INVALID_VALUE, "list" },
	{ "{'text': 'a', 'number': <a1 ff>}", ERR_INVALID_VALUE, "number" },
	{ "{'text': 'a', 'span': '3x'}", ERR_INVALID_VALUE, "span" },
	/* structure */
	{ "", ERR_MALFORMED, "" },
	{ "[]", ERR_MALFORMED, "" },
	{ "nil", ERR_MALFORMED, "" },
	{ "'text'", ERR_MALFORMED, "" },
	{ "<dd ff ff ff ff>", ERR_MALFORMED, "" },
	{ "<df ff ff ff ff>", ERR_MALFORMED, "" },
	{ "<81>", ERR_MALFORMED, "" },
	{ "<c1>", ERR_MALFORMED, "" },
	{ "{'text': 'a'} nil", ERR_MALFORMED, "" },
	{ "{'text': 'a', 1: 2}", ERR_MALFORMED, "" },
	{ "{'text': 'a', b'x': 2}", ERR_MALFORMED, "" },
	{ "{'text': 'a', <a1 ff>: 2}", ERR_MALFORMED, "" },
	{ "{'text': 'a', 'list': <dd ff ff ff ff>}", ERR_MALFORMED, "" },
	{ "{'text': 'a', 'map': [[[[[[[[]]]]]]]]}", ERR_MALFORMED, "" },
	{ "{'text': 'a', 'map': <c1>}", ERR_MALFORMED, "" },
	/* of two errors the first */
	{ "{'text': 1, 'nope': 1, 'number': 999}", ERR_WRONG_TYPE, "text" },
	{ "{'nope': 1, 'text': 1}", ERR_UNKNOWN_FIELD, "nope" },
	{ "{'number': 999}", ERR_OUT_OF_RANGE, "number" },
	{ "{'number': 999} nil", ERR_OUT_OF_RANGE, "number" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct demo_fixture f = demo_new();

		if (demo_decode(&f, &demo_schema, bad[i].in))
			fail_msg("%s: taken", bad[i].in);
		if (f.e.code != bad[i].code || strcmp(f.e.field, bad[i].field) != 0 ||
		    f.e.msg[0] == '\0')
			fail_msg("%s: expected %s of \"%s\", came %s of \"%s\": %s", bad[i].in,
			    err_name(bad[i].code), bad[i].field, err_name(f.e.code), f.e.field,
			    f.e.msg);
		demo_done(&f);
	}
}

/* An error in one field leaves every other one readable, in front of it and behind it. */
static void
test_reads_on(void **state)
{
	static const char *const errors[] = { "'nope': 1", "'number': 999", "'number': true",
		"'list': [1]", "1: 2", "<a1 ff>: [1, {}]", "'bytes': b'x'", "'text': 'other'" };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct demo_fixture f = demo_new();
		char text[200];

		snprintf(
		    text, sizeof(text), "{'text': 'a', %s, 'span': 5, 'flag': true}", errors[i]);
		assert_false(demo_decode(&f, &demo_schema, text));
		if (!slice_is(f.demo.text, "a") || f.demo.span != 5 || !f.demo.flag)
			fail_msg("%s: a good field was lost", text);
		assert_true(schema_seen(&demo_schema, f.seen, "span"));
		demo_done(&f);
	}
}

/* Broken bytes end the reading; what was read stands. */
static void
test_cut_short(void **state)
{
	struct demo_fixture f = demo_new();
	struct slice whole = notation_pack(&f.in, "{'text': 'a', 'span': 5, 'list': ['x', 'y']}");

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		f.demo = demo_nothing;
		if (schema_decode(
			&demo_schema, slice_of(whole.data, len), &f.arena, &f.demo, &f.seen, &f.e))
			fail_msg("%zu of %zu bytes were taken", len, whole.len);
		assert_int_equal(f.e.code, ERR_MALFORMED);
		if ((f.demo.text.data != NULL) != (len >= 8) || (f.demo.span == 5) != (len >= 14) ||
		    f.demo.list.items != NULL)
			fail_msg("%zu bytes: not what can be read of them", len);
	}
	demo_done(&f);
}

/* An attacker names the unknown field: the error is one clean line, cut to its size. */
static void
test_unknown_name(void **state)
{
	struct demo_fixture f = demo_new();

	(void)state;
	assert_false(demo_decode(&f, &demo_schema,
	    "{<bf 0a 1b 5b 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50 51 52 53 54 55 56 57 58 59 5a 61 62>: 1}"));
	assert_string_equal(f.e.field, "??[ABCDEFGHIJKLMNOPQRSTUVWXYZab");
	assert_false(demo_decode(&f, &demo_schema,
	    "{'0123456789012345678901234567890123456789012345678901234567890123456789': 1}"));
	assert_int_equal(strlen(f.e.field), sizeof(f.e.field) - 1);
	demo_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_reads_on),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_unknown_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
