/* What operations ask a real Redis: the pages of cert/list, and blocks of serial numbers. */
#include "world.h"

#include "redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct redis_fixture redis;
static struct store *store;

static int
group_setup(void **state)
{
	(void)state;
	store = redis_fixture_start(&redis);
	return store == NULL ? -1 : 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	store_close(store);
	redis_fixture_stop(&redis);
	return 0;
}

static void
command(const struct slice *argv, size_t argc)
{
	struct err e = { 0 };
	struct store_reply *r = store_command(store, argv, argc, &e);

	if (r == NULL)
		fail_msg("%.*s: %s", SLICE_FMT(argv[0]), e.msg);
	store_reply_free(r);
}

static int
setup(void **state)
{
	const struct slice flush[] = { SLICE_LITERAL("FLUSHALL") };
	struct world *w = world_new();

	command(flush, 1);
	w->cx.store = store;
	world_do(w, ASK("mount/write"));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
index_add(struct world *w, const char *serial, int64_t not_after)
{
	const struct slice argv[] = { SLICE_LITERAL("ZADD"), SLICE_LITERAL("cm:idx:pki"),
		slice_text(arena_printf(&w->arena, "%lld", (long long)not_after)),
		slice_text(serial) };

	command(argv, 4);
}

/* The keys of a page and what comes next, in one line. */
static const char *
page(struct world *w, const char *after, const char *limit)
{
	const char *params[5] = { "limit", limit, after == NULL ? NULL : "after", after, NULL };
	struct answer *a = world_do(w, ASK("cert/list", .params = params));
	struct slice_list keys = data_list(w, a, "keys");
	const char *line = "";

	for (size_t i = 0; i < keys.count; i++)
		line = arena_printf(&w->arena, "%s%.*s ", line, SLICE_FMT(keys.items[i]));
	return data_has(a, "next")
	    ? arena_printf(&w->arena, "%s> %.*s", line, SLICE_FMT(data_text(a, "next")))
	    : arena_printf(&w->arena, "%s.", line);
}

static void
test_empty(void **state)
{
	assert_string_equal(page(*state, NULL, "10"), ".");
	assert_string_equal(page(*state, "01:02", "10"), ".");
}

static void
test_order_and_pages(void **state)
{
	struct world *w = *state;

	index_add(w, "0a0b", WORLD_NOW + 50);
	index_add(w, "0102", WORLD_NOW + 300);
	index_add(w, "0c", WORLD_NOW + 100);
	index_add(w, "0b", WORLD_NOW + 100);
	index_add(w, "0d", WORLD_NOW + 100);
	assert_string_equal(page(w, NULL, "10"), "0a-0b 0b 0c 0d 01-02 .");
	assert_string_equal(page(w, NULL, "2"), "0a-0b 0b > 0b");
	assert_string_equal(page(w, "0b", "2"), "0c 0d > 0d");
	assert_string_equal(page(w, "0d", "2"), "01-02 .");
	assert_string_equal(page(w, "01:02", "2"), ".");
	assert_string_equal(page(w, NULL, "5"), "0a-0b 0b 0c 0d 01-02 .");
}

static void
test_expired_are_left_out(void **state)
{
	struct world *w = *state;

	index_add(w, "01", WORLD_NOW - 2);
	index_add(w, "02", WORLD_NOW - 1);
	index_add(w, "03", WORLD_NOW);
	index_add(w, "04", WORLD_NOW + 1);
	assert_string_equal(page(w, NULL, "10"), "03 04 .");
	/* the last key of the page before has expired, or is gone */
	assert_string_equal(page(w, "01", "10"), "03 04 .");
	assert_string_equal(page(w, "77", "1"), "03 > 03");
	w->cx.now_ms += 1000;
	assert_string_equal(page(w, "03", "10"), "04 .");
	w->cx.now_ms += 1000;
	assert_string_equal(page(w, NULL, "10"), ".");
}

/* All of one second: pages neither skip nor repeat. */
static void
test_many_of_one_second(void **state)
{
	struct world *w = *state;
	const char *after = NULL;
	size_t pages = 0, total = 0;

	for (unsigned i = 0; i < 250; i++)
		index_add(w, arena_printf(&w->arena, "%04x", i * 257 % 65536), WORLD_NOW + 9);
	do {
		const char *params[5] = { "limit", "17", after == NULL ? NULL : "after", after,
			NULL };
		struct answer *a = world_do(w, ASK("cert/list", .params = params));
		struct slice_list keys = data_list(w, a, "keys");

		for (size_t i = 0; i < keys.count; i++) {
			const char *key = arena_text(&w->arena, keys.items[i]);

			if (after != NULL && strcmp(after, key) >= 0)
				fail_msg("%s comes after %s", key, after);
			after = key;
		}
		total += keys.count;
		pages++;
		if (!data_has(a, "next"))
			break;
	} while (pages < 100);
	assert_int_equal(total, 250);
	assert_int_equal(pages, 15);
}

static void
test_refused(void **state)
{
	world_refused(*state, "no serial number",
	    ASK("cert/list", .params = PARAMS("after", "xyz")), "invalid_value", "after");
	world_refused(*state, "a page of none", ASK("cert/list", .params = PARAMS("limit", "0")),
	    "out_of_range", "limit");
	world_refused(
	    *state, "a mount", ASK("cert/list", .mount = "none"), "unknown_mount", "mount");
}

static int64_t
counter(void)
{
	const struct slice argv[] = { SLICE_LITERAL("GET"), SLICE_LITERAL("cm:n:pki:serial") };
	struct err e = { 0 };
	struct store_reply *r = store_command(store, argv, 2, &e);
	char text[32] = "";

	assert_non_null(r);
	snprintf(text, sizeof(text), "%.*s", SLICE_FMT(store_text(r)));
	store_reply_free(r);
	return strtoll(text, NULL, 10);
}

/* A lane leases a block at a time, and no two lanes the same. */
static void
test_serial_blocks(void **state)
{
	struct world *w = *state;
	struct slice mount = SLICE_LITERAL("pki");
	uint8_t first[SERIAL_SIZE], second[SERIAL_SIZE];
	struct err e = { 0 };
	struct minter *other = minter_new(w->kek, NULL, &e);

	assert_true(minter_serial(w->cx.minter, store, mount, first, &e)); /* leased by the world */
	assert_true(minter_serial(w->cx.minter, store, mount, first, &e));
	assert_int_equal(counter(), 1024);
	assert_true(minter_serial(other, store, mount, second, &e));
	assert_int_equal(counter(), 2048);
	assert_memory_not_equal(first, second, SERIAL_SIZE);
	for (int i = 0; i < 1023; i++)
		assert_true(minter_serial(other, store, mount, second, &e));
	assert_int_equal(counter(), 2048);
	assert_true(minter_serial(other, store, mount, second, &e));
	assert_int_equal(counter(), 3072);
	minter_free(other);
}

static void
test_serial_counter_is_no_number(void **state)
{
	struct world *w = *state;
	const struct slice argv[] = { SLICE_LITERAL("SET"), SLICE_LITERAL("cm:n:pki:serial"),
		SLICE_LITERAL("abc") };
	uint8_t serial[SERIAL_SIZE];
	struct err e = { 0 };
	struct minter *m = minter_new(w->kek, NULL, &e);

	command(argv, 3);
	assert_false(minter_serial(m, store, SLICE_LITERAL("pki"), serial, &e));
	assert_int_equal(e.code, ERR_STORE);
	minter_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_and_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_of_one_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_serial_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_serial_counter_is_no_number, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
