/* The same with librdkafka's mock broker. */
#ifndef CERTMILL_MOCK_FIXTURE_H
#define CERTMILL_MOCK_FIXTURE_H

#include "queue_fixture.h"

static struct queue_mock *mock;

static inline int
setup(void **state)
{
	struct err e = { .code = ERR_NONE };

	(void)state;
	mock = queue_mock_open(&e);
	if (mock == NULL)
		fail_msg("mock: %s", e.msg);
	options = (struct queue_options){ .brokers = queue_mock_brokers(mock), .mock = true };
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	queue_mock_close(mock);
	return 0;
}

static inline void
topic(const char *name, int32_t partitions)
{
	struct err e = { .code = ERR_NONE };

	if (!queue_mock_topic(mock, name, partitions, &e))
		fail_msg("topic %s: %s", name, e.msg);
}

#endif
