/* librdkafka's own broker, inside the process. What it cannot do: transactional offsets, hiding what was aborted, fencing. */
#include "queue_internal.h"

#include <librdkafka/rdkafka_mock.h>

struct queue_mock {
	struct queue_handle h; /* of a client that only lends its threads */
	rd_kafka_mock_cluster_t *cluster;
};

struct queue_mock *
queue_mock_open(struct err *e)
{
	struct queue_mock *m = queue_alloc(1, sizeof(*m));
	const struct queue_options o = { .brokers = "" };
	const struct queue_handle_spec handle = { .role = QUEUE_ROLE_PRODUCER };

	if (queue_handle_open(&m->h, &o, &handle, e)) {
		m->cluster = rd_kafka_mock_cluster_new(m->h.rk, 1);
		if (m->cluster != NULL)
			return m;
		(void)err_set(e, ERR_QUEUE, "the mock broker does not start");
	}
	queue_mock_close(m);
	return NULL;
}

const char *
queue_mock_brokers(const struct queue_mock *m)
{
	return rd_kafka_mock_cluster_bootstraps(m->cluster);
}

bool
queue_mock_topic(struct queue_mock *m, const char *topic, int32_t partitions, struct err *e)
{
	rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1);

	return code == RD_KAFKA_RESP_ERR_NO_ERROR || queue_fail(&m->h, e, topic, code, NULL);
}

void
queue_mock_errors(struct queue_mock *m, int16_t api_key, int error, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)error;

		rd_kafka_mock_push_request_errors_array(m->cluster, api_key, 1, &code);
	}
}

void
queue_mock_close(struct queue_mock *m)
{
	if (m == NULL)
		return;
	if (m->cluster != NULL)
		rd_kafka_mock_cluster_destroy(m->cluster);
	if (queue_handle_close(&m->h))
		free(m);
}
