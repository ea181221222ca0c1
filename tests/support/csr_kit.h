/* Requests made by OpenSSL, and their intake. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_CSR_KIT_H
#define CERTMILL_TEST_CSR_KIT_H

#include "csr.h"
#include "der.h"
#include "encode.h"
#include "scoped_openssl.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct {
	EVP_PKEY *rsa, *rsa4096, *p224, *p256, *p384, *p521, *ed;
	struct csr_verifier *verifier;
} kit;

struct request_spec {
	const char *common_name;
	int cn_type;
	const char *alt_names; /* openssl's notation; in tests only */
	bool ca;
};

static inline X509_REQ *
request_new(EVP_PKEY *key, const struct request_spec *spec)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();

	X509_NAME_add_entry_by_txt(
	    name, "O", MBSTRING_ASC, (const unsigned char *)"Acme", -1, -1, 0);
	if (spec->common_name != NULL)
		X509_NAME_add_entry_by_txt(
		    name, "CN", spec->cn_type, (const unsigned char *)spec->common_name, -1, -1, 0);
	X509_REQ_set_pubkey(req, key);
	if (spec->alt_names != NULL)
		sk_X509_EXTENSION_push(extensions,
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, spec->alt_names));
	if (spec->ca)
		sk_X509_EXTENSION_push(extensions,
		    X509V3_EXT_conf_nid(
			NULL, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:3"));
	if (sk_X509_EXTENSION_num(extensions) > 0)
		X509_REQ_add_extensions(req, extensions);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return req;
}

static inline void
request_pem(struct buf *out, X509_REQ *req)
{
	uint8_t *der = NULL;
	int len = i2d_X509_REQ(req, &der);

	assert_true(len > 0);
	pem_add(out, "CERTIFICATE REQUEST", slice_of(der, (size_t)len));
	OPENSSL_free(der);
}

/* Parses and verifies; the code of the refusal, or ERR_NONE. */
static inline enum err_code
take(struct slice pem, struct arena *a, struct csr *csr, struct err *e)
{
	*e = (struct err){ 0 };
	if (csr_parse(pem, a, csr, e) && csr_verify(kit.verifier, csr, e))
		return ERR_NONE;
	assert_int_not_equal(e->code, ERR_NONE);
	assert_string_not_equal(e->msg, "");
	return e->code;
}

static inline enum err_code
take_der(struct slice der, struct err *e)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct buf SCOPED_BUF pem;
	struct csr csr;

	buf_init(&pem, 100000);
	pem_add(&pem, "NEW CERTIFICATE REQUEST", der);
	return take(buf_slice(&pem), &a, &csr, e);
}

#define EXTENSION_REQUEST "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define MICROSOFT         "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e"

/* A request by kit.ed of these parts, DER. */
static inline void
sign_by_hand(struct buf *out, struct slice subject, struct slice attributes, const char *version)
{
	uint8_t room[20000], signature[128], *spki = NULL;
	size_t signature_len = sizeof(signature);
	SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	int spki_len = i2d_PUBKEY(kit.ed, &spki);
	struct slice info;
	struct der d;

	der_init(&d, room, sizeof(room));
	der_raw(&d, attributes);
	der_raw(&d, slice_of(spki, (size_t)spki_len));
	der_raw(&d, subject);
	der_raw(&d, slice_of(version, 3));
	der_wrap(&d, room + sizeof(room), DER_SEQUENCE);
	info = der_slice(&d);
	assert_true(EVP_DigestSignInit(ctx, NULL, NULL, NULL, kit.ed));
	assert_true(EVP_DigestSign(ctx, signature, &signature_len, info.data, info.len));
	uint8_t whole[20100];
	der_init(&d, whole, sizeof(whole));
	der_bit_string(&d, slice_of(signature, signature_len));
	der_raw(&d, SLICE_LITERAL("\x30\x05\x06\x03\x2b\x65\x70"));
	der_raw(&d, info);
	der_wrap(&d, whole + sizeof(whole), DER_SEQUENCE);
	buf_add_slice(out, der_slice(&d));
	OPENSSL_free(spki);
}

static inline int
make_kit(void **state)
{
	struct err e = { 0 };

	(void)state;
	kit.rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	kit.rsa4096 = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)4096);
	kit.p224 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224");
	kit.p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	kit.p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	kit.p521 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	kit.ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	kit.verifier = csr_verifier_new(&e);
	return kit.verifier == NULL;
}

static inline int
free_kit(void **state)
{
	EVP_PKEY *keys[] = { kit.rsa, kit.rsa4096, kit.p224, kit.p256, kit.p384, kit.p521, kit.ed };

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++)
		EVP_PKEY_free(keys[i]);
	csr_verifier_free(kit.verifier);
	return 0;
}

#endif
