/* cert/read and crl/read; cert/list needs Redis and has its component test. */
#include "encode.h"
#include "scoped_openssl.h"
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "sample_kit.h"

static struct answer *
issued(struct world *w)
{
	return world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
}

static void
test_read_certificate(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	const char *serial = arena_text(&w->arena, data_text(leaf, "serial"));
	struct answer *a = world_do(w, ASK("cert/read", .params = PARAMS("serial", serial)));

	assert_true(slice_eq(data_text(a, "certificate"), data_text(leaf, "certificate")));
	assert_slice("serial", data_text(a, "serial_number"), serial);
	assert_int_equal(data_int(a, "revocation_time"), 0);
	world_do(w, ASK("revoke", .params = PARAMS("serial", serial)));
	a = world_do(w, ASK("cert/read", .params = PARAMS("serial_number", serial)));
	assert_true(data_int(a, "revocation_time") == WORLD_NOW);
	assert_slice("time", data_text(a, "revocation_time_rfc3339"), "2026-09-21T14:13:20Z");
}

static void
test_read_root(void **state)
{
	struct world *w = *state;
	const struct issuer *root = w->cx.catalog->mounts[0]->issuer->issuer;
	struct answer *a = world_do(w, ASK("cert/read", .params = PARAMS("serial", "ca")));
	const char *serial = arena_text(&w->arena, data_text(a, "serial_number"));

	assert_true(slice_eq(data_text(a, "certificate"), root->pem));
	/* it is in the view by its serial number as well */
	a = world_do(w, ASK("cert/read", .params = PARAMS("serial", serial)));
	assert_true(slice_eq(data_text(a, "certificate"), root->pem));
}

/* A CA that was brought has no row; the serial number is read as people write it. */
static void
test_read_brought(void **state)
{
	static const char *const spellings[] = { "11:22:33", "11-22-33", "112233", "00:11:22:33" };
	struct world *w = *state;
	struct test_ca ca;

	test_ca_make(w, "Brought", &ca);
	world_do(w, ASK("mount/write", .mount = "brought"));
	world_do(w,
	    ASK("ca/set", .mount = "brought",
		.params = PARAMS("pem_bundle",
		    arena_printf(&w->arena, "%s\n%s", (const char *)ca.pem.data,
			test_sealed(w, ca.key_pem)))));
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct answer *a = world_do(w,
		    ASK("cert/read", .mount = "brought", .params = PARAMS("serial", spellings[i])));

		assert_true(slice_eq(data_text(a, "certificate"), ca.pem));
		assert_slice(spellings[i], data_text(a, "serial_number"), "11:22:33");
	}
}

static void
test_read_upper_case(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	char *serial = arena_text(&w->arena, data_text(leaf, "serial"));
	struct answer *a;

	for (char *c = serial; *c != '\0'; c++)
		*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 32 : *c == ':' ? '-' : *c);
	a = world_do(w, ASK("cert/read", .params = PARAMS("serial", serial)));
	assert_true(slice_eq(data_text(a, "certificate"), data_text(leaf, "certificate")));
}

static void
test_read_refused(void **state)
{
	struct world *w = *state;

	world_do(w, ASK("mount/write", .mount = "empty"));
	world_refused(w, "unknown", ASK("cert/read", .params = PARAMS("serial", "11:22")),
	    "unknown_serial", "serial");
	world_refused(w, "no serial number", ASK("cert/read", .params = PARAMS("serial", "C A")),
	    "invalid_value", "serial");
	world_refused(w, "nothing", ASK("cert/read"), "missing_field", "serial");
	world_refused(w, "no CA",
	    ASK("cert/read", .mount = "empty", .params = PARAMS("serial", "ca")), "no_issuer",
	    "mount");
	world_refused(w, "no CRL yet", ASK("cert/read", .params = PARAMS("serial", "crl")),
	    "not_found", NULL);
	world_refused(w, "no CRL yet", ASK("crl/read"), "not_found", NULL);
	world_refused(w, "no issuer", ASK("crl/read", .mount = "empty"), "no_issuer", "mount");
	world_refused(w, "a format", ASK("crl/read", .params = PARAMS("format", "x")),
	    "invalid_value", "format");
	world_refused(w, "no Redis", ASK("cert/list"), "store", NULL);
}

static void
test_read_crl(void **state)
{
	struct world *w = *state;
	const char *key = arena_printf(
	    &w->arena, "pki/%s/0", w->cx.catalog->mounts[0]->issuer->issuer->id);
	struct buf pem SCOPED_BUF = { 0 };
	struct answer *a;

	world_set_crl(w, key, SLICE_LITERAL("\x30\x03\x02\x01\x05"), 42);
	buf_init(&pem, 256);
	pem_add(&pem, "X509 CRL", SLICE_LITERAL("\x30\x03\x02\x01\x05"));
	a = world_do(w, ASK("cert/read", .params = PARAMS("serial", "crl")));
	assert_true(slice_eq(data_text(a, "certificate"), buf_slice(&pem)));
	assert_false(data_has(a, "serial_number"));
	a = world_do(w, ASK("crl/read"));
	assert_true(slice_eq(data_text(a, "crl"), buf_slice(&pem)));
	assert_int_equal(data_int(a, "crl_number"), 42);
	assert_true(data_int(a, "this_update") == WORLD_NOW);
	assert_true(data_int(a, "next_update") == WORLD_NOW + 3600);
	a = world_do(w, ASK("crl/read", .params = PARAMS("format", "der")));
	assert_slice("der", data_text(a, "crl"), "MAMCAQU=");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_brought, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_upper_case, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_crl, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
