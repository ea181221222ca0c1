#include "lag.h"

#include "topic_plan.h"

#define ASK_MS 5000

static MUST_USE bool
group_ask(const struct settings *s, struct queue_probe *probe, enum lane_kind lane, struct arena *a,
    struct lag *lag, struct err *e)
{
	struct queue_position *at;
	int64_t *ends;
	size_t count;

	if (!topic_plan_positions(s, probe, lane, a, &at, &count, e))
		return false;
	ends = arena_array(a, count, sizeof(*ends));
	if (!queue_group_stands(probe, s->groups[lane], at, count, ASK_MS, e) ||
	    !queue_ends(probe, at, ends, count, ASK_MS, e))
		return false;
	for (size_t i = 0; i < count; i++)
		lag->rows[lag->count++] = (struct lag_row){ settings_topic_kind(s, at[i].topic),
			at[i], ends[i] };
	return true;
}

bool
lag_ask(const struct settings *s, struct queue_probe *probe, struct arena *a, struct lag *ret,
    struct err *e)
{
	*ret = (struct lag){
		arena_array(a, (size_t)TOPIC_KINDS * PARTITIONS_MAX, sizeof(*ret->rows)), 0
	};
	for (int lane = 0; lane < LANE_KINDS; lane++)
		if (!group_ask(s, probe, (enum lane_kind)lane, a, ret, e))
			return false;
	return true;
}

int64_t
lag_of(const struct lag_row *row)
{
	int64_t from = row->at.offset == QUEUE_NO_OFFSET ? 0 : row->at.offset;

	return row->end > from ? row->end - from : 0;
}
