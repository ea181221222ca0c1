/* Certificates, requests and keys for tests, by OpenSSL alone: nothing of certmill makes or checks them. */
#include "encode.h"
#include "scoped_openssl.h"
#include "world.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pem.h>
/* clang-format on */

#define DAY ((int64_t)86400)

static struct slice
bio_text(struct world *w, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	assert_true(len > 0);
	return arena_copy(&w->arena, slice_of(data, (size_t)len));
}

static struct slice
x509_der(struct world *w, X509 *crt)
{
	unsigned char *der = NULL;
	int len = i2d_X509(crt, &der);
	struct slice copy;

	assert_true(len > 0);
	copy = arena_copy(&w->arena, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	return copy;
}

static struct slice
x509_pem(struct world *w, X509 *crt)
{
	SCOPED(BIO) bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, crt), 1);
	return bio_text(w, bio);
}

static void
name_set(X509_NAME *name, const char *common_name)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const unsigned char *)common_name, -1, -1, 0),
	    1);
}

static void
extension_add(X509 *crt, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;

	X509V3_set_ctx(&ctx, crt, crt, NULL, NULL, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(x);
	assert_int_equal(X509_add_ext(crt, x, -1), 1);
	X509_EXTENSION_free(x);
}

static X509 *
x509_new(const char *common_name, struct slice serial, int64_t not_after)
{
	X509 *crt = X509_new();
	SCOPED(BIGNUM) number = BN_bin2bn(serial.data, (int)serial.len, NULL);

	assert_int_equal(X509_set_version(crt, X509_VERSION_3), 1);
	assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(crt)));
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(crt), WORLD_NOW - DAY));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(crt), not_after));
	name_set(X509_get_subject_name(crt), common_name);
	return crt;
}

void
test_ca_make_constrained(
    struct world *w, const char *common_name, const char *names, struct test_ca *ret)
{
	SCOPED(X509)
	crt = x509_new(common_name, SLICE_LITERAL("\x11\x22\x33"), WORLD_NOW + 3650 * DAY);
	SCOPED(BIO) bio = BIO_new(BIO_s_mem());
	char id[ISSUER_ID_SIZE];

	ret->key = EVP_EC_gen("P-256");
	assert_non_null(ret->key);
	assert_true(w->key_count < sizeof(w->keys) / sizeof(w->keys[0]));
	w->keys[w->key_count++] = ret->key;
	assert_int_equal(X509_set_issuer_name(crt, X509_get_subject_name(crt)), 1);
	assert_int_equal(X509_set_pubkey(crt, ret->key), 1);
	extension_add(crt, NID_basic_constraints, "critical,CA:TRUE");
	extension_add(crt, NID_key_usage, "critical,keyCertSign,cRLSign");
	extension_add(crt, NID_subject_key_identifier, "hash");
	if (names != NULL)
		extension_add(crt, NID_name_constraints, names);
	assert_true(X509_sign(crt, ret->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, ret->key, NULL, NULL, 0, NULL, NULL), 1);
	ret->der = x509_der(w, crt);
	ret->pem = x509_pem(w, crt);
	ret->key_pem = bio_text(w, bio);
	issuer_id_of(ret->der, id);
	ret->id = arena_copy(&w->arena, slice_text(id));
}

void
test_ca_make(struct world *w, const char *common_name, struct test_ca *ret)
{
	test_ca_make_constrained(w, common_name, NULL, ret);
}

struct slice
test_leaf(struct world *w, const struct test_ca *ca, struct slice serial, int64_t not_after)
{
	SCOPED(X509) issuer = test_x509_der(ca->der);
	SCOPED(X509) crt = x509_new("elsewhere.example.com", serial, not_after);
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");

	assert_int_equal(X509_set_issuer_name(crt, X509_get_subject_name(issuer)), 1);
	assert_int_equal(X509_set_pubkey(crt, key), 1);
	assert_true(X509_sign(crt, ca->key, EVP_sha256()) > 0);
	return x509_pem(w, crt);
}

struct slice
test_csr(struct world *w, EVP_PKEY *key, const char *common_name)
{
	SCOPED(X509_REQ) req = X509_REQ_new();
	SCOPED(BIO) bio = BIO_new(BIO_s_mem());

	name_set(X509_REQ_get_subject_name(req), common_name);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(bio, req), 1);
	return bio_text(w, bio);
}

struct slice
test_jwk(struct world *w, EVP_PKEY *x25519, const char *kid)
{
	struct jwk_body jwk = {
		.kty = SLICE_LITERAL("OKP"), .crv = SLICE_LITERAL("X25519"), .kid = slice_text(kid)
	};
	struct buf text SCOPED_BUF = { 0 };
	uint8_t x[32];
	size_t len = sizeof(x);

	assert_int_equal(EVP_PKEY_get_raw_public_key(x25519, x, &len), 1);
	buf_init(&text, 64);
	base64url_add(&text, slice_of(x, len));
	jwk.x = buf_slice(&text);
	return world_encode(w, &jwk_schema, &jwk);
}

const char *
test_sealed(struct world *w, struct slice key_pem)
{
	struct buf token SCOPED_BUF = { 0 };
	struct err e = { 0 };
	uint8_t x[32];
	size_t len = sizeof(x);

	assert_int_equal(EVP_PKEY_get_raw_public_key(w->cx.fleet_key, x, &len), 1);
	buf_init(&token, 65536);
	assert_true(jwe_seal(slice_of(x, len), SLICE_NONE, key_pem, &token, &e));
	return arena_text(&w->arena, buf_slice(&token));
}

X509 *
test_x509_pem(struct slice pem)
{
	SCOPED(BIO) bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *crt = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	if (crt == NULL)
		fail_msg("no certificate in \"%.*s\"", SLICE_FMT(pem));
	assert_int_equal(BIO_pending(bio), 0);
	return crt;
}

X509 *
test_x509_der(struct slice der)
{
	const unsigned char *at = der.data;
	X509 *crt = d2i_X509(NULL, &at, (long)der.len);

	assert_non_null(crt);
	assert_ptr_equal(at, der.data + der.len);
	return crt;
}

EVP_PKEY *
test_private_key(struct slice pem)
{
	SCOPED(BIO) bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	if (key == NULL)
		fail_msg("no private key in the text");
	return key;
}

void
assert_signed_by(struct slice certificate_pem, struct slice issuer_pem)
{
	SCOPED(X509) crt = test_x509_pem(certificate_pem);
	SCOPED(X509) issuer = test_x509_pem(issuer_pem);

	if (X509_verify(crt, X509_get0_pubkey(issuer)) != 1)
		fail_msg("the issuer's key does not verify the certificate");
	assert_int_equal(
	    X509_NAME_cmp(X509_get_issuer_name(crt), X509_get_subject_name(issuer)), 0);
	assert_int_equal(X509_check_issued(issuer, crt), X509_V_OK);
}
