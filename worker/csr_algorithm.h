/* The signature algorithms that a CSR may be signed with. */
#ifndef CERTMILL_CSR_ALGORITHM_H
#define CERTMILL_CSR_ALGORITHM_H

#include "err.h"
#include "template.h"

enum digest { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_NONE };
#define DIGEST_COUNT 3

struct signature_algorithm {
	enum key_type type;
	enum digest digest; /* DIGEST_NONE: Ed25519 */
	bool pss;
	int salt_len; /* of PSS */
};

/* AlgorithmIdentifier, DER. ERR_CSR_INVALID for what is not taken: SHA-1 and MD5 above all. */
bool signature_algorithm_read(
    struct slice der, struct signature_algorithm *ret, struct err *e) MUST_USE;

#endif
