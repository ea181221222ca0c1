/* A private key's two encodings, by hand: EVP's own encoders cost more than the key's generation. */
#ifndef CERTMILL_KEY_ENCODE_H
#define CERTMILL_KEY_ENCODE_H

#include "key.h"
#include "spki.h"

/* Fills *ret from a key that holds its private part. */
bool key_encode(
    EVP_PKEY *key, enum key_type type, int64_t bits, struct leaf_key *ret, struct err *e) MUST_USE;

/* The same from the numbers: the private key as long as the curve's field, an uncompressed point. */
bool key_encode_ec(const struct curve *c, struct slice private, struct slice point,
    struct leaf_key *ret, struct err *e) MUST_USE;

#endif
