#include "op.h"
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static int
setup(void **state)
{
	struct world *w = world_new();

	world_sample(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* the rows of the view: docs/lane.md */
static void
test_keys(void **state)
{
	struct world *w = *state;
	struct slice mount = SLICE_LITERAL("pki");

	assert_slice("certificate", redis_cert_key(&w->arena, mount, SLICE_LITERAL("\x01\xab\x00")),
	    "cm:cert:pki:01ab00");
	assert_slice("index", redis_index_key(&w->arena, mount), "cm:idx:pki");
	assert_slice("counter", redis_counter_key(&w->arena, mount, "issued"), "cm:n:pki:issued");
}

static void
test_row(void **state)
{
	struct world *w = *state;
	struct answer *leaf = world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
	struct slice key = redis_cert_key(&w->arena, SLICE_LITERAL("pki"), leaf->rq.outcome.serial);
	struct certificate_row row;
	struct err e = { 0 };

	assert_true(certificate_row_read(world_row(w, key), &w->arena, &row, &e));
	assert_false(row.is_revoked);
	assert_true(slice_eq(row.certificate.serial, leaf->rq.outcome.serial));
	world_do(w,
	    ASK("revoke",
		.params = PARAMS("serial", arena_text(&w->arena, data_text(leaf, "serial")),
		    "reason", "superseded")));
	assert_true(certificate_row_read(world_row(w, key), &w->arena, &row, &e));
	assert_true(row.is_revoked);
	assert_true(row.revoked.date == WORLD_NOW);
	assert_int_equal(row.revoked.reason, 4);
	assert_true(slice_eq(row.revoked.serial, leaf->rq.outcome.serial));
}

/* Redis is not trusted, either: every cut of a row is refused, and what stands behind it. */
static void
test_broken_rows(void **state)
{
	struct world *w = *state;
	struct answer *leaf = world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
	struct slice key = redis_cert_key(&w->arena, SLICE_LITERAL("pki"), leaf->rq.outcome.serial);
	size_t first = leaf->rq.record.len;
	struct certificate_row row;
	struct buf longer SCOPED_BUF = { 0 };
	struct slice whole;

	world_do(w,
	    ASK("revoke",
		.params = PARAMS("serial", arena_text(&w->arena, data_text(leaf, "serial")))));
	whole = world_row(w, key);
	for (size_t len = 0; len < whole.len; len++) {
		struct err e = { 0 };

		if (certificate_row_read(slice_of(whole.data, len), &w->arena, &row, &e) !=
		    (len == first))
			fail_msg("%zu of %zu bytes", len, whole.len);
	}
	buf_init(&longer, 65536);
	buf_add_slice(&longer, whole);
	buf_add_byte(&longer, 0x80);
	struct err e = { 0 };
	assert_false(certificate_row_read(buf_slice(&longer), &w->arena, &row, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_rows, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
