/* The records of what was done: `.certs`, `.revoked`, `.audit`, and a claim in Redis. Formats are settled; fields are only ever added. */
#ifndef CERTMILL_LEDGER_H
#define CERTMILL_LEDGER_H

#include "schema.h"

#define SERIAL_SIZE 20
#define HASH_SIZE   32

/* `.certs` and the first object of a cm:cert row */
struct certificate_record {
	int64_t v;
	struct slice serial; /* SERIAL_SIZE octets */
	struct slice mount, issuer, role;
	struct slice certificate;      /* DER */
	int64_t not_before, not_after; /* seconds */
	int64_t issued;                /* ms: the request's timestamp */
	struct slice request;          /* its id */
	struct slice source;           /* topic/partition/offset */
	int64_t lease; /* seconds; 0: none; SCHEMA_ABSENT in records of before: as it is valid */
	bool no_store; /* it has no cm:cert row and stands in no list */
};

/* `.revoked`, and the second object of the cm:cert row of a revoked certificate */
struct revoked_record {
	int64_t v;
	struct slice serial, mount, issuer;
	int64_t date;            /* seconds: the request record's timestamp */
	int64_t reason;          /* RFC 5280 5.3.1; 0 (unspecified) is not written into the CRL */
	int64_t invalidity_date; /* SCHEMA_ABSENT */
	int64_t not_after;       /* of the certificate: when the entry may leave the CRL */
	struct slice request;
};

/*
 * What was decided: everything an answer and every record of it are made from, beside the request itself. Kept in the
 * claim, so that it can be published again, whole, by whoever finds it.
 */
struct outcome {
	struct slice code, field, message; /* a refusal; absent: ok */
	struct slice issuer;               /* id of the issuer that signed, or that was made */
	struct slice serial;               /* of the certificate signed or revoked */
	int64_t not_after;
	int64_t revoked_at;              /* seconds; SCHEMA_ABSENT */
	int64_t reason, invalidity_date; /* of a revocation made by this request */
	bool already;               /* the certificate had been revoked before: no new record */
	bool rotate;                /* the mount's CRLs are to be made again */
	int64_t crl_minimum;        /* the least number that these may have; SCHEMA_ABSENT */
	bool no_store;              /* of the certificate signed: as its record */
	struct slice csr;           /* DER: the request that was made */
	struct slice_list changes;  /* raw [key, value|nil] of `.state` */
	struct slice_list warnings; /* raw warning maps */
};

extern const struct outcome outcome_none; /* nothing was decided: every number is absent */

struct claim_record {
	struct slice source;
	struct slice hash; /* of the body */
	struct slice mount;
	struct slice reply_to; /* topic of the first answer */
	int64_t at;            /* ms, the worker's clock */
	struct slice outcome;  /* raw map */
	/* Folded from the audit: what it brought about is committed, and is never published again, even if its message comes again. */
	bool committed;
};

/* One stretch of a batch, from one source partition. Its hash is SHA-256 of the value's bytes. */
struct audit_record {
	int64_t v;
	int64_t sequence;          /* rises by one along a source partition, from 1 */
	struct slice previous;     /* hash of the record before; 32 zero octets at the first */
	int64_t at;                /* ms, the worker's clock */
	struct slice worker;       /* slot and lane */
	int64_t state_offset;      /* the `.state` offset that decided */
	struct slice_list entries; /* raw audit_entry maps, by rising offset */
};

struct audit_entry {
	int64_t offset, timestamp;        /* of the request message */
	struct slice id, op, mount, role; /* absent where they could not be read */
	struct slice result; /* "ok", an error code, "replayed", "rerouted", "rejected" */
	struct slice hash;   /* of the body; of all the bytes where there is no body */
	struct slice reply_to;
	/* raw map without the values of `changes`; absent for replays, reroutes and what makes no claim */
	struct slice outcome;
	struct slice detail; /* the error's message, or where it was rerouted to */
};

extern const struct schema certificate_record_schema, revoked_record_schema, outcome_schema,
    claim_record_schema, audit_record_schema, audit_entry_schema;

#endif
