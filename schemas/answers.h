/* The `data` of each operation's answer. Optional members are left out when absent (schema_encode). */
#ifndef CERTMILL_ANSWERS_H
#define CERTMILL_ANSWERS_H

#include "schema.h"

/* issue, sign, ca/generate/root, ca/sign */
struct leaf_answer {
	struct slice certificate, issuing_ca; /* PEM, or base64 DER for format=der */
	struct slice_list ca_chain;
	/* in the same forms, or a compact JWE when sealed to the requester */
	struct slice private_key;
	struct slice private_key_type;      /* "rsa", "ec", "ed25519" */
	struct slice serial_number, serial; /* the same text: lower-case hex, colons */
	int64_t expiration;                 /* seconds since the epoch */
	struct slice lease_id; /* "pki/issue/web/aa-bb-..."; empty: a CA's own, absent: no lease */
	int64_t lease_duration;
	bool renewable;
};

/* ca/generate/intermediate */
struct csr_answer {
	struct slice csr;
	struct slice private_key, private_key_type; /* as above, when exported */
};

struct revoke_answer {
	int64_t revocation_time; /* seconds since the epoch */
	struct slice revocation_time_rfc3339;
	struct slice state; /* "revoked"; "expired": nothing was done, and the times are absent */
	int64_t crl_number; /* of the first CRL that holds it; absent on a replay */
};

struct rotate_answer {
	bool success;
	int64_t crl_number;
};

struct cert_read_answer {
	struct slice certificate; /* PEM: of a certificate, or of the CRL for `crl` */
	struct slice serial_number;
	int64_t revocation_time;
	struct slice revocation_time_rfc3339;
};

struct page_answer {
	struct slice_list keys;
	struct slice next; /* `after` of the next page; absent on the last */
};

struct mount_list_answer {
	struct slice_list mounts; /* raw maps: mount_entry */
	struct slice seal_key; /* raw map: the fleet's public JWK, to seal a pem_bundle's key to */
};

struct mount_entry {
	struct slice mount, description, issuer;
	int64_t default_ttl, max_ttl;
	bool allow_clear_keys, allow_slow_keys;
};

struct ca_read_answer {
	struct slice certificate;
	struct slice_list ca_chain;
};

struct crl_read_answer {
	struct slice crl; /* PEM, or base64 DER */
	int64_t crl_number, this_update, next_update;
};

struct urls_answer {
	struct slice_list issuing_certificates, crl_distribution_points, ocsp_servers;
};

struct crl_config_answer {
	struct slice expiry;
};

/* what role/read answers beside the role: the source document's names, in its forms */
struct role_names {
	struct slice allowed_base_domain; /* "a,b" */
	bool allow_base_domain;
};

#define STATUS_ROWS_MAX 2000 /* of one kind in the answer to `status` */

/* status: what the worker that answered could find out */
struct status_answer {
	struct slice worker, version; /* of who answered: slot/lane */
	int64_t at;                   /* seconds since the epoch */
	struct slice view;            /* "ready", "folding"; absent: Redis does not say */
	/* raw maps: status_lane, status_partition, status_crl, status_mount */
	struct slice_list lanes, partitions, crls, mounts;
	int64_t rejects;            /* offsets that `.rejects` holds; absent: Kafka does not say */
	struct slice_list problems; /* what could not be found out, and why */
};

struct status_lane {
	struct slice kind, instance, host;
	struct slice_list partitions; /* "certmill.issue/0" */
};

struct status_partition {
	struct slice topic;
	int64_t partition, committed, lag; /* committed absent: nothing was */
	int64_t audit_sequence;            /* of the chain's last record; absent: there is none */
	struct slice audit_hash;           /* hex */
};

struct status_crl {
	struct slice mount, issuer, shard;
	int64_t number, this_update, next_update, due, size, limit;
};

struct status_mount {
	struct slice mount, issuer;
	int64_t issuer_not_after;
	int64_t roles, issued, revoked;
};

/* in place of the operation's own where the request was a dry_run, queries excepted */
struct dry_run_answer {
	int64_t expiration; /* absent where nothing would be signed */
};

/* leaf_answer_unleased: without the lease */
extern const struct schema leaf_answer_schema, leaf_answer_unleased_schema, csr_answer_schema,
    revoke_answer_schema, rotate_answer_schema, cert_read_answer_schema, page_answer_schema,
    mount_list_answer_schema, mount_entry_schema, ca_read_answer_schema, crl_read_answer_schema,
    urls_answer_schema, crl_config_answer_schema, role_names_schema, dry_run_answer_schema,
    status_answer_schema, status_lane_schema, status_partition_schema, status_crl_schema,
    status_mount_schema;

#endif
