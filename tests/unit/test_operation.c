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
	*state = world_new();
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* DESIGN section 4: which operation is on which topic. */
static void
test_table(void **state)
{
	static const struct {
		const char *name;
		enum topic_kind kind;
		bool claims, signs, makes_key, needs_role;
	} cases[] = {
		{ "issue", TOPIC_ISSUE, true, true, true, true },
		{ "sign", TOPIC_SIGN, true, true, false, true },
		{ "sign-verbatim", TOPIC_SIGN, true, true, false, false },
		{ "revoke", TOPIC_REVOKE, true, false, false, false },
		{ "crl/rotate", TOPIC_REVOKE, true, false, false, false },
		{ "mount/write", TOPIC_CONFIG, true, false, false, false },
		{ "mount/tune", TOPIC_CONFIG, true, false, false, false },
		{ "mount/delete", TOPIC_CONFIG, true, false, false, false },
		{ "ca/set", TOPIC_CONFIG, true, false, false, false },
		{ "ca/generate/root", TOPIC_CONFIG, true, true, true, false },
		{ "ca/generate/intermediate", TOPIC_CONFIG, true, false, true, false },
		{ "ca/sign", TOPIC_CONFIG, true, true, false, false },
		{ "urls/write", TOPIC_CONFIG, true, false, false, false },
		{ "crl/write", TOPIC_CONFIG, true, false, false, false },
		{ "role/write", TOPIC_CONFIG, true, false, false, true },
		{ "role/patch", TOPIC_CONFIG, true, false, false, true },
		{ "role/delete", TOPIC_CONFIG, true, false, false, true },
		{ "mount/list", TOPIC_QUERY, false, false, false, false },
		{ "ca/read", TOPIC_QUERY, false, false, false, false },
		{ "cert/read", TOPIC_QUERY, false, false, false, false },
		{ "cert/list", TOPIC_QUERY, false, false, false, false },
		{ "urls/read", TOPIC_QUERY, false, false, false, false },
		{ "crl/config/read", TOPIC_QUERY, false, false, false, false },
		{ "crl/read", TOPIC_QUERY, false, false, false, false },
		{ "role/read", TOPIC_QUERY, false, false, false, true },
		{ "role/list", TOPIC_QUERY, false, false, false, false },
		{ "status", TOPIC_QUERY, false, false, false, false },
	};
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct operation *op = operation_find(slice_text(cases[i].name));
		const struct contract *contract;

		if (op == NULL)
			fail_msg("%s: there is no such operation", cases[i].name);
		contract = op->contract;
		if (contract->topic != cases[i].kind || op->claims != cases[i].claims ||
		    op->signs != cases[i].signs || contract->makes_key != cases[i].makes_key ||
		    contract->needs_role != cases[i].needs_role)
			fail_msg("%s: is not what it should be", cases[i].name);
		if (op->decide == NULL || op->answer == NULL || contract->params == NULL ||
		    contract->help[0] == '\0')
			fail_msg("%s: is not whole", cases[i].name);
	}
	for (; operation_at(count) != NULL; count++)
		assert_ptr_equal(operation_at(count)->contract, &contracts[count]);
	assert_int_equal(count, OP_COUNT);
	assert_int_equal(count, sizeof(cases) / sizeof(cases[0]));
	assert_null(operation_find(SLICE_LITERAL("issu")));
	assert_null(operation_find(SLICE_LITERAL("issue2")));
	assert_null(operation_find(SLICE_LITERAL("")));
	assert_null(operation_find(SLICE_NONE));
}

/* What the operations need to be understood at all. */
static const char *const *
least_params(const char *op)
{
	static const struct {
		const char *op, *params[3];
	} cases[] = {
		{ "sign", { "csr", "x", NULL } },
		{ "sign-verbatim", { "csr", "x", NULL } },
		{ "ca/set", { "pem_bundle", "x", NULL } },
		{ "ca/generate/root", { "common_name", "x", NULL } },
		{ "ca/generate/intermediate", { "common_name", "x", NULL } },
		{ "ca/sign", { "csr", "x", NULL } },
		{ "crl/write", { "expiry", "1h", NULL } },
		{ "cert/read", { "serial", "11:22", NULL } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(op, cases[i].op) == 0)
			return cases[i].params;
	return NULL;
}

static void
test_common_refusals(void **state)
{
	struct world *w = *state;
	const struct slice jwk = SLICE_LITERAL("\x80");

	world_sample(w);
	for (size_t i = 0; operation_at(i) != NULL; i++) {
		const struct contract *op = operation_at(i)->contract;
		const char *const *params = least_params(op->name);

		if (op->needs_role)
			world_refused(
			    w, op->name, ASK(op->name, .params = params), "missing_field", "role");
		if (!op->makes_key ||
		    operation_at(i)->gives_key != NULL) /* CAs: the key stays inside, by default */
			world_refused(w, op->name,
			    ASK(op->name, .role = "web", .params = params, .seal_to = jwk),
			    "invalid_value", "seal_to");
		if (strcmp(op->name, "mount/write") != 0 && strcmp(op->name, "mount/list") != 0 &&
		    strcmp(op->name, "status") != 0)
			world_refused(w, op->name,
			    ASK(op->name, .mount = "nowhere", .role = "web", .params = params),
			    "unknown_mount", "mount");
	}
}

static void
test_identity_is_ignored(void **state)
{
	struct world *w = *state;
	const struct slice identity = SLICE_LITERAL("\x81\xac"
						    "display_name\xa3"
						    "bob");
	struct answer *a;

	world_sample(w);
	a = world_do(w, ASK("role/read", .role = "web", .identity = identity));
	assert_true(has_warning(a, "identity_ignored"));
	a = world_refused(w, "a refusal keeps its warnings",
	    ASK("role/read", .role = "absent", .identity = identity), "unknown_role", "role");
	assert_true(has_warning(a, "identity_ignored"));
	a = world_do(w, ASK("role/read", .role = "web"));
	assert_int_equal(a->warnings.count, 0);
	world_do(
	    w, ASK("mount/write", .mount = "trusting", .params = PARAMS("trust_identity", "true")));
	a = world_do(w, ASK("role/list", .mount = "trusting", .identity = identity));
	assert_int_equal(a->warnings.count, 0);
}

/* A refusal leaves nothing of a decision that had begun. */
static void
test_refusal_is_bare(void **state)
{
	struct world *w = *state;
	const struct err e = {
		.code = ERR_ANSWER_TOO_LARGE, .field = "format", .msg = "too large"
	};
	struct request *rq;
	size_t warnings;

	world_sample(w);
	rq = &world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")))
		  ->rq;
	warnings = rq->outcome.warnings.count;
	request_warn(&w->cx, rq, "headers_dropped", "%d", 1);
	request_refuse(&w->cx, rq, &e);
	assert_slice("code", rq->outcome.code, "answer_too_large");
	assert_slice("field", rq->outcome.field, "format");
	assert_slice("message", rq->outcome.message, "too large");
	assert_null(rq->outcome.serial.data);
	assert_null(rq->outcome.issuer.data);
	assert_true(rq->outcome.not_after == SCHEMA_ABSENT);
	assert_null(rq->record.data);
	assert_false(rq->retryable);
	assert_int_equal(rq->outcome.warnings.count, warnings + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_common_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity_is_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_is_bare, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
