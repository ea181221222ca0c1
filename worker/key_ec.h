/*
 * EC leaf keys, made as OpenSSL's own generation makes them (FIPS 186-5 A.2.2: a random number below the order, other than 0, and its
 * multiple of the generator), but without an EVP_PKEY for each: a leaf key is written out at once and never used.
 */
#ifndef CERTMILL_KEY_EC_H
#define CERTMILL_KEY_EC_H

#include "key.h"
#include "spki.h"

struct ec_maker;

/* Are these the keys that this provider's own generation would make? Of another provider nobody knows. */
bool ec_maker_stands_for(const char *provider, bool fips_demanded);
struct ec_maker *ec_maker_new(struct err *e) MUST_USE;
void ec_maker_free(struct ec_maker *m); /* takes NULL */
/* *ret's buffers must be initialised by leaf_key_init. */
bool ec_maker_make(
    struct ec_maker *m, const struct curve *c, struct leaf_key *ret, struct err *e) MUST_USE;

#endif
