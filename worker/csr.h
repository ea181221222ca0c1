/*
 * PKCS#10 intake (RFC 2986) by our own strict DER reader: nothing is allocated but in the arena, trailing bytes are refused,
 * and d2i_X509_REQ's decoder is not run on the hot path. csr_verify checks the proof of possession: ECDSA, RSA PKCS#1 and
 * RSA-PSS with SHA-256, SHA-384 or SHA-512, and Ed25519.
 * Not checked here: what the role allows.
 */
#ifndef CERTMILL_CSR_H
#define CERTMILL_CSR_H

#include "arena.h"
#include "buf.h"
#include "template.h"

struct signer; /* certificate.h */

#define CSR_MAX            (64 * 1024) /* bytes of PEM */
#define CSR_USER_IDS_MAX   64
#define CSR_EXTENSIONS_MAX 64

struct csr {
	struct slice info;        /* CertificationRequestInfo, DER: what is signed */
	struct slice spki;        /* SubjectPublicKeyInfo, DER */
	struct slice algorithm;   /* signature AlgorithmIdentifier, DER */
	struct slice signature;   /* octets */
	struct slice subject;     /* DER Name */
	struct slice common_name; /* first CN as UTF-8; absent: none */
	struct slice
	    serial_number; /* first subject serialNumber (2.5.4.5) as UTF-8; absent: none */
	struct slice_list user_ids; /* subject UIDs (0.9.2342.19200300.100.1.1) as UTF-8 */
	/*
	 * From the extensionRequest, in which every extension stands at most once. Names of other kinds (directoryName,
	 * registeredID, an otherName of another type) are not issued here: they must parse, and are passed over.
	 */
	struct slice_list dns, emails, ips, uris; /* subjectAltName, raw octets */
	struct other_names others;                /* those whose value is a UTF8String */
	bool passed_over;                         /* there was a name of another kind */
	unsigned key_usage;                       /* template.h's bits; 0: not requested */
	bool asks_for_purposes;                   /* extendedKeyUsage requested */
	bool asks_for_ca;                         /* BasicConstraints CA:TRUE requested */
	struct slice_list extensions;             /* every one but basicConstraints, whole, DER */
	enum key_type key_type;
	int64_t key_bits;
};

/* PEM ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST"), one block. The key is checked as key_check_spki
 * does, but for a point off its curve: csr_verify refuses that one (ERR_WEAK_KEY). */
bool csr_parse(struct slice pem, struct arena *a, struct csr *ret, struct err *e) MUST_USE;

/*
 * The other way: a request of the template for the key of spki, signed with s (which must be of that key), DER, appended to
 * out. Beside the subject it asks for the subject alternative names and, where t->basic_constraints is set, for
 * basicConstraints; nothing else of the template is in it.
 */
bool csr_build(const struct template *t, struct slice spki, struct signer *s, struct buf *out,
    struct err *e) MUST_USE;

struct csr_verifier; /* one a lane: reused contexts and template keys */
struct csr_verifier *csr_verifier_new(struct err *e) MUST_USE;
void csr_verifier_free(struct csr_verifier *v);
bool csr_verify(struct csr_verifier *v, const struct csr *csr, struct err *e) MUST_USE;

#endif
