/*
 * An answer's private key is sealed to a key that lives in this process alone, and opened here: what the answer's topic
 * holds is of use to nobody else, and no longer to us either when the process has ended.
 */
#ifndef CERTMILL_SEAL_ANSWER_H
#define CERTMILL_SEAL_ANSWER_H

#include "err.h"
#include "writer.h"

#include <jansson.h>
#include <openssl/evp.h>

/* Makes an X25519 key, and writes the seal_to that names it. */
bool seal_key_make(EVP_PKEY **ret, struct writer *seal_to, struct err *e) MUST_USE;
/* Puts the clear text in the place of data's private_key. False in *ret_sealed: it came in clear, and stays as it is. */
bool seal_key_open(EVP_PKEY *key, json_t *data, bool *ret_sealed, struct err *e) MUST_USE;

#endif
