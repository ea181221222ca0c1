/*
 * Facts: what the topics say, cut down to 64 octets each, so that any number of records can be compared in bounded memory.
 * They are added in the order of the topics and come back in the order of what they are about; those that do not fit into
 * the memory given are sorted in runs, in a file without a name, and merged.
 */
#ifndef CERTMILL_AUDIT_FACTS_H
#define CERTMILL_AUDIT_FACTS_H

#include "err.h"

#include <stdint.h>

#define FACT_DIGEST_SIZE 16

/* What a fact is about. */
enum fact_subject {
	ABOUT_REQUEST = 1,   /* one request message */
	ABOUT_CERTIFICATE,   /* one issuer's serial number */
	ABOUT_ID,            /* one request id of one topic */
	ABOUT_CONFIGURATION, /* one key of `.state` */
	ABOUT_REVOCATION,    /* one mount's serial number */
};

/* Who says it; about one thing the facts come in this order, and those of one kind by their number. */
enum fact_kind {
	FACT_REQUEST,     /* a message of a request topic */
	FACT_ENTRY,       /* an entry of `.audit` */
	FACT_SUBJECT,     /* number and other: what the request revoked */
	FACT_CERTIFICATE, /* a record of `.certs` */
	FACT_REJECT,      /* a record of `.rejects` */
	FACT_ANSWER,      /* a message of a reply topic */
	FACT_STATE,       /* a record of `.state`; number: its offset */
	FACT_CHANGE,  /* an entry that changed it; number: the state_offset it was decided under */
	FACT_USE,     /* an entry that was decided under it; number: its state_offset */
	FACT_REVOKED, /* a record of `.revoked`; number: its offset */
	FACT_REVOCATION, /* an entry that revoked */
	FACT_CONFIRMED,  /* an answer that named a CRL; number: the CRL's */
	FACT_LISTED, /* on a CRL, and not on the one before it, or the other way round; number: which one */
};

#define FACT_ANYWHERE  1U   /* request: its answer may be in any partition of its topic */
#define FACT_REROUTED  2U   /* entry: its message went on to its home */
#define FACT_REJECTED  4U   /* entry: its message is in `.rejects` */
#define FACT_REPLAYED  8U   /* entry, answer */
#define FACT_NOT_HOME  16U  /* entry: done elsewhere than at its home, or sent on from there */
#define FACT_GONE      32U  /* state, revoked: a tombstone; listed: no more */
#define FACT_UNDECIDED 64U  /* revocation: its request stands behind the committed offset */
#define FACT_REFUSED   128U /* entry, answer */

struct fact {
	uint8_t subject, kind, flags, topic; /* topic, partition, offset: the record that says it */
	int32_t partition;
	uint8_t about[FACT_DIGEST_SIZE];
	int64_t offset;
	int64_t at;     /* ms: the request's timestamp, or the record's */
	int64_t number; /* as the kind has it */
	int64_t other;  /* as the kind has it */
	uint32_t ref;   /* an index into a table: of topics, or of CRLs */
	uint32_t mark;  /* entry, answer: of the refusal's code; certificate, answer: of the DER */
};

struct facts;

/* memory: bytes that facts may take before they go into the file. */
struct facts *facts_new(size_t memory);
void facts_free(struct facts *f); /* takes NULL */
/* ERR_SYSTEM: the file cannot be written. */
bool facts_add(struct facts *f, const struct fact *fact, struct err *e) MUST_USE;
/* Nothing is added after this. */
bool facts_sort(struct facts *f, struct err *e) MUST_USE;
/* *ret is NULL behind the last; it stands until the next call. */
bool facts_next(struct facts *f, const struct fact **ret, struct err *e) MUST_USE;
int64_t facts_count(const struct facts *f);

#endif
