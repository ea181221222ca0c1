/* The engine, on a table that has every type: each error and the field it names, what is read behind it, and encoding. */
#include "notation.h"
#include "schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct demo {
	struct slice text, bytes, map, secret;
	int64_t number, span;
	bool flag;
	struct slice_list list, pems, blobs, raws;
};

/* clang-format off */
static const struct field fields[] = {
	FIELD(demo, text, TEXT, REQUIRED, 1, 8, "A text."),
	FIELD_NAMED(demo, text, "old_text", TEXT, OPTIONAL, 1, 8, FIELD_ALIAS, "An older name."),
	FIELD(demo, number, INT, OPTIONAL, -5, 100, "A number."),
	FIELD(demo, span, SPAN, OPTIONAL, 0, 7200, "A duration."),
	FIELD(demo, flag, BOOL, OPTIONAL, 0, 1, "A flag."),
	FIELD_NAMED(demo, flag, "old_flag", BOOL, OPTIONAL, 0, 1, FIELD_ALIAS, "An older name."),
	FIELD_NAMED(demo, bytes, "bytes", BYTES, OPTIONAL, 2, 4, FIELD_NULLABLE, "Bytes."),
	FIELD(demo, list, LIST, OPTIONAL, 0, 3, "A list."),
	FIELD_NAMED(demo, list, "old_list", LIST, OPTIONAL, 0, 3, FIELD_ALIAS, "An older name."),
	FIELD_NAMED(demo, pems, "pems", LIST, OPTIONAL, 0, 3, FIELD_LONG, "Long texts."),
	FIELD(demo, blobs, BLOBS, OPTIONAL, 0, 2, "Blobs."),
	FIELD(demo, map, MAP, OPTIONAL, 1, 12, "A map."),
	FIELD(demo, raws, RAWS, OPTIONAL, 0, 2, "Anything."),
	FIELD_NAMED(demo, secret, "secret", TEXT, OPTIONAL, 1, 8, FIELD_SECRET, "A secret."),
};
/* clang-format on */
static const struct schema schema = SCHEMA("demo", demo, fields);
static const struct schema open_schema = SCHEMA_OPEN("demo", demo, fields);

static const struct demo nothing = { .number = SCHEMA_ABSENT, .span = SCHEMA_ABSENT };

struct fixture {
	struct buf in, out;
	struct arena arena;
	struct demo demo;
	uint64_t seen;
	struct err e;
};

static struct fixture
fixture_new(void)
{
	struct fixture f = { .demo = nothing };

	buf_init(&f.in, 1 << 20);
	buf_init(&f.out, 1 << 20);
	return f;
}

static void
fixture_done(struct fixture *f)
{
	buf_done(&f->in);
	buf_done(&f->out);
	arena_done(&f->arena);
}

static bool
decode(struct fixture *f, const struct schema *s, const char *text)
{
	return schema_decode(s, notation_pack(&f->in, text), &f->arena, &f->demo, &f->seen, &f->e);
}

/* What is taken, and what stands then, written again: in the table's order, each value in its one form. */
static const struct {
	const char *in, *out;
} good[] = {
	{ "{'text': 'a'}", "{'text': 'a', 'flag': false}" },
	{ "{'old_text': 'a'}", "{'text': 'a', 'flag': false}" },
	{ "{'old_text': 'a', 'text': 'a'}", "{'text': 'a', 'flag': false}" },
	{ "{'text': '12345678'}", "{'text': '12345678', 'flag': false}" },
	{ "{'text': 'a', 'number': -5}", "{'text': 'a', 'number': -5, 'flag': false}" },
	{ "{'number': 100, 'text': 'a'}", "{'text': 'a', 'number': 100, 'flag': false}" },
	{ "{'text': 'a', 'number': '42'}", "{'text': 'a', 'number': 42, 'flag': false}" },
	{ "{'text': 'a', 'number': '-5'}", "{'text': 'a', 'number': -5, 'flag': false}" },
	{ "{'text': 'a', 'number': '0000000000000000000000007'}",
	    "{'text': 'a', 'number': 7, 'flag': false}" },
	{ "{'text': 'a', 'number': <d3 00 00 00 00 00 00 00 05>}",
	    "{'text': 'a', 'number': 5, 'flag': false}" },
	{ "{'text': 'a', 'span': 60}", "{'text': 'a', 'span': 60, 'flag': false}" },
	{ "{'text': 'a', 'span': '2h'}", "{'text': 'a', 'span': 7200, 'flag': false}" },
	{ "{'text': 'a', 'span': '90'}", "{'text': 'a', 'span': 90, 'flag': false}" },
	{ "{'text': 'a', 'span': ''}", "{'text': 'a', 'span': 0, 'flag': false}" },
	{ "{'text': 'a', 'flag': true}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': 'true'}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': 'True'}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': 'TRUE'}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': 't'}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': 'T'}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': '1'}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'flag': 'false'}", "{'text': 'a', 'flag': false}" },
	{ "{'text': 'a', 'flag': 'F'}", "{'text': 'a', 'flag': false}" },
	{ "{'text': 'a', 'flag': '0'}", "{'text': 'a', 'flag': false}" },
	{ "{'text': 'a', 'old_flag': 'true', 'flag': true}", "{'text': 'a', 'flag': true}" },
	{ "{'text': 'a', 'bytes': b'xy'}", "{'text': 'a', 'flag': false, 'bytes': b'xy'}" },
	{ "{'text': 'a', 'bytes': nil}", "{'text': 'a', 'flag': false}" },
	{ "{'text': 'a', 'list': []}", "{'text': 'a', 'flag': false, 'list': []}" },
	{ "{'text': 'a', 'list': ''}", "{'text': 'a', 'flag': false, 'list': []}" },
	{ "{'text': 'a', 'list': ' , ,,'}", "{'text': 'a', 'flag': false, 'list': []}" },
	{ "{'text': 'a', 'list': ['x', 'y,z']}",
	    "{'text': 'a', 'flag': false, 'list': ['x', 'y,z']}" },
	{ "{'text': 'a', 'list': 'x'}", "{'text': 'a', 'flag': false, 'list': ['x']}" },
	{ "{'text': 'a', 'list': ' x ,, y z\t,w,'}",
	    "{'text': 'a', 'flag': false, 'list': ['x', 'y z', 'w']}" },
	{ "{'text': 'a', 'old_list': 'x,y', 'list': ['x', 'y']}",
	    "{'text': 'a', 'flag': false, 'list': ['x', 'y']}" },
	{ "{'text': 'a', 'pems': ['x,y']}", "{'text': 'a', 'flag': false, 'pems': ['x,y']}" },
	{ "{'text': 'a', 'blobs': [b'x', b'']}",
	    "{'text': 'a', 'flag': false, 'blobs': [b'x', b'']}" },
	{ "{'text': 'a', 'map': {'k': [1, 2]}}",
	    "{'text': 'a', 'flag': false, 'map': {'k': [1, 2]}}" },
	{ "{'text': 'a', 'map': {}}", "{'text': 'a', 'flag': false, 'map': {}}" },
	{ "{'text': 'a', 'raws': [{}, <ca 00 00 00 00>]}",
	    "{'text': 'a', 'flag': false, 'raws': [{}, <ca 00 00 00 00>]}" },
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct fixture f = fixture_new();
		struct buf again SCOPED_BUF;
		struct writer w = { &f.out };

		buf_init(&again, 1 << 20);
		if (!decode(&f, &schema, good[i].in))
			fail_msg("%s: refused: %s", good[i].in, f.e.msg);
		schema_encode(&schema, &f.demo, &w);
		if (!slice_eq(buf_slice(&f.out), notation_pack(&again, good[i].out)))
			fail_msg("%s: not what was expected, %s", good[i].in, good[i].out);
		fixture_done(&f);
	}
}

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
		struct fixture f = fixture_new();

		if (decode(&f, &schema, bad[i].in))
			fail_msg("%s: taken", bad[i].in);
		if (f.e.code != bad[i].code || strcmp(f.e.field, bad[i].field) != 0 ||
		    f.e.msg[0] == '\0')
			fail_msg("%s: expected %s of \"%s\", came %s of \"%s\": %s", bad[i].in,
			    err_name(bad[i].code), bad[i].field, err_name(f.e.code), f.e.field,
			    f.e.msg);
		fixture_done(&f);
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
		struct fixture f = fixture_new();
		char text[200];

		snprintf(
		    text, sizeof(text), "{'text': 'a', %s, 'span': 5, 'flag': true}", errors[i]);
		assert_false(decode(&f, &schema, text));
		if (!slice_is(f.demo.text, "a") || f.demo.span != 5 || !f.demo.flag)
			fail_msg("%s: a good field was lost", text);
		assert_true(schema_seen(&schema, f.seen, "span"));
		fixture_done(&f);
	}
}

/* Broken bytes end the reading; what was read stands. */
static void
test_cut_short(void **state)
{
	struct fixture f = fixture_new();
	struct slice whole = notation_pack(&f.in, "{'text': 'a', 'span': 5, 'list': ['x', 'y']}");

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		f.demo = nothing;
		if (schema_decode(
			&schema, slice_of(whole.data, len), &f.arena, &f.demo, &f.seen, &f.e))
			fail_msg("%zu of %zu bytes were taken", len, whole.len);
		assert_int_equal(f.e.code, ERR_MALFORMED);
		if ((f.demo.text.data != NULL) != (len >= 8) || (f.demo.span == 5) != (len >= 14) ||
		    f.demo.list.items != NULL)
			fail_msg("%zu bytes: not what can be read of them", len);
	}
	fixture_done(&f);
}

static void
test_seen(void **state)
{
	struct fixture f = fixture_new();

	(void)state;
	assert_true(decode(&f, &schema, "{'old_text': 'a', 'flag': false, 'bytes': nil}"));
	assert_true(schema_seen(&schema, f.seen, "text"));
	assert_true(schema_seen(&schema, f.seen, "old_text"));
	assert_true(schema_seen(&schema, f.seen, "flag"));
	assert_false(schema_seen(&schema, f.seen, "number"));
	assert_false(schema_seen(&schema, f.seen, "bytes"));
	fixture_done(&f);
}

/* Absent fields keep what the caller set. */
static void
test_defaults_stay(void **state)
{
	struct fixture f = fixture_new();

	(void)state;
	f.demo.number = 77;
	f.demo.flag = true;
	assert_true(decode(&f, &schema, "{'text': 'a'}"));
	assert_int_equal(f.demo.number, 77);
	assert_true(f.demo.flag);
	fixture_done(&f);
}

static void
test_open(void **state)
{
	struct fixture f = fixture_new();

	(void)state;
	assert_true(decode(&f, &open_schema, "{'newer': {'x': [1]}, 'text': 'a', 'newest': nil}"));
	assert_true(slice_is(f.demo.text, "a"));
	assert_false(decode(&f, &open_schema, "{'newer': 1, 'text': 2}"));
	assert_false(decode(&f, &open_schema, "{'text': 'a', 'newer': <c1>}"));
	fixture_done(&f);
}

static void
test_item_sizes(void **state)
{
	struct fixture f = fixture_new();
	static const struct {
		const char *name;
		size_t len;
		bool good;
	} cases[] = { { "list", 1024, true }, { "list", 1025, false }, { "pems", 65536, true },
		{ "pems", 65537, false } };
	uint8_t filler[65537];

	(void)state;
	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = { &f.in };
		struct arena a SCOPED_ARENA = { 0 };
		bool taken;

		buf_clear(&f.in);
		writer_map(&w, 2);
		writer_cstr(&w, "text");
		writer_cstr(&w, "a");
		writer_cstr(&w, cases[i].name);
		writer_array(&w, 1);
		writer_text(&w, slice_of(filler, cases[i].len));
		taken = schema_decode(&schema, buf_slice(&f.in), &a, &f.demo, &f.seen, &f.e);
		if (taken != cases[i].good)
			fail_msg("%s with an item of %zu: %d", cases[i].name, cases[i].len, taken);
	}
	fixture_done(&f);
}

/* An attacker names the unknown field: the error is one clean line, cut to its size. */
static void
test_unknown_name(void **state)
{
	struct fixture f = fixture_new();

	(void)state;
	assert_false(decode(&f, &schema,
	    "{<bf 0a 1b 5b 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50 51 52 53 54 55 56 57 58 59 5a 61 62>: 1}"));
	assert_string_equal(f.e.field, "??[ABCDEFGHIJKLMNOPQRSTUVWXYZab");
	assert_false(decode(&f, &schema,
	    "{'0123456789012345678901234567890123456789012345678901234567890123456789': 1}"));
	assert_int_equal(strlen(f.e.field), sizeof(f.e.field) - 1);
	fixture_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_reads_on),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_defaults_stay),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_item_sizes),
		cmocka_unit_test(test_unknown_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
