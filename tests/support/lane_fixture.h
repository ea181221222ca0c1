/*
 * Lanes of one worker on librdkafka's mock broker and a redis-server of their own, prepared as `certmill-worker dev` does it.
 * The mock hides nothing that was aborted and keeps no offsets of transactions: a second lane reads everything again. So
 * only error paths are tested here, and that an answer which comes twice is the same answer.
 */
#ifndef CERTMILL_LANE_FIXTURE_H
#define CERTMILL_LANE_FIXTURE_H

#include "ca_fixture.h"
#include "lane_internal.h"
#include "log.h"
#include "notation.h"
#include "redis_fixture.h"
#include "timespan.h"
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WAIT_MS      30000

struct fleet_answer {
	struct fleet_answer *next;
	struct slice id, bytes, source, replayed; /* the last two: headers */
	bool ok;
	struct slice code;
};

struct fleet {
	struct redis_fixture redis;
	struct store *store; /* the test's own */
	struct queue_mock *mock;
	struct settings s;
	struct secret *kek;
	struct lane_shared shared;
	struct lane *lanes[LANE_KINDS];
	struct queue_producer *producer;
	struct queue_reader *responses;
	struct fleet_answer *answers; /* newest first */
	struct arena arena;
};

#define FLEET_MUST(expression) \
	do { \
		if (!(expression)) \
			fail_msg("%s: %s", #expression, e.msg); \
	} while (0)

static inline void
fleet_settings(struct fleet *f)
{
	struct err e = { 0 };

	assert_int_equal(setenv("CERTMILL_KAFKA_BROKERS", queue_mock_brokers(f->mock), 1), 0);
	assert_int_equal(setenv("CERTMILL_REDIS_ADDRESS", f->redis.address, 1), 0);
	assert_int_equal(setenv("CERTMILL_KEYS_KEK_FILE", "/not/read", 1), 0);
	assert_int_equal(setenv("CERTMILL_WORKER_SLOT", "test", 1), 0);
	/* a lane that ends without farewell keeps its place for this long */
	assert_int_equal(setenv("CERTMILL_KAFKA_SESSION_TIMEOUT_MS", "4000", 1), 0);
	assert_int_equal(setenv("CERTMILL_KAFKA_HEARTBEAT_INTERVAL_MS", "200", 1), 0);
	FLEET_MUST(settings_load(NULL, &f->s, &e));
	f->s.dev = true;
	f->s.queue.mock = true;
	for (int i = 0; i < TOPIC_KINDS; i++)
		FLEET_MUST(queue_mock_topic(f->mock, f->s.request_topics[i], 1, &e));
	for (int i = 0; i < LEDGER_KINDS; i++)
		FLEET_MUST(queue_mock_topic(f->mock, f->s.ledger_topics[i], 1, &e));
}

static inline void
fleet_first_rows(struct fleet *f)
{
	struct err e = { 0 };

	FLEET_MUST(topics_first_rows(&f->s, f->shared.probe, &e));
}

static inline void
fleet_command(struct fleet *f, const char *words)
{
	struct slice argv[16];
	size_t argc = 0;
	struct err e = { 0 };
	struct store_reply *r;
	char *rest = NULL, *copy = arena_text(&f->arena, slice_text(words));

	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = slice_text(word);
	r = store_command(f->store, argv, argc, &e);
	if (r == NULL)
		fail_msg("%s: %s", words, e.msg);
	store_reply_free(r);
}

static inline void
fleet_produce(struct fleet *f, enum topic_kind kind, struct slice value)
{
	const struct queue_record r = { .topic = f->s.request_topics[kind],
		.partition = 0,
		.key = SLICE_LITERAL("k"),
		.value = value };
	struct err e = { 0 };

	FLEET_MUST(queue_produce(f->producer, &r, &e) && queue_flush(f->producer, 20000, &e));
}

/* A request in the notation of notation.h. */
static inline void PRINTF_LIKE(3, 4)
    fleet_ask(struct fleet *f, enum topic_kind kind, const char *fmt, ...)
{
	struct buf b SCOPED_BUF;
	char text[2048];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_init(&b, 1 << 20);
	fleet_produce(f, kind, notation_pack(&b, text));
}

static inline void
fleet_issue(struct fleet *f, const char *id)
{
	fleet_ask(f, TOPIC_ISSUE,
	    "{'v':1 'id':'%s' 'op':'issue' 'role':'web' 'params':{'common_name':'%s.example.com'}}",
	    id, id);
}

static inline void
fleet_state(void *opaque, struct slice key, struct slice value)
{
	struct fleet *f = opaque;
	const struct queue_record r = {
		.topic = f->s.ledger_topics[LEDGER_STATE], .key = key, .value = value
	};
	struct err e = { 0 };

	FLEET_MUST(queue_produce(f->producer, &r, &e));
}

/* Everything but lanes. The mount `pki` has a CA and the role `web`. */
static inline struct fleet *
fleet_start(void)
{
	struct fleet *f = calloc(1, sizeof(*f));
	struct catalog_spec catalog = { 0 };
	struct err e = { 0 };

	assert_non_null(f);
	log_set_level(LOG_ERROR);
	(void)signal(SIGPIPE, SIG_IGN);
	FLEET_MUST((f->mock = queue_mock_open(&e)) != NULL);
	assert_non_null(f->store = redis_fixture_start(&f->redis));
	fleet_settings(f);
	FLEET_MUST((f->kek = secret_random(&e)) != NULL);
	f->shared.settings = &f->s;
	f->shared.kek = f->kek;
	FLEET_MUST((f->shared.probe = queue_probe_open(&f->s.queue, &e)) != NULL);
	fleet_first_rows(f);
	catalog = (struct catalog_spec){ &f->s.queue, f->shared.probe,
		f->s.ledger_topics[LEDGER_STATE], f->kek };
	FLEET_MUST((f->shared.catalog = catalog_folder_start(&catalog, &e)) != NULL);
	FLEET_MUST((f->shared.crl_book = crl_book_start(
			&f->s.queue, f->shared.probe, f->s.ledger_topics[LEDGER_CRL], &e)) != NULL);
	FLEET_MUST((f->producer = queue_producer_open(&f->s.queue, NULL, &e)) != NULL);
	FLEET_MUST((f->responses = queue_reader_open(&f->s.queue,
			f->s.ledger_topics[LEDGER_RESPONSES], 0, QUEUE_FROM_START, &e)) != NULL);
	ca_write(&(struct state_sink){ fleet_state, f, &f->arena }, f->kek, "pki");
	FLEET_MUST(queue_flush(f->producer, 20000, &e));
	return f;
}

static inline void
lane_up(struct fleet *f, enum lane_kind kind)
{
	struct err e = { 0 };

	FLEET_MUST((f->lanes[kind] = lane_start(&f->shared, kind, 0, &e)) != NULL);
}

/* Waits for the end of all lanes that run. It fails when that does not come: ctest's time limit ends the program. */
static inline void
lanes_down(struct fleet *f)
{
	atomic_store(&f->shared.stop, true);
	for (int i = 0; i < LANE_KINDS; i++) {
		lane_join(f->lanes[i]);
		f->lanes[i] = NULL;
	}
	atomic_store(&f->shared.stop, false);
}

static inline void
fleet_stop(struct fleet *f)
{
	lanes_down(f);
	catalog_folder_stop(f->shared.catalog);
	crl_book_stop(f->shared.crl_book);
	queue_reader_close(f->responses);
	queue_producer_close(f->producer);
	queue_probe_close(f->shared.probe);
	queue_mock_close(f->mock);
	settings_free(&f->s);
	secret_free(f->kek);
	store_close(f->store);
	redis_fixture_stop(&f->redis);
	arena_done(&f->arena);
	free(f);
}

/* ---- what comes out ---- */

static inline struct slice
message_header(const struct queue_message *m, const char *name)
{
	struct queue_header h;

	for (size_t i = 0; queue_message_header(m, i, &h); i++)
		if (strcmp(h.name, name) == 0)
			return h.value;
	return SLICE_NONE;
}

static inline struct slice
fleet_keep(struct fleet *f, struct slice s)
{
	return s.data == NULL ? s : arena_copy(&f->arena, s);
}

static inline void
answer_keep(struct fleet *f, const struct queue_message *m)
{
	struct fleet_answer *a = arena_alloc(&f->arena, sizeof(*a));
	struct response_envelope response = { 0 };
	struct error_body body = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	*a = (struct fleet_answer){ .next = f->answers,
		.id = fleet_keep(f, m->key),
		.bytes = fleet_keep(f, m->value),
		.source = fleet_keep(f, message_header(m, "source")),
		.replayed = fleet_keep(f, message_header(m, "replayed")) };
	FLEET_MUST(schema_decode(&response_schema, a->bytes, &f->arena, &response, &seen, &e));
	assert_true(slice_eq(response.id, a->id));
	a->ok = slice_is(response.status, "ok");
	if (!a->ok)
		FLEET_MUST(
		    schema_decode(&error_schema, response.error, &f->arena, &body, &seen, &e));
	a->code = body.code;
	f->answers = a;
}

static inline void
answers_pump(struct fleet *f, int timeout_ms)
{
	struct queue_message *m = NULL;
	struct err e = { 0 };

	FLEET_MUST(queue_reader_poll(f->responses, timeout_ms, &m, &e));
	if (m != NULL)
		answer_keep(f, m);
	queue_message_free(m);
}

static inline size_t
answers_count(const struct fleet *f, const char *id)
{
	size_t count = 0;

	for (const struct fleet_answer *a = f->answers; a != NULL; a = a->next)
		count += slice_is(a->id, id);
	return count;
}

/* The newest answer to the id, once `count` of them have come. */
static inline const struct fleet_answer *
answer_wait(struct fleet *f, const char *name, const char *id, size_t count)
{
	const struct fleet_answer *a;
	int64_t end = time_monotonic_us() + (int64_t)WAIT_MS * 1000;

	while (answers_count(f, id) < count) {
		answers_pump(f, 50);
		if (time_monotonic_us() > end)
			fail_msg("%s: %s was answered %zu times, not %zu; %d lanes failed", name,
			    id, answers_count(f, id), count, atomic_load(&f->shared.failed));
	}
	for (a = f->answers; !slice_is(a->id, id); a = a->next)
		;
	return a;
}

static inline const struct fleet_answer *
answer_expect(struct fleet *f, const char *name, const char *id, const char *code)
{
	const struct fleet_answer *a = answer_wait(f, name, id, 1);

	if (a->ok != (code == NULL) || (code != NULL && !slice_is(a->code, code)))
		fail_msg("%s: %s: expected %s, got %.*s", name, id, code == NULL ? "ok" : code,
		    a->ok ? 2 : (int)a->code.len, a->ok ? "ok" : (const char *)a->code.data);
	return a;
}

static inline void
failed_wait(struct fleet *f, const char *name, int count)
{
	int64_t end = time_monotonic_us() + (int64_t)WAIT_MS * 1000;

	while (atomic_load(&f->shared.failed) < count) {
		answers_pump(f, 50);
		if (time_monotonic_us() > end)
			fail_msg("%s: the lane does not end", name);
	}
}

#endif
