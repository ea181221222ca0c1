/* queue against librdkafka's mock broker: a group's consumer, its offsets, and the probe. */
#include "mock_fixture.h"

/* Kafka's protocol numbers */
#define API_PRODUCE                0
#define API_TXN_OFFSETS            28
#define API_ADD_PARTITION          24
#define API_END_TXN                26
#define ERROR_REQUEST_TIMED_OUT    7
#define ERROR_TOO_LARGE            10
#define ERROR_COORDINATOR_LOADING  14
#define ERROR_ILLEGAL_GENERATION   22
#define ERROR_TOPIC_AUTHORIZATION  29
#define ERROR_PRODUCER_FENCED      90
#define ERROR_INVALID_TXN_STATE    48
#define ERROR_TXN_ID_AUTHORIZATION 53

static bool
refuse(void *opaque, const struct queue_position *at, size_t count, struct err *e)
{
	(void)opaque;
	(void)at;
	(void)count;
	return err_set(e, ERR_VIEW_LOST, "not today");
}

static void
test_group(void **state)
{
	const struct queue_position first[] = {
		{ "group", 0, 2, "1 7 3 abc" },
		{ "group", 1, 0, "" },
	};
	struct queue_producer *p = producer(NULL);
	struct seen seen = { 0 };
	struct queue_consumer *c;
	struct queue_group *g;
	int64_t offsets[64];

	(void)state;
	topic("group", 2);
	for (int i = 0; i < 5; i++)
		produce(p, "group", 0, L("k"), L("v"));
	flush(p);
	commit_first("clerks", first, 2);
	c = consumer("clerks", "group", &seen);
	assert_int_equal(poll_until(c, 3, offsets), 3);
	assert_int_equal(offsets[0], 2);
	assert_int_equal(seen.assigned, 1);
	assert_int_equal(seen.count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen.at[i].offset, first[seen.at[i].partition].offset);
		assert_string_equal(seen.at[i].metadata, first[seen.at[i].partition].metadata);
	}
	g = queue_group_snapshot(c);
	assert_non_null(g);
	queue_group_free(g);
	assert_false(queue_consumer_lost(c));
	queue_consumer_close(c, true);
	queue_producer_close(p);
}

static void
test_group_without_offset(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct seen seen = { 0 };
	struct queue_consumer *c;

	(void)state;
	topic("fresh", 1);
	produce(p, "fresh", 0, L("k"), L("v"));
	flush(p);
	c = consumer("nobody", "fresh", &seen);
	expect_poll_failure(c, ERR_CONFIG,
	    "group nobody has no committed offset on fresh/0: `certmill-worker topics`");
	assert_int_equal(seen.assigned, 0);
	queue_consumer_close(c, false);
	queue_producer_close(p);
}

static void
test_group_refused(void **state)
{
	const struct queue_position first[] = { { "refuse", 0, 0, "" } };
	const char *const topics[] = { "refuse" };
	const struct queue_consumer_spec spec = {
		.group = "refusers", .topics = topics, .topic_count = 1, .assigned = refuse
	};
	struct err e = { .code = ERR_NONE };
	struct queue_consumer *c;

	(void)state;
	topic("refuse", 1);
	commit_first("refusers", first, 1);
	c = queue_consumer_open(&options, &spec, &e);
	assert_non_null(c);
	expect_poll_failure(c, ERR_VIEW_LOST, "not today");
	queue_consumer_close(c, false);
}

/* A committed offset that the topic does not have (any more): the lane stops, it does not start over. */
static void
test_group_out_of_range(void **state)
{
	const struct queue_position first[] = { { "gone", 0, 77, "" } };
	struct seen seen = { 0 };
	struct queue_consumer *c;

	(void)state;
	topic("gone", 1);
	commit_first("lost", first, 1);
	c = consumer("lost", "gone", &seen);
	expect_poll_failure(c, ERR_QUEUE, "Offset out of range");
	queue_consumer_close(c, false);
}

static const struct offsets_case {
	const char *name;
	int error;
	enum err_code want;
} offsets_cases[] = {
	{ "good", 0, ERR_NONE },
	{ "the group has moved on", ERROR_ILLEGAL_GENERATION, ERR_FENCED },
	{ "another has the id", ERROR_PRODUCER_FENCED, ERR_SLOT_TAKEN },
	{ "not allowed", ERROR_TXN_ID_AUTHORIZATION, ERR_QUEUE },
};

static void
test_send_offsets(void **state)
{
	const struct queue_position at[] = { { "sent", 0, 0, "1 1 0" } };
	const struct queue_position none[] = { { "sent", 0, QUEUE_NO_OFFSET, "" } };
	struct seen seen = { 0 };
	struct queue_consumer *c;
	struct queue_group *g;

	(void)state;
	topic("sent", 1);
	topic("txn.sent", 1);
	commit_first("senders", at, 1);
	c = consumer("senders", "sent", &seen);
	join(c, &seen);
	g = queue_group_snapshot(c);
	for (size_t i = 0; i < COUNT(offsets_cases); i++) {
		const struct offsets_case *k = &offsets_cases[i];
		struct queue_producer *p = producer("sender");
		struct err e = { .code = ERR_NONE };

		assert_true(queue_begin(p, &e));
		produce(p, "txn.sent", 0, L("k"), L("v"));
		assert_false(queue_send_offsets(p, g, none, 1, &e));
		assert_false(queue_send_offsets(p, g, none, 0, &e));
		e = (struct err){ .code = ERR_NONE };
		queue_mock_errors(mock, API_TXN_OFFSETS, k->error, k->error == 0 ? 0 : 1);
		if (queue_send_offsets(p, g, at, 1, &e) != (k->want == ERR_NONE) ||
		    e.code != k->want)
			fail_msg("%s: want %s, got %s (%s)", k->name, err_name(k->want),
			    err_name(e.code), e.msg);
		if (e.code == ERR_NONE && !queue_commit(p, &e))
			fail_msg("%s: commit: %s", k->name, e.msg);
		queue_producer_close(p);
	}
	queue_group_free(g);
	queue_consumer_close(c, true);
}

/* ---- the probe ---- */

static void
test_probe(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct queue_probe *probe = queue_probe_open(&options, &e);
	struct queue_producer *p = producer(NULL);
	struct queue_topic_info info;
	struct queue_position at[] = { { "probe", 0, 5, "x" }, { "probe", 2, 5, "x" } };
	int64_t offset;
	int32_t count;

	(void)state;
	assert_non_null(probe);
	assert_true(queue_ping(probe, 5000, &e));
	topic("probe", 3);
	assert_true(queue_topic_info(probe, "probe", &info, &e));
	assert_true(info.exists);
	assert_int_equal(info.partitions, 3);
	assert_int_equal(info.replicas, 1);
	assert_true(queue_topic_info(probe, "probe.absent", &info, &e));
	assert_false(info.exists);
	assert_true(queue_topic_info(probe, "probe.absent", &info, &e));
	assert_false(info.exists);
	assert_true(queue_topic_count(probe, "probe", &count, &e));
	assert_int_equal(count, 3);
	assert_false(queue_topic_count(probe, "probe.absent", &count, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	produce(p, "probe", 1, L("k"), L("v"));
	flush(p);
	assert_true(queue_high_watermark(probe, "probe", 1, &offset, &e));
	assert_int_equal(offset, 1);
	assert_true(queue_low_watermark(probe, "probe", 1, &offset, &e));
	assert_int_equal(offset, 0);
	assert_false(queue_high_watermark(probe, "probe", 9, &offset, &e));
	assert_true(queue_group_offsets(probe, "strangers", at, 2, QUEUE_COMMITTED_MS, &e));
	assert_int_equal(at[0].offset, QUEUE_NO_OFFSET);
	assert_string_equal(at[0].metadata, "");
	at[1] = (struct queue_position){ "probe", 2, 1, "1 2 3" };
	assert_true(queue_group_commit(probe, "strangers", at + 1, 1, &e));
	at[1].offset = 0;
	assert_true(queue_group_offsets(probe, "strangers", at, 2, QUEUE_COMMITTED_MS, &e));
	assert_int_equal(at[0].offset, QUEUE_NO_OFFSET);
	assert_int_equal(at[1].offset, 1);
	assert_string_equal(at[1].metadata, "1 2 3");
	queue_producer_close(p);
	queue_probe_close(probe);
}

/* librdkafka tells of it at different levels, and asks whom it asked before: each call finds the new one by itself. */
static void
test_coordinator_has_moved(void **state)
{
	enum { API_OFFSET_COMMIT = 8, API_OFFSET_FETCH = 9, LOADING = 14, NOT_COORDINATOR = 16 };
	struct queue_position at = { "moved", 0, 5, "1 2 3" };
	struct err e = { .code = ERR_NONE };
	struct queue_probe *probe = queue_probe_open(&options, &e);

	(void)state;
	topic("moved", 1);
	for (int round = 0; round < 2; round++) {
		queue_mock_errors(mock, API_OFFSET_COMMIT, NOT_COORDINATOR, 1);
		at.offset = 5 + round;
		if (!queue_group_commit(probe, "movers", &at, 1, &e))
			fail_msg("commit: %s", e.msg);
		at.offset = 0;
		queue_mock_errors(mock, API_OFFSET_FETCH, NOT_COORDINATOR, 1);
		if (!queue_group_offsets(probe, "movers", &at, 1, QUEUE_COMMITTED_MS, &e))
			fail_msg("offsets: %s", e.msg);
		assert_int_equal(at.offset, 5 + round);
		queue_mock_errors(mock, API_OFFSET_FETCH, NOT_COORDINATOR, 1);
		if (!queue_group_stands(probe, "movers", &at, 1, 5000, &e))
			fail_msg("stands: %s", e.msg);
		queue_mock_errors(mock, API_OFFSET_FETCH, LOADING, 2); /* it is new there */
		if (!queue_group_offsets(probe, "movers", &at, 1, QUEUE_COMMITTED_MS, &e))
			fail_msg("offsets of one that loads: %s", e.msg);
	}
	queue_probe_close(probe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_group_without_offset),
		cmocka_unit_test(test_group_refused),
		cmocka_unit_test(test_group_out_of_range),
		cmocka_unit_test(test_send_offsets),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_coordinator_has_moved),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
