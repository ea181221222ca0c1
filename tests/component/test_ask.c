/* libcertmill against a worker that this test plays, on librdkafka's mock broker. */
#include "mock_fixture.h"

#include "certmill.h"
#include "fake_worker.h"
#include "timespan.h"

static struct certmill *client;

/* Answers by the request's op. */
static enum fake_answer
decide(const struct request_envelope *rq, struct writer *data)
{
	writer_map(data, 1);
	writer_cstr(data, "role");
	writer_text(data, rq->role);
	if (slice_is(rq->op, "silent"))
		return FAKE_SILENT;
	if (slice_is(rq->op, "garbage"))
		return FAKE_GARBAGE;
	if (slice_is(rq->op, "refuse"))
		return FAKE_REFUSED;
	return slice_is(rq->op, "replay") ? FAKE_REPLAYED : FAKE_OK;
}

static int
start(void **state)
{
	static const char *const topics[] = { "t.issue", "t.config" };
	const struct certmill_options o = {
		.brokers = queue_mock_brokers(mock), .prefix = "t", .mock = true
	};
	struct err e = { 0 };

	(void)state;
	fake_start(topics, COUNT(topics), decide);
	client = certmill_open(&o, &e);
	if (client == NULL)
		fail_msg("open: %s", e.msg);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	certmill_close(client);
	fake_stop();
	return 0;
}

static void
ask(const char *op, const char *id, char ret_id[static CERTMILL_ID_SIZE])
{
	const struct certmill_request rq = {
		.topic = CERTMILL_ISSUE, .id = id, .op = op, .role = "web"
	};
	struct err e = { 0 };

	if (!certmill_ask(client, &rq, ret_id, &e))
		fail_msg("ask %s: %s", op, e.msg);
}

static struct certmill_answer
await(const char *id)
{
	struct certmill_answer answer = { 0 };
	struct err e = { 0 };

	if (!certmill_await(client, id, 60000, &answer, &e))
		fail_msg("await %s: %s", id, e.msg);
	assert_string_equal(answer.id, id);
	return answer;
}

static void
test_answered(void **state)
{
	char id[CERTMILL_ID_SIZE];
	struct certmill_answer answer;

	(void)state;
	ask("issue", NULL, id);
	assert_int_equal(strlen(id), 36);
	answer = await(id);
	assert_true(answer.ok);
	assert_false(answer.replayed);
	/* {"role": "web"} */
	assert_memory_equal(answer.data.data, "\x81\xa4role\xa3web", answer.data.len);
	certmill_answer_done(&answer);
}

static void
test_refused(void **state)
{
	char id[CERTMILL_ID_SIZE];
	struct certmill_answer answer;

	(void)state;
	ask("refuse", "my own id", id);
	assert_string_equal(id, "my own id");
	answer = await(id);
	assert_false(answer.ok);
	assert_true(slice_is(answer.code, "name_not_allowed"));
	assert_true(slice_is(answer.field, "common_name"));
	assert_true(slice_is(answer.message, "the role does not allow it"));
	assert_false(answer.retryable);
	certmill_answer_done(&answer);
}

/* The answers come in one order, and are awaited in another. */
static void
test_many(void **state)
{
	char ids[50][CERTMILL_ID_SIZE];
	struct certmill_answer answer;

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++)
		ask(i % 2 == 0 ? "issue" : "refuse", NULL, ids[i]);
	for (size_t i = COUNT(ids); i-- > 0;) {
		answer = await(ids[i]);
		assert_int_equal(answer.ok, i % 2 == 0);
		certmill_answer_done(&answer);
	}
}

/* The same id twice is two messages, and two answers. */
static void
test_resent(void **state)
{
	char id[CERTMILL_ID_SIZE];
	struct certmill_answer answer;
	struct err e = { 0 };

	(void)state;
	ask("issue", "again", id);
	ask("replay", "again", id);
	answer = await(id);
	assert_false(answer.replayed);
	certmill_answer_done(&answer);
	answer = await(id);
	assert_true(answer.replayed);
	certmill_answer_done(&answer);
	assert_false(certmill_await(client, id, 100, &answer, &e));
	assert_int_equal(e.code, ERR_INVALID_VALUE);
}

static void
test_timeout(void **state)
{
	char silent[CERTMILL_ID_SIZE], id[CERTMILL_ID_SIZE];
	struct certmill_answer answer = { 0 };
	int64_t begin = time_monotonic_us(), took;
	struct err e = { 0 };

	(void)state;
	ask("silent", NULL, silent);
	assert_false(certmill_await(client, silent, 300, &answer, &e));
	took = (time_monotonic_us() - begin) / 1000;
	assert_int_equal(e.code, ERR_TIMEOUT);
	if (took < 290)
		fail_msg("expected 300 ms, it took %lld", (long long)took);
	ask("issue", NULL, id);
	answer = await(id);
	assert_true(answer.ok);
	certmill_answer_done(&answer);
}

static void
test_garbage(void **state)
{
	char id[CERTMILL_ID_SIZE];
	struct certmill_answer answer = { 0 };
	struct err e = { 0 };

	(void)state;
	ask("garbage", NULL, id);
	assert_false(certmill_await(client, id, 5000, &answer, &e));
	assert_int_equal(e.code, ERR_MALFORMED);
	assert_null(answer.message_);
}

/* nobody could answer them: they would be waited for in vain */
static void
test_ids_that_are_none(void **state)
{
	static const char *const ids[] = { "", "\xff", "a\xc3", "\xed\xa0\x80",
		"0123456789012345678901234567890123456789012345678901234567890123x" };

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		const struct certmill_request rq = {
			.topic = CERTMILL_ISSUE, .id = ids[i], .op = "issue"
		};
		char id[CERTMILL_ID_SIZE];
		struct err e = { 0 };

		if (certmill_ask(client, &rq, id, &e))
			fail_msg("id %zu is taken", i);
		assert_string_equal(e.field, "id");
	}
}

/* The key decides the home partition: the id, but the mount for what is kept in order by mount. */
static void
test_keys(void **state)
{
	struct certmill_request rq = {
		.topic = CERTMILL_CONFIG, .op = "role/write", .mount = "m1", .role = "web"
	};
	struct queue_reader *r = reader("t.config", -1, QUEUE_FROM_END);
	char id[CERTMILL_ID_SIZE];
	struct certmill_answer answer;
	struct queue_message *m;
	struct err e = { 0 };

	(void)state;
	assert_true(certmill_ask(client, &rq, id, &e));
	answer = await(id);
	certmill_answer_done(&answer);
	m = next(r);
	assert_true(slice_is(m->key, "m1"));
	queue_message_free(m);
	queue_reader_close(r);
}

static void
test_limits(void **state)
{
	static char long_id[CERTMILL_ID_SIZE + 1], big[REQUEST_MAX];
	struct certmill_request rq = { .topic = CERTMILL_ISSUE, .op = "issue", .id = long_id };
	char id[CERTMILL_ID_SIZE];
	struct err e = { 0 };

	(void)state;
	memset(long_id, 'x', sizeof(long_id) - 1);
	assert_false(certmill_ask(client, &rq, id, &e));
	assert_int_equal(e.code, ERR_OUT_OF_RANGE);
	rq.id = "";
	assert_false(certmill_ask(client, &rq, id, &e));
	rq.id = NULL;
	rq.params = slice_of(big, sizeof(big));
	assert_false(certmill_ask(client, &rq, id, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
}

static void
open_fails(const struct certmill_options *o, const char *words)
{
	struct err e = { 0 };

	assert_null(certmill_open(o, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	if (strstr(e.msg, words) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", words, e.msg);
}

static void
test_no_broker(void **state)
{
	(void)state;
	open_fails(&(struct certmill_options){ .brokers = "127.0.0.1:1" }, "127.0.0.1:1");
}

static void
test_ids(void **state)
{
	char one[CERTMILL_ID_SIZE], two[CERTMILL_ID_SIZE];

	(void)state;
	certmill_new_id(one);
	certmill_new_id(two);
	assert_int_equal(strlen(one), 36);
	assert_int_equal(one[14], '7');
	assert_non_null(strchr("89ab", one[19]));
	assert_string_not_equal(one, two);
	/* the time stands first: ids of the same minute begin alike */
	assert_memory_equal(one, two, 6);
}

static int
world(void **state)
{
	setup(state);
	topic("t.issue", 3);
	topic("t.config", 2);
	topic("t.responses", 2);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answered, start, stop),
		cmocka_unit_test_setup_teardown(test_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_many, start, stop),
		cmocka_unit_test_setup_teardown(test_resent, start, stop),
		cmocka_unit_test_setup_teardown(test_timeout, start, stop),
		cmocka_unit_test_setup_teardown(test_garbage, start, stop),
		cmocka_unit_test_setup_teardown(test_ids_that_are_none, start, stop),
		cmocka_unit_test_setup_teardown(test_keys, start, stop),
		cmocka_unit_test_setup_teardown(test_limits, start, stop),
		cmocka_unit_test(test_no_broker),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, world, teardown);
}
