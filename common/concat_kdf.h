/*
 * Concat KDF (NIST SP 800-56A 5.8.1) with SHA-256, as RFC 7518 4.6.2 uses it for a JWE. apu and apv are decoded; absent and
 * empty are the same. One round of the hash: at most 32 octets.
 */
#ifndef CERTMILL_CONCAT_KDF_H
#define CERTMILL_CONCAT_KDF_H

#include "slice.h"

#define CONCAT_KDF_MAX 32

void concat_kdf(struct slice z, const char *alg, struct slice apu, struct slice apv,
    uint8_t *ret_key, size_t len);

#endif
