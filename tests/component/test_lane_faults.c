/* A lane and the errors of a broker: what passes is survived in the session, what does not ends it, and no answer is lost. */
#include "lane_fixture.h"

/* Kafka's protocol numbers */
enum api {
	API_PRODUCE = 0,
	API_FETCH = 1,
	API_FIND_COORDINATOR = 10,
	API_HEARTBEAT = 12,
	API_ADD_PARTITIONS = 24,
	API_ADD_OFFSETS = 25,
	API_END_TXN = 26,
	API_TXN_OFFSETS = 28,
};
enum kafka_error {
	LEADER_NOT_AVAILABLE = 5,
	NOT_LEADER = 6,
	REQUEST_TIMED_OUT = 7,
	COORDINATOR_LOADING = 14,
	COORDINATOR_NOT_AVAILABLE = 15,
	NOT_COORDINATOR = 16,
	ILLEGAL_GENERATION = 22,
	REBALANCE_IN_PROGRESS = 27,
	TOPIC_AUTHORIZATION = 29,
	INVALID_TXN_STATE = 48,
	CONCURRENT_TRANSACTIONS = 51,
	TXN_ID_AUTHORIZATION = 53,
	PRODUCER_FENCED = 90,
};

static int
setup(void **state)
{
	*state = fleet_start();
	return 0;
}

static int
teardown(void **state)
{
	fleet_stop(*state);
	return 0;
}

struct fault {
	const char *name;
	enum api api;
	enum kafka_error error;
	size_t times;
};

static void
test_errors_that_pass(void **state)
{
	static const struct fault faults[] = {
		{ "partitions: coordinator loads", API_ADD_PARTITIONS, COORDINATOR_LOADING, 3 },
		{ "partitions: the last transaction is still ending", API_ADD_PARTITIONS,
		    CONCURRENT_TRANSACTIONS, 5 },
		{ "offsets: coordinator loads", API_ADD_OFFSETS, COORDINATOR_LOADING, 3 },
		{ "group offsets: coordinator loads", API_TXN_OFFSETS, COORDINATOR_LOADING, 3 },
		{ "group offsets: another coordinator", API_TXN_OFFSETS, NOT_COORDINATOR, 1 },
		{ "commit: coordinator loads", API_END_TXN, COORDINATOR_LOADING, 3 },
		{ "commit: another coordinator", API_END_TXN, NOT_COORDINATOR, 1 },
		{ "coordinator: none", API_FIND_COORDINATOR, COORDINATOR_NOT_AVAILABLE, 3 },
		{ "fetch: not leader", API_FETCH, NOT_LEADER, 3 },
		{ "fetch: no leader", API_FETCH, LEADER_NOT_AVAILABLE, 3 },
	};
	struct fleet *f = *state;

	lane_up(f, LANE_MINT);
	fleet_issue(f, "first");
	answer_expect(f, "before any fault", "first", NULL);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const char *id = arena_printf(&f->arena, "passes-%zu", i);

		queue_mock_errors(
		    f->mock, (int16_t)faults[i].api, (int)faults[i].error, faults[i].times);
		fleet_issue(f, id);
		answer_expect(f, faults[i].name, id, NULL);
		if (atomic_load(&f->shared.failed) != 0)
			fail_msg("%s: the lane ended", faults[i].name);
	}
}

/* Before the lane is up: the test's own producer would take them. */
static void
test_produce_errors_that_pass(void **state)
{
	struct fleet *f = *state;

	fleet_issue(f, "first");
	queue_mock_errors(f->mock, API_PRODUCE, NOT_LEADER, 2);
	queue_mock_errors(f->mock, API_PRODUCE, REQUEST_TIMED_OUT, 2);
	lane_up(f, LANE_MINT);
	answer_expect(f, "produce", "first", NULL);
	assert_int_equal(atomic_load(&f->shared.failed), 0);
}

/* A rebalance: the partition is taken again, in the same session. */
static void
test_rebalance(void **state)
{
	struct fleet *f = *state;

	lane_up(f, LANE_MINT);
	fleet_issue(f, "first");
	answer_expect(f, "before", "first", NULL);
	queue_mock_errors(f->mock, API_HEARTBEAT, REBALANCE_IN_PROGRESS, 1);
	usleep(500 * 1000); /* more than one heartbeat */
	fleet_issue(f, "second");
	answer_expect(f, "after", "second", NULL);
	assert_int_equal(atomic_load(&f->shared.failed), 0);
}

/* What was decided once is answered as it was decided, whoever publishes it. */
static void
expect_same(struct fleet *f, const char *name, const char *id)
{
	struct slice bytes = SLICE_NONE;

	for (const struct fleet_answer *a = f->answers; a != NULL; a = a->next) {
		if (!slice_is(a->id, id))
			continue;
		if (bytes.data != NULL && !slice_eq(bytes, a->bytes))
			fail_msg("%s: %s was answered in two ways", name, id);
		bytes = a->bytes;
	}
}

static void
test_errors_that_end_a_session(void **state)
{
	static const struct fault faults[] = {
		{ "produce: not authorised", API_PRODUCE, TOPIC_AUTHORIZATION, 1 },
		{ "partitions: id not authorised", API_ADD_PARTITIONS, TXN_ID_AUTHORIZATION, 1 },
		{ "group offsets: illegal generation", API_TXN_OFFSETS, ILLEGAL_GENERATION, 1 },
		{ "commit: invalid state", API_END_TXN, INVALID_TXN_STATE, 1 },
		{ "commit: fenced", API_END_TXN, PRODUCER_FENCED, 1 },
	};
	struct fleet *f = *state;

	for (size_t i = 0; i < COUNT(faults); i++) {
		fleet_issue(f, arena_printf(&f->arena, "ends-%zu", i));
		queue_mock_errors(
		    f->mock, (int16_t)faults[i].api, (int)faults[i].error, faults[i].times);
		lane_up(f, LANE_MINT);
		failed_wait(f, faults[i].name, (int)i + 1);
		lanes_down(f);
	}
	lane_up(f, LANE_MINT);
	fleet_issue(f, "last");
	answer_expect(f, "the lane after them", "last", NULL);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const char *id = arena_printf(&f->arena, "ends-%zu", i);

		answer_expect(f, faults[i].name, id, NULL);
		expect_same(f, faults[i].name, id);
	}
	assert_int_equal(atomic_load(&f->shared.failed), COUNT(faults));
	assert_false(atomic_load(&f->shared.view_lost));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_errors_that_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_produce_errors_that_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rebalance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_that_end_a_session, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
