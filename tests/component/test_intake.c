/* Intake, with real messages and their headers: every refusal, where the answer goes, what goes home, what is kept. */
#include "mock_fixture.h"

#include "claim.h"
#include "intake.h"
#include "notation.h"

#include <openssl/sha.h>
#include <stdlib.h>

#define MESSAGES_MAX 256

struct taker {
	struct settings s;
	struct queue_probe *probe;
	struct reply_topics *replies;
	struct queue_producer *producer;
	struct queue_reader *readers[TOPIC_KINDS];
	struct queue_message *messages[MESSAGES_MAX];
	size_t count;
	struct arena arena;
	struct context cx;
};

static struct taker t;

static int
group_setup(void **state)
{
	static const char *const replies[] = { "certmill.responses", "certmill.responses.web" };
	struct err e = { 0 };

	setup(state);
	assert_int_equal(setenv("CERTMILL_KEYS_KEK_FILE", "/not/read", 1), 0);
	if (!settings_load(NULL, &t.s, &e))
		fail_msg("settings: %s", e.msg);
	t.s.dev = true;
	t.s.single = true;
	t.probe = queue_probe_open(&options, &e);
	t.replies = reply_topics_new(&t.s, t.probe);
	t.producer = producer(NULL);
	topic(replies[0], 1);
	topic(replies[1], 3);
	for (int i = 0; i < TOPIC_KINDS; i++) {
		topic(t.s.request_topics[i], 1);
		t.readers[i] = reader(t.s.request_topics[i], 0, QUEUE_FROM_START);
	}
	t.cx = (struct context){ .settings = &t.s, .arena = &t.arena, .now_ms = 1000000 };
	return 0;
}

static int
group_teardown(void **state)
{
	for (size_t i = 0; i < t.count; i++)
		queue_message_free(t.messages[i]);
	for (int i = 0; i < TOPIC_KINDS; i++)
		queue_reader_close(t.readers[i]);
	queue_producer_close(t.producer);
	reply_topics_free(t.replies);
	queue_probe_close(t.probe);
	settings_free(&t.s);
	arena_done(&t.arena);
	return teardown(state);
}

struct taken {
	struct request rq;
	enum intake intake;
	struct err e;
};

static struct queue_message *
pass(enum topic_kind kind, struct slice value, const struct queue_header *headers,
    size_t header_count)
{
	const struct queue_record r = { .topic = t.s.request_topics[kind],
		.partition = 0,
		.key = L("k"),
		.value = value,
		.headers = headers,
		.header_count = header_count };
	struct err e = { 0 };

	if (!queue_produce(t.producer, &r, &e))
		fail_msg("produce: %s", e.msg);
	flush(t.producer);
	assert_true(t.count < MESSAGES_MAX);
	return t.messages[t.count++] = next(t.readers[kind]);
}

static struct taken
take(enum topic_kind kind, const char *notation, const struct queue_header *headers,
    size_t header_count)
{
	struct taken ret = { .rq = { .kind = kind } };
	struct buf b SCOPED_BUF;

	buf_init(&b, 1 << 20);
	ret.rq.message = pass(kind, notation == NULL ? SLICE_NONE : notation_pack(&b, notation),
	    headers, header_count);
	ret.intake = request_read(&t.cx, 1, &ret.rq, &ret.e);
	if (!request_find_reply(&t.cx, t.replies, ret.intake, &ret.rq, &ret.e))
		fail_msg("the reply topic: %s", ret.e.msg);
	return ret;
}

static const char *const intake_names[] = { "decide", "refused", "rejected", "rerouted" };

#define HEAD "'v':1 'id':'i' 'op':'issue' 'role':'web' "

/* Refused: code and field of the outcome. Rejected: code of the error. */
static const struct refusal {
	const char *name;
	enum topic_kind kind;
	const char *message;
	enum intake intake;
	const char *code, *field;
} refusals[] = {
	/* clang-format off */
	{ "good", TOPIC_ISSUE, "{" HEAD "'params':{'common_name':'a'}}", INTAKE_DECIDE, NULL, NULL },
	{ "null parameters", TOPIC_ISSUE, "{" HEAD "'params':nil}", INTAKE_DECIDE, NULL, NULL },
	{ "a deadline in the past is judged later", TOPIC_ISSUE, "{" HEAD "'deadline':1}", INTAKE_DECIDE, NULL, NULL },
	{ "null payload", TOPIC_ISSUE, NULL, INTAKE_REJECTED, "malformed", NULL },
	{ "no map", TOPIC_ISSUE, "[1 2]", INTAKE_REJECTED, "malformed", NULL },
	{ "bytes", TOPIC_ISSUE, "<c1>", INTAKE_REJECTED, "malformed", NULL },
	{ "announces 4 G items", TOPIC_ISSUE, "<df ff ff ff ff>", INTAKE_REJECTED, "malformed", NULL },
	{ "no id", TOPIC_ISSUE, "{'v':1 'op':'issue'}", INTAKE_REJECTED, "missing_field", NULL },
	{ "an empty id", TOPIC_ISSUE, "{'v':1 'id':'' 'op':'issue'}", INTAKE_REJECTED, "out_of_range", NULL },
	{ "an id that is no text", TOPIC_ISSUE, "{'v':1 'id':5 'op':'issue'}", INTAKE_REJECTED, "wrong_type", NULL },
	{ "cut short behind the id", TOPIC_ISSUE, "<84> 'v' 1 'id' 'i'", INTAKE_REFUSED, "malformed", NULL },
	{ "no v", TOPIC_ISSUE, "{'id':'i' 'op':'issue'}", INTAKE_REFUSED, "missing_field", "v" },
	{ "v 2", TOPIC_ISSUE, "{'v':2 'id':'i' 'op':'issue'}", INTAKE_REFUSED, "unsupported_version", "v" },
	{ "no op", TOPIC_ISSUE, "{'v':1 'id':'i'}", INTAKE_REFUSED, "missing_field", "op" },
	{ "unknown field", TOPIC_ISSUE, "{" HEAD "'more':1}", INTAKE_REFUSED, "unknown_field", "more" },
	{ "twice", TOPIC_ISSUE, "{" HEAD "'role':'web'}", INTAKE_REFUSED, "duplicate_field", "role" },
	{ "unknown op", TOPIC_ISSUE, "{'v':1 'id':'i' 'op':'issue2'}", INTAKE_REFUSED, "unknown_op", "op" },
	{ "wrong topic", TOPIC_SIGN, "{" HEAD "}", INTAKE_REFUSED, "wrong_topic", "op" },
	{ "configuration on .issue", TOPIC_ISSUE, "{'v':1 'id':'i' 'op':'mount/write'}", INTAKE_REFUSED, "wrong_topic", "op" },
	{ "unknown parameter", TOPIC_ISSUE, "{" HEAD "'params':{'more':1}}", INTAKE_REFUSED, "unknown_field", "more" },
	{ "a parameter's type", TOPIC_ISSUE, "{" HEAD "'params':{'common_name':7}}", INTAKE_REFUSED, "wrong_type", "common_name" },
	{ "both wrong: the reply topic first", TOPIC_ISSUE, "{'v':1 'id':'i' 'op':'none' 'reply_to':'other'}", INTAKE_REFUSED, "reply_to_not_allowed", "reply_to" },
	{ "query", TOPIC_QUERY, "{'v':1 'id':'i' 'op':'ca/read'}", INTAKE_DECIDE, NULL, NULL },
	/* clang-format on */
};

/* A claim of this very message overrules these: they are kept beside the request. */
static const struct refusal reply_refusals[] = {
	/* clang-format off */
	{ "reply_to not allowed", TOPIC_ISSUE, "{" HEAD "'reply_to':'other'}", INTAKE_DECIDE, "reply_to_not_allowed", "reply_to" },
	{ "reply_to our own", TOPIC_ISSUE, "{" HEAD "'reply_to':'certmill.state'}", INTAKE_DECIDE, "reply_to_not_allowed", "reply_to" },
	{ "reply_to no name", TOPIC_ISSUE, "{" HEAD "'reply_to':'certmill.responses/..'}", INTAKE_DECIDE, "reply_to_not_allowed", "reply_to" },
	{ "reply_to absent", TOPIC_ISSUE, "{" HEAD "'reply_to':'certmill.responses.no'}", INTAKE_DECIDE, "reply_to_unknown", "reply_to" },
	/* clang-format on */
};

static void
expect_refusal(const struct refusal *want, const struct taken *got)
{
	const struct outcome *o = &got->rq.outcome;
	struct slice code = want->intake == INTAKE_REJECTED ? slice_text(err_name(got->e.code))
							    : o->code;

	if (got->intake != want->intake)
		fail_msg("%s: expected %s, got %s (%.*s)", want->name, intake_names[want->intake],
		    intake_names[got->intake], SLICE_FMT(code));
	if (!slice_eq(code, slice_text(want->code)))
		fail_msg("%s: expected %s, got %.*s", want->name, want->code, SLICE_FMT(code));
	if (want->field != NULL && !slice_is(o->field, want->field))
		fail_msg("%s: expected field %s, got %.*s", want->name, want->field,
		    SLICE_FMT(o->field));
	assert_int_equal(got->rq.answerable, want->intake != INTAKE_REJECTED);
}

static void
test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct taken got = take(refusals[i].kind, refusals[i].message, NULL, 0);

		expect_refusal(&refusals[i], &got);
	}
}

static void
test_reply_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reply_refusals); i++) {
		const struct refusal *want = &reply_refusals[i];
		struct taken got = take(want->kind, want->message, NULL, 0);
		const struct err *e = &got.rq.reply_error;

		if (got.intake != INTAKE_DECIDE || strcmp(err_name(e->code), want->code) != 0 ||
		    strcmp(e->field, want->field) != 0)
			fail_msg("%s: expected %s, got %s, %s (%s)", want->name, want->code,
			    intake_names[got.intake], err_name(e->code), e->field);
		assert_true(slice_is(got.rq.reply_topic, "certmill.responses"));
	}
}

/* One that is too large is answered when its id stands before the end of what is read. */
static void
test_too_large(void **state)
{
	size_t filler = REQUEST_MAX;
	char *text = malloc(filler + 200);
	struct taken got;
	int used;

	(void)state;
	assert_non_null(text);
	used = sprintf(text, "{" HEAD "'params':{'common_name':'");
	memset(text + used, 'a', filler);
	strcpy(text + (size_t)used + filler, "'}}");
	got = take(TOPIC_ISSUE, text, NULL, 0);
	free(text);
	assert_int_equal(got.intake, INTAKE_REFUSED);
	assert_true(slice_is(got.rq.outcome.code, "too_large"));
}

/* With its headers it could not be moved to its home. */
static void
test_too_large_with_headers(void **state)
{
	static char large[130 * 1024];
	const struct queue_header header = { "h", slice_of(large, sizeof(large)) };
	char text[REQUEST_MAX - 1000] = "";
	struct taken got;
	int used = sprintf(text, "{" HEAD "'params':{'common_name':'");

	(void)state;
	memset(text + used, 'a', sizeof(text) - 100 - (size_t)used);
	strcat(text, "'}}");
	got = take(TOPIC_ISSUE, text, &header, 1);
	assert_int_equal(got.intake, INTAKE_REFUSED);
	assert_true(slice_is(got.rq.outcome.code, "too_large"));
	assert_non_null(
	    memmem(got.rq.outcome.message.data, got.rq.outcome.message.len, "headers", 7));
}

/* reply_to wins over Spring's header; its partition header counts when it is one. */
static void
test_where_answers_go(void **state)
{
#define PARTITION(octets) \
	{ \
		"kafka_replyPartition", SLICE_INIT(octets) \
	}
#define TOPIC(name) \
	{ \
		"kafka_replyTopic", SLICE_INIT(name) \
	}
	static const struct {
		const char *name, *more;
		struct queue_header headers[2];
		size_t count;
		const char *topic; /* NULL: refused */
		int32_t partition;
	} cases[] = {
		/* clang-format off */
		{ "nothing said", "", { { 0 } }, 0, "certmill.responses", -1 },
		{ "reply_to", "'reply_to':'certmill.responses.web'", { { 0 } }, 0, "certmill.responses.web", -1 },
		{ "the default said", "'reply_to':'certmill.responses'", { { 0 } }, 0, "certmill.responses", -1 },
		{ "Spring", "", { TOPIC("certmill.responses.web"), PARTITION("\0\0\0\2") }, 2, "certmill.responses.web", 2 },
		{ "Spring, partition alone", "", { PARTITION("\0\0\0\0") }, 1, "certmill.responses", 0 },
		{ "no such partition", "", { TOPIC("certmill.responses.web"), PARTITION("\0\0\0\3") }, 2, "certmill.responses.web", -1 },
		{ "a negative partition", "", { TOPIC("certmill.responses.web"), PARTITION("\xff\xff\xff\xff") }, 2, "certmill.responses.web", -1 },
		{ "three octets", "", { TOPIC("certmill.responses.web"), PARTITION("\0\0\1") }, 2, "certmill.responses.web", -1 },
		{ "five octets", "", { TOPIC("certmill.responses.web"), PARTITION("\0\0\0\1\0") }, 2, "certmill.responses.web", -1 },
		{ "a null header", "", { { "kafka_replyTopic", { NULL, 0 } } }, 1, "certmill.responses", -1 },
		{ "both", "'reply_to':'certmill.responses'", { TOPIC("certmill.responses.web") }, 1, "certmill.responses", -1 },
		{ "Spring, not allowed", "", { TOPIC("certmill.issue") }, 1, NULL, 0 },
		{ "Spring, NUL in it", "", { TOPIC("certmill.responses\0.web") }, 1, NULL, 0 },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		struct taken got;

		snprintf(text, sizeof(text), "{" HEAD "%s}", cases[i].more);
		got = take(TOPIC_ISSUE, text, cases[i].headers, cases[i].count);
		assert_int_equal(got.intake, INTAKE_DECIDE);
		if ((got.rq.reply_error.code == ERR_NONE) != (cases[i].topic != NULL))
			fail_msg("%s: %s, %.*s", cases[i].name, intake_names[got.intake],
			    SLICE_FMT(got.rq.outcome.code));
		if (cases[i].topic == NULL)
			continue;
		if (!slice_is(got.rq.reply_topic, cases[i].topic) ||
		    got.rq.reply_partition != cases[i].partition)
			fail_msg("%s: expected %s/%d, got %.*s/%d", cases[i].name, cases[i].topic,
			    (int)cases[i].partition, SLICE_FMT(got.rq.reply_topic),
			    (int)got.rq.reply_partition);
		assert_int_equal(got.rq.reply_topic.data[got.rq.reply_topic.len], '\0');
	}
}

static void
test_headers_kept(void **state)
{
	static char large[HEADER_BYTES_KEPT_MAX];
	struct queue_header headers[HEADERS_KEPT_MAX + 1], kept[HEADERS_KEPT_MAX];
	struct taken got;

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		headers[i] = (struct queue_header){ "h", L("v") };
	headers[3] = (struct queue_header){ "source", L("forged") };
	headers[4] = (struct queue_header){ "replayed", L("1") };
	headers[5] = (struct queue_header){ "kafka_correlationId", L("\1\2\0\3") };
	got = take(TOPIC_ISSUE, "{" HEAD "}", headers, HEADERS_KEPT_MAX);
	assert_int_equal(request_headers(&got.rq, kept), HEADERS_KEPT_MAX - 2);
	assert_string_equal(kept[3].name, "kafka_correlationId");
	assert_true(slice_eq(kept[3].value, L("\1\2\0\3")));
	assert_int_equal(got.rq.outcome.warnings.count, 0);
	got = take(TOPIC_ISSUE, "{" HEAD "}", headers, HEADERS_KEPT_MAX + 1);
	assert_int_equal(got.intake, INTAKE_DECIDE);
	assert_int_equal(request_headers(&got.rq, kept), 0);
	assert_int_equal(got.rq.outcome.warnings.count, 1);
	headers[0] = (struct queue_header){ "h", slice_of(large, sizeof(large) - 1) };
	got = take(TOPIC_ISSUE, "{" HEAD "}", headers, 1);
	assert_int_equal(request_headers(&got.rq, kept), 1);
	headers[0].value.len++;
	got = take(TOPIC_ISSUE, "{" HEAD "}", headers, 1);
	assert_true(request_headers_dropped(&got.rq));
	assert_int_equal(request_headers(&got.rq, kept), 0);
}

/* issue and sign by id, revoke and config by mount, queries anywhere. What cannot be read is answered where it stands. */
static void
test_homes(void **state)
{
	static const struct {
		enum topic_kind kind;
		const char *before, *behind; /* the key */
		bool has_home;
	} cases[] = {
		{ TOPIC_ISSUE, "{'v':1 'op':'issue' 'role':'web' 'id':'", "'}", true },
		{ TOPIC_SIGN, "{'v':1 'op':'sign' 'role':'web' 'id':'", "' 'params':{'csr':'x'}}",
		    true },
		{ TOPIC_REVOKE, "{'v':1 'id':'i' 'op':'crl/rotate' 'mount':'", "'}", true },
		{ TOPIC_CONFIG, "{'v':1 'id':'i' 'op':'mount/write' 'mount':'", "'}", true },
		{ TOPIC_QUERY, "{'v':1 'op':'ca/read' 'id':'", "'}", false },
		{ TOPIC_ISSUE, "{'v':1 'op':'issue' 'id':'", "' 'more':1}", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int n = 0; n < 8; n++) {
			char text[256], key[16];
			struct taken got;
			bool away;

			snprintf(key, sizeof(key), "k%d", n);
			snprintf(
			    text, sizeof(text), "%s%s%s", cases[i].before, key, cases[i].behind);
			got = take(cases[i].kind, text, NULL, 0);
			got.intake = request_read(&t.cx, 4, &got.rq, &got.e);
			away = cases[i].has_home && queue_partition_of(slice_text(key), 4) != 0;
			if ((got.intake == INTAKE_REROUTED) != away)
				fail_msg("%s: %s", text, intake_names[got.intake]);
		}
}

/* What the audit names: the body's hash, whatever refuses it; all the bytes' where there is no body. */
static void
test_hashes(void **state)
{
	uint8_t expected[HASH_SIZE];
	struct taken got = take(TOPIC_ISSUE, "{" HEAD "'reply_to':'other'}", NULL, 0);
	struct request again = got.rq;

	(void)state;
	request_hash(&again);
	assert_memory_equal(got.rq.hash, again.hash, HASH_SIZE);
	got = take(TOPIC_ISSUE, "<c1>", NULL, 0);
	SHA256(got.rq.message->value.data, got.rq.message->value.len, expected);
	assert_memory_equal(got.rq.hash, expected, HASH_SIZE);
	got = take(TOPIC_ISSUE, NULL, NULL, 0);
	SHA256(expected, 0, expected);
	assert_memory_equal(got.rq.hash, expected, HASH_SIZE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_reply_refusals),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_too_large_with_headers),
		cmocka_unit_test(test_where_answers_go),
		cmocka_unit_test(test_headers_kept),
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_hashes),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
