/* The private key of a CA as `.state` holds it: PKCS#8 DER in a sealed box, bound to "mount/issuer id". */
#ifndef CERTMILL_CA_KEY_H
#define CERTMILL_CA_KEY_H

#include "arena.h"
#include "seal.h"

/* *ret is in the arena. */
bool ca_key_seal(struct sealer *s, struct slice mount, struct slice issuer, EVP_PKEY *key,
    struct arena *a, struct slice *ret, struct err *e) MUST_USE;
EVP_PKEY *ca_key_open(struct sealer *s, struct slice mount, struct slice issuer, struct slice box,
    struct err *e) MUST_USE;

#endif
