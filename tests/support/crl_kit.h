/* An issuer of CRLs for unit tests. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_CRL_KIT_H
#define CERTMILL_TEST_CRL_KIT_H

#include "crl.h"
#include "pki.h"

struct kit {
	struct pki_ca ca;
	struct issuer *issuer;
	struct signer *signer;
	EVP_PKEY *key; /* the CA's */
	const EVP_MD *md;
};

static inline void
kit_open(struct kit *k, enum key_type type, int64_t bits)
{
	struct err e = { 0 };

	pki_make(&k->ca, &(struct pki_spec){ .name = "CRL Root", .type = type, .bits = bits });
	k->key = k->ca.key;
	k->md = type == KEY_ED25519 ? NULL : bits == 384 ? EVP_sha384() : EVP_sha256();
	k->signer = signer_new(k->key, &e);
	k->issuer = issuer_new(buf_slice(&k->ca.der), NULL, 0, k->key, &e);
	assert_non_null(k->issuer);
	assert_non_null(k->signer);
}

static inline void
kit_close(struct kit *k)
{
	issuer_free(k->issuer);
	signer_free(k->signer);
	pki_done(&k->ca);
}

#endif
