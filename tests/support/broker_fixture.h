/* The same with a real broker, which CERTMILL_TEST_BROKERS names. Topics and groups are new ones in each run. */
#ifndef CERTMILL_BROKER_FIXTURE_H
#define CERTMILL_BROKER_FIXTURE_H

#include "queue_fixture.h"

#include <unistd.h>

static struct queue_probe *probe;
static char made_name[64];

static inline int
setup(void **state)
{
	struct err e = { .code = ERR_NONE };

	(void)state;
	options = (struct queue_options){ .brokers = getenv("CERTMILL_TEST_BROKERS") };
	if (options.brokers == NULL)
		fail_msg("CERTMILL_TEST_BROKERS does not say where a broker is");
	probe = queue_probe_open(&options, &e);
	if (probe == NULL || !queue_ping(probe, 10000, &e))
		fail_msg("%s: %s", options.brokers, e.msg);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	queue_probe_close(probe);
	return 0;
}

/* A name that nobody else has; good until the next call. */
static inline const char *
unique(const char *name)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(made_name, sizeof(made_name), "%s-%d-%lld%09ld", name, (int)getpid(),
	    (long long)now.tv_sec, now.tv_nsec);
	return made_name;
}

/* Makes a topic and writes its name into ret. */
static inline void
make_topic(const char *name, int32_t partitions, const char *setting, const char *value,
    char ret[static 64])
{
	const struct queue_setting config[] = { { setting, value } };
	struct queue_topic_spec spec = { .name = ret,
		.partitions = partitions,
		.replicas = 1,
		.config = config,
		.config_count = setting == NULL ? 0 : 1 };
	struct err e = { .code = ERR_NONE };
	bool created = false;

	(void)snprintf(ret, 64, "%s", unique(name));
	if (!queue_topic_create(probe, &spec, &created, &e))
		fail_msg("topic %s: %s", ret, e.msg);
	assert_true(created);
}

static inline int64_t
high_watermark(const char *topic, int32_t partition)
{
	struct err e = { .code = ERR_NONE };
	int64_t offset = -1;

	if (!queue_high_watermark(probe, topic, partition, &offset, &e))
		fail_msg("watermark: %s", e.msg);
	return offset;
}

static inline int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
