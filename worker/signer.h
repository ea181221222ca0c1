/* What the builders of certificates and CRLs use of a signer beside certificate.h. */
#ifndef CERTMILL_SIGNER_H
#define CERTMILL_SIGNER_H

#include "certificate.h"

#define SIGNATURE_MAX       1024 /* RSA-8192 */
#define KEY_ID_SIZE         20   /* SHA-1 */
#define SIGNER_DEFAULT_BITS 256

bool signer_sign_into(struct signer *s, struct slice tbs, uint8_t ret[static SIGNATURE_MAX],
    size_t *ret_len, struct err *e) MUST_USE;
/*
 * SEQUENCE { tbs, signatureAlgorithm, signature }, appended to out: a Certificate (RFC 5280 4.1) or a CertificationRequest
 * (RFC 2986 4.2). ERR_TOO_LARGE when it does not fit.
 */
bool signer_append(struct signer *s, struct slice tbs, struct buf *out, struct err *e) MUST_USE;
/* RFC 5280 4.2.1.2 (1): SHA-1 of the key's bits. */
bool signer_key_id(struct signer *s, struct slice key_bits, uint8_t ret[static KEY_ID_SIZE],
    struct err *e) MUST_USE;

#endif
