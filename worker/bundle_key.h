/* The private key of a PEM bundle, in any of the forms that it comes in. */
#ifndef CERTMILL_BUNDLE_KEY_H
#define CERTMILL_BUNDLE_KEY_H

#include "buf.h"

#include <openssl/evp.h>

/* `text` begins with a PEM block of a private key. Encrypted ones are refused. */
EVP_PKEY *key_from_pem(struct slice text, struct err *e) MUST_USE;
/* What a sealed key opens to: PEM with one private key (and EC PARAMETERS, which say nothing new), or PKCS#8 DER. */
EVP_PKEY *key_from_opened(struct slice opened, struct err *e) MUST_USE;
/* Where the next "-----BEGIN " stands; text.len when there is none. */
size_t pem_start(struct slice text);
/* The label of the block that text begins with; absent when the line is cut short. */
struct slice pem_label(struct slice text);
/* Length of the block that text begins with, its last line included; 0 when that does not come. */
size_t pem_length(struct slice text);

#endif
