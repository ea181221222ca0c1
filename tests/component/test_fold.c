/* What a fold writes, against a real redis-server: indexes of many places, and rows whose lock is lost. */
#include "fold_internal.h"
#include "redis_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PLACES 140000 /* of each mount: more than are gathered at a time */

static struct redis_fixture redis;

struct bench {
	struct store *store, *other;
	struct fold fold;
	struct arena memory;
};

static int
setup(void **state)
{
	static struct bench b;
	struct err e = { 0 };
	bool taken = false, ready;

	b = (struct bench){ .store = redis_fixture_start(&redis) };
	assert_non_null(b.store);
	b.other = redis_fixture_open(&redis);
	assert_non_null(b.other);
	assert_true(fold_sink_init(&b.fold.sink, b.store, &e));
	assert_true(fold_sink_take(&b.fold.sink, false, &taken, &ready, &e));
	assert_true(taken);
	*state = &b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	fold_index_done(&b->fold);
	arena_done(&b->memory);
	store_close(b->store);
	store_close(b->other);
	redis_fixture_stop(&redis);
	return 0;
}

/* What Redis answers to a command of words, as a number or as the number that its text is. */
static int64_t
ask(struct bench *b, const char *words)
{
	struct slice argv[8];
	size_t argc = 0;
	struct err e = { 0 };
	char *rest, *text = arena_text(&b->memory, slice_text(words));

	for (char *word = strtok_r(text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = slice_text(word);
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_command(
	    b->other, argv, argc, &e);
	if (r == NULL)
		fail_msg("%s: %s", words, e.msg);
	return store_text(r).data == NULL ? store_integer(r)
					  : strtoll((const char *)store_text(r).data, NULL, 10);
}

/* ---- indexes ---- */

/* Serial numbers and expiries that follow each other in no order; a few certificates expire together. */
static void
serial_of(uint32_t i, uint8_t ret[static SERIAL_SIZE])
{
	for (size_t at = 0; at < SERIAL_SIZE; at++)
		ret[at] = (uint8_t)((i * 2654435761U) >> at);
	memcpy(ret, &i, sizeof(i));
}

static int64_t
expiry_of(uint32_t i)
{
	return 1800000000 + (int64_t)((i * 2654435761U) % 50000);
}

static int64_t
score_of(struct bench *b, const char *mount, uint32_t i)
{
	uint8_t serial[SERIAL_SIZE];

	serial_of(i, serial);
	return ask(b,
	    arena_printf(&b->memory, "ZSCORE cm:idx:%s %s", mount,
		(const char *)serial_text(&b->memory, slice_of(serial, SERIAL_SIZE), 0).data));
}

static void
test_index(void **state)
{
	static const struct fold_mount mounts[] = { { .name = SLICE_INIT("pki") },
		{ .name = SLICE_INIT("other") } };
	struct bench *b = *state;
	struct err e = { 0 };

	for (uint32_t i = 0; i < 2 * PLACES; i++) {
		uint8_t serial[SERIAL_SIZE];

		serial_of(i, serial);
		assert_true(fold_index_add(
		    &b->fold, &mounts[i % 2], slice_of(serial, SERIAL_SIZE), expiry_of(i), &e));
	}
	assert_true(fold_index_end(&b->fold, &e));
	assert_true(fold_index_end(&b->fold, &e)); /* nothing is left for it */
	assert_true(fold_sink_drain(&b->fold.sink, &e));
	assert_int_equal(ask(b, "ZCARD cm:idx:pki"), PLACES);
	assert_int_equal(ask(b, "ZCARD cm:idx:other"), PLACES);
	for (uint32_t i = 0; i < 2 * PLACES; i += 999)
		assert_int_equal(score_of(b, i % 2 == 0 ? "pki" : "other", i), expiry_of(i));
}

/* ---- the lock ---- */

static MUST_USE bool
rows_put(struct bench *b, int count, struct err *e)
{
	static const uint8_t value[1000];

	for (int i = 0; i < count; i++) {
		struct slice key = slice_text(arena_printf(&b->memory, "cm:row:%d", i));

		if (!fold_put(&b->fold.sink, key, slice_of(value, sizeof(value)), 0, e))
			return false;
	}
	return true;
}

/* Rows are on their way to Redis before it is known that they may be written. */
static void
test_lock_lost_while_rows_are_made(void **state)
{
	struct bench *b = *state;
	struct err e = { 0 };

	assert_true(rows_put(b, 500, &e));
	assert_int_equal(ask(b, "EXISTS cm:row:0"), 0);
	(void)ask(b, "SET cm:fold another");
	assert_false(fold_sink_drain(&b->fold.sink, &e));
	assert_int_equal(e.code, ERR_FENCED);
	assert_int_equal(ask(b, "EXISTS cm:row:0 cm:row:499"), 0);
}

/* Some transactions are done, then the lock goes: those after it do nothing. */
static void
test_lock_lost_between_transactions(void **state)
{
	struct bench *b = *state;
	struct err e = { 0 };

	assert_true(rows_put(b, 5000, &e));
	assert_true(fold_sink_drain(&b->fold.sink, &e));
	assert_int_equal(ask(b, "EXISTS cm:row:0 cm:row:4999"), 2);
	(void)ask(b, "DEL cm:fold cm:row:0 cm:row:4999");
	assert_false(rows_put(b, 5000, &e));
	assert_int_equal(e.code, ERR_FENCED);
	assert_int_equal(ask(b, "EXISTS cm:row:0 cm:row:4999"), 0);
}

/* ---- the old view ---- */

static void
test_clean(void **state)
{
	struct bench *b = *state;
	struct slice cursor = SLICE_LITERAL("0");
	struct err e = { 0 };
	int64_t removed = 0;

	assert_true(rows_put(b, 5000, &e));
	assert_true(fold_sink_drain(&b->fold.sink, &e));
	(void)ask(b, "SET another's 1");
	do {
		assert_true(fold_sink_clean(&b->fold.sink, &b->memory, &cursor, &removed, &e));
	} while (!slice_is(cursor, "0"));
	assert_int_equal(removed, 5000);
	assert_int_equal(ask(b, "DBSIZE"), 3);
	assert_int_equal(ask(b, "EXISTS another's cm:fold cm:view"), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_index, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_lock_lost_while_rows_are_made, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_lock_lost_between_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clean, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
