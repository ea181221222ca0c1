/* urls and crl: what is written, and read again. */
#include "encode.h"
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

static const struct catalog_mount *
pki(struct world *w)
{
	const struct catalog_mount *m = catalog_find_mount(w->cx.catalog, SLICE_LITERAL("pki"));

	assert_non_null(m);
	return m;
}

static void
test_urls(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	a = world_do(w, ASK("urls/read"));
	assert_int_equal(data_list(w, a, "issuing_certificates").count, 0);
	world_do(w,
	    ASK("urls/write",
		.params = PARAMS("issuing_certificates", "http://a/ca, http://b/ca",
		    "crl_distribution_points", "http://a/{{issuer}}/{{shard}}.crl")));
	world_do(w, ASK("urls/write", .params = PARAMS("ocsp_servers", "http://o")));
	a = world_do(w, ASK("urls/read"));
	assert_int_equal(data_list(w, a, "issuing_certificates").count, 2);
	assert_slice("second", data_list(w, a, "issuing_certificates").items[1], "http://b/ca");
	assert_slice("as written", data_list(w, a, "crl_distribution_points").items[0],
	    "http://a/{{issuer}}/{{shard}}.crl");
	assert_slice("ocsp", data_list(w, a, "ocsp_servers").items[0], "http://o");
	world_do(w, ASK("urls/write", .params = PARAMS("issuing_certificates", "")));
	a = world_do(w, ASK("urls/read"));
	assert_int_equal(data_list(w, a, "issuing_certificates").count, 0);
	assert_int_equal(data_list(w, a, "ocsp_servers").count, 1);
}

static void
test_urls_refused(void **state)
{
	static const char *const bad[] = { "example.com/ca", "http://", "http:///ca", "http://?x",
		"://host", "1http://host", "ht tp://host", "http://ho st/", "http://host/\x01",
		"http://h\xc3\xb6st/", "http://host/\"x\"", "http://host/{{other}}",
		"http://host/{{issuer}", "mailto:a@b" };
	static const char *const good[] = { "http://host", "https://host:8443/ca?x=1#y",
		"ldap://[::1]/cn=x", "HTTP://HOST", "a+b.c-d://x", "http://h/{{issuer}}{{shard}}" };
	struct world *w = *state;

	world_do(w, ASK("mount/write"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_refused(w, bad[i],
		    ASK("urls/write", .params = PARAMS("crl_distribution_points", bad[i])),
		    "invalid_value", "crl_distribution_points");
		world_refused(w, bad[i],
		    ASK("urls/write", .params = PARAMS("ocsp_servers", bad[i])), "invalid_value",
		    "ocsp_servers");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		world_do(w, ASK("urls/write", .params = PARAMS("issuing_certificates", good[i])));
}

static void
test_crl_config(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	assert_slice("default", data_text(world_do(w, ASK("crl/config/read")), "expiry"), "72h");
	a = world_do(w, ASK("crl/write", .params = PARAMS("expiry", "36h")));
	assert_false(a->rq.outcome.rotate); /* there is no CRL yet */
	assert_slice("written", data_text(world_do(w, ASK("crl/config/read")), "expiry"), "36h");
	assert_int_equal(pki(w)->crl_expiry, 36 * 3600);
	world_refused(w, "no span", ASK("crl/write", .params = PARAMS("expiry", "soon")),
	    "invalid_value", "expiry");
	world_refused(w, "too short", ASK("crl/write", .params = PARAMS("expiry", "59s")),
	    "out_of_range", "expiry");
	world_refused(w, "too long", ASK("crl/write", .params = PARAMS("expiry", "90000h")),
	    "out_of_range", "expiry");
	world_refused(w, "absent", ASK("crl/write"), "missing_field", "expiry");
}

static void
test_crl_config_rotates(void **state)
{
	struct world *w = *state;

	world_sample(w);
	assert_true(
	    world_do(w, ASK("crl/write", .params = PARAMS("expiry", "60s")))->rq.outcome.rotate);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl_config_rotates, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
