/* Each number and length in its shortest form, byte for byte. */
#include "writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	int64_t value;
	struct slice bytes;
} ints[] = {
	{ 0, SLICE_INIT("\x00") },
	{ 127, SLICE_INIT("\x7f") },
	{ 128, SLICE_INIT("\xcc\x80") },
	{ 255, SLICE_INIT("\xcc\xff") },
	{ 256, SLICE_INIT("\xcd\x01\x00") },
	{ 65535, SLICE_INIT("\xcd\xff\xff") },
	{ 65536, SLICE_INIT("\xce\x00\x01\x00\x00") },
	{ 4294967295, SLICE_INIT("\xce\xff\xff\xff\xff") },
	{ 4294967296, SLICE_INIT("\xcf\x00\x00\x00\x01\x00\x00\x00\x00") },
	{ INT64_MAX, SLICE_INIT("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff") },
	{ -1, SLICE_INIT("\xff") },
	{ -32, SLICE_INIT("\xe0") },
	{ -33, SLICE_INIT("\xd0\xdf") },
	{ -128, SLICE_INIT("\xd0\x80") },
	{ -129, SLICE_INIT("\xd1\xff\x7f") },
	{ -32768, SLICE_INIT("\xd1\x80\x00") },
	{ -32769, SLICE_INIT("\xd2\xff\xff\x7f\xff") },
	{ INT32_MIN, SLICE_INIT("\xd2\x80\x00\x00\x00") },
	{ (int64_t)INT32_MIN - 1, SLICE_INIT("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff") },
	{ INT64_MIN, SLICE_INIT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00") },
};

static void
expect_front(const struct buf *b, const char *what, long long which, struct slice front, size_t len)
{
	struct slice came = buf_slice(b);

	if (b->failed || came.len != len || !slice_eq(slice_of(came.data, front.len), front))
		fail_msg("%s %lld: %zu bytes, beginning with %02x, expected %zu with %02x", what,
		    which, came.len, came.data[0], len, front.data[0]);
}

static void
test_ints(void **state)
{
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		buf_clear(&b);
		writer_int(&w, ints[i].value);
		expect_front(&b, "int", ints[i].value, ints[i].bytes, ints[i].bytes.len);
	}
}

enum kind { TEXT, BYTES, ARRAY, MAP };

static const struct {
	enum kind kind;
	size_t len;
	struct slice front;
} lengths[] = {
	{ TEXT, 0, SLICE_INIT("\xa0") },
	{ TEXT, 31, SLICE_INIT("\xbf") },
	{ TEXT, 32, SLICE_INIT("\xd9\x20") },
	{ TEXT, 255, SLICE_INIT("\xd9\xff") },
	{ TEXT, 256, SLICE_INIT("\xda\x01\x00") },
	{ TEXT, 65535, SLICE_INIT("\xda\xff\xff") },
	{ TEXT, 65536, SLICE_INIT("\xdb\x00\x01\x00\x00") },
	{ BYTES, 0, SLICE_INIT("\xc4\x00") },
	{ BYTES, 255, SLICE_INIT("\xc4\xff") },
	{ BYTES, 256, SLICE_INIT("\xc5\x01\x00") },
	{ BYTES, 65535, SLICE_INIT("\xc5\xff\xff") },
	{ BYTES, 65536, SLICE_INIT("\xc6\x00\x01\x00\x00") },
	{ ARRAY, 0, SLICE_INIT("\x90") },
	{ ARRAY, 15, SLICE_INIT("\x9f") },
	{ ARRAY, 16, SLICE_INIT("\xdc\x00\x10") },
	{ ARRAY, 65535, SLICE_INIT("\xdc\xff\xff") },
	{ ARRAY, 65536, SLICE_INIT("\xdd\x00\x01\x00\x00") },
	{ MAP, 0, SLICE_INIT("\x80") },
	{ MAP, 15, SLICE_INIT("\x8f") },
	{ MAP, 16, SLICE_INIT("\xde\x00\x10") },
	{ MAP, 65535, SLICE_INIT("\xde\xff\xff") },
	{ MAP, 65536, SLICE_INIT("\xdf\x00\x01\x00\x00") },
};

static void
write_length(struct writer *w, enum kind kind, size_t len)
{
	static const uint8_t content[65536] = { 'x' };

	if (kind == TEXT)
		writer_text(w, slice_of(content, len));
	else if (kind == BYTES)
		writer_bytes(w, slice_of(content, len));
	else if (kind == ARRAY)
		writer_array(w, len);
	else
		writer_map(w, len);
}

static void
test_lengths(void **state)
{
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	(void)state;
	buf_init(&b, 70000);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		bool content = lengths[i].kind == TEXT || lengths[i].kind == BYTES;

		buf_clear(&b);
		write_length(&w, lengths[i].kind, lengths[i].len);
		expect_front(&b, "length", (long long)i, lengths[i].front,
		    lengths[i].front.len + (content ? lengths[i].len : 0));
		if (content && lengths[i].len > 0)
			assert_int_equal(b.data[lengths[i].front.len], 'x');
	}
}

static void
test_rest(void **state)
{
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	(void)state;
	buf_init(&b, 100);
	writer_array(&w, 5);
	writer_nil(&w);
	writer_bool(&w, true);
	writer_bool(&w, false);
	writer_cstr(&w, "hi");
	writer_raw(&w, SLICE_LITERAL("\x81\x01\x02"));
	assert_true(slice_eq(buf_slice(&b), SLICE_LITERAL("\x95\xc0\xc3\xc2\xa2hi\x81\x01\x02")));
}

static void
test_full(void **state)
{
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	(void)state;
	buf_init(&b, 4);
	writer_cstr(&w, "abcd");
	assert_true(b.failed);
	writer_nil(&w);
	assert_true(b.failed);
	assert_true(b.len <= 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ints),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
