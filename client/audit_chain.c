/* The chains of `.audit`: each record holds the hash of the one before it along its request partition. */
#include "audit.h"

#include "sha256.h"
#include "timespan.h"

#include <inttypes.h>

/* The first that is kept may be any, where retention or the range has cut off what was before. */
static bool
record_follows(const struct audit *a, const struct audit_chain *c, const struct queue_message *m,
    const struct audit_record *record)
{
	static const uint8_t zeros[HASH_SIZE];
	const struct audit_partition *p = &a->topics[AUDIT_TRAIL].at[m->partition];
	const uint8_t *previous = c->begun ? c->hash : zeros;

	if (!c->begun && p->from > 0)
		return true;
	return record->sequence - 1 == c->sequence &&
	    slice_eq(record->previous, slice_of(previous, HASH_SIZE));
}

static void
head_differs(struct audit *a, struct audit_chain *c, const char *what)
{
	if (!c->differs)
		report_violation(a, VIOLATION_HEAD_DIFFERS, &c->last, c->last_ms, "%s", what);
	c->differs = true;
}

void
audit_chain_take(struct audit *a, const struct queue_message *m, const struct audit_place *source,
    const struct audit_record *record)
{
	struct audit_chain *c = &a->chains[source->topic][source->partition];
	const struct audit_position *head = &a->cut.at[source->topic][source->partition];
	struct audit_place place = { AUDIT_TRAIL, m->partition, m->offset };

	a->report.audit_records++;
	if (!record_follows(a, c, m, record))
		report_violation(a, VIOLATION_CHAIN_BROKEN, &place, m->timestamp_ms,
		    "sequence %" PRId64 " of %s/%" PRId32 " does not follow sequence %" PRId64,
		    record->sequence, a->topics[source->topic].name, source->partition,
		    c->sequence);
	sha256(m->value, c->hash);
	c->begun = true;
	c->sequence = record->sequence;
	c->last = place;
	c->last_ms = m->timestamp_ms;
	if (c->sequence == head->sequence && memcmp(c->hash, head->hash, HASH_SIZE) != 0)
		head_differs(a, c, "the committed head has another hash at this sequence");
}

/* `now` is asked for after the audit was read: nothing that was read can stand behind it. */
static void
chain_end(struct audit *a, struct audit_place source, const struct audit_position *then,
    const struct audit_position *now)
{
	struct audit_chain *c = &a->chains[source.topic][source.partition];

	if (!then->committed)
		return; /* it has no head, and that is said */
	if (!c->begun) {
		source.offset = then->offset;
		if (then->sequence > 0 && audit_is_whole(a, AUDIT_TRAIL))
			report_violation(a, VIOLATION_HEAD_DIFFERS, &source, time_now_ms(),
			    "the committed head is at sequence %" PRId64 ", .audit has no record",
			    then->sequence);
		return;
	}
	if (c->sequence < then->sequence)
		head_differs(a, c, "the chain ends here, the committed head is further on");
	else if (c->sequence > now->sequence)
		head_differs(a, c, "the chain goes past the committed head");
	else if (c->sequence == now->sequence && memcmp(c->hash, now->hash, HASH_SIZE) != 0)
		head_differs(a, c, "the committed head has another hash at this sequence");
}

bool
audit_chain_end(struct audit *a, struct err *e)
{
	struct audit_cut now;

	if (!audit_cut_take(a, &now, e))
		return false;
	for (size_t topic = 0; topic < AUDIT_REQUESTS; topic++)
		for (int32_t i = 0; i < a->topics[topic].count; i++)
			chain_end(a, (struct audit_place){ (uint8_t)topic, i, 0 },
			    &a->cut.at[topic][i], &now.at[topic][i]);
	return true;
}
