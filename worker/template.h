/* What policy allows, before it is signed: the whole content of a certificate but its serial number, key and issuer. */
#ifndef CERTMILL_TEMPLATE_H
#define CERTMILL_TEMPLATE_H

#include "err.h"
#include "slice.h"

#include <stdint.h>

/* RFC 5280 4.2.1.3: bit n of the list is 1 << n (not OpenSSL's KU_ macros, whose octets stand the other way round). */
enum key_usage {
	USAGE_DIGITAL_SIGNATURE = 1 << 0,
	USAGE_CONTENT_COMMITMENT = 1 << 1,
	USAGE_KEY_ENCIPHERMENT = 1 << 2,
	USAGE_DATA_ENCIPHERMENT = 1 << 3,
	USAGE_KEY_AGREEMENT = 1 << 4,
	USAGE_KEY_CERT_SIGN = 1 << 5,
	USAGE_CRL_SIGN = 1 << 6,
	USAGE_ENCIPHER_ONLY = 1 << 7,
	USAGE_DECIPHER_ONLY = 1 << 8,
};

enum key_type { KEY_RSA, KEY_EC, KEY_ED25519 };

#define TEMPLATE_WARNINGS_MAX 8

struct warning {
	const char *code;
	struct slice message; /* in the arena */
};

struct template
{
	struct slice common_name;      /* absent: none */
	struct slice_list dns, emails; /* IA5 text */
	struct slice_list ips;         /* 4 or 16 octets each */
	int64_t not_before, not_after; /* seconds since the epoch */
	unsigned key_usage;            /* bits above; 0: no KeyUsage extension */
	bool server_auth, client_auth, code_signing, email_protection; /* extended key usages */
	bool is_ca;
	int64_t max_path_length; /* of a CA; -1: none */
	enum key_type key_type;  /* of the subject's key */
	int64_t key_bits;
	struct warning warnings[TEMPLATE_WARNINGS_MAX];
	size_t warning_count;
};

#endif
