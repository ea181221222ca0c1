/*
 * A claim: a request id's row in Redis. It names the message that holds the id, the hash of its body and the outcome, so that
 * a resend gets the same answer and a crash between Redis and Kafka loses nothing.
 */
#ifndef CERTMILL_CLAIM_H
#define CERTMILL_CLAIM_H

#include "operation.h"
#include "view.h"

/* A row outlives its certificate by this, so that a revocation or a query of the last minute still finds it. */
#define CERTIFICATE_ROW_BUFFER_S ((int64_t)24 * 3600)

/* SHA-256 over op, mount, role, params and seal_to: what makes two messages the same request. */
void request_hash(struct request *rq);

struct slice claim_key(
    struct arena *a, const char *topic, struct slice id); /* cm:req:<topic>:<id> */
struct slice claim_leaf_key(
    struct arena *a, const char *topic, struct slice id); /* cm:key:<topic>:<id> */
/* A certificate's record outlives its claim by this, so that who has read the claim finds it. */
#define CLAIM_RECORD_BUFFER_MS ((int64_t)600 * 1000)
/* cm:rec:<topic>:<id>: the record of a certificate that is not stored. */
struct slice claim_record_key(struct arena *a, const char *topic, struct slice id);

/*
 * Reads a claim that was found for this request and settles what the request is: an own claim, a replay, or a conflict
 * (false with ERR_REQUEST_ID_CONFLICT). rq->outcome is the claim's.
 */
bool claim_settle(
    struct context *cx, struct request *rq, struct slice value, struct err *e) MUST_USE;

/* The claim of a fresh decision and the rows that belong to it. */
bool claim_make(struct context *cx, struct sealer *replay_sealer, struct request *rq,
    struct view_claim *ret, struct err *e) MUST_USE;

/* The rows that a settled claim needs beside it: keys to read; absent where none is. */
struct claim_rows {
	struct slice record_key; /* cm:cert, or cm:rec */
	struct slice leaf_key;   /* cm:key */
};
struct claim_rows claim_rows(struct context *cx, const struct request *rq);
/* Puts them back: rq->record, rq->leaf. A missing certificate of an own claim is ERR_VIEW_LOST; a missing key withholds it. */
bool claim_restore(struct context *cx, struct sealer *replay_sealer, struct request *rq,
    struct slice record, struct slice leaf, struct err *e) MUST_USE;

/* When a claim may go: not before its window is over by the slowest clock of a worker. */
static inline int64_t
claim_end_ms(const struct settings *s, int64_t at_ms)
{
	return at_ms + (s->dedup_window + s->clock_difference) * 1000;
}

/* When the row of a stored certificate may go: a claim that was made at `at_ms` needs it for replays. not_after: seconds */
static inline int64_t
claim_certificate_end_ms(const struct settings *s, int64_t not_after, int64_t at_ms)
{
	const int64_t row = (not_after + CERTIFICATE_ROW_BUFFER_S) * 1000;
	const int64_t claim = claim_end_ms(s, at_ms) + CLAIM_RECORD_BUFFER_MS;

	return row > claim ? row : claim;
}

/* When the rows of a committed claim, made at `at_ms`, may go. Returns how many. */
#define CLAIM_EXPIRIES_MAX 3
size_t claim_expiries(const struct settings *s, struct arena *a, const char *topic, struct slice id,
    const struct outcome *outcome, struct slice mount, int64_t at_ms,
    struct view_expiry ret[static CLAIM_EXPIRIES_MAX]);

/* The outcome as a msgpack map in the arena; without the values of `changes` for the audit. */
struct slice outcome_encode(struct arena *a, const struct outcome *outcome, bool for_audit);
bool outcome_decode(struct slice map, struct arena *a, struct outcome *ret, struct err *e) MUST_USE;

/*
 * cm:cfg:<mount>:<kind>:<name>, which holds a record of `.state` for operators and other programs. False: the key is of no mount.
 */
bool config_row_key(struct arena *a, struct slice state_key, struct slice *ret) MUST_USE;

/* A .state change of an outcome: [key, value|nil]. */
bool change_decode(struct slice raw, struct slice *ret_key, struct slice *ret_value) MUST_USE;

#endif
