/*
 * What the files of queue share, and nobody else includes: a librdkafka handle with its settings, its last trouble and a
 * close that ends in time. The handle stands first in the struct of its owner: callbacks get it as their opaque.
 */
#ifndef CERTMILL_QUEUE_INTERNAL_H
#define CERTMILL_QUEUE_INTERNAL_H

#include "queue.h"
#include "scoped.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#define QUEUE_REQUEST_MS      10000 /* metadata, watermarks, admin requests */
#define QUEUE_TRANSACTION_MS  15000 /* transaction.timeout.ms, and the longest wait for a commit */
#define QUEUE_INIT_MS         60000 /* init_transactions */
#define QUEUE_LARGEST_MESSAGE "67174400" /* 64 MiB for a CRL, and its envelope */

/* clang-format off */
DEFINE_SCOPED(rd_kafka_topic_t, rd_kafka_topic_destroy)
DEFINE_SCOPED(rd_kafka_conf_t, rd_kafka_conf_destroy)
DEFINE_SCOPED(rd_kafka_queue_t, rd_kafka_queue_destroy)
DEFINE_SCOPED(rd_kafka_event_t, rd_kafka_event_destroy)
DEFINE_SCOPED(rd_kafka_headers_t, rd_kafka_headers_destroy)
DEFINE_SCOPED(rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy)
DEFINE_SCOPED(rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy)
/* clang-format on */

enum queue_role {
	QUEUE_ROLE_GROUP = 1,
	QUEUE_ROLE_READER = 2,
	QUEUE_ROLE_PROBE = 4,
	QUEUE_ROLE_PRODUCER = 8,
	QUEUE_ROLE_TRANSACTIONS = 16,
	QUEUE_ROLE_BULK_READER = 32,
};

struct queue_handle {
	rd_kafka_t *rk;
	bool mock;
	pthread_mutex_t lock; /* of what follows: librdkafka's threads write it */
	char trouble[160];    /* why a broker could not be reached, last time */
	char refused[64];     /* the setting to blame when one did not let us in */
	char login[32];       /* the user's own that holds the password, or else the name */
};

struct queue_handle_spec {
	enum queue_role role;
	struct queue_setting own[4]; /* the identity: group.id and the like; name NULL ends it */
	void (*rebalance)(rd_kafka_t *rk, rd_kafka_resp_err_t code,
	    rd_kafka_topic_partition_list_t *partitions, void *opaque);
	void (*delivered)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);
};

/* ERR_CONFIG: a setting is unknown, or one that carries a promise. */
bool queue_handle_open(struct queue_handle *h, const struct queue_options *o,
    const struct queue_handle_spec *spec, struct err *e) MUST_USE;
/*
 * False: librdkafka did not let go in time; the struct around the handle must stay. Takes one that was not opened.
 * Every message of the handle is freed before.
 */
bool queue_handle_close(struct queue_handle *h) MUST_USE;

/* Both always return false. ERR_FENCED or ERR_QUEUE; text NULL: librdkafka's name for the code. */
bool queue_fail(struct queue_handle *h, struct err *e, const char *call, rd_kafka_resp_err_t code,
    const char *text);
bool queue_fail_error(struct queue_handle *h, struct err *e, const char *call,
    rd_kafka_error_t *error); /* frees error */

bool queue_handle_ping(struct queue_handle *h, int timeout_ms, struct err *e) MUST_USE;
/* ret->exists is false when the broker does not know the topic; it is never created (the mock creates on sight). */
bool queue_handle_topic(struct queue_handle *h, const char *topic, struct queue_topic_info *ret,
    struct err *e) MUST_USE;

/* The probe: one handle, no group, shared by threads. */
struct queue_probe {
	struct queue_handle h;
	struct queue_options options;
	pthread_rwlock_t lock;      /* of what follows */
	struct queue_probe *groups; /* asks for groups, see queue_groups.c; NULL: this one does */
};

/* Who asks for groups; the lock is held. */
static inline struct queue_probe *
queue_probe_of_groups(struct queue_probe *p)
{
	return p->groups == NULL ? p : p->groups;
}

/*
 * Asks for a group, again while that helps and `timeout_ms` last. _request: asks once; *ret_again of a failure says why it may
 * be worth while to ask again: an open transaction, a coordinator that still loads, or one that is none any more;
 * queue_again_of() knows it by the code.
 */
enum queue_again { QUEUE_AGAIN_NOT, QUEUE_AGAIN_UNDECIDED, QUEUE_AGAIN_MOVED };
typedef bool queue_groups_request(
    struct queue_probe *p, void *opaque, enum queue_again *ret_again, struct err *e);
enum queue_again queue_again_of(rd_kafka_resp_err_t code);
bool queue_groups_ask(struct queue_probe *p, int timeout_ms, queue_groups_request *ask,
    void *opaque, struct err *e) MUST_USE;

/* Errors of the client pile up in its main queue when nobody serves it. */
void queue_probe_serve(struct queue_probe *p);
rd_kafka_AdminOptions_t *queue_admin_options(
    struct queue_probe *p, rd_kafka_admin_op_t op, int timeout_ms) MUST_USE;
/* The answer to an admin request, or NULL. _poll(): of whatever kind it is; the caller frees it; _check(): is it one? */
rd_kafka_event_t *queue_admin_poll(rd_kafka_queue_t *answers, int timeout_ms) MUST_USE;
bool queue_admin_check(
    struct queue_probe *p, rd_kafka_event_t *event, const char *call, struct err *e) MUST_USE;
rd_kafka_event_t *queue_admin_wait(struct queue_probe *p, rd_kafka_queue_t *answers,
    const char *call, int timeout_ms, struct err *e) MUST_USE;

/*
 * The offset that stands for RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END now, in the handle's isolation level; for a time
 * in ms the first message's that is not older, or RD_KAFKA_OFFSET_END where none is.
 * Not by rd_kafka_query_watermark_offsets, whose timeout does not hold while the broker is away.
 */
bool queue_handle_offset(struct queue_handle *h, const char *topic, int32_t partition, int64_t what,
    int64_t *ret, struct err *e) MUST_USE;

struct queue_message *queue_message_new(rd_kafka_message_t *m); /* takes m */

/* Copies an offset's metadata, which librdkafka does not terminate. False: too long, or not printable. */
bool queue_metadata_copy(
    char ret[static QUEUE_METADATA_MAX], const rd_kafka_topic_partition_t *from) MUST_USE;
void queue_metadata_set(rd_kafka_topic_partition_t *to, const char *metadata);

const rd_kafka_consumer_group_metadata_t *queue_group_metadata(const struct queue_group *g);

void *queue_alloc(size_t count, size_t size); /* zeroed; aborts when memory is gone */
int64_t queue_now_ms(void);                   /* monotonic */
int queue_left_ms(int64_t deadline);          /* until then, 0 when it has passed */

#endif
