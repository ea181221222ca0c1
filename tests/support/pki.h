/* A small PKI for unit tests: CAs and leaves, made with our own builder. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_PKI_H
#define CERTMILL_TEST_PKI_H

#include "certificate.h"
#include "encode.h"
#include "key.h"
#include "ledger.h"
#include "scoped_openssl.h"
#include "timespan.h"

#define PKI_START ((int64_t)1700000000)
#define PKI_END   ((int64_t)1800000000)

struct pki_ca {
	EVP_PKEY *key;
	struct buf der;
	struct slice subject; /* in der */
	uint8_t key_id[20];
};

struct pki_spec {
	const char *name;
	enum key_type type;
	int64_t bits;
	const struct pki_ca *parent; /* NULL: self-signed */
	EVP_PKEY *key;               /* NULL: a new one */
	int64_t not_after;           /* 0: PKI_END */
	int64_t path_length;         /* + 1; 0: none */
	bool leaf;
	unsigned key_usage; /* 0: a CA's; PKI_NO_USAGE: no extension */
};
#define PKI_NO_USAGE 0x8000u

static inline struct template pki_template(const struct pki_spec *spec)
{
	unsigned usage = spec->key_usage == 0 ? USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN
					      : spec->key_usage;

	return (struct template){
		.common_name = slice_text(spec->name),
		.not_before = PKI_START,
		.not_after = spec->not_after == 0 ? PKI_END : spec->not_after,
		.is_ca = !spec->leaf,
		.max_path_length = spec->path_length - 1,
		.key_usage = usage == PKI_NO_USAGE ? 0 : usage,
	};
}

static inline void
pki_make(struct pki_ca *ca, const struct pki_spec *spec)
{
	static const uint8_t serial[SERIAL_SIZE] = { 0x42 };
	struct template t = pki_template(spec);
	struct err e = { 0 };
	uint8_t *spki = NULL;
	EVP_PKEY *issuer_key;
	struct certificate_facts facts;

	*ca = (struct pki_ca){ .key = spec->key };
	if (ca->key == NULL)
		ca->key = key_generate(spec->type, spec->bits, time_monotonic_us() + 60000000, &e);
	else
		EVP_PKEY_up_ref(ca->key);
	assert_non_null(ca->key);
	issuer_key = spec->parent == NULL ? ca->key : spec->parent->key;
	struct signer *s = signer_new(issuer_key, &e);
	struct certificate_input in = { .template = &t,
		.serial = slice_of(serial, sizeof(serial)) };
	in.spki.len = (size_t)i2d_PUBKEY(ca->key, &spki);
	in.spki.data = spki;
	if (spec->parent != NULL) {
		in.issuer_subject = spec->parent->subject;
		in.issuer_key_id = slice_of(spec->parent->key_id, sizeof(spec->parent->key_id));
	}
	buf_init(&ca->der, CERTIFICATE_MAX);
	if (!certificate_build(&in, s, &ca->der, &e))
		fail_msg("%s: %s", spec->name, e.msg);
	assert_true(certificate_read(buf_slice(&ca->der), &facts, &e));
	ca->subject = facts.subject;
	const uint8_t *at = ca->der.data;
	SCOPED(X509) x = d2i_X509(NULL, &at, (long)ca->der.len);
	unsigned len;
	assert_true(X509_pubkey_digest(x, EVP_sha1(), ca->key_id, &len));
	signer_free(s);
	OPENSSL_free(spki);
}

static inline void
pki_done(struct pki_ca *ca)
{
	EVP_PKEY_free(ca->key);
	buf_done(&ca->der);
}

#endif
