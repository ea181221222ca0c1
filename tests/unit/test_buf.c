#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
buf_appends(void **state)
{
	struct buf SCOPED_BUF b = { 0 };

	(void)state;
	buf_init(&b, 1000);
	assert_non_null(buf_slice(&b).data);
	assert_int_equal(buf_slice(&b).len, 0);
	buf_add_text(&b, "one ");
	buf_add_slice(&b, SLICE_LITERAL("two "));
	buf_add_slice(&b, SLICE_NONE);
	buf_add_byte(&b, '3');
	buf_printf(&b, " %s %d", "four", 5);
	assert_false(b.failed);
	assert_true(slice_is(buf_slice(&b), "one two 3 four 5"));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	buf_add_text(&b, "again");
	assert_true(slice_is(buf_slice(&b), "again"));
}

static void
buf_keeps_bytes_while_it_grows(void **state)
{
	struct buf SCOPED_BUF b = { 0 };

	(void)state;
	buf_init(&b, 100000);
	for (size_t i = 0; i < 100000; i++)
		buf_add_byte(&b, (uint8_t)(i * 7));
	assert_false(b.failed);
	assert_int_equal(b.len, 100000);
	for (size_t i = 0; i < 100000; i++)
		if (b.data[i] != (uint8_t)(i * 7))
			fail_msg("byte %zu: expected %d, came %d", i, (uint8_t)(i * 7), b.data[i]);
}

/* Exactly the maximum fits, by every way to add; one more fails and stays failed. */
static void
buf_stops_at_its_maximum(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max += 9) {
		struct buf SCOPED_BUF b = { 0 };

		buf_init(&b, max);
		buf_printf(&b, "%*s", (int)max, "");
		if (b.failed || b.len != max)
			fail_msg("max %zu: expected it to fit, came %zu bytes", max, b.len);
		buf_add(&b, "", 0);
		assert_false(b.failed);
		buf_add_byte(&b, 'x');
		assert_true(b.failed);
		assert_int_equal(b.len, max);
		buf_clear(&b);
		assert_false(b.failed);
		buf_printf(&b, "%*s", (int)max + 1, "");
		assert_true(b.failed);
		assert_int_equal(b.len, 0);
	}
}

static void
buf_errors_stick(void **state)
{
	struct buf SCOPED_BUF b = { 0 };

	(void)state;
	buf_init(&b, 4);
	buf_add_text(&b, "12345");
	buf_add_text(&b, "1");
	buf_printf(&b, "%d", 1);
	assert_null(buf_reserve(&b, 0));
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
}

static void
buf_reserve_gives_room(void **state)
{
	struct buf SCOPED_BUF b = { 0 };
	uint8_t *to;

	(void)state;
	buf_init(&b, 300);
	assert_non_null(buf_reserve(&b, 0));
	buf_add_text(&b, "ab");
	to = buf_reserve(&b, 298);
	assert_ptr_equal(to, b.data + 2);
	memset(to, 'c', 298);
	b.len += 298;
	assert_null(buf_reserve(&b, 1));
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.data[299], 'c');
}

static void
buf_wipes_secrets(void **state)
{
	struct buf SCOPED_BUF b = { 0 };

	(void)state;
	buf_init_secret(&b, 100);
	buf_add_text(&b, "hush");
	buf_clear(&b);
	assert_memory_equal(b.data, "\0\0\0\0", 4);
	buf_done(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_appends),
		cmocka_unit_test(buf_keeps_bytes_while_it_grows),
		cmocka_unit_test(buf_stops_at_its_maximum),
		cmocka_unit_test(buf_errors_stick),
		cmocka_unit_test(buf_reserve_gives_room),
		cmocka_unit_test(buf_wipes_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
