/*
 * The offset in `.state` that each record of `.audit` says it was decided under. A batch is decided when its worker has read
 * `.state` to where that ended after the batch was polled. So along a chain the offset does not go back, and a record of
 * `.state` that is older than the request by more than clocks may differ was read. What compaction has removed is not held
 * against anybody: the record that was passed over must still stand.
 */
#include "audit.h"

#include <inttypes.h>
#include <stdlib.h>

void
audit_state_add(struct audit *a, int64_t offset, int64_t at_ms)
{
	if (a->state_count == a->state_capacity) {
		a->state_capacity = a->state_capacity == 0 ? 64 : 2 * a->state_capacity;
		a->state = reallocarray(a->state, a->state_capacity, sizeof(*a->state));
		if (a->state == NULL)
			abort();
	}
	if (a->state_count > 0 && a->state[a->state_count - 1].at_ms > at_ms)
		at_ms = a->state[a->state_count - 1].at_ms;
	a->state[a->state_count++] = (struct audit_state_record){ offset, at_ms };
}

/* The offset of the last record whose time, or whose offset, is below that; -1: there is none. */
static int64_t
last_below(const struct audit *a, bool by_time, int64_t bound)
{
	size_t low = 0, high = a->state_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct audit_state_record *r = &a->state[middle];

		if ((by_time ? r->at_ms : r->offset) < bound)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? -1 : a->state[low - 1].offset;
}

void
audit_state_judge(struct audit *a, const struct audit_place *place, int64_t at_ms,
    const struct audit_place *source, const struct audit_record *record, int64_t newest_ms)
{
	struct audit_chain *c = &a->chains[source->topic][source->partition];
	int64_t end = a->topics[AUDIT_STATE].at[0].to;
	int64_t before = c->state_seen ? last_below(a, false, c->state_offset + 1) : -1;
	int64_t due = last_below(a, true, newest_ms - AUDIT_CLOCKS_MS);

	if (record->state_offset >= end) {
		report_violation(a, VIOLATION_STATE_OFFSET, place, at_ms,
		    "it was decided under offset %" PRId64 " of .state, which ends at %" PRId64,
		    record->state_offset, end);
		return;
	}
	if (record->state_offset < before)
		report_violation(a, VIOLATION_STATE_OFFSET, place, at_ms,
		    "it was decided under offset %" PRId64
		    " of .state, the record before it under %" PRId64,
		    record->state_offset, c->state_offset);
	else if (record->state_offset < due)
		report_violation(a, VIOLATION_STATE_OFFSET, place, at_ms,
		    "it was decided under offset %" PRId64 " of .state, when the record at %" PRId64
		    " had long stood",
		    record->state_offset, due);
	if (!c->state_seen || record->state_offset > c->state_offset)
		c->state_offset = record->state_offset;
	c->state_seen = true;
}
