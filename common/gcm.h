/* AES-256-GCM over an EVP_CIPHER_CTX that holds the key. Private to sealing: who calls it answers for the nonces. */
#ifndef CERTMILL_GCM_H
#define CERTMILL_GCM_H

#include "err.h"
#include "slice.h"

#include <openssl/evp.h>

#define GCM_KEY_SIZE   32
#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE   16

EVP_CIPHER_CTX *gcm_new(const uint8_t key[static GCM_KEY_SIZE], struct err *e) MUST_USE;
/* Writes clear.len octets. */
bool gcm_seal(EVP_CIPHER_CTX *ctx, const uint8_t nonce[static GCM_NONCE_SIZE], struct slice aad,
    struct slice clear, uint8_t *ret, uint8_t ret_tag[static GCM_TAG_SIZE], struct err *e) MUST_USE;
/* Writes text.len octets, and wipes them when the tag is wrong: ERR_SEAL_INVALID. */
bool gcm_open(EVP_CIPHER_CTX *ctx, const uint8_t nonce[static GCM_NONCE_SIZE], struct slice aad,
    struct slice text, const uint8_t tag[static GCM_TAG_SIZE], uint8_t *ret,
    struct err *e) MUST_USE;

#endif
