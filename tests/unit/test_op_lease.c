/* Leases: which answers have one, and revoking by it. */
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ca_kit.h"
#include "claim.h"

static int
setup(void **state)
{
	*state = world_new();
	world_sample(*state);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static struct answer *
issued(struct world *w)
{
	return world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "ttl", "1h")));
}

static const char *
serial_part(const char *lease)
{
	return strrchr(lease, '/') + 1;
}

static void
check_lease(struct world *w, const char *path, const struct answer *a)
{
	const char *lease = member(w, a, "lease_id");
	struct answer *revoked;

	if (strncmp(lease, path, strlen(path)) != 0)
		fail_msg("%s: the lease is %s", path, lease);
	assert_int_equal(strlen(serial_part(lease)), 3 * SERIAL_SIZE - 1);
	assert_int_equal(data_int(a, "lease_duration"), 3600);
	assert_false(data_bool(a, "renewable"));
	revoked = world_do(w, ASK("revoke", .params = PARAMS("lease_id", lease)));
	assert_slice("state", data_text(revoked, "state"), "revoked");
	assert_true(slice_eq(revoked->rq.outcome.serial, a->rq.outcome.serial));
	assert_true(world_do(w, ASK("revoke", .params = PARAMS("serial", member(w, a, "serial"))))
			->rq.outcome.already);
}

static void
test_leases(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	const char *csr = request_asking(w, key, "a.example.com", NULL);

	check_lease(w, "pki/issue/web/", issued(w));
	check_lease(w, "pki/sign/web/",
	    world_do(w,
		ASK("sign", .role = "web",
		    .params = PARAMS("common_name", "a.example.com", "csr", csr, "ttl", "1h"))));
	check_lease(w, "pki/sign-verbatim/",
	    world_do(w, ASK("sign-verbatim", .params = PARAMS("csr", csr, "ttl", "1h"))));
	check_lease(w, "pki/sign-verbatim/web/",
	    world_do(
		w, ASK("sign-verbatim", .role = "web", .params = PARAMS("csr", csr, "ttl", "1h"))));
	check_lease(w, "pki/config/ca/sign/",
	    world_do(
		w, ASK("ca/sign", .params = PARAMS("common_name", "CA", "csr", csr, "ttl", "1h"))));
}

/* A certificate without one is revoked by its serial number. */
static void
test_no_lease(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w,
	    ASK("role/write", .role = "bare",
		.params = PARAMS(
		    "allow_any_name", "true", "key_type", "ec", "generate_lease", "false")));
	a = world_do(w, ASK("issue", .role = "bare", .params = PARAMS("common_name", "a.b")));
	assert_false(data_has(a, "lease_id"));
	assert_false(data_has(a, "lease_duration"));
	assert_false(data_has(world_replay(w, a, false), "lease_id"));
	world_do(w, ASK("revoke", .params = PARAMS("serial", member(w, a, "serial"))));
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name,
		    *before; /* the serial number follows where `behind` is not NULL */
		const char *behind, *code;
	} cases[] = {
		{ "a serial number alone", "", "", "invalid_value" },
		{ "no path", "pki/", "", "invalid_value" },
		{ "no role", "pki/issue/", "", "invalid_value" },
		{ "an empty role", "pki/issue//", "", "invalid_value" },
		{ "a role that is none", "pki/issue/a b/", "", "invalid_value" },
		{ "a path that makes no leases", "pki/config/ca/set/", "", "invalid_value" },
		{ "more path", "pki/issue/web/more/", "", "invalid_value" },
		{ "a slash in front", "/pki/issue/web/", "", "invalid_value" },
		{ "another mount's", "other/issue/web/", "", "invalid_value" },
		{ "something behind", "pki/issue/web/", "/", "invalid_value" },
		{ "a uuid of 0.4", "pki/issue/web/7ad6cfa5-f04f-c62a-d477-f33210475d05", NULL,
		    "invalid_value" },
		{ "no serial number", "pki/issue/web/", NULL, "invalid_value" },
		{ "letters", "pki/issue/web/zz", NULL, "invalid_value" },
		{ "an unknown one", "pki/issue/web/11-22", NULL, "unknown_serial" },
	};
	struct world *w = *state;
	struct answer *leaf = issued(w);
	const char *lease = member(w, leaf, "lease_id");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool with = cases[i].behind != NULL;
		const char *text = arena_printf(&w->arena, "%s%s%s", cases[i].before,
		    with ? serial_part(lease) : "", with ? cases[i].behind : "");

		world_refused(w, cases[i].name, ASK("revoke", .params = PARAMS("lease_id", text)),
		    cases[i].code, "lease_id");
	}
	world_refused(w, "two names",
	    ASK("revoke", .params = PARAMS("lease_id", lease, "serial", serial_part(lease))),
	    "invalid_value", "lease_id");
	world_refused(w, "an empty one", ASK("revoke", .params = PARAMS("lease_id", "")),
	    "out_of_range", "lease_id");
	assert_false(
	    world_do(w, ASK("revoke", .params = PARAMS("lease_id", lease)))->rq.outcome.already);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_leases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_lease, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
