/*
 * An issuer: a CA certificate with its key, parsed once and immutable from then on. Parts that go into what it signs are
 * kept as DER, byte for byte as the CA certificate has them (RFC 5280 4.1.2.4).
 */
#ifndef CERTMILL_ISSUER_H
#define CERTMILL_ISSUER_H

#include "arena.h"
#include "err.h"
#include "slice.h"
#include "states.h"
#include "template.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct issuer {
	char id[ISSUER_ID_SIZE];
	struct slice der;     /* the certificate */
	struct slice subject; /* its subject as a DER Name */
	struct slice serial;  /* its serial number's content octets */
	struct slice key_id;  /* subjectKeyIdentifier, or SHA-1 of the key bits where it has none */
	struct slice_list chain; /* DER certificates above it */
	struct slice pem;        /* of the certificate, as answers carry it */
	struct slice_list chain_pem;
	int64_t not_before, not_after;
	int64_t max_path_length; /* how many CAs may follow, by it and those above; -1: no limit */
	struct constraints *constraints; /* owned; NULL: none */
	EVP_PKEY *key;                   /* owned; NULL in a program that may not sign */
	X509 *x509;                      /* owned */
	struct arena memory;             /* holds the slices */
};

/* Parses a CA certificate and its chain; key may be NULL (then it is not set), otherwise issuer_new takes a reference. */
struct issuer *issuer_new(struct slice der, const struct slice *chain, size_t chain_count,
    EVP_PKEY *key, struct err *e) MUST_USE;
void issuer_free(struct issuer *i);
/* Would what is made of the template verify under the issuer and the chain above it? See constraints.h. */
bool issuer_permits(const struct issuer *i, const struct template *t, struct err *e) MUST_USE;

/*
 * A PEM bundle in any order (blocks of CERTIFICATE and one private key), or with a compact JWE (which `open` opens to PEM
 * or PKCS#8 DER) in the key's place, or without a key where a certificate belongs to one of `known`, the first that fits.
 * Finds the certificate that the key belongs to and orders the rest into its chain.
 * Refused: no or two keys, a key that matches no certificate, no CA (basicConstraints), KeyUsage without keyCertSign,
 * expired at `now`, weak keys, trailing bytes, certificates that do not chain.
 * Accepted with a warning: no KeyUsage, or one without cRLSign.
 */
struct bundle_keys {
	EVP_PKEY *const *keys;
	size_t count;
};
struct bundle {
	EVP_PKEY *key; /* owned */
	bool key_was_brought, key_was_sealed;
	struct slice certificate; /* DER, in the arena */
	struct slice_list chain;
	int64_t not_before, not_after;
	const char *warning, *warning_says; /* code and text, or NULL */
};
/* known may be NULL */
bool bundle_parse(struct slice text, int64_t now, EVP_PKEY *fleet_key,
    const struct bundle_keys *known, struct arena *a, struct bundle *ret, struct err *e) MUST_USE;
void bundle_done(struct bundle *b);

#endif
