/* Messages, errors and topic metadata: what consumers, producers, readers and the probe have in common. */
#include "queue_internal.h"

#include <string.h>
#include <time.h>

#define LEADER_MS 3000 /* for one answer of a leader, or about it */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void *
queue_alloc(size_t count, size_t size)
{
	void *ret = calloc(count == 0 ? 1 : count, size);

	if (ret == NULL)
		abort();
	return ret;
}

int64_t
queue_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
queue_left_ms(int64_t deadline)
{
	int64_t left = deadline - queue_now_ms();

	return left <= 0 ? 0 : (int)left;
}

/* ---- errors ---- */

/*
 * Another process has this one's transactional id: to go on would be to fence it back. A generation that has passed is no
 * more than a rebalance that was missed; nor does the group's word on a static member prove a double (queue_producer_taken).
 */
static enum err_code
code_class(rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
	    code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH)
		return ERR_SLOT_TAKEN;
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	    code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
		return ERR_TOO_LARGE;
	if (code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	    code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
		return ERR_FENCED;
	return ERR_QUEUE;
}

/* Did the broker not answer, so that the reason stands in what the client logged? */
static bool
code_is_silence(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE ||
	    code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
}

bool
queue_fail(struct queue_handle *h, struct err *e, const char *call, rd_kafka_resp_err_t code,
    const char *text)
{
	char fatal[200], trouble[sizeof(h->trouble)] = "";
	rd_kafka_resp_err_t cause = rd_kafka_fatal_error(h->rk, fatal, sizeof(fatal));

	if (cause != RD_KAFKA_RESP_ERR_NO_ERROR) {
		code = cause;
		text = fatal;
	}
	if (code_is_silence(code)) {
		pthread_mutex_lock(&h->lock);
		memcpy(trouble, h->trouble, sizeof(trouble));
		pthread_mutex_unlock(&h->lock);
	}
	return err_set(e, code_class(code), "%s: %s%s%s", call,
	    text == NULL ? rd_kafka_err2str(code) : text, trouble[0] == '\0' ? "" : "; ", trouble);
}

bool
queue_fail_error(struct queue_handle *h, struct err *e, const char *call, rd_kafka_error_t *error)
{
	(void)queue_fail(h, e, call, rd_kafka_error_code(error), rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return false;
}

/* ---- messages ---- */

struct queue_message *
queue_message_new(rd_kafka_message_t *m)
{
	struct queue_message *ret = queue_alloc(1, sizeof(*ret));
	rd_kafka_timestamp_type_t type;

	ret->topic = rd_kafka_topic_name(m->rkt);
	ret->partition = m->partition;
	ret->offset = m->offset;
	ret->timestamp_ms = rd_kafka_message_timestamp(m, &type);
	ret->key = slice_of(m->key, m->key_len);
	ret->value = slice_of(m->payload, m->len);
	ret->handle = m;
	return ret;
}

void
queue_message_free(struct queue_message *m)
{
	if (m == NULL)
		return;
	rd_kafka_message_destroy(m->handle);
	free(m);
}

/* NULL when there are none, or when they do not parse. */
static rd_kafka_headers_t *
message_headers(const struct queue_message *m)
{
	rd_kafka_headers_t *headers;

	if (m->is_bare ||
	    rd_kafka_message_headers(m->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	return headers;
}

size_t
queue_message_headers(const struct queue_message *m)
{
	rd_kafka_headers_t *headers = message_headers(m);

	return headers == NULL ? 0 : rd_kafka_header_cnt(headers);
}

bool
queue_message_header(const struct queue_message *m, size_t i, struct queue_header *ret)
{
	rd_kafka_headers_t *headers = message_headers(m);
	const char *name;
	const void *value;
	size_t len;

	if (headers == NULL ||
	    rd_kafka_header_get_all(headers, i, &name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	*ret = (struct queue_header){ .name = name, .value = slice_of(value, len) };
	return true;
}

size_t
queue_message_header_bytes(const struct queue_message *m)
{
	struct queue_header header;
	size_t sum = 0;

	for (size_t i = 0; queue_message_header(m, i, &header); i++)
		sum += strlen(header.name) + header.value.len;
	return sum;
}

int32_t
queue_partition_of(struct slice key, int32_t partitions)
{
	return rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len, partitions, NULL, NULL);
}

/* ---- the metadata of an offset ---- */

bool
queue_metadata_copy(char ret[static QUEUE_METADATA_MAX], const rd_kafka_topic_partition_t *from)
{
	const char *text = from->metadata;
	size_t len = text == NULL ? 0 : from->metadata_size;

	if (len >= QUEUE_METADATA_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	if (len > 0)
		memcpy(ret, text, len);
	ret[len] = '\0';
	return true;
}

/* The list's destroy frees it. */
void
queue_metadata_set(rd_kafka_topic_partition_t *to, const char *metadata)
{
	to->metadata = strdup(metadata);
	if (to->metadata == NULL)
		abort();
	to->metadata_size = strlen(metadata);
}

/* ---- metadata of topics ---- */

static void
topic_describe(const struct rd_kafka_metadata_topic *topic, struct queue_topic_info *ret)
{
	ret->exists = topic->partition_cnt > 0;
	ret->partitions = topic->partition_cnt;
	for (int i = 0; i < topic->partition_cnt; i++) {
		int32_t replicas = topic->partitions[i].replica_cnt;

		if (i == 0 || replicas < ret->replicas)
			ret->replicas = replicas;
	}
}

static MUST_USE bool
topic_find(struct queue_handle *h, const char *name, const struct rd_kafka_metadata *all,
    struct queue_topic_info *ret, struct err *e)
{
	static const rd_kafka_resp_err_t absent[] = {
		RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
		RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,      /* no topic can have that name */
		RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, /* being created */
	};
	const struct rd_kafka_metadata_topic *topic = NULL;

	for (int i = 0; i < all->topic_cnt && topic == NULL; i++)
		if (strcmp(all->topics[i].topic, name) == 0)
			topic = &all->topics[i];
	if (topic == NULL)
		return true;
	for (size_t i = 0; i < COUNT(absent); i++)
		if (topic->err == absent[i])
			return true;
	if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(h, e, name, topic->err, NULL);
	topic_describe(topic, ret);
	return true;
}

bool
queue_handle_topic(
    struct queue_handle *h, const char *topic, struct queue_topic_info *ret, struct err *e)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;
	bool ok;

	*ret = (struct queue_topic_info){ .exists = false };
	/* The mock makes a topic of whatever name it is asked for: list them all instead. */
	SCOPED(rd_kafka_topic_t) handle = h->mock ? NULL : rd_kafka_topic_new(h->rk, topic, NULL);
	if (handle == NULL && !h->mock) /* too long for any topic */
		return true;
	code = rd_kafka_metadata(h->rk, h->mock, handle, &metadata, QUEUE_REQUEST_MS);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(h, e, topic, code, NULL);
	ok = topic_find(h, topic, metadata, ret, e);
	rd_kafka_metadata_destroy(metadata);
	return ok;
}

bool
queue_handle_ping(struct queue_handle *h, int timeout_ms, struct err *e)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(h->rk, 0, NULL, &metadata, timeout_ms);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(h, e, "no broker answers", code, NULL);
	rd_kafka_metadata_destroy(metadata);
	return true;
}

const char *
queue_version(void)
{
	return rd_kafka_version_str();
}

/* ---- offsets ---- */

static rd_kafka_resp_err_t
offset_ask(
    struct queue_handle *h, rd_kafka_topic_partition_list_t *list, int64_t what, int timeout_ms)
{
	rd_kafka_topic_partition_t *asked = &list->elems[0];
	rd_kafka_resp_err_t code;

	asked->offset = what;
	asked->err = RD_KAFKA_RESP_ERR_NO_ERROR;
	code = rd_kafka_offsets_for_times(h->rk, list, timeout_ms);
	/* without a leader there is nothing to ask, and the call itself says only that nothing was */
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR ||
	    (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
		asked->err != RD_KAFKA_RESP_ERR_NO_ERROR))
		code = asked->err;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && asked->offset < 0 &&
	    (what < 0 || asked->offset != RD_KAFKA_OFFSET_END))
		code = RD_KAFKA_RESP_ERR__FAIL;
	return code;
}

/*
 * Is the leader that was asked perhaps none any more, or none yet? A broker that has just come back says so for a moment, until
 * it leads its partitions again, and a new leader until the others have followed it; one that stands still, or cannot be
 * reached, says nothing; and the name of a container that was stopped does not even resolve.
 */
static bool
code_is_no_leader(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
	    code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
	    code == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE ||
	    code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    code == RD_KAFKA_RESP_ERR__RESOLVE;
}

/* librdkafka goes on asking the leader that it remembers, for up to five minutes, whether that one answers or not. */
static void
leader_learn(struct queue_handle *h, const char *topic, int timeout_ms)
{
	const struct rd_kafka_metadata *metadata;
	SCOPED(rd_kafka_topic_t) handle = rd_kafka_topic_new(h->rk, topic, NULL);

	if (handle != NULL &&
	    rd_kafka_metadata(h->rk, 0, handle, &metadata, timeout_ms) ==
		RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(metadata);
}

static int
leader_left_ms(int64_t deadline)
{
	int left = queue_left_ms(deadline);

	return left < LEADER_MS ? left : LEADER_MS;
}

bool
queue_handle_offset(struct queue_handle *h, const char *topic, int32_t partition, int64_t what,
    int64_t *ret, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	int64_t deadline = queue_now_ms() + QUEUE_REQUEST_MS;
	SCOPED(rd_kafka_topic_partition_list_t) list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t code;
	char call[300];

	rd_kafka_topic_partition_list_add(list, topic, partition);
	code = offset_ask(h, list, what, LEADER_MS);
	while (code_is_no_leader(code) && queue_left_ms(deadline) > 0) {
		(void)nanosleep(&pause, NULL);
		leader_learn(h, topic, leader_left_ms(deadline));
		code = offset_ask(h, list, what, leader_left_ms(deadline));
	}
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		*ret = list->elems[0].offset;
		return true;
	}
	(void)snprintf(call, sizeof(call), "offset of %s/%d", topic, partition);
	return queue_fail(h, e, call, code, NULL);
}
