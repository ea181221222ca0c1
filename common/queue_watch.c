/* What an onlooker asks: how far partitions go, who is in a group. Nothing here waits for what is undecided. */
#include "queue_internal.h"

bool
queue_ends(struct queue_probe *p, const struct queue_position *at, int64_t *ret_ends, size_t count,
    int timeout_ms, struct err *e)
{
	SCOPED(rd_kafka_topic_partition_list_t)
	list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	queue_probe_serve(p);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, at[i].topic, at[i].partition)->offset =
		    RD_KAFKA_OFFSET_END;
	code = rd_kafka_offsets_for_times(p->h.rk, list, timeout_ms);
	for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++) {
		ret_ends[i] = list->elems[i].offset;
		code = list->elems[i].err;
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR && ret_ends[i] < 0)
			code = RD_KAFKA_RESP_ERR__FAIL;
	}
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
	    queue_fail(&p->h, e, "ends of partitions", code, NULL);
}

/* ---- members ---- */

struct visit {
	const char *group;
	int timeout_ms;
	void (*fn)(void *opaque, const struct queue_member *m);
	void *opaque;
};

static void
member_visit(const rd_kafka_MemberDescription_t *from, const struct visit *visit)
{
	const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(from);
	const rd_kafka_topic_partition_list_t *list = assignment == NULL
	    ? NULL
	    : rd_kafka_MemberAssignment_partitions(assignment);
	size_t count = list == NULL ? 0 : (size_t)list->cnt;
	struct queue_position SCOPED_FREE *at = queue_alloc(count + 1, sizeof(*at));
	const struct queue_member member = {
		.instance = rd_kafka_MemberDescription_group_instance_id(from),
		.client = rd_kafka_MemberDescription_client_id(from),
		.host = rd_kafka_MemberDescription_host(from),
		.at = at,
		.count = count,
	};

	for (size_t i = 0; i < count; i++) {
		at[i].topic = list->elems[i].topic;
		at[i].partition = list->elems[i].partition;
		at[i].offset = QUEUE_NO_OFFSET;
	}
	visit->fn(visit->opaque, &member);
}

static MUST_USE bool
group_visit(struct queue_probe *p, rd_kafka_event_t *event, const struct visit *visit,
    enum queue_again *ret_again, struct err *e)
{
	const rd_kafka_ConsumerGroupDescription_t **groups;
	const rd_kafka_error_t *error;
	size_t count = 0;

	groups = rd_kafka_DescribeConsumerGroups_result_groups(
	    rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	if (count != 1)
		return err_set(e, ERR_QUEUE, "group %s: no answer", visit->group);
	error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
	*ret_again = queue_again_of(rd_kafka_error_code(error));
	if (error != NULL)
		return queue_fail(&p->h, e, visit->group, rd_kafka_error_code(error),
		    rd_kafka_error_string(error));
	for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); i++)
		member_visit(rd_kafka_ConsumerGroupDescription_member(groups[0], i), visit);
	return true;
}

static MUST_USE bool
group_describe(struct queue_probe *p, void *opaque, enum queue_again *ret_again, struct err *e)
{
	struct visit *visit = opaque;
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(
	    p, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, visit->timeout_ms);

	rd_kafka_DescribeConsumerGroups(p->h.rk, &visit->group, 1, options, answers);
	SCOPED(rd_kafka_event_t)
	event = queue_admin_wait(p, answers, visit->group, visit->timeout_ms, e);
	return event != NULL && group_visit(p, event, visit, ret_again, e);
}

bool
queue_group_members(struct queue_probe *p, const char *group, int timeout_ms,
    void (*visit)(void *opaque, const struct queue_member *m), void *opaque, struct err *e)
{
	struct visit to = { group, timeout_ms, visit, opaque };

	return queue_groups_ask(p, timeout_ms, group_describe, &to, e);
}
