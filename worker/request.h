/* One request message on its way through a batch: where it stands, what it asks, what was decided, what is answered. */
#ifndef CERTMILL_REQUEST_H
#define CERTMILL_REQUEST_H

#include "arena.h"
#include "envelope.h"
#include "key.h"
#include "ledger.h"
#include "params.h"
#include "settings.h"

struct operation;

struct request {
	/* where it stands */
	struct queue_message *message; /* the lane's inbox owns it */
	enum topic_kind kind;
	struct slice source; /* "topic/partition/offset", in the arena */
	/* what it asks */
	struct request_envelope envelope;
	const struct operation *operation; /* NULL: unknown or not for this topic */
	void *params;                      /* the operation's struct, in the arena */
	uint64_t seen;                     /* which parameters came */
	uint8_t hash[HASH_SIZE];           /* of the body */
	struct slice reply_topic;          /* NUL-terminated */
	int32_t reply_partition;           /* -1: by key */
	struct err reply_error;            /* why the answer cannot go where it was asked for */
	bool answerable;                   /* an id was read */
	/* what was decided: filled by decide, or read from a claim */
	struct outcome outcome;
	struct slice record;  /* the certificate_record, encoded: what goes to .certs */
	struct leaf_key leaf; /* issue: initialised by decide; the batch clears it */
	bool has_leaf;
	bool replay;        /* answered from the claim of another message */
	bool own_claim;     /* the claim's source is this message: publish everything again */
	bool key_withheld;  /* a replay that may not carry the private key */
	bool retryable;     /* a refusal that makes no claim */
	bool no_lease;      /* decide: the certificate that it signs is not leased */
	int64_t crl_number; /* revoke, crl/rotate: of the CRL in this batch; 0: none */
	struct slice
	    row; /* the Redis row that operation->lookup asked for; absent: there is none */
};

#endif
