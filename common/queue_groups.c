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
    size_t count, struct err *e)
{
	const rd_kafka_topic_partition_list_t *partitions;
	const rd_kafka_error_t *error;

	if (count != 1)
		return err_set(e, ERR_QUEUE, "group %s: no answer", group), NULL;
	error = rd_kafka_group_result_error(results[0]);
	if (error != NULL)
		return queue_fail(&p->h, e, group, rd_kafka_error_code(error),
			   rd_kafka_error_string(error)),
		       NULL;
	partitions = rd_kafka_group_result_partitions(results[0]);
	if (partitions == NULL)
		return err_set(e, ERR_QUEUE, "group %s: an empty answer", group), NULL;
	return partitions;
}

struct offsets_how {
	bool decided; /* an open transaction's are waited for */
	int timeout_ms;
};

static MUST_USE rd_kafka_event_t *
offsets_ask(struct queue_probe *p, const char *group, const struct queue_position *at, size_t count,
    const struct offsets_how *how)
{
	SCOPED(rd_kafka_topic_partition_list_t) list = offsets_list(at, count, false);
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(
	    p, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, how->timeout_ms);
	SCOPED(rd_kafka_ListConsumerGroupOffsets_t)
	request = rd_kafka_ListConsumerGroupOffsets_new(group, list);

	if (how->decided && !p->h.mock) /* the mock does not know the question */
		rd_kafka_error_destroy(
		    rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
	rd_kafka_ListConsumerGroupOffsets(p->h.rk, &request, 1, options, answers);
	return queue_admin_poll(answers, how->timeout_ms);
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

/* Why it may be worth while to ask again: an open transaction, or a coordinator that is none any more. */
enum again { AGAIN_NOT, AGAIN_UNDECIDED, AGAIN_MOVED };

static enum again
code_again(rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR)
		return AGAIN_MOVED;
	/* the admin request does not wait by itself */
	return code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ? AGAIN_UNDECIDED : AGAIN_NOT;
}

static enum again
partitions_again(const rd_kafka_topic_partition_list_t *list)
{
	enum again ret = AGAIN_NOT;

	for (int i = 0; i < list->cnt && ret == AGAIN_NOT; i++)
		ret = code_again(list->elems[i].err);
	return ret;
}

static MUST_USE bool
offsets_read(struct queue_probe *p, const char *group, struct queue_position *at, size_t count,
    const struct offsets_how *how, enum again *ret_again, struct err *e)
{
	SCOPED(rd_kafka_event_t) event = offsets_ask(p, group, at, count, how);
	const rd_kafka_group_result_t **results;
	const rd_kafka_topic_partition_list_t *partitions;
	size_t groups = 0;

	*ret_again = event == NULL ? AGAIN_NOT : code_again(rd_kafka_event_error(event));
	if (!queue_admin_check(p, event, group, e))
		return false;
	results = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(event), &groups);
	partitions = group_result(p, group, results, groups, e);
	if (partitions == NULL)
		return false;
	*ret_again = partitions_again(partitions);
	for (size_t i = 0; i < count; i++)
		if (!position_fill(p, group, partitions, &at[i], e))
			return false;
	return true;
}

/*
 * librdkafka (2.0 and 2.3 were seen to) goes on asking the coordinator that it once found, whatever that says, while it is asked at all. A client
 * that has found none yet finds the right one. `asked` is who got the answer: another thread may have been here.
 */
static void
groups_renew(struct queue_probe *p, const struct queue_probe *asked)
{
	struct queue_probe *fresh, *old = NULL;
	rd_kafka_conf_t *conf;
	char text[200];

	pthread_rwlock_wrlock(&p->lock);
	if (queue_probe_of_groups(p) == asked) {
		fresh = queue_alloc(1, sizeof(*fresh));
		pthread_rwlock_init(&fresh->lock, NULL);
		pthread_mutex_init(&fresh->h.lock, NULL);
		fresh->h.mock = p->h.mock;
		conf = rd_kafka_conf_dup(rd_kafka_conf(p->h.rk));
		rd_kafka_conf_set_opaque(conf, &fresh->h);
		fresh->h.rk = rd_kafka_new(rd_kafka_type(p->h.rk), conf, text, sizeof(text));
		if (fresh->h.rk == NULL)
			abort(); /* the same settings have made one before */
		old = p->groups;
		p->groups = fresh;
	}
	pthread_rwlock_unlock(&p->lock);
	queue_probe_close(old);
}

static MUST_USE bool
group_read(struct queue_probe *p, const char *group, struct queue_position *at, size_t count,
    const struct offsets_how *how, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t deadline = queue_now_ms() + how->timeout_ms;

	queue_probe_serve(p);
	for (;;) {
		struct queue_probe *asked;
		enum again again;
		bool ok;

		pthread_rwlock_rdlock(&p->lock);
		asked = queue_probe_of_groups(p);
		queue_probe_serve(asked);
		ok = offsets_read(asked, group, at, count, how, &again, e);
		pthread_rwlock_unlock(&p->lock);
		if (ok || again == AGAIN_NOT || queue_left_ms(deadline) == 0)
			return ok;
		if (again == AGAIN_MOVED)
			groups_renew(p, asked);
		(void)nanosleep(&pause, NULL);
	}
}

bool
queue_group_offsets(struct queue_probe *p, const char *group, struct queue_position *at,
    size_t count, struct err *e)
{
	const struct offsets_how how = { .decided = true, .timeout_ms = QUEUE_COMMITTED_MS };

	return group_read(p, group, at, count, &how, e);
}

bool
queue_group_stands(struct queue_probe *p, const char *group, struct queue_position *at,
    size_t count, int timeout_ms, struct err *e)
{
	const struct offsets_how how = { .timeout_ms = timeout_ms };

	return group_read(p, group, at, count, &how, e);
}

bool
queue_group_commit(struct queue_probe *p, const char *group, const struct queue_position *at,
    size_t count, struct err *e)
{
	SCOPED(rd_kafka_topic_partition_list_t) list = offsets_list(at, count, true);
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(
	    p, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, QUEUE_REQUEST_MS);
	SCOPED(rd_kafka_AlterConsumerGroupOffsets_t)
	request = rd_kafka_AlterConsumerGroupOffsets_new(group, list);
	const rd_kafka_topic_partition_list_t *partitions;
	const rd_kafka_group_result_t **results;
	size_t groups = 0;

	queue_probe_serve(p);
	rd_kafka_AlterConsumerGroupOffsets(p->h.rk, &request, 1, options, answers);
	SCOPED(rd_kafka_event_t) event = queue_admin_wait(p, answers, group, QUEUE_REQUEST_MS, e);
	if (event == NULL)
		return false;
	results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
	    rd_kafka_event_AlterConsumerGroupOffsets_result(event), &groups);
	partitions = group_result(p, group, results, groups, e);
	if (partitions == NULL)
		return false;
	for (int i = 0; i < partitions->cnt; i++)
		if (partitions->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return queue_fail(
			    &p->h, e, partitions->elems[i].topic, partitions->elems[i].err, NULL);
	return true;
}
