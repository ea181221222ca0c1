/* ca/sign: what the certificate of a CA under the mount's holds, and where it is kept. */
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
#include "serial.h"

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

static void
test_answer(void **state)
{
	struct world *w = *state;
	struct answer *a = request_signed(w, member(w, request_made(w), "csr"));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	struct slice_list chain = data_list(w, a, "ca_chain");

	assert_int_equal(X509_check_ca(crt), 1);
	assert_int_equal(X509_get_key_usage(crt), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_pathlen(crt), -1);
	assert_int_equal(chain.count, 2);
	assert_true(slice_eq(chain.items[0], data_text(a, "certificate")));
	assert_true(slice_eq(chain.items[1], data_text(a, "issuing_ca")));
	assert_true(data_int(a, "expiration") == WORLD_NOW + 8760 * 3600);
	assert_true(data_int(a, "lease_duration") == 8760 * 3600);
	assert_false(data_bool(a, "renewable"));
	assert_true(slice_eq(data_text(a, "serial"), data_text(a, "serial_number")));
	assert_true(slice_is(data_text(a, "lease_id"),
	    arena_printf(&w->arena, "root/config/ca/sign/%.*s",
		SLICE_FMT(serial_text(&w->arena, a->rq.outcome.serial, '-')))));
	assert_false(data_has(a, "private_key"));
	assert_true(slice_eq(world_replay(w, a, false)->data, a->data));
	assert_int_equal(a->rq.outcome.changes.count, 0);
}

/* What `.certs` forgets after 400 days stands in `.state`. */
static void
test_kept_long(void **state)
{
	static const struct {
		const char *ttl;
		size_t changes;
	} cases[] = { { "9600h", 0 }, { "9601h", 1 } };
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		struct answer *a = world_do(w,
		    ASK("ca/sign", .mount = "root",
			.params = PARAMS("csr", member(w, request_made(w), "csr"), "common_name",
			    "I", "ttl", cases[i].ttl)));
		struct slice key = SLICE_NONE, value = SLICE_NONE;

		assert_int_equal(a->rq.outcome.changes.count, cases[i].changes);
		if (cases[i].changes == 0)
			continue;
		assert_true(change_decode(a->rq.outcome.changes.items[0], &key, &value));
		assert_true(slice_is(key,
		    arena_printf(&w->arena, "certificate/root/%.*s",
			SLICE_FMT(serial_text(&w->arena, a->rq.outcome.serial, 0)))));
		assert_true(slice_eq(value, a->rq.record));
	}
}

static void
test_path_length(void **state)
{
	static const struct {
		const char *issuer, *asked;
		int expect; /* -2: refused */
		const char *field;
	} cases[] = {
		{ "-1", NULL, -1, NULL },
		{ "-1", "-1", -1, NULL },
		{ "-1", "0", 0, NULL },
		{ "-1", "7", 7, NULL },
		{ "3", NULL, 2, NULL },
		{ "3", "-1", 2, NULL },
		{ "3", "0", 0, NULL },
		{ "3", "2", 2, NULL },
		{ "3", "3", -2, "max_path_length" },
		{ "3", "9", -2, "max_path_length" },
		{ "1", NULL, 0, NULL },
		{ "0", NULL, -2, "mount" },
		{ "0", "0", -2, "mount" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = two_mounts(PARAMS(
		    "common_name", "Root", "key_type", "ec", "max_path_length", cases[i].issuer));
		const char *name = arena_printf(&w->arena, "%s under %s",
		    cases[i].asked == NULL ? "absent" : cases[i].asked, cases[i].issuer);
		const struct ask *ask = ASK("ca/sign", .mount = "root",
		    .params = PARAMS("csr", member(w, request_made(w), "csr"), "common_name", "I",
			cases[i].asked == NULL ? NULL : "max_path_length", cases[i].asked));

		if (cases[i].field != NULL) {
			world_refused(w, name, ask, "invalid_value", cases[i].field);
		} else {
			SCOPED(X509)
			crt = test_x509_pem(data_text(world_do(w, ask), "certificate"));

			if (X509_get_pathlen(crt) != cases[i].expect)
				fail_msg("%s: came %ld", name, X509_get_pathlen(crt));
		}
		world_free(w);
	}
}

/* The limit of a CA above the signing one counts as well. */
static void
test_path_length_from_above(void **state)
{
	struct world *w = two_mounts(
	    PARAMS("common_name", "Root", "key_type", "ec", "max_path_length", "1"));
	struct answer *ca = request_signed(w, member(w, request_made(w), "csr"));

	(void)state;
	world_do(w,
	    ASK("ca/set",
		.params = PARAMS("pem_bundle",
		    joined(w, member(w, ca, "certificate"), member(w, ca, "issuing_ca")))));
	assert_int_equal(mount_named(w, "pki")->issuer->issuer->max_path_length, 0);
	world_refused(w, "two levels under a root of one",
	    ASK("ca/sign",
		.params = PARAMS("csr", member(w, request_made(w), "csr"), "common_name", "I")),
	    "invalid_value", "mount");
	world_free(w);
}

static void
test_validity(void **state)
{
	struct world *w = *state;
	const char *csr = member(w, request_made(w), "csr");
	struct answer *a;

	world_do(w, ASK("mount/tune", .mount = "root", .params = PARAMS("max_ttl", "26280h")));
	a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "common_name", "I", "ttl", "20000h")));
	assert_true(has_warning(a, "ttl_truncated_to_issuer"));
	assert_true(data_int(a, "expiration") == mount_named(w, "root")->issuer->issuer->not_after);
	assert_false(has_warning(a, "ca_expires_soon"));
	a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "common_name", "I", "ttl", "30000h")));
	assert_true(has_warning(a, "ttl_capped_to_max_ttl"));
	w->cx.now_ms += (700 * DAY + 3600) * 1000;
	a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "common_name", "I", "ttl", "1h")));
	assert_true(has_warning(a, "ca_expires_soon"));
	w->cx.now_ms += 31 * DAY * 1000;
	world_refused(w, "an expired CA",
	    ASK("ca/sign", .mount = "root", .params = PARAMS("csr", csr, "common_name", "I")),
	    "ttl_not_allowed", NULL);
}

/* ---- the CSR's values ---- */

static bool
crt_holds(const struct answer *a, const char *text)
{
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	unsigned char *der = NULL;
	int len = i2d_X509(crt, &der);
	bool found = memmem(der, (size_t)len, text, strlen(text)) != NULL;

	OPENSSL_free(der);
	return found;
}

static void
test_csr_values(void **state)
{
	static const struct asked asked[] = {
		{ NID_subject_alt_name, "DNS:csr.example.com,email:ca@example.com,IP:10.0.0.9" },
		{ NID_key_usage, "critical,nonRepudiation,digitalSignature,keyEncipherment" },
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:5" },
		{ NID_ext_key_usage, "codeSigning" },
		{ 0, NULL },
	};
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-384");
	const char *csr = request_asking(w, key, "From The CSR", asked);
	struct answer *a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS(
		    "csr", csr, "common_name", "Given", "alt_names", "given.example.com")));

	assert_true(crt_holds(a, "Given") && crt_holds(a, "given.example.com"));
	assert_false(crt_holds(a, "From The CSR") || crt_holds(a, "csr.example.com"));
	assert_true(has_warning(a, "csr_sans_ignored"));
	SCOPED(X509) plain = test_x509_pem(data_text(a, "certificate"));
	assert_int_equal(X509_get_key_usage(plain), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_pathlen(plain), -1);

	a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "use_csr_values", "true", "common_name", "Given",
		    "alt_names", "given.example.com", "max_path_length", "2")));
	assert_true(crt_holds(a, "From The CSR") && crt_holds(a, "csr.example.com") &&
	    crt_holds(a, "ca@example.com"));
	assert_false(crt_holds(a, "Given") || crt_holds(a, "given.example.com"));
	assert_true(has_warning(a, "names_ignored"));
	assert_true(has_warning(a, "key_usage_not_for_key_type"));
	SCOPED(X509) verbatim = test_x509_pem(data_text(a, "certificate"));
	/* no keyEncipherment for a key that cannot (RFC 8813 3) */
	assert_int_equal(X509_get_key_usage(verbatim),
	    KU_KEY_CERT_SIGN | KU_CRL_SIGN | KU_NON_REPUDIATION | KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_pathlen(verbatim), 2);
	assert_int_equal(X509_get_ext_by_NID(verbatim, NID_ext_key_usage, -1), -1);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(verbatim), key), 1);
}

static void
test_csr_values_alone(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	const char *nameless = request_asking(w, key, NULL, NULL);
	const char *csr = request_asking(w, key, "Alone", NULL);
	struct answer *a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "use_csr_values", "true")));

	assert_false(has_warning(a, "names_ignored"));
	assert_true(crt_holds(a, "Alone"));
	world_refused(w, "no subject",
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", nameless, "use_csr_values", "true")),
	    "csr_invalid", "csr");
	world_refused(w, "no common name",
	    ASK("ca/sign", .mount = "root", .params = PARAMS("csr", csr)), "missing_field",
	    "common_name");
}

static void
test_urls(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w,
	    ASK("urls/write", .mount = "root",
		.params = PARAMS("crl_distribution_points",
		    "http://h/1.crl,http://h/{{issuer}}.crl", "issuing_certificates", "http://h/ca",
		    "ocsp_servers", "http://o")));
	a = request_signed(w, member(w, request_made(w), "csr"));
	assert_true(crt_holds(a, "http://h/1.crl") && crt_holds(a, "http://h/ca") &&
	    crt_holds(a, "http://o"));
	assert_true(crt_holds(a,
	    arena_printf(
		&w->arena, "http://h/%s.crl", mount_named(w, "root")->issuer->issuer->id)));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	CRL_DIST_POINTS *points = X509_get_ext_d2i(crt, NID_crl_distribution_points, NULL, NULL);
	assert_int_equal(sk_DIST_POINT_num(points), 1);
	CRL_DIST_POINTS_free(points);
}

static void
test_signature(void **state)
{
	struct world *w = two_mounts(
	    PARAMS("common_name", "Root", "signature_bits", "384", "use_pss", "true"));
	const char *csr = member(w, request_made(w), "csr");
	struct answer *root = world_do(w, ASK("ca/read", .mount = "root"));
	struct answer *a = world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "common_name", "I", "signature_bits", "512")));
	int nid;

	(void)state;
	SCOPED(X509) above = test_x509_pem(data_text(root, "certificate"));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	assert_int_equal(X509_get_signature_nid(above), NID_rsassaPss);
	nid = X509_get_signature_nid(crt);
	assert_int_equal(nid, NID_sha512WithRSAEncryption);
	assert_signed_by(data_text(a, "certificate"), data_text(root, "certificate"));
	world_free(w);
}

static void
test_dry_run(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("ca/sign", .mount = "root", .dry_run = true,
		.params = PARAMS("csr", member(w, request_made(w), "csr"), "common_name", "I",
		    "ttl", "10000h")));

	assert_true(data_int(a, "expiration") == WORLD_NOW + 10000 * 3600);
	assert_false(data_has(a, "certificate"));
	assert_int_equal(a->rq.outcome.changes.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_long, setup, teardown),
		cmocka_unit_test(test_path_length),
		cmocka_unit_test(test_path_length_from_above),
		cmocka_unit_test_setup_teardown(test_validity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csr_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csr_values_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
		cmocka_unit_test(test_signature),
		cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
