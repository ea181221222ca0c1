/* How a librdkafka handle is set up for each role, and how it ends. */
#include "log.h"
#include "queue_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define CLOSE_SECONDS 10
#define PASSWORD_FILE "sasl.password.file"
#define PASSWORD_MAX  1024

#define GROUP        QUEUE_ROLE_GROUP
#define READER       (QUEUE_ROLE_READER | QUEUE_ROLE_BULK_READER)
#define BULK         QUEUE_ROLE_BULK_READER
#define PROBE        QUEUE_ROLE_PROBE
#define TRANSACTIONS QUEUE_ROLE_TRANSACTIONS
#define PRODUCER     (QUEUE_ROLE_PRODUCER | QUEUE_ROLE_TRANSACTIONS)
#define CONSUMER     (GROUP | READER | PROBE)
#define ANY          (CONSUMER | PRODUCER)

/* Applied before the user's own, which win. */
static const struct default_setting {
	unsigned roles;
	const char *name, *value;
} defaults[] = {
	/* clang-format off */
	{ ANY, "client.id", "certmill" },
	{ ANY, "socket.nagle.disable", "true" },        /* else stalls of 40 ms before librdkafka 2.10 */
	{ ANY, "reconnect.backoff.max.ms", "2000" },
	{ ANY, "topic.metadata.refresh.interval.ms", "5000" }, /* how long a lead that moved goes unnoticed while the old leader is away: 5 minutes by librdkafka's own */
	{ ANY, "socket.connection.setup.timeout.ms", "10000" }, /* until another is asked who leads or coordinates: within the time of what waits for it */
	{ ANY & ~READER, "socket.timeout.ms", "10000" }, /* a request to a dead broker ends only with it; a reader may be slow to fetch 64 MiB */
	{ ANY, "allow.auto.create.topics", "false" },
	{ GROUP, "partition.assignment.strategy", "range" },
	{ GROUP, "session.timeout.ms", "10000" },       /* how long a dead member keeps its partitions */
	{ GROUP, "max.poll.interval.ms", "60000" },
	{ GROUP, "queued.min.messages", "20000" },      /* what is fetched ahead counts against the worker's memory */
	{ GROUP, "queued.max.messages.kbytes", "8192" },
	{ GROUP, "fetch.max.bytes", "4194304" },
	{ READER, "fetch.wait.max.ms", "20" },          /* the end of a partition is told one such wait late */
	{ READER, "queued.max.messages.kbytes", "16384" },
	{ BULK, "queued.max.messages.kbytes", "4096" },   /* what is fetched ahead takes three times its size */
	{ BULK, "fetch.message.max.bytes", "262144" },    /* of each partition at a time; a single message may be larger */
	{ BULK, "topic.metadata.refresh.interval.ms", "20" }, /* librdkafka 2.0 fetches on into a queue that was full when its broker's thread wakes: once a second, or with an answer */
	{ READER, "message.max.bytes", QUEUE_LARGEST_MESSAGE },
	{ READER, "fetch.max.bytes", QUEUE_LARGEST_MESSAGE },
	{ READER, "receive.message.max.bytes", "134217728" },
	{ PRODUCER, "message.max.bytes", QUEUE_LARGEST_MESSAGE },
	{ PRODUCER, "compression.codec", "snappy" },    /* halves what the broker costs */
	{ PRODUCER, "retry.backoff.ms", "2" },          /* CONCURRENT_TRANSACTIONS right after a commit: 100 ms costs 3 to 6 times the rate */
	{ PRODUCER, "queue.buffering.max.messages", "200000" },
	{ PRODUCER, "delivery.report.only.error", "true" },
	{ QUEUE_ROLE_PRODUCER, "message.timeout.ms", "30000" },
	{ TRANSACTIONS, "transaction.timeout.ms", "15000" },
	{ TRANSACTIONS, "message.timeout.ms", "10000" }, /* below the transaction's */
	/* clang-format on */
};

/* Exactly once, or this code, rests on these: the user's settings cannot change them. */
static const struct default_setting fixed[] = {
	/* clang-format off */
	{ GROUP | READER, "isolation.level", "read_committed" },
	{ PROBE, "isolation.level", "read_uncommitted" }, /* the true high watermark */
	{ GROUP | READER, "enable.auto.commit", "false" },
	{ GROUP | READER, "enable.auto.offset.store", "false" },
	{ GROUP, "auto.offset.reset", "error" },
	{ READER, "auto.offset.reset", "earliest" },      /* what retention has deleted is not there to be read */
	{ READER, "enable.partition.eof", "true" },
	{ PRODUCER, "enable.idempotence", "true" },
	{ PRODUCER, "partitioner", "murmur2_random" },    /* as Java's clients; the home partition is defined by it */
	/* clang-format on */
};

static const char *const refused[] = {
	"auto.offset.reset",
	"enable.auto.commit",
	"enable.auto.offset.store",
	"enable.idempotence",
	"enable.partition.eof",
	"group.id",
	"group.instance.id",
	"group.protocol", /* another rebalance protocol than the one that queue_consumer.c speaks */
	"isolation.level",
	"log.queue",
	"partitioner",
	"transactional.id",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- settings ---- */

static MUST_USE bool
setting_refuse(struct err *e, const char *name, const char *why)
{
	char field[sizeof(e->field)];

	(void)snprintf(field, sizeof(field), "kafka.%s", name);
	return err_field(e, ERR_CONFIG, field, "%s: %s", field, why);
}

static MUST_USE bool
setting_apply(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
	char text[200];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
		return setting_refuse(e, name, text);
	return true;
}

/* A password stands in a file, where no environment shows it: librdkafka itself takes it as a setting alone. */
static MUST_USE bool
password_apply(rd_kafka_conf_t *conf, const char *path, struct err *e)
{
	SCOPED(FILE) file = fopen(path, "re");
	char text[PASSWORD_MAX + 2];
	size_t len;
	bool ok;

	if (file == NULL)
		return err_field(e, ERR_CONFIG, "kafka." PASSWORD_FILE,
		    "kafka." PASSWORD_FILE " %s: %s", path, strerror(errno));
	setbuf(file, NULL);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	len = strlen(text);
	if (ferror(file) != 0 || len == 0 || len > PASSWORD_MAX)
		ok = err_field(e, ERR_CONFIG, "kafka." PASSWORD_FILE,
		    "kafka." PASSWORD_FILE
		    " %s: no password of 1 to %d characters in the first line",
		    path, PASSWORD_MAX);
	else
		ok = setting_apply(conf, "sasl.password", text, e);
	explicit_bzero(text, sizeof(text));
	return ok;
}

static MUST_USE bool
table_apply(rd_kafka_conf_t *conf, const struct default_setting *table, size_t count, unsigned role,
    struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if ((table[i].roles & role) == 0)
			continue;
		if (!setting_apply(conf, table[i].name, table[i].value, e))
			return false;
	}
	return true;
}

static MUST_USE bool
extra_apply(rd_kafka_conf_t *conf, const struct queue_setting *s, unsigned role, struct err *e)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (strcmp(s->name, refused[i]) == 0)
			return setting_refuse(
			    e, s->name, "cannot be set: certmill's promises rest on its own value");
	/* The callback of a group consumer speaks the eager protocol alone. */
	if (strcmp(s->name, "partition.assignment.strategy") == 0 &&
	    strstr(s->value, "cooperative") != NULL)
		return setting_refuse(e, s->name, "only range and roundrobin");
	if (strcmp(s->name, PASSWORD_FILE) == 0)
		return password_apply(conf, s->value, e);
	/* These belong to producers; a consumer would refuse them for what they say about transactions. */
	if (strncmp(s->name, "transaction.", 12) == 0 && (role & PRODUCER) == 0)
		return true;
	return setting_apply(conf, s->name, s->value, e);
}

static MUST_USE bool
settings_apply(rd_kafka_conf_t *conf, const struct queue_options *o,
    const struct queue_handle_spec *spec, struct err *e)
{
	if (!table_apply(conf, defaults, COUNT(defaults), spec->role, e) ||
	    !setting_apply(conf, "bootstrap.servers", o->brokers, e))
		return false;
	if (o->client_id != NULL && !setting_apply(conf, "client.id", o->client_id, e))
		return false;
	/* The mock answers an empty fetch only when this wait is over. */
	if (o->mock && (spec->role & CONSUMER) != 0 &&
	    !setting_apply(conf, "fetch.wait.max.ms", "5", e))
		return false;
	for (size_t i = 0; i < o->extra_count; i++)
		if (!extra_apply(conf, &o->extra[i], spec->role, e))
			return false;
	for (size_t i = 0; i < COUNT(spec->own) && spec->own[i].name != NULL; i++)
		if (!setting_apply(conf, spec->own[i].name, spec->own[i].value, e))
			return false;
	return table_apply(conf, fixed, COUNT(fixed), spec->role, e);
}

/* librdkafka found the whole wrong: its text names a setting, the longest of the user's own that stands in it. */
static bool
settings_blame(const struct queue_options *o, const char *why, struct err *e)
{
	const char *found = NULL;

	for (size_t i = 0; i < o->extra_count; i++)
		if (strstr(why, o->extra[i].name) != NULL &&
		    (found == NULL || strlen(o->extra[i].name) > strlen(found)))
			found = o->extra[i].name;
	if (found == NULL)
		return err_set(e, ERR_CONFIG, "kafka: %s", why);
	return setting_refuse(e, found, why);
}

/* ---- what librdkafka says by itself ---- */

static void
trouble_keep(struct queue_handle *h, const char *text)
{
	const char *behind = strstr(text, "]: "); /* "[thrd:...]: " */

	if (strncmp(text, "[thrd:", 6) == 0 && behind != NULL)
		text = behind + 3;
	pthread_mutex_lock(&h->lock);
	(void)snprintf(h->trouble, sizeof(h->trouble), "%s", text);
	pthread_mutex_unlock(&h->lock);
}

/* Called from librdkafka's threads; the level is syslog's. */
static void
log_received(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct queue_handle *h = rk == NULL ? NULL : rd_kafka_opaque(rk);

	if (h != NULL && level <= 4 &&
	    (strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0))
		trouble_keep(h, text);
	/* What matters comes back from the call that fails, and who called may log it. */
	log_event(LOG_DEBUG, "kafka_client", LOG_T("facility", facility), LOG_T("text", text));
}

/* Which setting is to be looked at: the login, or the CA by which the broker's certificate was judged. */
static void
refusal_keep(struct queue_handle *h, rd_kafka_resp_err_t code, const char *reason)
{
	const char *name = code == RD_KAFKA_RESP_ERR__AUTHENTICATION ? h->login
	    : code == RD_KAFKA_RESP_ERR__SSL && strstr(reason, "certificate verify failed") != NULL
	    ? "ssl.ca.location"
	    : "";

	if (name[0] == '\0')
		return;
	pthread_mutex_lock(&h->lock);
	(void)snprintf(h->refused, sizeof(h->refused), "kafka.%s", name);
	pthread_mutex_unlock(&h->lock);
}

static void
error_received(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	(void)rk;
	if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		trouble_keep(opaque, reason);
	refusal_keep(opaque, (rd_kafka_resp_err_t)code, reason);
}

static void
login_find(struct queue_handle *h, const struct queue_options *o)
{
	static const char *const names[] = { PASSWORD_FILE, "sasl.password", "sasl.username",
		"sasl.mechanism" };

	for (size_t i = COUNT(names); i-- > 0;)
		for (size_t j = 0; j < o->extra_count; j++)
			if (strcmp(o->extra[j].name, names[i]) == 0)
				(void)snprintf(h->login, sizeof(h->login), "%s", names[i]);
}

/* ---- life ---- */

bool
queue_handle_open(struct queue_handle *h, const struct queue_options *o,
    const struct queue_handle_spec *spec, struct err *e)
{
	SCOPED(rd_kafka_conf_t) conf = rd_kafka_conf_new();
	char text[200];

	pthread_mutex_init(&h->lock, NULL);
	h->mock = o->mock;
	login_find(h, o);
	if (!settings_apply(conf, o, spec, e))
		return false;
	rd_kafka_conf_set_opaque(conf, h);
	rd_kafka_conf_set_log_cb(conf, log_received);
	rd_kafka_conf_set_error_cb(conf, error_received);
	if (spec->rebalance != NULL)
		rd_kafka_conf_set_rebalance_cb(conf, spec->rebalance);
	if (spec->delivered != NULL)
		rd_kafka_conf_set_dr_msg_cb(conf, spec->delivered);
	h->rk = rd_kafka_new((spec->role & PRODUCER) != 0 ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
	    conf, text, sizeof(text));
	if (h->rk == NULL)
		return settings_blame(o, text, e);
	(void)TAKE(conf);
	/* Otherwise its events pile up in a queue that nobody serves. */
	if ((spec->role & (GROUP | READER)) != 0)
		rd_kafka_poll_set_consumer(h->rk);
	return true;
}

static void *
handle_destroy(void *rk)
{
	rd_kafka_destroy(rk);
	return NULL;
}

/* In a thread of its own: librdkafka 2.0 can wait for ever when it closes. */
bool
queue_handle_close(struct queue_handle *h)
{
	struct timespec until;
	pthread_t thread;

	if (h->rk != NULL) {
		if (pthread_create(&thread, NULL, handle_destroy, h->rk) != 0)
			return false;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += CLOSE_SECONDS;
		if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
			pthread_detach(thread);
			return false;
		}
		h->rk = NULL;
	}
	pthread_mutex_destroy(&h->lock);
	return true;
}

bool
queue_options_check(const struct queue_options *o, struct err *e)
{
	static const struct queue_handle_spec uses[] = {
		{ .role = GROUP, .own = { { "group.id", "check" } } },
		{ .role = TRANSACTIONS, .own = { { "transactional.id", "check" } } },
	};
	bool ok = true;

	for (size_t i = 0; ok && i < COUNT(uses); i++) {
		struct queue_handle *h = queue_alloc(1, sizeof(*h));

		ok = queue_handle_open(h, o, &uses[i], e);
		if (queue_handle_close(h))
			free(h);
	}
	return ok;
}
