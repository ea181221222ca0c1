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
	bool trust_identity;        /* is the `identity` of a request believed? */
	struct slice role_defaults; /* ROLE_DEFAULTS_SEED or ROLE_DEFAULTS_CURRENT */
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
	struct slice id;  /* first 16 octets of SHA-256 of its SubjectPublicKeyInfo, in hex */
	struct slice key; /* sealed box of the PKCS#8 key, bound to "mount/id" */
	int64_t created;
};

/*
 * A role: also the parameters of role/write and role/patch, and the data of role/read. A stored role has a value for
 * everything; a record that is older than a field means the source document's (0.4) default.
 */
struct role {
	int64_t ttl, max_ttl;    /* seconds, 0: the mount's */
	struct slice issuer_ref; /* "default", or an issuer's id: found when it is used */
	/* names */
	bool allow_localhost;
	struct slice_list allowed_domains; /* alias allowed_base_domain */
	bool allowed_domains_template, allow_globs_in_identity_templates;
	bool allow_bare_domains; /* alias allow_base_domain */
	bool allow_token_displayname, allow_subdomains, allow_glob_domains,
	    allow_wildcard_certificates, allow_any_name, enforce_hostnames;
	bool require_cn;
	struct slice_list cn_validations; /* "email", "hostname"; or "disabled" alone */
	/* other alternative names */
	bool allow_ip_sans;
	struct slice_list allowed_ip_sans_cidr; /* empty: all */
	struct slice_list allowed_uri_sans;     /* globs; empty: none */
	bool allowed_uri_sans_template;
	struct slice_list allowed_other_sans; /* "oid;utf8:glob"; "*" alone: all; empty: none */
	/* the subject */
	struct slice_list allowed_serial_numbers; /* globs; empty: none */
	struct slice serial_number_source;        /* "json-csr", "json" */
	struct slice_list allowed_user_ids;       /* values or globs; empty: none */
	struct slice_list ou, organization, country, locality, province, street_address,
	    postal_code;
	/* keys and what they are for */
	bool server_flag, client_flag, code_signing_flag, email_protection_flag;
	struct slice key_type; /* "rsa", "ec", "ed25519", "any" */
	int64_t key_bits; /* as stored: never 0 but for ed25519 and any, where it means nothing */
	int64_t signature_bits; /* as stored: never 0 for rsa; 0 for ed25519 and any */
	bool use_pss;
	struct slice_list key_usage, ext_key_usage, ext_key_usage_oids;
	/* what a CSR may say */
	bool use_csr_common_name, use_csr_sans;
	/* what the certificate carries, and how long it lasts */
	struct slice_list policy_identifiers; /* OIDs, or JSON objects of oid, cps, notice */
	bool basic_constraints_valid_for_non_ca;
	int64_t not_before_duration;        /* seconds */
	struct slice not_before, not_after; /* RFC 3339; "": none */
	struct slice not_before_bound;      /* "permit", "duration", "forbid" */
	struct slice not_after_bound;       /* "permit", "forbid", "ttl-limited", or RFC 3339 */
	/* what is done with it */
	bool generate_lease, no_store;
	bool require_seal_to; /* a key that is made here leaves sealed, or not at all */
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

#define ISSUER_ID_SIZE 33 /* 32 hex digits and a NUL */
/* An issuer is named by its certificate: the first 16 octets of its SHA-256, so that who says it cannot say another's. */
void issuer_id_of(struct slice der, char ret[static ISSUER_ID_SIZE]);

#define ROLE_DEFAULTS_SEED    "0.4"
#define ROLE_DEFAULTS_CURRENT "current"

/*
 * The source document's defaults: allow_localhost, allow_ip_sans, server_flag, client_flag, generate_lease true, key_type
 * rsa; what the document does not know is as if it were not there.
 */
void role_defaults(struct role *role);
/* Today's: enforce_hostnames, use_csr_common_name and use_csr_sans true, generate_lease false; the rest as above. */
void role_defaults_current(struct role *role);

#endif
