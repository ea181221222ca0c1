/*
 * The parameters of each operation: names to the letter of the source document. Each struct has its table in params.c.
 * X_defaults() sets what absent means before schema_decode.
 */
#ifndef CERTMILL_PARAMS_H
#define CERTMILL_PARAMS_H

#include "schema.h"
#include "states.h"

/* issue, sign and sign-verbatim; no table has all of it */
struct leaf_params {
	struct slice common_name;
	struct slice csr; /* PEM; not issue */
	struct slice_list alt_names, ip_sans, uri_sans, other_sans;
	struct slice serial_number; /* of the subject: 2.5.4.5 */
	struct slice_list user_ids;
	bool exclude_cn_from_sans;
	int64_t ttl;                        /* SCHEMA_ABSENT when not asked for */
	struct slice not_before, not_after; /* RFC 3339; absent or "": not asked for */
	struct slice format;                /* "pem" (default), "der", "pem_bundle" */
	bool remove_roots_from_chain;
	/* issue: the key, where the role has key_type any */
	struct slice key_type;
	int64_t key_bits;                /* SCHEMA_ABSENT: the type's default */
	struct slice private_key_format; /* "der" (default: the type's own form), "pkcs8" */
	/* sign-verbatim: what the CSR does not say; absent lists: not given */
	struct slice_list key_usage, ext_key_usage, ext_key_usage_oids;
	int64_t signature_bits;
	bool use_pss;
	bool basic_constraints_valid_for_non_ca;
};

struct revoke_params {              /* one of the first three */
	struct slice serial_number; /* alias: serial */
	struct slice certificate;   /* PEM */
	struct slice lease_id;      /* "pki/issue/web/aa-bb-..." */
	/* RFC 5280 name: "keyCompromise", or snake case, or the number as text; absent: none */
	struct slice reason;
	struct slice invalidity_date; /* RFC 3339 */
};

struct crl_rotate_params {
	int64_t minimum_number; /* 0: the one after the last */
};

/* mount/write and mount/tune */
struct mount_params {
	int64_t default_ttl,
	    max_ttl; /* aliases: default_lease_ttl, max_lease_ttl; SCHEMA_ABSENT: not given */
	bool allow_clear_keys, allow_slow_keys, trust_identity;
	struct slice role_defaults; /* "0.4" (default), "current" */
	struct slice description;
};

struct ca_set_params {
	/* certificates in PEM, the key as PEM (where allowed) or as a compact JWE, any order */
	struct slice pem_bundle;
	bool replace; /* another CA in the place of the mount's */
};

/* ca/generate/root, ca/generate/intermediate and ca/sign: each has the rows that mean something to it */
struct ca_params {
	struct slice csr;         /* PEM */
	struct slice common_name; /* absent: it must come from the CSR */
	struct slice_list alt_names, ip_sans, uri_sans, other_sans;
	bool exclude_cn_from_sans;
	struct slice_list country, organization, ou, locality, province, street_address,
	    postal_code;
	int64_t ttl; /* SCHEMA_ABSENT when not asked for */
	struct slice format;
	int64_t max_path_length; /* -1: none of its own */
	int64_t signature_bits;  /* 0: SHA-256 */
	bool use_pss;
	struct slice key_type;
	int64_t key_bits;                /* SCHEMA_ABSENT: the type's default */
	struct slice private_key_format; /* "der" (default), "pkcs8" */
	struct slice exported; /* "internal" (default) or "exported" ("external" is the same) */
	bool use_csr_values;
};

struct urls_params {
	struct slice_list issuing_certificates, crl_distribution_points,
	    ocsp_servers; /* absent: unchanged; empty: cleared */
};

struct crl_params {
	struct slice expiry; /* "72h"; kept and read back as written */
};

struct cert_read_params {
	struct slice serial; /* "ca", "crl" or a serial number; alias: serial_number */
};

struct page_params {
	struct slice after; /* the last key of the page before; absent: from the start */
	int64_t limit;      /* 1..1000, default 100 */
};

struct read_params {
	struct slice format; /* "pem" (default) or "der" (base64) */
};

struct no_params {
	char unused;
};

extern const struct schema issue_params_schema, sign_params_schema, sign_verbatim_params_schema,
    revoke_params_schema, crl_rotate_params_schema, mount_params_schema, mount_tune_params_schema,
    ca_set_params_schema, ca_root_params_schema, ca_intermediate_params_schema,
    ca_sign_params_schema, urls_params_schema, crl_params_schema, cert_read_params_schema,
    page_params_schema, read_params_schema, no_params_schema;
/* role/write's parameters are the role itself: role_schema and role_defaults in states.h */

/* What absent means, set before schema_decode. Each takes its own struct; the type is what struct operation calls. The
 * others (revoke, ca/set, urls, crl, cert/read) begin as all zero. */
void leaf_params_defaults(
    void *params); /* ttl and key_bits absent, format pem, private_key_format der */
void mount_params_defaults(void *params); /* both ttls absent, role_defaults 0.4 */
void ca_params_defaults(
    void *params); /* ttl and key_bits absent, format pem, rsa, max_path_length -1, internal */
void page_params_defaults(void *params); /* limit 100 */
void read_params_defaults(void *params); /* format pem */

#endif
