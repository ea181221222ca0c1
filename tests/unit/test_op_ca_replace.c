/* ca/set on a mount that has a CA, or waits for one: what completes, what replaces, what is refused. */
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

static int
setup(void **state)
{
	*state = two_mounts(ROOT_PARAMS);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const char *
bundle_of(struct world *w, const struct test_ca *ca)
{
	return joined(w, (const char *)ca->pem.data, test_sealed(w, ca->key_pem));
}

static bool
signs(struct world *w, struct slice id)
{
	return slice_is(id, mount_named(w, "pki")->issuer->issuer->id);
}

static void
test_replace(void **state)
{
	struct world *w = *state;
	struct test_ca first, second;
	struct answer *leaf, *a;

	test_ca_make(w, "First", &first);
	test_ca_make(w, "Second", &second);
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle_of(w, &first))));
	world_do(w,
	    ASK("role/write", .role = "web",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec")));
	leaf = world_do(w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.b")));
	world_refused(w, "another CA",
	    ASK("ca/set", .params = PARAMS("pem_bundle", bundle_of(w, &second))), "issuer_exists",
	    "mount");
	world_refused(w, "not replaced",
	    ASK("ca/set",
		.params = PARAMS("pem_bundle", bundle_of(w, &second), "replace", "false")),
	    "issuer_exists", "mount");
	a = world_do(w,
	    ASK("ca/set",
		.params = PARAMS("pem_bundle", bundle_of(w, &second), "replace", "true")));
	assert_true(signs(w, second.id));
	assert_true(a->rq.outcome.rotate);
	assert_int_equal(mount_named(w, "pki")->issuer_count, 2);
	/* what the old one signed is answered again, and revoked on its own CRL */
	assert_true(slice_eq(world_replay(w, leaf, false)->data, leaf->data));
	a = world_do(w, ASK("revoke", .params = PARAMS("serial", member(w, leaf, "serial"))));
	assert_true(slice_eq(a->rq.outcome.issuer, first.id));
	leaf = world_do(w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.b")));
	assert_signed_by(data_text(leaf, "certificate"), second.pem);
	/* and back: its key is here */
	world_refused(w, "back without a word",
	    ASK("ca/set", .params = PARAMS("pem_bundle", (const char *)first.pem.data)),
	    "issuer_exists", "mount");
	world_do(w,
	    ASK("ca/set",
		.params = PARAMS("pem_bundle", (const char *)first.pem.data, "replace", "true")));
	assert_true(signs(w, first.id));
	assert_int_equal(mount_named(w, "pki")->issuer_count, 2);
}

/* The key waits for this certificate: nobody has to say "replace". */
static void
test_pending_completes(void **state)
{
	struct world *w = *state;
	struct test_ca first;
	struct answer *ca;

	test_ca_make(w, "First", &first);
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle_of(w, &first))));
	ca = request_signed(w, member(w, request_made(w), "csr"));
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", member(w, ca, "certificate"))));
	assert_true(
	    slice_eq(mount_named(w, "pki")->issuer->issuer->pem, data_text(ca, "certificate")));
	assert_null(mount_named(w, "pki")->pending);
	assert_int_equal(mount_named(w, "pki")->issuer_count, 2);
}

/* A CA with its own key leaves the one that waits alone. */
static void
test_pending_stays(void **state)
{
	struct world *w = *state;
	struct answer *csr = request_made(w);
	struct test_ca first;

	test_ca_make(w, "First", &first);
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle_of(w, &first))));
	assert_non_null(mount_named(w, "pki")->pending);
	world_do(w,
	    ASK("ca/set",
		.params = PARAMS("pem_bundle",
		    member(w, request_signed(w, member(w, csr, "csr")), "certificate"))));
	assert_null(mount_named(w, "pki")->pending);
}

static void
test_pending_refused(void **state)
{
	struct world *w = *state;
	const char *csr = member(w, request_made(w), "csr");
	const char *first = member(w, request_signed(w, csr), "certificate");
	const char *second = member(w, request_signed(w, csr), "certificate");
	const char *root = member(w, world_do(w, ASK("ca/read", .mount = "root")), "certificate");

	world_refused(w, "another's certificate",
	    ASK("ca/set", .params = PARAMS("pem_bundle", root)), "ca_invalid", "pem_bundle");
	world_refused(w, "two for one key",
	    ASK("ca/set", .params = PARAMS("pem_bundle", joined(w, first, second))), "ca_invalid",
	    "pem_bundle");
	(void)request_made(w);
	world_refused(w, "of a request that was overtaken",
	    ASK("ca/set", .params = PARAMS("pem_bundle", first)), "ca_invalid", "pem_bundle");
	assert_null(mount_named(w, "pki")->issuer);
}

/* Two issuers of one name and key would share a CRL in a client's eyes, and have two. */
static void
test_twin_refused(void **state)
{
	struct world *w = *state;
	const char *csr = member(w, request_made(w), "csr");
	const char *first = member(w, request_signed(w, csr), "certificate");
	const char *second = member(w, request_signed(w, csr), "certificate");

	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", first)));
	world_refused(w, "the same key and name again",
	    ASK("ca/set", .params = PARAMS("pem_bundle", second, "replace", "true")),
	    "issuer_exists", "pem_bundle");
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", first, "replace", "true")));
}

static void
test_expires_soon(void **state)
{
	static const struct {
		const char *name, *ttl;
		int64_t later;
		bool soon;
	} cases[] = {
		{ "a year, fresh", "8760h", 0, false },
		{ "a year, 31 days left", "8760h", 334 * DAY, false },
		{ "a year, 29 days left", "8760h", 336 * DAY, true },
		{ "a day, fresh", "24h", 0, false },
		{ "a day, 3 hours left", "24h", 21 * 3600, false },
		{ "a day, 2 hours left", "24h", 22 * 3600, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = two_mounts(ROOT_PARAMS);
		struct answer *ca = world_do(w,
		    ASK("ca/sign", .mount = "root",
			.params = PARAMS("csr", member(w, request_made(w), "csr"), "common_name",
			    "I", "ttl", cases[i].ttl)));
		struct answer *a;

		w->cx.now_ms += cases[i].later * 1000;
		a = world_do(
		    w, ASK("ca/set", .params = PARAMS("pem_bundle", member(w, ca, "certificate"))));
		if (has_warning(a, "ca_expires_soon") != cases[i].soon)
			fail_msg("%s: the warning is wrong", cases[i].name);
		world_do(w,
		    ASK("role/write", .role = "web",
			.params = PARAMS("allow_any_name", "true", "key_type", "ec")));
		a = world_do(w,
		    ASK("issue", .role = "web",
			.params = PARAMS("common_name", "a.b", "ttl", "1m")));
		if (has_warning(a, "ca_expires_soon") != cases[i].soon)
			fail_msg("%s: the warning of issue is wrong", cases[i].name);
		world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_completes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twin_refused, setup, teardown),
		cmocka_unit_test(test_expires_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
