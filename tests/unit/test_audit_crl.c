/* CRLs that OpenSSL makes, read in place. */
#include "audit_crl.h"
#include "scoped_openssl.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ENTRIES 300
#define CAS     4

struct ca {
	EVP_PKEY *key;
	X509 *certificate;
	bool pss; /* signs with RSASSA-PSS, whose algorithm does not name its digest */
};

static struct ca
ca_new(EVP_PKEY *key, const char *name)
{
	struct ca ca = { key, X509_new(), false };

	assert_non_null(key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(ca.certificate), "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_pubkey(ca.certificate, key);
	assert_true(X509_sign(
	    ca.certificate, key, EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()));
	return ca;
}

static void
ca_done(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->certificate);
}

static void
entry_add(X509_CRL *crl, int64_t serial)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	SCOPED(ASN1_INTEGER) number = ASN1_INTEGER_new();
	SCOPED(ASN1_TIME) date = ASN1_TIME_set(NULL, 1700000000);

	ASN1_INTEGER_set_int64(number, serial);
	X509_REVOKED_set_serialNumber(entry, number);
	X509_REVOKED_set_revocationDate(entry, date);
	X509_CRL_add0_revoked(crl, entry);
}

static void
sign(X509_CRL *crl, const struct ca *ca)
{
	SCOPED(EVP_MD_CTX) cx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;
	bool plain = EVP_PKEY_id(ca->key) == EVP_PKEY_ED25519;

	assert_true(EVP_DigestSignInit(cx, &options, plain ? NULL : EVP_sha256(), NULL, ca->key));
	if (ca->pss)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(X509_CRL_sign_ctx(crl, cx) > 0);
}

/* Its DER, to be freed with OPENSSL_free; number < 0: without one. */
static struct slice
crl_new(const struct ca *ca, int64_t number, int entries)
{
	SCOPED(X509_CRL) crl = X509_CRL_new();
	SCOPED(ASN1_TIME) time = ASN1_TIME_set(NULL, 1700000000);
	SCOPED(ASN1_INTEGER) extension = ASN1_INTEGER_new();
	uint8_t *der = NULL;
	int len;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate));
	X509_CRL_set1_lastUpdate(crl, time);
	X509_CRL_set1_nextUpdate(crl, time);
	ASN1_INTEGER_set_int64(extension, number);
	if (number >= 0)
		X509_CRL_add1_ext_i2d(crl, NID_crl_number, extension, 0, 0);
	for (int i = 0; i < entries; i++)
		entry_add(crl, 1000 + i);
	sign(crl, ca);
	len = i2d_X509_CRL(crl, &der);
	return slice_of(der, (size_t)len);
}

static void
crl_done(struct slice der)
{
	OPENSSL_free((void *)(uintptr_t)der.data);
}

static void
test_read_and_verified(void **state)
{
	struct ca cas[] = { ca_new(EVP_EC_gen("P-256"), "one"), ca_new(EVP_RSA_gen(2048), "two"),
		ca_new(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "three"),
		ca_new(EVP_RSA_gen(2048), "four") };

	(void)state;
	cas[3].pss = true;
	for (size_t i = 0; i < CAS; i++) {
		struct slice der = crl_new(&cas[i], 7, ENTRIES), entries, serial;
		struct crl_view v;
		struct err e;
		int count = 0;

		assert_true(crl_view_read(der, &v, &e));
		assert_int_equal(v.number, 7);
		assert_int_equal(v.this_update, 1700000000);
		assert_true(crl_view_verify(&v, cas[i].certificate, &e));
		assert_false(crl_view_verify(&v, cas[(i + 1) % CAS].certificate, &e));
		for (entries = v.entries; entries.len > 0; count++) {
			assert_true(crl_view_next(&entries, &serial));
			assert_int_equal(serial.data[0] << 8 | serial.data[1], 1000 + count);
		}
		assert_int_equal(count, ENTRIES);
		crl_done(der);
	}
	for (size_t i = 0; i < CAS; i++)
		ca_done(&cas[i]);
}

static void
test_same_name_other_key(void **state)
{
	struct ca one = ca_new(EVP_EC_gen("P-256"), "one"),
		  other = ca_new(EVP_EC_gen("P-256"), "one");
	struct slice der = crl_new(&one, 1, 0);
	struct crl_view v;
	struct err e;

	(void)state;
	assert_true(crl_view_read(der, &v, &e));
	assert_int_equal(v.entries.len, 0);
	assert_false(crl_view_verify(&v, other.certificate, &e));
	assert_int_equal(e.code, ERR_CERTIFICATE_INVALID);
	assert_int_equal(ERR_peek_error(), 0);
	crl_done(der);
	ca_done(&one);
	ca_done(&other);
}

/* Cut anywhere, or longer, it is refused; with any octet changed it is refused or does not verify. */
static void
test_broken(void **state)
{
	struct ca ca = ca_new(EVP_EC_gen("P-256"), "one");
	struct slice der = crl_new(&ca, 1, 3);
	uint8_t *copy = malloc(der.len + 1);
	struct crl_view v;
	struct err e;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, der.data, der.len);
	copy[der.len] = 0;
	assert_false(crl_view_read(slice_of(copy, der.len + 1), &v, &e));
	for (size_t i = 0; i < der.len; i++) {
		assert_false(crl_view_read(slice_of(copy, i), &v, &e));
		copy[i] ^= 0x41;
		if (crl_view_read(slice_of(copy, der.len), &v, &e))
			assert_false(crl_view_verify(&v, ca.certificate, &e));
		copy[i] ^= 0x41;
	}
	assert_int_equal(ERR_peek_error(), 0);
	free(copy);
	crl_done(der);
	der = crl_new(&ca, -1, 3);
	assert_false(crl_view_read(der, &v, &e));
	assert_int_equal(e.code, ERR_MALFORMED);
	crl_done(der);
	ca_done(&ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_verified),
		cmocka_unit_test(test_same_name_other_key),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
