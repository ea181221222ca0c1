/*
 * The records of `.state` (key: kind/mount/name, value: one of these as a map). The record of configuration: formats are
 * settled, fields are only ever added.
 */
#ifndef CERTMILL_STATES_H
#define CERTMILL_STATES_H

#include "schema.h"

/*
 * kinds: "mount/pki/", "issuer/pki/ID", "pending/pki/", "role/pki/NAME", "urls/pki/", "crl/pki/", "topics//". No catalog
 * holds "certificate/pki/SERIAL": the certificate_record (ledger.h) of a CA certificate that outlives what `.certs` keeps.
 */

struct mount_state {
	int64_t v;
	int64_t default_ttl, max_ttl; /* seconds */
	bool allow_clear_keys, allow_slow_keys;
	struct slice description;
	struct slice issuer; /* id of the issuer that signs, absent while there is none */
	int64_t created;     /* ms: the request's timestamp */
	int64_t
	    deleted; /* ms: it signs nothing more, its CRLs go on; 0 or SCHEMA_ABSENT: it was not */
	/* Records of the mount below this offset of `.state` are of a mount that was deleted; issuers stay. 0 or SCHEMA_ABSENT: none */
	int64_t since;
};

struct issuer_state {
	int64_t v;
	struct slice id; /* first 16 octets of SHA-256 of the certificate, lower-case hex */
	struct slice certificate; /* DER */
	struct slice_list chain;  /* DER, the issuer's issuer first; empty for a root */
	struct slice key;         /* sealed box (seal.h) of the PKCS#8 key, bound to "mount/id" */
	int64_t crl_shards;       /* 1: one CRL */
	int64_t created;
};

/* The key of a CA whose certificate has yet to be brought: the last that ca/generate/intermediate made. */
struct pending_state {
	int64_t v;
	struct slice
	    id; /* first 16 octets of SHA-256 of its SubjectPublicKeyInfo, lower-case hex */
	struct slice key; /* sealed box of the PKCS#8 key, bound to "mount/id" */
	int64_t created;
};

/* A role: also the parameters of role/write and the data of role/read. Defaults are the source document's (0.4). */
struct role {
	int64_t ttl, max_ttl; /* seconds, 0: the mount's */
	bool allow_localhost;
	struct slice_list allowed_domains; /* alias allowed_base_domain */
	bool allow_bare_domains;           /* alias allow_base_domain */
	bool allow_token_displayname, allow_subdomains, allow_any_name, enforce_hostnames,
	    allow_ip_sans;
	bool server_flag, client_flag, code_signing_flag, email_protection_flag;
	struct slice key_type; /* "rsa", "ec", "ed25519" */
	int64_t key_bits;      /* as stored: never 0 but for ed25519 */
	bool use_csr_common_name;
};

struct urls_state {
	int64_t v;
	struct slice_list issuing_certificates, crl_distribution_points, ocsp_servers;
};

struct crl_state {
	int64_t v;
	struct slice expiry;
};

/* Partition counts of the request topics, fixed when the topics are made. */
struct topics_state {
	int64_t v;
	int64_t issue, sign, query, revoke, config;
};

extern const struct schema mount_state_schema, issuer_state_schema, pending_state_schema,
    role_schema, urls_state_schema, crl_state_schema, topics_state_schema;

/* The source document's defaults: allow_localhost, allow_ip_sans, server_flag, client_flag true, key_type rsa, the rest off. */
void role_defaults(struct role *role);

#endif
