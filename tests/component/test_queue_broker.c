/* queue against a real broker: topics, settings, groups and their members. */
#include "broker_fixture.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- topics ---- */

static void
test_topic_create(void **state)
{
	const struct queue_setting config[] = { { "cleanup.policy", "compact" },
		{ "message.timestamp.type", "LogAppendTime" }, { "retention.ms", "86400000" } };
	char name[64], value[64], small[4];
	struct queue_topic_spec spec = {
		.name = name, .partitions = 3, .replicas = 1, .config = config, .config_count = 3
	};
	struct err e = { .code = ERR_NONE };
	struct queue_topic_info info;
	bool created = false;

	(void)state;
	(void)snprintf(name, sizeof(name), "%s", unique("created"));
	assert_true(queue_topic_info(probe, name, &info, &e));
	assert_false(info.exists);
	assert_true(queue_topic_create(probe, &spec, &created, &e));
	assert_true(created);
	assert_true(queue_topic_create(probe, &spec, &created, &e));
	assert_false(created);
	assert_true(queue_topic_info(probe, name, &info, &e));
	assert_true(info.exists);
	assert_int_equal(info.partitions, 3);
	assert_int_equal(info.replicas, 1);
	for (size_t i = 0; i < COUNT(config); i++) {
		if (!queue_topic_config(probe, name, config[i].name, value, sizeof(value), &e))
			fail_msg("%s: %s", config[i].name, e.msg);
		assert_string_equal(value, config[i].value);
	}
	assert_true(
	    queue_topic_config(probe, name, "min.insync.replicas", value, sizeof(value), &e));
	assert_string_equal(value, "1");
	assert_false(queue_topic_config(probe, name, "no.such", value, sizeof(value), &e));
	assert_false(queue_topic_config(probe, name, "retention.ms", small, sizeof(small), &e));
	assert_int_equal(e.code, ERR_QUEUE);
}

static void
test_topic_refused(void **state)
{
	const struct queue_setting config[] = { { "cleanup.policy", "nonsense" } };
	char name[64];
	struct queue_topic_spec spec = { .name = name, .partitions = 1, .replicas = 7 };
	struct err e = { .code = ERR_NONE };
	struct queue_topic_info info;
	char value[8];
	bool created = true;

	(void)state;
	(void)snprintf(name, sizeof(name), "%s", unique("refused"));
	assert_false(queue_topic_create(probe, &spec, &created, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	if (strstr(e.msg, "replication factor") == NULL)
		fail_msg("replicas: %s", e.msg);
	spec.replicas = 1;
	spec.config = config;
	spec.config_count = 1;
	assert_false(queue_topic_create(probe, &spec, &created, &e));
	if (strstr(e.msg, "nonsense") == NULL)
		fail_msg("setting: %s", e.msg);
	assert_false(queue_topic_config(probe, name, "retention.ms", value, sizeof(value), &e));
	/* asking made nothing, and a name that no topic can have is only absent */
	assert_true(queue_topic_info(probe, name, &info, &e));
	assert_false(info.exists);
	assert_true(queue_topic_info(probe, "a/b", &info, &e));
	assert_false(info.exists);
}

/* The broker's own clock, whatever the sender says. */
static void
test_append_time(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_message *m;
	struct queue_reader *r;
	int64_t now = (int64_t)time(NULL) * 1000;
	char name[64];

	(void)state;
	make_topic("stamped", 1, "message.timestamp.type", "LogAppendTime", name);
	produce(p, name, 0, L("k"), L("v"));
	flush(p);
	r = reader(name, -1, QUEUE_FROM_START);
	m = next(r);
	if (m->timestamp_ms < now - 2000 || m->timestamp_ms > now + 60000)
		fail_msg("timestamp %lld, now %lld", (long long)m->timestamp_ms, (long long)now);
	queue_message_free(m);
	queue_reader_close(r);
	queue_producer_close(p);
}

static uint8_t *
noise(size_t len)
{
	uint8_t *data = malloc(len);
	uint32_t x = 1;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
	return data;
}

/* 60 MB through a topic of 64 MiB; and a topic's own limit is the broker's to say. */
static void
test_large(void **state)
{
	const size_t len = 60000000;
	uint8_t SCOPED_FREE *data = noise(len);
	struct queue_producer *p = producer(NULL);
	struct err e = { .code = ERR_NONE };
	char large[64], plain[64];
	struct queue_message *m;
	struct queue_reader *r;

	(void)state;
	make_topic("large", 1, "max.message.bytes", "67108864", large);
	make_topic("plain", 1, NULL, NULL, plain);
	produce(p, large, 0, L("k"), slice_of(data, len));
	flush(p);
	r = reader(large, -1, QUEUE_FROM_START);
	m = next(r);
	assert_int_equal(m->value.len, len);
	assert_memory_equal(m->value.data, data, len);
	queue_message_free(m);
	queue_reader_close(r);
	produce(p, plain, 0, L("k"), slice_of(data, 2000000));
	assert_false(queue_flush(p, 10000, &e));
	assert_string_equal(e.msg, "delivery: Broker: Message size too large");
	queue_producer_close(p);
}

/* ---- groups ---- */

static void
test_group_offsets(void **state)
{
	struct queue_position at[] = { { .partition = 0 }, { .partition = 1 } };
	struct queue_position set[] = { { .partition = 1, .offset = 5 } };
	struct err e = { .code = ERR_NONE };
	char name[64];

	(void)state;
	make_topic("offsets", 2, NULL, NULL, name);
	at[0].topic = at[1].topic = set[0].topic = name;
	assert_true(queue_group_offsets(probe, name, at, 2, QUEUE_COMMITTED_MS, &e));
	assert_int_equal(at[0].offset, QUEUE_NO_OFFSET);
	assert_int_equal(at[1].offset, QUEUE_NO_OFFSET);
	/* as long as the contract allows */
	memset(set[0].metadata, 'm', QUEUE_METADATA_MAX - 1);
	assert_true(queue_group_commit(probe, name, set, 1, &e));
	assert_true(queue_group_offsets(probe, name, at, 2, QUEUE_COMMITTED_MS, &e));
	assert_int_equal(at[0].offset, QUEUE_NO_OFFSET);
	assert_int_equal(at[1].offset, 5);
	assert_string_equal(at[1].metadata, set[0].metadata);
	set[0] = (struct queue_position){ name, 1, 0, "1 0 0" };
	assert_true(queue_group_commit(probe, name, set, 1, &e));
	assert_true(queue_group_offsets(probe, name, at, 2, QUEUE_COMMITTED_MS, &e));
	assert_int_equal(at[1].offset, 0);
	assert_string_equal(at[1].metadata, "1 0 0");
}

static void
make_group(const char *name, int32_t partitions, char ret[static 64])
{
	struct queue_position first[4] = { { .offset = 0 } };

	make_topic(name, partitions, NULL, NULL, ret);
	for (int32_t i = 0; i < partitions; i++)
		first[i] = (struct queue_position){ ret, i, 0, "1 0 0" };
	commit_first(ret, first, (size_t)partitions);
}

/* A commit from outside is refused while the group has members. */
static void
test_group_with_members(void **state)
{
	const char *const none = NULL;
	struct queue_position set[] = { { .partition = 0, .offset = 3 } };
	struct err e = { .code = ERR_NONE };
	struct seen seen = { 0 };
	struct queue_consumer *c;
	char name[64];

	(void)state;
	make_group("members", 1, name);
	set[0].topic = name;
	c = consumer_as(none, name, name, &seen);
	join(c, &seen);
	assert_false(queue_group_commit(probe, name, set, 1, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	queue_consumer_close(c, true);
	if (!queue_group_commit(probe, name, set, 1, &e))
		fail_msg("after the last member left: %s", e.msg);
}

static void
test_group_without_offset(void **state)
{
	struct seen seen = { 0 };
	struct queue_consumer *c;
	char name[64], want[200];

	(void)state;
	make_topic("fresh", 1, NULL, NULL, name);
	(void)snprintf(want, sizeof(want), "group %s has no committed offset on %s/0", name, name);
	c = consumer(name, name, &seen);
	expect_poll_failure(c, ERR_CONFIG, want);
	assert_int_equal(seen.assigned, 0);
	queue_consumer_close(c, true);
}

static int64_t
join_ms(struct queue_consumer *c, const struct seen *seen)
{
	int64_t start = now_ms();

	join(c, seen);
	return now_ms() - start;
}

/* The same instance again: it has its partitions back at once, however it went. */
static void
test_static_rejoin(void **state)
{
	char name[64];

	(void)state;
	make_group("rejoin", 2, name);
	for (int i = 0; i < 3; i++) {
		struct seen seen = { 0 };
		struct queue_consumer *c = consumer(name, name, &seen);
		int64_t took = join_ms(c, &seen);

		assert_int_equal(seen.count, 2);
		if (took > 9000)
			fail_msg("round %d: rejoined after %lld ms", i, (long long)took);
		queue_consumer_close(c, false);
	}
}

/* One that leaves hands over at once; its session would last ten seconds. */
static void
test_leave(void **state)
{
	struct seen first = { 0 }, second = { 0 };
	struct queue_consumer *c, *heir;
	int64_t took;
	char name[64];

	(void)state;
	make_group("leave", 2, name);
	c = consumer_as("slot-a", name, name, &first);
	join(c, &first);
	queue_consumer_close(c, true);
	heir = consumer_as("slot-b", name, name, &second);
	took = join_ms(heir, &second);
	assert_int_equal(second.count, 2);
	if (took > 9000)
		fail_msg("inherited after %lld ms", (long long)took);
	queue_consumer_close(heir, true);
}

/* Two with the same instance: the first is told. Whether that is a double, the transactional id says. */
static void
test_double(void **state)
{
	struct seen first = { 0 }, second = { 0 };
	struct queue_producer *p, *double_of_p;
	struct queue_consumer *c, *twin;
	struct queue_group *g;
	char name[64];

	(void)state;
	make_group("double", 1, name);
	p = producer(name);
	c = consumer(name, name, &first);
	join(c, &first);
	twin = consumer(name, name, &second);
	join(twin, &second);
	expect_poll_failure(c, ERR_FENCED, "group.instance.id");
	g = queue_group_snapshot(c);
	assert_false(queue_producer_taken(p, g, name));
	double_of_p = producer(name);
	assert_true(queue_producer_taken(p, g, name));
	queue_group_free(g);
	queue_producer_close(p);
	queue_producer_close(double_of_p);
	queue_consumer_close(c, false);
	queue_consumer_close(twin, true);
}

static void
poll_once(struct queue_consumer *c)
{
	struct queue_message *batch[1];
	struct err e = { .code = ERR_NONE };
	size_t count;

	if (!queue_consumer_poll(c, 50, batch, 1, &count, &e))
		fail_msg("poll: %s", e.msg);
	assert_int_equal(count, 0);
}

/* ---- a rebalance in the middle of a poll ---- */

static void *
second_member(void *name)
{
	struct seen seen = { 0 };
	struct queue_consumer *c = consumer_as("slot-b", name, name, &seen);

	join(c, &seen);
	queue_consumer_close(c, false);
	return NULL;
}

static size_t
poll_many(struct queue_consumer *c, size_t max, int64_t *ret)
{
	struct queue_message *batch[64];
	struct err e = { .code = ERR_NONE };
	size_t count = 0;

	if (!queue_consumer_poll(c, 100, batch, max, &count, &e))
		fail_msg("poll: %s", e.msg);
	for (size_t i = 0; i < count; i++) {
		ret[i] = batch[i]->offset;
		queue_message_free(batch[i]);
	}
	return count;
}

/*
 * The first message of a poll was taken before its partition was revoked and assigned again: it stands behind those that are
 * read anew from the committed offset, and must not come before them. The member is held up behind that message, until it has
 * heard of the other, and in the rebalance, so that one call serves all of it.
 */
static void
test_rebalance_in_a_poll(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct seen seen = { 0 };
	struct queue_consumer *c;
	int64_t offsets[64], deadline;
	size_t count = 0;
	pthread_t other;
	char name[64];

	(void)state;
	make_group("middle", 2, name);
	for (int i = 0; i < 200; i++)
		produce(p, name, 0, L("k"), L("v"));
	flush(p);
	c = consumer_as(
	    "slot-a", name, name, &seen); /* whose name comes first has the first partition */
	for (deadline = now_ms() + 20000; count == 0 && now_ms() < deadline;)
		count = poll_many(c, 3, offsets);
	assert_int_equal(seen.count, 2);
	assert_int_equal(offsets[0], 0);
	assert_int_equal(pthread_create(&other, NULL, second_member, name), 0);
	assert_int_equal(setenv("CERTMILL_FAILPOINT", "gather=wait,rebalanced=wait", 1), 0);
	for (deadline = now_ms() + 60000; seen.assigned < 2 && now_ms() < deadline;)
		count = poll_many(c, 3, offsets);
	assert_int_equal(unsetenv("CERTMILL_FAILPOINT"), 0);
	assert_int_equal(seen.assigned, 2);
	assert_int_equal(seen.count, 1);
	for (deadline = now_ms() + 20000; count == 0 && now_ms() < deadline;)
		count = poll_many(c, 64, offsets);
	assert_int_equal(count > 0, 1);
	assert_int_equal(offsets[0], 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	queue_consumer_close(c, true);
	queue_producer_close(p);
}

/* Two members share; when one goes the other has all: revoked, then assigned anew. */
static void
test_share(void **state)
{
	struct seen a = { 0 }, b = { 0 };
	struct queue_consumer *ca, *cb;
	int64_t deadline = now_ms() + 20000;
	char name[64];

	(void)state;
	make_group("share", 2, name);
	ca = consumer_as("slot-a", name, name, &a);
	cb = consumer_as("slot-b", name, name, &b);
	while ((a.count != 1 || b.count != 1) && now_ms() < deadline) {
		poll_once(ca);
		poll_once(cb);
	}
	assert_int_equal(a.count, 1);
	assert_int_equal(b.count, 1);
	assert_int_not_equal(a.at[0].partition, b.at[0].partition);
	queue_consumer_close(ca, true);
	while (b.count != 2 && now_ms() < deadline)
		poll_once(cb);
	assert_int_equal(b.count, 2);
	assert_true(b.revoked > 0);
	queue_consumer_close(cb, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topic_create),
		cmocka_unit_test(test_topic_refused),
		cmocka_unit_test(test_append_time),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_group_offsets),
		cmocka_unit_test(test_group_with_members),
		cmocka_unit_test(test_group_without_offset),
		cmocka_unit_test(test_static_rejoin),
		cmocka_unit_test(test_leave),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_rebalance_in_a_poll),
		cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
