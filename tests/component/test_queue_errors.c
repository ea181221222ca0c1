/* queue against librdkafka's mock broker: which settings are refused, and which errors come how. */
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

/* ---- settings ---- */

static const struct setting_case {
	const char *name, *value, *want; /* NULL: it is taken */
} setting_cases[] = {
	/* clang-format off */
	{ "isolation.level", "read_uncommitted", "kafka.isolation.level: cannot be set" },
	{ "enable.auto.commit", "true", "kafka.enable.auto.commit: cannot be set" },
	{ "auto.offset.reset", "earliest", "kafka.auto.offset.reset: cannot be set" },
	{ "transactional.id", "x", "kafka.transactional.id: cannot be set" },
	{ "group.id", "x", "kafka.group.id: cannot be set" },
	{ "group.instance.id", "x", "kafka.group.instance.id: cannot be set" },
	{ "enable.idempotence", "false", "kafka.enable.idempotence: cannot be set" },
	{ "enable.partition.eof", "false", "kafka.enable.partition.eof: cannot be set" },
	{ "partition.assignment.strategy", "cooperative-sticky", "kafka.partition.assignment.strategy" },
	{ "partitioner", "random", "kafka.partitioner: cannot be set" },
	{ "no.such.setting", "1", "kafka.no.such.setting" },
	{ "socket.timeout.ms", "soon", "kafka.socket.timeout.ms" },
	{ "compression.codec", "lz4", NULL },
	{ "session.timeout.ms", "6000", NULL },
	{ "transaction.timeout.ms", "12000", NULL },
	{ "partition.assignment.strategy", "roundrobin", NULL },
	/* clang-format on */
};

static bool
open_each(const struct queue_options *o, const char *group, struct err *e)
{
	const char *const topics[] = { "settings" };
	const struct queue_consumer_spec spec = {
		.group = group, .topics = topics, .topic_count = 1
	};
	struct queue_producer *p = queue_producer_open(o, "settings", e);
	struct queue_consumer *c = p == NULL ? NULL : queue_consumer_open(o, &spec, e);
	struct queue_reader *r = c == NULL ? NULL
					   : queue_reader_open(o, "settings", 0, QUEUE_FROM_END, e);
	struct queue_probe *probe = r == NULL ? NULL : queue_probe_open(o, e);
	bool ok = probe != NULL;

	queue_producer_close(p);
	queue_consumer_close(c, false);
	queue_reader_close(r);
	queue_probe_close(probe);
	return ok;
}

static void
test_settings(void **state)
{
	(void)state;
	topic("settings", 1);
	for (size_t i = 0; i < COUNT(setting_cases); i++) {
		const struct setting_case *c = &setting_cases[i];
		const struct queue_setting extra = { c->name, c->value };
		struct queue_options o = options;
		struct err e = { .code = ERR_NONE };

		o.extra = &extra;
		o.extra_count = 1;
		if (open_each(&o, c->value, &e) != (c->want == NULL))
			fail_msg("%s=%s: want \"%s\", got \"%s\"", c->name, c->value,
			    c->want == NULL ? "taken" : c->want, e.msg);
		if (c->want != NULL &&
		    (e.code != ERR_CONFIG || strncmp(e.msg, c->want, strlen(c->want)) != 0))
			fail_msg("%s=%s: want \"%s\", got %s \"%s\"", c->name, c->value, c->want,
			    err_name(e.code), e.msg);
	}
}

/* What a worker asks before it starts: it names the setting, without a broker, of whatever role. */
static void
test_options_check(void **state)
{
	static const struct {
		const char *name, *value, *field; /* field NULL: it is taken */
	} cases[] = {
		{ "isolation.level", "read_uncommitted", "kafka.isolation.level" },
		{ "no.such.setting", "1", "kafka.no.such.setting" },
		{ "transaction.timeout.ms", "soon", "kafka.transaction.timeout.ms" },
		{ "transaction.timeout.ms", "1000",
		    "" }, /* by itself it is right: another one is over it */
		{ "ssl.ca.location", "/nonexistent/ca", "kafka.ssl.ca.location" },
		{ "linger.ms", "3", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct queue_setting extra[] = { { "security.protocol", "ssl" },
			{ cases[i].name, cases[i].value } };
		const struct queue_options o = {
			.brokers = "127.0.0.1:1", .extra = extra, .extra_count = COUNT(extra)
		};
		struct err e = { .code = ERR_NONE };
		bool ok = queue_options_check(&o, &e);

		if (ok != (cases[i].field == NULL))
			fail_msg("%s=%s: %s", cases[i].name, cases[i].value, e.msg);
		if (!ok && cases[i].field[0] != '\0') {
			assert_string_equal(e.field, cases[i].field);
			assert_ptr_equal(strstr(e.msg, cases[i].field), e.msg);
		}
		assert_int_equal(e.code, ok ? ERR_NONE : ERR_CONFIG);
	}
}

/* The password is the file's first line; each role takes it. */
static void
test_password_file(void **state)
{
	static const struct {
		const char *text, *want; /* want NULL: taken */
	} cases[] = {
		{ "secret", NULL }, { "secret\n", NULL }, { "secret\r\nnot this", NULL },
		{ "", "kafka.sasl.password.file" }, { "\nsecret", "kafka.sasl.password.file" },
		{ NULL, "kafka.sasl.password.file /" }, /* no such file */
	};
	char path[] = "/tmp/certmill-password-XXXXXX", longest[1100];
	int fd = mkstemp(path);
	const struct queue_setting extra = { "sasl.password.file", path };
	struct queue_options o = options;
	struct err e = { .code = ERR_NONE };

	(void)state;
	assert_true(fd >= 0);
	o.extra = &extra;
	o.extra_count = 1;
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(write(fd, longest, sizeof(longest)), sizeof(longest));
	assert_false(open_each(&o, "range", &e)); /* cut, it would be another password */
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		if (cases[i].text == NULL)
			assert_int_equal(unlink(path), 0);
		else
			assert_int_equal(pwrite(fd, cases[i].text, strlen(cases[i].text), 0),
			    strlen(cases[i].text));
		e = (struct err){ .code = ERR_NONE };
		if (open_each(&o, "range", &e) != (cases[i].want == NULL) ||
		    (cases[i].want != NULL &&
			strncmp(e.msg, cases[i].want, strlen(cases[i].want)) != 0))
			fail_msg("\"%s\": got \"%s\"", cases[i].text, e.msg);
	}
	close(fd);
}

/* ---- producers ---- */

static void
test_delivery_error(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("refused", 1);
	produce(p, "refused", 0, L("k"), L("warm"));
	flush(p);
	queue_mock_errors(mock, API_PRODUCE, ERROR_TOO_LARGE, 1);
	produce(p, "refused", 0, L("k"), L("v"));
	assert_false(queue_flush(p, 10000, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	assert_string_equal(e.msg, "delivery: Broker: Message size too large");
	queue_producer_close(p);
}

static void
test_too_large(void **state)
{
	size_t len = 70000000;
	uint8_t SCOPED_FREE *data = calloc(1, len);
	struct queue_producer *p = producer(NULL);
	const struct queue_record r = { .topic = "any", .value = slice_of(data, len) };
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("any", 1);
	assert_false(queue_produce(p, &r, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	queue_producer_close(p);
}

static void
test_warm(void **state)
{
	static const char *const there[] = { "warm1", "warm2" };
	static const char *const missing[] = { "warm1", "warm3" };
	struct queue_producer *p = producer(NULL);
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("warm1", 1);
	topic("warm2", 4);
	assert_true(queue_producer_warm(p, there, 2, &e));
	assert_false(queue_producer_warm(p, missing, 2, &e));
	assert_string_equal(e.msg, "topic warm3 does not exist");
	queue_producer_close(p);
}

static const struct commit_case {
	const char *name;
	int16_t api;
	int error;
	size_t times;
	enum err_code want;
} commit_cases[] = {
	{ "good", 0, 0, 0, ERR_NONE },
	{ "loading, then good", API_END_TXN, ERROR_COORDINATOR_LOADING, 2, ERR_NONE },
	{ "fenced at the end", API_END_TXN, ERROR_PRODUCER_FENCED, 1, ERR_SLOT_TAKEN },
	{ "state lost", API_END_TXN, ERROR_INVALID_TXN_STATE, 1, ERR_QUEUE },
	{ "not allowed", API_END_TXN, ERROR_TXN_ID_AUTHORIZATION, 1, ERR_QUEUE },
	{ "message refused", API_PRODUCE, ERROR_TOO_LARGE, 1, ERR_TOO_LARGE },
	{ "topic refused", API_ADD_PARTITION, ERROR_TOPIC_AUTHORIZATION, 1, ERR_QUEUE },
	{ "message times out, then good", API_PRODUCE, ERROR_REQUEST_TIMED_OUT, 1, ERR_NONE },
};

static bool
transaction(struct queue_producer *p, struct err *e)
{
	const struct queue_record r = {
		.topic = "txn", .partition = 0, .key = L("k"), .value = L("v")
	};

	return queue_begin(p, e) && queue_produce(p, &r, e) && queue_commit(p, e);
}

static void
test_commit(void **state)
{
	(void)state;
	topic("txn", 1);
	for (size_t i = 0; i < COUNT(commit_cases); i++) {
		const struct commit_case *c = &commit_cases[i];
		struct queue_producer *p = producer("txn");
		struct err e = { .code = ERR_NONE };

		if (!transaction(p, &e))
			fail_msg("%s: the first transaction: %s", c->name, e.msg);
		queue_mock_errors(mock, c->api, c->error, c->times);
		if (transaction(p, &e) != (c->want == ERR_NONE) || e.code != c->want)
			fail_msg("%s: want %s, got %s (%s)", c->name, err_name(c->want),
			    err_name(e.code), e.msg);
		if (c->want != ERR_NONE)
			queue_abort(p);
		queue_producer_close(p);
		queue_mock_errors(mock, c->api, 0, 0);
	}
}

static void
test_no_broker(void **state)
{
	const struct queue_options o = { .brokers = "127.0.0.1:1" };
	struct err e = { .code = ERR_NONE };
	struct queue_probe *probe = queue_probe_open(&o, &e);

	(void)state;
	assert_non_null(probe);
	assert_false(queue_ping(probe, 300, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	if (strstr(e.msg, "Connection refused") == NULL)
		fail_msg("the reason is missing: %s", e.msg);
	queue_probe_close(probe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_options_check),
		cmocka_unit_test(test_password_file),
		cmocka_unit_test(test_delivery_error),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_warm),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_no_broker),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
