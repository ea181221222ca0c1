/* The engine: what is taken, in which forms, what stands then, and how it is written again. */
#include "schema_demo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct schema open_schema = SCHEMA_OPEN("demo", demo, demo_fields);

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
		struct demo_fixture f = demo_new();
		struct buf again SCOPED_BUF;
		struct writer w = { &f.out };

		buf_init(&again, 1 << 20);
		if (!demo_decode(&f, &demo_schema, good[i].in))
			fail_msg("%s: refused: %s", good[i].in, f.e.msg);
		schema_encode(&demo_schema, &f.demo, &w);
		if (!slice_eq(buf_slice(&f.out), notation_pack(&again, good[i].out)))
			fail_msg("%s: not what was expected, %s", good[i].in, good[i].out);
		demo_done(&f);
	}
}

static void
test_seen(void **state)
{
	struct demo_fixture f = demo_new();

	(void)state;
	assert_true(
	    demo_decode(&f, &demo_schema, "{'old_text': 'a', 'flag': false, 'bytes': nil}"));
	assert_true(schema_seen(&demo_schema, f.seen, "text"));
	assert_true(schema_seen(&demo_schema, f.seen, "old_text"));
	assert_true(schema_seen(&demo_schema, f.seen, "flag"));
	assert_false(schema_seen(&demo_schema, f.seen, "number"));
	assert_false(schema_seen(&demo_schema, f.seen, "bytes"));
	demo_done(&f);
}

/* Absent fields keep what the caller set. */
static void
test_defaults_stay(void **state)
{
	struct demo_fixture f = demo_new();

	(void)state;
	f.demo.number = 77;
	f.demo.flag = true;
	assert_true(demo_decode(&f, &demo_schema, "{'text': 'a'}"));
	assert_int_equal(f.demo.number, 77);
	assert_true(f.demo.flag);
	demo_done(&f);
}

static void
test_open(void **state)
{
	struct demo_fixture f = demo_new();

	(void)state;
	assert_true(
	    demo_decode(&f, &open_schema, "{'newer': {'x': [1]}, 'text': 'a', 'newest': nil}"));
	assert_true(slice_is(f.demo.text, "a"));
	assert_false(demo_decode(&f, &open_schema, "{'newer': 1, 'text': 2}"));
	assert_false(demo_decode(&f, &open_schema, "{'text': 'a', 'newer': <c1>}"));
	demo_done(&f);
}

static void
test_item_sizes(void **state)
{
	struct demo_fixture f = demo_new();
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
		taken = schema_decode(&demo_schema, buf_slice(&f.in), &a, &f.demo, &f.seen, &f.e);
		if (taken != cases[i].good)
			fail_msg("%s with an item of %zu: %d", cases[i].name, cases[i].len, taken);
	}
	demo_done(&f);
}

/* What a reader must find stands, if only as an empty list. */
static void
test_required_list(void **state)
{
	static const struct field rows[] = { FIELD(demo, list, LIST, REQUIRED, 0, 3, "A list.") };
	static const struct schema required = SCHEMA("required", demo, rows);
	struct demo_fixture f = demo_new();
	struct writer w = { &f.out };

	(void)state;
	schema_encode(&required, &f.demo, &w);
	assert_true(slice_eq(buf_slice(&f.out), notation_pack(&f.in, "{'list': []}")));
	demo_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_defaults_stay),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_item_sizes),
		cmocka_unit_test(test_required_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
