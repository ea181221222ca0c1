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

/* Extended key usages by their Go names (role field ext_key_usage); template_purposes has their OIDs. */
enum ext_key_usage {
	PURPOSE_SERVER_AUTH = 1 << 0,
	PURPOSE_CLIENT_AUTH = 1 << 1,
	PURPOSE_CODE_SIGNING = 1 << 2,
	PURPOSE_EMAIL_PROTECTION = 1 << 3,
	PURPOSE_ANY = 1 << 4,
	PURPOSE_IPSEC_END_SYSTEM = 1 << 5,
	PURPOSE_IPSEC_TUNNEL = 1 << 6,
	PURPOSE_IPSEC_USER = 1 << 7,
	PURPOSE_TIME_STAMPING = 1 << 8,
	PURPOSE_OCSP_SIGNING = 1 << 9,
	PURPOSE_MICROSOFT_SERVER_GATED_CRYPTO = 1 << 10,
	PURPOSE_NETSCAPE_SERVER_GATED_CRYPTO = 1 << 11,
	PURPOSE_MICROSOFT_COMMERCIAL_CODE_SIGNING = 1 << 12,
	PURPOSE_MICROSOFT_KERNEL_CODE_SIGNING = 1 << 13,
};

#define TEMPLATE_PURPOSES 14
extern const struct slice
    template_purposes[TEMPLATE_PURPOSES]; /* content octets of the OID of bit i */

enum key_type { KEY_RSA, KEY_EC, KEY_ED25519 };

#define TEMPLATE_WARNINGS_MAX 16

struct warning {
	const char *code;
	struct slice message; /* in the arena */
};

/* otherName of a SAN: [0] { type-id, [0] EXPLICIT UTF8String } (RFC 5280 4.2.1.6) */
struct other_name {
	struct slice type_id; /* content octets of the OID */
	struct slice value;   /* UTF-8 */
};

struct other_names {
	struct other_name *items;
	size_t count;
};

struct template
{
	/* The subject: a whole DER Name that is taken as it is, or else the attributes; absent or empty ones are left out. */
	struct slice subject;
	struct slice common_name;
	struct slice serial_number; /* 2.5.4.5 */
	struct slice_list country, organization, organizational_unit, locality, province,
	    street_address, postal_code, user_ids;
	struct slice_list dns, emails, uris; /* IA5 text */
	struct slice_list ips;               /* 4 or 16 octets each */
	struct other_names others;
	int64_t not_before, not_after;        /* seconds since the epoch */
	unsigned key_usage;                   /* bits above; 0: no KeyUsage extension */
	unsigned ext_key_usage;               /* bits above */
	struct slice_list ext_key_usage_oids; /* further purposes: content octets of their OIDs */
	struct slice policies;                /* value of certificatePolicies, DER; absent: none */
	bool basic_constraints;               /* of an end entity: CA:FALSE is said */
	bool is_ca;
	int64_t max_path_length; /* of a CA; -1: none */
	/*
	 * Whole Extensions (DER) that were taken over from a CSR. One of a kind that the template would make by itself stands
	 * in its place; never basicConstraints.
	 */
	struct slice_list extensions;
	/* How an RSA issuer signs; others sign as their key demands. 0: SHA-256 */
	int64_t signature_bits;
	bool use_pss;
	enum key_type key_type; /* of the subject's key */
	int64_t key_bits;
	struct warning warnings[TEMPLATE_WARNINGS_MAX];
	size_t warning_count;
};

#endif
