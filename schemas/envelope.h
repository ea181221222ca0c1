/* The request and response envelopes (DESIGN section 4 of the contract; docs/messages.md is made from the tables). */
#ifndef CERTMILL_ENVELOPE_H
#define CERTMILL_ENVELOPE_H

#include "schema.h"

#define ENVELOPE_VERSION 1
#define REQUEST_MAX      (256 * 1024) /* bytes of a request message */
#define REQUEST_ID_MAX   64

struct request_envelope {
	int64_t v;
	struct slice id, op, mount, role;
	struct slice params;  /* raw map; absent: as an empty map */
	int64_t ts, deadline; /* ms since the epoch; SCHEMA_ABSENT */
	struct slice reply_to;
	struct slice seal_to;  /* raw map: a JWK */
	struct slice identity; /* raw map */
	bool dry_run;
};

struct response_envelope {
	int64_t v;
	struct slice id, op, mount, status; /* "ok" or "error" */
	struct slice data;                  /* raw map */
	struct slice error;                 /* raw map of error_body */
	struct slice_list warnings;         /* raw maps of warning_body */
};

struct error_body {
	struct slice code, message, field;
	bool retryable;
};

struct warning_body {
	struct slice code, message;
};

/* A JSON Web Key as it stands in seal_to and in mount/list: OKP, X25519. */
struct jwk_body {
	struct slice kty, crv, x, kid, use, alg; /* x is base64url text */
};

/* The request's `identity`: who a sender says that it acts for. */
struct identity_body {
	struct slice display_name, entity_id, name;
	struct slice metadata; /* raw map of texts */
	struct slice aliases;  /* raw map: accessor to alias_body */
};

struct alias_body {
	struct slice id, name;
	struct slice metadata, custom_metadata; /* raw maps of texts */
};

extern const struct schema request_schema, response_schema, error_schema, warning_schema,
    jwk_schema, identity_schema, alias_schema;

/* Sets the defaults (mount "pki", absent times) and decodes. On failure what was read so far stands in *ret. */
bool request_decode(
    struct slice bytes, struct arena *a, struct request_envelope *ret, struct err *e) MUST_USE;

#endif
