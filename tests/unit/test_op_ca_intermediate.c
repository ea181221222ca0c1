/* ca/generate/intermediate, ca/sign and ca/set from end to end, and keys that are exported. */
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
#include "encode.h"

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
test_request(void **state)
{
	static const struct {
		const char *name;
		const char *const params[9];
		int nid;
	} cases[] = {
		{ "rsa", { "common_name", "I" }, EVP_PKEY_RSA },
		{ "pss", { "common_name", "I", "use_pss", "true", "signature_bits", "384" },
		    EVP_PKEY_RSA },
		{ "ec", { "common_name", "I", "key_type", "ec" }, EVP_PKEY_EC },
		{ "ed25519", { "common_name", "I", "key_type", "ed25519" }, EVP_PKEY_ED25519 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_do(
		    w, ASK("ca/generate/intermediate", .params = cases[i].params));
		SCOPED(X509_REQ) req = request_of(data_text(a, "csr"));

		if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
			fail_msg("%s: its signature does not verify", cases[i].name);
		assert_int_equal(EVP_PKEY_get_base_id(X509_REQ_get0_pubkey(req)), cases[i].nid);
		assert_false(data_has(a, "private_key"));
		assert_false(a->rq.has_leaf);
		assert_int_equal(a->rq.outcome.changes.count, 1);
		assert_true(slice_eq(world_replay(w, a, true)->data, a->data));
		assert_false(has_warning(world_replay(w, a, true), "private_key_withheld"));
		assert_non_null(mount_named(w, "pki")->pending);
		assert_null(mount_named(w, "pki")->issuer);
		assert_int_equal(has_warning(a, "pending_key_replaced"), i > 0);
	}
}

static void
test_request_names(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("ca/generate/intermediate",
		.params = PARAMS("common_name", "i.example.com", "exclude_cn_from_sans", "true",
		    "alt_names", "j.example.com,ca@example.com", "ip_sans", "10.0.0.1", "uri_sans",
		    "spiffe://example.com/ca", "other_sans", "1.2.3.4;utf8:another", "organization",
		    "Acme", "ou", "one,two,one", "country", "DE", "locality", "Bonn", "province",
		    "NRW", "street_address", "1 Street", "postal_code", "53111", "key_type", "ec",
		    "format", "der")));
	struct buf der SCOPED_BUF = { 0 };
	const unsigned char *at;
	char subject[512];

	buf_init(&der, 65536);
	assert_true(base64_parse(data_text(a, "csr"), &der));
	at = der.data;
	SCOPED(X509_REQ) req = d2i_X509_REQ(NULL, &at, (long)der.len);
	assert_non_null(req);
	X509_NAME_oneline(X509_REQ_get_subject_name(req), subject, sizeof(subject));
	assert_string_equal(subject,
	    "/C=DE/ST=NRW/L=Bonn/postalCode=53111/street=1 Street/O=Acme/OU=one/OU=two/CN=i.example.com");
	assert_non_null(memmem(der.data, der.len, "j.example.com", 13));
	assert_non_null(memmem(der.data, der.len, "ca@example.com", 14));
	assert_non_null(memmem(der.data, der.len, "spiffe://example.com/ca", 23));
	assert_non_null(memmem(der.data, der.len, "another", 7));
	/* in the subject alone */
	assert_null(memmem((const uint8_t *)memmem(der.data, der.len, "i.example.com", 13) + 13,
	    (size_t)(der.data + der.len -
		((const uint8_t *)memmem(der.data, der.len, "i.example.com", 13) + 13)),
	    "i.example.com", 13));
}

/* What was made in one mount is signed in another, set, and issues. */
static void
test_end_to_end(void **state)
{
	struct world *w = *state;
	struct answer *csr = request_made(w);
	struct answer *ca = request_signed(w, member(w, csr, "csr"));
	const char *pem = member(w, ca, "certificate");
	struct answer *set, *leaf;

	assert_signed_by(data_text(ca, "certificate"), data_text(ca, "issuing_ca"));
	set = world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", pem)));
	assert_int_equal(set->rq.outcome.changes.count, 3);
	assert_true(set->rq.outcome.rotate);
	assert_null(mount_named(w, "pki")->pending);
	assert_true(slice_is(mount_named(w, "pki")->issuer->issuer->pem, pem));
	world_do(w,
	    ASK("role/write", .role = "web",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec", "max_ttl", "1h")));
	leaf = world_do(w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.b")));
	assert_signed_by(data_text(leaf, "certificate"), data_text(ca, "certificate"));
	set = world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", pem)));
	assert_int_equal(set->rq.outcome.changes.count, 0);
}

/* The chain comes in any order, and both CAs may have one name. */
static void
test_bundle_orders(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct world *w = two_mounts(
		    PARAMS("common_name", "test.com", "key_type", "ec", "ttl", "17520h"));
		const char *csr = member(w,
		    world_do(w,
			ASK("ca/generate/intermediate",
			    .params = PARAMS("common_name", "test.com", "key_type", "ec"))),
		    "csr");
		struct answer *ca = world_do(w,
		    ASK("ca/sign", .mount = "root",
			.params = PARAMS("csr", csr, "common_name", "test.com")));
		const char *own = member(w, ca, "certificate");
		const char *root = member(w, ca, "issuing_ca");
		const struct catalog_issuer *issuer;

		world_do(w,
		    ASK("ca/set",
			.params = PARAMS("pem_bundle",
			    order == 0 ? joined(w, own, root) : joined(w, root, own))));
		issuer = mount_named(w, "pki")->issuer;
		assert_true(slice_is(issuer->issuer->pem, own));
		assert_int_equal(issuer->issuer->chain.count, 1);
		assert_true(slice_is(issuer->issuer->chain_pem.items[0], root));
		world_free(w);
	}
}

/* ---- exported keys ---- */

static void
check_exported(struct world *w, const char *name, const struct answer *a, EVP_PKEY *mine,
    const EVP_PKEY *public)
{
	struct buf clear SCOPED_BUF = { 0 };
	struct err e = { 0 };
	SCOPED(EVP_PKEY) key = NULL;

	buf_init_secret(&clear, 65536);
	if (!jwe_open(mine, data_text(a, "private_key"), &clear, &e))
		fail_msg("%s: the key does not open: %s", name, e.msg);
	key = test_private_key(buf_slice(&clear));
	if (EVP_PKEY_eq(key, public) != 1)
		fail_msg("%s: another key is exported", name);
	assert_slice(name, data_text(a, "private_key_type"), "ec");
	assert_true(a->rq.has_leaf);
	assert_null(memmem(a->bytes.data, a->bytes.len, "PRIVATE KEY-----", 16));
	/* the same id gets the same key, as long as it is kept */
	assert_true(data_has(world_replay(w, a, false), "private_key"));
	assert_false(data_has(world_replay(w, a, true), "private_key"));
	assert_true(has_warning(world_replay(w, a, true), "private_key_withheld"));
}

static void
test_exported(void **state)
{
	static const char *const words[] = { "exported", "external" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = two_mounts(ROOT_PARAMS);
		SCOPED(EVP_PKEY) mine = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
		const char *const *params = PARAMS(
		    "common_name", "CA", "key_type", "ec", "exported", words[i]);
		struct slice jwk = test_jwk(w, mine, NULL);
		struct answer *a = world_do(
		    w, ASK("ca/generate/intermediate", .params = params, .seal_to = jwk));
		SCOPED(X509_REQ) req = request_of(data_text(a, "csr"));

		check_exported(w, "intermediate", a, mine, X509_REQ_get0_pubkey(req));
		a = world_do(w, ASK("ca/generate/root", .params = params, .seal_to = jwk));
		SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
		check_exported(w, "root", a, mine, X509_get0_pubkey(crt));
		assert_int_equal(
		    EVP_PKEY_eq(mount_named(w, "pki")->issuer->issuer->key, X509_get0_pubkey(crt)),
		    1);
		world_free(w);
	}
}

/* In clear only where the mount says so; a bundle holds the key then. */
static void
test_exported_in_clear(void **state)
{
	static const char *const formats[] = { "pem", "der", "pem_bundle" };
	struct world *w = *state;

	world_do(
	    w, ASK("mount/write", .mount = "open", .params = PARAMS("allow_clear_keys", "true")));
	for (size_t i = 0; i < 3; i++) {
		struct answer *a = world_do(w,
		    ASK("ca/generate/intermediate", .mount = "open",
			.params = PARAMS("common_name", "CA", "key_type", "ec", "exported",
			    "exported", "format", formats[i])));
		struct slice csr = data_text(a, "csr");

		if (i == 0)
			EVP_PKEY_free(test_private_key(data_text(a, "private_key")));
		if ((memmem(csr.data, csr.len, "PRIVATE KEY", 11) != NULL) != (i == 2))
			fail_msg("%s: the request is %.*s", formats[i], SLICE_FMT(csr));
	}
	world_do(w,
	    ASK("ca/generate/root", .mount = "open",
		.params = PARAMS("common_name", "CA", "key_type", "ec", "exported", "exported",
		    "format", "pem_bundle")));
}

static void
test_export_refused(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) mine = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	static const char *const ops[] = { "ca/generate/root", "ca/generate/intermediate" };

	for (size_t i = 0; i < 2; i++) {
		world_refused(w, "nothing to seal it to",
		    ASK(ops[i], .params = PARAMS("common_name", "CA", "exported", "exported")),
		    "missing_field", "seal_to");
		world_refused(w, "nothing to seal",
		    ASK(ops[i], .seal_to = test_jwk(w, mine, NULL),
			.params = PARAMS("common_name", "CA", "exported", "internal")),
		    "invalid_value", "seal_to");
		world_refused(w, "a key that takes nothing",
		    ASK(ops[i], .seal_to = SLICE_LITERAL("\x80"),
			.params = PARAMS("common_name", "CA", "exported", "exported")),
		    "seal_invalid", "seal_to");
	}
	assert_null(mount_named(w, "pki")->pending);
	assert_null(mount_named(w, "pki")->issuer);
}

static void
test_dry_run(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("ca/generate/intermediate", .dry_run = true, .params = PARAMS("common_name", "I")));

	assert_int_equal(a->data.len, 1);
	assert_int_equal(a->rq.outcome.changes.count, 0);
	assert_null(mount_named(w, "pki")->pending);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_to_end, setup, teardown),
		cmocka_unit_test(test_bundle_orders),
		cmocka_unit_test(test_exported),
		cmocka_unit_test_setup_teardown(test_exported_in_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_export_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
