/* Where a group stands, asked and set from outside it. */
#include "queue_internal.h"

#include <time.h>

/* clang-format off */
DEFINE_SCOPED(rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy)
DEFINE_SCOPED(rd_kafka_AlterConsumerGroupOffsets_t, rd_kafka_AlterConsumerGroupOffsets_destroy)
/* clang-format on */

static MUST_USE rd_kafka_topic_partition_list_t *
offsets_list(const struct queue_position *at, size_t count, bool with_offsets)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(
		    list, at[i].topic, at[i].partition);

		if (!with_offsets)
			continue;
		to->offset = at[i].offset;
		queue_metadata_set(to, at[i].metadata);
	}
	return list;
}

/* The result for each partition. An error of the group comes as the event's, or as the group's. */
static MUST_USE const rd_kafka_topic_partition_list_t *
group_result(struct queue_probe *p, const char *group, const rd_kafka_group_result_t **results,
    size_t count, enum queue_again *ret_again, struct err *e)
{
	const rd_kafka_topic_partition_list_t *partitions;
	const rd_kafka_error_t *error;

	if (count != 1)
		return err_set(e, ERR_QUEUE, "group %s: no answer", group), NULL;
	error = rd_kafka_group_result_error(results[0]);
	if (error != NULL) {
		*ret_again = queue_again_of(rd_kafka_error_code(error));
		return queue_fail(&p->h, e, group, rd_kafka_error_code(error),
			   rd_kafka_error_string(error)),
		       NULL;
	}
	partitions = rd_kafka_group_result_partitions(results[0]);
	if (partitions == NULL)
		return err_set(e, ERR_QUEUE, "group %s: an empty answer", group), NULL;
	return partitions;
}

/* ---- whom to ask ---- */

enum queue_again
queue_again_of(rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR)
		return QUEUE_AGAIN_MOVED;
	/* the admin request does not wait by itself: for an open transaction, or for a coordinator that is new there */
	return code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ||
		code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
	    ? QUEUE_AGAIN_UNDECIDED
	    : QUEUE_AGAIN_NOT;
}

/*
 * librdkafka (2.0 to 2.8) goes on asking the coordinator that it once found, whatever that says, while it is asked at all. A
 * client that has found none yet finds the right one. `asked` is who got the answer: another thread may have been here.
 */
static MUST_USE bool
groups_renew(struct queue_probe *p, const struct queue_probe *asked, struct err *e)
{
	struct queue_probe *old = NULL, *fresh;
	bool ok = true;

	pthread_rwlock_wrlock(&p->lock);
	if (queue_probe_of_groups(p) == asked) {
		fresh = queue_probe_open(&p->options, e);
		ok = fresh != NULL;
		if (ok) {
			old = p->groups;
			p->groups = fresh;
		}
	}
	pthread_rwlock_unlock(&p->lock);
	queue_probe_close(old);
	return ok;
}

bool
queue_groups_ask(
    struct queue_probe *p, int timeout_ms, queue_groups_request *ask, void *opaque, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t deadline = queue_now_ms() + timeout_ms;

	queue_probe_serve(p);
	for (;;) {
		enum queue_again again = QUEUE_AGAIN_NOT;
		struct queue_probe *asked;
		bool ok;

		pthread_rwlock_rdlock(&p->lock);
		asked = queue_probe_of_groups(p);
		queue_probe_serve(asked);
		ok = ask(asked, opaque, &again, e);
		pthread_rwlock_unlock(&p->lock);
		if (ok || again == QUEUE_AGAIN_NOT || queue_left_ms(deadline) == 0)
			return ok;
		if (again == QUEUE_AGAIN_MOVED && !groups_renew(p, asked, e))
			return false;
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- where a group stands ---- */

struct offsets_read {
	const char *group;
	struct queue_position *at;
	size_t count;
	bool decided; /* an open transaction's are waited for */
	int timeout_ms;
};

static MUST_USE rd_kafka_event_t *
offsets_request(struct queue_probe *p, const struct offsets_read *o)
{
	SCOPED(rd_kafka_topic_partition_list_t) list = offsets_list(o->at, o->count, false);
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(p, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, o->timeout_ms);
	SCOPED(rd_kafka_ListConsumerGroupOffsets_t)
	request = rd_kafka_ListConsumerGroupOffsets_new(o->group, list);

	if (o->decided && !p->h.mock) /* the mock does not know the question */
		rd_kafka_error_destroy(
		    rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
	rd_kafka_ListConsumerGroupOffsets(p->h.rk, &request, 1, options, answers);
	return queue_admin_poll(answers, o->timeout_ms);
}

static MUST_USE bool
position_fill(struct queue_probe *p, const char *group, const rd_kafka_topic_partition_list_t *from,
    struct queue_position *at, struct err *e)
{
	const rd_kafka_topic_partition_t *found = rd_kafka_topic_partition_list_find(
	    from, at->topic, at->partition);

	at->offset = QUEUE_NO_OFFSET;
	at->metadata[0] = '\0';
	if (found == NULL)
		return err_set(
		    e, ERR_QUEUE, "group %s: no answer for %s/%d", group, at->topic, at->partition);
	if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(&p->h, e, at->topic, found->err, NULL);
	if (found->offset < 0)
		return true;
	if (!queue_metadata_copy(at->metadata, found))
		return err_set(e, ERR_QUEUE,
		    "group %s, %s/%d: the committed offset's metadata is not certmill's", group,
		    at->topic, at->partition);
	at->offset = found->offset;
	return true;
}

/* Of the first partition for which it is worth while. */
static enum queue_again
partitions_again(const rd_kafka_topic_partition_list_t *list)
{
	enum queue_again ret = QUEUE_AGAIN_NOT;

	for (int i = 0; i < list->cnt && ret == QUEUE_AGAIN_NOT; i++)
		ret = queue_again_of(list->elems[i].err);
	return ret;
}

static MUST_USE bool
offsets_read(struct queue_probe *p, void *opaque, enum queue_again *ret_again, struct err *e)
{
	const struct offsets_read *o = opaque;
	SCOPED(rd_kafka_event_t) event = offsets_request(p, o);
	const rd_kafka_group_result_t **results;
	const rd_kafka_topic_partition_list_t *partitions;
	size_t groups = 0;

	if (event != NULL)
		*ret_again = queue_again_of(rd_kafka_event_error(event));
	if (!queue_admin_check(p, event, o->group, e))
		return false;
	results = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(event), &groups);
	partitions = group_result(p, o->group, results, groups, ret_again, e);
	if (partitions == NULL)
		return false;
	*ret_again = partitions_again(partitions);
	for (size_t i = 0; i < o->count; i++)
		if (!position_fill(p, o->group, partitions, &o->at[i], e))
			return false;
	return true;
}

bool
queue_group_offsets(struct queue_probe *p, const char *group, struct queue_position *at,
    size_t count, int timeout_ms, struct err *e)
{
	struct offsets_read o = { group, at, count, true, timeout_ms };

	return queue_groups_ask(p, o.timeout_ms, offsets_read, &o, e);
}

bool
queue_group_stands(struct queue_probe *p, const char *group, struct queue_position *at,
    size_t count, int timeout_ms, struct err *e)
{
	struct offsets_read o = { group, at, count, false, timeout_ms };

	return queue_groups_ask(p, o.timeout_ms, offsets_read, &o, e);
}

/* ---- where it is made to stand ---- */

struct offsets_write {
	const char *group;
	const struct queue_position *at;
	size_t count;
};

static MUST_USE bool
offsets_write(struct queue_probe *p, void *opaque, enum queue_again *ret_again, struct err *e)
{
	const struct offsets_write *o = opaque;
	SCOPED(rd_kafka_topic_partition_list_t) list = offsets_list(o->at, o->count, true);
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(
	    p, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, QUEUE_REQUEST_MS);
	SCOPED(rd_kafka_AlterConsumerGroupOffsets_t)
	request = rd_kafka_AlterConsumerGroupOffsets_new(o->group, list);
	const rd_kafka_topic_partition_list_t *partitions;
	const rd_kafka_group_result_t **results;
	size_t groups = 0;

	rd_kafka_AlterConsumerGroupOffsets(p->h.rk, &request, 1, options, answers);
	SCOPED(rd_kafka_event_t)
	event = queue_admin_wait(p, answers, o->group, QUEUE_REQUEST_MS, e);
	if (event == NULL)
		return false;
	results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
	    rd_kafka_event_AlterConsumerGroupOffsets_result(event), &groups);
	partitions = group_result(p, o->group, results, groups, ret_again, e);
	if (partitions == NULL)
		return false;
	*ret_again = partitions_again(partitions);
	for (int i = 0; i < partitions->cnt; i++)
		if (partitions->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return queue_fail(
			    &p->h, e, partitions->elems[i].topic, partitions->elems[i].err, NULL);
	return true;
}

bool
queue_group_commit(struct queue_probe *p, const char *group, const struct queue_position *at,
    size_t count, struct err *e)
{
	struct offsets_write o = { group, at, count };

	return queue_groups_ask(p, QUEUE_REQUEST_MS, offsets_write, &o, e);
}
