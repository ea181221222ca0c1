/* Every msgpack format byte, whole and cut short; lengths that lie; nesting. */
#include "cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A run of format bytes and an object that begins with each: the byte, then `tail`. */
static const struct {
	uint8_t first, last;
	enum cursor_type type;
	size_t tail;
	const char *bytes; /* NULL: zeros */
} formats[] = {
	{ 0x00, 0x7f, CURSOR_INT, 0, NULL },
	{ 0x80, 0x80, CURSOR_MAP, 0, NULL },
	{ 0x81, 0x81, CURSOR_MAP, 2, NULL },
	{ 0x8f, 0x8f, CURSOR_MAP, 30, NULL },
	{ 0x90, 0x90, CURSOR_ARRAY, 0, NULL },
	{ 0x91, 0x91, CURSOR_ARRAY, 1, NULL },
	{ 0x9f, 0x9f, CURSOR_ARRAY, 15, NULL },
	{ 0xa0, 0xa0, CURSOR_TEXT, 0, NULL },
	{ 0xa1, 0xa1, CURSOR_TEXT, 1, "a" },
	{ 0xbf, 0xbf, CURSOR_TEXT, 31, "abcdefghijklmnopqrstuvwxyz01234" },
	{ 0xc0, 0xc0, CURSOR_NIL, 0, NULL },
	{ 0xc2, 0xc3, CURSOR_BOOL, 0, NULL },
	{ 0xc4, 0xc4, CURSOR_BYTES, 1, "\x00" },
	{ 0xc4, 0xc4, CURSOR_BYTES, 3, "\x02\xff\xfe" },
	{ 0xc5, 0xc5, CURSOR_BYTES, 4, "\x00\x02\xff\xfe" },
	{ 0xc6, 0xc6, CURSOR_BYTES, 6, "\x00\x00\x00\x02\xff\xfe" },
	{ 0xc7, 0xc7, CURSOR_EXT, 2, "\x00\x05" },
	{ 0xc7, 0xc7, CURSOR_EXT, 5, "\x03\x05xyz" },
	{ 0xc8, 0xc8, CURSOR_EXT, 6, "\x00\x03\x05xyz" },
	{ 0xc9, 0xc9, CURSOR_EXT, 8, "\x00\x00\x00\x03\x05xyz" },
	{ 0xca, 0xca, CURSOR_FLOAT, 4, NULL },
	{ 0xcb, 0xcb, CURSOR_FLOAT, 8, NULL },
	{ 0xcc, 0xcc, CURSOR_INT, 1, NULL },
	{ 0xcd, 0xcd, CURSOR_INT, 2, NULL },
	{ 0xce, 0xce, CURSOR_INT, 4, NULL },
	{ 0xcf, 0xcf, CURSOR_INT, 8, NULL },
	{ 0xd0, 0xd0, CURSOR_INT, 1, NULL },
	{ 0xd1, 0xd1, CURSOR_INT, 2, NULL },
	{ 0xd2, 0xd2, CURSOR_INT, 4, NULL },
	{ 0xd3, 0xd3, CURSOR_INT, 8, NULL },
	{ 0xd4, 0xd4, CURSOR_EXT, 2, NULL },
	{ 0xd5, 0xd5, CURSOR_EXT, 3, NULL },
	{ 0xd6, 0xd6, CURSOR_EXT, 5, NULL },
	{ 0xd7, 0xd7, CURSOR_EXT, 9, NULL },
	{ 0xd8, 0xd8, CURSOR_EXT, 17, NULL },
	{ 0xd9, 0xd9, CURSOR_TEXT, 3, "\x02hi" },
	{ 0xda, 0xda, CURSOR_TEXT, 4, "\x00\x02hi" },
	{ 0xdb, 0xdb, CURSOR_TEXT, 6, "\x00\x00\x00\x02hi" },
	{ 0xdc, 0xdc, CURSOR_ARRAY, 4, "\x00\x02\x01\x02" },
	{ 0xdd, 0xdd, CURSOR_ARRAY, 6, "\x00\x00\x00\x02\x01\x02" },
	{ 0xde, 0xde, CURSOR_MAP, 4, "\x00\x01\x01\x02" },
	{ 0xdf, 0xdf, CURSOR_MAP, 6, "\x00\x00\x00\x01\x01\x02" },
	{ 0xe0, 0xff, CURSOR_INT, 0, NULL },
};

/* One object of `size` bytes: whole, with a byte behind it, and each of its beginnings. */
static void
check_object(const uint8_t *bytes, size_t size, enum cursor_type type)
{
	struct cursor c = cursor_of(slice_of(bytes, size + 1));
	struct slice raw;

	if (cursor_peek(&c) != type)
		fail_msg("%02x: type %d expected, %d came", bytes[0], type, cursor_peek(&c));
	if (!cursor_skip(&c, &raw) || raw.len != size || c.at != bytes + size)
		fail_msg("%02x: not passed over as %zu bytes", bytes[0], size);
	if (cursor_check(slice_of(bytes, size + 1)))
		fail_msg("%02x: a byte behind it was taken", bytes[0]);
	if (!cursor_check(slice_of(bytes, size)))
		fail_msg("%02x: refused", bytes[0]);
	for (size_t cut = 0; cut < size; cut++) {
		c = cursor_of(slice_of(bytes, cut));
		if (cursor_skip(&c, &raw) || !c.failed)
			fail_msg("%02x: taken with %zu of %zu bytes", bytes[0], cut, size);
	}
}

static void
test_formats(void **state)
{
	bool covered[256] = { [0xc1] = true };

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		for (unsigned byte = formats[i].first; byte <= formats[i].last; byte++) {
			uint8_t bytes[64] = { (uint8_t)byte };

			if (formats[i].bytes != NULL)
				memcpy(bytes + 1, formats[i].bytes, formats[i].tail);
			check_object(bytes, 1 + formats[i].tail, formats[i].type);
			covered[byte] = true;
		}
	for (unsigned byte = 0; byte < 256; byte++)
		if (!covered[byte] && (byte < 0x80 || byte > 0xbf))
			fail_msg("no case for the format byte %02x", byte);
}

static void
test_broken_byte(void **state)
{
	struct cursor c = cursor_of(SLICE_LITERAL("\xc1"));

	(void)state;
	assert_int_equal(cursor_peek(&c), CURSOR_END);
	assert_false(cursor_check(SLICE_LITERAL("\xc1")));
	assert_false(cursor_check(SLICE_LITERAL("\x92\x01\xc1")));
	assert_false(cursor_check(SLICE_LITERAL("")));
	assert_false(cursor_check(SLICE_NONE));
}

static const struct {
	struct slice bytes;
	bool good;
	int64_t value;
} ints[] = {
	{ SLICE_INIT("\x00"), true, 0 },
	{ SLICE_INIT("\x7f"), true, 127 },
	{ SLICE_INIT("\xff"), true, -1 },
	{ SLICE_INIT("\xe0"), true, -32 },
	{ SLICE_INIT("\xcc\xff"), true, 255 },
	{ SLICE_INIT("\xcd\xff\xff"), true, 65535 },
	{ SLICE_INIT("\xce\xff\xff\xff\xff"), true, 4294967295 },
	{ SLICE_INIT("\xcf\x00\x00\x00\x00\x00\x00\x00\x05"), true, 5 },
	{ SLICE_INIT("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), true, INT64_MAX },
	{ SLICE_INIT("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), false, 0 },
	{ SLICE_INIT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), false, 0 },
	{ SLICE_INIT("\xd0\x7f"), true, 127 },
	{ SLICE_INIT("\xd0\x80"), true, -128 },
	{ SLICE_INIT("\xd1\x80\x00"), true, -32768 },
	{ SLICE_INIT("\xd1\x00\x01"), true, 1 },
	{ SLICE_INIT("\xd2\x80\x00\x00\x00"), true, INT32_MIN },
	{ SLICE_INIT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), true, INT64_MIN },
	{ SLICE_INIT("\xd3\xff\xff\xff\xff\xff\xff\xff\xff"), true, -1 },
	{ SLICE_INIT("\xca\x00\x00\x00\x00"), false, 0 },
};

static void
test_ints(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		struct cursor c = cursor_of(ints[i].bytes);
		int64_t value = 0;
		bool good = cursor_int(&c, &value);

		if (good != ints[i].good || value != ints[i].value)
			fail_msg("case %zu (%02x): expected %d %lld, came %d %lld", i,
			    ints[i].bytes.data[0], ints[i].good, (long long)ints[i].value, good,
			    (long long)value);
		assert_int_equal(c.failed, !good);
		assert_int_equal(cursor_at_end(&c), good);
	}
}

/* Each claims more than there is. None may be believed, and nothing is allocated (there is no allocation in a cursor). */
static const struct slice liars[] = {
	SLICE_INIT("\xdd\xff\xff\xff\xff"),
	SLICE_INIT("\xdf\xff\xff\xff\xff"),
	SLICE_INIT("\xdc\xff\xff"),
	SLICE_INIT("\xde\xff\xff"),
	SLICE_INIT("\xdb\xff\xff\xff\xff"),
	SLICE_INIT("\xc6\xff\xff\xff\xff"),
	SLICE_INIT("\xc9\xff\xff\xff\xff"),
	SLICE_INIT("\xc9\xff\xff\xff\xff\x01"),
	SLICE_INIT("\xdd\x00\x00\x00\x02\x01"),
	SLICE_INIT("\xdf\x00\x00\x00\x01\x01"),
	SLICE_INIT("\xdf\x80\x00\x00\x00\x01\x01"), /* twice the count is 0 in 32 bits */
	SLICE_INIT("\x92\x01"),
	SLICE_INIT("\x81\x01"),
	SLICE_INIT("\x91\xdd\xff\xff\xff\xff"),
	SLICE_INIT("\x92\x91\x01"),
};

static void
test_liars(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(liars) / sizeof(liars[0]); i++)
		if (cursor_check(liars[i]))
			fail_msg("case %zu was taken", i);
}

/* A count is believed up to what the bytes behind it can hold, and no further. */
static void
test_counts(void **state)
{
	static const struct {
		struct slice bytes;
		bool good;
	} cases[] = {
		{ SLICE_INIT("\xdc\x00\x02\x01\x02"), true },
		{ SLICE_INIT("\xdc\x00\x03\x01\x02"), false },
		{ SLICE_INIT("\xde\x00\x01\x01\x02\x03"), true },
		{ SLICE_INIT("\xde\x00\x02\x01\x02\x03"), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor c = cursor_of(cases[i].bytes);
		uint32_t count;
		bool map = cursor_peek(&c) == CURSOR_MAP;

		if ((map ? cursor_map(&c, &count) : cursor_array(&c, &count)) != cases[i].good)
			fail_msg("case %zu was %s", i, cases[i].good ? "refused" : "taken");
	}
}

static void
fill_nested(uint8_t *bytes, unsigned depth, bool map)
{
	size_t at = 0;

	for (unsigned i = 0; i < depth; i++) {
		bytes[at++] = map ? 0x81 : 0x91;
		if (map)
			bytes[at++] = 0x01;
	}
	bytes[at] = 0xc0;
}

static void
test_depth(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 20; depth++)
		for (unsigned map = 0; map < 2; map++)
			for (unsigned above = 0; above <= CURSOR_DEPTH_MAX; above++) {
				uint8_t bytes[64];
				struct slice all = slice_of(bytes, depth * (1 + map) + 1), raw;
				struct cursor c = cursor_of(all);
				bool good = depth + above <= CURSOR_DEPTH_MAX;

				fill_nested(bytes, depth, map);
				c.depth = above;
				if (cursor_skip(&c, &raw) != good || c.too_deep == good)
					fail_msg("%u containers under %u: %s", depth, above,
					    good ? "refused" : "taken");
			}
	/* an empty one counts, too */
	assert_true(cursor_check(SLICE_LITERAL("\x91\x91\x91\x91\x91\x91\x91\x90")));
	assert_false(cursor_check(SLICE_LITERAL("\x91\x91\x91\x91\x91\x91\x91\x91\x80")));
	/* siblings do not */
	assert_true(
	    cursor_check(SLICE_LITERAL("\x9a\x90\x90\x90\x90\x91\x90\x90\x90\x90\x90\x90")));
}

/* What a reader read: the one that is not its type's stays as it was. */
struct readings {
	struct slice slice;
	uint32_t count;
	int64_t number;
	bool flag;
};

static bool
read_as(enum cursor_type type, struct cursor *c, struct readings *ret)
{
	switch (type) {
	case CURSOR_NIL:
		return cursor_nil(c);
	case CURSOR_BOOL:
		return cursor_bool(c, &ret->flag);
	case CURSOR_INT:
		return cursor_int(c, &ret->number);
	case CURSOR_TEXT:
		return cursor_text(c, &ret->slice);
	case CURSOR_BYTES:
		return cursor_bytes(c, &ret->slice);
	case CURSOR_ARRAY:
		return cursor_array(c, &ret->count);
	case CURSOR_MAP:
		return cursor_map(c, &ret->count);
	case CURSOR_FLOAT:
	case CURSOR_EXT:
	case CURSOR_END:
		break;
	}
	fail_msg("there is no reader for type %d", type);
	return false;
}

static const struct {
	enum cursor_type type;
	struct slice bytes;
	struct readings readings;
} objects[] = {
	{ CURSOR_NIL, SLICE_INIT("\xc0"), { .count = 0 } },
	{ CURSOR_BOOL, SLICE_INIT("\xc3"), { .flag = true } },
	{ CURSOR_INT, SLICE_INIT("\x05"), { .number = 5 } },
	{ CURSOR_FLOAT, SLICE_INIT("\xca\x00\x00\x00\x00"), { .count = 0 } },
	{ CURSOR_TEXT, SLICE_INIT("\xa1x"), { .slice = SLICE_INIT("x") } },
	{ CURSOR_BYTES, SLICE_INIT("\xc4\x01x"), { .slice = SLICE_INIT("x") } },
	{ CURSOR_ARRAY, SLICE_INIT("\x91\xc0"), { .count = 1 } },
	{ CURSOR_MAP, SLICE_INIT("\x81\xc0\xc0"), { .count = 1 } },
	{ CURSOR_EXT, SLICE_INIT("\xd4\x01\x01"), { .count = 0 } },
	{ CURSOR_END, SLICE_INIT(""), { .count = 0 } },
};

static void
check_reader(size_t object, enum cursor_type reader)
{
	struct cursor c = cursor_of(objects[object].bytes);
	const struct readings *expected = &objects[object].readings;
	struct readings came = { .count = 0 };
	struct slice s;

	if (read_as(reader, &c, &came) != (objects[object].type == reader))
		fail_msg("reader %d on type %d: the other way round", reader, objects[object].type);
	if (objects[object].type == reader) {
		assert_true(cursor_at_end(&c) || came.count == 1);
		assert_true(slice_eq(came.slice, expected->slice));
		assert_int_equal(came.count, expected->count);
		assert_int_equal(came.number, expected->number);
		assert_int_equal(came.flag, expected->flag);
	} else if (cursor_peek(&c) != CURSOR_END || cursor_skip(&c, &s) || cursor_at_end(&c)) {
		fail_msg("reader %d on type %d: the failure does not stick", reader,
		    objects[object].type);
	}
}

/* Every reader on an object of every type: only its own passes. */
static void
test_readers(void **state)
{
	static const enum cursor_type readers[] = { CURSOR_NIL, CURSOR_BOOL, CURSOR_INT,
		CURSOR_TEXT, CURSOR_BYTES, CURSOR_ARRAY, CURSOR_MAP };

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		for (size_t j = 0; j < sizeof(readers) / sizeof(readers[0]); j++)
			check_reader(i, readers[j]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_broken_byte),
		cmocka_unit_test(test_ints),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
