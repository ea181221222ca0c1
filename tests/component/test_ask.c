/* libcertmill against a worker that this test plays, on librdkafka's mock broker. */
#include "mock_fixture.h"

#include "certmill.h"
#include "envelope.h"
#include "timespan.h"

#include <pthread.h>
#include <stdatomic.h>

/* Reads .issue and .config and answers by the request's op. */
struct fake {
	pthread_t thread;
	atomic_bool stop;
	struct queue_reader *requests[2];
	struct queue_producer *answers;
};

static struct fake fake;
static struct certmill *client;

/* cmocka's failures belong to the test's own thread. */
static void
fake_fail(const char *what, const struct err *e)
{
	fprintf(stderr, "fake worker: %s: %s\n", what, e->msg);
	abort();
}

static void
answer_write(const struct request_envelope *rq, struct writer *w)
{
	bool refuses = slice_is(rq->op, "refuse");

	writer_map(w, 6);
	writer_cstr(w, "v");
	writer_int(w, 1);
	writer_cstr(w, "id");
	writer_text(w, rq->id);
	writer_cstr(w, "op");
	writer_text(w, rq->op);
	writer_cstr(w, "mount");
	writer_text(w, rq->mount);
	writer_cstr(w, "status");
	writer_cstr(w, refuses ? "error" : "ok");
	writer_cstr(w, refuses ? "error" : "data");
	if (!refuses) {
		writer_map(w, 1);
		writer_cstr(w, "role");
		writer_text(w, rq->role);
		return;
	}
	writer_map(w, 4);
	writer_cstr(w, "code");
	writer_cstr(w, "name_not_allowed");
	writer_cstr(w, "message");
	writer_cstr(w, "the role does not allow it");
	writer_cstr(w, "field");
	writer_cstr(w, "common_name");
	writer_cstr(w, "retryable");
	writer_bool(w, false);
}

static void
fake_answer(const struct queue_message *m)
{
	const struct queue_header replayed = { "replayed", L("1") };
	struct arena SCOPED_ARENA a = { 0 };
	struct buf SCOPED_BUF bytes = { 0 };
	struct writer w = { &bytes };
	struct request_envelope rq = { 0 };
	struct err e = { 0 };

	if (!request_decode(m->value, &a, &rq, &e))
		fake_fail("request", &e);
	if (slice_is(rq.op, "silent"))
		return;
	buf_init(&bytes, 1 << 20);
	if (slice_is(rq.op, "garbage"))
		buf_add_text(&bytes, "\xc1");
	else
		answer_write(&rq, &w);
	struct queue_record r = {
		.topic = "t.responses",
		.partition = -1,
		.key = rq.id,
		.value = buf_slice(&bytes),
		.headers = &replayed,
		.header_count = slice_is(rq.op, "replay") ? 1 : 0,
	};
	if (!queue_produce(fake.answers, &r, &e) || !queue_flush(fake.answers, 5000, &e))
		fake_fail("answer", &e);
}

static void *
fake_run(void *opaque)
{
	struct queue_message *m;
	struct err e = { 0 };

	(void)opaque;
	for (int i = 0; !atomic_load(&fake.stop); i = !i) {
		if (!queue_reader_poll(fake.requests[i], 10, &m, &e))
			fake_fail("poll", &e);
		if (m == NULL)
			continue;
		fake_answer(m);
		queue_message_free(m);
	}
	return NULL;
}

static int
start(void **state)
{
	const struct certmill_options o = {
		.brokers = queue_mock_brokers(mock), .prefix = "t", .mock = true
	};
	struct err e = { 0 };

	(void)state;
	fake = (struct fake){ 0 };
	fake.requests[0] = reader("t.issue", -1, QUEUE_FROM_END);
	fake.requests[1] = reader("t.config", -1, QUEUE_FROM_END);
	fake.answers = producer(NULL);
	if (pthread_create(&fake.thread, NULL, fake_run, NULL) != 0)
		fail_msg("pthread_create");
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
	atomic_store(&fake.stop, true);
	pthread_join(fake.thread, NULL);
	queue_producer_close(fake.answers);
	queue_reader_close(fake.requests[0]);
	queue_reader_close(fake.requests[1]);
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

	if (!certmill_await(client, id, 5000, &answer, &e))
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
	if (took < 290 || took > 2000)
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
	int64_t begin = time_monotonic_us();

	assert_null(certmill_open(o, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	if (strstr(e.msg, words) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", words, e.msg);
	if (time_monotonic_us() - begin > 6000000)
		fail_msg("it took %lld ms", (long long)(time_monotonic_us() - begin) / 1000);
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
		cmocka_unit_test_setup_teardown(test_keys, start, stop),
		cmocka_unit_test_setup_teardown(test_limits, start, stop),
		cmocka_unit_test(test_no_broker),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, world, teardown);
}
