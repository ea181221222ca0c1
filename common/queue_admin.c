/* The probe: one handle that threads share. Every call waits on a queue of its own. */
#include "queue_internal.h"

#include <string.h>
#include <time.h>

#define CREATED_MS 15000 /* until a new topic's metadata is there */

/* clang-format off */
DEFINE_SCOPED(rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy)
DEFINE_SCOPED(rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy)
/* clang-format on */

struct queue_probe *
queue_probe_open(const struct queue_options *o, struct err *e)
{
	struct queue_probe *p = queue_alloc(1, sizeof(*p));
	/* In a group that it never joins: without one librdkafka up to 2.10 crashes when a group's offsets are asked for
	 * while its coordinator is not up yet (librdkafka#5040). */
	const struct queue_handle_spec handle = { .role = QUEUE_ROLE_PROBE,
		.own = { { "group.id", "certmill-probe" } } };

	p->options = *o;
	pthread_rwlock_init(&p->lock, NULL);
	if (queue_handle_open(&p->h, o, &handle, e))
		return p;
	queue_probe_close(p);
	return NULL;
}

void
queue_probe_close(struct queue_probe *p)
{
	if (p == NULL)
		return;
	queue_probe_close(p->groups);
	if (!queue_handle_close(&p->h))
		return;
	pthread_rwlock_destroy(&p->lock);
	free(p);
}

void
queue_probe_serve(struct queue_probe *p)
{
	rd_kafka_poll(p->h.rk, 0);
}

/* ---- watermarks ---- */

bool
queue_high_watermark(
    struct queue_probe *p, const char *topic, int32_t partition, int64_t *ret, struct err *e)
{
	queue_probe_serve(p);
	return queue_handle_offset(&p->h, topic, partition, RD_KAFKA_OFFSET_END, ret, e);
}

bool
queue_low_watermark(
    struct queue_probe *p, const char *topic, int32_t partition, int64_t *ret, struct err *e)
{
	queue_probe_serve(p);
	return queue_handle_offset(&p->h, topic, partition, RD_KAFKA_OFFSET_BEGINNING, ret, e);
}

bool
queue_offset_since(struct queue_probe *p, const char *topic, int32_t partition, int64_t since_ms,
    int64_t *ret, struct err *e)
{
	queue_probe_serve(p);
	return queue_handle_offset(&p->h, topic, partition, since_ms, ret, e) &&
	    (*ret != RD_KAFKA_OFFSET_END || queue_high_watermark(p, topic, partition, ret, e));
}

/* ---- topics ---- */

bool
queue_ping(struct queue_probe *p, int timeout_ms, struct err *e)
{
	queue_probe_serve(p);
	return queue_handle_ping(&p->h, timeout_ms, e);
}

bool
queue_blame(struct queue_probe *p, struct err *e)
{
	char name[sizeof(p->h.refused)], why[sizeof(p->h.trouble)];

	queue_probe_serve(p);
	pthread_mutex_lock(&p->h.lock);
	memcpy(name, p->h.refused, sizeof(name));
	memcpy(why, p->h.trouble, sizeof(why));
	pthread_mutex_unlock(&p->h.lock);
	return name[0] != '\0' && err_field(e, ERR_CONFIG, name, "%s: %s", name, why);
}

bool
queue_topic_info(
    struct queue_probe *p, const char *topic, struct queue_topic_info *ret, struct err *e)
{
	queue_probe_serve(p);
	return queue_handle_topic(&p->h, topic, ret, e);
}

bool
queue_topic_count(struct queue_probe *p, const char *topic, int32_t *ret, struct err *e)
{
	struct queue_topic_info info;

	if (!queue_topic_info(p, topic, &info, e))
		return false;
	*ret = info.partitions;
	return info.exists || err_set(e, ERR_QUEUE, "topic %s: no broker knows it", topic);
}

rd_kafka_event_t *
queue_admin_poll(rd_kafka_queue_t *answers, int timeout_ms)
{
	return rd_kafka_queue_poll(answers, timeout_ms + 5000); /* the request's own comes first */
}

bool
queue_admin_check(struct queue_probe *p, rd_kafka_event_t *event, const char *call, struct err *e)
{
	if (event == NULL)
		return queue_fail(&p->h, e, call, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(&p->h, e, call, rd_kafka_event_error(event),
		    rd_kafka_event_error_string(event));
	return true;
}

rd_kafka_event_t *
queue_admin_wait(struct queue_probe *p, rd_kafka_queue_t *answers, const char *call, int timeout_ms,
    struct err *e)
{
	SCOPED(rd_kafka_event_t) event = queue_admin_poll(answers, timeout_ms);

	return queue_admin_check(p, event, call, e) ? TAKE(event) : NULL;
}

rd_kafka_AdminOptions_t *
queue_admin_options(struct queue_probe *p, rd_kafka_admin_op_t op, int timeout_ms)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(p->h.rk, op);
	char text[100];

	(void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text));
	return options;
}

static MUST_USE bool
config_describe(struct queue_probe *p, const char *topic, rd_kafka_event_t **ret, struct err *e)
{
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(p, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, QUEUE_REQUEST_MS);
	SCOPED(rd_kafka_ConfigResource_t)
	resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);

	if (resource == NULL)
		return err_set(e, ERR_QUEUE, "settings: a topic without a name");
	rd_kafka_DescribeConfigs(p->h.rk, &resource, 1, options, answers);
	*ret = queue_admin_wait(p, answers, topic, QUEUE_REQUEST_MS, e);
	return *ret != NULL;
}

bool
queue_topic_config(struct queue_probe *p, const char *topic, const char *name, char *ret,
    size_t size, struct err *e)
{
	SCOPED(rd_kafka_event_t) event = NULL;
	const rd_kafka_ConfigResource_t **resources;
	const rd_kafka_ConfigEntry_t **entries;
	size_t count = 0;

	queue_probe_serve(p);
	if (!config_describe(p, topic, &event, e))
		return false;
	resources = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(event), &count);
	if (count != 1)
		return err_set(e, ERR_QUEUE, "settings of %s: no answer", topic);
	if (rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return queue_fail(&p->h, e, topic, rd_kafka_ConfigResource_error(resources[0]),
		    rd_kafka_ConfigResource_error_string(resources[0]));
	entries = rd_kafka_ConfigResource_configs(resources[0], &count);
	for (size_t i = 0; i < count; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) != 0)
			continue;
		if (value == NULL || strlen(value) >= size)
			return err_set(e, ERR_QUEUE, "%s of %s: no value of fewer than %zu bytes",
			    name, topic, size);
		memcpy(ret, value, strlen(value) + 1);
		return true;
	}
	return err_set(e, ERR_QUEUE, "topic %s has no setting %s", topic, name);
}

static MUST_USE bool
topic_make(
    struct queue_probe *p, const struct queue_topic_spec *t, rd_kafka_event_t **ret, struct err *e)
{
	SCOPED(rd_kafka_queue_t) answers = rd_kafka_queue_new(p->h.rk);
	SCOPED(rd_kafka_AdminOptions_t)
	options = queue_admin_options(p, RD_KAFKA_ADMIN_OP_CREATETOPICS, QUEUE_REQUEST_MS);
	char text[200];
	SCOPED(rd_kafka_NewTopic_t)
	topic = rd_kafka_NewTopic_new(t->name, t->partitions, t->replicas, text, sizeof(text));

	if (topic == NULL)
		return err_set(e, ERR_QUEUE, "topic %s: %s", t->name, text);
	for (size_t i = 0; i < t->config_count; i++)
		(void)rd_kafka_NewTopic_set_config(topic, t->config[i].name, t->config[i].value);
	/* the broker's own: until its controller has made it */
	(void)rd_kafka_AdminOptions_set_operation_timeout(
	    options, QUEUE_REQUEST_MS, text, sizeof(text));
	rd_kafka_CreateTopics(p->h.rk, &topic, 1, options, answers);
	*ret = queue_admin_wait(p, answers, t->name, QUEUE_REQUEST_MS, e);
	return *ret != NULL;
}

static MUST_USE bool
topic_wait(struct queue_probe *p, const struct queue_topic_spec *t, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t deadline = queue_now_ms() + CREATED_MS;
	struct queue_topic_info info;

	do {
		if (!queue_topic_info(p, t->name, &info, e))
			return false;
		if (info.exists)
			return true;
		(void)nanosleep(&pause, NULL);
	} while (queue_left_ms(deadline) > 0);
	return err_set(e, ERR_QUEUE, "topic %s was made but does not show", t->name);
}

bool
queue_topic_create(
    struct queue_probe *p, const struct queue_topic_spec *t, bool *ret_created, struct err *e)
{
	SCOPED(rd_kafka_event_t) event = NULL;
	const rd_kafka_topic_result_t **topics;
	rd_kafka_resp_err_t code;
	size_t count = 0;

	queue_probe_serve(p);
	if (!topic_make(p, t, &event, e))
		return false;
	topics = rd_kafka_CreateTopics_result_topics(
	    rd_kafka_event_CreateTopics_result(event), &count);
	if (count != 1)
		return err_set(e, ERR_QUEUE, "topic %s: no answer", t->name);
	code = rd_kafka_topic_result_error(topics[0]);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return queue_fail(
		    &p->h, e, t->name, code, rd_kafka_topic_result_error_string(topics[0]));
	*ret_created = code == RD_KAFKA_RESP_ERR_NO_ERROR;
	return topic_wait(p, t, e);
}
