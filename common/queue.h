/*
 * Kafka, as far as certmill needs it. The only module that includes rdkafka.h (queue_internal.h, for the files queue*.c).
 * Handles belong to one thread, except queue_probe, which may be shared. Every message is freed before the handle that
 * gave it is closed. Every failure is final for its handle: the caller closes it and opens another (crash only); queue
 * never retries behind the caller's back beyond librdkafka itself.
 * reference: Kafka protocol; what is relied on is measured in tests/component/test_queue_broker.c and _transactions.c.
 */
#ifndef CERTMILL_QUEUE_H
#define CERTMILL_QUEUE_H

#include "err.h"
#include "slice.h"

#include <stdint.h>

#define QUEUE_METADATA_MAX 200 /* bytes of a committed offset's metadata, with its NUL */
#define QUEUE_NO_OFFSET    (-1001)

/* One `kafka.*` setting, given to librdkafka as it is; later ones win over certmill's own defaults. */
struct queue_setting {
	const char *name, *value;
};

const char *queue_version(void); /* librdkafka's */

struct queue_options {
	/* all of them borrowed for the life of every handle */
	const char *brokers;   /* bootstrap.servers */
	const char *client_id; /* shows in the broker's logs; may be NULL */
	const struct queue_setting *extra;
	size_t extra_count;
	bool mock; /* talking to queue_mock: no fencing, no offset metadata */
};

/* Are the settings what librdkafka takes? Asks no broker. ERR_CONFIG and the setting's name (kafka.…) as the field. */
bool queue_options_check(const struct queue_options *o, struct err *e) MUST_USE;

struct queue_header {
	const char *name;
	struct slice value; /* data NULL: a null header value */
};

/* A received message; everything in it is borrowed until queue_message_free. */
struct queue_message {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms; /* the broker's (LogAppendTime) on request topics */
	struct slice key;
	struct slice value; /* data NULL: a null payload (tombstone) */
	void *handle;
	bool is_bare; /* no header can be read: librdkafka would look for them at each question */
};

size_t queue_message_headers(const struct queue_message *m); /* how many */
bool queue_message_header(const struct queue_message *m, size_t i, struct queue_header *ret);
size_t queue_message_header_bytes(const struct queue_message *m); /* names and values together */
void queue_message_free(struct queue_message *m);                 /* takes NULL */

/* Where a group stands on a partition. */
struct queue_position {
	const char *topic; /* borrowed */
	int32_t partition;
	int64_t offset; /* of the next message; QUEUE_NO_OFFSET: none was committed */
	char metadata[QUEUE_METADATA_MAX]; /* printable ASCII, NUL-terminated */
};

/* ---- group consumer: static member, transactional offsets, read_committed ---- */

struct queue_consumer;
struct queue_group; /* a snapshot of the group's generation and member id */

struct queue_consumer_spec {
	const char *group;    /* group.id */
	const char *instance; /* group.instance.id, stable per slot and lane; NULL: dynamic */
	const char *const *topics;
	size_t topic_count;
	/*
	 * Called from queue_consumer_poll, inside the rebalance: the committed offsets were read (waiting for open
	 * transactions to be decided), the partitions are assigned at those offsets when it returns true, or where a log
	 * begins by now if that is behind (which is logged). It must not block.
	 * Returning false (with the error set) fails the poll. `revoked` may be called for partitions that are lost.
	 */
	bool (*assigned)(
	    void *opaque, const struct queue_position *at, size_t count, struct err *e);
	void (*revoked)(void *opaque, const char *topic, int32_t partition);
	void *opaque;
};

struct queue_consumer *queue_consumer_open(
    const struct queue_options *o, const struct queue_consumer_spec *spec, struct err *e) MUST_USE;
/*
 * Waits up to timeout_ms for the first message, then takes what is there up to max. *ret_count may be 0. Messages of a
 * partition that was just revoked can be among them: the caller filters by what it owns and by its own next offset.
 */
bool queue_consumer_poll(struct queue_consumer *c, int timeout_ms, struct queue_message **ret,
    size_t max, size_t *ret_count, struct err *e) MUST_USE;
/* The group's identity right now: take it with the batch, not at the commit (a later one may be unfenced). */
struct queue_group *queue_group_snapshot(struct queue_consumer *c);
void queue_group_free(struct queue_group *g);
bool queue_consumer_lost(struct queue_consumer *c); /* the assignment was lost: commit nothing */
/* leave: unsubscribe first, so that a static member's partitions move at once; without it the place is kept. */
void queue_consumer_close(struct queue_consumer *c, bool leave); /* takes NULL; bounded in time */

/* ---- producer ---- */

struct queue_producer;

struct queue_record {
	const char *topic;
	int32_t partition;  /* -1: murmur2 of the key */
	struct slice key;   /* data NULL: no key */
	struct slice value; /* data NULL: tombstone; copied */
	const struct queue_header *headers;
	size_t header_count;
};

/* transactional_id NULL: a plain idempotent producer. Otherwise the previous transaction of that id is decided here. */
struct queue_producer *queue_producer_open(
    const struct queue_options *o, const char *transactional_id, struct err *e) MUST_USE;
/* Fetches the topics' metadata, so that the first produce does not wait for it. */
bool queue_producer_warm(
    struct queue_producer *p, const char *const *topics, size_t count, struct err *e) MUST_USE;
bool queue_begin(struct queue_producer *p, struct err *e) MUST_USE;
bool queue_produce(struct queue_producer *p, const struct queue_record *r, struct err *e) MUST_USE;
bool queue_send_offsets(struct queue_producer *p, const struct queue_group *g,
    const struct queue_position *at, size_t count, struct err *e) MUST_USE;
/*
 * ERR_SLOT_TAKEN: another producer has the id. ERR_FENCED: the group went on without us, or the transaction was open for
 * too long. Any other failure: the outcome is unknown until the id is initialised again.
 */
bool queue_commit(struct queue_producer *p, struct err *e) MUST_USE;
void queue_abort(struct queue_producer *p); /* best effort, bounded in time */
/*
 * Has another process taken the transactional id? Asked after ERR_FENCED, when no transaction will be committed any more: a
 * static member whose session ended while its broker was away joins anew and may be fenced by its own heartbeat, while a
 * double opens its producer before it joins the group. Commits nothing; false also when the broker does not answer in time.
 */
bool queue_producer_taken(
    struct queue_producer *p, const struct queue_group *g, const char *topic) MUST_USE;
/* Plain producer: all delivered, or the first delivery error. */
bool queue_flush(struct queue_producer *p, int timeout_ms, struct err *e) MUST_USE;
/* Plain producer, without waiting: true with the first delivery error since it was last asked. */
bool queue_undelivered(struct queue_producer *p, struct err *e) MUST_USE;
void queue_producer_close(struct queue_producer *p);

/* murmur2, as Java's default partitioner */
int32_t queue_partition_of(struct slice key, int32_t partitions);

/* ---- reader: no group, from given offsets, read_committed; for folds, followers and clients ---- */

struct queue_reader;
/* QUEUE_IN_BULK: from the start, by who reads what stands there and closes. It asks the brokers more often, and keeps less. */
enum queue_from { QUEUE_FROM_START, QUEUE_IN_BULK, QUEUE_FROM_END };

/* All partitions of the topic (asked from the broker), or the one given (partition >= 0). */
struct queue_reader *queue_reader_open(const struct queue_options *o, const char *topic,
    int32_t partition, enum queue_from from, struct err *e) MUST_USE;
/* *ret is NULL when nothing came in time, or when the end of a partition was reached: ask passed again. */
bool queue_reader_poll(
    struct queue_reader *r, int timeout_ms, struct queue_message **ret, struct err *e) MUST_USE;
int32_t queue_reader_partitions(const struct queue_reader *r);
/* Everything below this offset of the partition was returned by poll or is not visible. Call it after the message was folded. */
int64_t queue_reader_passed(const struct queue_reader *r, int32_t partition);
bool queue_reader_seek(
    struct queue_reader *r, int32_t partition, int64_t offset, struct err *e) MUST_USE;
void queue_reader_close(struct queue_reader *r);

/* ---- probe: watermarks, topics, groups; may be shared by threads ---- */

struct queue_probe;

struct queue_topic_info {
	bool exists;
	int32_t partitions;
	int32_t replicas; /* of the partition that has fewest */
};

struct queue_topic_spec {
	const char *name;
	int32_t partitions, replicas;
	const struct queue_setting *config; /* "cleanup.policy" -> "compact" */
	size_t config_count;
};

struct queue_probe *queue_probe_open(const struct queue_options *o, struct err *e) MUST_USE;
void queue_probe_close(struct queue_probe *p);
/* The true high watermark (read_uncommitted), not the last stable offset. */
bool queue_high_watermark(struct queue_probe *p, const char *topic, int32_t partition, int64_t *ret,
    struct err *e) MUST_USE;
bool queue_low_watermark(struct queue_probe *p, const char *topic, int32_t partition, int64_t *ret,
    struct err *e) MUST_USE;
/* The first offset whose message is not older than that; the high watermark where all are. */
bool queue_offset_since(struct queue_probe *p, const char *topic, int32_t partition,
    int64_t since_ms, int64_t *ret, struct err *e) MUST_USE;
/* Never creates. */
bool queue_topic_info(
    struct queue_probe *p, const char *topic, struct queue_topic_info *ret, struct err *e) MUST_USE;
/*
 * How many partitions a topic has that must be there: what is folded of a topic that a broker does not know, just after it came
 * back, would be nothing, and be taken for everything. ERR_QUEUE when it is absent.
 */
bool queue_topic_count(
    struct queue_probe *p, const char *topic, int32_t *ret, struct err *e) MUST_USE;
/* Reads one setting of a topic; buf of size bytes. ERR_QUEUE when the topic is absent. */
bool queue_topic_config(struct queue_probe *p, const char *topic, const char *name, char *ret,
    size_t size, struct err *e) MUST_USE;
/* *ret_created false: it existed. Waits until its metadata is there. */
bool queue_topic_create(struct queue_probe *p, const struct queue_topic_spec *t, bool *ret_created,
    struct err *e) MUST_USE;
/* Over the transaction timeout: an open transaction is decided by then. */
#define QUEUE_COMMITTED_MS 30000
/*
 * Fills offset and metadata of each given topic/partition (QUEUE_NO_OFFSET where there is none), behind the transactions that are
 * open now.
 */
bool queue_group_offsets(struct queue_probe *p, const char *group, struct queue_position *at,
    size_t count, int timeout_ms, struct err *e) MUST_USE;
/* The same at once, whatever a transaction that is open may still change: for onlookers. */
bool queue_group_stands(struct queue_probe *p, const char *group, struct queue_position *at,
    size_t count, int timeout_ms, struct err *e) MUST_USE;
/* The high watermark of each given topic/partition, in one question a broker. */
bool queue_ends(struct queue_probe *p, const struct queue_position *at, int64_t *ret_ends,
    size_t count, int timeout_ms, struct err *e) MUST_USE;
/* A member of a group; everything in it is borrowed for the call. */
struct queue_member {
	const char *instance, *client, *host; /* instance NULL: a dynamic member */
	const struct queue_position *at;      /* its partitions; offsets mean nothing */
	size_t count;
};
bool queue_group_members(struct queue_probe *p, const char *group, int timeout_ms,
    void (*visit)(void *opaque, const struct queue_member *m), void *opaque,
    struct err *e) MUST_USE;
/* For a group without members. Overwrites: ask queue_group_offsets first. */
bool queue_group_commit(struct queue_probe *p, const char *group, const struct queue_position *at,
    size_t count, struct err *e) MUST_USE;
/* Is anybody there? ERR_QUEUE after timeout_ms without a broker. */
bool queue_ping(struct queue_probe *p, int timeout_ms, struct err *e) MUST_USE;
/*
 * After a failed ping: was it a broker that did not let us in? Then *e becomes ERR_CONFIG and names the setting (the password,
 * or the CA that did not sign the broker's certificate); else it stays. Always false.
 */
bool queue_blame(struct queue_probe *p, struct err *e);

/* ---- mock: librdkafka's own broker inside the process; for `dev` and tests of error paths, nothing else ---- */

struct queue_mock;

struct queue_mock *queue_mock_open(struct err *e) MUST_USE; /* one broker on loopback */
const char *queue_mock_brokers(const struct queue_mock *m); /* host:port */
bool queue_mock_topic(
    struct queue_mock *m, const char *topic, int32_t partitions, struct err *e) MUST_USE;
/* The next `count` answers to requests of this api key carry the error (RD_KAFKA_RESP_ERR_... as int). */
void queue_mock_errors(struct queue_mock *m, int16_t api_key, int error, size_t count);
void queue_mock_close(struct queue_mock *m);

#endif
