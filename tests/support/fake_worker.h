/*
 * A worker that a test plays in a thread of its own, on the mock broker: it reads request topics from their end and answers
 * each request as the test says. Included behind mock_fixture.h.
 */
#ifndef CERTMILL_FAKE_WORKER_H
#define CERTMILL_FAKE_WORKER_H

#include "envelope.h"

#include <pthread.h>
#include <stdatomic.h>

#define FAKE_TOPICS_MAX 5

enum fake_answer { FAKE_SILENT, FAKE_OK, FAKE_REFUSED, FAKE_REPLAYED, FAKE_GARBAGE };

/* Writes the map of `data` where it answers FAKE_OK or FAKE_REPLAYED. Runs in the fake's thread. */
typedef enum fake_answer fake_fn(const struct request_envelope *rq, struct writer *data);

static struct fake {
	pthread_t thread;
	atomic_bool stop;
	struct queue_reader *requests[FAKE_TOPICS_MAX];
	size_t count;
	struct queue_producer *answers;
	fake_fn *decide;
} fake;

/* cmocka's failures belong to the test's own thread. */
static inline void
fake_fail(const char *what, const struct err *e)
{
	fprintf(stderr, "fake worker: %s: %s\n", what, e->msg);
	abort();
}

static inline void
fake_pair(struct writer *w, const char *name, struct slice text)
{
	writer_cstr(w, name);
	writer_text(w, text);
}

static inline void
fake_refusal(struct writer *w)
{
	writer_cstr(w, "error");
	writer_map(w, 4);
	fake_pair(w, "code", SLICE_LITERAL("name_not_allowed"));
	fake_pair(w, "message", SLICE_LITERAL("the role does not allow it"));
	fake_pair(w, "field", SLICE_LITERAL("common_name"));
	writer_cstr(w, "retryable");
	writer_bool(w, false);
}

static inline enum fake_answer
fake_encode(const struct request_envelope *rq, struct buf *out)
{
	struct buf SCOPED_BUF data = { 0 };
	struct writer in = { &data }, w = { out };
	enum fake_answer answer;

	buf_init(&data, 1 << 20);
	buf_init(out, 1 << 20);
	answer = fake.decide(rq, &in);
	if (answer == FAKE_GARBAGE) {
		buf_add_text(out, "\xc1");
		return answer;
	}
	if (answer == FAKE_SILENT)
		return answer;
	writer_map(&w, 6);
	writer_cstr(&w, "v");
	writer_int(&w, 1);
	fake_pair(&w, "id", rq->id);
	fake_pair(&w, "op", rq->op);
	fake_pair(&w, "mount", rq->mount);
	fake_pair(&w, "status", slice_text(answer == FAKE_REFUSED ? "error" : "ok"));
	if (answer == FAKE_REFUSED) {
		fake_refusal(&w);
		return answer;
	}
	writer_cstr(&w, "data");
	writer_raw(&w, buf_slice(&data));
	return answer;
}

static inline void
fake_take(const struct queue_message *m)
{
	const struct queue_header replayed = { "replayed", SLICE_LITERAL("1") };
	struct arena SCOPED_ARENA a = { 0 };
	struct buf SCOPED_BUF bytes = { 0 };
	struct request_envelope rq = { 0 };
	struct err e = { 0 };
	enum fake_answer answer;

	if (!request_decode(m->value, &a, &rq, &e))
		fake_fail("request", &e);
	answer = fake_encode(&rq, &bytes);
	if (answer == FAKE_SILENT)
		return;
	struct queue_record r = {
		.topic = "t.responses",
		.partition = -1,
		.key = rq.id,
		.value = buf_slice(&bytes),
		.headers = &replayed,
		.header_count = answer == FAKE_REPLAYED ? 1 : 0,
	};
	if (!queue_produce(fake.answers, &r, &e))
		fake_fail("answer", &e);
}

static inline void *
fake_run(void *opaque)
{
	struct queue_message *m = NULL;
	struct err e = { 0 };

	(void)opaque;
	for (size_t i = 0; !atomic_load(&fake.stop);) {
		if (!queue_reader_poll(fake.requests[i], 5, &m, &e))
			fake_fail("poll", &e);
		if (m == NULL) {
			i = (i + 1) % fake.count;
			continue;
		}
		fake_take(m);
		queue_message_free(m);
	}
	return NULL;
}

static inline void
fake_start(const char *const *topics, size_t count, fake_fn *decide)
{
	fake = (struct fake){ .count = count, .decide = decide };
	for (size_t i = 0; i < count; i++)
		fake.requests[i] = reader(topics[i], -1, QUEUE_FROM_END);
	fake.answers = producer(NULL);
	if (pthread_create(&fake.thread, NULL, fake_run, NULL) != 0)
		fail_msg("pthread_create");
}

static inline void
fake_stop(void)
{
	atomic_store(&fake.stop, true);
	pthread_join(fake.thread, NULL);
	queue_producer_close(fake.answers);
	for (size_t i = 0; i < fake.count; i++)
		queue_reader_close(fake.requests[i]);
}

#endif
