/*
 * The audit chain: one per source partition. A record is one stretch of a batch; it holds the hash of the record before, and
 * the head (step and stamp, sequence, hash) travels in the metadata of the committed offset, so that the chain moves exactly
 * with the transaction.
 */
#ifndef CERTMILL_AUDIT_H
#define CERTMILL_AUDIT_H

#include "ledger.h"
#include "queue.h"
#include "request.h"
#include "view.h"

struct audit_head {
	int64_t step;                /* of the view, see view.h */
	char stamp[VIEW_STAMP_SIZE]; /* of the session that made it; "": none did */
	int64_t sequence;            /* of the last record; 0: none yet */
	uint8_t hash[HASH_SIZE];
};

/* "1 step.stamp sequence hash", or "1 step sequence hash"; what was never written ("") is the head of an empty chain only where the caller says so. */
void audit_head_write(const struct audit_head *head, char ret[static QUEUE_METADATA_MAX]);
bool audit_head_read(const char *metadata, struct audit_head *ret, struct err *e) MUST_USE;

static inline struct view_committed
audit_head_committed(const struct audit_head *head, struct slice own_key)
{
	struct view_committed c = { .own_key = own_key, .step = head->step };

	memcpy(c.stamp, head->stamp, sizeof(c.stamp));
	return c;
}

/* One entry's map, in the arena. */
struct slice audit_entry_encode(
    struct arena *a, const struct request *rq, const char *result, struct slice detail);

/* What the stretch has in common. */
struct audit_stretch {
	struct slice worker;
	int64_t at_ms, state_offset;
};

/*
 * Encodes the entries as records that follow `head`, each at most `max` bytes, and moves the head to the last of them.
 * Values in the arena; *ret_count records.
 */
struct slice *audit_records(struct arena *a, const struct audit_stretch *stretch,
    struct audit_head *head, const struct slice *entries, size_t count, size_t max,
    size_t *ret_count);

#endif
