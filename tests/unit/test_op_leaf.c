/* What a role says beside names and keys: who signs and how, leases, storing, sealing, whom it believes. */
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

/* over every limit of a name */
#define SIXTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG \
	SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY \
	    SIXTY SIXTY SIXTY

static void
role(struct world *w, const char *const *params)
{
	world_do(w, ASK("role/write", .role = "r", .params = params));
	world_do(w,
	    ASK("role/patch", .role = "r",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec", "key_bits", "256")));
}

static struct answer *
issued(struct world *w)
{
	return world_do(
	    w, ASK("issue", .role = "r", .params = PARAMS("common_name", "a.b", "ttl", "1h")));
}

static void
test_leases(void **state)
{
	struct world *w = *state;
	struct answer *a;

	role(w, PARAMS("not_before_duration", "2h"));
	a = issued(w);
	assert_int_equal(data_int(a, "lease_duration"), 3600);
	assert_false(data_bool(a, "renewable"));
	assert_true(slice_eq(world_replay(w, a, false)->data, a->data));
	role(w, PARAMS("generate_lease", "false"));
	a = issued(w);
	assert_false(data_has(a, "lease_id"));
	assert_false(data_has(a, "lease_duration"));
	assert_false(data_has(a, "renewable"));
	assert_true(slice_eq(world_replay(w, a, false)->data, a->data));
}

/* Not there for whoever looks it up by its serial number; revoked when it is presented; the same for the same request. */
static void
test_no_store(void **state)
{
	struct world *w = *state;
	struct answer *a;
	const char *serial, *pem;

	role(w, PARAMS("no_store", "true"));
	a = issued(w);
	serial = arena_text(&w->arena, data_text(a, "serial"));
	pem = arena_text(&w->arena, data_text(a, "certificate"));
	assert_true(a->rq.outcome.no_store);
	assert_false(data_has(a, "lease_id"));
	assert_true(slice_eq(world_replay(w, a, false)->data, a->data));
	world_refused(w, "read", ASK("cert/read", .params = PARAMS("serial", serial)),
	    "unknown_serial", "serial");
	world_refused(w, "revoke by number", ASK("revoke", .params = PARAMS("serial", serial)),
	    "unknown_serial", "serial_number");
	world_do(w, ASK("revoke", .params = PARAMS("certificate", pem)));
}

static void
test_issuer_ref(void **state)
{
	struct world *w = *state;
	const char *id = arena_text(&w->arena, issued((role(w, NULL), w))->rq.outcome.issuer);

	role(w, PARAMS("issuer_ref", id));
	assert_slice("by its id", issued(w)->rq.outcome.issuer, id);
	role(w, PARAMS("issuer_ref", "0123456789abcdef0123456789abcdef"));
	world_refused(w, "nobody",
	    ASK("issue", .role = "r", .params = PARAMS("common_name", "a.b")), "no_issuer", "role");
}

static void
test_sealed_only(void **state)
{
	struct world *w = *state;

	role(w, PARAMS("require_seal_to", "true"));
	world_refused(w, "in clear",
	    ASK("issue", .role = "r", .params = PARAMS("common_name", "a.b")), "missing_field",
	    "seal_to");
}

/* One form for all types, and the same key. */
static void
test_pkcs8(void **state)
{
	static const struct {
		const char *type, *bits;
		int nid;
	} cases[] = { { "rsa", "2048", EVP_PKEY_RSA }, { "ec", "224", EVP_PKEY_EC },
		{ "ec", "256", EVP_PKEY_EC }, { "ec", "384", EVP_PKEY_EC },
		{ "ec", "521", EVP_PKEY_EC }, { "ed25519", "0", EVP_PKEY_ED25519 } };
	struct world *w = *state;

	role(w, NULL);
	world_do(w,
	    ASK("role/patch", .role = "r", .params = PARAMS("key_type", "any", "key_bits", "0")));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_do(w,
		    ASK("issue", .role = "r",
			.params = PARAMS("common_name", "a.b", "key_type", cases[i].type,
			    "key_bits", cases[i].bits, "private_key_format", "pkcs8")));
		struct slice pem = data_text(a, "private_key"), rest = pem, label, der;
		SCOPED(EVP_PKEY) key = test_private_key(pem);
		SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
		struct err e;
		const uint8_t *at;
		PKCS8_PRIV_KEY_INFO *info;

		assert_true(pem_next(&rest, &w->arena, &label, &der, &e));
		assert_slice(cases[i].type, label, "PRIVATE KEY");
		at = der.data;
		info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
		assert_non_null(info);
		assert_ptr_equal(at, der.data + der.len);
		PKCS8_PRIV_KEY_INFO_free(info);
		assert_int_equal(EVP_PKEY_base_id(key), cases[i].nid);
		assert_int_equal(X509_check_private_key(crt, key), 1);
		assert_slice("type", data_text(a, "private_key_type"), cases[i].type);
	}
	world_refused(w, "a form that is none",
	    ASK("issue", .role = "r",
		.params = PARAMS("common_name", "a.b", "private_key_format", "jks")),
	    "invalid_value", "private_key_format");
}

/* The bundle has the type's own form, whatever private_key has. */
static void
test_pkcs8_in_a_bundle(void **state)
{
	struct world *w = *state;
	struct answer *a;
	struct slice bundle, key;

	role(w, NULL);
	a = world_do(w,
	    ASK("issue", .role = "r",
		.params = PARAMS(
		    "common_name", "a.b", "private_key_format", "pkcs8", "format", "pem_bundle")));
	bundle = data_text(a, "certificate");
	key = data_text(a, "private_key");
	assert_non_null(memmem(bundle.data, bundle.len, "BEGIN EC PRIVATE KEY", 20));
	assert_null(memmem(bundle.data, bundle.len, "BEGIN PRIVATE KEY", 17));
	assert_non_null(memmem(key.data, key.len, "BEGIN PRIVATE KEY", 17));
}

static void
test_key_any(void **state)
{
	struct world *w = *state;
	const struct operation *op = operation_find(SLICE_LITERAL("issue"));
	struct leaf_params params;
	struct request rq = { .params = &params,
		.envelope = { .mount = SLICE_LITERAL("pki"), .role = SLICE_LITERAL("r") } };

	world_do(w,
	    ASK("role/write", .role = "r",
		.params = PARAMS("allow_any_name", "true", "key_type", "any")));
	world_refused(w, "which", ASK("issue", .role = "r", .params = PARAMS("common_name", "a.b")),
	    "missing_field", "key_type");
	world_refused(w, "how long",
	    ASK("issue", .role = "r",
		.params = PARAMS("common_name", "a.b", "key_type", "rsa", "key_bits", "1")),
	    "key_not_allowed", "key_bits");
	world_refused(w, "a slow one",
	    ASK("issue", .role = "r",
		.params = PARAMS("common_name", "a.b", "key_type", "rsa", "key_bits", "8192")),
	    "slow_key", "role");
	leaf_params_defaults(&params);
	assert_false(op->would_wait(&w->cx, &rq));
	params.key_type = SLICE_LITERAL("ec");
	assert_false(op->would_wait(&w->cx, &rq));
	params.key_type = SLICE_LITERAL("rsa");
	assert_true(op->would_wait(&w->cx, &rq));
	params.key_bits = 7;
	assert_false(op->would_wait(&w->cx, &rq));
}

static void
test_no_roots(void **state)
{
	struct world *w = *state;
	struct answer *a;
	const char *bundle;

	role(w, NULL);
	a = world_do(w,
	    ASK("issue", .role = "r",
		.params = PARAMS("common_name", "a.b", "remove_roots_from_chain", "true", "format",
		    "pem_bundle")));
	assert_int_equal(data_list(w, a, "ca_chain").count, 0);
	bundle = strstr(arena_text(&w->arena, data_text(a, "certificate")), "BEGIN CERTIFICATE");
	assert_non_null(bundle);
	assert_null(strstr(bundle + 1, "BEGIN CERTIFICATE"));
	assert_true(data_text(a, "issuing_ca").len > 0);
	a = issued(w);
	assert_int_equal(data_list(w, a, "ca_chain").count, 1);
}

/* An RSA CA signs as the role says; the certificate verifies. */
static void
test_signature(void **state)
{
	static const struct {
		const char *bits, *pss;
		int digest, key;
	} cases[] = { { "256", "false", NID_sha256, EVP_PKEY_RSA },
		{ "384", "false", NID_sha384, EVP_PKEY_RSA },
		{ "512", "true", NID_sha512, EVP_PKEY_RSA_PSS } };
	struct world *w = *state;

	world_do(w, ASK("mount/write", .mount = "rsa"));
	world_do(w,
	    ASK("ca/generate/root", .mount = "rsa", .params = PARAMS("common_name", "RSA root")));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a;
		int digest, key;

		world_do(w,
		    ASK("role/write", .mount = "rsa", .role = "r",
			.params = PARAMS("allow_any_name", "true", "signature_bits", cases[i].bits,
			    "use_pss", cases[i].pss)));
		world_do(w,
		    ASK("role/patch", .mount = "rsa", .role = "r", .params = PARAMS("ttl", "1h")));
		a = world_do(w,
		    ASK("issue", .mount = "rsa", .role = "r",
			.params = PARAMS("common_name", "a.b")));
		SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
		assert_signed_by(data_text(a, "certificate"), data_text(a, "issuing_ca"));
		assert_int_equal(X509_get_signature_info(crt, &digest, &key, NULL, NULL), 1);
		assert_int_equal(digest, cases[i].digest);
		assert_int_equal(key, cases[i].key);
	}
}

/* All that a role gives and a request asks for is in the certificate. */
static void
test_everything(void **state)
{
	static const char *const parts[] = { "Example Org", "Unit 7", "DE", "Berlin", "S 1",
		"10115", "SN-1", "alice", "spiffe://a/b", "someone@nt", "https://cps.example" };
	struct world *w = *state;
	struct answer *a;
	unsigned char *der = NULL;
	int len;

	role(w,
	    PARAMS("allowed_uri_sans", "spiffe://*", "allowed_other_sans", "1.2.3;utf8:*",
		"allowed_serial_numbers", "SN*", "allowed_user_ids", "alice", "organization",
		"Example Org", "ou", "Unit 7", "country", "DE", "locality", "Berlin",
		"street_address", "S 1", "postal_code", "10115", "policy_identifiers",
		"{\"oid\":\"1.2.3.4\",\"cps\":\"https://cps.example\"}", "ext_key_usage",
		"TimeStamping", "key_usage", "ContentCommitment",
		"basic_constraints_valid_for_non_ca", "true"));
	a = world_do(w,
	    ASK("issue", .role = "r",
		.params = PARAMS("common_name", "a.b", "uri_sans", "spiffe://a/b", "other_sans",
		    "1.2.3;utf8:someone@nt", "serial_number", "SN-1", "user_ids", "alice",
		    "exclude_cn_from_sans", "true", "not_after", "2026-09-22T00:00:00Z")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	len = i2d_X509(crt, &der);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (memmem(der, (size_t)len, parts[i], strlen(parts[i])) == NULL)
			fail_msg("the certificate does not hold %s", parts[i]);
	OPENSSL_free(der);
	assert_int_equal(X509_get_key_usage(crt), KU_NON_REPUDIATION);
	assert_int_equal(
	    X509_get_extended_key_usage(crt), XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_TIMESTAMP);
	assert_int_equal(
	    X509_check_host(crt, "a.b", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 0);
	assert_true(X509_get_ext_by_NID(crt, NID_basic_constraints, -1) >= 0);
	assert_int_equal(X509_check_ca(crt), 0);
	assert_true(data_int(a, "expiration") == 1790035200);
	assert_signed_by(data_text(a, "certificate"), data_text(a, "issuing_ca"));
}

/* A mount that trusts what senders say of themselves fills templates in; another warns. */
static void
test_identity(void **state)
{
	const struct slice identity = SLICE_LITERAL("\x83\xa9"
						    "entity_id\xa1"
						    "e\xa4"
						    "name\xa9"
						    "h.example\xac"
						    "display_name\xa9"
						    "d.example");
	const struct slice broken = SLICE_LITERAL("\x81\xa4"
						  "name\x07");
	struct world *w = *state;
	struct catalog_mount const *m;
	struct mount_state trusting;
	struct answer *a;
	struct err e;

	world_do(w,
	    ASK("role/write", .role = "t",
		.params = PARAMS("allowed_domains", "{{identity.entity.name}}",
		    "allowed_domains_template", "true", "allow_bare_domains", "true", "key_type",
		    "ec", "allow_token_displayname", "true")));
	a = world_refused(w, "not trusted",
	    ASK("issue", .role = "t", .params = PARAMS("common_name", "h.example"),
		.identity = identity),
	    "name_not_allowed", "common_name");
	assert_true(has_warning(a, "identity_ignored"));
	m = catalog_find_mount(w->cx.catalog, SLICE_LITERAL("pki"));
	trusting = m->state;
	trusting.trust_identity = true;
	assert_true(
	    world_state(w, "mount/pki/", world_encode(w, &mount_state_schema, &trusting), &e));
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "h.example" : "d.example";

		a = world_do(w,
		    ASK("issue", .role = "t", .params = PARAMS("common_name", name),
			.identity = identity));
		assert_false(has_warning(a, "identity_ignored"));
	}
	world_refused(w, "another name",
	    ASK("issue", .role = "t", .params = PARAMS("common_name", "x.example"),
		.identity = identity),
	    "name_not_allowed", "common_name");
	world_refused(w, "nobody",
	    ASK("issue", .role = "t", .params = PARAMS("common_name", "h.example")),
	    "name_not_allowed", "common_name");
	world_refused(w, "a broken one",
	    ASK("issue", .role = "t", .params = PARAMS("common_name", "h.example"),
		.identity = broken),
	    "wrong_type", "identity");
}

/* Parameters of policy that make no sense: a code and the field. */
static void
test_bad_parameters(void **state)
{
	struct world *w = *state;
	const struct {
		const char *name;
		const char *const *params;
		const char *code, *field;
	} cases[] = {
		{ "a negative ttl", PARAMS("common_name", "a.b", "ttl", "-1"), "invalid_value",
		    "ttl" },
		{ "a ttl over a century", PARAMS("common_name", "a.b", "ttl", "880000h"),
		    "out_of_range", "ttl" },
		{ "a name of dots", PARAMS("common_name", "..."), "invalid_value", "common_name" },
		{ "a name with a newline", PARAMS("common_name", "a\nb"), "invalid_value",
		    "common_name" },
		{ "a long name", PARAMS("common_name", LONG), "out_of_range", "common_name" },
		{ "a URI", PARAMS("common_name", "a.b", "uri_sans", "x"), "invalid_value",
		    "uri_sans" },
		{ "an other name", PARAMS("common_name", "a.b", "other_sans", "x"), "invalid_value",
		    "other_sans" },
		{ "a serialNumber", PARAMS("common_name", "a.b", "serial_number", "x"),
		    "subject_not_allowed", "serial_number" },
		{ "a long serialNumber", PARAMS("common_name", "a.b", "serial_number", LONG),
		    "out_of_range", "serial_number" },
		{ "a user id", PARAMS("common_name", "a.b", "user_ids", "x"), "subject_not_allowed",
		    "user_ids" },
		{ "no bool", PARAMS("common_name", "a.b", "exclude_cn_from_sans", "maybe"),
		    "wrong_type", "exclude_cn_from_sans" },
		{ "no time", PARAMS("common_name", "a.b", "not_after", "soon"), "invalid_value",
		    "not_after" },
		{ "no time either",
		    PARAMS("common_name", "a.b", "not_before", "2026-13-01T00:00:00Z"),
		    "invalid_value", "not_before" },
		{ "a long time", PARAMS("common_name", "a.b", "not_before", LONG), "out_of_range",
		    "not_before" },
		{ "two ends",
		    PARAMS("common_name", "a.b", "not_after", "2026-10-01T00:00:00Z", "ttl", "1h"),
		    "ttl_not_allowed", "ttl" },
		{ "a key size out of range", PARAMS("common_name", "a.b", "key_bits", "100000"),
		    "out_of_range", "key_bits" },
		{ "verbatim's alone", PARAMS("common_name", "a.b", "key_usage", "CertSign"),
		    "unknown_field", "key_usage" },
	};

	role(w, PARAMS("allowed_uri_sans", "*", "allowed_other_sans", "*"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_refused(w, cases[i].name,
		    ASK("issue", .role = "r", .params = cases[i].params), cases[i].code,
		    cases[i].field);

		assert_null(a->rq.record.data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_leases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_issuer_ref, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sealed_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pkcs8, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pkcs8_in_a_bundle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_any, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signature, setup, teardown),
		cmocka_unit_test_setup_teardown(test_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_parameters, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
