/* The producer, transactional or plain. Both are idempotent. */
#include "queue_internal.h"

#include <string.h>

#define FULL_MS  10000 /* the longest wait for room in librdkafka's buffer */
#define ABORT_MS 10000
#define TAKEN_MS 5000
#define AGAIN_MS 500 /* with less time left a call is not made again: it could overrun */

struct queue_producer {
	struct queue_handle h;
	rd_kafka_topic_t **
	    topics; /* every one that was produced to: a look-up by name takes librdkafka's locks */
	size_t topic_count;
	bool transactional;
	int64_t timeout_ms; /* transaction.timeout.ms */
	int64_t begun_ms;   /* when the last transaction began */
	bool undelivered;
	rd_kafka_resp_err_t undelivered_code; /* of the first message that was not delivered */
};

/*
 * A transaction that was open for too long is ended by the broker, which then says the same as when another has taken the
 * id. It is told by its age: whoever stood still that long may well begin again.
 */
static bool
producer_fail(struct queue_producer *p, struct err *e, const char *call, rd_kafka_error_t *error)
{
	(void)queue_fail_error(&p->h, e, call, error);
	if (e->code == ERR_SLOT_TAKEN && p->begun_ms != 0 &&
	    queue_now_ms() - p->begun_ms >= p->timeout_ms)
		return err_set(e, ERR_FENCED, "%s: the transaction was open for too long", call);
	return false;
}

/* ---- life ---- */

static int64_t
transaction_timeout(struct queue_producer *p)
{
	char text[16];
	size_t size = sizeof(text);

	if (rd_kafka_conf_get(rd_kafka_conf(p->h.rk), "transaction.timeout.ms", text, &size) !=
	    RD_KAFKA_CONF_OK)
		return QUEUE_TRANSACTION_MS;
	return strtol(text, NULL, 10);
}

/* Served by poll and flush, in the producer's own thread; called for failures alone. */
static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct queue_producer *p = opaque;

	(void)rk;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR || p->undelivered)
		return;
	p->undelivered = true;
	p->undelivered_code = m->err;
}

/* Decides the previous transaction of the id, and fences whoever else has it. */
static MUST_USE bool
transactions_init(struct queue_producer *p, struct err *e)
{
	int64_t deadline = queue_now_ms() + QUEUE_INIT_MS;

	p->timeout_ms = transaction_timeout(p);
	/* without a broker it would take all of its time */
	if (!queue_handle_ping(&p->h, QUEUE_REQUEST_MS, e))
		return false;
	for (;;) {
		rd_kafka_error_t *error = rd_kafka_init_transactions(
		    p->h.rk, queue_left_ms(deadline));

		if (error == NULL)
			return true;
		if (!rd_kafka_error_is_retriable(error) || queue_left_ms(deadline) < AGAIN_MS)
			return queue_fail_error(&p->h, e, "init transactions", error);
		rd_kafka_error_destroy(error);
	}
}

struct queue_producer *
queue_producer_open(const struct queue_options *o, const char *transactional_id, struct err *e)
{
	struct queue_producer *p = queue_alloc(1, sizeof(*p));
	struct queue_handle_spec handle = {
		.role = transactional_id == NULL ? QUEUE_ROLE_PRODUCER : QUEUE_ROLE_TRANSACTIONS,
		.delivered = delivered,
	};

	if (transactional_id != NULL)
		handle.own[0] = (struct queue_setting){ "transactional.id", transactional_id };
	p->transactional = transactional_id != NULL;
	if (queue_handle_open(&p->h, o, &handle, e) &&
	    (!p->transactional || transactions_init(p, e)))
		return p;
	queue_producer_close(p);
	return NULL;
}

void
queue_producer_close(struct queue_producer *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->topic_count; i++)
		rd_kafka_topic_destroy(p->topics[i]);
	free(p->topics);
	if (p->h.rk != NULL)
		(void)rd_kafka_purge(p->h.rk,
		    RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
			RD_KAFKA_PURGE_F_NON_BLOCKING);
	if (queue_handle_close(&p->h))
		free(p);
}

/* ---- topics ---- */

static MUST_USE rd_kafka_topic_t *
topic_handle(struct queue_producer *p, const char *name, struct err *e)
{
	rd_kafka_topic_t *topic;

	for (size_t i = 0; i < p->topic_count; i++)
		if (strcmp(rd_kafka_topic_name(p->topics[i]), name) == 0)
			return p->topics[i];
	topic = rd_kafka_topic_new(p->h.rk, name, NULL);
	if (topic == NULL)
		return queue_fail(&p->h, e, name, rd_kafka_last_error(), NULL), NULL;
	p->topics = reallocarray(p->topics, p->topic_count + 1, sizeof(rd_kafka_topic_t *));
	if (p->topics == NULL)
		abort();
	p->topics[p->topic_count++] = topic;
	return topic;
}

static MUST_USE bool
topic_warm(struct queue_producer *p, const char *name, struct err *e)
{
	struct queue_topic_info info;

	if (!queue_handle_topic(&p->h, name, &info, e))
		return false;
	if (!info.exists)
		return err_set(e, ERR_QUEUE, "topic %s does not exist", name);
	/* once more: an answer reaches only the handles that are there when it comes */
	return topic_handle(p, name, e) != NULL && queue_handle_topic(&p->h, name, &info, e);
}

bool
queue_producer_warm(
    struct queue_producer *p, const char *const *topics, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (!topic_warm(p, topics[i], e))
			return false;
	return true;
}

/* ---- produce ---- */

static MUST_USE rd_kafka_headers_t *
headers_make(const struct queue_record *r)
{
	rd_kafka_headers_t *headers;

	if (r->header_count == 0)
		return NULL;
	headers = rd_kafka_headers_new(r->header_count);
	for (size_t i = 0; i < r->header_count; i++) {
		const struct queue_header *from = &r->headers[i];

		(void)rd_kafka_header_add(
		    headers, from->name, -1, from->value.data, (ssize_t)from->value.len);
	}
	return headers;
}

/* librdkafka's parameter is not const; with MSG_F_COPY it only reads. */
static void *
unconst(const void *data)
{
	union {
		const void *from;
		void *to;
	} u = { .from = data };

	return u.to;
}

/* Takes the headers when it succeeds. */
static MUST_USE rd_kafka_error_t *
record_send(struct queue_producer *p, rd_kafka_topic_t *topic, const struct queue_record *r,
    rd_kafka_headers_t *headers)
{
	rd_kafka_vu_t parts[6] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { unconst(r->key.data), r->key.len } },
		{ .vtype = RD_KAFKA_VTYPE_VALUE,
		    .u.mem = { unconst(r->value.data), r->value.len } },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
	};

	return rd_kafka_produceva(p->h.rk, parts, headers == NULL ? 5 : 6);
}

bool
queue_produce(struct queue_producer *p, const struct queue_record *r, struct err *e)
{
	int64_t deadline = queue_now_ms() + FULL_MS;
	rd_kafka_topic_t *topic = topic_handle(p, r->topic, e);

	if (topic == NULL)
		return false;
	SCOPED(rd_kafka_headers_t) headers = headers_make(r);
	for (;;) {
		rd_kafka_error_t *error = record_send(p, topic, r, headers);

		if (error == NULL)
			break;
		if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL ||
		    queue_left_ms(deadline) == 0)
			return queue_fail_error(&p->h, e, r->topic, error);
		rd_kafka_error_destroy(error);
		rd_kafka_poll(p->h.rk, 10);
	}
	(void)TAKE(headers);
	if (!p->transactional) /* a transaction's flush serves the reports */
		rd_kafka_poll(p->h.rk, 0);
	return true;
}

static MUST_USE bool
delivery_check(struct queue_producer *p, struct err *e)
{
	if (!p->undelivered)
		return true;
	p->undelivered = false;
	return queue_fail(&p->h, e, "delivery", p->undelivered_code, NULL);
}

bool
queue_flush(struct queue_producer *p, int timeout_ms, struct err *e)
{
	rd_kafka_resp_err_t code = rd_kafka_flush(p->h.rk, timeout_ms);

	if (!delivery_check(p, e))
		return false;
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(&p->h, e, "flush", code, NULL);
	return true;
}

bool
queue_undelivered(struct queue_producer *p, struct err *e)
{
	rd_kafka_poll(p->h.rk, 0);
	return !delivery_check(p, e);
}

/* ---- transactions ---- */

bool
queue_begin(struct queue_producer *p, struct err *e)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(p->h.rk);

	p->undelivered = false;
	p->begun_ms = queue_now_ms();
	return error == NULL || producer_fail(p, e, "begin", error);
}

static MUST_USE bool
offsets_list(const struct queue_position *at, size_t count, rd_kafka_topic_partition_list_t *ret,
    struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *to;

		/* The broker leaves these out without a word, and then nothing fences the transaction. */
		if (at[i].offset < 0)
			return err_set(
			    e, ERR_QUEUE, "offsets: %s/%d has none", at[i].topic, at[i].partition);
		to = rd_kafka_topic_partition_list_add(ret, at[i].topic, at[i].partition);
		to->offset = at[i].offset;
		queue_metadata_set(to, at[i].metadata);
	}
	return count > 0 ||
	    err_set(e, ERR_QUEUE, "offsets: a transaction without any is not fenced");
}

bool
queue_send_offsets(struct queue_producer *p, const struct queue_group *g,
    const struct queue_position *at, size_t count, struct err *e)
{
	int64_t deadline = queue_now_ms() + QUEUE_TRANSACTION_MS;
	SCOPED(rd_kafka_topic_partition_list_t)
	offsets = rd_kafka_topic_partition_list_new((int)count);

	if (!offsets_list(at, count, offsets, e))
		return false;
	for (;;) {
		rd_kafka_error_t *error = rd_kafka_send_offsets_to_transaction(
		    p->h.rk, offsets, queue_group_metadata(g), queue_left_ms(deadline));

		if (error == NULL)
			return true;
		if (!rd_kafka_error_is_retriable(error) || queue_left_ms(deadline) < AGAIN_MS)
			return producer_fail(p, e, "offsets", error);
		rd_kafka_error_destroy(error);
	}
}

/* What the commit says of messages is only how many failed; the first one's reason says more. */
static bool
commit_fail(struct queue_producer *p, struct err *e, rd_kafka_error_t *error)
{
	rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(p->h.rk, NULL, 0);
	struct err reason;

	if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR || delivery_check(p, &reason))
		return producer_fail(p, e, "commit", error);
	rd_kafka_error_destroy(error);
	*e = reason;
	return false;
}

bool
queue_commit(struct queue_producer *p, struct err *e)
{
	int64_t deadline = queue_now_ms() + QUEUE_TRANSACTION_MS;

	for (;;) {
		rd_kafka_error_t *error = rd_kafka_commit_transaction(
		    p->h.rk, queue_left_ms(deadline));

		if (error == NULL)
			return true;
		if (!rd_kafka_error_is_retriable(error) || queue_left_ms(deadline) < AGAIN_MS)
			return commit_fail(p, e, error);
		rd_kafka_error_destroy(error);
	}
}

void
queue_abort(struct queue_producer *p)
{
	rd_kafka_error_t *error = rd_kafka_abort_transaction(p->h.rk, ABORT_MS);

	if (error != NULL)
		rd_kafka_error_destroy(error);
}

static bool
producer_is_fenced(const struct queue_producer *p)
{
	rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(p->h.rk, NULL, 0);

	return fatal == RD_KAFKA_RESP_ERR__FENCED || fatal == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
	    fatal == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* An empty transaction asks the broker nothing: one with an offset does, and is taken back. */
bool
queue_producer_taken(struct queue_producer *p, const struct queue_group *g, const char *topic)
{
	SCOPED(rd_kafka_topic_partition_list_t) offsets = rd_kafka_topic_partition_list_new(1);
	rd_kafka_error_t *error;

	queue_abort(p);
	error = rd_kafka_begin_transaction(p->h.rk);
	if (error == NULL) {
		rd_kafka_topic_partition_list_add(offsets, topic, 0)->offset = 0;
		error = rd_kafka_send_offsets_to_transaction(
		    p->h.rk, offsets, queue_group_metadata(g), TAKEN_MS);
	}
	if (error != NULL)
		rd_kafka_error_destroy(error);
	queue_abort(p);
	return producer_is_fenced(p);
}
