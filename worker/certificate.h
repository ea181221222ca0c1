/*
 * template + key + issuer -> DER: a pure function but for the signature's own randomness. Version 3, RFC 5280 4.1.
 * It does not decide: whatever the template holds is encoded, the subject as subject.h says. Extensions, in this order:
 *
 *   basicConstraints        critical. CAs; and CA:FALSE for end entities whose template says so, or whose keyUsage has
 *                           keyCertSign, because OpenSSL takes those for CAs otherwise
 *   keyUsage                critical
 *   extendedKeyUsage        the named purposes, then the further OIDs; critical with timeStamping among them (RFC 3161)
 *   subjectKeyIdentifier    SHA-1 of the key bits
 *   authorityKeyIdentifier  key id only
 *   authorityInfoAccess     OCSP, then CA issuers
 *   subjectAltName          critical when the subject is empty. DNS, e-mail, IP, URI, other names
 *   certificatePolicies
 *   cRLDistributionPoints   one DistributionPoint that holds every URL
 *
 * A verbatim extension of the template stands in the place of the one that would be made; those of further kinds stand
 * behind, as they are listed. But what an issuer says of itself is ours: the key identifiers, and access and
 * distribution points where the mount has URLs; and a verbatim basicConstraints is dropped.
 */
#ifndef CERTMILL_CERTIFICATE_H
#define CERTMILL_CERTIFICATE_H

#include "buf.h"
#include "issuer.h"
#include "template.h"

#define CERTIFICATE_MAX (512 * 1024)

/*
 * How an RSA key signs: the digest's bits (256, 384, 512; 0: 256), and PKCS #1 v1.5 or PSS with MGF1 of the same digest and a
 * salt as long as it. EC keys sign with the digest of their curve (RFC 5758), Ed25519 with none (RFC 8410): both ignore it.
 */
struct signer_choice {
	int64_t bits;
	bool pss;
};

/*
 * Signs with one key, for one thread: fetched digests and contexts are kept. The key is one of rsaEncryption, id-ecPublicKey
 * or Ed25519. One of id-RSASSA-PSS is refused (ERR_WEAK_KEY), as everywhere: it could sign nothing but PSS with its own
 * parameters, and an rsaEncryption key signs PSS as well.
 */
struct signer;
/* Both take a reference of their own. ERR_INVALID_VALUE: no such digest. */
struct signer *signer_new(EVP_PKEY *key, struct err *e) MUST_USE; /* the choice { 0 } */
struct signer *signer_new_choice(
    EVP_PKEY *key, struct signer_choice choice, struct err *e) MUST_USE;
void signer_free(struct signer *s);
struct slice signer_algorithm(const struct signer *s); /* AlgorithmIdentifier, DER */

struct certificate_urls {
	struct slice_list issuing_certificates, crl_distribution_points,
	    ocsp_servers; /* URLs as they stand in the certificate */
};

struct certificate_input {
	const struct template *template;
	struct slice serial;         /* SERIAL_SIZE octets, first 01-7f */
	struct slice spki;           /* the subject's SubjectPublicKeyInfo, DER */
	struct slice issuer_subject; /* DER Name; absent: self-signed, the subject is the issuer */
	struct slice issuer_key_id;  /* absent when self-signed: the subject's own */
	const struct certificate_urls *urls;
};

/* Appends the certificate's DER to out. */
bool certificate_build(
    const struct certificate_input *in, struct signer *s, struct buf *out, struct err *e) MUST_USE;

/* What a presented or stored certificate says of itself, for revocation by certificate. All slices point into der. */
struct certificate_facts {
	struct slice serial;          /* content octets of the INTEGER */
	struct slice issuer, subject; /* DER Names */
	struct slice spki;            /* SubjectPublicKeyInfo, DER */
	int64_t not_before, not_after;
};
bool certificate_read(struct slice der, struct certificate_facts *ret, struct err *e) MUST_USE;
/* Did this issuer sign it? ERR_CERTIFICATE_INVALID when not. */
bool certificate_verify(struct slice der, const struct issuer *issuer, struct err *e) MUST_USE;

#endif
