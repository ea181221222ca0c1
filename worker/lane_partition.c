#include "lane_internal.h"

#include "failpoint.h"
#include "timespan.h"

#include <inttypes.h>

#define CAREFUL_PARTS 16

struct lane_partition *
lane_find(struct lane *lane, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < lane->partition_count; i++) {
		struct lane_partition *p = &lane->partitions[i];

		if (p->partition == partition && strcmp(p->topic, topic) == 0)
			return p;
	}
	return NULL;
}

/* The mock broker keeps no metadata: a lane of `dev` begins its chains anew. */
static MUST_USE bool
head_read(
    const struct lane *lane, const struct queue_position *at, struct audit_head *ret, struct err *e)
{
	*ret = (struct audit_head){ 0 };
	if (lane->shared->settings->dev && at->metadata[0] == '\0')
		return true;
	return audit_head_read(at->metadata, ret, e);
}

bool
lane_assigned(void *opaque, const struct queue_position *at, size_t count, struct err *e)
{
	struct lane *lane = opaque;
	const struct settings *s = lane->shared->settings;

	for (size_t i = 0; i < count; i++) {
		struct lane_partition *p = lane_find(lane, at[i].topic, at[i].partition);
		enum topic_kind kind = settings_topic_kind(s, at[i].topic);

		if (p == NULL && lane->partition_count == LANE_PARTITIONS_MAX)
			return err_set(e, ERR_CONFIG,
			    "more than %d partitions in one lane: start more lanes",
			    LANE_PARTITIONS_MAX);
		if (p == NULL)
			p = &lane->partitions[lane->partition_count++];
		else
			arena_done(&p->memory);
		*p = (struct lane_partition){ .kind = kind,
			.topic = s->request_topics[kind],
			.partition = at[i].partition,
			.next = at[i].offset,
			.fetched = at[i].offset,
			.careful_to = -1 };
		if (!head_read(lane, &at[i], &p->head, e))
			return false;
		p->assigned_step = p->head.step;
	}
	return true;
}

static void
inbox_drop(struct inbox *in, const char *topic, int32_t partition)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->count; i++) {
		struct queue_message *m = in->messages[i];

		if (m->partition == partition && strcmp(m->topic, topic) == 0)
			queue_message_free(m);
		else
			in->messages[kept++] = m;
	}
	in->count = kept;
}

void
lane_revoked(void *opaque, const char *topic, int32_t partition)
{
	struct lane *lane = opaque;
	struct lane_partition *p = lane_find(lane, topic, partition);

	if (p == NULL)
		return;
	arena_done(&p->memory);
	*p = lane->partitions[--lane->partition_count];
	inbox_drop(&lane->inbox, topic, partition);
}

/*
 * The batch before was committed when its step is the committed one: its rows get their expiry from this lane. Otherwise its
 * messages come again, and their claims are found.
 */
static MUST_USE bool
expiries_restore(
    struct lane *lane, struct lane_partition *p, const struct view_owned *owned, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };
	size_t count = owned->batch.count;
	struct slice *keys = arena_array(&a, count, sizeof(*keys));
	struct slice *values = arena_array(&a, count, sizeof(*values));
	const int64_t now_ms = time_now_ms(); /* not claim.at: the commit may be long after */

	if (owned->step != p->head.step || count == 0)
		return true;
	for (size_t i = 0; i < count; i++)
		keys[i] = claim_key(&a, p->topic, owned->batch.items[i]);
	if (!view_read(&lane->view, keys, count, &a, values, e))
		return false;
	p->expiries = arena_array(&p->memory, CLAIM_EXPIRIES_MAX * count, sizeof(*p->expiries));
	for (size_t i = 0; i < count; i++) {
		struct claim_record claim = { 0 };
		struct outcome outcome;
		struct err bad;
		uint64_t seen;

		if (values[i].data == NULL ||
		    !schema_decode(&claim_record_schema, values[i], &a, &claim, &seen, &bad) ||
		    !outcome_decode(claim.outcome, &a, &outcome, &bad))
			continue; /* expired, or not ours to judge */
		p->expiry_count += claim_expiries(lane->shared->settings, &p->memory, p->topic,
		    owned->batch.items[i], &outcome, claim.mount, now_ms,
		    p->expiries + p->expiry_count);
	}
	return true;
}

/*
 * Most deaths have nothing to do with what was being worked at, so it is not taken one by one at once: at each death a
 * sixteenth of what the last one died at goes in a batch, until a message is alone.
 */
static void
be_careful(struct lane_partition *p, const struct view_owned *owned)
{
	int64_t count = owned->worked_count;

	p->careful_to = -1;
	if (owned->worked_to < p->next)
		return;
	if (count < 1)
		count = owned->worked_to - p->next + 1;
	p->careful_to = owned->worked_to;
	p->careful_size = (size_t)(count - 1) / CAREFUL_PARTS + 1;
}

/*
 * These rows are not what was committed when the partitions were assigned: Redis has lost something, or has a step that was not
 * committed. Or another lane has committed more since: then this one stood still, and it is this one that is behind.
 */
static MUST_USE bool
still_committed(
    struct lane *lane, const struct lane_partition *const *parts, size_t count, struct err *e)
{
	const struct lane_shared *shared = lane->shared;
	struct arena a SCOPED_ARENA = { 0 };
	struct queue_position *at = arena_array(&a, count, sizeof(*at));

	if (count == 0)
		return true;
	for (size_t i = 0; i < count; i++)
		at[i] = (struct queue_position){ .topic = parts[i]->topic,
			.partition = parts[i]->partition };
	if (!queue_group_offsets(shared->probe, shared->settings->groups[lane->kind], at, count,
		QUEUE_COMMITTED_MS, e))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct audit_head head;

		if (!head_read(lane, &at[i], &head, e))
			return false;
		if (head.step != parts[i]->assigned_step ||
		    strcmp(head.stamp, parts[i]->head.stamp) != 0)
			return err_set(e, ERR_FENCED,
			    "%s/%" PRId32 " went on while this lane stood still", at[i].topic,
			    at[i].partition);
	}
	return true;
}

/* No view is called lost while nobody knows what is committed. */
static void
blame_itself(struct lane *lane, const struct lane_partition *p, struct err *e)
{
	struct err other;

	if (!still_committed(lane, &p, 1, &other))
		*e = other;
}

/* *ret_ahead: the row has a step that was not committed when the partition was assigned. */
static MUST_USE bool
partition_take(struct lane *lane, struct lane_partition *p, bool *ret_ahead, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct view_owned owned;

	p->own_key = view_own_key(&p->memory, p->topic, p->partition);
	(void)failpoint_hit("before_take");
	if (lane->unreleased[0] != '\0')
		view_release(&lane->view, lane->unreleased, &p->own_key, 1);
	if (!view_take(&lane->view, p->own_key, p->head.step, p->head.stamp, &a, &owned, e)) {
		if (e->code == ERR_VIEW_LOST)
			blame_itself(lane, p, e);
		return false;
	}
	if (!expiries_restore(lane, p, &owned, e))
		return false;
	be_careful(p, &owned);
	*ret_ahead = owned.step != p->head.step;
	p->head.step = owned.step;
	p->taken = true;
	return true;
}

bool
lane_take(struct lane *lane, struct err *e)
{
	const struct lane_partition *ahead[LANE_PARTITIONS_MAX];
	int32_t revoke[LANE_PARTITIONS_MAX];
	size_t revoke_count = 0, ahead_count = 0;
	bool changed = false;

	for (size_t i = 0; i < lane->partition_count; i++) {
		struct lane_partition *p = &lane->partitions[i];
		bool is_ahead;

		if (p->kind == TOPIC_REVOKE)
			revoke[revoke_count++] = p->partition;
		if (p->taken)
			continue;
		if (!partition_take(lane, p, &is_ahead, e))
			return false;
		if (is_ahead)
			ahead[ahead_count++] = p;
		changed = true;
	}
	if (!still_committed(lane, ahead, ahead_count, e))
		return false;
	if (!changed || lane->crls == NULL)
		return true;
	return crl_owner_assign(
	    lane->crls, revoke, revoke_count, lane->partition_counts[TOPIC_REVOKE], e);
}

/* ---- what Redis holds of all lanes ---- */

#define SURVEY_MS 30000 /* for one group's offsets */

static struct queue_position *
group_positions(const struct lane *lane, enum lane_kind group, struct arena *a, size_t *ret_count)
{
	struct queue_position *at = NULL;
	size_t count = 0;

	for (int kind = 0; kind < TOPIC_KINDS; kind++)
		if (settings_lane_of((enum topic_kind)kind) == group)
			count += (size_t)lane->partition_counts[kind];
	at = arena_array(a, count, sizeof(*at));
	*ret_count = count;
	for (int kind = 0; kind < TOPIC_KINDS; kind++) {
		if (settings_lane_of((enum topic_kind)kind) != group)
			continue;
		for (int32_t i = 0; i < lane->partition_counts[kind]; i++)
			at[--count] = (struct queue_position){
				.topic = lane->shared->settings->request_topics[kind],
				.partition = i,
			};
	}
	return at;
}

/* Does this Redis hold what was committed at these positions? */
static MUST_USE bool
positions_survey(struct lane *lane, const struct queue_position *at, size_t count, struct arena *a,
    struct err *e)
{
	struct view_committed *rows = arena_array(a, count, sizeof(*rows));
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		struct audit_head head;

		if (at[i].metadata[0] == '\0')
			continue; /* whoever is assigned it says what is missing */
		if (!audit_head_read(at[i].metadata, &head, e))
			return false;
		rows[known++] = audit_head_committed(
		    &head, view_own_key(a, at[i].topic, at[i].partition));
	}
	return view_survey(&lane->view, rows, known, a, e);
}

/*
 * Each lane notices by itself that Redis lost its writes, when it writes next. One that reads meanwhile would answer from rows
 * that are older than what was answered: that a certificate is not revoked. A failover ends every connection, so that whoever
 * opens one looks at the rows of all.
 */
bool
lane_survey(struct lane *lane, struct err *e)
{
	const struct lane_shared *shared = lane->shared;
	struct arena a SCOPED_ARENA = { 0 };

	if (shared->settings->dev) /* the mock keeps no metadata of offsets */
		return true;
	for (int group = 0; group < LANE_KINDS; group++) {
		size_t count;
		struct queue_position *at = group_positions(
		    lane, (enum lane_kind)group, &a, &count);

		if (!queue_group_stands(
			shared->probe, shared->settings->groups[group], at, count, SURVEY_MS, e) ||
		    !positions_survey(lane, at, count, &a, e))
			return false;
	}
	return true;
}

/*
 * There may be two primaries for a while, and the lane that revokes on the other one: then what it has committed is not here. A
 * transaction that is open is waited for, as its answer may be read before its offset is.
 */
bool
lane_sees_revocations(
    struct lane *lane, const bool wanted[static LANE_PARTITIONS_MAX], struct err *e)
{
	const struct settings *s = lane->shared->settings;
	struct arena a SCOPED_ARENA = { 0 };
	struct queue_position *at = arena_array(&a, LANE_PARTITIONS_MAX, sizeof(*at));
	size_t count = 0;

	if (s->dev)
		return true;
	for (int32_t i = 0; i < LANE_PARTITIONS_MAX; i++)
		if (wanted[i])
			at[count++] = (struct queue_position){
				.topic = s->request_topics[TOPIC_REVOKE], .partition = i
			};
	return count == 0 ||
	    (queue_group_offsets(
		 lane->shared->probe, s->groups[LANE_CONTROL], at, count, QUEUE_COMMITTED_MS, e) &&
		positions_survey(lane, at, count, &a, e));
}

void
lane_drop_partitions(struct lane *lane)
{
	for (size_t i = 0; i < lane->partition_count; i++)
		arena_done(&lane->partitions[i].memory);
	lane->partition_count = 0;
}
