/* ca/generate/root and ca/read. */
#include "ca_key.h"
#include "claim.h"
#include "scoped_openssl.h"
#include "serial.h"
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
	return catalog_find_mount(w->cx.catalog, SLICE_LITERAL("pki"));
}

static bool
holds(struct slice haystack, struct slice needle)
{
	return memmem(haystack.data, haystack.len, needle.data, needle.len) != NULL;
}

static void
check_root(struct world *w, const char *name, const struct answer *a, int nid)
{
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	const struct issuer *issuer = pki(w)->issuer->issuer;

	assert_signed_by(data_text(a, "certificate"), data_text(a, "certificate"));
	assert_true(slice_eq(data_text(a, "certificate"), data_text(a, "issuing_ca")));
	assert_true(slice_eq(data_text(a, "certificate"), issuer->pem));
	assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(crt)), nid);
	assert_int_equal(X509_check_private_key(crt, issuer->key), 1);
	assert_int_equal(X509_check_ca(crt), 1);
	if (X509_get_key_usage(crt) != (KU_KEY_CERT_SIGN | KU_CRL_SIGN))
		fail_msg("%s: its key usage is %x", name, X509_get_key_usage(crt));
	assert_false(data_has(a, "private_key"));
	assert_int_equal(data_list(w, a, "ca_chain").count, 1);
	assert_slice(name, data_text(a, "lease_id"), "");
	assert_false(data_bool(a, "renewable"));
	assert_true(data_int(a, "expiration") == issuer->not_after);
	assert_true(slice_eq(data_text(a, "serial"), data_text(a, "serial_number")));
	assert_int_equal(data_text(a, "serial").len, 3 * SERIAL_SIZE - 1);
	assert_true(slice_eq(a->rq.outcome.serial, issuer->serial));
	assert_slice(name, a->rq.outcome.issuer, issuer->id);
	assert_true(a->rq.outcome.rotate);
	assert_true(a->rq.record.data != NULL);
}

static void
test_generate(void **state)
{
	static const struct {
		const char *name;
		const char *params[7];
		int nid;
	} cases[] = {
		{ "default", { "common_name", "Root" }, EVP_PKEY_RSA },
		{ "ec", { "common_name", "Root", "key_type", "ec" }, EVP_PKEY_EC },
		{ "ec-384", { "common_name", "Root", "key_type", "ec", "key_bits", "384" },
		    EVP_PKEY_EC },
		{ "ed25519", { "common_name", "Root", "key_type", "ed25519" }, EVP_PKEY_ED25519 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		struct answer *a;

		world_do(w, ASK("mount/write"));
		a = world_do(w, ASK("ca/generate/root", .params = cases[i].params));
		check_root(w, cases[i].name, a, cases[i].nid);
		assert_true(data_int(a, "lease_duration") == 768 * 3600);
		world_free(w);
	}
}

static void
test_generate_content(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write", .params = PARAMS("max_ttl", "87600h")));
	world_do(w,
	    ASK("urls/write",
		.params = PARAMS("crl_distribution_points",
		    "http://h/root.crl,http://h/{{issuer}}.crl", "issuing_certificates",
		    "http://h/{{issuer}}")));
	a = world_do(w,
	    ASK("ca/generate/root",
		.params = PARAMS("common_name", "Root One", "key_type", "ec", "ttl", "8760h",
		    "max_path_length", "1")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	struct slice record = a->rq.record;

	assert_int_equal(X509_get_pathlen(crt), 1);
	assert_true(data_int(a, "expiration") == WORLD_NOW + 8760 * 3600);
	assert_true(holds(record, SLICE_LITERAL("http://h/root.crl")));
	assert_false(holds(record, SLICE_LITERAL("{{")));
	assert_true(slice_eq(world_replay(w, a, true)->data, a->data));
	assert_false(has_warning(world_replay(w, a, true), "private_key_withheld"));
}

/* The issuer's record and the mount's; and its own, where `.certs` forgets it before it ends. */
static void
test_generate_kept_long(void **state)
{
	static const struct {
		const char *ttl;
		size_t changes;
	} cases[] = { { "9600h", 2 }, { "9601h", 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		struct slice key = SLICE_NONE, value = SLICE_NONE;
		struct answer *a;

		world_do(w, ASK("mount/write", .params = PARAMS("max_ttl", "87600h")));
		a = world_do(w,
		    ASK("ca/generate/root",
			.params = PARAMS(
			    "common_name", "Root", "key_type", "ec", "ttl", cases[i].ttl)));
		assert_int_equal(a->rq.outcome.changes.count, cases[i].changes);
		assert_true(
		    change_decode(a->rq.outcome.changes.items[cases[i].changes - 1], &key, &value));
		if (cases[i].changes == 2)
			assert_true(slice_is(key, "mount/pki/"));
		else
			assert_true(slice_is(key,
			    arena_printf(&w->arena, "certificate/pki/%.*s",
				SLICE_FMT(serial_text(&w->arena, a->rq.outcome.serial, 0)))));
		assert_true(cases[i].changes == 2 || slice_eq(value, a->rq.record));
		world_free(w);
	}
}

static void
test_generate_der(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	a = world_do(w,
	    ASK("ca/generate/root",
		.params = PARAMS("common_name", "Root", "key_type", "ec", "format", "der")));
	assert_true(memcmp(data_text(a, "certificate").data, "MII", 3) == 0);
	assert_true(slice_eq(data_text(a, "certificate"), data_text(a, "issuing_ca")));
}

static void
test_generate_refused(void **state)
{
	struct world *w = *state;
	const struct {
		const char *name;
		const char *const *params;
		const char *code, *field;
	} cases[] = {
		{ "no name", NULL, "missing_field", "common_name" },
		{ "neither inside nor out", PARAMS("common_name", "R", "exported", "both"),
		    "invalid_value", "exported" },
		{ "a key type", PARAMS("common_name", "R", "key_type", "dsa"), "key_not_allowed",
		    "key_type" },
		{ "key bits", PARAMS("common_name", "R", "key_type", "ec", "key_bits", "255"),
		    "key_not_allowed", "key_bits" },
		{ "a slow key", PARAMS("common_name", "R", "key_bits", "8192"), "slow_key",
		    "key_bits" },
		{ "a format", PARAMS("common_name", "R", "format", "x"), "invalid_value",
		    "format" },
		{ "an address", PARAMS("common_name", "R", "ip_sans", "x"), "invalid_value",
		    "ip_sans" },
	};

	world_do(w, ASK("mount/write"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		world_refused(w, cases[i].name, ASK("ca/generate/root", .params = cases[i].params),
		    cases[i].code, cases[i].field);
	assert_null(pki(w)->issuer);
}

static void
test_generate_dry_run(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	a = world_do(w,
	    ASK("ca/generate/root", .dry_run = true,
		.params = PARAMS("common_name", "Root", "ttl", "1h")));
	assert_true(data_int(a, "expiration") == WORLD_NOW + 3600);
	assert_false(data_has(a, "certificate"));
	assert_int_equal(a->rq.outcome.changes.count, 0);
	assert_null(pki(w)->issuer);
}

static void
test_read(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	world_refused(w, "none yet", ASK("ca/read"), "no_issuer", "mount");
	world_do(
	    w, ASK("ca/generate/root", .params = PARAMS("common_name", "Root", "key_type", "ec")));
	a = world_do(w, ASK("ca/read"));
	assert_slice("pem", data_text(a, "certificate"),
	    (const char *)arena_text(&w->arena, pki(w)->issuer->issuer->pem));
	assert_int_equal(data_list(w, a, "ca_chain").count, 1);
	a = world_do(w, ASK("ca/read", .params = PARAMS("format", "der")));
	assert_true(memcmp(data_text(a, "certificate").data, "MII", 3) == 0);
	world_refused(w, "a format", ASK("ca/read", .params = PARAMS("format", "x")),
	    "invalid_value", "format");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generate_content, setup, teardown),
		cmocka_unit_test(test_generate_kept_long),
		cmocka_unit_test_setup_teardown(test_generate_der, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generate_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generate_dry_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
