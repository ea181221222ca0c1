/* Issuers, and what verifies under them. */
#include "issuer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "pki.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
test_parts(void **state)
{
	struct pki_ca root, sub;
	struct err e = { 0 };
	struct buf SCOPED_BUF pem;
	uint8_t hash[32];
	char hex[33];
	struct slice chain;

	(void)state;
	pki_make(&root, &(struct pki_spec){ .name = "Root", .type = KEY_RSA, .bits = 2048 });
	pki_make(&sub,
	    &(struct pki_spec){ .name = "Sub",
		.type = KEY_EC,
		.bits = 256,
		.parent = &root,
		.path_length = 3 + 1 });
	chain = buf_slice(&root.der);
	struct issuer *i = issuer_new(buf_slice(&sub.der), &chain, 1, sub.key, &e);
	if (i == NULL) {
		fail_msg("%s", e.msg);
		return;
	}
	expect_bytes("der", i->der, buf_slice(&sub.der));
	expect_bytes("subject", i->subject, sub.subject);
	expect_bytes("key id", i->key_id, slice_of(sub.key_id, 20));
	assert_int_equal(i->serial.len, 20);
	assert_int_equal(i->serial.data[0], 0x42);
	assert_int_equal(i->not_before, PKI_START);
	assert_int_equal(i->not_after, PKI_END);
	assert_int_equal(i->max_path_length, 3);
	assert_int_equal(i->chain.count, 1);
	expect_bytes("chain", i->chain.items[0], chain);
	buf_init(&pem, 10000);
	pem_add(&pem, "CERTIFICATE", chain);
	expect_bytes("chain in PEM", i->chain_pem.items[0], buf_slice(&pem));
	buf_clear(&pem);
	pem_add(&pem, "CERTIFICATE", buf_slice(&sub.der));
	expect_bytes("PEM", i->pem, buf_slice(&pem));
	assert_true(EVP_Digest(sub.der.data, sub.der.len, hash, NULL, EVP_sha256(), NULL));
	for (size_t n = 0; n < 16; n++)
		snprintf(hex + 2 * n, 3, "%02x", hash[n]);
	assert_string_equal(i->id, hex);
	issuer_free(i);
	i = issuer_new(buf_slice(&root.der), NULL, 0, NULL, &e);
	assert_non_null(i);
	assert_null(i->key);
	assert_int_equal(i->max_path_length, -1);
	assert_int_equal(i->chain.count, 0);
	issuer_free(i);
	pki_done(&sub);
	pki_done(&root);
}

/* A CA certificate without the extension, as old ones are: made with OpenSSL, for our builder always writes it. */
static void
test_key_id_from_the_key(void **state)
{
	SCOPED(EVP_PKEY) key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	SCOPED(X509) x = X509_new();
	SCOPED(BASIC_CONSTRAINTS) basic = BASIC_CONSTRAINTS_new();
	struct err e = { 0 };
	uint8_t *der = NULL, hash[20];
	unsigned hash_len;
	int len;

	(void)state;
	basic->ca = 0xff;
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_add1_ext_i2d(x, NID_basic_constraints, basic, 1, 0);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	X509_pubkey_digest(x, EVP_sha1(), hash, &hash_len);
	len = i2d_X509(x, &der);
	struct issuer *i = issuer_new(slice_of(der, (size_t)len), NULL, 0, key, &e);
	if (i == NULL) {
		fail_msg("%s", e.msg);
		return;
	}
	expect_bytes("key id", i->key_id, slice_of(hash, 20));
	issuer_free(i);
	OPENSSL_free(der);
}

static void
test_refused(void **state)
{
	struct pki_ca root, leaf, other;
	struct err e = { 0 };

	(void)state;
	pki_make(&root, &(struct pki_spec){ .name = "Root", .type = KEY_EC, .bits = 256 });
	pki_make(&other, &(struct pki_spec){ .name = "Other", .type = KEY_ED25519 });
	pki_make(&leaf,
	    &(struct pki_spec){
		.name = "leaf", .type = KEY_EC, .bits = 256, .parent = &root, .leaf = true });
	assert_null(issuer_new(buf_slice(&leaf.der), NULL, 0, leaf.key, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	assert_null(issuer_new(buf_slice(&root.der), NULL, 0, other.key, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	assert_null(issuer_new(SLICE_LITERAL("\x30\x00"), NULL, 0, NULL, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	buf_add_byte(&root.der, 0);
	assert_null(issuer_new(buf_slice(&root.der), NULL, 0, NULL, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	pki_done(&leaf);
	pki_done(&other);
	pki_done(&root);
}

static void
test_verify(void **state)
{
	static const struct {
		enum key_type type;
		int64_t bits;
	} kinds[] = { { KEY_RSA, 2048 }, { KEY_EC, 384 }, { KEY_ED25519, 0 } };

	(void)state;
	for (size_t n = 0; n < COUNT(kinds); n++) {
		struct pki_ca root, same_name, leaf;
		struct err e = { 0 };

		pki_make(&root,
		    &(struct pki_spec){
			.name = "Root", .type = kinds[n].type, .bits = kinds[n].bits });
		pki_make(
		    &same_name, &(struct pki_spec){ .name = "Root", .type = KEY_EC, .bits = 256 });
		pki_make(&leaf,
		    &(struct pki_spec){ .name = "leaf",
			.type = KEY_EC,
			.bits = 256,
			.parent = &root,
			.leaf = true });
		struct issuer *i = issuer_new(buf_slice(&root.der), NULL, 0, NULL, &e);
		struct issuer *double_ = issuer_new(buf_slice(&same_name.der), NULL, 0, NULL, &e);

		if (!certificate_verify(buf_slice(&leaf.der), i, &e))
			fail_msg("%zu: %s", n, e.msg);
		assert_false(certificate_verify(buf_slice(&leaf.der), double_, &e));
		assert_int_equal(e.code, ERR_CERTIFICATE_INVALID);
		leaf.der.data[leaf.der.len - 1] ^= 1;
		assert_false(certificate_verify(buf_slice(&leaf.der), i, &e));
		leaf.der.data[leaf.der.len - 1] ^= 1;
		leaf.der.data[20] ^= 1; /* the serial number */
		assert_false(certificate_verify(buf_slice(&leaf.der), i, &e));
		leaf.der.data[20] ^= 1;
		buf_add_byte(&leaf.der, 0);
		assert_false(certificate_verify(buf_slice(&leaf.der), i, &e));
		assert_int_equal(e.code, ERR_CERTIFICATE_INVALID);
		issuer_free(double_);
		issuer_free(i);
		pki_done(&leaf);
		pki_done(&same_name);
		pki_done(&root);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_key_id_from_the_key),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
