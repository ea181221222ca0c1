/* sign-verbatim: the CSR's own subject and extensions, by OpenSSL's eyes. */
#include "encode.h"
#include "scoped_openssl.h"
#include "world.h"

#include <openssl/x509v3.h>

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "sample_kit.h"

static void
add(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(x);
	assert_true(sk_X509_EXTENSION_push(list, x) > 0);
}

/* A CSR of a subject that no role would give, with these extensions (name, value, ..., NULL). */
static const char *
csr_with(struct world *w, EVP_PKEY *key, const int *nids, const char *const *values)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct buf pem SCOPED_BUF = { 0 };
	unsigned char *der = NULL;
	int len;

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Anybody", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const uint8_t *)"Foo * Bar", -1, -1, 0);
	for (size_t i = 0; values[i] != NULL; i++)
		add(list, nids[i], values[i]);
	if (sk_X509_EXTENSION_num(list) > 0)
		assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	len = i2d_X509_REQ(req, &der);
	assert_true(len > 0);
	buf_init(&pem, 65536);
	pem_add(&pem, "CERTIFICATE REQUEST", slice_of(der, (size_t)len));
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
	return arena_text(&w->arena, buf_slice(&pem));
}

static void
test_copies(void **state)
{
	static const int nids[] = { NID_subject_alt_name, NID_key_usage, NID_ext_key_usage,
		NID_basic_constraints, NID_tlsfeature, NID_subject_key_identifier };
	static const char *const values[] = { "DNS:*.*.example,URI:urn:x", "critical,cRLSign",
		"codeSigning", "critical,CA:TRUE", "status_request", "01020304", NULL };
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-384");
	struct answer *a = world_do(w,
	    ASK("sign-verbatim",
		.params = PARAMS("csr", csr_with(w, key, nids, values), "ttl", "1h", "key_usage",
		    "DigitalSignature", "ext_key_usage", "ServerAuth")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	SCOPED(EVP_PKEY) public = X509_get_pubkey(crt);
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(crt);
	char subject[256];
	struct slice lease;

	assert_signed_by(data_text(a, "certificate"), data_text(a, "issuing_ca"));
	X509_NAME_oneline(X509_get_subject_name(crt), subject, sizeof(subject));
	assert_string_equal(subject, "/O=Anybody/CN=Foo * Bar");
	assert_int_equal(EVP_PKEY_eq(public, key), 1);
	assert_int_equal(X509_check_ca(crt), 0);
	assert_int_equal(X509_get_key_usage(crt), KU_CRL_SIGN);
	assert_int_equal(X509_get_extended_key_usage(crt), XKU_CODE_SIGN);
	assert_int_equal(X509_get_ext_by_NID(crt, NID_basic_constraints, -1), -1);
	assert_true(X509_get_ext_by_NID(crt, NID_tlsfeature, -1) >= 0);
	assert_int_equal(X509_get_ext_by_NID(crt, NID_subject_alt_name,
			     X509_get_ext_by_NID(crt, NID_subject_alt_name, -1)),
	    -1);
	assert_int_equal(ASN1_STRING_length(ski), 20);
	assert_true(has_warning(a, "basic_constraints_ignored"));
	assert_true(has_warning(a, "csr_extensions_ignored"));
	/* no role: the mount says whether there is a lease */
	lease = data_text(a, "lease_id");
	assert_memory_equal(lease.data, "pki/sign-verbatim/", 18);
	assert_int_equal(lease.len, 18 + 3 * SERIAL_SIZE - 1);
	assert_false(data_has(a, "private_key"));
	assert_int_equal(data_int(a, "lease_duration"), 3600);
	assert_true(slice_eq(world_replay(w, a, false)->data, a->data));
}

static void
test_role_and_request(void **state)
{
	static const int none[] = { 0 };
	static const char *const nothing[] = { NULL };
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_RSA_gen(2048);
	const char *csr = csr_with(w, key, none, nothing);
	struct answer *a;

	world_do(w,
	    ASK("role/write", .role = "v",
		.params = PARAMS("ttl", "100s", "max_ttl", "200s", "generate_lease", "false",
		    "key_type", "ed25519", "basic_constraints_valid_for_non_ca", "true", "no_store",
		    "true")));
	a = world_do(
	    w, ASK("sign-verbatim", .role = "v", .params = PARAMS("csr", csr, "ttl", "1h")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	assert_true(data_int(a, "expiration") == WORLD_NOW + 200);
	assert_true(has_warning(a, "ttl_capped_to_max_ttl"));
	assert_false(data_has(a, "lease_id"));
	assert_true(a->rq.outcome.no_store);
	assert_true(X509_get_ext_by_NID(crt, NID_basic_constraints, -1) >= 0);
	assert_int_equal(X509_get_key_usage(crt), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	assert_true(has_warning(a, "key_usage_not_for_key_type"));
	a = world_do(w,
	    ASK("sign-verbatim", .role = "v",
		.params = PARAMS("csr", csr, "basic_constraints_valid_for_non_ca", "false")));
	SCOPED(X509) plain = test_x509_pem(data_text(a, "certificate"));
	assert_int_equal(X509_get_ext_by_NID(plain, NID_basic_constraints, -1), -1);
	assert_true(data_int(a, "expiration") == WORLD_NOW + 100);
}

static void
test_refused(void **state)
{
	static const int none[] = { 0 };
	static const char *const nothing[] = { NULL };
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	const char *csr = csr_with(w, key, none, nothing);
	const struct {
		const char *name, *role;
		const char *const *params;
		const char *code, *field;
	} cases[] = {
		{ "no CSR", NULL, NULL, "missing_field", "csr" },
		{ "no PEM", NULL, PARAMS("csr", "x"), "csr_invalid", "csr" },
		{ "no such role", "nobody", PARAMS("csr", csr), "unknown_role", "role" },
		{ "a usage", NULL, PARAMS("csr", csr, "key_usage", "Sing"), "invalid_value",
		    "key_usage" },
		{ "a digest", NULL, PARAMS("csr", csr, "signature_bits", "224"), "invalid_value",
		    "signature_bits" },
		{ "a name of its own", NULL, PARAMS("csr", csr, "alt_names", "a.b"),
		    "unknown_field", "alt_names" },
		{ "beyond the CA", NULL, PARAMS("csr", csr, "not_after", "9999-12-31T23:59:59Z"),
		    "ttl_not_allowed", "not_after" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		world_refused(w, cases[i].name,
		    ASK("sign-verbatim", .role = cases[i].role, .params = cases[i].params),
		    cases[i].code, cases[i].field);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_and_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
