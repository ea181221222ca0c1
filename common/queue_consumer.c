/*
 * The group consumer: eager rebalances, assigned at the committed offsets and never anywhere else. Offsets are committed
 * by the producer's transaction, never from here.
 */
#include "queue_internal.h"

#include "failpoint.h"
#include "log.h"

#include <string.h>

#define STARTS_MS 2000 /* to learn where the logs begin */
#define GATHER_MS 2    /* a message has come: what else is there already? */
#define JOIN_MS   5000 /* for a JoinGroup that is on its way to be answered */
#define LEAVE_MS  3000 /* for the revocation to be served and the farewell to be sent */

struct queue_consumer {
	struct queue_handle h;
	struct queue_consumer_spec spec;
	char *group;
	rd_kafka_queue_t *queue;
	rd_kafka_message_t **raw;
	size_t raw_max;
	unsigned rebalances;
	bool closing;
	bool failed; /* in the rebalance callback: the next poll says so */
	struct err why;
};

struct queue_group {
	rd_kafka_consumer_group_metadata_t *metadata;
};

/* ---- rebalance ---- */

static MUST_USE bool
position_read(const struct queue_consumer *c, const rd_kafka_topic_partition_t *from,
    struct queue_position *ret, struct err *e)
{
	*ret = (struct queue_position){
		.topic = from->topic, .partition = from->partition, .offset = from->offset
	};
	if (from->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return err_set(e, ERR_QUEUE, "group %s, %s/%d: committed offset: %s", c->group,
		    from->topic, from->partition, rd_kafka_err2str(from->err));
	if (from->offset < 0)
		return err_set(e, ERR_CONFIG,
		    "group %s has no committed offset on %s/%d: `certmill-worker topics` commits "
		    "the first one",
		    c->group, from->topic, from->partition);
	if (!queue_metadata_copy(ret->metadata, from))
		return err_set(e, ERR_QUEUE,
		    "group %s, %s/%d: the committed offset's metadata is not certmill's", c->group,
		    from->topic, from->partition);
	return true;
}

static void
start_raise(struct queue_consumer *c, rd_kafka_topic_partition_t *p, int64_t start)
{
	log_event(LOG_WARNING, "messages_expired", LOG_T("group", c->group),
	    LOG_T("topic", p->topic), LOG_N("partition", p->partition), LOG_N("from", p->offset),
	    LOG_N("to", start));
	p->offset = start;
}

/*
 * What retention has deleted cannot be read: where a log begins behind the committed offset, it is read from there on. It is
 * not always a loss: at the end of a partition that had a transaction's record last, the committed offset is its marker's.
 * When no broker says where the logs begin, such an offset ends the session, and the next one asks again.
 */
static void
starts_raise(struct queue_consumer *c, rd_kafka_topic_partition_list_t *partitions)
{
	SCOPED(rd_kafka_topic_partition_list_t)
	starts = rd_kafka_topic_partition_list_copy(partitions);

	for (int i = 0; i < starts->cnt; i++)
		starts->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
	if (rd_kafka_offsets_for_times(c->h.rk, starts, STARTS_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (int i = 0; i < starts->cnt; i++) {
		const rd_kafka_topic_partition_t *start = &starts->elems[i];
		rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(
		    partitions, start->topic, start->partition);

		if (start->err == RD_KAFKA_RESP_ERR_NO_ERROR && p->offset >= 0 &&
		    p->offset < start->offset)
			start_raise(c, p, start->offset);
	}
}

/* Fills the offsets of `partitions` and tells the owner. */
static MUST_USE bool
partitions_take(
    struct queue_consumer *c, rd_kafka_topic_partition_list_t *partitions, struct err *e)
{
	size_t count = (size_t)partitions->cnt;
	struct queue_position SCOPED_FREE *at = queue_alloc(count, sizeof(*at));
	rd_kafka_resp_err_t code;

	if (count > 0) {
		code = rd_kafka_committed(c->h.rk, partitions, QUEUE_COMMITTED_MS);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			return queue_fail(&c->h, e, "committed offsets", code, NULL);
		starts_raise(c, partitions);
	}
	for (size_t i = 0; i < count; i++)
		if (!position_read(c, &partitions->elems[i], &at[i], e))
			return false;
	return c->spec.assigned == NULL || c->spec.assigned(c->spec.opaque, at, count, e);
}

static void
partitions_give(struct queue_consumer *c, const rd_kafka_topic_partition_list_t *partitions)
{
	if (c->closing || c->spec.revoked == NULL)
		return;
	for (int i = 0; i < partitions->cnt; i++)
		c->spec.revoked(
		    c->spec.opaque, partitions->elems[i].topic, partitions->elems[i].partition);
}

static void
consumer_fail(struct queue_consumer *c, const struct err *e)
{
	if (c->failed)
		return;
	c->failed = true;
	c->why = *e;
}

/*
 * Whatever happens, the call is answered in kind, or the group's state machine stands still: an assignment that is not taken with
 * an empty one, a revocation with none.
 */
static void
rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions,
    void *opaque)
{
	struct queue_consumer *c = opaque;
	SCOPED(rd_kafka_topic_partition_list_t) empty = rd_kafka_topic_partition_list_new(0);
	const rd_kafka_topic_partition_list_t *taken = empty;
	struct err e = { .code = ERR_NONE };
	rd_kafka_resp_err_t answer;

	c->rebalances++;
	if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		partitions_give(c, partitions);
		taken = NULL;
	} else if (!c->closing) {
		if (partitions_take(c, partitions, &e))
			taken = partitions;
		else
			consumer_fail(c, &e);
	}
	answer = rd_kafka_assign(rk, taken);
	if (answer != RD_KAFKA_RESP_ERR_NO_ERROR && !c->closing) {
		(void)queue_fail(&c->h, &e, "assign", answer, NULL);
		consumer_fail(c, &e);
	}
	(void)failpoint_hit("rebalanced");
}

/* ---- life ---- */

static MUST_USE bool
consumer_subscribe(struct queue_consumer *c, const struct queue_consumer_spec *spec, struct err *e)
{
	SCOPED(rd_kafka_topic_partition_list_t)
	topics = rd_kafka_topic_partition_list_new((int)spec->topic_count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < spec->topic_count; i++)
		rd_kafka_topic_partition_list_add(topics, spec->topics[i], RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(c->h.rk, topics);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(&c->h, e, "subscribe", code, NULL);
	return true;
}

struct queue_consumer *
queue_consumer_open(
    const struct queue_options *o, const struct queue_consumer_spec *spec, struct err *e)
{
	struct queue_consumer *c = queue_alloc(1, sizeof(*c));
	struct queue_handle_spec handle = {
		.role = QUEUE_ROLE_GROUP,
		.own = { { "group.id", spec->group } },
		.rebalance = rebalance,
	};

	if (spec->instance != NULL)
		handle.own[1] = (struct queue_setting){ "group.instance.id", spec->instance };
	c->spec = *spec;
	c->group = strdup(spec->group);
	if (c->group == NULL)
		abort();
	if (queue_handle_open(&c->h, o, &handle, e)) {
		c->queue = rd_kafka_queue_get_consumer(c->h.rk);
		if (consumer_subscribe(c, spec, e))
			return c;
	}
	queue_consumer_close(c, false);
	return NULL;
}

static void
messages_drop(rd_kafka_message_t **messages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rd_kafka_message_destroy(messages[i]);
}

static void
raw_reserve(struct queue_consumer *c, size_t max)
{
	if (max <= c->raw_max)
		return;
	free(c->raw);
	c->raw = queue_alloc(max, sizeof(rd_kafka_message_t *));
	c->raw_max = max;
}

/* Serves the callbacks until it is a member, or is none; messages that still come have no owner any more. */
static void
consumer_serve(struct queue_consumer *c, bool member, int timeout_ms)
{
	int64_t deadline = queue_now_ms() + timeout_ms;

	for (;;) {
		char *id = rd_kafka_memberid(c->h.rk);
		bool is_member = id != NULL && id[0] != '\0';
		ssize_t got;

		rd_kafka_mem_free(c->h.rk, id);
		if (is_member == member || queue_left_ms(deadline) == 0)
			return;
		got = rd_kafka_consume_batch_queue(c->queue, 10, c->raw, c->raw_max);
		if (got > 0)
			messages_drop(c->raw, (size_t)got);
	}
}

/*
 * A static member's place is kept until its session ends, unless it unsubscribes and so says farewell. It can only say it by the
 * name that the answer to its first JoinGroup gives it: who goes before that leaves a member that nobody is. An embedded broker's
 * groups end with the process.
 */
static void
consumer_leave(struct queue_consumer *c)
{
	raw_reserve(c, 1000);
	if (!c->h.mock && rd_kafka_fatal_error(c->h.rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR)
		consumer_serve(c, true, JOIN_MS);
	rd_kafka_unsubscribe(c->h.rk);
	consumer_serve(c, false, LEAVE_MS);
}

void
queue_consumer_close(struct queue_consumer *c, bool leave)
{
	if (c == NULL)
		return;
	c->closing = true;
	if (leave && c->queue != NULL)
		consumer_leave(c);
	if (c->queue != NULL)
		rd_kafka_queue_destroy(c->queue);
	free(c->raw);
	if (!queue_handle_close(&c->h))
		return;
	free(c->group);
	free(c);
}

/* ---- poll ---- */

static MUST_USE bool
consume(struct queue_consumer *c, int timeout_ms, size_t max, size_t *count, struct err *e)
{
	ssize_t got = rd_kafka_consume_batch_queue(
	    c->queue, timeout_ms, c->raw + *count, max - *count);

	if (got < 0)
		return queue_fail(&c->h, e, "poll", rd_kafka_last_error(), NULL);
	*count += (size_t)got;
	return true;
}

/* Errors come as messages. */
static MUST_USE bool
messages_check(struct queue_consumer *c, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (c->raw[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return queue_fail(
			    &c->h, e, "poll", c->raw[i]->err, rd_kafka_message_errstr(c->raw[i]));
	return true;
}

/*
 * librdkafka drops what a rebalance makes stale from the call that serves it, but cannot take back what the call before it gave
 * away: one message that stands before everything that is now fetched again.
 */
static MUST_USE bool
messages_gather(struct queue_consumer *c, int timeout_ms, size_t max, size_t *count, struct err *e)
{
	unsigned rebalances;

	if (!consume(c, timeout_ms, 1, count, e))
		return false;
	rebalances = c->rebalances;
	(void)failpoint_hit("gather");
	if (*count > 0 && max > 1 && !consume(c, GATHER_MS, max, count, e))
		return false;
	if (c->rebalances != rebalances) {
		messages_drop(c->raw, 1);
		memmove(c->raw, c->raw + 1, --*count * sizeof(*c->raw));
	}
	if (c->failed) {
		*e = c->why;
		return false;
	}
	return messages_check(c, *count, e);
}

bool
queue_consumer_poll(struct queue_consumer *c, int timeout_ms, struct queue_message **ret,
    size_t max, size_t *ret_count, struct err *e)
{
	size_t count = 0;

	*ret_count = 0;
	raw_reserve(c, max);
	if (!messages_gather(c, timeout_ms, max, &count, e)) {
		messages_drop(c->raw, count);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		ret[i] = queue_message_new(c->raw[i]);
	*ret_count = count;
	return true;
}

/* ---- the group's identity ---- */

struct queue_group *
queue_group_snapshot(struct queue_consumer *c)
{
	struct queue_group *g = queue_alloc(1, sizeof(*g));

	g->metadata = rd_kafka_consumer_group_metadata(c->h.rk);
	return g;
}

void
queue_group_free(struct queue_group *g)
{
	if (g == NULL)
		return;
	if (g->metadata != NULL)
		rd_kafka_consumer_group_metadata_destroy(g->metadata);
	free(g);
}

const rd_kafka_consumer_group_metadata_t *
queue_group_metadata(const struct queue_group *g)
{
	return g->metadata;
}

bool
queue_consumer_lost(struct queue_consumer *c)
{
	return rd_kafka_assignment_lost(c->h.rk) != 0;
}
