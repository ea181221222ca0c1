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

static struct response_envelope
response_of(struct world *w, const struct answer *a)
{
	struct response_envelope r = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	assert_true(
	    schema_decode(&response_schema, buf_slice(&a->bytes), &w->arena, &r, &seen, &e));
	return r;
}

static void
test_envelope(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w, ASK("role/read", .role = "web", .id = "my id"));
	struct response_envelope r = response_of(w, a);

	assert_int_equal(r.v, 1);
	assert_slice("id", r.id, "my id");
	assert_slice("op", r.op, "role/read");
	assert_slice("mount", r.mount, "pki");
	assert_slice("status", r.status, "ok");
	assert_null(r.error.data);
	a = world_ask(w, ASK("role/read", .role = "absent"));
	r = response_of(w, a);
	assert_slice("status", r.status, "error");
	assert_null(r.data.data);
	assert_true(a->retryable);
}

/* What could not even be read: no operation, perhaps no mount. */
static void
test_unreadable_request(void **state)
{
	struct world *w = *state;
	struct request rq = { .envelope = { .id = SLICE_LITERAL("x") } };
	struct err e = { .code = ERR_UNKNOWN_OP, .field = "op", .msg = "no such operation" };
	struct response_envelope r = { 0 };
	struct error_body body = { 0 };
	struct buf out SCOPED_BUF = { 0 };
	uint64_t seen;

	request_refuse(&w->cx, &rq, &e);
	buf_init(&out, 4096);
	assert_true(response_encode(&w->cx, &rq, &out, &e));
	assert_true(schema_decode(&response_schema, buf_slice(&out), &w->arena, &r, &seen, &e));
	assert_slice("id", r.id, "x");
	assert_null(r.op.data);
	assert_true(schema_decode(&error_schema, r.error, &w->arena, &body, &seen, &e));
	assert_slice("code", body.code, "unknown_op");
	assert_slice("field", body.field, "op");
	assert_false(body.retryable);
}

static void
test_every_code(void **state)
{
	struct world *w = *state;

	for (enum err_code code = (enum err_code)1; code < ERR_COUNT;
	     code = (enum err_code)(code + 1)) {
		struct request rq = { .envelope = { .id = SLICE_LITERAL("x") } };
		struct err e = { .code = code, .msg = "m" };
		struct response_envelope r = { 0 };
		struct error_body body = { 0 };
		struct buf out SCOPED_BUF = { 0 };
		uint64_t seen;

		request_refuse(&w->cx, &rq, &e);
		assert_int_equal(rq.retryable, err_can_retry(code));
		buf_init(&out, 4096);
		assert_true(response_encode(&w->cx, &rq, &out, &e));
		assert_true(
		    schema_decode(&response_schema, buf_slice(&out), &w->arena, &r, &seen, &e));
		assert_true(schema_decode(&error_schema, r.error, &w->arena, &body, &seen, &e));
		assert_slice(err_name(code), body.code, err_name(code));
		assert_null(body.field.data);
		assert_int_equal(body.retryable, err_can_retry(code));
	}
}

static void
test_warnings(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w, ASK("role/list"));
	struct response_envelope r = { 0 };
	struct buf out SCOPED_BUF = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	assert_int_equal(a->warnings.count, 0);
	request_warn(&w->cx, &a->rq, "identity_ignored", "%s %d", "first", 1);
	request_warn(&w->cx, &a->rq, "headers_dropped", "second");
	buf_init(&out, 4096);
	assert_true(response_encode(&w->cx, &a->rq, &out, &e));
	assert_true(schema_decode(&response_schema, buf_slice(&out), &w->arena, &r, &seen, &e));
	a->warnings = r.warnings;
	assert_int_equal(r.warnings.count, 2);
	assert_true(has_warning(a, "identity_ignored"));
	assert_true(has_warning(a, "headers_dropped"));
	assert_non_null(memmem(out.data, out.len, "first 1", 7));
}

/* An answer that fails is answered with why. */
static void
test_answer_fails(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w, ASK("role/read", .role = "web"));
	struct response_envelope r = { 0 };
	struct error_body body = { 0 };
	struct buf out SCOPED_BUF = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	a->rq.envelope.role = SLICE_LITERAL("gone");
	buf_init(&out, 4096);
	assert_true(response_encode(&w->cx, &a->rq, &out, &e));
	assert_true(schema_decode(&response_schema, buf_slice(&out), &w->arena, &r, &seen, &e));
	assert_slice("status", r.status, "error");
	assert_true(schema_decode(&error_schema, r.error, &w->arena, &body, &seen, &e));
	assert_slice("code", body.code, "unknown_role");
	assert_slice("field", body.field, "role");
	assert_true(body.retryable);
}

static void
test_too_large(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
	struct err e = { 0 };

	for (size_t max = 0; max < a->bytes.len; max += 7) {
		struct buf out SCOPED_BUF = { 0 };
		struct response_envelope r = { 0 };
		struct arena memory SCOPED_ARENA = { 0 };
		uint64_t seen;

		buf_init(&out, max);
		e = (struct err){ 0 };
		if (!response_encode(&w->cx, &a->rq, &out, &e)) {
			assert_int_equal(e.code, ERR_ANSWER_TOO_LARGE);
			continue;
		}
		/* where the data does not fit, an error may: never half an answer */
		assert_true(
		    schema_decode(&response_schema, buf_slice(&out), &memory, &r, &seen, &e));
		if (!slice_is(r.status, "error") || r.data.data != NULL)
			fail_msg("%zu bytes hold an answer of %zu", max, a->bytes.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_envelope, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_warnings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answer_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
