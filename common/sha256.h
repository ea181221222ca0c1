/* SHA-256 of what is in memory. */
#ifndef CERTMILL_SHA256_H
#define CERTMILL_SHA256_H

#include "slice.h"

#define SHA256_SIZE 32

/* Cannot fail but for memory, or for a libcrypto that has no SHA-256: both end the process. */
void sha256(struct slice bytes, uint8_t ret[static SHA256_SIZE]);

#endif
