#include "intake.h"

#include "claim.h"
#include "sha256.h"

#include <inttypes.h>

#define MESSAGE_MAX \
	((size_t)REQUEST_MAX + \
	    120 * 1024) /* below max.message.bytes of the request topics, topic_plan.c */
#include <stdlib.h>

static struct slice
find_header(const struct queue_message *m, const char *name)
{
	struct queue_header h;

	for (size_t i = 0; i < queue_message_headers(m) && i < HEADERS_KEPT_MAX; i++)
		if (queue_message_header(m, i, &h) && strcmp(h.name, name) == 0)
			return h.value;
	return SLICE_NONE;
}

bool
request_headers_dropped(const struct request *rq)
{
	return queue_message_headers(rq->message) > HEADERS_KEPT_MAX ||
	    queue_message_header_bytes(rq->message) > HEADER_BYTES_KEPT_MAX;
}

/* `source` and `replayed` are the worker's own: a request cannot bring them. */
static bool
header_is_ours(const char *name)
{
	return strcmp(name, "source") == 0 || strcmp(name, "replayed") == 0;
}

size_t
request_headers(const struct request *rq, struct queue_header ret[static HEADERS_KEPT_MAX])
{
	size_t count = 0;

	if (request_headers_dropped(rq))
		return 0;
	for (size_t i = 0; i < queue_message_headers(rq->message); i++)
		if (queue_message_header(rq->message, i, &ret[count]) &&
		    !header_is_ours(ret[count].name))
			count++;
	return count;
}

int32_t
request_home(const struct request *rq, int32_t partitions)
{
	switch (rq->kind) {
	case TOPIC_ISSUE:
	case TOPIC_SIGN:
		return queue_partition_of(rq->envelope.id, partitions);
	case TOPIC_REVOKE:
	case TOPIC_CONFIG:
		return queue_partition_of(rq->envelope.mount, partitions);
	case TOPIC_QUERY:
	case TOPIC_KINDS:
		break;
	}
	return rq->message->partition;
}

static struct slice
default_reply(const struct context *cx)
{
	return slice_text(cx->settings->ledger_topics[LEDGER_RESPONSES]);
}

/* Spring's kafka_replyPartition: four octets, big-endian. */
static int32_t
reply_partition(const struct request *rq, int32_t partitions)
{
	struct slice h = find_header(rq->message, "kafka_replyPartition");
	uint32_t number;

	if (h.len != 4 || h.data == NULL)
		return -1;
	number = (uint32_t)h.data[0] << 24 | (uint32_t)h.data[1] << 16 | (uint32_t)h.data[2] << 8 |
	    h.data[3];
	return number < (uint32_t)partitions ? (int32_t)number : -1;
}

static MUST_USE bool
find_reply(struct context *cx, struct reply_topics *replies, struct request *rq, struct err *e)
{
	struct slice wanted = rq->envelope.reply_to;
	struct reply_topic topic = { 0 };

	rq->reply_topic = default_reply(cx);
	rq->reply_partition = -1;
	if (wanted.data == NULL)
		wanted = find_header(rq->message, "kafka_replyTopic");
	if (wanted.data == NULL)
		wanted = rq->reply_topic;
	if (!slice_eq(wanted, rq->reply_topic) && !settings_allow_reply(cx->settings, wanted)) {
		(void)err_field(&rq->reply_error, ERR_REPLY_TO_NOT_ALLOWED, "reply_to",
		    "answers may not go to topic \"%.*s\"",
		    wanted.len > 100 ? 100 : (int)wanted.len, (const char *)wanted.data);
		return true;
	}
	if (!reply_topics_find(replies, wanted, &topic, e))
		return false;
	if (topic.partitions == 0) {
		(void)err_field(&rq->reply_error, ERR_REPLY_TO_UNKNOWN, "reply_to",
		    "there is no topic \"%.*s\"", SLICE_FMT(wanted));
		return true;
	}
	if (topic.is_fragile && !slice_eq(wanted, rq->reply_topic)) {
		(void)err_field(&rq->reply_error, ERR_REPLY_TO_NOT_ALLOWED, "reply_to",
		    "topic \"%.*s\" needs more replicas than its min.insync.replicas: its lanes would stand still while one broker is away",
		    SLICE_FMT(wanted));
		return true;
	}
	rq->reply_topic = arena_copy(cx->arena, wanted);
	rq->reply_partition = reply_partition(rq, topic.partitions);
	return true;
}

static MUST_USE bool
find_operation(struct context *cx, struct request *rq, struct err *e)
{
	const struct operation *op = operation_find(rq->envelope.op);
	struct slice params = rq->envelope.params;
	static const uint8_t empty_map = 0x80;

	if (op == NULL)
		return err_field(e, ERR_UNKNOWN_OP, "op", "there is no operation \"%.*s\"",
		    SLICE_FMT(rq->envelope.op));
	if (op->contract->topic != rq->kind)
		return err_field(e, ERR_WRONG_TOPIC, "op", "\"%s\" belongs on %s, this is %s",
		    op->contract->name, cx->settings->request_topics[op->contract->topic],
		    cx->settings->request_topics[rq->kind]);
	rq->operation = op;
	rq->params = arena_alloc(cx->arena, op->contract->params->size);
	if (op->defaults != NULL)
		op->defaults(rq->params);
	if (params.data == NULL)
		params = slice_of(&empty_map, 1);
	return schema_decode(op->contract->params, params, cx->arena, rq->params, &rq->seen, e);
}

static MUST_USE bool
message_decode(struct context *cx, struct request *rq, struct err *e)
{
	if (rq->message->value.data == NULL)
		return err_set(e, ERR_MALFORMED, "the payload is null");
	return request_decode(rq->message->value, cx->arena, &rq->envelope, e);
}

/* What the audit says of the message: the hash of its body, or of all its bytes where that could not be read. */
static void
message_hash(struct request *rq, bool whole)
{
	if (whole)
		request_hash(rq);
	else
		sha256(rq->message->value, rq->hash);
}

/* A reroute is produced with all its headers: it must fit the limit of its own topic, whatever compression hid. */
static size_t
message_size(const struct queue_message *m)
{
	return m->key.len + m->value.len + queue_message_header_bytes(m);
}

static void
request_place(struct context *cx, struct request *rq)
{
	rq->source = slice_text(arena_printf(cx->arena, "%s/%" PRId32 "/%" PRId64,
	    rq->message->topic, rq->message->partition, rq->message->offset));
	rq->crl_number = 0;
}

enum intake
request_leave_unread(struct context *cx, struct request *rq)
{
	request_place(cx, rq);
	message_hash(rq, false);
	return INTAKE_REJECTED;
}

/* Nothing was decided: it makes no claim. */
static void
refuse_undecided(struct context *cx, struct request *rq, const struct err *why)
{
	request_refuse(cx, rq, why);
	rq->retryable = true;
}

enum intake
request_read(struct context *cx, int32_t partitions, struct request *rq, struct err *e)
{
	struct err bad = { 0 };
	bool whole;

	request_place(cx, rq);
	whole = message_decode(cx, rq, &bad);
	rq->answerable = rq->envelope.id.data != NULL;
	message_hash(rq, whole);
	if (!rq->answerable) {
		*e = bad;
		return INTAKE_REJECTED;
	}
	if (whole && message_size(rq->message) > MESSAGE_MAX)
		whole = err_set(&bad, ERR_TOO_LARGE,
		    "the message has %zu bytes with its headers, %zu can be moved",
		    message_size(rq->message), MESSAGE_MAX);
	if (whole && request_home(rq, partitions) != rq->message->partition)
		return INTAKE_REROUTED;
	if (!whole || !find_operation(cx, rq, &bad)) {
		refuse_undecided(cx, rq, &bad);
		return INTAKE_REFUSED;
	}
	if (request_headers_dropped(rq))
		request_warn(cx, rq, "headers_dropped",
		    "the request's headers are over %d or %d bytes: the answer has none of them",
		    HEADERS_KEPT_MAX, HEADER_BYTES_KEPT_MAX);
	return INTAKE_DECIDE;
}

bool
request_find_reply(struct context *cx, struct reply_topics *replies, enum intake intake,
    struct request *rq, struct err *e)
{
	if (intake != INTAKE_DECIDE && intake != INTAKE_REFUSED)
		return true;
	if (!find_reply(cx, replies, rq, e))
		return false;
	if (intake == INTAKE_REFUSED && rq->reply_error.code != ERR_NONE)
		refuse_undecided(cx, rq, &rq->reply_error);
	return true;
}
