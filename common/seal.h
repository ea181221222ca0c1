/*
 * Sealing. Two forms:
 *  - sealed box: AES-256-GCM under a key that never leaves the workers; for CA keys in .state and leaf keys in Redis.
 *      version 1 (1 octet) | salt (16) | nonce (12) | ciphertext | tag (16)
 *    The AES key is HKDF(master, purpose, salt): a sealer has one random salt for its life and counts its nonces, so no
 *    (key, nonce) pair comes twice however many boxes there are.
 *  - JWE compact (RFC 7516), ECDH-ES with X25519 (RFC 8037, RFC 7518 4.6), A256GCM: for private keys on topics.
 * Opened text goes into a secret buf. One sealer belongs to one thread.
 */
#ifndef CERTMILL_SEAL_H
#define CERTMILL_SEAL_H

#include "buf.h"
#include "secret.h"

#include <openssl/evp.h>

#define SEAL_OVERHEAD (1 + 16 + 12 + 16)

struct sealer;

/* purpose separates the uses of one master key: "ca key", "replay key"; HKDF's info is "certmill " and it. */
struct sealer *sealer_new(const struct secret *master, const char *purpose, struct err *e) MUST_USE;
void sealer_free(struct sealer *s);
/* aad binds the box to its place ("pki/ISSUER-ID"); both append to out. */
bool seal_box(struct sealer *s, struct slice aad, struct slice clear, struct buf *out,
    struct err *e) MUST_USE;
bool seal_open(struct sealer *s, struct slice aad, struct slice box, struct buf *out_secret,
    struct err *e) MUST_USE;

/* The fleet's X25519 key, derived from the key-encryption key. */
EVP_PKEY *fleet_key(const struct secret *kek, struct err *e) MUST_USE;

/* A public JWK, {"kty":"OKP","crv":"X25519","x":"..."}, with kid = RFC 7638 thumbprint when one is wanted. */
void jwk_add(struct buf *out, EVP_PKEY *x25519, bool with_kid);
/* RFC 7638 of an X25519 key (RFC 8037 2), base64url; x as the JWK has it. */
void jwk_thumbprint_add(struct buf *out, struct slice x);
/* x is the raw 32-byte public key. Refuses the all-zero and other low-order points (the shared secret would be zero). */
bool jwe_seal(
    struct slice x, struct slice kid, struct slice clear, struct buf *out, struct err *e) MUST_USE;
/* Refuses every header but alg ECDH-ES, enc A256GCM, epk OKP/X25519 (and apu, apv, kid, cty, typ); no zip, no crit. */
bool jwe_open(EVP_PKEY *key, struct slice token, struct buf *out_secret, struct err *e) MUST_USE;
/* True when text has the shape of a compact JWE: five base64url parts, the first decoding to a JSON object. */
bool jwe_is(struct slice text);

#endif
