/*
 * The reader: assigned, never subscribed; a group id stands in its settings only because librdkafka wants one for that.
 * Where it is comes from two sources: the position, which moves over what is not visible while there are messages behind
 * it, and the end-of-partition events, which tell of a tail that shows nothing at all.
 */
#include "queue_internal.h"

#include <string.h>
#include <time.h>

struct reader_partition {
	int64_t start;  /* where it was assigned: an offset, or RD_KAFKA_OFFSET_BEGINNING */
	int64_t passed; /* known so far */
	bool
	    moved; /* since it was assigned: before, librdkafka's position is of an earlier assignment */
};

struct queue_reader {
	struct queue_handle h;
	char *topic;
	int32_t partitions, first, count; /* of the topic; the ones that are read */
	bool assigned;                    /* by the first poll */
	struct reader_partition *at;      /* of every partition of the topic */
};

/* ---- life ---- */

static MUST_USE bool
reader_assign(struct queue_reader *r, struct err *e)
{
	SCOPED(rd_kafka_topic_partition_list_t)
	list = rd_kafka_topic_partition_list_new(r->count);
	rd_kafka_resp_err_t code;

	for (int32_t i = r->first; i < r->first + r->count; i++)
		rd_kafka_topic_partition_list_add(list, r->topic, i)->offset = r->at[i].start;
	code = rd_kafka_assign(r->h.rk, list);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(&r->h, e, r->topic, code, NULL);
	r->assigned = true;
	return true;
}

/* The end is asked for now and is an offset from here on: what is produced after the open will be seen. */
static MUST_USE bool
reader_start_at(struct queue_reader *r, enum queue_from from, struct err *e)
{
	for (int32_t i = r->first; i < r->first + r->count; i++) {
		r->at[i].start = RD_KAFKA_OFFSET_BEGINNING;
		if (from != QUEUE_FROM_END)
			continue;
		if (!queue_handle_offset(
			&r->h, r->topic, i, RD_KAFKA_OFFSET_END, &r->at[i].start, e))
			return false;
		r->at[i].passed = r->at[i].start;
	}
	return true;
}

static MUST_USE bool
reader_find(struct queue_reader *r, int32_t partition, struct err *e)
{
	struct queue_topic_info info;

	if (!queue_handle_topic(&r->h, r->topic, &info, e))
		return false;
	if (!info.exists)
		return err_set(e, ERR_QUEUE, "topic %s does not exist", r->topic);
	if (partition >= info.partitions)
		return err_set(e, ERR_QUEUE, "topic %s has no partition %d", r->topic, partition);
	r->partitions = info.partitions;
	r->first = partition < 0 ? 0 : partition;
	r->count = partition < 0 ? info.partitions : 1;
	r->at = queue_alloc((size_t)info.partitions, sizeof(*r->at));
	return true;
}

struct queue_reader *
queue_reader_open(const struct queue_options *o, const char *topic, int32_t partition,
    enum queue_from from, struct err *e)
{
	struct queue_reader *r = queue_alloc(1, sizeof(*r));
	const struct queue_handle_spec handle = {
		.role = from == QUEUE_IN_BULK ? QUEUE_ROLE_BULK_READER : QUEUE_ROLE_READER,
		.own = { { "group.id", "certmill-reader" } },
	};

	r->topic = strdup(topic);
	if (r->topic == NULL)
		abort();
	/* The first poll assigns: a seek before it cannot be overtaken by the answer where the partition begins. */
	if (queue_handle_open(&r->h, o, &handle, e) && reader_find(r, partition, e) &&
	    reader_start_at(r, from, e))
		return r;
	queue_reader_close(r);
	return NULL;
}

void
queue_reader_close(struct queue_reader *r)
{
	if (r == NULL || !queue_handle_close(&r->h))
		return;
	free(r->at);
	free(r->topic);
	free(r);
}

/* ---- reading ---- */

/* It belongs to no group: that it may not ask for the group's coordinator does not matter. */
static bool
code_is_idle_talk(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
	    code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
	    code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
	    code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
}

static MUST_USE bool
event_take(struct queue_reader *r, const rd_kafka_message_t *m, struct err *e)
{
	if (code_is_idle_talk(m->err))
		return true;
	if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return queue_fail(&r->h, e, r->topic, m->err, rd_kafka_message_errstr(m));
	r->at[m->partition].moved = true;
	if (m->offset > r->at[m->partition].passed)
		r->at[m->partition].passed = m->offset;
	return true;
}

bool
queue_reader_poll(struct queue_reader *r, int timeout_ms, struct queue_message **ret, struct err *e)
{
	rd_kafka_message_t *m;
	bool ok;

	*ret = NULL;
	if (!r->assigned && !reader_assign(r, e))
		return false;
	m = rd_kafka_consumer_poll(r->h.rk, timeout_ms);
	if (m == NULL)
		return true;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		r->at[m->partition].moved = true;
		*ret = queue_message_new(m);
		return true;
	}
	ok = event_take(r, m, e);
	rd_kafka_message_destroy(m);
	return ok;
}

int32_t
queue_reader_partitions(const struct queue_reader *r)
{
	return r->partitions;
}

int64_t
queue_reader_passed(const struct queue_reader *r, int32_t partition)
{
	struct reader_partition *at = &r->at[partition];

	if (at->moved) {
		SCOPED(rd_kafka_topic_partition_list_t)
		list = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_t *asked = rd_kafka_topic_partition_list_add(
		    list, r->topic, partition);

		if (rd_kafka_position(r->h.rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR &&
		    asked->offset > at->passed)
			at->passed = asked->offset;
	}
	return at->passed;
}

static MUST_USE bool
partition_seek(struct queue_reader *r, int32_t partition, int64_t offset,
    rd_kafka_resp_err_t *ret_code, struct err *e)
{
	SCOPED(rd_kafka_topic_partition_list_t) list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(
	    list, r->topic, partition);
	rd_kafka_error_t *error;

	to->offset = offset;
	error = rd_kafka_seek_partitions(r->h.rk, list, QUEUE_REQUEST_MS);
	*ret_code = error == NULL ? to->err : rd_kafka_error_code(error);
	if (error != NULL && *ret_code != RD_KAFKA_RESP_ERR__TIMED_OUT)
		return queue_fail_error(&r->h, e, r->topic, error);
	if (error != NULL) /* librdkafka 2.0 waits for a hundredth only */
		rd_kafka_error_destroy(error);
	return true;
}

/* An assignment takes effect a moment after it is made, and until then there is nothing to seek in. */
bool
queue_reader_seek(struct queue_reader *r, int32_t partition, int64_t offset, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	int64_t deadline = queue_now_ms() + QUEUE_REQUEST_MS;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	r->at[partition] = (struct reader_partition){ .start = offset, .passed = offset };
	while (r->assigned) {
		if (!partition_seek(r, partition, offset, &code, e))
			return false;
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			return true;
		if ((code != RD_KAFKA_RESP_ERR__STATE &&
			code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
			code != RD_KAFKA_RESP_ERR__TIMED_OUT) ||
		    queue_left_ms(deadline) == 0)
			return queue_fail(&r->h, e, r->topic, code, NULL);
		(void)nanosleep(&pause, NULL);
	}
	return true;
}
